//! One door: look, admit what has come to rest, wait for the next event or the clock; pause while there is no room.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use super::admission;
use super::board::{Board, State, fitting};
use crate::acquire::events::{Listening, listen};
use crate::acquire::settle::Settling;
use crate::acquire::watch::{Candidate, Sight, Watched, look};
use crate::acquire::{self, Admission, AdmitOutcome, GROUPS_MAX, Offer, Past, Release, TOGETHER_MAX};
use crate::blobs::local::parent;
use crate::error::{Error, Result};
use crate::messages::Message;
use crate::pipeline::House;

/// A group is closed at so many bytes: what is small does not wait for what is large.
const GROUP_BYTES: u64 = 64 << 20;
/// Shortest time between two looks that events wake.
const GAP: Duration = Duration::from_millis(100);
/// Longest time between looks while something waits that no event will tell of (an open writer that closes it).
const UNFINISHED: Duration = Duration::from_secs(5);
/// Longest pause of a door.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// A door and all that it needs.
pub(super) struct Door {
    pub(super) house: Arc<House>,
    pub(super) watched: Arc<Watched>,
    pub(super) board: Arc<Board>,
    /// Its number on the board.
    pub(super) n: usize,
    pub(super) stop: watch::Receiver<bool>,
    /// The folders from which files have come since their last end-of-batch marker; none before the archive was asked.
    pub(super) come: Option<BTreeSet<PathBuf>>,
}

/// What became of one candidate.
enum Fate {
    /// It is in, set aside in quarantine, or gone by itself.
    Over,
    /// It cannot be admitted as it stands, or is in and cannot leave, for the reason given.
    Struck(u64, Option<Message>),
    /// Nothing can be admitted now.
    Pressure(Error),
}

impl Door {
    /// Keeps the door until it is told to stop.
    pub(super) async fn keep(mut self) {
        let wake = Arc::new(Notify::new());
        let mut settling = Settling::new(usize::try_from(self.house.config.limits.queue_length_max).unwrap_or(usize::MAX));
        let mut listening: Option<Listening> = None;
        let mut pause = Duration::ZERO;
        let mut cleaned: Option<Date> = None;
        let mut past = Past::new(usize::try_from(self.house.config.limits.queue_length_max).unwrap_or(usize::MAX));
        let mut place = None;
        while !*self.stop.borrow() {
            // Another folder lies there, or another disk: what was heard of the old one says nothing of it.
            let found = place_of(&self.watched.folder).await;
            if place.replace(found) != Some(found) {
                listening = None;
            }
            if listening.is_none() {
                listening = self.listening(&wake).await;
            }
            let began = Instant::now();
            let mut met = Met::default();
            let sight = match self.round(&mut settling, &mut met).await {
                Ok(sight) => self.look_back(&mut past, sight).await,
                Err(error) => Err(error),
            };
            match sight {
                Ok(sight) => {
                    self.say_working(sight, pause);
                    pause = Duration::ZERO;
                    self.clean(&mut cleaned).await;
                    let has_events = listening.as_ref().is_some_and(|listening| listening.has_events);
                    let look = if sight.offered == 0 { began.elapsed() } else { Duration::ZERO };
                    let delay = self.delay(sight, has_events);
                    self.wait(past.goes_on().map_or(delay, |on| delay.min(on)), look * 2, &wake).await;
                }
                Err(error) => {
                    self.say_paused(&error);
                    // A disk that fails may come back as another one, of which nobody tells the old watch.
                    if matches!(error.code(), "inbox-unreachable" | "disk-failed") {
                        listening = None;
                    }
                    // Where something went in, the next may too: only a door that gets nowhere waits longer each time.
                    let before = if met.over > 0 { Duration::ZERO } else { pause };
                    pause = (before * 2).clamp(Duration::from_secs(1), PAUSE_MAX);
                    self.sleep(pause).await;
                }
            }
        }
        self.board.say(self.n, |notice| notice.state = State::Closed);
    }

    /// Finds out who wakes the look; `None` while the folder is not there.
    async fn listening(&self, wake: &Arc<Notify>) -> Option<Listening> {
        let (folder, watching, wake) = (self.watched.folder.clone(), self.watched.inbox.watching, Arc::clone(wake));
        let heard =
            tokio::task::spawn_blocking(move || folder.is_dir().then(|| listen(&folder, watching, move || wake.notify_one())));
        let listening = heard.await.ok().flatten()?;
        let word = if listening.has_events { "events" } else { "polling" };
        tracing::info!(inbox = self.watched.inbox.profile, watching = word, why = listening.why, "the door is open");
        self.board.say(self.n, |notice| {
            word.clone_into(&mut notice.watching);
            listening.why.clone_into(&mut notice.why);
        });
        Some(listening)
    }

    /// One look through the inbox; what it offers is admitted while it goes on, as many together as there are.
    async fn round(&mut self, settling: &mut Settling, met: &mut Met) -> Result<Sight> {
        let mut come = match self.come.take() {
            None if self.watched.inbox.end_marker.is_some() => {
                acquire::come(&admission(&self.house), &self.house.ente_id, &self.watched).await?
            }
            known => known.unwrap_or_default(),
        };
        let (sender, mut candidates) = mpsc::channel(TOGETHER_MAX);
        let (watched, mut known) = (Arc::clone(&self.watched), std::mem::replace(settling, Settling::new(0)));
        let looking = tokio::task::spawn_blocking(move || {
            let sight = look(&watched, &mut known, &mut |candidate| sender.blocking_send(candidate).is_ok());
            (known, sight)
        });
        let mut crew = JoinSet::new();
        while let Some(first) = candidates.recv().await {
            while crew.len() >= GROUPS_MAX {
                met.note(crew.join_next().await);
            }
            if met.pressure.is_some() || *self.stop.borrow() {
                break;
            }
            let group = group(first, &mut candidates);
            if self.watched.inbox.end_marker.is_some() {
                come.extend(group.iter().map(|candidate| parent(&candidate.found.path).to_owned()));
            }
            crew.spawn(fates(Arc::clone(&self.house), Arc::clone(&self.watched), group));
        }
        // The look ends at its next offer.
        drop(candidates);
        while !crew.is_empty() {
            met.note(crew.join_next().await);
        }
        self.come = Some(come);
        let (known, sight) = looking.await.map_err(Error::panicked)?;
        *settling = known;
        for key in &met.struck {
            settling.strike(*key, self.watched.now_ms());
        }
        if let Some(reason) = met.stays.take() {
            self.board.say(self.n, |notice| notice.stays = fitting(&reason));
        }
        if let Some(error) = met.pressure.take() {
            return Err(error);
        }
        let mut sight = sight?;
        sight.stuck += met.struck.len() as u64;
        if sight.offered > 0 || self.watched.inbox.end_marker.is_some() {
            let (watched, mut come) = (Arc::clone(&self.watched), self.come.take().unwrap_or_default());
            let mut known = std::mem::replace(settling, Settling::new(0));
            let retiring = tokio::task::spawn_blocking(move || {
                let retired = acquire::retire_markers(&watched, &mut known, &mut come);
                (known, come, retired)
            });
            let (known, come, retired) = retiring.await.map_err(Error::panicked)?;
            *settling = known;
            self.come = Some(come);
            retired?;
        }
        Ok(sight)
    }

    /// What was taken is looked at again: what somebody wrote on is admitted as it now stands. What still moves there counts as
    /// what still moves in the inbox.
    async fn look_back(&self, past: &mut Past, mut sight: Sight) -> Result<Sight> {
        let desk = admission(&self.house);
        let (mut candidates, moving) = acquire::outgrown((&desk, &self.house.ente_id), &self.watched, past).await?;
        let mut met = Met::default();
        while !candidates.is_empty() && met.pressure.is_none() {
            let group: Vec<Candidate> = candidates.drain(..candidates.len().min(TOGETHER_MAX)).collect();
            met.add(fates(Arc::clone(&self.house), Arc::clone(&self.watched), group).await);
        }
        let over = met.over as u64;
        if over > 0 {
            tracing::warn!(inbox = self.watched.inbox.profile, count = over, "taken files had changed and came in again");
            self.board.say(self.n, |notice| notice.outgrown += over);
        }
        met.struck.iter().for_each(|key| past.strike(*key, self.watched.now_ms()));
        sight.moving += moving.moving;
        sight.unfinished += moving.unfinished;
        sight.open += moving.open;
        sight.stuck += moving.stuck + met.struck.len() as u64;
        met.pressure.map_or(Ok(sight), Err)
    }

    /// When to look again if nothing wakes us.
    fn delay(&self, sight: Sight, has_events: bool) -> Duration {
        let inbox = &self.watched.inbox;
        let (settle, rescan) = (Duration::from_secs(inbox.settle_seconds), Duration::from_secs(inbox.rescan_seconds));
        let delay = if sight.moving > 0 {
            settle.max(GAP)
        } else if sight.unfinished + sight.open + sight.stuck > 0 {
            UNFINISHED
        } else if has_events {
            rescan
        } else {
            settle.max(Duration::from_secs(2))
        };
        delay.min(rescan)
    }

    /// Waits for `delay` or an event; looks keep a gap between them that grows with what a look costs.
    async fn wait(&mut self, delay: Duration, cost: Duration, wake: &Notify) {
        let gap = cost.clamp(GAP, PAUSE_MAX);
        tokio::select! {
            () = wake.notified() => self.sleep(gap).await,
            () = tokio::time::sleep(delay.max(gap)) => {}
            _ = self.stop.changed() => {}
        }
    }

    async fn sleep(&self, time: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! { () = tokio::time::sleep(time) => {}, _ = stop.wait_for(|is_stopping| *is_stopping) => {} }
    }

    /// Once a day: what was taken long ago and is in the archive is deleted.
    async fn clean(&self, last: &mut Option<Date>) {
        let (now, inbox) = (self.house.clock.now(), &self.watched.inbox);
        let today = now.to_zoned(TimeZone::UTC).date();
        if last.replace(today) == Some(today) {
            return;
        }
        let desk = admission(&self.house);
        match acquire::clean::clean(&desk, &self.house.ente_id, (inbox, &self.watched.folder), today).await {
            Ok(cleaned) => {
                let (deleted, kept) = (cleaned.deleted, cleaned.kept);
                tracing::info!(inbox = inbox.profile, deleted, kept, "taken files were cleaned up");
                self.board.say(self.n, |notice| notice.kept = kept);
            }
            Err(error) => tracing::warn!(inbox = inbox.profile, code = error.code(), "taken files were not cleaned up"),
        }
    }

    fn say_working(&self, sight: Sight, pause: Duration) {
        if !pause.is_zero() {
            tracing::info!(inbox = self.watched.inbox.profile, "the door goes on");
        }
        let now = self.house.clock.now();
        self.board.say(self.n, |notice| {
            notice.sight = Sight { offered: 0, ..sight };
            if sight.stuck == 0 {
                notice.stays = None;
            }
            if notice.state != State::Working {
                (notice.state, notice.code, notice.reason, notice.since) = (State::Working, None, None, now);
            }
        });
    }

    /// Said once per change of state.
    fn say_paused(&self, error: &Error) {
        let state = if error.code() == "inbox-unreachable" { State::Unreachable } else { State::Paused };
        let (now, code) = (self.house.clock.now(), error.code());
        self.board.say(self.n, |notice| {
            if notice.state != state || notice.code.as_deref() != Some(code) {
                tracing::warn!(inbox = self.watched.inbox.profile, code, "the door is paused");
                (notice.state, notice.code, notice.since) = (state, Some(code.to_owned()), now);
            }
            notice.reason = fitting(error.message());
        });
    }
}

/// Which folder lies there: its disk and its number on it; none where there is none.
async fn place_of(folder: &Path) -> Option<(u64, u64)> {
    let folder = folder.to_owned();
    let looked = tokio::task::spawn_blocking(move || folder.metadata().map(|metadata| (metadata.dev(), metadata.ino())));
    looked.await.ok()?.ok()
}

/// The first candidate and what else has been found meanwhile.
fn group(first: Candidate, candidates: &mut mpsc::Receiver<Candidate>) -> Vec<Candidate> {
    let mut bytes = first.bytes;
    let mut group = vec![first];
    while group.len() < TOGETHER_MAX && bytes < GROUP_BYTES {
        let Ok(next) = candidates.try_recv() else { break };
        bytes = bytes.saturating_add(next.bytes);
        group.push(next);
    }
    group
}

/// What the candidates of a round met with.
#[derive(Default)]
struct Met {
    /// So many are in, set aside, or gone.
    over: usize,
    struck: Vec<u64>,
    /// Why one of these is in and yet stays.
    stays: Option<Message>,
    pressure: Option<Error>,
}

impl Met {
    fn note(&mut self, joined: Option<std::result::Result<Vec<Fate>, JoinError>>) {
        match joined {
            None => {}
            Some(Err(error)) => self.pressure = Some(Error::panicked(error)),
            Some(Ok(fates)) => self.add(fates),
        }
    }

    fn add(&mut self, fates: Vec<Fate>) {
        for fate in fates {
            match fate {
                Fate::Over => self.over += 1,
                Fate::Struck(key, reason) => {
                    self.struck.push(key);
                    self.stays = reason.or(self.stays.take());
                }
                Fate::Pressure(error) => self.pressure = Some(error),
            }
        }
    }
}

/// Admits a group. Whatever does not go in stays where it is, or goes to quarantine if it never can.
async fn fates(house: Arc<House>, watched: Arc<Watched>, group: Vec<Candidate>) -> Vec<Fate> {
    let desk = admission(&house);
    let offer = |candidate: &Candidate| Offer {
        ente: house.ente_id.clone(),
        door: watched.inbox.door(),
        path: candidate.found.path.clone(),
        name: candidate.found.name.clone(),
        release: Release::Take { inbox: watched.folder.clone() },
        beside: candidate.beside.clone(),
    };
    let offers: Vec<Offer> = group.iter().map(offer).collect();
    let admitted = acquire::admit_together(&desk, offers.clone()).await;
    let mut fates = Vec::with_capacity(group.len());
    for ((candidate, offer), admitted) in group.iter().zip(&offers).zip(admitted) {
        let error = match admitted {
            Ok(admitted) => {
                if admitted.outcome == AdmitOutcome::New {
                    house.meter.expect_documents(1);
                }
                tracing::debug!(inbox = watched.inbox.profile, arrival = admitted.arrival.id.as_str(), "admitted");
                admitted.unreleased
            }
            Err(error) => set_aside(&house, &watched, &desk, (offer, error)).await,
        };
        fates.push(error.map_or(Fate::Over, |error| fate_of(&watched, candidate.key, error)));
    }
    fates
}

/// Puts what can never be admitted into quarantine; gives back the error of what stays. A folder stays whole.
async fn set_aside(house: &House, watched: &Watched, desk: &Admission, (offer, error): (&Offer, Error)) -> Option<Error> {
    if !offer.beside.pages.is_empty() {
        return Some(error);
    }
    match acquire::quarantine(desk, offer, &house.layout.quarantine(), &error).await {
        Ok(Some(_)) => {
            tracing::info!(inbox = watched.inbox.profile, code = error.code(), "set aside in quarantine");
            None
        }
        Ok(None) => Some(error),
        Err(other) => Some(other),
    }
}

fn fate_of(watched: &Watched, key: u64, error: Error) -> Fate {
    match error.code() {
        _ if error.is_pressure() => Fate::Pressure(error),
        "source-gone" | "source-changed" | "release-changed" => Fate::Over,
        code => {
            tracing::info!(inbox = watched.inbox.profile, code, "a file stays in the inbox");
            // The place in this sentence is a folder; other reasons name a file, which no board needs to know.
            Fate::Struck(key, matches!(code, "release-denied" | "release-outside").then(|| error.message().clone()))
        }
    }
}
