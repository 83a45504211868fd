//! `package --access`: packages for a reader. What is given to whom is nobody's business here; that it was given is the journal's.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::packages::{Packaged, Selection, plans_for_reader};
use crate::document::DocumentId;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::package::{self, Plan};
use crate::pipeline::House;
use crate::steps;
use crate::store::Change;

/// Most ids of reserved documents that one journal line names; their number stands there always.
const NAMED_MAX: usize = 100;

/// Builds packages for a reader (PdD) of the selected documents in `folder`. Reserved documents are left out.
///
/// The journal says first that it is done, and for each document that it was given; then, with the digest, that the package stands.
pub async fn access(house: &Arc<House>, selection: &Selection, operator: &str, folder: &Path) -> Result<Vec<Packaged>> {
    let plans = plans_for_reader(house, selection).await?;
    if plans.is_empty() {
        return Err(Error::refuse("package-access-nothing"));
    }
    let mut built = Vec::new();
    for plan in plans {
        built.push(one(house, plan, (operator, folder)).await?);
    }
    Ok(built)
}

async fn one(house: &Arc<House>, plan: Plan, (operator, folder): (&str, &Path)) -> Result<Packaged> {
    let event = |kind: &str, subject: &str, detail: BTreeMap<String, String>| {
        Change::Journal(Event {
            at: house.clock.now(),
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            outcome: "success".to_owned(),
            agent: format!("operator {operator}"),
            detail,
        })
    };
    let riservati = plan.left_out.as_ref().map(|left_out| left_out.riservati.as_slice()).unwrap_or_default();
    let named: Vec<&str> = riservati.iter().take(NAMED_MAX).map(DocumentId::as_str).collect();
    let counts = [("documents", plan.documents.len().to_string()), ("left-out", riservati.len().to_string())];
    let mut detail: BTreeMap<String, String> = counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    if !named.is_empty() {
        detail.insert("riservati".to_owned(), named.join(" "));
    }
    let mut changes = vec![event("access", plan.id.as_str(), detail)];
    let given = BTreeMap::from([("pdd".to_owned(), plan.id.0.clone())]);
    changes.extend(plan.documents.iter().map(|document| event("access", document.id.as_str(), given.clone())));
    house.store.apply(&house.ente_id, None, &changes).await?;
    let (source, target, planned) = (steps::pdv::blobs(house), folder.to_owned(), plan.clone());
    let built = steps::blocking(move || package::build(&planned, &source, &target)).await?;
    let detail =
        BTreeMap::from([("content-sha256".to_owned(), built.content.hex()), ("bytes".to_owned(), built.bytes.to_string())]);
    house.store.apply(&house.ente_id, None, &[event("access-built", plan.id.as_str(), detail)]).await?;
    Ok(Packaged {
        id: plan.id,
        path: built.path,
        aggregazione: plan.aggregation.id,
        content_sha256: built.content,
        bytes: built.bytes,
        documents: plan.documents.len(),
    })
}
