//! How fast things are put on record and found again. Not part of the suite: `cargo test --release --test store speed
//! -- --ignored --nocapture`; `BELLHOP_TEST_THINGS` says among how many to look (1,000,000).

use crate::{
    on_both_ignored,
    place::Place,
    shop::{Shop, bind, intend, key},
};
use std::time::{Duration, Instant};

const BATCH: usize = 64;
const BATCHES: usize = 40;

on_both_ignored! {
    async fn batches_of_64_intents_and_their_bindings(place: &Place) {
        let shop = Shop::open(place).await;
        let (mut intents, mut bindings) = (Duration::ZERO, Duration::ZERO);
        for batch in 0..BATCHES {
            let all: Vec<_> = (0..BATCH).map(|_| shop.intent(shop.world.ada)).collect();
            let entries: Vec<_> = all.iter().map(intend).collect();
            let began = Instant::now();
            place.store.enter(&entries).await.unwrap();
            intents += began.elapsed();
            let bound = |(n, intent)| bind(intent, &[&format!("j{batch}-{n}")]);
            let entries: Vec<_> = all.iter().enumerate().map(bound).collect();
            let began = Instant::now();
            place.store.enter(&entries).await.unwrap();
            bindings += began.elapsed();
        }
        let each = |all: Duration| all.as_secs_f64() * 1e3 / BATCHES as f64;
        let submits = (BATCH * BATCHES) as f64 / (intents + bindings).as_secs_f64();
        println!("{:.2} ms for 64 intents, {:.2} ms for 64 bindings: {submits:.0} submits/s", each(intents), each(bindings));
    }
}

on_both_ignored! {
    async fn one_thing_among_a_million(place: &Place) {
        let shop = Shop::open(place).await;
        let many: usize = std::env::var("BELLHOP_TEST_THINGS").map_or(1_000_000, |text| text.parse().unwrap());
        place.store.expect_bulk().await.unwrap();
        let began = Instant::now();
        for first in (0..many).step_by(5000) {
            let intent = shop.intent(shop.world.ada);
            let ids: Vec<String> = (first..first + 5000).map(|n| format!("j{n}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            place.store.enter(&[intend(&intent), bind(&intent, &ids)]).await.unwrap();
        }
        println!("{many} things put on record in {:.0?}", began.elapsed());
        let mut took: Vec<Duration> = Vec::new();
        for n in 0..10_000 {
            let key = key(&format!("j{}", (n * 7919) % many));
            let began = Instant::now();
            assert_eq!(place.store.records(&[key]).await.unwrap().len(), 1);
            took.push(began.elapsed());
        }
        took.sort();
        println!("found in {:?} (median), {:?} (p99)", took[5000], took[9900]);
    }
}
