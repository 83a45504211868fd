//! Are the bytes those that some list of digests claims? Each file is read once, whatever the number of lists.

use std::sync::Arc;

use super::container::Container;
use super::digests::{self, Digests, Function, hex};
use super::findings::{Findings, Valued as _, error, note};
use crate::digest::Digest;
use crate::finding::Finding;

/// What a list says of one file. There may be hundreds of thousands: each is kept small.
#[derive(Debug)]
pub(super) struct Claim {
    /// Position of the file in the container.
    pub(super) entry: usize,
    /// The function.
    pub(super) function: Function,
    /// The digest.
    pub(super) said: Sum,
    /// The list and the place in it.
    pub(super) place: Place,
}

/// A digest as a list says it; the most usual ones need no memory of their own.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sum {
    /// Of 32 bytes.
    Short([u8; 32]),
    /// Of any other length.
    Other(Box<[u8]>),
}

impl From<Vec<u8>> for Sum {
    fn from(bytes: Vec<u8>) -> Self {
        <[u8; 32]>::try_from(bytes).map_or_else(|bytes| Self::Other(bytes.into()), Self::Short)
    }
}

impl Sum {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(bytes) => bytes,
            Self::Other(bytes) => bytes,
        }
    }
}

/// Where a list says something.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In that line of that list (`manifest-sha256.txt:3`).
    Line(Arc<str>, u32),
    /// In an element.
    Element(Box<str>),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(list, n) => write!(f, "{list}:{n}"),
            Self::Element(place) => f.write_str(place),
        }
    }
}

/// Reads every file that a claim is about and compares; the SHA-256 of those for which one was made.
pub(super) fn check(container: &Container, mut claims: Vec<Claim>, findings: &mut Findings) -> Digests {
    claims.sort_by_key(|claim| (claim.entry, claim.function));
    let groups: Vec<&[Claim]> = claims.chunk_by(|a, b| a.entry == b.entry).collect();
    let mut digests: Digests = vec![None; container.entries().len()];
    let mut done = groups.iter();
    super::each_in_turn(
        groups.len(),
        container.is_large(),
        |i| one(container, groups[i]),
        |(sha256, found)| {
            if let Some(claim) = done.next().and_then(|group| group.first()) {
                digests[claim.entry] = sha256;
            }
            findings.extend(found);
        },
    );
    let weak = groups.iter().filter(|group| group.iter().all(|claim| claim.function.is_weak())).count();
    if weak > 0 {
        let names: Vec<&str> = [Function::Md5, Function::Sha1]
            .into_iter()
            .filter(|function| claims.iter().any(|claim| claim.function == *function))
            .map(Function::name)
            .collect();
        findings.push(note("hash-weak").value("count", weak).value("function", names.join(", ")));
    }
    digests
}

fn one(container: &Container, claims: &[Claim]) -> (Option<Digest>, Vec<Finding>) {
    let Some(first) = claims.first() else { return (None, Vec::new()) };
    let entry = &container.entries()[first.entry];
    if !Container::is_readable(entry) {
        return (None, Vec::new());
    }
    let mut functions: Vec<Function> = claims.iter().map(|claim| claim.function).collect();
    functions.dedup();
    let read = match digests::digests(container, entry, &functions) {
        Ok(read) => read,
        Err(e) => return (None, vec![error("entry-corrupt").at(&entry.path, &first.place.to_string()).value("cause", e)]),
    };
    let actual = |function: Function| functions.iter().position(|f| *f == function).and_then(|at| read.get(at));
    let mut found = Vec::new();
    for claim in claims {
        let Some(actual) = actual(claim.function).filter(|actual| **actual != claim.said.bytes()) else { continue };
        let finding = error("digest-wrong").at(&entry.path, &claim.place.to_string());
        found.push(finding.value("said", hex(claim.said.bytes())).value("found", hex(actual)));
    }
    let sha256 = actual(Function::Sha256).and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()).map(Digest::from);
    (sha256, found)
}
