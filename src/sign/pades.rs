//! Do the signatures of a PDF hold, what does each cover, and what came after? (ISO 32000-2, 12.8; ETSI EN 319 142-1.)
//!
//! The dictionaries are looked for in the bytes of the file, those of every revision; a signature counts only if the gap in its
//! range is exactly its own `Contents`, which shuts out the known ways to move, widen or empty the range.

use std::io::Result;
use std::sync::Arc;

use jiff::Timestamp;
use openssl::x509::X509Crl;

use super::algorithm::DigestAlgorithm;
use super::cades::{self, Case, hashed};
use super::certificate::read_into;
use super::cms;
use super::fact::{Form, Signature, Stamp, Sub, Topic};
use super::judge::{Evidence, World};
use super::pdf_change::{self, Change};
use super::pdf_object::{Reader, Value};
use super::stamp;
use super::stretch::Stretch;
use crate::finding::Severity;

/// Most signatures of one file.
const SIGNATURES_MAX: usize = 200;
/// Longest dictionary of a signature, bytes, its contents with it.
const DICTIONARY_MAX: usize = 32 << 20;
/// How far before its range the begin of a dictionary is looked for beyond its contents.
const BEFORE_MAX: u64 = 256 << 10;

/// A signature as it stands in the file.
struct Found {
    dictionary: Value,
    /// Of the object, as the file names it.
    name: String,
    at: u64,
}

/// The judgement on every signature of a PDF.
pub(super) fn judge(file: &Stretch, world: &World<'_>) -> Result<Vec<Signature>> {
    let mut found = find(file)?;
    found.sort_by_key(|one| range(&one.dictionary).map_or(one.at, |range| range[2].saturating_add(range[3])));
    let bytes = if file.length() <= world.limits.pdf_bytes_max && !found.is_empty() {
        file.whole(world.limits.pdf_bytes_max)?
    } else {
        Vec::new()
    };
    let mut evidence = dss(&bytes);
    let ends: Vec<u64> =
        found.iter().filter_map(|one| range(&one.dictionary)).map(|range| range[2].saturating_add(range[3])).collect();
    let mut signatures = Vec::new();
    // A time stamp on the document proves the signatures before it: the last is judged first.
    for one in found.iter().rev() {
        let mut signature = judged(one, file, &mut evidence, world)?;
        if let Some(range) = range(&one.dictionary).filter(|_| signature.is_intact()) {
            let end = range[2].saturating_add(range[3]);
            after(&mut signature, (&bytes, end), file.length(), ends.iter().any(|other| *other > end));
        }
        signatures.push(signature.conclude());
    }
    signatures.reverse();
    Ok(signatures)
}

/// Every dictionary with a `ByteRange` that an object begins with.
fn find(file: &Stretch) -> Result<Vec<Found>> {
    const CHUNK: usize = 1 << 20;
    const KEY: &[u8] = b"/ByteRange";
    let (mut found, mut at): (Vec<Found>, u64) = (Vec::new(), 0);
    while at < file.length() {
        let chunk = file.peek(at, CHUNK + KEY.len() - 1)?;
        for place in memchr::memmem::find_iter(&chunk, KEY) {
            let place = at + place as u64;
            if found.len() < SIGNATURES_MAX
                && let Some(one) = around(file, place)?
                && found.iter().all(|known| known.at != one.at)
            {
                found.push(one);
            }
        }
        at += CHUNK as u64;
    }
    Ok(found)
}

/// The object around that place, if it is the dictionary of a signature.
fn around(file: &Stretch, place: u64) -> Result<Option<Found>> {
    for reach in [4 << 10, BEFORE_MAX, DICTIONARY_MAX as u64] {
        let from = place.saturating_sub(reach);
        let before = file.peek(from, (place - from) as usize)?;
        let Some(begin) = memchr::memmem::rfind(&before, b" obj") else { continue };
        let head: Vec<&[u8]> = before[..begin].rsplit(u8::is_ascii_whitespace).take(2).collect();
        let name = head.iter().rev().map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join(" ");
        let start = from + begin as u64 + 4;
        for most in [64 << 10, 1 << 20, DICTIONARY_MAX] {
            let bytes = file.peek(start, most)?;
            let Some(dictionary) = Reader::new(&bytes, start).value(0) else { continue };
            let is_signature = matches!(dictionary.name("Type"), Some("Sig" | "DocTimeStamp") | None)
                && dictionary.name("Filter").is_some()
                && matches!(dictionary.get("ByteRange"), Some(Value::List(_)));
            return Ok(is_signature.then_some(Found { dictionary, name, at: start }));
        }
        break;
    }
    Ok(None)
}

/// The four numbers of the range, if they are four and none is below zero.
fn range(dictionary: &Value) -> Option<[u64; 4]> {
    let Some(Value::List(values)) = dictionary.get("ByteRange") else { return None };
    let numbers: Vec<u64> = values
        .iter()
        .filter_map(|value| if let Value::Number(number) = value { u64::try_from(*number).ok() } else { None })
        .collect();
    if numbers.len() == values.len() { numbers.try_into().ok() } else { None }
}

/// The two parts that are signed, if the range is all of the file up to some place but the contents.
fn parts(dictionary: &Value, length: u64) -> Option<[(u64, u64); 2]> {
    let [from, first, second, rest] = range(dictionary)?;
    let Some(Value::Text(_, gap)) = dictionary.get("Contents") else { return None };
    let end = second.checked_add(rest)?;
    (from == 0 && *gap == (first, second) && end <= length).then_some([(from, first), (second, rest)])
}

fn judged(one: &Found, file: &Stretch, evidence: &mut Evidence, world: &World<'_>) -> Result<Signature> {
    let place = format!("{} obj", one.name);
    let kind = one.dictionary.name("SubFilter").unwrap_or_default();
    let is_stamp = kind == "ETSI.RFC3161";
    let form = if is_stamp { Form::Timestamp } else { Form::Pades };
    let mut signature = Signature::new(form, &place);
    let Some(content) = parts(&one.dictionary, file.length()).and_then(|parts| file.parts(&parts)) else {
        signature.fault(Topic::Integrity, Sub::FormatFailure, "sign-byte-range", "");
        return Ok(signature);
    };
    let Some(Value::Text(bytes, _)) = one.dictionary.get("Contents") else { return Ok(signature) };
    if is_stamp {
        let imprint = |algorithm: DigestAlgorithm| Ok(hashed(&content, &[algorithm])?.remove(algorithm.name));
        let judged = stamp::judge(whole(bytes), &place, &imprint, evidence, world)?;
        if let Some(time) = judged.claimed {
            let is_good = !judged.concerns.iter().any(|concern| concern.severity == Severity::Error);
            evidence.stamps.push(Stamp { time, authority: judged.signer.clone(), is_good });
        }
        return Ok(judged);
    }
    if !matches!(kind, "adbe.pkcs7.detached" | "ETSI.CAdES.detached" | "adbe.pkcs7.sha1") {
        signature.fault(Topic::Form, Sub::FormatFailure, "sign-pdf-kind", kind);
        return Ok(signature);
    }
    let source = Stretch::memory(whole(bytes).to_vec());
    let Ok(mut data) = cms::signed_data(&source) else {
        signature.fault(Topic::Form, Sub::FormatFailure, "sign-malformed", "");
        return Ok(signature);
    };
    let mut is_right = true;
    if kind == "adbe.pkcs7.sha1" {
        let sha1 = super::algorithm::digest("1.3.14.3.2.26");
        let counted =
            sha1.map(|sha1| Ok::<_, std::io::Error>(hashed(&content, &[sha1])?.remove(sha1.name))).transpose()?.flatten();
        is_right = data.content.as_ref().map(|inner| inner.whole(1_000)).transpose()? == counted;
    } else {
        // Whatever lies in the SignedData, the pages are what must be signed.
        data.content = None;
    }
    let case = Case { data, detached: Some(content), form, place: &place, evidence };
    let mut judged = cades::judge(&case, world)?;
    if judged.len() != 1 {
        signature.fault(Topic::Form, Sub::FormatFailure, "sign-malformed", "");
        return Ok(signature);
    }
    let mut judged = judged.remove(0);
    if !is_right {
        judged.fault(Topic::Integrity, Sub::HashFailure, "sign-digest", "");
    }
    judged.claimed = judged.claimed.or_else(|| date(&one.dictionary));
    Ok(judged)
}

/// The contents without the zeros that fill their place.
fn whole(bytes: &[u8]) -> &[u8] {
    super::der::first(bytes).map_or(bytes, |item| item.whole)
}

/// `D:YYYYMMDDHHmmSSOHH'mm'` (ISO 32000-2, 7.9.4).
fn date(dictionary: &Value) -> Option<Timestamp> {
    let Some(Value::Text(bytes, _)) = dictionary.get("M") else { return None };
    let text = std::str::from_utf8(bytes).ok()?.strip_prefix("D:")?;
    let digits = text.get(..14).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let zone: String = text.get(14..)?.chars().filter(|c| *c != '\'').collect();
    let zone = if zone.is_empty() || zone.starts_with('Z') { "+0000".to_owned() } else { zone };
    let text = format!("{digits}{zone}");
    jiff::fmt::strtime::parse("%Y%m%d%H%M%S%z", &text).ok()?.to_timestamp().ok()
}

/// What came after the signature was made.
fn after(signature: &mut Signature, (bytes, end): (&[u8], u64), length: u64, is_signed_again: bool) {
    let end = usize::try_from(end).unwrap_or(usize::MAX);
    let Some(rest) = bytes.get(end..) else {
        if (end as u64) < length {
            signature.remark(Topic::Coverage, Severity::Warning, "sign-pdf-not-compared", "");
        }
        return;
    };
    if rest.iter().all(u8::is_ascii_whitespace) {
        return;
    }
    match pdf_change::between(&bytes[..end], bytes) {
        Change::Nothing => signature.remark(Topic::Coverage, Severity::Note, "sign-pdf-added", ""),
        Change::Annotations => signature.remark(Topic::Coverage, Severity::Warning, "sign-pdf-annotations", ""),
        Change::Pages if is_signed_again => signature.remark(Topic::Coverage, Severity::Warning, "sign-pdf-pages", ""),
        Change::Pages => signature.fault(Topic::Integrity, Sub::FormatFailure, "sign-pdf-pages", ""),
        Change::Unknown => signature.remark(Topic::Coverage, Severity::Warning, "sign-pdf-not-compared", ""),
    }
}

/// Certificates and revocations that a PDF keeps for later checks (EN 319 142-1, 5.4.2).
fn dss(bytes: &[u8]) -> Evidence {
    let mut evidence = Evidence::default();
    if memchr::memmem::find(bytes, b"/DSS").is_none() {
        return evidence;
    }
    for (kind, bytes) in pdf_change::kept_for_checks(bytes) {
        match kind {
            "Certs" => read_into(&mut evidence.certificates, &bytes),
            "CRLs" => evidence.crls.extend(X509Crl::from_der(&bytes).map(Arc::new)),
            _ => evidence.ocsps.push(bytes),
        }
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_must_be_the_contents_and_nothing_else() {
        let at = |range: &str| {
            let text = format!("<< /Filter /X /Contents <3000> /ByteRange [{range}] >>");
            parts(&Reader::new(text.as_bytes(), 0).value(0).unwrap(), 1_000)
        };
        assert_eq!(at("0 24 30 100"), Some([(0, 24), (30, 100)]));
        for hostile in [
            "0 23 30 100",
            "0 24 31 100",
            "1 23 30 100",
            "0 24 30 971",
            "0 24 30",
            "0 24 30 100 0 1",
            "0 -24 30 100",
            "0 24 30 18446744073709551615",
        ] {
            assert_eq!(at(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn the_date_of_a_signature_is_an_instant() {
        let at =
            |text: &str| date(&Reader::new(format!("<</M ({text})>>").as_bytes(), 0).value(0).unwrap()).map(|t| t.to_string());
        assert_eq!(at("D:20240131120000+01'00'").as_deref(), Some("2024-01-31T11:00:00Z"));
        assert_eq!(at("D:20240131120000Z").as_deref(), Some("2024-01-31T12:00:00Z"));
        assert_eq!(at("D:2024"), None);
    }
}
