//! What has a person decided? Decisions are facts of a document: they overlay what the machine read and settle its doubts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Hold;

/// Fact kind under which a document's decisions are kept, numbered from 1.
pub const FACT: &str = "decision";

/// Fields that a person may set, as `review ID --set FIELD=VALUE` names them.
pub const FIELDS: [&str; 11] = [
    "oggetto",
    "protocollo",
    "data",
    "mittente",
    "destinatario",
    "tipo",
    "voce",
    "riservato",
    "fascicolo",
    "dichiarazioni",
    "dichiarazioni_aggregazione",
];

/// One decision of one person about one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Who, by operator name.
    pub operator: String,
    /// When.
    pub at: Timestamp,
    /// Values set, by field name (one of [`FIELDS`]).
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Doubts settled by approval: they were shown to the person and are not raised again for the same field and page.
    #[serde(default)]
    pub settled: Vec<Settled>,
    /// Free words of the person.
    #[serde(default)]
    pub note: Option<String>,
}

/// A doubt as it was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Its code.
    pub code: String,
    /// Its field.
    pub field: Option<String>,
    /// Its page.
    pub page: Option<u32>,
}

impl Settled {
    /// The settling of `hold`.
    pub fn of(hold: &Hold) -> Self {
        Self { code: hold.message.code().to_owned(), field: hold.field.clone(), page: hold.page }
    }

    fn covers(&self, hold: &Hold) -> bool {
        *self == Self::of(hold)
    }
}

/// The decisions of a document, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decisions(pub Vec<Decision>);

impl Decisions {
    /// The latest value set for `field`, with the origin to record (`person NAME`).
    pub fn value(&self, field: &str) -> Option<(&str, String)> {
        self.0.iter().rev().find_map(|d| d.set.get(field).map(|v| (v.as_str(), format!("person {}", d.operator))))
    }

    /// True if a person has settled this doubt, by approval or by setting its field.
    pub fn settles(&self, hold: &Hold) -> bool {
        let by_value = hold.field.as_deref().is_some_and(|field| self.value(field).is_some());
        by_value || self.0.iter().any(|d| d.settled.iter().any(|s| s.covers(hold)))
    }

    /// The decisions as they bear on the sheets of today: of a page that was scanned anew `since`, what was settled
    /// earlier was about the old sheet.
    #[must_use]
    pub fn about(mut self, since: &BTreeMap<u32, Timestamp>) -> Self {
        for decision in &mut self.0 {
            let at = decision.at;
            decision.settled.retain(|s| s.page.and_then(|page| since.get(&page)).is_none_or(|since| at > *since));
        }
        self
    }

    /// The doubts that are still open.
    pub fn open(&self, doubts: Vec<Hold>) -> Vec<Hold> {
        doubts.into_iter().filter(|hold| !self.settles(hold)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Message;

    fn decision(set: &[(&str, &str)], settled: Vec<Settled>) -> Decision {
        let set = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Decision { operator: "mrossi".into(), at: Timestamp::UNIX_EPOCH, set, settled, note: None }
    }

    #[test]
    fn an_approval_settles_the_doubt_that_was_shown_only() {
        let shown = Hold::new(Message::new("page-poor")).on_page(2);
        let other = Hold::new(Message::new("page-poor")).on_page(3);
        let decisions = Decisions(vec![decision(&[], vec![Settled::of(&shown)])]);
        assert_eq!(decisions.open(vec![shown, other.clone()]), vec![other]);
    }

    #[test]
    fn an_approval_of_a_page_ends_with_its_sheet() {
        let poor = Hold::new(Message::new("page-poor")).on_page(2);
        let decisions = Decisions(vec![decision(&[], vec![Settled::of(&poor)])]);
        let scanned_anew = |page, second| BTreeMap::from([(page, Timestamp::from_second(second).expect("an instant"))]);
        assert!(!decisions.clone().about(&scanned_anew(2, 1)).settles(&poor));
        assert!(decisions.clone().about(&scanned_anew(3, 1)).settles(&poor), "another page");
        assert!(decisions.about(&scanned_anew(2, -1)).settles(&poor), "approved after the new sheet came");
    }

    #[test]
    fn a_value_set_by_a_person_settles_its_field() {
        let doubt = Hold::new(Message::new("bug")).on_field("voce");
        let decisions = Decisions(vec![decision(&[("voce", "VI.3")], vec![]), decision(&[("voce", "VI.5")], vec![])]);
        assert!(decisions.settles(&doubt));
        assert_eq!(decisions.value("voce"), Some(("VI.5", "person mrossi".to_owned())));
    }
}
