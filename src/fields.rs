//! What does the document say? Values read from it, each with its origin, place and confidence (invariant 11).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::page::{Origin, Rect};

/// A value that was read, or decided, with where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading<T> {
    /// The value, normalised.
    pub value: T,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// Who says so: engine, rule, sidecar, person.
    pub origin: Origin,
    /// The page it stands on, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Its box on that page.
    #[serde(rename = "box", default, skip_serializing_if = "Option::is_none")]
    pub rect: Option<Rect>,
    /// The second, independent reading of the same place, if one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<SecondReading>,
}

/// What a second and independent reading of the same region gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondReading {
    /// What it read there.
    pub raw: String,
    /// True if its normalised value equals the first.
    pub agrees: bool,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// Who read.
    pub origin: Origin,
}

/// Direction of a registration (rule N-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verso {
    /// In entrata.
    E,
    /// In uscita.
    U,
    /// Interno.
    I,
}

/// A protocol registration as printed on the page or given by data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Protocollo {
    /// Number, digits only, at least seven (padded with zeros; rule N-01).
    pub numero: String,
    /// Year of the register.
    pub anno: i16,
    /// Date of registration.
    pub data: Option<Date>,
    /// Direction.
    pub verso: Option<Verso>,
}

/// A registration in a particular register (repertorio), which is not the protocol (rule G-08).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repertorio {
    /// Number as printed, digits only.
    pub numero: String,
    /// Year.
    pub anno: i16,
    /// Date of registration.
    pub data: Option<Date>,
    /// Which register, by tipo code (`delibera_giunta`, `contratto`, …).
    pub registro: String,
}

/// A party: whom a document comes from or goes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// Name as read: a person, a firm, an office of the ente.
    pub nome: String,
    /// What it seems to be.
    pub kind: PartyKind,
    /// Codice fiscale or partita IVA found beside the name, checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codice: Option<String>,
    /// Address of certified or ordinary mail found beside the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indirizzo_digitale: Option<String>,
}

impl Party {
    /// True of somebody of whom only the address is known.
    pub fn is_address(&self) -> bool {
        self.indirizzo_digitale.as_ref() == Some(&self.nome)
    }
}

/// Kinds of party, after the subjects of Allegato 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// Persona fisica.
    PersonaFisica,
    /// Persona giuridica.
    PersonaGiuridica,
    /// An Italian public administration other than ours.
    Amministrazione,
    /// The ente itself, or one of its offices.
    Ente,
    /// Nothing tells.
    Unknown,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Importo {
    /// Amount with two decimals and a dot, `1234.56`.
    pub amount: String,
    /// `EUR`, or `ITL` before 2002.
    pub currency: String,
}

/// A reading that failed its check, kept and not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Doubtful {
    /// The field that it would have been (`codici_fiscali`, `protocollo`, …).
    pub field: String,
    /// The characters as read.
    pub raw: String,
    /// Which check failed, a stable code (`check-letter`, `luhn`, `mod-97`, `second-reading`, …).
    pub check: String,
    /// Page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Box.
    #[serde(rename = "box", default, skip_serializing_if = "Option::is_none")]
    pub rect: Option<Rect>,
}

/// All values read from one document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// Subject. Composed of tipo and checked facts where no page states it: then its origin is `composed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oggetto: Option<Reading<String>>,
    /// Our own registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocollo: Option<Reading<Protocollo>>,
    /// Registrations of others on the same pages (the sender's own number).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protocolli_altri: Vec<Reading<Protocollo>>,
    /// Registration in a repertorio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repertorio: Option<Reading<Repertorio>>,
    /// Date of the document itself (not of its registration).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Reading<Date>>,
    /// Whom it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mittente: Option<Reading<Party>>,
    /// Whom it goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinatario: Option<Reading<Party>>,
    /// Codici fiscali of sixteen characters whose check letter holds.
    pub codici_fiscali: Vec<Reading<String>>,
    /// Numbers of eleven digits whose check digit holds.
    pub partite_iva: Vec<Reading<String>>,
    /// IBANs whose two checks hold.
    pub iban: Vec<Reading<String>>,
    /// CIG whose check holds.
    pub cig: Vec<Reading<String>>,
    /// CUP (form only: no public check exists).
    pub cup: Vec<Reading<String>>,
    /// Amounts.
    pub importi: Vec<Reading<Importo>>,
    /// Mail addresses whose domain speaks of PEC.
    pub pec: Vec<Reading<String>>,
    /// Mail addresses of which nothing says PEC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<Reading<String>>,
    /// Plates of vehicles (form only).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targhe: Vec<Reading<String>>,
    /// Parcels of the land register, `foglio 12 particella 345 sub 6`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub catasto: Vec<Reading<String>>,
    /// References to fascicoli and practices (`pratica edilizia n. 87/2019`), lower case, normalised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub riferimenti: Vec<Reading<String>>,
    /// Readings that failed a check.
    pub doubtful: Vec<Doubtful>,
}
