//! Submissions and what they make: on record once, whoever repeats, races or crashes.

use crate::{
    on_both,
    place::{NOW, Place},
    processes::beat,
    shop::{ACCOUNT, Shop, bind, end, ended, enter, intend, job, key, later, made, observe, set},
};
use bellhop::{
    credential::Owner,
    id::{NoteId, ProcessId, SubmissionId, UserId},
    job::{
        Ended, Figures, JOB, Made, State, Thing, ThingKey,
        entry::{Binding, Entered, Entry, Note},
        quota::{Measure, Subject},
    },
    store::{Conflict, JobFilter, JobRow, StoreError, SubmissionFilter, Whose},
};

async fn state(place: &Place, id: SubmissionId) -> Option<State> {
    let filter = SubmissionFilter { of: Whose::Everybody, provider: None, state: None };
    let all = place.store.read().await.unwrap().submissions(&filter, None, 100).await.unwrap();
    all.iter().find(|row| row.id == id).map(|row| row.state)
}

async fn row(place: &Place, id: &str) -> JobRow {
    place.store.read().await.unwrap().job(key(id)).await.unwrap().remove(0)
}

fn note(user: UserId) -> Note {
    let (action, subject, detail) = ("job.cancelled".into(), "job j1".into(), "".into());
    Note { id: NoteId::new(), at: later(3), user, action, subject, detail }
}

async fn jobs(place: &Place) -> usize {
    let filter = JobFilter { of: Whose::Everybody, provider: None, credential: None, progress: None };
    place.store.read().await.unwrap().jobs(&filter, None, 100).await.unwrap().len()
}

on_both! {
    async fn a_submission_is_on_record_before_and_what_it_made_after(place: &Place) {
        let shop = Shop::open(place).await;
        let (ada, intent) = (shop.world.ada, shop.intent(shop.world.ada));
        assert_eq!(enter(place, intend(&intent)).await, Entered::Done);
        assert_eq!(state(place, intent.id).await, Some(State::Open));
        assert!(place.store.is_pending(ada, "ionq").await.unwrap());
        assert!(!place.store.is_pending(ada, "dwave").await.unwrap());
        assert_eq!(enter(place, bind(&intent, &["j1", "a/ü%2F"])).await, Entered::Done);
        assert_eq!(state(place, intent.id).await, Some(State::Bound));
        assert!(!place.store.is_pending(ada, "ionq").await.unwrap());
        let records = place.store.records(&[key("j1"), key("a/ü%2F"), key("nothing")]).await.unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!((records[0].owner, records[0].credential, &*records[0].account), (ada, shop.credential, ACCOUNT));
        assert_eq!((records[0].organization, records[0].ended), (Some(shop.world.acme), None));
        let row = row(place, "j1").await;
        assert_eq!((row.created, row.target.as_deref(), row.shots), (NOW, Some("qpu.aria-1"), Some(100)));
        assert_eq!(place.store.records(&[]).await.unwrap(), []);
    }
}

on_both! {
    async fn what_is_entered_again_changes_nothing(place: &Place) {
        let shop = Shop::open(place).await;
        let quota = set(place, &shop.quota(Subject::User(shop.world.ada), Measure::Jobs, 10)).await;
        let intent = shop.intent(shop.world.ada);
        let entries = [intend(&intent), bind(&intent, &["j1"]), observe("j1", ended(Ended::Completed, Some(7)))];
        for _ in 0..3 {
            assert_eq!(place.store.enter(&entries).await.unwrap(), [Entered::Done, Entered::Done, Entered::Done]);
            for entry in &entries {
                enter(place, entry.clone()).await;
            }
        }
        assert_eq!((jobs(place).await, shop.used(place, quota).await), (1, 1));
        assert_eq!(crate::usage::total(place).await, (1, 100, 7, 0));
    }
}

on_both! {
    async fn the_first_recorder_owns_and_an_answer_with_anothers_id_is_foreign(place: &Place) {
        let shop = Shop::open(place).await;
        let (first, second) = (shop.intent(shop.world.ada), shop.intent(shop.world.grace));
        place.store.enter(&[intend(&first), bind(&first, &["j1"]), intend(&second)]).await.unwrap();
        assert_eq!(enter(place, bind(&second, &["j1", "j2"])).await, Entered::Foreign);
        assert_eq!(row(place, "j1").await.payer.user, shop.world.ada);
        assert_eq!(row(place, "j2").await.payer.user, shop.world.grace);
        assert_eq!(state(place, second.id).await, Some(State::Bound));
        let mut elsewhere = shop.intent(shop.world.grace);
        elsewhere.payer.account = "another-account".into();
        place.store.enter(&[intend(&elsewhere)]).await.unwrap();
        assert_eq!(enter(place, bind(&elsewhere, &["j1"])).await, Entered::Done, "another account has its own ids");
        assert_eq!(place.store.records(&[key("j1")]).await.unwrap().len(), 2);
    }
}

on_both! {
    async fn a_clients_own_id_is_taken_before_anything_is_sent(place: &Place) {
        let shop = Shop::open(place).await;
        let quota = set(place, &shop.quota(Subject::Organization(shop.world.acme), Measure::Jobs, 10)).await;
        let mut first = shop.intent(shop.world.ada);
        first.makes = [made("mine")].into();
        assert_eq!(enter(place, intend(&first)).await, Entered::Done);
        assert_eq!(place.store.records(&[key("mine")]).await.unwrap()[0].owner, shop.world.ada);
        assert_eq!(crate::usage::total(place).await, (0, 0, 0, 0), "it is not there yet");
        let mut of_grace = shop.intent(shop.world.grace);
        of_grace.makes = first.makes.clone();
        assert_eq!(enter(place, intend(&of_grace)).await, Entered::Taken);
        assert_eq!(state(place, of_grace.id).await, None);
        let mut again = shop.intent(shop.world.ada);
        again.makes = first.makes.clone();
        assert_eq!(enter(place, intend(&again)).await, Entered::Done);
        assert_eq!(shop.used(place, quota).await, 1, "a repetition asks for nothing new");
        place.store.enter(&[bind(&again, &["mine"]), bind(&first, &["mine"])]).await.unwrap();
        assert_eq!((shop.used(place, quota).await, jobs(place).await), (1, 1));
        assert_eq!(crate::usage::total(place).await, (1, 100, 0, 0));
    }
}

on_both! {
    async fn what_came_to_nothing_frees_the_clients_ids_but_not_what_a_repetition_made(place: &Place) {
        let shop = Shop::open(place).await;
        let [mut first, mut second] = [shop.intent(shop.world.ada), shop.intent(shop.world.ada)];
        first.makes = [made("a"), made("b")].into();
        second.makes = [made("b")].into();
        place.store.enter(&[intend(&first), intend(&second), bind(&second, &["b"])]).await.unwrap();
        assert_eq!(enter(place, end(&first, State::Refused)).await, Entered::Done);
        assert_eq!(place.store.records(&[key("a")]).await.unwrap(), []);
        assert_eq!(row(place, "b").await.submission, second.id);
        let mut of_grace = shop.intent(shop.world.grace);
        of_grace.makes = [made("a")].into();
        assert_eq!(enter(place, intend(&of_grace)).await, Entered::Done);
    }
}

on_both! {
    async fn a_mark_of_repetition_is_its_first_users_until_that_came_to_nothing(place: &Place) {
        let shop = Shop::open(place).await;
        let quota = set(place, &shop.quota(Subject::Credential(shop.credential), Measure::Jobs, 1)).await;
        let mark = Some(ThingKey::of_repetition("ionq", ACCOUNT, "fake-client-token"));
        let [mut first, mut again] = [shop.intent(shop.world.ada), shop.intent(shop.world.ada)];
        let mut of_grace = shop.intent(shop.world.grace);
        (first.repetition, again.repetition, of_grace.repetition) = (mark, mark, mark);
        let entered = place.store.enter(&[intend(&first), intend(&of_grace), intend(&again)]).await.unwrap();
        assert_eq!(entered, [Entered::Done, Entered::Taken, Entered::Done], "the second asks for nothing, at a limit of one");
        place.store.enter(&[bind(&first, &["j1"]), bind(&again, &["j1"])]).await.unwrap();
        assert_eq!((shop.used(place, quota).await, jobs(place).await), (1, 1));
        assert_eq!(enter(place, intend(&of_grace)).await, Entered::Taken);
        let mut next = shop.intent(shop.world.ada);
        next.payer.credential = bellhop::id::CredentialId::new();
        next.repetition = Some(ThingKey::of_repetition("ionq", ACCOUNT, "another"));
        (of_grace.repetition, of_grace.payer) = (next.repetition, bellhop::job::Payer { user: shop.world.grace, ..next.payer.clone() });
        place.store.enter(&[intend(&next), end(&next, State::NotSent)]).await.unwrap();
        assert_eq!(enter(place, intend(&of_grace)).await, Entered::Done);
        assert_eq!(enter(place, bind(&next, &["late"])).await, Entered::Done, "the provider made it after all");
        assert_eq!((state(place, next.id).await, jobs(place).await), (Some(State::Bound), 2));
    }
}

on_both! {
    async fn only_what_is_open_or_unknown_moves(place: &Place) {
        let shop = Shop::open(place).await;
        for (first, second, result) in [
            (State::Refused, State::Unknown, State::Refused),
            (State::NotSent, State::Refused, State::NotSent),
            (State::Unknown, State::Open, State::Unknown),
            (State::Unknown, State::Refused, State::Refused),
            (State::Bound, State::Refused, State::Bound),
        ] {
            let intent = shop.intent(shop.world.ada);
            place.store.enter(&[intend(&intent), end(&intent, first)]).await.unwrap();
            enter(place, end(&intent, second)).await;
            assert_eq!(state(place, intent.id).await, Some(result), "{first} {second}");
        }
        let absent = shop.intent(shop.world.ada);
        assert_eq!(enter(place, end(&absent, State::Refused)).await, Entered::Missing);
        assert_eq!(enter(place, bind(&absent, &["j1"])).await, Entered::Missing);
        assert_eq!(enter(place, observe("j1", Figures::default())).await, Entered::Missing);
        assert_eq!(jobs(place).await, 0);
    }
}

on_both! {
    async fn a_binding_at_another_provider_is_of_nothing_on_record(place: &Place) {
        let shop = Shop::open(place).await;
        let intent = shop.intent(shop.world.ada);
        enter(place, intend(&intent)).await;
        let wrong = Binding { submission: intent.id, at: NOW, provider: "elsewhere".into(), made: [made("j1")].into() };
        assert_eq!(enter(place, Entry::Bind(wrong)).await, Entered::Missing);
        assert_eq!(state(place, intent.id).await, Some(State::Open));
    }
}

on_both! {
    async fn submissions_of_dead_processes_become_unknown_and_can_be_bound_late(place: &Place) {
        let shop = Shop::open(place).await;
        let living = ProcessId::new();
        let [dead, mut alive] = [shop.intent(shop.world.ada), shop.intent(shop.world.ada)];
        alive.process = living;
        place.store.beat(&beat(shop.process)).await.unwrap();
        place.store.beat(&beat(living)).await.unwrap();
        place.store.enter(&[intend(&dead), intend(&alive)]).await.unwrap();
        assert_eq!(place.store.orphan(&[], later(61)).await.unwrap(), 0);
        assert_eq!(place.store.orphan(&[(shop.process, 1)], later(61)).await.unwrap(), 1);
        assert_eq!(place.store.orphan(&[], later(61)).await.unwrap(), 0);
        assert_eq!((state(place, dead.id).await, state(place, alive.id).await), (Some(State::Unknown), Some(State::Open)));
        assert!(place.store.is_pending(shop.world.ada, "ionq").await.unwrap());
        assert_eq!(place.store.orphan_all_of(&[living], later(62)).await.unwrap(), 1);
        enter(place, bind(&dead, &["j1"])).await;
        assert_eq!((state(place, dead.id).await, jobs(place).await), (Some(State::Bound), 1));
    }
}

on_both! {
    async fn who_has_beaten_since_is_not_dead(place: &Place) {
        let shop = Shop::open(place).await;
        let intent = shop.intent(shop.world.ada);
        place.store.beat(&beat(shop.process)).await.unwrap();
        enter(place, intend(&intent)).await;
        place.store.beat(&beat(shop.process)).await.unwrap();
        assert_eq!(place.store.orphan(&[(shop.process, 1)], NOW).await.unwrap(), 0);
        assert_eq!(state(place, intent.id).await, Some(State::Open));
    }
}

on_both! {
    async fn an_unknown_submission_is_bound_by_an_answer_about_what_it_was_to_make(place: &Place) {
        let shop = Shop::open(place).await;
        let mut intent = shop.intent(shop.world.ada);
        intent.makes = [made("mine")].into();
        place.store.enter(&[intend(&intent), end(&intent, State::Unknown)]).await.unwrap();
        enter(place, observe("mine", Figures::default())).await;
        assert_eq!(state(place, intent.id).await, Some(State::Unknown), "an answer that says nothing proves nothing");
        enter(place, observe("mine", Figures { status: Some("queued".into()), ..Figures::default() })).await;
        assert_eq!(state(place, intent.id).await, Some(State::Bound));
        assert_eq!(crate::usage::total(place).await, (1, 100, 0, 0));
    }
}

on_both! {
    async fn a_job_ends_once_and_late_answers_do_not_take_it_back(place: &Place) {
        let shop = Shop::open(place).await;
        let intent = shop.intent(shop.world.ada);
        place.store.enter(&[intend(&intent), bind(&intent, &["j1"])]).await.unwrap();
        let running = Figures { status: Some("running".into()), target: Some("other".into()), shots: Some(5), ..Figures::default() };
        enter(place, observe("j1", running.clone())).await;
        assert_eq!(row(place, "j1").await.status.as_deref(), Some("running"));
        enter(place, observe("j1", ended(Ended::Failed, None))).await;
        enter(place, observe("j1", running)).await;
        enter(place, observe("j1", ended(Ended::Completed, Some(9)))).await;
        let row = row(place, "j1").await;
        assert_eq!(row.ended, Some((Ended::Failed, later(2))));
        assert_eq!((row.target.as_deref(), row.shots, row.qpu_us), (Some("qpu.aria-1"), Some(100), Some(9)));
    }
}

on_both! {
    async fn words_and_amounts_of_providers_are_kept_within_bounds(place: &Place) {
        let shop = Shop::open(place).await;
        let mut intent = shop.intent(shop.world.ada);
        (intent.target, intent.asks.shots) = (Some("ü\0".repeat(9000).into()), u64::MAX);
        let long = "i\0".repeat(2000);
        let all = Figures { status: Some("\0".repeat(5000).into()), qpu_us: Some(u64::MAX), micros: Some(u64::MAX), ..Figures::default() };
        let made = Made { thing: job(&long), parent: None, figures: all.clone() };
        let binding = Binding { submission: intent.id, at: NOW, provider: intent.payer.provider.clone(), made: [made].into() };
        place.store.enter(&[intend(&intent), Entry::Bind(binding)]).await.unwrap();
        for _ in 0..3 {
            assert_eq!(enter(place, observe(&long, all.clone())).await, Entered::Done);
        }
        assert_eq!(place.store.records(&[key(&long)]).await.unwrap().len(), 1);
        assert!(row(place, &long).await.status.unwrap().len() <= 3 * 200);
    }
}

on_both! {
    async fn children_belong_to_whom_their_parent_does(place: &Place) {
        let shop = Shop::open(place).await;
        let intent = shop.intent(shop.world.ada);
        let child = |id: &str| Made { parent: Some(key("parent")), ..made(id) };
        let binding = |made: Vec<Made>| {
            Entry::Bind(Binding { submission: intent.id, at: NOW, provider: intent.payer.provider.clone(), made: made.into() })
        };
        place.store.enter(&[intend(&intent), binding(vec![made("parent"), child("c1")])]).await.unwrap();
        let mut tx = place.write().await;
        tx.adopt(key("parent"), ACCOUNT, shop.world.grace).await.unwrap();
        assert!(matches!(tx.adopt(key("nothing"), ACCOUNT, shop.world.ada).await, Err(StoreError::Conflict(Conflict::Missing))));
        tx.commit().await.unwrap();
        assert_eq!(enter(place, binding(vec![made("parent"), child("c1"), child("c2")])).await, Entered::Done);
        for id in ["parent", "c1", "c2"] {
            assert_eq!(row(place, id).await.payer.user, shop.world.grace, "{id}");
        }
        assert_eq!(crate::usage::total_of(place, Whose::User(shop.world.ada)).await.0, 1, "who submitted it used it, and its parts are no jobs");
        assert_eq!(place.store.read().await.unwrap().open_jobs(shop.credential).await.unwrap(), 1);
    }
}

on_both! {
    async fn an_unknown_submission_is_adopted_with_what_it_made_or_refused(place: &Place) {
        let shop = Shop::open(place).await;
        let quota = set(place, &shop.quota(Subject::User(shop.world.ada), Measure::Jobs, 9)).await;
        let [found, nothing, taken] = [(); 3].map(|()| shop.intent(shop.world.ada));
        for intent in [&found, &nothing, &taken] {
            place.store.enter(&[intend(intent), end(intent, State::Unknown)]).await.unwrap();
        }
        assert_eq!(shop.used(place, quota).await, 3, "what is unknown keeps what it holds");
        let mut tx = place.write().await;
        tx.adopt_submission(found.id, job("j1"), shop.world.grace).await.unwrap();
        tx.refuse_submission(nothing.id).await.unwrap();
        let again = tx.refuse_submission(nothing.id).await;
        assert!(matches!(again, Err(StoreError::Conflict(Conflict::Missing))), "{again:?}");
        let exists = tx.adopt_submission(taken.id, job("j1"), shop.world.ada).await;
        assert!(matches!(exists, Err(StoreError::Conflict(Conflict::Exists))), "{exists:?}");
        drop(tx);
        let mut tx = place.write().await;
        tx.adopt_submission(found.id, job("j1"), shop.world.grace).await.unwrap();
        tx.refuse_submission(nothing.id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(row(place, "j1").await.payer.user, shop.world.grace);
        assert_eq!(shop.used(place, quota).await, 2);
    }
}

on_both! {
    async fn a_retired_credential_is_kept_for_its_open_jobs_and_then_deleted(place: &Place) {
        let shop = Shop::open(place).await;
        let [intent, waiting] = [(); 2].map(|()| shop.intent(shop.world.ada));
        place.store.enter(&[intend(&intent), bind(&intent, &["j1"]), intend(&waiting)]).await.unwrap();
        let mut tx = place.write().await;
        tx.retire_credential(shop.credential).await.unwrap();
        tx.insert_credentials(&[crate::world::credential(Owner::Organization(shop.world.acme), "ionq")]).await.unwrap();
        assert!(tx.add_version(shop.credential, &crate::world::version(2)).await.is_err());
        tx.commit().await.unwrap();
        let offers = place.store.offers(shop.world.ada, "ionq").await.unwrap().value;
        assert_eq!(offers.iter().filter(|o| o.state == bellhop::credential::State::Retired).count(), 1);
        assert!(place.store.sealed(shop.credential, 1).await.unwrap().is_some());
        let mut read = place.store.read().await.unwrap();
        assert_eq!(read.open_jobs(shop.credential).await.unwrap(), 1);
        assert_eq!(read.open_jobs_of_member(shop.world.ada, shop.world.acme).await.unwrap(), 1);
        assert_eq!(read.open_jobs_of_member(shop.world.grace, shop.world.acme).await.unwrap(), 0);
        drop(read);
        for (entry, purged) in [
            (end(&intent, State::Refused), 0),
            (observe("j1", ended(Ended::Completed, None)), 0),
            (end(&waiting, State::NotSent), 1),
        ] {
            enter(place, entry).await;
            let mut tx = place.write().await;
            assert_eq!(tx.purge_retired().await.unwrap().len(), purged);
            tx.commit().await.unwrap();
        }
        assert_eq!(place.store.sealed(shop.credential, 1).await.unwrap(), None);
    }
}

on_both! {
    async fn what_was_submitted_and_cancelled_is_in_the_audit_trail(place: &Place) {
        let shop = Shop::open(place).await;
        let [bound, lost] = [(); 2].map(|()| shop.intent(shop.world.ada));
        place.store.enter(&[intend(&bound), intend(&lost)]).await.unwrap();
        assert!(!place.store.has_notes().await.unwrap(), "nothing has come of them yet");
        place.store.enter(&[bind(&bound, &["j1"]), bind(&bound, &["j1"]), end(&lost, State::Unknown)]).await.unwrap();
        enter(place, Entry::Note(note(shop.world.grace))).await;
        assert!(place.store.has_notes().await.unwrap());
        let mut tx = place.store.write(std::sync::Arc::new(crate::place::Sum), later(9)).await.unwrap();
        let before = tx.audit_end().await.unwrap().0;
        assert_eq!(tx.audit_notes(2).await.unwrap(), 2);
        assert_eq!(tx.audit_notes(9).await.unwrap(), 1);
        assert_eq!(tx.audit_notes(9).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let rows = place.store.read().await.unwrap().audit_after(before, 10).await.unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.action.as_str(), row.subject.as_str(), row.at)).collect();
        let (bound, lost) = (bound.id.to_string(), lost.id.to_string());
        assert_eq!(told, [("job.submitted", bound.as_str(), later(1)), ("job.submitted", &lost, later(1)), ("job.cancelled", "job j1", later(3))]);
        assert_eq!(rows[0].detail, format!("bound: create-job at ionq, credential {}, job j1", shop.credential));
        assert!(!place.store.has_notes().await.unwrap());
    }
}

on_both! {
    async fn a_note_that_is_entered_again_stands_once(place: &Place) {
        let shop = Shop::open(place).await;
        let (note, other) = (Entry::Note(note(shop.world.ada)), Entry::Note(note(shop.world.ada)));
        place.store.enter(&[note.clone(), note.clone()]).await.unwrap();
        place.store.enter(&[other, note]).await.unwrap();
        let mut tx = place.store.write(std::sync::Arc::new(crate::place::Sum), later(9)).await.unwrap();
        assert_eq!(tx.audit_notes(9).await.unwrap(), 2);
    }
}

on_both! {
    async fn replicas_that_enter_the_same_things_at_once_put_them_on_record_once(place: &Place) {
        let shop = Shop::open(place).await;
        let quota = set(place, &shop.quota(Subject::Organization(shop.world.acme), Measure::Shots, 1_000_000)).await;
        let mark = Some(ThingKey::of_repetition("ionq", ACCOUNT, "same"));
        let another = bellhop::store::Store::open(&place.address).await.unwrap();
        let tasks: Vec<_> = (0..16)
            .map(|n| {
                let store = if n % 2 == 0 { place.store.clone() } else { another.clone() };
                let mut intent = shop.intent(shop.world.ada);
                intent.repetition = mark;
                let ids: Vec<String> = (0..20).map(|i| format!("j{}", (i * 7 + n) % 20)).collect();
                tokio::spawn(async move {
                    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                    store.enter(&[intend(&intent)]).await.unwrap();
                    store.enter(&[bind(&intent, &ids)]).await.unwrap();
                    let seen: Vec<Entry> = ids.iter().map(|id| observe(id, ended(Ended::Completed, Some(5)))).collect();
                    store.enter(&seen).await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        another.close().await;
        assert_eq!(jobs(place).await, 20);
        assert_eq!(crate::usage::total(place).await, (20, 2000, 100, 0));
        assert_eq!(shop.used(place, quota).await, 2000);
    }
}

on_both! {
    async fn sessions_are_on_record_and_are_not_counted(place: &Place) {
        let shop = Shop::open(place).await;
        let intent = shop.intent(shop.world.ada);
        let session = Thing { kind: "session".into(), id: "s1".into() };
        assert_ne!(&*session.kind, JOB);
        let made = Made { thing: session.clone(), parent: None, figures: Figures::default() };
        let binding = Binding { submission: intent.id, at: NOW, provider: intent.payer.provider.clone(), made: [made].into() };
        place.store.enter(&[intend(&intent), Entry::Bind(binding)]).await.unwrap();
        assert_eq!(place.store.records(&[ThingKey::new("ionq", &session)]).await.unwrap().len(), 1);
        assert_eq!((jobs(place).await, crate::usage::total(place).await), (0, (0, 0, 0, 0)));
        let _: UserId = intent.payer.user;
    }
}
