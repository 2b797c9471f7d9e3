//! The casts that many stories share.

use super::{ACME_KEY, ADA_KEY, Ask, Bellhop, OPTICS_KEY, Pat, ProviderLine, Reply, Site, Upstream, state::credential};
use serde_json::json;

/// Ada, who pays at IonQ with a key of her own.
pub async fn ada_at(ionq: &Upstream) -> (Bellhop, Pat) {
    ada_on(Site::facing(ionq)).await
}

/// The same at a site with a configuration of its own.
pub async fn ada_on(mut site: Site) -> (Bellhop, Pat) {
    let ada = site.user("ada").key(ADA_KEY).pat();
    (site.serve().await, ada)
}

/// Ada has no key of her own; her organization and its project optics have one each.
pub fn acme_with_optics(ionq: &Upstream) -> (Site, Pat) {
    let mut site = Site::facing(ionq);
    let ada = site.user("ada").pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member").project("optics", &["ada"]);
    site.organization("acme").project_key("optics", OPTICS_KEY);
    (site, ada)
}

/// A provider that begins a stream of events, and goes on as the story says.
pub async fn events<F: Future<Output = ()> + Send + 'static>(
    go_on: impl Fn(ProviderLine) -> F + Clone + Send + Sync + 'static,
) -> Upstream {
    Upstream::scripted(move |mut line: ProviderLine| {
        let go_on = go_on.clone();
        async move {
            line.request().await;
            let head = Reply::new(200).header("Content-Type", "text/event-stream");
            line.send(head.header("Transfer-Encoding", "chunked").without_length().bytes()).await;
            go_on(line).await;
        }
    })
    .await
}

/// Ada, and what she asks for that stream of events with.
pub async fn ada_watches(kipu: &Upstream, site: Site) -> (Bellhop, Ask) {
    let mut site = site.provider("kipu", kipu);
    let token = credential("kipu", &json!({ "token": { "value": "fake-kipu-token-canary" } }));
    let ada = site.user("ada").credential(&token).pat();
    let ask = Ask::get("/kipu/quantum/jobs/job-1/result-stream").header("X-Auth-Token", ada.as_str());
    (site.serve().await, ask)
}
