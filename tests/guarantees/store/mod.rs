//! The contract of the store. Every function takes an empty store with one ente: another engine runs the same suite.

mod filing;
mod jobs;
mod rows;
mod sqlite;

use conserva::aggregation::{AggregationId, AggregationKey, TipoAggregazione, TipoFascicolo};
use conserva::arrival::{Arrival, ArrivalState, EnteId, FileName};
use conserva::clock::Clock;
use conserva::digest::Digest;
use conserva::document::{Document, DocumentId, DocumentState};
use conserva::ente::Ente;
use conserva::event::Event;
use conserva::filing::Voce;
use conserva::pdv::{Pdv, PdvId, PdvState};
use conserva::store::{Change, Claim, NewJob, Store};
use jiff::{SignedDuration, Timestamp};

pub(crate) const NOON: Timestamp = Timestamp::constant(1_700_000_000, 0);

pub(crate) fn later(seconds: i64) -> Timestamp {
    NOON + SignedDuration::from_secs(seconds)
}

pub(crate) fn prova() -> EnteId {
    EnteId("prova".to_owned())
}

/// A store in a fresh folder, with the trial ente.
pub(crate) async fn fresh() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&folder.path().join("store.db"), Clock::Fixed(NOON)).await.expect("open");
    store.add_ente(&Ente::prova()).await.expect("ente");
    (folder, store)
}

pub(crate) fn arrival(ente: &EnteId, name: &str, bytes: &[u8]) -> Arrival {
    let (name, sha256) = (FileName::new(name), Digest::of(bytes));
    Arrival {
        id: Arrival::derive_id(ente, b"ingest", &name, bytes.len() as u64, 7, &sha256),
        ente: ente.clone(),
        door: "ingest".to_owned(),
        name,
        bytes: bytes.len() as u64,
        mtime_ns: 7,
        sha256,
        admitted_at: NOON,
        state: ArrivalState::Working,
        duplicate_of: None,
        reason: None,
    }
}

pub(crate) fn admission(arrival: &Arrival) -> Vec<Change> {
    vec![
        Change::AddBlob { sha256: arrival.sha256, bytes: arrival.bytes },
        Change::AddArrival(Box::new(arrival.clone())),
        job("identify", arrival.id.as_str(), 0),
        Change::Journal(event("admitted", arrival.id.as_str())),
    ]
}

pub(crate) fn job(step: &str, owner: &str, priority: i32) -> Change {
    Change::AddJob(NewJob { step: step.to_owned(), owner: owner.to_owned(), priority })
}

pub(crate) fn event(kind: &str, subject: &str) -> Event {
    Event {
        at: NOON,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        outcome: "success".to_owned(),
        agent: "test".to_owned(),
        detail: [("rule".to_owned(), "I-01".to_owned())].into(),
    }
}

pub(crate) fn fact(owner: &str, n: u32, body: &str) -> Change {
    Change::PutFact { owner: owner.to_owned(), kind: "page".to_owned(), n, body: body.to_owned() }
}

/// Admits an arrival with `count` documents.
pub(crate) async fn with_documents(store: &Store, count: u32) -> Vec<DocumentId> {
    let arrival = arrival(&prova(), "a.tif", b"a");
    let mut changes = admission(&arrival);
    let mut ids = Vec::new();
    for position in 1..=count {
        let id = Document::derive_id(&prova(), &arrival.id, position);
        changes.push(Change::AddDocument(Box::new(Document {
            id: id.clone(),
            ente: prova(),
            arrival: arrival.id.clone(),
            position,
            name: arrival.name.clone(),
            state: DocumentState::Working,
            formed_at: NOON,
            version: 1,
        })));
        ids.push(id);
    }
    store.apply(&prova(), None, &changes).await.expect("admitted");
    ids
}

pub(crate) fn fascicolo(anno: i16, voce: &str, thread: &str) -> AggregationKey {
    AggregationKey {
        tipo: TipoAggregazione::Fascicolo,
        fascicolo: Some(TipoFascicolo::Affare),
        anno,
        voce: Voce(voce.to_owned()),
        serie: String::new(),
        thread: thread.to_owned(),
        oggetto: "Lavori".to_owned(),
    }
}

pub(crate) fn file(document: &DocumentId, key: AggregationKey) -> Change {
    Change::FileDocument { document: document.clone(), key, opened: jiff::civil::date(2024, 3, 1) }
}

pub(crate) fn pdv(id: &str, documents: &[DocumentId]) -> Change {
    let pdv = Pdv {
        id: PdvId(id.to_owned()),
        ente: prova(),
        aggregazione: AggregationId("2024/VI.3/1".to_owned()),
        profile: "agid".to_owned(),
        state: PdvState::Planned,
        planned_at: NOON,
        plan: "{}".to_owned(),
        path: None,
        sha256: None,
        bytes: None,
    };
    Change::AddPdv { pdv: Box::new(pdv), documents: documents.to_vec() }
}

pub(crate) async fn claimed(store: &Store, now: Timestamp) -> Option<Claim> {
    store.claim(&[], now, 60).await.expect("claim")
}
