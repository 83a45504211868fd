//! What does the office state that no page says? Further roles, registers, versions of a document; assignments, phases, the place of
//! the paper of an aggregation: the optional words of Allegato 5.
//!
//! None of it is ever guessed: a sidecar or a person states it, and it is kept with who did.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use crate::aggregation::TipoAggregazione;
use crate::digest::Digest;
use crate::ente::Persona;
use crate::fields::Party;

/// Fact kind of a document: what counts of the statements about it and its aggregation.
pub const FACT: &str = "stated";
/// Longest statement that a person may type, bytes.
pub const STATEMENT_BYTES_MAX: usize = 64 << 10;

/// What counts, and who says so.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stated {
    /// Of the document.
    pub documento: Option<Statement<Ulteriori>>,
    /// Of its aggregation.
    pub aggregazione: Option<Statement<UlterioriAggregazione>>,
}

/// A statement and its origin (`sidecar NAME`, `person NAME`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement<T> {
    /// What is said.
    pub value: T,
    /// Who says so.
    pub origin: String,
}

/// A statement as JSON has it; none where a word is unknown, or the statement has no bounds.
pub fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    (text.len() <= STATEMENT_BYTES_MAX).then(|| serde_json::from_str(text).ok())?
}

/// Most further roles or assignments of one thing: the norm sets no limit, a list of people without end is a mistake.
pub const ULTERIORI_MAX: usize = 1_000;

/// What is stated of a document. `Ulteriori::default()` states nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ulteriori {
    /// Who else, in which role.
    pub soggetti: Vec<Ulteriore>,
    /// Hour of the registration, or of a document without one.
    pub ora: Option<Time>,
    /// Hour of the change that made the version.
    pub ora_modifica: Option<Time>,
    /// Its entry in the emergency register, where it has one beside its number (rule N-10).
    pub emergenza: Option<Emergenza>,
    /// The document that it is an attachment of.
    pub primario: Option<Primario>,
    /// What made the file.
    pub prodotto: Option<Prodotto>,
    /// Further aggregations that it stands in.
    pub aggregazioni: Vec<(TipoAggregazione, String)>,
    /// Responsabile unico of the procedimento that it belongs to.
    pub rup: Option<Persona>,
    /// The version that it is, where it is not the first.
    pub versione: Option<Versione>,
}

/// A later version, the change that made it, and who made the change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versione {
    /// Its number, from 2.
    pub numero: u32,
    /// The change.
    pub modifica: Modifica,
    /// Who made it.
    pub autore: Persona,
}

/// Somebody in a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ulteriore {
    /// The role.
    pub ruolo: RuoloUlteriore,
    /// Who.
    pub parte: Parte,
}

/// The roles that may be stated of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuoloUlteriore {
    /// Who has it in hand.
    Assegnatario,
    /// A further addressee.
    Destinatario,
    /// A further sender.
    Mittente,
    /// A further author.
    Autore,
    /// Who registered a documento informatico.
    Registrante,
    /// Anybody else, of a documento informatico.
    Altro,
}

/// Who: as far as is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parte {
    /// A person or an organisation, as read or written.
    Nominata(Party),
    /// An office of the ente, by its code, and whoever in it.
    Ufficio {
        /// Code of the UOR.
        uor: String,
        /// The person.
        persona: Option<Persona>,
    },
    /// An Italian administration with its codes.
    Amministrazione(Amministrazione),
    /// A foreign administration.
    Estera {
        /// Its name.
        denominazione: String,
        /// Its office.
        ufficio: Option<String>,
        /// Its address.
        indirizzo: Option<String>,
    },
}

/// An Italian administration as the IPA knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amministrazione {
    /// Name and code.
    pub ipa: (String, String),
    /// Name and code of the AOO.
    pub aoo: Option<(String, String)>,
    /// Name and code of the office.
    pub uor: Option<(String, String)>,
    /// Its address.
    pub indirizzo: Option<String>,
}

/// An entry of the emergency register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergenza {
    /// Its number there.
    pub numero: String,
    /// Its date there.
    pub data: Date,
}

/// The document that another one belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primario {
    /// Digest of its principal component.
    pub impronta: Digest,
    /// Its id.
    pub identificativo: String,
    /// Its segnatura, where it is registered.
    pub segnatura: Option<String>,
}

/// The software that made a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prodotto {
    /// Name.
    pub nome: Option<String>,
    /// Version.
    pub versione: Option<String>,
    /// Maker.
    pub produttore: Option<String>,
}

/// What is stated of an aggregation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UlterioriAggregazione {
    /// Administrations that take part.
    pub partecipanti: Vec<Parte>,
    /// To whom it is or was assigned.
    pub assegnazioni: Vec<Assegnazione>,
    /// The aggregation that it is a part of.
    pub primaria: Option<(TipoAggregazione, String)>,
    /// At most five key words.
    pub parole_chiave: Vec<String>,
    /// Responsabile unico of the procedimento.
    pub rup: Option<Persona>,
    /// Whom a personal Fascicolo is about.
    pub intestatario: Option<Party>,
    /// Where the paper lies (rule C-09).
    pub posizione_fisica: Option<String>,
    /// The procedimento with its phases, where the office tells more than its documents prove.
    pub procedimento: Option<Procedimento>,
}

/// One assignment of an aggregation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assegnazione {
    /// For action, else for information.
    pub per_competenza: bool,
    /// Code of the office.
    pub uor: String,
    /// The person.
    pub persona: Option<Persona>,
    /// Begun on, at that hour.
    pub inizio: (Date, Option<Time>),
    /// Ended on, at that hour.
    pub fine: Option<(Date, Option<Time>)>,
}

/// The change that made a version (rule F-07).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Modifica {
    /// Kind of change.
    pub tipo: TipoModifica,
    /// When, UTC.
    pub at: Timestamp,
    /// Digest of the principal component of the version before.
    pub impronta_precedente: Digest,
    /// Id of the version before.
    pub identificativo_precedente: String,
}

/// Kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TipoModifica {
    /// Cancellation.
    Annullamento,
    /// Correction.
    Rettifica,
    /// Addition.
    Integrazione,
    /// Note.
    Annotazione,
}

/// A procedimento amministrativo with its phases (rule G-06).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Procedimento {
    /// Materia, argomento, struttura.
    pub materia: String,
    /// The procedimento.
    pub procedimento: String,
    /// URI of the published catalogue.
    pub catalogo: Option<String>,
    /// Its phases, at least one.
    pub fasi: Vec<PeriodoFase>,
}

/// One phase with its dates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodoFase {
    /// Which.
    pub fase: Fase,
    /// Begun on.
    pub inizio: Date,
    /// Ended on.
    pub fine: Option<Date>,
}

/// The five phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fase {
    /// Preparatoria.
    Preparatoria,
    /// Istruttoria.
    Istruttoria,
    /// Consultiva.
    Consultiva,
    /// Decisoria o deliberativa.
    Decisoria,
    /// Integrazione dell'efficacia.
    Integrazione,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_read_and_a_word_that_nobody_knows_is_not() {
        let said = r#"{"ora": "10:30:00", "soggetti": [{"ruolo": "assegnatario", "parte": {"ufficio": {"uor": "UT"}}}],
            "emergenza": {"numero": "12", "data": "2024-03-01"}}"#;
        let stated: Ulteriori = parse(said).expect("a statement");
        assert_eq!((stated.soggetti.len(), stated.emergenza.expect("a number").numero.as_str()), (1, "12"));
        assert_eq!(parse::<Ulteriori>(r#"{"orario": "10:30"}"#), None);
        let place: UlterioriAggregazione = parse(r#"{"posizione_fisica": "Armadio 3"}"#).expect("a statement");
        assert_eq!(place.posizione_fisica.as_deref(), Some("Armadio 3"));
    }

    #[test]
    fn every_word_of_the_guide_is_understood() {
        let guide = include_str!("../docs/inboxes.md");
        let start = guide.find("\"dichiarazioni\": {").expect("an example");
        let example = guide[start..].split("```").next().expect("an example");
        let example = format!("{{{example}}}").replace("…SHA-256…", &Digest::of(b"").hex());
        let said: serde_json::Value = serde_json::from_str(&example).expect("JSON");
        let documento: Ulteriori = parse(&said["dichiarazioni"].to_string()).expect("of the document");
        let aggregazione: UlterioriAggregazione =
            parse(&said["dichiarazioni_aggregazione"].to_string()).expect("of the fascicolo");
        assert_eq!((documento.soggetti.len(), aggregazione.assegnazioni.len()), (4, 1));
        let every = |words: &[&str], is_word: &dyn Fn(&str) -> bool| {
            words.iter().all(|word| guide.contains(&format!("`{word}`")) && is_word(&format!("\"{word}\"")))
        };
        assert!(
            every(&["annullamento", "rettifica", "integrazione", "annotazione"], &|word| parse::<TipoModifica>(word).is_some())
        );
        assert!(every(&["preparatoria", "istruttoria", "consultiva", "decisoria", "integrazione"], &|word| {
            parse::<Fase>(word).is_some()
        }));
        assert!(every(&["assegnatario", "destinatario", "mittente", "autore", "registrante", "altro"], &|word| {
            parse::<RuoloUlteriore>(word).is_some()
        }));
    }

    #[test]
    fn the_longest_statement_is_read_and_one_byte_more_is_not() {
        let padded = |bytes: usize| format!("{{}}{}", " ".repeat(bytes - 2));
        assert!(parse::<Ulteriori>(&padded(STATEMENT_BYTES_MAX)).is_some());
        assert!(parse::<Ulteriori>(&padded(STATEMENT_BYTES_MAX + 1)).is_none());
    }
}
