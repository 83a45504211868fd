//! What is this PDF? Version, claims of PDF/A and its kin, signatures, encryption, active content, and whether its end is there.

mod frame;
mod lock;
mod sieve;
mod xmp;

use std::io::{Read, Seek};

use crate::error::Result;
use crate::limits::Limits;
use crate::messages::Message;

use super::bytes::{Bytes, find, has, rfind};
use super::formats::Seen;
use sieve::{Claims, Sieve};

/// What this PDF is; the file streams through a sieve once, in flat memory.
pub(super) fn look<S: Read + Seek>(file: &mut Bytes<'_, S>, limits: &Limits) -> Result<Seen> {
    let version = header_version(&file.head);
    let mut sieve = Sieve::default();
    sieve.pass(file, limits)?;
    let claims = &sieve.claims;
    let mut seen = Seen::of(key(claims, version.as_deref(), sieve.is_portfolio));
    seen.claims = claimed(claims);
    seen.version = version;
    seen.signed = sieve.signed;
    if sieve.embeds {
        seen.claims.push("embedded-files".to_owned());
    }
    if let Some(lock) = sieve.lock {
        seen.encrypted = true;
        if lock::opens_empty(file, lock, limits)? {
            seen.claims.push("opens-without-password".to_owned());
        }
    }
    seen.active = (!sieve.active.is_empty()).then(|| sieve.active.iter().copied().collect::<Vec<_>>().join(", "));
    let missing = missing(file, &sieve);
    if missing.is_none()
        && let Some(what) = if sieve.ends_inside { Some("%%EOF") } else { frame::broken(file)? }
    {
        seen.warnings.push(Message::new("structure-damaged").with("format", "PDF").with("what", what));
    }
    Ok(seen.missing(missing))
}

/// The version of the header line.
fn header_version(head: &[u8]) -> Option<String> {
    let at = find(&head[..head.len().min(1_100)], b"%PDF-")?;
    let digits = head.get(at + 5..at + 8)?;
    let fits = digits[0].is_ascii_digit() && digits[1] == b'.' && digits[2].is_ascii_digit();
    fits.then(|| String::from_utf8_lossy(digits).into_owned())
}

/// The row of the table: the claim that says most wins.
fn key(claims: &Claims, version: Option<&str>, is_portfolio: bool) -> String {
    if let Some(part) = &claims.part {
        let level = claims.conformance.as_deref().unwrap_or_default().to_ascii_lowercase();
        let fits =
            matches!((part.as_str(), level.as_str()), ("1", "a" | "b") | ("2" | "3", "a" | "b" | "u") | ("4", "" | "e" | "f"));
        if fits && part == "4" {
            return format!("pdfa-4{level}");
        }
        if fits {
            return format!("pdfa-{part}{level}");
        }
    }
    if let Some(exchange) = &claims.exchange {
        return format!("pdfx-{exchange}");
    }
    if claims.is_engineering {
        return "pdfe-1".to_owned();
    }
    match version {
        _ if is_portfolio => "pdf-portfolio".to_owned(),
        Some(version @ ("1.0" | "1.1" | "1.2" | "1.3" | "1.4" | "1.5" | "1.6" | "1.7" | "2.0")) => format!("pdf-{version}"),
        _ => "pdf".to_owned(),
    }
}

/// The claims as the contract writes them: *dichiarato*, never checked here.
fn claimed(claims: &Claims) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(part) = &claims.part {
        out.push(format!("pdfa-{part}{}", claims.conformance.as_deref().unwrap_or_default().to_ascii_lowercase()));
    }
    if let Some(part) = &claims.accessible {
        out.push(format!("pdfua-{part}"));
    }
    if let Some(exchange) = &claims.exchange {
        out.push(format!("pdfx-{exchange}"));
    }
    if claims.is_engineering {
        out.push("pdfe-1".to_owned());
    }
    out
}

/// A PDF ends with `%%EOF`; objects after the last one were cut off before theirs.
fn missing<S: Read + Seek>(file: &Bytes<'_, S>, sieve: &Sieve) -> Option<&'static str> {
    match (sieve.last_end, sieve.last_object) {
        (None, _) if !has(&file.tail, b"%%EOF") => Some("%%EOF"),
        (Some(end), Some(object)) if object > end && !ends_with_its_end(&file.tail) => Some("%%EOF"),
        _ => None,
    }
}

/// True if no object comes after the last `%%EOF`.
fn ends_with_its_end(tail: &[u8]) -> bool {
    rfind(tail, b"%%EOF").is_some_and(|end| find(&tail[end..], b" obj").is_none())
}
