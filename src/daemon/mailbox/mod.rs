//! How do messages come in? Each mailbox is looked into from time to time; a message is admitted whole, as it lies on the
//! server, and marked there only after that. A death in between fetches it again, as the same arrival.

mod client;
mod connect;
mod parse;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

use super::board::{Board, Notice, State};
use super::pipe::pipe;
use crate::acquire::{self, Admission, AdmitOutcome, Letter};
use crate::arrival::{Arrival, FileName};
use crate::blobs::StoredBlob;
use crate::drill;
use crate::error::{Error, Kind, Result};
use crate::mailbox::{After, Mailbox};
use crate::pipeline::House;
use crate::secret::{self, Secret};
use client::{Client, strange};
use parse::{Line, exists, found, internal_date, may_set, number_after, quoted};

/// Longest pause after a failure. A server that hears the wrong password too often locks the user out.
const PAUSE_MAX: Duration = Duration::from_mins(15);
/// Messages whose numbers are asked for at a time.
const WINDOW: u64 = 1_000;
/// Most messages taken in one look; the rest waits for the next.
const MESSAGES_MAX: usize = 10_000;
/// Messages remembered as too large or refused, so that they are not fetched at every look.
const PASSED_MAX: usize = 10_000;
/// Kind of the fact that keeps which message of the server an arrival was.
const MESSAGE: &str = "mailbox-message";

/// A mailbox and all that its door needs.
pub(super) struct Post {
    house: Arc<House>,
    admission: Admission,
    mailbox: Mailbox,
    password: Secret,
    tls: TlsConnector,
    board: Arc<Board>,
    n: usize,
    /// Messages that are passed over: what a server had under which number.
    passed: BTreeSet<(u64, u32)>,
}

/// Which message of a server an arrival was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    uidvalidity: u64,
    uid: u32,
}

impl Post {
    /// The door of a mailbox; `n` is its number on the board.
    pub(super) fn open(house: &Arc<House>, mailbox: &Mailbox, (board, n): (&Arc<Board>, usize)) -> Result<Self> {
        let root = house.layout.root();
        let password = secret::read(&mailbox.password_env, &secret::placed(root, &mailbox.password_file))?;
        let mut limits = house.config.limits.clone();
        limits.file_bytes_max = limits.file_bytes_max.min(mailbox.message_bytes_max);
        let admission = Admission { store: house.store.clone(), blobs: house.blobs.clone(), clock: house.clock, limits };
        Ok(Self {
            house: Arc::clone(house),
            admission,
            tls: connect::connector(&secret::placed(root, &mailbox.ca_file))?,
            mailbox: mailbox.clone(),
            password,
            board: Arc::clone(board),
            n,
            passed: BTreeSet::new(),
        })
    }

    /// Keeps the door until the wish to stop; a look under way is broken off, and loses nothing.
    pub(super) async fn keep(mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        let mut pause = Duration::ZERO;
        while !*stop.borrow() {
            let looked = tokio::select! {
                looked = self.look() => looked,
                _ = wished(&mut stop) => break,
            };
            let rest = match looked {
                Ok(()) => {
                    pause = Duration::ZERO;
                    Duration::from_secs(self.mailbox.poll_seconds)
                }
                // A message was passed over while it came: the next conversation goes on behind it.
                Err(error) if error.code() == "mailbox-passed" => Duration::from_secs(1),
                Err(error) => {
                    self.say(Some(&error));
                    pause = (pause * 2).clamp(Duration::from_secs(1), PAUSE_MAX);
                    if error.code() == "mailbox-login" { PAUSE_MAX.min(pause * 8) } else { pause }
                }
            };
            tokio::select! { () = tokio::time::sleep(rest) => {}, _ = wished(&mut stop) => break }
        }
        self.board.say(self.n, |notice| notice.state = State::Closed);
        Ok(())
    }

    /// One look: all that is not marked is admitted and marked.
    async fn look(&mut self) -> Result<()> {
        acquire::ensure_room(&self.admission).await?;
        let mut client = connect::open(&self.mailbox, &self.tls, &self.password).await?;
        let selected = client.command("select", &format!("SELECT {}", quoted(&self.mailbox.folder))).await?;
        if selected.code == "READ-ONLY" {
            return Err(Error::retry("mailbox-read-only"));
        }
        let validity = number_after(&selected.lines, "UIDVALIDITY").ok_or_else(|| strange("uidvalidity"))?;
        self.ensure_markable(&selected.lines, &client)?;
        self.passed.retain(|(known, _)| *known == validity);
        let uids = self.unmarked(&mut client, (validity, exists(&selected.lines).unwrap_or(0))).await?;
        self.say(None);
        for uid in uids {
            let origin = Origin { uidvalidity: validity, uid };
            let told = self.told(&mut client, uid).await;
            let is_coming = told.is_ok();
            let admitted = match told {
                Ok(None) => Ok(()),
                Ok(Some(date)) => self.message(&mut client, origin, date).await,
                Err(error) => Err(error),
            };
            match admitted {
                Err(error) if error.kind() == Kind::Refuse => {
                    tracing::info!(door = self.mailbox.door(), code = error.code(), "a message stays in its mailbox");
                    if self.passed.len() < PASSED_MAX {
                        self.passed.insert((validity, uid));
                    }
                    self.say(None);
                    if is_coming {
                        return Err(Error::retry("mailbox-passed"));
                    }
                }
                admitted => admitted?,
            }
        }
        client.command("logout", "LOGOUT").await.map(drop)
    }

    /// Refuses to fetch what could not be marked afterwards: it would be fetched again for ever.
    fn ensure_markable(&self, selected: &[Line], client: &Client) -> Result<()> {
        match self.mailbox.after {
            After::Flag if !may_set(selected, &self.mailbox.keyword) => {
                Err(Error::retry("mailbox-no-keyword").with("keyword", &self.mailbox.keyword))
            }
            After::Move if !client.can("MOVE") && !client.can("UIDPLUS") => Err(Error::retry("mailbox-no-move")),
            _ => Ok(()),
        }
    }

    /// The numbers of the messages that are not marked, asked for window by window so that no answer is long.
    async fn unmarked(&self, client: &mut Client, (validity, count): (u64, u64)) -> Result<Vec<u32>> {
        let wanted = match self.mailbox.after {
            After::Flag => format!("UNDELETED UNKEYWORD {}", self.mailbox.keyword),
            After::Move => "UNDELETED".to_owned(),
        };
        let mut uids = Vec::new();
        let mut first = 1;
        while first <= count && uids.len() < MESSAGES_MAX {
            let last = (first + WINDOW - 1).min(count);
            let answer = client.command("search", &format!("UID SEARCH {first}:{last} {wanted}")).await?;
            let mut window = found(&answer.lines);
            if window.len() as u64 > WINDOW {
                return Err(strange("search"));
            }
            window.retain(|uid| !self.passed.contains(&(validity, *uid)));
            uids.append(&mut window);
            first = last + 1;
        }
        uids.truncate(MESSAGES_MAX);
        Ok(uids)
    }

    /// When a message came to its mailbox; `None` where it has gone since it was found. One that is too large is refused.
    async fn told(&self, client: &mut Client, uid: u32) -> Result<Option<i64>> {
        let known = client.command("fetch", &format!("UID FETCH {uid} (UID RFC822.SIZE INTERNALDATE)")).await?.lines;
        let limit = self.admission.limits.file_bytes_max;
        // What a server says of the size spares a fetch; what counts is what it sends.
        let bytes = number_after(&known, "RFC822.SIZE").unwrap_or(0);
        if bytes > limit {
            return Err(Error::refuse("mailbox-message-too-large").with("bytes", bytes).with("limit", limit));
        }
        match internal_date(&known) {
            // Without it nobody could tell the message again after a death.
            None if known.iter().any(parse::is_fetch) => Err(strange("internaldate")),
            date => Ok(date),
        }
    }

    /// Admits one message and marks it.
    async fn message(&self, client: &mut Client, origin: Origin, date: i64) -> Result<()> {
        acquire::ensure_room(&self.admission).await?;
        let Some(stored) = self.fetched(client, origin.uid).await? else { return Ok(()) };
        drill::point("mailbox.fetched");
        let (arrival, outcome) = self.received(origin, date, stored).await?;
        if outcome == AdmitOutcome::New {
            self.house.meter.expect_documents(1);
        }
        tracing::debug!(door = arrival.door, arrival = arrival.id.as_str(), "admitted");
        drill::point("mailbox.before-mark");
        self.mark(client, origin.uid).await?;
        drill::point("mailbox.marked");
        Ok(())
    }

    async fn fetched(&self, client: &mut Client, uid: u32) -> Result<Option<StoredBlob>> {
        let (filler, piped) = pipe();
        let (admission, ente) = (self.admission.clone(), self.house.ente_id.clone());
        let keeping = tokio::spawn(async move { acquire::keep(&admission, &ente, Box::new(piped), None).await });
        let fetched = client.message(uid, self.admission.limits.file_bytes_max, filler).await;
        let kept = keeping.await.map_err(Error::bug)?;
        match fetched {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => kept.and_then(|kept| if kept.bytes == bytes { Ok(Some(kept)) } else { Err(strange("fetch")) }),
            // The disk gave up first, and knows why.
            Err(error) if error.code() == "mailbox-unkept" => Err(kept.err().unwrap_or(error)),
            Err(error) => Err(error),
        }
    }

    /// Admits what was fetched. A message is told by its bytes and by the instant at which it came to the mailbox, so that it
    /// is the same one even where the server has numbered all anew; another number beside it is another message.
    async fn received(&self, origin: Origin, date: i64, stored: StoredBlob) -> Result<(Arrival, AdmitOutcome)> {
        let at = Timestamp::from_second(date).unwrap_or(Timestamp::UNIX_EPOCH);
        let name = format!("{}-{}.eml", at.strftime("%Y%m%dT%H%M%SZ"), &stored.sha256.hex()[..12]);
        let letter = |key: String| Letter {
            ente: self.house.ente_id.clone(),
            door: self.mailbox.door(),
            name: FileName::new(name.as_str()),
            folder: FileName::new(""),
            key,
            mtime_ns: date.saturating_mul(1_000_000_000),
            facts: serde_json::to_string(&origin).map(|body| (MESSAGE, body)).into_iter().collect(),
        };
        let (arrival, outcome) = acquire::receive(&self.admission, letter(String::new()), stored).await?;
        if outcome != AdmitOutcome::Replay {
            return Ok((arrival, outcome));
        }
        let fact = self.house.store.fact(&self.house.ente_id, arrival.id.as_str(), MESSAGE).await?;
        let known: Option<Origin> = fact.and_then(|body| serde_json::from_str(&body).ok());
        match known {
            Some(known) if known.uidvalidity == origin.uidvalidity && known.uid != origin.uid => {
                acquire::receive(&self.admission, letter(format!("{}-{}", origin.uidvalidity, origin.uid)), stored).await
            }
            _ => Ok((arrival, outcome)),
        }
    }

    /// Marks a message that is in. Run twice it does the same.
    async fn mark(&self, client: &mut Client, uid: u32) -> Result<()> {
        if self.mailbox.after == After::Flag {
            let flags = format!("UID STORE {uid} +FLAGS.SILENT (\\Seen {})", self.mailbox.keyword);
            return client.command("store", &flags).await.map(drop);
        }
        let folder = quoted(&self.mailbox.move_to);
        match self.moved(client, uid, &folder).await {
            Err(error) if error.message().value("code") == Some("TRYCREATE") => {
                client.command("create", &format!("CREATE {folder}")).await?;
                self.moved(client, uid, &folder).await
            }
            moved => moved,
        }
    }

    async fn moved(&self, client: &mut Client, uid: u32, folder: &str) -> Result<()> {
        if client.can("MOVE") {
            return client.command("move", &format!("UID MOVE {uid} {folder}")).await.map(drop);
        }
        // A death between the two leaves a copy in each folder: fetched again it is the same arrival, and moved again.
        client.command("copy", &format!("UID COPY {uid} {folder}")).await?;
        client.command("store", &format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await?;
        client.command("expunge", &format!("UID EXPUNGE {uid}")).await.map(drop)
    }

    /// The door's state on the board, and in the log when it changes.
    fn say(&self, error: Option<&Error>) {
        let state = match error.map(Error::code) {
            None => State::Working,
            Some("mailbox-unreachable" | "mailbox-silent" | "mailbox-lost" | "mailbox-tls") => State::Unreachable,
            Some(_) => State::Paused,
        };
        let passed = (!self.passed.is_empty()).then(|| "mailbox-message-too-large".to_owned());
        let (now, code) = (self.house.clock.now(), error.map_or(passed, |error| Some(error.code().to_owned())));
        self.board.say(self.n, |notice| {
            if notice.state != state || notice.code != code {
                if let Some(error) = error {
                    tracing::warn!(door = self.mailbox.door(), code = error.code(), "the mailbox is not looked into");
                } else {
                    tracing::info!(door = self.mailbox.door(), "the mailbox is looked into");
                }
                (notice.state, notice.code, notice.since) = (state, code, now);
            }
        });
    }
}

async fn wished(stop: &mut watch::Receiver<bool>) -> bool {
    stop.wait_for(|is_stopping| *is_stopping).await.is_ok()
}

/// Each mailbox as `doctor` shows it. Works without a daemon; the server is not asked.
pub(super) fn shown(mailboxes: &[Mailbox], notices: &[Notice]) -> Vec<Value> {
    let one = |mailbox: &Mailbox| {
        let mut object = json!({"door": mailbox.door(), "host": mailbox.host, "port": mailbox.port, "folder": mailbox.folder});
        if let Some(notice) = notices.iter().find(|notice| notice.profile == mailbox.door()) {
            object["state"] = json!(notice.state);
            object["code"] = json!(notice.code);
            object["since"] = json!(notice.since);
        }
        object
    };
    mailboxes.iter().map(one).collect()
}
