//! What may be destroyed, who has allowed it, and what must stay? A scarto (rule P-08): the list of what has been kept long enough, the
//! authority's answer, the destruction; and the vincolo that keeps a thing whatever the plan says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::aggregation::AggregationId;
use crate::arrival::id_type;
use crate::digest::Digest;
use crate::document::DocumentId;

id_type!(
    /// Id of a scarto, `sca-…`.
    ScartoId
);

/// Fact kind of a scarto: what it is.
pub const FACT: &str = "scarto";
/// Fact kind of a scarto: the blobs that it destroys, written with the transaction that begins the destruction.
pub const BLOBS: &str = "scarto-blobs";
/// Fact kind of an ente: the ids of its scarti, oldest first.
pub const ALL: &str = "scarti";
/// Fact kind of an ente: the vincoli of its documents and aggregations, by id, lifted ones too.
pub const VINCOLI: &str = "vincoli";
/// Fact kind of a document or a package: the scarto that destroyed it.
pub const DESTROYED: &str = "destroyed";
/// Most documents of one scarto.
pub const DOCUMENTS_MAX: usize = 10_000;
/// Most vincoli of one thing, lifted ones among them.
pub const VINCOLI_MAX: usize = 1_000;
/// Years that stand for ever.
pub const FOR_EVER: u32 = 9_999;

/// Where a scarto stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScartoState {
    /// Listed for the authority.
    Proposed,
    /// The authority has answered.
    Authorised,
    /// The destruction has begun: nothing of it can be had back.
    Executing,
    /// It is done.
    Executed,
}

impl ScartoState {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Authorised => "authorised",
            Self::Executing => "executing",
            Self::Executed => "executed",
        }
    }
}

/// A document on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScartoItem {
    /// Which.
    pub document: DocumentId,
    /// Its aggregation.
    pub aggregazione: AggregationId,
    /// Tipo code.
    pub tipo: String,
    /// Its voce.
    pub voce: String,
    /// The day from which its years count: closing of its fascicolo, else its own.
    pub da: Date,
    /// The years that it had to be kept.
    pub anni: u32,
    /// The last day on which it had to be kept.
    pub fino_al: Date,
    /// Digest of its principal component.
    pub sha256: Digest,
}

/// The authority's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autorizzazione {
    /// The act: authority, number, date, as it names itself.
    pub atto: String,
    /// Its date.
    pub data: Date,
    /// The file that was taken in, kept as a blob.
    pub sha256: Digest,
    /// What it does not allow: documents and aggregations by id.
    pub esclusi: Vec<String>,
    /// Who took it in.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A scarto.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scarto {
    /// Its id.
    pub id: ScartoId,
    /// The day at which the time must have ended.
    pub at: Date,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// By whom.
    pub by: String,
    /// Where it stands.
    pub state: ScartoState,
    /// What is on the list.
    pub items: Vec<ScartoItem>,
    /// The answer, once it is there.
    pub autorizzazione: Option<Autorizzazione>,
    /// Of an executed one: the documents that stay although they were allowed, each with the code of the reason.
    pub spared: BTreeMap<DocumentId, String>,
    /// When it was executed.
    pub executed_at: Option<Timestamp>,
}

impl Scarto {
    /// What the authority has allowed; nothing before it has answered.
    pub fn granted(&self) -> impl Iterator<Item = &ScartoItem> {
        let esclusi = self.autorizzazione.as_ref().map(|answer| &answer.esclusi);
        self.items.iter().filter(move |item| {
            esclusi.is_some_and(|esclusi| !esclusi.iter().any(|id| *id == item.document.0 || *id == item.aggregazione.0))
        })
    }
}

/// A vincolo: what it is on is not destroyed while it holds (litigation, an inquiry, historical interest).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vincolo {
    /// Why.
    pub motivo: String,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Who lifted it, when and why; none while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolto: Option<(String, Timestamp, String)>,
}

/// All vincoli by the id of what they are on.
pub type Vincoli = BTreeMap<String, Vec<Vincolo>>;

/// True if a vincolo on `id` holds.
pub fn is_held(vincoli: &Vincoli, id: &str) -> bool {
    vincoli.get(id).is_some_and(|all| all.iter().any(|one| one.tolto.is_none()))
}

/// The last day on which something must be kept whose years count from `from`: they end with a year. None of what is kept for ever, or
/// of which nobody has said how long.
pub fn kept_until(from: Date, anni: Option<u32>) -> Option<Date> {
    let anni = anni.filter(|anni| *anni != FOR_EVER)?;
    let year = i16::try_from(anni).ok().and_then(|anni| from.year().checked_add(anni))?;
    Date::new(year, 12, 31).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn years_end_with_a_year_and_what_is_kept_for_ever_never_ends() {
        assert_eq!(kept_until(date(2014, 1, 1), Some(10)), Some(date(2024, 12, 31)));
        assert_eq!(kept_until(date(2014, 12, 31), Some(10)), Some(date(2024, 12, 31)));
        assert_eq!(kept_until(date(2014, 1, 1), Some(FOR_EVER)), None);
        assert_eq!(kept_until(date(2014, 1, 1), None), None);
        assert_eq!(kept_until(date(2014, 1, 1), Some(9_000)), None, "beyond the end of time");
    }
}
