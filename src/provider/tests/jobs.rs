//! The table of `docs/jobs.md`: what the presets say of each provider, and what their fixtures show to be read.

use super::shipped;
use crate::provider::{
    Provider,
    fixture::{self, Seen},
    preset::operation::Kind,
};
use std::collections::BTreeSet;

#[test]
fn the_documentation_has_the_table_that_presets_and_fixtures_make() {
    let table: Vec<String> = shipped().iter().map(|provider| row(provider)).collect();
    let document = include_str!("../../../docs/jobs.md");
    let written = document.split("|---|---|---|---|---|\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    assert_eq!(written.unwrap_or_default().trim(), table.join("\n"), "\n{}\n", table.join("\n"));
}

fn row(provider: &Provider) -> String {
    let seen: Vec<Seen> = fixture::tests::shipped(provider.id()).iter().filter_map(|f| f.seen(provider)).collect();
    let made = seen.iter().flat_map(|seen| &seen.creates).filter_map(|made| made.split(' ').next());
    let kinds: BTreeSet<&str> = made.collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let time = seen.iter().flat_map(|seen| &seen.tells).any(|told| told.ends_with(" us"));
    let name = &provider.preset().name;
    let cells = [kinds.join(", "), lists(provider), cancels(provider).into(), if time { "yes" } else { "—" }.into()];
    format!("| {name} | {} |", cells.join(" | "))
}

fn lists(provider: &Provider) -> String {
    let operations = &provider.preset().operations;
    let filtered = operations.iter().filter(|o| o.lists.is_some());
    let whole: Vec<String> = operations
        .iter()
        .filter(|o| o.kind == Kind::List && o.lists.is_none())
        .map(|o| format!("`{}` is refused", o.name))
        .collect();
    let filtered = if filtered.count() > 0 { "yes" } else { "—" };
    if whole.is_empty() { filtered.into() } else { format!("{filtered}, {}", whole.join(", ")) }
}

fn cancels(provider: &Provider) -> &'static str {
    // What is deleted from storage is told apart by where it is, not by an id.
    let cancels = provider.preset().operations.iter().filter(|o| o.kind == Kind::Cancel && o.objects.is_empty());
    let cancels: Vec<_> = cancels.collect();
    match cancels.as_slice() {
        [] => "—",
        cancels if cancels.iter().all(|o| !o.uses.is_empty()) => "yes",
        _ => "no",
    }
}
