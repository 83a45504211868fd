//! Where did a build that was stopped stand? Notes beside the package in the making, each after the bytes that it speaks of.
//!
//! A note says how far the package lies on the disk for good and what each entry came out as. The next build of
//! the same plan goes on there and reads nothing of that again. A note that does not fit is as good as none.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Plan;
use super::container::Stored;
use super::piece::Proof;
use crate::digest::Digest;
use crate::drill;
use crate::error::{Error, Result};

/// How many bytes are written between two notes: what a stopped build reads again at most, beside the file in hand. In a
/// build for the crash drill few enough that its small packages have notes.
const EVERY_BYTES: u64 = if cfg!(feature = "drill") { 16 << 10 } else { 512 << 20 };
/// How many entries are written between two notes: what is kept of each for the next note, and its text, are bounded too.
const EVERY_ENTRIES: usize = 16_384;
/// Longest file of notes that is read: ten million entries have less than half of it.
const NOTES_BYTES_MAX: u64 = 4 << 30;

/// An entry that lies in the package, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    /// What its headers say.
    pub(super) stored: Stored,
    /// Its digests.
    pub(super) proof: Proof,
}

/// One line of the notes.
#[derive(Serialize, Deserialize)]
struct Note {
    /// Which plan, written by which program.
    of: Digest,
    at: u64,
    /// Entries since the note before: length, checksum, SHA-256, SHA-512.
    entries: Vec<(u64, u32, Digest, Option<String>)>,
}

/// The notes of a build.
pub(super) struct Progress<'a> {
    package: (&'a File, &'a Path),
    notes: File,
    path: PathBuf,
    of: Digest,
    noted: u64,
}

impl<'a> Progress<'a> {
    /// Reads the notes on `plan`, and leaves the package at the place where they end.
    pub(super) fn taken_up(plan: &Plan, (file, path): (&'a File, &'a Path)) -> Result<(Self, VecDeque<Done>)> {
        let notes_path = notes(path);
        let failed = |e| Error::disk("read notes of package", &notes_path, e);
        let mut notes = OpenOptions::new().read(true).append(true).create(true).open(&notes_path).map_err(failed)?;
        let of = identity(plan);
        let length = file.metadata().map_err(|e| Error::disk("read package", path, e))?.len();
        let text = if notes.metadata().map_err(failed)?.len() <= NOTES_BYTES_MAX { read(&mut notes) } else { None };
        let found = text.and_then(|text| begun(&text, of)).filter(|(at, _)| *at <= length);
        let (at, done) = found.unwrap_or_default();
        if at == 0 {
            notes.set_len(0).map_err(failed)?;
        }
        let at_its_end = file.set_len(at).and_then(|()| (&*file).seek(SeekFrom::Start(at)));
        at_its_end.map_err(|e| Error::disk("cut package", path, e))?;
        Ok((Self { package: (file, path), notes, path: notes_path, of, noted: at }, done))
    }

    /// True where a note is due of a package that has reached `at`, with so many entries since the last one.
    pub(super) fn is_due(&self, at: u64, entries: usize) -> bool {
        at.saturating_sub(self.noted) >= EVERY_BYTES || entries >= EVERY_ENTRIES
    }

    /// Writes a note: the package has `at` bytes; `entries` are those since the note before.
    pub(super) fn note(&mut self, at: u64, entries: &[Done]) -> Result<()> {
        let (file, path) = self.package;
        file.sync_data().map_err(|e| Error::disk("sync package", path, e))?;
        let entries = entries.iter().map(|Done { stored, proof }| {
            let sha512 = proof.sha512.as_ref().map(|sha512| STANDARD.encode(&sha512[..]));
            (stored.bytes, stored.crc, proof.sha256, sha512)
        });
        let note = Note { of: self.of, at, entries: entries.collect() };
        let json = serde_json::to_string(&note).map_err(|e| Error::bug("a note unwritable").because(e))?;
        let line = format!("{} {json}\n", Digest::of(json.as_bytes()));
        let written = self.notes.write_all(line.as_bytes()).and_then(|()| self.notes.sync_data());
        written.map_err(|e| Error::disk("write notes of package", &self.path, e))?;
        self.noted = at;
        drill::point("package.noted");
        Ok(())
    }
}

/// Takes the notes on the package in the making at `path` away.
pub(super) fn forget(path: &Path) {
    // Where they stay they fit no package that is not there, and the next build writes over them.
    let _ = std::fs::remove_file(notes(path));
}

fn notes(path: &Path) -> PathBuf {
    path.with_extension("notes")
}

/// One plan under one program: another one may write other bytes.
fn identity(plan: &Plan) -> Digest {
    let facts = format!(
        "{} {} {} {} {} {} {}",
        env!("CARGO_PKG_VERSION"),
        plan.id,
        plan.profile,
        plan.instant,
        plan.journal.n,
        plan.journal.digest,
        plan.version
    );
    Digest::of(facts.as_bytes())
}

fn read(notes: &mut File) -> Option<String> {
    let mut text = String::new();
    std::io::Read::read_to_string(notes, &mut text).ok()?;
    Some(text)
}

/// Everything that the unbroken lines at the front say; none where there is no such line on this plan.
fn begun(text: &str, of: Digest) -> Option<(u64, VecDeque<Done>)> {
    let mut done = VecDeque::new();
    let mut last = None;
    for line in text.split_inclusive('\n') {
        let Some((digest, json)) = line.strip_suffix('\n').and_then(|line| line.split_once(' ')) else { break };
        if Digest::parse(digest) != Some(Digest::of(json.as_bytes())) {
            break;
        }
        let note: Note = serde_json::from_str(json).ok().filter(|note: &Note| note.of == of)?;
        for (bytes, crc, sha256, sha512) in note.entries {
            let sha512 = sha512.map(|text| STANDARD.decode(text).ok()?.try_into().ok().map(Box::new));
            let sha512 = match sha512 {
                Some(read) => Some(read?),
                None => None,
            };
            done.push_back(Done { stored: Stored { bytes, crc }, proof: Proof { sha256, sha512 } });
        }
        last = Some(note.at);
    }
    last.map(|at| (at, done))
}
