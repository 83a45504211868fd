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
    /// Position of the file in the container, which has fewer than these numbers tell (`verify_entries_max`).
    pub(super) entry: u32,
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
    // Where the claims about each file begin: of a slice of them all there would be four times as much.
    let mut begins: Vec<u32> = Vec::new();
    for (n, claim) in (0..).zip(&claims) {
        if n == 0 || claims[n as usize - 1].entry != claim.entry {
            begins.push(n);
        }
    }
    let group = |i: usize| &claims[begins[i] as usize..begins.get(i + 1).map_or(claims.len(), |end| *end as usize)];
    let mut digests: Digests = vec![None; container.entries().len()];
    let mut done = 0;
    super::each_in_turn(
        begins.len(),
        container.is_large(),
        |i| one(container, group(i)),
        |(sha256, found)| {
            if let Some(claim) = group(done).first() {
                digests[claim.entry as usize] = sha256;
            }
            done += 1;
            findings.extend(found);
        },
    );
    let weak = (0..begins.len()).filter(|i| group(*i).iter().all(|claim| claim.function.is_weak())).count();
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
    let entry = &container.entries()[first.entry as usize];
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
