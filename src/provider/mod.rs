//! Providers: what each one's preset says, with what the operator changed of it.
//! Facts only: made once when Bellhop starts or reloads, shared unchanged by every request after that.
//! Never connects, never sees who is calling; which credential pays is decided elsewhere.

pub mod catalog;
pub mod fields;
pub mod files;
pub mod fixture;
pub mod origin;
pub mod pointer;
pub mod preset;
pub mod reading;
mod sample;
pub mod storage;
pub mod template;
pub mod value;

pub use catalog::{Catalog, CatalogError, Changes, Made};
pub use fields::{FieldError, Fields};
pub use files::PresetFile;
pub use origin::Located;
pub use preset::{
    Preset, PresetError,
    operation::{Kind, Match, Operation},
};
pub use template::Ambiguous;

use crate::{
    config::{Origin, Prices},
    credential::resolve::Personal,
    job::Figures,
    secret::Secret,
};
use fields::{FieldSpec, Sensitivity};
use http::HeaderName;
use origin::{OriginTemplate, Upstreams};
use preset::{Segments, Service, Slot, Wire};
use std::path::Path;
use template::Routes;

/// One provider, ready for requests.
#[derive(Debug)]
pub struct Provider {
    index: u16,
    preset: Preset,
    routes: Routes,
    slot_headers: Box<[HeaderName]>,
    upstreams: Upstreams,
    changes: Changes,
}

/// Which of a provider's services a path belongs to; each has an origin of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ServiceIndex(u8);

/// Headers that a caller's signature is made of, and that are none of the provider's business.
const SIGNATURE_HEADERS: [HeaderName; 4] = [
    http::header::AUTHORIZATION,
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-content-sha256"),
];

impl ServiceIndex {
    /// The provider's main service, whose paths have no prefix of their own.
    pub const MAIN: Self = Self(0);

    /// The service at a place in the preset's list.
    pub fn of_place(place: usize) -> Option<Self> {
        u8::try_from(place + 1).ok().map(Self)
    }

    fn place(self) -> Option<usize> {
        usize::from(self.0).checked_sub(1)
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoOrigin {
    #[error("the field `{0}`, which chooses the provider's address, is missing")]
    Missing(Box<str>),
    #[error("the field `{0}`, which chooses the provider's address, has a value that cannot stand in a host name")]
    NotALabel(Box<str>),
}

impl Provider {
    fn new(index: u16, preset: Preset, routes: Routes, upstreams: Upstreams, changes: Changes) -> Self {
        let mut slot_headers: Vec<HeaderName> = Vec::new();
        let signature = preset.slots.contains(&Slot::Signature).then_some(SIGNATURE_HEADERS).into_iter().flatten();
        for name in preset.slots.iter().filter_map(Slot::header).chain(&signature.collect::<Vec<_>>()) {
            if !slot_headers.contains(name) {
                slot_headers.push(name.clone());
            }
        }
        Self { index, preset, routes, slot_headers: slot_headers.into(), upstreams, changes }
    }

    /// From 0, dense, in the order of the ids; good for one catalogue, as a reload may number anew.
    pub const fn index(&self) -> u16 {
        self.index
    }

    pub fn id(&self) -> &str {
        &self.preset.id
    }

    pub const fn preset(&self) -> &Preset {
        &self.preset
    }

    /// Whether people may pay with credentials of their own here.
    pub const fn personal(&self) -> Personal {
        self.changes.personal
    }

    /// What its jobs cost.
    pub const fn prices(&self) -> &Prices {
        &self.changes.prices
    }

    pub fn made(&self) -> Made {
        let shipped = catalog::SHIPPED.iter().find(|(id, _)| *id == self.id());
        match shipped.map(|(_, text)| Preset::parse("", text)) {
            Some(Ok(shipped)) if shipped == self.preset => Made::Shipped,
            Some(_) => Made::Replaced,
            None => Made::Added,
        }
    }

    /// Where its services' requests go, each by its name; a field of the credential may choose a part of it. And whether
    /// that is an operator's doing.
    pub fn addresses(&self) -> Vec<(String, String, bool)> {
        let main = (origin::MAIN, &self.preset.origin);
        let services = self.preset.services.iter().filter_map(|s| Some((&*s.name, s.origin.as_ref()?)));
        let all: Vec<_> = std::iter::once(main).chain(services).collect();
        // What an operator gave by the value of a field.
        let chosen = self.upstreams.by_name.iter().filter(|(name, _)| !all.iter().any(|(known, _)| **known == ***name));
        let chosen = chosen.map(|(name, origin)| (name.to_string(), origin.to_string(), true));
        let address = |(name, template): &(&str, &OriginTemplate)| {
            let replaced = self.upstreams.one.as_ref().or_else(|| self.upstreams.named(name));
            let address = replaced.map_or_else(|| template.to_string(), ToString::to_string);
            ((*name).to_owned(), address, replaced.is_some())
        };
        all.iter().map(address).chain(chosen).collect()
    }

    /// Adds what a job costs, as far as its figures say what that depends on.
    pub fn price(&self, figures: &mut Figures) {
        let Some(price) = self.changes.prices.of(figures.target.as_deref()) else { return };
        let shots = if price.shot.0 == 0 { Some(0) } else { figures.shots };
        figures.micros = shots.map(|shots| price.cost(1, shots, figures.qpu_us.unwrap_or_default()));
    }

    /// Certificate authorities, in PEM, to trust for this provider instead of the public ones.
    pub fn ca_file(&self) -> Option<&Path> {
        self.changes.ca_file.as_deref()
    }

    /// Whether its addresses may be loopback, private or link-local, and plain http.
    pub const fn allows_private(&self) -> bool {
        self.changes.allow_private
    }

    /// What a request is to this provider. `path` is the raw path as it goes upstream, without its query.
    /// `None`: the preset does not list it.
    ///
    /// # Errors
    /// When the path would be one operation read once and another read again.
    pub fn classify(&self, method: &str, path: &[u8]) -> Result<Option<Match<'_>>, Ambiguous> {
        let Some(found) = self.routes.find(method, path)? else { return Ok(None) };
        Ok(self.preset.operations.get(usize::from(found.operation)).and_then(|o| Match::new(o, found)))
    }

    /// The service that a raw path belongs to.
    pub fn service(&self, path: &[u8]) -> ServiceIndex {
        let place = self.preset.services.iter().position(|s| s.covers(path));
        place.and_then(ServiceIndex::of_place).unwrap_or(ServiceIndex::MAIN)
    }

    /// Where requests to a region go; `None`: there is no such region.
    pub fn region(&self, region: &str) -> Option<Origin> {
        let listed = self.preset.regions.as_ref()?.origin(region)?;
        let replaced = self.upstreams.one.as_ref().or_else(|| self.upstreams.named(region));
        Some(replaced.unwrap_or(listed).clone())
    }

    /// What goes upstream of a raw target: services that are Bellhop's own are not in it.
    pub fn upstream_target<'t>(&self, service: ServiceIndex, target: &'t str) -> &'t str {
        let removed = self.own(service).filter(|service| service.segments == Segments::Removed);
        let rest = removed.and_then(|service| target.strip_prefix(&*service.path));
        rest.map_or(target, |rest| if rest.starts_with('/') { rest } else { "/" })
    }

    /// What is spoken to a service.
    pub fn wire(&self, service: ServiceIndex) -> Wire {
        self.own(service).map_or(self.preset.wire, |service| service.wire)
    }

    /// Where a service's requests go for a credential with these plain fields.
    pub fn origin<'f>(
        &self,
        service: ServiceIndex,
        plain: impl Fn(&str) -> Option<&'f str>,
    ) -> Result<Origin, NoOrigin> {
        let (name, template) = self.service_origin(service);
        if let Some(origin) = self.upstreams.one.as_ref().or_else(|| self.upstreams.named(name)) {
            return Ok(origin.clone());
        }
        match template {
            OriginTemplate::Fixed(origin) => Ok(origin.clone()),
            OriginTemplate::Chosen { field, .. } => {
                let default = || self.preset.field(field).and_then(|spec| spec.default.as_deref());
                let value = plain(field).or_else(default).ok_or_else(|| NoOrigin::Missing(field.clone()))?;
                let replaced = self.upstreams.named(value).cloned();
                replaced.or_else(|| template.with(value)).ok_or_else(|| NoOrigin::NotALabel(field.clone()))
            }
        }
    }

    /// What a URL inside one of the provider's answers points at.
    pub fn locate<'u>(&self, url: &'u str) -> Located<'u> {
        let regional = |origin: &Origin| self.preset.regions.iter().flat_map(|r| &r.origins).any(|(_, o)| o == origin);
        origin::locate(url, |origin| {
            self.upstreams.owns(origin) || regional(origin) || self.templates().any(|t| t.matches(origin))
        })
    }

    /// Headers and cookies in which its SDKs put the caller's token.
    pub fn slots(&self) -> &[Slot] {
        &self.preset.slots
    }

    /// The headers among [`Self::slots`], each once.
    pub fn slot_headers(&self) -> &[HeaderName] {
        &self.slot_headers
    }

    pub fn secret_fields(&self) -> impl Iterator<Item = &FieldSpec> {
        self.preset.fields.iter().filter(|f| f.sensitivity == Sensitivity::Secret)
    }

    /// The fields of a credential, checked against what the preset asks for.
    pub fn fields(&self, given: impl IntoIterator<Item = (String, Secret)>) -> Result<Fields, FieldError> {
        let fields = Fields::parse(&self.preset.fields, given)?;
        fields.check_one_of(&self.preset.one_of)?;
        Ok(fields)
    }

    fn service_origin(&self, service: ServiceIndex) -> (&str, &OriginTemplate) {
        let own = self.own(service).and_then(|service| Some((&*service.name, service.origin.as_ref()?)));
        own.unwrap_or((origin::MAIN, &self.preset.origin))
    }

    fn own(&self, service: ServiceIndex) -> Option<&Service> {
        service.place().and_then(|at| self.preset.services.get(at))
    }

    fn templates(&self) -> impl Iterator<Item = &OriginTemplate> {
        std::iter::once(&self.preset.origin).chain(self.preset.services.iter().filter_map(|s| s.origin.as_ref()))
    }
}

#[cfg(test)]
mod tests;
