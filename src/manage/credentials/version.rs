//! A credential's version as somebody entered it: its fields, or the source of those that are read live.
//! Owns the secrets until they are sealed.
//! Never reads a source: what is there is the serving process's to find out, with its own rights.

use crate::{
    credential::source::{BEARER, Place, Source, Written},
    provider::{
        Fields, Preset, Provider,
        fields::{FieldSpec, Format, Presence, Sensitivity},
    },
    secret::Secret,
    store::{NewVersion, PlainFields},
    vault::{Label, SecretFields, Vault, VaultError},
};

#[derive(Debug, Default)]
pub struct Version {
    pub source: Option<Source>,
    /// Of a live source: what reading it takes, and fields that it does not give.
    pub secret: SecretFields,
    pub plain: PlainFields,
    /// The secret fields that the source is to give.
    live: Vec<Box<str>>,
}

impl Version {
    pub fn entered(fields: &Fields) -> Self {
        Self {
            source: None,
            secret: fields.secrets().map(|(name, value)| (name.into(), Secret::new(value))).collect(),
            plain: fields.plains().map(|(name, value)| (name.into(), value.into())).collect(),
            live: Vec::new(),
        }
    }

    /// With the fields that the source does not give, and what it takes to ask it.
    pub fn sourced(provider: &Provider, source: Source, given: Vec<(String, Secret)>) -> Result<Self, String> {
        let (bearer, given): (Vec<_>, Vec<_>) = given.into_iter().partition(|(name, _)| name == BEARER);
        let bearer = bearer.into_iter().next().map(|(_, bearer)| bearer);
        match (&source.place, &bearer) {
            (Place::Leap { .. }, None) => {
                return Err(format!("the field `{BEARER}` is missing: an OAuth token of the Leap account"));
            }
            (Place::Leap { .. }, Some(_)) | (_, None) => {}
            (_, Some(_)) => return Err(format!("the field `{BEARER}` is for a `leap` source alone")),
        }
        let live = live(provider, &source, &given);
        let standing_in = live.iter().map(|(name, value)| (name.to_string(), Secret::new(*value)));
        let is_live = |name: &str| live.iter().any(|(live, _)| **live == *name);
        let spent = provider.preset().exchange.as_ref().and_then(|exchange| exchange.rotation.as_ref());
        if let Some(rotation) = spent.filter(|rotation| is_live(&rotation.field)) {
            let (name, field) = (&provider.preset().name, &rotation.field);
            return Err(format!(
                "{name} gives a new `{field}` with each login, which a source has no place for: enter it"
            ));
        }
        // What was given is as good as if all had been entered; what the source gives is judged when it does.
        let fields = provider.fields(given.into_iter().chain(standing_in)).map_err(|error| error.to_string())?;
        let mut version = Self::entered(&fields);
        version.secret.retain(|name, _| !is_live(name));
        version.plain.retain(|name, _| !is_live(name));
        let is_secret = |name: &str| provider.secret_fields().any(|spec| *spec.name == *name);
        version.live = live.iter().map(|(name, _)| name.clone()).filter(|name| is_secret(name)).collect();
        version.secret.extend(bearer.map(|bearer| (BEARER.into(), bearer)));
        Ok(Self { source: Some(source), ..version })
    }

    pub fn seal(&self, vault: &Vault, label: Label<'_>) -> Result<NewVersion, VaultError> {
        let Some(source) = &self.source else { return vault.seal(label, &self.secret, self.plain.clone()) };
        let mut sealed = vault.seal_sourced(label, &source.to_text(), &self.secret, self.plain.clone())?;
        sealed.secret_fields.retain(|name| **name != *BEARER);
        sealed.secret_fields.extend(self.live.iter().cloned());
        Ok(sealed)
    }

    /// Whether an opened version is made of the same.
    pub fn equals(&self, source: Option<&str>, secret: &SecretFields, plain: &PlainFields) -> bool {
        let same = |(name, value): (_, &Secret)| {
            secret.get::<Box<str>>(name).is_some_and(|other| other.expose() == value.expose())
        };
        let text = self.source.as_ref().map(Source::to_text);
        text.as_deref() == source
            && self.plain == *plain
            && self.secret.len() == secret.len()
            && self.secret.iter().all(same)
    }
}

/// A source in the words of an `apply` file, as it is written on a command line.
pub fn source(text: &str) -> Result<Source, String> {
    let written: Written = serde_yaml::from_str_with_options(text, serde_yaml::options! { with_snippet: false })
        .map_err(|_| "expected a source such as `{ file: { token: /run/secrets/token } }`".to_owned())?;
    written.try_into().map_err(|error: crate::config::Expected| error.to_string())
}

/// The fields that the source gives, each with something that may stand in its place: those that it names, else all
/// that are needed and were not given.
fn live(provider: &Provider, source: &Source, given: &[(String, Secret)]) -> Vec<(Box<str>, &'static str)> {
    let specs = &provider.preset().fields;
    let standing_in = |spec: Option<&FieldSpec>| match spec.map(|spec| spec.format) {
        Some(Format::Path) => "/x",
        _ => "x",
    };
    let named = source.place.fields();
    if !named.is_empty() {
        let spec = |name: &str| specs.iter().find(|spec| *spec.name == *name);
        return named.into_iter().map(|name| (name.into(), standing_in(spec(name)))).collect();
    }
    let missing = specs.iter().filter(|spec| is_wanted(provider.preset(), spec, given));
    missing.map(|spec| (spec.name.clone(), standing_in(Some(spec)))).collect()
}

/// Whether a field is needed and was not given. Of several sets of fields that is the one that was begun, else the first.
fn is_wanted(preset: &Preset, spec: &FieldSpec, given: &[(String, Secret)]) -> bool {
    let has = |set: &[Box<str>], name: &str| set.iter().any(|member| **member == *name);
    let is_given = |name: &str| given.iter().any(|(given, _)| **given == *name);
    let begun = preset.one_of.iter().find(|set| set.iter().any(|name| is_given(name)));
    let is_in_set = begun.or(preset.one_of.first()).is_some_and(|set| has(set, &spec.name));
    let is_in_another = !is_in_set && preset.one_of.iter().any(|set| has(set, &spec.name));
    let is_needed = spec.presence == Presence::Required || spec.sensitivity == Sensitivity::Secret || is_in_set;
    is_needed && !is_in_another && spec.default.is_none() && !is_given(&spec.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Catalog;

    fn made(provider: &str, text: &str, given: &[(&str, &str)]) -> Result<Version, String> {
        let catalog = Catalog::shipped().unwrap();
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        Version::sourced(catalog.find(provider).unwrap(), source(text)?, given)
    }

    fn live(version: &Version) -> Vec<&str> {
        version.live.iter().map(|name| &**name).collect()
    }

    #[test]
    fn what_the_source_does_not_give_is_entered_beside_it() {
        let version = made("dwave", "{ file: { token: /run/t } }", &[("region", "eu-central-1")]).unwrap();
        assert_eq!((version.secret.len(), &*version.plain["region"]), (0, "eu-central-1"));
        assert_eq!(live(&version), ["token"]);
        let version = made("dwave", "{ leap: { project: 7 } }", &[("bearer", "fake-canary")]).unwrap();
        assert_eq!(version.secret["bearer"].expose(), "fake-canary");
        assert!(made("mat3ra", "{ command: [/bin/x] }", &[]).unwrap().plain.is_empty());
        // A credential that comes in several forms is read in the one that was begun.
        assert_eq!(live(&made("aqt", "{ command: [/bin/x] }", &[]).unwrap()), ["token"]);
        let begun = made("aqt", "{ command: [/bin/x] }", &[("client_id", "x")]).unwrap();
        assert_eq!(live(&begun), ["client_secret"]);
    }

    #[test]
    fn a_source_that_does_not_fit_its_provider_is_refused_at_entry() {
        for (provider, text, given, words) in [
            ("dwave", "{ file: { tokn: /run/t } }", &[][..], "there is no field `tokn`"),
            ("dwave", "{ file: { token: /run/t } }", &[("token", "fake-canary")], "twice"),
            ("dwave", "{ file: { region: /run/t } }", &[], "`token` is missing"),
            ("dwave", "{ leap: { project: 7 } }", &[], "`bearer` is missing"),
            ("dwave", "{ file: { token: /run/t } }", &[("bearer", "fake-canary")], "`leap` source alone"),
            ("dwave", "{ file: { token: run/t } }", &[], "an absolute path"),
            ("dwave", "file", &[], "expected a source"),
            ("rigetti", "{ file: { refresh_token: /run/t } }", &[], "a new `refresh_token` with each login"),
        ] {
            let error = made(provider, text, given).unwrap_err();
            assert!(error.contains(words) && !error.contains("canary"), "{error}");
        }
    }
}
