//! The trail on the page: one's own acts, everybody's for administrators, in words; exported and verified.

use super::Browser;
use crate::management::cast::Cast;

#[tokio::test]
async fn each_reads_their_own_acts_whatever_the_address_says() {
    let (cast, _ionq) = Cast::with_jobs().await;
    let mut alan = Browser::of(&cast, "alan").await;
    cast.token_of_alan("of-alan").await;
    cast.post(&cast.ada, "/tokens", &serde_json::json!({ "name": "of-ada" })).await;

    for path in ["/audit", "/audit?actor=ada", "/audit?actor=*", "/audit?action=token."] {
        let page = alan.read(path).await;
        assert!(page.contains("Made a personal access token") && !page.contains("of-ada"), "{path}: {page}");
        assert!(!page.contains("name=\"actor\"") && !page.contains("/audit/verify"), "{path}");
    }
    assert!(alan.read("/audit?action=job.").await.contains("Nothing is found"));
    assert_eq!(alan.get("/audit/verify").await.status, 403);
    let csrf = alan.csrf("/audit").await;
    assert_eq!(alan.submit("/audit/verify", &[("csrf", &csrf)]).await.status, 403);
    let file = alan.get("/audit.ndjson?actor=ada").await;
    assert_eq!(file.header("content-type"), Some("application/x-ndjson"));
    assert!(file.text().contains("token.created") && !file.text().contains("of-ada"), "{}", file.text());
}

#[tokio::test]
async fn an_administrator_searches_all_of_it_page_by_page_and_verifies_it() {
    let (cast, _ionq) = Cast::with_jobs().await;
    for number in 0..60 {
        cast.token_of_alan(&format!("t{number}")).await;
    }
    let mut iris = Browser::of(&cast, "iris").await;

    let mut path = "/audit?actor=alan&action=token.created".to_owned();
    let mut found = 0;
    loop {
        let page = iris.read(&path).await;
        found += page.matches("Made a personal access token</span>").count();
        match page.split('"').find(|word| word.starts_with("/audit?") && word.contains("after=")) {
            Some(next) => path = next.replace("&#38;", "&"),
            None => break,
        }
    }
    assert_eq!(found, 60);
    for (query, status, says) in [
        ("actor=command-line", 200, "command line"),
        ("actor=nobody-of-that-name", 422, "There is nobody of this name"),
        ("actor=%3Cscript%3E", 422, "There is nobody of this name"),
        ("subject=%3Cscript%3E", 200, "Nothing is found"),
        ("from=2020-01-01&to=2020-01-02", 200, "Nothing is found"),
        ("from=2020-02-30", 422, "expected a day"),
        ("after=x", 422, "role=\"alert\""),
    ] {
        let answer = iris.get(&format!("/audit?{query}")).await;
        let text = answer.text();
        assert!(answer.status == status && text.contains(says) && !text.contains("<script>"), "{query}: {text}");
    }
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    assert!(iris.read(&format!("/audit?from={today}&to={today}")).await.contains("Made a personal access token"));

    assert!(iris.read("/audit/verify").await.contains("Verify the trail"));
    let verified = iris.send_form("/audit/verify", &[]).await;
    assert!(verified.status == 200 && verified.text().contains(">intact<"), "{}", verified.text());
    assert_eq!(iris.submit("/audit/verify", &[]).await.status, 403);
}
