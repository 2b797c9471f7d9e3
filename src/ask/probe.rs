//! Whether a credential is good, and whose it is: the preset's harmless request, asked with the credential attached.
//! Owns nothing.
//! Never changes anything at the provider, and says no more of its answer than a status and an account.

use super::{Answered, Asker, Question, Unanswered, send};
use crate::{provider::Preset, store::Verdict, upstream::Upstreams};
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use std::{rc::Rc, time::Duration};

/// What a provider says of a credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub verdict: Verdict,
    /// Whom the provider sees.
    pub account: Option<Box<str>>,
    /// In words, for who asked.
    pub because: String,
}

/// Somebody sits there and waits.
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_ACCOUNT: usize = 200;

/// Asks, on the runtime of these connections. `None`: the preset has no probe.
pub async fn probe(upstreams: &Rc<Upstreams>, asker: Asker<'_>) -> Option<Finding> {
    let preset = asker.provider.preset();
    let probe = preset.probe.as_ref()?;
    let question = Question { method: probe.method.clone(), target: probe.target.to_string(), body: Bytes::new() };
    Some(judge(preset, send(upstreams, asker, question, PATIENCE).await))
}

fn judge(preset: &Preset, answered: Result<Answered, Unanswered>) -> Finding {
    let finding = |verdict, because| Finding { verdict, account: None, because };
    let answered = match answered {
        Ok(answered) => answered,
        Err(error @ Unanswered::Credential) => return finding(Verdict::Refused, error.to_string()),
        Err(Unanswered::NoAccess(error)) if error.is_refusal() => return finding(Verdict::Refused, error.to_string()),
        Err(error) => return finding(Verdict::Unreachable, error.to_string()),
    };
    let status = answered.status;
    let said = format!("{} answered {}", preset.name, status.as_u16());
    if status.is_success() {
        let account = account(preset, &answered.body);
        return Finding { verdict: Verdict::Valid, account, because: said };
    }
    // Where 403 is no word about the credential, the preset's probe is one that every good credential may ask.
    if preset.refusals.contains(&status) || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return finding(Verdict::Refused, said);
    }
    finding(Verdict::Unreachable, format!("{said}, which says nothing about the credential"))
}

/// One line of plain text, or nothing.
fn account(preset: &Preset, body: &[u8]) -> Option<Box<str>> {
    let pointer = preset.probe.as_ref()?.account.as_ref()?;
    let document: Value = serde_json::from_slice(body).ok()?;
    let text = match *pointer.values(&document).first()? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let plain = !text.is_empty() && text.len() <= LONGEST_ACCOUNT && !text.chars().any(char::is_control);
    // A secret that was sent back has been masked, and is nobody's name.
    (plain && !text.bytes().all(|b| b == b'*')).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;
    use bytes::Bytes;
    use http::Method;
    use proptest::prelude::*;

    fn found(status: u16, body: &str) -> Finding {
        let catalog = Catalog::shipped().unwrap();
        let answered = Answered {
            method: Method::GET,
            target: String::new(),
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        judge(catalog.find("ionq").unwrap().preset(), Ok(answered))
    }

    #[test]
    fn a_status_says_whether_a_credential_is_good() {
        let good = found(200, r#"{"project_id":"p-1"}"#);
        assert_eq!((good.verdict, good.account.as_deref()), (Verdict::Valid, Some("p-1")));
        for (status, verdict) in [
            (204, Verdict::Valid),
            (401, Verdict::Refused),
            (403, Verdict::Refused),
            (302, Verdict::Unreachable),
            (404, Verdict::Unreachable),
            (503, Verdict::Unreachable),
        ] {
            assert_eq!((found(status, "").verdict, found(status, "").account), (verdict, None), "{status}");
        }
    }

    #[test]
    fn what_is_no_name_is_no_account() {
        for body in ["<html>", r#"{"project_id":[]}"#, r#"{"project_id":""}"#, r#"{"project_id":"a\nb"}"#] {
            assert_eq!(found(200, body).account, None, "{body}");
        }
        assert_eq!(found(200, r#"{"project_id":"********"}"#).account, None);
        assert_eq!(found(200, r#"{"project_id":7}"#).account.as_deref(), Some("7"));
    }

    proptest! {
        #[test]
        fn any_answer_has_an_account_of_one_line_or_none(body in r#"\{?"project_id":("[^"]{0,300}"|[0-9]{0,5}|null)\}?"#) {
            let account = found(200, &body).account;
            prop_assert!(account.is_none_or(|text| text.len() <= LONGEST_ACCOUNT && !text.chars().any(char::is_control)));
        }
    }
}
