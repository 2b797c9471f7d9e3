//! What is left of a limit that several processes keep together: never more than it allows, whoever asks.

use crate::{on_both, place::Place};
use bellhop::store::{RateAnswer, RateAsk, Store};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use std::collections::BTreeMap;

const MS: i64 = 1_000_000;
const HOUR: i64 = 3_600_000 * MS;

fn ask(key: &str, step: i64, burst: i64, wanted: i64) -> RateAsk {
    RateAsk { key: key.into(), step, span: step * burst, owed: 0, wanted }
}

async fn lease(store: &Store, ask: RateAsk) -> RateAnswer {
    store.lease(&[ask]).await.unwrap().remove(0)
}

/// What the store is meant to answer, by the time that it says it was.
#[derive(Default)]
struct Model(BTreeMap<String, (i64, i64)>);

impl Model {
    fn lease(&mut self, ask: &RateAsk, at: i64) -> RateAnswer {
        let (tat, total) = self.0.entry(ask.key.clone()).or_insert((at, 0));
        let used = (at.max(*tat) + ask.owed).min(at + ask.span);
        let granted = ask.wanted.min((at + ask.span - used) / ask.step);
        (*tat, *total) = (used + granted * ask.step, *total + granted);
        RateAnswer { key: ask.key.clone(), granted, total: *total, at, used: *tat - at }
    }
}

on_both! {
    async fn a_burst_is_granted_and_then_the_rate(place: &Place) {
        let first = lease(&place.store, ask("k", HOUR, 5, 3)).await;
        assert_eq!((first.granted, first.total, first.used), (3, 3, 3 * HOUR));
        let second = lease(&place.store, ask("k", HOUR, 5, 3)).await;
        assert_eq!((second.granted, second.total), (2, 5));
        let third = lease(&place.store, ask("k", HOUR, 5, 3)).await;
        assert_eq!((third.granted, third.total), (0, 5));
        assert!(third.used > 4 * HOUR && third.used <= 5 * HOUR, "{third:?}");
        assert!(place.store.lease(&[]).await.unwrap().is_empty());
    }
}

on_both! {
    async fn what_was_used_up_elsewhere_counts_and_no_more_than_all(place: &Place) {
        let owing = RateAsk { owed: 3 * HOUR, ..ask("k", HOUR, 5, 9) };
        assert_eq!(lease(&place.store, owing.clone()).await.granted, 2);
        let answer = lease(&place.store, RateAsk { owed: 99 * HOUR, ..owing }).await;
        assert_eq!((answer.granted, answer.used), (0, 5 * HOUR));
    }
}

on_both! {
    /// The other way round it is as if nobody had asked for as long.
    async fn a_clock_that_is_set_back_and_another_limit_shut_nobody_out(place: &Place) {
        assert_eq!(lease(&place.store, ask("k", MS, 5, 9)).await.granted, 5);
        place.tamper(&format!("UPDATE rates SET tat = tat + 3 * {HOUR}, at = at + 3 * {HOUR}")).await;
        let answer = lease(&place.store, ask("k", HOUR, 2, 9)).await;
        assert!(answer.granted == 0 && answer.used <= 2 * HOUR, "{answer:?}");
        let answer = lease(&place.store, ask("k", MS, 5, 9)).await;
        assert!(answer.used <= 5 * MS, "{answer:?}");
        let mut granted = 0;
        while granted < 5 {
            granted += lease(&place.store, ask("k", MS, 5, 9)).await.granted;
        }
    }
}

on_both! {
    /// Several limits at once, with all that can be asked for, each as the model has it at the time that the store says.
    async fn it_answers_as_the_model_does(place: &Place) {
        let mut runner = TestRunner::new(Config::default());
        let one = (0..6_usize, 1..40_i64, 1..50_i64, 0..3_i64, 0..30_i64);
        let questions = prop::collection::vec(prop::collection::vec(one, 1..8), 60);
        let questions = questions.new_tree(&mut runner).unwrap().current();
        let mut model = Model::default();
        for question in questions {
            let asks = question.into_iter().map(|(key, step, burst, owed, wanted)| {
                let owed = owed * step * MS / 2;
                (key, RateAsk { owed, ..ask(&format!("key {key}"), step * MS, burst, wanted) })
            });
            let asks: Vec<RateAsk> = asks.collect::<BTreeMap<_, _>>().into_values().collect();
            let mut answers = place.store.lease(&asks).await.unwrap();
            answers.sort_by(|a, b| a.key.cmp(&b.key));
            let expected: Vec<_> = asks.iter().zip(&answers).map(|(ask, answer)| model.lease(ask, answer.at)).collect();
            assert_eq!(answers, expected, "{asks:?}");
        }
    }
}

on_both! {
    async fn many_who_ask_at_once_get_no_more_than_one_would(place: &Place) {
        const STEP: i64 = 2 * MS;
        let asking = |number: i64| {
            let store = place.store.clone();
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for turn in 0..40 {
                    let keys = ["a", "b", "c"].map(|key| ask(key, STEP, 20, 1 + (number + turn) % 7));
                    answers.extend(store.lease(&keys).await.unwrap());
                }
                answers
            })
        };
        let mut answers = Vec::new();
        for asked in [0, 1, 2, 3].map(asking) {
            answers.extend(asked.await.unwrap());
        }
        for key in ["a", "b", "c"] {
            let of = || answers.iter().filter(|answer| answer.key == key);
            let granted: i64 = of().map(|answer| answer.granted).sum();
            assert_eq!(of().map(|answer| answer.total).max(), Some(granted), "none is counted twice or lost");
            let (first, last) = (of().map(|answer| answer.at).min().unwrap(), of().map(|answer| answer.at).max().unwrap());
            assert!(granted <= 20 + (last - first) / STEP, "{granted} in {} ms", (last - first) / MS);
            assert!(granted >= 20, "{granted}");
        }
    }
}

on_both! {
    /// As of somebody who has waited for another to be done with the row.
    async fn who_comes_with_an_earlier_time_gets_nothing_more_by_it(place: &Place) {
        const AHEAD: i64 = 1900 * MS;
        let first = lease(&place.store, ask("k", 100 * MS, 5, 5)).await;
        place.tamper(&format!("UPDATE rates SET tat = tat + {AHEAD}, at = at + {AHEAD}")).await;
        let later = lease(&place.store, ask("k", 100 * MS, 5, 5)).await;
        let since = later.at - (first.at + AHEAD);
        assert!(since >= 0, "{later:?} after {first:?}");
        assert_eq!((first.granted, later.granted), (5, (since / (100 * MS)).min(5)));
    }
}

on_both! {
    async fn what_nobody_uses_is_forgotten_and_nothing_else(place: &Place) {
        for key in ["new", "old"] {
            lease(&place.store, ask(key, MS, 5, 1)).await;
        }
        assert_eq!(place.store.forget_rates().await.unwrap(), 0);
        place.tamper(&format!("UPDATE rates SET tat = tat - 2 * {HOUR}, at = at - 2 * {HOUR} WHERE key = 'old'")).await;
        assert_eq!(place.store.forget_rates().await.unwrap(), 1);
        assert_eq!(lease(&place.store, ask("old", MS, 5, 1)).await.total, 1);
        assert_eq!(lease(&place.store, ask("new", MS, 5, 1)).await.total, 2);
    }
}
