use super::*;
use crate::provider::template::decode;

const GOOD: &str = r#"id: example
name: Example
origin: "https://{region}.example.com"
caller_token:
  - { header: Authorization, word: Bearer }
fields:
  - { name: token, kind: secret, label: Token }
  - { name: region, kind: plain, label: Region, format: label, default: eu-1 }
  - { name: team, kind: plain, label: Team, optional: true, list: true }
scheme:
  headers:
    - { name: Authorization, value: "Bearer {token}" }
selectors:
  - header: { name: X-Team, field: team }
operations:
  - name: submit
    kind: submit
    on: POST /jobs
    creates: [{ kind: job, id: answer /id }]
  - name: status
    kind: poll
    on: ["GET /jobs/{job}", "GET /jobs/{job}/status"]
    uses: [{ kind: job, id: path job }]
    silence: 30s
  - name: logout
    kind: blocked
    on: ANY /logout
sdks:
  - name: example
    ways: [path]
    environment: { EXAMPLE_URL: "{base}" }
"#;

fn mistake_after(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    Preset::parse("x.yaml", &GOOD.replacen(from, to, 1)).map_or_else(|e| e.to_string(), |_| format!("{to}: accepted"))
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_was_expected() {
    let mistakes = [
        // The form.
        ("name: Example", "name: Example\ncolour: red"),
        ("name: Example\n", ""),
        ("name: Example", "name: Example\nname: Again"),
        ("kind: poll", "kind: pol"),
        ("  headers:", "  exchange:"),
        ("name: Example", "name: [Example"),
        ("name: Example", "name: Example\nrefusals: [often]"),
        // The parts by themselves.
        ("id: example", "id: Example_1"),
        ("https://{region}", "http://{region}"),
        ("example.com\"", "example.com/v1\""),
        ("header: Authorization, word", "header: Host, word"),
        ("word: Bearer", "cookie: x"),
        ("[{ kind: job, id: path job }]", "[{ kind: job, id: header job }]"),
        ("answer /id", "answer id"),
        ("POST /jobs", "POST jobs"),
        ("GET /jobs/{job}\"", "GET /jobs/{job\""),
        ("silence: 30s", "silence: soon"),
        ("silence: 30s", "head: 20m"),
        ("name: Example", "name: Example\nrefusals: [200]"),
        ("{base}", "{bass}"),
        ("name: Example", "name: Example\nstates: { finished: [done] }"),
        ("name: Example", "name: Example\nstates: { completed: [''] }"),
        ("name: Example", "name: Example\nstates: { completed: [done], failed: [broken, done] }"),
        ("kind: submit", "kind: submit\n    repetition: answer /mark"),
        ("kind: submit", "kind: submit\n    repetition: path mark"),
        ("kind: submit", "kind: submit\n    count: query number"),
        ("kind: submit", "kind: submit\n    reads: { of: body /id }"),
        ("kind: submit", "kind: submit\n    reads: { status: [answer /a, header b] }"),
        ("id: path job }", "id: path job, when: { at: path job, is: x } }"),
        // What one part says about another.
        ("Bearer {token}", "Bearer {tokn}"),
        ("Bearer {token}", "Bearer {team}"),
        ("{region}.example", "{team}.example"),
        ("field: team", "field: token"),
        ("name: X-Team", "name: authorization"),
        ("name: team", "name: token"),
        ("label: Token }", "label: Token, default: fake-default-canary }"),
        ("default: eu-1", "default: eu_1"),
        ("id: path job }", "id: path id }"),
        ("id: path job }", "id: answer /id }"),
        ("id: answer /id }", "id: answer /id, parent: session }"),
        ("kind: poll", "kind: blocked"),
        ("ANY /logout", "GET /jobs/{id}"),
        ("name: logout", "name: submit"),
    ];
    let told: Vec<String> = mistakes.iter().map(|(from, to)| mistake_after(from, to)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    x.yaml:3:1: unknown field `colour`, expected one of id, name, website, origin, http2, services, caller_token, fields, scheme, selectors, states, operations, refusals, head, errors, cookies, lost_submit, probe, account, sdks
    x.yaml:27:1: missing field `name`
    x.yaml:3:1: the key `name` is given twice
    x.yaml:21:11: unknown variant `pol`, expected one of submit, poll, result, cancel, list, public, account, login, open, blocked
    x.yaml:11:3: unknown variant `exchange`, expected one of headers, basic, cookies
    x.yaml:2:7: expected string scalar
    x.yaml:3:12: expected a whole number
    x.yaml:1:5: expected 1 to 40 of a-z, 0-9 and single `-`, not `Example_1`
    x.yaml:3:9: expected `https://host` or `https://host:port`, without user name, path or query, not `http://{region}.example.com`
    x.yaml:3:9: expected `https://host` or `https://host:port`, without user name, path or query, not `https://{region}.example.com/v1`
    x.yaml:5:15: expected a header that neither frames nor routes the message, not `Host`
    x.yaml:5:5: expected `header:`, perhaps with a `word:`, or `cookie:`
    x.yaml:23:29: expected `path <capture>`, `query <key>`, `body <pointer>` or `answer <pointer>`, not `header job`
    x.yaml:19:32: expected a JSON pointer such as `/data/id`, or `/jobs/*/id` for each element, not `answer id`
    x.yaml:18:9: expected a method and a path template, such as `GET /jobs/{job}`, not `POST jobs`
    x.yaml:22:9: `{job` cannot be a segment: expected plain text without `%`, `?`, `#` and `\`, or `{name}`, or `{name*}` at the end, not `GET /jobs/{job`
    x.yaml:24:14: expected a time such as `30s` or `5m`, not `soon`
    x.yaml:24:11: expected at most 1000s
    x.yaml:3:12: expected a status from 400 to 599, not 200
    x.yaml:31:33: expected {base}, {host}, {port} or {token}, not `bass`
    x.yaml:3:11: unknown field `finished`, expected one of completed, failed, cancelled
    x.yaml:3:23: expected a word, not ``
    x.yaml:3:47: `done` already means `completed`
    x.yaml:18:17: expected a place in the request, as the client makes its mark before the answer
    x.yaml:18:17: expected a capture of the path, and `POST /jobs` has no `mark`
    x.yaml:18:12: expected a place in the request's body, not `query number`
    x.yaml:18:18: expected a place in the answer, not `body /id`
    x.yaml:18:22: expected `path <capture>`, `query <key>`, `body <pointer>` or `answer <pointer>`, not `header b`
    x.yaml:23:51: expected a place in the request's body, not `path job`
    x.yaml:12:37: expected a declared field (token, region, team), not `tokn`
    x.yaml:12:37: expected fields that are always there, and `team` is optional
    x.yaml:3:9: the field `team` cannot stand in an origin: expected a plain one with `format: label` that is required or has a default
    x.yaml:14:36: expected a plain field, and `token` is secret
    x.yaml:14:21: expected another header than those that the credential is attached with
    x.yaml:9:13: the field `token` is declared twice
    x.yaml:7:57: a secret field cannot have a default
    x.yaml:8:73: the field `region` must be 1 to 63 of a-z, 0-9 and `-`, beginning and ending with a letter or digit, not `eu_1`
    x.yaml:23:29: expected a capture of the path, and `GET /jobs/{job}` has no `id`
    x.yaml:23:29: expected a place in the request, as what is used exists before the answer
    x.yaml:19:52: expected a kind that this operation uses or creates, not `session`
    x.yaml:21:11: an operation of kind `blocked` cannot use, create or list things
    x.yaml:27:9: `GET /jobs/{id}` is already what the operation `status` is on
    x.yaml:25:11: there are two operations `submit`
    "#);
}

#[test]
fn the_example_without_a_mistake_is_accepted_also_as_json() {
    let preset = Preset::parse("x.yaml", GOOD).unwrap();
    let json = serde_json::to_string(&serde_yaml::from_str::<serde_json::Value>(GOOD).unwrap()).unwrap();
    assert_eq!(Preset::parse("x.json", &json), Ok(preset));
}

#[test]
fn what_a_preset_does_not_say_has_a_default() {
    let preset = Preset::parse("x.yaml", GOOD).unwrap();
    assert_eq!(preset.refusals[..], [StatusCode::UNAUTHORIZED]);
    assert_eq!(preset.head, None);
    assert_eq!(preset.cookies, Cookies::Dropped);
    assert_eq!(preset.ended("completed"), None);
    assert_eq!(preset.operation("submit").and_then(|o| o.silence), Some(Duration::from_secs(60)));
    assert_eq!(preset.operation("status").and_then(|o| o.silence), Some(Duration::from_secs(30)));
}

#[test]
fn only_the_words_of_a_preset_end_a_job() {
    let states = "states: { completed: [done], failed: [broken, lost], cancelled: [canceled] }\noperations:";
    let preset = Preset::parse("x.yaml", &GOOD.replacen("operations:", states, 1)).unwrap();
    assert_eq!(preset.ended("done"), Some(Ended::Completed));
    assert_eq!(preset.ended("lost"), Some(Ended::Failed));
    assert_eq!(preset.ended("canceled"), Some(Ended::Cancelled));
    for open in ["Done", "cancelled", "done ", "running", ""] {
        assert_eq!(preset.ended(open), None, "{open}");
    }
}

#[test]
fn a_slot_gives_the_token_without_the_word_before_it() {
    let bearer = Slot::Header { name: http::header::AUTHORIZATION, word: Some("Bearer".into()) };
    assert_eq!(bearer.token(b"Bearer fake-1"), Some(&b"fake-1"[..]));
    assert_eq!(bearer.token(b"bearer  fake-1 "), Some(&b"fake-1"[..]));
    for other in [&b"Basic fake-1"[..], b"Bearerfake-1", b"Bearer", b"Bearer ", b"Bearer a b", b""] {
        assert_eq!(bearer.token(other), None);
    }
    let bare = Slot::Header { name: HeaderName::from_static("x-auth-token"), word: None };
    assert_eq!(bare.token(b" fake-1 "), Some(&b"fake-1"[..]));
    assert_eq!(bare.token(b"Bearer fake-1"), None);
}

#[test]
fn a_selector_passes_a_choice_among_what_the_credential_lists() {
    assert_eq!(select(None, None), Ok(Selection::Keep));
    assert_eq!(select(None, Some(b"any")), Ok(Selection::Keep));
    assert_eq!(select(Some("a, b"), None), Ok(Selection::Set("a")));
    assert_eq!(select(Some("a, b"), Some(b"b")), Ok(Selection::Keep));
    assert_eq!(select(Some("a, b"), Some(b"c")), Err(NotSelectable));
    assert_eq!(select(Some("a"), Some(b"a,b")), Err(NotSelectable));
}

#[test]
fn a_path_selector_compares_whole_segments_decoded_once() {
    for (path, within) in [
        ("/s/1/jobs", true),
        ("/s/1", true),
        ("/%73/1/jobs", true),
        ("/s/12/jobs", false),
        ("/s", false),
        ("//s/1/jobs", false),
        ("/s%2F1/jobs", false),
        ("/x/../s/1", false),
    ] {
        assert_eq!(path_is_within(Some("/s/1"), path.as_bytes()).is_ok(), within, "{path}");
    }
    assert_eq!(path_is_within(None, b"/anything"), Ok(()));
    assert_eq!(&*decode(b"%73"), b"s");
}

#[test]
fn calls_of_grpc_are_read_by_numbers_of_fields_and_over_http2() {
    let http2 = "name: Example\nhttp2: true";
    let call = |more: &str| {
        let text = GOOD.replacen("name: Example", http2, 1).replacen(
            "answer /id }]",
            &format!("answer /1/* }}]\n    grpc: true{more}"),
            1,
        );
        Preset::parse("x.yaml", &text).map(|preset| (preset.wire, preset.operations[0].format))
    };
    assert_eq!(call(""), Ok((Wire::Http2, operation::Format::Grpc)));
    let mistakes = [
        GOOD.replacen("answer /id }]", "answer /1/* }]\n    grpc: true", 1),
        GOOD.replacen("name: Example", http2, 1).replacen("answer /id }]", "answer /id }]\n    grpc: true", 1),
    ];
    let mut told: Vec<String> =
        mistakes.iter().map(|text| Preset::parse("x.yaml", text).unwrap_err().to_string()).collect();
    for more in [
        "\n    count: body",
        "\n    count: body /1/*/*",
        "\n    count: body /0",
        "\n    rewrites: [/1]",
        "\n    websocket: true",
    ] {
        told.push(call(more).unwrap_err().to_string());
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    x.yaml:16:11: expected `http2: true` at the service whose paths this operation is on
    x.yaml:17:11: expected numbers of fields such as `/1/*`, not `/id`
    x.yaml:17:11: expected numbers of fields such as `/1/*`, not ``
    x.yaml:17:11: expected numbers of fields such as `/1/*`, not `/1/*/*`
    x.yaml:17:11: expected numbers of fields such as `/1/*`, not `/0`
    x.yaml:17:11: an operation with `grpc: true` cannot have `rewrites`, `lists`, `item_error` or `websocket`
    x.yaml:17:11: an operation with `grpc: true` cannot have `rewrites`, `lists`, `item_error` or `websocket`
    ");
}
