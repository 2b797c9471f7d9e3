//! A question about one job: how it stands, or that it be cancelled.
//! Owns nothing; it is the preset's own operation.
//! Never made up: a preset without such an operation is not asked.

use super::{Answered, Asker, Question, Unanswered, send};
use crate::{
    job::{JOB, Thing},
    provider::{
        Operation, Provider,
        preset::{
            document::{Document, Placeholder},
            operation::{Kind, Place},
        },
    },
    upstream::Upstreams,
};
use bytes::Bytes;
use http::Method;
use std::{rc::Rc, time::Duration};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// Asks, on the runtime of these connections.
pub async fn ask(upstreams: &Rc<Upstreams>, asker: Asker<'_>, kind: Kind, job: &Thing) -> Result<Answered, Unanswered> {
    let question = request(asker.provider, kind, job).ok_or(Unanswered::NoWay)?;
    send(upstreams, asker, question, PATIENCE).await
}

/// Whether the preset has an operation of this kind that is about one job.
pub fn has_way(provider: &Provider, kind: Kind, job: &Thing) -> bool {
    request(provider, kind, job).is_some()
}

/// The operation of this kind that is about exactly one job, which stands in its path, and nothing else.
fn request(provider: &Provider, kind: Kind, job: &Thing) -> Option<Question> {
    let operations = provider.preset().operations.iter().filter(|operation| operation.kind == kind);
    let mut found = operations.filter_map(|operation| Some((operation, of_one_job(operation, job)?)));
    let telling = |(operation, _): &(&Operation, _)| !operation.reads.status.is_empty();
    let first = found.next()?;
    if telling(&first) { Some(first.1) } else { found.find(telling).or(Some(first)).map(|(_, request)| request) }
}

fn of_one_job(operation: &Operation, job: &Thing) -> Option<Question> {
    let [only] = &*operation.uses else { return None };
    let Place::Path(name) = &only.id else { return None };
    if *only.kind != *JOB {
        return None;
    }
    operation.patterns.iter().find_map(|pattern| {
        let (method, target) = pattern.fill(|capture| (*capture == **name).then_some(&*job.id))?;
        let body = operation.sends.as_ref().map_or_else(Bytes::new, body);
        Some(Question { method: Method::from_bytes(method.as_bytes()).ok()?, target, body })
    })
}

fn body(document: &Document) -> Bytes {
    let value =
        |placeholder: Placeholder<'_>| (placeholder == Placeholder::Uuid).then(|| Uuid::now_v7().to_string().into());
    document.fill(&value).map_or_else(Bytes::new, |filled| filled.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;

    #[test]
    fn the_shipped_presets_say_how_to_ask_about_a_job() {
        let catalog = Catalog::shipped().unwrap();
        let job = Thing { kind: JOB.into(), id: "a/b 1".into() };
        let asked = |id: &str, kind| {
            request(catalog.find(id).unwrap(), kind, &job).map(|q| format!("{} {}", q.method, q.target))
        };
        assert_eq!(asked("ionq", Kind::Poll).as_deref(), Some("GET /v0.4/jobs/a%2Fb%201"));
        assert_eq!(asked("ionq", Kind::Cancel).as_deref(), Some("PUT /v0.4/jobs/a%2Fb%201/status/cancel"));
        assert_eq!(asked("dwave", Kind::Poll).as_deref(), Some("GET /sapi/v2/problems/a%2Fb%201"));
        assert_eq!(asked("dwave", Kind::Cancel).as_deref(), Some("DELETE /sapi/v2/problems/a%2Fb%201"));
        assert_eq!(asked("braket", Kind::Cancel).as_deref(), Some("PUT /braket/quantum-task/a%2Fb%201/cancel"));
    }

    #[test]
    fn a_cancel_has_the_body_that_its_preset_states_with_a_mark_of_its_own() {
        let catalog = Catalog::shipped().unwrap();
        let job = Thing { kind: JOB.into(), id: "arn:aws:braket:us-west-2:1:quantum-task/t1".into() };
        let body = |id, kind| request(catalog.find(id).unwrap(), kind, &job).unwrap().body;
        let mark = || {
            let sent: serde_json::Value = serde_json::from_slice(&body("braket", Kind::Cancel)).unwrap();
            assert_eq!(sent.as_object().unwrap().len(), 1);
            sent["clientToken"].as_str().unwrap().parse::<Uuid>().unwrap()
        };
        assert_ne!(mark(), mark());
        assert!(body("braket", Kind::Poll).is_empty() && body("ionq", Kind::Cancel).is_empty());
    }
}
