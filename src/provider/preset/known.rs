//! What a preset has declared so far, for the parts that speak of it: fields, services.
//! Owns nothing.
//! Never lets a name through that stands for nothing.

use super::{
    FieldSet, Service,
    mistake::{Checked, mistake, parsed, quoted},
    raw::Text,
};
use crate::provider::{
    ServiceIndex,
    fields::{FieldSpec, Presence, Sensitivity},
    value::ValueTemplate,
};

#[derive(Clone, Copy)]
pub struct Known<'p> {
    pub fields: &'p [FieldSpec],
    pub services: &'p [Service],
    pub one_of: &'p [FieldSet],
}

impl<'p> Known<'p> {
    pub fn named(&self, name: &str) -> Result<&'p FieldSpec, String> {
        self.fields.iter().find(|f| *f.name == *name).ok_or_else(|| {
            let known: Vec<&str> = self.fields.iter().map(|f| &*f.name).collect();
            format!("expected a declared field ({})", known.join(", "))
        })
    }

    pub fn plain(&self, text: &Text) -> Checked<Box<str>> {
        self.of(text, Sensitivity::Plain, ("plain", "secret"))
    }

    /// Whether every credential says this, in the clear and as one value.
    pub fn is_always_plain(&self, name: &str) -> bool {
        self.named(name).is_ok_and(|field| {
            let always_there = field.presence == Presence::Required || field.default.is_some();
            field.sensitivity == Sensitivity::Plain && !field.list && always_there
        })
    }

    pub fn secret(&self, text: &Text) -> Checked<Box<str>> {
        self.of(text, Sensitivity::Secret, ("secret", "plain"))
    }

    fn of(&self, text: &Text, wanted: Sensitivity, (expected, found): (&str, &str)) -> Checked<Box<str>> {
        let field = parsed(text, |name| self.named(name))?;
        if field.sensitivity == wanted {
            return Ok(field.name.clone());
        }
        mistake(text, format!("expected a {expected} field, and {} is {found}", quoted(&field.name)))
    }

    pub fn service(&self, text: &Text) -> Checked<ServiceIndex> {
        let place = self.services.iter().position(|service| *service.name == *text.value);
        match place.and_then(ServiceIndex::of_place) {
            Some(index) => Ok(index),
            None => mistake(text, format!("expected a declared service, not {}", quoted(&text.value))),
        }
    }

    /// A text with fields in it. What is sent must be there: an optional field is for a selector, or one of a set of
    /// which a credential has all.
    pub fn template(&self, text: &Text) -> Checked<ValueTemplate> {
        self.template_with(text, &[])
    }

    /// `others` are names that stand for something else than fields.
    pub fn template_with(&self, text: &Text, others: &[&str]) -> Checked<ValueTemplate> {
        let template = parsed(text, ValueTemplate::parse)?;
        for name in template.fields().filter(|name| !others.contains(name)) {
            let field =
                self.named(name).or_else(|problem| mistake(text, format!("{problem}, not {}", quoted(name))))?;
            let in_a_set = || self.one_of.iter().flatten().any(|member| **member == *name);
            if field.presence == Presence::Optional && field.default.is_none() && !in_a_set() {
                return mistake(
                    text,
                    format!("expected fields that are always there, and {} is optional", quoted(name)),
                );
            }
        }
        Ok(template)
    }
}
