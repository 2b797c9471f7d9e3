//! The declared state of a story, built up as its cast is introduced.

use super::Pat;
use serde_json::{Value, json};

/// What `bellhop apply` is given.
#[derive(Clone, Debug)]
pub struct State(pub Value);

impl Default for State {
    fn default() -> Self {
        Self(json!({ "users": [], "organizations": [] }))
    }
}

impl State {
    /// The user of this name, who may be introduced by it.
    pub fn user(&mut self, name: &str) -> Person<'_> {
        Person(named(&mut self.0["users"], name))
    }

    pub fn organization(&mut self, name: &str) -> Organization<'_> {
        Organization(named(&mut self.0["organizations"], name))
    }

    pub fn without_user(&mut self, name: &str) {
        self.0["users"].as_array_mut().unwrap().retain(|user| user["name"] != name);
    }
}

/// The entry with this name, made when it is not there.
fn named<'s>(list: &'s mut Value, name: &str) -> &'s mut Value {
    if list.is_null() {
        *list = json!([]);
    }
    let list = list.as_array_mut().unwrap();
    let at = list.iter().position(|entry| entry["name"] == name).unwrap_or_else(|| {
        list.push(json!({ "name": name }));
        list.len() - 1
    });
    &mut list[at]
}

pub struct Person<'s>(&'s mut Value);

impl Person<'_> {
    /// Has a provider token of their own for IonQ.
    pub fn key(self, key: &str) -> Self {
        self.credential(&ionq(key))
    }

    pub fn credential(self, credential: &Value) -> Self {
        put_credential(&mut self.0["credentials"], credential);
        self
    }

    pub fn project(self, name: &str, credential: &Value) -> Self {
        put_credential(&mut named(&mut self.0["projects"], name)["credentials"], credential);
        self
    }

    pub fn admin(self) -> Self {
        self.0["admin"] = json!(true);
        self
    }

    pub fn active(self, context: &str) -> Self {
        self.0["active"] = json!(context);
        self
    }

    /// Gets a token that is named `laptop`.
    pub fn pat(self) -> Pat {
        self.pat_with("laptop", &json!({}))
    }

    /// Gets a token with these properties; one of the same name is replaced.
    pub fn pat_with(self, name: &str, properties: &Value) -> Pat {
        let pat = Pat::fake();
        self.presenting(name, &pat, properties);
        pat
    }

    pub fn presenting(self, name: &str, pat: &Pat, properties: &Value) {
        let entry = named(&mut self.0["tokens"], name);
        *entry = json!({ "name": name, "sha256": pat.sha256() });
        merge(entry, properties);
    }

    pub fn without_pat(self, name: &str) {
        self.0["tokens"].as_array_mut().unwrap().retain(|token| token["name"] != name);
    }
}

pub struct Organization<'s>(&'s mut Value);

impl Organization<'_> {
    pub fn member(self, user: &str, role: &str) -> Self {
        self.0["members"][user] = json!(role);
        self
    }

    pub fn without_member(self, user: &str) -> Self {
        self.0["members"].as_object_mut().unwrap().remove(user);
        self
    }

    /// Who sees its jobs: `own`, each member their own, or `all`.
    pub fn visibility(self, of: &str) -> Self {
        self.0["job_visibility"] = json!(of);
        self
    }

    /// Shares a provider token for IonQ.
    pub fn key(self, key: &str) -> Self {
        self.credential(&ionq(key))
    }

    pub fn credential(self, credential: &Value) -> Self {
        put_credential(&mut self.0["credentials"], credential);
        self
    }

    pub fn project(self, name: &str, members: &[&str]) -> Self {
        named(&mut self.0["projects"], name)["members"] = json!(members);
        self
    }

    pub fn project_key(self, project: &str, key: &str) -> Self {
        put_credential(&mut named(&mut self.0["projects"], project)["credentials"], &ionq(key));
        self
    }
}

/// A credential for IonQ, as the state file has it.
pub fn ionq(key: &str) -> Value {
    credential("ionq", &json!({ "api_key": { "value": key } }))
}

pub fn credential(provider: &str, fields: &Value) -> Value {
    json!({ "provider": provider, "label": format!("{provider} key"), "fields": fields })
}

/// This value with further members.
pub fn with(value: &Value, more: &Value) -> Value {
    let mut value = value.clone();
    merge(&mut value, more);
    value
}

fn merge(value: &mut Value, more: &Value) {
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
}

/// An owner has one credential for a provider: a second one replaces it.
fn put_credential(list: &mut Value, credential: &Value) {
    if list.is_null() {
        *list = json!([]);
    }
    let list = list.as_array_mut().unwrap();
    list.retain(|other| other["provider"] != credential["provider"]);
    list.push(credential.clone());
}
