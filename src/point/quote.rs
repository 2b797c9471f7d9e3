//! How a value is written in each shell, so that the shell reads the value and nothing more.
//! Owns nothing.
//! Never writes a token where its variable will do.

use crate::provider::preset::sdk::{Filled, Part};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shell {
    /// POSIX: sh, bash, zsh, dash.
    Posix,
    Fish,
    /// PowerShell.
    Power,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("it has a character that cannot be written in this form")]
pub struct Unwritable;

impl Shell {
    pub fn set(self, name: &str, value: &Filled) -> Result<String, Unwritable> {
        let value = self.value(value)?;
        Ok(match self {
            Self::Posix => format!("export {name}={value}"),
            Self::Fish => format!("set -gx {name} {value}"),
            Self::Power => format!("$env:{name} = {value}"),
        })
    }

    pub fn unset(self, name: &str) -> String {
        match self {
            Self::Posix => format!("unset {name}"),
            Self::Fish => format!("set -e {name}"),
            Self::Power => format!("Remove-Item Env:{name} -ErrorAction SilentlyContinue"),
        }
    }

    fn value(self, value: &Filled) -> Result<String, Unwritable> {
        let parts = value.0.iter().map(|part| match part {
            Part::Text(text) if text.contains('\0') => Err(Unwritable),
            Part::Text(text) => Ok(self.text(text)),
            Part::Token => Ok(self.token().to_owned()),
        });
        let parts: Vec<String> = parts.collect::<Result<_, _>>()?;
        Ok(match (self, parts.as_slice()) {
            (_, []) => "''".to_owned(),
            (Self::Power, parts) => parts.join(" + "),
            (Self::Posix | Self::Fish, parts) => parts.concat(),
        })
    }

    /// Within single quotes, everything is itself but what ends them.
    pub fn text(self, text: &str) -> String {
        if is_plain(text) && self != Self::Power {
            return text.to_owned();
        }
        match self {
            Self::Posix => format!("'{}'", text.replace('\'', r"'\''")),
            Self::Fish => format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'")),
            Self::Power => {
                let mut quoted = String::from("'");
                for c in text.chars() {
                    // PowerShell takes typographic quotes for quotes.
                    if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
                        quoted.push(c);
                    }
                    quoted.push(c);
                }
                quoted + "'"
            }
        }
    }

    const fn token(self) -> &'static str {
        match self {
            Self::Posix | Self::Fish => "\"$BELLHOP_TOKEN\"",
            Self::Power => "$env:BELLHOP_TOKEN",
        }
    }
}

/// A line of a `.env` file. Its readers agree on little: bare words, and `${NAME}` for another variable's value,
/// in which some of them see one even where it is quoted.
pub fn dotenv(name: &str, value: &Filled) -> Result<String, Unwritable> {
    let texts = || value.0.iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
    if texts().any(|text| text.contains(['\0', '$', '\n', '\r'])) {
        return Err(Unwritable);
    }
    let written = value.with("${BELLHOP_TOKEN}");
    if texts().all(|text| is_plain(text) || text.is_empty()) {
        return Ok(format!("{name}={written}"));
    }
    if !value.has_token() && !written.contains(['\'', '\\']) {
        return Ok(format!("{name}='{written}'"));
    }
    Ok(format!("{name}=\"{}\"", written.replace('\\', r"\\").replace('"', "\\\"")))
}

/// What no shell reads anything into.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_.:@+,-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    const TOKEN: &str = "fake-$token'\"`\\ canary";

    /// What a program sees of `NAME` after a shell has run these lines.
    fn seen(program: &[&str], lines: &str) -> Option<String> {
        let (shell, arguments) = program.split_first()?;
        let ran = Command::new(shell).args(arguments).arg(lines).env("BELLHOP_TOKEN", TOKEN).output().ok()?;
        assert!(ran.status.success(), "{lines}\n{}", String::from_utf8_lossy(&ran.stderr));
        Some(String::from_utf8(ran.stdout).unwrap())
    }

    fn is_there(shell: &str) -> bool {
        Command::new(shell).arg("--version").output().is_ok()
    }

    fn values() -> impl Strategy<Value = Filled> {
        let text = prop_oneof!["[ -~]{0,12}", "[^\\x00]{0,8}", "['\"\\\\$`!\n\u{2018}\u{2019}#&|;<>(){}*?~ ]{0,8}"];
        let part = prop_oneof![4 => text.prop_map(Part::Text), 1 => Just(Part::Token)];
        proptest::collection::vec(part, 0..4).prop_map(Filled)
    }

    fn cases() -> ProptestConfig {
        ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn sh_reads_what_was_meant(value in values()) {
            let lines = format!("{}\nexec printenv NAME", Shell::Posix.set("NAME", &value).unwrap());
            for program in [&["sh", "-c"][..], &["bash", "-c"]] {
                prop_assert_eq!(seen(program, &lines), Some(value.with(TOKEN) + "\n"));
            }
        }

        #[test]
        fn fish_reads_what_was_meant(value in values()) {
            if is_there("fish") {
                let lines = format!("{}\nexec printenv NAME", Shell::Fish.set("NAME", &value).unwrap());
                prop_assert_eq!(seen(&["fish", "--no-config", "-c"], &lines), Some(value.with(TOKEN) + "\n"));
            }
        }

        #[test]
        fn powershell_reads_what_was_meant(value in values()) {
            if is_there("pwsh") {
                let lines = format!("{}\nprintenv NAME", Shell::Power.set("NAME", &value).unwrap());
                prop_assert_eq!(seen(&["pwsh", "-NoProfile", "-Command"], &lines), Some(value.with(TOKEN) + "\n"));
            }
        }
    }

    fn text(text: &str) -> Filled {
        Filled(vec![Part::Text(text.into())])
    }

    #[test]
    fn values_are_written_plainly_where_they_can_be() {
        let value = Filled(vec![Part::Text("apiKey ".into()), Part::Token]);
        let base = text("http://127.0.0.1:8080/ionq@acme.optics");
        assert_eq!(Shell::Posix.set("A", &base).unwrap(), "export A=http://127.0.0.1:8080/ionq@acme.optics");
        assert_eq!(Shell::Posix.set("A", &value).unwrap(), "export A='apiKey '\"$BELLHOP_TOKEN\"");
        assert_eq!(Shell::Fish.set("A", &value).unwrap(), "set -gx A 'apiKey '\"$BELLHOP_TOKEN\"");
        assert_eq!(Shell::Power.set("A", &value).unwrap(), "$env:A = 'apiKey ' + $env:BELLHOP_TOKEN");
        assert_eq!(Shell::Power.set("A", &text("it's \u{2019}")).unwrap(), "$env:A = 'it''s \u{2019}\u{2019}'");
        assert_eq!(Shell::Posix.set("A", &text("\0")), Err(Unwritable));
    }

    #[test]
    fn a_dotenv_file_says_what_all_of_its_readers_read_alike() {
        for (value, line) in [
            (Filled(vec![Part::Token]), Ok("A=${BELLHOP_TOKEN}")),
            (text("http://a/b"), Ok("A=http://a/b")),
            (text(r#"{"a": "b"}"#), Ok(r#"A='{"a": "b"}'"#)),
            (Filled(vec![Part::Text("apiKey ".into()), Part::Token]), Ok("A=\"apiKey ${BELLHOP_TOKEN}\"")),
            (text("it's"), Ok("A=\"it's\"")),
            (text("${HOME}"), Err(Unwritable)),
            (text("a\nB=c"), Err(Unwritable)),
        ] {
            assert_eq!(dotenv("A", &value).as_deref().map_err(|_| Unwritable), line);
        }
    }
}
