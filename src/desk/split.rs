//! `review ID --split PAGES`: one arrival holds several documents. Each part becomes a document of its own; the whole ends, and says
//! which. Its bytes stay as they came (invariant 7).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rescan::{By, decided, page_of};
use crate::document::{Component, Document, DocumentId, DocumentState, Hold, Role};
use crate::error::{Error, Kind, Result};
use crate::findable::Findable;
use crate::messages::Message;
use crate::page::PageSurvey;
use crate::part::{self, Part};
use crate::pipeline::{self, House, Step};
use crate::stack::{self, Duplex, Stack};
use crate::steps::{self, sheets};
use crate::store::Change;
use crate::turn::{self, Turn};

/// Most parts of one document.
const PARTS_MAX: usize = 1_000;

/// Divides a document: a new one begins with each page of `starts`. The files of the parts are blobs before, in one transaction with
/// both journal lines, the new documents and their jobs, the whole comes to rest. What was said of the whole from outside (sidecar,
/// registration) goes with the first part, as do its attachments.
pub async fn split(house: &Arc<House>, id: &str, starts: &[u32], by: &By) -> Result<Vec<DocumentId>> {
    let (row, _, fence) = page_of(house, id, 1).await?;
    let whole = &row.document;
    let wrong = |code: &'static str| Error::new(Kind::Usage, code).with("id", &whole.id);
    let surveys: Vec<PageSurvey> = steps::need_fact(house, whole.id.as_str(), "survey").await?;
    let pages = surveys.len() as u32;
    let ranges = part::ranges(starts, pages).filter(|ranges| ranges.len() <= PARTS_MAX);
    let ranges = ranges.ok_or_else(|| wrong("split-wrong").with("pages", pages).with("max", PARTS_MAX))?;
    if !sheets::rescans(house, &whole.id).await?.is_empty() {
        return Err(wrong("split-rescanned"));
    }
    let divided = divided(house, whole, &ranges).await?;
    let turns: Vec<Turn> = steps::facts(house, whole.id.as_str(), turn::FACT).await?;
    let taken = house.store.documents_of(&house.ente_id, &whole.arrival).await?;
    let taken = taken.iter().map(|row| row.document.position).max().unwrap_or(1);
    let is_later = steps::fact::<Part>(house, whole.id.as_str(), part::FACT).await?.is_some_and(|part| part.is_later);
    let require_none =
        |owner: &DocumentId, kind: &str| Change::RequireFact { owner: owner.0.clone(), kind: kind.to_owned(), seen: None };
    let mut changes = vec![require_none(&whole.id, part::INTO)];
    changes.extend(fence);
    let mut ids = Vec::with_capacity(ranges.len());
    for ((n, range), content) in (1..).zip(&ranges).zip(divided) {
        let part = Part { of: whole.id.clone(), n, first: range.0, last: range.1, is_later: is_later || n > 1 };
        let position = taken + n;
        let document = Document {
            id: Document::derive_id(&whole.ente, &whole.arrival, position),
            position,
            name: content.components[0].name.clone(),
            state: DocumentState::Working,
            version: 1,
            ..whole.clone()
        };
        // Two parts of one arrival that are divided at once must not take the same place in it.
        changes.push(require_none(&document.id, part::FACT));
        ids.push(document.id.clone());
        changes.extend(born(house, document, (&part, content), (&turns, by))?);
    }
    changes.extend(ended(house, (&whole.id, &ids), by).await?);
    house.store.apply(&house.ente_id, None, &changes).await?;
    crate::drill::point("desk.split");
    Ok(ids)
}

/// What a part is made of.
struct Content {
    /// Principal first.
    components: Vec<Component>,
    /// The files, where the whole is a folder.
    stack: Option<Stack>,
}

/// The content of each part: of a folder its files, of a file a file of those pages.
async fn divided(house: &Arc<House>, whole: &Document, ranges: &[(u32, u32)]) -> Result<Vec<Content>> {
    let components: Vec<Component> = steps::need_fact(house, whole.id.as_str(), "components").await?;
    let mut contents = if let Some(stack) = steps::stack::stack_of(house, whole.id.as_str()).await? {
        files_apart(&whole.id, (&stack, &components), ranges)?
    } else {
        let principal = steps::principal(&components)?;
        steps::part::ensure_divisible(&whole.id, principal)?;
        let files = steps::part::files(house, whole, principal, ranges).await?;
        files.into_iter().map(|file| Content { components: vec![file], stack: None }).collect()
    };
    if let Some(first) = contents.first_mut() {
        first.components.extend(components.into_iter().filter(|component| component.role == Role::Allegato));
    }
    Ok(contents)
}

/// The files of a folder by parts, each of which must begin with a file.
fn files_apart(id: &DocumentId, (stack, components): (&Stack, &[Component]), ranges: &[(u32, u32)]) -> Result<Vec<Content>> {
    let wrong = || Error::new(Kind::Usage, "split-folder").with("id", id);
    if stack.duplex != Duplex::No {
        return Err(wrong());
    }
    let (mut contents, mut file) = (Vec::with_capacity(ranges.len()), 0);
    for (first, last) in ranges {
        let (begin, mut left) = (file, last - first + 1);
        while let Some(component) = components[..stack.files.len().min(components.len())].get(file).filter(|_| left > 0) {
            left = left.checked_sub(component.pages).ok_or_else(wrong)?;
            file += 1;
        }
        if left > 0 {
            return Err(wrong());
        }
        let files = Stack { duplex: Duplex::No, files: stack.files[begin..file].to_vec() };
        let formats: Vec<_> = components[begin..file].iter().map(|component| component.format.clone()).collect();
        contents.push(Content { components: files.components(&formats), stack: Some(files) });
    }
    Ok(contents)
}

/// A part comes into the world.
fn born(
    house: &House,
    document: Document,
    (part, content): (&Part, Content),
    (turns, by): (&[Turn], &By),
) -> Result<Vec<Change>> {
    let id = document.id.clone();
    let owner = id.as_str();
    let mut changes: Vec<Change> =
        content.components.iter().map(|c| Change::AddBlob { sha256: c.sha256, bytes: c.bytes }).collect();
    changes.push(Change::AddDocument(Box::new(document)));
    changes.push(steps::put(owner, part::FACT, 0, part)?);
    changes.push(steps::put(owner, "components", 0, &content.components)?);
    if let Some(stack) = &content.stack {
        changes.push(steps::put(owner, stack::FACT, 0, stack)?);
    }
    for turn in turns.iter().filter(|turn| (part.first..=part.last).contains(&turn.page)) {
        let page = turn.page - part.first + 1;
        changes.push(steps::put(owner, turn::FACT, page, &Turn { page, ..turn.clone() })?);
    }
    let pages = format!("{}-{}", part.first, part.last);
    let detail = [("decision", "split".to_owned()), ("of", part.of.0.clone()), ("pages", pages)];
    changes.push(decided(house, &id, by, detail));
    changes.push(pipeline::job(Step::Pages, id.0));
    Ok(changes)
}

/// The whole comes to rest: in no fascicolo, found no more, like no other document; what it was stays on record.
async fn ended(house: &House, (id, parts): (&DocumentId, &[DocumentId]), by: &By) -> Result<Vec<Change>> {
    let ids = parts.iter().map(DocumentId::as_str).collect::<Vec<_>>().join(", ");
    let message = Message::new("split-into").with("ids", &ids).with("operator", &by.operator);
    Ok(vec![
        steps::put(id.as_str(), part::INTO, 0, &parts)?,
        Change::SetDocument { id: id.clone(), state: DocumentState::Refused },
        Change::SetHolds { document: id.clone(), holds: vec![Hold::new(message)] },
        Change::UnfileDocument { document: id.clone() },
        Change::DropFacts { owner: id.0.clone(), kind: "filing".to_owned() },
        Change::SetLikeness { document: id.clone(), keys: Vec::new() },
        Change::SetFindable { document: id.clone(), findable: Box::new(Findable::default()) },
        super::review::noted(house, id, (BTreeMap::new(), Vec::new()), by).await?,
        decided(house, id, by, [("decision", "split".to_owned()), ("into", ids)]),
    ])
}

/// `3,5` as it was typed: the pages with which a new document begins.
pub fn starts(typed: &str) -> Result<Vec<u32>> {
    let wrong = || Error::new(Kind::Usage, "usage-wrong").with("what", format_args!("--split {typed} (3,5)"));
    typed.split(',').map(|page| page.trim().parse().map_err(|_| wrong())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrival::FileName;
    use crate::digest::Digest;
    use crate::document::Format;
    use crate::stack::StackFile;

    #[test]
    fn pages_are_typed_with_commas_between_them() {
        assert_eq!(starts("3, 5").unwrap(), [3, 5]);
        for typed in ["", "3,", "x", "-1", "2;3"] {
            assert_eq!(starts(typed).unwrap_err().exit_code(), 2, "{typed}");
        }
    }

    #[test]
    fn a_folder_is_divided_between_its_files_only() {
        let file = |n: u8| StackFile { name: FileName::new(vec![n]), bytes: 1, sha256: Digest::of(&[n]) };
        let format = Format::tiff();
        let stack = Stack { duplex: Duplex::No, files: vec![file(1), file(2), file(3)] };
        let mut components = stack.components(&[format.clone(), format.clone(), format]);
        for (component, pages) in components.iter_mut().zip([1, 2, 1]) {
            component.pages = pages;
        }
        let id = DocumentId("doc-x".into());
        let parts = |ranges: &[(u32, u32)]| files_apart(&id, (&stack, &components), ranges);
        let counts: Vec<usize> = parts(&[(1, 3), (4, 4)]).unwrap().iter().map(|content| content.components.len()).collect();
        assert_eq!(counts, [2, 1]);
        assert_eq!(parts(&[(1, 2), (3, 4)]).err().unwrap().code(), "split-folder");
        let two_pass = Stack { duplex: Duplex::TwoPass, ..stack.clone() };
        assert!(files_apart(&id, (&two_pass, &components), &[(1, 3), (4, 4)]).is_err());
    }
}
