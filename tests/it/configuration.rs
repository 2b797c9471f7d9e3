//! The configuration and what surrounds it: a mistake is told with its place, and nothing starts half.

use crate::support::{ADA_KEY, Site, Upstream, cast::ada_on, site::Run};
use serde_json::json;
use std::fs;

/// Runs `serve` on this configuration, which must not start.
async fn refused(text: &str) -> Run {
    let site = Site::empty();
    let file = site.write("broken.yaml", text);
    let run = site.run(&["serve", "--config", file.to_str().unwrap()]).await.assert_code(78);
    assert!(!site.data().exists(), "nothing is made before the configuration is right");
    run
}

#[tokio::test]
async fn a_mistake_is_told_with_file_line_and_column() {
    for (text, place, expected) in [
        ("listen:\n  prxy: \"127.0.0.1:0\"\n", "broken.yaml:2:3", "proxy"),
        ("listen:\n  proxy: \"127.0.0.1:0\"\n  proxy: \"127.0.0.1:1\"\n", "broken.yaml:3:3", "twice"),
        ("listen:\n  proxy: localhost\n", "broken.yaml:2:10", "expected"),
        ("store:\n  max_stale: soon\n", "broken.yaml:2:14", "duration"),
        ("limits:\n  per_token: many\n", "broken.yaml:2:14", "rate"),
        ("timeouts:\n  head: 10ms\n", "broken.yaml:2:9", "1s"),
        ("log: { format: xml }\n", "broken.yaml:1:16", "json"),
        ("listen: [\n", "broken.yaml:", ""),
        ("unheard_of: true\n", "broken.yaml:1:1", ""),
    ] {
        let run = refused(text).await;
        assert!(run.err.contains(place), "{text:?}: {}", run.err);
        assert!(run.err.to_lowercase().contains(expected), "{text:?}: {}", run.err);
        assert_eq!(run.out, "");
    }
}

#[tokio::test]
async fn a_mistake_never_shows_a_secret() {
    for text in [
        "store:\n  url: [\"postgres://bellhop:fake-password-canary@db\"]\n",
        "store:\n  url: \"mysql://bellhop:fake-password-canary@db\"\n",
        "store:\n  url: \"postgres://bellhop:fake-password-canary@db\"\n  nonsense: 1\n",
    ] {
        let run = refused(text).await;
        assert!(run.err.contains("broken.yaml:"), "{}", run.err);
    }
}

#[tokio::test]
async fn an_upstream_is_https_and_carries_no_user() {
    for upstream in [
        "http://api.elsewhere.example",
        "https://user@api.elsewhere.example",
        "https://u:p@h",
        "ftp://h",
        "https://h/path?x",
    ] {
        refused(&format!("providers:\n  ionq:\n    upstream: \"{upstream}\"\n")).await;
    }
}

#[tokio::test]
async fn a_provider_that_has_no_preset_is_refused_with_those_that_have() {
    let run = refused("providers:\n  ionk:\n    upstream: \"https://h.example\"\n").await;
    assert!(run.err.contains("ionk") && run.err.contains("ionq"), "{}", run.err);
    let run = refused("listen:\n  root: ionk\n").await;
    assert!(run.err.contains("ionk"), "{}", run.err);
    let run = refused("listen:\n  providers: { ionk: \"127.0.0.1:0\" }\n").await;
    assert!(run.err.contains("ionk"), "{}", run.err);
}

const MINE: &str = "id: mine
name: Mine
origin: \"http://mine.example\"
caller_token:
  - { header: Authorization }
fields:
  - { name: key, kind: secret, label: Key }
scheme:
  headers:
    - { name: Authorization, value: \"{key}\" }
operations:
  - { name: status, kind: poll, on: \"GET /jobs/{job}\" }
";

#[tokio::test]
async fn a_broken_preset_is_refused_with_its_place() {
    let site = Site::empty();
    let preset = site.write("presets/mine.yaml", MINE);
    let site = site.set("presets", json!([preset]));

    let run = site.run(&["check", "--offline"]).await.assert_code(78);

    assert!(run.err.contains("mine.yaml:3:9"), "{}", run.err);
}

#[tokio::test]
async fn a_missing_file_is_a_mistake_of_the_configuration() {
    let site = Site::empty();
    site.run(&["serve", "--config", "nowhere.yaml"]).await.assert_code(78);
    let site = site.set("tls", json!({ "cert": "nowhere.pem", "key": "nowhere.pem" }));
    site.run(&["serve"]).await.assert_code(78);
    let site = Site::empty().set("providers.ionq.ca_file", "nowhere.pem");
    site.run(&["serve"]).await.assert_code(78);
}

#[tokio::test]
async fn a_command_that_is_used_wrongly_exits_with_2() {
    let site = Site::empty();
    for arguments in [&["sevre"][..], &["serve", "--nonsense"], &[], &["token", "create"]] {
        let run = site.run(arguments).await.assert_code(2);
        assert!(run.err.contains("Usage"), "{}", run.err);
    }
    site.run(&["--help"]).await.assert_code(0);
    site.run(&["--version"]).await.assert_code(0);
}

#[tokio::test]
async fn a_taken_port_is_an_error_also_among_processes_of_one_user() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq)).await;
    for (key, address) in [("listen.proxy", bellhop.addresses.proxy), ("listen.admin", bellhop.addresses.admin)] {
        let second = Site::empty().set(key, address.to_string());

        let run = second.run(&["serve"]).await;

        assert!(matches!(run.code, Some(1 | 78)), "{run:?}");
        assert!(run.err.contains(&address.to_string()), "{}", run.err);
    }
    bellhop.get(&ada, "/ionq/v0.4/jobs/job-1").await.assert_paid_by("me", "own");
}

#[tokio::test]
async fn the_environment_comes_before_the_file_and_a_flag_before_both() {
    let site = Site::empty().set("log.level", "error").environment("BELLHOP_LOG__LEVEL", "warn");
    let shown = site.run(&["check", "--offline"]).await.assert_code(0);
    assert_eq!(shown.code, Some(0));

    let run = site.run(&["check", "--offline", "--set", "log.level=loud"]).await.assert_code(78);
    assert!(run.err.contains("log.level"), "{}", run.err);
    let wrong =
        Site::empty().environment("BELLHOP_LOG__LEVEL", "loud").run(&["check", "--offline"]).await.assert_code(78);
    assert!(wrong.err.contains("BELLHOP_LOG__LEVEL"), "{}", wrong.err);
    let unknown =
        Site::empty().environment("BELLHOP_LOG__LEVLE", "warn").run(&["check", "--offline"]).await.assert_code(78);
    assert!(unknown.err.contains("BELLHOP_LOG__LEVLE"), "{}", unknown.err);
    Site::empty().environment("BELLHOP_HOME", "x").run(&["check", "--offline"]).await.assert_code(0);
}

#[tokio::test]
async fn the_configuration_may_be_named_before_or_after_the_command() {
    let site = Site::empty();
    let broken = site.write("elsewhere/broken.yaml", "nonsense: 1\n");
    let broken = broken.to_str().unwrap();

    site.run(&["--config", broken, "check", "--offline"]).await.assert_code(78);
    site.run(&["check", "--offline", "--config", broken]).await.assert_code(78);
    site.run(&["check", "--offline"]).await.assert_code(0);
    let named = Site::empty().environment("BELLHOP_CONFIG", broken);
    named.run(&["check", "--offline"]).await.assert_code(78);
}

#[tokio::test]
async fn the_listening_line_is_there_at_every_level_and_in_text_too() {
    for (format, level) in [("json", "error"), ("json", "info")] {
        let site = Site::empty().set("log", json!({ "format": format, "level": level }));
        let bellhop = site.serve().await;
        assert_eq!(bellhop.admin("/healthz").await.status, 200);
    }
    let mut text = Site::empty().set("log", json!({ "format": "text", "level": "error" }));
    text.reconfigure("listen.admin", "127.0.0.1:0");
    text.apply().await;
    let mut serving = text.spawn(&["serve"]);
    let line = serving.first_error_line().await;
    assert!(
        line.contains("listening") && line.contains("proxy=127.0.0.1:") && line.contains("admin=127.0.0.1:"),
        "{line}"
    );
}

#[tokio::test]
async fn the_defaults_listen_on_loopback_and_have_no_secret() {
    let site = Site::empty();
    let defaults = site.run(&["check", "--defaults"]).await.assert_code(0).out;
    for listener in ["proxy", "admin"] {
        let line = defaults.lines().find(|line| line.trim_start().starts_with(&format!("{listener}:"))).unwrap();
        assert!(line.contains("\"127.0.0.1:"), "{line}");
    }
    let words = |line: &str| ["password:", "secret:", " token:", " key:"].iter().any(|word| line.contains(word));
    let lines = defaults.lines().map(|line| line.split(" #").next().unwrap());
    for line in lines.filter(|line| words(line)) {
        assert!(line.contains(": null"), "a default secret: {line}");
    }
}

#[tokio::test]
async fn what_the_data_folder_holds_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let mut site = Site::empty();
    site.user("ada").key(ADA_KEY).pat();
    site.apply().await;

    let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(site.data().join("master.key")), 0o600);
    for entry in fs::read_dir(site.data()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(path.clone()) & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn help_names_the_next_step() {
    let site = Site::empty();
    for command in [&["serve"][..], &["apply"], &["explain"], &["token", "create"], &["credential", "add"]] {
        let run = site.run(&[command, &["--help"]].concat()).await.assert_code(0);
        assert!(run.out.contains("Usage"), "{}", run.out);
    }
}
