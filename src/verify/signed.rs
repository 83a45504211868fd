//! Is this a single signed file, and what is to be said of its signatures?

use std::path::Path;

use super::Options;
use super::container::{Container, is_envelope};
use super::findings::{Findings, Valued as _, error, note};
use super::kind::{self, Kind};
use crate::clock::Clock;
use crate::digest::Digest;
use crate::error::Result;
use crate::finding::{Finding, Severity};
use crate::messages::Message;
use crate::sign::{self, Checked, Concern, Indication, Signature, Topic};

/// The signatures of the file at `path`; none of a folder and of what can hold none.
pub(super) fn check(path: &Path, options: &Options) -> Result<Option<Checked>> {
    if !path.is_file() {
        return Ok(None);
    }
    let judged = sign::Options { trust: &options.trust, now: Clock::System.now(), limits: &options.limits };
    sign::check(path, &judged)
}

/// True of an index that was named alone, in its seal or with a signature inside: it is judged as a package too.
pub(super) fn is_index(path: &Path, signed: &Checked, options: &Options) -> Result<bool> {
    if signed.form != "xades" && !is_envelope(&path.to_string_lossy()) {
        return Ok(false);
    }
    let mut unsaid = Findings::default();
    let container = Container::open(path, &options.limits, &mut unsaid)?;
    Ok(container.is_some_and(|container| kind::of(&container, options, &mut unsaid) != Kind::Unknown))
}

/// Judges the seals and time stamps of the index at position `at`: the files that are called after it (`PIndex.xml.p7m`, `.xades`, `.tsr`).
pub(super) fn seals(container: &Container, at: usize, options: &Options, findings: &mut Findings) -> Result<Vec<Signature>> {
    let index = container.entries()[at].path.clone();
    let judged = sign::Options { trust: &options.trust, now: Clock::System.now(), limits: &options.limits };
    let folder = index.rfind('/').map_or("", |end| &index[..=end]);
    let most = options.limits.metadata_bytes_max;
    // An envelope is asked for as it is, not for what lies in it.
    let bytes = |path: &str| container.find(path).and_then(|n| container.as_it_lies(&container.entries()[n], most));
    let mut signatures = Vec::new();
    for entry in container.entries() {
        let is_envelope = entry.path == index && is_envelope(&index);
        let is_beside = entry.path.strip_prefix(&index).is_some_and(|rest| rest.starts_with('.') && !rest.contains('/'));
        if !is_envelope && !is_beside {
            continue;
        }
        let Some(sealed) = bytes(&entry.path) else { continue };
        let name = entry.path.strip_prefix(folder).unwrap_or(&entry.path);
        let beside = |name: &str| bytes(&format!("{folder}{name}"));
        let Some((checked, content)) = sign::check_seal(name, sealed, &beside, &judged)? else { continue };
        findings.absorb(said_of(&checked, &entry.path));
        // A seal may hold the index and lie beside it: both must be the same.
        let other = bytes(&index).filter(|_| !is_envelope && content.is_some());
        if other.is_some_and(|other| Some(Digest::of(&other)) != content) {
            let message = Message::new(Topic::Integrity.code()).word("why", "sign-other-index").with("who", name);
            findings.push(Finding::new(Severity::Error, message).at(&entry.path, ""));
        }
        signatures.extend(checked.signatures);
    }
    Ok(signatures)
}

/// What is to be said of the signatures of a file that was named.
pub(super) fn findings(signed: &Checked, path: &Path) -> Findings {
    said_of(signed, &path.file_name().unwrap_or_default().to_string_lossy())
}

fn said_of(signed: &Checked, name: &str) -> Findings {
    let mut findings = Findings::default();
    if !signed.is_readable {
        findings.push(error("unreadable").at(name, ""));
    } else if signed.has_empty_field {
        findings.push(error("signature-field-empty").at(name, ""));
    } else if signed.signatures.is_empty() {
        findings.push(error("signature-none").at(name, ""));
    }
    for signature in &signed.signatures {
        findings.extend(signature.concerns.iter().map(|concern| said(concern, signature, name)));
        findings.push(found(signature, name));
    }
    findings
}

/// One thing that is wrong with a signature.
fn said(concern: &Concern, signature: &Signature, name: &str) -> Finding {
    let message = Message::new(concern.topic.code()).word("why", concern.reason);
    let clause = concern.sub.map(|sub| format!("EN 319 102-1 {}", word(&sub))).unwrap_or_default();
    let finding = Finding::new(concern.severity, message).at(name, &signature.place).clause(&clause);
    finding.value("who", who(signature)).value("detail", &concern.detail)
}

/// That a signature was found, with its outcome in the words of the standard.
fn found(signature: &Signature, name: &str) -> Finding {
    let mut outcome = word(&signature.indication);
    if let Some(sub) = signature.sub.filter(|_| signature.indication != Indication::TotalPassed) {
        outcome = format!("{outcome}, {}", word(&sub));
    }
    let time = signature.proven().or(signature.claimed).map(|time| time.to_string()).unwrap_or_default();
    let finding = note("signature-found").at(name, &signature.place);
    finding.value("who", who(signature)).value("outcome", outcome).value("time", time)
}

fn who(signature: &Signature) -> String {
    let signer = &signature.signer;
    match &signer.codice_fiscale {
        Some(code) => format!("{} ({code})", signer.name),
        None if signer.name.is_empty() => "?".to_owned(),
        None => signer.name.clone(),
    }
}

/// A word of the standard.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
