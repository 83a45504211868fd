//! What is a document here? One principal component and its attachments, each a blob, with facts that grow step by step.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::arrival::{Arrival, ArrivalId, ArrivalState, EnteId, FileName, id_type};
use crate::digest::Digest;
use crate::messages::Message;

id_type!(
    /// Id of a document, `doc-…`: from ente, arrival and position.
    DocumentId
);

/// Where a document stands (the contract's `state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentState {
    /// Its steps are under way.
    Working,
    /// Described and filed: it can be packaged.
    Ready,
    /// A person must decide.
    Held,
    /// Refused with a report.
    Refused,
    /// Waits for a decision: the same bytes arrived before.
    Duplicate,
    /// In a PdV that is built.
    Packaged,
    /// In a PdV that was sent.
    Delivered,
    /// In a PdV that the conservatore accepted (invariant 9).
    Preserved,
    /// Its bytes were destroyed by an authorised scarto; its metadata stay (rule P-08).
    Destroyed,
}

impl DocumentState {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Ready => "ready",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Duplicate => "duplicate",
            Self::Packaged => "packaged",
            Self::Delivered => "delivered",
            Self::Preserved => "preserved",
            Self::Destroyed => "destroyed",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        let open = [Self::Working, Self::Ready, Self::Held, Self::Refused, Self::Duplicate];
        let gone = [Self::Packaged, Self::Delivered, Self::Preserved, Self::Destroyed];
        open.into_iter().chain(gone).find(|state| state.as_str() == word)
    }
}

/// Role of a component in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The principal component: exactly one.
    Principale,
    /// An attachment.
    Allegato,
    /// An annex of the registration (receipts, envelopes).
    Annesso,
}

/// How a component was fixed, once (the step `form`; rules F-04 to F-06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Form {
    /// The blob as it came.
    AsArrived,
    /// A page range of a batch, re-wrapped with its image streams untouched.
    Split {
        /// First page, from 1.
        first: u32,
        /// Last page.
        last: u32,
    },
    /// The PDF/A is the document formed by the scanning process (the lot's profile says so).
    Pdfa,
}

/// What the eye for formats said of some bytes (`identify::format`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Format {
    /// PRONOM id (`fmt/353`), where the format is known.
    pub puid: Option<String>,
    /// Media type.
    pub mime: String,
    /// Name of the format for a person (`TIFF`, `PDF`).
    pub name: String,
    /// Version as the file states it (`1.4`).
    pub version: Option<String>,
    /// Claims that were read, not checked (`pdfa-2b`: *dichiarato*).
    pub claims: Vec<String>,
    /// True if it carries or is a signature.
    pub signed: bool,
    /// True if it cannot be read without a password.
    pub encrypted: bool,
    /// Verdict of Allegato 2 under the ente's policy.
    pub verdict: Verdict,
    /// The rule behind the verdict (`A2 TIFF`, `T-06`).
    pub rule: String,
    /// What speaks against going on as if nothing were (wrong extension, active content, end missing), each a message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Message>,
}

#[cfg(test)]
impl Format {
    /// That of a TIFF, for the tests of whoever only needs one.
    pub(crate) fn tiff() -> Self {
        Self {
            puid: Some("fmt/353".into()),
            mime: "image/tiff".into(),
            name: "TIFF".into(),
            version: None,
            claims: Vec::new(),
            signed: false,
            encrypted: false,
            verdict: Verdict::Accettato,
            rule: "A2 TIFF".into(),
            warnings: Vec::new(),
        }
    }
}

/// Verdict of Allegato 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Fit for conservation.
    Accettato,
    /// To be converted before or beside conservation; kept as it is.
    DaConvertire,
    /// Not taken.
    Rifiutato,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its role.
    pub role: Role,
    /// Number among the components of that role, from 1.
    pub n: u32,
    /// Its true name, bit by bit.
    pub name: FileName,
    /// Digest of its bytes: the one that counts.
    pub sha256: Digest,
    /// Size.
    pub bytes: u64,
    /// What it is.
    pub format: Format,
    /// How it was fixed.
    pub form: Form,
    /// Number of pages, 0 where it has none.
    pub pages: u32,
}

impl Component {
    /// The one file of an arrival as the principal component of its document, its pages not yet counted.
    pub fn as_arrived(arrival: &Arrival, format: &Format) -> Self {
        Self {
            role: Role::Principale,
            n: 1,
            name: arrival.name.clone(),
            sha256: arrival.sha256,
            bytes: arrival.bytes,
            format: format.clone(),
            form: Form::AsArrived,
            pages: 0,
        }
    }
}

/// A rendition made of a component (rule F-06): its own digest and the link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// `pdfa`, `alto`, `text`.
    pub kind: String,
    /// Digest of the copy.
    pub sha256: Digest,
    /// Size.
    pub bytes: u64,
    /// Digest of the component it was made of.
    pub of: Digest,
    /// Who made it (`conserva 0.1.0, pdfa 2b`).
    pub origin: String,
}

/// A doubt that holds a document until a person settles it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Code and values; the words are in the catalogue.
    #[serde(flatten)]
    pub message: Message,
    /// The field in doubt (`protocollo`, `voce`), where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The page in doubt, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
}

impl Hold {
    /// A hold with the words of `message`.
    pub fn new(message: Message) -> Self {
        Self { message, field: None, page: None }
    }

    /// Says which field is in doubt.
    #[must_use]
    pub fn on_field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Says which page is in doubt.
    #[must_use]
    pub fn on_page(mut self, page: u32) -> Self {
        self.page = Some(page);
        self
    }
}

/// One document, as its row says; its facts are kept beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// The ente it belongs to.
    pub ente: EnteId,
    /// The arrival it came out of.
    pub arrival: ArrivalId,
    /// Its position in the arrival, from 1.
    pub position: u32,
    /// Name shown (that of its principal component).
    pub name: FileName,
    /// Where it stands.
    pub state: DocumentState,
    /// When it was made of its arrival.
    pub formed_at: Timestamp,
    /// Version (rule F-07), from 1.
    pub version: u32,
}

impl Document {
    /// The document at `position` of an arrival, as it is born: working, or waiting as a duplicate as its arrival does.
    pub fn of_arrival(arrival: &Arrival, position: u32) -> Self {
        let is_duplicate = arrival.state == ArrivalState::Duplicate;
        Self {
            id: Self::derive_id(&arrival.ente, &arrival.id, position),
            ente: arrival.ente.clone(),
            arrival: arrival.id.clone(),
            position,
            name: arrival.name.clone(),
            state: if is_duplicate { DocumentState::Duplicate } else { DocumentState::Working },
            formed_at: arrival.admitted_at,
            version: 1,
        }
    }

    /// The id of the document at `position` of `arrival` (invariant 4).
    pub fn derive_id(ente: &EnteId, arrival: &ArrivalId, position: u32) -> DocumentId {
        DocumentId(Digest::id("doc", &[ente.0.as_bytes(), arrival.0.as_bytes(), &position.to_be_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_word_parses_back() {
        for word in ["working", "ready", "held", "refused", "duplicate", "packaged", "delivered", "preserved"] {
            assert_eq!(DocumentState::parse(word).map(DocumentState::as_str), Some(word));
        }
        assert_eq!(DocumentState::parse("lost"), None);
    }
}
