//! What did the office say of it? Data that came in with an arrival: its sidecar, and the defaults of its inbox.
//!
//! They are facts of the arrival, written in the transaction that admits it. A default yields to a sidecar, both to a
//! person; they outrank what is read, and need no second reading (invariant 11).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::arrival::FileName;
use crate::digest::Digest;
use crate::fields::{Importo, Party, Reading, Repertorio, Verso};
use crate::messages::Message;
use crate::stated::{Ulteriori, UlterioriAggregazione};

/// Fact kind of an arrival: what was said of it, numbered by [`SIDECAR`] and [`DEFAULTS`]. Of a document: what data that came with its
/// files say, numbered within [`DATA`].
pub const FACT: &str = "given";
/// Number of the fact that its sidecar says.
pub const SIDECAR: u32 = 0;
/// Number of the fact that the defaults of its inbox say.
pub const DEFAULTS: u32 = 1;
/// Number of the fact that a separator says, of the document that follows it: data of an envelope have their own.
pub const SEPARATOR: u32 = 5;
/// Numbers of the facts that a document's own data say, in the order of their rank: a Segnatura, a riepilogo, an invoice, a daticert.
pub const DATA: std::ops::Range<u32> = 10..20;
/// Longest value, bytes: what a person may type too.
pub const VALUE_BYTES_MAX: usize = 2_000;

/// What one source says of a document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Given {
    /// Who says so: `sidecar NAME`, `separator LOTTO N/OF, p. PAGE`, `segnatura NAME`, `inbox default PROFILE`.
    pub origin: String,
    /// Subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oggetto: Option<String>,
    /// Tipo code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tipo: Option<String>,
    /// Voce of the Titolario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voce: Option<String>,
    /// What ties the document to its fascicolo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fascicolo: Option<String>,
    /// True of a document whose access is restricted (Allegato 5, Riservato).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub riservato: Option<bool>,
    /// Date of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Date>,
    /// Registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrazione: Option<Registrazione>,
    /// Registration in a particular register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repertorio: Option<Repertorio>,
    /// Whom it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mittente: Option<Party>,
    /// Whom it goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinatario: Option<Party>,
    /// The lot that it was scanned in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lotto: Option<String>,
    /// What else Allegato 5 has a word for, of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dichiarazioni: Option<Ulteriori>,
    /// The same of its aggregation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dichiarazioni_aggregazione: Option<UlterioriAggregazione>,
    /// Codes, amounts and references that data state.
    #[serde(skip_serializing_if = "Valori::is_empty")]
    pub valori: Valori,
    /// Digest of the file that is spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impronta: Option<Digest>,
    /// The file that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<SidecarFile>,
    /// What of it could not be understood: it holds the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Message>,
}

/// What structured data state beside who, what and when: they need no reading, and no check digit of ours.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Valori {
    /// CIG.
    pub cig: Vec<String>,
    /// CUP.
    pub cup: Vec<String>,
    /// IBAN.
    pub iban: Vec<String>,
    /// Numbers of eleven digits.
    pub partite_iva: Vec<String>,
    /// Codici fiscali of sixteen characters.
    pub codici_fiscali: Vec<String>,
    /// Addresses of PEC.
    pub pec: Vec<String>,
    /// Amounts.
    pub importi: Vec<Importo>,
    /// References to other documents and practices, lower case.
    pub riferimenti: Vec<String>,
}

impl Valori {
    /// True if nothing is stated.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A registration as data has it. Whose register it is, its administration says; none is the ente itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registrazione {
    /// IPA code of the administration, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amministrazione: Option<String>,
    /// Number, digits only.
    pub numero: String,
    /// Year of the register.
    pub anno: i16,
    /// Date of registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Date>,
    /// Direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verso: Option<Verso>,
}

/// A sidecar, kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidecarFile {
    /// Its name at the door.
    pub name: FileName,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Size.
    pub bytes: u64,
}

impl Given {
    /// True of what says nothing about any document.
    pub fn is_silent(&self) -> bool {
        *self == Self { origin: self.origin.clone(), ..Self::default() }
    }

    /// What it says of a later part of a divided document: what a file beside the whole says describes the first, but for what
    /// holds of all.
    #[must_use]
    pub fn of_a_later_part(self) -> Self {
        let Self { origin, riservato, lotto, sidecar, .. } = &self;
        if sidecar.is_none() {
            return self;
        }
        Self { origin: origin.clone(), riservato: *riservato, lotto: lotto.clone(), sidecar: sidecar.clone(), ..Self::default() }
    }

    /// `value` as this source says it: certain, and from no page.
    pub fn reading<T>(&self, value: T) -> Reading<T> {
        Reading { value, confidence: 1.0, origin: self.origin.clone(), page: None, rect: None, second: None }
    }
}

/// The value that counts among sources in the order of their rank, with its source.
pub fn first<'a, T>(sources: &'a [Given], value: impl Fn(&'a Given) -> Option<T>) -> Option<(T, &'a Given)> {
    sources.iter().find_map(|given| value(given).map(|value| (value, given)))
}

/// A registration's number: digits, padded to seven (rule N-01).
pub fn numero(text: &str) -> Option<String> {
    let is_number = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| format!("{text:0>7}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_later_part_a_sidecar_says_only_what_holds_of_all() {
        let file = SidecarFile { name: FileName::new("a.tif.json"), sha256: Digest::of(b"{}"), bytes: 2 };
        let said = Given { voce: Some("VI.3".into()), riservato: Some(true), ..Given::default() };
        let beside = Given { sidecar: Some(file), ..said.clone() }.of_a_later_part();
        assert_eq!((beside.voce, beside.riservato), (None, Some(true)));
        assert_eq!(said.clone().of_a_later_part(), said, "a default of the inbox holds of every part");
    }

    #[test]
    fn the_sidecar_speaks_before_the_inbox_and_silence_is_no_word() {
        let sidecar = Given { origin: "sidecar a.json".into(), voce: Some("VI.3".into()), ..Given::default() };
        let inbox = Given {
            origin: "inbox default edilizia".into(),
            voce: Some("VI.5".into()),
            riservato: Some(true),
            ..Given::default()
        };
        let both = [sidecar, inbox];
        let said = |value: Option<(&String, &Given)>| value.map(|(voce, given)| (voce.clone(), given.origin.clone()));
        assert_eq!(said(first(&both, |g| g.voce.as_ref())), Some(("VI.3".to_owned(), "sidecar a.json".to_owned())));
        assert_eq!(
            first(&both, |g| g.riservato).map(|(is, given)| (is, given.origin.as_str())),
            Some((true, "inbox default edilizia"))
        );
        assert!(first(&both, |g| g.lotto.as_ref()).is_none());
        assert!(Given { origin: "inbox default x".into(), ..Given::default() }.is_silent());
        assert!(!both[1].is_silent());
    }

    #[test]
    fn what_is_given_survives_its_row() {
        let given = Given {
            origin: "segnatura a.xml".into(),
            registrazione: Some(Registrazione {
                amministrazione: Some("c_x912".into()),
                numero: "0004512".into(),
                anno: 2024,
                data: Some(jiff::civil::date(2024, 3, 12)),
                verso: None,
            }),
            sidecar: Some(SidecarFile { name: FileName::new(&b"a\xff.xml"[..]), sha256: Digest::of(b"a"), bytes: 1 }),
            ..Given::default()
        };
        let body = serde_json::to_string(&given).expect("json");
        assert_eq!(serde_json::from_str::<Given>(&body).expect("given"), given);
    }
}
