//! The step `open`: which documents does the arrival hold? What comes out of an envelope becomes blobs before any row speaks of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arrival::{Looked, need_arrival, rest_with, seen, word};
use super::{blocking, decisions, fact, need_fact, put, put_doubts, registro, rescan, stack};
use crate::arrival::{Arrival, ArrivalId, ArrivalState, FileName};
use crate::blobs::StoredBlob;
use crate::document::{Component, Copy, Document, DocumentId, DocumentState, Form, Format, Hold, Role};
use crate::envelope::{self, Bound, Envelope, Inside, Messaggio, Ruolo, Seen};
use crate::error::{Error, Kind, Result};
use crate::fattura::{self, Fattura};
use crate::given::{self, Given};
use crate::messages::Message;
use crate::open::{self, Node, Opener, Place, Planned};
use crate::pipeline::{AGENT, House, Outcome, Step};
use crate::store::Change;

/// Which documents does the arrival hold? Makes them, each with its components, and sends each on its way.
pub(crate) async fn open(house: &Arc<House>, id: &ArrivalId) -> Result<Outcome> {
    let arrival = need_arrival(house, id).await?;
    let format: Format = need_fact(house, id.as_str(), "format").await?;
    if let Some(place) = rescan::place_of(house, id).await? {
        return rescan::tied(house, &arrival, &format, &place).await;
    }
    if let Some(components) = stack::components(house, id).await? {
        return closed(house, &arrival, components).await;
    }
    let whole = vec![Component::as_arrived(&arrival, &format)];
    if let Some(made) = registro::made_of(house, id.as_str()).await? {
        return registro::opened(house, (&arrival, whole), &made).await;
    }
    if arrival.bytes == 0 {
        return Err(Error::refuse("file-empty").with("name", arrival.name.shown()));
    }
    if !open::is_envelope(&format) {
        return closed(house, &arrival, whole).await;
    }
    let made = match taken_apart(house, &arrival, &format).await {
        Ok(made) => made,
        Err(error) if matches!(error.kind(), Kind::Hold | Kind::Refuse) => {
            let document = Document::of_arrival(&arrival, 1);
            let is_settled =
                error.kind() == Kind::Hold && decisions(house, &document.id).await?.settles(&Hold::new(error.message().clone()));
            if is_settled {
                // A person has said that it stays closed: a document of one file, as it came.
                return Ok(closed(house, &arrival, whole).await?.noting("approved", error.code()));
            }
            let changes = rest_with(&arrival, &[&error], document, &whole)?;
            return Ok(Outcome { verdict: Some(word(&error)), ..Outcome::rest(changes) }.noting("code", error.code()));
        }
        Err(error) => return Err(error),
    };
    let mut outcome = Outcome::rest(vec![Change::SetArrival { id: id.clone(), state: ArrivalState::Opened, reason: None }]);
    for (made, position) in made.iter().zip(1..) {
        born(house, (&arrival, made, position), &mut outcome).await?;
    }
    Ok(outcome.noting("documents", made.len()))
}

/// An arrival that is one document, its files as they came.
pub(super) async fn closed(house: &House, arrival: &Arrival, components: Vec<Component>) -> Result<Outcome> {
    let document = Document::of_arrival(arrival, 1);
    let id = document.id.clone();
    let mut changes = vec![
        Change::SetArrival { id: arrival.id.clone(), state: ArrivalState::Opened, reason: None },
        Change::AddDocument(Box::new(document)),
        Change::SetDocument { id: id.clone(), state: DocumentState::Working },
        Change::SetHolds { document: id.clone(), holds: Vec::new() },
        put(id.as_str(), "components", 0, &components)?,
    ];
    if let Some(stack) = stack::stack_of(house, arrival.id.as_str()).await? {
        changes.push(put(id.as_str(), crate::stack::FACT, 0, &stack)?);
    }
    Ok(Outcome::then(changes, Step::Pages, id.as_str()))
}

/// A document that came out of an envelope, its files blobs already.
struct Made {
    name: FileName,
    components: Vec<Component>,
    envelope: Envelope,
    given: Vec<Given>,
    messaggio: Option<Messaggio>,
    fattura: Option<Fattura>,
    doubts: Vec<Hold>,
    /// The files that lay in the envelope, and not beside it.
    inner: Vec<(FileName, StoredBlob)>,
}

/// The documents that the arrival makes, all their files durable.
async fn taken_apart(house: &Arc<House>, arrival: &Arrival, format: &Format) -> Result<Vec<Made>> {
    let (worker, arrival, format) = (Arc::clone(house), arrival.clone(), format.clone());
    blocking(move || {
        let scratch = worker.scratch.folder()?;
        let mut look = |path: &Path, name: &FileName, bytes: u64| {
            let mut looked = Looked::default();
            let objections = seen(&worker, path, (name, bytes), &mut looked)?;
            Ok((looked.formats.pop(), objections))
        };
        let path = worker.blobs.path(&arrival.ente, &arrival.sha256);
        let mut opener = Opener::new((&worker.config.limits, &arrival.ente, &scratch), &mut look);
        let tree = opener.tree(&path, (&arrival.name, arrival.bytes), &format)?;
        trouble(&tree)?;
        let mut shelf = Shelf { house: &worker, arrival: &arrival, stored: BTreeMap::new() };
        let planned = open::documents(&tree);
        let made = planned.iter().map(|planned| shelf.made(planned, &scratch)).collect::<Result<Vec<_>>>()?;
        let digests: Vec<_> = shelf.stored.values().map(|stored| stored.sha256).collect();
        worker.blobs.settle(&arrival.ente, &digests)?;
        crate::drill::point("open.members-stored");
        Ok(made)
    })
    .await
}

/// Malware in one file refuses the whole arrival; that nobody could be asked, and trouble of our own, are tried again.
fn trouble(node: &Node) -> Result<()> {
    for error in &node.objections {
        if error.code() == "malware-found" || !matches!(error.kind(), Kind::Hold | Kind::Refuse) {
            return Err(error.again());
        }
    }
    node.members.iter().try_for_each(trouble)
}

/// What was put away of one arrival, by where it lay.
struct Shelf<'h> {
    house: &'h House,
    arrival: &'h Arrival,
    stored: BTreeMap<PathBuf, StoredBlob>,
}

impl Shelf<'_> {
    /// The blob of a node; it counts when all are settled.
    fn blob(&mut self, node: &Node) -> Result<StoredBlob> {
        if node.place == Place::Arrival {
            return Ok(StoredBlob { sha256: self.arrival.sha256, bytes: self.arrival.bytes });
        }
        self.file(&node.path)
    }

    fn file(&mut self, path: &Path) -> Result<StoredBlob> {
        if let Some(stored) = self.stored.get(path) {
            return Ok(*stored);
        }
        let (blobs, ente) = (&self.house.blobs, &self.arrival.ente);
        let stored = if let Some(stored) = blobs.adopt(ente, path, None)? {
            stored
        } else {
            let mut file = File::open(path).map_err(|e| Error::disk("open member", path, e))?;
            blobs.place(ente, &mut file, self.house.config.limits.file_bytes_max, None)?
        };
        self.stored.insert(path.to_owned(), stored);
        Ok(stored)
    }

    fn made(&mut self, planned: &Planned<'_>, scratch: &crate::scratch::Scratch) -> Result<Made> {
        let (mut components, mut inner, mut counts) = (Vec::new(), Vec::new(), BTreeMap::<Role, u32>::new());
        for part in &planned.parts {
            let stored = self.blob(part.node)?;
            let n = counts.entry(part.role).or_default();
            *n += 1;
            if part.node.place != Place::Arrival {
                inner.push((part.node.name.clone(), stored));
            }
            components.push(Component {
                role: part.role,
                n: *n,
                name: part.node.name.clone(),
                sha256: stored.sha256,
                bytes: stored.bytes,
                format: part.node.format.clone(),
                form: Form::AsArrived,
                pages: 0,
            });
        }
        let mut envelope = Envelope::default();
        if let Some(node) = planned.inside {
            let stored = self.blob(node)?;
            inner.push((node.name.clone(), stored));
            envelope.inside = Some(inside(node, &stored));
        }
        if let Some((_, readable)) = planned.fattura {
            self.rendered(readable, &components, &mut envelope, scratch)?;
        }
        let doubts = compared(planned, &components, &envelope);
        let (name, given, messaggio) = (planned.name.clone(), planned.given.clone(), planned.messaggio.clone());
        let fattura = planned.fattura.map(|(fattura, _)| fattura.clone());
        Ok(Made { name, components, envelope, given, messaggio, fattura, doubts, inner })
    }

    /// The rendition of an invoice: kept as a copy of its file, and read in its place.
    fn rendered(
        &mut self,
        readable: &str,
        components: &[Component],
        envelope: &mut Envelope,
        scratch: &crate::scratch::Scratch,
    ) -> Result<()> {
        let Some(principal) = components.first() else { return Ok(()) };
        let path = scratch.write(&format!("readable-{}", self.stored.len()), readable.as_bytes())?;
        let stored = self.file(&path)?;
        let origin = format!("{AGENT}, FatturaPA");
        envelope.copies.push(Copy {
            kind: "html".to_owned(),
            sha256: stored.sha256,
            bytes: stored.bytes,
            of: principal.sha256,
            origin,
        });
        envelope.inside = Some(Inside {
            name: FileName::new([principal.name.bytes(), b".html"].concat()),
            sha256: stored.sha256,
            bytes: stored.bytes,
            mime: "text/html".to_owned(),
            puid: None,
        });
        Ok(())
    }
}

/// The doubts, with that of a digest that data state and the principal component has not.
fn compared(planned: &Planned<'_>, components: &[Component], envelope: &Envelope) -> Vec<Hold> {
    let mut doubts = planned.doubts.clone();
    let own = components.first().map(|component| component.sha256);
    let inside = envelope.inside.as_ref().map(|inside| inside.sha256);
    let speaks_of_another = |given: &&Given| given.impronta.is_some_and(|said| Some(said) != own && Some(said) != inside);
    if let Some(given) = planned.given.iter().find(speaks_of_another) {
        let message = Message::new("open-other-digest").with("origin", &given.origin).with("name", planned.name.shown());
        doubts.push(Hold::new(message));
    }
    doubts
}

fn inside(node: &Node, stored: &StoredBlob) -> Inside {
    Inside {
        name: node.name.clone(),
        sha256: stored.sha256,
        bytes: stored.bytes,
        mime: node.format.mime.clone(),
        puid: node.format.puid.clone(),
    }
}

/// A document comes into the world. One that has gone on already is left alone: the arrival may be opened again for another of its own.
async fn born(house: &House, (arrival, made, position): (&Arrival, &Made, u32), outcome: &mut Outcome) -> Result<()> {
    let mut document = Document::of_arrival(arrival, position);
    document.name = made.name.clone();
    let id = document.id.clone();
    if house.store.fact(&house.ente_id, id.as_str(), "survey").await?.is_some() {
        return Ok(());
    }
    let owner = id.as_str();
    let changes = &mut outcome.changes;
    let blobs = made.components.iter().map(|c| (c.sha256, c.bytes));
    let blobs = blobs.chain(made.envelope.inside.iter().map(|i| (i.sha256, i.bytes)));
    changes.extend(blobs.map(|(sha256, bytes)| Change::AddBlob { sha256, bytes }));
    changes.push(Change::AddDocument(Box::new(document)));
    changes.push(Change::SetDocument { id: id.clone(), state: DocumentState::Working });
    changes.push(Change::SetHolds { document: id.clone(), holds: Vec::new() });
    changes.push(put(owner, "components", 0, &made.components)?);
    changes.push(put(owner, envelope::FACT, 0, &made.envelope)?);
    for (given, n) in made.given.iter().zip(given::DATA) {
        changes.push(put(owner, given::FACT, n, given)?);
    }
    if let Some(fattura) = &made.fattura {
        changes.push(put(owner, fattura::FACT, 0, fattura)?);
    }
    if let Some(messaggio) = &made.messaggio {
        changes.push(put(owner, envelope::MESSAGGIO, 0, messaggio)?);
        let bound = Bound { document: id.clone(), ruolo: messaggio.ruolo, tipo: messaggio.tipo() };
        changes.push(put(&envelope::thread(&messaggio.id), envelope::THREAD, envelope::number(&id), &bound)?);
    }
    for (name, stored) in &made.inner {
        let seen = Seen { document: id.clone(), name: name.clone() };
        changes.push(put(&envelope::bytes(&stored.sha256), envelope::SEEN, envelope::number(&id), &seen)?);
    }
    changes.push(put_doubts(owner, Step::Open, &made.doubts)?);
    outcome.next.push((Step::Pages, id.0));
    Ok(())
}

/// What is read in place of the principal component of a document, where something is.
pub(crate) async fn inside_of(house: &House, id: &DocumentId) -> Result<Option<Inside>> {
    Ok(fact::<Envelope>(house, id.as_str(), envelope::FACT).await?.and_then(|envelope| envelope.inside))
}

/// True of a receipt, whose fascicolo is that of its message.
pub(crate) fn is_receipt(messaggio: &Messaggio) -> bool {
    messaggio.ruolo == Ruolo::Ricevuta
}
