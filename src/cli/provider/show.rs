//! `bellhop provider show`: everything that a person needs to know of a provider to use it.
//! Owns nothing.
//! Never shows a credential, as it sees none.

use super::{Show, list::scheme};
use crate::{
    app,
    cli::{Console, Failure, console::Form, local},
    config::Sources,
    provider::{
        Preset,
        fields::{FieldSpec, Presence, Sensitivity},
        preset::{
            operation::Operation,
            sdk::{Sdk, Way},
        },
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Serialize)]
struct FieldLine<'p> {
    field: &'p str,
    kind: &'static str,
    label: &'p str,
    required: bool,
    default: Option<&'p str>,
    help: Option<&'p str>,
}

#[derive(Serialize)]
struct SdkLine<'p> {
    sdk: &'p str,
    version: Option<&'p str>,
    ways: &'p [Way],
    variables: BTreeMap<&'p str, String>,
    files: Vec<&'p str>,
    code: Option<String>,
    note: Option<&'p str>,
    warning: Option<&'p str>,
}

#[derive(Serialize)]
struct OperationLine {
    kind: Value,
    operation: String,
    on: Vec<String>,
}

impl Show {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let catalog = app::catalog(&sources.load()?.config)?;
        let provider = local::find(&catalog, &self.provider)?;
        let preset = provider.preset();
        let fields: Vec<FieldLine<'_>> = preset.fields.iter().map(field_line).collect();
        let sdks: Vec<SdkLine<'_>> = preset.sdks.iter().map(sdk_line).collect();
        let operations = operation_lines(preset);
        let head = [
            ("id", json!(preset.id)),
            ("name", json!(preset.name)),
            ("website", json!(preset.website)),
            ("scheme", json!(scheme(preset))),
            ("preset", json!(provider.made().as_str())),
        ];
        if self.form.json {
            let mut all: serde_json::Map<String, Value> =
                head.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            all.insert("fields".into(), json!(fields));
            all.insert("sdks".into(), json!(sdks));
            all.insert("operations".into(), json!(operations));
            console.json(&all);
            return Ok(());
        }
        let text = Form { json: false };
        console.sheet(text, &head);
        console.say("\n");
        console.table(text, &["field", "kind", "label", "required", "default", "help"], &fields);
        for sdk in &preset.sdks {
            console.say("\n");
            tell(sdk, console);
        }
        console.say("\n");
        console.table(text, &["kind", "operation", "on"], &operations);
        console.note(format_args!("\n`bellhop env {}` prints the settings of its SDKs, filled in", preset.id));
        Ok(())
    }
}

fn field_line(spec: &FieldSpec) -> FieldLine<'_> {
    FieldLine {
        field: &spec.name,
        kind: match spec.sensitivity {
            Sensitivity::Secret => "secret",
            Sensitivity::Plain => "plain",
        },
        label: &spec.label,
        required: spec.presence == Presence::Required,
        default: spec.default.as_deref(),
        help: spec.help.as_deref(),
    }
}

fn sdk_line(sdk: &Sdk) -> SdkLine<'_> {
    SdkLine {
        sdk: &sdk.name,
        version: sdk.version.as_deref(),
        ways: &sdk.ways,
        variables: sdk.environment.iter().map(|(name, value)| (&**name, value.to_string())).collect(),
        files: sdk.files.iter().filter(|file| file.content.is_some()).map(|file| &*file.name).collect(),
        code: sdk.snippet.as_ref().map(ToString::to_string),
        note: sdk.note.as_deref(),
        warning: sdk.warning.as_deref(),
    }
}

/// Those of each kind together, in the order of the preset.
fn operation_lines(preset: &Preset) -> Vec<OperationLine> {
    let mut operations: Vec<&Operation> = preset.operations.iter().collect();
    operations.sort_by_key(|operation| operation.kind as u8);
    let lines = operations.into_iter().map(|operation| OperationLine {
        kind: json!(operation.kind),
        operation: operation.name.to_string(),
        on: operation.patterns.iter().map(ToString::to_string).collect(),
    });
    lines.collect()
}

fn tell(sdk: &Sdk, console: &mut Console<'_>) {
    let ways: Vec<String> = sdk.ways.iter().map(|way| json!(way).as_str().unwrap_or_default().to_owned()).collect();
    console.say(format_args!("{}, by {}\n", crate::point::title(sdk), ways.join(", ")));
    for (name, value) in &sdk.environment {
        console.say(format_args!("  {name}={value}\n"));
    }
    if let Some(code) = &sdk.snippet {
        code.to_string().lines().for_each(|line| console.say(format_args!("  {line}\n")));
    }
    for file in sdk.files.iter().filter(|file| file.content.is_some()) {
        console.say(format_args!("  file {}: {}\n", file.name, file.places.join(", ")));
    }
    for text in sdk.note.iter().chain(&sdk.warning) {
        console.say(format_args!("  {text}\n"));
    }
}
