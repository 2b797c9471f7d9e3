//! What a command says and hears: results on standard output, everything about them on standard error.
//! Owns the form of tables, as text for people or JSON for programs.
//! Never lets what is in the store act upon a terminal: control characters are shown, not sent.

use super::{
    Failure,
    progress::{Length, Progress, Screen},
};
use crate::secret::Secret;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal, Read, Write},
};

/// The three streams of a process, or a test's.
pub struct Console<'c> {
    pub input: &'c mut dyn Read,
    pub output: &'c mut dyn Write,
    pub errors: &'c mut dyn Write,
    /// Whether somebody sits there who can be asked.
    pub interactive: bool,
    /// Whether headings may be emphasised.
    pub colours: bool,
    /// Where it is shown how far long work is.
    pub screen: Screen,
}

#[derive(Args, Debug, Clone, Copy)]
pub struct Form {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl Console<'_> {
    /// Runs something with the streams of this process.
    pub fn of_process<T>(run: impl FnOnce(&mut Console<'_>) -> T) -> T {
        let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
        run(&mut Console {
            input: &mut io::stdin().lock(),
            output: &mut io::stdout().lock(),
            errors: &mut io::stderr(),
            interactive,
            colours,
            screen: Screen::of_process(),
        })
    }

    /// The result itself. A reader that went away is none of our business.
    pub fn say(&mut self, text: impl fmt::Display) {
        let Self { output, screen, .. } = self;
        let _ = screen.aside(|| write!(output, "{text}").and_then(|()| output.flush()));
    }

    /// About the result: what was done, and what to do next.
    pub fn note(&mut self, text: impl fmt::Display) {
        self.complain(format_args!("{text}\n"));
    }

    pub fn complain(&mut self, text: impl fmt::Display) {
        let Self { errors, screen, .. } = self;
        let _ = screen.aside(|| write!(errors, "{text}").and_then(|()| errors.flush()));
    }

    /// Long work, whose result is told in this form when it is done.
    pub fn begin(&mut self, form: Form, what: &'static str, length: Length) -> Progress {
        if form.json { Progress::none() } else { self.screen.begin(what, length) }
    }

    /// Rows as a table of these columns, or as JSON with every field.
    pub fn table<T: Serialize>(&mut self, form: Form, columns: &[&str], rows: &[T]) {
        let rows: Vec<Value> = rows.iter().filter_map(|row| serde_json::to_value(row).ok()).collect();
        if form.json {
            self.json(&rows);
        } else {
            let table = table(columns, &rows, self.colours);
            self.say(table);
        }
    }

    /// One thing, a field on each line, or as a JSON object.
    pub fn sheet(&mut self, form: Form, fields: &[(&str, Value)]) {
        if form.json {
            let object: serde_json::Map<String, Value> =
                fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            return self.json(&object);
        }
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in fields {
            self.say(format_args!("{:width$}  {}\n", name.replace('_', " "), cell(value)));
        }
    }

    pub fn json<T: Serialize>(&mut self, value: &T) {
        if let Ok(text) = serde_json::to_string_pretty(value) {
            self.say(format_args!("{text}\n"));
        }
    }

    /// All of standard input, without the line break at its end.
    pub fn read_secret(&mut self) -> Result<Secret, Failure> {
        let mut text = String::new();
        let read = self.input.take(64 * 1024).read_to_string(&mut text);
        let secret = Secret::new(text.trim_end_matches(['\r', '\n']));
        zeroize::Zeroize::zeroize(&mut text);
        match read {
            Ok(_) if secret.is_empty() => Err(Failure::failed("standard input is empty")),
            Ok(_) => Ok(secret),
            Err(error) => Err(Failure::failed(format!("cannot read standard input: {error}"))),
        }
    }

    /// Asks for a line; only where somebody can be asked.
    pub fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.complain(format_args!("{question}: "));
        let (mut line, mut byte) = (Vec::new(), [0]);
        // Byte by byte: what comes after the line is the next question's.
        while line.len() < 1024 && self.input.read(&mut byte).is_ok_and(|read| read == 1) && byte != *b"\n" {
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).map_err(|_| Failure::failed("expected UTF-8"))?;
        Ok(line.trim().to_owned())
    }

    /// Asks for a secret with echo off; only where somebody can be asked.
    pub fn ask_secret(&mut self, question: &str) -> Result<Secret, Failure> {
        let answer = rpassword::prompt_password(format!("{question}: "));
        answer.map(Secret::new).map_err(|error| Failure::failed(format!("cannot ask: {error}")))
    }
}

fn table(columns: &[&str], rows: &[Value], colours: bool) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| columns.iter().map(|c| cell(&row[*c])).collect()).collect();
    let heads: Vec<String> = columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
    let width = |at: usize| {
        let lengths = cells.iter().map(|row| row[at].chars().count());
        lengths.chain([heads[at].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    let (bold, plain) = if colours { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{bold}{}{plain}", line(&heads, &widths));
    for row in &cells {
        let _ = writeln!(text, "{}", line(row, &widths));
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}", width = *width));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) if text.is_empty() => "-".into(),
        Value::String(text) => shown(text),
        Value::Array(items) if items.is_empty() => "-".into(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(fields) if fields.is_empty() => "-".into(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{}={}", shown(name), cell(value))).collect::<Vec<_>>().join(" ")
        }
        Value::Number(number) => number.to_string(),
    }
}

/// `1 token`, `2 tokens`.
pub fn counted(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Control characters as escapes.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}
