//! What does a child do all day? Lock itself in, then answer one question after the other until its parent is gone.

use std::io::{stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Reply;
use super::reading::Reader;
use super::{frame, kernel, sandbox};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// The first question: who the child is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) lang: String,
    pub(super) engine: crate::page::Engine,
    pub(super) limits: Limits,
    pub(super) scratch: PathBuf,
    pub(super) roots: Vec<PathBuf>,
}

/// The child's main: `main.rs` calls it for the hidden subcommand `page-child`.
pub fn serve() -> ExitCode {
    match converse() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Longest question, bytes, before the greeting said otherwise.
const HELLO_BYTES_MAX: u32 = 1 << 20;

fn converse() -> std::io::Result<()> {
    let (mut questions, mut answers) = (stdin().lock(), stdout().lock());
    let Some(payload) = frame::read(&mut questions, HELLO_BYTES_MAX)? else { return Ok(()) };
    let hello = form::<Hello>(&payload);
    let hello = match hello {
        Ok(hello) => hello,
        Err(error) => return frame::write(&mut answers, &Reply::of(Err(error)).to_bytes(), HELLO_BYTES_MAX),
    };
    let bytes_max = hello.limits.frame_bytes_max;
    let seconds = hello.limits.page_seconds_max;
    let reader = Reader::new(&hello);
    // Tesseract may start later than the walls: its models lie where it is told.
    let readable: Vec<PathBuf> = hello.roots.iter().cloned().chain(crate::ocr::lstm::folder()).collect();
    sandbox::enter(&readable, &hello.scratch);
    let is_ready = reader.is_ok();
    frame::write(&mut answers, &Reply::of(reader.as_ref().map(|_| Value::Null).map_err(Error::again)).to_bytes(), bytes_max)?;
    let Ok(mut reader) = reader else { return Ok(()) };
    debug_assert!(is_ready);
    while let Some(payload) = frame::read(&mut questions, bytes_max)? {
        kernel::allow_cpu(seconds.saturating_add(10));
        let reply = work(&mut reader, &payload, seconds);
        frame::write(&mut answers, &Reply::of(reply).to_bytes(), bytes_max)?;
    }
    Ok(())
}

/// A question as it goes over the wire: which operation, and what it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked<O, T> {
    pub(super) op: O,
    pub(super) request: T,
}

/// Every operation a child knows. Another room's work on hostile bytes is one more line here: its request and its
/// answer are the room's own types, its door is called with paths that the child may read and the scratch it may write.
fn work(reader: &mut Reader, payload: &[u8], seconds: u64) -> Result<Value> {
    // The operation first, then the request in its own form: no tree of values in between.
    let asked: Asked<String, serde::de::IgnoredAny> = serde_json::from_slice(payload).map_err(|e| strange(&e))?;
    match asked.op.as_str() {
        "survey" => value(reader.survey(&form(payload)?)?),
        "read" => {
            let page: super::PageRequest = form(payload)?;
            let pixels = u64::from(page.survey.width) * u64::from(page.survey.height);
            kernel::allow_cpu(reader.limits().page_seconds(pixels).saturating_add(10));
            value(reader.read(&page)?)
        }
        "sighting" => {
            let page: super::sighting::SightingRequest = form(payload)?;
            kernel::allow_cpu(reader.limits().page_seconds(page.pixels()).saturating_add(10));
            value(reader.sighting(&page)?)
        }
        "reread" => value(reader.reread(&form(payload)?)?),
        "print" => value(reader.print(&form(payload)?)?),
        "picture" => value(reader.picture(&form(payload)?)?),
        "searchable" => {
            let order = form(payload)?;
            // A copy is of all pages of a file: its time grows with them, as the parent's patience does.
            kernel::allow_cpu(super::searchable::seconds(&order, seconds).saturating_add(10));
            value(crate::copy::searchable(&order, reader.limits())?)
        }
        "range" => {
            let order = form(payload)?;
            kernel::allow_cpu(super::range::seconds(&order, seconds).saturating_add(10));
            value(crate::copy::range(&order, reader.limits())?)
        }
        #[cfg(feature = "drill")]
        "drill" => value(super::drill::misbehave(&form(payload)?)),
        other => Err(Error::bug(format_args!("a child was asked for {other}"))),
    }
}

fn form<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T> {
    let asked: Asked<serde::de::IgnoredAny, T> = serde_json::from_slice(payload).map_err(|e| strange(&e))?;
    Ok(asked.request)
}

fn strange(error: &serde_json::Error) -> Error {
    Error::bug(format_args!("a question of no known form: {error}"))
}

fn value<T: Serialize>(answer: T) -> Result<Value> {
    serde_json::to_value(answer).map_err(|e| Error::bug(format_args!("an answer that has no form: {e}")))
}
