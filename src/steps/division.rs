//! How does a document come apart? Each part becomes a document with files of its own pages; the whole ends and says which. Whether a
//! person has said so or separators do, it is the same division.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::part;
use crate::batch::{Piece, RecordedPart};
use crate::document::{Component, Document, DocumentId, DocumentState, Form, Hold, Role};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::findable::Findable;
use crate::given::{self, Given};
use crate::messages::Message;
use crate::part::Part;
use crate::pipeline::{self, House, Step};
use crate::stack::{self, Duplex, PagePlace, Stack, StackFile};
use crate::store::Change;
use crate::turn::{self, Turn};

/// Most parts of one document.
pub(crate) const PARTS_MAX: usize = 1_000;

/// Who divides, and what the whole says of it.
pub(crate) struct By {
    /// As the journal has it.
    pub(crate) agent: String,
    /// Kind of the journal's lines.
    pub(crate) kind: &'static str,
    /// Why the whole has ended; `ids` is filled in.
    pub(crate) ended: Message,
}

/// A division that is ready to be stored: the files of its parts are blobs already.
pub(crate) struct Division {
    /// The parts, in order.
    pub(crate) parts: Vec<RecordedPart>,
    /// What to store, all in one transaction.
    pub(crate) changes: Vec<Change>,
}

/// Divides `whole` into `pieces`; `places` says where the pages of a folder lie. What was said of the whole from outside (sidecar,
/// registration) goes with the first part, as do its attachments.
pub(crate) async fn divide(
    house: &Arc<House>,
    (whole, components): (&Document, &[Component]),
    (pieces, places): (&[Piece], &[PagePlace]),
    by: &By,
) -> Result<Division> {
    let contents = contents(house, (whole, components), (pieces, places)).await?;
    let turns: Vec<Turn> = super::facts(house, whole.id.as_str(), turn::FACT).await?;
    let taken = house.store.documents_of(&house.ente_id, &whole.arrival).await?;
    let taken = taken.iter().map(|row| row.document.position).max().unwrap_or(1);
    let is_later = super::fact::<Part>(house, whole.id.as_str(), crate::part::FACT).await?.is_some_and(|part| part.is_later);
    let own = separator_of(house, &whole.id).await?;
    let mut changes = vec![require_none(&whole.id, crate::part::INTO)];
    let mut parts = Vec::with_capacity(pieces.len());
    for ((n, piece), content) in (1..).zip(pieces).zip(contents) {
        let part = Part { of: whole.id.clone(), n, first: piece.first, last: piece.last, is_later: is_later || n > 1 };
        let position = taken + n;
        let document = Document {
            id: Document::derive_id(&whole.ente, &whole.arrival, position),
            position,
            name: content.components[0].name.clone(),
            state: DocumentState::Working,
            version: 1,
            ..whole.clone()
        };
        let said = piece.said.as_ref().map(|(page, said)| said.given(*page));
        let said = said.or_else(|| own.clone().filter(|_| n == 1));
        let digests = content.components.iter().map(|component| component.sha256).collect();
        parts.push(RecordedPart { document: document.id.clone(), first: piece.first, last: piece.last, sha256: digests });
        // Two parts of one arrival that are divided at once must not take the same place in it.
        changes.push(require_none(&document.id, crate::part::FACT));
        changes.extend(born(house, document, (&part, content, said), (&turns, by))?);
    }
    changes.extend(ended(house, &whole.id, (&parts, by))?);
    Ok(Division { parts, changes })
}

/// What the separator of a part says of it.
pub(crate) async fn separator_of(house: &House, id: &DocumentId) -> Result<Option<Given>> {
    let body = house.store.fact_at(&house.ente_id, (id.as_str(), given::FACT, given::SEPARATOR)).await?;
    body.map(|body| serde_json::from_str(&body).map_err(|e| Error::bug("fact given unreadable").because(e))).transpose()
}

fn require_none(owner: &DocumentId, kind: &str) -> Change {
    Change::RequireFact { owner: owner.0.clone(), kind: kind.to_owned(), seen: None }
}

/// What a part is made of.
struct Content {
    /// Principal first.
    components: Vec<Component>,
    /// The files, where the whole is a folder.
    stack: Option<Stack>,
}

/// The content of each part: of a folder files, whole or some pages of them, of a file a file of those pages.
async fn contents(
    house: &Arc<House>,
    (whole, components): (&Document, &[Component]),
    (pieces, places): (&[Piece], &[PagePlace]),
) -> Result<Vec<Content>> {
    let mut contents = Vec::with_capacity(pieces.len());
    if let Some(stack) = super::stack::stack_of(house, whole.id.as_str()).await? {
        for piece in pieces {
            contents.push(of_files(house, whole, (&stack, components), (piece, places)).await?);
        }
    } else {
        let principal = super::principal(components)?;
        part::ensure_divisible(&whole.id, principal)?;
        let ranges: Vec<(u32, u32)> = pieces.iter().map(|piece| (piece.first, piece.last)).collect();
        let files = part::files(house, whole, principal, &ranges).await?;
        contents.extend(files.into_iter().map(|file| Content { components: vec![file], stack: None }));
    }
    if let Some(first) = contents.first_mut() {
        first.components.extend(components.iter().filter(|component| component.role == Role::Allegato).cloned());
    }
    Ok(contents)
}

/// The files of a part of a folder.
async fn of_files(
    house: &Arc<House>,
    whole: &Document,
    (stack, components): (&Stack, &[Component]),
    (piece, places): (&Piece, &[PagePlace]),
) -> Result<Content> {
    let wrong = || Error::new(Kind::Usage, "split-folder").with("id", &whole.id);
    let runs = runs(stack.duplex, places, piece).ok_or_else(wrong)?;
    let (mut files, mut made) = (Vec::with_capacity(runs.len()), Vec::with_capacity(runs.len()));
    for (at, first, last) in runs {
        let component = components.get(at as usize).ok_or_else(wrong)?;
        let pages = places.iter().filter(|place| place.file == at).count() as u32;
        let is_whole = last - first + 1 == pages;
        let component = if is_whole {
            component.clone()
        } else {
            part::ensure_divisible(&whole.id, component)?;
            part::files(house, whole, component, &[(first, last)]).await?.remove(0)
        };
        files.push(StackFile { name: component.name.clone(), bytes: component.bytes, sha256: component.sha256 });
        made.push((component.format, component.form));
    }
    let stack = Stack { duplex: stack.duplex, files };
    let formats: Vec<_> = made.iter().map(|(format, _)| format.clone()).collect();
    let mut components = stack.components(&formats);
    for (component, (_, form)) in components.iter_mut().zip(made) {
        if matches!(form, Form::Split { .. }) {
            component.form = form;
        }
    }
    Ok(Content { components, stack: Some(stack) })
}

/// Which pages of which files a part of a folder is: none where it would cut between the sides of a sheet.
fn runs(duplex: Duplex, places: &[PagePlace], piece: &Piece) -> Option<Vec<(u32, u32, u32)>> {
    let own = places.get(piece.first.checked_sub(1)? as usize..piece.last as usize)?;
    let mut files: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for place in own {
        files.entry(place.file).or_default().push(place.page);
    }
    let is_cut = piece.first.is_multiple_of(2) || !piece.last.is_multiple_of(2);
    if duplex == Duplex::TwoPass && is_cut {
        return None;
    }
    let run = |(file, mut pages): (u32, Vec<u32>)| {
        pages.sort_unstable();
        let (first, last) = (*pages.first()?, *pages.last()?);
        (last - first + 1 == pages.len() as u32).then_some((file, first, last))
    };
    files.into_iter().map(run).collect()
}

/// A part comes into the world.
fn born(
    house: &House,
    document: Document,
    (part, content, said): (&Part, Content, Option<Given>),
    (turns, by): (&[Turn], &By),
) -> Result<Vec<Change>> {
    let id = document.id.clone();
    let owner = id.as_str();
    let mut changes: Vec<Change> =
        content.components.iter().map(|c| Change::AddBlob { sha256: c.sha256, bytes: c.bytes }).collect();
    changes.push(Change::AddDocument(Box::new(document)));
    changes.push(super::put(owner, crate::part::FACT, 0, part)?);
    changes.push(super::put(owner, "components", 0, &content.components)?);
    if let Some(stack) = &content.stack {
        changes.push(super::put(owner, stack::FACT, 0, stack)?);
    }
    if let Some(said) = said {
        changes.push(super::put(owner, given::FACT, given::SEPARATOR, &said)?);
    }
    for turn in turns.iter().filter(|turn| (part.first..=part.last).contains(&turn.page)) {
        let page = turn.page - part.first + 1;
        changes.push(super::put(owner, turn::FACT, page, &Turn { page, ..turn.clone() })?);
    }
    let pages = format!("{}-{}", part.first, part.last);
    changes.push(told(house, &id, by, [("decision", "split".to_owned()), ("of", part.of.0.clone()), ("pages", pages)]));
    changes.push(pipeline::job(Step::Pages, id.0));
    Ok(changes)
}

/// The whole comes to rest: in no fascicolo, found no more, like no other document; what it was stays on record.
fn ended(house: &House, id: &DocumentId, (parts, by): (&[RecordedPart], &By)) -> Result<Vec<Change>> {
    let into: Vec<&DocumentId> = parts.iter().map(|part| &part.document).collect();
    let ids = into.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    let message = by.ended.clone().with("ids", &ids);
    Ok(vec![
        super::put(id.as_str(), crate::part::INTO, 0, &into)?,
        Change::SetDocument { id: id.clone(), state: DocumentState::Refused },
        Change::SetHolds { document: id.clone(), holds: vec![Hold::new(message)] },
        Change::UnfileDocument { document: id.clone() },
        Change::DropFacts { owner: id.0.clone(), kind: "filing".to_owned() },
        Change::SetLikeness { document: id.clone(), keys: Vec::new() },
        Change::SetFindable { document: id.clone(), findable: Box::new(Findable::default()) },
        told(house, id, by, [("decision", "split".to_owned()), ("into", ids)]),
    ])
}

/// The journal line of a division; what is in `detail` is no personal datum (invariant 6).
fn told<const N: usize>(house: &House, id: &DocumentId, by: &By, detail: [(&str, String); N]) -> Change {
    Change::Journal(Event {
        at: house.clock.now(),
        kind: by.kind.to_owned(),
        subject: id.0.clone(),
        outcome: "success".to_owned(),
        agent: by.agent.clone(),
        detail: detail.map(|(key, value)| (key.to_owned(), value)).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(files: &[u32]) -> Vec<PagePlace> {
        let all = |(file, pages): (u32, &u32)| (1..=*pages).map(move |page| PagePlace { file, page });
        (0..).zip(files).flat_map(all).collect()
    }

    fn piece(first: u32, last: u32) -> Piece {
        Piece { first, last, said: None }
    }

    #[test]
    fn a_folder_is_divided_within_its_files_too() {
        let places = places(&[1, 3, 1]);
        let runs = |first, last| runs(Duplex::No, &places, &piece(first, last));
        assert_eq!(runs(1, 2), Some(vec![(0, 1, 1), (1, 1, 1)]));
        assert_eq!(runs(3, 5), Some(vec![(1, 2, 3), (2, 1, 1)]));
        assert_eq!(runs(3, 6), None, "there is no sixth page");
    }

    #[test]
    fn sheets_that_went_through_twice_are_divided_between_sheets_only() {
        let two = Stack { duplex: Duplex::TwoPass, files: Vec::new() };
        let (places, _) = two.order(&[3, 3]);
        let runs = |first, last| runs(Duplex::TwoPass, &places, &piece(first, last));
        assert_eq!(runs(1, 2), Some(vec![(0, 1, 1), (1, 3, 3)]));
        assert_eq!(runs(3, 6), Some(vec![(0, 2, 3), (1, 1, 2)]));
        assert_eq!((runs(2, 3), runs(1, 3)), (None, None));
    }
}
