//! Getting in, and personal access tokens.

use super::{Row, Subject};
use serde_json::json;

pub fn tokens() -> Vec<Row> {
    use Subject::Token;
    vec![
        Row::get("/whoami").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/tokens").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/tokens").query("?user=alan").gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/tokens").query("?user=*").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::post("/tokens").sends(|name| json!({ "name": name })).gives([401, 403, 201, 201, 201, 201, 201]),
        Row::post("/tokens")
            .sends(|name| json!({ "name": name, "user": "alan" }))
            .gives([401, 403, 404, 201, 404, 404, 201]),
        Row::get("/tokens/{id}").about(Token).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::patch("/tokens/{id}")
            .about(Token)
            .sends(|_| json!({ "providers": ["ionq"] }))
            .gives([401, 403, 404, 200, 404, 404, 200]),
        Row::delete("/tokens/{id}").about(Token).gives([401, 403, 404, 204, 404, 404, 204]),
        // What nobody has to have signed in for.
        Row::post("/login")
            .sends(|name| json!({ "user": name, "password": "fake wrong", "token": "t" }))
            .gives([401; 7]),
        Row::post("/links/redeem")
            .sends(|_| json!({ "link": "fake", "password": "fake and long enough" }))
            .gives([404; 7]),
        Row::get("/sessions").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::delete("/sessions").gives([401, 403, 204, 204, 204, 204, 204]),
        Row::delete("/sessions/{id}").gives([401, 403, 404, 404, 404, 404, 404]),
        Row::put("/password")
            .sends(|_| json!({ "old": "fake wrong", "new": "fake and long enough" }))
            .gives([401, 403, 422, 422, 422, 422, 422]),
        Row::post("/users/{user}/link").gives([401, 403, 403, 403, 403, 403, 201]),
        // There is no identity provider here.
        Row::put("/users/{user}/identity")
            .sends(|_| json!({ "subject": "fake-subject" }))
            .gives([401, 403, 404, 403, 404, 404, 409]),
        Row::delete("/users/{user}/identity").gives([401, 403, 404, 403, 404, 404, 404]),
        // Whoever has found a token may end it.
        Row::post("/tokens/revoke")
            .about(Token)
            .sends(|value| json!({ "value": value }))
            .gives([401, 403, 200, 200, 200, 200, 200]),
    ]
}
