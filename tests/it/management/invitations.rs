//! Invitations by way of the API and of commands: how people join an organization without anybody knowing their name.

use super::cast::Cast;
use crate::support::{Answer, Ask, Pat, Site, eventually};
use serde_json::{Value, json};

const PASSWORD: &str = "fake correct horse battery";

impl Cast {
    async fn invite(&self, pat: &Pat, body: &Value) -> Answer {
        self.post(pat, "/organizations/acme/invitations", body).await
    }

    /// The value of a link by which somebody becomes this.
    async fn invitation(&self, role: &str) -> String {
        let made = self.invite(&self.ada, &json!({ "role": role })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["value"].as_str().unwrap().to_owned()
    }

    async fn join(&self, link: &str, name: &str) -> Answer {
        let body = json!({ "invitation": link, "name": name, "password": PASSWORD });
        self.bellhop.ask_admin(&Ask::post("/api/v1/invitations/join").json(&body)).await
    }

    async fn accept(&self, pat: &Pat, link: &str) -> Answer {
        self.post(pat, "/invitations/accept", &json!({ "invitation": link })).await
    }

    async fn what_is(&self, link: &str) -> Answer {
        self.bellhop.ask_admin(&Ask::post("/api/v1/invitations/show").json(&json!({ "invitation": link }))).await
    }
}

#[tokio::test]
async fn somebody_new_joins_with_a_link_once() {
    let cast = Cast::assemble().await;
    let link = cast.invitation("maintainer").await;
    let shown = cast.what_is(&link).await.json();
    assert_eq!(
        (&shown["organization"], &shown["role"], &shown["by"]),
        (&json!("acme"), &json!("maintainer"), &json!("ada"))
    );

    let joined = cast.join(&link, "mary@example.org").await;

    assert_eq!((joined.status, &joined.json()["role"]), (201, &json!("maintainer")), "{}", joined.text());
    let login = json!({ "user": "mary@example.org", "password": PASSWORD, "token": "desk" });
    let mary = cast.bellhop.ask_admin(&Ask::post("/api/v1/login").json(&login)).await;
    let mary = Pat::printed(mary.json()["value"].as_str().unwrap());
    let who = cast.get(&mary, "/whoami").await.json();
    assert_eq!((&who["admin"], &who["user"]["organizations"][0]["role"]), (&json!(false), &json!("maintainer")));
    cast.join(&link, "another").await.assert_problem(404, "not-found");
    cast.what_is(&link).await.assert_problem(404, "not-found");
    assert!(cast.get(&cast.iris, "/users?name=another").await.items().is_empty(), "an account without an invitation");
    let trail = cast.get(&cast.iris, "/audit?subject=acme&action=member.joined").await.items();
    assert_eq!(trail[0]["user"], "mary@example.org");
    assert!(trail[0]["detail"].as_str().unwrap().contains("maintainer, invited by ada"), "{}", trail[0]);
    let made = cast.get(&cast.iris, "/audit?subject=acme&action=invitation.made").await;
    assert!(made.items().len() == 1 && !made.text().contains(&link), "{}", made.text());
}

#[tokio::test]
async fn somebody_with_an_account_joins_with_it_and_keeps_what_they_are() {
    let cast = Cast::assemble().await;
    let link = cast.invitation("owner").await;

    // Who is in it already is not raised by a link that was meant for another.
    let told = cast.accept(&cast.alan, &link).await.assert_problem(409, "conflict");
    assert!(told["detail"].as_str().unwrap().contains("you are in acme already, as member"), "{told}");
    assert_eq!(cast.accept(&cast.eve, &link).await.json()["role"], "owner");

    assert_eq!(cast.get(&cast.eve, "/organizations/acme").await.json()["role"], "owner");
    assert_eq!(cast.get(&cast.eve, "/whoami").await.json()["admin"], false);
    cast.accept(&cast.iris, &link).await.assert_problem(404, "not-found");
    let narrow = json!({ "name": "narrow", "scopes": ["manage"], "contexts": ["me"] });
    let narrow = cast.post(&cast.iris, "/tokens", &narrow).await.json();
    let link = cast.invitation("member").await;
    let refused = cast.accept(&Pat::printed(narrow["value"].as_str().unwrap()), &link).await;
    refused.assert_problem(403, "not-allowed");
}

#[tokio::test]
async fn no_invitation_takes_over_an_account() {
    let cast = Cast::assemble().await;
    let link = cast.invitation("owner").await;

    let taken = cast.join(&link, "iris").await.assert_problem(409, "conflict");

    assert!(taken["detail"].as_str().unwrap().contains("there is a user `iris` already"), "{taken}");
    let login = json!({ "user": "iris", "password": PASSWORD, "token": "desk" });
    let login = cast.bellhop.ask_admin(&Ask::post("/api/v1/login").json(&login)).await;
    login.assert_problem(401, "wrong-password");
    let short = json!({ "invitation": link, "name": "mary", "password": "fake short" });
    let short = cast.bellhop.ask_admin(&Ask::post("/api/v1/invitations/join").json(&short)).await;
    assert_eq!(short.assert_problem(422, "invalid")["field"], "password");
    // What came to nothing has used nothing up.
    assert_eq!(cast.join(&link, "mary").await.status, 201);
}

#[tokio::test]
async fn an_invitation_is_revoked_and_ends() {
    let cast = Cast::assemble().await;
    let made = cast.invite(&cast.ada, &json!({ "role": "member" })).await.json();
    let (id, link) = (made["id"].as_str().unwrap(), made["value"].as_str().unwrap());
    let listed = cast.get(&cast.ada, "/organizations/acme/invitations").await;
    assert!(!listed.text().contains(link), "shown twice");
    assert_eq!((listed.items().len(), &listed.items()[0]["void"]), (1, &json!(false)));
    let path = format!("/organizations/acme/invitations/{id}");
    cast.add_organization("gamma").await;
    let elsewhere = format!("/organizations/gamma/invitations/{id}");
    cast.delete(&cast.ada, &elsewhere).await.assert_problem(404, "not-found");

    assert_eq!(cast.delete(&cast.ada, &path).await.status, 204);

    cast.accept(&cast.eve, link).await.assert_problem(404, "not-found");
    cast.delete(&cast.ada, &path).await.assert_problem(404, "not-found");
    assert!(cast.get(&cast.ada, "/organizations/acme/invitations").await.items().is_empty());
    for expires in ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"] {
        let refused = cast.invite(&cast.ada, &json!({ "role": "member", "expires": expires })).await;
        assert_eq!(refused.assert_problem(422, "invalid")["field"], "expires");
    }
    cast.invite(&cast.ada, &json!({ "role": "admin" })).await.assert_problem(400, "bad-request");
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() + 600;
    let soon = jiff::Timestamp::from_millisecond(i64::try_from(soon).unwrap()).unwrap().to_string();
    let short = cast.invite(&cast.ada, &json!({ "role": "member", "expires": soon })).await.json();
    let short = short["value"].as_str().unwrap();
    eventually("it is over", async || cast.what_is(short).await.status == 404).await;
    cast.accept(&cast.eve, short).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn an_invitation_is_worth_what_its_maker_may_do_when_it_is_opened() {
    let cast = Cast::assemble().await;
    cast.set_member("acme", "grace", "owner").await;
    let made = cast.invite(&cast.grace, &json!({ "role": "owner" })).await.json();
    let link = made["value"].as_str().unwrap();
    let void = async || cast.get(&cast.ada, "/organizations/acme/invitations").await.items()[0]["void"].clone();
    let disabled = async |disabled: bool| {
        let body = json!({ "disabled": disabled });
        assert_eq!(cast.ask(Some(&cast.iris), "PATCH", "/users/grace", Some(&body)).await.status, 200);
    };

    disabled(true).await;
    assert_eq!(void().await, true);
    cast.accept(&cast.eve, link).await.assert_problem(404, "not-found");
    disabled(false).await;
    assert_eq!(void().await, false);
    cast.set_member("acme", "grace", "maintainer").await;
    assert_eq!(void().await, true);
    cast.accept(&cast.eve, link).await.assert_problem(404, "not-found");
    // Nor does she come back in by it.
    assert_eq!(cast.delete(&cast.ada, "/organizations/acme/members/grace").await.status, 204);
    cast.accept(&cast.grace, link).await.assert_problem(404, "not-found");
    cast.join(link, "grace2").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn an_invitation_goes_with_its_organization() {
    let cast = Cast::assemble().await;
    let link = cast.invitation("owner").await;
    assert_eq!(cast.delete(&cast.ada, "/organizations/acme").await.status, 204);
    cast.accept(&cast.eve, &link).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn guesses_of_links_count_against_their_network() {
    let cast = Cast::at(Site::empty().set("limits.failed_lookups", "3/h")).await;
    let link = cast.invitation("member").await;
    cast.what_is("fake-link").await.assert_problem(404, "not-found");
    cast.join("fake-link", "mary").await.assert_problem(404, "not-found");
    // So do names that somebody tries, who holds a link.
    cast.join(&link, "iris").await.assert_problem(409, "conflict");
    cast.join(&link, "ada").await.assert_problem(429, "throttled");
    cast.accept(&cast.eve, "fake-link").await.assert_problem(429, "throttled");
    cast.what_is("fake-link").await.assert_problem(429, "throttled");
}

#[tokio::test]
async fn two_who_open_a_link_at_once_are_not_both_members() {
    let cast = Cast::assemble().await;
    let link = cast.invitation("member").await;
    let (one, other) = tokio::join!(cast.accept(&cast.eve, &link), cast.accept(&cast.iris, &link));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
    assert_eq!(cast.get(&cast.ada, "/organizations/acme").await.json()["members"], 4);
}

#[tokio::test]
async fn invitations_are_made_and_revoked_from_another_machine() {
    let cast = Cast::assemble().await;
    let there = cast.elsewhere(&cast.ada);

    let made = there.run(&["org", "invite", "acme", "--role", "maintainer", "--expires", "3d"]).await.assert_code(0);

    let link = made.out.trim();
    let start = format!("http://{}/join/", cast.bellhop.addresses.admin);
    let value = link.strip_prefix(&start).unwrap_or_else(|| panic!("{link}"));
    assert!(made.err.contains("joins acme as a maintainer"), "{}", made.err);
    assert_eq!(cast.what_is(value).await.json()["role"], "maintainer");
    let listed = there.run(&["org", "invitation", "list", "acme", "--json"]).await.assert_code(0).json();
    assert_eq!((&listed[0]["by"], &listed[0]["role"]), (&json!("ada"), &json!("maintainer")));
    there.run(&["org", "invitation", "revoke", "acme", listed[0]["id"].as_str().unwrap()]).await.assert_code(0);
    cast.what_is(value).await.assert_problem(404, "not-found");
    let refused = cast.elsewhere(&cast.grace).run(&["org", "invite", "acme"]).await.assert_code(1);
    assert!(refused.err.contains("only owners of acme may do it"), "{}", refused.err);
    // At the machine itself, where nobody in particular asks.
    let here = cast.bellhop.run(&["org", "invite", "acme", "--json"]).await.assert_code(0).json();
    let value = here["link"].as_str().unwrap().rsplit('/').next().unwrap();
    let shown = cast.what_is(value).await.json();
    assert_eq!((&shown["by"], &shown["role"]), (&Value::Null, &json!("member")));
}
