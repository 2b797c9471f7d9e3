//! Usage and lists: each job once, by everything that people ask by, from indexes.

use crate::{
    on_both,
    place::{NOW, Place},
    shop::{Shop, bind, ended, enter, intend, later, observe},
};
use bellhop::{
    clock::Timestamp,
    job::{Ended, Figures, State},
    store::{By, JobFilter, Progress, SubmissionFilter, UsageFilter, Whose},
};

pub async fn total(place: &Place) -> (u64, u64, u64, u64) {
    total_of(place, Whose::Everybody).await
}

pub async fn total_of(place: &Place, of: Whose) -> (u64, u64, u64, u64) {
    let filter = UsageFilter { of, from: Timestamp::from_millis(0), to: Timestamp::MAX, by: By::Month };
    let rows = place.store.read().await.unwrap().usage(&filter).await.unwrap();
    rows.iter().map(|row| row.amounts).fold((0, 0, 0, 0), |(jobs, shots, time, money), a| {
        (jobs + a.jobs, shots + a.shots, time + a.qpu_us, money + a.micros)
    })
}

on_both! {
    async fn usage_is_summed_by_whatever_is_asked_for(place: &Place) {
        let shop = Shop::open(place).await;
        let world = &shop.world;
        let [first, second, mut own] = [shop.intent(world.ada), shop.intent(world.grace), shop.intent(world.ada)];
        (own.payer.organization, own.payer.project, own.at) = (None, Some(world.thesis), Timestamp::from_millis(NOW.millis() + 40 * 86_400_000));
        own.target = None;
        for (intent, id) in [(&first, "a"), (&second, "b"), (&own, "c")] {
            place.store.enter(&[intend(intent), bind(intent, &[id])]).await.unwrap();
        }
        place.store.enter(&[observe("a", ended(Ended::Completed, Some(30))), observe("c", Figures { target: Some("simulator".into()), micros: Some(4), ..Figures::default() })]).await.unwrap();
        let mut read = place.store.read().await.unwrap();
        for (by, expected) in [
            (By::User, vec![("ada", 2), ("grace", 1)]),
            (By::Organization, vec![("acme", 2), ("", 1)]),
            (By::Project, vec![("acme.optics", 2), ("ada.thesis", 1)]),
            (By::Token, vec![("ada/laptop", 3)]),
            (By::Credential, vec![("a label", 3)]),
            (By::Provider, vec![("ionq", 3)]),
            (By::Target, vec![("qpu.aria-1", 2), ("simulator", 1)]),
            (By::Day, vec![("2026-10-26", 2), ("2026-12-05", 1)]),
            (By::Month, vec![("2026-10", 2), ("2026-12", 1)]),
        ] {
            let filter = UsageFilter { of: Whose::Everybody, from: NOW, to: Timestamp::MAX, by };
            let rows = read.usage(&filter).await.unwrap();
            assert_eq!(rows.iter().map(|row| (&*row.name, row.amounts.jobs)).collect::<Vec<_>>(), expected, "{by:?}");
        }
        let filter = UsageFilter { of: Whose::Everybody, from: NOW, to: Timestamp::MAX, by: By::User };
        let days = read.usage_per_day(&filter, 10).await.unwrap();
        let told: Vec<_> = days.iter().map(|on| (&*on.day, &*on.row.name, on.row.amounts.jobs)).collect();
        assert_eq!(told, [("2026-10-26", "ada", 1), ("2026-10-26", "grace", 1), ("2026-12-05", "ada", 1)]);
        assert_eq!(read.usage_per_day(&filter, 2).await.unwrap().len(), 2);
        drop(read);
        assert_eq!(total_of(place, Whose::Organization(world.acme)).await, (2, 200, 30, 0));
        assert_eq!(total_of(place, Whose::User(world.ada)).await, (2, 200, 30, 4));
        assert_eq!(total_of(place, Whose::Member(world.ada, world.acme)).await, (1, 100, 30, 0));
    }
}

on_both! {
    async fn figures_that_a_provider_corrects_are_counted_once(place: &Place) {
        let shop = Shop::open(place).await;
        let intent = shop.intent(shop.world.ada);
        place.store.enter(&[intend(&intent), bind(&intent, &["j1"])]).await.unwrap();
        for (time, money) in [(50, 1000), (50, 1000), (20, 1500), (20, 1500)] {
            enter(place, observe("j1", Figures { qpu_us: Some(time), micros: Some(money), ..Figures::default() })).await;
            assert_eq!(total(place).await, (1, 100, time, money));
        }
    }
}

on_both! {
    async fn jobs_are_listed_newest_first_a_page_at_a_time(place: &Place) {
        let shop = Shop::open(place).await;
        for n in 0..7 {
            let mut intent = shop.intent(if n % 3 == 0 { shop.world.grace } else { shop.world.ada });
            // Some at the same moment.
            intent.at = later(n / 2);
            place.store.enter(&[intend(&intent), bind(&intent, &[&format!("j{n}")])]).await.unwrap();
        }
        enter(place, observe("j1", ended(Ended::Completed, None))).await;
        let everything = JobFilter { of: Whose::Everybody, provider: None, credential: None, progress: None };
        let mut read = place.store.read().await.unwrap();
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = read.jobs(&everything, after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            seen.extend(page);
        }
        assert_eq!(seen, read.jobs(&everything, None, 100).await.unwrap());
        assert!(seen.len() == 7 && seen.is_sorted_by(|a, b| a.created >= b.created));
        let of = |of| JobFilter { of, ..everything.clone() };
        for (filter, expected) in [
            (of(Whose::User(shop.world.ada)), 4),
            (of(Whose::Organization(shop.world.acme)), 7),
            (of(Whose::Member(shop.world.grace, shop.world.acme)), 3),
            (JobFilter { progress: Some(Progress::Open), ..everything.clone() }, 6),
            (JobFilter { progress: Some(Progress::Ended), ..of(Whose::User(shop.world.ada)) }, 1),
            (JobFilter { credential: Some(shop.credential), provider: Some("ionq".into()), ..everything.clone() }, 7),
            (JobFilter { provider: Some("dwave".into()), ..everything.clone() }, 0),
        ] {
            assert_eq!(read.jobs(&filter, None, 100).await.unwrap().len(), expected, "{filter:?}");
        }
        let payer = &seen[0].payer;
        let names = (payer.user_name.as_ref().unwrap().to_string(), payer.organization_name.as_ref().unwrap().to_string());
        assert_eq!(names, ("grace".to_owned(), "acme".to_owned()));
        assert_eq!((payer.token_name.as_deref(), payer.label.as_deref()), (Some("laptop"), Some("a label")));
    }
}

on_both! {
    async fn submissions_are_listed_by_what_became_of_them(place: &Place) {
        let shop = Shop::open(place).await;
        let intents = [(); 4].map(|()| shop.intent(shop.world.ada));
        for (intent, state) in intents.iter().zip([State::Unknown, State::Refused, State::Unknown]) {
            place.store.enter(&[intend(intent), crate::shop::end(intent, state)]).await.unwrap();
        }
        enter(place, intend(&intents[3])).await;
        let filter = |of, state| SubmissionFilter { of, provider: Some("ionq".into()), state };
        let mut read = place.store.read().await.unwrap();
        let unknown = read.submissions(&filter(Whose::Everybody, Some(State::Unknown)), None, 10).await.unwrap();
        assert_eq!(unknown.iter().map(|row| row.id).collect::<Vec<_>>(), [intents[2].id, intents[0].id]);
        assert_eq!((unknown[0].asks.shots, &*unknown[0].operation, unknown[0].at), (100, "create-job", NOW));
        let all = filter(Whose::Organization(shop.world.acme), None);
        assert_eq!(read.submissions(&all, None, 10).await.unwrap().len(), 4);
        assert_eq!(read.submissions(&all, Some(intents[2].id), 10).await.unwrap().len(), 2);
        assert_eq!(read.submissions(&filter(Whose::User(shop.world.grace), None), None, 10).await.unwrap(), []);
    }
}
