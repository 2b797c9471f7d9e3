use super::*;
use crate::{clock::Timestamp, sync::retention::pruned};
use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

/// A stand-in for the key of the trail.
struct Key;

impl Signer for Key {
    fn mac(&self, link: &[u8]) -> String {
        let mut hasher = DefaultHasher::new();
        link.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

fn trail(length: i64) -> Vec<AuditRow> {
    let mut previous = String::new();
    let entry = |seq| {
        let mut row = AuditRow {
            seq,
            at: Timestamp::from_millis(1000 * seq),
            actor: "system".into(),
            action: "token.created".into(),
            subject: format!("ada/{seq}"),
            detail: String::new(),
            mac: String::new(),
        };
        row.mac = Key.mac(&row.link(&previous));
        previous.clone_from(&row.mac);
        row
    };
    (1..=length).map(entry).collect()
}

/// What is found of these, where `end` is what the store itself says that the end is.
fn found(rows: &[AuditRow], end: &AuditRow) -> Vec<(FindingKind, i64, i64)> {
    found_since(None, rows, end)
}

fn found_since(pruned: Option<PrunedRow>, rows: &[AuditRow], end: &AuditRow) -> Vec<(FindingKind, i64, i64)> {
    let (mut walk, end) = (Walk::new(&Key, pruned), (end.seq, end.mac.clone()));
    for row in rows {
        walk.step(row, &end);
    }
    walk.findings(&end).into_iter().map(|finding| (finding.kind, finding.entry, finding.to)).collect()
}

fn tampered(tamper: impl FnOnce(&mut Vec<AuditRow>)) -> Vec<(FindingKind, i64, i64)> {
    let mut rows = trail(9);
    let end = rows[8].clone();
    tamper(&mut rows);
    found(&rows, &end)
}

fn swap(rows: &mut [AuditRow], a: usize, b: usize) {
    let (left, right) = (rows[a].seq, rows[b].seq);
    rows.swap(a, b);
    (rows[a].seq, rows[b].seq) = (left, right);
}

#[test]
fn what_was_written_is_intact() {
    assert_eq!(tampered(|_| {}), []);
    assert_eq!(found(&trail(12), &trail(9)[8]), [], "what was written meanwhile");
}

#[test]
fn an_edit_of_any_field_names_its_entry_alone() {
    let edits: [fn(&mut AuditRow); 6] = [
        |row| row.at = Timestamp::from_millis(1),
        |row| row.actor = "user:1".into(),
        |row| row.action = "token.revoked".into(),
        |row| row.subject.push('x'),
        |row| row.detail.push('x'),
        |row| (row.action, row.subject) = ("token.createdad".into(), row.subject[2..].into()),
    ];
    for (place, edit) in [0, 4, 8].into_iter().flat_map(|place| edits.map(|edit| (place, edit))) {
        let seq = place as i64 + 1;
        assert_eq!(tampered(|rows| edit(&mut rows[place])), [(FindingKind::Edited, seq, seq)]);
    }
}

#[test]
fn a_link_that_was_made_up_is_found_with_what_hangs_on_it() {
    let found = tampered(|rows| rows[3].mac = "0".repeat(16));
    assert_eq!(found, [(FindingKind::Edited, 4, 4), (FindingKind::Edited, 5, 5)]);
    assert_eq!(tampered(|rows| rows[8].mac = "0".repeat(16)), [(FindingKind::Edited, 9, 9)]);
}

#[test]
fn what_was_deleted_is_named() {
    assert_eq!(tampered(|rows| drop(rows.remove(3))), [(FindingKind::Deleted, 4, 4)]);
    assert_eq!(tampered(|rows| drop(rows.drain(..3))), [(FindingKind::Deleted, 1, 3)]);
    let renumbered = tampered(|rows| {
        rows.remove(3);
        rows[3..].iter_mut().for_each(|row| row.seq -= 1);
    });
    assert_eq!(renumbered.first().map(|(_, entry, _)| *entry), Some(4), "{renumbered:?}");
}

#[test]
fn what_changed_places_is_named_and_what_comes_after_is_not_blamed() {
    use FindingKind::Moved;
    assert_eq!(tampered(|rows| swap(rows, 3, 4)), [(Moved, 4, 4), (Moved, 5, 5)]);
    assert_eq!(tampered(|rows| swap(rows, 1, 6)), [(Moved, 2, 2), (Moved, 7, 7)]);
    assert_eq!(tampered(|rows| swap(rows, 0, 1)), [(Moved, 1, 1), (Moved, 2, 2)]);
    assert_eq!(tampered(|rows| swap(rows, 7, 8)), [(Moved, 8, 8), (Moved, 9, 9)]);
}

#[test]
fn an_end_that_was_cut_off_is_named() {
    assert_eq!(tampered(|rows| rows.truncate(7)), [(FindingKind::CutOff, 8, 9)]);
    assert_eq!(tampered(Vec::clear), [(FindingKind::CutOff, 1, 9)]);
}

#[test]
fn what_was_put_in_is_named() {
    let forged = AuditRow { seq: 10, subject: "eve".into(), ..trail(1).remove(0) };
    assert_eq!(tampered(|rows| rows.push(forged.clone())), [(FindingKind::Edited, 10, 10)]);
    let before = AuditRow { seq: -1, ..forged };
    assert_eq!(tampered(|rows| rows.insert(0, before)), [(FindingKind::Edited, -1, -1)]);
}

/// The trail without its first four, and what says so.
fn kept() -> (PrunedRow, Vec<AuditRow>) {
    let rows = trail(9);
    let note = pruned(Timestamp::from_millis(1), (4, &rows[3].mac), &Key);
    (note, rows[4..].to_vec())
}

#[test]
fn what_was_taken_away_because_of_its_age_is_not_missed() {
    let (note, rows) = kept();
    assert_eq!(found_since(Some(note), &rows, &rows[4]), []);
    assert_eq!(found(&rows, &rows[4]), [(FindingKind::Deleted, 1, 4)]);
}

#[test]
fn what_went_beyond_that_is_named_and_so_is_an_edit_of_what_stayed() {
    let (note, rows) = kept();
    let end = rows[4].clone();
    assert_eq!(found_since(Some(note.clone()), &rows[1..], &end), [(FindingKind::Deleted, 5, 5)]);
    assert_eq!(found_since(Some(note.clone()), &rows[..3], &end), [(FindingKind::CutOff, 8, 9)]);
    let mut edited = rows.clone();
    edited[0].subject.push('x');
    assert_eq!(found_since(Some(note.clone()), &edited, &end), [(FindingKind::Edited, 5, 5)]);
    let mut moved = rows.clone();
    swap(&mut moved, 1, 2);
    assert_eq!(found_since(Some(note), &moved, &end), [(FindingKind::Moved, 6, 6), (FindingKind::Moved, 7, 7)]);
}

#[test]
fn who_has_not_the_key_cannot_say_that_more_was_too_old() {
    let (note, rows) = kept();
    let forged = PrunedRow { seq: 5, mac: rows[0].mac.clone(), ..note };
    let found = found_since(Some(forged), &rows[1..], &rows[4]);
    assert_eq!(found, [(FindingKind::Deleted, 1, 5), (FindingKind::NotOurs, 5, 5)]);
}
