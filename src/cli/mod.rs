//! The command line: what each command takes, and who carries it out.
//! Owns the exit codes: 0 done, 1 failed, 2 used wrongly, 78 configured wrongly.
//! Never takes a secret as an argument, where every process of the machine could read it.

mod api;
pub mod apply;
mod audit;
mod backup;
mod check;
mod console;
mod credential;
mod declare;
mod demo;
mod doctor;
mod documents;
mod env;
mod explain;
mod failure;
mod fields;
mod get;
mod healthcheck;
mod job;
mod key;
mod local;
mod login;
mod migrate;
mod moment;
mod organization;
mod point;
mod probe;
mod progress;
mod project;
mod provider;
mod quota;
mod restore;
mod run;
mod serve;
mod token;
mod usage;
mod user;
mod vacuum;
mod webhook;
mod whose;

pub use console::Console;
pub use failure::Failure;

use crate::config::{Environment, Sources};
use api::Api;
use clap::{Args, CommandFactory, Parser, Subcommand};
use local::Local;
use std::{ffi::OsString, future::Future, path::PathBuf};

/// Bellhop stands between quantum jobs and quantum providers: people sign in with a token of their own,
/// and Bellhop pays with the provider's key that is theirs or their organization's.
#[derive(Parser, Debug)]
#[command(
    name = "bellhop",
    version,
    max_term_width = 100,
    after_help = "Begin with `bellhop demo`, which needs nothing; then `bellhop serve`.\n\
                  Exit codes: 0 done, 1 failed, 2 used wrongly, 78 configured wrongly."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Apart from a command's own options, which would else stand between them.
const EVERYWHERE: &str = "Options of every command";

#[derive(Args, Debug)]
struct Global {
    /// The configuration file. Without it: $BELLHOP_CONFIG, ./bellhop.yaml,
    /// $XDG_CONFIG_HOME/bellhop/bellhop.yaml, /etc/bellhop/bellhop.yaml
    #[arg(long, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    config: Option<PathBuf>,
    /// The folder of the store and the master key, in place of `data_dir` in the configuration
    #[arg(long, global = true, value_name = "FOLDER", help_heading = EVERYWHERE)]
    data_dir: Option<PathBuf>,
    /// Any other key of the configuration, such as `listen.proxy=127.0.0.1:0`; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value, help_heading = EVERYWHERE)]
    set: Vec<(String, String)>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the proxy
    Serve(serve::Serve),
    /// Try everything on this machine, with a stand-in for a provider: needs no file and no account
    Demo(demo::Demo),
    /// Say whether configuration, presets, master key and store are in order
    Check(check::Check),
    #[command(flatten)]
    Store(Box<StoreCommand>),
    /// Sign in at a Bellhop elsewhere, for the commands that manage it
    Login(login::Login),
    /// Sign out again
    Logout(login::Logout),
    /// Print the settings that point a provider's SDKs at Bellhop
    Env(env::Env),
    /// Run a program with every provider's SDKs pointed at Bellhop
    Run(run::Run),
    /// Find what would bypass Bellhop, or bill elsewhere, and say how to mend it
    Doctor(doctor::Doctor),
    /// Providers: what the presets say of each
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Ask a running Bellhop whether it is ready, for containers
    Healthcheck(healthcheck::Healthcheck),
    /// Print completions for a shell
    Completions(documents::Completions),
    /// Print the manual page
    Manpage(documents::Manpage),
}

/// What works on the store directly, beside a running `serve` or without one.
#[derive(Subcommand, Debug)]
enum StoreCommand {
    /// Make the store agree with a file: people, organizations, tokens, credentials
    Apply(declare::Apply),
    /// Say which credential a request would be paid with, and why each other one lost
    Explain(explain::Explain),
    /// People
    #[command(subcommand)]
    User(user::UserCommand),
    /// Organizations and their members
    #[command(subcommand)]
    Org(organization::OrganizationCommand),
    /// Projects of organizations and of people
    #[command(subcommand)]
    Project(project::ProjectCommand),
    /// Personal access tokens: what people sign in with
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Provider credentials: what pays
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// Jobs: what was submitted, by whom, and what became of it
    #[command(subcommand)]
    Job(job::JobCommand),
    /// Who used how much of what
    Usage(usage::Usage),
    /// How much of what somebody may use
    #[command(subcommand)]
    Quota(quota::QuotaCommand),
    /// Webhooks: where somebody is told of refused credentials, ends that come near, quotas that fill up
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// The audit trail: who did what, and whether it is what was written
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The master key and the keys under it
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Bring the store's schema up to this version of Bellhop, while older ones run on it
    Migrate(migrate::Migrate),
    /// Make a file of the whole store, while `serve` runs
    Backup(backup::Backup),
    /// Put a backup in the store's place, and decide what becomes of what was revoked since
    Restore(restore::Restore),
    /// Give the room that the store's file does not use back to the system
    Vacuum(vacuum::Vacuum),
}

/// Parses the arguments and carries them out. Returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment, console: &mut Console<'_>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            console.complain(error.render());
            return failure::USAGE;
        }
        Err(help) => {
            console.say(help.render());
            return 0;
        }
    };
    match cli.command.run(&cli.global.sources(environment), console) {
        Ok(code) => code,
        Err(failure) => {
            console.complain(format_args!("error: {failure}\n"));
            failure.code()
        }
    }
}

impl Global {
    fn sources(&self, environment: Environment) -> Sources {
        let data_dir = self.data_dir.iter().map(|path| ("data_dir".to_owned(), path.display().to_string()));
        Sources { file: self.config.clone(), environment, flags: self.set.iter().cloned().chain(data_dir).collect() }
    }
}

impl Command {
    fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<u8, Failure> {
        let done = match self {
            Self::Run(run) => return run.run(sources, console),
            Self::Serve(serve) => serve::run(&serve, sources),
            Self::Demo(demo) => demo.run(sources, console),
            Self::Check(check) => check.run(sources, console),
            Self::Store(command) => command.run(sources, console),
            Self::Login(login) => login.run(sources, console),
            Self::Logout(logout) => logout.run(sources, console),
            Self::Env(env) => env.run(sources, console),
            Self::Doctor(doctor) => doctor.run(sources, console),
            Self::Provider(command) => command.run(sources, console),
            Self::Healthcheck(healthcheck) => healthcheck.run(sources),
            Self::Completions(completions) => {
                completions.run(Cli::command(), console);
                Ok(())
            }
            Self::Manpage(manpage) => manpage.run(Cli::command(), console),
        };
        done.map(|()| 0)
    }
}

impl StoreCommand {
    fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        wait_for(async {
            let mut there = Api::there(&sources.environment)?;
            if there.is_none() && !self.is_for_the_store() {
                there = login::chosen(sources)?;
            }
            if let Some(api) = there {
                return match self {
                    Self::User(command) => command.run(&api, console).await,
                    Self::Org(command) => command.run(&api, console).await,
                    Self::Project(command) => command.run(&api, console).await,
                    Self::Token(command) => command.run(&api, console).await,
                    Self::Explain(explain) => explain.run(&api, console).await,
                    Self::Credential(command) => command.run(&api, console).await,
                    Self::Job(command) => command.run(&api, console).await,
                    Self::Usage(usage) => usage.run(&api, console).await,
                    Self::Quota(command) => command.run(&api, console).await,
                    Self::Webhook(command) => command.run(&api, console).await,
                    Self::Audit(command) => command.run(&api, console).await,
                    _ => Err(Failure::usage(
                        "this works on the store itself: run it at the machine of the store, without BELLHOP_URL",
                    )),
                };
            }
            match self {
                Self::Migrate(migrate) => return migrate.run(sources, console).await,
                Self::Backup(backup) => return backup.run(sources, console).await,
                Self::Restore(restore) => return restore.run(sources, console).await,
                _ => {}
            }
            let local = Local::open(sources.load()?.config).await?;
            if let Some(place) = local.vault.made() {
                console.note(format_args!(
                    "made the store and its master key, {place}: keep a copy of the key apart from the store's backups, as \
                     without it the credentials are gone"
                ));
            }
            let done = self.run_here(&local, console).await;
            local.store.close().await;
            done
        })
    }

    /// What no Bellhop elsewhere could do.
    const fn is_for_the_store(&self) -> bool {
        matches!(
            self,
            Self::Apply(_) | Self::Key(_) | Self::Migrate(_) | Self::Backup(_) | Self::Restore(_) | Self::Vacuum(_)
        )
    }

    async fn run_here(self, local: &Local, console: &mut Console<'_>) -> Result<(), Failure> {
        match self {
            Self::Apply(apply) => apply.run(local, console).await,
            Self::Explain(explain) => explain.run(&local.api()?, console).await,
            Self::User(command) => command.run(&local.api()?, console).await,
            Self::Org(command) => command.run(&local.api()?, console).await,
            Self::Project(command) => command.run(&local.api()?, console).await,
            Self::Token(command) => command.run(&local.api()?, console).await,
            Self::Credential(command) => command.run(&local.api()?, console).await,
            Self::Job(command) => command.run(&local.api()?, console).await,
            Self::Usage(usage) => usage.run(&local.api()?, console).await,
            Self::Quota(command) => command.run(&local.api()?, console).await,
            Self::Webhook(command) => command.run(&local.api()?, console).await,
            Self::Audit(command) => command.run(&local.api()?, console).await,
            Self::Key(command) => command.run(local, console).await,
            Self::Vacuum(vacuum) => vacuum.run(local, console).await,
            // These have run before the store is opened.
            Self::Migrate(_) | Self::Backup(_) | Self::Restore(_) => Ok(()),
        }
    }
}

fn wait_for<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(format!("cannot start a runtime: {error}")))?.block_on(work)
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests;
