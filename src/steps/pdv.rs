//! The step of a Pdv: its bytes, built from plan and blobs.

use std::io::Read;
use std::sync::Arc;

use super::blocking;
use crate::arrival::EnteId;
use crate::blobs::Blobs;
use crate::digest::Digest;
use crate::document::DocumentState;
use crate::error::{Error, Result};
use crate::package::{self, Plan};
use crate::pdv::{PdvId, PdvState};
use crate::pipeline::{House, Outcome};
use crate::store::Change;

/// The blobs of one ente, as `package` wants to see them.
pub(crate) struct EnteBlobs {
    blobs: Blobs,
    ente: EnteId,
}

impl package::BlobReader for EnteBlobs {
    fn open(&self, sha256: &Digest) -> Result<Box<dyn Read>> {
        let path = self.blobs.path(&self.ente, sha256);
        let file = std::fs::File::open(&path).map_err(|e| Error::disk("open blob", &path, e))?;
        Ok(Box::new(file))
    }
}

/// The blobs of the house.
pub(crate) fn blobs(house: &House) -> EnteBlobs {
    EnteBlobs { blobs: house.blobs.clone(), ente: house.ente_id.clone() }
}

/// Builds the package under its final name; its documents are packaged.
pub(crate) async fn build(house: &Arc<House>, id: &PdvId) -> Result<Outcome> {
    let found = house.store.pdv(&house.ente_id, id).await?;
    let (pdv, documents) = found.ok_or_else(|| Error::bug(format_args!("no pdv {id}")))?;
    if pdv.state != PdvState::Planned {
        return Ok(Outcome::rest(Vec::new()).noting("already", "built"));
    }
    let plan: Plan = serde_json::from_str(&pdv.plan).map_err(|e| Error::bug("a plan unreadable").because(e))?;
    let source = blobs(house);
    let target = house.layout.pdv();
    let built = blocking(move || package::build(&plan, &source, &target)).await?;
    let name = built.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut changes =
        vec![Change::SetPdvBuilt { id: id.clone(), path: format!("pdv/{name}"), sha256: built.content, bytes: built.bytes }];
    changes.extend(documents.into_iter().map(|id| Change::SetDocument { id, state: DocumentState::Packaged }));
    Ok(Outcome::rest(changes).noting("content-sha256", built.content).noting("bytes", built.bytes))
}
