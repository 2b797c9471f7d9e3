//! Organizations, invitations, users and one's own account in a real browser.

use super::{PASSWORD, Window, settle};
use crate::{
    management::cast::making_jobs,
    support::{ACME_KEY, ADA_KEY, Ask, Bellhop, OPTICS_KEY, Pat, Site, Upstream},
};
use serde_json::{Value, json};

/// An organization as there could be one, with people, projects, tokens, quotas and jobs.
async fn lab() -> (Bellhop, Upstream, Pat) {
    let ionq = making_jobs().await;
    let mut site = Site::facing(&ionq);
    for name in ["grace.hopper", "alan.turing", "lise.meitner", "chien-shiung.wu", "emmy.noether"] {
        site.user(name);
    }
    let runs = site.user("alan.turing").pat_with("cluster", &json!({ "scopes": ["run"], "context": "quantum-lab" }));
    site.user("alan.turing").key(ADA_KEY);
    let lab = site.organization("quantum-lab").key(ACME_KEY).member("grace.hopper", "owner");
    let lab = lab.member("lise.meitner", "maintainer").member("alan.turing", "member").member("emmy.noether", "member");
    lab.project("photonics", &["alan.turing", "emmy.noether"])
        .project("error-correction", &["alan.turing"])
        .project_key("photonics", OPTICS_KEY);
    site.organization("teaching").member("lise.meitner", "owner");
    let administrator = site.user("ada").admin().pat_with("desk", &json!({ "scopes": ["manage"] }));
    let bellhop = site.serve().await;
    let ask = |method, path: &str, body: &Value| {
        Ask::new(method, format!("/api/v1{path}")).header("Authorization", format!("Bearer {administrator}")).json(body)
    };
    let quotas = [
        json!({ "context": "quantum-lab", "measure": "jobs", "period": "month", "limit": "40" }),
        json!({ "context": "quantum-lab", "user": "alan.turing", "measure": "shots", "period": "day", "limit": "3500" }),
        json!({ "context": "quantum-lab.photonics", "measure": "money", "period": "month", "limit": "250", "provider": "ionq" }),
    ];
    for quota in quotas {
        assert_eq!(bellhop.ask_admin(&ask("PUT", "/quotas", &quota)).await.status, 200);
    }
    for shots in [1000, 1000, 1200] {
        let body = json!({ "backend": "qpu.forte-1", "shots": shots });
        bellhop.post(&runs, "/ionq/v0.4/jobs", &body).await.assert_relayed();
    }
    (bellhop, ionq, administrator)
}

/// Whoever opens this chooses their password.
async fn link(bellhop: &Bellhop, administrator: &Pat, name: &str) -> String {
    let ask =
        Ask::post(format!("/api/v1/users/{name}/link")).header("Authorization", format!("Bearer {administrator}"));
    let made = bellhop.ask_admin(&ask.json(&json!({}))).await.json();
    format!("/choose/{}", made["value"].as_str().unwrap())
}

async fn enter(window: &Window, path: &str) {
    window.open(path).await;
    window.fill("secret-password", PASSWORD).await;
    window.press("Keep this password").await;
    window.until_reads("Hello, ").await;
}

#[tokio::test]
async fn an_organization_is_looked_after_by_its_owner() {
    let (bellhop, _ionq, administrator) = lab().await;
    let Some(window) = Window::at(&bellhop).await else { return };
    enter(&window, &link(&bellhop, &administrator, "grace.hopper").await).await;
    window.follow("Organizations").await;
    window.until_reads("Groups of people").await;
    window.look("organizations").await;
    window.follow("quantum-lab").await;
    window.until_reads("Manage provider tokens").await;
    window.look("organization").await;

    window.follow("Members").await;
    window.until_reads("Add a member").await;
    window.fill("name", "chien-shiung.wu").await;
    window.press("Add").await;
    window.until_reads("Added.").await;
    window.look("members").await;
    window.open("/organizations/quantum-lab/members/alan.turing").await;
    window.until_reads("3 jobs of theirs are open here").await;
    window.look("member").await;
    window.follow("Remove alan.turing").await;
    window.until_reads("1 token of theirs is pinned").await;
    window.look("member-remove").await;

    window.open("/organizations/quantum-lab/invitations").await;
    window.until_reads("No invitation is waiting").await;
    window.press("Make the link").await;
    window.until_reads("Copy it now").await;
    let invitation = window.text_of("#value").await;
    window.hide("#value", "https://bellhop.example.org/join/…").await;
    window.look("invitations").await;
    window.open(&invitation).await;
    window.until_reads("in it already").await;
    window.look("join-member").await;

    window.open("/organizations/quantum-lab/projects").await;
    window.until_reads("quantum-lab.photonics").await;
    window.look("projects").await;
    window.follow("photonics").await;
    window.until_reads("Who may use it").await;
    window.look("project").await;
    window.follow("Delete quantum-lab.photonics").await;
    window.until_reads("Its provider token is destroyed.").await;
    window.look("project-delete").await;

    window.open("/organizations/quantum-lab/quotas").await;
    window.until_reads("3200 of 3500").await;
    window.look("quotas").await;
    window.open("/organizations/quantum-lab/settings").await;
    window.until_reads("Whose jobs members see").await;
    window.look("organization-settings").await;
    window.follow("Delete quantum-lab").await;
    window.until_reads("Its 5 members lose it").await;
    window.look("organization-delete").await;

    window.press("Sign out").await;
    window.until_reads("Sign in").await;
    window.open(&invitation).await;
    window.until_reads("invites you to be a member").await;
    window.look("join").await;
    window.fill("name", "rosalind.franklin").await;
    window.fill("secret-password", PASSWORD).await;
    window.press("Make the account and join quantum-lab").await;
    window.until_reads("Welcome: you are a member now.").await;
    window.look("joined").await;
    window.close().await;
}

#[tokio::test]
async fn users_are_looked_after_by_an_administrator() {
    let (bellhop, _ionq, administrator) = lab().await;
    let Some(window) = Window::at(&bellhop).await else { return };
    enter(&window, &link(&bellhop, &administrator, "ada").await).await;
    window.follow("Users").await;
    window.until_reads("Everybody who has an account here").await;
    window.look("users").await;
    window.fill("name", "katherine.johnson@example.org").await;
    window.press("Make the user").await;
    window.until_reads("A link for katherine.johnson@example.org").await;
    window.hide("#value", "https://bellhop.example.org/choose/…").await;
    window.look("user-made").await;
    window.open("/users?search=an").await;
    window.until_reads("Show all").await;
    window.follow("alan.turing").await;
    window.until_reads("What can be done").await;
    window.look("user").await;
    window.follow("Disable alan.turing").await;
    window.until_reads("3 jobs of theirs").await;
    window.look("user-disable").await;
    window.open("/users/alan.turing/delete").await;
    window.until_reads("1 provider token of their own is destroyed").await;
    window.look("user-delete").await;

    window.open("/account").await;
    window.until_reads("Where you are signed in").await;
    window.look("account").await;
    window.close().await;
}

#[tokio::test]
async fn who_is_alone_is_told_what_to_do_first() {
    let bellhop = Site::empty().serve().await;
    let Some(window) = Window::at(&bellhop).await else { return };
    settle(&window, &bellhop).await;
    window.follow("Organizations").await;
    window.until_reads("There is none yet").await;
    window.look("organizations-empty").await;
    window.fill("name", "quantum-lab").await;
    window.press("Make the organization").await;
    window.until_reads("Add the first one").await;
    window.look("organization-new").await;
    window.follow("Projects").await;
    window.until_reads("No project yet").await;
    window.look("projects-empty").await;
    window.follow("Quotas").await;
    window.until_reads("Nothing is limited").await;
    window.look("quotas-empty").await;
    window.close().await;
}
