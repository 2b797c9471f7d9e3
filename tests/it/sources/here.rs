//! Sources on this machine: the environment, and programs.

use super::cast::{FIRST, Keys, SECOND, live, poll, shown};
use crate::support::Site;
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt};

#[tokio::test]
async fn a_key_is_read_from_the_environment_of_the_process_that_serves() {
    let ionq = Keys::only(&[FIRST]).ionq().await;
    let mut site = Site::facing(&ionq).environment("LIVE_KEY", FIRST);
    let ada = site.user("ada").credential(&live(&json!({ "env": { "api_key": "LIVE_KEY" } }))).pat();
    let grace = site.user("grace").credential(&live(&json!({ "env": { "api_key": "NO_SUCH_KEY" } }))).pat();
    let bellhop = site.serve().await;

    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");

    assert_eq!(shown(&bellhop, "ionq@me").await["source"], "env LIVE_KEY");
    let refused = bellhop.ask(&poll(&grace)).await;
    assert!(refused.assert_refused("no-credential").detail().contains("no variable NO_SUCH_KEY"));
}

#[tokio::test]
async fn a_program_gives_the_key_without_a_shell_and_sees_nothing_of_bellhops_own() {
    let ionq = Keys::only(&[FIRST, SECOND]).ionq().await;
    let mut site = Site::facing(&ionq).environment("BELLHOP_LOG__LEVEL", "trace").environment("LIVE_KEY", SECOND);
    // What it says on standard error is nobody's to read.
    let text = format!(
        "#!/bin/sh\necho {FIRST} >&2\n[ \"$1\" = '$HOME; a b' ] && [ -z \"$BELLHOP_LOG__LEVEL\" ] && printf '{{\"api_key\":\"%s\"}}' \"$LIVE_KEY\"\n"
    );
    let script = site.write("run/key.sh", text);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    let ada = site.user("ada").credential(&live(&json!({ "command": [script, "$HOME; a b"] }))).pat();
    let grace = site.user("grace").credential(&live(&json!({ "command": ["/bin/false"] }))).pat();
    let bellhop = site.serve().await;

    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");

    assert_eq!(ionq.last().key(), SECOND);
    let refused = bellhop.ask(&poll(&grace)).await;
    assert!(refused.assert_refused("no-credential").detail().contains("the program ended with exit status: 1"));
}

#[tokio::test]
async fn a_source_is_made_by_hand_rotated_to_another_and_to_a_value_that_is_entered() {
    let ionq = Keys::only(&[FIRST, SECOND]).ionq().await;
    let mut site = Site::facing(&ionq).environment("LIVE_KEY", FIRST);
    let ada = site.user("ada").pat();
    let bellhop = site.serve().await;
    let source = "{ env: { api_key: LIVE_KEY } }";
    bellhop.run(&["credential", "add", "ionq@me", "--user", "ada", "--source", source]).await.assert_code(0);
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    let listed = bellhop.run(&["credential", "list"]).await.assert_code(0);
    assert!(listed.out.contains("env LIVE_KEY"), "{}", listed.out);

    let path = bellhop.write("run/key", SECOND);
    let source = format!("{{ file: {{ api_key: {} }} }}", path.display());
    bellhop.run(&["credential", "rotate", "ionq@me", "--user", "ada", "--source", &source]).await.assert_code(0);
    crate::support::eventually("the file's key is used", async || {
        bellhop.ask(&poll(&ada)).await.assert_relayed();
        ionq.last().key() == SECOND
    })
    .await;

    let rotate = ["credential", "rotate", "ionq@me", "--user", "ada", "--from-stdin", "api_key"];
    bellhop.run_with_input(&rotate, FIRST).await.assert_code(0);
    crate::support::eventually("the entered key is used", async || {
        bellhop.ask(&poll(&ada)).await.assert_relayed();
        ionq.last().key() == FIRST
    })
    .await;
    assert_eq!(shown(&bellhop, "ionq@me").await["source"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_source_that_is_no_source_is_refused_at_entry() {
    let mut site = Site::empty();
    site.user("ada").pat();
    site.apply().await;
    for (source, words) in [
        ("{ file: { api_key: relative } }", "absolute path"),
        ("{ env: { api_key: A }, file: { api_key: /b } }", "one of"),
        ("{ env: { token: A } }", "there is no field `token`"),
        ("{ leap: { project: 1 } }", "`bearer` is missing"),
        ("{ colour: red }", "expected a source"),
    ] {
        let run = site.run(&["credential", "add", "ionq@me", "--user", "ada", "--source", source]).await;
        assert!(run.code != Some(0) && run.err.contains(words), "{source}: {}", run.err);
    }
}
