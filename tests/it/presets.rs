//! Providers as an operator sees them: those that there are, and one of their own from nothing to green.

use crate::support::Site;
use serde_json::json;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/providers");
const PAGE: &str = include_str!("../../docs/custom-provider.md");

/// A block of the page on presets of one's own: its file's name stands in its first line.
fn block(name: &str) -> &'static str {
    let blocks = PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut blocks = blocks.filter(|block| block.starts_with(&format!("# {name}\n")));
    blocks.next().unwrap_or_else(|| panic!("docs/custom-provider.md has no block `{name}`"))
}

#[tokio::test]
async fn the_page_on_presets_of_ones_own_leads_to_a_provider_that_works() {
    let site = Site::empty();
    let preset = site.write("presets/our-lab.yaml", block("our-lab.yaml"));
    let missing = site.run(&["provider", "test", preset.to_str().unwrap()]).await.assert_code(1);
    assert!(missing.err.contains("the preset is in order, but its fixtures cannot be read"), "{}", missing.err);
    site.write("presets/fixtures/our-lab.yaml", block("fixtures/our-lab.yaml"));
    let tested = site.run(&["provider", "test", preset.to_str().unwrap()]).await.assert_code(0);
    assert!(tested.out.contains("all as they should be"), "{}", tested.out);
    let site = site.set("presets", json!([site_folder(&preset)])).set("listen.proxy", "127.0.0.1:8080");
    site.run(&["check", "--offline"]).await.assert_code(0);
    let listed = site.run(&["provider", "list", "--json"]).await.assert_code(0).json();
    let lab = listed.as_array().unwrap().iter().find(|line| line["id"] == "our-lab").unwrap();
    assert_eq!((&lab["preset"], &lab["ways"][0]), (&json!("added"), &json!("path")));
    let env = site.run(&["env", "our-lab"]).await.assert_code(0);
    assert!(env.out.contains("export LAB_URL=http://127.0.0.1:8080/our-lab/api\n"), "{}", env.out);
}

fn site_folder(preset: &std::path::Path) -> &str {
    preset.parent().unwrap().to_str().unwrap()
}

#[tokio::test]
async fn a_difference_is_told_with_its_line_and_a_mistake_with_its_place() {
    let site = Site::empty();
    let preset = site.write("p.yaml", block("our-lab.yaml"));
    let fixtures = block("fixtures/our-lab.yaml").replacen("is: status", "is: result", 1);
    let fixtures = site.write("f.yaml", fixtures);
    let arguments = ["provider", "test", preset.to_str().unwrap(), "--fixtures", fixtures.to_str().unwrap()];
    let told = site.run(&arguments).await.assert_code(1);
    assert!(told.err.contains("is `status`, and not `result`\n"), "{}", told.err);
    assert!(told.err.contains("no fixture goes through status: GET /api/runs/{run}\n"), "{}", told.err);
    assert!(told.err.ends_with("error: 2 things wrong with our-lab\n"), "{}", told.err);
    for told in told.err.lines() {
        let page = PAGE.replace("presets/fixtures/our-lab.yaml", fixtures.to_str().unwrap());
        assert!(page.contains(told), "the page has other words than: {told}");
    }
    let broken = site.write("broken.yaml", block("our-lab.yaml").replace("kind: submit", "kind: sumbit"));
    let told = site.run(&["provider", "test", broken.to_str().unwrap()]).await.assert_code(1);
    assert!(told.err.contains("broken.yaml:") && told.err.contains("unknown variant `sumbit`"), "{}", told.err);
    site.run(&["provider", "test", site.path("").to_str().unwrap()]).await.assert_code(2);
}

#[tokio::test]
async fn every_shipped_preset_passes_the_test_that_an_operator_runs() {
    let site = Site::empty();
    for entry in std::fs::read_dir(SHIPPED).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        site.run(&["provider", "test", entry.to_str().unwrap()]).await.assert_code(0);
    }
}

#[tokio::test]
async fn a_provider_is_shown_with_its_fields_its_sdks_and_what_requests_are() {
    let site = Site::empty().set("providers.ionq", json!({ "personal": false }));
    let shown = site.run(&["provider", "show", "ionq"]).await.assert_code(0).out;
    for part in [
        "api_key  secret",
        "IONQ_API_URL={base}/v0.4",
        "qiskit-ionq 1.1.1, by path, port, host, root",
        "submit   submit",
    ] {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    let json = site.run(&["provider", "show", "ionq", "--json"]).await.assert_code(0).json();
    assert_eq!((&json["fields"][0]["field"], &json["preset"]), (&json!("api_key"), &json!("shipped")));
    let listed = site.run(&["provider", "list", "--json"]).await.assert_code(0).json();
    let overridden = listed.as_array().unwrap().iter().filter(|line| line["overridden"] == true);
    assert_eq!(overridden.map(|line| &line["id"]).collect::<Vec<_>>(), [&json!("ionq")]);
    assert!(site.run(&["provider", "show", "ionk"]).await.assert_code(1).err.contains("expected one of alice-bob"));
}
