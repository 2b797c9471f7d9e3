//! One connection of a caller's, with nothing between the story and its bytes.

use super::{
    Answer, Ask,
    intake::{Intake, Io, Seen},
    soon::PATIENCE,
    within,
};
use std::{io, net::SocketAddr};
use tokio::net::TcpStream;

pub struct Line {
    intake: Intake,
    /// What goes into `Host`.
    pub host: String,
}

impl Line {
    pub async fn open(address: SocketAddr, seen: Seen) -> Self {
        let stream = within(PATIENCE, "a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream, address.to_string(), seen)
    }

    pub fn over(stream: impl Io + 'static, host: String, seen: Seen) -> Self {
        Self { intake: Intake::new(Box::new(stream), seen), host }
    }

    /// Bulk is not kept for the search at the end.
    pub fn without_record(self) -> Self {
        Self { intake: self.intake.without_record(), ..self }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).await.expect("the connection takes bytes");
        self
    }

    /// For when Bellhop may have closed the connection by now.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within(PATIENCE, "Bellhop to take bytes", self.intake.send(bytes.as_ref())).await
    }

    /// Sends a request and waits for its answer.
    pub async fn ask(&mut self, ask: &Ask) -> Answer {
        let bytes = ask.bytes(&self.host);
        self.send(bytes).await;
        self.answer_to(ask.method).await
    }

    pub async fn answer(&mut self) -> Answer {
        self.answer_to("GET").await
    }

    pub async fn answer_to(&mut self, method: &str) -> Answer {
        within(PATIENCE, "an answer", self.try_answer(method)).await.expect("an answer before the connection's end")
    }

    /// `None` when the connection ends before a head is there.
    pub async fn answer_or_end(&mut self) -> Option<Answer> {
        within(PATIENCE, "an answer or the end", self.try_answer("GET")).await
    }

    /// Only the head; `read_more` takes what follows.
    pub async fn head(&mut self) -> Answer {
        let mut interim = Vec::new();
        loop {
            let mut answer = within(PATIENCE, "a head", self.next_head()).await.expect("a head before the end");
            if (100..200).contains(&answer.status) && answer.status != 101 {
                interim.push(answer.status);
                continue;
            }
            answer.interim = interim;
            return answer;
        }
    }

    /// The status of a 1xx answer.
    pub async fn interim(&mut self) -> u16 {
        let answer = within(PATIENCE, "a 1xx answer", self.next_head()).await.expect("a head before the end");
        assert!((100..200).contains(&answer.status), "{}", answer.status);
        answer.status
    }

    async fn try_answer(&mut self, method: &str) -> Option<Answer> {
        let mut interim = Vec::new();
        let mut answer = loop {
            let answer = self.next_head().await?;
            if !(100..200).contains(&answer.status) || answer.status == 101 {
                break answer;
            }
            interim.push(answer.status);
        };
        answer.interim = interim;
        let empty = method == "HEAD" || matches!(answer.status, 101 | 204 | 304);
        let length = answer.header("content-length").map(|length| length.parse::<usize>().unwrap());
        answer.is_whole = if empty {
            true
        } else if answer.header("transfer-encoding") == Some("chunked") {
            self.intake.chunks(&mut answer.body, &mut Vec::new()).await
        } else if let Some(length) = length {
            self.intake.exactly(length, &mut answer.body).await
        } else {
            answer.body = self.intake.until_the_end().await;
            true
        };
        Some(answer)
    }

    async fn next_head(&mut self) -> Option<Answer> {
        self.intake.head().await.map(|head| parse_head(&head))
    }

    /// What has arrived and was not asked for yet; waits for at least one byte. Empty at the end.
    pub async fn read_more(&mut self) -> Vec<u8> {
        within(PATIENCE, "more bytes", self.intake.some()).await
    }

    /// Reads this many bytes and forgets them.
    pub async fn drain(&mut self, length: usize) {
        self.intake.drain(length).await;
    }

    /// Whether the connection ends, in order or not, without a word.
    pub async fn is_cut_off(&mut self) -> bool {
        within(PATIENCE, "the connection's end", self.intake.until_the_end()).await.is_empty()
    }

    /// Bellhop has nothing more to say, and ends the connection.
    pub async fn assert_closed(&mut self) {
        let rest = self.until_closed().await;
        assert!(rest.is_empty(), "before its end came {:?}", rest.escape_ascii().to_string());
    }

    /// The end of the connection, whatever comes before it.
    pub async fn until_closed(&mut self) -> Vec<u8> {
        within(PATIENCE, "the connection's end", self.intake.until_the_end()).await
    }
}

fn parse_head(head: &[u8]) -> Answer {
    let text: String = head.iter().map(|b| char::from(*b)).collect();
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    assert!(status_line.starts_with("HTTP/1."), "no answer: {:?}", head.escape_ascii().to_string());
    let status = status_line.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').expect("a field");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    });
    Answer { status, headers: headers.collect(), ..Answer::default() }
}
