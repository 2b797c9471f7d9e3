//! Connecting an SDK, and asking which token would pay.

use super::Browser;
use crate::{
    management::cast::Cast,
    support::{ACME_KEY, Site, Upstream},
};
use std::process::Command;

/// What a block on the page says.
fn block(text: &str, id: &str) -> String {
    let code = text.split(&format!("<code id=\"{id}\">")).nth(1).unwrap_or_else(|| panic!("no {id} in {text}"));
    let code = code.split("</code>").next().unwrap();
    [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .iter()
        .fold(code.to_owned(), |code, (from, to)| code.replace(from, to))
}

#[tokio::test]
async fn what_is_copied_into_a_shell_leads_to_this_bellhop_and_is_what_env_prints() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.organization("acme").key(ACME_KEY);
    let cast = Cast::at(site).await;
    let mut alan = Browser::of(&cast, "alan").await;

    let text = alan.get("/connect?provider=ionq&sdk=qiskit-ionq&context=acme&token=runs").await.text();

    assert!(text.contains("would be paid") && text.contains("Put the value of “runs”"), "{text}");
    let settings = block(&text, "settings");
    let script = format!("set -eu; BELLHOP_TOKEN={}; {settings}\nprintenv IONQ_API_URL IONQ_API_KEY", cast.runs);
    let seen = Command::new("/bin/sh").arg("-c").arg(script).output().unwrap();
    let base = format!("http://{}/ionq@acme", cast.bellhop.addresses.proxy);
    let expected = format!("{base}/v0.4\n{}\n", cast.runs);
    assert_eq!(String::from_utf8(seen.stdout).unwrap(), expected, "{}", String::from_utf8_lossy(&seen.stderr));
    let url = format!("http://{}", cast.bellhop.addresses.proxy);
    let printed = cast.bellhop.run(&["env", "ionq", "--sdk", "qiskit-ionq", "--context", "acme", "--url", &url]).await;
    assert_eq!(printed.assert_code(0).out, settings);
    assert_eq!(block(&text, "token"), "export BELLHOP_TOKEN='bhp_…'");
    assert!(!text.contains(cast.runs.as_str()));
    let fish = alan.get("/connect?provider=ionq&sdk=qiskit-ionq&form=fish").await.text();
    assert!(block(&fish, "settings").contains("set -gx IONQ_API_KEY \"$BELLHOP_TOKEN\""), "{fish}");
}

#[tokio::test]
async fn who_has_nothing_that_pays_is_led_to_where_a_token_is_added() {
    let cast = Cast::assemble().await;
    let mut alan = Browser::of(&cast, "alan").await;
    let text = alan.get("/connect?provider=dwave&context=acme").await.text();
    assert!(text.contains("Nothing would pay D-Wave yet") && text.contains("Acme offers no credential."), "{text}");
    assert!(text.contains("/credentials/new?provider=dwave&#38;context=acme"), "{text}");
    // What cannot be understood is as if it had not been said.
    for query in
        ["?provider=nobody&sdk=x&way=x&form=x&token=x&context=A%00", "", "?provider=iqm", "?provider=iqm&way=root"]
    {
        let shown = alan.get(&format!("/connect{query}")).await;
        assert_eq!(shown.status, 200, "{query}: {}", shown.text());
    }
    assert!(alan.get("/connect?provider=iqm").await.text().contains("needs a port or a host name of its own"));
    assert!(alan.get("/connect?provider=iqm&way=root").await.text().contains("Use a token that is for iqm alone"));
}

#[tokio::test]
async fn every_provider_can_be_connected_in_every_form_without_a_token_in_it() {
    let cast = Cast::assemble().await;
    let mut alan = Browser::of(&cast, "alan").await;
    let providers = cast.get(&cast.alan, "/providers?limit=200").await.items();
    assert!(providers.len() > 15);
    for provider in providers {
        for form in ["sh", "powershell", "dotenv"] {
            let shown = alan.get(&format!("/connect?provider={}&form={form}", provider["id"].as_str().unwrap())).await;
            assert_eq!(shown.status, 200, "{provider}: {}", shown.text());
        }
    }
}

#[tokio::test]
async fn it_is_told_which_token_pays_and_why_each_other_one_does_not() {
    let mut site = Site::empty();
    site.organization("acme").key(ACME_KEY);
    let cast = Cast::at(site).await;
    cast.credential_of("me", Some("alan")).await;
    let (mut alan, mut iris) = (Browser::of(&cast, "alan").await, Browser::of(&cast, "iris").await);

    let own = alan.get("/explain?provider=ionq").await.text();
    let named = alan.get("/explain?provider=ionq&context=acme&token=runs").await.text();
    let of_alan = iris.get("/explain?provider=ionq&user=alan").await.text();

    assert!(own.contains("IonQ would be paid by me, with “of the story”") && own.contains("comes first"), "{own}");
    assert!(named.contains("because the request names acme"), "{named}");
    assert!(of_alan.contains("A request of alan"), "{of_alan}");
    let stranger = alan.get("/explain?provider=ionq&user=iris").await;
    assert_eq!(stranger.status, 422);
    assert!(stranger.text().contains("There is no such user"), "{}", stranger.text());
    let refused = alan.get("/explain?provider=dwave&context=me").await.text();
    assert!(
        refused.contains("Me offers no credential.") && refused.contains("/credentials/new?provider=dwave"),
        "{refused}"
    );
    for bad in
        ["?provider=nobody", "?provider=ionq&context=%3Cb%3E", "?provider=ionq&token=gone", "?provider=ionq&job=x"]
    {
        let shown = alan.get(&format!("/explain{bad}")).await;
        assert!(shown.status == 422 && !shown.text().contains("<b>"), "{bad}: {}", shown.text());
    }
}
