//! `bellhop credential` and `bellhop explain` that speak to a Bellhop elsewhere.

use super::cast::Cast;
use crate::support::{ACME_KEY, ADA_KEY, OPTICS_KEY, Site, Upstream};

#[tokio::test]
async fn a_credential_lives_its_life_from_another_machine() {
    let ionq = Upstream::accepting(&[ACME_KEY, OPTICS_KEY]).await;
    let cast = Cast::at(Site::facing(&ionq)).await;
    let there = cast.elsewhere(&cast.grace);
    let run = async |command: &str| there.run(&command.split(' ').collect::<Vec<_>>()).await;

    let add = ["credential", "add", "ionq@acme", "--label", "shared", "--from-stdin", "api_key", "--probe"];
    let added = there.run_with_input(&add, ACME_KEY).await.assert_code(0);
    assert!(added.err.contains("added ionq@acme, ") && added.err.contains("valid"), "{}", added.err);
    let again = there.run_with_input(&add, ACME_KEY).await.assert_code(1);
    assert!(again.err.contains("bellhop credential rotate ionq@acme"), "{}", again.err);
    let rotate = ["credential", "rotate", "ionq@acme", "--from-stdin", "api_key"];
    let rotated = there.run_with_input(&rotate, OPTICS_KEY).await.assert_code(0);
    assert!(rotated.err.contains("is at version 2 now"), "{}", rotated.err);
    let shown = run("credential show ionq@acme --json").await.assert_code(0).json();
    assert_eq!((&shown["version"], &shown["secret_fields"][0]), (&2.into(), &"api_key".into()));
    run("credential restrict ionq@acme --projects optics --members alan").await.assert_code(0);
    run("credential restrict ionq@acme --lift").await.assert_code(0);
    run("credential disable ionq@acme").await.assert_code(0);
    run("credential enable ionq@acme").await.assert_code(0);
    assert!(run("credential probe ionq@acme").await.assert_code(0).err.contains("valid"));
    assert!(run("credential list").await.assert_code(0).out.contains("shared"));
    let explained = run("explain --provider ionq").await.assert_code(0);
    assert!(explained.out.contains("grace: ionq would be paid with acme"), "{}", explained.out);
    run("credential delete ionq@acme").await.assert_code(1);
    run("credential delete ionq@acme --yes").await.assert_code(0);
    let gone = run("credential show ionq@acme").await.assert_code(1);
    assert!(gone.err.contains("acme has no credential for ionq"), "{}", gone.err);
    assert!(!there.data().exists(), "a store was opened here");
}

#[tokio::test]
async fn a_member_enters_their_own_and_sees_what_is_shared() {
    let cast = Cast::assemble().await;
    cast.credential_of("acme", None).await;
    let there = cast.elsewhere(&cast.alan);

    let add = ["credential", "add", "ionq@me", "--from-stdin", "api_key"];
    there.run_with_input(&add, ADA_KEY).await.assert_code(0);

    let listed = there.run(&["credential", "list", "--json"]).await.assert_code(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let shared = there.run(&["credential", "show", "ionq@acme", "--json"]).await.assert_code(0).json();
    assert_eq!(shared["plain_fields"], serde_json::json!({}));
    let refused = there.run(&["credential", "disable", "ionq@acme"]).await.assert_code(1);
    assert!(refused.err.contains("only who manages the credentials of acme may do it"), "{}", refused.err);
    let source = ["credential", "rotate", "ionq@me", "--source", "{ file: { api_key: /etc/hostname } }"];
    let refused = there.run(&source).await.assert_code(1);
    assert!(refused.err.contains("administrator"), "{}", refused.err);
    let unknown = there.run_with_input(&["credential", "add", "nobody@me", "--from-stdin", "x"], ADA_KEY).await;
    assert!(unknown.code == Some(1) && unknown.err.contains("expected one of"), "{}", unknown.err);
}
