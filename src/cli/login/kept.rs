//! Where somebody is signed in: one file in their own folder.
//! Owns `$XDG_CONFIG_HOME/bellhop/login`, whole at every moment.
//! Never readable to anybody else, and not used where it is.

use crate::{
    cli::{
        Failure,
        api::{Api, Seat},
    },
    config::{BaseUrl, Environment},
    manage::tokens::Shown,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    pub url: String,
    pub token: Shown,
    /// Whose certificates are believed there, if not the public ones.
    pub ca_file: Option<PathBuf>,
}

impl Kept {
    pub fn read(environment: &Environment) -> Result<Option<Self>, Failure> {
        let Some(path) = place(environment) else { return Ok(None) };
        let wrong = |what: String| Failure::failed(format!("{}: {what}", path.display()));
        let mode = match fs::metadata(&path) {
            Ok(metadata) => metadata.mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        if mode & 0o077 != 0 {
            let text = "others on this machine can read your token: revoke it if that is not what you want, and `chmod 600` the file";
            return Err(wrong(text.into()));
        }
        let text = fs::read_to_string(&path).map(zeroize::Zeroizing::new).map_err(|error| wrong(error.to_string()))?;
        // Without the reader's own words, which could repeat the token.
        let kept =
            serde_json::from_str(&text).map_err(|_| wrong("this is no login: delete it, and sign in anew".into()));
        kept.map(Some)
    }

    pub fn write(&self, environment: &Environment) -> Result<PathBuf, Failure> {
        let nowhere = || Failure::failed("there is no place to keep the token: set HOME or XDG_CONFIG_HOME");
        let path = place(environment).ok_or_else(nowhere)?;
        let failed = |error: io::Error| Failure::failed(format!("cannot write {}: {error}", path.display()));
        self.put(&path).map_err(failed)?;
        Ok(path)
    }

    fn put(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let _ = fs::remove_file(&draft);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let written = serde_json::to_writer_pretty(&mut file, self).map_err(io::Error::from);
        let written = written.and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_all());
        let placed = written.and_then(|()| fs::rename(&draft, path));
        if placed.is_err() {
            let _ = fs::remove_file(&draft);
        }
        placed
    }

    pub fn forget(environment: &Environment) -> Result<(), Failure> {
        let Some(path) = place(environment) else { return Ok(()) };
        fs::remove_file(&path).map_err(|error| Failure::failed(format!("cannot delete {}: {error}", path.display())))
    }

    /// With the rights of who signed in.
    pub fn api(self) -> Result<Api, Failure> {
        let url: BaseUrl = self.url.parse().map_err(|_| Failure::failed("the login names no address: sign in anew"))?;
        Api::at(url, self.ca_file.as_deref(), Seat::Login(self.token.0))
    }
}

pub fn place(environment: &Environment) -> Option<PathBuf> {
    environment.user_folder().map(|folder| folder.join("login"))
}
