//! Which sheet was scanned anew? A page's new sheet, expected and taken in, tied to the old page, which is kept.
//!
//! A new sheet is an arrival of its own (invariant 2). It makes no document: it becomes an annex of the document whose
//! page it replaces, for reading, copy and ALTO; the old component stays as it is (invariant 7).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::arrival::{ArrivalId, FileName};
use crate::digest::Digest;
use crate::document::{Component, DocumentId, Form, Format, Hold, Role};
use crate::messages::Message;

/// Fact kind of a document: its pages that are or were scanned anew, numbered by page.
pub const FACT: &str = "rescan";
/// Fact kind of an arrival: the page that it was scanned for.
pub const FOR: &str = "rescan-for";

/// A page of a document, as `ID:PAGE` names it at a door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The document.
    pub document: DocumentId,
    /// Number of the page, from 1.
    pub page: u32,
    /// Who gave the sheet.
    pub operator: String,
}

impl Place {
    /// The door of a sheet: with the page in its name, so that one file given for two pages is two arrivals (invariant 4).
    pub fn door(&self) -> String {
        format!("rescan {}:{}", self.document, self.page)
    }
}

/// One page that is or was scanned anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rescan {
    /// Number of the page, from 1.
    pub page: u32,
    /// Set while a new sheet is waited for.
    pub expected: Option<Expected>,
    /// The sheets taken in for it, oldest first: the last one stands for the page.
    pub sheets: Vec<Sheet>,
}

/// Who waits for a new sheet, since when, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Who, by operator name.
    pub operator: String,
    /// Since when.
    pub at: Timestamp,
    /// Codes of the doubts that stood open about the page (evidence of the lot, rule S-06), and the person's own words.
    pub why: Vec<String>,
}

/// A sheet that was taken in for a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// The arrival that it came as.
    pub arrival: ArrivalId,
    /// Its name at the door.
    pub name: FileName,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Size.
    pub bytes: u64,
    /// What it is.
    pub format: Format,
    /// When it was admitted.
    pub at: Timestamp,
    /// Who gave it.
    pub operator: String,
    /// Who had asked for it and why, if it was waited for.
    pub asked: Option<Expected>,
}

impl Rescan {
    /// No sheet yet, none expected.
    pub fn of(page: u32) -> Self {
        Self { page, expected: None, sheets: Vec::new() }
    }

    /// The sheet that stands for the page.
    pub fn sheet(&self) -> Option<&Sheet> {
        self.sheets.last()
    }

    /// The hold of a document that waits for the new sheet.
    pub fn hold(&self, document: &DocumentId) -> Option<Hold> {
        let expected = self.expected.as_ref()?;
        let message =
            Message::new("rescan-expected").with("page", self.page).with("operator", &expected.operator).with("id", document);
        Some(Hold::new(message).on_page(self.page))
    }
}

/// The components with the sheets of `rescans` among them, each once, in the order of pages and of taking in.
///
/// A sheet is an *annesso*: produced and added after the document, to complete it. It is no *allegato*, which is content
/// that the author attached and that the registration counts.
pub fn with_sheets(mut components: Vec<Component>, rescans: &[Rescan]) -> Vec<Component> {
    for sheet in rescans.iter().flat_map(|rescan| &rescan.sheets) {
        if components.iter().any(|component| component.sha256 == sheet.sha256) {
            continue;
        }
        let n = components.iter().filter(|component| component.role == Role::Annesso).map(|component| component.n).max();
        components.push(Component {
            role: Role::Annesso,
            n: n.unwrap_or(0) + 1,
            name: sheet.name.clone(),
            sha256: sheet.sha256,
            bytes: sheet.bytes,
            format: sheet.format.clone(),
            form: Form::AsArrived,
            pages: 1,
        });
    }
    components
}

/// For each page, the moment since which it is another sheet: what was decided earlier about the page was about the old one.
pub fn since(rescans: &[Rescan]) -> BTreeMap<u32, Timestamp> {
    rescans.iter().filter_map(|rescan| Some((rescan.page, rescan.sheet()?.at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(bytes: &[u8]) -> Sheet {
        Sheet {
            arrival: ArrivalId("arr-x".into()),
            name: FileName::new(&b"foglio.tif"[..]),
            sha256: Digest::of(bytes),
            bytes: bytes.len() as u64,
            format: Format::tiff(),
            at: Timestamp::UNIX_EPOCH,
            operator: "mrossi".into(),
            asked: None,
        }
    }

    #[test]
    fn every_sheet_taken_in_is_an_annex_once() {
        let rescans = [
            Rescan { page: 1, expected: None, sheets: vec![sheet(b"a"), sheet(b"b")] },
            Rescan { page: 3, expected: None, sheets: vec![sheet(b"b"), sheet(b"c")] },
        ];
        let components = with_sheets(Vec::new(), &rescans);
        let found: Vec<_> = components.iter().map(|c| (c.role, c.n, c.sha256)).collect();
        let wanted = [(1, b"a"), (2, b"b"), (3, b"c")].map(|(n, bytes)| (Role::Annesso, n, Digest::of(bytes)));
        assert_eq!(found, wanted);
        assert_eq!(with_sheets(components.clone(), &rescans), components);
    }
}
