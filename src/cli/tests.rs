//! Commands as people give them: arguments in, exit code and texts out, on a store of their own.

use super::*;
use serde_json::Value;
use std::{fs, io::Cursor};
use tempfile::TempDir;

/// A folder for the store, and nothing of this machine's environment.
struct Desk {
    folder: TempDir,
}

struct Ran {
    code: u8,
    output: String,
    errors: String,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// One with ada, who owns acme, and grace, a member of it and of its project optics.
    fn furnished() -> Self {
        let desk = Self::new();
        for command in [
            "user add ada",
            "user add grace",
            "org add acme --owner ada",
            "org member set acme grace member",
            "project add acme.optics",
            "project add me.thesis --user ada",
            "project member add acme.optics grace",
        ] {
            desk.run(command).assert_done();
        }
        desk
    }

    fn run(&self, command: &str) -> Ran {
        self.run_with(command, "")
    }

    fn run_with(&self, command: &str, input: &str) -> Ran {
        let data = self.folder.path().join("data");
        let arguments = ["bellhop", "--data-dir", data.to_str().unwrap()].into_iter().chain(command.split_whitespace());
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let mut console = Console {
            input: &mut Cursor::new(input.to_owned()),
            output: &mut output,
            errors: &mut errors,
            interactive: false,
            colours: false,
            screen: progress::Screen::none(),
        };
        let code = run(arguments.map(OsString::from), Environment::default(), &mut console);
        Ran { code, output: String::from_utf8(output).unwrap(), errors: String::from_utf8(errors).unwrap() }
    }

    fn json(&self, command: &str) -> Value {
        let ran = self.run(&format!("{command} --json")).assert_done();
        serde_json::from_str(&ran.output).unwrap()
    }
}

impl Ran {
    #[track_caller]
    fn assert_done(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.output, self.errors);
        self
    }

    #[track_caller]
    fn assert_refused(self, code: u8, part: &str) {
        assert_eq!(self.code, code, "{}{}", self.output, self.errors);
        assert!(self.errors.contains(part), "{}", self.errors);
        assert_eq!(self.output, "");
    }
}

#[test]
fn the_commands_are_consistent_and_each_says_what_it_does() {
    fn walk(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
        for argument in command.get_opts() {
            assert!(argument.get_help().is_some(), "{} says nothing of {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(walk);
    }
    let command = Cli::command();
    command.clone().debug_assert();
    walk(&command);
}

#[test]
fn the_configuration_may_be_named_before_and_after_the_command() {
    let desk = Desk::new();
    let file = desk.folder.path().join("bellhop.yaml");
    fs::write(&file, "log: { level: loud }").unwrap();
    for command in ["--config FILE check --offline", "check --offline --config FILE", "check --config=FILE --offline"] {
        desk.run(&command.replace("FILE", file.to_str().unwrap()))
            .assert_refused(78, "bellhop.yaml:1:15: log.level: expected one of");
    }
}

#[test]
fn mistakes_have_the_exit_codes_of_the_contract() {
    let desk = Desk::furnished();
    desk.run("frobnicate").assert_refused(2, "unrecognized subcommand");
    desk.run("user add a/b").assert_refused(2, "is no user name");
    desk.run("user show alan").assert_refused(1, "there is no such user");
    desk.run("user add ada").assert_refused(1, "there is a user `ada` already");
    desk.run("credential add ionq@me").assert_refused(2, "--from-stdin api_key");
    desk.run("credential list --of me").assert_refused(2, "say whose with `--user NAME`");
    desk.run("credential show ionq@acme --user ada").assert_refused(2, "`acme` is an organization's");
    desk.run("explain --provider ionq").assert_refused(2, "expected --user");
    desk.run("explain --user ada --provider nope").assert_refused(1, "expected one of alice-bob, aqt");
    desk.run("user list --set listen.prxy=1").assert_refused(78, "--set listen.prxy");
    desk.run("user list --set store.url=postgres://u:fake-argument-canary@db")
        .assert_refused(78, "no secret on the command line");
    assert_eq!(desk.run("--version").code, 0);
    assert_eq!(desk.run("credential --help").code, 0);
}

#[test]
fn another_master_key_is_refused_and_the_store_stays_as_it_is() {
    let desk = Desk::furnished();
    let other = Desk::new();
    other.run("user list").assert_done();
    let (data, others) = (desk.folder.path().join("data"), other.folder.path().join("data"));
    fs::copy(others.join("master.key"), data.join("master.key")).unwrap();
    for command in ["user list", "user add eve", "key rotate", "check"] {
        desk.run(command).assert_refused(78, "is not the one that this store is sealed with");
    }
    fs::remove_file(data.join("master.key")).unwrap();
    desk.run("user list").assert_refused(78, "missing");
    assert!(!data.join("master.key").exists());
}

#[test]
fn a_new_token_is_alone_on_standard_output_and_listed_by_its_beginning() {
    let desk = Desk::furnished();
    let made = desk.run("token create ada laptop").assert_done();
    let token = made.output.trim_end();
    assert!(crate::identity::pat::PlainPat::parse(token.as_bytes()).is_some());
    assert!(!made.errors.contains(&token[8..]));
    let list = desk.run("token list").assert_done().output;
    assert!(list.contains(&token[..8]) && !list.contains(&token[..9]), "{list}");
    desk.run("token create ada laptop").assert_refused(1, "ada has a token `laptop` already");
    desk.run_with("token revoke --stdin", &format!("  {token}\n")).assert_done();
    desk.run_with("token revoke --stdin", token).assert_refused(1, "there is no such token");
    desk.run("token create ada laptop").assert_done();
    desk.run("token revoke ada laptop").assert_done();
    assert_eq!(desk.json("token list ada"), Value::Array(Vec::new()));
}

#[test]
fn a_token_has_the_limits_that_it_was_made_with() {
    let desk = Desk::furnished();
    desk.run("token create grace ci --context acme.optics --contexts acme.optics,acme --providers ionq,dwave --scopes read --networks 10.0.0.0/8,192.0.2.1 --expires 30d").assert_done();
    let token = &desk.json("token list grace")[0];
    assert_eq!(token["context"], "acme.optics");
    assert_eq!(token["contexts"], serde_json::json!(["acme", "acme.optics"]));
    assert_eq!(token["providers"], serde_json::json!(["ionq", "dwave"]));
    assert_eq!(token["networks"], serde_json::json!(["10.0.0.0/8", "192.0.2.1/32"]));
    assert_eq!(token["scopes"], serde_json::json!(["read"]));
    for (arguments, code, part) in [
        ("--expires never", 1, "tokens.max_expiry"),
        ("--expires soon", 2, "expected a duration"),
        ("--providers nope", 1, "there is no such provider"),
        ("--context gamma", 1, "there is no context `gamma` for grace"),
        ("--context acme --contexts acme.optics", 1, "the pinned context `acme` is not among them"),
        ("--scopes root", 2, "expected one or more of run, read, manage"),
        ("--networks lan", 1, "expected networks"),
    ] {
        desk.run(&format!("token create grace other {arguments}")).assert_refused(code, part);
    }
}

#[test]
fn no_command_ever_shows_a_secret_field() {
    let desk = Desk::furnished();
    let mut said = String::new();
    let mut run = |command: &str, input: &str| {
        let ran = desk.run_with(command, input).assert_done();
        said.push_str(&ran.output);
        said.push_str(&ran.errors);
    };
    run(
        "credential add dwave@acme --from-stdin token --plain region=eu-central-1 --label shared",
        "fake-first-canary\n",
    );
    run("credential rotate dwave@acme --from-stdin token", "fake-second-canary\n");
    for command in
        ["credential list", "credential show dwave@acme", "explain --user grace --provider dwave", "org show acme"]
    {
        run(command, "");
        run(&format!("{command} --json"), "");
    }
    run("key rotate", "");
    run("credential delete dwave@acme --yes", "");
    assert!(!said.contains("canary"), "{said}");
    assert!(said.contains("eu-central-1"), "plain fields are shown");
    desk.run("credential add ionq@acme --plain api_key=fake-argument-canary")
        .assert_refused(2, "treat the one that you just typed as leaked");
}

#[test]
fn a_credential_is_rotated_restricted_switched_and_deleted_under_one_id() {
    let desk = Desk::furnished();
    desk.run_with("credential add ionq@acme --from-stdin api_key", "fake-canary-1").assert_done();
    let first = desk.json("credential show ionq@acme");
    desk.run_with("credential add ionq@acme --from-stdin api_key", "fake-canary-2")
        .assert_refused(1, "credential rotate ionq@acme");
    let own = "credential add ionq@me --user ada --from-stdin api_key";
    desk.run_with(own, "fake-canary-3").assert_done();
    desk.run_with(own, "fake-canary-4").assert_refused(1, "`bellhop credential rotate ionq@me --user ada`");
    desk.run("credential delete ionq@me --user ada --yes").assert_done();
    desk.run_with("credential rotate ionq@acme --from-stdin api_key", "fake-canary-2").assert_done();
    desk.run("credential restrict ionq@acme --projects optics --members grace").assert_done();
    let second = desk.json(&format!("credential show {}", first["id"].as_str().unwrap()));
    assert_eq!((&second["id"], &second["version"]), (&first["id"], &2.into()));
    assert_eq!(second["restricted_to_projects"], serde_json::json!(["optics"]));
    desk.run("credential restrict ionq@acme --members alan").assert_refused(1, "alan is not a member");
    desk.run("credential restrict ionq@acme --lift").assert_done();
    desk.run("credential disable ionq@acme").assert_done();
    assert_eq!(desk.json("credential show ionq@acme")["state"], "disabled");
    let still = desk.run_with("credential rotate ionq@acme --from-stdin api_key", "fake-canary-3").assert_done();
    assert!(still.errors.contains("disabled still: `bellhop credential enable"), "{}", still.errors);
    desk.run("credential enable ionq@acme").assert_done();
    desk.run("credential delete ionq@acme").assert_refused(1, "add `--yes`");
    desk.run("credential delete ionq@acme --yes").assert_done();
    desk.run("credential show ionq@acme").assert_refused(1, "acme has no credential for ionq");
    desk.run("credential show ionq@me --user ada").assert_refused(1, "`bellhop credential add ionq@me --user ada`");
    desk.run("credential show ionqq@acme").assert_refused(1, "there is no provider `ionqq`: expected one of");
}

#[test]
fn a_source_that_is_not_configured_is_told_of_when_it_is_entered() {
    let desk = Desk::furnished();
    let told =
        desk.run(r#"credential add ionq@acme.optics --source {"vault":{"path":"quantum/ionq"}}"#).assert_done().errors;
    assert!(told.contains("`sources.vault` is not configured"), "{told}");
}

#[test]
fn a_new_version_must_be_of_the_same_account() {
    let desk = Desk::furnished();
    let add = "credential add mat3ra@acme --plain account_id=fake-account --from-stdin token";
    desk.run_with(add, "fake-canary").assert_done();
    desk.run_with("credential rotate mat3ra@acme --from-stdin token", "fake-canary-2").assert_done();
    let other = "credential rotate mat3ra@acme --from-stdin token --plain account_id=another";
    desk.run_with(other, "fake-canary-3").assert_refused(1, "another account");
}

#[test]
fn personal_credentials_are_refused_where_they_are_switched_off() {
    let desk = Desk::furnished();
    let add = "credential add ionq@me --user ada --from-stdin api_key --set providers.ionq.personal=false";
    desk.run_with(add, "fake-canary").assert_refused(1, "providers.ionq.personal");
}

#[test]
fn explain_says_who_pays_and_why_each_other_one_lost() {
    let desk = Desk::furnished();
    for at in ["ionq@me --user ada", "ionq@acme", "ionq@acme.optics"] {
        desk.run_with(&format!("credential add {at} --label of-{} --from-stdin api_key", &at[5..7]), "fake-canary")
            .assert_done();
    }
    let own = desk.json("explain --user ada --provider ionq");
    assert_eq!((&own["pays"]["context"], own["others"].as_array().unwrap().len()), (&"me".into(), 2));
    assert_eq!(own["others"][0]["why"], "your own credential comes first");
    let named = desk.json("explain --user ada --provider ionq --context acme");
    assert_eq!(named["pays"]["why"], "because the request names acme");
    let project = desk.json("explain --user grace --provider ionq");
    assert_eq!(project["pays"]["context"], "acme.optics");
    let nobody = desk.json("explain --user grace --provider dwave");
    assert_eq!(nobody["pays"], Value::Null);
    assert!(nobody["remedy"].as_str().unwrap().contains("bellhop credential add dwave@me --user grace"));
    let stranger = desk.json("explain --user grace --provider ionq --context gamma");
    assert!(stranger["verdict"].as_str().unwrap().contains("not a member of gamma"));
    let project = desk.json("explain --user ada --provider ionq --context acme.nope");
    assert!(project["verdict"].as_str().unwrap().contains("there is no project `acme.nope`"));
}

#[test]
fn explain_knows_what_the_token_may_do() {
    let desk = Desk::furnished();
    desk.run_with("credential add ionq@acme.optics --from-stdin api_key", "fake-canary").assert_done();
    let token = |arguments: &str| desk.run(&format!("token create grace {arguments}")).assert_done().output;
    let explain = |token: &str| desk.run_with("explain --token-stdin --provider ionq", token).assert_done().output;
    assert!(explain(&token("pinned --context acme.optics")).contains("because the token is pinned to acme.optics"));
    assert!(explain(&token("elsewhere --providers dwave")).contains("refused: the token may not use ionq"));
    assert!(explain(&token("managing --scopes manage")).contains("refused: the token's scopes are manage"));
    assert!(explain(&token("bounded --contexts acme")).contains("refused: the token may not use acme.optics"));
    let unknown = "bhp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA431V14";
    desk.run_with("explain --token-stdin --provider ionq", unknown).assert_refused(1, "the token is not valid");
}

#[test]
fn every_table_is_json_for_programs() {
    let desk = Desk::furnished();
    for command in [
        "user list",
        "org list",
        "project list",
        "project list acme",
        "project list --user ada",
        "token list",
        "credential list",
    ] {
        assert!(desk.json(command).is_array(), "{command}");
    }
    for command in ["user show ada", "org show acme", "key show", "key rotate", "explain --user ada --provider ionq"] {
        assert!(desk.json(command).is_object(), "{command}");
    }
    assert_eq!(desk.json("project list --user ada")[0]["project"], "me.thesis");
}

#[test]
fn who_is_deleted_is_first_told_of() {
    let desk = Desk::furnished();
    desk.run("token create ada lasers --context acme.optics").assert_done();
    let told = "destroy 0 credentials of acme.optics, which serve 1 member, and requests of 1 token pinned to it would be \
                refused: add `--yes`";
    desk.run("project delete acme.optics").assert_refused(1, told);
    desk.run("token create grace laptop").assert_done();
    desk.run("user delete grace").assert_refused(1, "revoke 1 token and destroy 0 credentials of grace");
    desk.run("user delete grace --yes").assert_done();
    desk.run("user show grace").assert_refused(1, "there is no such user");
    desk.run("org delete acme").assert_refused(1, "1 project and 0 credentials of acme, which serve 1 member");
    desk.run("org delete acme --yes").assert_done();
    assert_eq!(desk.json("org list"), Value::Array(Vec::new()));
}

#[test]
fn a_project_names_a_provider_once_however_many_credentials_it_has_for_it() {
    let desk = Desk::furnished();
    desk.run_with("credential add ionq@acme.optics --from-stdin api_key", "fake-canary-1").assert_done();
    desk.run("credential disable ionq@acme.optics").assert_done();
    desk.run_with("credential add ionq@acme.optics --from-stdin api_key", "fake-canary-2").assert_done();
    assert_eq!(desk.json("project list acme")[0]["credentials"], serde_json::json!(["ionq"]));
    desk.run("project delete acme.optics")
        .assert_refused(1, "destroy 2 credentials of acme.optics, which serve 1 member: ");
}

#[test]
fn an_organization_keeps_its_last_owner_and_its_projects_take_only_members() {
    let desk = Desk::furnished();
    desk.run("org member set acme ada member").assert_refused(1, "ada is the last owner of acme");
    desk.run("user delete ada --yes").assert_refused(1, "ada is the last owner of acme");
    desk.run("org member set acme grace owner").assert_done();
    desk.run("org member remove acme ada").assert_done();
    desk.run("org member remove acme ada").assert_refused(1, "there is no such member of acme");
    desk.run("project member add acme.optics ada").assert_refused(1, "no such member of acme");
    desk.run("project member remove acme.optics ada").assert_refused(1, "no such member of acme.optics");
    desk.run("project member add me.thesis ada").assert_refused(2, "is somebody's own");
    desk.run("project add acme.optics").assert_refused(1, "there is a project `acme.optics` already");
    desk.run("project delete acme.lasers --yes").assert_refused(1, "there is no project `acme.lasers`");
    desk.run("project list").assert_done();
    let acme = desk.json("org show acme");
    assert_eq!(acme["members"], serde_json::json!(["grace (owner)"]));
    assert_eq!(desk.json("org list")[0]["members"], 1);
}

#[test]
fn an_active_context_is_chosen_and_cleared() {
    let desk = Desk::furnished();
    desk.run("user active grace acme.optics").assert_done();
    assert_eq!(desk.json("user show grace")["active_context"], "acme.optics");
    desk.run("user active grace --clear").assert_done();
    assert_eq!(desk.json("user show grace")["active_context"], Value::Null);
    desk.run("user disable grace").assert_done();
    desk.run("explain --user grace --provider ionq").assert_refused(1, "grace is disabled");
    desk.run("user enable grace").assert_done();
}

#[test]
fn check_looks_at_everything_and_makes_nothing() {
    let desk = Desk::new();
    desk.run("check").assert_done();
    assert!(!desk.folder.path().join("data").exists());
    desk.run("user list").assert_done();
    assert!(desk.run("check").assert_done().errors.contains("master key     version 1"));
    desk.run("check --offline --set tls.cert=/nonexistent.pem --set tls.key=/nonexistent.pem")
        .assert_refused(78, "tls.cert");
    desk.run("check --set listen.root=nope").assert_refused(78, "nope");
    assert_eq!(desk.run("check --defaults").assert_done().output, crate::config::ANNOTATED);
}

#[test]
fn a_file_is_no_folder_for_the_store() {
    let desk = Desk::new();
    fs::write(desk.folder.path().join("data"), "").unwrap();
    desk.run("check").assert_refused(78, "data_dir: expected a folder");
}

#[test]
fn whoever_makes_the_master_key_is_told_to_keep_a_copy() {
    let desk = Desk::new();
    assert!(desk.run("user add ada").assert_done().errors.contains("master.key: keep a copy"));
    assert!(!desk.run("user add grace").assert_done().errors.contains("master"));
}

#[test]
fn settings_that_read_a_variable_say_so_where_it_is_not_set() {
    let desk = Desk::new();
    for format in ["sh", "dotenv", "python"] {
        let ran = desk.run(&format!("env azure --format {format}")).assert_done();
        assert!(ran.errors.contains("BELLHOP_TOKEN is not set"), "{format}: {}", ran.errors);
    }
    assert!(!desk.run("env azure --format json").assert_done().errors.contains("BELLHOP_TOKEN is not set"));
}

#[test]
fn a_demo_takes_no_configuration() {
    Desk::new().run("demo --check").assert_refused(2, "--dir says where it keeps things");
}

#[test]
fn apply_puts_new_tokens_alone_on_standard_output() {
    let desk = Desk::new();
    let state = "users: [ { name: ada, tokens: [ { name: laptop } ] } ]";
    let dry = desk.run_with("apply - --dry-run", state).assert_done();
    assert_eq!(dry.output, "");
    let made = desk.run_with("apply -", state).assert_done();
    assert!(made.output.starts_with("{\"user\":\"ada\",\"token\":\"laptop\",\"value\":\"bhp_"), "{}", made.output);
    assert_eq!(made.output.lines().count(), 1);
    assert_eq!(desk.run_with("apply -", state).assert_done().output, "");
    desk.run_with("apply -", "users: [ { nam: ada } ]").assert_refused(78, "-:1:12");
    desk.run("apply /nonexistent.yaml").assert_refused(1, "cannot read");
}

#[test]
fn documents_are_made_for_every_shell_and_command() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(desk.run(&format!("completions {shell}")).assert_done().output.contains("healthcheck"), "{shell}");
    }
    assert!(desk.run("manpage").assert_done().output.contains(".TH"));
    let pages = desk.folder.path().join("man");
    desk.run(&format!("manpage --folder {}", pages.display())).assert_done();
    assert!(pages.join("bellhop-credential-add.1").exists());
}

#[test]
fn a_health_check_believes_only_a_200() {
    let answers = |answer: &'static str| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let read = std::io::Read::read(&mut stream, &mut head).unwrap();
            assert!(head[..read].starts_with(b"GET /readyz HTTP/1.1\r\n"));
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
        });
        Desk::new().run(&format!("healthcheck --url http://{address}"))
    };
    answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").assert_done();
    answers("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").assert_refused(1, "it answers 503");
    answers("").assert_refused(1, "is not ready");
    Desk::new().run("healthcheck --set listen.admin=127.0.0.1:0").assert_refused(2, "give --url");
}
