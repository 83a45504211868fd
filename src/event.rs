//! What was done, when, by whom, with what outcome? Events: journal lines, and later PREMIS events in the packages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One event about one subject. It holds ids, codes and keyed digests, never personal data (invariants 6 and 13).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, UTC.
    pub at: Timestamp,
    /// What, a stable code: `admitted`, `identified`, `opened`, `pages`, `text`, `form`, `copied`, `fields`, `filing`, `described`,
    /// `held`, `refused`, `decided`, `planned`, `built`, `verified`, …
    pub kind: String,
    /// The id of what it happened to.
    pub subject: String,
    /// `success`, `hold`, `refuse`, `retry`.
    pub outcome: String,
    /// The program with its version, or the operator's id.
    pub agent: String,
    /// Further codes: digests, rule ids, engine versions. Sorted, so that the same event is the same bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
}

/// One line of the journal of an ente: an event, its number and the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Number in the ente's journal, from 1, without gaps.
    pub n: u64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// Digest of the line before; 64 zeros before the first.
    pub previous: Digest,
    /// Digest of this line: SHA-256 over its number, the event as JSON and `previous`.
    pub digest: Digest,
}

/// The head of a journal: what every package and backup carries, so that a rewritten chain or a cut-off tail shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalHead {
    /// The ente.
    pub ente: String,
    /// Number of the last line; 0 of an empty journal.
    pub n: u64,
    /// Its digest.
    pub digest: Digest,
}
