//! Reading the settings of other programs' files: INI, TOML, JSON, `.env` and netrc, each setting with its line.
//! Owns nothing; of TOML and INI it reads what stands on one line, which is all that these files have.
//! Never fails at a line that it does not understand, and never prints a value.

use crate::provider::preset::sdk::FileFormat;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_yaml::Spanned;
use std::fmt;

/// `key = value`, somewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// From 1.
    pub line: u64,
    /// The part of the file; empty at its top.
    pub section: String,
    pub key: String,
    pub value: String,
}

/// The text is not of its format.
#[derive(Debug, PartialEq, Eq)]
pub struct NotReadable;

/// A value of somebody's may be a secret.
impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [{}] {} = …", self.line, self.section, self.key)
    }
}

pub fn read(format: FileFormat, text: &str) -> Result<Vec<Setting>, NotReadable> {
    match format {
        FileFormat::Ini => Ok(sections(text, ini_line)),
        FileFormat::Toml => Ok(sections(text, toml_line)),
        FileFormat::Dotenv => Ok(sections(text, dotenv_line)),
        FileFormat::Json => json(text),
    }
}

/// What a line may be.
enum Line<'l> {
    Section(String),
    Setting(&'l str, String),
    Other,
}

fn sections(text: &str, read: impl Fn(&str) -> Line<'_>) -> Vec<Setting> {
    let (mut settings, mut section) = (Vec::new(), String::new());
    for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        match read(text.trim()) {
            Line::Section(name) => section = name,
            Line::Setting(key, value) => {
                settings.push(Setting { line, section: section.clone(), key: key.trim().to_owned(), value });
            }
            Line::Other => {}
        }
    }
    settings
}

/// As configparser has it: `=` or `:`, and comments on lines of their own.
fn ini_line(line: &str) -> Line<'_> {
    if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return Line::Section(name.0.trim().to_owned());
    }
    match line.split_once(['=', ':']).filter(|_| !line.starts_with(['#', ';'])) {
        Some((key, value)) => Line::Setting(key, value.trim().to_owned()),
        None => Line::Other,
    }
}

fn toml_line(line: &str) -> Line<'_> {
    if let Some(name) = line.strip_prefix('[') {
        let name = name.trim_start_matches('[').split(']').next().unwrap_or_default();
        return Line::Section(name.replace(['"', '\''], "").trim().to_owned());
    }
    match line.split_once('=').filter(|_| !line.starts_with('#')) {
        // Of a dotted key, the last part is the setting's name.
        Some((key, value)) => {
            let last = key.rsplit('.').next().unwrap_or(key);
            Line::Setting(last.trim().trim_matches(['"', '\'']), unquoted(value.trim(), '#'))
        }
        None => Line::Other,
    }
}

fn dotenv_line(line: &str) -> Line<'_> {
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    match line.split_once('=').filter(|_| !line.starts_with('#')) {
        Some((key, value)) => Line::Setting(key, unquoted(value.trim(), '#')),
        None => Line::Other,
    }
}

/// What stands in quotes, or before a comment.
fn unquoted(value: &str, comment: char) -> String {
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let ends = value.match_indices(comment).map(|(at, _)| at).find(|at| value[..*at].ends_with([' ', '\t']));
        return value[..ends.unwrap_or(value.len())].trim_end().to_owned();
    };
    let (mut text, mut rest) = (String::new(), value[1..].chars());
    while let Some(c) = rest.next() {
        match c {
            c if c == quote => break,
            '\\' if quote == '"' => text.extend(rest.next()),
            c => text.push(c),
        }
    }
    text
}

/// JSON is YAML, whose values have a place.
fn json(text: &str) -> Result<Vec<Setting>, NotReadable> {
    let tree: Tree = serde_yaml::from_str(text).map_err(|_| NotReadable)?;
    let mut settings = Vec::new();
    tree.settings("", &mut settings);
    Ok(settings)
}

enum Tree {
    Leaf(String),
    List(Vec<Tree>),
    Map(Vec<(Spanned<String>, Tree)>),
}

impl Tree {
    fn settings(self, section: &str, settings: &mut Vec<Setting>) {
        match self {
            Self::Leaf(_) => {}
            Self::List(items) => items.into_iter().for_each(|item| item.settings(section, settings)),
            Self::Map(entries) => {
                for (key, value) in entries {
                    let within =
                        if section.is_empty() { key.value.clone() } else { format!("{section}.{}", key.value) };
                    match value {
                        Self::Leaf(value) => settings.push(Setting {
                            line: key.referenced.line(),
                            section: section.to_owned(),
                            key: key.value,
                            value,
                        }),
                        tree => tree.settings(&within, settings),
                    }
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Trees;
        impl<'de> Visitor<'de> for Trees {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("settings")
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(String::new()))
            }

            fn visit_none<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(String::new()))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
                Tree::deserialize(deserializer)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Tree::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
                let mut map = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    map.push(entry);
                }
                Ok(Tree::Map(map))
            }
        }
        deserializer.deserialize_any(Trees)
    }
}

/// A host that a netrc file has a password for; none is the entry for every other host.
#[derive(Debug, PartialEq, Eq)]
pub struct Machine {
    pub line: u64,
    pub host: Option<String>,
}

/// The hosts of a netrc file. What follows `macdef`, up to an empty line, is no entry.
pub fn netrc(text: &str) -> Vec<Machine> {
    let (mut machines, mut macro_text, mut host_next) = (Vec::new(), false, false);
    for (line, text) in (1..).zip(text.lines()) {
        macro_text &= !text.trim().is_empty();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next().filter(|_| !macro_text) {
            match word {
                host if host_next => {
                    machines.push(Machine { line, host: Some(host.to_owned()) });
                    host_next = false;
                }
                "machine" => host_next = true,
                "default" => machines.push(Machine { line, host: None }),
                // Its value may be any word, also one of these.
                "login" | "password" | "account" => drop(words.next()),
                "macdef" => macro_text = true,
                word if word.starts_with('#') => break,
                _ => {}
            }
        }
    }
    machines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(format: FileFormat, text: &str) -> Vec<String> {
        let settings = read(format, text).unwrap();
        settings.iter().map(|s| format!("{} [{}] {}={}", s.line, s.section, s.key, s.value)).collect()
    }

    #[test]
    fn each_format_gives_its_settings_with_their_lines() {
        assert_eq!(
            found(FileFormat::Ini, "; x = y\n[defaults]\nendpoint = https://a/b\ntoken: fake=1\n"),
            ["3 [defaults] endpoint=https://a/b", "4 [defaults] token=fake=1"]
        );
        assert_eq!(
            found(
                FileFormat::Toml,
                "top = 'a' # no\n[profiles.\"default\"]\napi_url = \"https://a\\\"#\" # no\na.b = 1\n[[list]]\n"
            ),
            ["1 [] top=a", "3 [profiles.default] api_url=https://a\"#", "4 [profiles.default] b=1"]
        );
        assert_eq!(
            found(FileFormat::Dotenv, "# A=b\nexport A='b c' # d\nB=x#y # z\nC=\n"),
            ["2 [] A=b c", "3 [] B=x#y", "4 [] C="]
        );
        assert_eq!(
            found(
                FileFormat::Json,
                "{\n\t\"default\": {\n\t\t\"token\": \"fake\",\n\t\t\"n\": [1, {\"deep\": null}]\n\t},\n\"x\": true}"
            ),
            ["3 [default] token=fake", "4 [default.n] deep=", "6 [] x=true"]
        );
        assert_eq!(read(FileFormat::Json, "{\"a\": "), Err(NotReadable));
        assert_eq!(found(FileFormat::Json, "").len(), 0);
    }

    #[test]
    fn a_netrc_gives_its_hosts() {
        let text = "# machine no\nmachine a.example.org login x password machine\nmacdef init\nmachine no\n\nmachine\n  b.example.org\ndefault login y\n";
        let hosts: Vec<(u64, Option<String>)> = netrc(text).into_iter().map(|m| (m.line, m.host)).collect();
        let named = |host: &str| Some(host.to_owned());
        assert_eq!(hosts, [(2, named("a.example.org")), (7, named("b.example.org")), (8, None)]);
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_file_its_lines_are_those_of_the_file(text in "([a-z\\[\\]{}\"'=:#; .\\\\\n\t\r\u{e9}-]|machine |default ){0,60}") {
            // YAML, as which JSON is read, ends a line at a lone `\r` as well.
            let lines = u64::try_from(text.replace("\r\n", "\n").split(['\n', '\r']).count()).unwrap();
            for format in [FileFormat::Ini, FileFormat::Toml, FileFormat::Dotenv, FileFormat::Json] {
                for setting in read(format, &text).unwrap_or_default() {
                    prop_assert!((1..=lines).contains(&setting.line), "{setting:?}");
                }
            }
            prop_assert!(netrc(&text).iter().all(|machine| (1..=lines).contains(&machine.line)));
        }

        #[test]
        fn what_is_written_is_read(key in "[A-Za-z][A-Za-z0-9_]{0,10}", value in "[!-~&&[^#;\"'\\\\$]]{1,20}") {
            let quoted = serde_json::to_string(&value).unwrap();
            for (format, text) in [
                (FileFormat::Ini, format!("[s]\n{key} = {value}\n")),
                (FileFormat::Toml, format!("[s]\n{key} = {quoted}\n")),
                (FileFormat::Dotenv, format!("\n{key}={quoted}\n")),
                (FileFormat::Json, format!("{{\n{}: {quoted}}}", serde_json::to_string(&key).unwrap())),
            ] {
                let settings = read(format, &text).unwrap();
                prop_assert_eq!(settings.len(), 1);
                prop_assert_eq!((settings[0].line, &settings[0].key, &settings[0].value), (2, &key, &value));
            }
        }
    }
}
