//! The queue: jobs claimed by lease, with the attempt number as fence; no lock is held while a step runs (invariant 5).

use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use super::{Sqlite, failed, rows};
use crate::arrival::EnteId;
use crate::drill;
use crate::error::{Error, Result};
use crate::store::{Claim, Closing, JobCounts, NewJob, OpenJob};

/// No lease and no pause between tries reaches so far ahead, microseconds: a time beyond was written before the clock was set
/// back, and whoever waited for it would wait for as long as it was set back.
const AHEAD_MAX: i64 = 15 * 60 * 1_000_000;

/// The next job: of each ente its first claimable one, of these the first by priority, then by the ente's turn, then by age.
const NEXT: &str = "
    SELECT j.id FROM enti e JOIN jobs j ON j.id = (
        SELECT k.id FROM jobs k
        WHERE k.ente = e.id AND (k.not_before <= ?1 OR k.not_before > ?1 + ?3)
          AND (k.until IS NULL OR k.until <= ?1 OR k.until > ?1 + ?3)
          AND (?2 = '[]' OR k.step IN (SELECT value FROM json_each(?2)))
        ORDER BY k.priority DESC, k.id LIMIT 1)
    ORDER BY j.priority DESC, e.served, j.id LIMIT 1";

impl Sqlite {
    pub(in crate::store) async fn claim(&self, steps: &[&str], now: Timestamp, lease_seconds: u64) -> Result<Option<Claim>> {
        let seconds = i64::try_from(lease_seconds).unwrap_or(i64::MAX / 2_000_000);
        let until = rows::micros(now).saturating_add(seconds.saturating_mul(1_000_000));
        let mut tx = self.begin().await?;
        let next: Option<i64> = sqlx::query_scalar(NEXT)
            .bind(rows::micros(now))
            .bind(rows::json(&steps)?)
            .bind(AHEAD_MAX)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
        let Some(job) = next else { return Ok(None) };
        let row = sqlx::query("UPDATE jobs SET attempt = attempt + 1, until = ?2 WHERE id = ?1 RETURNING *")
            .bind(job)
            .bind(until)
            .fetch_one(&mut *tx)
            .await
            .map_err(failed)?;
        let claim = rows::claim(&row)?;
        sqlx::query("UPDATE enti SET served = 1 + (SELECT max(served) FROM enti) WHERE id = ?1")
            .bind(claim.ente.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        drill::point("store.claimed");
        Ok(Some(claim))
    }

    pub(in crate::store) async fn extend(&self, claim: &Claim, until: Timestamp) -> Result<bool> {
        let done = sqlx::query("UPDATE jobs SET until = ?4 WHERE id = ?1 AND ente = ?2 AND attempt = ?3 AND until IS NOT NULL")
            .bind(claim.job)
            .bind(claim.ente.as_str())
            .bind(claim.attempt)
            .bind(rows::micros(until))
            .execute(self.writer()?)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() == 1)
    }

    pub(in crate::store) async fn void_leases(&self) -> Result<u64> {
        let done = sqlx::query("UPDATE jobs SET until = NULL WHERE until IS NOT NULL").execute(self.writer()?).await;
        Ok(done.map_err(failed)?.rows_affected())
    }

    pub(in crate::store) async fn release_job(&self, ente: &EnteId, step: &str, owner: &str, now: Timestamp) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE jobs SET not_before = ?4 WHERE ente = ?1 AND step = ?2 AND owner = ?3 AND until IS NULL AND not_before > ?4",
        )
        .bind(ente.as_str())
        .bind(step)
        .bind(owner)
        .bind(rows::micros(now))
        .execute(self.writer()?)
        .await
        .map_err(failed)?;
        Ok(done.rows_affected() == 1)
    }

    pub(in crate::store) async fn job_counts(&self, ente: Option<&EnteId>) -> Result<JobCounts> {
        // A lease that has ended is ready again; one that runs is leased whatever `not_before` says.
        let row = sqlx::query(
            "SELECT count(*) FILTER (WHERE until > ?1) AS leased,
                    count(*) FILTER (WHERE (until IS NULL OR until <= ?1) AND not_before <= ?1) AS ready,
                    count(*) FILTER (WHERE (until IS NULL OR until <= ?1) AND not_before > ?1) AS waiting,
                    min(not_before) FILTER (WHERE (until IS NULL OR until <= ?1) AND not_before > ?1) AS next_at
             FROM jobs WHERE ?2 IS NULL OR ente = ?2",
        )
        .bind(rows::micros(self.clock.now()))
        .bind(ente.map(EnteId::as_str))
        .fetch_one(&self.readers)
        .await
        .map_err(failed)?;
        let count = |column: &str| row.try_get::<i64, _>(column).map(|n| n as u64).map_err(failed);
        let next_at: Option<i64> = row.try_get("next_at").map_err(failed)?;
        Ok(JobCounts {
            ready: count("ready")?,
            leased: count("leased")?,
            waiting: count("waiting")?,
            next_at: next_at.map(rows::instant).transpose()?,
        })
    }

    pub(in crate::store) async fn open_job_count(&self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs").fetch_one(&self.readers).await.map_err(failed)?;
        Ok(count as u64)
    }

    pub(in crate::store) async fn is_to_come(&self, ente: &EnteId, step: &str, owner: &str) -> Result<bool> {
        let query = "SELECT count(*) FROM jobs WHERE ente = ?1 AND step = ?2 AND owner = ?3 AND attempt = 0";
        let count = sqlx::query_scalar::<_, i64>(query).bind(ente.as_str()).bind(step).bind(owner);
        Ok(count.fetch_one(&self.readers).await.map_err(failed)? > 0)
    }

    pub(in crate::store) async fn open_jobs(&self, ente: &EnteId) -> Result<Vec<OpenJob>> {
        let jobs = sqlx::query("SELECT * FROM jobs WHERE ente = ?1 ORDER BY id").bind(ente.as_str());
        jobs.fetch_all(&self.readers).await.map_err(failed)?.iter().map(rows::open_job).collect()
    }
}

/// Closes the job of `claim` in the caller's transaction, if it is still under that lease.
pub(super) async fn close(connection: &mut SqliteConnection, claim: &Claim, closing: &Closing) -> Result<()> {
    let query = match closing {
        Closing::Done => sqlx::query("DELETE FROM jobs WHERE id = ?1 AND ente = ?2 AND attempt = ?3 AND until IS NOT NULL")
            .bind(claim.job)
            .bind(claim.ente.as_str())
            .bind(claim.attempt),
        Closing::Retry { not_before, reason } => sqlx::query(
            "UPDATE jobs SET until = NULL, not_before = ?4, reason = ?5
             WHERE id = ?1 AND ente = ?2 AND attempt = ?3 AND until IS NOT NULL",
        )
        .bind(claim.job)
        .bind(claim.ente.as_str())
        .bind(claim.attempt)
        .bind(rows::micros(*not_before))
        .bind(reason),
    };
    let done = query.execute(connection).await.map_err(failed)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::retry("lease-lost").with("step", &claim.step)) }
}

/// Adds a job in the caller's transaction, unless one of the same step and owner is still open.
pub(super) async fn add(connection: &mut SqliteConnection, ente: &EnteId, job: &NewJob) -> Result<()> {
    sqlx::query(
        "INSERT INTO jobs (ente, step, owner, priority) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (ente, step, owner) DO NOTHING",
    )
    .bind(ente.as_str())
    .bind(&job.step)
    .bind(&job.owner)
    .bind(job.priority)
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(())
}
