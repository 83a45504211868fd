//! The contract: rows are written whole, read back as they were, and seen by their ente alone.

use conserva::arrival::{ArrivalId, ArrivalState, EnteId, FileName};
use conserva::document::{DocumentId, DocumentState, Hold};
use conserva::ente::Ente;
use conserva::error::Kind;
use conserva::messages::Message;
use conserva::scratch::ScratchRoot;
use conserva::store::{Change, Sheaf};

use super::{admission, arrival, fact, fresh, later, prova, with_documents};

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
    assert_eq!(store.arrivals(&prova()).await.expect("arrivals"), std::slice::from_ref(&first));
    assert_eq!(store.open_jobs(&prova()).await.expect("jobs").len(), 1);
    assert_eq!(store.arrivals_with(&prova(), &[first.sha256].into()).await.expect("arrivals"), [first]);
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
    assert!(store.arrivals_with(&other, &[first.sha256].into()).await.expect("arrivals").is_empty());
    assert_eq!(store.blob(&other, &first.sha256).await.expect("blob"), None);
    assert_eq!(store.journal_head(&other).await.expect("head").n, 0);
    let refused = Change::SetArrival { id: first.id.clone(), state: ArrivalState::Refused, reason: None };
    store.apply(&other, None, &[refused]).await.expect_err("not theirs");
    store.apply(&other, None, &admission(&first)).await.expect_err("says itself whose it is");
    assert_ne!(store.keyed(&prova(), "x").await.expect("key"), store.keyed(&other, "x").await.expect("key"));
}

#[tokio::test]
async fn papers_are_not_compared_across_enti_and_a_common_key_gives_a_bounded_answer() {
    let (_folder, store) = fresh().await;
    let mut other = Ente::prova();
    other.codice_ipa = "c_i145".to_owned();
    store.add_ente(&other).await.expect("ente");
    let ids = with_documents(&store, 100).await;
    let keys = |n: u32| vec![(0, 7), (1, n), (1, n)];
    for (id, n) in ids.iter().zip(0..) {
        store.apply(&prova(), None, &[Change::SetLikeness { document: id.clone(), keys: keys(n) }]).await.expect("set");
    }
    assert_eq!(store.sharing(&prova(), &keys(40), 16).await.expect("found")[0], ids[40], "who shares most comes first");
    assert_eq!(store.sharing(&prova(), &[(0, 7)], 1_000).await.expect("found").len(), 64, "bounded, whoever asks");
    assert_eq!(store.sharing(&prova(), &keys(40), 16).await.expect("found").len(), 16);
    assert!(store.sharing(&EnteId("c_i145".to_owned()), &keys(40), 16).await.expect("found").is_empty(), "another ente's");
    store.apply(&prova(), None, &[Change::SetLikeness { document: ids[40].clone(), keys: Vec::new() }]).await.expect("set");
    assert!(!store.sharing(&prova(), &[(1, 40)], 16).await.expect("found").contains(&ids[40]), "keys are replaced");
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
    assert_eq!(store.enti().await.expect("enti"), std::slice::from_ref(&changed));
    assert_eq!(store.ente(&prova()).await.expect("ente"), Some(changed.clone()));
    for (code, is_taken) in [("a".repeat(64), true), ("a".repeat(65), false), ("../x".to_owned(), false), (String::new(), false)]
    {
        changed.codice_ipa = code;
        assert_eq!(store.add_ente(&changed).await.is_ok(), is_taken);
    }
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
async fn a_sheaf_of_facts_is_stored_whole_with_its_neighbours_or_not_at_all() {
    let (folder, store) = fresh().await;
    let root = folder.path().join("scratch");
    let scratch = ScratchRoot::open(&root, true).expect("scratch");
    let sheaf = |count: u32| {
        let mut gathering = Sheaf::begin(scratch.folder().expect("a folder")).expect("a sheaf");
        (1..=count).for_each(|n| gathering.push(n, &format!("words of {n}")).expect("put in"));
        Change::PutSheaf { owner: "doc-x".to_owned(), kind: "page".to_owned(), sheaf: gathering.bound().expect("bound") }
    };
    let drop = Change::DropFacts { owner: "doc-x".to_owned(), kind: "page".to_owned() };
    let facts = async || store.facts(&prova(), "doc-x", "page").await.expect("facts");
    store.apply(&prova(), None, &[drop.clone(), sheaf(250), fact("doc-x", 300, "{}")]).await.expect("stored");
    assert_eq!(facts().await.len(), 251);
    let some = store.facts_from(&prova(), ("doc-x", "page", 249), 2).await.expect("facts");
    assert_eq!(some, [(249, r#""words of 249""#.to_owned()), (250, r#""words of 250""#.to_owned())]);
    assert_eq!(store.facts_from(&prova(), ("doc-x", "page", 251), 2).await.expect("facts"), [(300, "{}".to_owned())]);
    assert!(store.facts_from(&prova(), ("doc-x", "page", 301), 2).await.expect("facts").is_empty());
    // A file that lost its end: nothing of the transaction is there, what was there before stays.
    let short = sheaf(9);
    let path = walkdir::WalkDir::new(&root).into_iter().filter_map(Result::ok).find(|entry| entry.file_type().is_file());
    let path = path.expect("the sheaf's file").into_path();
    let length = std::fs::metadata(&path).expect("the file").len();
    std::fs::File::options().write(true).open(&path).and_then(|file| file.set_len(length - 5)).expect("cut");
    store.apply(&prova(), None, &[drop, fact("doc-x", 400, "{}"), short]).await.expect_err("fewer than were put in");
    assert_eq!(facts().await.len(), 251);
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
