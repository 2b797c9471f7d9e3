//! What comes into being: by ids that the client makes, or that the answer gives.
//! Owns nothing.
//! Never passes over a thing that it cannot name: an answer that made something unnamed is not given out.

use super::{
    Position, Sent, Unreadable, figures::Source, id, id::read_value, is_required, list::is_error, same_element,
};
use crate::{
    job::{Figures, Thing},
    provider::{
        pointer::Pointer,
        preset::{
            Preset,
            operation::{Creation, Place},
        },
    },
};
use serde_json::Value;

/// A thing that came into being, and what is known of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    pub thing: Thing,
    /// What it belongs to: a session, or the job whose circuit it is.
    pub parent: Option<Thing>,
    /// Nothing for a child of its own kind: it is counted with its parent.
    pub figures: Figures,
}

/// The things whose ids the client makes, with what the request tells of them.
pub fn made_by_client(sent: &Sent<'_>, preset: &Preset, used: &[Thing]) -> Result<Vec<Created>, Unreadable> {
    let mut harvest = Harvest::default();
    for creation in &sent.operation().creates {
        harvest.take_from_request(sent, creation)?;
    }
    let operation = sent.operation();
    let answered = |kind: &str| operation.creates.iter().any(|c| *c.kind == *kind && matches!(c.id, Place::Answer(_)));
    let alone = operation.creates.iter().filter(|c| is_required(c) && !answered(&c.kind));
    harvest.require(alone)?;
    Ok(harvest.created(&Source { sent, answer: None }, preset, used))
}

/// Everything that a request made, by its answer: also what the client named, now with what the answer tells of it.
pub fn made(sent: &Sent<'_>, preset: &Preset, used: &[Thing], answer: &Value) -> Result<Vec<Created>, Unreadable> {
    let mut harvest = Harvest::default();
    let operation = sent.operation();
    for creation in &operation.creates {
        harvest.take_from_request(sent, creation)?;
        harvest.take_from_answer(answer, creation, operation.item_error.as_ref())?;
    }
    harvest.require(operation.creates.iter().filter(|c| is_required(c)))?;
    Ok(harvest.created(&Source { sent, answer: Some(answer) }, preset, used))
}

/// What is found on the way through the places of ids.
#[derive(Default)]
struct Harvest<'o> {
    found: Vec<Found<'o>>,
    /// Elements in which an id belongs and none is.
    unnamed: Vec<(&'o Creation, Position)>,
    /// Whether an element is there that was refused by itself.
    refused: bool,
}

struct Found<'o> {
    creation: &'o Creation,
    at: Position,
    thing: Thing,
}

impl<'o> Harvest<'o> {
    fn take_from_request(&mut self, sent: &Sent<'_>, creation: &'o Creation) -> Result<(), Unreadable> {
        match &creation.id {
            Place::Path(name) => {
                sent.captured(name)?.into_iter().for_each(|id| self.add(creation, Position::new(), id));
            }
            Place::Query(key) => {
                id::in_query(sent.query, key)?.into_iter().for_each(|id| self.add(creation, Position::new(), id));
            }
            Place::Body(pointer) => {
                for (at, value) in sent.body.map(|body| pointer.placed(body)).unwrap_or_default() {
                    read_value(value)?.into_iter().for_each(|id| self.add(creation, at.clone(), id));
                }
            }
            Place::Answer(_) => {}
        }
        Ok(())
    }

    fn take_from_answer(
        &mut self,
        answer: &Value,
        creation: &'o Creation,
        item_error: Option<&Pointer>,
    ) -> Result<(), Unreadable> {
        let Place::Answer(pointer) = &creation.id else { return Ok(()) };
        let (elements, within) = pointer.split_elements();
        for (at, element) in elements.placed(answer) {
            if item_error.is_some_and(|error| is_error(element, error)) {
                self.refused = true;
                continue;
            }
            // One place is for a batch's answer, the other for a single thing's.
            if element.is_array() && !within.is_root() {
                continue;
            }
            let text = within.values(element).first().map(|value| read_value(value)).transpose()?.flatten();
            match text.and_then(|text| creation.id_within(text)) {
                Some(id) => self.add(creation, at, id),
                None => self.unnamed.push((creation, at)),
            }
        }
        Ok(())
    }

    fn add(&mut self, creation: &'o Creation, at: Position, id: Box<str>) {
        let thing = Thing { kind: creation.kind.clone(), id };
        if !self.found.iter().any(|known| known.thing == thing) {
            self.found.push(Found { creation, at, thing });
        }
    }

    /// Of the places for one kind, at least one names something, unless all was refused by itself.
    fn require(&self, creations: impl Iterator<Item = &'o Creation>) -> Result<(), Unreadable> {
        for creation in creations {
            let mut named = self.found.iter().filter(|found| found.thing.kind == creation.kind).peekable();
            if named.peek().is_none() && !self.refused {
                return Err(Unreadable::NoId);
            }
            let named: Vec<&Position> = named.map(|found| &found.at).collect();
            let unnamed = self.unnamed.iter().filter(|(at, _)| at.kind == creation.kind && is_required(at));
            if unnamed.into_iter().any(|(_, at)| !named.iter().any(|there| same_element(there, at))) {
                return Err(Unreadable::NoId);
            }
        }
        Ok(())
    }

    fn created(&self, source: &Source<'_>, preset: &Preset, used: &[Thing]) -> Vec<Created> {
        let counted = self.found.iter().find(|found| is_required(found.creation)).map(|found| &found.thing.kind);
        let created = self.found.iter().map(|found| {
            let has_figures = is_required(found.creation) && Some(&found.thing.kind) == counted;
            Created {
                thing: found.thing.clone(),
                parent: self.parent(found, used),
                figures: if has_figures { source.figures(preset, &found.at) } else { Figures::default() },
            }
        });
        created.collect()
    }

    /// What was made in the same element before what was used; where several could be meant, nobody knows.
    fn parent(&self, child: &Found<'_>, used: &[Thing]) -> Option<Thing> {
        let kind = child.creation.parent.as_ref()?;
        let made = self.found.iter().filter(|other| is_required(other.creation) && other.thing != child.thing);
        let made = made.filter(|other| same_element(&other.at, &child.at)).map(|other| &other.thing);
        let of_kind = |things: &mut dyn Iterator<Item = &Thing>| -> Option<Thing> {
            let mut things = things.filter(|thing| thing.kind == *kind);
            let first = things.next()?;
            things.all(|other| other == first).then(|| first.clone())
        };
        of_kind(&mut made.into_iter()).or_else(|| of_kind(&mut used.iter()))
    }
}
