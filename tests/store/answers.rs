//! Answers that are kept for whoever asks again: there with what they tell of, or not at all.

use crate::{
    on_both,
    place::{NOW, Place},
    world::{World, user},
};
use bellhop::{id::UserId, identity::key::KeyDigest, store::AnswerRow};
use std::time::Duration;

fn answer(request: &str) -> AnswerRow {
    AnswerRow { request: KeyDigest::of(request).to_hex().into(), sealed: vec![1, 2, 3], made: NOW }
}

on_both! {
    async fn an_answer_is_there_with_what_it_tells_of_or_not_at_all(place: &Place) {
        let world = World::made(place).await;
        let (key, made) = (KeyDigest::of("k"), answer("a"));
        for commits in [false, true] {
            let kay = UserId::new();
            let mut tx = place.write().await;
            tx.insert_users(&[user(kay, "kay")]).await.unwrap();
            tx.keep_answer((world.ada, key), &made).await.unwrap();
            if commits {
                tx.commit().await.unwrap();
            } else {
                drop(tx);
            }
            let mut reading = place.store.read().await.unwrap();
            assert_eq!(reading.user(kay).await.unwrap().is_some(), commits);
            assert_eq!(reading.answer(world.ada, key).await.unwrap().as_ref(), commits.then_some(&made));
            assert_eq!(reading.answer(world.grace, key).await.unwrap(), None);
        }
    }
}

on_both! {
    async fn an_answer_takes_the_place_of_one_that_is_over_and_goes_when_it_is(place: &Place) {
        let world = World::made(place).await;
        let key = KeyDigest::of("k");
        for request in ["a", "b"] {
            let mut tx = place.write().await;
            tx.insert_users(&[user(UserId::new(), request)]).await.unwrap();
            tx.keep_answer((world.ada, key), &answer(request)).await.unwrap();
            tx.commit().await.unwrap();
        }
        let kept = async || place.store.read().await.unwrap().answer(world.ada, key).await.unwrap();
        place.store.forget_answers(NOW).await.unwrap();
        assert_eq!(kept().await, Some(answer("b")));
        place.store.forget_answers(NOW.plus(Duration::from_millis(1))).await.unwrap();
        assert_eq!(kept().await, None);
    }
}
