//! A source that vanishes, hangs or answers nonsense: its last good value serves for its time, then it is refused, and
//! everybody who asks is told why.

use super::cast::{FIRST, Keys, SECOND, ada_reads_a_file, key_file, live, poll, shown};
use crate::support::{ADA_KEY, Site, eventually};
use serde_json::json;
use std::fs;

#[tokio::test]
async fn a_source_that_vanishes_keeps_its_last_value_for_its_time_and_is_then_refused() {
    let ionq = Keys::only(&[FIRST]).ionq().await;
    let (bellhop, ada) = ada_reads_a_file(&ionq, &json!({ "keep": "3s" })).await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");

    fs::remove_file(bellhop.path("run/key")).unwrap();

    eventually("the file is missed", async || bellhop.metric(&["bellhop_failing_sources"]).await == 1.0).await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    eventually("its time is over", async || bellhop.ask(&poll(&ada)).await.status == 403).await;
    let refused = bellhop.ask(&poll(&ada)).await;
    refused.assert_refused("no-credential");
    assert!(refused.detail().contains("its source cannot be read"), "{}", refused.detail());
    assert!(refused.detail().contains("there is no such file"), "{}", refused.detail());

    key_file(&bellhop, FIRST);
    eventually("it is back", async || bellhop.ask(&poll(&ada)).await.status == 200).await;
}

#[tokio::test]
async fn a_failing_source_is_told_of_in_the_log_once_and_by_credential_show() {
    let ionq = Keys::only(&[FIRST]).ionq().await;
    let (bellhop, ada) = ada_reads_a_file(&ionq, &json!({})).await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    eventually("it is written down", async || {
        let state = shown(&bellhop, "ionq@me").await["source_states"][0].clone();
        state["state"] == "ok" && state["read"].is_string()
    })
    .await;

    fs::remove_file(bellhop.path("run/key")).unwrap();

    eventually("its failing is written down", async || {
        let state = shown(&bellhop, "ionq@me").await["source_states"][0].clone();
        state["state"] == "failing" && state["problem"].as_str().is_some_and(|text| text.contains("cannot be read"))
    })
    .await;
    eventually("several attempts have failed", async || bellhop.metric(&["bellhop_source_failures_total"]).await > 3.0)
        .await;
    assert_eq!(bellhop.log().matches("the source of a credential cannot be read").count(), 1);
}

#[tokio::test]
async fn what_is_no_value_is_not_used() {
    let ionq = Keys::only(&[FIRST]).ionq().await;
    let (bellhop, ada) = ada_reads_a_file(&ionq, &json!({})).await;
    bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
    let junk: [(&[u8], &str); 6] = [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff\xfe\x00\x01", "it is not text"),
        (b"<!DOCTYPE html>\n<p>sign in</p>\n", "it is a list of lines"),
        (&[b'a'; 70_000], "it is too large"),
        ("schlüssel".as_bytes(), "does not fit the provider"),
    ];
    for (bytes, words) in junk {
        key_file(&bellhop, bytes);
        eventually(words, async || {
            let state = shown(&bellhop, "ionq@me").await["source_states"][0].clone();
            state["problem"].as_str().is_some_and(|problem| problem.contains(words))
        })
        .await;
        bellhop.ask(&poll(&ada)).await.assert_paid_by("me", "own");
        key_file(&bellhop, format!("{FIRST}\r\n"));
        eventually("it is good again", async || bellhop.metric(&["bellhop_failing_sources"]).await == 0.0).await;
    }
    assert!(ionq.requests().iter().all(|request| request.key() == FIRST));
}

#[tokio::test]
async fn a_program_that_hangs_or_floods_holds_up_nobody_else() {
    let ionq = Keys::only(&[ADA_KEY, SECOND]).ionq().await;
    let mut site = Site::facing(&ionq);
    let hanging = json!({ "command": ["/bin/sleep", "1000"], "timeout": "1s" });
    let flooding = json!({ "command": ["/bin/cat", "/dev/zero"], "timeout": "5s" });
    let ada = site.user("ada").credential(&live(&hanging)).pat();
    let alan = site.user("alan").credential(&live(&flooding)).pat();
    let grace = site.user("grace").key(ADA_KEY).pat();
    let bellhop = site.serve().await;

    let (hung, flooded, served) = (poll(&ada), poll(&alan), poll(&grace));
    let (hung, flooded, ()) = futures_util::future::join3(bellhop.ask(&hung), bellhop.ask(&flooded), async {
        bellhop.ask(&served).await.assert_paid_by("me", "own");
    })
    .await;

    assert!(hung.assert_refused("no-credential").detail().contains("does not answer in time"));
    assert!(flooded.assert_refused("no-credential").detail().contains("too large"));
}
