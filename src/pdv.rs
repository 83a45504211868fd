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
    /// Digest of the package file, once built.
    pub sha256: Option<Digest>,
    /// Size of the package file, once built.
    pub bytes: Option<u64>,
}
