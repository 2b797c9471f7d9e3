use super::*;
use proptest::prelude::*;
use std::{ffi::OsString, fs};

fn load(file: &str) -> Result<Config, ConfigError> {
    load_with(file, &[], &[])
}

fn load_with(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bellhop.yaml");
    fs::write(&path, file).unwrap();
    let loaded = Sources {
        file: Some(path.clone()),
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect(),
        flags: flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
    };
    loaded.load().map(|loaded| loaded.config).map_err(|error| {
        let text = error.to_string().replace(path.to_str().unwrap(), "bellhop.yaml");
        let (place, message) = text.split_once(": ").unwrap();
        ConfigError::new(place, message)
    })
}

/// The mistake of a file, as people see it.
fn mistake(file: &str) -> String {
    load(file).unwrap_err().to_string()
}

#[test]
fn the_annotated_file_states_the_defaults() {
    assert_eq!(format!("{:?}", load(ANNOTATED).unwrap()), format!("{:?}", Config::default()));
}

#[test]
fn the_annotated_file_names_every_key() {
    let uncommented = ANNOTATED.replace("\n#  ", "\n  ").replace("providers: {}                   #", "providers: #");
    let config = load(&uncommented).unwrap();
    assert_eq!(config.providers.len(), 1, "the example of a provider is valid");
    for key in [
        "listen.nope",
        "store.nope",
        "limits.nope",
        "sizes.nope",
        "timeouts.nope",
        "drain.nope",
        "oidc.nope",
        "log.nope",
    ] {
        let error = load_with("", &[], &[(key, "1")]).unwrap_err().to_string();
        let keys = error.split_once("one of ").unwrap().1.split(", ");
        keys.for_each(|key| assert!(ANNOTATED.contains(&format!("  {key}: ")), "{key} is not in the annotated file"));
    }
}

#[test]
fn an_empty_file_or_section_is_the_default() {
    for file in ["", "# nothing\n", "{}", "log:\nlimits:\nproviders:\n"] {
        assert_eq!(format!("{:?}", load(file).unwrap()), format!("{:?}", Config::default()), "{file:?}");
    }
}

#[test]
fn json_is_yaml() {
    let config =
        load(r#"{"listen": {"proxy": "[::1]:9000", "workers": 2}, "limits": {"per_token": "100/s burst 200"}}"#);
    let config = config.unwrap();
    assert_eq!(config.listen.proxy.port(), 9000);
    assert_eq!(config.limits.per_token.unwrap().burst.get(), 200);
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let file = "log: { level: warn, format: json }\ntimeouts: { connect: 7s }\n";
    let environment = [("BELLHOP_LOG__LEVEL", "debug"), ("BELLHOP_TIMEOUTS__CONNECT", "8s")];
    let config = load_with(file, &environment, &[("timeouts.connect", "9s")]).unwrap();
    assert_eq!(config.log, Log { format: LogFormat::Json, level: LogLevel::Debug });
    assert_eq!(config.timeouts.connect, Duration::from_secs(9));
}

#[test]
fn the_environment_reaches_providers_lists_and_bare_keys() {
    let environment = [
        ("BELLHOP_PROVIDERS__ALICE_BOB__ALLOW_PRIVATE", "true"),
        ("BELLHOP_LISTEN__PROVIDERS__QUANTUM_INSPIRE", "127.0.0.1:9001"),
        ("BELLHOP_LISTEN__TRUSTED_PROXIES", "[10.0.0.0/8, \"2001:db8::/32\"]"),
        ("BELLHOP_DATA_DIR", "/tmp/fake"),
        ("BELLHOP_LOG__LEVEL", ""),
    ];
    let config = load_with("providers: { alice-bob: { personal: false } }", &environment, &[]).unwrap();
    assert_eq!(
        config.providers["alice-bob"],
        ProviderConfig { allow_private: true, personal: false, ..Default::default() }
    );
    assert_eq!(config.listen.providers["quantum-inspire"].port(), 9001);
    assert_eq!(config.listen.trusted_proxies.len(), 2);
    assert_eq!(config.data_dir, PathBuf::from("/tmp/fake"));
    assert_eq!(config.log.level, LogLevel::Info, "an empty variable is none");
}

#[test]
fn variables_that_others_make_are_left_alone() {
    let kubernetes = [("BELLHOP_PORT", "tcp://10.0.0.1:8080"), ("BELLHOP_SERVICE_HOST", "10.0.0.1")];
    assert!(load_with("", &kubernetes, &[]).is_ok());
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_was_expected() {
    let files = [
        "listen:\n  proxy: 8080\n",
        "listen:\n  prxy: 127.0.0.1:8080\n",
        "log: { level: info }\nlog: { level: warn }\n",
        "log:\n  level: loud\n",
        "log: [text]\n",
        "limits:\n  per_user: fast\n",
        "limits:\n  connections: 0\n",
        "timeouts:\n  upstream_head: 20m\n",
        "sizes:\n  head: 1GiB\n",
        "sizes:\n  target: 10MiB\n",
        "tls:\n  cert: a.pem\n",
        "master_key: { file: a, env: B }\n",
        "providers:\n  ionq:\n    upstream: http://127.0.0.1:9001\n",
        "providers:\n  ionq:\n    upstream: [https://a.example]\n",
        "providers:\n  ionq:\n    upstream:\n      runtime: https://a.example/v1\n",
        "providers:\n  ionq:\n    allow_private: yes\n",
        "tokens: { default_expiry: 400d }\n",
        "listen: { admin: 127.0.0.1:8080 }\n",
        "listen:\n  hosts: bellhop.example.org\n",
        "listen:\n  trusted_proxies: [10.0.0.0/8, ten]\n",
        "listen: {\n",
        "listen:\n\tproxy: 1\n",
        "a: 1\n---\nb: 2\n",
        "- 1\n",
    ];
    insta::assert_snapshot!(files.map(mistake).join("\n"), @"
    bellhop.yaml:2:10: listen.proxy: expected an IP address and a port such as 127.0.0.1:8080 or [::1]:8080
    bellhop.yaml:2:3: listen: unknown key `prxy`: expected one of proxy, admin, providers, hosts, root, public_url, admin_url, trusted_proxies, proxy_protocol, admin_proxy_protocol, workers
    bellhop.yaml:2:1: `log` is here twice: write each key once
    bellhop.yaml:2:10: log.level: expected one of error, warn, info, debug, trace
    bellhop.yaml:1:6: log: expected keys with values
    bellhop.yaml:2:13: limits.per_user: expected a rate such as 100/s, 20/min or 1000/h burst 50
    bellhop.yaml:2:16: limits.connections: expected a number from 1
    bellhop.yaml:2:18: timeouts.upstream_head: expected a duration from 1s to 1000s
    bellhop.yaml:2:9: sizes.head: expected a size in bytes such as 8192, 32KiB or 1MiB
    bellhop.yaml:2:11: sizes.target: expected a number from 1024 to 65536
    bellhop.yaml:2:3: tls: expected both `cert` and `key`, or neither
    bellhop.yaml:1:13: master_key: expected either `file` or `env`, not both
    bellhop.yaml:3:5: providers.ionq: expected an `upstream` with https, or `allow_private: true` beside it
    bellhop.yaml:3:15: providers.ionq.upstream: expected an origin such as https://api.example.org, or a map from service to origin
    bellhop.yaml:4:16: providers.ionq.upstream.runtime: expected an origin such as https://api.example.org, without user, path or query
    bellhop.yaml:3:20: providers.ionq.allow_private: expected true or false
    bellhop.yaml:1:9: tokens: expected `default_expiry` to be no longer than `max_expiry`
    bellhop.yaml:1:9: listen: expected a different address for each listener
    bellhop.yaml:2:10: listen.hosts: expected a host pattern such as {provider}.bellhop.example.org
    bellhop.yaml:2:33: listen.trusted_proxies: expected a network such as 10.0.0.0/8 or 2001:db8::/32
    bellhop.yaml:1:9: expected YAML: unclosed bracket '{'
    bellhop.yaml:2:2: expected YAML: tabs disallowed within this context (block indentation)
    bellhop.yaml:3:1: expected one document, without `---` between two
    bellhop.yaml:1:1: expected keys with values
    ");
}

#[test]
fn a_mistake_outside_the_file_names_its_variable_or_flag() {
    let of = |environment: &[(&str, &str)], flags: &[(&str, &str)]| {
        load_with("", environment, flags).unwrap_err().to_string()
    };
    let mistakes = [
        of(&[("BELLHOP_LOG__LEVEL", "loud")], &[]),
        of(&[("BELLHOP_LOG__LEVLE", "info")], &[]),
        of(&[("BELLHOP_NOPE__KEY", "1")], &[]),
        of(&[("BELLHOP_STORE__URL_FILE", "/nonexistent/url")], &[]),
        of(&[], &[("listen.proxy", "nowhere")]),
        of(&[], &[("store.url", "postgres://u:fake-flag-canary@db/x")]),
    ];
    insta::assert_snapshot!(mistakes.join("\n"), @"
    BELLHOP_LOG__LEVEL: log.level: expected one of error, warn, info, debug, trace
    BELLHOP_LOG__LEVLE: log: unknown key `levle`: expected one of format, level
    BELLHOP_NOPE__KEY: unknown key `nope`: expected one of listen, tls, admin_tls, data_dir, store, master_key, presets, providers, limits, sizes, timeouts, drain, jobs, sources, oidc, tokens, webhooks, audit, log
    BELLHOP_STORE__URL_FILE: expected the path of a readable file: No such file or directory (os error 2)
    --set listen.proxy: listen.proxy: expected an IP address and a port such as 127.0.0.1:8080 or [::1]:8080
    --set store.url: expected no secret on the command line, where every process can read it: use the file or the environment
    ");
}

#[test]
fn a_named_file_that_is_not_there_is_a_mistake() {
    let sources = Sources { file: Some("/nonexistent/bellhop.yaml".into()), ..Sources::default() };
    insta::assert_snapshot!(sources.load().unwrap_err(), @"--config: expected a readable file, and /nonexistent/bellhop.yaml is none");
}

#[test]
fn the_stores_url_comes_from_a_file_whose_path_is_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    fs::write(&path, "postgres://bellhop:fake-file-canary@db/bellhop\n").unwrap();
    let config = load_with("", &[("BELLHOP_STORE__URL_FILE", path.to_str().unwrap())], &[]).unwrap();
    assert_eq!(config.store.url.unwrap().expose(), "postgres://bellhop:fake-file-canary@db/bellhop");
}

#[test]
fn no_mistake_repeats_a_value() {
    for file in [
        "store: { url: mysql://u:fake-canary@db }",
        "store: { url: [fake-canary] }",
        "store: { max_stale: fake-canary }",
        "store:\n  url: postgres://u:fake-canary@db\n  url: postgres://u:fake-canary@db\n",
        "store:\n  url: \"postgres://u:fake-canary@db\n",
        "store: fake-canary",
        "fake-canary",
        "log: { level: fake-canary }",
        "providers: { ionq: { upstream: \"https://u:fake-canary@host\" } }",
        "listen: { public_url: \"https://u:fake-canary@host\", proxy: fake-canary }",
        "master_key: { env: \"fake-canary!\" }",
        "store: { url: !!int fake-canary }",
        "store: { url: *fake-canary }",
        "limits: { connections: fake-canary }",
    ] {
        let text = mistake(file);
        assert!(!text.contains("canary"), "{text}");
        assert!(text.starts_with("bellhop.yaml:"), "{text}");
    }
    assert!(!format!("{:?}", load("store: { url: \"postgres://u:fake-canary@db\" }").unwrap()).contains("canary"));
}

#[test]
fn durations_sizes_and_rates_have_one_form_each() {
    let millis = |text: &str| text.parse::<Span>().ok().map(|span| span.0.as_millis());
    assert_eq!(millis("1h30m"), Some(5_400_000));
    assert_eq!(millis("90d"), Some(7_776_000_000));
    assert_eq!(millis("1s250ms"), Some(1_250));
    assert_eq!(millis("0"), Some(0));
    for bad in ["", "5", "m", "30m1h", "1m1m", "-1s", "1.5h", "99999999999s", "1 h", "9999999999999999h"] {
        assert_eq!(millis(bad), None, "{bad}");
    }
    assert_eq!("32KiB".parse(), Ok(Size(32_768)));
    assert_eq!("8192".parse(), Ok(Size(8_192)));
    let rate: Rate = "20/min burst 5".parse().unwrap();
    assert_eq!((rate.interval(), rate.burst.get()), (Duration::from_secs(3), 5));
    for bad in ["", "0/s", "5", "5/day", "5/s burst", "5/s burst 0", "5/s burst 1 2", "5/s 9"] {
        assert!(bad.parse::<Rate>().is_err(), "{bad}");
    }
}

#[test]
fn origins_have_neither_user_nor_path() {
    let printed = |text: &str| text.parse::<Origin>().ok().map(|origin| origin.to_string());
    assert_eq!(printed("https://API.ionq.co/").as_deref(), Some("https://api.ionq.co"));
    assert_eq!(printed("https://[::1]:8443").as_deref(), Some("https://[::1]:8443"));
    assert_eq!(printed("http://127.0.0.1:80").as_deref(), Some("http://127.0.0.1"));
    assert_eq!(printed("HTTPS://sim_1:443").as_deref(), Some("https://sim_1"));
    for bad in [
        "",
        "ionq",
        "ftp://a",
        "https://",
        "https://u@a",
        "https://u:p@a",
        "https://a/v1",
        "https://a?b",
        "https://a#b",
        "https://a:0",
        "https://a:+1",
        "https://a:65536",
        "https://a b",
        "https://a..b",
        "https://-a",
        "https://[::1",
        "https://::1",
        "https://[::1]8443",
    ] {
        assert_eq!(printed(bad), None, "{bad}");
    }
    let base: BaseUrl = "https://gate.example.org/bellhop/".parse().unwrap();
    assert_eq!(base.to_string(), "https://gate.example.org/bellhop");
}

#[test]
fn a_host_pattern_finds_the_one_label_before_its_domain() {
    let hosts: HostPattern = "{provider}.Bellhop.example.org".parse().unwrap();
    assert_eq!(hosts.label("ionq--acme--optics.bellhop.example.org:8080"), Some("ionq--acme--optics"));
    assert_eq!(hosts.label("ionq.BELLHOP.example.ORG"), Some("ionq"));
    for other in ["bellhop.example.org", ".bellhop.example.org", "a.b.bellhop.example.org", "ionq.example.org", ""] {
        assert_eq!(hosts.label(other), None, "{other}");
    }
    assert_eq!(hosts.host("ionq").as_deref(), Some("ionq.bellhop.example.org"));
    assert_eq!(hosts.host(&"x".repeat(64)), None);
    for bad in
        ["bellhop.example.org", "{provider}", "{provider}.", "x{provider}.a", "{provider}.a b", "{provider}.[::1]"]
    {
        assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,60}") {
        let _ = (text.parse::<Span>(), text.parse::<Size>(), text.parse::<Rate>());
        let _ = (text.parse::<Origin>(), text.parse::<BaseUrl>(), text.parse::<HostPattern>());
    }

    #[test]
    fn an_origin_reads_what_it_prints(host in "[a-z]{1,8}(\\.[a-z0-9]{1,8}){0,2}", port in 1_u16..) {
        let text = format!("https://{host}:{port}");
        let origin: Origin = text.parse().unwrap();
        prop_assert_eq!(origin.to_string().parse(), Ok(origin));
    }
}

#[test]
fn the_documentation_names_every_key() {
    let documentation = include_str!("../../docs/configuration.md");
    let mut path: Vec<&str> = Vec::new();
    for line in ANNOTATED.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let is_section = value.split('#').next().is_some_and(|value| value.trim().is_empty());
        path.truncate((key.len() - key.trim_start().len()) / 2);
        path.push(key.trim_start());
        let name = path.join(".");
        let end = if is_section || path.len() == 1 { "" } else { "`" };
        assert!(documentation.contains(&format!("`{name}{end}")), "{name}");
    }
}
