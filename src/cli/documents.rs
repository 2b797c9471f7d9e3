//! `bellhop completions` and `bellhop manpage`: what is made of the commands' own descriptions.
//! Owns nothing.
//! Never reads a configuration.

use super::{Console, Failure};
use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man;
use std::{io, path::PathBuf};

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  bellhop completions bash > /etc/bash_completion.d/bellhop")]
pub struct Completions {
    shell: Shell,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bellhop manpage | man -l -\n  bellhop manpage --folder /usr/local/share/man/man1")]
pub struct Manpage {
    /// Write one page for each command into this folder instead
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Completions {
    pub fn run(self, mut command: clap::Command, console: &mut Console<'_>) {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, "bellhop", &mut text);
        console.say(String::from_utf8_lossy(&text));
    }
}

impl Manpage {
    pub fn run(self, command: clap::Command, console: &mut Console<'_>) -> Result<(), Failure> {
        if let Some(folder) = self.folder {
            let written = std::fs::create_dir_all(&folder).and_then(|()| clap_mangen::generate_to(command, &folder));
            return written.map_err(|error| Failure::failed(format!("cannot write to {}: {error}", folder.display())));
        }
        let page = page(command).map_err(|error| Failure::failed(error.to_string()))?;
        console.say(String::from_utf8_lossy(&page));
        Ok(())
    }
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
