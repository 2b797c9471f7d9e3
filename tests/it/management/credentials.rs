//! Credentials by way of the API: entered, rotated, restricted, deleted, and never shown.

use super::cast::Cast;
use crate::support::{ACME_KEY, ADA_KEY, Ask, CATALOGUE, OPTICS_KEY, Pat, Reply, Site, Upstream, soon::eventually};
use serde_json::{Value, json};

/// Acme with a second project, which alan is not in.
async fn cast(ionq: &Upstream) -> Cast {
    let mut site = Site::facing(ionq);
    site.organization("acme").project("chemistry", &[]);
    Cast::at(site).await
}

fn key(context: &str, key: &str) -> Value {
    json!({ "context": context, "provider": "ionq", "label": context, "fields": { "api_key": key } })
}

async fn made(cast: &Cast, pat: &Pat, wanted: &Value) -> String {
    let made = cast.post(pat, "/credentials", wanted).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn patch(cast: &Cast, pat: &Pat, id: &str, change: &Value) -> crate::support::Answer {
    cast.ask(Some(pat), "PATCH", &format!("/credentials/{id}"), Some(change)).await
}

#[tokio::test]
async fn one_that_was_entered_pays_and_its_next_version_takes_its_place() {
    let ionq = Upstream::accepting(&[ADA_KEY, OPTICS_KEY]).await;
    let cast = cast(&ionq).await;

    let id = made(&cast, &cast.alan, &key("me", ADA_KEY)).await;

    eventually("it pays", async || cast.bellhop.get(&cast.runs, CATALOGUE).await.status == 200).await;
    cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_paid_by("me", "own");
    let next = json!({ "fields": { "api_key": OPTICS_KEY } });
    let rotated = cast.post(&cast.alan, &format!("/credentials/{id}/versions"), &next).await;
    assert_eq!((rotated.status, &rotated.json()["version"], &rotated.json()["id"]), (201, &json!(2), &json!(id)));
    eventually("the new key is sent", async || {
        cast.bellhop.get(&cast.runs, CATALOGUE).await.assert_relayed();
        ionq.last().key() == OPTICS_KEY
    })
    .await;
    let shown = cast.get(&cast.alan, &format!("/credentials/{id}")).await.json();
    assert_eq!(shown["details"]["secret_fields"], json!(["api_key"]));
    assert_eq!((&shown["context"], &shown["user"], &shown["label"]), (&json!("me"), &json!("alan"), &json!("me")));
}

#[tokio::test]
async fn who_only_uses_one_sees_that_it_is_there_and_no_more() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let cast = cast(&ionq).await;
    let wanted = json!({ "context": "acme", "provider": "dwave", "label": "shared", "projects": ["optics"],
                         "members": ["alan"], "fields": { "token": ACME_KEY, "region": "eu-central-1" } });
    let shared = made(&cast, &cast.grace, &wanted).await;
    let optics = made(&cast, &cast.ada, &key("acme.optics", OPTICS_KEY)).await;
    let chemistry = made(&cast, &cast.ada, &key("acme.chemistry", OPTICS_KEY)).await;
    let own = made(&cast, &cast.eve, &key("me", ADA_KEY)).await;
    let ids = async |pat: &Pat| -> Vec<String> {
        let listed = cast.get(pat, "/credentials").await.json();
        listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };

    let managed = cast.get(&cast.grace, &format!("/credentials/{shared}")).await.json();
    let used = cast.get(&cast.alan, &format!("/credentials/{shared}")).await.json();

    assert_eq!(managed["details"]["plain_fields"], json!({ "region": "eu-central-1" }));
    assert_eq!(
        (&managed["details"]["projects"], &managed["details"]["members"]),
        (&json!(["optics"]), &json!(["alan"]))
    );
    assert_eq!((&used["label"], &used["state"], &used["details"]), (&json!("shared"), &json!("active"), &Value::Null));
    assert_eq!(ids(&cast.alan).await, [shared.clone(), optics.clone()]);
    assert_eq!(ids(&cast.grace).await, [shared.clone(), optics.clone(), chemistry.clone()]);
    assert_eq!(ids(&cast.eve).await, std::slice::from_ref(&own));
    assert_eq!(ids(&cast.iris).await, [shared, optics, chemistry.clone(), own.clone()]);
    for (pat, id) in [(&cast.alan, &chemistry), (&cast.alan, &own), (&cast.eve, &chemistry), (&cast.ada, &own)] {
        cast.get(pat, &format!("/credentials/{id}")).await.assert_problem(404, "not-found");
        patch(&cast, pat, id, &json!({ "label": "x" })).await.assert_problem(404, "not-found");
    }
    cast.get(&cast.alan, "/credentials?context=acme.chemistry").await.assert_problem(404, "not-found");
    cast.post(&cast.alan, "/credentials", &key("acme.chemistry", ADA_KEY)).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn lists_are_narrowed_down_and_come_in_pages() {
    let cast = Cast::assemble().await;
    let fields = [("ionq", "api_key"), ("dwave", "token"), ("iqm", "token"), ("aqt", "token")];
    let mut ids = Vec::new();
    for (provider, field) in fields {
        let wanted = json!({ "context": "me", "provider": provider, "fields": { field: ADA_KEY } });
        ids.push(made(&cast, &cast.alan, &wanted).await);
    }
    patch(&cast, &cast.alan, &ids[1], &json!({ "state": "disabled" })).await;
    let listed = async |query: &str| -> Vec<String> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = cast.get(&cast.alan, &format!("/credentials?limit=2{query}{after}")).await.json();
            all.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    };

    assert_eq!(listed("").await, ids);
    assert_eq!(listed("&provider=iqm").await, ids[2..3]);
    assert_eq!(listed("&state=disabled").await, ids[1..2]);
    assert_eq!(listed("&context=me&provider=aqt&state=active").await, ids[3..4]);
    assert_eq!(listed("&provider=nobody").await, [""; 0]);
    cast.get(&cast.alan, "/credentials?state=gone").await.assert_problem(400, "bad-request");
    cast.get(&cast.alan, "/credentials?user=alan").await.assert_problem(422, "invalid");
}

#[tokio::test]
async fn wrong_wishes_name_their_field_and_never_repeat_a_secret() {
    let cast = Cast::at(Site::empty().set("providers.iqm.personal", false)).await;
    let with = |context: &str, more: Value| {
        let mut wanted = key(context, ADA_KEY);
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wanted
    };
    for (field, wanted) in [
        ("provider", with("me", json!({ "provider": "nobody" }))),
        ("label", with("me", json!({ "label": "a\u{7}b" }))),
        ("label", with("me", json!({ "label": "x".repeat(121) }))),
        ("fields", with("me", json!({ "fields": {} }))),
        ("fields", with("me", json!({ "fields": { "token": ADA_KEY } }))),
        ("fields", with("me", json!({ "fields": { "api_key": format!(" {ADA_KEY}") } }))),
        ("fields", with("me", json!({ "fields": { "api_key": null } }))),
        ("projects", with("me", json!({ "projects": ["optics"] }))),
        ("members", with("me", json!({ "members": ["alan"] }))),
        ("projects", with("acme", json!({ "projects": ["nowhere"] }))),
        ("members", with("acme", json!({ "members": ["eve"] }))),
        ("user", with("acme", json!({ "user": "ada" }))),
        ("source", with("me", json!({ "source": {}, "fields": {} }))),
    ] {
        let problem = cast.post(&cast.ada, "/credentials", &wanted).await.assert_problem(422, "invalid");
        assert_eq!(problem["field"], field, "{wanted}: {problem}");
    }
    // What has the wrong shape is not repeated either: the end of the story looks for it in every answer.
    for fields in
        [json!(ADA_KEY), json!([ADA_KEY]), json!({ "api_key": { "value": ADA_KEY } }), json!({ "api_key": 7 })]
    {
        let wanted = with("me", json!({ "fields": fields }));
        cast.post(&cast.ada, "/credentials", &wanted).await.assert_problem(400, "bad-request");
    }
    let forbidden = json!({ "context": "me", "provider": "iqm", "fields": { "token": ADA_KEY } });
    let forbidden = cast.post(&cast.ada, "/credentials", &forbidden).await.assert_problem(403, "not-allowed");
    assert!(forbidden["detail"].as_str().unwrap().contains("providers.iqm.personal"));
    let unknown = with("nowhere", json!({}));
    cast.post(&cast.ada, "/credentials", &unknown).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn what_this_server_reads_with_its_own_rights_is_for_its_administrator() {
    let cast = Cast::assemble().await;
    let sourced = |context: &str, source: Value, fields: Value| json!({ "context": context, "provider": "dwave", "source": source, "fields": fields });
    let wanted = json!({ "context": "acme", "provider": "dwave", "fields": { "token": ACME_KEY } });
    let id = made(&cast, &cast.grace, &wanted).await;
    for source in [
        json!({ "env": { "token": "HOME" } }),
        json!({ "file": { "token": "/etc/hostname" } }),
        json!({ "vault": { "path": "quantum/dwave" } }),
    ] {
        let entered = cast.post(&cast.grace, "/credentials", &sourced("me", source.clone(), json!({}))).await;
        let problem = entered.assert_problem(403, "not-allowed");
        assert!(problem["detail"].as_str().unwrap().contains("administrator"), "{problem}");
        let rotated =
            cast.post(&cast.grace, &format!("/credentials/{id}/versions"), &json!({ "source": source })).await;
        rotated.assert_problem(403, "not-allowed");
    }
    let leap = json!({ "leap": { "project": 1234 } });
    let no_bearer = cast.post(&cast.grace, "/credentials", &sourced("me", leap.clone(), json!({}))).await;
    assert_eq!(no_bearer.assert_problem(422, "invalid")["field"], "fields");
    let with_bearer = made(&cast, &cast.grace, &sourced("me", leap, json!({ "bearer": ADA_KEY }))).await;
    let shown = cast.get(&cast.grace, &format!("/credentials/{with_bearer}")).await.json();
    assert_eq!(shown["details"]["source"], "leap project 1234");
    let path = format!("/credentials/{with_bearer}/versions");
    let renewed = cast.post(&cast.grace, &path, &json!({ "fields": { "bearer": OPTICS_KEY } })).await;
    assert_eq!((renewed.status, &renewed.json()["details"]["source"]), (201, &json!("leap project 1234")));

    let file = json!({ "source": { "file": { "token": "/run/secrets/dwave" } } });
    let rotated = cast.post(&cast.iris, &format!("/credentials/{id}/versions"), &file).await;

    assert_eq!(rotated.status, 201, "{}", rotated.text());
    assert_eq!(rotated.json()["details"]["source"], "file /run/secrets/dwave");
    // Nor does who manages it keep the source, and change what goes with it.
    let beside = json!({ "fields": { "bearer": null, "region": "eu-central-1" } });
    let beside = cast.post(&cast.grace, &format!("/credentials/{id}/versions"), &beside).await;
    beside.assert_problem(422, "invalid");
    // To go back to a value is for who manages it.
    let entered = json!({ "fields": { "token": ACME_KEY } });
    let entered = cast.post(&cast.grace, &format!("/credentials/{id}/versions"), &entered).await;
    assert_eq!((entered.status, &entered.json()["details"]["source"]), (201, &Value::Null), "{}", entered.text());
}

/// Whoever names a program runs it on the server: no rights over the installation are rights over its machine.
#[tokio::test]
async fn a_program_is_named_at_the_machine_that_runs_it_and_never_over_the_network() {
    let cast = Cast::assemble().await;
    let id = cast.credential_of("acme", None).await;
    let source = json!({ "command": ["/bin/echo", "fake"] });
    for pat in [&cast.grace, &cast.iris] {
        let wanted = json!({ "context": "acme", "provider": "dwave", "source": source });
        let refused = [
            cast.post(pat, "/credentials", &wanted).await,
            cast.post(pat, &format!("/credentials/{id}/versions"), &json!({ "source": source })).await,
        ];
        for answer in refused {
            let problem = answer.assert_problem(403, "not-allowed");
            let text = problem["detail"].as_str().unwrap();
            assert!(text.contains("command line") && text.contains("bellhop apply"), "{text}");
        }
    }
    let source = "{ command: [/bin/echo, fake] }";

    cast.bellhop.run(&["credential", "add", "dwave@acme", "--source", source]).await.assert_code(0);
    cast.bellhop.run(&["credential", "rotate", "ionq@acme", "--source", source]).await.assert_code(0);

    assert_eq!(
        cast.get(&cast.grace, &format!("/credentials/{id}")).await.json()["details"]["source"],
        "command /bin/echo"
    );
}

#[tokio::test]
async fn of_several_fields_a_rotation_changes_those_that_are_given() {
    let cast = Cast::assemble().await;
    let wanted =
        json!({ "context": "acme", "provider": "mat3ra", "fields": { "account_id": "a-1", "token": ACME_KEY } });
    let id = made(&cast, &cast.grace, &wanted).await;
    let rotate = async |fields: Value| {
        cast.post(&cast.grace, &format!("/credentials/{id}/versions"), &json!({ "fields": fields })).await
    };

    let rotated = rotate(json!({ "token": OPTICS_KEY })).await.json();

    assert_eq!(
        (&rotated["version"], &rotated["details"]["plain_fields"]),
        (&json!(2), &json!({ "account_id": "a-1" }))
    );
    let another = rotate(json!({ "account_id": "a-2" })).await.assert_problem(422, "invalid");
    assert!(another["detail"].as_str().unwrap().contains("another account"), "{another}");
    rotate(json!({ "token": null })).await.assert_problem(422, "invalid");
    rotate(json!({})).await.assert_problem(422, "invalid");
}

#[tokio::test]
async fn one_is_relabelled_restricted_switched_and_only_as_it_was_read() {
    let cast = Cast::assemble().await;
    let id = cast.credential_of("acme", None).await;
    let path = format!("/credentials/{id}");
    let tag = cast.get(&cast.grace, &path).await.header("etag").unwrap().to_owned();
    let as_read = |tag: &str, change: &Value| {
        let ask = Ask::new("PATCH", format!("/api/v1{path}")).header("Authorization", format!("Bearer {}", cast.grace));
        ask.header("If-Match", tag).json(change)
    };

    let first = cast.bellhop.ask_admin(&as_read(&tag, &json!({ "label": "new", "projects": ["optics"] }))).await;
    let second = cast.bellhop.ask_admin(&as_read(&tag, &json!({ "label": "newer" }))).await;

    assert_eq!((first.status, &first.json()["label"]), (200, &json!("new")), "{}", first.text());
    second.assert_problem(412, "changed");
    let new_tag = first.header("etag").unwrap();
    let members = cast.bellhop.ask_admin(&as_read(new_tag, &json!({ "members": ["alan"] }))).await.json();
    assert_eq!(
        (&members["details"]["projects"], &members["details"]["members"]),
        (&json!(["optics"]), &json!(["alan"]))
    );
    let lifted = patch(&cast, &cast.grace, &id, &json!({ "projects": [], "members": [] })).await.json();
    assert_eq!((&lifted["details"]["projects"], &lifted["details"]["members"]), (&json!([]), &json!([])));
    let expired = patch(&cast, &cast.grace, &id, &json!({ "expires": "2020-01-01T00:00:00Z" })).await.json();
    assert_eq!(expired["expired"], true);

    patch(&cast, &cast.grace, &id, &json!({ "state": "disabled" })).await;
    let other = cast.credential_of("acme", None).await;
    patch(&cast, &cast.grace, &id, &json!({ "state": "active" })).await.assert_problem(409, "conflict");
    cast.post(&cast.grace, "/credentials", &key("acme", ADA_KEY)).await.assert_problem(409, "conflict");
    patch(&cast, &cast.grace, &other, &json!({ "state": "retired" })).await.assert_problem(400, "bad-request");
    patch(&cast, &cast.grace, &other, &json!({ "projects": ["nowhere"] })).await.assert_problem(422, "invalid");
}

#[tokio::test]
async fn one_whose_jobs_are_open_retires_unless_it_is_forced() {
    let ionq = Upstream::answering(|_| Reply::json(200, &json!({ "id": "job-1", "status": "submitted" }))).await;
    let cast = cast(&ionq).await;
    let id = made(&cast, &cast.grace, &key("acme", ACME_KEY)).await;
    eventually("it pays", async || cast.bellhop.get(&cast.runs, CATALOGUE).await.status == 200).await;
    cast.bellhop.post(&cast.runs, "/ionq/v0.4/jobs", &json!({ "backend": "qpu", "shots": 1 })).await.assert_relayed();
    let path = format!("/credentials/{id}");
    assert_eq!(cast.get(&cast.grace, &format!("{path}/consequences")).await.json()["open_jobs"], 1);
    let about = json!({ "provider": "ionq", "job": "job-1" });
    let explained = cast.post(&cast.alan, "/explain", &about).await.json();
    assert_eq!(explained["pays"]["id"], json!(id), "{explained}");
    cast.post(&cast.eve, "/explain", &about).await.assert_problem(404, "not-found");

    let retired = cast.ask(Some(&cast.grace), "DELETE", &path, None).await;

    assert_eq!((retired.status, &retired.json()["state"]), (200, &json!("retired")));
    assert_eq!(retired.json()["open_jobs"], 1);
    assert_eq!(cast.get(&cast.grace, &path).await.json()["state"], "retired");
    patch(&cast, &cast.grace, &id, &json!({ "state": "active" })).await.assert_problem(409, "conflict");
    let next = json!({ "fields": { "api_key": ADA_KEY } });
    cast.post(&cast.grace, &format!("{path}/versions"), &next).await.assert_problem(409, "conflict");
    let forced = cast.ask(Some(&cast.grace), "DELETE", &format!("{path}?force=true"), None).await;
    assert_eq!((forced.status, &forced.json()["state"]), (200, &json!("deleted")));
    cast.get(&cast.grace, &path).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn who_can_spend_one_is_told_with_their_tokens() {
    let mut site = Site::empty();
    for (name, properties) in [
        ("pinned", json!({ "context": "acme.optics" })),
        ("elsewhere", json!({ "contexts": ["me"] })),
        ("other-provider", json!({ "providers": ["dwave"] })),
        ("reads", json!({ "scopes": ["read"] })),
        ("over", json!({ "expires": "2020-01-01" })),
    ] {
        site.user("alan").pat_with(name, &properties);
    }
    site.user("ada").pat_with("runs", &json!({}));
    let cast = Cast::at(site).await;
    let id = cast.credential_of("acme", None).await;
    let spenders = async || {
        let listed = cast.get(&cast.grace, &format!("/credentials/{id}/spenders")).await.json();
        let mut spenders = listed["items"].as_array().unwrap().clone();
        spenders.sort_by_key(|spender| spender["user"].to_string());
        spenders
    };

    let of_all = spenders().await;
    patch(&cast, &cast.grace, &id, &json!({ "projects": ["optics"] })).await;
    let of_project = spenders().await;
    patch(&cast, &cast.grace, &id, &json!({ "members": ["alan"] })).await;
    let of_member = spenders().await;

    let users = |list: &[Value]| list.iter().map(|s| s["user"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(users(&of_all), ["ada", "alan", "grace"]);
    assert_eq!((&of_all[0]["role"], &of_all[0]["tokens"]), (&json!("owner"), &json!(["runs"])));
    assert_eq!((&of_all[1]["role"], &of_all[1]["contexts"]), (&json!("member"), &json!(["acme"])));
    assert_eq!(of_all[1]["tokens"], json!(["pinned", "runs"]));
    // Maintainers may use every project.
    assert_eq!(users(&of_project), ["ada", "alan", "grace"]);
    assert_eq!(of_project[1]["contexts"], json!(["acme.optics"]));
    assert_eq!(users(&of_member), ["alan"]);
    let lost = cast.get(&cast.grace, &format!("/credentials/{id}/consequences")).await.json();
    let pinned = json!([{ "user": "alan", "token": "pinned", "context": "acme.optics" }]);
    assert_eq!((&lost["open_jobs"], &lost["pinned"]), (&json!(0), &pinned));
    patch(&cast, &cast.grace, &id, &json!({ "state": "disabled" })).await;
    assert_eq!(spenders().await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_tokens_boundary_holds_for_credentials_as_well() {
    let mut site = Site::empty();
    let narrow = json!({ "scopes": ["manage"], "contexts": ["acme.optics"], "providers": ["ionq"] });
    let narrow = site.user("ada").pat_with("narrow", &narrow);
    let root = site.user("iris").admin().pat_with("narrow", &json!({ "scopes": ["manage"], "contexts": ["me"] }));
    let cast = Cast::at(site).await;
    let acme = cast.credential_of("acme", None).await;
    let own = cast.credential_of("me", Some("ada")).await;

    let optics = made(&cast, &narrow, &key("acme.optics", OPTICS_KEY)).await;

    for context in ["acme", "me", "acme.optics"] {
        let field = json!({ "context": context, "provider": "dwave", "fields": { "token": ADA_KEY } });
        cast.post(&narrow, "/credentials", &field).await.assert_problem(403, "not-allowed");
    }
    for id in [&acme, &own] {
        cast.get(&narrow, &format!("/credentials/{id}")).await.assert_problem(404, "not-found");
        patch(&cast, &narrow, id, &json!({ "label": "x" })).await.assert_problem(403, "not-allowed");
        // An administrator's `me` is not everybody's.
        patch(&cast, &root, id, &json!({ "label": "x" })).await.assert_problem(403, "not-allowed");
    }
    let listed = cast.get(&narrow, "/credentials").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["items"][0]["id"], json!(optics));
    let providers = cast.get(&narrow, "/providers").await.json();
    assert_eq!((&providers["items"][0]["id"], &providers["items"][1]), (&json!("ionq"), &Value::Null));
}

#[tokio::test]
async fn providers_say_what_a_credential_consists_of() {
    let cast = Cast::at(Site::empty().set("providers.iqm.personal", false)).await;
    let shown = cast.get(&cast.alan, "/providers/dwave").await.json();
    let field = |name: &str| shown["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).cloned();
    assert_eq!(field("token").unwrap()["secret"], true);
    assert_eq!(field("region").unwrap()["secret"], false);
    assert!(shown["operations"].as_array().unwrap().iter().any(|operation| operation["kind"] == "submit"));
    assert_eq!((&shown["personal"], &shown["contexts"]), (&json!(true), &json!([])));
    assert_eq!(cast.get(&cast.alan, "/providers/iqm").await.json()["personal"], false);
    cast.credential_of("acme", None).await;
    assert_eq!(cast.get(&cast.alan, "/providers/ionq").await.json()["contexts"], json!(["acme"]));
    cast.get(&cast.alan, "/providers/nobody").await.assert_problem(404, "not-found");
    let page = cast.get(&cast.alan, "/providers?limit=2").await.json();
    let next = cast.get(&cast.alan, &format!("/providers?limit=200&after={}", page["next"].as_str().unwrap())).await;
    assert!(next.json()["items"].as_array().unwrap().len() > 10 && next.json()["next"].is_null());
}
