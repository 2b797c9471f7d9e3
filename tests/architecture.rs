//! The map of `src/lib.rs`, enforced: what each module may import, and who alone may do what.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking, also in what helps it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// From the top down. A module imports what stands in a row below its own, or in its own row without cycles.
const ROWS: &[(&str, &[&str])] = &[
    ("top", &["cli", "app"]),
    ("doors", &["proxy", "admin"]),
    ("acts", &["manage"]),
    (
        "machines",
        &[
            "ask",
            "directory",
            "exchange",
            "hook",
            "jobs",
            "limits",
            "oidc",
            "presence",
            "scheme",
            "source",
            "sync",
            "upstream",
        ],
    ),
    ("keep", &["vault", "store"]),
    ("facts", &["provider", "identity", "credential", "job", "point"]),
    ("ground", &["config", "telemetry", "secret", "id", "clock", "forwarded", "spelled"]),
];

type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn a_module_imports_only_what_stands_below_it_or_beside_it() {
    let imports = imports();
    let wrong = imports.iter().flat_map(|(module, imported)| {
        imported.iter().filter(|other| row(other) < row(module)).map(move |other| format!("{module} imports {other}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "against the map: {wrong:#?}");
}

#[test]
fn no_row_has_a_cycle() {
    let imports = imports();
    for (name, modules) in ROWS {
        for module in *modules {
            let mut reached: BTreeSet<&str> = BTreeSet::new();
            let mut next = vec![*module];
            while let Some(at) = next.pop() {
                for other in imports.get(at).into_iter().flatten().filter(|o| modules.contains(&o.as_str())) {
                    assert_ne!(other, module, "{module} imports itself by way of {at}, in the row {name}");
                    if reached.insert(other) {
                        next.push(other);
                    }
                }
            }
        }
    }
}

#[test]
fn doors_do_not_reach_past_the_machines() {
    let imports = imports();
    assert!(!imports["proxy"].contains("store"), "the data plane asks the directory, not the store");
    assert!(!imports["proxy"].contains("vault"), "on the data plane only `scheme` opens seals");
    assert!(!imports["admin"].contains("proxy"));
    for (module, imported) in &imports {
        assert!(
            !imported.contains("app") || module == "cli" || module == "app",
            "{module} imports the composition root"
        );
        assert!(!imported.contains("cli") || module == "cli", "{module} imports the command line");
    }
}

#[test]
fn only_scheme_opens_seals_on_the_data_plane() {
    for (file, text) in sources().filter(|(file, _)| !file.starts_with("src/vault") && !file.starts_with("src/cli")) {
        assert!(!text.contains(".unseal(") || file.starts_with("src/scheme"), "{} opens a seal", file.display());
    }
}

/// Presets are read from an operator's files by one file of `provider`, and nowhere else in this row.
#[test]
fn facts_do_no_input_or_output() {
    let facts = ["src/identity", "src/credential", "src/provider", "src/point"];
    for (file, text) in sources().filter(|(file, _)| facts.iter().any(|folder| file.starts_with(folder))) {
        let is_test = file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests");
        if is_test || file == Path::new("src/provider/files.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in ["std::fs", "fs::read", "tokio::", "sqlx::", "std::net::Tcp", "std::process"] {
            assert!(!code.contains(word), "{} has {word}", file.display());
        }
    }
}

fn row(module: &str) -> usize {
    let found = ROWS.iter().position(|(_, modules)| modules.contains(&module));
    found.unwrap_or_else(|| panic!("`{module}` stands nowhere on the map"))
}

fn imports() -> Imports {
    let mut imports = Imports::new();
    for (file, text) in sources() {
        let Some(module) = file.components().nth(1).and_then(|part| part.as_os_str().to_str()) else { continue };
        let module = module.trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let found = imports.entry(module.to_owned()).or_default();
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        found.extend(top_level_modules(&code).filter(|other| other != module));
    }
    imports
}

/// What follows each `crate::`, also in braces.
fn top_level_modules(code: &str) -> impl Iterator<Item = String> {
    code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with('$')).flat_map(|(at, word)| {
        let rest = &code[at + word.len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => first_names(group),
            None => vec![first_name(rest)],
        };
        names.into_iter().filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()))
    })
}

fn first_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut begins) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && depth == 0 && !c.is_whitespace() => {
                names.push(first_name(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                files.push(entry);
            }
        }
    }
    files.into_iter().map(move |file| {
        let text = fs::read_to_string(&file).expect("a source");
        (file.strip_prefix(root).expect("below the root").to_owned(), text)
    })
}

#[test]
fn the_map_in_the_library_names_every_module() {
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs");
    for module in ROWS.iter().flat_map(|(_, modules)| *modules) {
        assert!(library.contains(&format!("[`{module}`]")), "`{module}` is missing from the table");
        assert!(library.contains(&format!("pub mod {module};")), "`{module}` is no module");
    }
    assert_eq!(library.matches("pub mod ").count(), ROWS.iter().map(|(_, m)| m.len()).sum::<usize>());
}
