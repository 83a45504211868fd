//! What is true of a document? A file `NAME.json`; what it does not speak of is not measured.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use crate::fields::Verso;

/// What is true of one document. Keys that are not known here are left alone.
#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Truth {
    /// Names of its inputs; the first names the document.
    pub files: Vec<String>,
    /// Name of the file with its exact text, beside this one.
    pub ground_truth_text: Option<String>,
    /// Codes of tipo that are right, the best first.
    pub tipi_accettabili: Vec<String>,
    /// The best voce, where it is not the first of those acceptable.
    pub classe: Option<String>,
    /// Voci that are right.
    pub classi_accettabili: Vec<String>,
    /// Our registration; `null` says that there is none.
    #[serde(deserialize_with = "said")]
    pub protocollo: Option<Option<TrueProtocollo>>,
    /// What it is about.
    pub oggetto: Option<String>,
    /// True if the page states the oggetto: else one is composed, and not compared.
    pub oggetto_sulla_pagina: Option<bool>,
    /// Whom it comes from.
    pub mittente: Option<String>,
    /// Whom it goes to.
    pub destinatario: Option<String>,
    /// Codici fiscali of sixteen characters.
    pub codici_fiscali: Option<Vec<String>>,
    /// Numbers of eleven digits.
    pub partite_iva: Option<Vec<String>>,
    /// IBAN.
    pub iban: Option<Vec<String>>,
    /// CIG.
    pub cig: Option<Vec<String>>,
    /// CUP.
    pub cup: Option<Vec<String>>,
    /// Plates.
    pub targhe: Option<Vec<String>>,
    /// Certified addresses.
    pub pec: Option<Vec<String>>,
}

/// A registration as it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TrueProtocollo {
    /// Number.
    pub numero: String,
    /// Year.
    pub anno: i16,
    /// Day.
    #[serde(default)]
    pub data: Option<Date>,
    /// `arrivo`, `partenza`, `interno`, or E, U, I.
    #[serde(default)]
    pub verso: Option<String>,
}

impl Truth {
    /// The voci that are right, the best first.
    pub(super) fn voci(&self) -> Vec<String> {
        let others = self.classi_accettabili.iter().filter(|voce| Some(*voce) != self.classe.as_ref());
        self.classe.iter().chain(others).cloned().collect()
    }
}

/// Tells `null` from silence.
#[expect(clippy::option_option, reason = "three things are told apart: a value, `null`, nothing")]
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(source: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(source).map(Some)
}

/// The direction of that word.
pub(super) fn verso(word: &str) -> Option<Verso> {
    match word {
        "arrivo" | "entrata" | "ingresso" | "E" => Some(Verso::E),
        "partenza" | "uscita" | "U" => Some(Verso::U),
        "interno" | "I" => Some(Verso::I),
        _ => None,
    }
}
