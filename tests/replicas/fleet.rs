//! Several Bellhops that serve from one store, each in a folder of its own as if on a machine of its own.
//! Owns them, and the database.
//! Never shares a data folder between two: what one writes to its spool the others have to do without.

use crate::{
    load::{Balancer, Habit, Line, Told},
    provider::Provider,
    support::{Bellhop, Pat, Site, postgres::Postgres},
};
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

pub const ACME: &str = crate::support::ACME_KEY;

pub struct Fleet {
    pub replicas: Vec<Bellhop>,
    pub postgres: Postgres,
    /// The master key that all of them have, as a secret that is mounted into each.
    master_key: PathBuf,
    origin: String,
    settings: Vec<(&'static str, Value)>,
    /// Members of the organization that pays; each has one token.
    pub members: Vec<Pat>,
    /// An owner of it, who manages.
    pub desk: Pat,
}

impl Fleet {
    /// `None` where there is no PostgreSQL to test with.
    pub async fn of(
        count: usize,
        provider: &Provider,
        members: usize,
        settings: &[(&'static str, Value)],
    ) -> Option<Self> {
        let postgres = Postgres::fresh().await?;
        let mut site = site(&provider.origin(), &postgres.url(), settings);
        site.organization("acme").key(ACME);
        let desk = site.user("desk").pat_with("desk", &json!({ "scopes": ["run", "manage"] }));
        site.organization("acme").member("desk", "owner");
        let members: Vec<Pat> = (0..members).map(|number| member(&mut site, &format!("member-{number}"))).collect();
        let first = site.serve().await;
        let master_key = first.data().join("master.key");
        let (origin, settings) = (provider.origin(), settings.to_vec());
        let mut fleet = Self { replicas: vec![first], postgres, master_key, origin, settings, members, desk };
        for _ in 1..count {
            let replica = fleet.another().await;
            fleet.replicas.push(replica);
        }
        Some(fleet)
    }

    /// One more of them, not yet among those that are served from.
    pub async fn another(&self) -> Bellhop {
        Bellhop::start(self.site()).await
    }

    /// An installation like the others'.
    pub fn site(&self) -> Site {
        let site = site(&self.origin, &self.postgres.url(), &self.settings);
        fs::create_dir_all(site.data()).unwrap();
        site.set("master_key.file", self.master_key.to_str().unwrap())
    }

    /// Asks the management API of one replica.
    pub async fn manage(&self, admin: SocketAddr, method: &str, path: &str, body: &Value) -> Told {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.desk,
            body.len()
        );
        Line::open(admin).await.unwrap().ask(&request).await.unwrap()
    }

    pub fn balancer(&self) -> Arc<Balancer> {
        let seats: Vec<_> = self.replicas.iter().map(|r| (r.addresses.proxy, r.addresses.admin)).collect();
        Balancer::before(&seats)
    }

    /// What all members do together, spread over all replicas: so many requests a second.
    pub fn habits(&self, rate: f64, submits: u32) -> Vec<Habit> {
        let every = Duration::from_secs_f64(self.members.len() as f64 / rate);
        let habit = |(place, pat): (usize, &Pat)| Habit { pat: pat.clone(), place, every, submits, jobs: Vec::new() };
        self.members.iter().enumerate().map(habit).collect()
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.replicas.iter().map(|replica| replica.addresses.proxy).collect()
    }

    pub async fn end(self) {
        for replica in self.replicas {
            drop(replica.stop().await);
        }
        self.postgres.drop_database().await;
    }
}

fn site(origin: &str, store: &str, settings: &[(&'static str, Value)]) -> Site {
    let mut site = Site::empty()
        .set("providers.ionq", json!({ "upstream": origin, "allow_private": true }))
        .set("store.url", store)
        .set("listen.workers", 1)
        .set("log.level", "info");
    for (key, value) in settings {
        site.reconfigure(key, value.clone());
    }
    site
}

fn member(site: &mut Site, name: &str) -> Pat {
    let pat = site.user(name).pat();
    site.organization("acme").member(name, "member");
    pat
}
