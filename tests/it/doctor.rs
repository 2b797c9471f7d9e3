//! What `doctor` finds on a machine, told by place and line and never by value.

use crate::support::{ADA_KEY, Pat, Site, Upstream};
use serde_json::{Value, json};

/// A person's machine: a home folder, and nothing that would bypass Bellhop.
fn machine() -> Site {
    let site = Site::empty().set("listen.proxy", "127.0.0.1:8080");
    let home = site.path("home");
    std::fs::create_dir(&home).unwrap();
    site.environment("HOME", home.to_str().unwrap())
}

async fn findings(site: &Site, code: i32) -> Vec<String> {
    let ran = site.run(&["doctor", "--json"]).await.assert_code(code);
    assert!(!format!("{}{}", ran.out, ran.err).contains("canary"), "{}", ran.out);
    let root = format!("{}/", site.path("").display().to_string().trim_end_matches('/'));
    let told = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().replace(&root, "");
        let line = finding["line"].as_u64().map(|line| format!(":{line}")).unwrap_or_default();
        format!("{} {}{line}: {}", text("provider"), text("place"), text("what"))
    };
    let mut told: Vec<String> = ran.json()["findings"].as_array().unwrap().iter().map(told).collect();
    told.sort();
    told
}

#[tokio::test]
async fn nothing_is_found_where_nothing_is() {
    let site = machine();
    site.write("home/.netrc", "machine git.example.org login x password fake-netrc-canary\n");
    site.write(".env", "DATABASE=fake-other-canary\n");
    assert_eq!(findings(&site, 0).await, Vec::<String>::new());
    assert!(site.run(&["doctor"]).await.err.contains("nothing here would bypass Bellhop"));
}

#[tokio::test]
async fn vendors_variables_are_found_in_the_environment_and_in_a_dotenv_file() {
    let site = machine()
        .environment("DWAVE_API_TOKEN", "DEV-fake-canary")
        .environment("DWAVE_API_ENDPOINT", "https://na-west-1.cloud.dwavesys.com/sapi/v2/")
        .environment("IQM_TOKENS_FILE", "/fake-canary.json");
    site.write(".env", "# mine\nIONQ_API_KEY='fake-dotenv-canary'\nLUNA_API_KEY=${BELLHOP_TOKEN}\n");
    let found = findings(&site, 1).await;
    assert_eq!(
        found[..3],
        [
            "dwave DWAVE_API_ENDPOINT: DWAVE_API_ENDPOINT leads dwave-cloud-client to https://na-west-1.cloud.dwavesys.com",
            "dwave DWAVE_API_TOKEN: DWAVE_API_TOKEN holds something else than a Bellhop token, and dwave-cloud-client uses it",
            "ionq .env:2: IONQ_API_KEY holds something else than a Bellhop token, and cirq-ionq uses it",
        ]
    );
    assert_eq!(found.last().unwrap(), "iqm IQM_TOKENS_FILE: IQM_TOKENS_FILE leads iqm-client elsewhere");
    let told = site.run(&["doctor", "--provider", "iqm"]).await.assert_code(1);
    assert!(told.out.contains("unset IQM_TOKENS_FILE, or use `bellhop env iqm` or `bellhop run`"), "{}", told.out);
    assert!(!told.out.contains("DWAVE") && told.err.contains("1 thing would bypass Bellhop"), "{}", told.out);
}

#[tokio::test]
async fn a_dotenv_file_is_looked_into_whatever_else_it_holds() {
    let site = machine();
    site.write(".env", b"# B\xfccher\nIONQ_API_KEY=fake-dotenv-canary\n");
    assert!(findings(&site, 1).await[0].starts_with("ionq .env:2: IONQ_API_KEY holds something else"));

    site.write(".env", vec![b'#'; 2 << 20]);
    let [found] = &findings(&site, 0).await[..] else { panic!("one thing is worth knowing") };
    assert_eq!(found, " .env: SDKs may read it, and it is too long to look into");

    std::fs::remove_file(site.path(".env")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(site.path(".env")).status().unwrap().success());
    assert_eq!(findings(&site, 0).await, Vec::<String>::new(), "nobody waits for somebody to write into it");
}

#[tokio::test]
async fn a_bellhop_token_in_a_dotenv_file_needs_an_address_too() {
    let (site, pat) = (machine(), Pat::fake());
    site.write(".env", format!("\nIONQ_API_KEY={}\n", pat.as_str()));
    let found = findings(&site, 1).await;
    assert!(found[0].starts_with("ionq .env:2: IONQ_API_KEY holds a Bellhop token, and no variable"), "{found:?}");
    site.write(".env", format!("IONQ_API_KEY={}\nIONQ_API_URL=http://localhost:8080/ionq/v0.4\n", pat.as_str()));
    assert_eq!(findings(&site, 0).await, Vec::<String>::new());
}

#[tokio::test]
async fn files_of_sdks_are_looked_into_wherever_the_sdk_would() {
    let site = machine();
    let elsewhere = site.write("else/where.conf", "[prod]\ntoken = DEV-fake-canary\n");
    site.write("dwave.conf", "[defaults]\nendpoint = http://127.0.0.1:8080/dwave/sapi/v2/\ntoken = <BELLHOP>\n");
    site.write("home/.config/dwave/dwave.conf", "[defaults]\nendpoint = https://user:fake-canary@eu.example.org/\n");
    site.write("home/.config/planqk/config.json", "{\n  \"auth\": {\n    \"value\": \"plqk_fake-canary\"\n  }\n}");
    site.write("home/.config/qhubctl/config.json", "{ this is no JSON");
    let site = site.environment("DWAVE_CONFIG_FILE", elsewhere.to_str().unwrap());
    let (token, address) = ("something else than a Bellhop token, and", "leads dwave-cloud-client somewhere else");
    assert_eq!(
        findings(&site, 1).await,
        [
            format!("dwave dwave.conf:3: `token` of [defaults] is {token} dwave-cloud-client uses it"),
            format!("dwave else/where.conf:2: `token` of [prod] is {token} dwave-cloud-client uses it"),
            format!("dwave home/.config/dwave/dwave.conf:2: `endpoint` of [defaults] {address}"),
            "kipu home/.config/qhubctl/config.json: qhub-quantum may read it, and it cannot be understood".into(),
            format!("planqk home/.config/planqk/config.json:3: `value` of [auth] is {token} planqk-quantum uses it"),
        ]
    );
}

#[tokio::test]
async fn passwords_of_netrc_and_secrets_of_a_keyring_are_found() {
    let site = machine();
    site.write(
        "home/.netrc",
        "machine api.ionq.co login x password fake-netrc-canary\nmachine localhost password fake-canary\n",
    );
    site.write(
        "home/.local/share/python_keyring/keyring_pass.cfg",
        "[dwave_2Dcloud]\nada =\n\tZmFrZS1jYW5hcnk=\n[github]\nada = x\n",
    );
    assert_eq!(
        findings(&site, 1).await,
        [
            " home/.netrc:2: a password for localhost, which goes to Bellhop in the place of the token",
            "dwave home/.local/share/python_keyring/keyring_pass.cfg:2: a secret of the service `dwave-cloud`, which may be D-Wave's",
            "ionq home/.netrc:1: a password for api.ionq.co, which is a provider's",
        ]
    );
}

#[tokio::test]
async fn another_home_can_be_looked_into() {
    let site = machine();
    let other = site.write("other/.config/planqk/config.json", "{\"auth\": {\"value\": \"plqk_fake-canary\"}}");
    let other = other.ancestors().nth(3).unwrap().to_str().unwrap();
    assert!(site.run(&["doctor", "--home", other]).await.assert_code(1).out.contains("planqk/config.json:1:"));
}

#[tokio::test]
async fn a_bellhop_token_that_nothing_leads_to_bellhop_is_found() {
    let pat = Pat::fake();
    let site = machine().environment("IONQ_API_KEY", pat.as_str());
    let found = findings(&site, 1).await;
    assert_eq!(
        found,
        [
            "ionq IONQ_API_KEY: IONQ_API_KEY holds a Bellhop token, and no variable says where Bellhop is: it would be sent to the provider"
        ]
    );
    let site = site.environment("IONQ_API_URL", "http://localhost:8080/ionq/v0.4");
    assert_eq!(findings(&site, 0).await, Vec::<String>::new());
}

#[tokio::test]
async fn whether_bellhop_is_there_and_who_would_pay_is_asked_of_it() {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    let bellhop = site.serve().await;
    let (url, stranger) =
        (format!("http://{}", bellhop.addresses.proxy), format!("http://{}", bellhop.addresses.admin));
    let ask = async |url: &str, code| bellhop.run(&["doctor", "--url", url]).await.assert_code(code);
    assert!(ask(&url, 0).await.err.contains("nothing here would bypass Bellhop"));
    assert!(ask(&stranger, 1).await.out.contains("what answers there (404 Not Found) is not Bellhop"));
    assert!(ask("http://127.0.0.1:1", 1).await.out.contains("Bellhop cannot be reached: the connection was refused"));
    let mut doctor = std::process::Command::new(env!("CARGO_BIN_EXE_bellhop"));
    bellhop.surround(&mut doctor);
    doctor.args(["doctor", "--url", &url]).env("BELLHOP_TOKEN", ada.as_str());
    let ran = tokio::task::spawn_blocking(move || doctor.output()).await.unwrap().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.starts_with("Bellhop knows the token as one of ada's\n") && said.contains("ionq      me"), "{said}");
    let mut again = std::process::Command::new(env!("CARGO_BIN_EXE_bellhop"));
    bellhop.surround(&mut again);
    again.args(["doctor", "--json", "--url", &url]).env("BELLHOP_TOKEN", Pat::fake().as_str());
    let ran = tokio::task::spawn_blocking(move || again.output()).await.unwrap().unwrap();
    let found: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(found["findings"][0]["what"].as_str().unwrap().starts_with("Bellhop refuses the token:"), "{found}");
    assert_eq!((ran.status.code(), &found["bypasses"]), (Some(1), &json!(1)));
}

#[tokio::test]
async fn who_serves_is_told_with_how_soon_a_revocation_is_in_force() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let mut site = Site::facing(&ionq);
    site.user("ada").key(ADA_KEY).pat();
    let bellhop = site.serve().await;
    bellhop.run(&["token", "create", "ada", "other"]).await.assert_code(0);
    bellhop.run(&["token", "revoke", "ada", "other"]).await.assert_code(0);

    let mut told = Value::Null;
    // With its next sign of life.
    crate::support::eventually("it has told", async || {
        told = bellhop.run(&["doctor", "--json"]).await.assert_code(0).json()["replicas"].clone();
        told[0]["in_force_within"].as_str().is_some_and(|within| within.ends_with(" ms"))
    })
    .await;
    assert_eq!((told.as_array().unwrap().len(), &told[0]["version"]), (1, &json!(env!("CARGO_PKG_VERSION"))), "{told}");
    assert_eq!(told[0]["behind"], 0);
    let told = bellhop.run(&["doctor"]).await.assert_code(0).out;
    assert!(told.contains("Serving from the store") && told.contains("IN FORCE WITHIN"), "{told}");
}
