//! What do the manifests of a bag claim? Payload manifests and tag manifests, line by line, each path to its file.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::claims::{Claim, Place, Sum};
use super::super::container::Entry;
use super::super::digests::Function;
use super::super::findings::{Findings, Valued as _, error, warning};
use super::super::names;
use super::super::sums::{self, Line};
use super::Bag;

/// One manifest.
pub(super) struct Manifest<'a> {
    /// Its file.
    pub(super) entry: &'a Entry,
    /// Its name from the bag's folder.
    pub(super) name: &'a str,
    /// The function that its name says.
    pub(super) function: Function,
    /// True of a tag manifest.
    pub(super) is_tag: bool,
}

/// `manifest-sha256.txt` or `tagmanifest-md5.txt`: the name of its function, and whether it lists tag files.
pub(super) fn algorithm(name: &str) -> Option<(&str, bool)> {
    let lower = name.strip_suffix(".txt")?;
    match lower.strip_prefix("tagmanifest-") {
        Some(algorithm) => Some((algorithm, true)),
        None => lower.strip_prefix("manifest-").map(|algorithm| (algorithm, false)),
    }
}

/// What a manifest said, for the check of completeness.
#[derive(Default)]
pub(super) struct Said {
    /// Claims about files that are here.
    pub(super) claims: Vec<Claim>,
    /// Paths as listed (decoded) that are not here: place, and whether the digest is that of an empty file.
    pub(super) missing: BTreeMap<String, (String, bool)>,
}

/// Reads one manifest. Digests are not computed here.
pub(super) fn read(bag: &Bag<'_>, manifest: &Manifest<'_>, text: &str, findings: &mut Findings) -> Said {
    let mut said = Said::default();
    let list: Arc<str> = manifest.name.into();
    // For each file by position how many claims there were with the last one about it.
    let mut seen = vec![0_u32; bag.container.entries().len()];
    let mut marked = 0_u64;
    for line in sums::lines(text) {
        let line = match line {
            Ok(line) => line,
            Err(broken) => {
                findings
                    .push(error("bag-manifest-line").at(&manifest.entry.path, &broken.n.to_string()).clause("RFC 8493 2.1.3"));
                continue;
            }
        };
        marked += u64::from(line.is_marked);
        one(bag, manifest, (&line, &list), (&mut seen, &mut said, findings));
    }
    if marked > 0 {
        let finding = warning("bag-md5sum-mark").at(&manifest.entry.path, "").clause("RFC 8493 6.1");
        findings.push(finding.value("count", marked));
    }
    said
}

fn one(
    bag: &Bag<'_>,
    manifest: &Manifest<'_>,
    (line, list): (&Line<'_>, &Arc<str>),
    (seen, said, findings): (&mut [u32], &mut Said, &mut Findings),
) {
    let place = Place::Line(Arc::clone(list), u32::try_from(line.n).unwrap_or(u32::MAX));
    let at = |finding: crate::finding::Finding| finding.at(&manifest.entry.path, &line.n.to_string()).value("file", line.path);
    let path = line.path.strip_prefix("./").unwrap_or(line.path);
    let is_outside = if manifest.is_tag { path.starts_with("data/") } else { !path.starts_with("data/") };
    if names::is_escaping(path) || is_outside {
        findings.push(at(error("bag-path-outside")).clause("RFC 8493 5.1"));
        return;
    }
    if manifest.is_tag && algorithm(path).is_some_and(|(_, is_tag)| is_tag) {
        findings.push(at(warning("bag-tagmanifest-lists-itself")).clause("RFC 8493 2.2.1"));
    }
    let Some(digest) = line.digest(manifest.function) else {
        findings.push(error("hash-unreadable").at(&manifest.entry.path, &line.n.to_string()).value("hash", line.hex));
        return;
    };
    let twice = || if bag.declared.is_strict() { error("bag-listed-twice") } else { warning("bag-listed-twice") };
    let Some((entry, is_literal)) = bag.resolve(path) else {
        let is_empty = manifest.function.of_nothing() == digest;
        if said.missing.insert(path.to_owned(), (place.to_string(), is_empty)).is_some() {
            findings.push(at(twice()).clause("RFC 8493 2.1.3"));
        }
        return;
    };
    if !is_literal {
        let other = bag.container.entries()[entry].path.clone();
        findings.push(at(warning("bag-path-normalised")).clause("RFC 8493 5.2.2").value("other", other));
    }
    let digest = Sum::from(digest);
    let earlier = (seen[entry] as usize).checked_sub(1).and_then(|earlier| said.claims.get(earlier));
    match earlier {
        Some(earlier) if earlier.said != digest => {
            findings.push(at(error("bag-listed-differently")).clause("RFC 8493 2.1.3"));
        }
        Some(_) => findings.push(at(twice()).clause("RFC 8493 2.1.3")),
        None => {}
    }
    seen[entry] = u32::try_from(said.claims.len() + 1).unwrap_or(u32::MAX);
    said.claims.push(Claim { entry: entry as u32, function: manifest.function, said: digest, place });
}
