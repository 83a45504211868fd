//! Which door, and what is asked of it? Nothing is looked at before the token is right.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ACCEPT_LANGUAGE, ALLOW, AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request};

use super::answer::{self, Answer};
use super::batch::batch;
use super::form::{KEY_BYTES_MAX, form, linger};
use super::tus::{tus, versioned};
use super::{Call, Counter, Door};
use crate::digest::Digest;
use crate::error::{Error, Kind, Result};
use crate::messages::Lang;

/// First part of every path.
const ROOT: &str = "upload";

/// Answers one request.
pub(super) async fn answer(counter: &Arc<Counter>, request: Request<Incoming>) -> Answer {
    let lang = lang(request.headers());
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let name = if parts.first() == Some(&ROOT) { parts.get(1).copied().unwrap_or("") } else { "" };
    let Some(door) = admitted(&counter.doors, name, request.headers()) else {
        let error = Error::refuse("upload-unauthorized");
        let mut answer = answer::failed(&error, lang);
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        linger(request.into_body()).await;
        return answer;
    };
    let answered = match key(request.headers()) {
        Ok(key) => {
            let call = Call { door: Arc::clone(&door), lang, key };
            asked(counter, &call, &parts[2..], request).await
        }
        Err(error) => Err(error),
    };
    let answer = said(counter, &door, answered, lang);
    if parts.get(2) == Some(&"tus") { versioned(answer) } else { answer }
}

/// Says an answer or what went wrong instead, and notes on the board how the door is.
fn said(counter: &Counter, door: &Door, answered: Result<Answer>, lang: Lang) -> Answer {
    match answered {
        Ok(answer) => {
            if answer.status().is_success() {
                counter.say(door, None);
            }
            answer
        }
        Err(error) => {
            if error.is_pressure() || error.code() == "upload-no-room" {
                counter.say(door, Some(&error));
            }
            if error.kind() == Kind::Bug {
                tracing::error!(%error, "an upload met a fault of ours");
            }
            tracing::debug!(door = door.full_name, code = error.code(), "an upload was not taken");
            refused(&error, lang)
        }
    }
}

fn refused(error: &Error, lang: Lang) -> Answer {
    let mut answer = answer::failed(error, lang);
    if error.code() == "upload-method" {
        let methods = error.message().value("methods").unwrap_or_default();
        answer.headers_mut().extend(HeaderValue::try_from(methods).ok().map(|methods| (ALLOW, methods)));
    }
    answer
}

/// Sends the request to what it asks for.
async fn asked(counter: &Arc<Counter>, call: &Call, path: &[&str], request: Request<Incoming>) -> Result<Answer> {
    match path {
        [] => match *request.method() {
            Method::POST => form(counter, call, request).await,
            _ => Err(wrong_method("POST")),
        },
        ["tus", rest @ ..] => tus(counter, call, rest, request).await,
        ["batch", rest @ ..] => batch(counter, call, rest, request).await,
        _ => Err(Error::refuse("upload-no-page")),
    }
}

/// The answer to a method that a path does not know.
pub(super) fn wrong_method(methods: &'static str) -> Error {
    Error::refuse("upload-method").with("methods", methods)
}

/// The door of that name, if the request shows its token. Every door's token is compared, whichever is asked for.
fn admitted(doors: &[Arc<Door>], name: &str, headers: &HeaderMap) -> Option<Arc<Door>> {
    let shown = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let shown = shown.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"bearer ")).and(shown.get(7..)).unwrap_or_default();
    let shown = Digest::of(shown.trim_ascii());
    let mut found = None;
    for door in doors {
        if is_same(&door.token, &shown) && door.name == name {
            found = Some(Arc::clone(door));
        }
    }
    found
}

/// Compares without saying by its time how far two digests agree.
fn is_same(a: &Digest, b: &Digest) -> bool {
    let differing = a.bytes().iter().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(differing) == 0
}

fn lang(headers: &HeaderMap) -> Lang {
    let wished = headers.get(ACCEPT_LANGUAGE).and_then(|wished| wished.to_str().ok()).unwrap_or("");
    if wished.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("en")) { Lang::En } else { Lang::It }
}

/// The sender's own key.
fn key(headers: &HeaderMap) -> Result<String> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(String::new()) };
    let key = value.to_str().ok().filter(|key| key.len() <= KEY_BYTES_MAX);
    key.map(str::to_owned).ok_or_else(|| Error::refuse("upload-header-wrong").with("header", "Idempotency-Key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_opens_to_its_own_token_only() {
        let folder = tempfile::tempdir().expect("folder");
        let door = |name: &str, token: &str| {
            let token = Digest::of(token.as_bytes());
            let ceilings = crate::acquire::partial::Ceilings { open_max: 1, bytes_max: 1, keep_hours: 1 };
            let shelf = crate::acquire::partial::Shelf::open(&folder.path().join(name), ceilings).expect("shelf");
            Arc::new(Door { name: name.to_owned(), full_name: format!("upload:{name}"), shelf: Arc::new(shelf), token, n: 0 })
        };
        let doors = [door("a", "token of a"), door("b", "token of b")];
        let opens = |name: &str, header: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(header).expect("header"));
            admitted(&doors, name, &headers).map(|door| door.name.clone())
        };
        assert_eq!(opens("a", "Bearer token of a").as_deref(), Some("a"));
        assert_eq!(opens("b", "bearer  token of b ").as_deref(), Some("b"));
        for (name, header) in
            [("a", "Bearer token of b"), ("c", "Bearer token of a"), ("a", "token of a"), ("a", "Bearer"), ("a", "")]
        {
            assert_eq!(opens(name, header), None, "{name} {header}");
        }
        assert!(admitted(&doors, "a", &HeaderMap::new()).is_none());
    }
}
