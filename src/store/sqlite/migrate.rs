//! Which schema does the file have, and how does it become ours? One script per schema number, each in one transaction.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::failed;
use crate::drill;
use crate::error::{Error, Kind, Result};

/// The scripts; the first makes schema 1 of an empty file, the next schema 2 of schema 1, and so on.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/sqlite-0001.sql"),
    include_str!("../migrations/sqlite-0002.sql"),
    include_str!("../migrations/sqlite-0003.sql"),
    include_str!("../migrations/sqlite-0004.sql"),
    include_str!("../migrations/sqlite-0005.sql"),
];

/// The scripts that this program knows: those above, and in the drill of an upgrade one more.
pub(super) fn known() -> Vec<&'static str> {
    MIGRATIONS.iter().copied().chain(drill::migration()).collect()
}

/// How long an opener waits for another that makes or migrates the store: the backup of a large one takes minutes.
const TURN_MAX: Duration = Duration::from_mins(10);
/// Between two looks at whether the other is done.
const TURN_AGAIN: Duration = Duration::from_millis(50);

/// Marks the file as ours (`PRAGMA application_id`): the letters `CSRV`.
const APPLICATION: i64 = 0x4353_5256;

/// Brings the file behind `writer` to the last schema. Killed at any instant, it goes on from there when called again.
pub(super) async fn migrate(writer: &SqlitePool, path: &Path, migrations: &[&'static str]) -> Result<()> {
    let known = migrations.len();
    if found(writer, path, known).await? == known {
        return Ok(());
    }
    // Two openers would write one backup over the other, and the second would back up what the first has half migrated.
    let _turn = turn(path).await?;
    let found = found(writer, path, known).await?;
    if found > 0 && found < known {
        let mut connection = writer.acquire().await.map_err(failed)?;
        back_up(&mut connection, path, found).await?;
    }
    for (n, script) in migrations.iter().enumerate().skip(found) {
        step(writer, path, n, script).await?;
    }
    if found == 0 {
        sync_folder(path)?;
    }
    Ok(())
}

/// The schema that the file has; one of a newer release is refused.
async fn found(writer: &SqlitePool, path: &Path, known: usize) -> Result<usize> {
    // One transaction, so that another process's migration is seen whole or not at all.
    let mut look = writer.begin().await.map_err(failed)?;
    let found = schema(&mut look, path).await?;
    look.rollback().await.map_err(failed)?;
    if found > known {
        let error = Error::new(Kind::Environment, "schema-newer");
        return Err(error.with("found", found).with("known", known));
    }
    Ok(found)
}

/// The turn of one opener to make or migrate the store at `path`: the kernel's lock on its folder, until it is dropped or
/// the process dies.
async fn turn(path: &Path) -> Result<File> {
    let folder = folder(path);
    let file = File::open(folder).map_err(|e| Error::disk("open folder", folder, e))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if begun.elapsed() < TURN_MAX => tokio::time::sleep(TURN_AGAIN).await,
            Err(std::fs::TryLockError::WouldBlock) => return Err(Error::retry("store-busy")),
            Err(std::fs::TryLockError::Error(e)) => return Err(Error::disk("lock folder", folder, e)),
        }
    }
}

/// Refuses a store that does not have the schema `known`, where it cannot be brought to it.
pub(super) async fn ensure_present(readers: &SqlitePool, path: &Path, known: usize) -> Result<()> {
    let mut look = readers.acquire().await.map_err(failed)?;
    let found = schema(&mut look, path).await?;
    let code = match found.cmp(&known) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Greater => "schema-newer",
        std::cmp::Ordering::Less => "schema-older",
    };
    Err(Error::new(Kind::Environment, code).with("found", found).with("known", known))
}

/// Applies the script that follows schema `n`, unless another process has done so meanwhile.
async fn step(writer: &SqlitePool, path: &Path, n: usize, script: &'static str) -> Result<()> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    if schema(&mut tx, path).await? > n {
        return Ok(());
    }
    sqlx::raw_sql(script).execute(&mut *tx).await.map_err(failed)?;
    let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {};", n + 1);
    sqlx::raw_sql(AssertSqlSafe(marks)).execute(&mut *tx).await.map_err(failed)?;
    drill::point("store.migration-uncommitted");
    tx.commit().await.map_err(failed)?;
    drill::point("store.migration-committed");
    Ok(())
}

/// The schema number of the file: 0 of an empty one. A database that is not ours is refused.
async fn schema(connection: &mut SqliteConnection, path: &Path) -> Result<usize> {
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(failed)?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(failed)?;
    let is_empty = version == 0 && tables == 0;
    match usize::try_from(version) {
        Ok(version) if is_empty || application == APPLICATION => Ok(version),
        _ => Err(Error::new(Kind::Environment, "store-foreign").with("path", path.display())),
    }
}

/// Writes a whole copy beside the file, under its final name only when it is complete and on the disk.
async fn back_up(connection: &mut SqliteConnection, path: &Path, found: usize) -> Result<()> {
    let target = beside(path, &format!(".backup-{found}"));
    let part = beside(path, &format!(".backup-{found}.part"));
    match std::fs::remove_file(&part) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::disk("remove old backup part", &part, e)),
        _ => {}
    }
    let name = part.to_str().ok_or_else(|| Error::bug("the archive's path is not UTF-8"))?;
    sqlx::query("VACUUM INTO ?1").bind(name).execute(&mut *connection).await.map_err(failed)?;
    drill::point("store.backup-written");
    let synced = File::open(&part).and_then(|file| file.sync_all());
    synced.map_err(|e| Error::disk("sync backup", &part, e))?;
    drill::point("store.backup-durable");
    rustix::fs::rename(&part, &target).map_err(|e| Error::disk("name backup", &target, e.into()))?;
    drill::point("store.backup-named");
    sync_folder(path)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The entries of the folder that holds `path` are on the disk.
fn sync_folder(path: &Path) -> Result<()> {
    let folder = folder(path);
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::disk("sync folder", folder, e))
}

/// The folder that holds `path`.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::super::Sqlite;
    use super::*;
    use crate::clock::Clock;
    use crate::ente::Ente;

    /// The scripts of this release and `more`.
    fn with(more: &[&'static str]) -> Vec<&'static str> {
        MIGRATIONS.iter().chain(more).copied().collect()
    }

    const SECOND: &str = "ALTER TABLE enti ADD COLUMN note TEXT;";
    const BROKEN: &str = "ALTER TABLE enti ADD COLUMN later TEXT; SELECT * FROM no_such_table;";

    async fn versions(path: &Path, migrations: &[&'static str]) -> Result<Vec<Ente>> {
        let store = Sqlite::open_with(path, Clock::System, migrations).await?;
        let enti = store.enti().await;
        store.writer.as_ref().expect("a writer").close().await;
        store.readers.close().await;
        enti
    }

    #[tokio::test]
    async fn a_store_of_an_older_release_is_backed_up_and_migrated_with_its_rows() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("store.db");
        let store = Sqlite::open(&path, Clock::System).await.expect("open");
        store.add_ente(&Ente::prova()).await.expect("ente");
        drop(store);
        let newer = with(&[SECOND]);
        assert_eq!(versions(&path, &newer).await.expect("migrated"), [Ente::prova()]);
        let backup = folder.path().join(format!("store.db.backup-{}", MIGRATIONS.len()));
        assert_eq!(versions(&backup, MIGRATIONS).await.expect("backup opens with the older release"), [Ente::prova()]);
        let error = versions(&path, MIGRATIONS).await.expect_err("the older release refuses");
        assert_eq!((error.code(), error.kind()), ("schema-newer", Kind::Environment));
    }

    #[tokio::test]
    async fn a_store_of_every_earlier_schema_becomes_one_of_this_release() {
        for schema in 1..MIGRATIONS.len() {
            let folder = tempfile::tempdir().expect("folder");
            let path = folder.path().join("store.db");
            let store = Sqlite::open_with(&path, Clock::System, &MIGRATIONS[..schema]).await.expect("made");
            store.add_ente(&Ente::prova()).await.expect("ente");
            drop(store);
            let store = Sqlite::open(&path, Clock::System).await.expect("migrated");
            assert_eq!(store.enti().await.expect("enti"), [Ente::prova()], "schema {schema}");
            assert!(folder.path().join(format!("store.db.backup-{schema}")).exists());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_openers_of_a_store_of_an_older_release_migrate_it_once() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("store.db");
        let store = Sqlite::open_with(&path, Clock::System, &MIGRATIONS[..1]).await.expect("made");
        store.add_ente(&Ente::prova()).await.expect("ente");
        drop(store);
        let openers: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                tokio::spawn(async move { Sqlite::open(&path, Clock::System).await?.enti().await })
            })
            .collect();
        for opener in openers {
            assert_eq!(opener.await.expect("join").expect("opened"), [Ente::prova()]);
        }
        let beside = std::fs::read_dir(folder.path()).expect("folder").map(|entry| entry.expect("entry").file_name());
        let backups: Vec<_> = beside.filter(|name| name.to_string_lossy().contains("backup")).collect();
        assert_eq!(backups, ["store.db.backup-1"]);
        let backup = folder.path().join("store.db.backup-1");
        assert_eq!(versions(&backup, &MIGRATIONS[..1]).await.expect("whole"), [Ente::prova()]);
    }

    #[tokio::test]
    async fn a_migration_that_breaks_off_leaves_the_schema_before_it_and_goes_on_later() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("store.db");
        versions(&path, MIGRATIONS).await.expect("made");
        let broken = with(&[SECOND, BROKEN]);
        versions(&path, &broken).await.expect_err("breaks off");
        // The first of the two was reached and stays; of the other script nothing is left, or adding its column again would fail.
        let whole = with(&[SECOND, "ALTER TABLE enti ADD COLUMN later TEXT;"]);
        versions(&path, &whole).await.expect("goes on");
        let backup = format!("store.db.backup-{}", MIGRATIONS.len() + 1);
        assert!(folder.path().join(&backup).exists());
        assert!(!folder.path().join(format!("{backup}.part")).exists());
    }
}
