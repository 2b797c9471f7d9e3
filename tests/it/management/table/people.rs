//! Users, organizations, their members and projects.

use super::{Body, Row, Subject};
use serde_json::json;

pub fn users() -> Vec<Row> {
    use Subject::User;
    vec![
        Row::get("/contexts").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/users").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::get("/users").query("?name=alan").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::get("/users").query("?search=ALA").gives([401, 403, 403, 403, 403, 403, 200]),
        Row::post("/users").sends(NEW).gives([401, 403, 403, 403, 403, 403, 201]),
        Row::get("/users/{user}").gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/users/{user}").about(User).gives([401, 403, 404, 404, 404, 404, 200]),
        // One's own account, and somebody else's.
        Row::patch("/users/{user}").sends(|_| json!({})).gives([401, 403, 404, 403, 404, 404, 200]),
        Row::patch("/users/{user}")
            .about(User)
            .sends(|_| json!({ "disabled": true }))
            .gives([401, 403, 404, 404, 404, 404, 200]),
        Row::delete("/users/{user}").about(User).gives([401, 403, 404, 404, 404, 404, 204]),
        Row::get("/users/{user}/consequences").gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/users/{user}/consequences").about(User).gives([401, 403, 404, 404, 404, 404, 200]),
        Row::put("/users/{user}/active").sends(ACTIVE).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::put("/users/{user}/active").about(User).sends(ACTIVE).gives([401, 403, 404, 404, 404, 404, 200]),
    ]
}

pub fn organizations() -> Vec<Row> {
    use Subject::Organization;
    vec![
        Row::get("/organizations").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::post("/organizations").sends(NEW).gives([401, 403, 403, 403, 403, 403, 201]),
        Row::get("/organizations/{organization}").about(Organization).gives([401, 403, 404, 200, 200, 200, 200]),
        Row::patch("/organizations/{organization}")
            .about(Organization)
            .sends(NEW)
            .gives([401, 403, 404, 403, 403, 200, 200]),
        Row::delete("/organizations/{organization}").about(Organization).gives([401, 403, 404, 403, 403, 204, 204]),
        Row::get("/organizations/{organization}/consequences")
            .about(Organization)
            .gives([401, 403, 404, 403, 403, 200, 200]),
    ]
}

pub fn members() -> Vec<Row> {
    use Subject::{Member, Organization};
    vec![
        Row::get("/organizations/{organization}/members")
            .about(Organization)
            .gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/organizations/{organization}/members/{user}")
            .about(Member)
            .gives([401, 403, 404, 200, 200, 200, 200]),
        Row::put("/organizations/{organization}/members/{user}")
            .about(Member)
            .sends(ROLE)
            .gives([401, 403, 404, 403, 403, 200, 200]),
        Row::delete("/organizations/{organization}/members/{user}")
            .about(Member)
            .gives([401, 403, 404, 403, 403, 204, 204]),
        Row::get("/organizations/{organization}/members/{user}/consequences")
            .about(Member)
            .gives([401, 403, 404, 403, 403, 200, 200]),
        // Alan leaves.
        Row::get("/organizations/{organization}/members/{user}/consequences")
            .about(Organization)
            .gives([401, 403, 404, 200, 403, 200, 200]),
        Row::delete("/organizations/{organization}/members/{user}")
            .about(Organization)
            .gives([401, 403, 404, 204, 403, 204, 204]),
    ]
}

pub fn invitations() -> Vec<Row> {
    use Subject::{Invitation, Organization};
    vec![
        Row::get("/organizations/{organization}/invitations")
            .about(Organization)
            .gives([401, 403, 404, 403, 403, 200, 200]),
        Row::post("/organizations/{organization}/invitations")
            .about(Organization)
            .sends(|_| json!({ "role": "member" }))
            .gives([401, 403, 404, 403, 403, 201, 201]),
        Row::delete("/organizations/{organization}/invitations/{id}")
            .about(Invitation)
            .gives([401, 403, 404, 403, 403, 204, 204]),
        // What nobody has to have signed in for.
        Row::post("/invitations/show").about(Invitation).sends(PRESENTED).gives([200; 7]),
        Row::post("/invitations/join").about(Invitation).sends(JOINING).gives([201; 7]),
        // Who is in it already stays what they are.
        Row::post("/invitations/accept").about(Invitation).sends(PRESENTED).gives([401, 403, 200, 409, 409, 409, 200]),
    ]
}

pub fn projects() -> Vec<Row> {
    use Subject::{Colleague, OwnProject, Project};
    vec![
        Row::get("/projects").query("?of=me").gives([401, 403, 200, 200, 200, 200, 200]),
        Row::get("/projects").query("?of=me&user=alan").gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/projects").query("?of=acme").gives([401, 403, 404, 200, 200, 200, 200]),
        Row::post("/projects").query("?of=me").sends(NEW).gives([401, 403, 201, 201, 201, 201, 201]),
        Row::post("/projects").query("?of=me&user=alan").sends(NEW).gives([401, 403, 404, 201, 404, 404, 201]),
        Row::post("/projects").query("?of=acme").sends(NEW).gives([401, 403, 404, 403, 201, 201, 201]),
        Row::get("/projects/{id}").about(Project).gives([401, 403, 404, 200, 200, 200, 200]),
        Row::get("/projects/{id}").about(OwnProject).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::patch("/projects/{id}").about(Project).sends(NEW).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::patch("/projects/{id}").about(OwnProject).sends(NEW).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::get("/projects/{id}/consequences").about(Project).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::get("/projects/{id}/consequences").about(OwnProject).gives([401, 403, 404, 200, 404, 404, 200]),
        Row::delete("/projects/{id}").about(Project).gives([401, 403, 404, 403, 204, 204, 204]),
        Row::delete("/projects/{id}").about(OwnProject).gives([401, 403, 404, 204, 404, 404, 204]),
        Row::put("/projects/{id}/members/{user}").about(Colleague).gives([401, 403, 404, 403, 200, 200, 200]),
        Row::put("/projects/{id}/members/{user}").about(OwnProject).gives([401, 403, 404, 409, 404, 404, 409]),
        Row::delete("/projects/{id}/members/{user}").about(Colleague).gives([401, 403, 404, 403, 204, 204, 204]),
        Row::delete("/projects/{id}/members/{user}").about(OwnProject).gives([401, 403, 404, 409, 404, 404, 409]),
    ]
}

const PRESENTED: Body = |value| json!({ "invitation": value });
const JOINING: Body =
    |value| json!({ "invitation": value, "name": format!("new.{}", &value[..20]), "password": "fake and long enough" });
const NEW: Body = |name| json!({ "name": format!("new-{name}") });
// None: acme goes on to pay for what alan submits.
const ACTIVE: Body = |_| json!({ "context": null });
const ROLE: Body = |_| json!({ "role": "maintainer" });
