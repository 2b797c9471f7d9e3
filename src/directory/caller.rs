//! One caller in memory, and the table of all of them.
//! Owns what each token's requests were resolved to; there may be a million of them, so every field is counted.
//! Never compares less than the whole digest of a token.

use super::{Grant, Purse};
use crate::{
    clock::Timestamp,
    id::{CredentialId, TokenId},
    identity::{TokenHolder, pat::PatDigest},
    provider::Provider,
};
use dashmap::{DashMap, Entry};
use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

/// Somebody who presented a valid token, and what their requests were resolved to.
pub struct Caller {
    pub digest: PatDigest,
    pub holder: TokenHolder,
    grants: Mutex<Grants>,
    /// The minute, plus [`TAKEN`] once somebody has asked for it.
    used: AtomicI64,
}

/// Most callers have one, and nobody many; all of one telling of the log.
#[derive(Default)]
struct Grants {
    /// The telling of the log that the caller was read in last.
    caller: u32,
    /// And that these were.
    era: u32,
    list: Box<[Arc<Grant>]>,
}

/// A minute has no odd milliseconds, so this marks one without making it another.
const TAKEN: i64 = 1;

impl Caller {
    pub(super) fn new(digest: PatDigest, holder: TokenHolder, era: u32) -> Arc<Self> {
        let grants = Mutex::new(Grants { caller: era, ..Grants::default() });
        Arc::new(Self { digest, holder, grants, used: AtomicI64::new(TAKEN) })
    }

    /// The telling of the log that this was read in last.
    pub(super) fn era(&self) -> u32 {
        self.grants.lock().map_or(0, |grants| grants.caller)
    }

    /// It was read again and found the same.
    pub(super) fn confirm(&self, era: u32) {
        if let Ok(mut grants) = self.grants.lock() {
            grants.caller = grants.caller.max(era);
        }
    }

    /// With the telling of the log that it was made in.
    pub(super) fn grant(&self, provider: &Arc<Provider>, purse: Option<&Purse>) -> Option<(Arc<Grant>, u32)> {
        let grants = self.grants.lock().ok()?;
        let grant = grants.list.iter().find(|grant| grant.is_for(provider, purse)).map(Arc::clone);
        grant.map(|grant| (grant, grants.era))
    }

    /// What was kept of an earlier telling goes with the first of a later one; what comes late is not kept.
    pub(super) fn keep(&self, grant: &Arc<Grant>, era: u32) {
        if let Ok(mut grants) = self.grants.lock()
            && era >= grants.era
        {
            let stays = |kept: &&Arc<Grant>| era == grants.era && !kept.is_for(&grant.provider, grant.purse());
            let list = grants.list.iter().filter(stays).chain([grant]).map(Arc::clone).collect();
            (grants.era, grants.list) = (era, list);
        }
    }

    pub(super) fn forget(&self) {
        if let Ok(mut grants) = self.grants.lock() {
            grants.list = Box::default();
        }
    }

    pub(super) fn forget_credential(&self, credential: CredentialId) {
        if let Ok(mut grants) = self.grants.lock()
            && grants.list.iter().any(|grant| grant.credential == credential)
        {
            grants.list = grants.list.iter().filter(|grant| grant.credential != credential).map(Arc::clone).collect();
        }
    }

    /// Notes that the token was used; writing is somebody else's.
    pub fn note_use(&self, now: Timestamp) {
        let minute = now.minute().millis();
        if self.used.load(Ordering::Relaxed) & !TAKEN != minute {
            self.used.store(minute, Ordering::Relaxed);
        }
    }

    /// The last minute of use, told once.
    fn take_used(&self) -> Option<(TokenId, Timestamp)> {
        if self.used.load(Ordering::Relaxed) & TAKEN != 0 {
            return None;
        }
        let at = self.used.fetch_or(TAKEN, Ordering::Relaxed);
        (at & TAKEN == 0).then(|| (self.holder.token, Timestamp::from_millis(at)))
    }
}

/// Callers by the digest of their token. The digest stands in the caller alone, so that a place in the table, of which
/// up to half are empty, is no larger than a pointer.
#[derive(Default)]
pub(super) struct Callers(DashMap<ByDigest, ()>);

struct ByDigest(Arc<Caller>);

impl Borrow<PatDigest> for ByDigest {
    fn borrow(&self) -> &PatDigest {
        &self.0.digest
    }
}

impl PartialEq for ByDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for ByDigest {}

impl Hash for ByDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl Callers {
    pub fn find(&self, digest: &PatDigest) -> Option<Arc<Caller>> {
        self.0.get(digest).map(|kept| Arc::clone(&kept.key().0))
    }

    /// In the place of whoever was known by the same digest, if they are still to be kept once that place is locked.
    pub fn keep(&self, caller: &Arc<Caller>, still: impl FnOnce() -> bool) {
        match self.0.entry(ByDigest(Arc::clone(caller))) {
            _ if !still() => {}
            Entry::Occupied(known) => drop(known.replace_entry(())),
            Entry::Vacant(free) => drop(free.insert(())),
        }
    }

    pub fn remove(&self, digest: &PatDigest) {
        self.0.remove(digest);
    }

    pub fn retain(&self, keeps: impl Fn(&Caller) -> bool) {
        self.0.retain(|kept, ()| keeps(&kept.0));
    }

    pub fn clear(&self) {
        self.0.clear();
    }

    pub fn forget_grants(&self) {
        self.0.iter().for_each(|kept| kept.key().0.forget());
    }

    pub fn forget_credential(&self, credential: CredentialId) {
        self.0.iter().for_each(|kept| kept.key().0.forget_credential(credential));
    }

    pub fn take_used(&self) -> Vec<(TokenId, Timestamp)> {
        // What nobody fills takes no memory; a vector that grows leaves its smaller selves behind.
        let mut used = Vec::with_capacity(self.len());
        used.extend(self.0.iter().filter_map(|kept| kept.key().0.take_used()));
        used
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::UserId,
        identity::{Scopes, Standing, pat::PatDigest},
    };

    fn digest(last: char) -> PatDigest {
        PatDigest::from_hex(&format!("{}{last}", "0".repeat(63))).unwrap()
    }

    fn caller(last: char) -> Arc<Caller> {
        let standing = Standing {
            user: UserId::new(),
            name: "ada".parse().unwrap(),
            admin: false,
            sign_in_by: Timestamp::MAX,
            active: None,
            memberships: Box::default(),
        };
        let (token, expires) = (TokenId::new(), Timestamp::MAX);
        let holder =
            TokenHolder { token, token_name: "laptop".into(), scopes: Scopes::RUN, expires, boundary: None, standing };
        Caller::new(digest(last), holder, 1)
    }

    #[test]
    fn digests_that_differ_in_their_last_bits_are_two_callers() {
        let (callers, one) = (Callers::default(), caller('1'));
        callers.keep(&one, || true);
        assert!(callers.find(&digest('1')).is_some_and(|found| Arc::ptr_eq(&found, &one)));
        assert!(callers.find(&digest('2')).is_none());
    }

    #[test]
    fn who_is_kept_later_takes_the_place_and_who_comes_too_late_does_not() {
        let (callers, earlier, later) = (Callers::default(), caller('1'), caller('1'));
        callers.keep(&earlier, || true);
        callers.keep(&later, || true);
        callers.keep(&earlier, || false);
        assert!(callers.find(&digest('1')).is_some_and(|found| Arc::ptr_eq(&found, &later)));
        callers.remove(&digest('1'));
        callers.keep(&earlier, || false);
        assert_eq!(callers.len(), 0);
    }

    #[test]
    fn each_minute_of_use_is_told_once() {
        let (caller, minute) = (caller('1'), |n: i64| Timestamp::from_millis(n * 60_000));
        assert_eq!(caller.take_used(), None);
        caller.note_use(Timestamp::from_millis(60_123));
        assert_eq!(caller.take_used(), Some((caller.holder.token, minute(1))));
        caller.note_use(Timestamp::from_millis(61_234));
        assert_eq!(caller.take_used(), None);
        caller.note_use(minute(2));
        assert_eq!(caller.take_used(), Some((caller.holder.token, minute(2))));
    }

    /// What the allocator hands out comes in steps; one field more can cost a million callers 32 bytes each.
    #[test]
    fn a_caller_and_a_grant_stay_within_the_allocators_steps() {
        let counts = 2 * size_of::<usize>();
        assert!(counts + size_of::<Caller>() <= 224, "{}", size_of::<Caller>());
        assert!(counts + size_of::<Grant>() <= 112, "{}", size_of::<Grant>());
    }
}
