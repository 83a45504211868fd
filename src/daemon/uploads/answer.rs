//! What does a sender hear? One JSON object for every answer; the status says whether to come again, and when.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::acquire::AdmitOutcome;
use crate::arrival::Arrival;
use crate::error::{Error, Kind};
use crate::messages::Lang;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// Seconds after which a sender may come again where nothing can be admitted now.
const RETRY_SECONDS: u64 = 30;
/// The same, where another connection sends to the same upload.
const BUSY_SECONDS: u64 = 5;

/// An answer without a body.
pub(super) fn bare(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// An answer of JSON.
pub(super) fn object(status: StatusCode, value: &Value) -> Answer {
    let mut answer = bare(status);
    *answer.body_mut() = Full::new(Bytes::from(value.to_string()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Adds a header; a value that cannot stand in one is left out.
pub(super) fn with(mut answer: Answer, name: &'static str, value: impl std::fmt::Display) -> Answer {
    if let Ok(value) = HeaderValue::try_from(value.to_string()) {
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
    answer
}

/// The answer to what did not go in.
pub(super) fn failed(error: &Error, lang: Lang) -> Answer {
    again_after(object(status(error), &told(error, lang)), error)
}

/// Says when to come again, where that helps.
pub(super) fn again_after(mut answer: Answer, error: &Error) -> Answer {
    let seconds = match answer.status() {
        StatusCode::LOCKED => BUSY_SECONDS,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => RETRY_SECONDS,
        _ => return answer,
    };
    tracing::debug!(code = error.code(), "a sender is told to come again");
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

/// Code and sentence. What concerns this machine alone (a disk, the store) is said in the log, not to a sender.
pub(super) fn told(error: &Error, lang: Lang) -> Value {
    let is_ours = error.is_pressure() && error.code() != "queue-full" || error.kind() == Kind::Bug;
    let unavailable = Error::retry("upload-unavailable");
    let message = if is_ours { unavailable.message() } else { error.message() };
    json!({"error": error.code(), "message": message.text(lang)})
}

/// Which status an error has.
pub(super) fn status(error: &Error) -> StatusCode {
    match error.code() {
        "queue-full" | "store-busy" | "upload-stopping" => StatusCode::SERVICE_UNAVAILABLE,
        "upload-no-room" | "upload-partial-full" => StatusCode::INSUFFICIENT_STORAGE,
        "disk-failed" if error.kind() == Kind::Retry => StatusCode::INSUFFICIENT_STORAGE,
        "upload-too-large" | "upload-too-many" | "upload-longer" | "file-too-large" => StatusCode::PAYLOAD_TOO_LARGE,
        "upload-slow" => StatusCode::REQUEST_TIMEOUT,
        "upload-no-form" | "upload-no-offset-type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "upload-broken" | "upload-form-wrong" | "upload-form-empty" | "upload-header-wrong" | "upload-list-wrong" => {
            StatusCode::BAD_REQUEST
        }
        "upload-unknown" | "upload-no-page" => StatusCode::NOT_FOUND,
        "upload-method" => StatusCode::METHOD_NOT_ALLOWED,
        "upload-version" => StatusCode::PRECONDITION_FAILED,
        "upload-busy" => StatusCode::LOCKED,
        "upload-offset" | "upload-over" => StatusCode::CONFLICT,
        // The number that tus gives it; no other protocol has one.
        "upload-checksum" | "upload-other-file" => StatusCode::from_u16(460).unwrap_or(StatusCode::CONFLICT),
        "upload-open-full" => StatusCode::TOO_MANY_REQUESTS,
        "upload-unauthorized" => StatusCode::UNAUTHORIZED,
        _ => match error.kind() {
            Kind::Refuse | Kind::Hold | Kind::Usage => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Retry | Kind::Store | Kind::Environment | Kind::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

/// What became of a file that is in.
pub(super) fn admitted(arrival: &Arrival, outcome: &AdmitOutcome) -> Value {
    let mut value = json!({"state": state(outcome), "arrival": arrival.id, "sha256": arrival.sha256, "bytes": arrival.bytes});
    if let AdmitOutcome::Duplicate { of } = outcome {
        value["duplicate_of"] = json!(of);
    }
    value
}

/// How a file is in, in one word.
pub(super) fn state(outcome: &AdmitOutcome) -> &'static str {
    match outcome {
        AdmitOutcome::New => "admitted",
        AdmitOutcome::Replay => "replay",
        AdmitOutcome::Duplicate { .. } => "duplicate",
    }
}
