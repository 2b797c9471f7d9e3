//! Which contexts somebody can name.

use super::cast::Cast;
use crate::support::Site;
use serde_json::{Value, json};

fn told(page: &Value) -> Vec<(String, bool, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["context"]), item["active"].as_bool().unwrap(), text(&item["by"]))).collect()
}

#[tokio::test]
async fn each_comes_with_the_right_by_which_it_can_be_named() {
    let mut site = Site::empty();
    site.user("grace").active("acme");
    site.organization("acme").project("lasers", &["grace"]);
    let cast = Cast::at(site).await;
    cast.own_project("thesis").await;

    let alan = told(&cast.get(&cast.alan, "/contexts").await.json());
    let grace = told(&cast.get(&cast.grace, "/contexts").await.json());
    let eve = told(&cast.get(&cast.eve, "/contexts").await.json());

    let line = |context: &str, active, by: &str| (context.to_owned(), active, by.to_owned());
    assert_eq!(
        alan,
        [
            line("me", false, "own"),
            line("me.thesis", false, "own"),
            line("acme", false, "member"),
            line("acme.optics", false, "member"),
        ]
    );
    assert_eq!(
        grace,
        [
            line("me", false, "own"),
            line("acme", true, "member"),
            line("acme.lasers", false, "member"),
            line("acme.optics", false, "role"),
        ]
    );
    assert_eq!(eve, [line("me", false, "own")]);
}

#[tokio::test]
async fn they_come_in_pages_of_any_size_and_none_is_told_twice() {
    let cast = Cast::assemble().await;
    cast.add_organization("gamma").await;
    for name in ["b", "a"] {
        cast.add_project(name, &[]).await;
    }
    for pat in [&cast.grace, &cast.alan] {
        let whole = told(&cast.get(pat, "/contexts").await.json());
        for limit in 1..=4 {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let page = cast.get(pat, &format!("/contexts?limit={limit}{after}")).await.json();
                seen.extend(told(&page));
                match page["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            assert_eq!(seen, whole, "{limit} at a time");
        }
    }
    cast.get(&cast.alan, "/contexts?after=A").await.assert_problem(422, "invalid");
}

#[tokio::test]
async fn a_token_for_certain_contexts_names_no_others() {
    let mut site = Site::empty();
    site.organization("acme").project("optics", &["alan"]);
    let bounded = json!({ "scopes": ["manage"], "contexts": ["acme.optics"] });
    let narrow = site.user("alan").pat_with("narrow", &bounded);
    let cast = Cast::at(site).await;

    let contexts = told(&cast.get(&narrow, "/contexts").await.json());

    assert_eq!(contexts, [("acme.optics".to_owned(), false, "member".to_owned())]);
}
