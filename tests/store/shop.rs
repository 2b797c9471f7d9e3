//! What tests submit: intents, bindings and observations with little to say for themselves.

use crate::{
    place::{NOW, Place},
    world::{World, credential},
};
use bellhop::{
    clock::Timestamp,
    credential::Owner,
    id::{CredentialId, ProcessId, QuotaId, SubmissionId, UserId},
    job::{
        Amounts, Ended, Figures, Intent, JOB, Made, Payer, State, Thing, ThingKey,
        entry::{Binding, Entered, Entry, Observation},
        quota::{Authority, Measure, Period, Quota, Subject},
    },
};

pub const ACCOUNT: &str = "an-account";

pub struct Shop {
    pub world: World,
    pub credential: CredentialId,
    pub process: ProcessId,
}

impl Shop {
    pub async fn open(place: &Place) -> Self {
        let world = World::made(place).await;
        let shared = credential(Owner::Organization(world.acme), "ionq");
        let mut tx = place.write().await;
        tx.insert_credentials(std::slice::from_ref(&shared)).await.unwrap();
        tx.commit().await.unwrap();
        Self { world, credential: shared.id, process: ProcessId::new() }
    }

    pub fn payer(&self, user: UserId) -> Payer {
        Payer {
            user,
            token: self.world.ada_token,
            credential: self.credential,
            version: 1,
            organization: Some(self.world.acme),
            project: Some(self.world.optics),
            provider: "ionq".into(),
            account: ACCOUNT.into(),
        }
    }

    /// One job of a hundred shots.
    pub fn intent(&self, user: UserId) -> Intent {
        Intent {
            id: SubmissionId::new(),
            process: self.process,
            at: NOW,
            payer: self.payer(user),
            operation: "create-job".into(),
            repetition: None,
            makes: [].into(),
            asks: Amounts { jobs: 1, shots: 100, ..Amounts::default() },
            target: Some("qpu.aria-1".into()),
        }
    }

    pub fn quota(&self, subject: Subject, measure: Measure, limit: u64) -> Quota {
        Quota {
            id: QuotaId::new(),
            subject,
            within: None,
            provider: None,
            measure,
            period: Period::Month,
            limit,
            hold: 0,
            set_by: "grace".into(),
        }
    }

    pub async fn used(&self, place: &Place, quota: QuotaId) -> u64 {
        let all = place.store.read().await.unwrap().quotas(bellhop::store::QuotasOf::Everybody, NOW).await.unwrap();
        all.iter().find(|row| row.quota.id == quota).unwrap().used
    }
}

pub fn job(id: &str) -> Thing {
    Thing { kind: JOB.into(), id: id.into() }
}

pub fn made(id: &str) -> Made {
    Made { thing: job(id), parent: None, figures: Figures::default() }
}

pub fn key(id: &str) -> ThingKey {
    ThingKey::new("ionq", &job(id))
}

pub fn intend(intent: &Intent) -> Entry {
    Entry::Intend(intent.clone())
}

pub fn bind(intent: &Intent, ids: &[&str]) -> Entry {
    let made = ids.iter().map(|id| made(id)).collect();
    Entry::Bind(Binding { submission: intent.id, at: later(1), provider: intent.payer.provider.clone(), made })
}

pub fn end(intent: &Intent, state: State) -> Entry {
    Entry::End { submission: intent.id, state, at: later(1) }
}

pub fn observe(id: &str, figures: Figures) -> Entry {
    Entry::Observe(Observation { key: key(id), account: ACCOUNT.into(), at: later(2), figures })
}

pub fn ended(how: Ended, qpu_us: Option<u64>) -> Figures {
    Figures { status: Some(how.as_str().into()), ended: Some(how), qpu_us, ..Figures::default() }
}

pub fn later(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + seconds * 1000)
}

/// What came of one entry.
pub async fn enter(place: &Place, entry: Entry) -> Entered {
    place.store.enter(&[entry]).await.unwrap().remove(0)
}

pub async fn set(place: &Place, quota: &Quota) -> QuotaId {
    let mut tx = place.write().await;
    let id = tx.set_quota(quota, Authority::Operator).await.unwrap();
    tx.commit().await.unwrap();
    id
}
