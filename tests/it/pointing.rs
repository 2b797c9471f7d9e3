//! SDKs are pointed at Bellhop: what `env` prints, and what a program under `run` sees.

use crate::support::{ADA_KEY, Pat, Site, Upstream, eventually};
use serde_json::{Value, json};
use std::process::Command;

/// A provider whose SDK reads files, and one that drops the path.
const LAB: &str = r#"
id: lab
name: Lab
origin: "https://lab.example.org"
caller_token: [{ header: Authorization, word: Bearer }]
fields:
  - { name: token, kind: secret, label: Token }
  - { name: project, kind: plain, label: Project, optional: true, list: true }
scheme: { headers: [{ name: Authorization, value: "Bearer {token}" }] }
operations: [{ name: me, kind: account, on: GET /me }]
sdks:
  - name: lab-sdk
    ways: [path]
    environment: { LAB_PROJECT: "{project}", LAB_CONTEXT: "{context}" }
    unset: [LAB_PROFILE]
    files:
      - name: settings.toml
        where: [~/.lab/settings.toml]
        variable: LAB_SETTINGS
        format: toml
        required: true
        content: "[default]\nurl = \"{base}\"\nkey = \"{token}\"\n"
      - { name: key.json, where: [~/.lab/key.json], variable: LAB_KEYS, variable_names: folder, format: json, required: true, content: '{"key": "{token}"}' }
    note: |
      It has two lines.
      touch made-by-a-note
    warning: Mind the gap.
"#;

/// A machine that knows the lab, with the programs that these stories use.
fn machine() -> Site {
    let site = Site::empty().environment("PATH", "/usr/bin:/bin").set("listen.proxy", "127.0.0.1:8080");
    let lab = site.write("lab.yaml", LAB);
    let temporary = site.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let site = site.environment("TMPDIR", temporary.to_str().unwrap());
    site.set("presets", json!([lab]))
}

#[tokio::test]
async fn a_shell_that_evaluates_what_env_prints_has_the_variables_and_nobody_has_seen_the_token() {
    let site = machine();
    let printed = site.run(&["env", "ionq", "--sdk", "qiskit-ionq", "--context", "acme.optics"]).await.assert_code(0);
    assert!(printed.out.contains("export IONQ_API_KEY=\"$BELLHOP_TOKEN\"\n"), "{}", printed.out);
    assert!(printed.out.contains("unset QISKIT_IONQ_API_TOKEN\n"), "{}", printed.out);
    let pat = Pat::fake();
    let script = format!(
        "set -eu; {}\nprintenv IONQ_API_URL IONQ_API_KEY; echo \"${{QISKIT_IONQ_API_TOKEN-none}}\"",
        printed.out
    );
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(script).env("BELLHOP_TOKEN", pat.as_str()).env("QISKIT_IONQ_API_TOKEN", "fake-vendor-canary");
    let seen = String::from_utf8(shell.output().unwrap().stdout).unwrap();
    assert_eq!(seen, format!("http://127.0.0.1:8080/ionq@acme.optics/v0.4\n{}\nnone\n", pat.as_str()));
}

#[tokio::test]
async fn an_sdk_that_drops_the_path_is_told_of_with_what_it_needs() {
    let site = machine();
    let refused = site.run(&["env", "iqm"]).await.assert_code(1);
    assert!(refused.err.contains("listen.providers: { iqm: \"127.0.0.1:8091\" }"), "{}", refused.err);
    assert_eq!(refused.out, "");
    let root = site.run(&["env", "iqm", "--way", "root"]).await.assert_code(0);
    assert!(root.out.contains("export IQM_SERVER_URL=http://127.0.0.1:8080\n"), "{}", root.out);
    assert!(root.err.contains("the token must be one that may use iqm only"), "{}", root.err);
    let site = site.set("listen.providers", json!({ "iqm": "127.0.0.1:8091" }));
    let port = site.run(&["env", "iqm", "--context", "acme"]).await.assert_code(0);
    assert!(port.out.contains("export IQM_SERVER_URL=http://127.0.0.1:8091\n"), "{}", port.out);
    assert!(port.err.contains("no place for a context"), "{}", port.err);
    let far = site.run(&["env", "iqm", "--url", "http://far.example.org", "--way", "root"]).await.assert_code(0);
    assert!(far.err.contains("does not send a token over plain http to far.example.org"), "{}", far.err);
    let both = site.run(&["env", "ionq"]).await.assert_code(0);
    assert!(both.err.contains("cirq-ionq 1.7.0: it drops the path"), "{}", both.err);
}

#[tokio::test]
async fn where_bellhop_is_comes_from_the_flag_before_the_variable_before_the_configuration() {
    let site = machine().set("listen.public_url", "https://public.example.org/b");
    let address = |out: &str| out.lines().find(|line| line.contains("LUNA_BASE_URL")).map(str::to_owned).unwrap();
    let printed = site.run(&["env", "luna"]).await.assert_code(0);
    assert_eq!(address(&printed.out), "export LUNA_BASE_URL=https://public.example.org/b/luna");
    let site = site.environment("BELLHOP_PROXY_URL", "https://variable.example.org");
    assert_eq!(
        address(&site.run(&["env", "luna"]).await.out),
        "export LUNA_BASE_URL=https://variable.example.org/luna"
    );
    let flag = site.run(&["env", "luna", "--url", "https://flag.example.org", "--format", "dotenv"]).await;
    assert_eq!(address(&flag.out), "LUNA_BASE_URL=https://flag.example.org/luna");
    let site = site.environment("BELLHOP_PROXY_URL", "nonsense");
    assert!(site.run(&["env", "luna"]).await.assert_code(2).err.contains("BELLHOP_PROXY_URL: expected a URL"));
}

#[tokio::test]
async fn the_token_is_written_out_only_when_asked_and_only_bellhops() {
    let (site, pat) = (machine(), Pat::fake());
    let asked = ["env", "dwave", "--format", "dwave.conf", "--with-token"];
    let file = site.run_with_input(&asked, &format!("{}\n", pat.as_str())).await.assert_code(0);
    let line = format!("token = {}\n", pat.as_str());
    assert!(
        file.out.starts_with("[defaults]\nendpoint = http://127.0.0.1:8080/dwave/sapi/v2/\n")
            && file.out.ends_with(&line)
    );
    let blank = site.run(&["env", "dwave", "--format", "dwave.conf"]).await.assert_code(0);
    assert!(blank.out.ends_with("token = <BELLHOP_TOKEN>\n") && blank.err.contains("--with-token"), "{}", blank.out);
    let vendors = site.run_with_input(&asked, "DEV-fake-vendor-canary").await.assert_code(1);
    assert!(
        vendors.err.contains("standard input is no Bellhop token") && !vendors.err.contains("DEV-"),
        "{}",
        vendors.err
    );
    site.write("token.txt", format!("{}\n", pat.as_str()));
    let site = site.environment("BELLHOP_TOKEN_FILE", "token.txt");
    let fish = site.run(&["env", "luna", "--format", "fish", "--with-token"]).await.assert_code(0);
    assert!(fish.out.contains(&format!("set -gx LUNA_API_KEY {}\n", pat.as_str())), "{}", fish.out);
    site.run(&["env", "luna", "--with-token", "an-argument"]).await.assert_code(2);
}

#[tokio::test]
async fn every_form_says_the_same() {
    let site = machine();
    let json: Value =
        serde_json::from_str(&site.run(&["env", "ionq", "--format", "json"]).await.assert_code(0).out).unwrap();
    let sdk = &json["sdks"][0];
    assert_eq!((&sdk["name"], &sdk["way"]), (&json!("qiskit-ionq"), &json!("path")));
    assert_eq!(sdk["environment"]["IONQ_API_KEY"], "${BELLHOP_TOKEN}");
    let code = site.run(&["env", "azure", "--format", "python"]).await.assert_code(0);
    assert!(
        code.out.contains("import os\n") && code.out.contains("AzureKeyCredential(os.environ[\"BELLHOP_TOKEN\"])"),
        "{}",
        code.out
    );
    let comments = site.run(&["env", "azure"]).await.assert_code(0);
    assert!(comments.out.lines().all(|line| line.starts_with('#') || line.starts_with("unset ")), "{}", comments.out);
    let unknown = site.run(&["env", "dwave", "--format", "dwave.cnf"]).await.assert_code(2);
    assert!(unknown.err.contains("expected sh, fish, powershell, dotenv, json, python, dwave.conf"), "{}", unknown.err);
    assert!(site.run(&["env", "ionq", "--sdk", "x"]).await.assert_code(1).err.contains("qiskit-ionq, cirq-ionq"));
}

#[tokio::test]
async fn fields_and_contexts_are_filled_in_where_they_are_given() {
    let site = machine();
    let without = site.run(&["env", "lab"]).await.assert_code(0);
    assert!(!without.out.contains("LAB_PROJECT") && !without.out.contains("LAB_CONTEXT"), "{}", without.out);
    assert!(without.err.contains("lab-sdk: LAB_PROJECT is left out, as it needs --plain project=…"), "{}", without.err);
    assert!(
        without.err.contains("Mind the gap.")
            && without.err.contains("--format settings.toml --with-token > ~/.lab/settings.toml")
    );
    let with = site.run(&["env", "lab", "--plain", "project=it's, that", "--context", "acme"]).await.assert_code(0);
    assert!(
        with.out.contains("export LAB_PROJECT='it'\\''s'\n") && with.out.contains("export LAB_CONTEXT=acme\n"),
        "{}",
        with.out
    );
    let commands = ["# ", "export ", "unset "];
    assert!(with.out.lines().all(|line| commands.iter().any(|begin| line.starts_with(begin))), "{}", with.out);
    site.run(&["env", "lab", "--plain", "colour=red"]).await.assert_code(2);
    let secret = site.run(&["env", "lab", "--plain", "token=fake-typed-canary"]).await.assert_code(2);
    assert!(secret.err.contains("treat the one that you just typed as leaked"), "{}", secret.err);
}

/// One with a token, and with what a vendor's own settings leave behind.
fn occupied() -> (Site, Pat) {
    let pat = Pat::fake();
    let site = machine()
        .environment("BELLHOP_TOKEN", pat.as_str())
        .environment("IONQ_API_KEY", "fake-vendor-canary")
        .environment("IQM_TOKEN", "fake-vendor-canary")
        .environment("LAB_PROFILE", "prod");
    (site, pat)
}

#[tokio::test]
async fn a_program_runs_with_every_sdk_pointed_here_and_nothing_of_the_vendors() {
    let (site, pat) = occupied();
    let ran =
        site.run(&["run", "--provider", "ionq", "--provider", "dwave", "--provider", "iqm", "--", "printenv"]).await;
    let ran = ran.assert_code(0);
    let has = |line: &str| ran.out.lines().any(|l| l == line);
    assert!(
        has(&format!("IONQ_API_KEY={}", pat.as_str())) && has("IONQ_API_URL=http://127.0.0.1:8080/ionq/v0.4"),
        "{}",
        ran.out
    );
    assert!(
        has("DWAVE_API_ENDPOINT=http://127.0.0.1:8080/dwave/sapi/v2/")
            && has("BELLHOP_PROXY_URL=http://127.0.0.1:8080")
    );
    assert!(has(&format!("IQM_TOKEN={}", pat.as_str())) && has("IQM_SERVER_URL=http://127.0.0.1:8080"), "{}", ran.out);
    assert!(has("IONQ_REMOTE_HOST=http://127.0.0.1:8080") && !ran.out.contains("fake-vendor"), "{}", ran.out);
    assert!(ran.err.contains("IONQ_API_KEY is replaced\n"), "{}", ran.err);
    assert!(ran.err.contains("IQM_TOKEN is replaced\n"), "{}", ran.err);
    assert!(
        ran.err.contains("iqm-client 36.0.0: it drops the path") && !ran.err.contains("fake-vendor"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn without_a_choice_all_providers_sdks_are_pointed_here() {
    let (site, pat) = occupied();
    let ran = site.run(&["run", "--", "printenv", "LUNA_API_KEY", "PLANQK_QUANTUM_BASE_URL"]).await.assert_code(0);
    assert_eq!(ran.out, format!("{}\nhttp://127.0.0.1:8080/planqk/quantum\n", pat.as_str()));
}

#[tokio::test]
async fn the_exit_code_is_the_programs() {
    let (site, _) = occupied();
    for providers in [&["--provider", "ionq"][..], &["--provider", "lab"]] {
        let run = |command: &'static [&'static str]| [&["run"], providers, &["--"], command].concat();
        site.run(&run(&["sh", "-c", "exit 7"])).await.assert_code(7);
        assert!(
            site.run(&run(&["no-such-program"])).await.assert_code(127).err.contains("cannot run `no-such-program`")
        );
        site.run(&run(&["/tmp"])).await.assert_code(126);
    }
    site.run(&["run", "--provider", "lab", "--", "sh", "-c", "kill -KILL $$"]).await.assert_code(137);
    site.run(&["run"]).await.assert_code(2);
    let refused = machine().run(&["run", "--", "true"]).await.assert_code(1);
    assert!(refused.err.contains("set BELLHOP_TOKEN, or BELLHOP_TOKEN_FILE"), "{}", refused.err);
}

const LOOK: &str = "cat \"$LAB_SETTINGS\" \"$LAB_KEYS/key.json\"; echo; stat -c '%a' \"$LAB_SETTINGS\" \"$LAB_KEYS\" \"$LAB_KEYS/..\"; printenv LAB_PROFILE";

#[tokio::test]
async fn files_that_an_sdk_insists_on_are_private_and_gone_afterwards() {
    let (site, pat) = occupied();
    let ran = site.run(&["run", "--provider", "lab", "--context", "acme", "--", "sh", "-c", LOOK]).await.assert_code(1);
    let (url, pat) = ("http://127.0.0.1:8080/lab@acme", pat.as_str());
    assert_eq!(
        ran.out,
        format!("[default]\nurl = \"{url}\"\nkey = \"{pat}\"\n{{\"key\": \"{pat}\"}}\n600\n700\n700\n")
    );
    assert!(ran.err.contains("LAB_PROFILE is removed: it would lead elsewhere\n"), "{}", ran.err);
    assert_eq!(site.path("tmp").read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_signal_reaches_the_program_and_its_files_go_all_the_same() {
    let (site, _) = occupied();
    let script = "trap 'exit 9' TERM; touch ready; while :; do sleep 0.05; done";
    let mut child = Command::new(env!("CARGO_BIN_EXE_bellhop"));
    site.write_config();
    site.surround(&mut child);
    let mut child = child.args(["run", "--provider", "lab", "--", "sh", "-c", script]).spawn().unwrap();
    eventually("the program runs", async || site.path("ready").exists()).await;
    assert_eq!(site.path("tmp").read_dir().unwrap().count(), 1);
    let killed = Command::new("/bin/kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(9));
    assert_eq!(site.path("tmp").read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn what_run_sets_is_what_doctor_asks_for_and_a_running_bellhop_knows_the_token() {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    let bellhop = site.serve().await;
    let url = format!("http://{}", bellhop.addresses.proxy);
    let mut program = Command::new(env!("CARGO_BIN_EXE_bellhop"));
    bellhop.surround(&mut program);
    program.env("BELLHOP_TOKEN", ada.as_str()).env("BELLHOP_PROXY_URL", &url);
    let arguments = ["run", "--", env!("CARGO_BIN_EXE_bellhop"), "doctor", "--json"];
    let ran = tokio::task::spawn_blocking(move || program.args(arguments).output()).await.unwrap().unwrap();
    let found: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!((ran.status.code(), &found["findings"]), (Some(0), &json!([])), "{found:#}");
    assert_eq!(
        (&found["whoami"]["user"], &found["whoami"]["providers"]["ionq"]["owner"]),
        (&json!("ada"), &json!("me"))
    );
    ionq.assert_untouched();
}
