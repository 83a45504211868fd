//! Resumable uploads by tus 1.0.0: core, creation, termination, checksum and expiration. An offset that was told is on the
//! disk; a file whose last byte was taken is admitted before that is said.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use hyper::{Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::form::KEY_BYTES_MAX;
use super::route::wrong_method;
use super::{Call, Counter};
use crate::acquire::ensure_file_name;
use crate::acquire::partial::{Checksum, Declared, DeclaredFile, Held, Over, Standing, Upload};
use crate::daemon::pipe::{Pace, feed, pipe};
use crate::digest::Digest;
use crate::error::{Error, Result};

/// The version that is spoken.
const VERSION: &str = "1.0.0";

/// Answers what is asked of `/upload/NAME/tus` and of what lies below it.
pub(super) async fn tus(counter: &Arc<Counter>, call: &Call, path: &[&str], request: Request<Incoming>) -> Result<Answer> {
    let method = method(&request);
    if method != Method::OPTIONS && method != Method::GET {
        let version = text(request.headers(), "tus-resumable");
        if version.as_deref() != Some(VERSION) {
            return Err(Error::refuse("upload-version").with("version", VERSION));
        }
    }
    match (path, method) {
        (_, Method::OPTIONS) => Ok(abilities(counter)),
        ([], Method::POST) => create(counter, call, request.headers()).await,
        ([], _) => Err(wrong_method("OPTIONS, POST")),
        ([id, n], method) => {
            let upload = call.door.shelf.find(id).ok_or_else(|| Error::refuse("upload-unknown"))?;
            let n: usize = n.parse().map_err(|_| Error::refuse("upload-unknown"))?;
            let standing = upload.standing(n).ok_or_else(|| Error::refuse("upload-unknown"))?;
            match method {
                Method::HEAD => Ok(head(call, &upload, n, &standing)),
                Method::GET => Ok(answer::object(StatusCode::OK, &shown(counter, call, (&upload, n), &standing))),
                Method::PATCH => patch(counter, call, upload.hold(n)?, request).await,
                Method::DELETE => delete(call, &upload, n).await,
                _ => Err(wrong_method("OPTIONS, HEAD, GET, PATCH, DELETE")),
            }
        }
        _ => Err(Error::refuse("upload-no-page")),
    }
}

/// Every answer says which version it speaks.
pub(super) fn versioned(answer: Answer) -> Answer {
    let answer = answer::with(answer, "tus-resumable", VERSION);
    if answer.status() == StatusCode::PRECONDITION_FAILED { answer::with(answer, "tus-version", VERSION) } else { answer }
}

/// The method, or the one that stands in for it where a proxy lets no other through.
fn method(request: &Request<Incoming>) -> Method {
    let wished = text(request.headers(), "x-http-method-override").and_then(|method| method.parse().ok());
    wished.filter(|_| request.method() == Method::POST).unwrap_or_else(|| request.method().clone())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<u64> {
    let number = text(headers, name).filter(|text| text.bytes().all(|b| b.is_ascii_digit())).and_then(|text| text.parse().ok());
    number.ok_or_else(|| Error::refuse("upload-header-wrong").with("header", name))
}

fn abilities(counter: &Counter) -> Answer {
    let answer = answer::with(answer::bare(StatusCode::NO_CONTENT), "tus-version", VERSION);
    let answer = answer::with(answer, "tus-extension", "creation,termination,checksum,expiration");
    let answer = answer::with(answer, "tus-checksum-algorithm", "sha256,sha1");
    answer::with(answer, "tus-max-size", counter.file_bytes_max())
}

async fn create(counter: &Arc<Counter>, call: &Call, headers: &HeaderMap) -> Result<Answer> {
    let bytes = number(headers, "upload-length")?;
    counter.ensure_size(bytes)?;
    if headers.get_all("upload-metadata").iter().count() > 1 {
        return Err(Error::refuse("upload-header-wrong").with("header", "Upload-Metadata"));
    }
    let metadata = text(headers, "upload-metadata").unwrap_or_default();
    let said = Said::of(&metadata)?;
    let (folder, name) = ensure_file_name(&said.path, &counter.admission.limits)?;
    counter.ensure_room(bytes).await?;
    let key = if said.key.is_empty() { call.key.clone() } else { said.key };
    let file = DeclaredFile { name, folder, bytes, sha256: said.sha256 };
    let declared = Declared { at: counter.house.clock.now(), key, metadata, is_batch: false, files: vec![file] };
    let shelf = Arc::clone(&call.door.shelf);
    let id = random_id()?;
    let (upload, _) = counter.blocking(move || shelf.declare(id, declared)).await?;
    if bytes == 0 {
        counter.settle(&call.door, upload.hold(0)?).await?;
    }
    let mut answer = answer::bare(StatusCode::CREATED);
    if let Ok(url) = counter.url(call, &upload, 0).try_into() {
        answer.headers_mut().insert(LOCATION, url);
    }
    Ok(answer::with(expiring(answer, call, &upload), "upload-offset", 0))
}

/// What `Upload-Metadata` says: keys, each with a value in Base64.
struct Said {
    path: Vec<u8>,
    sha256: Option<Digest>,
    key: String,
}

impl Said {
    fn of(metadata: &str) -> Result<Self> {
        let wrong = || Error::refuse("upload-header-wrong").with("header", "Upload-Metadata");
        let mut said = Self { path: Vec::new(), sha256: None, key: String::new() };
        let (mut relative, mut keys) = (Vec::new(), BTreeSet::new());
        for pair in metadata.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = STANDARD.decode(value.trim()).map_err(|_| wrong())?;
            if !keys.insert(key) {
                return Err(wrong());
            }
            let words = || String::from_utf8(value.clone()).map_err(|_| wrong());
            match key {
                "filename" | "name" if said.path.is_empty() => said.path = value,
                // What browsers' programs send for a file that was not in a folder.
                "relativePath" if value != b"null" => relative = value,
                "sha256" => said.sha256 = Some(Digest::parse(&words()?).ok_or_else(wrong)?),
                "key" if value.len() <= KEY_BYTES_MAX => said.key = words()?,
                "key" => return Err(wrong()),
                _ => {}
            }
        }
        if !relative.is_empty() {
            said.path = relative;
        }
        if said.path.is_empty() { Err(wrong()) } else { Ok(said) }
    }
}

fn random_id() -> Result<String> {
    let mut random = [0_u8; 16];
    let filled = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty());
    filled.map_err(|e| Error::bug("no random bytes").because(std::io::Error::from(e)))?;
    Ok(format!("up-{:032x}", u128::from_ne_bytes(random)))
}

/// How far a file is: all of it, once it is over.
fn offset(upload: &Upload, n: usize, standing: &Standing) -> u64 {
    if matches!(standing.over, Some(Over::Admitted { .. })) { upload.declared.files[n].bytes } else { standing.offset }
}

fn head(call: &Call, upload: &Upload, n: usize, standing: &Standing) -> Answer {
    let answer = answer::with(answer::bare(StatusCode::OK), "upload-offset", offset(upload, n, standing));
    let answer = answer::with(answer, "upload-length", upload.declared.files[n].bytes);
    let answer = expiring(arrived(answer, standing.over.as_ref()), call, upload);
    let metadata = &upload.declared.metadata;
    if metadata.is_empty() { answer } else { answer::with(answer, "upload-metadata", metadata) }
}

fn expiring(answer: Answer, call: &Call, upload: &Upload) -> Answer {
    let expires = upload.expires_at(call.door.shelf.ceilings());
    answer::with(answer, "upload-expires", http_date(expires))
}

/// RFC 9110, 5.6.7.
fn http_date(instant: Timestamp) -> String {
    instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn arrived(answer: Answer, over: Option<&Over>) -> Answer {
    let Some(Over::Admitted { arrival, state, .. }) = over else { return answer };
    answer::with(answer::with(answer, "conserva-arrival", arrival), "conserva-state", state)
}

async fn patch(counter: &Arc<Counter>, call: &Call, held: Held, request: Request<Incoming>) -> Result<Answer> {
    let headers = request.headers();
    if text(headers, CONTENT_TYPE.as_str()).as_deref() != Some("application/offset+octet-stream") {
        return Err(Error::refuse("upload-no-offset-type"));
    }
    let (standing, bytes) = (held.standing(), held.file().bytes);
    let here = offset(held.upload(), held.n(), &standing);
    let claimed = number(headers, "upload-offset")?;
    if claimed != here {
        return Err(Error::refuse("upload-offset").with("offset", here));
    }
    let length = request.body().size_hint().exact();
    if length.is_some_and(|length| length > bytes - here) {
        return Err(Error::refuse("upload-longer").with("bytes", bytes));
    }
    if matches!(standing.over, Some(Over::Refused { .. })) {
        return Err(Error::refuse("upload-over"));
    }
    let checksum = text(headers, "upload-checksum").map(|text| checksum(&text)).transpose()?;
    let more = length.unwrap_or(bytes - here);
    if more > 0 {
        counter.ensure_room(more).await?;
        call.door.shelf.ensure_bytes()?;
    }
    let (held, offset) = append(counter, held, (request.into_body(), checksum)).await?;
    held.touch(counter.house.clock.now());
    let mut answer = expiring(answer::bare(StatusCode::NO_CONTENT), call, held.upload());
    if offset == bytes {
        let over = counter.settle(&call.door, held).await?;
        answer = arrived(answer, Some(&over));
    }
    Ok(answer::with(answer, "upload-offset", offset))
}

/// Appends a body; whatever breaks it off, what came before is kept.
async fn append(counter: &Counter, held: Held, (body, checksum): (Incoming, Option<Checksum>)) -> Result<(Held, u64)> {
    if held.standing().over.is_some() {
        let bytes = held.file().bytes;
        return Ok((held, bytes));
    }
    let (filler, mut piped) = pipe();
    let appending = tokio::task::spawn_blocking(move || {
        let appended = held.append(&mut piped, checksum.as_ref());
        (held, appended)
    });
    let pace = Pace::new(counter.config.idle_seconds, counter.config.bytes_per_second_min);
    let fed = feed(body, filler, (pace, counter.stop.clone())).await;
    let (held, appended) = appending.await.map_err(Error::panicked)?;
    // What the feeding end says of a break is the cause of what the other end says.
    fed?;
    Ok((held, appended?))
}

/// `sha256 <Base64>`.
fn checksum(text: &str) -> Result<Checksum> {
    let wrong = || Error::refuse("upload-header-wrong").with("header", "Upload-Checksum");
    let (algorithm, value) = text.split_once(' ').ok_or_else(wrong)?;
    let value = STANDARD.decode(value.trim()).map_err(|_| wrong())?;
    match (algorithm, value.len()) {
        ("sha256", 32) => Ok(Checksum::Sha256(value)),
        ("sha1", 20) => Ok(Checksum::Sha1(value)),
        _ => Err(wrong()),
    }
}

/// A file alone is forgotten; one of a batch is missing again.
async fn delete(call: &Call, upload: &Arc<Upload>, n: usize) -> Result<Answer> {
    let (shelf, upload) = (Arc::clone(&call.door.shelf), Arc::clone(upload));
    let deleting = move || if upload.declared.is_batch { upload.hold(n)?.reset(None) } else { shelf.remove(&upload) };
    tokio::task::spawn_blocking(deleting).await.map_err(Error::panicked)??;
    Ok(answer::bare(StatusCode::NO_CONTENT))
}

/// A file and where it stands, for a sender.
pub(super) fn shown(counter: &Counter, call: &Call, (upload, n): (&Upload, usize), standing: &Standing) -> Value {
    let file = &upload.declared.files[n];
    let path =
        if file.folder.bytes().is_empty() { file.name.shown() } else { format!("{}/{}", file.folder.shown(), file.name.shown()) };
    let mut value = match &standing.over {
        Some(Over::Admitted { arrival, sha256, state }) => json!({"state": state, "arrival": arrival, "sha256": sha256}),
        Some(Over::Refused { reason }) => {
            json!({"state": "refused", "error": reason.code(), "message": reason.text(call.lang)})
        }
        None => {
            let state = match standing.offset {
                0 if file.bytes > 0 || upload.declared.is_batch => "missing",
                offset if offset == file.bytes => "whole",
                _ => "partial",
            };
            json!({"state": state, "error": standing.mishap})
        }
    };
    value["name"] = path.into();
    value["bytes"] = file.bytes.into();
    value["offset"] = offset(upload, n, standing).into();
    value["url"] = counter.url(call, upload, n).into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_names_a_file_by_its_path_if_it_has_one() {
        let path = |metadata: &str| Said::of(metadata).map(|said| String::from_utf8_lossy(&said.path).into_owned()).ok();
        assert_eq!(path("filename YS50aWY=").as_deref(), Some("a.tif"));
        assert_eq!(path("relativePath bnVsbA==,filename YS50aWY=").as_deref(), Some("a.tif"));
        assert_eq!(path("filename YS50aWY=, relativePath bG90dG8vYS50aWY=, type").as_deref(), Some("lotto/a.tif"));
        for wrong in [
            "",
            "type YQ==",
            "filename",
            "filename !",
            "filename YQ==,sha256 YQ==",
            "filename YQ==,filename Yg==",
            "type,filename YQ==,type",
        ] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_checksum_is_of_a_known_kind_and_length() {
        assert!(checksum(&format!("sha1 {}", STANDARD.encode([0; 20]))).is_ok());
        for wrong in ["", "md5 YQ==", "sha256 YQ==", "sha256"] {
            assert!(checksum(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn dates_are_written_as_http_writes_them() {
        assert_eq!(http_date(Timestamp::UNIX_EPOCH), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
