//! The log: one event is one line on standard error, as text or as a JSON object, with control characters escaped.
//! Owns the level, which can be changed while running.
//! Never lets other crates speak below `warn`: hyper and h2 trace header values, and those carry tokens.

use crate::config::{Log, LogFormat, LogLevel};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::{self, Write as _},
    io::{self, Write as _},
    net::SocketAddr,
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Registry,
    filter::{LevelFilter, Targets},
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::{Layer, SubscriberExt},
    registry::LookupSpan,
    reload,
};

const OWN_TARGET: &str = "bellhop";

/// The running log.
#[derive(Clone)]
pub struct Logging {
    filter: reload::Handle<Targets, Registry>,
    format: LogFormat,
}

#[derive(Debug, thiserror::Error)]
#[error("the log was already set up in this process")]
pub struct AlreadySetUp;

impl Logging {
    /// Sets up the log of this process. Records of the `log` crate are not bridged in.
    pub fn start(log: &Log) -> Result<Self, AlreadySetUp> {
        let (filter, handle) = reload::Layer::new(targets(log.level));
        let lines = tracing_subscriber::fmt::layer().event_format(Lines(log.format)).with_writer(io::stderr);
        let subscriber = Registry::default().with(lines.with_filter(filter));
        tracing::subscriber::set_global_default(subscriber).map_err(|_| AlreadySetUp)?;
        Ok(Self { filter: handle, format: log.format })
    }

    /// Changes the level. Whoever reads the log relies on its format, so that stays until a restart.
    pub fn set_level(&self, level: LogLevel) {
        // Fails only when the subscriber is gone, and then nobody listens any more.
        let _ = self.filter.reload(targets(level));
    }

    /// Says where this process listens: at every level, because port 0 is known from nowhere else.
    pub fn listening(&self, proxy: SocketAddr, admin: SocketAddr, providers: &BTreeMap<String, SocketAddr>) {
        let line = listening(proxy, admin, providers).written(self.format, Level::INFO, OWN_TARGET);
        // As with every line: there is nobody to tell that standard error is gone.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

fn listening(proxy: SocketAddr, admin: SocketAddr, providers: &BTreeMap<String, SocketAddr>) -> Line {
    let providers = providers.iter().map(|(name, address)| (name.clone(), Value::from(address.to_string()))).collect();
    Line {
        message: "listening".into(),
        fields: vec![
            ("event", Value::from("listen.begin")),
            ("proxy", Value::from(proxy.to_string())),
            ("admin", Value::from(admin.to_string())),
            ("providers", Value::Object(providers)),
        ],
    }
}

fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_target(OWN_TARGET, level).with_default(level.min(LevelFilter::WARN))
}

struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        writer.write_str(&line.written(self.0, *event.metadata().level(), event.metadata().target()))
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    fn written(&self, format: LogFormat, level: Level, target: &str) -> String {
        let time = format!("{:.3}", jiff::Timestamp::now());
        let mut line = match format {
            LogFormat::Text => self.text(&time, level, target),
            LogFormat::Json => self.json(time, level, target),
        };
        line.push('\n');
        line
    }

    fn text(&self, time: &str, level: Level, target: &str) -> String {
        let mut line = format!("{time} {level:>5} {target}: {}", escaped(&self.message, char::escape_debug));
        for (name, value) in &self.fields {
            let value = match value {
                Value::String(text) if is_word(text) => text.clone(),
                value => escaped(&value.to_string(), char::escape_debug).into_owned(),
            };
            // Writing to a String cannot fail.
            let _ = write!(line, " {name}={value}");
        }
        line
    }

    fn json(&self, time: String, level: Level, target: &str) -> String {
        let head = [
            ("timestamp", Value::from(time)),
            ("level", Value::from(level.as_str())),
            ("target", Value::from(target)),
            ("message", Value::from(self.message.as_str())),
        ];
        let members = head.iter().chain(&self.fields).map(|(name, value)| format!("{}:{value}", Value::from(*name)));
        let object = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        // serde_json has escaped the line feeds; some readers split lines at these as well.
        escaped(&object, json_escape).into_owned()
    }

    fn push(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.push((field.name(), value.into()));
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            _ => self.push(field, format!("{value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.push(field, value),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value);
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"=\\".contains(&b))
}

/// What a terminal or a line-splitting reader would act upon instead of showing.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped<E: Iterator<Item = char>>(text: &str, escape: impl Fn(char) -> E) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) { line.extend(escape(c)) } else { line.push(c) }
    }
    Cow::Owned(line)
}

fn json_escape(c: char) -> impl Iterator<Item = char> {
    format!("\\u{:04x}", u32::from(c)).into_bytes().into_iter().map(char::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn captured(format: LogFormat, level: LogLevel, log: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let lines = tracing_subscriber::fmt::layer().event_format(Lines(format)).with_writer(move || writer.clone());
        tracing::subscriber::with_default(Registry::default().with(lines.with_filter(targets(level))), log);
        let bytes = captured.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn one_event_is_one_line_whatever_is_in_it() {
        let nasty = "a\nb\r\u{1b}[31m\u{85}\u{2028}\u{202e}\u{7f}\0é";
        for format in [LogFormat::Text, LogFormat::Json] {
            let line =
                captured(format, LogLevel::Info, || tracing::info!(field = nasty, debug = ?nasty, "said {nasty}"));
            assert_eq!(line.chars().filter(|c| acts(*c)).collect::<String>(), "\n", "{line}");
            assert!(line.ends_with('\n'));
        }
    }

    #[test]
    fn json_lines_give_back_what_was_logged() {
        let nasty = "a\"\\\n\u{1b}\u{2028}é";
        let line = captured(LogFormat::Json, LogLevel::Info, || tracing::warn!(count = 3, yes = true, nasty, "said"));
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["level"], "WARN");
        assert_eq!(value["message"], "said");
        assert_eq!((&value["count"], &value["yes"], &value["nasty"]), (&3.into(), &true.into(), &nasty.into()));
    }

    #[test]
    fn text_lines_quote_what_has_spaces() {
        let line = captured(LogFormat::Text, LogLevel::Info, || tracing::info!(a = "b", c = "d e", n = 1, "said"));
        assert!(line.ends_with("  INFO bellhop::telemetry::log::tests: said a=b c=\"d e\" n=1\n"), "{line}");
    }

    #[test]
    fn other_crates_are_heard_from_warn_up_at_every_level() {
        let said = captured(LogFormat::Text, LogLevel::Trace, || {
            tracing::trace!("ours");
            tracing::info!(target: "h2::codec", "a header's value");
            tracing::warn!(target: "h2::codec", "theirs");
        });
        assert!(said.contains("ours") && said.contains("theirs") && !said.contains("value"), "{said}");
        let said = captured(LogFormat::Text, LogLevel::Error, || tracing::warn!(target: "h2::codec", "theirs"));
        assert_eq!(said, "");
    }

    #[test]
    fn the_listening_line_has_its_addresses_as_fields() {
        let providers = BTreeMap::from([("iqm".to_owned(), "127.0.0.1:3".parse().unwrap())]);
        let line = listening("127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap(), &providers);
        let json: Value = serde_json::from_str(&line.written(LogFormat::Json, Level::INFO, OWN_TARGET)).unwrap();
        assert_eq!(json["message"], "listening");
        assert_eq!((&json["proxy"], &json["admin"]), (&"127.0.0.1:1".into(), &"[::1]:2".into()));
        assert_eq!(json["providers"]["iqm"], "127.0.0.1:3");
        let text = line.written(LogFormat::Text, Level::INFO, OWN_TARGET);
        assert!(
            text.ends_with(
                "listening event=listen.begin proxy=127.0.0.1:1 admin=[::1]:2 providers={\"iqm\":\"127.0.0.1:3\"}\n"
            ),
            "{text}"
        );
    }
}
