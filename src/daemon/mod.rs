//! What does the house do when nobody asks? `watch`: doors and porters in one process, until it is told to stop.

mod board;
mod door;
mod mailbox;
mod pipe;
mod service;
mod uploads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::acquire::watch::{Watched, ensure_separate, waiting};
use crate::acquire::{Admission, Clerk};
use crate::clock::Clock;
use crate::config::{Config, Layout};
use crate::error::{Error, Kind, Result};
use crate::inbox::Inbox;
use crate::mailbox::Mailbox;
use crate::messages::{Lang, Message};
use crate::pipeline::House;
use crate::store::lock::ArchiveLock;
use crate::upload::UploadDoor;
use crate::worker;
use board::{Board, Notice};
use door::Door;
use mailbox::Post;
use service::Service;
use uploads::Counter;

/// A verb beside us may have a lock for the moment that it takes to look: so long is it waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// What this process does of the daemon's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// It keeps the doors.
    pub acquire: bool,
    /// It carries travellers.
    pub work: bool,
}

/// Keeps the house until `stop` turns true and the steps in hand are done. A second daemon with the same role is refused.
pub async fn keep(house: &Arc<House>, roles: Roles, mut stop: watch::Receiver<bool>) -> Result<()> {
    let inboxes = house.config.inboxes(&house.layout);
    ensure_separate(&inboxes, house.layout.root())?;
    ensure_role(house, roles.work).await?;
    let _doors = if roles.acquire { Some(doors_lock(house).await?) } else { None };
    let service = Service::find();
    let mut crew: JoinSet<Result<()>> = JoinSet::new();
    if roles.work {
        let house = Arc::clone(house);
        let porters = house.config.ocr.children_used() + 1;
        crew.spawn(async move { worker::work_on(&house, porters).await });
    }
    if roles.acquire {
        let mut names: Vec<String> = inboxes.iter().map(|(inbox, _)| inbox.profile.clone()).collect();
        let first = names.len();
        names.extend(house.config.uploads.door.iter().map(UploadDoor::door));
        names.extend(house.config.mailbox.iter().map(Mailbox::door));
        let board = Arc::new(Board::hang(&house.layout.doors(), &names, house.clock.now())?);
        let clerk = Clerk::new(admission(house));
        if let Some(half) = house.config.uploads.half() {
            tracing::warn!(code = half.code(), "uploads are off: {}", half.sentence(Lang::En));
        }
        if let Some(address) = house.config.uploads.address() {
            let (listener, counter) = (uploads::bind(address)?, Counter::open((house, &clerk), (&board, first), &stop)?);
            crew.spawn(counter.serve(listener));
        }
        for (n, mailbox) in house.config.mailbox.iter().enumerate() {
            let post = Post::open((house, &clerk), mailbox, (&board, first + house.config.uploads.door.len() + n))?;
            crew.spawn(post.keep(stop.clone()));
        }
        let (limits, clock, began) = (&house.config.limits, house.clock, Instant::now());
        for (n, (inbox, folder)) in inboxes.iter().cloned().enumerate() {
            let watched = Arc::new(Watched { inbox, folder, limits: limits.clone(), clock, began });
            let door = Door { house: Arc::clone(house), watched, board: Arc::clone(&board), n, stop: stop.clone(), come: None };
            crew.spawn(async move {
                door.keep().await;
                Ok(())
            });
        }
    }
    service.tell("READY=1");
    tracing::info!(doors = if roles.acquire { inboxes.len() } else { 0 }, work = roles.work, "the watch has begun");
    let ended = until_stopped(&mut crew, &mut stop, &service).await;
    house.meter.stop();
    service.tell("STOPPING=1");
    ended?;
    while let Some(joined) = crew.join_next().await {
        joined.unwrap_or_else(|e| Err(panicked(e)))?;
    }
    tracing::info!("the watch has ended");
    Ok(())
}

/// Waits for the wish to stop, giving signs of life; a door or a crew that ends before it is a fault of ours.
async fn until_stopped(crew: &mut JoinSet<Result<()>>, stop: &mut watch::Receiver<bool>, service: &Service) -> Result<()> {
    let told = stop.clone();
    let mut beat = tokio::time::interval(service.watchdog.unwrap_or(Duration::from_hours(1)));
    loop {
        tokio::select! {
            _ = stop.wait_for(|is_stopping| *is_stopping) => return Ok(()),
            _ = beat.tick(), if service.watchdog.is_some() => service.tell("WATCHDOG=1"),
            Some(joined) = crew.join_next() => {
                joined.unwrap_or_else(|e| Err(panicked(e)))?;
                // A door may have heard of the wish to stop before we did.
                return if *told.borrow() { Ok(()) } else { Err(Error::bug("a part of the daemon ended by itself")) };
            }
        }
    }
}

/// What admission works with here.
fn admission(house: &House) -> Admission {
    Admission { store: house.store.clone(), blobs: house.blobs.clone(), clock: house.clock, limits: house.config.limits.clone() }
}

fn panicked(error: tokio::task::JoinError) -> Error {
    Error::panicked(error)
}

/// Whoever works must have the archive's lock; whoever only keeps doors leaves it to others.
async fn ensure_role(house: &House, works: bool) -> Result<()> {
    let mut lock = house.lock.lock().await;
    if !works {
        *lock = None;
        return Ok(());
    }
    if lock.is_some() {
        return Ok(());
    }
    let root = house.layout.root();
    let taken = patiently(|| ArchiveLock::take(root)).await?;
    *lock = Some(taken.ok_or_else(|| held(house, "watch-porter-held"))?);
    house.store.void_leases().await?;
    house.blobs.sweep(&house.ente_id)?;
    Ok(())
}

async fn doors_lock(house: &House) -> Result<ArchiveLock> {
    let root = house.layout.root();
    patiently(|| ArchiveLock::take_doors(root)).await?.ok_or_else(|| held(house, "watch-doors-held"))
}

async fn patiently(take: impl Fn() -> Result<Option<ArchiveLock>>) -> Result<Option<ArchiveLock>> {
    let began = Instant::now();
    loop {
        match take()? {
            None if began.elapsed() < LOCK_PATIENCE => tokio::time::sleep(Duration::from_millis(100)).await,
            taken => return Ok(taken),
        }
    }
}

fn held(house: &House, code: &'static str) -> Error {
    let holder = ArchiveLock::holder(house.layout.root(), code == "watch-doors-held");
    let holder = holder.map_or_else(|| "?".to_owned(), |process| process.to_string());
    Error::new(Kind::Environment, code).with("holder", holder)
}

/// What waits in an inbox, and what a person may do about it.
fn notes(inbox: &Inbox, notice: &Notice) -> Vec<Message> {
    let sight = notice.sight;
    let since = sight.since.map_or_else(|| "-".to_owned(), |since| since.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let said = [
        (sight.open, Message::new("door-open").with("seconds", inbox.open_seconds)),
        (sight.unfinished, Message::new("door-unfinished").with("seconds", inbox.incomplete_seconds)),
        (sight.temporary, Message::new("door-temporary").with("since", &since)),
        (sight.unmarked, Message::new("door-unmarked").with("since", &since)),
        (if sight.unmarked > 0 { sight.misnamed } else { 0 }, Message::new("door-misnamed")),
        (sight.stuck, Message::new("door-stuck")),
        (sight.unwalked, Message::new("door-unwalked")),
        (notice.kept, Message::new("taken-kept").with("days", inbox.taken_days)),
        (notice.outgrown, Message::new("taken-outgrown")),
    ];
    let counted = said.into_iter().filter(|(count, _)| *count > 0).map(|(count, note)| note.with("count", count));
    notice.reason.iter().chain(&notice.stays).cloned().chain(counted).collect()
}

/// Each upload door as `doctor` shows it: where it listens, what has come of unfinished uploads, whether it is open.
pub fn upload_doors(layout: &Layout, config: &Config, lang: Lang) -> Vec<Value> {
    uploads::shown(layout, &config.uploads, (&notices(layout), lang))
}

/// Each mailbox as `doctor` shows it.
pub fn mailboxes(layout: &Layout, config: &Config, lang: Lang) -> Vec<Value> {
    mailbox::shown(&config.mailbox, (&notices(layout), lang))
}

/// What the doors say of themselves. Who holds the lock keeps them; where nobody does, what the board says is the past.
fn notices(layout: &Layout) -> Vec<board::Notice> {
    let is_watched = ArchiveLock::is_held(layout.root(), true);
    if is_watched { board::read(&layout.doors()) } else { Vec::new() }
}

/// Each inbox as `doctor` shows it: whether it can be reached, what waits there, who wakes its door, whether it is paused
/// and why. Works without a daemon, and while the store cannot be opened.
pub fn inboxes(layout: &Layout, config: &Config, lang: Lang) -> Vec<Value> {
    let notices = board::read(&layout.doors());
    // Who holds the lock keeps the doors; where nobody does, what the board says is the past.
    let is_watched = ArchiveLock::is_held(layout.root(), true);
    let one = |(inbox, folder): (Inbox, std::path::PathBuf)| {
        let waits = waiting(&inbox, &folder, (&config.limits, Clock::System));
        let notice = notices.iter().find(|notice| notice.profile == inbox.profile).filter(|_| is_watched);
        let mut object = json!({"profile": inbox.profile, "path": folder, "reachable": waits.is_ok(), "watched": is_watched});
        if let Ok((count, oldest)) = waits {
            object["waiting"] = json!({"files": count, "oldest_seconds": oldest});
        }
        if let Some(notice) = notice {
            object["door"] = json!({"state": notice.state, "code": notice.code, "since": notice.since,
                "watching": notice.watching, "why": notice.why});
            object["sight"] = json!(notice.sight);
            object["taken_kept"] = json!(notice.kept);
            object["notes"] = notes(&inbox, notice).iter().map(|note| note.text(lang)).collect();
        }
        object
    };
    config.inboxes(layout).into_iter().map(one).collect()
}
