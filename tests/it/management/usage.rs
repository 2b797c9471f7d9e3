//! Usage by way of the API: one's own, one's share, or all of it; as JSON and as comma-separated values.

use super::cast::Cast;
use crate::support::Ask;
use serde_json::json;

#[tokio::test]
async fn each_sees_their_own_and_overseers_everybodys() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;

    for (pat, path, lines) in [
        (&cast.alan, "/usage", 1),
        (&cast.alan, "/usage?organization=acme", 1),
        (&cast.grace, "/usage", 0),
        (&cast.grace, "/usage?organization=acme", 1),
        (&cast.grace, "/usage?organization=acme&user=grace", 0),
        (&cast.iris, "/usage?user=*", 1),
        (&cast.iris, "/usage?user=*&to=2020-01-01T00:00:00Z&from=2019-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(cast.get(pat, path).await.items().len(), lines, "{path}");
    }
    for (by, name) in [
        ("member", "alan"),
        ("organization", "acme"),
        ("token", "alan/runs"),
        ("provider", "ionq"),
        ("target", "qpu"),
        ("credential", "ionq key"),
    ] {
        let line = cast.get(&cast.grace, &format!("/usage?organization=acme&by={by}")).await.items().remove(0);
        assert_eq!((&line["name"], &line["jobs"], &line["shots"]), (&json!(name), &json!(1), &json!(100)), "{line}");
    }
    assert_eq!(cast.get(&cast.alan, "/usage?by=month").await.items()[0]["qpu_seconds"], "0");
    cast.get(&cast.alan, "/usage?by=colour").await.assert_problem(400, "bad-request");
}

#[tokio::test]
async fn spreadsheets_get_comma_separated_values() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let ask = Ask::get("/api/v1/usage").header("Authorization", format!("Bearer {}", cast.alan));

    let answer = cast.bellhop.ask_admin(&ask.header("Accept", "text/csv;q=0.9, */*;q=0.1")).await;

    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(answer.text().starts_with("name,id,jobs,shots,qpu_seconds,cost\r\nalan,"), "{}", answer.text());
    let there = cast.elsewhere(&cast.alan);
    assert_eq!(there.run(&["usage", "--csv"]).await.assert_code(0).out, answer.text());
    let listed = there.run(&["usage", "--json", "--by", "user", "--from", "1d"]).await.assert_code(0).json();
    assert_eq!((&listed[0]["name"], &listed[0]["jobs"]), (&json!("alan"), &json!(1)));
}

#[tokio::test]
async fn each_day_or_month_is_told_by_itself() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let now = jiff::Timestamp::now();

    for (per, period) in [("day", now.strftime("%Y-%m-%d").to_string()), ("month", now.strftime("%Y-%m").to_string())] {
        for from in ["", "&from=2026-01-01T00:00:00Z"] {
            let lines = cast.get(&cast.alan, &format!("/usage?by=provider&per={per}{from}")).await.items();
            assert_eq!((lines.len(), &lines[0]["period"], &lines[0]["jobs"]), (1, &json!(period), &json!(1)), "{per}");
        }
    }
    assert_eq!(cast.get(&cast.alan, "/usage").await.items()[0]["period"], json!(null));
    for wrong in ["by=day&per=day", "by=month&per=month", "per=month&from=1970-01-01T00:00:00Z"] {
        assert_eq!(
            cast.get(&cast.alan, &format!("/usage?{wrong}")).await.assert_problem(422, "invalid")["field"],
            "per"
        );
    }
    cast.get(&cast.alan, "/usage?per=week").await.assert_problem(400, "bad-request");
    let there = cast.elsewhere(&cast.alan);
    let listed = there.run(&["usage", "--json", "--by", "target", "--per", "month"]).await.assert_code(0).json();
    assert_eq!(listed[0]["period"], now.strftime("%Y-%m").to_string());
    let csv = there.run(&["usage", "--csv", "--per", "day"]).await.assert_code(0).out;
    assert!(csv.starts_with("period,name,id,") && csv.contains(&now.strftime("%Y-%m-%d,alan,").to_string()), "{csv}");
}
