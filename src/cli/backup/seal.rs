//! The last line of a backup: what it is, and a mark over every byte before it that only this store's keys make.
//! Owns nothing. SQLite reads the file as it is and sees nothing of the line, which stands behind its last page.
//! Never believed before the mark was compared: whoever can edit the file can edit the line.

use super::{Checked, Failure, failed};
use crate::{
    clock::{Clock, Timestamp},
    store::{SCHEMA, Signer},
};
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Of this line.
    bellhop_backup: u32,
    pub made: Timestamp,
    /// Of the Bellhop that made it.
    pub version: String,
    pub schema: i64,
    /// The number of the last entry of the audit trail.
    pub audit: i64,
    /// Of what stands before the line, in bytes.
    pub size: u64,
    pub sha256: String,
    mac: String,
}

const FORMAT: u32 = 1;
/// No line is longer.
const LONGEST: u64 = 4096;

impl Seal {
    /// The line at the end of these bytes, which are the file's last or all of it.
    fn parse(tail: &[u8]) -> Option<(Self, u64)> {
        let text = tail.strip_suffix(b"\n")?;
        let begin = text.iter().rposition(|byte| *byte == b'\n')?;
        let seal: Self = serde_json::from_slice(&text[begin + 1..]).ok()?;
        let length = (tail.len() - begin) as u64;
        (seal.bellhop_backup == FORMAT).then_some((seal, length))
    }

    /// What a file says of itself.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        let no_backup = || {
            Failure::failed(format!(
                "{} is no backup that `bellhop backup` has made, or was cut off: nothing was changed",
                path.display()
            ))
        };
        let read = || -> std::io::Result<(u64, Vec<u8>)> {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))?;
            let mut tail = Vec::new();
            file.take(LONGEST).read_to_end(&mut tail)?;
            Ok((length, tail))
        };
        let (length, tail) = read().map_err(|error| failed(path, &error))?;
        let (seal, line) = Self::parse(&tail).ok_or_else(no_backup)?;
        if seal.size.checked_add(line) == Some(length) { Ok(seal) } else { Err(no_backup()) }
    }

    /// Whether the line bears the mark of whoever has this key.
    pub fn is_signed_by(&self, signer: &dyn Signer) -> bool {
        signer.mac(&self.signed()) == self.mac
    }

    /// Each with its length, and first what no link of the audit trail and no checkpoint begins with.
    fn signed(&self) -> Vec<u8> {
        let (made, schema, audit, size) =
            (self.made.to_string(), self.schema.to_string(), self.audit.to_string(), self.size.to_string());
        let mut bytes = Vec::with_capacity(256);
        for field in ["bellhop backup", &made, &self.version, &schema, &audit, &size, &self.sha256] {
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field.as_bytes());
        }
        bytes
    }
}

/// Adds the line, syncs, and reads all of the file again.
pub async fn close(path: &Path, checked: &Checked) -> Result<Seal, Failure> {
    let (path, audit, signer) = (path.to_owned(), checked.audit, std::sync::Arc::clone(&checked.signer));
    blocking(move || {
        let (size, sha256) = digest(&path)?;
        let made = Timestamp::from_millis(Clock::system().now().seconds() * 1000);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let mut seal =
            Seal { bellhop_backup: FORMAT, made, version, schema: SCHEMA, audit, size, sha256, mac: String::new() };
        seal.mac = signer.mac(&seal.signed());
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().append(true).open(&path)?;
            writeln!(file, "\n{}", serde_json::to_string(&seal)?)?;
            file.sync_all()
        };
        write().map_err(|error| failed(&path, &error))?;
        let read = Seal::of(&path)?;
        let (_, again) = copy(&path, read.size, &mut std::io::sink()).map_err(|error| failed(&path, &error))?;
        if read == seal && again == seal.sha256 {
            Ok(seal)
        } else {
            Err(Failure::failed(format!("{}: what was written is not what is read", path.display())))
        }
    })
    .await
}

/// Copies what stands before the line, and refuses it if it is not what the line says.
pub async fn open(from: PathBuf, seal: Seal, mut to: File) -> Result<(), Failure> {
    blocking(move || {
        let copied = copy(&from, seal.size, &mut to).and_then(|copied| to.sync_all().map(|()| copied));
        let (_, sha256) = copied.map_err(|error| failed(&from, &error))?;
        if sha256 == seal.sha256 {
            return Ok(());
        }
        Err(Failure::failed(format!("{} was edited or damaged since it was made: nothing was changed", from.display())))
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::failed(error.to_string())))
}

fn digest(path: &Path) -> Result<(u64, String), Failure> {
    let length = std::fs::metadata(path).map_err(|error| failed(path, &error))?.len();
    copy(path, length, &mut std::io::sink()).map_err(|error| failed(path, &error))
}

/// The first so many bytes; how many there were, and their digest.
fn copy(from: &Path, length: u64, to: &mut impl Write) -> std::io::Result<(u64, String)> {
    let mut from = File::open(from)?.take(length);
    let (mut context, mut buffer, mut copied) = (Context::new(&SHA256), vec![0; 256 * 1024], 0);
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        copied += read as u64;
    }
    let mut hex = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok((copied, hex))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal() -> Seal {
        let (made, version, sha256) = (Timestamp::from_millis(1_793_000_000_000), "1.2.3".into(), "ab".repeat(32));
        Seal { bellhop_backup: FORMAT, made, version, schema: 15, audit: 7, size: 4096, sha256, mac: "cd".repeat(32) }
    }

    fn line() -> Vec<u8> {
        format!("\n{}\n", serde_json::to_string(&seal()).unwrap()).into_bytes()
    }

    proptest! {
        #[test]
        fn whatever_stands_before_the_line_it_is_found_and_measured(before in prop::collection::vec(any::<u8>(), 0..600)) {
            let bytes = [before, line()].concat();
            prop_assert_eq!(Seal::parse(&bytes), Some((seal(), line().len() as u64)));
        }

        #[test]
        fn nothing_else_is_taken_for_one(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert_eq!(Seal::parse(&bytes), None);
        }

        #[test]
        fn a_line_that_is_cut_is_none(kept in 0..line().len()) {
            prop_assert_eq!(Seal::parse(&line()[..kept]), None);
        }
    }

    #[test]
    fn each_field_is_under_the_mark() {
        let edits: [fn(&mut Seal); 6] = [
            |seal| seal.made = Timestamp::from_millis(0),
            |seal| seal.version.push('0'),
            |seal| seal.schema += 1,
            |seal| seal.audit += 1,
            |seal| seal.size += 1,
            |seal| seal.sha256.push('0'),
        ];
        for edit in edits {
            let mut edited = seal();
            edit(&mut edited);
            assert_ne!(edited.signed(), seal().signed());
        }
    }
}
