//! The steps of a folder that is one document: what its files are, and in which order their pages stand.

use std::sync::Arc;

use super::arrival::{Looked, seen};
use super::sheets::Sheets;
use super::{blocking, facts, put};
use crate::arrival::{Arrival, ArrivalId};
use crate::document::{Component, DocumentId, Format, Hold};
use crate::error::{Error, Kind, Result};
use crate::messages::{Lang, Message};
use crate::page::PageSurvey;
use crate::pipeline::House;
use crate::stack::{self, PagePlace, Stack, ordered};
use crate::store::Change;

/// The files of the folder that `owner` (an arrival, a document) is, if it is one.
pub(crate) async fn stack_of(house: &House, owner: &str) -> Result<Option<Stack>> {
    let body = house.store.fact(&house.ente_id, owner, stack::FACT).await?;
    body.map(|body| serde_json::from_str(&body).map_err(|e| Error::bug("fact stack unreadable").because(e))).transpose()
}

/// What each file is, and the objections, each with the file that it is about.
pub(super) async fn look(house: &Arc<House>, arrival: &Arrival, stack: Stack) -> Result<Looked> {
    let (worker, ente) = (Arc::clone(house), arrival.ente.clone());
    blocking(move || {
        let (mut looked, mut is_clean) = (Looked::default(), true);
        for file in &stack.files {
            let path = worker.blobs.path(&ente, &file.sha256);
            for error in seen(&worker, &path, (&file.name, file.bytes), &mut looked)? {
                looked.object(if matches!(error.kind(), Kind::Hold | Kind::Refuse) { about(&error, file) } else { error })?;
            }
            is_clean &= looked.scanned.is_some();
        }
        looked.scanned = looked.scanned.filter(|_| is_clean);
        Ok(looked)
    })
    .await
}

fn about(error: &Error, file: &stack::StackFile) -> Error {
    let message = Message::new("stack-file").with("name", file.name.shown()).with("why", error.message().sentence(Lang::It));
    Error::of(error.kind(), message)
}

/// The components of the folder that `id` is; none where a file of it is not known yet.
pub(crate) async fn components(house: &House, id: &ArrivalId) -> Result<Option<Vec<Component>>> {
    let Some(stack) = stack_of(house, id.as_str()).await? else { return Ok(None) };
    let formats: Vec<Format> = facts(house, id.as_str(), "format").await?;
    Ok(Some(stack.components(&formats)))
}

/// The pages of a document that is a folder, in their order, with the fact that says so and the doubts.
pub(crate) struct Ordered {
    pub(crate) surveys: Vec<PageSurvey>,
    pub(crate) places: Vec<PagePlace>,
    pub(crate) change: Change,
    pub(crate) doubts: Vec<Hold>,
}

/// Looks at every file of the folder and puts their pages in order. A file without pages is a doubt.
pub(crate) async fn pages(house: &Arc<House>, id: &DocumentId, (stack, components): (Stack, &[Component])) -> Result<Ordered> {
    let files: Vec<_> = components.iter().take(stack.files.len()).map(|c| (c.sha256, c.format.mime.clone())).collect();
    let (worker, owner, limits) = (Arc::clone(house), id.clone(), house.config.limits.clone());
    blocking(move || {
        let (mut all, mut doubts) = (Vec::new(), Vec::new());
        for ((sha256, mime), file) in files.iter().zip(&stack.files) {
            let no_pages = || Error::hold("file-without-pages");
            let path = worker.blobs.path(&worker.ente_id, sha256);
            let surveys = if super::document::has_pages(mime) { worker.readers.survey(&path, mime) } else { Err(no_pages()) };
            all.push(match surveys {
                Ok(surveys) => surveys,
                Err(error) if matches!(error.kind(), Kind::Hold | Kind::Refuse) => {
                    doubts.push(Hold::new(about(&error, file).message().clone()));
                    Vec::new()
                }
                Err(error) => return Err(error),
            });
        }
        let counts: Vec<u32> = all.iter().map(|surveys| surveys.len() as u32).collect();
        let (mut places, doubt) = stack.order(&counts);
        doubts.extend(doubt);
        if places.len() > limits.pages_max as usize {
            let message = Message::new("pages-too-many").with("pages", places.len()).with("max", limits.pages_max);
            doubts.push(Hold::new(message));
            places.clear();
        }
        let change = put(owner.as_str(), stack::ORDER, 0, &places)?;
        Ok(Ordered { surveys: ordered(&places, &all), places, change, doubts })
    })
    .await
}

/// How many pages lie in each component of a document that is a folder: by component's place in the list of files.
pub(crate) fn count_pages(
    components: &mut [Component],
    sheets: &Sheets,
    read: &[PageSurvey],
    path: impl Fn(&Component) -> std::path::PathBuf,
) {
    for component in components {
        let own = path(component);
        component.pages = read.iter().filter(|survey| sheets.file(survey.n).path == own).count() as u32;
    }
}
