//! What leaves the house? A Pdv, pacchetto di versamento: many documents of one aggregation in one package.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aggregation::AggregationId;
use crate::arrival::{EnteId, id_type};
use crate::digest::Digest;

id_type!(
    /// Id of a Pdv, `pdv-…`.
    PdvId
);

/// Where a Pdv stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PdvState {
    /// Its plan is fixed.
    Planned,
    /// Complete under its final name.
    Built,
    /// Sealed.
    Sealed,
    /// Sent to the conservatore.
    Sent,
    /// An accepting RdV is stored (invariant 9).
    Accepted,
    /// Refused by the conservatore (rule P-03).
    Refused,
}

/// What the ente and its things are called at Sacer: the table of one conservatore, `[sacer]` of `conserva.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versatore {
    /// Ambiente.
    pub ambiente: String,
    /// Ente.
    pub ente: String,
    /// Struttura.
    pub struttura: String,
    /// User of the service; the password is never kept here.
    pub user_id: String,
    /// TipologiaUnitaDocumentaria of every document; without it the TipologiaDocumentale of Allegato 5.
    #[serde(default)]
    pub tipologia: Option<String>,
    /// TipoConservazione of the units; without it the conservatore's own choice.
    #[serde(default)]
    pub tipo_conservazione: Option<String>,
    /// TipoFascicolo.
    #[serde(default = "Versatore::fascicolo")]
    pub tipo_fascicolo: String,
    /// TipoStruttura of every document.
    #[serde(default = "Versatore::struttura_generica")]
    pub tipo_struttura: String,
    /// TipoComponente of every file.
    #[serde(default = "Versatore::contenuto")]
    pub tipo_componente: String,
    /// Version of the ProfiloNormativo that the conservatore has configured.
    #[serde(default = "Versatore::prima")]
    pub profilo_normativo: String,
    /// Version of the other profiles of a fascicolo.
    #[serde(default = "Versatore::prima")]
    pub profili: String,
}

impl Versatore {
    fn fascicolo() -> String {
        "Fascicolo".to_owned()
    }

    fn struttura_generica() -> String {
        "DocumentoGenerico".to_owned()
    }

    fn contenuto() -> String {
        "Contenuto".to_owned()
    }

    fn prima() -> String {
        "1.0".to_owned()
    }
}

/// One Pdv as its row says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pdv {
    /// Its id.
    pub id: PdvId,
    /// The ente.
    pub ente: EnteId,
    /// The aggregation whose documents it holds.
    pub aggregazione: AggregationId,
    /// Profile: `agid`, …
    pub profile: String,
    /// Where it stands.
    pub state: PdvState,
    /// The instant that the plan fixed.
    pub planned_at: Timestamp,
    /// The plan, JSON, as `package::plan` gave it: with the blobs, all that `build` needs.
    pub plan: String,
    /// Final path, once built, relative to the archive.
    pub path: Option<String>,
    /// Digest of its content (`package::Written`), once built.
    pub sha256: Option<Digest>,
    /// Size of the package file, once built.
    pub bytes: Option<u64>,
}
