//! The question before what cannot be undone, with what it breaks.
//! Owns nothing.
//! Never does it: only its form, sent to the address that asked, does.

use super::{frame::Frame, words::say};
use askama::Template;

#[derive(Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    pub frame: Frame,
    pub heading: String,
    /// What becomes of whom, a sentence each.
    pub effects: Vec<String>,
    pub act: String,
    pub back: String,
}
