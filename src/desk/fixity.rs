//! `fixity`: are the bytes still those that were admitted? Blobs are read again under a rate cap, the most doubtful first.
//!
//! What was found is a fact of the store, kept in 256 shelves by the first byte of the digest, written every few seconds: a
//! run that was stopped goes on where it was, and each blob's turn comes by the age of its last reading.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::pipeline::{AGENT, House};
use crate::steps;
use crate::store::Change;

/// Owner and kind of the facts.
const SHELVES: (&str, &str) = ("fixity", "blobs");
/// Bytes read at once: the grain of the rate cap.
const CHUNK_BYTES: usize = 256 << 10;
/// How often what was found is written down.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);

/// How to read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixityOrder {
    /// Most bytes a second; zero is without a cap.
    pub bytes_per_second: u64,
    /// Only blobs whose last reading is at least that many days old, or that were never read.
    pub days: u32,
    /// Stops after that many seconds; the rest is another run's.
    pub seconds: Option<u64>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FixityReport {
    /// Blobs read whole.
    pub read: u64,
    /// How many of them are originals, bytes as they arrived.
    pub originals: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs whose bytes are not those of the digest.
    pub altered: Vec<Digest>,
    /// Blobs that are not there.
    pub missing: Vec<Digest>,
    /// Blobs that the disk does not give.
    pub unreadable: Vec<Digest>,
    /// Blobs whose turn it was and that this run did not reach.
    pub left: u64,
    /// Blobs that are not old enough for another reading.
    pub fresh: u64,
    /// The oldest reading that the archive now rests on; none while some blob was never read.
    pub oldest: Option<Timestamp>,
}

impl FixityReport {
    /// True if every blob that was read is whole.
    pub fn is_good(&self) -> bool {
        self.altered.is_empty() && self.missing.is_empty() && self.unreadable.is_empty()
    }
}

/// The last reading of one blob.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    at: Timestamp,
    /// `ok`, or the code of the error.
    outcome: String,
}

type Readings = BTreeMap<Digest, Reading>;

/// Reads blobs until all whose turn it is were read, or the time is up.
pub async fn fixity(house: &Arc<House>, order: &FixityOrder) -> Result<FixityReport> {
    let mut readings = known(house).await?;
    let rows = house.store.blobs(&house.ente_id).await?;
    let there: Vec<(Digest, u64)> =
        rows.iter().filter(|row| row.destroyed.is_none()).map(|row| (row.sha256, row.bytes)).collect();
    let originals = house.store.originals(&house.ente_id).await?;
    let queue = turns(&there, &readings, &originals, (house.clock.now(), order.days));
    let mut report = FixityReport { fresh: (there.len() - queue.len()) as u64, ..FixityReport::default() };
    let begun = Instant::now();
    let mut pace = Pace { begun, bytes: 0, bytes_per_second: order.bytes_per_second };
    let (mut changed, mut written) = (BTreeSet::new(), Instant::now());
    for (done, sha256) in queue.iter().enumerate() {
        if order.seconds.is_some_and(|seconds| begun.elapsed() >= Duration::from_secs(seconds)) {
            report.left = (queue.len() - done) as u64;
            break;
        }
        let outcome = one(house, *sha256, &mut pace).await?;
        report.take(*sha256, &outcome);
        report.originals += u64::from(outcome.is_ok() && originals.contains(sha256));
        let word = outcome.map_or_else(|code| code, |_| "ok".to_owned());
        readings.insert(*sha256, Reading { at: house.clock.now(), outcome: word });
        changed.insert(sha256.bytes()[0]);
        if written.elapsed() >= WRITTEN_EVERY {
            write(house, &readings, std::mem::take(&mut changed), &[]).await?;
            written = Instant::now();
        }
    }
    report.oldest = oldest(&there, &readings);
    let events = journalled(house, &report);
    write(house, &readings, changed, &events).await?;
    Ok(report)
}

/// Everything that is known of earlier readings.
async fn known(house: &House) -> Result<Readings> {
    let shelves = house.store.facts(&house.ente_id, SHELVES.0, SHELVES.1).await?;
    let mut readings = Readings::new();
    for (_, body) in shelves {
        let shelf: Readings = serde_json::from_str(&body).map_err(|e| Error::bug("a fixity fact unreadable").because(e))?;
        readings.extend(shelf);
    }
    Ok(readings)
}

/// The blobs whose turn it is: bad ones first, then those never read, then by the age of the last reading. At each of these
/// originals come before copies, of one age those read on one day: a copy can be made again, and still its turn comes.
fn turns(
    there: &[(Digest, u64)],
    readings: &Readings,
    originals: &BTreeSet<Digest>,
    (now, days): (Timestamp, u32),
) -> Vec<Digest> {
    const DAY_SECONDS: i64 = 24 * 3_600;
    let old = now - jiff::SignedDuration::from_secs(DAY_SECONDS * i64::from(days));
    let mut queue: Vec<(u8, i64, bool, Timestamp, Digest)> = Vec::new();
    for (sha256, _) in there {
        let is_copy = !originals.contains(sha256);
        let mut put = |rank, at: Timestamp| queue.push((rank, at.as_second().div_euclid(DAY_SECONDS), is_copy, at, *sha256));
        match readings.get(sha256) {
            Some(reading) if reading.outcome != "ok" => put(0, reading.at),
            None => put(1, Timestamp::MIN),
            Some(reading) if reading.at <= old => put(2, reading.at),
            Some(_) => {}
        }
    }
    queue.sort_unstable();
    queue.into_iter().map(|(.., sha256)| sha256).collect()
}

fn oldest(there: &[(Digest, u64)], readings: &Readings) -> Option<Timestamp> {
    let all: Option<Vec<Timestamp>> = there.iter().map(|(sha256, _)| readings.get(sha256).map(|reading| reading.at)).collect();
    all?.into_iter().min()
}

/// Keeps the mean rate below the cap.
#[derive(Debug, Clone, Copy)]
struct Pace {
    begun: Instant,
    bytes: u64,
    bytes_per_second: u64,
}

impl Pace {
    fn wait(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes_per_second > 0 {
            let due = Duration::from_secs_f64(self.bytes as f64 / self.bytes_per_second as f64);
            std::thread::sleep(due.saturating_sub(self.begun.elapsed()));
        }
    }
}

/// Reads one blob whole: its size, or the code of what is wrong with it.
async fn one(house: &Arc<House>, sha256: Digest, pace: &mut Pace) -> Result<std::result::Result<u64, String>> {
    let (house, mut pace_there) = (Arc::clone(house), *pace);
    let (outcome, after) = steps::blocking(move || {
        let read = house.blobs.read(&house.ente_id, &sha256).map_err(|e| e.code().to_owned()).and_then(|mut reader| {
            let mut buffer = vec![0_u8; CHUNK_BYTES];
            let mut bytes = 0_u64;
            loop {
                match reader.read(&mut buffer) {
                    Ok(0) => return Ok(bytes),
                    Ok(n) => {
                        bytes += n as u64;
                        pace_there.wait(n as u64);
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e.downcast::<Error>().map_or("blob-unreadable".to_owned(), |e| e.code().to_owned())),
                }
            }
        });
        Ok((read, pace_there))
    })
    .await?;
    *pace = after;
    Ok(outcome)
}

impl FixityReport {
    fn take(&mut self, sha256: Digest, outcome: &std::result::Result<u64, String>) {
        match outcome.as_ref().map_err(String::as_str) {
            Ok(bytes) => {
                self.read += 1;
                self.bytes += bytes;
            }
            Err("blob-altered") => self.altered.push(sha256),
            Err("blob-missing") => self.missing.push(sha256),
            Err(_) => self.unreadable.push(sha256),
        }
    }
}

/// One line for the run, and one for each blob that is not whole.
fn journalled(house: &House, report: &FixityReport) -> Vec<Event> {
    let event = |subject: String, outcome: &str, detail: BTreeMap<String, String>| Event {
        at: house.clock.now(),
        kind: "fixity check".to_owned(),
        subject,
        outcome: outcome.to_owned(),
        agent: AGENT.to_owned(),
        detail,
    };
    let bad = [("blob-altered", &report.altered), ("blob-missing", &report.missing), ("blob-unreadable", &report.unreadable)];
    let mut events: Vec<Event> = bad
        .iter()
        .flat_map(|(code, list)| list.iter().map(move |sha256| (*code, sha256.hex())))
        .map(|(code, subject)| event(subject, "failure", [("code".to_owned(), code.to_owned())].into()))
        .collect();
    let counts = [("read", report.read), ("originals", report.originals), ("bytes", report.bytes), ("left", report.left)];
    let detail = counts.iter().map(|(name, n)| ((*name).to_owned(), n.to_string())).collect();
    events.push(event("blobs".to_owned(), if report.is_good() { "success" } else { "failure" }, detail));
    events
}

/// Writes the shelves that changed, and the journal lines, in one transaction.
async fn write(house: &House, readings: &Readings, shelves: BTreeSet<u8>, events: &[Event]) -> Result<()> {
    // Where nothing can be written, what was found is only said.
    if house.store.is_read_only() {
        return Ok(());
    }
    let mut changes = Vec::with_capacity(shelves.len() + events.len());
    for shelf in shelves {
        let rows: BTreeMap<&Digest, &Reading> = readings.iter().filter(|(sha256, _)| sha256.bytes()[0] == shelf).collect();
        changes.push(steps::put(SHELVES.0, SHELVES.1, u32::from(shelf), &rows)?);
    }
    changes.extend(events.iter().cloned().map(Change::Journal));
    house.store.apply(&house.ente_id, None, &changes).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_blobs_come_first_then_those_never_read_then_the_oldest_and_originals_before_copies() {
        let now: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
        let blob = |text: &str| Digest::of(text.as_bytes());
        let reading = |at: &str, outcome: &str| Reading { at: at.parse().unwrap(), outcome: outcome.to_owned() };
        let readings = Readings::from([
            (blob("old"), reading("2025-01-01T00:00:00Z", "ok")),
            (blob("older"), reading("2024-01-01T00:00:00Z", "ok")),
            (blob("fresh"), reading("2026-01-30T00:00:00Z", "ok")),
            (blob("bad"), reading("2026-01-30T00:00:00Z", "blob-altered")),
        ]);
        let there = ["fresh", "old", "never", "bad", "older"].map(|text| (blob(text), 1));
        let none = BTreeSet::new();
        assert_eq!(turns(&there, &readings, &none, (now, 30)), ["bad", "never", "older", "old"].map(blob));
        // Of one rank the original first; an older copy comes before a younger original.
        let there = ["old", "same day", "older", "never", "never too"].map(|text| (blob(text), 1));
        let mut readings = readings.clone();
        readings.insert(blob("same day"), reading("2025-01-01T09:00:00Z", "ok"));
        let originals = BTreeSet::from(["same day", "never too"].map(blob));
        let wanted = ["never too", "never", "older", "same day", "old"].map(blob);
        assert_eq!(turns(&there, &readings, &originals, (now, 30)), wanted);
        let there = ["fresh", "old", "never", "bad", "older"].map(|text| (blob(text), 1));
        assert_eq!(oldest(&there, &readings), None);
        assert_eq!(oldest(&there[..2], &readings), Some("2025-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn the_pace_never_passes_its_cap() {
        let begun = Instant::now();
        let mut pace = Pace { begun, bytes: 0, bytes_per_second: 1_000_000 };
        for _ in 0..10 {
            pace.wait(10_000);
        }
        assert!(begun.elapsed() >= Duration::from_millis(99), "{:?}", begun.elapsed());
    }
}
