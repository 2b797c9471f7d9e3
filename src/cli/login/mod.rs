//! `bellhop login URL` and `bellhop logout`: a Bellhop elsewhere that commands speak to from now on.
//! Owns when a login counts: after `BELLHOP_URL`, and never in the place of a store that this machine has as well.
//! Never keeps a password, and never sends one where others could read it.

mod kept;

use super::{
    Console, Failure,
    api::{Api, Seat},
    wait_for,
};
use crate::{
    admin::api::Login as Wanted,
    config::{BaseUrl, Environment, Origin, Protocol, Sources},
    manage::tokens::{MadeToken, RevokeValue, Shown, Token},
    secret::Secret,
};
use clap::Args;
use kept::Kept;
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bellhop login https://bellhop.example.org\n  \
                        bellhop login https://bellhop.example.org --user ada --password-file /run/secrets/ada\n\n\
                        The token is kept in $XDG_CONFIG_HOME/bellhop/login, for you alone. BELLHOP_URL goes before it.")]
pub struct Login {
    /// The address of its admin listener
    #[arg(value_name = "URL")]
    url: BaseUrl,
    /// Who you are there; without it you are asked
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from this file; without it you are asked, or it is read from standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// What the token is called there; one of the same name is replaced
    #[arg(long, value_name = "NAME")]
    token_name: Option<String>,
    /// Send the password although there is no TLS and the address is not this machine's
    #[arg(long)]
    without_tls: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "The token is revoked there, and forgotten here.")]
pub struct Logout {}

impl Login {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let environment = &sources.environment;
        if let Some(kept) = Kept::read(environment)?.filter(|kept| kept.url != self.url.to_string()) {
            let text = format!("you are signed in at {}: `bellhop logout` first", kept.url);
            return Err(Failure::failed(text));
        }
        if !self.without_tls && !is_safe(&self.url.origin) {
            return Err(Failure::usage(format!(
                "{} has no TLS, so that anybody on the way could read your password: use https, or --without-tls where \
                 nobody else is on the way",
                self.url
            )));
        }
        let user = match self.user {
            Some(user) => user,
            None if console.interactive => console.ask("Name")?,
            None => return Err(Failure::usage("say who you are: --user NAME")),
        };
        let password = password(self.password_file, console)?;
        let ca_file = environment.path("BELLHOP_CA_FILE").map(std::path::absolute).transpose();
        let ca_file = ca_file.map_err(|error| Failure::failed(format!("BELLHOP_CA_FILE: {error}")))?;
        let api = Api::at(self.url.clone(), ca_file.as_deref(), Seat::Nobodys)?;
        let token = self.token_name.unwrap_or_else(|| format!("bellhop login on {}", machine()));
        let wanted = Wanted { user, password: Shown(password), token };
        let made: MadeToken = wait_for(api.post("/login", &wanted))?;
        let MadeToken { token, value } = made;
        let file = Kept { url: self.url.to_string(), token: value, ca_file }.write(environment)?;
        console.note(format_args!(
            "signed in at {} as {} until {}; the token `{}` is in {}",
            self.url,
            token.user,
            token.expires,
            super::console::shown(&token.name),
            file.display()
        ));
        Ok(())
    }
}

impl Logout {
    pub fn run(&self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let environment = &sources.environment;
        let Some(kept) = Kept::read(environment)? else { return Err(Failure::failed("you are signed in nowhere")) };
        let url = kept.url.clone();
        let value = Shown(Secret::new(kept.token.0.expose()));
        let api = kept.api()?;
        let revoked = wait_for(async {
            match api.post::<Token>("/tokens/revoke", &RevokeValue { value }).await {
                Err(Failure::SignedOut(_)) => Ok("it had ended already"),
                other => other.map(|_| "revoked"),
            }
        });
        let revoked = revoked.map_err(|failure| {
            let file = kept::place(environment).unwrap_or_default();
            let text =
                format!("{failure}; the token is still good. To forget it all the same, delete {}", file.display());
            Failure::failed(text)
        })?;
        Kept::forget(environment)?;
        console.note(format_args!("signed out of {url}; the token: {revoked}"));
        Ok(())
    }
}

/// The Bellhop that somebody has signed in at, for a command that could as well be meant for a store of this machine.
pub fn chosen(sources: &Sources) -> Result<Option<Api>, Failure> {
    let Some(kept) = Kept::read(&sources.environment)? else { return Ok(None) };
    if sources.are_named() {
        return Ok(None);
    }
    let here = sources.load()?;
    let store = here.config.store.url.is_none().then_some(here.config.data_dir).filter(|folder| folder.is_dir());
    if let Some(place) = here.file.or(store) {
        return Err(Failure::usage(format!(
            "which Bellhop is meant? You are signed in at {0}, and this machine has one of its own, {1}. Set \
             BELLHOP_URL={0} for that one; for this one name its configuration by --config, or its data by --data-dir; or \
             `bellhop logout`",
            kept.url,
            place.display()
        )));
    }
    kept.api().map(Some)
}

/// The token of a login at just this address, which `BELLHOP_URL` names.
pub fn token_for(environment: &Environment, url: &BaseUrl) -> Result<Option<Secret>, Failure> {
    let kept = Kept::read(environment)?.filter(|kept| kept.url == url.to_string());
    Ok(kept.map(|kept| kept.token.0))
}

fn password(file: Option<PathBuf>, console: &mut Console<'_>) -> Result<Secret, Failure> {
    match file {
        Some(file) => {
            let text = std::fs::read_to_string(&file).map(zeroize::Zeroizing::new);
            let text = text.map_err(|error| Failure::failed(format!("cannot read {}: {error}", file.display())))?;
            Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
        }
        None if console.interactive => console.ask_secret("Password"),
        None => console.read_secret(),
    }
}

/// Whether what is sent there can be read by nobody on the way.
fn is_safe(origin: &Origin) -> bool {
    let loopback = || origin.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    origin.protocol == Protocol::Https || loopback() || *origin.host == *"localhost"
}

fn machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    name.chars().filter(char::is_ascii_graphic).take(40).collect()
}
