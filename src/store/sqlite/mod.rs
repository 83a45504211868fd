//! SQLite: one writer connection, a few readers, write-ahead log, every commit on the disk (`synchronous=FULL`).

mod apply;
mod file;
mod jobs;
mod likeness;
mod lines;
mod look;
mod migrate;
mod registro;
mod rows;
mod scarto;
mod search;
mod tally;
mod together;

use std::path::Path;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sqlx::Row as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite as Engine, Transaction};

use crate::arrival::EnteId;
use crate::clock::Clock;
use crate::digest::Digest;
use crate::drill;
use crate::ente::Ente;
use crate::error::{Error, Kind, Result};
use crate::store::standstill::Lie;

/// Readers beside the one writer: as many as a desk and a few workers can use.
const READERS_MAX: u32 = 4;
/// How long a connection waits for another process's write.
const BUSY_SECONDS: u64 = 30;
/// Opening is tried again this long where another process is just making or migrating the store: the switch to the
/// write-ahead log fails at once, without the engine's own waiting.
const OPEN_MAX: Duration = Duration::from_secs(20);
/// Between two tries of opening.
const OPEN_AGAIN: Duration = Duration::from_millis(100);
/// What the engine says where the disk has no room: SQLITE_FULL, and SQLITE_IOERR_SHMSIZE of the log's index.
const NO_ROOM: [u32; 2] = [13, 4_874];

/// The SQLite engine of [`super::Store`].
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// None where nothing can be written.
    writer: Option<SqlitePool>,
    readers: SqlitePool,
    clock: Clock,
}

impl Sqlite {
    pub(in crate::store) async fn open(path: &Path, clock: Clock) -> Result<Self> {
        let begun = Instant::now();
        let migrations = migrate::known();
        loop {
            match Self::open_with(path, clock, &migrations).await {
                Err(error) if error.code() == "store-busy" && begun.elapsed() < OPEN_MAX => {}
                opened => return opened,
            }
            tokio::time::sleep(OPEN_AGAIN).await;
        }
    }

    async fn open_with(path: &Path, clock: Clock, migrations: &[&'static str]) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .synchronous(if drill::forgets("store.sync") { SqliteSynchronous::Off } else { SqliteSynchronous::Full })
            .busy_timeout(Duration::from_secs(BUSY_SECONDS));
        let writing = options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let writer = pool().max_connections(1).connect_with(writing).await.map_err(|e| unopened(path, e))?;
        migrate::migrate(&writer, path, migrations).await?;
        let readers = pool().max_connections(READERS_MAX).connect_with(options.pragma("query_only", "ON")).await;
        Ok(Self { writer: Some(writer), readers: readers.map_err(failed)?, clock })
    }

    pub(in crate::store) async fn look(path: &Path, clock: Clock) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let options = options.busy_timeout(Duration::from_secs(BUSY_SECONDS));
        let options = match Lie::of(path) {
            Lie::Closed => options.immutable(true),
            Lie::Logged => options,
            // An index of the log in memory alone is only made by whoever has the store for himself, and locks ask for leave to write.
            Lie::Left => options.vfs("unix-none").locking_mode(SqliteLockingMode::Exclusive),
        };
        let readers = pool().max_connections(READERS_MAX).connect_with(options.pragma("query_only", "ON")).await;
        let readers = readers.map_err(|e| unopened(path, e))?;
        migrate::ensure_present(&readers, path, migrate::known().len()).await?;
        Ok(Self { writer: None, readers, clock })
    }

    pub(in crate::store) fn is_read_only(&self) -> bool {
        self.writer.is_none()
    }

    fn writer(&self) -> Result<&SqlitePool> {
        self.writer.as_ref().ok_or_else(|| Error::new(Kind::Store, "store-read-only"))
    }

    /// The one writer's transaction: the write lock is taken at once, so that nothing read in it can turn stale.
    async fn begin(&self) -> Result<Transaction<'static, Engine>> {
        let writer = self.writer()?;
        let begun = writer.begin_with("BEGIN IMMEDIATE").await;
        if !matches!(begun, Err(sqlx::Error::InvalidSavePointStatement | sqlx::Error::BeginFailed)) {
            return begun.map_err(failed);
        }
        // A full disk makes the engine end a transaction by itself; sqlx 0.9 then believes it open for ever. Its
        // connection is given up for a fresh one, or the store would stay out of order when there is room again.
        let stale = writer.acquire().await.map_err(failed)?;
        stale.close().await.map_err(failed)?;
        writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)
    }

    pub(in crate::store) async fn add_ente(&self, ente: &Ente) -> Result<()> {
        let id = &ente.codice_ipa;
        let is_plain = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        if !is_plain || id.is_empty() || id.len() > 64 {
            return Err(Error::new(Kind::Usage, "ente-id").with("ente", id));
        }
        let mut key = [0_u8; 32];
        let filled = rustix::rand::getrandom(&mut key[..], rustix::rand::GetRandomFlags::empty()).map_err(Error::store)?;
        if filled != key.len() {
            return Err(Error::bug("the kernel gave too few random bytes"));
        }
        let body = serde_json::to_string(ente).map_err(Error::bug)?;
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO enti (id, body, key) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET body = excluded.body")
            .bind(id)
            .bind(body)
            .bind(&key[..])
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    pub(in crate::store) async fn enti(&self) -> Result<Vec<Ente>> {
        let bodies: Vec<String> =
            sqlx::query_scalar("SELECT body FROM enti ORDER BY id").fetch_all(&self.readers).await.map_err(failed)?;
        bodies.iter().map(|body| rows::parsed(body)).collect()
    }

    pub(in crate::store) async fn ente(&self, ente: &EnteId) -> Result<Option<Ente>> {
        let body: Option<String> = sqlx::query_scalar("SELECT body FROM enti WHERE id = ?1")
            .bind(ente.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        body.map(|body| rows::parsed(&body)).transpose()
    }

    pub(in crate::store) async fn keyed(&self, ente: &EnteId, values: &[String]) -> Result<Vec<String>> {
        let row = sqlx::query("SELECT key FROM enti WHERE id = ?1").bind(ente.as_str()).fetch_optional(&self.readers).await;
        let row = row.map_err(failed)?.ok_or_else(|| Error::new(Kind::Environment, "ente-unknown").with("ente", ente))?;
        let key: Vec<u8> = row.try_get("key").map_err(failed)?;
        let mac = Hmac::<sha2::Sha256>::new_from_slice(&key).map_err(Error::bug)?;
        let keyed = |value: &String| {
            let mut mac = mac.clone();
            mac.update(value.as_bytes());
            let mut hex = String::with_capacity(64);
            for byte in mac.finalize().into_bytes() {
                hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
                hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
            }
            hex
        };
        Ok(values.iter().map(keyed).collect())
    }

    pub(in crate::store) async fn blob(&self, ente: &EnteId, sha256: &Digest) -> Result<Option<super::BlobRow>> {
        let row = sqlx::query("SELECT * FROM blobs WHERE ente = ?1 AND sha256 = ?2")
            .bind(ente.as_str())
            .bind(sha256.hex())
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)?;
        row.as_ref().map(rows::blob).transpose()
    }

    pub(in crate::store) async fn originals(&self, ente: &EnteId) -> Result<std::collections::BTreeSet<Digest>> {
        let rows = sqlx::query_scalar::<_, String>("SELECT DISTINCT sha256 FROM arrivals WHERE ente = ?1").bind(ente.as_str());
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.iter().map(|hex| rows::digest(hex)).collect()
    }

    pub(in crate::store) async fn blobs(&self, ente: &EnteId) -> Result<Vec<super::BlobRow>> {
        let rows = sqlx::query("SELECT * FROM blobs WHERE ente = ?1 ORDER BY sha256").bind(ente.as_str());
        rows.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::blob).collect()
    }
}

fn pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None).test_before_acquire(false)
}

/// A failure of the engine: waiting too long for another process may pass, the rest is the store's.
fn failed(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|code| code.parse::<u32>().ok());
    // Primary codes SQLITE_BUSY and SQLITE_LOCKED; extended ones keep them in the low byte.
    if code.is_some_and(|code| matches!(code & 0xff, 5 | 6)) || matches!(error, sqlx::Error::PoolTimedOut) {
        return Error::retry("store-busy").because(error);
    }
    if code.is_some_and(|code| NO_ROOM.contains(&code)) {
        return Error::new(Kind::Store, "store-no-room").because(error);
    }
    Error::store(error)
}

/// A failure to open: SQLITE_NOTADB says that the file is somebody else's.
fn unopened(path: &Path, error: sqlx::Error) -> Error {
    if error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "26") {
        return Error::new(Kind::Environment, "store-foreign").with("path", path.display()).because(error);
    }
    failed(error)
}
