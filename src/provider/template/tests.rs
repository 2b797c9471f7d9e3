use super::*;
use proptest::prelude::*;

/// Operation 0 is blocked.
const TEMPLATES: &[(u16, &str)] = &[
    (0, "ANY /admin/tokens/{rest*}"),
    (0, "POST /logout"),
    (1, "GET /jobs/{job}"),
    (2, "POST /jobs"),
    (3, "GET /jobs/{job}/results/{what*}"),
    (4, "PUT /jobs/status/cancel"),
    (5, "PUT /jobs/{job}/status/cancel"),
    (6, "POST /jobs/{job}:cancel"),
    (7, "POST /jobs/{job}"),
    (8, "GET /jobs/estimate"),
    (9, "ANY /{qpu}/tasks/{task}"),
    (10, "GET //double/slash"),
];

fn patterns() -> Vec<(u16, Pattern)> {
    TEMPLATES.iter().map(|(operation, text)| (*operation, text.parse().expect(text))).collect()
}

fn routes() -> Routes {
    let mut routes = Routes::default();
    for (operation, pattern) in patterns() {
        let passage = if operation == 0 { Passage::Blocked } else { Passage::Open };
        routes.insert(&pattern, operation, 0, passage).unwrap();
    }
    routes
}

fn operation(method: &str, path: &str) -> Result<Option<u16>, Ambiguous> {
    Ok(routes().find(method, path.as_bytes())?.map(|found| found.operation))
}

fn captured<'p>(method: &str, path: &'p str, nth: usize) -> &'p str {
    let found = routes().find(method, path.as_bytes()).unwrap().unwrap();
    &path[found.span(nth).unwrap()]
}

#[test]
fn a_literal_goes_before_a_capture_and_a_capture_before_a_tail() {
    assert_eq!(operation("GET", "/jobs/estimate"), Ok(Some(8)));
    assert_eq!(operation("GET", "/jobs/7"), Ok(Some(1)));
    assert_eq!(operation("PUT", "/jobs/status/cancel"), Ok(Some(4)));
    assert_eq!(operation("PUT", "/jobs/7/status/cancel"), Ok(Some(5)));
    assert_eq!(operation("GET", "/jobs/7/results"), Ok(Some(3)));
    assert_eq!(operation("GET", "/jobs/tasks/7"), Ok(Some(9)));
    assert_eq!(operation("DELETE", "/jobs/7"), Ok(None));
    assert_eq!(operation("GET", "/"), Ok(None));
    assert_eq!(operation("GET", ""), Ok(None));
}

#[test]
fn a_slash_at_the_end_and_the_case_of_a_method_make_no_difference() {
    assert_eq!(operation("GET", "/jobs/7/"), Ok(Some(1)));
    assert_eq!(operation("POST", "/jobs/"), Ok(Some(2)));
    assert_eq!(operation("post", "/logout/"), Ok(Some(0)));
    assert_eq!(operation("HEAD", "/jobs/7"), Ok(Some(1)));
}

#[test]
fn captures_are_where_they_stand_in_the_raw_path() {
    assert_eq!(captured("GET", "/jobs/a%2Fb,c", 0), "a%2Fb,c");
    assert_eq!(captured("GET", "/jobs/7/results/x/y", 1), "x/y");
    assert_eq!(captured("GET", "/jobs/7/results", 1), "");
    assert_eq!(captured("POST", "/jobs/7:cancel", 0), "7");
    assert_eq!(captured("POST", "/jobs/7%3Acancel", 0), "7");
    assert_eq!(captured("POST", "/jobs/7%3A%63ancel/", 0), "7");
    assert_eq!(operation("POST", "/jobs/:cancel"), Ok(Some(7)));
}

#[test]
fn an_escaped_slash_stays_part_of_an_id() {
    assert_eq!(operation("GET", "/jobs/arn%3Aaws%3A%2Fx"), Ok(Some(1)));
    assert_eq!(operation("GET", "/jobs/100%"), Ok(Some(1)));
}

#[test]
fn what_is_blocked_stays_blocked_however_it_is_spelled() {
    for path in ["/logout", "/log%6fut", "/l%6Fgout/"] {
        assert_eq!(operation("POST", path), Ok(Some(0)), "{path}");
    }
    for path in [
        "//logout",
        "/%256cogout",
        "/x/../logout",
        "/%2e%2e/logout",
        "/x%2F..%2Flogout",
        "/%2Flogout",
        "/%5clogout",
        "/logout%2F",
        "/%25252525256cogout",
    ] {
        assert_eq!(operation("POST", path), Err(Ambiguous), "{path}");
    }
    assert_eq!(operation("GET", "/admin/tokens/%2e"), Err(Ambiguous));
    assert_eq!(operation("GET", "/admin%2Ftokens%2Fx"), Err(Ambiguous));
    assert_eq!(operation("GET", "/admin/%74okens"), Ok(Some(0)));
}

#[test]
fn a_template_may_have_empty_segments_and_then_matches_without_them_too() {
    assert_eq!(operation("GET", "//double/slash"), Ok(Some(10)));
    assert_eq!(operation("GET", "/double/slash"), Ok(Some(10)));
    assert_eq!(operation("GET", "/double//slash"), Err(Ambiguous));
    assert_eq!(operation("GET", "/nobody//knows/%2561"), Ok(None));
}

#[test]
fn two_operations_cannot_have_one_template() {
    let mut routes = routes();
    let collision = |r: &mut Routes, text: &str| r.insert(&text.parse().unwrap(), 99, 0, Passage::Open);
    assert_eq!(collision(&mut routes, "GET /jobs/{id}"), Err(Collision { with: 1 }));
    assert_eq!(collision(&mut routes, "GET /double/slash"), Err(Collision { with: 10 }));
    assert_eq!(collision(&mut routes, "GET /jobs/{id}/results/{other*}"), Err(Collision { with: 3 }));
    assert_eq!(collision(&mut routes, "PATCH /jobs/{id}"), Ok(()));
}

#[test]
fn a_template_that_makes_no_sense_is_refused() {
    for (text, error) in [
        ("/jobs", NotAPattern::Form),
        ("GET jobs", NotAPattern::Form),
        ("get /jobs", NotAPattern::Method),
        ("GET /{a}/{a}", NotAPattern::Twice("a".into())),
        ("GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}", NotAPattern::TooMany),
        ("GET /{a*}/b", NotAPattern::Segment("{a*}".into())),
        ("GET /a%20b", NotAPattern::Segment("a%20b".into())),
        ("GET /../b", NotAPattern::Segment("..".into())),
        ("GET /x{a}", NotAPattern::Segment("x{a}".into())),
        ("GET /{A}", NotAPattern::Segment("{A}".into())),
        ("GET /a?b", NotAPattern::Segment("a?b".into())),
    ] {
        assert_eq!(text.parse::<Pattern>(), Err(error), "{text}");
    }
}

/// Tries every template by itself and takes the best: what the trie must agree with.
fn plainly(method: &str, path: &str) -> Option<u16> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
    let rank = |pattern: &Pattern| match pattern.method.as_deref() {
        Some(m) if m == method => Some(0),
        Some("GET") if method == "HEAD" => Some(1),
        None => Some(2),
        Some(_) => None,
    };
    let fits = patterns().into_iter().filter_map(|(operation, pattern)| {
        let order = fit(&pattern.segments, &segments)?;
        Some((order, rank(&pattern)?, operation))
    });
    fits.min().map(|(_, _, operation)| operation)
}

/// How well each segment fits, best first: literal, long suffix, capture, tail.
fn fit(template: &[Segment], path: &[&str]) -> Option<Vec<usize>> {
    match (template.split_first(), path.split_first()) {
        (None, None) => Some(vec![0]),
        (Some((Segment::Tail(_), _)), _) => Some(vec![2000]),
        (Some((Segment::Literal(text), rest)), Some((segment, more))) if **text == *segment.as_bytes() => {
            Some([vec![0], fit(rest, more)?].concat())
        }
        (Some((Segment::Capture(_, suffix), rest)), Some((segment, more)))
            if segment.len() > suffix.len() && segment.as_bytes().ends_with(suffix) =>
        {
            Some([vec![1000 - suffix.len()], fit(rest, more)?].concat())
        }
        _ => None,
    }
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "jobs", "admin", "tokens", "logout", "status", "cancel", "results", "estimate", "tasks", "7", "7:cancel",
        ":cancel", "x",
    ]);
    (prop::collection::vec(word, 0..6), any::<bool>())
        .prop_map(|(words, slash)| format!("/{}{}", words.join("/"), if slash { "/" } else { "" }))
}

/// One path written in many ways: characters escaped up to three times over, slashes doubled or escaped.
fn spellings(path: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(0_u8..6, path.len())
        .prop_map(move |ways| path.bytes().zip(ways).map(|(byte, way)| spell(byte, way)).collect())
}

fn spell(byte: u8, way: u8) -> String {
    let escaped = format!("%{byte:02x}");
    match (byte, way) {
        (b'/', 1) => "//".into(),
        (b'/', 2) => "/%2f".into(),
        (_, 3) => escaped,
        (_, 4) => escaped.replace('%', "%25"),
        (_, 5) => escaped.replace('%', "%2525"),
        _ => char::from(byte).to_string(),
    }
}

proptest! {
    #[test]
    fn the_trie_agrees_with_trying_every_template(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "DELETE"]),
        path in words(),
    ) {
        prop_assume!(!path.contains("//"));
        prop_assert_eq!(operation(method, &path), Ok(plainly(method, &path)));
    }

    #[test]
    fn no_spelling_gets_around_a_block(path in prop_oneof![spellings("/logout"), spellings("/admin/tokens/7")]) {
        let found = operation("POST", &path);
        prop_assert!(matches!(found, Ok(Some(0)) | Err(Ambiguous)), "{path}: {found:?}");
    }

    #[test]
    fn an_id_in_any_spelling_stays_the_same_operation_or_is_refused(path in spellings("/jobs/7")) {
        let found = operation("GET", &path);
        prop_assert!(matches!(found, Ok(None | Some(1)) | Err(Ambiguous)), "{path}: {found:?}");
    }

    #[test]
    fn bytes_from_outside_never_panic_and_captures_stay_inside(
        method in "\\PC{0,6}",
        path in prop::collection::vec(prop_oneof![Just(b'/'), Just(b'%'), Just(b'2'), Just(b'.'), any::<u8>()], 0..60),
    ) {
        let with_prefix = [b"/jobs/".as_slice(), &path].concat();
        for path in [&path, &with_prefix] {
            if let Ok(Some(found)) = routes().find(&method, path) {
                for nth in 0..MOST_CAPTURES {
                    prop_assert!(path.get(found.span(nth).unwrap()).is_some());
                }
            }
        }
    }
}
