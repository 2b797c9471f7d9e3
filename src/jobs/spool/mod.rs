//! What happened at providers while the store could not be told: a file that is synced before anybody is answered.
//! Owns one file in `data_dir/spool`, locked for as long as its process lives, and what stands in it until the store has it.
//! Never holds a secret: ids, amounts, states. A line that is cut or damaged was never acknowledged, and ends the reading.

mod line;

use crate::{
    id::ProcessId,
    job::{Record, ThingKey, entry::Entry},
};
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
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
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    file: File,
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
        let file = OpenOptions::new().create_new(true).append(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        let inner = Inner { file, entries: Vec::new(), records: HashMap::new() };
        Ok(Self { holds: AtomicBool::new(false), inner: Arc::new(Mutex::new(inner)), path })
    }

    /// Durable when this returns.
    pub async fn append(&self, entries: Vec<(Entry, Vec<Record>)>) -> io::Result<()> {
        let inner = Arc::clone(&self.inner);
        let appended = tokio::task::spawn_blocking(move || lock(&inner).append(entries)).await;
        let appended = appended.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        if let Err(error) = &appended {
            tracing::error!(path = %self.path.display(), %error, "the spool cannot be written");
        }
        self.holds.store(true, Ordering::Release);
        appended
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
        if inner.entries.is_empty() {
            inner.records.clear();
            inner.file.set_len(0)?;
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

impl Inner {
    fn append(&mut self, entries: Vec<(Entry, Vec<Record>)>) -> io::Result<()> {
        let text: Vec<u8> = entries.iter().filter_map(|(entry, _)| line::write(entry)).flatten().collect();
        self.file.write_all(&text)?;
        self.file.sync_data()?;
        for (entry, records) in entries {
            for record in records {
                self.records.entry(record.key).or_default().push(record);
            }
            self.entries.push(entry);
        }
        Ok(())
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
        let file = match File::open(&path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let entries = line::read_all(&fs::read(&path).map_err(failed)?);
        Ok(Some(Self { process, entries, path, _file: file }))
    }

    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
