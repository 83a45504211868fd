//! How do files come in over HTTP? One listener, a door for each sender; forms, resumable uploads (tus) and batches of them.
//!
//! TLS, public names and whoever counts requests belong to the reverse proxy in front; this end listens on loopback.

mod answer;
mod batch;
mod connection;
mod form;
mod multipart;
mod route;
mod settle;
mod tus;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::board::{Board, Notice, State, fitting};
use super::pipe::{Filler, pipe};
use crate::acquire::partial::{Ceilings, Shelf, Upload};
use crate::acquire::{self, Admission, AdmitOutcome, Clerk, Letter};
use crate::arrival::Arrival;
use crate::blobs::StoredBlob;
use crate::config::Layout;
use crate::digest::Digest;
use crate::error::{Error, Kind, Result};
use crate::messages::Lang;
use crate::pipeline::House;
use crate::secret;
use crate::upload::{UploadDoor, Uploads};

/// Shortest token, bytes: 16 characters drawn at random are beyond trying.
const TOKEN_BYTES_MIN: usize = 16;
/// Bytes that must stay free on the archive's disk after an upload: the store writes too.
const SPARE_BYTES: u64 = 16 << 20;
/// How long a request under way may go on after the wish to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long the listener rests after an accept that failed (no descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The counter at which senders are served, and all that it needs.
pub(super) struct Counter {
    house: Arc<House>,
    config: Uploads,
    admission: Admission,
    clerk: Clerk,
    doors: Vec<Arc<Door>>,
    board: Arc<Board>,
    stop: watch::Receiver<bool>,
}

/// One sender's door.
struct Door {
    name: String,
    /// As it stands in arrivals.
    full_name: String,
    shelf: Arc<Shelf>,
    /// The digest of its token; the token itself is not kept.
    token: Digest,
    /// Its number on the board.
    n: usize,
}

/// One request of a sender who has shown the right token.
struct Call {
    door: Arc<Door>,
    lang: Lang,
    /// The sender's own key (`Idempotency-Key`).
    key: String,
}

impl Counter {
    /// The counter of a house whose configuration opens one; `first` is the number of its first door on the board.
    pub(super) fn open(
        (house, clerk): (&Arc<House>, &Clerk),
        (board, first): (&Arc<Board>, usize),
        stop: &watch::Receiver<bool>,
    ) -> Result<Self> {
        let config = house.config.uploads.clone();
        let mut doors = Vec::new();
        for (n, door) in config.door.iter().enumerate() {
            let token = secret::read(&door.token_env, &secret::placed(house.layout.root(), &door.token_file))?;
            if token.expose().len() < TOKEN_BYTES_MIN {
                let error = Error::new(Kind::Environment, "upload-token-short").with("door", &door.name);
                return Err(error.with("limit", TOKEN_BYTES_MIN));
            }
            let token = Digest::of(token.expose().as_bytes());
            let ceilings =
                Ceilings { open_max: config.open_max, bytes_max: config.partial_bytes_max, keep_hours: config.keep_hours };
            let shelf = Arc::new(Shelf::open(&house.layout.uploads().join(&door.name), ceilings)?);
            doors.push(Arc::new(Door { name: door.name.clone(), full_name: door.door(), shelf, token, n: first + n }));
        }
        let (admission, clerk) = (super::admission(house), clerk.clone());
        Ok(Self { house: Arc::clone(house), config, admission, clerk, doors, board: Arc::clone(board), stop: stop.clone() })
    }

    /// Serves until the wish to stop; then whoever is being served has a moment to end.
    pub(super) async fn serve(self, listener: TcpListener) -> Result<()> {
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::bug)?;
        let seats = Arc::new(Semaphore::new(self.config.connections_max));
        let mut stop = self.stop.clone();
        let counter = Arc::new(self);
        let mut served = JoinSet::new();
        for door in &counter.doors {
            counter.say(door, None);
        }
        let round = tokio::spawn(Arc::clone(&counter).go_round());
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = served.join_next() => continue,
                _ = stop.wait_for(|is_stopping| *is_stopping) => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    served.spawn(connection::serve(Arc::clone(&counter), stream, Arc::clone(&seats).try_acquire_owned().ok()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        round.abort();
        let all = async { while served.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::info!("uploads under way are cut off; what was acknowledged of them is kept");
            served.shutdown().await;
        }
        for door in &counter.doors {
            counter.board.say(door.n, |notice| notice.state = State::Closed);
        }
        Ok(())
    }

    /// Refuses while too much waits or `bytes` more do not fit on the disk.
    async fn ensure_room(&self, bytes: u64) -> Result<()> {
        acquire::ensure_room(&self.admission).await?;
        let root = self.house.layout.root();
        let disk = rustix::fs::statvfs(root).map_err(|e| Error::disk("look at disk", root, e.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free >= bytes.saturating_add(SPARE_BYTES) {
            return Ok(());
        }
        Err(Error::retry("upload-no-room").with("bytes", bytes))
    }

    /// Largest file that a resumable upload may bring: one that is larger than a door keeps of unfinished files never ends.
    fn file_bytes_max(&self) -> u64 {
        self.admission.limits.file_bytes_max.min(self.config.partial_bytes_max)
    }

    /// Refuses a declared size that no patience makes admissible.
    fn ensure_size(&self, bytes: u64) -> Result<()> {
        let limit = self.file_bytes_max();
        if bytes <= limit { Ok(()) } else { Err(Error::refuse("upload-too-large").with("bytes", bytes).with("limit", limit)) }
    }

    /// The address of a file of an upload.
    fn url(&self, call: &Call, upload: &Upload, n: usize) -> String {
        format!("{}/upload/{}/tus/{}/{n}", self.config.public_url.trim_end_matches('/'), call.door.name, upload.id)
    }

    /// Work on the disk, off the threads that serve.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        tokio::task::spawn_blocking(work).await.map_err(Error::panicked)?
    }

    /// Begins to keep a file: what is filled in becomes a blob.
    fn keep(&self, expected: Option<Digest>) -> (Filler, JoinHandle<Result<StoredBlob>>) {
        let (filler, piped) = pipe();
        let (admission, ente) = (self.admission.clone(), self.house.ente_id.clone());
        (filler, tokio::spawn(async move { acquire::keep(&admission, &ente, Box::new(piped), expected).await }))
    }

    /// Admits what is kept, to the end even if the sender goes away meanwhile.
    async fn receive(&self, letter: Letter, stored: StoredBlob) -> Result<(Arrival, AdmitOutcome)> {
        let (clerk, house) = (self.clerk.clone(), Arc::clone(&self.house));
        let admitting = tokio::spawn(async move {
            let (arrival, outcome) = clerk.receive(letter, stored).await?;
            if outcome == AdmitOutcome::New {
                house.meter.expect_documents(1);
            }
            tracing::debug!(door = arrival.door, arrival = arrival.id.as_str(), "admitted");
            Ok((arrival, outcome))
        });
        admitting.await.map_err(Error::panicked)?
    }

    /// The door's state on the board: at work, or why not.
    fn say(&self, door: &Door, error: Option<&Error>) {
        let (now, code) = (self.house.clock.now(), error.map(|error| error.code().to_owned()));
        let state = if code.is_some() { State::Paused } else { State::Working };
        self.board.say(door.n, |notice| {
            if notice.state != state || notice.code != code {
                if let Some(code) = &code {
                    tracing::warn!(door = door.full_name, code, "the door sends senders away");
                }
                (notice.state, notice.code, notice.since) = (state, code, now);
            }
            notice.reason = error.and_then(|error| fitting(error.message()));
        });
    }
}

/// Each upload door as `doctor` shows it. Works without a daemon.
pub(super) fn shown(layout: &Layout, config: &Uploads, (notices, lang): (&[Notice], Lang)) -> Vec<Value> {
    let one = |door: &UploadDoor| {
        let load = Shelf::look(&layout.uploads().join(&door.name)).ok();
        let mut object = json!({"door": door.door(), "listen": config.listen, "unfinished": load});
        if let Some(notice) = notices.iter().find(|notice| notice.profile == door.door()) {
            object["state"] = json!(notice.state);
            object["code"] = json!(notice.code);
            object["since"] = json!(notice.since);
            object["notes"] = notice.reason.iter().map(|reason| reason.text(lang)).collect();
        }
        object
    };
    let mut all: Vec<Value> = config.door.iter().map(one).collect();
    if let Some(half) = config.half() {
        let note = half.text(lang);
        match all.first_mut() {
            Some(first) => first["notes"] = json!([note]),
            None => all.push(json!({"door": null, "listen": config.listen, "notes": [note]})),
        }
    }
    all
}

/// Takes the address, before the house says that it is ready.
pub(super) fn bind(address: SocketAddr) -> Result<TcpListener> {
    let failed = |e: std::io::Error| Error::new(Kind::Environment, "upload-address").with("address", address).with("cause", e);
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "uploads are taken without TLS from other machines: a reverse proxy should stand in front");
    }
    Ok(listener)
}
