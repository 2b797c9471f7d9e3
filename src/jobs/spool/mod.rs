//! What happened at providers while the store could not be told, and what the audit trail is to have of it: a file that
//! is synced before anybody is answered.
//! Owns one file in `data_dir/spool`, locked for as long as its process lives, and what stands in it until the store has it.
//! Never holds a secret: ids, amounts, states, names of operations. A line that is cut or damaged was never acknowledged, and ends the reading.

mod line;

use crate::{
    id::ProcessId,
    job::{Record, ThingKey, entry::Entry},
};
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

#[derive(Debug, thiserror::Error)]
#[error("the spool {path} cannot be used: {error}")]
pub struct SpoolError {
    path: PathBuf,
    error: io::Error,
}

pub struct Spool {
    path: PathBuf,
    /// Looked at before the lock: a spool is empty nearly always.
    holds: AtomicBool,
    size: Arc<Size>,
    inner: Arc<Mutex<Inner>>,
}

/// Told without waiting for whoever writes to a disk that is slow.
#[derive(Default)]
struct Size {
    entries: AtomicU64,
    bytes: AtomicU64,
}

struct Inner {
    size: Arc<Size>,
    file: File,
    /// Of what was acknowledged.
    length: u64,
    /// More than that may stand in the file, and would end the reading before what comes after it.
    torn: bool,
    entries: Vec<Entry>,
    records: HashMap<ThingKey, Vec<Record>>,
}

/// A file that a process left which is no longer there.
pub struct Leftover {
    pub process: ProcessId,
    pub entries: Vec<Entry>,
    path: PathBuf,
    /// Locked until it is removed, so that nobody else takes it over.
    _file: File,
}

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("spool")
}

impl Spool {
    pub fn open(data_dir: &Path, process: ProcessId) -> Result<Self, SpoolError> {
        let path = folder(data_dir).join(process.to_string());
        let failed = |error| SpoolError { path: path.clone(), error };
        fs::create_dir_all(folder(data_dir)).map_err(failed)?;
        let file = create(&path).map_err(failed)?;
        // A file that is synced is still lost if its name is not.
        File::open(folder(data_dir)).and_then(|folder| folder.sync_all()).map_err(failed)?;
        let inner = Inner::new(file);
        Ok(Self {
            holds: AtomicBool::new(false),
            size: Arc::clone(&inner.size),
            inner: Arc::new(Mutex::new(inner)),
            path,
        })
    }

    /// Durable when this returns.
    pub async fn append(&self, entries: Vec<(Entry, Vec<Record>)>) -> io::Result<()> {
        let inner = Arc::clone(&self.inner);
        let appended = tokio::task::spawn_blocking(move || lock(&inner).append(entries)).await;
        let appended = appended.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        if let Err(error) = &appended {
            tracing::error!(event = "spool.not_written", path = %self.path.display(), %error, "the spool cannot be written");
        }
        self.holds.store(true, Ordering::Release);
        appended
    }

    /// Entries, and bytes.
    pub fn size(&self) -> (u64, u64) {
        (self.size.entries.load(Ordering::Relaxed), self.size.bytes.load(Ordering::Relaxed))
    }

    /// What stands in the spool under this key.
    pub fn records(&self, key: &ThingKey) -> Vec<Record> {
        if !self.holds.load(Ordering::Acquire) {
            return Vec::new();
        }
        lock(&self.inner).records.get(key).cloned().unwrap_or_default()
    }

    /// The oldest entries, to be given to the store.
    pub fn oldest(&self, most: usize) -> Vec<Entry> {
        if !self.holds.load(Ordering::Acquire) {
            return Vec::new();
        }
        let inner = lock(&self.inner);
        inner.entries[..most.min(inner.entries.len())].to_vec()
    }

    /// The store has the oldest so many.
    pub fn forget(&self, count: usize) -> io::Result<()> {
        let mut inner = lock(&self.inner);
        inner.entries.drain(..count);
        inner.measure();
        if inner.entries.is_empty() {
            inner.records.clear();
            inner.cut(0)?;
            self.holds.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// The process ends in order, and everything is in the store.
    pub fn remove_if_empty(&self) {
        if lock(&self.inner).entries.is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What stands in the files of all processes of this machine, also of those that run: a look, which takes nothing over.
pub fn standing(data_dir: &Path) -> Result<Vec<Entry>, SpoolError> {
    let folder = folder(data_dir);
    let failed = |error| SpoolError { path: folder.clone(), error };
    let files = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files.map_err(failed)?,
    };
    let mut entries = Vec::new();
    for file in files {
        match fs::read(file.map_err(failed)?.path()) {
            Ok(text) => entries.extend(line::read_all(&text)),
            // The store has it by now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(entries)
}

/// Between its making and its locking another process may take it for a leftover: then it is made anew.
fn create(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().create_new(true).append(true).open(path)?;
        file.lock()?;
        if path.try_exists()? {
            return Ok(file);
        }
    }
}

impl Inner {
    fn new(file: File) -> Self {
        Self { size: Arc::default(), file, length: 0, torn: false, entries: Vec::new(), records: HashMap::new() }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.torn = true;
        self.file.set_len(length)?;
        (self.length, self.torn) = (length, false);
        self.measure();
        Ok(())
    }

    fn append(&mut self, entries: Vec<(Entry, Vec<Record>)>) -> io::Result<()> {
        let text: Vec<u8> = entries.iter().filter_map(|(entry, _)| line::write(entry)).flatten().collect();
        if self.torn {
            self.cut(self.length)?;
        }
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            // What cannot be cut off now is before the next entry.
            let _ = self.cut(self.length);
            return Err(error);
        }
        self.length += text.len() as u64;
        for (entry, records) in entries {
            for record in records {
                self.records.entry(record.key).or_default().push(record);
            }
            self.entries.push(entry);
        }
        self.measure();
        Ok(())
    }

    fn measure(&self) {
        self.size.entries.store(self.entries.len() as u64, Ordering::Relaxed);
        self.size.bytes.store(self.length, Ordering::Relaxed);
    }
}

impl Leftover {
    /// The files of processes of this machine that are no longer there.
    pub fn all(data_dir: &Path) -> Result<Vec<Self>, SpoolError> {
        let folder = folder(data_dir);
        let failed = |error| SpoolError { path: folder.clone(), error };
        let mut found = Vec::new();
        for file in fs::read_dir(&folder).map_err(failed)? {
            let path = file.map_err(failed)?.path();
            found.extend(Self::take(path)?);
        }
        Ok(found)
    }

    fn take(path: PathBuf) -> Result<Option<Self>, SpoolError> {
        let Some(process) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { return Ok(None) };
        let failed = |error| SpoolError { path: path.clone(), error };
        let mut file = match File::open(&path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let entries = line::read_all(&text);
        Ok(Some(Self { process, entries, path, _file: file }))
    }

    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Timestamp, id::SubmissionId, job::State};

    fn end() -> Entry {
        Entry::End { submission: SubmissionId::new(), state: State::Unknown, at: Timestamp::from_millis(1) }
    }

    fn open(data_dir: &Path) -> Spool {
        Spool::open(data_dir, ProcessId::new()).unwrap()
    }

    async fn append(spool: &Spool, entry: &Entry) -> io::Result<()> {
        spool.append(vec![(entry.clone(), Vec::new())]).await
    }

    fn in_file(spool: &Spool) -> Vec<Entry> {
        line::read_all(&fs::read(&spool.path).unwrap())
    }

    #[tokio::test]
    async fn what_a_failed_append_left_behind_is_cut_before_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, first, second) = (open(folder.path()), end(), end());
        append(&spool, &first).await.unwrap();
        let mut writable = std::mem::replace(&mut lock(&spool.inner).file, File::open(&spool.path).unwrap());

        append(&spool, &end()).await.unwrap_err();
        assert!(lock(&spool.inner).torn, "it could not be cut either");
        writable.write_all(b"0badc0de {\"End\":{\"subm").unwrap();
        lock(&spool.inner).file = writable;
        append(&spool, &second).await.unwrap();

        assert!(!lock(&spool.inner).torn);
        assert_eq!(in_file(&spool), [first.clone(), second.clone()]);
        assert_eq!(spool.oldest(9), [first, second]);
    }

    #[tokio::test]
    async fn what_the_store_has_is_forgotten_and_the_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, entries) = (open(folder.path()), [end(), end(), end()]);
        for entry in &entries[..2] {
            append(&spool, entry).await.unwrap();
        }
        spool.forget(1).unwrap();
        assert_eq!(spool.oldest(9), entries[1..2]);
        assert_eq!(in_file(&spool), entries[..2], "until all of it can go");
        spool.forget(1).unwrap();
        append(&spool, &entries[2]).await.unwrap();
        assert_eq!((spool.oldest(9), in_file(&spool)), (entries[2..].to_vec(), entries[2..].to_vec()));
    }

    #[tokio::test]
    async fn a_spool_is_a_leftover_once_its_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, entry) = (open(folder.path()), end());
        append(&spool, &entry).await.unwrap();
        assert!(Leftover::all(folder.path()).unwrap().is_empty());
        drop(spool);
        let left = Leftover::all(folder.path()).unwrap().pop().unwrap();
        assert_eq!(left.entries, [entry]);
        assert!(Leftover::all(folder.path()).unwrap().is_empty(), "one takes it over");
        left.remove();
        assert_eq!(fs::read_dir(super::folder(folder.path())).unwrap().count(), 0);
    }
}
