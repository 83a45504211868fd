//! The same file put into an inbox again after it was taken is another paper: it is admitted, waits for a decision, and replaces
//! nothing; one whose move did not happen is the same arrival, whatever its number.

use std::path::{Path, PathBuf};
use std::time::Instant;

use conserva::acquire::settle::Settling;
use conserva::acquire::watch::Watched;
use conserva::acquire::{AdmitOutcome, Offer, Release, admit, admit_together, clean, come, retire_markers};
use conserva::arrival::ArrivalState;
use conserva::clock::Clock;
use conserva::inbox::Inbox;
use conserva::limits::Limits;

use super::acquire::{House, prova};

/// The file that lies at `first`, with its time, at `path`.
fn put_again(first: &Path, path: &Path) {
    std::fs::copy(first, path).expect("copied back");
    let mtime = std::fs::metadata(first).expect("metadata").modified().expect("mtime");
    std::fs::File::options().write(true).open(path).expect("open").set_modified(mtime).expect("same mtime");
}

#[tokio::test]
async fn the_same_file_put_into_the_inbox_again_is_a_new_arrival_that_waits_and_replaces_nothing() {
    let house = House::new().await;
    let path = house.file("a.tif", b"tiff");
    let first = house.admit(&path).await.expect("admitted");
    let taken = first.taken.expect("taken");
    let mut all = vec![first.arrival.id.clone()];
    for n in 2..=4 {
        put_again(&taken, &path);
        let next = house.admit(&path).await.expect("admitted again");
        assert_eq!(next.outcome, AdmitOutcome::Duplicate { of: first.arrival.id.clone() });
        assert_eq!(next.arrival.state, ArrivalState::Duplicate);
        assert!(next.taken.expect("taken").exists() && taken.exists() && !path.exists());
        assert!(!all.contains(&next.arrival.id));
        all.push(next.arrival.id);
        let store = &house.desk.store;
        assert_eq!(store.arrivals(&prova()).await.expect("arrivals").len(), n);
        assert_eq!(store.check_journal(&prova()).await.expect("check").expect("whole").n, n as u64);
        assert_eq!(store.blobs(&prova()).await.expect("blobs").len(), 1);
    }
    assert_eq!(house.desk.store.open_jobs(&prova()).await.expect("jobs").len(), 1, "the others wait for a decision");
}

#[tokio::test]
async fn a_file_that_lies_under_both_names_was_moved_by_half_and_is_the_same_arrival() {
    let house = House::new().await;
    let path = house.file("a.tif", b"tiff");
    let taken = house.admit(&path).await.expect("admitted").taken.expect("taken");
    std::fs::hard_link(&taken, &path).expect("both names");
    assert_eq!(house.admit(&path).await.expect("found again").outcome, AdmitOutcome::Replay);
    assert_eq!(house.desk.store.arrivals(&prova()).await.expect("arrivals").len(), 1);
}

#[tokio::test]
async fn what_was_taken_is_known_as_taken_when_its_days_are_over_and_its_file_is_deleted() {
    let house = House::new().await;
    let path = house.file("a.tif", b"tiff");
    let taken = house.admit(&path).await.expect("admitted").taken.expect("taken");
    let kept = house.inbox().join("kept");
    std::fs::copy(&taken, &kept).expect("kept");
    let mtime = std::fs::metadata(&taken).and_then(|metadata| metadata.modified()).expect("mtime");
    std::fs::File::options().write(true).open(&kept).and_then(|file| file.set_modified(mtime)).expect("its time");
    let inbox = Inbox { taken_days: 30, ..Inbox::default() };
    let day = jiff::civil::date(2024, 3, 1);
    let cleaned = clean::clean(&house.desk, &prova(), (&inbox, &house.inbox()), day).await.expect("cleaned");
    assert!(cleaned.deleted == 1 && !taken.exists());
    std::fs::rename(&kept, &path).expect("put again");
    assert!(matches!(house.admit(&path).await.expect("admitted").outcome, AdmitOutcome::Duplicate { .. }));
}

fn watched(folder: PathBuf) -> Watched {
    let marked = Inbox { end_marker: Some("*.fine".to_owned()), ..Inbox::default() };
    let inbox = Inbox { settle_seconds: 0, incomplete_seconds: 3_600, ..marked };
    Watched { inbox, folder, limits: Limits::default(), clock: Clock::System, began: Instant::now() }
}

/// The daemon dies between the admission and the putting away of the marker; another one is opened.
#[tokio::test]
async fn a_marker_whose_batch_is_in_is_put_away_after_a_restart_and_one_whose_batch_has_not_come_stays() {
    let mut house = House::new().await;
    house.desk.clock = Clock::System;
    let inbox = house.inbox();
    for folder in ["a", "è b", "c"] {
        std::fs::create_dir(inbox.join(folder)).expect("folder");
    }
    let offer = |path: PathBuf, folder: &str| {
        let offer = house.offer(&path);
        Offer { beside: conserva::acquire::Beside { folder: folder.as_bytes().to_vec(), ..offer.beside.clone() }, ..offer }
    };
    // Of folder c a batch is in from before its marker was written.
    let old = offer(house.file("c/1.txt", b"prima"), "c");
    admit(&house.desk, old).await.expect("admitted");
    std::thread::sleep(std::time::Duration::from_millis(20));
    let markers = ["tutto.fine", "a/lotto.fine", "è b/lotto.fine", "c/lotto.fine"].map(|name| house.file(name, b""));
    std::thread::sleep(std::time::Duration::from_millis(20));
    let batch = vec![
        offer(house.file("1.txt", b"uno"), ""),
        offer(house.file("a/1.txt", b"due"), "a"),
        offer(house.file("è b/1.txt", b"tre"), "è b"),
    ];
    assert!(admit_together(&house.desk, batch).await.iter().all(Result::is_ok));
    // From here on nothing is left but what lies on the disk.
    let watched = watched(inbox.clone());
    let mut known = come(&house.desk, &prova(), &watched).await.expect("known");
    let resolved = inbox.canonicalize().expect("inbox");
    assert_eq!(known, [resolved.clone(), resolved.join("a"), resolved.join("è b")].into());
    let mut moving = watched.clone();
    moving.inbox.settle_seconds = 3_600;
    retire_markers(&moving, &mut Settling::new(9), &mut known.clone()).expect("nothing to put away");
    assert!(markers.iter().all(|marker| marker.exists()), "a document, too, is empty when it comes into being");
    retire_markers(&watched, &mut Settling::new(9), &mut known).expect("put away");
    assert_eq!(markers.map(|marker| marker.exists()), [false, false, false, true]);
}

#[tokio::test]
async fn a_door_without_markers_asks_for_nothing() {
    let house = House::new().await;
    let watched = Watched { inbox: Inbox::default(), ..watched(house.inbox()) };
    assert!(come(&house.desk, &prova(), &watched).await.expect("known").is_empty());
    let path = house.file("a.tif", b"tiff");
    let leave = Offer { release: Release::Leave, ..house.offer(&path) };
    admit(&house.desk, leave.clone()).await.expect("admitted");
    assert_eq!(admit(&house.desk, leave).await.expect("again").outcome, AdmitOutcome::Replay, "what stays is one arrival");
}
