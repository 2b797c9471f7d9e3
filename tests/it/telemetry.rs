//! What operators stand on: figures that are what their table says, and traces that go through.

use crate::support::{
    ADA_KEY, Ask, Bellhop, Site, Upstream,
    cast::{ada_at, ada_on},
    certificates::{Authority, Validity},
    eventually,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const JOB: &str = "/ionq/v0.4/jobs/job-1";

/// A metric's type, and its labels but for a histogram's own.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// The table in the manual.
fn documented() -> Families {
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let section = manual.split("\n## Metrics\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let read = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let labels = cells[2].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
        (cells[0].trim_matches('`').to_owned(), (cells[1].to_owned(), labels))
    };
    rows.map(read).collect()
}

async fn rendered(bellhop: &Bellhop) -> Families {
    let (text, mut families) = (bellhop.admin("/metrics").await.text(), Families::new());
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').unwrap();
            let before = families.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
            assert!(before.is_none(), "{name} is there twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
            let labels = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            let cut = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_histogram = |name: &&str| families.get(*name).is_some_and(|(kind, _)| kind == "histogram");
            let family = cut.filter(is_histogram).unwrap_or(name);
            let (_, known) = families.get_mut(family).unwrap_or_else(|| panic!("{name} has no type"));
            known.extend(labels.filter(|label| label != "le"));
        }
    }
    families
}

#[tokio::test]
async fn the_table_of_figures_says_what_there_is() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    bellhop.post(&ada, "/ionq/v0.4/jobs", &json!({})).await.assert_paid_by("me", "own");
    eventually("credentials were counted", async || bellhop.metric(&["bellhop_credentials{"]).await > 0.0).await;

    let (told, there) = (documented(), rendered(&bellhop).await);

    let names = |families: &Families| families.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&told), names(&there));
    // Of these there is nothing to tell here: no login, no certificate, no notices from SQLite.
    let silent =
        ["bellhop_exchanges_total", "bellhop_tls_certificate_expiry_timestamp_seconds", "bellhop_follower_listening"];
    for (name, (kind, labels)) in &told {
        let (found, found_labels) = &there[name];
        assert_eq!(kind, found, "{name}");
        assert!(
            silent.contains(&&**name) || labels == found_labels,
            "{name}: {labels:?}, and there is {found_labels:?}"
        );
    }
}

#[tokio::test]
async fn each_part_of_a_call_is_counted_where_it_belongs() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let site = Site::facing(&ionq).set("limits.per_token", "1/h burst 4").set("listen.workers", 1);
    let (bellhop, ada) = ada_on(site).await;
    for _ in 0..2 {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    }
    ionq.go_down();
    assert!(bellhop.get(&ada, JOB).await.status >= 500);

    let poll = "provider=\"ionq\",operation=\"poll\"";
    for times in ["bellhop_request_seconds_count", "bellhop_upstream_seconds_count", "bellhop_overhead_seconds_count"] {
        assert_eq!(bellhop.metric(&[times, poll]).await, 3.0, "{times}");
    }
    assert_eq!(bellhop.metric(&["bellhop_requests_total", poll, "5xx"]).await, 1.0);
    assert_eq!(bellhop.metric(&["bellhop_upstream_failures_total", "ionq"]).await, 1.0);
    assert!(bellhop.metric(&["bellhop_upstream_dials_total"]).await >= 1.0);
    assert_eq!(bellhop.metric(&["bellhop_core_cache_lookups_total", "hot", "hit"]).await, 2.0);
    assert_eq!(bellhop.metric(&["bellhop_cache_lookups_total", "callers", "miss"]).await, 1.0);
    assert_eq!(bellhop.metric(&["bellhop_store_seconds_count", "caller"]).await, 1.0);
    for _ in 0..2 {
        bellhop.get(&ada, JOB).await;
    }
    assert_eq!(bellhop.metric(&["bellhop_throttled_total", "token"]).await, 1.0);
    let counted = async || bellhop.metric(&["bellhop_credentials", "ionq", "active"]).await == 1.0;
    eventually("credentials were counted", counted).await;
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_and_moves_with_it() {
    let (site, authority) = (Site::empty(), Authority::new());
    let pair = authority.identity("bellhop.test", Validity::Now);
    let files = json!({ "cert": site.write("a.pem", &pair.certificate), "key": site.write("a.key", &pair.key) });
    let bellhop = site.set("tls", files).serve().await;

    let ends = bellhop.metric(&["bellhop_tls_certificate_expiry_timestamp_seconds", "proxy"]).await;

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(ends > now, "{ends}");
    assert_eq!(bellhop.metric(&["bellhop_tls_certificate_expiry_timestamp_seconds", "admin"]).await, 0.0);
}

#[tokio::test]
async fn a_callers_trace_goes_on_byte_for_byte() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let fields = [
        ("baggage", "run=7;p=a, who=%C3%A4"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "congo=t61rcWkgMzE, rojo=00f067aa0ba902b7"),
        ("tracestate", "third=x"),
    ];

    for ask in [Ask::get(JOB), Ask::post("/ionq/v0.4/jobs").json(&json!({}))] {
        let ask = fields.iter().fold(ask.pat(&ada), |ask, (name, value)| ask.header(name, *value));
        bellhop.ask(&ask).await.assert_paid_by("me", "own");

        let seen = ionq.last();
        let traced = seen.headers.iter().filter(|(name, _)| fields.iter().any(|(f, _)| name.eq_ignore_ascii_case(f)));
        let mut traced: Vec<(String, &str)> = traced.map(|(name, value)| (name.to_lowercase(), &**value)).collect();
        // The order of fields of one name says something (W3C Trace Context §3.3.1), that of others does not.
        traced.sort_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(traced, fields.map(|(name, value)| (name.to_owned(), value)));
    }
}

#[tokio::test]
async fn a_token_in_a_trace_is_refused() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for name in ["tracestate", "baggage"] {
        let ask = Ask::get(JOB).pat(&ada).header(name, format!("x={}", ada.as_str()));
        bellhop.ask(&ask).await.assert_refused("bad-request");
    }
    ionq.assert_untouched();
}
