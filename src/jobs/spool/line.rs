//! One entry of the spool as a line: the CRC-32 of its JSON in hexadecimal, a space, and the JSON.
//! Owns nothing.
//! Never reads a line as anything but what was written: what is cut or damaged is no line.

use crate::{
    clock::Timestamp,
    job::{
        Figures, Made, Thing, ThingKey,
        entry::{Binding, Entry, Note},
    },
};
use serde::{Deserialize, Serialize};

/// An entry as it is written down. Ids and states are their texts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Written {
    Bind { submission: String, at: i64, provider: Box<str>, made: Vec<WrittenMade> },
    End { submission: String, at: i64, state: String },
    Note { id: String, at: i64, user: String, action: String, subject: Box<str>, detail: Box<str> },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMade {
    kind: Box<str>,
    id: Box<str>,
    parent: Option<[u8; 32]>,
    status: Option<Box<str>>,
    ended: Option<String>,
    target: Option<Box<str>>,
    shots: Option<u64>,
    qpu_us: Option<u64>,
    micros: Option<u64>,
}

/// The line of an entry, if it is one that is kept in the spool: what happened, and not what was only intended or observed.
pub fn write(entry: &Entry) -> Option<Vec<u8>> {
    let written = match entry {
        Entry::Bind(binding) => Written::Bind {
            submission: binding.submission.to_string(),
            at: binding.at.millis(),
            provider: binding.provider.clone(),
            made: binding.made.iter().map(write_made).collect(),
        },
        Entry::End { submission, state, at } => {
            Written::End { submission: submission.to_string(), at: at.millis(), state: state.to_string() }
        }
        Entry::Note(Note { id, at, user, action, subject, detail }) => Written::Note {
            id: id.to_string(),
            at: at.millis(),
            user: user.to_string(),
            action: action.to_string(),
            subject: subject.clone(),
            detail: detail.clone(),
        },
        Entry::Intend(_) | Entry::Observe(_) => return None,
    };
    let json = serde_json::to_vec(&written).ok()?;
    let mut line = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
    line.extend(json);
    line.push(b'\n');
    Some(line)
}

/// The sound lines from the beginning.
pub fn read_all(bytes: &[u8]) -> Vec<Entry> {
    let lines = bytes.split_inclusive(|b| *b == b'\n').map_while(|line| line.strip_suffix(b"\n"));
    lines.map_while(read).collect()
}

fn read(line: &[u8]) -> Option<Entry> {
    let (sum, json) = line.split_at_checked(9)?;
    // Compared as it was written: a digit in the other case is damage, too.
    if sum != format!("{:08x} ", crc32fast::hash(json)).as_bytes() {
        return None;
    }
    match serde_json::from_slice(json).ok()? {
        Written::Bind { submission, at, provider, made } => Some(Entry::Bind(Binding {
            submission: submission.parse().ok()?,
            at: Timestamp::from_millis(at),
            provider,
            made: made.into_iter().map(read_made).collect::<Option<_>>()?,
        })),
        Written::End { submission, at, state } => Some(Entry::End {
            submission: submission.parse().ok()?,
            state: state.parse().ok()?,
            at: Timestamp::from_millis(at),
        }),
        Written::Note { id, at, user, action, subject, detail } => Some(Entry::Note(Note {
            id: id.parse().ok()?,
            at: Timestamp::from_millis(at),
            user: user.parse().ok()?,
            action: action.into(),
            subject,
            detail,
        })),
    }
}

fn write_made(made: &Made) -> WrittenMade {
    let Made { thing, parent, figures } = made.clone();
    let Figures { status, ended, target, shots, qpu_us, micros } = figures;
    let (parent, ended) = (parent.map(|key| *key.as_bytes()), ended.map(|ended| ended.to_string()));
    WrittenMade { kind: thing.kind, id: thing.id, parent, status, ended, target, shots, qpu_us, micros }
}

fn read_made(made: WrittenMade) -> Option<Made> {
    let WrittenMade { kind, id, parent, status, ended, target, shots, qpu_us, micros } = made;
    let ended = ended.map(|ended| ended.parse().ok()).map_or(Some(None), |ended| ended.map(Some))?;
    let figures = Figures { status, ended, target, shots, qpu_us, micros };
    Some(Made { thing: Thing { kind, id }, parent: parent.map(ThingKey::from_bytes), figures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{NoteId, SubmissionId, UserId},
        job::{Ended, State},
    };
    use proptest::prelude::*;

    fn bind(id: &str) -> Entry {
        let thing = Thing { kind: "job".into(), id: id.into() };
        let figures = Figures { ended: Some(Ended::Failed), shots: Some(7), ..Figures::default() };
        let parent = Some(ThingKey::new("ionq", &thing));
        Entry::Bind(Binding {
            submission: SubmissionId::new(),
            at: Timestamp::from_millis(1_234_567),
            provider: "ionq".into(),
            made: [Made { thing, parent, figures }].into(),
        })
    }

    fn end() -> Entry {
        Entry::End { submission: SubmissionId::new(), state: State::Unknown, at: Timestamp::from_millis(-1) }
    }

    fn note(subject: &str) -> Entry {
        Entry::Note(Note {
            id: NoteId::new(),
            at: Timestamp::from_millis(7),
            user: UserId::new(),
            action: "job.cancelled".into(),
            subject: subject.into(),
            detail: "cancel-job".into(),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(id in "\\PC{1,40}") {
            let entries = [bind(&id), end(), note(&id)];
            let text: Vec<u8> = entries.iter().flat_map(|entry| write(entry).unwrap()).collect();
            prop_assert_eq!(read_all(&text), entries);
        }

        #[test]
        fn a_line_that_is_cut_or_damaged_ends_the_reading(at in 0..400_usize, bit in 0..8_u8) {
            let entries = [bind("a/ü"), end()];
            let text: Vec<u8> = entries.iter().flat_map(|entry| write(entry).unwrap()).collect();
            let at = at % text.len();
            let first = write(&entries[0]).unwrap().len();
            let sound = usize::from(at >= first);
            prop_assert_eq!(read_all(&text[..at]), &entries[..sound]);
            let mut damaged = text;
            damaged[at] ^= 1 << bit;
            prop_assert_eq!(&read_all(&damaged)[..sound], &entries[..sound]);
            prop_assert!(read_all(&damaged).len() <= 1);
        }

        #[test]
        fn bytes_from_outside_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_all(&bytes);
        }
    }
}
