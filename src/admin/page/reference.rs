//! The API's document as a page to read: `/api/v1/docs`.
//! Owns nothing; everything on it is made of the document itself, once.
//! Never runs a script of somebody else's: the viewers that there are need inline styles, which the page's policy forbids.

use super::{
    frame::{Frame, Visitor},
    page,
    words::say,
};
use crate::admin::api;
use askama::Template;
use axum::response::Response;
use serde_json::{Map, Value};
use std::sync::LazyLock;

#[derive(Template)]
#[template(path = "reference.html")]
struct Reference {
    frame: Frame,
    document: &'static Document,
}

struct Document {
    about: Vec<Prose>,
    groups: Vec<Group>,
    shapes: Vec<Shape>,
}

/// Operations that are about one noun.
struct Group {
    name: String,
    anchor: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    name: String,
    about: Vec<Prose>,
    parameters: Vec<Field>,
    body: Option<Vec<Word>>,
    answers: Vec<Field>,
}

/// A schema that has a name.
struct Shape {
    name: String,
    about: Vec<Prose>,
    is: Vec<Word>,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    /// Where it stands, or whether it may be left out.
    place: String,
    is: Vec<Word>,
    about: Vec<Prose>,
}

/// A piece of a text: in backticks, or not.
struct Prose {
    code: bool,
    text: String,
}

/// A piece of a type: the name of a shape, or what stands between.
struct Word {
    shape: bool,
    text: String,
}

static DOCUMENT: LazyLock<Document> =
    LazyLock::new(|| read(&serde_json::to_value(api::document()).unwrap_or_default()));

/// For everybody; among the other pages for who is signed in.
pub async fn show(visitor: Result<Visitor, Response>) -> Response {
    let frame = visitor.map_or_else(|_| Frame::open(), |visitor| Frame::of(&visitor, "/api/v1/docs"));
    page(&Reference { frame, document: &DOCUMENT })
}

fn read(document: &Value) -> Document {
    let mut groups: Vec<Group> = Vec::new();
    for (path, methods) in entries(&document["paths"]) {
        for (method, operation) in entries(methods) {
            let name = text(&operation["tags"][0]);
            let read = Operation::read(method, path, operation);
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(read),
                None => groups.push(Group { anchor: name.replace(' ', "-"), name, operations: vec![read] }),
            }
        }
    }
    let mut shapes: Vec<Shape> = entries(&document["components"]["schemas"]).map(Shape::read).collect();
    shapes.sort_by(|a, b| a.name.cmp(&b.name));
    Document { about: prose(&document["info"]["description"]), groups, shapes }
}

impl Operation {
    fn read(method: &str, path: &str, operation: &Value) -> Self {
        let parameter = |parameter: &Value| Field {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            is: words(&parameter["schema"]),
            about: prose(&parameter["description"]),
        };
        let answer = |(status, answer): (&String, &Value)| Field {
            name: if status == "default" { say!("reference-refusal") } else { status.clone() },
            place: String::new(),
            is: content(answer),
            about: prose(&answer["description"]),
        };
        Self {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            name: text(&operation["summary"]),
            about: prose(&operation["description"]),
            parameters: list(&operation["parameters"]).iter().map(parameter).collect(),
            body: Some(content(&operation["requestBody"])).filter(|words| !words.is_empty()),
            answers: entries(&operation["responses"]).map(answer).collect(),
        }
    }
}

impl Shape {
    fn read((name, schema): (&String, &Value)) -> Self {
        // What is made of several has the fields of all.
        let parts = list(&schema["allOf"]).iter().chain([schema]);
        let field = |part: &Value, (name, schema): (&String, &Value)| Field {
            name: name.clone(),
            place: if list(&part["required"]).iter().any(|required| required == name) {
                say!("reference-required")
            } else {
                String::new()
            },
            is: words(schema),
            about: prose(&schema["description"]),
        };
        let fields: Vec<Field> =
            parts.flat_map(|part| entries(&part["properties"]).map(move |entry| field(part, entry))).collect();
        let is = if fields.is_empty() { words(schema) } else { Vec::new() };
        Self { name: name.clone(), about: prose(&schema["description"]), is, fields }
    }
}

/// What a body or an answer holds, whatever it is written in.
fn content(of: &Value) -> Vec<Word> {
    entries(&of["content"]).next().map(|(_, content)| words(&content["schema"])).unwrap_or_default()
}

/// A schema in a few words.
fn words(schema: &Value) -> Vec<Word> {
    let plain = |text: &str| Word { shape: false, text: text.to_owned() };
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return vec![Word { shape: true, text: name.to_owned() }];
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        let each = list(&schema[several]).iter().map(words).filter(|words| !words.is_empty());
        let joined: Vec<Word> = each
            .enumerate()
            .flat_map(|(at, words)| {
                let between = (at > 0).then(|| plain(if several == "allOf" { " and " } else { " or " }));
                between.into_iter().chain(words)
            })
            .collect();
        if !joined.is_empty() {
            return joined;
        }
    }
    if !list(&schema["enum"]).is_empty() {
        let values: Vec<String> = list(&schema["enum"]).iter().map(ToString::to_string).collect();
        return vec![plain(&values.join(" | "))];
    }
    if schema["items"].is_object() {
        return [plain("list of ")].into_iter().chain(words(&schema["items"])).collect();
    }
    if schema["additionalProperties"].is_object() {
        return [plain("map of ")].into_iter().chain(words(&schema["additionalProperties"])).collect();
    }
    let kinds: Vec<String> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect(),
        Value::Null => return Vec::new(),
        kind => vec![text(kind)],
    };
    let format = schema["format"].as_str().map(|format| format!(" ({format})")).unwrap_or_default();
    vec![plain(&format!("{}{format}", kinds.join(" or ")))]
}

fn prose(value: &Value) -> Vec<Prose> {
    let parts = value.as_str().unwrap_or_default().split('`').enumerate();
    parts.map(|(at, text)| Prose { code: at % 2 == 1, text: text.to_owned() }).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
