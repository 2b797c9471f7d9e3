//! `bellhop provider test`: takes the fixtures that lie beside a preset through it, and says what comes out otherwise.
//! Owns nothing.
//! Never connects unless it is told to probe, and needs no store.

use super::probe;
use crate::{
    cli::{Console, Failure, console::counted, fields::FieldSources},
    config::Sources,
    provider::{Catalog, Preset, PresetFile, Provider, fixture::Fixtures},
};
use clap::Args;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bellhop provider test /etc/bellhop/presets/our-lab.yaml\n  \
    bellhop provider test our-lab.yaml --probe --from-stdin key < key.txt\n\n\
    Without --fixtures, they are in `fixtures/` beside the preset, in a file of the same name.")]
pub struct Test {
    /// The preset's file
    file: PathBuf,
    /// Sample requests and answers, and what each must be found to be
    #[arg(long, value_name = "FILE")]
    fixtures: Option<PathBuf>,
    /// Also ask the provider, with a credential given as `credential add` takes it
    #[arg(long)]
    probe: bool,
    #[command(flatten)]
    fields: FieldSources,
}

impl Test {
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<(), Failure> {
        let provider = read(&self.file)?;
        let path = self.fixtures.clone().unwrap_or_else(|| beside(&self.file));
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).map_err(|error| {
            Failure::failed(format!(
                "{}: the preset is in order, but its fixtures cannot be read: {name}: {error}",
                self.file.display()
            ))
        })?;
        let fixtures = Fixtures::parse(&name, &text).map_err(|error| Failure::failed(error.to_string()))?;
        let report = fixtures.walk(&provider);
        report.differences.iter().for_each(|difference| console.note(format_args!("{name}:{difference}")));
        report.forgotten.iter().for_each(|step| console.note(format_args!("{name}: no fixture goes through {step}")));
        let wrong = report.differences.len() + report.forgotten.len();
        if wrong > 0 {
            return Err(Failure::failed(format!("{} wrong with {}", counted(wrong, "thing"), provider.id())));
        }
        let operations = counted(provider.preset().operations.len(), "operation");
        let walked = counted(report.walked, "fixture");
        console.say(format_args!("{}: {walked} through {operations}, all as they should be\n", provider.id()));
        if self.probe { probe::ask((provider.id(), &self.file), &self.fields, sources, console) } else { Ok(()) }
    }
}

/// The preset by itself, as an operator's file among the shipped ones.
pub fn read(path: &Path) -> Result<Arc<Provider>, Failure> {
    let unreadable = |error: String| Failure::failed(error);
    let files = PresetFile::read(&[path.to_owned()]).map_err(|error| unreadable(error.to_string()))?;
    let [file] = files.as_slice() else {
        return Err(Failure::usage(format!("expected one file, and {} is a folder", path.display())));
    };
    let preset = Preset::parse(&file.name, &file.text).map_err(|error| Failure::failed(error.to_string()))?;
    let catalog = Catalog::new(&files, &BTreeMap::new()).map_err(|error| Failure::failed(error.to_string()))?;
    let provider = catalog.find(&preset.id).cloned();
    provider.ok_or_else(|| Failure::failed(format!("{} names no provider", file.name)))
}

fn beside(preset: &Path) -> PathBuf {
    let name = preset.file_name().unwrap_or_default();
    preset.parent().unwrap_or(Path::new("")).join("fixtures").join(name)
}
