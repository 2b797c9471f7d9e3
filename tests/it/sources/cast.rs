//! A provider whose keys the story can replace, credentials that are read from a source, and clients that never stop.

use crate::support::{
    Answer, Ask, Bellhop, CATALOGUE, Pat, Reply, Site, Upstream, provider_line::Arrived, upstream::job,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tokio::{sync::oneshot, task::JoinHandle};

pub const FIRST: &str = "fake-first-live-key-canary";
pub const SECOND: &str = "fake-second-live-key-canary";

/// The keys that a stand-in accepts now.
#[derive(Clone)]
pub struct Keys(Arc<Mutex<Vec<String>>>);

impl Keys {
    pub fn only(keys: &[&str]) -> Self {
        let these = Self(Arc::default());
        these.become_only(keys);
        these
    }

    pub fn become_only(&self, keys: &[&str]) {
        *self.0.lock().unwrap() = keys.iter().map(ToString::to_string).collect();
    }

    pub fn has(&self, key: Option<&str>) -> bool {
        key.is_some_and(|key| self.0.lock().unwrap().iter().any(|known| known == key))
    }

    /// IonQ, as far as its keys go.
    pub async fn ionq(&self) -> Upstream {
        let keys = self.clone();
        Upstream::answering(move |request| {
            let key = request.header("authorization").and_then(|value| value.strip_prefix("apiKey "));
            if keys.has(key) { job() } else { refused() }
        })
        .await
    }
}

pub fn refused() -> Reply {
    Reply::json(401, &json!({ "error": "Unauthorized", "message": "no such key" }))
}

/// A credential for IonQ that is read from this source.
pub fn live(source: &Value) -> Value {
    json!({ "provider": "ionq", "label": "live", "source": source })
}

/// The file of the key, as something else than Bellhop looks after it.
pub fn key_file(site: &Site, key: impl AsRef<[u8]>) -> PathBuf {
    let new = site.write("run/key.new", key);
    let path = site.path("run/key");
    fs::rename(new, &path).unwrap();
    path
}

/// Ada pays with what is in a file.
pub async fn ada_reads_a_file(ionq: &Upstream, options: &Value) -> (Bellhop, Pat) {
    let mut site = Site::facing(ionq);
    let path = key_file(&site, format!("{FIRST}\n"));
    let mut source = json!({ "file": { "api_key": path } });
    source.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let ada = site.user("ada").credential(&live(&source)).pat();
    (site.serve().await, ada)
}

/// Somebody who polls without a pause until told to stop.
pub struct Poller {
    stop: oneshot::Sender<()>,
    answers: JoinHandle<Vec<Answer>>,
}

impl Poller {
    pub async fn start(bellhop: &Bellhop, ask: Ask) -> Self {
        let mut line = bellhop.connect().await;
        let (stop, mut stopped) = oneshot::channel();
        let answers = tokio::spawn(async move {
            let mut answers = Vec::new();
            while stopped.try_recv().is_err() {
                answers.push(line.ask(&ask).await);
            }
            answers
        });
        Self { stop, answers }
    }

    /// Every one of its polls was answered by the provider.
    pub async fn assert_never_failed(self) {
        self.stop.send(()).unwrap();
        let answers = self.answers.await.unwrap();
        assert!(answers.len() > 1);
        for answer in answers {
            answer.assert_relayed();
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
}

pub fn poll(pat: &Pat) -> Ask {
    Ask::get(CATALOGUE).pat(pat)
}

/// How the processes that run find the source of Ada's credential.
pub async fn shown(bellhop: &Bellhop, which: &str) -> Value {
    bellhop.run(&["credential", "show", which, "--user", "ada", "--json"]).await.assert_code(0).json()
}

pub fn keys_sent(requests: &[Arrived], method: &str) -> Vec<String> {
    requests.iter().filter(|request| request.method == method).map(|request| request.key().to_owned()).collect()
}
