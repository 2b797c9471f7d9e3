//! The outbox: each listener is told once, and each message is one process's to send at a time.

use crate::{
    on_both,
    place::{NOW, Place},
    world::{KEY, World},
};
use bellhop::{
    clock::Timestamp,
    id::{OrganizationId, ProcessId, WebhookId},
    store::{Attempt, Delivered, Happened, WebhookRow},
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn webhook(organization: Option<OrganizationId>, events: &[&str]) -> WebhookRow {
    WebhookRow {
        id: WebhookId::new(),
        organization,
        url: "https://hooks.example.org/".into(),
        events: events.iter().map(|kind| (*kind).into()).collect(),
        enabled: true,
        sealed: (KEY, vec![7; 40]),
        previous_until: NOW,
        created: NOW,
    }
}

fn happened(organization: Option<OrganizationId>, mark: &str) -> Happened {
    Happened { organization, kind: "quota.near", mark: mark.into(), at: NOW, body: "{}".into() }
}

async fn keep(place: &Place, rows: &[&WebhookRow]) {
    let mut tx = place.write().await;
    for row in rows {
        tx.insert_webhook(row).await.unwrap();
    }
    tx.commit().await.unwrap();
}

on_both! {
    async fn whoever_listens_is_told_once(place: &Place) {
        let world = World::made(place).await;
        let (all, some) = (webhook(Some(world.acme), &[]), webhook(Some(world.acme), &["quota.near", "token.expiring"]));
        let (other, central) = (webhook(Some(world.acme), &["token.expiring"]), webhook(None, &[]));
        let off = WebhookRow { enabled: false, ..webhook(Some(world.acme), &[]) };
        keep(place, &[&all, &some, &other, &central, &off]).await;

        assert_eq!(place.store.tell(&[happened(Some(world.acme), "a"), happened(Some(world.acme), "b")]).await.unwrap(), 4);
        assert_eq!(place.store.tell(&[happened(Some(world.acme), "a")]).await.unwrap(), 0);
        let mut tx = place.write().await;
        tx.tell(&[happened(None, "a")]).await.unwrap();
        drop(tx);
        assert_eq!(place.store.tell(&[happened(None, "a")]).await.unwrap(), 1, "what does not commit was not told");

        let mut reading = place.store.read().await.unwrap();
        assert_eq!(reading.webhook(some.id).await.unwrap().unwrap(), some);
        assert_eq!(reading.webhooks(None).await.unwrap(), std::slice::from_ref(&central));
        assert_eq!(reading.listeners().await.unwrap().len(), 4);
        let told = reading.told(&["a", "c"]).await.unwrap();
        assert_eq!(told.len(), 3);
        assert!(told.contains(&(central.id, "a".into())) && !told.contains(&(other.id, "a".into())));
        assert_eq!(reading.deliveries(all.id, 10).await.unwrap().len(), 2);
        assert!(reading.deliveries(off.id, 10).await.unwrap().is_empty());
    }
}

on_both! {
    async fn a_message_is_one_processes_to_send_until_it_lets_go_or_dies(place: &Place) {
        let world = World::made(place).await;
        let hook = webhook(Some(world.acme), &[]);
        keep(place, &[&hook]).await;
        place.store.tell(&[happened(Some(world.acme), "first"), happened(Some(world.acme), "second")]).await.unwrap();
        let [a, b] = [ProcessId::new(), ProcessId::new()];
        let [(webhook, id)] = place.store.due_deliveries(NOW).await.unwrap()[..] else { panic!("one at a time") };
        assert_eq!(webhook, hook.id);

        let until = NOW.plus(MINUTE);
        let claims = tokio::join!(
            place.store.claim_delivery(id, a, (NOW, until)),
            place.store.claim_delivery(id, b, (NOW, until))
        );
        let claims = [claims.0.unwrap(), claims.1.unwrap()];
        assert_eq!(claims.iter().flatten().count(), 1, "{claims:?}");
        let (holder, other) = if claims[0].is_some() { (a, b) } else { (b, a) };
        assert_ne!(place.store.due_deliveries(NOW).await.unwrap()[0].1, id);

        // Its time is up, and another takes it.
        let again = place.store.claim_delivery(id, other, (until, until.plus(MINUTE))).await.unwrap().unwrap();
        assert_eq!((again.attempts, &*again.body), (2, "{}"));
        let failed = Attempt { at: until, status: Some(500), problem: Some("no".into()) };
        place.store.end_attempt(id, holder, &failed, (Delivered::GivenUp, until)).await.unwrap();
        assert_eq!(state(place, &hook).await, Delivered::Waiting, "who has lost it has nothing to say");
        place.store.end_attempt(id, other, &failed, (Delivered::Waiting, until.plus(MINUTE))).await.unwrap();
        assert!(place.store.claim_delivery(id, other, (until, until.plus(MINUTE))).await.unwrap().is_none());
        let late = until.plus(MINUTE);
        assert!(place.store.claim_delivery(id, holder, (late, late.plus(MINUTE))).await.unwrap().is_some());
        let done = Attempt { at: late, status: Some(204), problem: None };
        place.store.end_attempt(id, other, &done, (Delivered::Delivered, late)).await.unwrap();
        assert_eq!(state(place, &hook).await, Delivered::Delivered, "it was delivered, whoever holds it by now");
        let row = place.store.read().await.unwrap().delivery(id).await.unwrap().unwrap();
        assert_eq!(row.last, Some(done));
    }
}

/// Of the first message.
async fn state(place: &Place, hook: &WebhookRow) -> Delivered {
    place.store.read().await.unwrap().deliveries(hook.id, 10).await.unwrap().last().unwrap().state
}

on_both! {
    async fn what_is_switched_off_waits_and_what_is_old_and_done_is_forgotten(place: &Place) {
        let world = World::made(place).await;
        let hook = webhook(Some(world.acme), &[]);
        keep(place, &[&hook]).await;
        place.store.tell(&[happened(Some(world.acme), "a"), happened(Some(world.acme), "b")]).await.unwrap();
        let off = WebhookRow { enabled: false, url: "https://other.example.org/".into(), ..hook.clone() };
        let mut tx = place.write().await;
        tx.change_webhook(&off).await.unwrap();
        tx.commit().await.unwrap();
        assert!(place.store.due_deliveries(NOW).await.unwrap().is_empty());
        assert_eq!(place.store.webhooks_sealed_otherwise(KEY + 1).await.unwrap(), std::slice::from_ref(&off));
        place.store.reseal_webhook(&off, (KEY, vec![8; 40])).await.unwrap();
        place.store.reseal_webhook(&off, (KEY, vec![9; 40])).await.unwrap();
        let mut reading = place.store.read().await.unwrap();
        assert_eq!(reading.webhook(off.id).await.unwrap().unwrap().sealed.1, vec![8; 40], "somebody was faster");
        let id = reading.deliveries(hook.id, 1).await.unwrap()[0].id;
        drop(reading);

        let (process, later) = (ProcessId::new(), NOW.plus(MINUTE));
        place.store.claim_delivery(id, process, (NOW, later)).await.unwrap().unwrap();
        let done = Attempt { at: NOW, status: Some(200), problem: None };
        place.store.end_attempt(id, process, &done, (Delivered::Delivered, NOW)).await.unwrap();
        assert_eq!(place.store.forget_deliveries(NOW).await.unwrap(), 0);
        assert_eq!(place.store.forget_deliveries(later).await.unwrap(), 1, "what waits is not forgotten");

        let mut tx = place.write().await;
        let own = tx.insert_delivery(hook.id, &happened(None, "own"), (process, later)).await.unwrap();
        assert_eq!(tx.delivery(own).await.unwrap().unwrap().attempts, 1);
        tx.delete_organization(world.acme).await.unwrap();
        tx.commit().await.unwrap();
        let mut reading = place.store.read().await.unwrap();
        assert!(reading.webhook(hook.id).await.unwrap().is_none() && reading.delivery(own).await.unwrap().is_none());
    }
}

on_both! {
    async fn what_ends_and_what_fills_up_is_found(place: &Place) {
        let world = World::made(place).await;
        let mut tx = place.write().await;
        let mut soon = crate::world::credential(bellhop::credential::Owner::Organization(world.acme), "ionq");
        soon.expires = NOW.plus(MINUTE);
        tx.insert_credentials(&[soon.clone(), crate::world::credential(bellhop::credential::Owner::User(world.ada), "ionq")])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        place.store.touch(&[(world.ada_token, NOW)]).await.unwrap();
        let mut reading = place.store.read().await.unwrap();

        let found = reading.credentials_ending((NOW, NOW.plus(MINUTE)), None, 10).await.unwrap();
        assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [soon.id]);
        assert!(reading.credentials_ending((NOW, NOW.plus(MINUTE)), Some(soon.id), 10).await.unwrap().is_empty());
        assert!(reading.credentials_ending((NOW.plus(MINUTE), Timestamp::MAX), None, 10).await.unwrap().len() == 1);
        let used = reading.tokens_ending((NOW, NOW.plus(MINUTE)), NOW.minus(MINUTE), None, 10).await.unwrap();
        assert_eq!(used.iter().map(|row| row.id).collect::<Vec<_>>(), [world.ada_token]);
        assert!(reading.tokens_ending((NOW, NOW.plus(MINUTE)), NOW.plus(MINUTE), None, 10).await.unwrap().is_empty());
        assert!(reading.quotas_near(NOW).await.unwrap().is_empty());
    }
}
