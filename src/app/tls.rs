//! The certificates that callers see: read from PEM files, and read again when these change.
//! Owns nothing; the data plane holds the configuration in force.
//! Never serves with a half-written pair: a certificate and key that do not belong together change nothing.

use super::ends::ends;
use crate::{config::TlsFiles, proxy::Shared, telemetry::metrics::Listener, upstream::cryptography};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("tls: {}: {problem}", file.display())]
    File { file: PathBuf, problem: String },
    #[error("tls: the certificate and the key cannot be used together: {0}")]
    Pair(rustls::Error),
}

/// What callers see.
pub struct Certificate {
    pub config: Arc<ServerConfig>,
    /// When it ends, in seconds since 1970.
    pub ends: Option<i64>,
}

pub fn for_callers(files: &TlsFiles) -> Result<Certificate, TlsError> {
    let bad = |file: &Path, problem: String| TlsError::File { file: file.into(), problem };
    let chain = CertificateDer::pem_file_iter(&files.cert).map_err(|e| bad(&files.cert, e.to_string()))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|e| bad(&files.cert, e.to_string()))?;
    if chain.is_empty() {
        return Err(bad(&files.cert, "it has no certificate in PEM form".into()));
    }
    let ends = chain.first().and_then(|first| ends(first));
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| bad(&files.key, e.to_string()))?;
    let provider = Arc::new(cryptography());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(TlsError::Pair)?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Pair)?;
    config.alpn_protocols = [b"h2".as_slice(), b"http/1.1"].map(<[u8]>::to_vec).to_vec();
    config.ignore_client_order = true;
    // Few SDKs take up a session again, and those that do use one ticket at a time.
    config.send_tls13_tickets = 1;
    Ok(Certificate { config: Arc::new(config), ends })
}

/// Looks at the files now and then; a change that cannot be used is told once and tried again when they change.
pub async fn follow_files(files: TlsFiles, shared: Arc<Shared>) {
    let mut seen = changed_at(&files);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = changed_at(&files);
        if now == seen {
            continue;
        }
        seen = now;
        match for_callers(&files) {
            Ok(certificate) => {
                put_in_force(&shared, Some(certificate));
                tracing::info!(
                    event = "certificate.changed",
                    "the certificate changed and is in force for new connections"
                );
            }
            Err(error) => {
                tracing::error!(event = "certificate.refused", %error, "the certificate changed and cannot be used; the old one stays");
            }
        }
    }
}

pub fn put_in_force(shared: &Shared, certificate: Option<Certificate>) {
    shared.metrics.certificate(Listener::Proxy, certificate.as_ref().and_then(|certificate| certificate.ends));
    shared.set_tls(certificate.map(|certificate| certificate.config));
}

fn changed_at(files: &TlsFiles) -> [Option<SystemTime>; 2] {
    [&files.cert, &files.key].map(|file| std::fs::metadata(file).and_then(|data| data.modified()).ok())
}
