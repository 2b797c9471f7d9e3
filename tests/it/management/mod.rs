//! The management API: who may do what through it, and what it answers.

mod audit;
pub mod cast;
mod contexts;
mod credentials;
mod document;
mod explaining;
mod invitations;
mod jobs;
mod leaving;
mod members;
mod once;
mod organizations;
mod probing;
mod projects;
mod quotas;
mod remote;
mod remote_credentials;
mod remote_login;
mod remote_people;
mod signin;
mod submissions;
mod table;
mod tags;
mod tokens;
mod usage;
mod users;
pub mod webhooks;
