//! Signing in from another machine, and what commands speak to from then on.

use super::{cast::Cast, signin};
use crate::support::{
    Pat, Run, Site,
    certificates::{Authority, Validity},
};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

const PASSWORD: &str = "fake correct horse battery";

/// Alan has a password, and a folder of his own on a machine that has no Bellhop.
async fn away() -> (Cast, Site, String) {
    let cast = Cast::assemble().await;
    let link = signin::link_for_alan(&cast).await;
    assert_eq!(signin::redeem(&cast.bellhop, &link, PASSWORD).await.status, 204);
    let url = format!("http://{}", cast.bellhop.addresses.admin);
    (cast, elsewhere(), url)
}

fn elsewhere() -> Site {
    let site = Site::empty().unconfigured();
    let home = site.path("home").display().to_string();
    site.environment("XDG_CONFIG_HOME", &home)
}

fn file(site: &Site) -> PathBuf {
    site.path("home/bellhop/login")
}

async fn log_in(site: &Site, url: &str, password: &str) -> Run {
    site.run_with_input(&["login", url, "--user", "alan"], password).await
}

#[tokio::test]
async fn from_a_password_to_commands_and_out_again() {
    let (cast, there, url) = away().await;

    let said = log_in(&there, &url, PASSWORD).await.assert_code(0);

    assert!(said.err.contains(&url) && said.err.contains("as alan"), "{}", said.err);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file(&there)), mode(there.path("home/bellhop"))), (0o600, 0o700));
    let kept: serde_json::Value = serde_json::from_str(&fs::read_to_string(file(&there)).unwrap()).unwrap();
    let token = Pat::printed(kept["token"].as_str().unwrap());
    assert_eq!(cast.get(&token, "/whoami").await.json()["user"]["name"], "alan");
    let listed = there.run(&["token", "list", "--json"]).await.assert_code(0);
    assert!(listed.out.contains("bellhop login on") && !listed.out.contains(token.as_str()), "{}", listed.out);
    let refused = there.run(&["user", "show", "eve"]).await.assert_code(1);
    assert!(refused.err.contains(&format!("the Bellhop at {url}: ")), "{}", refused.err);

    there.run(&["logout"]).await.assert_code(0);

    assert!(!file(&there).exists());
    cast.get(&token, "/whoami").await.assert_problem(401, "unknown-token");
    let nowhere = there.run(&["logout"]).await.assert_code(1);
    assert!(nowhere.err.contains("signed in nowhere"), "{}", nowhere.err);
}

#[tokio::test]
async fn a_wrong_password_keeps_nothing_and_says_so() {
    let (_cast, there, url) = away().await;
    let wrong = log_in(&there, &url, "fake wrong password").await.assert_code(1);
    assert!(wrong.err.contains(&url) && wrong.err.contains("the password is another"), "{}", wrong.err);
    let nobody = there.run_with_input(&["login", &url], PASSWORD).await.assert_code(2);
    assert!(nobody.err.contains("--user"), "{}", nobody.err);
    assert!(!file(&there).exists());
    let password = there.write("password", format!("{PASSWORD}\n")).display().to_string();
    there.run(&["login", &url, "--user", "alan", "--password-file", &password]).await.assert_code(0);
    let elsewhere = log_in(&there, "https://bellhop.example.org", PASSWORD).await.assert_code(1);
    assert!(elsewhere.err.contains("`bellhop logout` first"), "{}", elsewhere.err);
}

#[tokio::test]
async fn a_password_does_not_go_where_others_could_read_it() {
    let there = elsewhere();
    let plain = log_in(&there, "http://bellhop.invalid:8081", PASSWORD).await.assert_code(2);
    assert!(plain.err.contains("has no TLS") && plain.err.contains("--without-tls"), "{}", plain.err);
    let told = ["login", "http://bellhop.invalid:8081", "--user", "alan", "--without-tls"];
    let unresolved = there.run_with_input(&told, PASSWORD).await.assert_code(1);
    assert!(unresolved.err.contains("does not resolve"), "{}", unresolved.err);
}

#[tokio::test]
async fn an_authority_of_ones_own_is_named_once() {
    let authority = Authority::new();
    let identity = authority.identity("127.0.0.1", Validity::Now);
    let site = Site::empty();
    let (cert, key) = (site.write("cert.pem", &identity.certificate), site.write("key.pem", &identity.key));
    let site = site.set("admin_tls.cert", cert.display().to_string()).set("admin_tls.key", key.display().to_string());
    let mut site = site;
    let password = site.write("password", PASSWORD);
    site.user("alan");
    site.state.0["users"][0]["password"] = serde_json::json!({ "file": password });
    let bellhop = site.serve().await;
    let url = format!("https://{}", bellhop.addresses.admin);
    let there = elsewhere();

    let unknown = log_in(&there, &url, PASSWORD).await.assert_code(1);

    assert!(unknown.err.contains("BELLHOP_CA_FILE") && unknown.err.contains(&url), "{}", unknown.err);
    let there = there.environment("BELLHOP_CA_FILE", "ca.pem");
    there.write("ca.pem", authority.pem());
    log_in(&there, &url, PASSWORD).await.assert_code(0);
    let kept = fs::read_to_string(file(&there)).unwrap();
    let later = elsewhere();
    later.write("home/bellhop/login", &kept);
    fs::set_permissions(file(&later), fs::Permissions::from_mode(0o600)).unwrap();
    later.run(&["token", "list"]).await.assert_code(0);
}

/// Nobody is to delete a user of one Bellhop who thought of another.
#[tokio::test]
async fn where_this_machine_has_a_bellhop_too_somebody_has_to_say_which() {
    let (cast, there, url) = away().await;
    log_in(&there, &url, PASSWORD).await.assert_code(0);
    let here = Site::empty().environment("XDG_CONFIG_HOME", there.path("home").to_str().unwrap());

    let which = here.run(&["token", "list"]).await.assert_code(2);

    assert!(which.err.contains("which Bellhop is meant?") && which.err.contains(&url), "{}", which.err);
    assert!(which.err.contains("bellhop.yaml"), "{}", which.err);
    assert!(!here.data().exists());
    let named = here.run(&["user", "list", "--config", "bellhop.yaml", "--json"]).await.assert_code(0);
    assert_eq!(named.json(), serde_json::json!([]));
    here.run(&["migrate"]).await.assert_code(0);
    let here = here.environment("BELLHOP_URL", &url);
    let listed = here.run(&["token", "list", "--json"]).await.assert_code(0);
    assert!(listed.out.contains("bellhop login on"), "{}", listed.out);
    let given = here.environment("BELLHOP_TOKEN", cast.eve.as_str());
    let given = given.run(&["token", "list", "--json"]).await.assert_code(0);
    assert!(!given.out.contains("bellhop login on"), "{}", given.out);
}

#[tokio::test]
async fn a_login_that_others_can_read_or_that_has_ended_is_not_used() {
    let (cast, there, url) = away().await;
    log_in(&there, &url, PASSWORD).await.assert_code(0);
    fs::set_permissions(file(&there), fs::Permissions::from_mode(0o640)).unwrap();
    let open = there.run(&["token", "list"]).await.assert_code(1);
    assert!(open.err.contains("chmod 600"), "{}", open.err);
    fs::set_permissions(file(&there), fs::Permissions::from_mode(0o600)).unwrap();
    for token in cast.get(&cast.iris, "/tokens?user=alan").await.items() {
        let path = format!("/tokens/{}", token["id"].as_str().unwrap());
        assert_eq!(cast.delete(&cast.iris, &path).await.status, 204);
    }

    let ended = there.run(&["token", "list"]).await.assert_code(1);

    assert!(ended.err.contains("has ended") && ended.err.contains("bellhop login"), "{}", ended.err);
    let out = there.run(&["logout"]).await.assert_code(0);
    assert!(out.err.contains("it had ended already") && !file(&there).exists(), "{}", out.err);
}

#[tokio::test]
async fn a_logout_that_reaches_nobody_keeps_what_is_still_good() {
    let (cast, there, url) = away().await;
    log_in(&there, &url, PASSWORD).await.assert_code(0);
    let site = cast.bellhop.stop().await;

    let lost = there.run(&["logout"]).await.assert_code(1);

    assert!(lost.err.contains("cannot be reached") && lost.err.contains("still good"), "{}", lost.err);
    assert!(file(&there).exists());
    drop(site);
}
