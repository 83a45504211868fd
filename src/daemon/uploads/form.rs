//! `POST` of a form: one or many files, each admitted as it comes. When the answer says that a file is in, it is on the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::answer::{self, Answer};
use super::multipart::{Found, Head, Multipart};
use super::{Call, Counter};
use crate::acquire::{Letter, ensure_file_name};
use crate::arrival::FileName;
use crate::daemon::pipe::Pace;
use crate::error::{Error, Result};

/// Field and header of the sender's own key.
const KEY: &str = "key";
/// Files of one form that are on their way in: while one waits for its disk, the next is read.
const IN_FLIGHT: usize = 4;
/// Longest key, bytes.
pub(super) const KEY_BYTES_MAX: usize = 256;

/// A form under reading.
struct Form<'a> {
    counter: &'a Arc<Counter>,
    call: &'a Call,
    body: Incoming,
    machine: Multipart,
    pace: Pace,
    bytes: u64,
    is_in_part: bool,
    key: String,
    /// Files that are read and not in yet, in order, with their names.
    waiting: VecDeque<(String, JoinHandle<Result<Value>>)>,
    files: Vec<Value>,
}

/// Takes a form in, file by file.
pub(super) async fn form(counter: &Arc<Counter>, call: &Call, request: Request<Incoming>) -> Result<Answer> {
    let limits = &counter.config;
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let machine = Multipart::new(kind)?;
    let length = hyper::body::Body::size_hint(request.body()).exact().unwrap_or(0);
    if length > limits.form_bytes_max {
        return Err(Error::refuse("upload-too-large").with("bytes", length).with("limit", limits.form_bytes_max));
    }
    counter.ensure_room(length).await?;
    let pace = Pace::new(limits.idle_seconds, limits.bytes_per_second_min);
    let key = call.key.clone();
    let (waiting, files) = (VecDeque::new(), Vec::new());
    let body = request.into_body();
    let mut form = Form { counter, call, body, machine, pace, bytes: 0, is_in_part: false, key, waiting, files };
    let mut stopped = form.read().await.err();
    // Whatever ended the reading: files that were whole are admitted, and it is said which.
    while !form.waiting.is_empty() {
        if let Err(error) = form.settle().await {
            stopped.get_or_insert(error);
        }
    }
    if stopped.is_some() {
        linger(form.body).await;
    }
    let files = form.files;
    match stopped {
        Some(error) if files.is_empty() => Err(error),
        Some(error) => {
            let mut object = answer::told(&error, call.lang);
            object["files"] = files.into();
            object["complete"] = false.into();
            Ok(answer::again_after(answer::object(answer::status(&error), &object), &error))
        }
        None if files.is_empty() => Err(Error::refuse("upload-form-empty")),
        None => {
            let has = |state: &str| files.iter().any(|file| file["state"] == state);
            let status = if has("refused") {
                StatusCode::UNPROCESSABLE_ENTITY
            } else if has("admitted") || has("duplicate") {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            };
            Ok(answer::object(status, &json!({"files": files, "complete": true})))
        }
    }
}

impl Form<'_> {
    /// Reads to the end of the form. An error ends it early; what was admitted before is in.
    async fn read(&mut self) -> Result<()> {
        loop {
            match self.next().await? {
                Found::Part(head) => self.part(head).await?,
                Found::End => return Ok(()),
                Found::Bytes(_) | Found::PartEnd | Found::Nothing => return Err(Error::bug("a form's machine is out of step")),
            }
        }
    }

    /// What comes next, waiting for more of the body where it is needed.
    async fn next(&mut self) -> Result<Found> {
        loop {
            let found = self.machine.next()?;
            match found {
                Found::Part(_) => self.is_in_part = true,
                Found::PartEnd => self.is_in_part = false,
                Found::Nothing => {
                    let piece = self.piece().await?;
                    self.machine.push(&piece);
                    continue;
                }
                Found::Bytes(_) | Found::End => {}
            }
            return Ok(found);
        }
    }

    async fn piece(&mut self) -> Result<Bytes> {
        let frame = self.pace.wait(self.body.frame()).await?;
        let frame = frame.ok_or_else(|| Error::retry("upload-broken"))?;
        let bytes = frame.map_err(|e| Error::retry("upload-broken").because(e))?.into_data().unwrap_or_default();
        self.bytes += bytes.len() as u64;
        if self.bytes > self.counter.config.form_bytes_max {
            return Err(Error::refuse("upload-too-large")
                .with("bytes", self.bytes)
                .with("limit", self.counter.config.form_bytes_max));
        }
        self.pace.count(bytes.len())?;
        Ok(bytes)
    }

    async fn part(&mut self, head: Head) -> Result<()> {
        let Some(path) = head.file else {
            let is_key = head.field == KEY.as_bytes();
            return self.field(is_key).await;
        };
        let limits = &self.counter.config;
        let count = self.files.len() + self.waiting.len() + 1;
        if count > limits.form_files_max {
            return Err(Error::refuse("upload-too-many").with("files", count).with("limit", limits.form_files_max));
        }
        let shown = FileName::new(&path[..]).shown();
        let admitting = match self.file(&path).await {
            Err(error) if is_of_the_file(&error) => tokio::spawn(std::future::ready(Err(error))),
            admitting => admitting?,
        };
        self.waiting.push_back((shown, admitting));
        self.skip().await?;
        while self.waiting.len() >= IN_FLIGHT {
            self.settle().await?;
        }
        Ok(())
    }

    /// Hears what became of the file that has waited longest.
    async fn settle(&mut self) -> Result<()> {
        let Some((shown, admitting)) = self.waiting.pop_front() else { return Ok(()) };
        let mut told = match admitting.await.map_err(Error::panicked)? {
            Err(error) if is_of_the_file(&error) => {
                let mut told = answer::told(&error, self.call.lang);
                told["state"] = "refused".into();
                told
            }
            told => told?,
        };
        told["name"] = shown.into();
        self.files.push(told);
        Ok(())
    }

    /// Keeps one file while it comes; it is admitted while the next one comes.
    async fn file(&mut self, path: &[u8]) -> Result<JoinHandle<Result<Value>>> {
        let (folder, name) = ensure_file_name(path, &self.counter.admission.limits)?;
        self.counter.ensure_room(0).await?;
        let letter = Letter {
            ente: self.counter.house.ente_id.clone(),
            door: self.call.door.full_name.clone(),
            name,
            folder,
            key: self.key.clone(),
            mtime_ns: 0,
            facts: Vec::new(),
        };
        let (filler, kept) = self.counter.keep(None);
        loop {
            match self.next().await? {
                Found::Bytes(bytes) => {
                    if !filler.fill(bytes).await {
                        // The disk's end has given up; it says why.
                        break;
                    }
                }
                Found::PartEnd => {
                    filler.end().await;
                    break;
                }
                Found::Part(_) | Found::End | Found::Nothing => return Err(Error::bug("a form's machine is out of step")),
            }
        }
        let counter = Arc::clone(self.counter);
        Ok(tokio::spawn(async move {
            let stored = kept.await.map_err(Error::panicked)??;
            let (arrival, outcome) = counter.receive(letter, stored).await?;
            Ok(answer::admitted(&arrival, &outcome))
        }))
    }

    /// A field that is no file: the key, or nothing of ours.
    async fn field(&mut self, is_key: bool) -> Result<()> {
        let mut value = Vec::new();
        loop {
            match self.next().await? {
                Found::Bytes(bytes) if value.len() + bytes.len() <= KEY_BYTES_MAX => value.extend_from_slice(&bytes),
                Found::Bytes(_) if is_key => return Err(Error::refuse("upload-form-wrong").with("what", KEY)),
                Found::Bytes(_) => {}
                Found::PartEnd => break,
                Found::Part(_) | Found::End | Found::Nothing => return Err(Error::bug("a form's machine is out of step")),
            }
        }
        if is_key {
            self.key = String::from_utf8(value).map_err(|_| Error::refuse("upload-form-wrong").with("what", KEY))?;
        }
        Ok(())
    }

    /// Passes over what is left of a part.
    async fn skip(&mut self) -> Result<()> {
        while self.is_in_part {
            self.next().await?;
        }
        Ok(())
    }
}

/// True where the fault is the file's own, so that the next one may go in.
fn is_of_the_file(error: &Error) -> bool {
    error.kind() == crate::error::Kind::Refuse
        && !matches!(error.code(), "upload-too-large" | "upload-too-many" | "upload-form-wrong")
}

/// Reads on for a moment what nobody wants, so that the answer is heard: a connection that is closed with bytes unread is
/// reset, and the answer may be lost with it.
pub(super) async fn linger(mut body: Incoming) {
    const TIME: std::time::Duration = std::time::Duration::from_secs(2);
    const BYTES: usize = 8 << 20;
    let _ = tokio::time::timeout(TIME, async move {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > BYTES {
                break;
            }
        }
    })
    .await;
}
