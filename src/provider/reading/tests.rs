use super::*;
use crate::{
    job::LONGEST_ID,
    provider::{Catalog, Provider},
};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

fn request(bytes: &[u8], operation: &Operation) -> Result<Value, Unreadable> {
    super::request(Bytes::copy_from_slice(bytes), None, operation, 1 << 20)
}

fn shipped(id: &str) -> Arc<Provider> {
    Arc::clone(Catalog::shipped().unwrap().find(id).unwrap())
}

/// What a request names, as `kind id`.
fn names(id: &str, send: &str, body: Option<&str>) -> Result<Vec<String>, Unreadable> {
    let provider = shipped(id);
    let (method, target) = send.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let found = provider.classify(method, path.as_bytes()).unwrap().unwrap();
    let body = body.map(|body| request(body.as_bytes(), found.operation)).transpose()?;
    let used = used(&Sent { found: &found, path, query, body: body.as_ref() })?;
    Ok(used.iter().map(|thing| format!("{} {}", thing.kind, thing.id)).collect())
}

fn makes(id: &str, send: &str, body: &Value, answered: &Value) -> Result<Vec<Created>, Unreadable> {
    let provider = shipped(id);
    let (method, path) = send.split_once(' ').unwrap();
    let found = provider.classify(method, path.as_bytes()).unwrap().unwrap();
    let body = request(body.to_string().as_bytes(), found.operation)?;
    let sent = Sent { found: &found, path, query: None, body: Some(&body) };
    let answer = answer(answered.to_string().as_bytes(), found.operation)?;
    made(&sent, provider.preset(), &used(&sent)?, &answer)
}

#[test]
fn an_id_is_decoded_once_and_one_that_is_escaped_twice_is_ambiguous() {
    let status = |id: &str| names("ionq", &format!("GET /v0.4/jobs/{id}"), None);
    assert_eq!(status("a%C3%BC%2Fb"), Ok(vec!["job aü/b".into()]));
    assert_eq!(status("a%252Fb"), Err(Unreadable::Ambiguous));
    assert_eq!(status("a%0Ab"), Err(Unreadable::NotAnId));
    assert_eq!(status("a%FFb"), Err(Unreadable::NotAnId));
    assert!(status(&"x".repeat(LONGEST_ID)).is_ok());
    assert_eq!(status(&"x".repeat(LONGEST_ID + 1)), Err(Unreadable::NotAnId));
    assert_eq!(status(&"%41".repeat(LONGEST_ID + 1)), Err(Unreadable::NotAnId));
}

#[test]
fn every_spelling_of_a_key_in_the_query_names_its_things() {
    let poll = |query: &str| names("dwave", &format!("GET /sapi/v2/problems/?{query}"), None);
    let both = || Ok(vec!["job a".to_owned(), "job b".to_owned()]);
    for query in ["id=a,b", "id=a%2Cb", "id=a&timeout=3&id=b", "ID=a&%69d=b", "id[]=a&id%5B1%5D=b", "id=a,b,a"] {
        assert_eq!(poll(query), both(), "{query}");
    }
    for query in ["id=a%252Cb", "x=1;id=b", "id=a;b", "id=a+b"] {
        assert_eq!(poll(query), Err(Unreadable::Ambiguous), "{query}");
    }
    for query in ["id=", "id", "id=a,,b"] {
        assert_eq!(poll(query), Err(Unreadable::NotAnId), "{query}");
    }
    assert_eq!(poll("status=PENDING&max_results=5"), Ok(Vec::new()));
}

#[test]
fn bodies_that_two_servers_could_read_differently_are_refused() {
    let cancel = |body: &str| names("ionq", "PUT /v0.4/jobs/status/cancel", Some(body));
    assert_eq!(cancel(r#"{"ids":["a",12,null],"x":{"ids":["c"]}}"#), Ok(vec!["job a".into(), "job 12".into()]));
    for ambiguous in
        [r#"{"ids":["a"],"ids":["b"]}"#, r#"{"ids":["a"],"i\u0064s":["b"]}"#, r#"{"ids":["a"],"IDS":["b"]}"#]
    {
        assert_eq!(cancel(ambiguous), Err(Unreadable::Ambiguous), "{ambiguous}");
    }
    for other in [
        r#"{"ids":[["a"]]}"#,
        r#"{"ids":[{}]}"#,
        r#"{"ids":[true]}"#,
        r#"{"ids":[1.0]}"#,
        r#"{"ids":[-1]}"#,
        r#"{"ids":[""]}"#,
    ] {
        assert_eq!(cancel(other), Err(Unreadable::NotAnId), "{other}");
    }
    for nothing in [r#"{"ids":[]}"#, "{}", r#"{"ids":"a"}"#, "[]", "1"] {
        assert_eq!(cancel(nothing), Err(Unreadable::NoId), "{nothing}");
    }
    for broken in ["", "{", r#"{"ids":["a"]} {}"#, "\u{feff}{}"] {
        assert_eq!(cancel(broken), Err(Unreadable::NotJson), "{broken}");
    }
    assert_eq!(cancel(&format!(r#"{{"ids":[{}0]}}"#, "0,".repeat(100_000))), Err(Unreadable::TooLarge));
    assert_eq!(cancel(&format!(r#"{{"ids":["a"],"x":{}}}"#, "[".repeat(100_000))), Err(Unreadable::NotJson));
}

#[test]
fn only_a_referenced_upload_is_an_id() {
    let submit = |body: &Value| names("dwave", "POST /sapi/v2/problems/", Some(&body.to_string()));
    let of = |format: &str, data: Value| json!({"data": {"format": format, "data": data}});
    assert_eq!(submit(&json!([of("bq", json!({"a": 1})), of("ref", json!("u1"))])), Ok(vec!["upload u1".into()]));
    assert_eq!(submit(&of("ref", json!("u1"))), Ok(vec!["upload u1".into()]));
    assert_eq!(submit(&json!([of("ref", json!({}))])), Err(Unreadable::NotAnId));
}

#[test]
fn an_accepted_submit_without_an_id_is_told_from_one_that_was_refused_by_itself() {
    let submit = |answer: Value| makes("dwave", "POST /sapi/v2/problems/", &json!([{}, {}]), &answer);
    let error = json!({"error_code": 400, "error_msg": "no"});
    assert_eq!(submit(json!([error, error])), Ok(Vec::new()));
    assert_eq!(submit(json!([{"id": "a"}, error])).map(|made| made.len()), Ok(1));
    for without in [json!([{"id": "a"}, {}]), json!([{"id": null}]), json!([]), json!({}), json!(null), json!("a")] {
        assert_eq!(submit(without.clone()), Err(Unreadable::NoId), "{without}");
    }
    assert_eq!(submit(json!([{"id": ["a"]}])), Err(Unreadable::NotAnId));
    assert_eq!(submit(json!([{"id": "x".repeat(LONGEST_ID + 1)}])), Err(Unreadable::NotAnId));
}

#[test]
fn each_job_of_a_batch_has_the_shots_of_its_own_element() {
    let body = json!([{"params": {"num_reads": 1}}, {"params": {"num_reads": 10}}, {"params": {"num_reads": 100}}]);
    let answer = json!([{"id": "a", "status": "COMPLETED"}, {"error_code": 1}, {"id": "c", "status": "PENDING"}]);
    let made = makes("dwave", "POST /sapi/v2/problems/", &body, &answer).unwrap();
    let seen: Vec<_> = made.iter().map(|m| (&*m.thing.id, m.figures.shots, m.figures.ended.is_some())).collect();
    assert_eq!(seen, [("a", Some(1), true), ("c", Some(100), false)]);
}

#[test]
fn circuits_of_a_job_belong_to_it_and_are_not_counted_again() {
    let body = json!({"backend": "simulator", "shots": 100, "session_id": "s1"});
    let answer = json!({"id": "j1", "status": "ready", "child_job_ids": ["c1", "c2"]});
    let made = makes("ionq", "POST /v0.4/jobs", &body, &answer).unwrap();
    let parents: Vec<_> = made.iter().map(|m| m.parent.as_ref().map_or("", |parent| &*parent.id)).collect();
    assert_eq!(parents, ["s1", "j1", "j1"]);
    assert_eq!(made[0].figures.shots, Some(100));
    assert_eq!((&made[1].figures, &made[2].figures), (&Figures::default(), &Figures::default()));
}

#[test]
fn an_entry_whose_id_cannot_be_read_leaves_a_list() {
    let provider = shipped("ionq");
    let list = provider.preset().operation("list").unwrap();
    let mut answer = json!({"jobs": [{"id": "a"}, {"id": "b"}, {}, {"id": null}, {"id": ["a"]}, 1, {"id": "a\n"}]});
    assert_eq!(filter(list, &mut answer, |id| id == "a"), Ok(6));
    assert_eq!(answer, json!({"jobs": [{"id": "a"}]}));
    for without in [json!({}), json!([]), json!({"jobs": {"id": "a"}}), json!({"jobs": "a"})] {
        assert_eq!(filter(list, &mut without.clone(), |_| true), Err(Unreadable::NoList), "{without}");
    }
    let statuses = shipped("dwave");
    let statuses = statuses.preset().operation("statuses").unwrap();
    let mut answer = json!([{"error_code": 404}, {"id": "b", "error_code": 404}, {"error_code": null}]);
    assert_eq!(filter(statuses, &mut answer, |_| false), Ok(2));
    assert_eq!(answer, json!([{"error_code": 404}]));
}

#[test]
fn a_list_that_was_cut_says_that_it_ends_with_its_page() {
    let provider = shipped("ibm");
    let found = provider.classify("GET", b"/api/v1/jobs").unwrap().unwrap();
    let page = json!({"jobs": [{"id": "a"}, {"id": "b"}], "count": 90});
    for (query, count) in [("limit=2&offset=40", 42), ("limit=2", 2), ("offset=1&offset=2", 2), ("offset=-1", 2)] {
        let (mut cut, target) = (page.clone(), format!("/api/v1/jobs?{query}"));
        end(&Sent::new(&found, &target, None), &mut cut);
        assert_eq!(cut, json!({"jobs": [{"id": "a"}, {"id": "b"}], "count": count}), "{query}");
    }
    let mut uncounted = json!({"jobs": [], "count": null});
    end(&Sent::new(&found, "/api/v1/jobs", None), &mut uncounted);
    assert_eq!(uncounted, json!({"jobs": [], "count": null}));
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = || prop_oneof![Just("id"), Just("ids"), Just("jobs"), Just("data"), Just("status"), Just("tasks")];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((names(), inner), 0..4)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Reads a body and an answer as every operation of every provider.
fn read_everywhere(catalog: &Catalog, query: &str, body: &[u8], answered: &[u8]) {
    for provider in catalog.iter() {
        for pattern in provider.preset().operations.iter().flat_map(|o| &o.patterns) {
            let text = pattern.to_string();
            let (method, path) = text.split_once(' ').unwrap_or(("GET", "/"));
            let path = path.replace(['{', '}', '*'], "");
            let Ok(Some(found)) = provider.classify(method, path.as_bytes()) else { continue };
            let body = request(body, found.operation).ok();
            let sent = Sent { found: &found, path: &path, query: Some(query), body: body.as_ref() };
            let _ = (asks(&sent), repetition(&sent), made_by_client(&sent, provider.preset(), &[]));
            let used = used(&sent).unwrap_or_default();
            let Ok(answer) = answer(answered, found.operation) else { continue };
            let _ =
                (made(&sent, provider.preset(), &used, &answer), observed(&sent, provider.preset(), &used, &answer));
            let mut rest = answer.clone();
            let _ = filter(found.operation, &mut rest, |_| false);
            end(&sent, &mut rest);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn bytes_from_outside_never_panic(query in ".{0,30}", body in proptest::collection::vec(any::<u8>(), 0..60)) {
        read_everywhere(&Catalog::shipped().unwrap(), &query, &body, &body);
    }

    #[test]
    fn json_from_outside_never_panics(query in "(id|a)=[a-z%,25]{0,8}", body in any_json(), answer in any_json()) {
        let (body, answer) = (body.to_string(), answer.to_string());
        read_everywhere(&Catalog::shipped().unwrap(), &query, body.as_bytes(), answer.as_bytes());
    }

    #[test]
    fn an_id_is_the_same_in_a_path_and_in_a_body(id in "[a-zA-Z0-9 /ü:~-]{1,20}") {
        let escaped = percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC).to_string();
        let in_path = names("ionq", &format!("DELETE /v0.4/jobs/{escaped}"), None);
        prop_assert_eq!(in_path, names("ionq", "DELETE /v0.4/jobs", Some(&json!({"ids": [id]}).to_string())));
    }
}
