//! The management API: who may do what through it, and what it answers.

mod cast;
mod contexts;
mod document;
mod members;
mod organizations;
mod projects;
mod remote;
mod remote_people;
mod signin;
mod table;
mod tokens;
mod users;
