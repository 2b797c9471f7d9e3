//! `bellhop run`: a program, with the SDKs of every provider pointed at Bellhop.
//! Owns the files that some SDKs read instead of variables, in a folder of their own that goes when the program ends.
//! Never lets a vendor's variable through that would lead a chosen provider's SDK elsewhere.

mod child;

use super::{
    Console, Failure,
    point::{Aim, Map, token},
};
use crate::{
    config::{Environment, Sources},
    point::{self, Pointed, place::NoDoor, title},
    provider::{
        Provider,
        preset::sdk::{Hole, Names, Sdk, Way},
    },
    secret::Secret,
};
use child::{Child, PrivateFolder};
use clap::Args;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    sync::Arc,
};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    BELLHOP_TOKEN_FILE=~/.bellhop-token bellhop run -- python job.py\n  \
    bellhop run --provider ionq --provider dwave --context acme.optics -- jupyter lab\n\n\
    The token is read from $BELLHOP_TOKEN or $BELLHOP_TOKEN_FILE. The exit code is the program's; 126 and 127 say that \
    it could not be started, and 128 and the signal's number that one ended it.")]
pub struct Run {
    /// Only this provider's SDKs; may be repeated. Without it, every provider's
    #[arg(long = "provider", value_name = "ID")]
    providers: Vec<String>,
    #[command(flatten)]
    aim: Aim,
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// What becomes of the program's environment.
#[derive(Default)]
struct Plan {
    set: BTreeMap<String, Secret>,
    /// Variables, each with the reason.
    remove: BTreeMap<String, &'static str>,
    folder: Option<PrivateFolder>,
    notes: Vec<String>,
}

impl Run {
    /// Returns the program's exit code, unless the program takes the place of this one.
    pub fn run(self, sources: &Sources, console: &mut Console<'_>) -> Result<u8, Failure> {
        let map = Map::read(self.aim.url.as_ref(), sources)?;
        let providers = map.providers(&self.providers)?;
        self.aim.check(&providers)?;
        let token = token::of_environment(&sources.environment)?.ok_or_else(|| {
            Failure::failed(
                "there is no token to run with: set BELLHOP_TOKEN, or BELLHOP_TOKEN_FILE to a file that holds it; \
                 `bellhop token create` makes one",
            )
        })?;
        let plan = self.plan(&map, &providers, &token)?;
        plan.tell(&sources.environment, console);
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| Failure::usage("expected a program to run"))?;
        Child { program, arguments, set: plan.set, remove: plan.remove.into_keys().collect(), folder: plan.folder }
            .run()
    }

    fn plan(&self, map: &Map, providers: &[&Arc<Provider>], token: &Secret) -> Result<Plan, Failure> {
        let mut plan = Plan::default();
        for provider in providers {
            for sdk in &provider.preset().sdks {
                plan.remove.extend(sdk.unset.iter().map(|name| (name.to_string(), "it would lead elsewhere")));
                match self.aim.point(&map.place, provider, sdk) {
                    Ok(pointed) => {
                        self.warn(&pointed, &mut plan);
                        plan.point(&pointed, token)?;
                    }
                    Err(problem) => {
                        plan.point_at_root(map, provider, sdk, token)?;
                        self.leave_out(sdk, &problem, &mut plan);
                    }
                }
            }
        }
        plan.set.insert("BELLHOP_TOKEN".into(), token.clone());
        plan.remove.insert("BELLHOP_TOKEN_FILE".into(), "BELLHOP_TOKEN says the same");
        if let Ok(url) = map.place.main() {
            plan.set.insert("BELLHOP_PROXY_URL".into(), Secret::new(url.to_string()));
        }
        let set: BTreeSet<&String> = plan.set.keys().collect();
        plan.remove.retain(|name, _| !set.contains(name));
        Ok(plan)
    }

    /// Of providers that nobody named, only what goes wrong silently is worth a line.
    fn warn(&self, pointed: &Pointed<'_>, plan: &mut Plan) {
        if !self.providers.is_empty() {
            plan.notes.extend(pointed.warnings.iter().map(|text| format!("{}: {text}", pointed.title())));
        }
    }

    /// Better led to Bellhop's root, or without a token, than with the provider's own.
    fn leave_out(&self, sdk: &Sdk, problem: &NoDoor, plan: &mut Plan) {
        let tokens = sdk.environment.iter().filter(|(_, value)| value.has(&Hole::Token) || value.is_address());
        plan.remove.extend(tokens.map(|(name, _)| (name.to_string(), "its SDK cannot be pointed at Bellhop")));
        if !self.providers.is_empty() {
            plan.notes.push(format!("{}: {problem}", title(sdk)));
        }
    }
}

impl Plan {
    /// An SDK that only finds the root is led there, and not left to the provider's own address: other SDKs may share the
    /// variable of its token, and Bellhop serves it or refuses it in words.
    fn point_at_root(&mut self, map: &Map, provider: &Provider, sdk: &Sdk, token: &Secret) -> Result<(), Failure> {
        let aim = point::Aim { way: Some(Way::Root), ..point::Aim::default() };
        aim.point(&map.place, provider, sdk).map_or(Ok(()), |pointed| self.point(&pointed, token))
    }

    fn point(&mut self, pointed: &Pointed<'_>, token: &Secret) -> Result<(), Failure> {
        for (name, value) in &pointed.environment {
            self.set.entry((*name).to_owned()).or_insert_with(|| Secret::new(value.with(token.expose())));
        }
        for (file, content) in pointed.required() {
            let Some(variable) = &file.variable else {
                let place = file.places.first().map_or("", |place| &**place);
                self.notes.push(format!(
                    "{}: it reads {place} and nothing else: `bellhop env {} --format {} --with-token > {place}`",
                    pointed.title(),
                    pointed.provider.id(),
                    file.name
                ));
                continue;
            };
            let folder = match &mut self.folder {
                Some(folder) => folder,
                none => none.insert(PrivateFolder::make()?),
            };
            let (of, content) = (pointed.provider.id(), Secret::new(content.with(token.expose())));
            let place = folder.write(of, &file.name, &content)?;
            let named = match file.variable_names {
                Names::File => place.join(&*file.name),
                Names::Folder => place,
            };
            let named = named.into_os_string().into_string();
            let named = named.map_err(|_| Failure::failed("the path of the temporary folder is not UTF-8"))?;
            self.set.insert(variable.to_string(), Secret::new(named));
        }
        Ok(())
    }

    /// What of the environment was replaced, by name.
    fn tell(&self, environment: &Environment, console: &mut Console<'_>) {
        self.notes.iter().for_each(|note| console.note(note));
        for name in environment.names() {
            let is = |value: &Secret| environment.path(name).is_some_and(|was| was.as_os_str() == value.expose());
            if name.starts_with("BELLHOP_") {
                continue;
            }
            if self.set.get(name).is_some_and(|value| !is(value)) {
                console.note(format_args!("{name} is replaced"));
            } else if let Some(why) = self.remove.get(name) {
                console.note(format_args!("{name} is removed: {why}"));
            }
        }
    }
}
