//! What the provider says of somebody, once it is verified: their name and their groups.
//! Owns nothing.
//! Never takes a claim of another shape for an empty one: who has no groups loses what groups gave.

use serde_json::Value;

/// More of them than this are a mistake of somebody's.
const MOST_GROUPS: usize = 10_000;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReadable {
    #[error("its claim of groups is no list of texts")]
    Groups,
    /// Where there are too many to send, Microsoft's says where they could be asked for.
    #[error("it lists the groups elsewhere, because there are too many of them")]
    Elsewhere,
}

/// By its name, or where it stands.
pub fn find<'c>(claims: &'c Value, claim: &str) -> Option<&'c Value> {
    let found = if claim.starts_with('/') { claims.pointer(claim) } else { claims.get(claim) };
    found.filter(|value| !value.is_null())
}

pub fn text(claims: &Value, claim: &str) -> Option<String> {
    find(claims, claim)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A provider leaves the claim out where there are none.
pub fn groups(claims: &Value, claim: &str) -> Result<Vec<String>, NotReadable> {
    if claims.get("_claim_names").and_then(|names| names.get(claim)).is_some() {
        return Err(NotReadable::Elsewhere);
    }
    match find(claims, claim) {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(all)) if all.len() <= MOST_GROUPS => {
            all.iter().map(|group| group.as_str().map(str::to_owned).ok_or(NotReadable::Groups)).collect()
        }
        Some(_) => Err(NotReadable::Groups),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_are_a_list_a_text_or_none() {
        let read = |claims: Value| groups(&claims, "groups");
        assert_eq!(read(json!({ "groups": ["a", "b"] })), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(read(json!({ "groups": "a" })), Ok(vec!["a".into()]));
        assert_eq!((read(json!({})), read(json!({ "groups": null }))), (Ok(vec![]), Ok(vec![])));
        assert_eq!(read(json!({ "groups": [1] })), Err(NotReadable::Groups));
        assert_eq!(read(json!({ "groups": { "a": true } })), Err(NotReadable::Groups));
        assert_eq!(read(json!({ "_claim_names": { "groups": "src1" } })), Err(NotReadable::Elsewhere));
    }

    #[test]
    fn a_claim_may_stand_anywhere_and_be_called_anything() {
        let claims = json!({ "realm_access": { "roles": ["a"] }, "https://example.org/groups": ["b"] });
        assert_eq!(groups(&claims, "/realm_access/roles"), Ok(vec!["a".into()]));
        assert_eq!(groups(&claims, "https://example.org/groups"), Ok(vec!["b".into()]));
        assert_eq!(text(&json!({ "preferred_username": "" }), "preferred_username"), None);
    }
}
