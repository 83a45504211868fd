//! How does a bag close? `bagit.txt`, `bag-info.txt`, manifests and tag manifests in SHA-256 and SHA-512 (RFC 8493).
//!
//! The payload is what the profile `agid` has beside its index: metadata, content and events. The head of the journal, which
//! SInCRO carries in its index, stands in `bag-info.txt`.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha512};

use super::Plan;
use super::listed::Entry;
use super::profile::Closing;
use super::told::Part;
use crate::error::Result;

/// The tag files of the bag, in order; `entries` are its payload.
pub(super) fn tag_files<'e>(plan: &Plan, entries: &'e [Entry<'e>]) -> Result<Vec<Closing<'e>>> {
    let mut files = vec![
        Closing::new("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n".to_owned()),
        Closing::new("bag-info.txt", info(plan, entries)),
        manifest("manifest-sha256.txt", entries, |entry| entry.proof.sha256.hex()),
        manifest("manifest-sha512.txt", entries, |entry| {
            entry.proof.sha512.as_ref().map(|sha512| hex(&sha512[..])).unwrap_or_default()
        }),
    ];
    let (mut short, mut long) = (String::new(), String::new());
    for file in &files {
        short.push_str(&line(&file.digest()?.0.hex(), &file.path));
        let mut sha512 = Sha512::new();
        file.each(&mut |bytes| sha512.update(bytes))?;
        long.push_str(&line(&hex(&sha512.finalize()), &file.path));
    }
    files.push(Closing::new("tagmanifest-sha256.txt", short));
    files.push(Closing::new("tagmanifest-sha512.txt", long));
    Ok(files)
}

/// A list of the payload, told line by line.
fn manifest<'e>(name: &str, entries: &'e [Entry<'e>], digest: fn(&Entry<'_>) -> String) -> Closing<'e> {
    Closing::told(name, move |ear| {
        entries.iter().try_for_each(|entry| ear(Part::Each(&line(&digest(entry), &entry.listed.path))))
    })
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn line(digest: &str, path: &str) -> String {
    format!("{digest}  {}\n", escaped(path))
}

/// Line breaks and the percent sign are escaped in a manifest (RFC 8493, 2.1.3). Names of ours have no line breaks.
fn escaped(path: &str) -> String {
    path.replace('%', "%25").replace('\n', "%0A").replace('\r', "%0D")
}

fn info(plan: &Plan, entries: &[Entry<'_>]) -> String {
    let bytes: u64 = entries.iter().map(|entry| entry.listed.bytes).sum();
    let prova = if plan.ente.prova { "PROVA " } else { "" };
    let journal = &plan.journal;
    let aggregation = &plan.aggregation;
    let rows = [
        ("Source-Organization", format!("{} ({})", plan.ente.denominazione, plan.ente.codice_ipa)),
        ("External-Identifier", plan.id.to_string()),
        ("External-Description", format!("{prova}{} {}: {}", aggregation.tipo.literal(), aggregation.id, aggregation.oggetto)),
        ("Bagging-Date", plan.instant.strftime("%Y-%m-%d").to_string()),
        ("Payload-Oxum", format!("{bytes}.{}", entries.len())),
        ("Bag-Group-Identifier", plan.part.group.clone()),
        ("Bag-Count", format!("{} of {}", plan.part.n, plan.part.of)),
        ("Bag-Software-Agent", format!("Conserva {}", plan.version)),
        ("Journal-Head", format!("{} n. {} sha256 {}", journal.ente, journal.n, journal.digest)),
    ];
    rows.iter().fold(String::new(), |mut text, (label, value)| {
        let _ = writeln!(text, "{label}: {}", one_line(value));
        text
    })
}

fn one_line(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_in_a_name_is_escaped_and_nothing_else_is() {
        assert_eq!(escaped("data/100% città.pdf"), "data/100%25 città.pdf");
    }

    #[test]
    fn the_sha_512_of_abc_is_the_one_of_fips_180() {
        assert!(hex(&Sha512::digest("abc")).starts_with("ddaf35a193617abacc417349ae204131"));
    }
}
