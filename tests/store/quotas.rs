//! Quotas: exactly the limit passes, over all replicas; what is held is settled by what was used.

use crate::{
    on_both,
    place::{NOW, Place},
    shop::{Shop, bind, end, ended, enter, intend, observe, set},
};
use bellhop::{
    clock::Timestamp,
    id::QuotaId,
    job::{
        Amounts, Ended, Figures, State,
        entry::Entered,
        quota::{Measure, Period, Quota, Subject},
    },
    store::{QuotasOf, Store},
};

on_both! {
    async fn of_a_thousand_at_once_exactly_as_many_pass_as_the_limit_says(place: &Place) {
        let shop = Shop::open(place).await;
        let quota = set(place, &shop.quota(Subject::User(shop.world.ada), Measure::Jobs, 100)).await;
        let another = Store::open(&place.address).await.unwrap();
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let store = if n % 2 == 0 { place.store.clone() } else { another.clone() };
                let entries: Vec<_> = (0..25).map(|_| intend(&shop.intent(shop.world.ada))).collect();
                tokio::spawn(async move { store.enter(&entries).await.unwrap() })
            })
            .collect();
        let mut passed = 0;
        for task in tasks {
            passed += task.await.unwrap().iter().filter(|entered| **entered == Entered::Done).count();
        }
        another.close().await;
        assert_eq!((passed, shop.used(place, quota).await), (100, 100));
    }
}

on_both! {
    async fn a_quota_binds_its_subject_its_organization_and_its_provider_only(place: &Place) {
        let shop = Shop::open(place).await;
        let world = &shop.world;
        let of_ada = Subject::User(world.ada);
        let share = |quota: Quota| Quota { within: Some(world.acme), ..quota };
        let at_dwave = |quota: Quota| Quota { provider: Some("dwave".into()), ..quota };
        let mut own = shop.intent(world.ada);
        (own.payer.organization, own.payer.project, own.payer.credential) = (None, None, bellhop::id::CredentialId::new());
        for (quota, binds_shared, binds_own) in [
            (shop.quota(of_ada, Measure::Jobs, 0), true, true),
            (share(shop.quota(of_ada, Measure::Jobs, 0)), true, false),
            (shop.quota(Subject::Organization(world.acme), Measure::Shots, 99), true, false),
            (shop.quota(Subject::Project(world.optics), Measure::Jobs, 0), true, false),
            (shop.quota(Subject::Credential(shop.credential), Measure::QpuSeconds, 0), true, false),
            (at_dwave(shop.quota(of_ada, Measure::Jobs, 0)), false, false),
            (shop.quota(Subject::User(world.grace), Measure::Jobs, 0), false, false),
            (shop.quota(of_ada, Measure::Shots, 100), false, false),
        ] {
            let id = set(place, &quota).await;
            for (intent, expected) in [(shop.intent(world.ada), binds_shared), (own.clone(), binds_own)] {
                let intent = bellhop::job::Intent { id: bellhop::id::SubmissionId::new(), ..intent };
                let entered = enter(place, intend(&intent)).await;
                assert_eq!(matches!(entered, Entered::Exceeded(_)), expected, "{quota:?} {entered:?}");
                enter(place, end(&intent, State::NotSent)).await;
            }
            let mut tx = place.write().await;
            assert_eq!(tx.remove_quota(id).await.unwrap(), Some(quota));
            assert_eq!(tx.remove_quota(id).await.unwrap(), None);
            tx.commit().await.unwrap();
        }
    }
}

on_both! {
    async fn who_is_refused_is_told_which_quota_and_when_it_renews(place: &Place) {
        let shop = Shop::open(place).await;
        let daily = Quota { period: Period::Day, ..shop.quota(Subject::User(shop.world.ada), Measure::Shots, 250) };
        let monthly = shop.quota(Subject::User(shop.world.ada), Measure::Shots, 250);
        for quota in [&daily, &monthly] {
            set(place, quota).await;
        }
        let intents = [(); 3].map(|()| intend(&shop.intent(shop.world.ada)));
        let entered = place.store.enter(&intents).await.unwrap();
        let Entered::Exceeded(exceeded) = &entered[2] else { panic!("{entered:?}") };
        assert_eq!((&exceeded.quota, exceeded.used, exceeded.renews), (&monthly, 200, Period::Month.end(NOW)));
        let mut tomorrow = shop.intent(shop.world.ada);
        tomorrow.at = Period::Month.end(NOW);
        assert_eq!(enter(place, intend(&tomorrow)).await, Entered::Done, "a new month, a new quota");
    }
}

on_both! {
    async fn what_is_held_is_settled_by_what_was_made_and_used(place: &Place) {
        let shop = Shop::open(place).await;
        let of_ada = Subject::User(shop.world.ada);
        let jobs = set(place, &shop.quota(of_ada, Measure::Jobs, 1000)).await;
        let shots = set(place, &shop.quota(of_ada, Measure::Shots, 1_000_000)).await;
        let time = set(place, &Quota { hold: 500, ..shop.quota(of_ada, Measure::QpuSeconds, 1_000_000) }).await;
        let used = async || [shop.used(place, jobs).await, shop.used(place, shots).await, shop.used(place, time).await];
        let mut intent = shop.intent(shop.world.ada);
        intent.asks = Amounts { jobs: 4, shots: 400, ..Amounts::default() };
        enter(place, intend(&intent)).await;
        assert_eq!(used().await, [4, 400, 2000]);
        enter(place, bind(&intent, &["a", "b", "c"])).await;
        assert_eq!(used().await, [3, 300, 1500], "one was not made");
        enter(place, observe("a", Figures { qpu_us: Some(40), ..Figures::default() })).await;
        enter(place, observe("a", ended(Ended::Completed, Some(70)))).await;
        assert_eq!(used().await, [3, 300, 1070]);
        enter(place, observe("b", ended(Ended::Cancelled, None))).await;
        assert_eq!(used().await, [2, 200, 570], "what was cancelled in the queue is given back");
        enter(place, observe("c", ended(Ended::Failed, Some(9)))).await;
        assert_eq!(used().await, [2, 200, 79], "what failed on the machine is not");
        enter(place, observe("b", Figures { qpu_us: Some(1), ..Figures::default() })).await;
        assert_eq!(used().await, [3, 300, 80], "a late figure says that it was on the machine");
        assert_eq!(crate::usage::total(place).await, (3, 300, 80, 0));
    }
}

on_both! {
    async fn what_came_to_nothing_gives_everything_back(place: &Place) {
        let shop = Shop::open(place).await;
        let quota = set(place, &shop.quota(Subject::User(shop.world.ada), Measure::Shots, 300)).await;
        for state in [State::Refused, State::NotSent] {
            let intent = shop.intent(shop.world.ada);
            enter(place, intend(&intent)).await;
            assert_eq!(shop.used(place, quota).await, 100);
            enter(place, end(&intent, state)).await;
            assert_eq!(shop.used(place, quota).await, 0, "{state}");
        }
        let intent = shop.intent(shop.world.ada);
        place.store.enter(&[intend(&intent), bind(&intent, &[])]).await.unwrap();
        assert_eq!(shop.used(place, quota).await, 0, "nothing was made");
    }
}

on_both! {
    async fn a_quota_that_is_set_again_keeps_what_is_used_and_a_new_one_begins_with_it(place: &Place) {
        let shop = Shop::open(place).await;
        let first = shop.intent(shop.world.ada);
        place.store.enter(&[intend(&first), bind(&first, &["j1"])]).await.unwrap();
        let quota = shop.quota(Subject::Organization(shop.world.acme), Measure::Shots, 150);
        let id = set(place, &quota).await;
        assert_eq!((id, shop.used(place, id).await), (quota.id, 100));
        assert!(matches!(enter(place, intend(&shop.intent(shop.world.ada))).await, Entered::Exceeded(_)));
        assert_eq!(set(place, &Quota { id: QuotaId::new(), limit: 200, ..quota.clone() }).await, id);
        assert_eq!(enter(place, intend(&shop.intent(shop.world.ada))).await, Entered::Done);
        let share = Quota { within: Some(shop.world.acme), ..shop.quota(Subject::User(shop.world.ada), Measure::Jobs, 7) };
        set(place, &share).await;
        set(place, &shop.quota(Subject::User(shop.world.ada), Measure::Jobs, 8)).await;
        let mut read = place.store.read().await.unwrap();
        let rows = read.quotas(QuotasOf::Organization(shop.world.acme), NOW).await.unwrap();
        assert_eq!(rows.iter().map(|row| (row.quota.limit, row.used)).collect::<Vec<_>>(), [(200, 200), (7, 1)]);
        assert_eq!(read.quotas(QuotasOf::Subject(Subject::User(shop.world.ada)), NOW).await.unwrap().len(), 2);
        let next = read.quotas(QuotasOf::Everybody, Period::Month.end(NOW)).await.unwrap();
        assert!(next.iter().all(|row| row.used == 0 && row.renews > Timestamp::from_millis(0)));
    }
}
