//! Which engine answers? The contract, function by function, and the closed set of those that keep it.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::sqlite::Sqlite;
use super::{AggregationRow, BlobRow, Change, Claim, Closing, DocumentRow, JobCounts, OpenJob, Tally};
use crate::aggregation::AggregationId;
use crate::arrival::{Arrival, ArrivalId, EnteId};
use crate::clock::Clock;
use crate::digest::Digest;
use crate::document::{DocumentId, DocumentState};
use crate::ente::Ente;
use crate::error::Result;
use crate::event::{Event, JournalHead, JournalLine};
use crate::filing::Voce;
use crate::findable::{Expression, Shown};
use crate::likeness::Key;
use crate::pdv::{Pdv, PdvId, PdvState};

/// The store of one archive. Cheap to clone: clones share the connections.
#[derive(Debug, Clone)]
pub enum Store {
    /// SQLite, in the archive's folder.
    Sqlite(Sqlite),
}

/// Changes and jobs.
impl Store {
    /// Opens the store at `path`: makes it, or, where an older release made it, backs it up beside itself
    /// (`store.db.backup-<schema>`) and migrates it. One of a newer release is refused (`schema-newer`) untouched.
    pub async fn open(path: &Path, clock: Clock) -> Result<Self> {
        Ok(Self::Sqlite(Sqlite::open(path, clock).await?))
    }

    /// Opens the store at `path` where nothing can be written: it answers, and every change is refused (`store-read-only`). One
    /// of an older release, which would have to be migrated, is refused too (`schema-older`).
    pub async fn look(path: &Path, clock: Clock) -> Result<Self> {
        Ok(Self::Sqlite(Sqlite::look(path, clock).await?))
    }

    /// True of a store that [`Store::look`] has opened.
    pub fn is_read_only(&self) -> bool {
        let Self::Sqlite(engine) = self;
        engine.is_read_only()
    }

    /// Applies `changes` in one transaction, in order, whole or not at all. With a `fence`, only if that job is still
    /// under that very lease (else `lease-lost`, kind retry), and the job is closed in the same transaction.
    ///
    /// A lease that is past its end but that nobody else has claimed still counts: the attempt number is the fence.
    pub async fn apply(&self, ente: &EnteId, fence: Option<(&Claim, Closing)>, changes: &[Change]) -> Result<()> {
        let Self::Sqlite(engine) = self;
        engine.apply(ente, fence, changes).await
    }

    /// Claims the next job of one of `steps` (all, if empty) until `lease_seconds` after `now`: highest priority, then
    /// the ente that was served least lately, then the oldest. A job whose lease has ended is claimable again, and so is one whose time
    /// lies further ahead than any lease or pause: the clock was set back meanwhile.
    pub async fn claim(&self, steps: &[&str], now: Timestamp, lease_seconds: u64) -> Result<Option<Claim>> {
        let Self::Sqlite(engine) = self;
        engine.claim(steps, now, lease_seconds).await
    }

    /// Moves the end of a lease; false if it was lost.
    pub async fn extend(&self, claim: &Claim, until: Timestamp) -> Result<bool> {
        let Self::Sqlite(engine) = self;
        engine.extend(claim, until).await
    }

    /// Ends all leases (the holder of the archive's lock, at start); attempts stay counted. Returns how many.
    pub async fn void_leases(&self) -> Result<u64> {
        let Self::Sqlite(engine) = self;
        engine.void_leases().await
    }

    /// Makes a waiting job ready at `now`; false if there is none that waits.
    pub async fn release_job(&self, ente: &EnteId, step: &str, owner: &str, now: Timestamp) -> Result<bool> {
        let Self::Sqlite(engine) = self;
        engine.release_job(ente, step, owner, now).await
    }

    /// How many jobs are ready, leased and waiting at the clock's now, of one ente or of all.
    pub async fn job_counts(&self, ente: Option<&EnteId>) -> Result<JobCounts> {
        let Self::Sqlite(engine) = self;
        engine.job_counts(ente).await
    }

    /// How many jobs are not closed, of all enti: what [`Store::job_counts`] says without looking at each.
    pub async fn open_job_count(&self) -> Result<u64> {
        let Self::Sqlite(engine) = self;
        engine.open_job_count().await
    }

    /// True while a job of that step and owner is open and nobody has ever taken it: whoever does will look after this.
    pub async fn is_to_come(&self, ente: &EnteId, step: &str, owner: &str) -> Result<bool> {
        let Self::Sqlite(engine) = self;
        engine.is_to_come(ente, step, owner).await
    }

    /// How much of an ente is in which state, and what its journal says since an instant.
    pub async fn tally(&self, ente: &EnteId, since: Timestamp) -> Result<Tally> {
        let Self::Sqlite(engine) = self;
        engine.tally(ente, since).await
    }

    /// The jobs that are not closed, oldest first.
    pub async fn open_jobs(&self, ente: &EnteId) -> Result<Vec<OpenJob>> {
        let Self::Sqlite(engine) = self;
        engine.open_jobs(ente).await
    }

    /// Adds an ente, or replaces what is known of it; its journal key is made once and stays.
    pub async fn add_ente(&self, ente: &Ente) -> Result<()> {
        let Self::Sqlite(engine) = self;
        engine.add_ente(ente).await
    }
}

/// Looking.
impl Store {
    /// All enti, by id.
    pub async fn enti(&self) -> Result<Vec<Ente>> {
        let Self::Sqlite(engine) = self;
        engine.enti().await
    }

    /// One ente.
    pub async fn ente(&self, ente: &EnteId) -> Result<Option<Ente>> {
        let Self::Sqlite(engine) = self;
        engine.ente(ente).await
    }

    /// HMAC-SHA-256 of `value` with the ente's own key, hexadecimal: how a journal line speaks of a personal value.
    pub async fn keyed(&self, ente: &EnteId, value: &str) -> Result<String> {
        Ok(self.keyed_all(ente, &[value.to_owned()]).await?.pop().unwrap_or_default())
    }

    /// What [`Store::keyed`] gives of each of them, in their order.
    pub async fn keyed_all(&self, ente: &EnteId, values: &[String]) -> Result<Vec<String>> {
        let Self::Sqlite(engine) = self;
        engine.keyed(ente, values).await
    }

    /// One arrival.
    pub async fn arrival(&self, ente: &EnteId, id: &ArrivalId) -> Result<Option<Arrival>> {
        let Self::Sqlite(engine) = self;
        engine.arrival(ente, id).await
    }

    /// All arrivals, in order of admission.
    pub async fn arrivals(&self, ente: &EnteId) -> Result<Vec<Arrival>> {
        let Self::Sqlite(engine) = self;
        engine.arrivals(ente).await
    }

    /// The arrivals with any of these bytes, in order of admission.
    pub async fn arrivals_with(&self, ente: &EnteId, digests: &BTreeSet<Digest>) -> Result<Vec<Arrival>> {
        let Self::Sqlite(engine) = self;
        engine.arrivals_with(ente, digests).await
    }

    /// Of the arrivals of a door that were admitted after an instant: the body of their fact number 0 of a kind, each once;
    /// none of those that have no such fact.
    pub async fn facts_since(
        &self,
        ente: &EnteId,
        (door, kind): (&str, &str),
        since: Timestamp,
    ) -> Result<BTreeSet<Option<String>>> {
        let Self::Sqlite(engine) = self;
        engine.facts_since(ente, (door, kind), since).await
    }

    /// One document.
    pub async fn document(&self, ente: &EnteId, id: &DocumentId) -> Result<Option<DocumentRow>> {
        let Self::Sqlite(engine) = self;
        engine.document(ente, id).await
    }

    /// The documents in `state` (or all), in the order in which they were formed.
    pub async fn documents(&self, ente: &EnteId, state: Option<DocumentState>) -> Result<Vec<DocumentRow>> {
        let Self::Sqlite(engine) = self;
        engine.documents(ente, state).await
    }

    /// The documents that came out of an arrival, by position.
    pub async fn documents_of(&self, ente: &EnteId, arrival: &ArrivalId) -> Result<Vec<DocumentRow>> {
        let Self::Sqlite(engine) = self;
        engine.documents_of(ente, arrival).await
    }

    /// At most `most` documents that share a key, those that share most keys first; the keys of enti are never compared.
    pub async fn sharing(&self, ente: &EnteId, keys: &[Key], most: usize) -> Result<Vec<DocumentId>> {
        let Self::Sqlite(engine) = self;
        engine.sharing(ente, keys, most).await
    }

    /// At most `most` documents that answer, the newest first.
    pub async fn found(&self, ente: &EnteId, wanted: &Expression, most: usize) -> Result<Vec<DocumentId>> {
        let Self::Sqlite(engine) = self;
        Ok(engine.found(ente, wanted, (most, most)).await?.0)
    }

    /// At most `most` documents that answer, the newest first: `wanted` of them however long it takes, the others as far as they are found soon
    /// in an archive of many documents. True where there may be more.
    pub async fn found_soon(
        &self,
        ente: &EnteId,
        expression: &Expression,
        (wanted, most): (usize, usize),
    ) -> Result<(Vec<DocumentId>, bool)> {
        let Self::Sqlite(engine) = self;
        engine.found(ente, expression, (wanted, most)).await
    }

    /// What the index shows of a document; none of one that it does not know.
    pub async fn shown(&self, ente: &EnteId, document: &DocumentId) -> Result<Option<Shown>> {
        let Self::Sqlite(engine) = self;
        engine.shown(ente, document).await
    }

    /// The last document that the making anew of the index has reached; none: the index is whole.
    pub async fn reindexing(&self, ente: &EnteId) -> Result<Option<i64>> {
        let Self::Sqlite(engine) = self;
        engine.reindexing(ente).await
    }

    /// At most `most` documents whose numbers are larger, in their order.
    pub async fn documents_behind(&self, ente: &EnteId, reached: i64, most: usize) -> Result<Vec<(i64, DocumentId)>> {
        let Self::Sqlite(engine) = self;
        engine.documents_behind(ente, reached, most).await
    }

    /// Bytes of the index of words, without the texts beside it.
    pub async fn index_bytes(&self) -> Result<u64> {
        let Self::Sqlite(engine) = self;
        engine.index_bytes().await
    }

    /// The facts of a kind, by number.
    pub async fn facts(&self, ente: &EnteId, owner: &str, kind: &str) -> Result<Vec<(u32, String)>> {
        let Self::Sqlite(engine) = self;
        engine.facts(ente, owner, kind).await
    }

    /// At most `most` facts of a kind, by number, from that number on: owner, kind and number.
    pub async fn facts_from(&self, ente: &EnteId, from: (&str, &str, u32), most: u32) -> Result<Vec<(u32, String)>> {
        let Self::Sqlite(engine) = self;
        engine.facts_from(ente, from, most).await
    }

    /// The fact number 0 of a kind.
    pub async fn fact(&self, ente: &EnteId, owner: &str, kind: &str) -> Result<Option<String>> {
        let Self::Sqlite(engine) = self;
        engine.fact(ente, owner, kind).await
    }

    /// One fact: owner, kind and number.
    pub async fn fact_at(&self, ente: &EnteId, which: (&str, &str, u32)) -> Result<Option<String>> {
        let Self::Sqlite(engine) = self;
        engine.fact_at(ente, which).await
    }

    /// One aggregation with its documents.
    pub async fn aggregation(&self, ente: &EnteId, id: &AggregationId) -> Result<Option<AggregationRow>> {
        let Self::Sqlite(engine) = self;
        engine.aggregation(ente, id).await
    }

    /// The sub-fascicoli of a fascicolo with their documents, in order of opening.
    pub async fn sub_fascicoli(&self, ente: &EnteId, primario: &AggregationId) -> Result<Vec<AggregationRow>> {
        let Self::Sqlite(engine) = self;
        engine.sub_fascicoli(ente, primario).await
    }

    /// The progressive number that a fascicolo opened now in that year and voce would have.
    pub async fn next_progressivo(&self, ente: &EnteId, within: (i16, &Voce)) -> Result<u32> {
        let Self::Sqlite(engine) = self;
        engine.next_progressivo(ente, within).await
    }

    /// All aggregations with their documents, in order of opening.
    pub async fn aggregations(&self, ente: &EnteId) -> Result<Vec<AggregationRow>> {
        let Self::Sqlite(engine) = self;
        engine.aggregations(ente).await
    }

    /// One Pdv with its documents, in the plan's order.
    pub async fn pdv(&self, ente: &EnteId, id: &PdvId) -> Result<Option<(Pdv, Vec<DocumentId>)>> {
        let Self::Sqlite(engine) = self;
        engine.pdv(ente, id).await
    }

    /// The Pdv in a state, in order of planning.
    pub async fn pdvs_in(&self, ente: &EnteId, state: PdvState) -> Result<Vec<PdvId>> {
        let Self::Sqlite(engine) = self;
        engine.pdvs_in(ente, state).await
    }

    /// All Pdv with their documents, in order of planning, without their plans, which are large.
    pub async fn pdvs(&self, ente: &EnteId) -> Result<Vec<(Pdv, Vec<DocumentId>)>> {
        let Self::Sqlite(engine) = self;
        engine.pdvs(ente).await
    }

    /// At most `limit` journal lines, from number `from` on.
    pub async fn journal(&self, ente: &EnteId, from: u64, limit: u32) -> Result<Vec<JournalLine>> {
        let Self::Sqlite(engine) = self;
        engine.journal(ente, from, limit).await
    }

    /// The events about one subject, in order.
    pub async fn events_of(&self, ente: &EnteId, subject: &str) -> Result<Vec<Event>> {
        let Self::Sqlite(engine) = self;
        engine.events_of(ente, subject).await
    }

    /// The head of the journal; number 0 and zeros of an empty one.
    pub async fn journal_head(&self, ente: &EnteId) -> Result<JournalHead> {
        let Self::Sqlite(engine) = self;
        engine.journal_head(ente).await
    }

    /// Reads the whole journal: its head if the chain holds, else the number of the first line that is altered or missing.
    pub async fn check_journal(&self, ente: &EnteId) -> Result<std::result::Result<JournalHead, u64>> {
        let Self::Sqlite(engine) = self;
        engine.check_journal(ente).await
    }

    /// True if the journal still has the line that `head` (of a package, of a backup) speaks of, unchanged. Together
    /// with [`Store::check_journal`] this shows a chain that was rewritten as a whole and a tail that was cut off.
    pub async fn has_head(&self, ente: &EnteId, head: &JournalHead) -> Result<bool> {
        let Self::Sqlite(engine) = self;
        engine.has_head(ente, head).await
    }

    /// One blob.
    pub async fn blob(&self, ente: &EnteId, sha256: &Digest) -> Result<Option<BlobRow>> {
        let Self::Sqlite(engine) = self;
        engine.blob(ente, sha256).await
    }

    /// The digests of everything that arrived.
    pub async fn originals(&self, ente: &EnteId) -> Result<BTreeSet<Digest>> {
        let Self::Sqlite(engine) = self;
        engine.originals(ente).await
    }

    /// All blobs, by digest.
    pub async fn blobs(&self, ente: &EnteId) -> Result<Vec<BlobRow>> {
        let Self::Sqlite(engine) = self;
        engine.blobs(ente).await
    }
}
