//! The tour: a handful of requests, each of which shows one thing.
//! The same steps are printed, to be pasted, and taken by `--check` over real HTTP.
//! What a check believes is the stand-in's word for who paid, beside what Bellhop's receipt says.

use super::{
    folder::Folder,
    furnish::{Purse, Tokens},
    standin::Standin,
};
use crate::{
    app::Addresses,
    cli::{Console, Failure, console::shown},
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A Bell pair on the simulator, which is done at once.
const CIRCUIT: &str = r#"{"type":"ionq.circuit.v1","backend":"simulator","shots":100,"input":{"qubits":2,"gateset":"qis","circuit":[{"gate":"h","target":0},{"gate":"cnot","control":0,"target":1}]}}"#;
/// A valid token, checksum and all, that nobody has.
const UNKNOWN_TOKEN: &str = "bhp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA431V14";

pub struct Tour<'s> {
    proxy: SocketAddr,
    tokens: Tokens,
    standin: &'s Standin,
}

struct Step {
    title: &'static str,
    /// What it shows.
    shows: &'static str,
    method: Method,
    at: SocketAddr,
    path: String,
    token: String,
    body: Option<String>,
    expected: Expected,
}

enum Expected {
    /// A job, paid with this key; the receipt's `owner` and `why`.
    Paid { purse: Purse, owner: &'static str, why: &'static str },
    /// 200 and this in the answer.
    Answer(&'static str),
    /// Bellhop's own refusal.
    Refused(StatusCode, &'static str),
    /// The provider's own.
    RefusedByProvider(StatusCode),
}

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl<'s> Tour<'s> {
    pub const fn new(proxy: SocketAddr, tokens: Tokens, standin: &'s Standin) -> Self {
        Self { proxy, tokens, standin }
    }

    /// Says where everything is, and then each step with the line that takes it.
    pub async fn print(
        &self,
        addresses: &Addresses,
        folder: &Folder,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let mut steps = self.steps().await?;
        console.say(format_args!(
            "Bellhop runs.\n\n  \
             proxy     http://{}\n  \
             admin     http://{}   /healthz /readyz /metrics\n  \
             provider  http://{}   a stand-in for IonQ; it takes its own keys and nothing else\n  \
             folder    {}   {}\n\n\
             ada has a key of her own. grace has none, but is in acme.optics, which has one. acme has one, too.\n\
             Neither of them knows any of these keys: they sign in with tokens of their own.\n{}",
            addresses.proxy,
            addresses.admin,
            self.standin.address(),
            folder.path().display(),
            if folder.is_temporary() { "removed at the end" } else { "kept" },
            if is_behind_a_proxy() {
                "\nFirst, so that nothing goes to your network's proxy:\n\nexport no_proxy=127.0.0.1\n"
            } else {
                ""
            },
        ));
        steps.push(self.past_bellhop());
        for (number, step) in (1..).zip(&steps) {
            console.say(format_args!("\n{number}. {}\n   {}\n\n{}\n", step.title, step.shows, step.curl()));
        }
        console.say(format_args!(
            "\n{}. In Python\n   Submit, wait, result: the same job from a program, with nothing but its standard library.\n\n{}\n",
            steps.len() + 1,
            self.python()
        ));
        console.say(format_args!(
            "\nWhose token would pay, without sending anything:\n\n{} --data-dir {} explain --user grace --provider ionq\n\nCtrl-C ends it.\n",
            program(),
            folder.path().display()
        ));
        Ok(())
    }

    /// Takes every step, says what it saw, and fails if any of it was wrong.
    pub async fn check(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let mut right = true;
        let mut number = 0;
        for step in self.steps().await? {
            number += 1;
            right &= self.take(number, &step, console).await?;
        }
        // Asked before the last step, which shows the provider a caller's token on purpose.
        let leaked = self.standin.has_seen_a_callers_token();
        right &= self.take(number + 1, &self.past_bellhop(), console).await?;
        if leaked {
            console.say("WRONG: the provider has seen a caller's token\n");
        }
        if right && !leaked {
            console.say("all as it should be, and no caller's token reached the provider\n");
            Ok(())
        } else {
            Err(Failure::failed("not all was as it should be"))
        }
    }

    async fn take(&self, number: usize, step: &Step, console: &mut Console<'_>) -> Result<bool, Failure> {
        let seen = step.take().await?;
        let problem = self.problem(&step.expected, &seen);
        console.say(format_args!(
            "{number}. {}: {}\n   {} {}\n   saw {}\n",
            step.title,
            if problem.is_none() { "ok" } else { "WRONG" },
            step.method,
            step.path,
            self.told(&seen)
        ));
        if let Some(problem) = &problem {
            console.say(format_args!("   {problem}\n"));
        }
        Ok(problem.is_none())
    }

    /// Through Bellhop. Two jobs are submitted first, for the steps that ask about one.
    async fn steps(&self) -> Result<Vec<Step>, Failure> {
        let (ada, grace) = (self.tokens.ada.expose(), self.tokens.grace.expose());
        let done = self.job(CIRCUIT.to_owned()).await?;
        let queued = self.job(CIRCUIT.replace("simulator", "qpu.forte-1")).await?;
        let submit = |title, shows, way: &str, token: &str, expected| Step {
            title,
            shows,
            method: Method::POST,
            at: self.proxy,
            path: format!("/{way}/v0.4/jobs"),
            token: token.to_owned(),
            body: Some(CIRCUIT.to_owned()),
            expected,
        };
        let ask = |title, shows, method, path: String, expected| Step {
            title,
            shows,
            method,
            at: self.proxy,
            path,
            token: ada.to_owned(),
            body: None,
            expected,
        };
        Ok(vec![
            submit(
                "Her own token",
                "ada submits. Her own key pays, as the header bellhop-credential says: why=own.",
                "ionq",
                ada,
                Expected::Paid { purse: Purse::Ada, owner: "me", why: "own" },
            ),
            ask(
                "Its result",
                "Half of the shots are 00 and half are 11: a Bell pair.",
                Method::GET,
                format!("/ionq/v0.4/jobs/{done}/results/probabilities"),
                Expected::Answer("\"3\":0.5"),
            ),
            submit(
                "The organization's token",
                "grace has no key. That of her project, acme.optics, pays: why=organization.",
                "ionq",
                grace,
                Expected::Paid { purse: Purse::Optics, owner: "acme.optics", why: "organization" },
            ),
            submit(
                "A named context",
                "ada names the purse in the URL, and acme pays instead of her: why=named.",
                "ionq@acme",
                ada,
                Expected::Paid { purse: Purse::Acme, owner: "acme", why: "named" },
            ),
            ask(
                "Cancelled",
                "A job that waits for a device is taken back.",
                Method::PUT,
                format!("/ionq/v0.4/jobs/{queued}/status/cancel"),
                Expected::Answer("\"canceled\""),
            ),
            submit(
                "Refused: nothing to pay with",
                "grace names her own purse, which is empty. No other one takes its place.",
                "ionq@me",
                grace,
                Expected::Refused(StatusCode::FORBIDDEN, "no-credential"),
            ),
            submit(
                "Refused: not a token",
                "Nobody has this token. The provider never hears of it.",
                "ionq",
                UNKNOWN_TOKEN,
                Expected::Refused(StatusCode::UNAUTHORIZED, "unknown-token"),
            ),
        ])
    }

    fn past_bellhop(&self) -> Step {
        Step {
            title: "Refused: past Bellhop",
            shows: "ada's token says nothing to the provider itself: she never held a key.",
            method: Method::POST,
            at: self.standin.address(),
            path: "/v0.4/jobs".into(),
            token: self.tokens.ada.expose().to_owned(),
            body: Some(CIRCUIT.to_owned()),
            expected: Expected::RefusedByProvider(StatusCode::UNAUTHORIZED),
        }
    }

    async fn job(&self, circuit: String) -> Result<String, Failure> {
        let submit = Step {
            title: "",
            shows: "",
            method: Method::POST,
            at: self.proxy,
            path: "/ionq/v0.4/jobs".into(),
            token: self.tokens.ada.expose().to_owned(),
            body: Some(circuit),
            expected: Expected::Answer("id"),
        };
        let seen = submit.take().await?;
        seen.job().ok_or_else(|| Failure::failed(format!("a job could not be submitted: {}", self.told(&seen))))
    }

    fn problem(&self, expected: &Expected, seen: &Seen) -> Option<String> {
        let header = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (right, told) = match *expected {
            Expected::Paid { purse, owner, why } => {
                let paid = seen.job().and_then(|job| self.standin.payer(&job)) == Some(purse);
                let receipt = header("bellhop-credential");
                let receipted =
                    receipt.contains(&format!("owner=\"{owner}\"")) && receipt.ends_with(&format!("why={why}"));
                (
                    seen.status == StatusCode::CREATED && paid && receipted,
                    format!("201, paid with {}, and a receipt with owner=\"{owner}\" and why={why}", purse.name()),
                )
            }
            Expected::Answer(part) => {
                (seen.status == StatusCode::OK && seen.body.contains(part), format!("200 and {part}"))
            }
            Expected::Refused(status, code) => {
                (seen.status == status && header("bellhop-refusal") == code, format!("{status} and the refusal {code}"))
            }
            Expected::RefusedByProvider(status) => {
                (seen.status == status && header("bellhop-refusal").is_empty(), format!("{status} from the provider"))
            }
        };
        (!right).then(|| format!("expected {told}"))
    }

    fn told(&self, seen: &Seen) -> String {
        let mut told = vec![seen.status.to_string()];
        match seen.job().and_then(|job| self.standin.payer(&job)) {
            Some(payer) => told.push(format!("paid with {}", payer.name())),
            None => told.push(shown(&seen.body.chars().take(120).collect::<String>())),
        }
        for name in ["bellhop-credential", "bellhop-refusal"] {
            if let Some(value) = seen.headers.get(name).and_then(|value| value.to_str().ok()) {
                told.push(format!("{name}: {value}"));
            }
        }
        told.join("; ")
    }

    fn python(&self) -> String {
        let (proxy, token) = (self.proxy, self.tokens.ada.expose());
        format!(
            r#"python3 - <<'END'
import json, urllib.request as u
def call(path, data=None): return json.load(u.urlopen(u.Request("http://{proxy}/ionq/v0.4/" + path, data, {{"Authorization": "apiKey {token}", "Content-Type": "application/json"}})))
circuit = {{"gateset": "qis", "qubits": 2, "circuit": [{{"gate": "h", "target": 0}}, {{"gate": "cnot", "control": 0, "target": 1}}]}}
job = call("jobs", json.dumps({{"type": "ionq.circuit.v1", "backend": "simulator", "shots": 100, "input": circuit}}).encode())
while call("jobs/" + job["id"])["status"] != "completed": pass
print(call("jobs/" + job["id"] + "/results/probabilities"))
END"#
        )
    }
}

impl Step {
    /// A line for a shell. Tokens and circuits have no quotes of the kind that is around them.
    fn curl(&self) -> String {
        let method = if self.method == Method::POST || self.method == Method::GET {
            String::new()
        } else {
            format!("-X {} ", self.method)
        };
        let body = self.body.as_ref().map(|body| format!(" -H 'Content-Type: application/json' -d '{body}'"));
        format!(
            "curl -si -w '\\n' {method}http://{}{} -H 'Authorization: apiKey {}'{}",
            self.at,
            self.path,
            self.token,
            body.unwrap_or_default()
        )
    }

    async fn take(&self) -> Result<Seen, Failure> {
        let seen = self.exchange().await;
        seen.map_err(|error| Failure::failed(format!("{} {} at {}: {error}", self.method, self.path, self.at)))
    }

    async fn exchange(&self) -> Result<Seen, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.at).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(&self.method)
            .uri(&self.path)
            .header(header::HOST, self.at.to_string())
            .header(header::AUTHORIZATION, format!("apiKey {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(self.body.clone().unwrap_or_default())))?;
        // The sender goes with the exchange: as long as it lives, the connection does.
        let exchange = async move {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Seen { status: head.status, headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() })
        };
        let (seen, _) = tokio::join!(exchange, connection);
        seen
    }
}

impl Seen {
    /// The id of the job that this answer is about, where it is one.
    fn job(&self) -> Option<String> {
        let answer: Value = serde_json::from_str(&self.body).ok()?;
        Some(answer.get("id")?.as_str()?.to_owned())
    }
}

/// curl and Python send everything there, even what is for this machine.
fn is_behind_a_proxy() -> bool {
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].iter().any(|name| std::env::var_os(name).is_some())
}

/// As it was started, so that the line works where it is pasted.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "bellhop".into(), |path| path.display().to_string())
}
