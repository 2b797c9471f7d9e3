//! Whose something is: an organization's, or somebody's own, which `me` alone does not say everywhere.
//! Owns nothing.
//! Never guesses: over the network `me` is who asks, at the machine of the store it is nobody.

use super::{
    Failure,
    api::{Api, escaped},
};
use crate::identity::{Context, UserName};

/// Whether both together name somebody.
pub fn require_owner(api: &Api, context: &Context, user: Option<&UserName>) -> Result<(), Failure> {
    match (&context.organization, user) {
        (None, None) if api.is_here() => {
            Err(Failure::usage(format!("`{context}` is somebody's own: say whose with `--user NAME`")))
        }
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "`--user` goes with `me` and `me.<project>`, and `{context}` is an organization's"
        ))),
        _ => Ok(()),
    }
}

/// The part of a query that names an owner; `field` is what the endpoint calls a context.
pub fn owner(api: &Api, (field, context): (&str, &Context), user: Option<&UserName>) -> Result<String, Failure> {
    require_owner(api, context, user)?;
    let user = user.map(|user| format!("&user={}", escaped(user.as_str()))).unwrap_or_default();
    Ok(format!("{field}={}{user}", escaped(&context.to_string())))
}
