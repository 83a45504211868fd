//! Admission: every input in exactly one place, at any instant (invariants 2 and 3), and the guards at the door.

use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use conserva::acquire::{Admission, AdmitOutcome, Admitted, Beside, Offer, Release, admit, admit_together, guard, quarantine};
use conserva::arrival::{ArrivalState, EnteId, FileName};
use conserva::blobs::Blobs;
use conserva::clock::Clock;
use conserva::digest::Digest;
use conserva::ente::Ente;
use conserva::error::{Error, Kind};
use conserva::limits::Limits;
use conserva::store::{Change, Closing, Store};
use jiff::Timestamp;
use sqlx::Connection as _;

const NOON: Timestamp = Timestamp::constant(1_700_000_000, 0);

pub fn prova() -> EnteId {
    EnteId("prova".to_owned())
}

/// An archive with its inbox, in a fresh folder.
pub struct House {
    folder: tempfile::TempDir,
    pub desk: Admission,
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = Clock::Fixed(NOON);
        let store = Store::open(&folder.path().join("store.db"), clock).await.expect("store");
        store.add_ente(&Ente::prova()).await.expect("ente");
        let blobs = Blobs::open(&folder.path().join("blobs")).expect("blobs");
        std::fs::create_dir(folder.path().join("inbox")).expect("inbox");
        Self { folder, desk: Admission { store, blobs, clock, limits: Limits::default() } }
    }

    pub fn inbox(&self) -> PathBuf {
        self.folder.path().join("inbox")
    }

    /// A file in the inbox.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.inbox().join(name);
        std::fs::File::create(&path).expect("create").write_all(bytes).expect("write");
        path
    }

    pub fn offer(&self, path: &Path) -> Offer {
        let name = path.file_name().expect("name");
        Offer {
            ente: prova(),
            door: "inbox".to_owned(),
            path: path.to_owned(),
            name: FileName::new(name.as_encoded_bytes()),
            release: Release::Take { inbox: self.inbox() },
            beside: Beside::default(),
        }
    }

    pub async fn admit(&self, path: &Path) -> conserva::error::Result<Admitted> {
        admit(&self.desk, self.offer(path)).await
    }

    async fn refused(&self, path: &Path) -> Error {
        let error = self.admit(path).await.expect_err("not admitted");
        assert!(path.symlink_metadata().is_ok(), "the source is where it was");
        assert!(self.desk.store.arrivals(&prova()).await.expect("arrivals").is_empty());
        error
    }
}

#[tokio::test]
async fn a_file_from_an_inbox_is_a_blob_a_row_a_job_and_a_line_and_then_leaves_the_inbox() {
    let house = House::new().await;
    let path = house.file("Istanza Rossi.tif", b"tiff");
    let admitted = house.admit(&path).await.expect("admitted");
    let (arrival, store) = (&admitted.arrival, &house.desk.store);
    assert_eq!(admitted.outcome, AdmitOutcome::New);
    assert_eq!((arrival.state, arrival.sha256, arrival.bytes), (ArrivalState::Working, Digest::of(b"tiff"), 4));
    assert_eq!(store.arrival(&prova(), &arrival.id).await.expect("row").as_ref(), Some(arrival));
    assert_eq!(house.desk.blobs.check(&prova(), &arrival.sha256).expect("blob"), 4);
    let jobs = store.open_jobs(&prova()).await.expect("jobs");
    assert_eq!((jobs.len(), jobs[0].step.as_str(), jobs[0].owner.as_str()), (1, "identify", arrival.id.as_str()));
    let events = store.events_of(&prova(), arrival.id.as_str()).await.expect("events");
    assert_eq!((events.len(), events[0].kind.as_str(), events[0].outcome.as_str()), (1, "admitted", "success"));
    assert!(!serde_json::to_string(&events).expect("json").contains("Rossi"), "no personal data in the journal");
    assert!(!path.exists());
    let taken = house.inbox().join(".taken/2023-11-14").join(format!("{}-Istanza Rossi.tif", arrival.id));
    assert_eq!(admitted.taken.as_deref(), Some(taken.as_path()));
    assert_eq!(std::fs::read(taken).expect("taken"), b"tiff");
}

#[tokio::test]
async fn ingest_copies_and_leaves_its_source_alone() {
    let house = House::new().await;
    let path = house.file("a.tif", b"tiff");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).expect("permissions");
    let before = std::fs::metadata(&path).expect("metadata");
    let offer = Offer { release: Release::Leave, ..house.offer(&path) };
    let first = admit(&house.desk, offer.clone()).await.expect("admitted");
    let again = admit(&house.desk, offer).await.expect("replayed");
    assert_eq!((first.outcome, again.outcome), (AdmitOutcome::New, AdmitOutcome::Replay));
    let after = std::fs::metadata(&path).expect("still there");
    assert_eq!((before.modified().ok(), before.permissions()), (after.modified().ok(), after.permissions()));
    assert!(!house.inbox().join(".taken").exists());
}

#[tokio::test]
async fn a_source_survives_when_the_transaction_fails() {
    let house = House::new().await;
    let path = house.file("a.tif", b"tiff");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.folder.path().join("store.db"));
    let mut disk = sqlx::SqliteConnection::connect_with(&options).await.expect("connect");
    // The last row of the transaction cannot be written.
    let fault = "CREATE TRIGGER fault BEFORE INSERT ON journal BEGIN SELECT RAISE (ABORT, 'a fault'); END";
    sqlx::raw_sql(fault).execute(&mut disk).await.expect("fault");
    let error = house.refused(&path).await;
    assert_eq!((error.code(), error.kind()), ("store-failed", Kind::Store));
    assert_eq!(std::fs::read(&path).expect("still there"), b"tiff");
    assert!(house.desk.store.open_jobs(&prova()).await.expect("jobs").is_empty());
    sqlx::raw_sql("DROP TRIGGER fault").execute(&mut disk).await.expect("repaired");
    assert_eq!(house.admit(&path).await.expect("admitted later").outcome, AdmitOutcome::New);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_crash_between_commit_and_release_admits_once() {
    let house = House::new().await;
    let path = house.file("a.tif", b"tiff");
    // The instant before the release: blob and rows are there, the source too.
    let before = admit(&house.desk, Offer { release: Release::Leave, ..house.offer(&path) }).await.expect("admitted");
    let after = house.admit(&path).await.expect("found again");
    assert_eq!(after.outcome, AdmitOutcome::Replay);
    assert_eq!(after.arrival, before.arrival);
    assert!(!path.exists() && after.taken.is_some_and(|taken| taken.exists()));
    let store = &house.desk.store;
    assert_eq!(store.arrivals(&prova()).await.expect("arrivals").len(), 1);
    assert_eq!(store.journal_head(&prova()).await.expect("head").n, 1);
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs").len(), 1);
}

#[tokio::test]
async fn a_replay_after_the_first_step_is_done_does_not_start_it_again() {
    let house = House::new().await;
    let path = house.file("a.tif", b"tiff");
    let leave = Offer { release: Release::Leave, ..house.offer(&path) };
    admit(&house.desk, leave.clone()).await.expect("admitted");
    let claim = house.desk.store.claim(&[], NOON, 60).await.expect("claim").expect("job");
    house.desk.store.apply(&prova(), Some((&claim, Closing::Done)), &[]).await.expect("done");
    admit(&house.desk, leave).await.expect("replayed");
    assert!(house.desk.store.open_jobs(&prova()).await.expect("jobs").is_empty());
}

#[tokio::test]
async fn the_same_bytes_under_another_name_are_a_second_receipt_that_waits() {
    let house = House::new().await;
    let first = house.admit(&house.file("a.tif", b"tiff")).await.expect("first");
    let second = house.admit(&house.file("b.tif", b"tiff")).await.expect("second");
    let third = house.admit(&house.file("c.tif", b"tiff")).await.expect("third");
    for duplicate in [&second, &third] {
        assert_eq!(duplicate.outcome, AdmitOutcome::Duplicate { of: first.arrival.id.clone() });
        assert_eq!(duplicate.arrival.state, ArrivalState::Duplicate);
        assert_eq!(duplicate.arrival.duplicate_of.as_ref(), Some(&first.arrival.id));
        let events = house.desk.store.events_of(&prova(), duplicate.arrival.id.as_str()).await.expect("events");
        assert_eq!(events[0].detail.get("duplicate_of").map(String::as_str), Some(first.arrival.id.as_str()));
    }
    assert_eq!(house.desk.store.open_jobs(&prova()).await.expect("jobs").len(), 1);
    assert_eq!(house.desk.store.blobs(&prova()).await.expect("blobs").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_bytes_through_many_doors_at_once_are_one_first_and_the_rest_duplicates() {
    let house = House::new().await;
    let mut doors = Vec::new();
    for n in 0..8 {
        let (desk, offer) = (house.desk.clone(), house.offer(&house.file(&format!("{n}.tif"), b"tiff")));
        doors.push(tokio::spawn(async move { admit(&desk, offer).await.expect("admitted").outcome }));
    }
    let mut new = 0;
    for door in doors {
        new += u32::from(door.await.expect("join") == AdmitOutcome::New);
    }
    assert_eq!(new, 1);
    let arrivals = house.desk.store.arrivals(&prova()).await.expect("arrivals");
    assert_eq!(arrivals.len(), 8);
    assert!(arrivals[1..].iter().all(|arrival| arrival.duplicate_of.as_ref() == Some(&arrivals[0].id)));
}

#[tokio::test]
async fn a_group_is_admitted_as_its_files_would_be_one_by_one_and_one_that_fails_costs_itself_only() {
    let mut house = House::new().await;
    let paths =
        [house.file("a.tif", b"uno"), house.inbox().join("manca.tif"), house.file("b.tif", b"uno"), house.file("c.tif", b"due")];
    let admitted = admit_together(&house.desk, paths.iter().map(|path| house.offer(path)).collect()).await;
    let word = |admitted: &conserva::error::Result<Admitted>| match admitted {
        Ok(admitted) if admitted.unreleased.is_some() => "stays".to_owned(),
        Ok(admitted) => format!("{:?}", admitted.outcome).split([' ', '{']).next().unwrap_or_default().to_owned(),
        Err(error) => error.code().to_owned(),
    };
    assert_eq!(admitted.iter().map(word).collect::<Vec<_>>(), ["New", "source-gone", "Duplicate", "New"]);
    assert_eq!(house.desk.store.open_jobs(&prova()).await.expect("jobs").len(), 2);
    assert_eq!(std::fs::read_dir(house.inbox()).expect("inbox").count(), 1, "only .taken is left");
    house.desk.limits.queue_length_max = 3;
    let paths = [house.file("d.tif", b"tre"), house.file("e.tif", b"quattro")];
    let admitted = admit_together(&house.desk, paths.iter().map(|path| house.offer(path)).collect()).await;
    assert_eq!(admitted.iter().map(word).collect::<Vec<_>>(), ["New", "queue-full"], "the last place, and one too many");
    assert!(paths[1].exists());
    assert!(admit_together(&house.desk, Vec::new()).await.is_empty());
}

#[tokio::test]
async fn an_empty_file_is_admitted_like_any_other() {
    let house = House::new().await;
    let admitted = house.admit(&house.file("vuoto.pdf", b"")).await.expect("admitted");
    assert_eq!((admitted.outcome, admitted.arrival.bytes), (AdmitOutcome::New, 0));
}

#[tokio::test]
async fn a_name_that_is_not_utf_8_is_kept_bit_by_bit() {
    use std::os::unix::ffi::OsStrExt as _;
    let house = House::new().await;
    let name = b"perizia \xe8 grande\n.tif";
    let path = house.inbox().join(std::ffi::OsStr::from_bytes(name));
    std::fs::File::create(&path).expect("create");
    let admitted = house.admit(&path).await.expect("admitted");
    let row = house.desk.store.arrival(&prova(), &admitted.arrival.id).await.expect("row").expect("there");
    assert_eq!(row.name.bytes(), name);
    assert!(admitted.taken.expect("taken").as_os_str().as_bytes().ends_with(name));
}

#[tokio::test]
async fn a_link_is_not_followed_and_goes_to_quarantine_from_an_inbox_only() {
    let house = House::new().await;
    let secret = house.folder.path().join("secret");
    std::fs::File::create(&secret).expect("create");
    let link = house.inbox().join("link.pdf");
    std::os::unix::fs::symlink(&secret, &link).expect("link");
    let error = house.refused(&link).await;
    assert_eq!((error.code(), error.kind()), ("source-is-link", Kind::Refuse));
    let folder = house.folder.path().join("quarantine");
    let leave = Offer { release: Release::Leave, ..house.offer(&link) };
    assert_eq!(quarantine(&house.desk, &leave, &folder, &error).await.expect("left"), None);
    assert!(link.symlink_metadata().is_ok());
    let moved = quarantine(&house.desk, &house.offer(&link), &folder, &error).await.expect("moved").expect("hopeless");
    assert!(link.symlink_metadata().is_err() && moved.starts_with(&folder) && secret.exists());
    let event = house.desk.store.journal(&prova(), 1, 9).await.expect("journal").remove(0).event;
    assert_eq!((event.kind.as_str(), event.outcome.as_str()), ("quarantined", "refuse"));
    assert!(moved.file_name().expect("name").to_string_lossy().starts_with(&event.subject));
}

#[tokio::test]
async fn queues_sockets_devices_and_folders_are_refused_without_blocking() {
    let house = House::new().await;
    let (fifo, socket) = (house.inbox().join("fifo"), house.inbox().join("socket"));
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).expect("fifo");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("socket");
    for path in [&fifo, &socket, Path::new("/dev/zero")] {
        let error = house.refused(path).await;
        assert_eq!((error.code(), error.kind()), ("source-is-special", Kind::Refuse));
        assert!(guard::is_hopeless(&error));
    }
    let error = house.refused(&house.inbox()).await;
    assert_eq!((error.code(), guard::is_hopeless(&error)), ("source-is-folder", false));
}

#[tokio::test]
async fn a_second_name_of_a_file_is_a_file_like_any_other_and_the_first_stays_outside() {
    let house = House::new().await;
    let outside = house.folder.path().join("fuori.tif");
    std::fs::File::create(&outside).expect("file").write_all(b"uno").expect("written");
    let inside = house.inbox().join("dentro.tif");
    std::fs::hard_link(&outside, &inside).expect("second name");
    let admitted = house.admit(&inside).await.expect("admitted");
    assert!(admitted.unreleased.is_none() && !inside.exists() && outside.exists());
    std::fs::File::create(&outside).expect("file").write_all(b"due, scritto dopo").expect("written");
    assert_eq!(house.desk.blobs.check(&prova(), &admitted.arrival.sha256).expect("the blob is a copy"), 3);
}

#[tokio::test]
async fn an_unreadable_file_stays_where_it_is_with_a_sentence() {
    let house = House::new().await;
    let path = house.inbox().join("a.tif");
    std::fs::File::options().write(true).create_new(true).mode(0o000).open(&path).expect("create");
    if std::fs::File::open(&path).is_ok() {
        eprintln!("not tried: the superuser reads every file");
        return;
    }
    let error = house.refused(&path).await;
    assert_eq!((error.code(), error.kind(), guard::is_hopeless(&error)), ("source-unreadable", Kind::Refuse, false));
}

#[tokio::test]
async fn a_file_that_is_gone_is_looked_for_again() {
    let house = House::new().await;
    let error = house.admit(&house.inbox().join("a.tif")).await.expect_err("gone");
    assert_eq!((error.code(), error.kind()), ("source-gone", Kind::Retry));
}

#[tokio::test]
async fn a_file_as_large_as_the_ceiling_is_admitted_and_one_byte_more_stays_in_the_inbox() {
    let mut house = House::new().await;
    house.desk.limits.file_bytes_max = 4;
    let error = house.refused(&house.file("b.tif", b"tiff+")).await;
    assert_eq!((error.code(), error.kind(), guard::is_hopeless(&error)), ("source-too-large", Kind::Refuse, false));
    house.admit(&house.file("a.tif", b"tiff")).await.expect("as large as the ceiling");
}

#[tokio::test]
async fn a_name_as_long_as_the_ceiling_is_admitted_and_one_byte_more_is_not() {
    let mut house = House::new().await;
    house.desk.limits.name_bytes_max = 8;
    let error = house.refused(&house.file("abcde.tif", b"tiff")).await;
    assert_eq!((error.code(), error.kind()), ("source-name-too-long", Kind::Refuse));
    house.admit(&house.file("abcd.tif", b"tiff")).await.expect("as long as the ceiling");
}

#[tokio::test]
async fn doors_close_when_the_queue_is_as_long_as_its_ceiling() {
    let mut house = House::new().await;
    house.desk.limits.queue_length_max = 1;
    house.admit(&house.file("a.tif", b"a")).await.expect("the queue is empty");
    let path = house.file("b.tif", b"b");
    let error = house.admit(&path).await.expect_err("one waits");
    assert_eq!((error.code(), error.kind()), ("queue-full", Kind::Retry));
    assert!(path.exists());
}

#[test]
fn a_source_that_changes_while_it_is_copied_is_not_admitted() {
    let folder = tempfile::tempdir().expect("folder");
    let blobs = Blobs::open(&folder.path().join("blobs")).expect("blobs");
    let path = folder.path().join("a.tif");
    let name = FileName::new("a.tif");
    let grown = |file: &std::fs::File| file.write_all_at(b"+", 4).expect("grow");
    let altered = |file: &std::fs::File| file.write_all_at(b"T", 0).expect("alter");
    let cut = |file: &std::fs::File| file.set_len(2).expect("cut");
    let back_dated = |file: &std::fs::File| {
        let before = file.metadata().expect("metadata").modified().expect("mtime");
        file.write_at(b"T", 0).expect("alter");
        file.set_modified(before).expect("back-date");
    };
    let changes: [&dyn Fn(&std::fs::File); 4] = [&grown, &altered, &cut, &back_dated];
    for change in changes {
        let mut file = std::fs::File::create(&path).expect("create");
        file.write_all(b"tiff").expect("write");
        let mut source = guard::open(&path, &name, &Limits::default()).expect("open");
        // The clock of a file system may tick only every few milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(30));
        change(&file);
        let error = blobs.put(&prova(), &mut source, 1 << 20, None).expect_err("changed");
        assert_eq!((error.code(), error.kind()), ("source-changed", Kind::Retry));
    }
    assert!(std::fs::read_dir(folder.path().join("blobs/prova")).expect("list").next().is_none(), "no half blob is left");
}

#[tokio::test]
async fn a_newcomer_under_the_same_name_is_not_taken_for_the_file_that_was_admitted() {
    let house = House::new().await;
    let path = house.file("a.tif", b"first");
    admit(&house.desk, Offer { release: Release::Leave, ..house.offer(&path) }).await.expect("admitted");
    let newcomer = house.file("new", b"other");
    std::fs::copy(&newcomer, &path).expect("the scanner writes the next sheet under the same name");
    let second = house.admit(&path).await.expect("admitted");
    assert_eq!(second.outcome, AdmitOutcome::New);
    assert_eq!(std::fs::read(second.taken.expect("taken")).expect("read"), b"other");
}

#[tokio::test]
async fn a_source_outside_its_inbox_is_admitted_and_not_moved() {
    let house = House::new().await;
    let path = house.folder.path().join("a.tif");
    std::fs::File::create(&path).expect("create");
    let admitted = house.admit(&path).await.expect("admitted");
    assert_eq!(admitted.unreleased.expect("not moved").code(), "release-outside");
    assert!(path.exists() && admitted.taken.is_none());
}

#[tokio::test]
async fn a_planted_link_does_not_lead_taken_files_out_of_the_inbox() {
    let house = House::new().await;
    let elsewhere = tempfile::tempdir().expect("folder");
    std::os::unix::fs::symlink(elsewhere.path(), house.inbox().join(".taken")).expect("link");
    let path = house.file("a.tif", b"tiff");
    let admitted = house.admit(&path).await.expect("admitted");
    assert_eq!(admitted.unreleased.expect("not moved").code(), "release-outside");
    assert_eq!(std::fs::read(&path).expect("still there"), b"tiff");
}

#[tokio::test]
async fn a_blob_of_a_crash_before_the_row_is_used_by_the_next_admission() {
    let house = House::new().await;
    house.desk.blobs.put(&prova(), &mut &b"tiff"[..], 9, None).expect("the blob of a run that died");
    let admitted = house.admit(&house.file("a.tif", b"tiff")).await.expect("admitted");
    assert_eq!(admitted.outcome, AdmitOutcome::New);
    assert!(house.desk.store.blob(&prova(), &admitted.arrival.sha256).await.expect("blob").is_some());
    let held = Change::SetQuarantine { sha256: admitted.arrival.sha256, is_held: true };
    house.desk.store.apply(&prova(), None, &[held]).await.expect("a state of its blob");
}
