//! What an act is called by people.
//! Owns nothing.
//! Never a guess: a code without words is shown as it is.

use crate::admin::page::words::say;

pub fn act(code: &str) -> Option<String> {
    Some(match code {
        "audit.pruned" => say!("act-audit-pruned"),
        "backup.made" => say!("act-backup-made"),
        "backup.restored" => say!("act-backup-restored"),
        "credential.added" => say!("act-credential-added"),
        "credential.changed" => say!("act-credential-changed"),
        "credential.deleted" => say!("act-credential-deleted"),
        "credential.disabled" => say!("act-credential-disabled"),
        "credential.enabled" => say!("act-credential-enabled"),
        "credential.probed" => say!("act-credential-probed"),
        "credential.restricted" => say!("act-credential-restricted"),
        "credential.retired" => say!("act-credential-retired"),
        "credential.rotated" => say!("act-credential-rotated"),
        "demo.furnished" => say!("act-demo-furnished"),
        "identity.removed" => say!("act-identity-removed"),
        "identity.set" => say!("act-identity-set"),
        "invitation.made" => say!("act-invitation-made"),
        "invitation.revoked" => say!("act-invitation-revoked"),
        "job.adopted" => say!("act-job-adopted"),
        "job.cancelled" => say!("act-job-cancelled"),
        "job.cancelling" => say!("act-job-cancelling"),
        "job.not-cancelled" => say!("act-job-not-cancelled"),
        "job.settled" => say!("act-job-settled"),
        "job.submitted" => say!("act-job-submitted"),
        "keys.made" => say!("act-keys-made"),
        "keys.prepared" => say!("act-keys-prepared"),
        "keys.rotated" => say!("act-keys-rotated"),
        "keys.rotating" => say!("act-keys-rotating"),
        "link.made" => say!("act-link-made"),
        "member.joined" => say!("act-member-joined"),
        "member.removed" => say!("act-member-removed"),
        "member.set" => say!("act-member-set"),
        "organization.added" => say!("act-organization-added"),
        "organization.changed" => say!("act-organization-changed"),
        "organization.deleted" => say!("act-organization-deleted"),
        "project.added" => say!("act-project-added"),
        "project.changed" => say!("act-project-changed"),
        "project.deleted" => say!("act-project-deleted"),
        "project.member-added" => say!("act-project-member-added"),
        "project.member-removed" => say!("act-project-member-removed"),
        "quota.removed" => say!("act-quota-removed"),
        "quota.set" => say!("act-quota-set"),
        "schema.contracted" => say!("act-schema-contracted"),
        "session.begun" => say!("act-session-begun"),
        "session.ended" => say!("act-session-ended"),
        "sign-in.refused" => say!("act-sign-in-refused"),
        "signing-key.deleted" => say!("act-signing-key-deleted"),
        "signing-key.made" => say!("act-signing-key-made"),
        "token.changed" => say!("act-token-changed"),
        "token.created" => say!("act-token-created"),
        "token.made" => say!("act-token-made"),
        "token.replaced" => say!("act-token-replaced"),
        "token.revoked" => say!("act-token-revoked"),
        "user.added" => say!("act-user-added"),
        "user.changed" => say!("act-user-changed"),
        "user.deleted" => say!("act-user-deleted"),
        "user.disabled" => say!("act-user-disabled"),
        "user.enabled" => say!("act-user-enabled"),
        "user.kept" => say!("act-user-kept"),
        "webhook.changed" => say!("act-webhook-changed"),
        "webhook.created" => say!("act-webhook-created"),
        "webhook.deleted" => say!("act-webhook-deleted"),
        "webhook.secret-rotated" => say!("act-webhook-secret-rotated"),
        "webhook.tested" => say!("act-webhook-tested"),
        _ => return None,
    })
}

/// How the codes of one kind begin, and what that kind is called.
pub fn kinds() -> Vec<(String, String)> {
    let kinds = [
        ("credential.", say!("acts-credential")),
        ("token.", say!("acts-token")),
        ("job.", say!("acts-job")),
        ("session.", say!("acts-session")),
        ("user.", say!("acts-user")),
        ("identity.", say!("acts-identity")),
        ("sign-in.", say!("acts-sign-in")),
        ("link.", say!("acts-link")),
        ("invitation.", say!("acts-invitation")),
        ("organization.", say!("acts-organization")),
        ("member.", say!("acts-member")),
        ("project.", say!("acts-project")),
        ("quota.", say!("acts-quota")),
        ("webhook.", say!("acts-webhook")),
        ("audit.", say!("acts-audit")),
        ("keys.", say!("acts-keys")),
        ("backup.", say!("acts-backup")),
        ("schema.", say!("acts-schema")),
        ("signing-key.", say!("acts-signing-key")),
    ];
    kinds.map(|(code, name)| (code.to_owned(), name)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    /// Codes of acts that stand in this program's text, but for its tests, for what webhooks are told and for events of the log.
    fn codes(folder: &Path, found: &mut Vec<String>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.ends_with("src/hook") {
                continue;
            }
            if path.is_dir() {
                codes(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                let words: Vec<_> = text.split('"').collect();
                let logged = |pair: &[&str]| pair[0].ends_with("event = ");
                let written = |pair: &&[&str]| pair[0].ends_with(".entry(") || (is_code(pair[1]) && !logged(pair));
                found.extend(words.windows(2).filter(written).map(|pair| pair[1].to_owned()));
            }
        }
    }

    fn is_code(word: &str) -> bool {
        let Some((noun, verb)) = word.split_once('.') else { return false };
        let is_verb =
            !["", "html"].contains(&verb) && verb.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
        is_verb && kinds().iter().any(|(kind, _)| kind.strip_suffix('.') == Some(noun))
    }

    #[test]
    fn every_act_that_is_written_down_has_words() {
        let mut found = Vec::new();
        codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found.len() > 40, "{found:?}");
        let mute: Vec<_> = found.into_iter().filter(|code| act(code).is_none()).collect();
        assert_eq!(mute, Vec::<String>::new());
    }
}
