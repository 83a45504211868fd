//! Which documents does a batch of sheets hold, and how sure is that? From what was seen on its pages, nothing else.
//!
//! What is expected is held against what was found: the numbers of a set of separators, the sheets that each declares, the backs
//! of duplex. Every difference is a doubt that names its pages; with one of them nothing is cut until a person has decided.

mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::document::{DocumentId, Hold};
use crate::separator::{CodeKind, Separator, Separators};

pub use plan::plan;

/// Fact kind of a document that is a batch: its record (rules S-05, S-06).
pub const FACT: &str = "batch";
/// Most codes kept of one page, and the longest of them, characters.
pub const CODES_MAX: usize = conserva_codes::CODES_MAX;
/// Longest text of a code that is kept, characters.
pub const CODE_CHARS_MAX: usize = conserva_codes::CHARS_MAX;

/// A code on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Its kind.
    pub kind: CodeKind,
    /// What it says; nothing of a patch code.
    pub text: String,
}

/// What was seen on one page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sighting {
    /// Number of the page, from 1.
    pub n: u32,
    /// True if nothing that could be writing is on it.
    pub blank: bool,
    /// True of a blank page with traces: faint writing, or the other side showing through.
    pub traces: bool,
    /// The codes that were read.
    pub codes: Vec<Code>,
    /// Codes of which something is there that could not be read.
    pub signs: Vec<CodeKind>,
    /// True if the page could not be looked at.
    pub unseen: bool,
}

/// A separator as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The page that it lies on.
    pub page: u32,
    /// The pages of its sheet that are of no document: itself, and its blank back.
    pub pages: Vec<u32>,
    /// By which code it is known; none of a blank sheet, or of one that a person has named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeKind>,
    /// What it says, if it is one of ours and was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Separator>,
}

/// A document of the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// First page.
    pub first: u32,
    /// Last page.
    pub last: u32,
    /// What its separator says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<(u32, Separator)>,
}

/// What a batch comes apart to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The separators, in order.
    pub separators: Vec<Found>,
    /// The documents, in order.
    pub pieces: Vec<Piece>,
    /// What stands against it.
    pub doubts: Vec<Hold>,
    /// How many separators the set says that there are; none where no set says so.
    pub expected: Option<u32>,
}

/// What has become of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Settled {
    /// It waits for a person.
    Held,
    /// It was divided.
    Divided,
    /// It is one document.
    Whole,
}

/// The record of a batch: what process certification asks of a lot (S-05, S-06), as far as the house knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What has become of it.
    pub settled: Settled,
    /// The profile that it came in by.
    pub profile: String,
    /// The profile's setting that day.
    pub settings: Separators,
    /// Name and version of the software that looked.
    pub software: String,
    /// The scanner, as the profile names it.
    pub device: Option<String>,
    /// Who prepared the batch, as its separators say.
    pub operator: Option<String>,
    /// The lot, as its separators say.
    pub lotto: Option<String>,
    /// When the file was written last.
    pub scanned_at: Option<Timestamp>,
    /// When it was admitted.
    pub admitted_at: Timestamp,
    /// Digest of the file as it came, or of the list of its files.
    pub sha256: Digest,
    /// Pages, and the sheets that they are of.
    pub pages: u32,
    /// Sheets.
    pub sheets: u32,
    /// Pages that are blank.
    pub blank_pages: Vec<u32>,
    /// Separators that the set says that there are.
    pub expected: Option<u32>,
    /// Those that were found.
    pub separators: Vec<Found>,
    /// The documents, where it was divided.
    pub parts: Vec<RecordedPart>,
    /// Doubts that it was held with, by code.
    pub doubts: Vec<String>,
}

/// A document of a batch, in its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedPart {
    /// The document.
    pub document: DocumentId,
    /// First page.
    pub first: u32,
    /// Last page.
    pub last: u32,
    /// Digests of its files.
    pub sha256: Vec<Digest>,
}

/// The pages that are of no document.
pub fn set_apart(separators: &[Found]) -> BTreeSet<u32> {
    separators.iter().flat_map(|found| found.pages.iter().copied()).collect()
}
