//! The management API: who may do what through it, and what it answers.

mod cast;
mod document;
mod remote;
mod signin;
mod table;
mod tokens;
