//! What kinds of document are there? The data files of types and words, read once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::cues::{Lexicon, Phrase};
use crate::aggregation::TipoFascicolo;
use crate::filing::Voce;
use crate::messages::Message;

/// How documents of a type are registered (rule G-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Registro {
    /// Protocol.
    P,
    /// A particular register.
    R,
    /// A particular register, and the protocol when sent out.
    #[serde(rename = "PR")]
    Pr,
}

/// What documents of a type are gathered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Raccolta {
    Procedimento,
    Affare,
    Attivita,
    PersonaFisica,
    PersonaGiuridica,
    Serie,
}

impl Raccolta {
    pub(super) fn fascicolo(self) -> Option<TipoFascicolo> {
        Some(match self {
            Self::Procedimento => TipoFascicolo::Procedimento,
            Self::Affare => TipoFascicolo::Affare,
            Self::Attivita => TipoFascicolo::Attivita,
            Self::PersonaFisica => TipoFascicolo::PersonaFisica,
            Self::PersonaGiuridica => TipoFascicolo::PersonaGiuridica,
            Self::Serie => return None,
        })
    }
}

/// A type as written in the data file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "what a type is or is not, each a word of the data file")]
struct Written {
    code: String,
    nome: String,
    voci: Vec<String>,
    #[serde(default)]
    subject: bool,
    registro: Registro,
    aggregazione: Raccolta,
    anni: Option<u32>,
    termine: Option<u32>,
    #[serde(default)]
    own: bool,
    #[serde(default)]
    riservato: bool,
    #[serde(default)]
    fallback: bool,
    titles: Vec<String>,
    #[serde(default)]
    structure: Vec<String>,
    #[serde(default)]
    against: Vec<String>,
    #[serde(default)]
    kin: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tipo: Vec<Written>,
}

/// One type of document.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "as the data file has them")]
pub(super) struct Tipo {
    pub(super) code: String,
    pub(super) nome: String,
    /// The first is the default.
    pub(super) voci: Vec<Voce>,
    /// True if the voce follows the subject of the act.
    pub(super) subject: bool,
    pub(super) registro: Registro,
    pub(super) raccolta: Raccolta,
    pub(super) anni: Option<u32>,
    /// Days that the procedure may take.
    pub(super) termine: Option<u32>,
    /// True of what only the ente itself issues.
    pub(super) own: bool,
    pub(super) riservato: bool,
    /// True of the type that takes what no other claims.
    pub(super) fallback: bool,
    pub(super) titles: Vec<Phrase>,
    pub(super) structure: Vec<Phrase>,
    pub(super) against: Vec<Phrase>,
    kin: Vec<String>,
}

impl Tipo {
    /// True if the other is no rival.
    pub(super) fn is_kin(&self, other: &Self) -> bool {
        self.code == other.code || self.kin.contains(&other.code) || other.kin.contains(&self.code)
    }
}

/// Types, words of the voci, and the lexicon of both.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    pub(super) lexicon: Lexicon,
    pub(super) tipi: Vec<Tipo>,
    pub(super) subjects: Vec<(Voce, Vec<Phrase>)>,
    pub(super) delicate: Vec<Phrase>,
}

/// Phrases that make any document reserved: health, courts of minors, criminal records (rule N-14).
const DELICATE: [&str; 12] = [
    "diagnosi",
    "tossicodipenden*",
    "tribunale per i minorenni",
    "casellario giudiziale",
    "carichi pendenti",
    "invalidita civile",
    "salute mentale",
    "violenza domestica",
    "certificato medico",
    "in carico ai servizi sociali",
    "legge 104",
    "stato di detenzione",
];

/// The types and words that come with the program.
const TYPES: &str = include_str!("../../schemas/document-types.toml");
const WORDS: &str = include_str!("../../schemas/voce-words.toml");

static KNOWLEDGE: OnceLock<Knowledge> = OnceLock::new();

/// What the house knows of types, read once.
pub(super) fn knowledge() -> &'static Knowledge {
    KNOWLEDGE.get_or_init(|| {
        read(TYPES, WORDS).unwrap_or_else(|error| {
            tracing::error!(%error, "document types unreadable");
            Knowledge::default()
        })
    })
}

/// Days of a procedure for which no law and no act of the ente says another number (L. 241/1990 art. 2 c. 2).
const TERMINE: u32 = 30;

/// Days within which the procedure of a tipo must end; none where a tipo opens none.
pub fn termine(tipo: &str) -> Option<u32> {
    knowledge().tipi.iter().find(|known| known.code == tipo).and_then(|known| known.termine)
}

/// Which of the ente's own files of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Types of document.
    Types,
    /// Words of the voci.
    Words,
}

/// Takes the ente's own types and words of the voci in place of those that come with the program, before anything is filed.
/// Gives what is wrong, and with which of the two.
pub fn adopt(types: Option<&str>, words: Option<&str>) -> Result<(), (Rules, Message)> {
    if types.is_none() && words.is_none() {
        return Ok(());
    }
    let at = |(rules, text): (Rules, &str), error: &toml::de::Error| {
        let before = text.bytes().take(error.span().map_or(0, |span| span.start));
        (rules, Message::new("rules-line").with("line", before.filter(|byte| *byte == b'\n').count() + 1))
    };
    let (types, words) = (types.unwrap_or(TYPES), words.unwrap_or(WORDS));
    let file: File = toml::from_str(types).map_err(|error| at((Rules::Types, types), &error))?;
    let own = known(file, toml::from_str(words).map_err(|error| at((Rules::Words, words), &error))?);
    let code = |code: &str| own.tipi.iter().any(|tipo| tipo.code == code);
    if let Some(tipo) = own.tipi.iter().find(|tipo| tipo.titles.is_empty() || tipo.voci.is_empty()) {
        return Err((Rules::Types, Message::new("rules-titles").with("tipo", &tipo.code)));
    }
    if !code("lettera") {
        return Err((Rules::Types, Message::new("rules-lettera")));
    }
    // An archive that is opened twice by one process keeps what it took first.
    let _ = KNOWLEDGE.set(own);
    Ok(())
}

fn read(types: &str, words: &str) -> Result<Knowledge, toml::de::Error> {
    Ok(known(toml::from_str(types)?, toml::from_str(words)?))
}

fn known(file: File, words: BTreeMap<String, Vec<String>>) -> Knowledge {
    let mut lexicon = Lexicon::default();
    let mut phrases = |list: &[String], weight: f32| list.iter().map(|source| lexicon.phrase(source, weight)).collect::<Vec<_>>();
    let tipi = file
        .tipo
        .into_iter()
        .map(|t| Tipo {
            titles: phrases(&t.titles, 3.0),
            structure: phrases(&t.structure, 1.0),
            against: phrases(&t.against, 2.0),
            voci: t.voci.into_iter().map(Voce).collect(),
            code: t.code,
            nome: t.nome,
            subject: t.subject,
            registro: t.registro,
            raccolta: t.aggregazione,
            anni: t.anni,
            termine: t.termine.or((t.aggregazione == Raccolta::Procedimento).then_some(TERMINE)),
            own: t.own,
            riservato: t.riservato,
            fallback: t.fallback,
            kin: t.kin,
        })
        .collect();
    let subjects = words.into_iter().map(|(voce, list)| (Voce(voce), phrases(&list, 1.0))).collect();
    let delicate = DELICATE.iter().map(|source| lexicon.phrase(source, 1.0)).collect();
    Knowledge { lexicon, tipi, subjects, delicate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::titolario::Titolario;

    #[test]
    fn every_type_has_titles_and_voci_of_the_titolario() {
        let knowledge = knowledge();
        assert_eq!(knowledge.tipi.len(), 69);
        for tipo in &knowledge.tipi {
            assert!(!tipo.titles.is_empty() && !tipo.voci.is_empty(), "{}", tipo.code);
            for voce in &tipo.voci {
                assert!(Titolario::comuni().voce(voce).is_some(), "{} {voce}", tipo.code);
            }
            for kin in &tipo.kin {
                assert!(knowledge.tipi.iter().any(|t| t.code == *kin), "{kin}");
            }
        }
    }

    #[test]
    fn every_classe_has_words_of_its_own() {
        let knowledge = knowledge();
        for voce in Titolario::comuni().voci().iter().filter(|v| v.voce.0.contains('.')) {
            assert!(knowledge.subjects.iter().any(|(known, words)| *known == voce.voce && !words.is_empty()), "{}", voce.voce);
        }
    }
}
