//! What is wrong with it, and where? Findings are collected, all in one run, never only the first.

use serde::Serialize;

use crate::messages::{Lang, Message};

/// How much a finding matters. Only an error makes a report not `ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A rule is broken.
    Error,
    /// Worth a person's eye.
    Warning,
    /// Said for completeness.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The file it is about (path inside the package; empty for the whole).
    pub path: String,
    /// The place in that file: an element's path, an entry, a byte offset; may be empty.
    pub place: String,
    /// The clause or rule behind it (`A5 IdDoc`, `C-06`, `SInCRO File`); may be empty.
    pub clause: String,
    /// Code and values; the words are in the catalogue.
    pub message: Message,
}

impl Finding {
    /// A finding of that severity about the whole; add `at` and `clause`.
    pub fn new(severity: Severity, message: Message) -> Self {
        Self { severity, path: String::new(), place: String::new(), clause: String::new(), message }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, path: &str, place: &str) -> Self {
        path.clone_into(&mut self.path);
        place.clone_into(&mut self.place);
        self
    }

    /// Says which clause.
    #[must_use]
    pub fn clause(mut self, clause: &str) -> Self {
        clause.clone_into(&mut self.clause);
        self
    }

    /// The JSON of the contract, with the words in `lang`.
    pub fn json(&self, lang: Lang) -> serde_json::Value {
        serde_json::json!({
            "code": self.message.code(), "severity": self.severity, "path": self.path, "place": self.place,
            "clause": self.clause, "message": self.message.text(lang),
        })
    }
}
