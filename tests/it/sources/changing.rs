//! What is changed at the source reaches clients that are running, within a second and without a poll that fails.

use super::cast::{FIRST, Keys, Poller, SECOND, ada_reads_a_file, key_file, keys_sent, live, poll};
use crate::support::{ADA_KEY, Ask, Bellhop, Pat, Site, Upstream, eventually, soon::eventually_within};
use serde_json::json;
use std::{fs, os::unix::fs::symlink, time::Duration};

/// A second, with room for a slow machine.
const SOON: Duration = Duration::from_millis(2500);

#[tokio::test]
async fn a_file_that_is_replaced_is_used_within_a_second() {
    let keys = Keys::only(&[FIRST, SECOND]);
    let ionq = keys.ionq().await;
    let (bellhop, ada) = ada_reads_a_file(&ionq, &json!({})).await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    assert_eq!(ionq.last().key(), FIRST);

    key_file(&bellhop, SECOND);

    eventually_within(SOON, "the new key is used", async || {
        bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
        ionq.last().key() == SECOND
    })
    .await;
}

#[tokio::test]
async fn polls_never_fail_while_a_key_is_replaced_and_the_old_one_revoked() {
    let keys = Keys::only(&[FIRST]);
    let ionq = keys.ionq().await;
    let (bellhop, ada) = ada_reads_a_file(&ionq, &json!({})).await;
    let poller = Poller::start(&bellhop, poll(&ada)).await;
    ionq.until_requests(5).await;

    // The file first: whoever rotates a key writes the new one down before the old one ends.
    key_file(&bellhop, SECOND);
    keys.become_only(&[SECOND]);

    let so_far = ionq.requests().len();
    ionq.until_requests(so_far + 20).await;
    poller.assert_never_failed().await;
    assert_eq!(ionq.last().key(), SECOND);
}

#[tokio::test]
async fn a_link_that_is_swapped_as_kubernetes_does_is_followed() {
    let keys = Keys::only(&[FIRST, SECOND]);
    let ionq = keys.ionq().await;
    let mut site = Site::facing(&ionq);
    for (version, key) in [("v1", FIRST), ("v2", SECOND)] {
        site.write(&format!("mounted/{version}/api_key"), key);
    }
    symlink("v1", site.path("mounted/..data")).unwrap();
    symlink("..data/api_key", site.path("mounted/api_key")).unwrap();
    let source = json!({ "file": { "api_key": site.path("mounted/api_key") } });
    let ada = site.user("ada").credential(&live(&source)).pat();
    let bellhop = site.serve().await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    assert_eq!(ionq.last().key(), FIRST);

    symlink("v2", bellhop.path("mounted/..new")).unwrap();
    fs::rename(bellhop.path("mounted/..new"), bellhop.path("mounted/..data")).unwrap();

    eventually_within(SOON, "the new key is used", async || {
        bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
        ionq.last().key() == SECOND
    })
    .await;
}

/// ada's running client, whose key was just now replaced at the provider and where it is read from. Nothing but a refusal
/// makes Bellhop look there.
async fn reset_behind_a_command() -> (Bellhop, Pat, Keys, Upstream) {
    let keys = Keys::only(&[FIRST]);
    let ionq = keys.ionq().await;
    let mut site = Site::facing(&ionq);
    let file = key_file(&site, FIRST);
    let source = json!({ "command": ["/bin/cat", file], "every": "24h" });
    let ada = site.user("ada").credential(&live(&source)).pat();
    let bellhop = site.serve().await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    key_file(&bellhop, SECOND);
    keys.become_only(&[SECOND]);
    (bellhop, ada, keys, ionq)
}

#[tokio::test]
async fn a_refused_submission_is_not_sent_again_and_the_next_one_has_the_new_key() {
    let (bellhop, ada, _, ionq) = reset_behind_a_command().await;

    let submit = Ask::post("/ionq/v0.4/jobs").pat(&ada).json(&json!({ "backend": "simulator" }));
    let refused = bellhop.ask(&submit).await;

    assert!(refused.assert_refused("credential-refused").detail().contains("send the request once more"));
    assert_eq!(keys_sent(&ionq.requests(), "POST"), [FIRST]);
    eventually("the source was read again", async || bellhop.metric(&["bellhop_source_changes_total"]).await > 0.0)
        .await;
    bellhop.ask(&submit).await.assert_relayed();
    assert_eq!(keys_sent(&ionq.requests(), "POST"), [FIRST, SECOND]);
}

#[tokio::test]
async fn a_poll_that_is_refused_is_sent_once_more_with_what_the_source_has_by_now() {
    let (bellhop, ada, keys, ionq) = reset_behind_a_command().await;

    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");

    assert_eq!(keys_sent(&ionq.requests(), "GET"), [FIRST, FIRST, SECOND]);
    // Nothing has changed there: refused once, and said so.
    keys.become_only(&[]);
    bellhop.ask(&poll(&ada)).await.assert_refused("credential-refused");
    assert_eq!(ionq.requests().len(), 4);
}

#[tokio::test]
async fn other_credentials_are_not_touched_by_a_change() {
    let keys = Keys::only(&[FIRST, SECOND, ADA_KEY]);
    let ionq = keys.ionq().await;
    let mut site = Site::facing(&ionq);
    let source = json!({ "file": { "api_key": key_file(&site, FIRST) } });
    let ada = site.user("ada").credential(&live(&source)).pat();
    let grace = site.user("grace").key(ADA_KEY).pat();
    let bellhop = site.serve().await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    bellhop.ask(&poll(&grace)).await.assert_paid_by("me", "own");

    key_file(&bellhop, SECOND);

    eventually_within(SOON, "the new key is used", async || {
        bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
        ionq.last().key() == SECOND
    })
    .await;
    bellhop.ask(&poll(&grace)).await.assert_paid_by("me", "own");
    assert_eq!(ionq.last().key(), ADA_KEY);
}

#[tokio::test]
async fn applying_the_same_source_again_changes_nothing_and_another_is_a_new_version() {
    let keys = Keys::only(&[FIRST, SECOND]);
    let ionq = keys.ionq().await;
    let mut site = Site::facing(&ionq);
    let source = json!({ "file": { "api_key": key_file(&site, FIRST) } });
    site.user("ada").credential(&live(&source)).pat();
    site.apply().await;

    assert!(site.apply().await.err.contains("nothing to change"));
    let other = json!({ "file": { "api_key": key_file(&site, FIRST) }, "keep": "2h" });
    site.user("ada").credential(&live(&other));
    assert!(site.try_apply(&["--dry-run"]).await.assert_code(0).err.contains("of which none was made"));
    assert!(site.apply().await.err.contains("version 2"));
    assert!(site.apply().await.err.contains("nothing to change"));
}
