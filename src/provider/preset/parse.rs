//! From the YAML's shape to a preset that makes sense, or to the first mistake with its place and what was expected.
//! Everything that one part says about another is checked here; operations have a file of their own.
//! Never reads a file.

use super::{
    ErrorShape, FieldSet, Preset, Probe, Segments, Service, States, Wire, attach,
    known::Known,
    mistake::{Checked, Mistake, PresetError, mistake, parsed, quoted},
    operation::Format as BodyFormat,
    operations,
    raw::{
        RawErrors, RawField, RawFormat, RawKind, RawOperation, RawPreset, RawProbe, RawScheme, RawService, RawStates,
        Text,
    },
    refusal, region, sdks, sigv4,
};
use crate::{
    job::Ended,
    provider::{
        fields::{self, FieldSpec, Format, Presence, Sensitivity},
        origin::{self, OriginTemplate},
        pointer::Pointer,
        template::{Pattern, Routes},
    },
};
use http::{HeaderName, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_yaml::Spanned;
use std::time::Duration;

/// Longer than any submit that a provider was seen to take (IBM's take up to 900 s).
const LONGEST_HEAD: Duration = Duration::from_secs(1000);

/// A preset, and the routes that checking it made.
#[derive(Debug)]
pub struct Read {
    pub preset: Preset,
    pub routes: Routes,
}

pub fn parse(file: &str, text: &str) -> Result<Read, PresetError> {
    check(read_yaml(file, text)?).map_err(|mistake| mistake.within(file))
}

/// What is written beside presets has its mistakes told alike.
pub fn read_yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, PresetError> {
    serde_yaml::from_str(text).map_err(|error| Mistake::from(&error).within(file))
}

fn check(raw: RawPreset) -> Checked<Read> {
    let id = parsed(&raw.id, name)?;
    let fields = check_fields(&raw.fields)?;
    let services: Box<[Service]> = raw
        .services
        .iter()
        .map(|service| check_service(service, &fields, &raw.scheme.value))
        .collect::<Checked<_>>()?;
    if let RawScheme::SigV4(signing) = &raw.scheme.value {
        sigv4::check_services(signing, &services)?;
    }
    let one_of = check_one_of(&raw.one_of, &fields)?;
    let known = Known { fields: &fields, services: &services, one_of: &one_of };
    let (scheme, exchange) = attach::scheme(&raw.scheme, &known)?;
    let (operations, routes) = operations::check(&raw.operations, &known)?;
    let preset = Preset {
        id,
        name: raw.name.into(),
        website: raw.website.map(Into::into),
        origin: check_origin(&raw.origin, &fields, &raw.scheme.value)?,
        wire: wire(raw.http2),
        regions: raw.regions.as_ref().map(region::check).transpose()?,
        ignored_prefix: raw.ignored_prefix.as_ref().map(|text| parsed(text, prefix)).transpose()?,
        slots: attach::slots(&raw.caller_token)?,
        selectors: raw.selectors.iter().map(|s| attach::selector(s, &known, &scheme)).collect::<Checked<_>>()?,
        scheme,
        exchange,
        states: check_states(&raw.states)?,
        operations,
        refusals: match &raw.refusals {
            Some(statuses) => statuses.iter().map(check_status).collect::<Checked<_>>()?,
            None => [StatusCode::UNAUTHORIZED].into(),
        },
        refused_by: raw.refused_by.as_ref().map(refusal::check).transpose()?,
        head: raw.head.as_ref().map(check_head).transpose()?,
        errors: check_errors(&raw.errors)?,
        cookies: raw.cookies,
        lost_submit: raw.lost_submit.as_ref().map(check_status).transpose()?,
        probe: raw.probe.as_ref().map(check_probe).transpose()?,
        account: raw.account.as_ref().map(|name| known.plain(name)).transpose()?,
        storage: raw.storage.as_ref().map(|name| sigv4::listed(name, &fields)).transpose()?,
        sdks: sdks::check(&raw.sdks, &fields)?,
        services,
        one_of,
        fields,
    };
    check_wires(&raw.operations, &preset)?;
    Ok(Read { preset, routes })
}

/// How a call of gRPC ended stands in what follows its answer, and that passes over HTTP/2 only.
fn check_wires(raw: &[RawOperation], preset: &Preset) -> Checked<()> {
    let wire = |path: &str| {
        let service = preset.services.iter().find(|service| service.covers(path.as_bytes()));
        service.map_or(preset.wire, |service| service.wire)
    };
    let is_slow =
        |pattern: &Pattern| pattern.to_string().split_once(' ').is_none_or(|(_, path)| wire(path) != Wire::Http2);
    let calls = raw.iter().zip(&preset.operations).filter(|(_, operation)| operation.format == BodyFormat::Grpc);
    match calls.into_iter().find(|(_, operation)| operation.patterns.iter().any(is_slow)) {
        None => Ok(()),
        Some((raw, _)) => mistake(&raw.name, "expected `http2: true` at the service whose paths this operation is on"),
    }
}

/// Ids of providers and names of services: what may be a path segment and a host label.
fn name(text: &str) -> Result<Box<str>, &'static str> {
    let shape = text.len() <= 40 && origin::is_label(text) && !text.contains("--");
    if shape { Ok(text.into()) } else { Err("expected 1 to 40 of a-z, 0-9 and single `-`") }
}

fn check_fields(raw: &Spanned<Vec<RawField>>) -> Checked<Box<[FieldSpec]>> {
    let mut fields: Vec<FieldSpec> = Vec::new();
    for field in &raw.value {
        if fields.iter().any(|f| *f.name == *field.name.value) {
            return mistake(&field.name, format!("the field {} is declared twice", quoted(&field.name.value)));
        }
        fields.push(check_field(field)?);
    }
    let is_plain = |name: &str| fields.iter().any(|f| *f.name == *name && f.sensitivity == Sensitivity::Plain);
    if let Some(prefix) = raw.value.iter().filter_map(|field| field.prefix.as_ref()).find(|p| !is_plain(&p.value)) {
        return mistake(prefix, "expected the name of a plain field of this preset");
    }
    if fields.is_empty() { mistake(raw, "expected at least one field") } else { Ok(fields.into()) }
}

fn check_field(raw: &RawField) -> Checked<FieldSpec> {
    let is_name = |n: &str| {
        let shape = n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        shape && (1..=fields::LONGEST_NAME).contains(&n.len())
    };
    let name =
        parsed(&raw.name, |n| if is_name(n) { Ok(n.into()) } else { Err("expected 1 to 64 of a-z, 0-9 and `_`") })?;
    let spec = FieldSpec {
        name,
        sensitivity: match raw.kind {
            RawKind::Secret => Sensitivity::Secret,
            RawKind::Plain => Sensitivity::Plain,
        },
        label: raw.label.as_str().into(),
        help: raw.help.as_deref().map(Into::into),
        presence: if raw.optional || raw.default.is_some() { Presence::Optional } else { Presence::Required },
        default: raw.default.as_ref().map(|d| d.value.as_str().into()),
        format: match raw.format {
            RawFormat::Text => Format::Text,
            RawFormat::Label => Format::Label,
            RawFormat::Path => Format::Path,
        },
        list: raw.list,
        prefix: raw.prefix.as_ref().map(|name| name.value.as_str().into()),
    };
    match &raw.default {
        Some(default) if spec.sensitivity == Sensitivity::Secret => {
            mistake(default, "a secret field cannot have a default")
        }
        Some(default) => parsed(default, |text| spec.check(text)).map(|()| spec),
        None => Ok(spec),
    }
}

fn check_origin(text: &Text, fields: &[FieldSpec], scheme: &RawScheme) -> Checked<OriginTemplate> {
    let template = parsed(text, OriginTemplate::parse)?;
    let Some(name) = template.field() else { return Ok(template) };
    if name == sigv4::REGION && matches!(scheme, RawScheme::SigV4(_)) {
        return Ok(template);
    }
    let known = Known { fields, services: &[], one_of: &[] };
    let field = known.named(name).or_else(|problem| mistake(text, format!("{problem}, not {}", quoted(name))))?;
    if field.format == Format::Label && known.is_always_plain(name) {
        return Ok(template);
    }
    mistake(
        text,
        format!(
            "the field {} cannot stand in an origin: expected a plain one with `format: label` that is required or has a default",
            quoted(name)
        ),
    )
}

fn check_service(raw: &RawService, fields: &[FieldSpec], scheme: &RawScheme) -> Checked<Service> {
    Ok(Service {
        name: parsed(&raw.name, |n| if n == origin::MAIN { Err("`main` is the provider's own") } else { name(n) })?,
        path: parsed(&raw.path, path)?,
        segments: if raw.removed { Segments::Removed } else { Segments::Kept },
        origin: raw.origin.as_ref().map(|text| check_origin(text, fields, scheme)).transpose()?,
        wire: wire(raw.http2),
        errors: raw.errors,
    })
}

const fn wire(http2: bool) -> Wire {
    if http2 { Wire::Http2 } else { Wire::Http1 }
}

/// Whole segments.
fn path(text: &str) -> Result<Box<str>, &'static str> {
    let whole = text.strip_prefix('/').is_some_and(|rest| !rest.is_empty() && !rest.split('/').any(str::is_empty));
    if whole { Ok(text.into()) } else { Err("expected a path such as `/metadata`") }
}

/// Or a slash alone: one more than belongs there.
fn prefix(text: &str) -> Result<Box<str>, &'static str> {
    if text == "/" { Ok(text.into()) } else { path(text) }
}

fn check_one_of(raw: &[Vec<Text>], fields: &[FieldSpec]) -> Checked<Box<[FieldSet]>> {
    let known = Known { fields, services: &[], one_of: &[] };
    let member = |text: &Text| {
        let field = parsed(text, |name| known.named(name))?;
        let free = field.presence == Presence::Optional && field.default.is_none();
        if free { Ok(field.name.clone()) } else { mistake(text, "expected an optional field without a default") }
    };
    raw.iter().map(|set| set.iter().map(member).collect()).collect()
}

/// RFC 9110 §5.6.2.
pub fn token(text: &str) -> Result<Box<str>, &'static str> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(is_token) { Ok(text.into()) } else { Err("expected one word") }
}

/// A header that a preset may read or set: none that frames the message or chooses where it goes.
pub fn header_name(text: &str) -> Result<HeaderName, &'static str> {
    const NOT_OURS: [&str; 13] = [
        "connection",
        "content-length",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ];
    match HeaderName::try_from(text) {
        Ok(name) if !NOT_OURS.contains(&name.as_str()) => Ok(name),
        Ok(_) => Err("expected a header that neither frames nor routes the message"),
        Err(_) => Err("expected the name of a header"),
    }
}

fn check_states(raw: &RawStates) -> Checked<States> {
    let ways = [(&raw.completed, Ended::Completed), (&raw.failed, Ended::Failed), (&raw.cancelled, Ended::Cancelled)];
    let mut states = Vec::<(Box<str>, Ended)>::new();
    for (word, ended) in ways.into_iter().flat_map(|(words, ended)| words.iter().map(move |word| (word, ended))) {
        if let Some((_, earlier)) = states.iter().find(|(known, _)| **known == *word.value) {
            return mistake(word, format!("{} already means `{earlier}`", quoted(&word.value)));
        }
        states.push((parsed(word, |w| if w.is_empty() { Err("expected a word") } else { Ok(w.into()) })?, ended));
    }
    Ok(states.into())
}

pub fn check_status(raw: &Spanned<u16>) -> Checked<StatusCode> {
    match StatusCode::from_u16(raw.value) {
        Ok(status) if status.is_client_error() || status.is_server_error() => Ok(status),
        _ => mistake(raw, format!("expected a status from 400 to 599, not {}", raw.value)),
    }
}

fn check_errors(raw: &RawErrors) -> Checked<ErrorShape> {
    let error_as_text = raw.error_as_text.iter().map(check_status).collect::<Checked<_>>()?;
    Ok(ErrorShape { error_as_text, error_code_as_text: raw.error_code_as_text })
}

pub fn check_head(text: &Text) -> Checked<Duration> {
    let head = check_span(text)?;
    if head <= LONGEST_HEAD { Ok(head) } else { mistake(text, "expected at most 1000s") }
}

/// `30s`, `5m`.
pub fn check_span(text: &Text) -> Checked<Duration> {
    let span = text.value.parse::<jiff::SignedDuration>().ok().and_then(|d| d.try_into().ok());
    match span.filter(|d: &Duration| *d >= Duration::from_secs(1)) {
        Some(span) => Ok(span),
        None => mistake(text, format!("expected a time such as `30s` or `5m`, not {}", quoted(&text.value))),
    }
}

fn check_probe(raw: &RawProbe) -> Checked<Probe> {
    let split = |text: &str| {
        let (method, target) = text.split_once(' ')?;
        let method =
            Method::from_bytes(method.as_bytes()).ok().filter(|m| matches!(m.as_str(), "GET" | "HEAD" | "POST"))?;
        (target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic())).then(|| (method, target.into()))
    };
    let (method, target) = parsed(&raw.request, |t| split(t).ok_or("expected a request such as `GET /whoami`"))?;
    let account = raw.account.as_ref().map(|p| parsed(p, Pointer::parse)).transpose()?;
    Ok(Probe { method, target, account })
}
