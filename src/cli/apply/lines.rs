//! A file of lines, one user on each: read as a stream and applied in batches, so that a million users fit in memory.
//! Owns the batch at hand, and, where `--prune` asks for it, a mark for every name that was seen.
//! Never applies a part of a batch: whoever runs the same file again after a mistake goes on from there.

use super::{
    ApplyError, Installation, MadeToken, Options, Output, Prune, Report, Result, Run, carry,
    declared::{Extent, State},
    document,
    mistake::Mistake,
    plan::Planner,
    settle,
};
use crate::identity::UserName;
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    io::BufRead,
};

/// Few enough that nobody waits long for the write lock.
const BATCH: usize = 1_000;
/// How many users are looked at in one go when the file has ended.
const PAGE: u32 = 1_000;
/// Longer than any user with a reasonable number of tokens and credentials.
const LONGEST_LINE: usize = 1 << 20;

pub async fn apply(
    on: Installation<'_>,
    name: &str,
    lines: &mut dyn BufRead,
    options: Options,
    output: &mut dyn Output,
) -> Result<Report> {
    on.store.expect_bulk().await?;
    let mut source = Lines { file: name, input: lines, number: 0 };
    let (mut report, mut seen) = (Report::default(), Seen::default());
    loop {
        let first = source.number + 1;
        let state = source.batch(on)?;
        if state.users.is_empty() {
            break;
        }
        state.users.iter().filter(|_| options.prune == Prune::Remove).for_each(|user| seen.add(&user.name));
        let mut quiet = Quiet(output);
        let done = settle(on, options, &state, name, &mut quiet).await?;
        if done.changes > 0 {
            output.changed(&format!("{name}: lines {first} to {}: {} changes", source.number, done.changes));
        }
        report.add(done);
    }
    if options.prune == Prune::Remove {
        report.add(prune(on, name, options, &seen, output).await?);
    }
    Ok(report)
}

struct Lines<'a> {
    file: &'a str,
    input: &'a mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn batch(&mut self, on: Installation<'_>) -> Result<State> {
        let mut state = State { users: Vec::with_capacity(BATCH), organizations: Vec::new(), extent: Extent::Users };
        let mut names = HashSet::new();
        let checker = on.checker();
        while state.users.len() < BATCH {
            let Some(line) = self.next()? else { break };
            let user = document::User::from_json(&line).and_then(|user| checker.user(user));
            let mut user = user.map_err(|mistake| mistake.in_line(self.file, self.number))?;
            user.line = Some(self.number);
            if !names.insert(user.name.clone()) {
                let twice = Mistake::at(user.at, "this user is here twice");
                return Err(twice.in_line(self.file, self.number).into());
            }
            state.users.push(user);
        }
        Ok(state)
    }

    /// The next line that is not blank.
    fn next(&mut self) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
        loop {
            let mut line = zeroize::Zeroizing::new(Vec::new());
            let limit = LONGEST_LINE as u64 + 1;
            let read = std::io::Read::take(&mut *self.input, limit).read_until(b'\n', &mut line);
            let read = read.map_err(|error| ApplyError::Unreadable { file: self.file.into(), error })?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.len() > LONGEST_LINE {
                let problem = format!("expected a line of at most {LONGEST_LINE} bytes");
                return Err(Mistake::at(serde_yaml::Location::UNKNOWN, problem).in_line(self.file, self.number).into());
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

/// Hashes of the names that were seen, eight bytes each. Two names that share one only keep a user
/// who might have been removed.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    fn add(&mut self, name: &UserName) {
        self.hashes.insert(self.hasher.hash_one(name));
    }

    fn has(&self, name: &UserName) -> bool {
        self.hashes.contains(&self.hasher.hash_one(name))
    }
}

/// Removes, page by page, the users whom an earlier `apply` made and the file did not name.
async fn prune(
    on: Installation<'_>,
    file: &str,
    options: Options,
    seen: &Seen,
    output: &mut dyn Output,
) -> Result<Report> {
    let (mut after, mut report) = (None, Report::default());
    loop {
        let mut page = on.store.read().await?.users(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(report) };
        let next = Some(last.name.clone());
        page.retain(|row| !seen.has(&row.name));
        let plan = Planner::new(on, options, file).await?.without(&page);
        if options.run == Run::Real && !plan.is_empty() {
            match carry::carry_out(on.write().await?, &plan).await? {
                carry::Outcome::Done => {}
                carry::Outcome::Overtaken => continue,
            }
        }
        plan.words.iter().for_each(|words| output.changed(words));
        report.changes += plan.words.len() as u64;
        after = next;
    }
}

/// Of a thousand users a batch is told in one line, but for the tokens that were made, and what was not done.
struct Quiet<'a>(&'a mut dyn Output);

impl Output for Quiet<'_> {
    fn made(&mut self, token: &MadeToken) {
        self.0.made(token);
    }

    fn changed(&mut self, _: &str) {}

    fn remarked(&mut self, words: &str) {
        self.0.remarked(words);
    }
}

impl Report {
    fn add(&mut self, other: Self) {
        self.users += other.users;
        self.changes += other.changes;
    }
}
