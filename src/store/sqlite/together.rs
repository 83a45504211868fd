//! Changes of one kind that follow each other go to the engine together: admission writes sixty-four arrivals in as many
//! statements as one.

use std::collections::BTreeMap;

use sqlx::{QueryBuilder, Row as _, Sqlite as Engine};

use super::apply::Writing;
use super::{failed, lines, rows};
use crate::arrival::{Arrival, ArrivalId};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::store::{Change, NewJob};

/// Rows of one statement: a group of admission. The engine takes 32,766 values, of which an arrival has eleven.
const ROWS_MAX: usize = 64;

/// Changes of one kind that follow each other, as many as go together.
pub(super) fn runs(changes: &[Change]) -> impl Iterator<Item = &[Change]> {
    let is_same = |a: &Change, b: &Change| std::mem::discriminant(a) == std::mem::discriminant(b);
    changes.chunk_by(is_same).flat_map(|run| run.chunks(ROWS_MAX))
}

impl Writing<'_> {
    /// Applies a run of [`runs`]: the same as its changes one after the other.
    pub(super) async fn run(&mut self, run: &[Change]) -> Result<()> {
        match run {
            [Change::AddBlob { .. }, _, ..] => self.add_blobs(run).await,
            [Change::RequireArrivals { .. }, _, ..] => self.require_all(run).await,
            [Change::AddArrival(_), _, ..] => self.add_arrivals(run).await,
            [Change::AddJob(_), _, ..] => self.add_jobs(run).await,
            [Change::PutFact { .. }, _, ..] => self.put_facts(run).await,
            [Change::Journal(_), _, ..] => {
                let events: Vec<&Event> = run
                    .iter()
                    .filter_map(|change| if let Change::Journal(event) = change { Some(event) } else { None })
                    .collect();
                lines::append(self.connection, self.ente, &events).await
            }
            _ => {
                for change in run {
                    self.change(change).await?;
                }
                Ok(())
            }
        }
    }

    async fn write(&mut self, mut query: QueryBuilder<Engine>) -> Result<()> {
        // The text has as many places as there are rows: it is not worth keeping.
        query.build().persistent(false).execute(&mut *self.connection).await.map(drop).map_err(failed)
    }

    async fn add_blobs(&mut self, run: &[Change]) -> Result<()> {
        let blobs = run.iter().filter_map(|change| match change {
            Change::AddBlob { sha256, bytes } => Some((*sha256, *bytes)),
            _ => None,
        });
        // A statement cannot mend a row twice.
        let blobs: BTreeMap<Digest, u64> = blobs.collect();
        let mut query = QueryBuilder::new("INSERT INTO blobs (ente, sha256, bytes) ");
        query.push_values(blobs, |mut row, (sha256, bytes)| {
            row.push_bind(self.ente.as_str()).push_bind(sha256.hex()).push_bind(bytes as i64);
        });
        query.push(" ON CONFLICT (ente, sha256) DO UPDATE SET destroyed = NULL WHERE destroyed IS NOT NULL");
        self.write(query).await
    }

    async fn require_all(&mut self, run: &[Change]) -> Result<()> {
        let wanted = run.iter().filter_map(|change| match change {
            Change::RequireArrivals { sha256, count } => Some((sha256.hex(), *count)),
            _ => None,
        });
        let wanted: Vec<(String, u64)> = wanted.collect();
        let digests: Vec<&str> = wanted.iter().map(|(hex, _)| hex.as_str()).collect();
        let query = "SELECT sha256, count(*) AS count FROM arrivals
             WHERE ente = ?1 AND sha256 IN (SELECT value FROM json_each(?2)) GROUP BY sha256";
        let query = sqlx::query(query).bind(self.ente.as_str()).bind(rows::json(&digests)?);
        let mut found = BTreeMap::new();
        for row in query.fetch_all(&mut *self.connection).await.map_err(failed)? {
            let (sha256, count): (String, i64) = (row.try_get("sha256").map_err(failed)?, row.try_get("count").map_err(failed)?);
            found.insert(sha256, count as u64);
        }
        let holds = wanted.iter().all(|(sha256, count)| found.get(sha256).copied().unwrap_or(0) == *count);
        if holds { Ok(()) } else { Err(Error::retry("arrivals-changed")) }
    }

    async fn add_arrivals(&mut self, run: &[Change]) -> Result<()> {
        let mut all: Vec<(&Arrival, String, Option<String>)> = Vec::with_capacity(run.len());
        for change in run {
            let Change::AddArrival(arrival) = change else { continue };
            self.same_ente(&arrival.ente)?;
            let reason = arrival.reason.as_ref().map(rows::json).transpose()?;
            all.push((arrival, rows::word(&arrival.state)?, reason));
        }
        let mut query = QueryBuilder::new(
            "INSERT INTO arrivals
               (ente, id, door, name, bytes, mtime_ns, sha256, admitted_at, state, duplicate_of, reason) ",
        );
        query.push_values(all, |mut row, (arrival, state, reason)| {
            row.push_bind(self.ente.as_str()).push_bind(arrival.id.as_str()).push_bind(&arrival.door);
            row.push_bind(arrival.name.bytes()).push_bind(arrival.bytes as i64).push_bind(arrival.mtime_ns);
            row.push_bind(arrival.sha256.hex()).push_bind(rows::micros(arrival.admitted_at)).push_bind(state);
            row.push_bind(arrival.duplicate_of.as_ref().map(ArrivalId::as_str)).push_bind(reason);
        });
        query.push(" ON CONFLICT (ente, id) DO NOTHING");
        self.write(query).await
    }

    async fn add_jobs(&mut self, run: &[Change]) -> Result<()> {
        let jobs = run.iter().filter_map(|change| if let Change::AddJob(job) = change { Some(job) } else { None });
        let mut query = QueryBuilder::new("INSERT INTO jobs (ente, step, owner, priority) ");
        query.push_values(jobs, |mut row, NewJob { step, owner, priority }| {
            row.push_bind(self.ente.as_str()).push_bind(step).push_bind(owner).push_bind(*priority);
        });
        query.push(" ON CONFLICT (ente, step, owner) DO NOTHING");
        self.write(query).await
    }

    async fn put_facts(&mut self, run: &[Change]) -> Result<()> {
        let facts = run.iter().filter_map(|change| match change {
            Change::PutFact { owner, kind, n, body } => Some(((owner, kind, *n), body)),
            _ => None,
        });
        // Of two with one number the later counts, and a statement cannot mend a row twice.
        let facts: BTreeMap<_, _> = facts.collect();
        let mut query = QueryBuilder::new("INSERT INTO facts (ente, owner, kind, n, body) ");
        query.push_values(facts, |mut row, ((owner, kind, n), body)| {
            row.push_bind(self.ente.as_str()).push_bind(owner).push_bind(kind).push_bind(n).push_bind(body);
        });
        query.push(" ON CONFLICT (ente, owner, kind, n) DO UPDATE SET body = excluded.body");
        self.write(query).await
    }
}
