//! A question about one job: how it stands, or that it be cancelled.
//! Owns nothing; it is the preset's own operation.
//! Never made up: a preset without such an operation is not asked.

use super::{Answered, Asker, Unanswered, send};
use crate::{
    job::{JOB, Thing},
    provider::{
        Operation, Provider,
        preset::operation::{Kind, Place},
    },
    upstream::Upstreams,
};
use http::Method;
use std::{rc::Rc, time::Duration};

const PATIENCE: Duration = Duration::from_secs(60);

/// Asks, on the runtime of these connections.
pub async fn ask(upstreams: &Rc<Upstreams>, asker: Asker<'_>, kind: Kind, job: &Thing) -> Result<Answered, Unanswered> {
    let question = request(asker.provider, kind, job).ok_or(Unanswered::NoWay)?;
    send(upstreams, asker, question, PATIENCE).await
}

/// The operation of this kind that is about exactly one job, which stands in its path, and nothing else.
fn request(provider: &Provider, kind: Kind, job: &Thing) -> Option<(Method, String)> {
    let operations = provider.preset().operations.iter().filter(|operation| operation.kind == kind);
    let mut found = operations.filter_map(|operation| Some((operation, of_one_job(operation, job)?)));
    let telling = |(operation, _): &(&Operation, _)| !operation.reads.status.is_empty();
    let first = found.next()?;
    if telling(&first) { Some(first.1) } else { found.find(telling).or(Some(first)).map(|(_, request)| request) }
}

fn of_one_job(operation: &Operation, job: &Thing) -> Option<(Method, String)> {
    let [only] = &*operation.uses else { return None };
    let Place::Path(name) = &only.id else { return None };
    if *only.kind != *JOB {
        return None;
    }
    operation.patterns.iter().find_map(|pattern| {
        let (method, target) = pattern.fill(|capture| (*capture == **name).then_some(&*job.id))?;
        Some((Method::from_bytes(method.as_bytes()).ok()?, target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;

    #[test]
    fn the_shipped_presets_say_how_to_ask_about_a_job() {
        let catalog = Catalog::shipped().unwrap();
        let job = Thing { kind: JOB.into(), id: "a/b 1".into() };
        let asked = |id: &str, kind| request(catalog.find(id).unwrap(), kind, &job).map(|(m, t)| format!("{m} {t}"));
        assert_eq!(asked("ionq", Kind::Poll).as_deref(), Some("GET /v0.4/jobs/a%2Fb%201"));
        assert_eq!(asked("ionq", Kind::Cancel).as_deref(), Some("PUT /v0.4/jobs/a%2Fb%201/status/cancel"));
        assert_eq!(asked("dwave", Kind::Poll).as_deref(), Some("GET /sapi/v2/problems/a%2Fb%201"));
        assert_eq!(asked("dwave", Kind::Cancel).as_deref(), Some("DELETE /sapi/v2/problems/a%2Fb%201"));
    }
}
