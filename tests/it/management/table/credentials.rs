//! What pays, and which of it would.

use super::{Row, Subject};
use crate::support::ACME_KEY;
use serde_json::{Value, json};

pub fn credentials() -> Vec<Row> {
    use Subject::{OfProject, Own, Provider, Room, Shared};
    vec![
        Row::get("/credentials").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/credentials").query("?context=acme").gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/credentials").query("?context=me&user=alan").gives([401, 403, 404, 200, 404, 404, 200]),
        Row::post("/credentials").about(Room).sends(|_| key_of("me")).gives([401, 403, 201, 201, 201, 201, 201]),
        Row::post("/credentials").about(Room).sends(|_| key_of("acme")).gives([401, 403, 404, 403, 201, 201, 201]),
        Row::post("/credentials")
            .about(Room)
            .sends(|_| key_of("acme.optics"))
            .gives([401, 403, 404, 403, 201, 201, 201]),
        Row::get("/credentials/{id}").about(Shared).gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/credentials/{id}").about(OfProject).gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/credentials/{id}").about(Own).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::patch("/credentials/{id}").about(Shared).sends(|_| named("x")).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::patch("/credentials/{id}")
            .about(OfProject)
            .sends(|_| named("x"))
            .gives([401, 403, 404, 403, 200, 200, 200]),
        Row::patch("/credentials/{id}").about(Own).sends(|_| named("x")).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::delete("/credentials/{id}").about(Shared).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::delete("/credentials/{id}").query("?force=true").about(Own).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::post("/credentials/{id}/versions")
            .about(Shared)
            .sends(|_| rotated())
            .gives([401, 403, 404, 403, 201, 201, 201]),
        Row::post("/credentials/{id}/versions")
            .about(Own)
            .sends(|_| rotated())
            .gives([401, 403, 404, 201, 404, 404, 201]),
        Row::post("/credentials/{id}/probe").about(Shared).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::post("/credentials/{id}/probe").about(Own).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/credentials/{id}/spenders").about(Shared).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::get("/credentials/{id}/spenders").about(Own).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/credentials/{id}/consequences").about(Shared).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::get("/credentials/{id}/consequences").about(Own).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/providers").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/providers/{id}").about(Provider).gives([401, 403, 200, 200, 200, 200, 200]),
        Row::post("/explain").sends(|_| json!({ "provider": "ionq" })).gives([401, 403, 200, 200, 200, 200, 200]),
        Row::post("/explain")
            .sends(|_| json!({ "provider": "ionq", "user": "alan" }))
            .gives([401, 403, 404, 200, 404, 404, 200]),
    ]
}

fn key_of(context: &str) -> Value {
    json!({ "context": context, "provider": "ionq", "fields": { "api_key": ACME_KEY } })
}

fn named(label: &str) -> Value {
    json!({ "label": label })
}

fn rotated() -> Value {
    json!({ "fields": { "api_key": ACME_KEY } })
}
