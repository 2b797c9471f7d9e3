//! Ways in, and what is in the way of them, in the page's words.
//! Owns nothing.
//! Never names a flag of a command: there is none here.

use super::super::words::say;
use crate::{
    point::{Warning, place::NoDoor},
    provider::{Provider, preset::sdk::Way},
};
use clap::ValueEnum;

/// As it stands in an address.
pub fn word(way: Way) -> String {
    way.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

pub fn way(way: Way) -> String {
    match way {
        Way::Path => say!("connect-way-path"),
        Way::Port => say!("connect-way-port"),
        Way::Host => say!("connect-way-host"),
        Way::Root => say!("connect-way-root"),
    }
}

pub fn no_door(problem: &NoDoor, provider: &Provider) -> String {
    let (provider, name) = (provider.id(), provider.preset().name.to_string());
    match problem {
        NoDoor::Nowhere => say!("connect-nowhere"),
        NoDoor::DropsPath | NoDoor::NoRoot => say!("connect-not-this-way"),
        NoDoor::NoPort { .. } => say!("connect-no-port", provider = name),
        NoDoor::NoHost => say!("connect-no-host"),
        NoDoor::NeedsOwnAddress { .. } => say!("connect-needs-address", provider = name, id = provider),
    }
}

pub fn warning(warning: &Warning) -> String {
    match warning {
        Warning::Preset(text) => text.to_string(),
        Warning::LeftOut { what, field } => {
            say!("connect-left-out", what = what.to_string(), field = field.to_string())
        }
        Warning::PlainHttp { host } => say!("connect-plain-http", host = host.to_string()),
        Warning::NoContext { context } => say!("connect-no-context", context = context.to_string()),
        Warning::Root { provider } => say!("connect-root", provider = provider.to_string()),
    }
}
