//! The disk is full: what cannot be written is refused in the words for it, and all is well when there is room again.

use crate::{
    jobs::{
        office::{JOBS, Office},
        place::Place,
    },
    support::{Site, eventually},
};
use serde_json::json;
use std::{fs, path::PathBuf, process::Command};

/// A disk of a few megabytes; gone with the story.
struct Disk(PathBuf);

impl Disk {
    /// `None` where nobody may mount one.
    fn of(site: &Site) -> Option<Self> {
        let folder = site.data();
        fs::create_dir_all(&folder).unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs"]).arg(&folder).output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self(folder));
        }
        eprintln!("skipped: no disk can be mounted here");
        None
    }

    fn fill(&self) {
        let block = vec![b'x'; 4096];
        let mut filling = fs::File::create(self.0.join("filling")).unwrap();
        while std::io::Write::write_all(&mut filling, &block).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filling")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_refused_in_words_and_recovers_by_itself() {
    let mut disk = None;
    let office = Office::furnished(&Place::Sqlite, crate::jobs::office::minting().await, |site| {
        disk = Disk::of(&site);
        site
    })
    .await;
    let Some(disk) = disk else { return };
    let id = office.submit(&office.ada).await;
    office.poll(&office.ada, &id).await.assert_relayed();
    let sent = office.ionq.requests().len();

    disk.fill();
    // What SQLite has room for within its files may still be written.
    eventually("submissions are refused", async || {
        office.bellhop.post(&office.ada, JOBS, &json!({})).await.status == 503
    })
    .await;
    let made = office.ionq.requests().len();
    let refused = office.bellhop.post(&office.ada, JOBS, &json!({})).await;
    refused.assert_refused("store-unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(office.ionq.requests().len(), made, "nothing is sent that is not on record");
    assert!(made >= sent);
    office.poll(&office.ada, &id).await.assert_paid_by("acme", "job");
    let run = office.bellhop.run(&["token", "create", "ada", "new"]).await.assert_code(1);
    assert!(run.err.contains("full"), "{}", run.err);

    disk.empty();
    eventually("submissions are taken again", async || {
        office.bellhop.post(&office.ada, JOBS, &json!({})).await.status == 200
    })
    .await;
    office.bellhop.run(&["token", "create", "ada", "new"]).await.assert_code(0);
    office.bellhop.run(&["audit", "verify"]).await.assert_code(0);
    let Office { bellhop, .. } = office;
    let site = bellhop.stop().await;
    drop(disk);
    drop(site);
}
