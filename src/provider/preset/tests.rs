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
    mistake_in(GOOD, from, to)
}

fn mistake_in(good: &str, from: &str, to: &str) -> String {
    assert!(good.contains(from), "{from}");
    Preset::parse("x.yaml", &good.replacen(from, to, 1)).map_or_else(|e| e.to_string(), |_| format!("{to}: accepted"))
}

const LOGIN: &str = r#"id: example
name: Example
origin: "https://example.com"
services: [{ name: iam, path: /iam, removed: true }]
regions: { header: X-Region, split: ":", part: 2, origins: { eu: "https://eu.example.com" } }
caller_token: [{ header: Authorization, word: Bearer }]
fields:
  - { name: token, kind: secret, label: Token, optional: true }
  - { name: id, kind: plain, label: Client, optional: true }
  - { name: secret, kind: secret, label: Secret, optional: true }
  - { name: realm, kind: plain, label: Realm, optional: true }
one_of: [[token], [id, secret]]
scheme:
  exchange:
    service: iam
    request: POST /token
    form: { client: "{id}", refresh_token: "{secret}" }
    token: answer /access_token
    lifetime: answer /expires_in
    rotates: { field: secret, at: answer /refresh_token }
    given: token
    attach: { headers: [{ name: Authorization, value: "Bearer {access_token}" }] }
operations:
  - name: login
    kind: login
    on: POST /iam/token
    login: { token: form key, mint: jwt, lifetime: 1h, claims: { sub: "{user}" }, answer: { t: "{token}" } }
  - name: keys
    kind: login
    on: GET /keys
    publishes: jwks
"#;

#[test]
fn each_mistake_in_a_login_is_told_with_its_place_and_what_was_expected() {
    Preset::parse("x.yaml", LOGIN).unwrap();
    let mistakes = [
        ("service: iam", "service: aim"),
        ("POST /token", "PUT /token"),
        ("POST /token", "POST token"),
        ("    form:", "    json: {}\n    form:"),
        ("client: \"{id}\"", "client: \"{realm}\""),
        ("token: answer /access_token", "token: body /access_token"),
        ("token: answer /access_token", "token: cookie a b"),
        ("lifetime: answer /expires_in", "lifetime: cookie life"),
        ("field: secret", "field: id"),
        ("field: secret", "field: token"),
        ("given: token", "given: id"),
        ("Bearer {access_token}", "Bearer {acces_token}"),
        ("name: id,", "name: access_token,"),
        ("[id, secret]", "[id, secrets]"),
        ("label: Client, optional: true", "label: Client"),
        ("token: form key", "token: header key"),
        ("mint: jwt", "mint: opaque"),
        ("lifetime: 1h", "lifetime: 48h"),
        ("\"{user}\"", "\"{token}\""),
        ("\"{token}\" } }", "\"{tokens}\" } }"),
        ("\"{token}\" } }", "\"{uuid}\" } }"),
        ("\"{token}\" } }", "\"{credential.realm}\" } }"),
        ("\"{token}\" } }", "\"{credential.secret}\" } }"),
        ("publishes: jwks", "publishes: keys"),
        ("publishes: jwks", "publishes: { issuer: \"{user}\" }"),
        ("publishes: jwks", "silence: 1s"),
        ("kind: login\n    on: GET /keys", "kind: open\n    on: GET /keys"),
        ("part: 2", "part: 0"),
        ("split: \":\", ", ""),
        ("split: \":\"", "split: \"::\""),
        ("https://eu.", "http://eu."),
        ("word: Bearer", "beside: true"),
    ];
    let told: Vec<String> = mistakes.iter().map(|(from, to)| mistake_in(LOGIN, from, to)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    x.yaml:15:14: expected a declared service, not `aim`
    x.yaml:16:14: expected a request such as `POST /oauth/token`, not `PUT /token`
    x.yaml:16:14: expected a request such as `POST /oauth/token`, not `POST token`
    x.yaml:16:14: expected one of `form`, `json` and `cookies`
    x.yaml:17:21: expected fields that are always there, and `realm` is optional
    x.yaml:18:12: expected `answer <pointer>` or `cookie <name>`, not `body /access_token`
    x.yaml:18:12: expected `answer <pointer>` or `cookie <name>`, not `cookie a b`
    x.yaml:19:15: expected `answer <pointer>`, not `cookie life`
    x.yaml:20:23: expected a secret field, and `id` is plain
    x.yaml:20:23: expected a field that the call sends
    x.yaml:21:12: expected a secret field, and `id` is plain
    x.yaml:22:55: expected a declared field (token, id, secret, realm), not `acces_token`
    x.yaml:12:20: expected a declared field (token, access_token, secret, realm), not `id`
    x.yaml:12:24: expected a declared field (token, id, secret, realm), not `secrets`
    x.yaml:12:20: expected an optional field without a default
    x.yaml:27:21: expected `form <name>`, `body <pointer>`, `cookie <name>` or `slot`, not `header key`
    x.yaml:27:67: only a `jwt` has claims
    x.yaml:27:52: expected at most 24h
    x.yaml:27:64: there is no such placeholder here: `token`
    x.yaml:27:91: there is no such placeholder here: `tokens`
    x.yaml:27:91: there is no such placeholder here: `uuid`
    x.yaml:27:91: there is no such placeholder here: `credential.realm`
    x.yaml:27:91: there is no such placeholder here: `credential.secret`
    x.yaml:31:16: expected `jwks` or a document
    x.yaml:31:16: there is no such placeholder here: `user`
    x.yaml:29:11: an operation of kind `login` has either `login` or `publishes`
    x.yaml:29:11: expected the kind `login`, as Bellhop answers this itself
    x.yaml:5:37: expected a `part` from 1 beside it
    x.yaml:5:36: expected a `split` beside it
    x.yaml:5:37: expected one character, not `::`
    x.yaml:5:66: expected `https://host`, not `http://eu.example.com`
    x.yaml:6:16: expected `header:`, perhaps with a `word:`, `cookie:` or `sigv4:`
    "#);
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_was_expected() {
    let mistakes = [
        // The form.
        ("name: Example", "name: Example\ncolour: red"),
        ("name: Example\n", ""),
        ("name: Example", "name: Example\nname: Again"),
        ("kind: poll", "kind: pol"),
        ("  headers:", "  header:"),
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
        ("ways: [path]", "ways: []"),
        ("{ EXAMPLE_URL:", "{ EXAMPLE-URL:"),
        ("ways: [path]", "ways: [path]\n    unset: [EXAMPLE_URL]"),
        ("ways: [path]", "ways: [path]\n    snippet: f({token})"),
        ("ways: [path]", "ways: [path]\n    files: [{ name: a.ini, where: [a.ini], format: ini }]"),
        ("ways: [path]", "ways: [path]\n    files: [{ name: ../a.ini, where: [./a.ini], format: ini }]"),
        ("ways: [path]", "ways: [path]\n    files: [{ name: a.ini, where: [./a.ini], format: ini, required: true }]"),
        ("- name: example", "- { name: example, ways: [path] }\n  - name: example"),
        ("name: Example", "name: Example\nstates: { finished: [done] }"),
        ("name: Example", "name: Example\nstates: { completed: [''] }"),
        ("name: Example", "name: Example\nstates: { completed: [done], failed: [broken, done] }"),
        ("kind: submit", "kind: submit\n    repetition: answer /mark"),
        ("kind: submit", "kind: submit\n    repetition: path mark"),
        ("kind: submit", "kind: submit\n    count: query number"),
        ("kind: submit", "kind: submit\n    reads: { of: body /id }"),
        ("kind: submit", "kind: submit\n    sends: { a: 1 }"),
        ("kind: poll", "kind: cancel\n    sends: [1]"),
        ("kind: poll", "kind: cancel\n    sends: { a: \"{token}\" }"),
        ("name: Example", "name: Example\nrefused_by: { words: [Bad] }"),
        ("name: Example", "name: Example\nrefused_by: { header: Host, words: [Bad] }"),
        ("name: Example", "name: Example\nrefused_by: { header: x-error, words: [] }"),
        ("name: Example", "name: Example\nrefused_by: { header: x-error, words: [Bad, a b] }"),
        ("name: Example", "name: Example\nrefused_by: { header: x-error, element: <a>, words: [Bad] }"),
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
    x.yaml:3:1: unknown field `colour`, expected one of id, name, website, origin, http2, services, regions, ignored_prefix, caller_token, fields, one_of, scheme, selectors, states, operations, refusals, refused_by, head, errors, cookies, lost_submit, probe, account, storage, sdks
    x.yaml:27:1: missing field `name`
    x.yaml:3:1: the key `name` is given twice
    x.yaml:21:11: unknown variant `pol`, expected one of submit, poll, result, cancel, list, public, account, login, open, blocked
    x.yaml:11:3: unknown variant `header`, expected one of headers, basic, cookies, sigv4, exchange
    x.yaml:2:7: expected string scalar
    x.yaml:3:12: expected a whole number
    x.yaml:1:5: expected 1 to 40 of a-z, 0-9 and single `-`, not `Example_1`
    x.yaml:3:9: expected `https://host` or `https://host:port`, without user name, path or query, not `http://{region}.example.com`
    x.yaml:3:9: expected `https://host` or `https://host:port`, without user name, path or query, not `https://{region}.example.com/v1`
    x.yaml:5:15: expected a header that neither frames nor routes the message, not `Host`
    x.yaml:5:5: expected `header:`, perhaps with a `word:`, `cookie:` or `sigv4:`
    x.yaml:23:29: expected `path <capture>`, `query <key>`, `body <pointer>` or `answer <pointer>`, not `header job`
    x.yaml:19:32: expected a JSON pointer such as `/data/id`, or `/jobs/*/id` for each element, not `answer id`
    x.yaml:18:9: expected a method and a path template, such as `GET /jobs/{job}`, not `POST jobs`
    x.yaml:22:9: `{job` cannot be a segment: expected plain text without `%`, `?`, `#` and `\`, or `{name}`, or `{name*}` at the end, not `GET /jobs/{job`
    x.yaml:24:14: expected a time such as `30s` or `5m`, not `soon`
    x.yaml:24:11: expected at most 1000s
    x.yaml:3:12: expected a status from 400 to 599, not 200
    x.yaml:31:33: expected {base}, {host}, {port}, {protocol}, {websocket}, {token}, {context}, {region}, {team}, not `bass`
    x.yaml:30:11: expected at least one of path, port, host and root
    x.yaml:31:33: expected the name of a variable before it, not `EXAMPLE-URL`
    x.yaml:31:13: `EXAMPLE_URL` is also set
    x.yaml:31:14: expected {token} in double quotes by itself, as it is read from the environment there
    x.yaml:31:36: expected a path that begins with ~/, ./ or /, not `a.ini`
    x.yaml:31:21: expected letters, digits, `.`, `_` and `-`, not `../a.ini`
    x.yaml:31:21: expected `content:`, as the file is required
    x.yaml:30:11: the SDK `example` is there twice
    x.yaml:3:11: unknown field `finished`, expected one of completed, failed, cancelled
    x.yaml:3:23: expected a word, not ``
    x.yaml:3:47: `done` already means `completed`
    x.yaml:18:17: expected a place in the request, as the client makes its mark before the answer
    x.yaml:18:17: expected a capture of the path, and `POST /jobs` has no `mark`
    x.yaml:18:12: expected a place in the request's body, not `query number`
    x.yaml:18:18: expected a place in the answer, not `body /id`
    x.yaml:18:12: expected the kind `cancel`: only of these does Bellhop send one with a body
    x.yaml:22:12: expected a document
    x.yaml:22:12: there is no such placeholder here: `token`
    x.yaml:3:15: missing field `header`
    x.yaml:3:23: expected a header that neither frames nor routes the message, not `Host`
    x.yaml:3:39: expected at least one word
    x.yaml:3:45: expected one word, not `a b`
    x.yaml:3:41: expected one word, not `<a>`
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
    x.yaml:17:11: an operation with `grpc: true` cannot have `rewrites`, `lists`, `item_error`, `sends` or `websocket`
    x.yaml:17:11: an operation with `grpc: true` cannot have `rewrites`, `lists`, `item_error`, `sends` or `websocket`
    ");
}
