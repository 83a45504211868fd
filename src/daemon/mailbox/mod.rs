//! How do messages come in? Each mailbox is looked into from time to time; a message is admitted whole, as it lies on the
//! server, and marked there only after that. A death in between fetches it again, as the same arrival.

mod client;
mod connect;
mod parse;
mod token;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

use super::board::{Board, Notice, State, fitting};
use super::pipe::pipe;
use crate::acquire::{self, Admission, AdmitOutcome, Clerk, Letter};
use crate::arrival::{Arrival, FileName};
use crate::blobs::StoredBlob;
use crate::drill;
use crate::error::{Error, Kind, Result};
use crate::mailbox::{After, Mailbox};
use crate::messages::Lang;
use crate::pipeline::House;
use crate::secret::{self, Secret};
use client::{Client, strange};
use parse::{Line, exists, found, internal_date, may_set, number_after, quoted};

/// Shortest time between two conversations.
const BREATH: Duration = Duration::from_secs(1);
/// Longest pause after a conversation that broke while nothing was asked.
const RETURN: Duration = Duration::from_secs(20);
/// Code of a login that failed.
const LOGIN: &str = "mailbox-login";
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
    clerk: Clerk,
    mailbox: Mailbox,
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
    pub(super) fn open(
        (house, clerk): (&Arc<House>, &Clerk),
        mailbox: &Mailbox,
        (board, n): (&Arc<Board>, usize),
    ) -> Result<Self> {
        let mut admission = super::admission(house);
        admission.limits.file_bytes_max = admission.limits.file_bytes_max.min(mailbox.message_bytes_max);
        let tls = connect::connector(&secret::placed(house.layout.root(), &mailbox.ca_file))?;
        let post = Self {
            house: Arc::clone(house),
            admission,
            clerk: clerk.clone(),
            tls,
            mailbox: mailbox.clone(),
            board: Arc::clone(board),
            n,
            passed: BTreeSet::new(),
        };
        // One that cannot be read is said at the start.
        if mailbox.token_command.is_empty() {
            post.kept_password()?;
        }
        Ok(post)
    }

    /// The password, or the access token, which whoever renews it writes anew: it is read at every login.
    async fn password(&self) -> Result<Secret> {
        if self.mailbox.token_command.is_empty() {
            self.kept_password()
        } else {
            token::printed(&self.mailbox.token_command).await
        }
    }

    fn kept_password(&self) -> Result<Secret> {
        let file = secret::placed(self.house.layout.root(), &self.mailbox.password_file);
        secret::read(&self.mailbox.password_env, &file)
    }

    /// Keeps the door until the wish to stop; a look under way is broken off, and loses nothing.
    pub(super) async fn keep(mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        let mut pause = Duration::ZERO;
        while !*stop.borrow() {
            let looked = tokio::select! {
                looked = self.look() => looked,
                _ = wished(&mut stop) => break,
            };
            let poll = Duration::from_secs(self.mailbox.poll_seconds);
            let waiting = async {
                match looked {
                    Ok(client) => {
                        pause = Duration::ZERO;
                        wait(client, poll).await;
                    }
                    // A message was passed over while it came: the next conversation goes on behind it.
                    Err(error) if error.code() == "mailbox-passed" => tokio::time::sleep(BREATH).await,
                    Err(error) => {
                        self.say(Some(&error));
                        pause = (pause * 2).clamp(BREATH, PAUSE_MAX);
                        let is_login = error.code() == "mailbox-login";
                        tokio::time::sleep(if is_login { PAUSE_MAX.min(pause * 8) } else { pause }).await;
                    }
                }
            };
            tokio::select! { () = waiting => {}, _ = wished(&mut stop) => break }
        }
        self.board.say(self.n, |notice| notice.state = State::Closed);
        Ok(())
    }

    /// One look: all that is not marked is admitted and marked. Gives the conversation back for whoever waits in it.
    async fn look(&mut self) -> Result<Client> {
        acquire::ensure_room(&self.admission).await?;
        let password = self.password().await.map_err(|error| Error::retry(LOGIN).with("code", error.code()).because(error))?;
        let mut client = connect::open(&self.mailbox, &self.tls, &password).await?;
        let selected = client.command("select", &format!("SELECT {}", quoted(&self.mailbox.folder))).await?;
        if selected.code == "READ-ONLY" {
            return Err(Error::retry("mailbox-read-only"));
        }
        let validity = number_after(&selected.lines, "UIDVALIDITY").ok_or_else(|| strange("uidvalidity"))?;
        self.ensure_markable(&selected.lines, &client)?;
        self.passed.retain(|(known, _)| *known == validity);
        client.has_news = false;
        let uids = self.unmarked(&mut client, (validity, exists(&selected.lines).unwrap_or(0))).await?;
        self.say(None);
        for uid in uids {
            self.taken(&mut client, Origin { uidvalidity: validity, uid }).await?;
        }
        Ok(client)
    }

    /// Admits and marks one message; one that is refused is passed over from now on.
    async fn taken(&mut self, client: &mut Client, origin: Origin) -> Result<()> {
        let told = self.told(client, origin.uid).await;
        let is_coming = told.is_ok();
        let admitted = match told {
            Ok(None) => Ok(()),
            Ok(Some(date)) => self.message(client, origin, date).await,
            Err(error) => Err(error),
        };
        match admitted {
            Err(error) if error.kind() == Kind::Refuse => {
                tracing::info!(door = self.mailbox.door(), code = error.code(), "a message stays in its mailbox");
                if self.passed.len() < PASSED_MAX {
                    self.passed.insert((origin.uidvalidity, origin.uid));
                }
                self.say(None);
                if is_coming { Err(Error::retry("mailbox-passed")) } else { Ok(()) }
            }
            admitted => admitted,
        }
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
        let kept = keeping.await.map_err(Error::panicked)?;
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
        let (arrival, outcome) = self.clerk.receive(letter(String::new()), stored).await?;
        if outcome != AdmitOutcome::Replay {
            return Ok((arrival, outcome));
        }
        let fact = self.house.store.fact(&self.house.ente_id, arrival.id.as_str(), MESSAGE).await?;
        let known: Option<Origin> = fact.and_then(|body| serde_json::from_str(&body).ok());
        match known {
            Some(known) if known.uidvalidity == origin.uidvalidity && known.uid != origin.uid => {
                self.clerk.receive(letter(format!("{}-{}", origin.uidvalidity, origin.uid)), stored).await
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
            notice.reason = error.and_then(|error| fitting(error.message()));
        });
    }
}

/// Waits for the next look in the conversation of the last one: the server says when something new has come, where it can
/// (RFC 2177); that only wakes the look. A conversation that breaks costs no more than the rest of the time.
async fn wait(mut client: Client, poll: Duration) {
    let began = Instant::now();
    let left = || poll.saturating_sub(began.elapsed());
    while client.can("IDLE") && !client.has_news && !left().is_zero() {
        if let Err(error) = client.idle(left()).await {
            tracing::debug!(code = error.code(), "a mailbox does not say when something comes");
            return tokio::time::sleep(left().clamp(BREATH, RETURN)).await;
        }
    }
    let has_news = client.has_news;
    let _ = tokio::time::timeout(left().max(BREATH), client.command("logout", "LOGOUT")).await;
    tokio::time::sleep(if has_news { BREATH } else { left() }).await;
}

async fn wished(stop: &mut watch::Receiver<bool>) -> bool {
    stop.wait_for(|is_stopping| *is_stopping).await.is_ok()
}

/// Each mailbox as `doctor` shows it. Works without a daemon; the server is not asked.
pub(super) fn shown(mailboxes: &[Mailbox], (notices, lang): (&[Notice], Lang)) -> Vec<Value> {
    let one = |mailbox: &Mailbox| {
        let mut object = json!({"door": mailbox.door(), "host": mailbox.host, "port": mailbox.port, "folder": mailbox.folder});
        if let Some(notice) = notices.iter().find(|notice| notice.profile == mailbox.door()) {
            object["state"] = json!(notice.state);
            object["code"] = json!(notice.code);
            object["since"] = json!(notice.since);
            object["notes"] = notice.reason.iter().map(|reason| reason.text(lang)).collect();
        }
        object
    };
    mailboxes.iter().map(one).collect()
}
