//! The question before an act that others feel, with what it breaks.
//! Owns nothing.
//! Never does it: only its form, sent to the address that asked, does.

use super::{frame::Frame, words::say};
use askama::Template;

/// What cannot be undone.
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

/// The question before what can be undone, and is felt all the same.
#[derive(Template)]
#[template(path = "weigh.html")]
pub struct Weigh {
    pub frame: Frame,
    pub heading: String,
    /// What becomes of whom, a sentence each.
    pub effects: Vec<String>,
    /// How it is undone, or what else is worth knowing.
    pub note: String,
    pub act: String,
    pub back: String,
    pub keep: String,
    /// What the form says besides.
    pub field: Option<(&'static str, &'static str)>,
}
