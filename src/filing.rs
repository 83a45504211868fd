//! What is it and where does it belong? Tipo, voce of the Titolario and aggregation, proposed with reasons.

use serde::{Deserialize, Serialize};

use crate::aggregation::AggregationKey;
use crate::fields::Reading;
use crate::messages::Message;
use crate::page::Origin;

/// A voce of the Titolario: `VI.3`, Roman titolo and Arabic classe, any depth.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Voce(pub String);

impl std::fmt::Display for Voce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Another filing that was considered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// Its tipo code.
    pub tipo: String,
    /// Its voce.
    pub voce: Voce,
    /// Its confidence, 0 to 1.
    pub confidence: f32,
}

/// What one voice alone says of tipo and voce.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// `rules` or `learned`.
    pub voice: String,
    /// Its tipo.
    pub tipo: Option<String>,
    /// How sure it is of it, 0 to 1.
    pub tipo_confidence: f32,
    /// Its voce.
    pub voce: Option<Voce>,
    /// How sure it is of it, 0 to 1.
    pub voce_confidence: f32,
}

/// The proposal of `classify::filing`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filing {
    /// Tipo documentale: a code of the document types (`istanza_accesso_atti`).
    pub tipo: Reading<String>,
    /// Voce of the Titolario.
    pub voce: Reading<Voce>,
    /// The aggregation proposed.
    pub aggregazione: AggregationKey,
    /// Confidence of the whole, 0 to 1.
    pub confidence: f32,
    /// Why: cues found, rules applied.
    pub reasons: Vec<Message>,
    /// What else was considered, best first.
    pub alternatives: Vec<Alternative>,
    /// What each voice says by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voices: Vec<Opinion>,
    /// True if the tipo is reserved by default (types marked `!`, rule N-14).
    pub riservato: bool,
    /// Who says so, where it is not the tipo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub riservato_origin: Option<Origin>,
    /// Years of retention where the plan gives a number; 9999 stands for permanent; none where the plan is silent.
    pub tempo_di_conservazione: Option<u32>,
    /// Doubts that hold the document.
    pub doubts: Vec<crate::document::Hold>,
}
