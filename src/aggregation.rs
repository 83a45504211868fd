//! Which documents belong together? Fascicoli, serie of documents, serie of fascicoli (rules G-03 to G-08).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::arrival::{EnteId, id_type};
use crate::filing::Voce;

id_type!(
    /// Id of an aggregation as shown and cited, `2024/VI.3/1` (a Fascicolo, key of rule G-05) or `2024/determina` (a serie).
    AggregationId
);

/// Kinds of aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TipoAggregazione {
    /// Fascicolo.
    Fascicolo,
    /// Serie of documents of one type.
    SerieDocumentale,
    /// Serie of fascicoli.
    SerieDiFascicoli,
}

impl TipoAggregazione {
    /// The literal of Allegato 5 (norms 2.3).
    pub fn literal(self) -> &'static str {
        match self {
            Self::Fascicolo => "Fascicolo",
            Self::SerieDocumentale => "Serie Documentale",
            Self::SerieDiFascicoli => "Serie Di Fascicoli",
        }
    }
}

/// The five kinds of Fascicolo (rule G-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TipoFascicolo {
    /// Affare.
    Affare,
    /// Attività: annual.
    Attivita,
    /// Persona fisica.
    PersonaFisica,
    /// Persona giuridica.
    PersonaGiuridica,
    /// Procedimento amministrativo.
    Procedimento,
}

impl TipoFascicolo {
    /// The literal of Allegato 5 (norms 2.3).
    pub fn literal(self) -> &'static str {
        match self {
            Self::Affare => "affare",
            Self::Attivita => "attivita",
            Self::PersonaFisica => "persona fisica",
            Self::PersonaGiuridica => "persona giuridica",
            Self::Procedimento => "procedimento amministrativo",
        }
    }
}

/// What makes two documents belong to the same aggregation, before a progressive number is given.
///
/// Two documents with equal keys go to the same aggregation. `thread` is what ties them: a reference read on the page
/// (`pratica edilizia 87/2019`), a CIG, a person's code; empty for a serie; the document's own id where nothing ties it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AggregationKey {
    /// Kind of aggregation.
    pub tipo: TipoAggregazione,
    /// Kind of Fascicolo, none of a serie.
    pub fascicolo: Option<TipoFascicolo>,
    /// Year of opening (of a Fascicolo) or of the register (of a serie).
    pub anno: i16,
    /// Voce (of a serie: of its repertory).
    pub voce: Voce,
    /// Tipo code of a serie's documents (`determina`), empty of a Fascicolo.
    pub serie: String,
    /// What ties the documents.
    pub thread: String,
    /// Object of the aggregation as proposed.
    pub oggetto: String,
}

/// `thread` may be a person's code and `oggetto` a person's name: neither is shown in logs and panic texts (invariant 13).
impl std::fmt::Debug for AggregationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AggregationKey")
            .field("tipo", &self.tipo)
            .field("fascicolo", &self.fascicolo)
            .field("anno", &self.anno)
            .field("voce", &self.voce)
            .field("serie", &self.serie)
            .finish_non_exhaustive()
    }
}

/// One aggregation of the archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregation {
    /// Its id.
    pub id: AggregationId,
    /// The ente it belongs to.
    pub ente: EnteId,
    /// What ties its documents.
    pub key: AggregationKey,
    /// Progressive within year, titolo, classe (rule G-05), of a sub-fascicolo within its primario; 1 of a serie.
    pub progressivo: u32,
    /// Of a sub-fascicolo the Fascicolo that it is part of (Allegato 5, `IdAggPrimario`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primario: Option<AggregationId>,
    /// Opened on.
    pub data_apertura: Date,
    /// Closed on.
    pub data_chiusura: Option<Date>,
}

impl AggregationId {
    /// True of the id of a fascicolo: year, voce, number, and for a sub-fascicolo its own number (`2024/VI.3/1`, `2024/VI.3/1.2`).
    pub fn is_of_fascicolo(text: &str) -> bool {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [anno, _, last] => {
                let mut numbers = last.split('.');
                is_number(anno) && numbers.by_ref().take(2).all(is_number) && numbers.next().is_none()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_for_debugging_names_no_person() {
        let key = AggregationKey {
            tipo: TipoAggregazione::Fascicolo,
            fascicolo: Some(TipoFascicolo::PersonaFisica),
            anno: 2024,
            voce: Voce("VII.2".into()),
            serie: String::new(),
            thread: "RSSMRA85T10A562S".into(),
            oggetto: "Iscrizione di Maria Rossi".into(),
        };
        let shown = format!("{key:?}");
        assert!(shown.contains("VII.2") && !shown.contains("RSSMRA") && !shown.contains("Rossi"), "{shown}");
    }

    #[test]
    fn the_ids_of_fascicoli_are_told_from_their_names() {
        for id in ["2024/VI.3/1", "2024/VI.3/12.3"] {
            assert!(AggregationId::is_of_fascicolo(id), "{id}");
        }
        for name in ["2024/determina", "pratica 87/2019", "VI.3/1", "2024/VI.3/", "2024/VI.3/1.", "2024/VI.3/1.2.3", "a/b/1"] {
            assert!(!AggregationId::is_of_fascicolo(name), "{name}");
        }
    }
}
