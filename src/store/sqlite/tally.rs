//! How much is in which state? Counts, each one statement.

use jiff::Timestamp;
use sqlx::Row as _;

use super::{Sqlite, failed, rows};
use crate::arrival::EnteId;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::store::{Count, JobTally, Tally};

/// Most journal lines that are looked at, the newest first: a busy day has fewer.
const LINES_MAX: i64 = 50_000;

impl Sqlite {
    pub(in crate::store) async fn tally(&self, ente: &EnteId, since: Timestamp) -> Result<Tally> {
        let documents =
            "SELECT state AS word, count(*) AS n, min(formed_at) AS oldest FROM documents WHERE ente = ?1 GROUP BY state";
        let arrivals =
            "SELECT state AS word, count(*) AS n, min(admitted_at) AS oldest FROM arrivals WHERE ente = ?1 GROUP BY state";
        let packages = "SELECT state AS word, count(*) AS n, min(planned_at) AS oldest FROM pdvs WHERE ente = ?1 GROUP BY state";
        let holds = "SELECT json_extract(h.body, '$.code') AS word, count(*) AS n, min(d.formed_at) AS oldest
             FROM holds h JOIN documents d ON d.ente = h.ente AND d.id = h.document
             WHERE h.ente = ?1 AND d.state <> 'refused' GROUP BY word";
        let refusals = "SELECT json_extract(h.body, '$.code') AS word, count(*) AS n, min(d.formed_at) AS oldest
             FROM holds h JOIN documents d ON d.ente = h.ente AND d.id = h.document
             WHERE h.ente = ?1 AND d.state = 'refused' GROUP BY word";
        let reasons = "SELECT json_extract(reason, '$.code') AS word, count(*) AS n, min(admitted_at) AS oldest
             FROM arrivals WHERE ente = ?1 AND reason IS NOT NULL GROUP BY word";
        Ok(Tally {
            documents: self.counts(ente, documents).await?,
            arrivals: self.counts(ente, arrivals).await?,
            pdvs: self.counts(ente, packages).await?,
            holds: self.counts(ente, holds).await?,
            refusals: self.counts(ente, refusals).await?,
            reasons: self.counts(ente, reasons).await?,
            jobs: self.job_tally(ente).await?,
            lines: self.lines_since(ente, since).await?,
        })
    }

    async fn counts(&self, ente: &EnteId, statement: &'static str) -> Result<Vec<Count>> {
        let found = sqlx::query(statement).bind(ente.as_str()).fetch_all(&self.readers).await.map_err(failed)?;
        let one = |row: &sqlx::sqlite::SqliteRow| {
            let oldest: Option<i64> = row.try_get("oldest").map_err(failed)?;
            Ok(Count {
                word: row.try_get::<Option<String>, _>("word").map_err(failed)?.unwrap_or_default(),
                count: row.try_get::<i64, _>("n").map_err(failed)? as u64,
                oldest: oldest.map(rows::instant).transpose()?,
            })
        };
        found.iter().map(one).collect()
    }

    async fn job_tally(&self, ente: &EnteId) -> Result<Vec<JobTally>> {
        let statement = "SELECT step, reason, max(attempt) AS attempts, count(*) AS n,
                    count(*) FILTER (WHERE until > ?2) AS leased,
                    count(*) FILTER (WHERE (until IS NULL OR until <= ?2) AND not_before > ?2) AS waiting
             FROM jobs WHERE ente = ?1 GROUP BY step, reason ORDER BY min(id)";
        let found = sqlx::query(statement).bind(ente.as_str()).bind(rows::micros(self.clock.now()));
        let found = found.fetch_all(&self.readers).await.map_err(failed)?;
        let one = |row: &sqlx::sqlite::SqliteRow| {
            let count = |column: &str| row.try_get::<i64, _>(column).map(|n| n as u64).map_err(failed);
            Ok(JobTally {
                step: row.try_get("step").map_err(failed)?,
                reason: row.try_get("reason").map_err(failed)?,
                attempts: count("attempts")?,
                count: count("n")?,
                leased: count("leased")?,
                waiting: count("waiting")?,
            })
        };
        found.iter().map(one).collect()
    }

    /// The journal lines since an instant by kind and outcome, among the newest.
    async fn lines_since(&self, ente: &EnteId, since: Timestamp) -> Result<Vec<(String, String, u64)>> {
        let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM journal WHERE ente = ?1 ORDER BY n DESC LIMIT ?2")
            .bind(ente.as_str())
            .bind(LINES_MAX)
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        let mut counts = std::collections::BTreeMap::new();
        for body in bodies {
            let event: Event = serde_json::from_str(&body).map_err(|e| Error::bug("a journal line unreadable").because(e))?;
            if event.at < since {
                break;
            }
            *counts.entry((event.kind, event.outcome)).or_insert(0_u64) += 1;
        }
        Ok(counts.into_iter().map(|((kind, outcome), count)| (kind, outcome, count)).collect())
    }
}
