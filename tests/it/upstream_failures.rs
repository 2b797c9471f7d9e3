//! Providers that are down, hang, lie or break off: a refusal that says so, and no submit sent twice.

use crate::support::{
    ADA_KEY, Ask, ProviderLine, Reply, Site, Upstream,
    cast::{ada_at, ada_on},
    eventually,
    state::credential,
    upstream::job,
};
use serde_json::json;
use std::time::{Duration, Instant};

const JOB: &str = "/ionq/v0.4/jobs/job-1";
const JOBS: &str = "/ionq/v0.4/jobs";

/// Says one of these on each connection, chosen by the number at the end of the target, and ends the connection.
async fn saying(choice: &'static [&'static str]) -> Upstream {
    Upstream::scripted(move |mut line: ProviderLine| async move {
        if let Some(request) = line.request().await {
            let number: usize = request.target.rsplit('/').next().unwrap().parse().unwrap();
            line.send(choice[number]).await;
            line.half_close().await;
            line.hang().await;
        }
    })
    .await
}

fn numbered(number: usize) -> String {
    format!("/ionq/v0.4/jobs/{number}")
}

#[tokio::test]
async fn a_provider_that_is_down_is_unreachable_and_nothing_was_sent() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;
    ionq.go_down();

    let poll = bellhop.get(&ada, JOB).await;
    let submit = bellhop.post(&ada, JOBS, &json!({})).await;

    for answer in [poll, submit] {
        answer.assert_refused("upstream-unreachable");
        assert_eq!(answer.header("bellhop-submit"), None);
        assert!(answer.detail().contains("ionq") || answer.detail().contains("IonQ"), "{}", answer.detail());
        assert!(
            !answer.text().contains(&ionq.address.to_string()),
            "an address is nobody's business: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_unreachable() {
    let site = Site::empty().set("providers.ionq.upstream", "https://no-such-host.invalid");
    let (bellhop, ada) = ada_on(site).await;

    bellhop.get(&ada, JOB).await.assert_refused("upstream-unreachable");
}

#[tokio::test]
async fn a_private_address_is_not_connected_to_unless_the_operator_allows_it() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let upstream = |host: &str| json!({ "upstream": format!("https://{host}:{}", ionq.address.port()) });
    let hosts = [
        ("ionq", "127.0.0.1"),
        ("luna", "localhost"),
        ("iqm", "[::1]"),
        ("oqc", "0.0.0.0"),
        ("quandela", "[::ffff:127.0.0.1]"),
    ];
    let mut site =
        hosts.iter().fold(Site::empty(), |site, (id, host)| site.set(&format!("providers.{id}"), upstream(host)));
    let mut ada = site.user("ada");
    for (id, _) in hosts {
        let field = if matches!(id, "ionq" | "luna") { "api_key" } else { "token" };
        ada = ada.credential(&credential(id, &json!({ field: { "value": ADA_KEY } })));
    }
    let ada = ada.pat();
    let bellhop = site.serve().await;

    for (id, host) in hosts {
        let answer = bellhop.ask(&Ask::get(format!("/{id}/x")).header("Authorization", format!("Bearer {ada}"))).await;
        assert_eq!(answer.header("bellhop-refusal"), Some("upstream-unreachable"), "{host}: {}", answer.text());
    }
    assert_eq!(ionq.connections(), 0);
}

#[tokio::test]
async fn a_provider_that_hangs_is_given_up_in_time() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.upstream_head", "1s")).await;
    let began = Instant::now();

    let poll = bellhop.get(&ada, JOB).await;
    poll.assert_refused("upstream-timeout");
    assert_eq!(poll.header("bellhop-submit"), None);
    assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());

    let submit = bellhop.post(&ada, JOBS, &json!({})).await;
    submit.assert_refused("upstream-timeout");
    assert_eq!(submit.header("bellhop-submit"), Some("unknown"));
    assert_eq!(ionq.requests().len(), 2);
}

#[tokio::test]
async fn an_answer_that_breaks_off_in_its_head_is_no_answer() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        if line.request().await.is_some_and(|request| request.body == b"half") {
            line.send("HTTP/1.1 200 OK\r\nContent-Type: app").await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for body in ["none", "half"] {
        let submit = bellhop.ask(&Ask::post(JOBS).pat(&ada).body(body)).await;
        assert_eq!((submit.status, submit.header("bellhop-submit")), (409, Some("unknown")), "{body}");
        let code = submit.header("bellhop-refusal");
        assert!(matches!(code, Some("upstream-invalid" | "upstream-unreachable")), "{body}: {code:?}");
    }
    assert_eq!(ionq.requests().len(), 2, "a submit is never sent twice");
}

#[tokio::test]
async fn an_answer_that_is_no_sound_http_is_refused() {
    const ODD: &[&str] = &[
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/3.7 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "200 OK\r\n\r\n",
        "<html>502 Bad Gateway</html>\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ];
    let ionq = saying(ODD).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for (number, bytes) in ODD.iter().enumerate() {
        let answer = bellhop.get(&ada, &numbered(number)).await;
        assert_eq!(answer.header("bellhop-refusal"), Some("upstream-invalid"), "{bytes:?}");
    }
}

#[tokio::test]
async fn two_lengths_in_an_answer_never_become_two_answers() {
    let ionq =
        saying(&["HTTP/1.1 200 OK\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n\
         HTTP/1.1 200 OK\r\nX-Smuggled: 1\r\n\r\n"])
        .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    let answer = line.ask(&Ask::get(numbered(0)).pat(&ada)).await;

    if answer.header("bellhop-refusal").is_none() {
        // RFC 9112 §6.3: the chunks count, and the length goes.
        assert_eq!((answer.text().as_str(), answer.header("content-length")), ("{}", None));
    }
    assert!(!answer.text().contains("X-Smuggled"));
}

#[tokio::test]
async fn an_answer_that_is_shorter_than_it_says_is_not_taken_for_the_whole() {
    const SHORT: &[&str] = &[
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"id\":\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n60\r\n{\"id\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"id\":\r\nzz\r\n",
    ];
    let ionq = saying(SHORT).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for (number, bytes) in SHORT.iter().enumerate() {
        let answer = bellhop.get(&ada, &numbered(number)).await;
        assert!(!answer.is_whole || answer.status == 502, "{bytes:?} became {answer:?}");
    }
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_its_connection() {
    let ionq = saying(&["HTTP/1.1 200 OK\r\n\r\nuntil the end"]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let answer = bellhop.get(&ada, &numbered(0)).await;

    assert_eq!((answer.status, answer.text().as_str()), (200, "until the end"));
}

#[tokio::test]
async fn bytes_after_an_answer_never_become_somebodys_answer() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        while line.request().await.is_some() {
            let left_over = Reply::new(200).header("X-Poison", "1").body("poison").bytes();
            line.send([job().bytes(), left_over].concat()).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for _ in 0..6 {
        let answer = bellhop.get(&ada, JOB).await;
        assert_eq!((answer.status, answer.header("x-poison")), (200, None));
        assert_eq!(answer.json()["id"], "job-1");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_dropped_with_its_connection() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        if line.request().await.is_some() {
            line.send(job().bytes()).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            line.send(Reply::new(200).body("poison").bytes()).await;
            line.hang().await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for turn in 1..4 {
        assert_eq!(bellhop.get(&ada, JOB).await.json()["id"], "job-1");
        eventually("Bellhop lets go of the connection", async || {
            ionq.connections() == turn && ionq.open_connections() == 0
        })
        .await;
    }
}

#[tokio::test]
async fn an_unsolicited_switch_of_protocols_is_a_502() {
    let ionq =
        saying(&["HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nraw bytes"])
            .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    bellhop.get(&ada, &numbered(0)).await.assert_refused("upstream-invalid");
}

#[tokio::test]
async fn a_few_interim_answers_are_let_through_or_dropped_and_a_flood_is_cut() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        while let Some(request) = line.request().await {
            let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n";
            let count = request.target.rsplit('/').next().unwrap().parse().unwrap();
            line.send(format!("{}{}", interim.repeat(count), String::from_utf8(job().bytes()).unwrap())).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    assert_eq!(bellhop.get(&ada, "/ionq/v0.4/jobs/3").await.json()["id"], "job-1");
    assert_eq!(bellhop.get(&ada, "/ionq/v0.4/jobs/500").await.status, 502);
}

#[tokio::test]
async fn endless_interim_answers_do_not_hold_a_request_for_ever() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        while line.send("HTTP/1.1 100 Continue\r\n\r\n").await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("timeouts.upstream_head", "1s")).await;

    let answer = bellhop.get(&ada, JOB).await;

    assert!(matches!(answer.status, 502 | 504), "{}", answer.status);
}

#[tokio::test]
async fn an_answers_head_is_bounded() {
    let ionq = Upstream::answering(|request| {
        let size = request.target.rsplit('/').next().unwrap().parse().unwrap();
        job().header("X-Large", &"x".repeat(size))
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    assert_eq!(bellhop.get(&ada, "/ionq/v0.4/jobs/30000").await.header("x-large").unwrap().len(), 30_000);
    bellhop.get(&ada, "/ionq/v0.4/jobs/70000").await.assert_refused("upstream-invalid");
}

#[tokio::test]
async fn a_post_is_not_replayed_on_a_connection_that_died() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.send(job().bytes()).await;
        // The next one is read and never answered.
        line.request().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let mut line = bellhop.connect().await;
    line.ask(&Ask::post(JOBS).pat(&ada).body("1")).await.assert_paid_by("me", "own");

    let answer = line.ask(&Ask::post(JOBS).pat(&ada).body("2")).await;

    assert_eq!((answer.status, answer.header("bellhop-submit")), (409, Some("unknown")));
    let bodies: Vec<_> = ionq.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [b"1", b"2"]);
}

#[tokio::test]
async fn a_get_may_be_asked_again_when_a_pooled_connection_had_died() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        if line.request().await.is_some() {
            line.send(job().bytes()).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for _ in 0..20 {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    }
    assert_eq!(ionq.requests().len(), 20);
}

#[tokio::test]
async fn a_get_that_was_half_answered_is_not_asked_again() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.send(job().bytes()).await;
        if line.request().await.is_some() {
            line.send("HTTP/1.1 2").await;
        }
    })
    .await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("listen.workers", 1)).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");

    assert_eq!(bellhop.get(&ada, JOB).await.status, 502);
    assert_eq!(ionq.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_whose_request_was_not_finished_is_not_used_again() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        if line.number == 0 {
            // Answers before the body is there, as if the connection could go on.
            line.head().await;
            line.send(job().bytes()).await;
        }
        while line.request().await.is_some() {
            line.send(job().bytes()).await;
        }
    })
    .await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("listen.workers", 1)).await;
    let mut line = bellhop.connect().await;
    let ask = Ask::post(JOBS).pat(&ada).header("Content-Length", "100").body("{\"half\":");
    let bytes = ask.bytes("bellhop");
    line.send(bytes).await;
    line.answer().await.assert_paid_by("me", "own");

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");

    let request = ionq.last();
    assert_eq!((request.connection, request.method.as_str(), request.is_whole), (1, "GET", true));
}

#[tokio::test]
async fn a_caller_who_leaves_lets_the_provider_go() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;
    let mut line = bellhop.connect().await;
    let bytes = Ask::get(JOB).pat(&ada).bytes("bellhop");
    line.send(bytes).await;
    ionq.until_requests(1).await;

    drop(line);

    eventually("Bellhop lets go of the provider", async || ionq.open_connections() == 0).await;
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_of_a_body_completes_nothing() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_at(&ionq).await;

    for framing in ["Content-Length: 100\r\n\r\n{\"half\":", "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"half\":\r\n"] {
        let mut line = bellhop.connect().await;
        line.send(format!("POST {JOBS} HTTP/1.1\r\nHost: b\r\nAuthorization: apiKey {ada}\r\n{framing}")).await;
        eventually("the first half has reached the provider", async || {
            ionq.bytes().ends_with(b"{\"half\":") || ionq.bytes().ends_with(b"{\"half\":\r\n")
        })
        .await;
        let before = ionq.requests().len();
        drop(line);
        eventually("the request has ended at the provider", async || ionq.requests().len() > before).await;
    }
    assert!(ionq.requests().iter().all(|request| !request.is_whole), "{:?}", ionq.requests());
}

#[tokio::test]
async fn an_answer_before_the_body_is_complete_is_passed_on() {
    let ionq = Upstream::scripted(|mut line: ProviderLine| async move {
        line.head().await;
        line.send(Reply::json(413, &json!({ "error": "too large" })).header("Connection", "close").bytes()).await;
        line.half_close().await;
        line.hang().await;
    })
    .await;
    let (bellhop, ada) = ada_at(&ionq).await;

    let mut line = bellhop.connect().await;
    let ask = Ask::post(JOBS).pat(&ada).header("Content-Length", "1000000").body("half");
    let bytes = ask.bytes(&line.host);
    line.send(bytes).await;

    let answer = line.answer().await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["error"], "too large");
}

#[tokio::test]
async fn a_connect_that_gets_no_answer_is_given_up_in_time() {
    // Its queue is full, so that the kernel answers no further connect.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _filling: Vec<_> = (0..4)
        .map(|_| {
            let filler = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            filler.set_nonblocking(true).unwrap();
            let _ = filler.connect(&address.into());
            filler
        })
        .collect();
    let upstream = json!({ "upstream": format!("http://{address}"), "allow_private": true });
    let (bellhop, ada) = ada_on(Site::empty().set("providers.ionq", upstream).set("timeouts.connect", "1s")).await;
    let began = Instant::now();

    bellhop.post(&ada, JOBS, &json!({})).await.assert_refused("upstream-unreachable");

    assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
}

#[tokio::test]
async fn connections_to_a_provider_are_used_again() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (bellhop, ada) = ada_on(Site::facing(&ionq).set("listen.workers", 1)).await;

    for _ in 0..10 {
        bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    }

    assert_eq!(ionq.connections(), 1);
}

#[tokio::test]
async fn a_provider_that_comes_back_is_used_at_once() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let address = ionq.address;
    let (bellhop, ada) = ada_at(&ionq).await;
    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    drop(ionq);
    bellhop.get(&ada, JOB).await.assert_refused("upstream-unreachable");

    let ionq = Upstream::accepting_at(address, &[ADA_KEY]).await;

    bellhop.get(&ada, JOB).await.assert_paid_by("me", "own");
    assert_eq!(ionq.request().key(), ADA_KEY);
}

#[tokio::test]
async fn an_unknown_submit_has_a_status_that_its_sdk_does_not_repeat() {
    let provider = Upstream::scripted(|mut line: ProviderLine| async move {
        line.request().await;
    })
    .await;
    let mut site = ["ionq", "kipu", "planqk"].iter().fold(Site::empty(), |site, id| site.provider(id, &provider));
    let token = |id| credential(id, &json!({ "token": { "value": "fake-kipu-token-canary" } }));
    let ada = site.user("ada").key(ADA_KEY).credential(&token("kipu")).credential(&token("planqk")).pat();
    let bellhop = site.serve().await;

    for (target, status) in [("/ionq/v0.4/jobs", 409), ("/kipu/quantum/jobs", 424), ("/planqk/quantum/jobs", 502)] {
        let ask = Ask::post(target).header("Authorization", format!("Bearer {ada}")).body("{}");
        let answer = bellhop.ask(&ask).await;
        assert_eq!((answer.status, answer.header("bellhop-submit")), (status, Some("unknown")), "{target}");
        answer.assert_readable_refusal();
    }
    assert_eq!(provider.requests().len(), 3);
}
