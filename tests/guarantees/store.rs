//! The contract of the store. Every function takes an empty store with one ente: another engine runs the same suite.

use conserva::aggregation::{AggregationId, AggregationKey, TipoAggregazione, TipoFascicolo};
use conserva::arrival::{Arrival, ArrivalId, ArrivalState, EnteId, FileName};
use conserva::clock::Clock;
use conserva::digest::Digest;
use conserva::document::{Document, DocumentId, DocumentState, Hold};
use conserva::ente::Ente;
use conserva::error::Kind;
use conserva::event::Event;
use conserva::filing::Voce;
use conserva::messages::Message;
use conserva::pdv::{Pdv, PdvId, PdvState};
use conserva::store::{Change, Claim, Closing, NewJob, Store};
use jiff::{SignedDuration, Timestamp};
use sqlx::Connection as _;

const NOON: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn later(seconds: i64) -> Timestamp {
    NOON + SignedDuration::from_secs(seconds)
}

fn prova() -> EnteId {
    EnteId("prova".to_owned())
}

/// A store in a fresh folder, with the trial ente.
async fn fresh() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&folder.path().join("store.db"), Clock::Fixed(NOON)).await.expect("open");
    store.add_ente(&Ente::prova()).await.expect("ente");
    (folder, store)
}

/// A statement past the contract, as vandals and broken disks make them.
async fn vandalise(folder: &tempfile::TempDir, sql: &'static str) {
    let path = folder.path().join("store.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("connect");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("vandalise");
    connection.close().await.expect("close");
}

fn arrival(ente: &EnteId, name: &str, bytes: &[u8]) -> Arrival {
    let (name, sha256) = (FileName::new(name), Digest::of(bytes));
    Arrival {
        id: Arrival::derive_id(ente, "ingest", &name, bytes.len() as u64, 7, &sha256),
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

fn admission(arrival: &Arrival) -> Vec<Change> {
    vec![
        Change::AddBlob { sha256: arrival.sha256, bytes: arrival.bytes },
        Change::AddArrival(Box::new(arrival.clone())),
        job("identify", arrival.id.as_str(), 0),
        Change::Journal(event("admitted", arrival.id.as_str())),
    ]
}

fn job(step: &str, owner: &str, priority: i32) -> Change {
    Change::AddJob(NewJob { step: step.to_owned(), owner: owner.to_owned(), priority })
}

fn event(kind: &str, subject: &str) -> Event {
    Event {
        at: NOON,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        outcome: "success".to_owned(),
        agent: "test".to_owned(),
        detail: [("rule".to_owned(), "I-01".to_owned())].into(),
    }
}

fn fact(owner: &str, n: u32, body: &str) -> Change {
    Change::PutFact { owner: owner.to_owned(), kind: "page".to_owned(), n, body: body.to_owned() }
}

/// Admits an arrival with `count` documents.
async fn with_documents(store: &Store, count: u32) -> Vec<DocumentId> {
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

fn fascicolo(anno: i16, voce: &str, thread: &str) -> AggregationKey {
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

fn file(document: &DocumentId, key: AggregationKey) -> Change {
    Change::FileDocument { document: document.clone(), key, opened: jiff::civil::date(2024, 3, 1) }
}

fn pdv(id: &str, documents: &[DocumentId]) -> Change {
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

async fn claimed(store: &Store, now: Timestamp) -> Option<Claim> {
    store.claim(&[], now, 60).await.expect("claim")
}

#[tokio::test]
async fn changes_are_applied_whole_or_not_at_all() {
    let (_folder, store) = fresh().await;
    let mut changes = admission(&arrival(&prova(), "a.tif", b"a"));
    changes.push(Change::SetDocument { id: DocumentId("doc-none".to_owned()), state: DocumentState::Ready });
    let error = store.apply(&prova(), None, &changes).await.expect_err("no such document");
    assert_eq!(error.code(), "row-missing");
    assert!(store.arrivals(&prova()).await.expect("arrivals").is_empty());
    assert!(store.blobs(&prova()).await.expect("blobs").is_empty());
    assert!(store.open_jobs(&prova()).await.expect("jobs").is_empty());
    assert_eq!(store.journal_head(&prova()).await.expect("head").n, 0);
}

#[tokio::test]
async fn a_row_points_only_to_a_blob_that_was_added() {
    let (_folder, store) = fresh().await;
    let changes = [Change::AddArrival(Box::new(arrival(&prova(), "a.tif", b"a")))];
    store.apply(&prova(), None, &changes).await.expect_err("no blob");
    assert!(store.arrivals(&prova()).await.expect("arrivals").is_empty());
}

#[tokio::test]
async fn what_is_written_is_read_back_as_it_was() {
    let (_folder, store) = fresh().await;
    let mut arrival = arrival(&prova(), "x", b"a");
    arrival.name = FileName::new(&b"\xff\xfe.tif"[..]);
    store.apply(&prova(), None, &admission(&arrival)).await.expect("admitted");
    assert_eq!(store.arrival(&prova(), &arrival.id).await.expect("arrival"), Some(arrival.clone()));
    let reason = Message::new("schema-newer").with("found", 2);
    let refused = Change::SetArrival { id: arrival.id.clone(), state: ArrivalState::Refused, reason: Some(reason.clone()) };
    let quarantined = Change::SetQuarantine { sha256: arrival.sha256, is_held: true };
    store.apply(&prova(), None, &[refused, quarantined]).await.expect("refused");
    let row = store.arrival(&prova(), &arrival.id).await.expect("arrival").expect("there");
    assert_eq!((row.state, row.reason), (ArrivalState::Refused, Some(reason)));
    assert!(store.blob(&prova(), &arrival.sha256).await.expect("blob").expect("there").quarantined);
}

#[tokio::test]
async fn the_same_arrival_again_leaves_its_row_as_it_was() {
    let (_folder, store) = fresh().await;
    let first = arrival(&prova(), "a.tif", b"a");
    store.apply(&prova(), None, &admission(&first)).await.expect("admitted");
    let mut again = first.clone();
    (again.admitted_at, again.state) = (later(9), ArrivalState::Held);
    store.apply(&prova(), None, &admission(&again)).await.expect("replayed");
    assert_eq!(store.arrivals(&prova()).await.expect("arrivals"), [first.clone()]);
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs").len(), 1);
    assert_eq!(store.arrivals_with(&prova(), &first.sha256).await.expect("arrivals"), [first]);
}

#[tokio::test]
async fn a_decision_made_on_a_stale_look_is_not_written() {
    let (_folder, store) = fresh().await;
    let first = arrival(&prova(), "a.tif", b"a");
    store.apply(&prova(), None, &admission(&first)).await.expect("admitted");
    let stale = Change::RequireArrivals { sha256: first.sha256, count: 0 };
    let error = store.apply(&prova(), None, &[stale, fact("x", 0, "1")]).await.expect_err("stale");
    assert_eq!((error.code(), error.kind()), ("arrivals-changed", Kind::Retry));
    let seen = Change::RequireArrivals { sha256: first.sha256, count: 1 };
    store.apply(&prova(), None, &[seen]).await.expect("as seen");
}

#[tokio::test]
async fn no_row_of_one_ente_is_seen_or_changed_by_another() {
    let (_folder, store) = fresh().await;
    let mut other = Ente::prova();
    other.codice_ipa = "c_i145".to_owned();
    store.add_ente(&other).await.expect("ente");
    let other = EnteId("c_i145".to_owned());
    let first = arrival(&prova(), "a.tif", b"a");
    store.apply(&prova(), None, &admission(&first)).await.expect("admitted");
    assert_eq!(store.arrival(&other, &first.id).await.expect("arrival"), None);
    assert!(store.arrivals_with(&other, &first.sha256).await.expect("arrivals").is_empty());
    assert_eq!(store.blob(&other, &first.sha256).await.expect("blob"), None);
    assert_eq!(store.journal_head(&other).await.expect("head").n, 0);
    let refused = Change::SetArrival { id: first.id.clone(), state: ArrivalState::Refused, reason: None };
    store.apply(&other, None, &[refused]).await.expect_err("not theirs");
    store.apply(&other, None, &admission(&first)).await.expect_err("says itself whose it is");
    assert_ne!(store.keyed(&prova(), "x").await.expect("key"), store.keyed(&other, "x").await.expect("key"));
}

#[tokio::test]
async fn an_ente_keeps_its_key_when_its_data_change_and_has_a_plain_code() {
    let (_folder, store) = fresh().await;
    let before = store.keyed(&prova(), "Rossi Mario").await.expect("key");
    let mut changed = Ente::prova();
    changed.denominazione = "Comune di Valdombra".to_owned();
    store.add_ente(&changed).await.expect("changed");
    assert_eq!(store.keyed(&prova(), "Rossi Mario").await.expect("key"), before);
    assert_eq!(before.len(), 64);
    assert_eq!(store.enti().await.expect("enti"), [changed.clone()]);
    assert_eq!(store.ente(&prova()).await.expect("ente"), Some(changed.clone()));
    for (code, is_taken) in [("a".repeat(64), true), ("a".repeat(65), false), ("../x".to_owned(), false), (String::new(), false)]
    {
        changed.codice_ipa = code;
        assert_eq!(store.add_ente(&changed).await.is_ok(), is_taken);
    }
}

#[tokio::test]
async fn a_result_under_a_lost_lease_is_not_written() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0)]).await.expect("job");
    let slow = claimed(&store, NOON).await.expect("first");
    assert_eq!(slow.attempt, 1);
    let quick = claimed(&store, later(60)).await.expect("after the lease's end");
    assert_eq!((quick.job, quick.attempt), (slow.job, 2));
    let error = store.apply(&prova(), Some((&slow, Closing::Done)), &[fact("arr-1", 0, "1")]).await.expect_err("too late");
    assert_eq!((error.code(), error.kind()), ("lease-lost", Kind::Retry));
    assert_eq!(store.fact(&prova(), "arr-1", "page").await.expect("fact"), None);
    assert!(!store.extend(&slow, later(999)).await.expect("extend"));
    store.apply(&prova(), Some((&quick, Closing::Done)), &[fact("arr-1", 0, "2")]).await.expect("in time");
    assert_eq!(store.fact(&prova(), "arr-1", "page").await.expect("fact").as_deref(), Some("2"));
    let again = store.apply(&prova(), Some((&quick, Closing::Done)), &[]).await.expect_err("closed once");
    assert_eq!(again.code(), "lease-lost");
}

#[tokio::test]
async fn a_lease_holds_until_its_end_and_not_longer() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0)]).await.expect("job");
    let claim = claimed(&store, NOON).await.expect("first");
    assert_eq!(claim.until, later(60));
    assert_eq!(claimed(&store, later(59)).await, None);
    assert!(store.extend(&claim, later(90)).await.expect("extend"));
    assert_eq!(claimed(&store, later(89)).await, None);
    assert_eq!(claimed(&store, later(90)).await.expect("after the end").attempt, 2);
}

#[tokio::test]
async fn void_leases_give_jobs_back_with_their_attempts_counted() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0)]).await.expect("job");
    let dead = claimed(&store, NOON).await.expect("claim");
    assert_eq!(store.void_leases().await.expect("void"), 1);
    let error = store.apply(&prova(), Some((&dead, Closing::Done)), &[]).await.expect_err("void");
    assert_eq!(error.code(), "lease-lost");
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs")[0].attempt, 1);
    assert_eq!(claimed(&store, NOON).await.expect("claim").attempt, 2);
}

#[tokio::test]
async fn a_retry_waits_until_its_time_or_until_it_is_released() {
    let (_folder, store) = fresh().await;
    store.apply(&prova(), None, &[job("identify", "arr-1", 0)]).await.expect("job");
    let claim = claimed(&store, NOON).await.expect("claim");
    let put_off = Closing::Retry { not_before: later(30), reason: "disk-failed".to_owned() };
    store.apply(&prova(), Some((&claim, put_off)), &[]).await.expect("put off");
    let counts = store.job_counts(Some(&prova())).await.expect("counts");
    assert_eq!((counts.ready, counts.leased, counts.waiting, counts.next_at), (0, 0, 1, Some(later(30))));
    assert_eq!(claimed(&store, later(29)).await, None);
    assert!(store.release_job(&prova(), "identify", "arr-1", NOON).await.expect("release"));
    assert!(!store.release_job(&prova(), "identify", "arr-1", NOON).await.expect("nothing waits any more"));
    assert_eq!(store.job_counts(None).await.expect("counts").ready, 1);
    assert_eq!(claimed(&store, NOON).await.expect("claim").attempt, 2);
    assert_eq!(store.job_counts(None).await.expect("counts").leased, 1);
    let job = store.open_jobs(&prova()).await.expect("jobs").remove(0);
    assert_eq!((job.reason.as_deref(), job.until), (Some("disk-failed"), Some(later(60))));
}

#[tokio::test]
async fn an_open_job_is_not_doubled_and_a_closed_one_may_come_again() {
    let (_folder, store) = fresh().await;
    let twice = [job("text", "doc-1", 0), job("text", "doc-1", 5), job("form", "doc-1", 0)];
    store.apply(&prova(), None, &twice).await.expect("jobs");
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs").len(), 2);
    let claim = store.claim(&["text"], NOON, 60).await.expect("claim").expect("text");
    store.apply(&prova(), Some((&claim, Closing::Done)), &[job("text", "doc-1", 0)]).await.expect("again");
    let again = store.claim(&["text"], NOON, 60).await.expect("claim").expect("again");
    assert_eq!(again.attempt, 1);
    assert_ne!(again.job, claim.job);
}

#[tokio::test]
async fn jobs_go_by_step_then_priority_then_age() {
    let (_folder, store) = fresh().await;
    let jobs = [job("text", "doc-1", 0), job("text", "doc-2", 0), job("form", "doc-3", 9), job("text", "doc-4", 1)];
    store.apply(&prova(), None, &jobs).await.expect("jobs");
    let mut owners = Vec::new();
    while let Some(claim) = store.claim(&["text", "fields"], NOON, 60).await.expect("claim") {
        owners.push(claim.owner);
    }
    assert_eq!(owners, ["doc-4", "doc-1", "doc-2"]);
    assert_eq!(claimed(&store, NOON).await.expect("any step").owner, "doc-3");
}

#[tokio::test]
async fn an_ente_with_many_jobs_does_not_starve_another() {
    let (_folder, store) = fresh().await;
    let mut small = Ente::prova();
    small.codice_ipa = "small".to_owned();
    store.add_ente(&small).await.expect("ente");
    let many: Vec<Change> = (0..6).map(|n| job("text", &format!("doc-{n}"), 0)).collect();
    store.apply(&prova(), None, &many).await.expect("jobs");
    store.apply(&EnteId("small".to_owned()), None, &many[..2]).await.expect("jobs");
    let mut enti = Vec::new();
    while let Some(claim) = claimed(&store, NOON).await {
        enti.push(claim.ente.0);
    }
    assert_eq!(enti, ["prova", "small", "prova", "small", "prova", "prova", "prova", "prova"]);
}

#[tokio::test]
async fn facts_are_replaced_by_number_and_dropped_by_kind() {
    let (_folder, store) = fresh().await;
    let facts =
        [fact("doc-1", 2, "b"), fact("doc-1", 1, "a"), fact("doc-1", 10, "c"), fact("doc-2", 1, "z"), fact("doc-1", 2, "B")];
    store.apply(&prova(), None, &facts).await.expect("facts");
    let pages = store.facts(&prova(), "doc-1", "page").await.expect("facts");
    assert_eq!(pages, [(1, "a".to_owned()), (2, "B".to_owned()), (10, "c".to_owned())]);
    let drop = Change::DropFacts { owner: "doc-1".to_owned(), kind: "page".to_owned() };
    store.apply(&prova(), None, &[drop, fact("doc-1", 0, "one")]).await.expect("dropped");
    assert_eq!(store.facts(&prova(), "doc-1", "page").await.expect("facts"), [(0, "one".to_owned())]);
    assert_eq!(store.facts(&prova(), "doc-2", "page").await.expect("facts").len(), 1);
}

#[tokio::test]
async fn holds_replace_each_other_and_stand_in_the_documents_row() {
    let (_folder, store) = fresh().await;
    let ids = with_documents(&store, 2).await;
    let holds = vec![
        Hold::new(Message::new("bug").with("what", "è \"x\"\n")).on_field("voce"),
        Hold::new(Message::new("bug")).on_page(3),
    ];
    let set = Change::SetHolds { document: ids[0].clone(), holds: holds.clone() };
    let held = Change::SetDocument { id: ids[0].clone(), state: DocumentState::Held };
    store.apply(&prova(), None, &[set, held]).await.expect("held");
    let row = store.document(&prova(), &ids[0]).await.expect("document").expect("there");
    assert_eq!((row.holds, row.document.state), (holds, DocumentState::Held));
    let held = store.documents(&prova(), Some(DocumentState::Held)).await.expect("documents");
    assert_eq!(held.iter().map(|row| &row.document.id).collect::<Vec<_>>(), [&ids[0]]);
    let all = store.documents(&prova(), None).await.expect("documents");
    assert_eq!(all.iter().map(|row| &row.document.id).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    let settled = Change::SetHolds { document: ids[0].clone(), holds: Vec::new() };
    store.apply(&prova(), None, &[settled]).await.expect("settled");
    let of_arrival = store.documents_of(&prova(), &all[0].document.arrival).await.expect("documents");
    assert_eq!(of_arrival.iter().map(|row| row.holds.len()).collect::<Vec<_>>(), [0, 0]);
    assert!(store.documents_of(&prova(), &ArrivalId("arr-none".to_owned())).await.expect("documents").is_empty());
}

#[tokio::test]
async fn fascicoli_are_numbered_within_year_and_voce_and_a_serie_is_not() {
    let (_folder, store) = fresh().await;
    let ids = with_documents(&store, 6).await;
    let determina = AggregationKey {
        tipo: TipoAggregazione::SerieDocumentale,
        fascicolo: None,
        serie: "determina".to_owned(),
        ..fascicolo(2024, "I.6", "")
    };
    let mut same_thread = fascicolo(2024, "VI.3", "pratica edilizia 87/2019");
    same_thread.oggetto = "Un altro oggetto".to_owned();
    let filings = [
        file(&ids[0], fascicolo(2024, "VI.3", "pratica edilizia 87/2019")),
        file(&ids[1], fascicolo(2024, "VI.3", "cig 1234")),
        file(&ids[2], fascicolo(2025, "VI.3", "cig 1234")),
        file(&ids[3], fascicolo(2024, "VI.4", "cig 1234")),
        file(&ids[4], same_thread),
        file(&ids[5], determina),
    ];
    store.apply(&prova(), None, &filings).await.expect("filed");
    store.apply(&prova(), None, &filings).await.expect("the same again changes nothing");
    let rows = store.aggregations(&prova()).await.expect("aggregations");
    let shown: Vec<(&str, usize)> = rows.iter().map(|row| (row.aggregation.id.as_str(), row.documents.len())).collect();
    assert_eq!(shown, [("2024/VI.3/1", 2), ("2024/VI.3/2", 1), ("2025/VI.3/1", 1), ("2024/VI.4/1", 1), ("2024/determina", 1)]);
    assert_eq!(rows[0].documents, [ids[0].clone(), ids[4].clone()]);
    assert_eq!(rows[0].aggregation.key, fascicolo(2024, "VI.3", "pratica edilizia 87/2019"));
    assert_eq!(rows[0].aggregation.data_apertura, jiff::civil::date(2024, 3, 1));
    let row = store.document(&prova(), &ids[5]).await.expect("document").expect("there");
    assert_eq!(row.aggregazione.as_ref().map(AggregationId::as_str), Some("2024/determina"));
}

#[tokio::test]
async fn a_document_filed_elsewhere_moves_and_no_number_is_given_twice() {
    let (_folder, store) = fresh().await;
    let ids = with_documents(&store, 2).await;
    store.apply(&prova(), None, &[file(&ids[0], fascicolo(2024, "VI.3", "a"))]).await.expect("filed");
    store.apply(&prova(), None, &[file(&ids[0], fascicolo(2024, "VI.3", "b"))]).await.expect("moved");
    store.apply(&prova(), None, &[file(&ids[1], fascicolo(2024, "VI.3", "c"))]).await.expect("filed");
    let rows = store.aggregations(&prova()).await.expect("aggregations");
    let shown: Vec<(u32, usize)> = rows.iter().map(|row| (row.aggregation.progressivo, row.documents.len())).collect();
    assert_eq!(shown, [(1, 0), (2, 1), (3, 1)]);
    let one = store.aggregation(&prova(), &AggregationId("2024/VI.3/2".to_owned())).await.expect("aggregation");
    assert_eq!(one.expect("there").documents, [ids[0].clone()]);
}

#[tokio::test]
async fn a_document_is_in_one_pdv_at_most() {
    let (_folder, store) = fresh().await;
    let ids = with_documents(&store, 3).await;
    let filings: Vec<Change> = ids.iter().map(|id| file(id, fascicolo(2024, "VI.3", "a"))).collect();
    store.apply(&prova(), None, &filings).await.expect("filed");
    let first = pdv("pdv-1", &[ids[1].clone(), ids[0].clone()]);
    store.apply(&prova(), None, std::slice::from_ref(&first)).await.expect("planned");
    store.apply(&prova(), None, &[first]).await.expect("the same plan again changes nothing");
    let error = store.apply(&prova(), None, &[pdv("pdv-2", &[ids[2].clone(), ids[0].clone()])]).await.expect_err("taken");
    assert_eq!((error.code(), error.kind()), ("document-in-pdv", Kind::Hold));
    let all = store.pdvs(&prova()).await.expect("pdvs");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].1, [ids[1].clone(), ids[0].clone()]);
    assert_eq!(store.document(&prova(), &ids[2]).await.expect("document").expect("there").pdv, None);
    let moved = store.apply(&prova(), None, &[file(&ids[0], fascicolo(2024, "VI.3", "b"))]).await.expect_err("packaged");
    assert_eq!(moved.code(), "document-in-pdv");
}

#[tokio::test]
async fn a_built_pdv_says_where_it_lies_and_what_its_bytes_are() {
    let (_folder, store) = fresh().await;
    let ids = with_documents(&store, 1).await;
    let changes = [file(&ids[0], fascicolo(2024, "VI.3", "a")), pdv("pdv-1", &ids)];
    store.apply(&prova(), None, &changes).await.expect("planned");
    let id = PdvId("pdv-1".to_owned());
    let built = Change::SetPdvBuilt { id: id.clone(), path: "pdv/x.zip".to_owned(), sha256: Digest::of(b"zip"), bytes: 3 };
    store.apply(&prova(), None, &[built]).await.expect("built");
    let (row, _) = store.pdv(&prova(), &id).await.expect("pdv").expect("there");
    assert_eq!(
        (row.state, row.path.as_deref(), row.sha256, row.bytes),
        (PdvState::Built, Some("pdv/x.zip"), Some(Digest::of(b"zip")), Some(3))
    );
    store.apply(&prova(), None, &[Change::SetPdv { id: id.clone(), state: PdvState::Refused }]).await.expect("refused");
    assert_eq!(store.pdv(&prova(), &id).await.expect("pdv").expect("there").0.state, PdvState::Refused);
}

async fn with_journal(store: &Store, lines: usize) {
    let events: Vec<Change> = (0..lines).map(|n| Change::Journal(event("text", &format!("doc-{}", n % 3)))).collect();
    store.apply(&prova(), None, &events).await.expect("journal");
}

#[tokio::test]
async fn a_whole_journal_proves_itself_and_gives_its_head() {
    let (_folder, store) = fresh().await;
    assert_eq!(store.check_journal(&prova()).await.expect("check").expect("empty").n, 0);
    with_journal(&store, 2_500).await;
    let head = store.check_journal(&prova()).await.expect("check").expect("whole");
    assert_eq!(head, store.journal_head(&prova()).await.expect("head"));
    assert_eq!(head.n, 2_500);
    let lines = store.journal(&prova(), 2_499, 100).await.expect("lines");
    assert_eq!(lines.iter().map(|line| line.n).collect::<Vec<_>>(), [2_499, 2_500]);
    assert!(conserva::store::journal::follows(&lines[1], 2_499, &lines[0].digest));
    assert_eq!(store.events_of(&prova(), "doc-1").await.expect("events").len(), 833);
}

#[tokio::test]
async fn one_altered_journal_line_is_found_by_its_number() {
    for sql in [
        "DROP TRIGGER journal_is_not_altered; UPDATE journal SET body = replace(body, 'success', 'refuse') WHERE n = 4",
        "DROP TRIGGER journal_is_not_altered; UPDATE journal SET subject = 'doc-9' WHERE n = 4",
        "DROP TRIGGER journal_is_not_cut; DELETE FROM journal WHERE n = 4",
    ] {
        let (folder, store) = fresh().await;
        with_journal(&store, 9).await;
        vandalise(&folder, sql).await;
        assert_eq!(store.check_journal(&prova()).await.expect("check"), Err(4), "{sql}");
    }
}

#[tokio::test]
async fn a_journal_whose_tail_was_cut_off_does_not_fit_a_head_that_was_given_away() {
    let (folder, store) = fresh().await;
    with_journal(&store, 9).await;
    let given_away = store.journal_head(&prova()).await.expect("head");
    assert!(store.has_head(&prova(), &given_away).await.expect("head"));
    vandalise(&folder, "DROP TRIGGER journal_is_not_cut; DELETE FROM journal WHERE n > 7").await;
    assert_eq!(store.check_journal(&prova()).await.expect("check"), Err(8));
    // A vandal who also turns the recorded head back is betrayed by the head that left the house.
    vandalise(&folder, "UPDATE journal_heads SET n = 7, digest = (SELECT digest FROM journal WHERE n = 7)").await;
    assert_eq!(store.check_journal(&prova()).await.expect("check").expect("a whole chain").n, 7);
    assert!(!store.has_head(&prova(), &given_away).await.expect("head"));
    with_journal(&store, 2).await;
    assert!(!store.has_head(&prova(), &given_away).await.expect("rewritten lines have other digests or the same"), "rewritten");
}

#[tokio::test]
async fn the_journal_cannot_be_rewritten_through_the_engine() {
    let (folder, store) = fresh().await;
    with_journal(&store, 1).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("connect");
    for sql in ["UPDATE journal SET body = '{}'", "DELETE FROM journal"] {
        let error = sqlx::query(sql).execute(&mut connection).await.expect_err("append-only");
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_release_is_refused_untouched() {
    let (folder, store) = fresh().await;
    drop(store);
    vandalise(&folder, "PRAGMA user_version = 999").await;
    let error = Store::open(&folder.path().join("store.db"), Clock::System).await.expect_err("newer");
    assert_eq!((error.code(), error.kind(), error.exit_code()), ("schema-newer", Kind::Environment, 3));
    vandalise(&folder, "PRAGMA user_version = 1").await;
    let store = Store::open(&folder.path().join("store.db"), Clock::System).await.expect("ours again");
    assert_eq!(store.enti().await.expect("enti").len(), 1);
    assert!(!folder.path().join("store.db.backup-999").exists());
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test file needs no durability")]
async fn a_file_that_is_no_store_is_refused_untouched() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.db");
    std::fs::write(&path, "a letter to the mayor, long enough to be taken for a page of a database").expect("written");
    let before = std::fs::read(&path).expect("read");
    let error = Store::open(&path, Clock::System).await.expect_err("a text");
    assert_eq!(error.code(), "store-foreign");
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.expect("connect");
    sqlx::raw_sql("CREATE TABLE letters (body TEXT)").execute(&mut other).await.expect("table");
    other.close().await.expect("close");
    assert_eq!(Store::open(&path, Clock::System).await.expect_err("not ours").code(), "store-foreign");
}

/// Works until no job is left; each job writes one fact and one journal line.
async fn work(store: &Store) -> usize {
    let mut done = 0;
    while let Some(claim) = claimed(store, NOON).await {
        let changes = [fact(&claim.owner, 0, "1"), Change::Journal(event("text", &claim.owner))];
        store.apply(&prova(), Some((&claim, Closing::Done)), &changes).await.expect("written");
        done += 1;
    }
    done
}

#[tokio::test]
async fn two_processes_share_the_jobs_and_none_is_done_twice() {
    let (folder, store) = fresh().await;
    let jobs: Vec<Change> = (0..200).map(|n| job("text", &format!("doc-{n}"), 0)).collect();
    store.apply(&prova(), None, &jobs).await.expect("jobs");
    let binary = std::env::current_exe().expect("this binary");
    let mut other = std::process::Command::new(binary)
        .args(["store::the_other_process", "--exact", "--ignored"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("spawn");
    work(&store).await;
    let status = tokio::task::spawn_blocking(move || other.wait()).await.expect("join").expect("wait");
    assert!(status.success(), "{status}");
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs"), []);
    assert_eq!(store.check_journal(&prova()).await.expect("check").expect("whole").n, 200);
    for n in 0..200 {
        assert_eq!(store.events_of(&prova(), &format!("doc-{n}")).await.expect("events").len(), 1);
    }
}

#[tokio::test]
#[ignore = "the second process of two_processes_share_the_jobs_and_none_is_done_twice, in whose folder it runs"]
async fn the_other_process() {
    let path = std::path::Path::new("store.db");
    if path.exists() {
        work(&Store::open(path, Clock::Fixed(NOON)).await.expect("open")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_openers_of_a_store_that_is_not_there_yet_make_one() {
    let folder = tempfile::tempdir().expect("folder");
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let path = folder.path().join("store.db");
            tokio::spawn(async move { Store::open(&path, Clock::System).await.map(drop) })
        })
        .collect();
    for opener in openers {
        opener.await.expect("join").expect("open");
    }
}

#[test]
fn one_process_at_a_time_owns_the_archive() {
    use conserva::store::lock::ArchiveLock;
    let folder = tempfile::tempdir().expect("folder");
    let owner = ArchiveLock::take(folder.path()).expect("lock").expect("free");
    assert!(ArchiveLock::take(folder.path()).expect("lock").is_none());
    let said = std::fs::read_to_string(folder.path().join("archive.lock")).expect("read");
    assert_eq!(said.lines().nth(1), Some(std::process::id().to_string().as_str()));
    drop(owner);
    assert!(ArchiveLock::take(folder.path()).expect("lock").is_some());
}

#[test]
fn an_archive_on_a_local_disk_is_taken_even_before_it_is_made() {
    let folder = tempfile::tempdir().expect("folder");
    conserva::store::lock::ensure_local(&folder.path().join("archivio/blobs")).expect("local");
}
