//! Who is told of what happens.

use super::{Body, Row, Subject};
use serde_json::json;

/// Nobody is there, and nobody is asked for.
const NEW: Body = |_| json!({ "url": "https://127.0.0.1:1/" });

pub fn webhooks() -> Vec<Row> {
    use Subject::{CentralWebhook, Organization, Webhook};
    let of_acme = |row: Row, done: u16| row.about(Webhook).gives([401, 403, 404, 403, 403, done, done]);
    let central = |row: Row, done: u16| row.about(CentralWebhook).gives([401, 403, 404, 404, 404, 404, done]);
    let each: [(fn() -> Row, u16); 5] = [
        (|| Row::get("/webhooks/{id}"), 200),
        (|| Row::patch("/webhooks/{id}").sends(|_| json!({ "enabled": false })), 200),
        (|| Row::post("/webhooks/{id}/secret"), 201),
        (|| Row::post("/webhooks/{id}/test"), 200),
        (|| Row::delete("/webhooks/{id}"), 204),
    ];
    let rows = vec![
        Row::get("/organizations/{organization}/webhooks")
            .about(Organization)
            .gives([401, 403, 404, 403, 403, 200, 200]),
        Row::post("/organizations/{organization}/webhooks")
            .about(Organization)
            .sends(NEW)
            .gives([401, 403, 404, 403, 403, 201, 201]),
        Row::get("/webhooks").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::post("/webhooks").sends(NEW).gives([401, 403, 403, 403, 403, 403, 201]),
    ];
    rows.into_iter()
        .chain(each.into_iter().flat_map(|(row, done)| [of_acme(row(), done), central(row(), done)]))
        .collect()
}
