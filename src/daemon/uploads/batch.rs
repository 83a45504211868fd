//! How does a whole folder arrive, or say what is missing? A sender declares the list; each file of it is then an upload of
//! its own, and the batch tells at any time which are missing, in part here, or in.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::LOCATION;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::form::KEY_BYTES_MAX;
use super::route::wrong_method;
use super::tus::shown;
use super::{Call, Counter};
use crate::acquire::ensure_file_name;
use crate::acquire::partial::{Declared, DeclaredFile, Upload};
use crate::daemon::pipe::Pace;
use crate::digest::Digest;
use crate::error::{Error, Result};

/// Most bytes of a list: a hundred thousand files with long paths and digests.
const LIST_BYTES_MAX: usize = 64 << 20;

/// What a sender declares.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    key: String,
    files: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    bytes: u64,
    #[serde(default)]
    sha256: Option<Digest>,
}

/// Answers what is asked of `/upload/NAME/batch` and of what lies below it.
pub(super) async fn batch(counter: &Arc<Counter>, call: &Call, path: &[&str], request: Request<Incoming>) -> Result<Answer> {
    match (path, request.method()) {
        ([], &Method::POST) => declare(counter, call, request.into_body()).await,
        ([], _) => Err(wrong_method("POST")),
        ([id], method) => {
            let found = call.door.shelf.find(id).filter(|upload| upload.declared.is_batch);
            let upload = found.ok_or_else(|| Error::refuse("upload-unknown"))?;
            match *method {
                Method::GET => {
                    let is_short = request.uri().query() == Some("only=missing");
                    Ok(answer::object(StatusCode::OK, &told(counter, call, &upload, is_short)))
                }
                Method::DELETE => {
                    let shelf = Arc::clone(&call.door.shelf);
                    counter.blocking(move || shelf.remove(&upload)).await?;
                    Ok(answer::bare(StatusCode::NO_CONTENT))
                }
                _ => Err(wrong_method("GET, DELETE")),
            }
        }
        _ => Err(Error::refuse("upload-no-page")),
    }
}

/// The same list declared again is the same batch: a sender who has forgotten everything declares it and hears what is missing.
async fn declare(counter: &Arc<Counter>, call: &Call, body: Incoming) -> Result<Answer> {
    let text = whole(counter, body).await?;
    let list: List = serde_json::from_slice(&text).map_err(|e| Error::refuse("upload-list-wrong").with("what", e))?;
    let key = if list.key.is_empty() { call.key.clone() } else { list.key };
    if key.len() > KEY_BYTES_MAX {
        return Err(Error::refuse("upload-list-wrong").with("what", "key"));
    }
    let files = checked(counter, &list.files)?;
    let id = id_of(&call.door.full_name, &key, &files);
    if call.door.shelf.find(&id).is_none() {
        counter.ensure_room(files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)).await?;
    }
    let declared = Declared { at: counter.house.clock.now(), key, metadata: String::new(), is_batch: true, files };
    let shelf = Arc::clone(&call.door.shelf);
    let (upload, is_new) = counter.blocking(move || shelf.declare(id, declared)).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let mut answer = answer::object(status, &told(counter, call, &upload, false));
    if let Ok(url) = address(counter, call, &upload).try_into() {
        answer.headers_mut().insert(LOCATION, url);
    }
    Ok(answer)
}

async fn whole(counter: &Counter, mut body: Incoming) -> Result<Vec<u8>> {
    let mut pace = Pace::new(counter.config.idle_seconds, counter.config.bytes_per_second_min);
    let mut text = Vec::new();
    while let Some(frame) = pace.wait(body.frame()).await? {
        let bytes: Bytes = frame.map_err(|e| Error::retry("upload-broken").because(e))?.into_data().unwrap_or_default();
        pace.count(bytes.len())?;
        if text.len() + bytes.len() > LIST_BYTES_MAX {
            let bytes = text.len() + bytes.len();
            return Err(Error::refuse("upload-too-large").with("bytes", bytes).with("limit", LIST_BYTES_MAX));
        }
        text.extend_from_slice(&bytes);
    }
    Ok(text)
}

/// The files of a list, or the first fault in it with the name that it concerns.
fn checked(counter: &Counter, list: &[Listed]) -> Result<Vec<DeclaredFile>> {
    let limits = &counter.admission.limits;
    let most = counter.config.batch_files_max;
    if list.is_empty() {
        return Err(Error::refuse("upload-form-empty"));
    }
    if list.len() > most {
        return Err(Error::refuse("upload-too-many").with("files", list.len()).with("limit", most));
    }
    let mut seen = BTreeSet::new();
    let mut files = Vec::with_capacity(list.len());
    for listed in list {
        let (folder, name) = ensure_file_name(listed.name.as_bytes(), limits)?;
        if !seen.insert(listed.name.as_str()) {
            return Err(Error::refuse("upload-list-wrong").with("what", format_args!("{} × 2", name.shown())));
        }
        counter.ensure_size(listed.bytes)?;
        files.push(DeclaredFile { name, folder, bytes: listed.bytes, sha256: listed.sha256 });
    }
    Ok(files)
}

fn id_of(door: &str, key: &str, files: &[DeclaredFile]) -> String {
    let mut parts: Vec<Vec<u8>> = vec![door.into(), key.into()];
    for file in files {
        let digest = file.sha256.map_or_else(Vec::new, |digest| digest.bytes().to_vec());
        parts.extend([file.folder.bytes().to_vec(), file.name.bytes().to_vec(), file.bytes.to_be_bytes().to_vec(), digest]);
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Digest::id("bat", &parts)
}

fn address(counter: &Counter, call: &Call, upload: &Upload) -> String {
    format!("{}/upload/{}/batch/{}", counter.config.public_url.trim_end_matches('/'), call.door.name, upload.id)
}

/// The batch as its sender sees it: how many files are in which state, and each of them (or those that are not in).
fn told(counter: &Counter, call: &Call, upload: &Upload, is_short: bool) -> Value {
    let standings = upload.standings();
    let mut files: Vec<Value> =
        standings.iter().enumerate().map(|(n, standing)| shown(counter, call, (upload, n), standing)).collect();
    let count = |states: &[&str]| files.iter().filter(|file| states.iter().any(|state| file["state"] == *state)).count();
    let bytes = |key: &str| files.iter().filter_map(|file| file[key].as_u64()).fold(0, u64::saturating_add);
    let is_in = count(&["admitted", "replay", "duplicate"]);
    let mut object = json!({
        "batch": upload.id, "complete": is_in == files.len(),
        "missing": count(&["missing"]), "partial": count(&["partial", "whole"]), "in": is_in, "refused": count(&["refused"]),
        "bytes": bytes("bytes"), "received": bytes("offset"),
        "expires": upload.expires_at(call.door.shelf.ceilings()), "url": address(counter, call, upload),
    });
    if is_short {
        files.retain(|file| ["missing", "partial", "whole", "refused"].iter().any(|state| file["state"] == *state));
    }
    object["files"] = files.into();
    object
}
