//! What each entry does to the page.
//! Owns nothing.
//! Never trusts an answer that names what is on record for another owner, and never moves what has ended.

use super::{
    charge::{bounded_amounts, bounded_figures, bounded_word},
    page::{Line, Page, Place, Submission, ThingLine, as_signed},
};
use crate::{
    clock::Timestamp,
    id::{NoteId, QuotaId, SubmissionId, UserId},
    job::{
        Amounts, Figures, Intent, JOB, Made, PART, Payer, State, Thing, ThingKey,
        entry::{Binding, Entered, Entry, Note, Observation},
        quota::{Exceeded, Period, Quota, Subject},
    },
};
use std::{fmt::Write, sync::Arc};

impl Page {
    pub fn enter(&mut self, entry: &Entry) -> Entered {
        match entry {
            Entry::Intend(intent) => self.intend(intent),
            Entry::Bind(binding) => self.bind(binding),
            Entry::End { submission, state, at } => self.end(*submission, *state, *at),
            Entry::Observe(observation) => self.observe(observation),
            Entry::Note(note) => {
                self.notes.push(note.clone());
                Entered::Done
            }
        }
    }

    fn intend(&mut self, intent: &Intent) -> Entered {
        if self.submissions.contains_key(&intent.id) {
            return Entered::Done;
        }
        let Some(repeats) = self.repeats(intent) else { return Entered::Taken };
        let asks = self.newly_asked(intent, repeats);
        let held = match self.room(intent, &asks) {
            Ok(held) => held,
            Err(exceeded) => return Entered::Exceeded(Box::new(exceeded)),
        };
        let repetition = if repeats { None } else { intent.repetition };
        let kept = Intent {
            asks: bounded_amounts(&intent.asks),
            target: intent.target.as_deref().map(bounded_word),
            makes: Box::default(),
            ..intent.clone()
        };
        let kept = Arc::new(kept);
        self.open(Arc::clone(&kept), repetition, &held);
        for made in &intent.makes {
            let place = place(&kept.payer, made);
            if self.thing(&place).is_none() {
                self.put(place, Some(new_thing(&kept, kept.payer.user, made, intent.at)));
            }
        }
        Entered::Done
    }

    /// Whether the client has marked it as a repetition of its own; `None` if a mark or an id is somebody else's.
    fn repeats(&self, intent: &Intent) -> Option<bool> {
        let user = intent.payer.user;
        let is_taken = intent.makes.iter().any(|made| {
            let thing = self.thing(&place(&intent.payer, made));
            thing.is_some_and(|thing| thing.owner != user)
        });
        if is_taken {
            return None;
        }
        match intent.repetition.and_then(|key| self.holder_of(key)) {
            Some(holder) if holder.intent.payer.user != user => None,
            holder => Some(holder.is_some()),
        }
    }

    /// What it asks for beyond what it repeats: a job that is on record is held for already.
    fn newly_asked(&self, intent: &Intent, repeats: bool) -> Amounts {
        let jobs = intent.makes.iter().filter(|made| &*made.thing.kind == JOB);
        let on_record = jobs.filter(|made| self.thing(&place(&intent.payer, made)).is_some()).count() as u64;
        let left = intent.asks.jobs.saturating_sub(on_record);
        if repeats || (on_record > 0 && left == 0) {
            return Amounts::default();
        }
        Amounts { jobs: left, ..bounded_amounts(&intent.asks) }
    }

    /// What each quota is to hold; of several that leave no room, the one that renews last.
    fn room(&self, intent: &Intent, asks: &Amounts) -> Result<Vec<(QuotaId, Period, u64)>, Exceeded> {
        let binding = self.quotas.values().filter(|quota| binds(quota, &intent.payer));
        let binding: Vec<&Quota> = binding.collect();
        if *asks != Amounts::default() {
            let exceeded = binding.iter().filter_map(|quota| self.exceeded(quota, intent.at, quota.held(asks)));
            if let Some(exceeded) = exceeded.max_by_key(|exceeded| exceeded.renews) {
                return Err(exceeded);
            }
        }
        Ok(binding.into_iter().map(|quota| (quota.id, quota.period, quota.held(asks))).collect())
    }

    /// What nobody can tell how much it will take fits as long as anything is left.
    fn exceeded(&self, quota: &Quota, at: Timestamp, held: u64) -> Option<Exceeded> {
        let used = self.used.get(&(quota.id, quota.period.start(at))).copied().unwrap_or_default().max(0);
        if used.saturating_add(as_signed(held.max(1))) <= as_signed(quota.limit) {
            return None;
        }
        Some(Exceeded { quota: quota.clone(), used: used.unsigned_abs(), renews: quota.period.end(at) })
    }

    /// A late one is bound too, whatever was thought of it before: the provider has said what it made.
    fn bind(&mut self, binding: &Binding) -> Entered {
        let submission = self.submission(binding.submission).filter(|s| s.intent.payer.provider == binding.provider);
        let Some(submission) = submission.cloned() else { return Entered::Missing };
        self.turn(binding.submission, State::Bound);
        let (mut entered, mut new) = (Entered::Done, Vec::new());
        for made in &binding.made {
            match self.bind_thing(&submission.intent, made, binding.at) {
                Bound::New => new.push(made),
                Bound::Known => {}
                Bound::Foreign => entered = Entered::Foreign,
            }
        }
        if submission.state != State::Bound || !new.is_empty() {
            self.tell(&submission.intent, State::Bound, binding.at, &new);
        }
        entered
    }

    fn bind_thing(&mut self, intent: &Intent, made: &Made, at: Timestamp) -> Bound {
        let place = place(&intent.payer, made);
        match self.thing(&place).cloned() {
            None => {
                let owner = self.owner(intent, made.parent);
                let thing = new_thing(intent, owner, made, at);
                let thing = if self.is_part(intent, made) { part(thing) } else { thing };
                self.put(place, Some(settled(intent, ThingLine { bound: true, ..thing })));
                Bound::New
            }
            Some(found) if found.submission != intent.id && found.owner != intent.payer.user => Bound::Foreign,
            Some(found) if found.bound => {
                self.put(place, Some(with(found, &made.figures, at)));
                Bound::Known
            }
            // Taken by this intent, or by an earlier one of the same user's that this one repeats.
            Some(taken) => {
                let thing = with(taken, &made.figures, at);
                let thing = ThingLine { bound: true, ..new_home(thing, intent) };
                self.put(place, Some(settled(intent, thing)));
                Bound::New
            }
        }
    }

    /// Whether it is a job within a job, such as one circuit of many.
    fn is_part(&self, intent: &Intent, made: &Made) -> bool {
        let parent = made.parent.and_then(|key| self.thing(&(key, intent.payer.account.clone())));
        &*made.thing.kind == JOB && parent.is_some_and(|parent| matches!(&*parent.thing.kind, JOB | PART))
    }

    /// What a thing of the same submission made belongs to whom that belongs to by now.
    fn owner(&self, intent: &Intent, parent: Option<ThingKey>) -> UserId {
        let parent = parent.and_then(|key| self.thing(&(key, intent.payer.account.clone())));
        let parent = parent.filter(|parent| parent.submission == intent.id);
        parent.map_or(intent.payer.user, |parent| parent.owner)
    }

    fn end(&mut self, id: SubmissionId, state: State, at: Timestamp) -> Entered {
        let Some(submission) = self.submission(id).cloned() else { return Entered::Missing };
        let moves = submission.state.is_pending() && state != State::Open && state != submission.state;
        if moves {
            self.turn(id, state);
            if !state.is_live() {
                self.forget_taken(id);
            }
            self.tell(&submission.intent, state, at, &[]);
        }
        Entered::Done
    }

    fn forget_taken(&mut self, id: SubmissionId) {
        let is_taken = |line: &Line<ThingLine>| line.is.as_ref().is_some_and(|t| t.submission == id && !t.bound);
        let taken: Vec<Place> =
            self.things.iter().filter(|(_, line)| is_taken(line)).map(|(place, _)| place.clone()).collect();
        for place in taken {
            self.put(place, None);
        }
    }

    fn observe(&mut self, observation: &Observation) -> Entered {
        let place = (observation.key, observation.account.clone());
        let Some(found) = self.thing(&place).cloned() else { return Entered::Missing };
        let proves = !found.bound && observation.figures != Figures::default();
        let submission = self.submission(found.submission).cloned();
        let thing = with(found, &observation.figures, observation.at);
        match submission {
            // Nobody knew what came of it; now the provider speaks of what it was to make.
            Some(Submission { intent, state: State::Unknown, .. }) if proves => {
                self.turn(intent.id, State::Bound);
                self.tell(&intent, State::Bound, observation.at, &[]);
                self.put(place, Some(settled(&intent, ThingLine { bound: true, ..thing })));
            }
            _ => self.put(place, Some(thing)),
        }
        Entered::Done
    }

    fn tell(&mut self, intent: &Intent, state: State, at: Timestamp, made: &[&Made]) {
        let payer = &intent.payer;
        let mut detail =
            format!("{state}: {} at {}, credential {}", intent.operation, payer.provider, payer.credential);
        for Made { thing, .. } in made {
            // Writing to a String cannot fail.
            let _ = write!(detail, ", {} {}", thing.kind, thing.id.escape_debug());
        }
        let (id, subject, detail) = (NoteId::new(), intent.id.to_string().into(), detail.into());
        self.notes.push(Note { id, at, user: payer.user, action: "job.submitted".into(), subject, detail });
    }
}

enum Bound {
    New,
    Known,
    Foreign,
}

fn binds(quota: &Quota, payer: &Payer) -> bool {
    let subject = match quota.subject {
        Subject::User(id) => payer.user == id && quota.within.is_none_or(|within| payer.organization == Some(within)),
        Subject::Organization(id) => payer.organization == Some(id),
        Subject::Project(id) => payer.project == Some(id),
        Subject::Credential(id) => payer.credential == id,
    };
    subject && quota.provider.as_ref().is_none_or(|provider| *provider == payer.provider)
}

pub fn place(payer: &Payer, made: &Made) -> Place {
    (ThingKey::new(&payer.provider, &made.thing), payer.account.clone())
}

fn new_thing(intent: &Intent, owner: UserId, made: &Made, at: Timestamp) -> ThingLine {
    let payer = &intent.payer;
    let blank = ThingLine {
        provider: payer.provider.clone(),
        thing: made.thing.clone(),
        submission: intent.id,
        owner,
        organization: payer.organization,
        project: payer.project,
        token: payer.token,
        credential: payer.credential,
        parent: made.parent,
        created: intent.at,
        bound: false,
        status: None,
        ended: None,
        target: None,
        shots: None,
        qpu_us: None,
        micros: None,
    };
    with(blank, &made.figures, at)
}

fn part(thing: ThingLine) -> ThingLine {
    ThingLine { thing: Thing { kind: PART.into(), ..thing.thing }, ..thing }
}

/// The same thing, by the submission that it turned out to come from.
fn new_home(thing: ThingLine, intent: &Intent) -> ThingLine {
    let payer = &intent.payer;
    ThingLine {
        submission: intent.id,
        organization: payer.organization,
        project: payer.project,
        token: payer.token,
        credential: payer.credential,
        created: intent.at,
        ..thing
    }
}

/// Where the answer does not say where it runs, and how often, the request did.
fn settled(intent: &Intent, thing: ThingLine) -> ThingLine {
    if &*thing.thing.kind != JOB {
        return thing;
    }
    let asked = intent.asks.shots.checked_div(intent.asks.jobs).filter(|shots| *shots > 0);
    ThingLine { target: thing.target.or_else(|| intent.target.clone()), shots: thing.shots.or(asked), ..thing }
}

/// A thing with what an answer says of it. How it ended is said once, and an answer that was late on its way, from when
/// it had not ended, does not take it back.
fn with(thing: ThingLine, figures: &Figures, at: Timestamp) -> ThingLine {
    let figures = bounded_figures(figures);
    let is_stale = thing.ended.is_some() && figures.ended.is_none();
    let status = figures.status.filter(|_| !is_stale || thing.status.is_none());
    ThingLine {
        status: status.or(thing.status),
        ended: thing.ended.or(figures.ended.map(|ended| (ended, at))),
        target: thing.target.or(figures.target),
        shots: thing.shots.or(figures.shots),
        qpu_us: figures.qpu_us.or(thing.qpu_us),
        micros: figures.micros.or(thing.micros),
        ..thing
    }
}
