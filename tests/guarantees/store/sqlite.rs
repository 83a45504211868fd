//! What SQLite adds: the journal against vandals, files of other releases and programs, other processes.

use conserva::clock::Clock;
use conserva::error::Kind;
use conserva::store::{Change, Closing, Store};
use sqlx::Connection as _;

use super::{NOON, claimed, event, fact, fresh, job, prova};

/// A statement past the contract, as vandals and broken disks make them.
async fn vandalise(folder: &tempfile::TempDir, sql: &'static str) {
    let path = folder.path().join("store.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("connect");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("vandalise");
    connection.close().await.expect("close");
}

async fn with_journal(store: &Store, lines: usize) {
    let events: Vec<Change> = (0..lines).map(|n| Change::Journal(event("text", &format!("doc-{}", n % 3)))).collect();
    store.apply(&prova(), None, &events).await.expect("journal");
}

#[tokio::test]
async fn a_whole_journal_proves_itself_and_gives_its_head() {
    let (_folder, store) = fresh().await;
    assert_eq!(store.check_journal(&prova()).await.expect("check").expect("empty").n, 0);
    with_journal(&store, 2_500).await;
    let head = store.check_journal(&prova()).await.expect("check").expect("whole");
    assert_eq!(head, store.journal_head(&prova()).await.expect("head"));
    assert_eq!(head.n, 2_500);
    let lines = store.journal(&prova(), 2_499, 100).await.expect("lines");
    assert_eq!(lines.iter().map(|line| line.n).collect::<Vec<_>>(), [2_499, 2_500]);
    assert!(conserva::store::journal::follows(&lines[1], 2_499, &lines[0].digest));
    assert_eq!(store.events_of(&prova(), "doc-1").await.expect("events").len(), 833);
}

#[tokio::test]
async fn one_altered_journal_line_is_found_by_its_number() {
    for sql in [
        "DROP TRIGGER journal_is_not_altered; UPDATE journal SET body = replace(body, 'success', 'refuse') WHERE n = 4",
        "DROP TRIGGER journal_is_not_altered; UPDATE journal SET subject = 'doc-9' WHERE n = 4",
        "DROP TRIGGER journal_is_not_cut; DELETE FROM journal WHERE n = 4",
    ] {
        let (folder, store) = fresh().await;
        with_journal(&store, 9).await;
        vandalise(&folder, sql).await;
        assert_eq!(store.check_journal(&prova()).await.expect("check"), Err(4), "{sql}");
    }
}

#[tokio::test]
async fn a_journal_whose_tail_was_cut_off_does_not_fit_a_head_that_was_given_away() {
    let (folder, store) = fresh().await;
    with_journal(&store, 9).await;
    let given_away = store.journal_head(&prova()).await.expect("head");
    assert!(store.has_head(&prova(), &given_away).await.expect("head"));
    vandalise(&folder, "DROP TRIGGER journal_is_not_cut; DELETE FROM journal WHERE n > 7").await;
    assert_eq!(store.check_journal(&prova()).await.expect("check"), Err(8));
    // A vandal who also turns the recorded head back is betrayed by the head that left the house.
    vandalise(&folder, "UPDATE journal_heads SET n = 7, digest = (SELECT digest FROM journal WHERE n = 7)").await;
    assert_eq!(store.check_journal(&prova()).await.expect("check").expect("a whole chain").n, 7);
    assert!(!store.has_head(&prova(), &given_away).await.expect("head"));
    with_journal(&store, 2).await;
    assert!(!store.has_head(&prova(), &given_away).await.expect("rewritten lines have other digests or the same"), "rewritten");
}

#[tokio::test]
async fn the_journal_cannot_be_rewritten_through_the_engine() {
    let (folder, store) = fresh().await;
    with_journal(&store, 1).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("connect");
    for sql in ["UPDATE journal SET body = '{}'", "DELETE FROM journal"] {
        let error = sqlx::query(sql).execute(&mut connection).await.expect_err("append-only");
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_release_is_refused_untouched() {
    let (folder, store) = fresh().await;
    drop(store);
    vandalise(&folder, "PRAGMA user_version = 999").await;
    let error = Store::open(&folder.path().join("store.db"), Clock::System).await.expect_err("newer");
    assert_eq!((error.code(), error.kind(), error.exit_code()), ("schema-newer", Kind::Environment, 3));
    vandalise(&folder, "PRAGMA user_version = 5").await;
    let store = Store::open(&folder.path().join("store.db"), Clock::System).await.expect("ours again");
    assert_eq!(store.enti().await.expect("enti").len(), 1);
    assert!(!folder.path().join("store.db.backup-999").exists());
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test file needs no durability")]
async fn a_file_that_is_no_store_is_refused_untouched() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.db");
    std::fs::write(&path, "a letter to the mayor, long enough to be taken for a page of a database").expect("written");
    let before = std::fs::read(&path).expect("read");
    let error = Store::open(&path, Clock::System).await.expect_err("a text");
    assert_eq!(error.code(), "store-foreign");
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.expect("connect");
    sqlx::raw_sql("CREATE TABLE letters (body TEXT)").execute(&mut other).await.expect("table");
    other.close().await.expect("close");
    assert_eq!(Store::open(&path, Clock::System).await.expect_err("not ours").code(), "store-foreign");
}

/// Works until no job is left; each job writes one fact and one journal line.
async fn work(store: &Store) -> usize {
    let mut done = 0;
    while let Some(claim) = claimed(store, NOON).await {
        let changes = [fact(&claim.owner, 0, "1"), Change::Journal(event("text", &claim.owner))];
        store.apply(&prova(), Some((&claim, Closing::Done)), &changes).await.expect("written");
        done += 1;
    }
    done
}

#[tokio::test]
async fn two_processes_share_the_jobs_and_none_is_done_twice() {
    let (folder, store) = fresh().await;
    let jobs: Vec<Change> = (0..200).map(|n| job("text", &format!("doc-{n}"), 0)).collect();
    store.apply(&prova(), None, &jobs).await.expect("jobs");
    let binary = std::env::current_exe().expect("this binary");
    let mut other = std::process::Command::new(binary)
        .args(["store::sqlite::the_other_process", "--exact", "--ignored"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("spawn");
    work(&store).await;
    let status = tokio::task::spawn_blocking(move || other.wait()).await.expect("join").expect("wait");
    assert!(status.success(), "{status}");
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs"), []);
    assert_eq!(store.check_journal(&prova()).await.expect("check").expect("whole").n, 200);
    for n in 0..200 {
        assert_eq!(store.events_of(&prova(), &format!("doc-{n}")).await.expect("events").len(), 1);
    }
}

#[tokio::test]
#[ignore = "the second process of two_processes_share_the_jobs_and_none_is_done_twice, in whose folder it runs"]
async fn the_other_process() {
    let path = std::path::Path::new("store.db");
    if path.exists() {
        work(&Store::open(path, Clock::Fixed(NOON)).await.expect("open")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_openers_of_a_store_that_is_not_there_yet_make_one() {
    let folder = tempfile::tempdir().expect("folder");
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let path = folder.path().join("store.db");
            tokio::spawn(async move { Store::open(&path, Clock::System).await.map(drop) })
        })
        .collect();
    for opener in openers {
        opener.await.expect("join").expect("open");
    }
}

#[test]
fn one_process_at_a_time_owns_the_archive() {
    use conserva::store::lock::ArchiveLock;
    let folder = tempfile::tempdir().expect("folder");
    let owner = ArchiveLock::take(folder.path()).expect("lock").expect("free");
    assert!(ArchiveLock::take(folder.path()).expect("lock").is_none());
    let said = std::fs::read_to_string(folder.path().join("archive.lock")).expect("read");
    assert_eq!(said.lines().nth(1), Some(std::process::id().to_string().as_str()));
    drop(owner);
    assert!(ArchiveLock::take(folder.path()).expect("lock").is_some());
}

#[test]
fn an_archive_on_a_local_disk_is_taken_even_before_it_is_made() {
    let folder = tempfile::tempdir().expect("folder");
    conserva::store::lock::ensure_local(&folder.path().join("archivio/blobs")).expect("local");
}
