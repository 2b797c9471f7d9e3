//! Jobs and what they cost, quotas, and the audit trail.

use super::{Row, Subject};
use serde_json::json;

pub fn jobs() -> Vec<Row> {
    use Subject::{Job, Lost, Quota};
    vec![
        Row::get("/jobs").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/jobs").query("?user=alan").gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/jobs").query("?user=*").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::get("/jobs").query("?organization=acme").gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/jobs").query("?organization=acme&user=grace").gives([401, 403, 404, 404, 200, 200, 200]),
        Row::get("/jobs/{provider}/{id}").about(Job).gives([401, 403, 404, 200, 200, 200, 200]),
        Row::post("/jobs/{provider}/{id}/cancel").about(Job).gives([401, 403, 404, 200, 200, 200, 200]),
        Row::post("/jobs/{provider}/{id}/adopt")
            .about(Job)
            .sends(|_| json!({ "to": "grace" }))
            .gives([401, 403, 404, 403, 200, 200, 200]),
        Row::get("/submissions").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/submissions").query("?organization=acme").gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/submissions/{id}").about(Lost).gives([401, 403, 404, 200, 200, 200, 200]),
        Row::post("/submissions/{id}/adopt")
            .about(Lost)
            .sends(|id| json!({ "provider": "ionq", "job": id, "to": "alan" }))
            .gives([401, 403, 404, 403, 200, 200, 200]),
        Row::post("/submissions/{id}/refuse").about(Lost).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::get("/usage").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/usage").query("?organization=acme").gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/usage").query("?organization=acme&per=day").gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/usage").query("?user=*").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::get("/quotas").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/quotas").query("?of=acme").gives([401, 403, 404, 403, 200, 200, 200]),
        Row::get("/quotas").query("?of=*").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::put("/quotas")
            .sends(|_| json!({ "context": "acme", "measure": "money", "period": "month", "limit": "100" }))
            .gives([401, 403, 404, 403, 403, 200, 200]),
        // What binds a person is the operator's.
        Row::put("/quotas")
            .sends(|_| json!({ "user": "alan", "measure": "jobs", "period": "day", "limit": "100" }))
            .gives([401, 403, 404, 403, 404, 404, 200]),
        Row::get("/quotas/{id}").about(Quota).gives([401, 403, 404, 200, 200, 200, 200]),
        Row::delete("/quotas/{id}").about(Quota).gives([401, 403, 404, 403, 403, 204, 204]),
        Row::get("/audit").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::get("/audit").query("?actor=me").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/audit").query("?actor=alan").gives([401, 403, 403, 200, 403, 403, 200]),
        Row::get("/audit/verify").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::post("/audit/verify").sends(|_| json!({ "checkpoints": [] })).gives([401, 403, 403, 403, 403, 403, 200]),
    ]
}
