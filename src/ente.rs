//! Whose documents are these? The ente, its AOO, offices, people and registers, as the `--ente` file of `init` says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A public body that owns documents. One archive may hold many; every row belongs to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ente {
    /// IPA code of the administration, lower case (`c_i145`); it is also the ente's id in the archive.
    pub codice_ipa: String,
    /// Official name, as in the IPA index (`Comune di Valdombra`).
    pub denominazione: String,
    /// Tax code of the body, eleven digits, where known.
    #[serde(default)]
    pub codice_fiscale: Option<String>,
    /// True of an archive made without an ente file: every package says PROVA and `deliver` refuses.
    #[serde(default)]
    pub prova: bool,
    /// The records unit with one register.
    pub aoo: Aoo,
    /// Offices.
    #[serde(default)]
    pub uor: Vec<Uor>,
    /// The people whom the law names.
    pub responsabili: Responsabili,
    /// Manuals that rule the house, cited in the PIndex as relevant documents.
    pub manuali: Manuali,
    /// Time zone of the dates of law.
    #[serde(default = "rome")]
    pub zona: String,
    /// Patron saint's day, `MM-DD`.
    #[serde(default)]
    pub santo_patrono: Option<String>,
    /// True if its offices work on Saturdays. Where the ente has not said it they do: a deadline told a day early harms nobody.
    #[serde(default = "worked")]
    pub sabato_lavorativo: bool,
    /// Operators by login name.
    #[serde(default)]
    pub operatori: BTreeMap<String, Persona>,
    /// What the ente has decided about filing without a person.
    #[serde(default)]
    pub soglie: Soglie,
}

fn worked() -> bool {
    true
}

fn rome() -> String {
    "Europe/Rome".to_owned()
}

/// Area organizzativa omogenea: a records unit with one register.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aoo {
    /// IPA code of the AOO.
    pub codice: String,
    /// Name.
    pub denominazione: String,
    /// Certified mail address.
    pub pec: String,
    /// Code of the protocol register, `[A-Za-z0-9_.-]{1,16}` (rule N-01).
    pub registro: String,
}

/// Unità organizzativa: an office.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Uor {
    /// IPA code of the office.
    pub codice: String,
    /// Name.
    pub denominazione: String,
}

/// A natural person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Persona {
    /// Family name.
    pub cognome: String,
    /// Given name.
    pub nome: String,
    /// Tax code, sixteen characters, where known.
    #[serde(default)]
    pub codice_fiscale: Option<String>,
    /// Code of the office that the person works in, one of the ente's `uor`.
    #[serde(default)]
    pub uor: Option<String>,
}

/// The people whom the law names (domain rules, 1.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Responsabili {
    /// Responsabile della gestione documentale: by default the produttore of the PdV.
    pub gestione_documentale: Persona,
    /// Responsabile della conservazione.
    pub conservazione: Persona,
    /// Responsabile del servizio di protocollo, where another person.
    #[serde(default)]
    pub protocollo: Option<Persona>,
}

/// The manuals, by title and date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manuali {
    /// Manuale di gestione documentale.
    pub gestione: String,
    /// Manuale di conservazione.
    pub conservazione: String,
}

/// Thresholds of the ente: below them a person decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Soglie {
    /// Lowest confidence (0 to 1) of tipo and voce that files a document without a person.
    pub classificazione: f32,
    /// Lowest confidence (0 to 1) of each of two agreeing readings of a value that has no check digit (invariant 11).
    pub lettura: f32,
    /// Lowest mean word confidence (0 to 100) of a page that is not held.
    pub pagina: f32,
}

impl Default for Soglie {
    fn default() -> Self {
        Self { classificazione: 0.60, lettura: 0.60, pagina: 60.0 }
    }
}

impl Ente {
    /// The ente of a trial archive: it works, and everything that it writes says PROVA.
    pub fn prova() -> Self {
        let nobody =
            Persona { cognome: "Prova".into(), nome: "Archivio".into(), codice_fiscale: None, uor: Some("PROVA0".into()) };
        Self {
            codice_ipa: "prova".into(),
            denominazione: "Ente di PROVA".into(),
            codice_fiscale: None,
            prova: true,
            aoo: Aoo {
                codice: "PROVA".into(),
                denominazione: "AOO di PROVA".into(),
                pec: "prova@pec.example".into(),
                registro: "PROVA".into(),
            },
            uor: vec![Uor { codice: "PROVA0".into(), denominazione: "Ufficio di PROVA".into() }],
            responsabili: Responsabili { gestione_documentale: nobody.clone(), conservazione: nobody, protocollo: None },
            manuali: Manuali {
                gestione: "Nessun manuale: archivio di PROVA".into(),
                conservazione: "Nessun manuale: archivio di PROVA".into(),
            },
            zona: rome(),
            santo_patrono: None,
            sabato_lavorativo: worked(),
            operatori: BTreeMap::new(),
            soglie: Soglie::default(),
        }
    }
}
