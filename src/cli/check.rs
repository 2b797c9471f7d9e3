//! `bellhop check`: is everything in order that `serve` would need?
//! Owns nothing.
//! Never changes anything: a store that is not there yet is not made.

use super::{Console, Failure, wait_for};
use crate::{
    app::{self, AppError},
    clock::Clock,
    config::{ANNOTATED, Config, Loaded, Sources, TlsFiles},
    hook::Post,
    oidc::Issuer,
    proxy::Settings,
    sync::set_back::SetBack,
    vault::Vault,
};
use clap::Args;
use std::{fs::File, path::Path};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bellhop check\n  bellhop check --defaults > bellhop.yaml")]
pub struct Check {
    /// Only files: neither store nor master key, nor the identity provider
    #[arg(long)]
    offline: bool,
    /// Print the annotated defaults, to begin a configuration with
    #[arg(long)]
    defaults: bool,
}

impl Check {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        if self.defaults {
            console.say(ANNOTATED);
            return Ok(());
        }
        let Loaded { config, file } = sources.load()?;
        match file {
            Some(file) => console.note(format_args!("configuration  {}", file.display())),
            None => console.note("configuration  defaults, as there is no file"),
        }
        let settings = Settings::new(&config, app::catalog(&config)?).map_err(AppError::from)?;
        console.note(format_args!("providers      {}", settings.catalog.iter().len()));
        Post::new(&config.webhooks).map_err(AppError::from)?;
        readable_files(&config)?;
        let issuer = app::issuer(&config)?;
        if !self.offline {
            if let Some(issuer) = issuer {
                wait_for(discover(&issuer, console))?;
            }
            wait_for(open(&config, console))?;
        }
        console.note("all in order");
        Ok(())
    }
}

fn readable_files(config: &Config) -> Result<(), Failure> {
    let tls = [("tls", &config.tls), ("admin_tls", &config.admin_tls)];
    for (section, TlsFiles { cert, key }) in
        tls.into_iter().filter_map(|(section, files)| Some((section, files.as_ref()?)))
    {
        readable(&format!("{section}.cert"), cert)?;
        readable(&format!("{section}.key"), key)?;
    }
    Ok(())
}

fn readable(key: &str, path: &Path) -> Result<(), Failure> {
    let opened = File::open(path).map(drop);
    opened.map_err(|error| {
        crate::config::ConfigError::new(key, format!("expected a readable file: {}: {error}", path.display())).into()
    })
}

async fn discover(issuer: &Issuer, console: &mut Console<'_>) -> Result<(), Failure> {
    let url = issuer.config.issuer.as_str();
    let discovered = issuer.discover().await;
    discovered.map_err(|trouble| Failure::failed(format!("the identity provider {url}: {trouble}")))?;
    console.note(format_args!("identity       {url} answers"));
    Ok(())
}

async fn open(config: &Config, console: &mut Console<'_>) -> Result<(), Failure> {
    if config.data_dir.exists() && !config.data_dir.is_dir() {
        let problem = format!("expected a folder: {} is none", config.data_dir.display());
        return Err(crate::config::ConfigError::new("data_dir", problem).into());
    }
    if config.store.url.is_none() && !config.data_dir.join("bellhop.db").exists() {
        console.note(format_args!(
            "store          none yet; it is made in {} by what uses it first",
            config.data_dir.display()
        ));
        return Ok(());
    }
    let store = app::store(config).await?;
    store.ping().await?;
    console.note("store          reachable");
    if store.read().await?.is_empty().await? {
        console.note("master key     none yet; it is made by what uses the store first");
        return Ok(());
    }
    let vault = Vault::open(&store, app::master_source(config), Clock::system().now()).await?;
    let (version, _) = vault.versions()?;
    console.note(format_args!("master key     version {version}"));
    let set_back = SetBack::find(&store, &*vault.signer(), &config.data_dir).await;
    store.close().await;
    match set_back.map_err(Failure::failed)? {
        None => Ok(()),
        Some(found) => Err(AppError::SetBack(found).into()),
    }
}
