//! `package`: for a conservatore, for a reader, or only the plan.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::archive::{look, open};
use super::progress::Progress;
use super::{Global, output, tables};
use crate::aggregation::AggregationId;
use crate::desk::{self, Selection};
use crate::document::DocumentId;
use crate::error::{Error, Kind, Result};
use crate::messages::Message;
use crate::pdv::PdvId;

/// Profiles, as they are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// PdV with the index of UNI 11386:2020.
    Agid,
    /// Bag of RFC 8493.
    Bagit,
    /// E-ARK SIP 2.2.0.
    Eark,
    /// Requests to Sacer, laid out as they are sent.
    Sacer,
}

impl From<Profile> for desk::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Agid => Self::Agid,
            Profile::Bagit => Self::Bagit,
            Profile::Eark => Self::Eark,
            Profile::Sacer => Self::Sacer,
        }
    }
}

fn selection(fascicolo: Option<String>) -> Selection {
    fascicolo.map_or(Selection::Ready, |id| Selection::Aggregation(AggregationId(id)))
}

/// `package --dry-run`.
pub(crate) async fn preview(all: &Global, fascicolo: Option<String>, profile: desk::Profile) -> Result<u8> {
    let archive = look(all).await?;
    let selected = selection(fascicolo);
    let mut show =
        |plan: &desk::Plan| output::line(&if all.json { plan.summary_json().to_string() } else { plan.summary(all.words()) });
    desk::preview(&archive.house, &selected, profile, &mut show).await?;
    // What stands in the way: documents of the same selection that wait for a person.
    let mut waiting: Vec<_> = desk::queue(&archive.house).await?.into_iter().map(|waiting| waiting.row).collect();
    if let Selection::Aggregation(id) = &selected {
        waiting.retain(|row| row.aggregazione.as_ref() == Some(id));
    }
    for row in desk::rows(&archive.house, &waiting, all.words()).await? {
        if all.json {
            output::line(&json!({"blocked": row.id, "state": row.state, "why": row.why}).to_string());
        } else {
            let message = Message::new("package-blocked").with("id", &row.id).with("why", row.why.join(" "));
            output::line(&message.text(all.words()));
        }
    }
    Ok(0)
}

/// `package`.
pub(crate) async fn package(
    all: &Global,
    fascicolo: Option<String>,
    (profile, out): (desk::Profile, Option<&Path>),
) -> Result<u8> {
    let archive = open(all).await?;
    let built = {
        let _progress = Progress::watch(Arc::clone(&archive.house.meter), all.words());
        desk::package(&archive.house, &selection(fascicolo), profile).await?
    };
    if let Some(folder) = out {
        std::fs::create_dir_all(folder).map_err(|e| Error::disk("make folder", folder, e))?;
        for package in &built {
            output::copy_whole(&package.path, &folder.join(package.path.file_name().unwrap_or_default()))?;
        }
    }
    if built.is_empty() && !all.json {
        output::line(&Message::new("package-nothing").text(all.words()));
    } else {
        show_packages(all, &built);
    }
    Ok(0)
}

fn show_packages(all: &Global, built: &[desk::Packaged]) {
    if all.json {
        for package in built {
            output::line(&json!(package).to_string());
        }
        return;
    }
    let lines: Vec<Vec<String>> = built
        .iter()
        .map(|p| vec![p.aggregazione.0.clone(), p.documents.to_string(), p.bytes.to_string(), p.path.display().to_string()])
        .collect();
    tables::table(&["head-fascicolo", "word-documents", "head-bytes", "head-path"], &lines, all.words());
}

/// What `package --access` is asked for: one of the three.
pub(crate) fn chosen(fascicolo: Option<String>, documents: Vec<String>, pdv: Option<String>) -> Result<Selection> {
    match (fascicolo, pdv) {
        (Some(id), _) => Ok(Selection::Aggregation(AggregationId(id))),
        (_, Some(id)) => Ok(Selection::Pdv(PdvId(id))),
        _ if !documents.is_empty() => Ok(Selection::Documents(documents.into_iter().map(DocumentId).collect())),
        _ => Err(Error::new(Kind::Usage, "package-access-nothing")),
    }
}

/// `package --access`.
pub(crate) async fn access(all: &Global, selection: Selection, out: Option<&Path>) -> Result<u8> {
    let archive = open(all).await?;
    let folder = out.map_or_else(|| archive.house.layout.root().join("pdd"), Path::to_owned);
    std::fs::create_dir_all(&folder).map_err(|e| Error::disk("make folder", &folder, e))?;
    let built = desk::access(&archive.house, &selection, &all.operator, &folder).await?;
    show_packages(all, &built);
    Ok(0)
}
