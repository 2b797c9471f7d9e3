//! The master key: a ring of versions in a file, or in an environment variable.
//! Owns the file; it is made once, grows by a version at each rotation, and is replaced as a whole.
//! Never prints a key, and never reads one from a file that others can read, but for root and a group of root's choice.

use super::{
    error::{Result, VaultError},
    seal::{KEY_LEN, KeyBytes, random_key},
};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Where the master key is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MasterSource {
    File(PathBuf),
    /// The name of a variable; its lines may be separated by commas.
    Environment(String),
}

/// Versions of the master key, from 1. The newest seals; the older ones open older backups.
#[derive(Debug)]
pub struct Keyring {
    keys: BTreeMap<i64, Master>,
    place: String,
}

struct Master(KeyBytes);

const PREFACE: &str = "\
# Bellhop's master key: everything in the store is sealed under it. Keep a copy apart from the store's backups;
# without it the credentials in the store are lost. Lines are VERSION:KEY, and the highest version is in use.
";

impl MasterSource {
    /// `None` if there is no key yet.
    pub fn read(&self) -> Result<Option<Keyring>> {
        let text = match self {
            Self::File(path) => self.read_file(path)?,
            Self::Environment(name) => std::env::var(name).ok().filter(|t| !t.is_empty()).map(Zeroizing::new),
        };
        text.map(|text| Keyring::parse(&text, &self.place())).transpose()
    }

    /// The ring that is there, or a new one of one version. Made as a whole and never over another:
    /// when two processes do it at once, both get the same one.
    pub fn read_or_create(&self) -> Result<Keyring> {
        if let Some(keyring) = self.read()? {
            return Ok(keyring);
        }
        let Self::File(path) = self else { return Err(VaultError::Missing(self.place())) };
        let keyring = Keyring::new(&self.place())?;
        match write_new(path, &keyring.to_text()) {
            Ok(()) => Ok(keyring),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.read_existing(),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    pub fn read_existing(&self) -> Result<Keyring> {
        self.read()?.ok_or_else(|| VaultError::Missing(self.place()))
    }

    /// Writes the ring with one more version, all or nothing.
    pub fn add_version(&self, keyring: &Keyring) -> Result<Keyring> {
        let Self::File(path) = self else { return Err(VaultError::CannotAdd(self.place())) };
        let mut grown = Keyring { keys: keyring.copied_keys(), place: self.place() };
        grown.keys.insert(keyring.newest() + 1, Master(random_key()?));
        write_over(path, &grown.to_text()).map_err(|error| self.unreadable(error))?;
        Ok(grown)
    }

    fn read_file(&self, path: &Path) -> Result<Option<Zeroizing<String>>> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unreadable(error)),
        };
        let mode = metadata.permissions().mode() & 0o777;
        if is_exposed(mode, metadata.uid(), rustix::process::geteuid().as_raw()) {
            return Err(VaultError::Exposed { path: path.into(), mode });
        }
        fs::read_to_string(path).map(|text| Some(Zeroizing::new(text))).map_err(|error| self.unreadable(error))
    }

    pub fn place(&self) -> String {
        match self {
            Self::File(path) => format!("file {}", path.display()),
            Self::Environment(name) => format!("variable {name}"),
        }
    }

    fn unreadable(&self, error: io::Error) -> VaultError {
        VaultError::Unreadable { place: self.place(), error }
    }
}

/// A file of ours is for us alone. One that root keeps for us may also be read by its group: so systemd hands out
/// credentials (by an ACL, whose mask stands where the group's mode would), and Kubernetes a pod's secrets.
const fn is_exposed(mode: u32, owner: u32, us: u32) -> bool {
    const ROOT: u32 = 0;
    let others = if owner == ROOT && us != ROOT { 0o037 } else { 0o077 };
    mode & others != 0
}

impl Keyring {
    fn new(place: &str) -> Result<Self> {
        Ok(Self { keys: BTreeMap::from([(1, Master(random_key()?))]), place: place.into() })
    }

    fn parse(text: &str, place: &str) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim_start().starts_with('#')) {
            let malformed = || VaultError::Malformed { place: place.into(), line: number };
            for entry in line.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
                let (version, key) = parse_entry(entry).ok_or_else(malformed)?;
                if keys.insert(version, key).is_some() {
                    return Err(malformed());
                }
            }
        }
        if keys.is_empty() {
            return Err(VaultError::Malformed { place: place.into(), line: 1 });
        }
        Ok(Self { keys, place: place.into() })
    }

    pub fn newest(&self) -> i64 {
        self.keys.last_key_value().map_or(0, |(version, _)| *version)
    }

    /// The newest version, and by which 64 bits of a digest it is told from another of the same number. The key is random:
    /// nothing can be learnt of it from them.
    pub fn mark(&self) -> String {
        let newest = self.newest();
        let bytes = self.keys.get(&newest).map(|master| master.0.clone()).unwrap_or_default();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref()), b"bellhop master key mark");
        let hex = tag.as_ref().iter().take(8).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        format!("{newest}:{hex}")
    }

    pub fn key(&self, version: i64) -> Result<&KeyBytes> {
        let missing = || VaultError::VersionMissing { place: self.place.clone(), version };
        self.keys.get(&version).map(|master| &master.0).ok_or_else(missing)
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    fn copied_keys(&self) -> BTreeMap<i64, Master> {
        self.keys.iter().map(|(version, master)| (*version, Master(master.0.clone()))).collect()
    }

    fn to_text(&self) -> Zeroizing<String> {
        // Room for all of it, so that no part is left behind where the text once was.
        let mut text = Zeroizing::new(String::with_capacity(PREFACE.len() + self.keys.len() * 96));
        text.push_str(PREFACE);
        for (version, master) in &self.keys {
            text.push_str(&version.to_string());
            text.push(':');
            STANDARD.encode_string(master.0.as_ref(), &mut text);
            text.push('\n');
        }
        text
    }
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Master(…)")
    }
}

fn parse_entry(entry: &str) -> Option<(i64, Master)> {
    let (version, key) = entry.split_once(':')?;
    let version = version.trim().parse().ok().filter(|version| *version > 0)?;
    let bytes = Zeroizing::new(STANDARD.decode(key.trim()).ok()?);
    let mut key = KeyBytes::default();
    (bytes.len() == KEY_LEN).then(|| key.copy_from_slice(&bytes))?;
    Some((version, Master(key)))
}

/// Fails if there is a file already. A reader sees all of it or none of it, also after a power failure.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let folder = folder_of(path);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = write_draft(path, text)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    sync_folder(folder)
}

fn write_over(path: &Path, text: &str) -> io::Result<()> {
    let draft = write_draft(path, text)?;
    fs::rename(&draft, path)?;
    sync_folder(folder_of(path))
}

fn write_draft(path: &Path, text: &str) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.draft", uuid::Uuid::now_v7().simple()));
    let draft = path.with_file_name(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(draft)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Without it a power failure may lose the name, though not the file.
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, MasterSource) {
        let folder = tempfile::tempdir().unwrap();
        let source = MasterSource::File(folder.path().join("new/master.key"));
        (folder, source)
    }

    #[test]
    fn a_new_ring_is_for_its_owner_only_and_stays_what_it_is() {
        let (folder, source) = file();
        assert!(source.read().unwrap().is_none());
        let made = source.read_or_create().unwrap();
        let again = source.read_or_create().unwrap();
        assert_eq!(made.key(1).unwrap(), again.key(1).unwrap());
        let path = folder.path().join("new/master.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no drafts are left");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (folder, source) = file();
        source.read_or_create().unwrap();
        let path = folder.path().join("new/master.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = source.read().unwrap_err();
        assert!(matches!(error, VaultError::Exposed { mode: 0o640, .. }));
        assert!(error.to_string().contains("chmod 600"));
    }

    #[test]
    fn a_file_that_root_keeps_for_us_may_be_read_by_its_group() {
        let (root, us) = (0, 65532);
        for (mode, owner, reader, exposed) in [
            (0o600, us, us, false),
            (0o440, us, us, true),
            (0o400, root, us, false),
            (0o440, root, us, false),
            (0o640, root, us, false),
            (0o660, root, us, true),
            (0o444, root, us, true),
            (0o640, root, root, true),
            (0o640, 1000, us, true),
        ] {
            assert_eq!(is_exposed(mode, owner, reader), exposed, "{mode:o} of {owner}, read by {reader}");
        }
    }

    #[test]
    fn many_at_once_make_one_ring() {
        let (_folder, source) = file();
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| source.read_or_create().unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.iter().all(|ring| ring.key(1).unwrap() == made[0].key(1).unwrap()));
    }

    #[test]
    fn a_version_is_added_beside_the_older_ones() {
        let (_folder, source) = file();
        let first = source.read_or_create().unwrap();
        source.add_version(&first).unwrap();
        let grown = source.read_existing().unwrap();
        assert_eq!(grown.newest(), 2);
        assert_eq!(grown.key(1).unwrap(), first.key(1).unwrap());
        assert_ne!(grown.key(2).unwrap(), grown.key(1).unwrap());
    }

    #[test]
    fn a_mark_tells_versions_apart_also_of_one_number() {
        let (_folder, source) = file();
        let first = source.read_or_create().unwrap();
        let (_folder, other) = file();
        assert_eq!(first.mark(), source.read_existing().unwrap().mark());
        assert_ne!(first.mark(), other.read_or_create().unwrap().mark());
        assert!(source.add_version(&first).unwrap().mark().starts_with("2:"));
    }

    #[test]
    fn a_malformed_ring_names_the_line_and_not_the_key() {
        let key = STANDARD.encode([7; KEY_LEN]);
        for (text, line) in [
            ("", 1),
            ("# only words\n", 1),
            ("\n1:fake-canary\n", 2),
            ("fake-canary", 1),
            (&*format!("0:{key}"), 1),
            (&*format!("1:{key}\n1:{key}"), 2),
        ] {
            let error = Keyring::parse(text, "file x").unwrap_err();
            assert!(matches!(error, VaultError::Malformed { line: l, .. } if l == line), "{text}");
            assert!(!error.to_string().contains("canary"));
        }
        assert_eq!(Keyring::parse(&format!("1:{key}, 3:{key}"), "variable X").unwrap().newest(), 3);
    }
}
