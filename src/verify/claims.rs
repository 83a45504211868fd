//! Are the bytes those that some list of digests claims? Each file is read once, whatever the number of lists.

use super::container::Container;
use super::digests::{self, Digests, Function, hex};
use super::findings::{Findings, Valued as _, error, note};
use crate::digest::Digest;
use crate::finding::Finding;

/// What a list says of one file.
#[derive(Debug)]
pub(super) struct Claim {
    /// Position of the file in the container.
    pub(super) entry: usize,
    /// The function.
    pub(super) function: Function,
    /// The digest.
    pub(super) said: Vec<u8>,
    /// The list and the place in it (`manifest-sha256.txt:3`).
    pub(super) place: String,
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
        Err(e) => return (None, vec![error("entry-corrupt").at(&entry.path, &first.place).value("cause", e)]),
    };
    let actual = |function: Function| functions.iter().position(|f| *f == function).and_then(|at| read.get(at));
    let mut found = Vec::new();
    for claim in claims {
        let Some(actual) = actual(claim.function).filter(|actual| **actual != claim.said) else { continue };
        let finding = error("digest-wrong").at(&entry.path, &claim.place);
        found.push(finding.value("said", hex(&claim.said)).value("found", hex(actual)));
    }
    let sha256 = actual(Function::Sha256).and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()).map(Digest::from);
    (sha256, found)
}
