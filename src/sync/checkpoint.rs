//! How far the audit trail had come at a time, signed: what shows that its end was cut off, once it is out of the store.
//! Owns the file `audit-checkpoints` in `data_dir`, to which one is added each minute in which something happened.
//! Never takes one back, and never lets the file grow without bound.
//!
//! Why outside of the store: who can write to the store can set back the trail's end with all that tells of it there.
//! They cannot sign, and a log that is collected elsewhere they cannot reach.

use crate::{
    clock::{Clock, Timestamp},
    store::{Signer, Store, StoreError},
    vault::Vault,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use utoipa::ToSchema;

/// How far the audit trail had come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AuditCheckpoint)]
pub struct Checkpoint {
    pub at: Timestamp,
    /// The number of the newest entry.
    pub seq: i64,
    /// Its link of the chain.
    pub mac: String,
    /// Of all that, with the key of the trail.
    pub signature: String,
}

const EVERY: Duration = Duration::from_secs(60);
/// About a month of minutes, and as much again in the file before.
const LARGEST: u64 = 8 * 1024 * 1024;

impl Checkpoint {
    pub fn new((seq, mac): (i64, String), at: Timestamp, signer: &dyn Signer) -> Self {
        // As it will be read again.
        let at = Timestamp::from_millis(at.seconds() * 1000);
        let mut checkpoint = Self { at, seq, mac, signature: String::new() };
        checkpoint.signature = signer.mac(&checkpoint.signed());
        checkpoint
    }

    pub fn is_signed_by(&self, signer: &dyn Signer) -> bool {
        signer.mac(&self.signed()) == self.signature
    }

    /// Each with its length, and first what no link of the chain begins with. The time as it is written: to the second.
    fn signed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(192);
        for field in ["audit checkpoint", &self.at.to_string(), &self.seq.to_string(), &self.mac] {
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field.as_bytes());
        }
        bytes
    }
}

/// The file, and the one before it.
#[derive(Clone)]
pub struct CheckpointFile(PathBuf);

impl CheckpointFile {
    pub fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("audit-checkpoints"))
    }

    /// Oldest first. A line that a crash or a full disk has torn is none.
    pub fn read(&self) -> io::Result<Vec<Checkpoint>> {
        let mut all = Vec::new();
        for path in [self.before(), self.0.clone()] {
            let text = match fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            all.extend(text.lines().filter_map(|line| serde_json::from_str::<Checkpoint>(line).ok()));
        }
        Ok(all)
    }

    /// With the store of which they tell, when another is put in its place.
    pub fn put_aside(&self, stamp: &str) -> io::Result<()> {
        for path in [self.before(), self.0.clone()] {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".replaced-{stamp}"));
            match fs::rename(&path, path.with_file_name(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn append(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let mut line = serde_json::to_vec(checkpoint)?;
        line.push(b'\n');
        let file = self.open()?;
        file.lock()?;
        // Of the path, not of what was opened: another process may just have put that aside.
        if fs::metadata(&self.0)?.len() > LARGEST {
            fs::rename(&self.0, self.before())?;
            return self.open()?.write_all(&line);
        }
        (&file).write_all(&line)
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)
    }

    fn before(&self) -> PathBuf {
        self.0.with_extension("before")
    }
}

/// Tells how far the trail has come, for as long as the process runs.
pub struct Checkpoints {
    store: Store,
    vault: Arc<Vault>,
    clock: Clock,
    file: CheckpointFile,
    /// The entry of the last one; 0 is none.
    last: AtomicI64,
}

impl Checkpoints {
    pub fn new(store: Store, vault: Arc<Vault>, clock: Clock, data_dir: &Path) -> Arc<Self> {
        Arc::new(Self { store, vault, clock, file: CheckpointFile::of(data_dir), last: AtomicI64::new(0) })
    }

    pub async fn keep(self: Arc<Self>) {
        loop {
            self.write().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// One more, if anything has happened since the last.
    pub async fn write(&self) {
        match self.next().await {
            Ok(Some(checkpoint)) => {
                self.last.store(checkpoint.seq, Ordering::Relaxed);
                let Checkpoint { at, seq, mac, signature } = &checkpoint;
                tracing::info!(event = "audit.checkpoint", %at, seq, mac, signature, "audit checkpoint");
                if let Err(error) = self.file.append(&checkpoint) {
                    tracing::error!(event = "audit.checkpoint_not_written", %error, "a checkpoint of the audit trail could not be added to its file");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "how far the audit trail has come could not be read"),
        }
    }

    async fn next(&self) -> Result<Option<Checkpoint>, StoreError> {
        let end = self.store.read().await?.audit_end().await?;
        // A trail that ends earlier than it did was cut off: nothing here bears that out.
        if end.0 <= self.last.load(Ordering::Relaxed) {
            return Ok(None);
        }
        Ok(Some(Checkpoint::new(end, self.clock.now(), &*self.vault.signer())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A stand-in: what counts is what is signed.
    struct Plain;

    impl Signer for Plain {
        fn mac(&self, link: &[u8]) -> String {
            String::from_utf8_lossy(link).escape_debug().collect()
        }
    }

    fn checkpoint(seq: i64) -> Checkpoint {
        Checkpoint::new((seq, "ab".into()), Timestamp::from_millis(1_798_761_600_123), &Plain)
    }

    #[test]
    fn a_checkpoint_is_what_was_signed_also_after_it_was_written_down() {
        let written = serde_json::to_string(&checkpoint(7)).unwrap();
        let read: Checkpoint = serde_json::from_str(&written).unwrap();
        assert!(read.is_signed_by(&Plain));
        assert!(!Checkpoint { seq: 8, ..read.clone() }.is_signed_by(&Plain));
        assert!(!Checkpoint { mac: "ac".into(), ..read.clone() }.is_signed_by(&Plain));
        assert!(!Checkpoint { at: Timestamp::from_millis(0), ..read }.is_signed_by(&Plain));
    }

    #[test]
    fn the_file_is_the_owners_alone_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckpointFile::of(folder.path());
        assert_eq!(file.read().unwrap(), []);

        file.append(&checkpoint(1)).unwrap();
        assert_eq!(fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file.0, vec![b'\n'; LARGEST as usize + 1]).unwrap();
        file.append(&checkpoint(2)).unwrap();
        fs::OpenOptions::new().append(true).open(&file.0).unwrap().write_all(b"{\"at\":").unwrap();

        assert!(fs::metadata(&file.0).unwrap().len() < 1000);
        assert_eq!(file.read().unwrap(), [checkpoint(2)]);
    }
}
