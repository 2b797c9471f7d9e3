//! The way in for the first administrator of a new installation: a link that works once.
//! Owns the file in which it stands, for whoever may read the master key's folder.
//! Never logged, and never there once there is a user.

use crate::{
    config::{Config, Protocol},
    manage::{Fault, Management},
};
use std::{
    fs,
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
};

const FILE: &str = "setup-link";

/// Writes the link down where there has never been a user, and takes it away where there is one.
pub async fn offer(management: &Management, config: &Config, admin: SocketAddr) -> Result<(), Fault> {
    let path = config.data_dir.join(FILE);
    let _ = fs::remove_file(&path);
    let Some(key) = management.make_setup_link().await? else { return Ok(()) };
    let url = format!("{}/setup/{}", config.page_at(admin), key.expose());
    match write(&path, &url) {
        Ok(()) => {
            tracing::info!(event = "setup.offered", file = %path.display(), "nobody can sign in yet: open the link in this file");
        }
        Err(error) => {
            tracing::error!(event = "setup.not_written", file = %path.display(), %error, "the setup link cannot be written down");
        }
    }
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        let _ = writeln!(terminal, "Make the first administrator: {url}");
    }
    Ok(())
}

fn write(path: &std::path::Path, url: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{url}")
}

/// Whether browsers reach it over TLS.
pub fn is_secure(config: &Config) -> bool {
    config.admin_tls.is_some()
        || config.listen.admin_url.as_ref().is_some_and(|url| url.origin.protocol == Protocol::Https)
}
