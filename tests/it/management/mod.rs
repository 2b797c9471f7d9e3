//! The management API: who may do what through it, and what it answers.

mod audit;
mod cast;
mod document;
mod jobs;
mod quotas;
mod remote;
mod submissions;
mod table;
mod tokens;
mod usage;
