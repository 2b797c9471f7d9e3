//! Which key served: told in the receipt, and never somebody else's.

use crate::support::{
    ACME_KEY, ADA_KEY, Ask, Bellhop, CATALOGUE, OPTICS_KEY, Pat, Reply, Site, Upstream,
    cast::ada_at,
    state::{ionq as ionq_key, with},
};
use serde_json::json;

fn in_context(pat: &Pat, context: &str) -> Ask {
    Ask::get(CATALOGUE).pat(pat).header("Bellhop-Context", context)
}

#[tokio::test]
async fn the_receipt_says_which_key_served() {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let labelled = |key, label| with(&ionq_key(key), &json!({ "label": label }));
    let ada = site.user("ada").credential(&labelled(ADA_KEY, "my \"own\" \\ key")).pat();
    site.organization("acme").credential(&labelled(ACME_KEY, "Schlüssel 100%")).member("ada", "member");
    let bellhop = site.serve().await;

    let own = bellhop.get(&ada, CATALOGUE).await;
    let shared = bellhop.ask(&in_context(&ada, "acme")).await;

    let credentials = bellhop.run(&["credential", "list", "--json"]).await.assert_code(0).json();
    let id =
        |context: &str| credentials.as_array().unwrap().iter().find(|c| c["context"] == context).unwrap()["id"].clone();
    let expected = format!(r#"owner="me", id={}, label="my \"own\" \\ key", why=own"#, id("me"));
    assert_eq!(own.header("bellhop-credential"), Some(&*expected));
    let expected = format!(r#"owner="acme", id={}, label=%"Schl%c3%bcssel 100%25", why=named"#, id("acme"));
    assert_eq!(shared.header("bellhop-credential"), Some(&*expected));
}

#[tokio::test]
async fn callers_on_shared_connections_never_get_one_anothers_key() {
    let keys: Vec<String> = (0..8).map(|n| format!("fake-user-{n}-key-canary")).collect();
    let ionq = Upstream::answering(|request| Reply::new(200).body(request.target.clone())).await;
    let mut site = Site::facing(&ionq);
    let pats: Vec<Pat> =
        keys.iter().enumerate().map(|(n, key)| site.user(&format!("user-{n}")).key(key).pat()).collect();
    let bellhop = site.serve().await;

    let ask_often = async |n: usize| {
        let mut line = bellhop.connect().await;
        for turn in 0..40 {
            let target = format!("/v0.4/jobs/of-{n}-{turn}");
            let answer = line.ask(&Ask::get(format!("/ionq{target}")).pat(&pats[n])).await;
            assert_eq!(answer.text(), target);
        }
    };
    futures_util::future::join_all((0..8).map(ask_often)).await;

    assert_eq!(ionq.requests().len(), 320);
    for request in ionq.requests() {
        let n: usize = request.target.split('-').nth(1).unwrap().parse().unwrap();
        assert_eq!(request.key(), keys[n], "{}", request.target);
    }
}

#[tokio::test]
async fn one_connection_may_carry_several_callers() {
    let ionq = Upstream::accepting(&[ADA_KEY, OPTICS_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    let grace = site.user("grace").key(OPTICS_KEY).pat();
    let bellhop = site.serve().await;

    let mut line = bellhop.connect().await;
    for (pat, key) in [(&ada, ADA_KEY), (&grace, OPTICS_KEY), (&ada, ADA_KEY)] {
        line.ask(&Ask::get(CATALOGUE).pat(pat)).await.assert_paid_by("me", "own");
        assert_eq!(ionq.last().key(), key);
    }
    line.ask(&Ask::get(CATALOGUE)).await.assert_refused("missing-token");
}

#[tokio::test]
async fn the_caller_chooses_nothing_of_how_the_key_is_attached() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada): (Bellhop, Pat) = ada_at(&ionq).await;

    for (name, value) in [
        ("Bellhop-Header", "X-Steal"),
        ("Bellhop-Template", "{api_key}"),
        ("Bellhop-Upstream", "http://127.0.0.1:1"),
        ("Bellhop-Scheme", "basic"),
        ("X-Echo", "{api_key}"),
        ("Authorization-Format", "{api_key}"),
    ] {
        let target = "/ionq/v0.4/jobs/job-1?format={api_key}&base_url=http://127.0.0.1:1";
        let target = target.replace('{', "%7B").replace('}', "%7D");
        bellhop.ask(&Ask::get(target).pat(&ada).header(name, value)).await.assert_paid_by("me", "own");
        let seen = ionq.last();
        assert_eq!(seen.key(), ADA_KEY);
        let others = seen.headers.iter().filter(|(n, _)| !n.eq_ignore_ascii_case("authorization"));
        assert!(others.map(|(_, value)| value).all(|value| !value.contains("canary")));
    }
}
