//! The pages of organizations: their members, projects, quotas and settings, by role.

use super::Browser;
use crate::{
    management::cast::Cast,
    support::{ACME_KEY, Answer, Site, Upstream},
};
use serde_json::json;

impl Answer {
    /// A form that was carried out, and where it led.
    #[track_caller]
    pub fn led(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text());
        self.header("location").unwrap()
    }

    /// A form that was not, with what is wrong.
    #[track_caller]
    pub fn assert_told(&self, what: &str) -> String {
        let text = self.text();
        assert!(self.status == 422 && text.contains("role=\"alert\""), "{} {text}", self.status);
        assert!(text.contains(what), "no `{what}` in {text}");
        text
    }
}

#[tokio::test]
async fn an_owner_adds_members_changes_their_roles_and_removes_them() {
    let cast = Cast::assemble().await;
    let mut ada = Browser::of(&cast, "ada").await;
    let members = "/organizations/acme/members";

    assert_eq!(
        ada.fill(members, &[("name", "eve"), ("role", "maintainer")]).await.led(),
        format!("{members}?said=added")
    );

    let list = ada.read(&format!("{members}?said=added")).await;
    assert!(list.contains("role=\"status\">Added.") && list.contains(&format!("href=\"{members}/eve\"")), "{list}");
    let again = ada.fill(members, &[("name", "eve"), ("role", "owner")]).await;
    again.assert_told("Eve is in it already, as maintainer: change their role instead.");
    let text =
        ada.fill(members, &[("name", "nobody"), ("role", "owner")]).await.assert_told("There is no user nobody here");
    assert!(text.contains("value=\"nobody\"") && text.contains("value=\"owner\" checked"), "{text}");
    ada.fill(members, &[("name", "eve"), ("role", "king")]).await.assert_told("Role: expected owner");
    assert!(ada.read(&format!("{members}/eve")).await.contains("value=\"maintainer\" checked"));
    assert_eq!(ada.fill(&format!("{members}/eve"), &[("role", "member")]).await.led(), format!("{members}?said=saved"));
    assert_eq!(cast.get(&cast.eve, "/organizations/acme").await.json()["role"], "member");
    let asked = ada.read(&format!("{members}/eve/remove")).await;
    assert!(asked.contains("Remove eve from acme?") && asked.contains("You can add eve again"), "{asked}");
    assert_eq!(ada.fill(&format!("{members}/eve/remove"), &[]).await.led(), format!("{members}?said=removed"));
    // In two tabs: it is as it was wanted, and nobody comes back by a form that changes.
    assert_eq!(ada.fill(&format!("{members}/eve/remove"), &[]).await.status, 303);
    assert_eq!(ada.fill(&format!("{members}/eve"), &[("role", "owner")]).await.status, 404);
    ada.fill(&format!("{members}/ada"), &[("role", "member")]).await.assert_told("Ada is the last owner of acme");
    ada.fill(&format!("{members}/ada/remove"), &[]).await.assert_told("acme has no other owner");
}

#[tokio::test]
async fn what_leaving_breaks_is_told_in_numbers() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    cast.lost_by_alan().await;
    let pinned = json!({ "name": "pinned", "scopes": ["run"], "context": "acme" });
    assert_eq!(cast.post(&cast.alan, "/tokens", &pinned).await.status, 201);
    let mut alan = Browser::of(&cast, "alan").await;
    let remove = "/organizations/acme/members/alan/remove";

    let asked = alan.read(remove).await;
    for told in [
        "Leave acme?",
        "acme pays for nothing you submit from now on, nor does the one project of it that lists you.",
        "1 token of yours is pinned to acme: requests with it are refused, and never paid by another purse.",
        "1 job of yours is still open, and acme pays for it: it goes on and is counted.",
        "Of 1 submission nobody knows what came: it still holds its share of the quotas",
    ] {
        assert!(asked.contains(told), "no `{told}` in {asked}");
    }
    let asked = Browser::of(&cast, "ada").await.read(remove).await;
    assert!(asked.contains("1 job of theirs is still open") && asked.contains("Remove alan from acme?"), "{asked}");
    assert_eq!(alan.fill(remove, &[]).await.led(), "/organizations?said=left");
    assert!(alan.read("/organizations?said=left").await.contains("An owner adds you by your name, alan"));
    assert_eq!(alan.get("/organizations/acme").await.status, 404);
}

#[tokio::test]
async fn what_a_role_does_not_permit_shows_no_button() {
    let cast = Cast::assemble().await;
    let acme = "/organizations/acme";
    for (name, manages, maintains) in
        [("alan", false, false), ("grace", false, true), ("ada", true, true), ("iris", true, true)]
    {
        let mut browser = Browser::of(&cast, name).await;
        let overview = browser.read(acme).await;
        assert_eq!(overview.contains(&format!("{acme}/settings")), manages, "{name}: {overview}");
        assert_eq!(overview.contains(&format!("{acme}/invitations")), manages, "{name}: {overview}");
        assert_eq!(overview.contains("/credentials/new?context=acme"), maintains, "{name}: {overview}");
        assert_eq!(overview.contains("Leave acme"), name != "iris", "{name}: {overview}");
        let members = browser.read(&format!("{acme}/members")).await;
        assert_eq!(members.contains("Add a member"), manages, "{name}: {members}");
        assert_eq!(members.contains(&format!("{acme}/members/grace/remove")), manages || name == "grace", "{members}");
        let projects = browser.read(&format!("{acme}/projects")).await;
        assert_eq!(projects.contains("Make a project"), maintains, "{name}: {projects}");
        let project = browser.read(&format!("{acme}/projects/optics")).await;
        assert_eq!(project.contains("Add to the project"), maintains, "{name}: {project}");
        assert_eq!(browser.read(&format!("{acme}/quotas")).await.contains("Set the quota"), manages, "{name}");
        let expected = if manages { 200 } else { 404 };
        for page in ["settings", "delete"] {
            assert_eq!(browser.get(&format!("{acme}/{page}")).await.status, expected, "{name}: {page}");
        }
        assert_eq!(browser.read("/organizations").await.contains("Make an organization"), name == "iris");
    }
    let mut eve = Browser::of(&cast, "eve").await;
    for page in
        ["", "/members", "/members/alan", "/invitations", "/projects", "/projects/optics", "/quotas", "/settings"]
    {
        assert_eq!(eve.get(&format!("{acme}{page}")).await.status, 404, "{page}");
        let nowhere = eve.get(&format!("/organizations/nowhere{page}")).await;
        assert_eq!(nowhere.status, 404, "{page}");
    }
    assert!(eve.read("/organizations").await.contains("You are in none yet"));
}

#[tokio::test]
async fn a_role_that_is_taken_away_holds_for_pages_that_are_open() {
    let cast = Cast::assemble().await;
    cast.set_member("acme", "grace", "owner").await;
    let mut grace = Browser::of(&cast, "grace").await;
    let csrf = grace.csrf("/organizations/acme/members").await;
    cast.set_member("acme", "grace", "member").await;

    let forms: [(&str, &[(&str, &str)]); 7] = [
        ("/organizations/acme/members", &[("name", "eve"), ("role", "owner")]),
        ("/organizations/acme/members/alan", &[("role", "owner")]),
        ("/organizations/acme/members/alan/remove", &[]),
        ("/organizations/acme/invitations", &[("role", "owner"), ("expires", "7")]),
        ("/organizations/acme/projects", &[("name", "new")]),
        ("/organizations/acme/settings", &[("name", "mine"), ("job_visibility", "all")]),
        ("/organizations/acme/delete", &[]),
    ];
    for (path, fields) in forms {
        let answer = grace.submit(path, &[&[("csrf", &*csrf)], fields].concat()).await;
        assert!(matches!(answer.status, 403 | 404 | 422), "{path}: {} {}", answer.status, answer.text());
    }

    assert_eq!(cast.get(&cast.ada, "/organizations/acme").await.json()["members"], 3);
    assert_eq!(cast.get(&cast.alan, "/organizations/acme").await.json()["role"], "member");
}

#[tokio::test]
async fn an_administrator_makes_an_organization_and_its_owner_settles_it() {
    let cast = Cast::assemble().await;
    let mut iris = Browser::of(&cast, "iris").await;
    let list = iris.read("/organizations").await;
    assert!(list.contains("name=\"owner\" value=\"iris\""), "{list}");

    let made = iris.fill("/organizations", &[("name", "gamma"), ("owner", "eve")]).await;

    assert_eq!(made.led(), "/organizations/gamma?said=made");
    iris.fill("/organizations", &[("name", "gamma"), ("owner", "eve")]).await.assert_told("There is an organization");
    let text = iris.fill("/organizations", &[("name", "delta"), ("owner", "nobody")]).await.assert_told("no such user");
    assert!(text.contains("value=\"delta\"") && text.contains("value=\"nobody\""), "{text}");
    iris.fill("/organizations", &[("name", "Two Words"), ("owner", "")]).await.assert_told("Name: ");
    let mut eve = Browser::of(&cast, "eve").await;
    let told = eve.fill("/organizations", &[("name", "mine")]).await.assert_told("Only an administrator");
    assert!(!told.contains("Make an organization"), "{told}");
    let settled = [("name", "gamma-lab"), ("job_visibility", "all")];
    let settled = eve.fill("/organizations/gamma/settings", &settled).await;
    assert_eq!(settled.led(), "/organizations/gamma-lab/settings?said=saved");
    assert!(eve.read("/organizations/gamma-lab").await.contains("everybody’s"));
    eve.fill("/organizations/gamma-lab/settings", &[("name", "acme")]).await.assert_told("already");
    let asked = eve.read("/organizations/gamma-lab/delete").await;
    assert!(asked.contains("Its only member loses it") && asked.contains("This cannot be undone"), "{asked}");
    assert_eq!(eve.fill("/organizations/gamma-lab/delete", &[]).await.led(), "/organizations?said=removed");
    assert_eq!(eve.fill("/organizations/gamma-lab/delete", &[]).await.status, 303, "pressed twice");
    assert_eq!(eve.get("/organizations/gamma-lab").await.status, 404);
}

#[tokio::test]
async fn a_maintainer_makes_projects_and_chooses_who_is_in_them() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.organization("acme").project("lasers", &["alan"]).project_key("lasers", ACME_KEY);
    let cast = Cast::at(site).await;
    let mut grace = Browser::of(&cast, "grace").await;
    let projects = "/organizations/acme/projects";

    assert_eq!(grace.fill(projects, &[("name", "spins")]).await.led(), format!("{projects}/spins?said=made"));

    grace.fill(projects, &[("name", "spins")]).await.assert_told("There is a project");
    let spins = format!("{projects}/spins");
    assert!(grace.read(&spins).await.contains("<option value=\"alan\">"));
    assert_eq!(
        grace.fill(&format!("{spins}/members"), &[("member", "alan")]).await.led(),
        format!("{spins}?said=saved")
    );
    let text =
        grace.fill(&format!("{spins}/members"), &[("member", "eve")]).await.assert_told("no such member of acme");
    assert!(text.contains("value=\"eve\""), "{text}");
    assert!(grace.read(&format!("{spins}/members/alan/remove")).await.contains("Take alan out of acme.spins?"));
    assert_eq!(grace.get(&format!("{spins}/members/ada/remove")).await.status, 404);
    assert_eq!(grace.fill(&format!("{spins}/members/alan/remove"), &[]).await.status, 303);
    assert_eq!(grace.fill(&format!("{spins}/members/alan/remove"), &[]).await.status, 303, "pressed twice");
    assert_eq!(grace.fill(&spins, &[("name", "qubits")]).await.led(), format!("{projects}/qubits?said=saved"));
    assert_eq!(grace.get(&spins).await.status, 404);
    let asked = grace.read(&format!("{projects}/lasers/delete")).await;
    assert!(asked.contains("Its provider token is destroyed.") && asked.contains("1 member cannot use it"), "{asked}");
    assert_eq!(grace.fill(&format!("{projects}/lasers/delete"), &[]).await.led(), format!("{projects}?said=removed"));
    // A member sees only what lists them.
    let mut alan = Browser::of(&cast, "alan").await;
    let list = alan.read(projects).await;
    assert!(list.contains("acme.optics") && !list.contains("qubits"), "{list}");
    assert_eq!(alan.get(&format!("{projects}/qubits")).await.status, 404);
}

#[tokio::test]
async fn an_owner_sets_quotas_and_everybody_sees_what_binds_them() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let mut ada = Browser::of(&cast, "ada").await;
    let quotas = "/organizations/acme/quotas";
    let all = [("context", "acme"), ("limit", "4"), ("measure", "jobs"), ("period", "month")];
    let share =
        [("context", "acme"), ("member", "grace"), ("limit", "60"), ("measure", "qpu-seconds"), ("period", "day")];

    assert_eq!(ada.fill(quotas, &all).await.led(), format!("{quotas}?said=saved"));
    assert_eq!(ada.fill(quotas, &share).await.status, 303);
    cast.job_of_alan().await;

    let list = ada.read(quotas).await;
    for told in ["1 of 4", "aria-label=\"25 % used\"", "4 jobs a month", "grace in acme", "60 s of QPU time a day"] {
        assert!(list.contains(told), "no `{told}` in {list}");
    }
    let text = ada.fill(quotas, &[("context", "acme"), ("member", "eve"), ("limit", "1")]).await;
    assert!(text.assert_told("Eve is no member of acme").contains("value=\"eve\""));
    ada.fill(quotas, &[("context", "acme"), ("limit", "many")]).await.assert_told("Limit: expected an amount");
    for elsewhere in ["gamma", "me", "acme.nothing", "a.b.c"] {
        ada.fill(quotas, &[("context", elsewhere), ("limit", "1")]).await.assert_told("one that the form offers");
    }
    ada.fill(quotas, &[("context", "acme"), ("limit", "1"), ("provider", "none")]).await.assert_told("no provider");
    // What an administrator set, an owner does not remove.
    let mut iris = Browser::of(&cast, "iris").await;
    let optics = [("context", "acme.optics"), ("limit", "9"), ("measure", "shots"), ("period", "day")];
    assert_eq!(iris.fill(quotas, &optics).await.status, 303);
    let removable = |text: &str| text.matches("/remove\"").count();
    assert_eq!((removable(&ada.read(quotas).await), removable(&iris.read(quotas).await)), (2, 3));
    let alan = Browser::of(&cast, "alan").await.read(quotas).await;
    assert!(alan.contains("1 of 4") && !alan.contains("grace") && removable(&alan) == 0, "{alan}");
    let id = cast.get(&cast.ada, "/quotas?of=acme").await.items()[0]["id"].as_str().unwrap().to_owned();
    let remove = format!("{quotas}/{id}/remove");
    assert!(ada.read(&remove).await.contains("1 of 4 is used or held now."));
    assert_eq!(ada.fill(&remove, &[]).await.led(), format!("{quotas}?said=removed"));
    assert_eq!(ada.fill(&remove, &[]).await.status, 303, "pressed twice");
}

#[tokio::test]
async fn what_people_type_about_organizations_is_text_and_nothing_else() {
    let cast = Cast::assemble().await;
    cast.add_organization("gamma").await;
    let mut ada = Browser::of(&cast, "ada").await;
    let markup = "<script>alert(1)</script>\"'&";
    let endless = "x".repeat(10_240);
    type Rest<'r> = &'r [(&'r str, &'r str)];
    let forms: [(&str, &str, Rest<'_>); 6] = [
        ("/organizations/acme/members", "name", &[("role", "member")]),
        ("/organizations/acme/projects", "name", &[]),
        ("/organizations/acme/projects/optics", "name", &[]),
        ("/organizations/acme/projects/optics/members", "member", &[]),
        ("/organizations/acme/settings", "name", &[("job_visibility", "own")]),
        ("/organizations/acme/quotas", "limit", &[("context", "acme")]),
    ];
    for (path, field, rest) in forms {
        for bad in [markup, &endless, "a\u{0}b", ""] {
            let answer = ada.fill(path, &[&[(field, bad)], rest].concat()).await;
            let text = answer.text();
            assert!(
                answer.status == 422 && !text.contains("<script>alert"),
                "{path} {bad:.20}: {} {text}",
                answer.status
            );
        }
        let csrf = ada.csrf("/tokens").await;
        let foreign =
            ada.submit(path, &[("csrf", &csrf.replace(|c: char| c.is_ascii_hexdigit(), "0")), (field, "x")]).await;
        assert_eq!(foreign.status, 403, "{path}");
    }
    // What is another organization's is nothing in this one.
    let made = cast.post(&cast.ada, "/organizations/gamma/invitations", &json!({ "role": "member" })).await.json();
    let id = made["id"].as_str().unwrap();
    ada.fill(&format!("/organizations/acme/invitations/{id}/revoke"), &[]).await.led();
    assert_eq!(cast.get(&cast.ada, "/organizations/gamma/invitations").await.items().len(), 1);
    assert_eq!(ada.get("/organizations/acme/members/%3Cscript%3E").await.status, 404);
    assert_eq!(ada.get("/organizations/acme/members/a%00b/remove").await.status, 404);
}
