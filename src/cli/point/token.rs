//! The caller's own token, for commands that act in a caller's place: from the environment, a file or standard input.
//! Owns it only while the command runs.
//! Never takes it as an argument, and never takes a provider's for it.

use crate::{
    cli::{Console, Failure},
    config::Environment,
    identity::pat::PlainPat,
    secret::Secret,
};

/// `BELLHOP_TOKEN`, or what the file says that `BELLHOP_TOKEN_FILE` names.
pub fn of_environment(environment: &Environment) -> Result<Option<Secret>, Failure> {
    environment.secret("BELLHOP_TOKEN")?.map(|token| checked(token, "BELLHOP_TOKEN")).transpose()
}

/// The same, else from standard input, where somebody who sits there is asked.
pub fn read(environment: &Environment, console: &mut Console<'_>) -> Result<Secret, Failure> {
    match of_environment(environment)? {
        Some(token) => Ok(token),
        None if console.interactive => checked(console.ask_secret("Bellhop token")?, "what was entered"),
        None => checked(console.read_secret()?, "standard input"),
    }
}

/// A provider's own token in this place would go wherever a Bellhop token goes: nowhere good.
fn checked(token: Secret, what: &str) -> Result<Secret, Failure> {
    let token = Secret::new(token.expose().trim());
    if PlainPat::parse(token.expose().as_bytes()).is_some() {
        return Ok(token);
    }
    Err(Failure::failed(format!(
        "{what} is no Bellhop token: expected `bhp_` and 36 letters and digits, as `bellhop token create` prints them"
    )))
}
