mod jobs;

use super::*;
use crate::config::Upstream;
use std::collections::BTreeMap;

fn shipped() -> Catalog {
    Catalog::shipped().unwrap_or_else(|error| panic!("{error}"))
}

fn changed(id: &str, changes: Changes) -> Result<Catalog, CatalogError> {
    Catalog::new(&[], &BTreeMap::from([(id.to_owned(), changes)]))
}

fn at(upstream: &str) -> Changes {
    Changes { upstream: Some(Upstream::One(upstream.parse().unwrap())), ..Changes::default() }
}

fn origin(catalog: &Catalog, id: &str, path: &str, region: Option<&'static str>) -> String {
    let provider = catalog.find(id).unwrap();
    let origin = provider.origin(provider.service(path.as_bytes()), |name| region.filter(|_| name == "region"));
    origin.map_or_else(|e| e.to_string(), |o| o.to_string())
}

#[test]
fn a_provider_is_found_by_its_exact_id_and_has_a_dense_index() {
    let catalog = shipped();
    for (index, provider) in catalog.iter().enumerate() {
        assert_eq!(usize::from(provider.index()), index);
        assert!(catalog.at(provider.index()).is_some_and(|p| p.id() == provider.id()));
        assert!(catalog.find(provider.id()).is_some());
    }
    for segment in ["IonQ", "ionq ", "%69onq", "", "ionq/", "nobody"] {
        assert!(catalog.find(segment).is_none(), "{segment}");
    }
    let ids: Vec<&str> = catalog.iter().map(|p| p.id()).collect();
    assert_eq!(ids, catalog::SHIPPED.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

#[test]
fn the_region_of_the_credential_and_the_service_of_the_path_choose_the_origin() {
    let catalog = shipped();
    assert_eq!(origin(&catalog, "ionq", "/v0.4/jobs", None), "https://api.ionq.co");
    assert_eq!(origin(&catalog, "dwave", "/sapi/v2/problems/", None), "https://na-west-1.cloud.dwavesys.com");
    assert_eq!(origin(&catalog, "dwave", "/sapi/v2/", Some("eu-central-1")), "https://eu-central-1.cloud.dwavesys.com");
    assert_eq!(origin(&catalog, "dwave", "/metadata/v1/regions/", Some("x")), "https://cloud.dwavesys.com");
    assert_eq!(origin(&catalog, "dwave", "/metadatas", None), "https://na-west-1.cloud.dwavesys.com");
    assert!(origin(&catalog, "dwave", "/", Some("evil.org/")).contains("cannot stand in a host name"));
}

#[test]
fn an_operator_replaces_one_origin_or_each_by_name() {
    let one = changed("dwave", at("https://dwave.example.org:8443")).unwrap();
    assert_eq!(origin(&one, "dwave", "/leap/api/", Some("eu-central-1")), "https://dwave.example.org:8443");
    let map = [("eu-central-1", "https://eu.example.org"), ("leap", "https://leap.example.org")];
    let map = map.map(|(n, o)| (n.to_owned(), o.parse().unwrap())).into_iter().collect();
    let each = changed("dwave", Changes { upstream: Some(Upstream::PerService(map)), ..Changes::default() }).unwrap();
    assert_eq!(origin(&each, "dwave", "/sapi/", Some("eu-central-1")), "https://eu.example.org");
    assert_eq!(origin(&each, "dwave", "/sapi/", None), "https://na-west-1.cloud.dwavesys.com");
    assert_eq!(origin(&each, "dwave", "/leap/api", None), "https://leap.example.org");
}

#[test]
fn plain_http_needs_leave_and_a_service_must_be_known() {
    let refused = changed("ionq", at("http://127.0.0.1:9001")).unwrap_err().to_string();
    assert!(refused.starts_with("providers.ionq.upstream: expected https"), "{refused}");
    assert!(changed("ionq", Changes { allow_private: true, ..at("http://127.0.0.1:9001") }).is_ok());
    let unknown = changed("ionk", Changes::default()).unwrap_err().to_string();
    assert!(unknown.contains("expected one of alice-bob, aqt,"), "{unknown}");
    let map = BTreeMap::from([("east".to_owned(), "https://a".parse().unwrap())]);
    let unknown =
        changed("ionq", Changes { upstream: Some(Upstream::PerService(map)), ..Changes::default() }).unwrap_err();
    assert_eq!(unknown.to_string(), "providers.ionq.upstream: expected a service (main), not `east`");
}

#[test]
fn an_operators_file_replaces_a_shipped_preset_and_adds_new_ones() {
    let text = catalog::SHIPPED.iter().find(|(id, _)| *id == "iqm").unwrap().1;
    let file = |name: &str, text: String| PresetFile { name: name.into(), text };
    let replaced = text.replace("https://resonance.iqm.tech\"", "https://iqm.example.org\"");
    let files = [file("a.yaml", replaced), file("b.yaml", text.replace("id: iqm", "id: iqm-lab"))];
    let catalog = Catalog::new(&files, &BTreeMap::new()).unwrap();
    assert_eq!(origin(&catalog, "iqm", "/", None), "https://iqm.example.org");
    assert_eq!(origin(&catalog, "iqm-lab", "/", None), "https://resonance.iqm.tech");
    let broken = Catalog::new(&[file("c.yaml", "id: x".into())], &BTreeMap::new()).unwrap_err();
    assert!(broken.to_string().starts_with("c.yaml:1:"), "{broken}");
}

#[test]
fn urls_of_any_region_and_of_the_operators_own_upstream_are_the_providers() {
    let catalog = changed("dwave", Changes { allow_private: true, ..at("http://127.0.0.1:9001") }).unwrap();
    let dwave = catalog.find("dwave").unwrap();
    for ours in ["http://127.0.0.1:9001/a", "https://eu-central-1.cloud.dwavesys.com/a", "https://cloud.dwavesys.com/a"]
    {
        assert_eq!(dwave.locate(ours), Located::Own("/a"), "{ours}");
    }
    for other in ["http://127.0.0.1:9002/a", "https://a.b.cloud.dwavesys.com/a", "http://cloud.dwavesys.com/a"] {
        assert_eq!(dwave.locate(other), Located::Foreign, "{other}");
    }
}

#[test]
fn every_provider_says_where_the_callers_token_is_and_what_its_secrets_are() {
    for provider in shipped().iter() {
        assert!(!provider.slots().is_empty(), "{}", provider.id());
        assert!(provider.secret_fields().count() >= 1, "{}", provider.id());
        assert!(!provider.preset().sdks.is_empty(), "{}", provider.id());
    }
    let catalog = shipped();
    let mat3ra: Vec<&str> = catalog.find("mat3ra").unwrap().slot_headers().iter().map(HeaderName::as_str).collect();
    assert_eq!(mat3ra, ["x-auth-token", "authorization"]);
}

#[test]
fn the_example_of_the_documentation_is_a_valid_preset() {
    let document = include_str!("../../../docs/presets.md");
    let example = document.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let preset = Preset::parse("docs/presets.md", example).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(*preset.id, *"example");
}
