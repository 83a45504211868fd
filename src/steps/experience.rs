//! What has this archive learned? The current version of its experience, from its blob.

use std::io::Read as _;

use crate::classify::Experience;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::pipeline::House;

/// Fact kind of the current version, of the ente.
pub(crate) const FACT: &str = "experience";

/// The archive's experience; that of the seed corpus where it has learned nothing yet. One that this release cannot read
/// (another wrote it) is left aside, and said: the rules still hold.
pub(crate) async fn of(house: &House) -> Result<Experience> {
    #[derive(serde::Deserialize)]
    struct Current {
        sha256: Digest,
    }
    let Some(current) = super::fact::<Current>(house, &house.ente_id.0, FACT).await? else {
        return Ok(Experience::default());
    };
    let mut bytes = Vec::new();
    let mut blob = house.blobs.read(&house.ente_id, &current.sha256)?;
    blob.read_to_end(&mut bytes).map_err(Error::store)?;
    Ok(Experience::from_bytes(&bytes).unwrap_or_else(|| {
        tracing::warn!(sha256 = %current.sha256, "experience of another release: that of the seed corpus is used");
        Experience::default()
    }))
}
