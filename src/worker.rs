//! The porter: claim by lease → take the step → commit fact, journal line and next job in one transaction.
//!
//! It alone knows time, retries and leases. A step that outlives its lease is done again elsewhere, and the late
//! result is refused by its fencing token (invariant 5).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::SignedDuration;

use crate::error::{Error, Kind, Result};
use crate::pipeline::{self, House, Step};
use crate::store::lock::ArchiveLock;
use crate::store::{Change, Claim, Closing};

/// Seconds of a lease; it is extended while the step runs.
const LEASE_SECONDS: u64 = 60;
/// How long an idle porter waits before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(150);

/// How long an idle porter of a daemon waits at most.
const IDLE_MAX: Duration = Duration::from_secs(1);
/// How long a porter pauses at most where the store or a disk fails.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// What people watch while it works: counts, no names (invariant 13).
#[derive(Debug, Default)]
pub struct Meter {
    pages: AtomicU64,
    pages_expected: AtomicU64,
    surveyed: AtomicU64,
    documents: AtomicU64,
    documents_expected: AtomicU64,
    stopping: AtomicBool,
    steps: Mutex<BTreeMap<&'static str, u64>>,
}

impl Meter {
    /// So many pages were found in one document.
    pub fn expect_pages(&self, count: u64) {
        self.surveyed.fetch_add(1, Ordering::Relaxed);
        self.pages_expected.fetch_add(count, Ordering::Relaxed);
    }

    /// One page was read.
    pub fn page_done(&self) {
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    /// More documents will come to rest.
    pub fn expect_documents(&self, count: u64) {
        self.documents_expected.fetch_add(count, Ordering::Relaxed);
    }

    /// One traveller came to rest.
    pub fn document_done(&self) {
        self.documents.fetch_add(1, Ordering::Relaxed);
    }

    /// Pages read and found so far.
    pub fn pages(&self) -> (u64, u64) {
        (self.pages.load(Ordering::Relaxed), self.pages_expected.load(Ordering::Relaxed))
    }

    /// Pages still to be read, those of documents that nobody has looked into yet guessed by the mean of the others.
    pub fn pages_left(&self) -> u64 {
        let ((pages, found), (at_rest, documents)) = (self.pages(), self.documents());
        let surveyed = self.surveyed.load(Ordering::Relaxed).max(1);
        let unseen = documents.saturating_sub(surveyed.max(at_rest));
        found.saturating_sub(pages).saturating_add((unseen.saturating_mul(found)).div_ceil(surveyed))
    }

    /// Documents at rest and expected so far.
    pub fn documents(&self) -> (u64, u64) {
        (self.documents.load(Ordering::Relaxed), self.documents_expected.load(Ordering::Relaxed))
    }

    /// Asks the porters to end after the step in hand.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// True once someone asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn count(&self, step: Step) {
        if let Ok(mut steps) = self.steps.lock() {
            *steps.entry(step.name()).or_default() += 1;
        }
    }

    /// Steps taken so far, by name.
    pub fn steps(&self) -> BTreeMap<&'static str, u64> {
        self.steps.lock().map(|s| s.clone()).unwrap_or_default()
    }
}

/// Works until every traveller is at rest (or someone asks to stop, then [`Kind::Stopped`]): `porters` steps at a time.
/// Beside another process that has the archive's lock it waits for that one, and takes over should it end.
pub async fn work_to_rest(house: &Arc<House>, porters: usize) -> Result<()> {
    if !becomes_porter(house).await? {
        return Ok(());
    }
    let mut crew = tokio::task::JoinSet::new();
    for _ in 0..porters.max(1) {
        let house = Arc::clone(house);
        crew.spawn(async move { porter(&house).await });
    }
    let mut first = Ok(());
    while let Some(joined) = crew.join_next().await {
        let ended = joined.unwrap_or_else(|e| Err(Error::panicked(e)));
        if let Err(error) = ended
            && first.is_ok()
        {
            house.meter.stop();
            first = Err(error);
        }
    }
    if first.is_ok() && house.meter.is_stopping() {
        return Err(Error::new(Kind::Stopped, "stopped"));
    }
    first
}

/// Works until someone asks to stop: `porters` steps at a time. A store or a disk out of order makes a porter pause and
/// try again; it ends for nothing else. The caller has the archive's lock.
pub async fn work_on(house: &Arc<House>, porters: usize) -> Result<()> {
    let mut crew = tokio::task::JoinSet::new();
    for _ in 0..porters.max(1) {
        crew.spawn(tireless(Arc::clone(house)));
    }
    while let Some(joined) = crew.join_next().await {
        joined.map_err(Error::panicked)?;
    }
    Ok(())
}

/// One porter of a daemon: an idle one looks less often, a failing one pauses 1, 2, 4 … seconds, at most a minute.
async fn tireless(house: Arc<House>) {
    let (mut idle, mut pause) = (LOOK_AGAIN, Duration::ZERO);
    while !house.meter.is_stopping() {
        let worked = match house.store.claim(&[], house.clock.now(), LEASE_SECONDS).await {
            Ok(Some(claim)) => carry(&house, &claim).await.map(|()| true),
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        match worked {
            Ok(is_busy) => {
                if !pause.is_zero() {
                    tracing::info!("work goes on");
                }
                pause = Duration::ZERO;
                idle = if is_busy { LOOK_AGAIN } else { (idle * 2).min(IDLE_MAX) };
                if !is_busy {
                    tokio::time::sleep(idle).await;
                }
            }
            Err(error) => {
                if pause.is_zero() {
                    tracing::warn!(code = error.code(), "work is paused");
                }
                pause = (pause * 2).clamp(Duration::from_secs(1), PAUSE_MAX);
                rest(&house, pause).await;
            }
        }
    }
}

/// Sleeps, but not past the wish to stop.
async fn rest(house: &House, pause: Duration) {
    let end = tokio::time::Instant::now() + pause;
    while !house.meter.is_stopping() && tokio::time::Instant::now() < end {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// True once this process has the archive's lock; false if another one has carried everything to rest meanwhile.
async fn becomes_porter(house: &House) -> Result<bool> {
    let mut lock = house.lock.lock().await;
    while lock.is_none() {
        if house.meter.is_stopping() {
            return Err(Error::new(Kind::Stopped, "stopped"));
        }
        *lock = ArchiveLock::take(house.layout.root())?;
        if lock.is_some() {
            house.store.void_leases().await?;
        } else if is_at_rest(house).await? {
            return Ok(false);
        } else {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    Ok(true)
}

/// One porter: step after step until nothing is left to do.
async fn porter(house: &Arc<House>) -> Result<()> {
    while !house.meter.is_stopping() {
        match house.store.claim(&[], house.clock.now(), LEASE_SECONDS).await? {
            Some(claim) => carry(house, &claim).await?,
            None if is_at_rest(house).await? => return Ok(()),
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    Ok(())
}

async fn is_at_rest(house: &House) -> Result<bool> {
    let counts = house.store.job_counts(None).await?;
    Ok(counts.ready == 0 && counts.leased == 0 && counts.waiting == 0)
}

/// One step under its lease, and its commit.
async fn carry(house: &Arc<House>, claim: &Claim) -> Result<()> {
    let taken = {
        let mut step = std::pin::pin!(pipeline::take(house, claim));
        let mut beat = tokio::time::interval(Duration::from_secs(LEASE_SECONDS / 3));
        beat.tick().await;
        loop {
            tokio::select! {
                taken = &mut step => break taken,
                _ = beat.tick() => extend(house, claim).await?,
            }
        }
    };
    let (closing, changes) = match taken {
        Ok(changes) => (Closing::Done, changes),
        Err(error)
            if error.is_pressure()
                && let Some(missing) = pipeline::missing_blob(house, claim).await? =>
        {
            tracing::warn!(
                step = claim.step,
                owner = claim.owner,
                code = missing.code(),
                after = error.code(),
                "a blob is missing"
            );
            pipeline::settle(house, claim, &missing).await?
        }
        // A disk without room is no doubt about this traveller: whoever works pauses or ends, and it waits as it is.
        Err(error) if error.is_pressure() || matches!(error.kind(), Kind::Environment | Kind::Stopped) => return Err(error),
        Err(error) => {
            tracing::info!(step = claim.step, owner = claim.owner, code = error.code(), "step did not succeed");
            pipeline::settle(house, claim, &error).await?
        }
    };
    commit(house, claim, closing, &changes).await
}

async fn extend(house: &House, claim: &Claim) -> Result<()> {
    let until = house.clock.now().saturating_add(SignedDuration::from_secs(LEASE_SECONDS as i64)).unwrap_or(claim.until);
    if !house.store.extend(claim, until).await? {
        tracing::warn!(step = claim.step, owner = claim.owner, "the lease was lost; another porter does this step");
    }
    Ok(())
}

async fn commit(house: &House, claim: &Claim, closing: Closing, changes: &[Change]) -> Result<()> {
    let is_retry = matches!(closing, Closing::Retry { .. });
    crate::drill::point("worker.before-commit");
    match house.store.apply(&claim.ente, Some((claim, closing)), changes).await {
        Err(error) if error.code() == "lease-lost" => return Ok(()),
        // What the step found was overtaken meanwhile (a fascicolo was closed): a doubt about this traveller, not the work's end.
        Err(error) if error.kind() == Kind::Hold => {
            let (closing, changes) = pipeline::settle(house, claim, &error).await?;
            house.store.apply(&claim.ente, Some((claim, closing)), &changes).await?;
        }
        other => other?,
    }
    crate::drill::point("worker.after-commit");
    if let Ok(step) = Step::parse(&claim.step) {
        house.meter.count(step);
    }
    let goes_on = is_retry || changes.iter().any(|c| matches!(c, Change::AddJob(_)));
    if !goes_on {
        house.meter.document_done();
    }
    Ok(())
}
