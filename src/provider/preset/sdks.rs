//! The `sdks:` section, from the YAML's shape to what makes sense: variables, files and code with holes that can be filled.
//! Owns nothing.
//! Never looks into a file that a section names.

use super::{
    FieldSpec,
    mistake::{Checked, mistake, parsed, quoted},
    raw::{RawConfigFile, RawSdk, Text},
    sdk::{ConfigFile, Need, Sdk, Template},
};

pub fn check(raw: &[RawSdk], fields: &[FieldSpec]) -> Checked<Box<[Sdk]>> {
    let mut sdks: Vec<Sdk> = Vec::new();
    for sdk in raw {
        if sdks.iter().any(|known| *known.name == *sdk.name.value) {
            return mistake(&sdk.name, format!("the SDK {} is there twice", quoted(&sdk.name.value)));
        }
        sdks.push(check_one(sdk, fields)?);
    }
    Ok(sdks.into())
}

fn check_one(raw: &RawSdk, fields: &[FieldSpec]) -> Checked<Sdk> {
    if raw.ways.value.is_empty() {
        return mistake(&raw.ways, "expected at least one of path, port, host and root");
    }
    let variable = |(name, value): (&String, &Text)| {
        if !is_variable(name) {
            return mistake(value, format!("expected the name of a variable before it, not {}", quoted(name)));
        }
        Ok((name.as_str().into(), template(value, fields)?))
    };
    let environment: Box<[(Box<str>, Template)]> = raw.environment.iter().map(variable).collect::<Checked<_>>()?;
    if let Some(both) = raw.unset.iter().find(|name| raw.environment.contains_key(&name.value)) {
        return mistake(both, format!("{} is also set", quoted(&both.value)));
    }
    Ok(Sdk {
        name: parsed(&raw.name, word)?,
        version: raw.version.as_deref().map(Into::into),
        ways: raw.ways.value.as_slice().into(),
        plain_http: raw.plain_http,
        environment,
        unset: raw.unset.iter().map(variable_name).collect::<Checked<_>>()?,
        files: raw.files.iter().map(|file| check_file(file, fields)).collect::<Checked<_>>()?,
        snippet: raw.snippet.as_ref().map(|text| snippet(text, fields)).transpose()?,
        note: raw.note.as_deref().map(Into::into),
        warning: raw.warning.as_deref().map(Into::into),
    })
}

fn check_file(raw: &RawConfigFile, fields: &[FieldSpec]) -> Checked<ConfigFile> {
    let is_place = |place: &str| ["~/", "./", "/"].iter().any(|begin| place.starts_with(begin));
    let place = |text: &Text| {
        let place =
            |p: &str| if is_place(p) { Ok(p.into()) } else { Err("expected a path that begins with ~/, ./ or /") };
        parsed(text, place)
    };
    if raw.places.value.is_empty() {
        return mistake(&raw.places, "expected at least one path");
    }
    if raw.required && raw.content.is_none() {
        return mistake(&raw.name, "expected `content:`, as the file is required");
    }
    Ok(ConfigFile {
        name: parsed(&raw.name, word)?,
        places: raw.places.value.iter().map(place).collect::<Checked<_>>()?,
        variable: raw.variable.as_ref().map(variable_name).transpose()?,
        variable_names: raw.variable_names,
        format: raw.format,
        need: if raw.required { Need::Required } else { Need::Optional },
        content: raw.content.as_ref().map(|text| template(text, fields)).transpose()?,
        tokens: raw.tokens.iter().map(|name| parsed(name, word)).collect::<Checked<_>>()?,
        addresses: raw.addresses.iter().map(|name| parsed(name, word)).collect::<Checked<_>>()?,
    })
}

fn template(text: &Text, fields: &[FieldSpec]) -> Checked<Template> {
    Template::parse(&text.value, fields).or_else(|problem| mistake(text, problem))
}

fn snippet(text: &Text, fields: &[FieldSpec]) -> Checked<Template> {
    let template = template(text, fields)?;
    if template.quotes_its_token() {
        Ok(template)
    } else {
        mistake(text, "expected {token} in double quotes by itself, as it is read from the environment there")
    }
}

fn variable_name(text: &Text) -> Checked<Box<str>> {
    parsed(text, |name| if is_variable(name) { Ok(name.into()) } else { Err("expected the name of a variable") })
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What can be an argument and a file's name.
fn word(text: &str) -> Result<Box<str>, &'static str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let shape = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(plain);
    if shape { Ok(text.into()) } else { Err("expected letters, digits, `.`, `_` and `-`") }
}
