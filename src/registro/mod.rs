//! What was registered, changed and annulled in the protocol, and when? Entries of the register as the protocol system gives them out
//! (rules N-01 to N-03, N-09, N-11), and the day that is made of them.
//!
//! The register itself stays where numbers are given (rule N-02): what is here is its static extract, which goes to conservation within
//! the next working day (rule D-01).

mod forma;
mod giornata;
mod table;
mod xml;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

pub use giornata::{Giornata, LACUNE_MAX, Lacuna};
pub use table::{COLUMNS, parse as parse_csv};
pub use xml::{SPACE as IMPORT_SPACE, parse as parse_xml};

use crate::arrival::EnteId;
use crate::digest::Digest;
use crate::fields::Verso;

/// Largest file of entries, bytes: a year of a large Comune.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Most lines of one file.
pub const LINES_MAX: usize = 200_000;
/// Most entries of one day: its PDF/A and its XML hold all of them.
pub const DAY_MAX: usize = 20_000;
/// Most breaches that are told of one file; the rest are counted.
pub const BREACHES_MAX: usize = 1_000;
/// Most recipients of one entry.
pub const DESTINATARI_MAX: usize = 200;
/// Longest text of an entry, bytes.
pub const TEXT_BYTES_MAX: usize = 4_000;
/// Largest number of a registration: ten digits and no more.
pub const NUMERO_MAX: u64 = 9_999_999_999;

/// Fact kind of an arrival and of its document: the day of the register that it is, [`Made`].
pub const FACT: &str = "registro-giornaliero";
/// Fact kind of a day ([`day_owner`]): what was made of it, [`Made`].
pub const DAY: &str = "registro-giornata";
/// Fact kind of a year of a register ([`year_owner`]): how many days of it have been made.
pub const COUNT: &str = "registro-progressivo";
/// Code of the tipo that the document of a day is.
pub const TIPO: &str = "registro_giornaliero";

/// One registration (rule N-03). What stands here cannot be changed, only annulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registrazione {
    /// Number within the year.
    pub numero: u64,
    /// Year of the register.
    pub anno: i16,
    /// Day of registration, in the ente's zone.
    pub data: Date,
    /// Hour of registration, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ora: Option<Time>,
    /// Direction (rule N-13).
    pub verso: Verso,
    /// Sender; of what is sent or stays inside none is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mittente: Option<String>,
    /// Recipients; of what comes in none is needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinatari: Vec<String>,
    /// Subject.
    pub oggetto: String,
    /// Protocol of the document received, as its sender wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocollo_mittente: Option<String>,
    /// Digest of the document, where it came or went as a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impronta: Option<Digest>,
    /// Its voce of the Titolario, as the register has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voce: Option<String>,
    /// True of a registration with restricted access (rule N-14).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub riservato: bool,
}

/// A change or an annulment of a registration (rules G-02, N-09): told with who made it and when, the old value beside the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variazione {
    /// Number of the registration.
    pub numero: u64,
    /// Its year.
    pub anno: i16,
    /// What was done.
    pub tipo: TipoVariazione,
    /// Day of the change.
    pub data: Date,
    /// Its hour, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ora: Option<Time>,
    /// Which field; none of the annulment of the whole registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campo: Option<String>,
    /// What it said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prima: Option<String>,
    /// What it says since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dopo: Option<String>,
    /// Who made it.
    pub operatore: String,
    /// The act that authorises an annulment (TUDA art. 54).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provvedimento: Option<String>,
}

/// The two kinds of change that the norm knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TipoVariazione {
    /// The registration, or a field of it, counts no more; what it said stays readable.
    Annullamento,
    /// A field that may change (assignment, classification) says something else.
    Modifica,
}

impl TipoVariazione {
    /// Its word, as forms and documents write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Annullamento => "annullamento",
            Self::Modifica => "modifica",
        }
    }
}

/// What a file of entries holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Estratto {
    /// Its registrations, by year and number, each once.
    pub registrazioni: Vec<Registrazione>,
    /// Its changes, each once.
    pub variazioni: Vec<Variazione>,
}

/// What was made of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Code of the register.
    pub registro: String,
    /// The day.
    pub giorno: Date,
    /// Number of the daily register within its year.
    pub progressivo: u32,
    /// When it was made.
    pub at: jiff::Timestamp,
    /// By whom or what.
    pub by: String,
    /// The arrival as which it went into the archive.
    pub arrival: crate::arrival::ArrivalId,
    /// Digest, size and name of the XML that stands beside the PDF/A.
    pub xml: (Digest, u64, String),
}

/// An entry of a later file that is not what an earlier one has brought, or that comes after its day was made. It is kept beside it until a
/// person has looked; what is there is never overwritten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contrasto {
    /// What is against what.
    pub kind: ContrastoKind,
    /// Name of the file that brought it, and digest of its bytes.
    pub origine: (String, Digest),
    /// When.
    pub at: jiff::Timestamp,
    /// What it says.
    pub nuova: Riga,
}

/// A contradiction in the protocol register that nobody has looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenContrasto {
    /// Its id.
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub contrasto: Contrasto,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Riga {
    /// A registration.
    Registrazione(Registrazione),
    /// A change.
    Variazione(Variazione),
}

/// Why a line of a file was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContrastoKind {
    /// The same number was brought before and said something else.
    Diverso,
    /// Its day's register has been made already.
    Tardivo,
    /// A lower number has a later date, or a higher one an earlier (rule N-02).
    Retrodatato,
}

impl ContrastoKind {
    /// Its code in the catalogue of messages.
    pub fn code(self) -> &'static str {
        match self {
            Self::Diverso => "registro-contrasto-diverso",
            Self::Tardivo => "registro-contrasto-tardivo",
            Self::Retrodatato => "registro-contrasto-retrodatato",
        }
    }
}

impl Riga {
    /// Number and year of the registration that it is about, and the day in whose register it stands.
    pub fn about(&self) -> (u64, i16, Date) {
        match self {
            Self::Registrazione(one) => (one.numero, one.anno, one.data),
            Self::Variazione(one) => (one.numero, one.anno, one.data),
        }
    }

    /// Its id: of all that it says, so that the same line found again is the same.
    pub fn id(&self) -> crate::error::Result<String> {
        let body = serde_json::to_vec(self).map_err(crate::error::Error::bug)?;
        Ok(Digest::id("rig", &[&body]))
    }
}

/// A number as it is written: at least seven digits (rule N-01).
pub fn numero(numero: u64) -> String {
    format!("{numero:07}")
}

/// Owner of the facts of a day of a register.
pub fn day_owner(ente: &EnteId, registro: &str, day: Date) -> String {
    Digest::id("rgg", &[ente.0.as_bytes(), registro.as_bytes(), day.to_string().as_bytes()])
}

/// Owner of the facts of a year of a register.
pub fn year_owner(ente: &EnteId, registro: &str, anno: i16) -> String {
    Digest::id("rga", &[ente.0.as_bytes(), registro.as_bytes(), &anno.to_be_bytes()])
}

/// The word of a direction, as the norm writes it.
pub fn flusso(verso: Verso) -> &'static str {
    match verso {
        Verso::E => "entrata",
        Verso::U => "uscita",
        Verso::I => "interno",
    }
}
