//! The inputs for a credential's fields, as its preset names them.
//! Owns what was typed into those that are not secret.
//! Never repeats a secret: its input is empty each time that it is shown.

use super::super::{form::Fields, words::say};
use crate::manage::{
    Fault,
    credentials::{Details, Given},
    providers::{Field, Provider},
    tokens::Shown,
};
use crate::secret::Secret;

/// One of them.
pub struct Input {
    pub name: String,
    pub label: String,
    pub secret: bool,
    pub required: bool,
    pub value: String,
    /// Where its value is found, and what becomes of it if it is left out.
    pub hints: Vec<String>,
}

impl Input {
    fn new(field: &Field, provider: &Provider, is_set: bool) -> Self {
        let is_choice = provider.one_of.iter().flatten().any(|name| *name == field.name);
        let mut hints: Vec<String> = field.help.iter().map(|help| sentence(help)).collect();
        if field.list {
            hints.push(say!("field-list"));
        }
        match &field.default {
            _ if is_set => hints.push(say!("field-stays")),
            Some(default) => hints.push(say!("field-default", value = default)),
            None => {}
        }
        let prefix = if field.secret { "secret-field-" } else { "field-" };
        Self {
            name: format!("{prefix}{}", field.name),
            label: field.label.clone(),
            secret: field.secret,
            required: field.required && field.default.is_none() && !is_choice && !is_set,
            value: String::new(),
            hints,
        }
    }

    /// Whether that is worth a word.
    pub fn is_optional(&self, choices: &[String]) -> bool {
        !self.required && choices.is_empty()
    }
}

fn sentence(text: &str) -> String {
    if text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

/// For a new one.
pub fn inputs(provider: &Provider, typed: &Fields) -> Vec<Input> {
    let input = |field: &Field| {
        let input = Input::new(field, provider, false);
        let value = if field.secret { String::new() } else { typed.one(&input.name).to_owned() };
        Input { value, ..input }
    };
    provider.fields.iter().map(input).collect()
}

/// For a new version: what stays empty stays as it is. The one secret that there is has to be given.
pub fn inputs_of(provider: &Provider, details: &Details, typed: Option<&Fields>) -> Vec<Input> {
    let input = |field: &Field| {
        let is_only = details.secret_fields.len() == 1 && details.secret_fields.contains(&field.name);
        let input =
            Input::new(field, provider, field.secret && !is_only && details.secret_fields.contains(&field.name));
        let now = || details.plain_fields.get(&*field.name).map(ToString::to_string).unwrap_or_default();
        let value = match typed {
            _ if field.secret => String::new(),
            Some(typed) => typed.one(&input.name).to_owned(),
            None => now(),
        };
        Input { value, ..input }
    };
    provider.fields.iter().map(input).collect()
}

/// The ways in which a credential with several forms can be given, in words.
pub fn choices(provider: &Provider) -> Vec<String> {
    let label = |name: &String| {
        provider.fields.iter().find(|field| field.name == *name).map_or(name, |field| &field.label).clone()
    };
    let all = |set: &Vec<String>| set.iter().map(label).collect::<Vec<_>>().join(" + ");
    provider.one_of.iter().map(all).collect()
}

/// What was typed.
pub fn given(provider: &Provider, typed: &Fields) -> Given {
    let value = |field: &Field| {
        let name = if field.secret { format!("secret-field-{}", field.name) } else { format!("field-{}", field.name) };
        Some((field.name.clone(), Some(Shown(Secret::new(typed.some(&name)?)))))
    };
    Given(provider.fields.iter().filter_map(value).collect())
}

/// What was typed, and is another than now; a plain field that was emptied is taken away.
pub fn changed(provider: &Provider, details: &Details, typed: &Fields) -> Given {
    let mut given = given(provider, typed);
    for field in provider.fields.iter().filter(|field| !field.secret) {
        let now = details.plain_fields.get(&*field.name).map(|value| &**value);
        let then = typed.some(&format!("field-{}", field.name));
        match (now, then) {
            (Some(_), None) => _ = given.0.insert(field.name.clone(), None),
            (now, then) if now == then => _ = given.0.remove(&field.name),
            _ => {}
        }
    }
    given
}

/// What is wrong with them, by the names that stand in the form.
pub fn in_words(provider: &Provider, fault: Fault) -> Fault {
    let Fault::Invalid { field: "fields", text } = fault else { return fault };
    let by_label =
        |text: String, field: &Field| text.replace(&format!("`{}`", field.name), &format!("“{}”", field.label));
    Fault::conflict(provider.fields.iter().fold(text, by_label))
}
