//! Usage on the page: a picture, its numbers, a file; of whom one may see it.

use super::Browser;
use crate::management::cast::Cast;

#[tokio::test]
async fn what_was_used_is_drawn_told_in_numbers_and_downloaded() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let mut alan = Browser::of(&cast, "alan").await;
    assert!(alan.read("/usage").await.contains("No job was submitted in this time"));
    cast.job_of_alan().await;
    cast.job_of_alan().await;

    let page = alan.read("/usage?by=provider&measure=shots").await;

    assert!(page.contains("role=\"img\" aria-labelledby=\"usage-title usage-text\""), "{page}");
    assert!(page.contains("Shots · Provider · per day") && page.contains(": 200 shots in all."), "{page}");
    assert!(page.contains("<rect class=\"one\"") && page.contains(", ionq: 200 shots</title>"), "{page}");
    assert!(
        page.contains("<th scope=\"row\">ionq</th><td class=\"number\">2</td><td class=\"number\">200</td>"),
        "{page}"
    );
    for by in ["project", "member", "token", "provider", "target", "organization", "credential"] {
        for measure in ["jobs", "shots", "qpu-seconds", "cost"] {
            for when in ["month", "30-days", "12-months"] {
                let page = alan.read(&format!("/usage?by={by}&measure={measure}&when={when}")).await;
                assert!(page.contains("<svg role=\"img\"") && !page.contains("NaN"), "{by} {measure} {when}");
            }
        }
    }
    let csv = page.split('"').find(|word| word.starts_with("/usage.csv")).unwrap().replace("&#38;", "&");
    let file = alan.get(&csv).await;
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(file.header("content-disposition").unwrap().starts_with("attachment; filename=\"usage-"));
    let lines: Vec<String> = file.text().lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), &*lines[0]), (2, "period,name,id,jobs,shots,qpu_seconds,cost"));
    assert!(lines[1].ends_with(",ionq,ionq,2,200,0,0"), "{lines:?}");
    for path in ["/usage?when=last-month", "/usage?when=dates&from=2020-01-01&to=2020-02-01"] {
        assert!(alan.read(path).await.contains("No job was submitted in this time"), "{path}");
    }
}

#[tokio::test]
async fn each_sees_their_share_and_overseers_all_of_it() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    for (user, path, status) in [
        ("eve", "/usage?of=acme", 404),
        ("eve", "/usage?of=*", 403),
        ("eve", "/usage.csv?of=acme", 404),
        ("alan", "/usage?of=*", 403),
        ("alan", "/usage?of=acme&user=grace", 404),
    ] {
        assert_eq!(Browser::of(&cast, user).await.get(path).await.status, status, "{user} {path}");
    }
    let share = "<th scope=\"row\">alan</th><td class=\"number\">1</td>";
    for (user, path) in
        [("alan", "/usage?by=member&of=acme"), ("grace", "/usage?by=member&of=acme"), ("iris", "/usage?by=member&of=*")]
    {
        assert!(Browser::of(&cast, user).await.read(path).await.contains(share), "{user} {path}");
    }
    assert!(Browser::of(&cast, "grace").await.read("/usage").await.contains("No job was submitted"));
}

#[tokio::test]
async fn dates_that_are_none_are_told_of_and_stay_in_the_form() {
    let (cast, _ionq) = Cast::with_jobs().await;
    cast.job_of_alan().await;
    let mut alan = Browser::of(&cast, "alan").await;
    for (from, to) in
        [("2026-02-30", "2026-03-01"), ("2026-03-02", "2026-03-01"), ("1900-01-01", "2026-03-01"), ("%3Cscript%3E", "")]
    {
        let answer = alan.get(&format!("/usage?when=dates&from={from}&to={to}")).await;
        let text = answer.text();
        assert!(answer.status == 422 && text.contains("role=\"alert\"") && !text.contains("<script>"), "{text}");
        assert!(text.contains(&format!("name=\"to\" value=\"{to}\"")), "{text}");
        assert_eq!(alan.get(&format!("/usage.csv?when=dates&from={from}&to={to}")).await.status, 422);
    }
}
