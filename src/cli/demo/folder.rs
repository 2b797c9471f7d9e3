//! Where a demo keeps its store and its master key.
//! Owns the folder, and removes it at the end if it made it.
//! Never touches a folder in which there is something already.

use crate::cli::Failure;
use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    pub fn open(named: Option<&Path>) -> Result<Self, Failure> {
        let (path, temporary) = match named {
            Some(path) => (path.to_owned(), false),
            None => (std::env::temp_dir().join(format!("bellhop-demo-{}", uuid::Uuid::now_v7().simple())), true),
        };
        let cannot = |error: io::Error| Failure::failed(format!("cannot use the folder {}: {error}", path.display()));
        let taken = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
        if taken {
            return Err(Failure::failed(format!("expected an empty folder, and {} is not", path.display())));
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(cannot)?;
        Ok(Self { path, temporary })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub const fn is_temporary(&self) -> bool {
        self.temporary
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What is left behind holds nothing but keys that this run made up.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Folder;

    #[test]
    fn a_temporary_folder_goes_and_a_named_one_stays() {
        let temporary = Folder::open(None).unwrap();
        let path = temporary.path().to_owned();
        assert!(path.is_dir());
        drop(temporary);
        assert!(!path.exists());

        let parent = tempfile::tempdir().unwrap();
        let named = parent.path().join("a/b");
        drop(Folder::open(Some(&named)).unwrap());
        assert!(named.is_dir());
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine"), "").unwrap();
        assert!(Folder::open(Some(folder.path())).is_err());
        assert!(folder.path().join("mine").exists());
    }
}
