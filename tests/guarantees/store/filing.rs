//! The contract: aggregations are numbered, a document is in one of them and in one Pdv at most.

use conserva::aggregation::{Aggregation, AggregationId, AggregationKey, TipoAggregazione};
use conserva::digest::Digest;
use conserva::error::Kind;
use conserva::filing::Voce;
use conserva::pdv::{PdvId, PdvState};
use conserva::store::Change;

use super::{fascicolo, file, fresh, pdv, prova, with_documents};

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
async fn a_document_taken_out_of_its_aggregation_is_in_none_unless_a_pdv_has_it() {
    let (_folder, store) = fresh().await;
    let ids = with_documents(&store, 2).await;
    let filings = ids.iter().map(|id| file(id, fascicolo(2024, "VI.3", "a"))).collect::<Vec<_>>();
    store.apply(&prova(), None, &filings).await.expect("filed");
    store.apply(&prova(), None, &[pdv("pdv-1", &ids[1..])]).await.expect("planned");
    let out = |n: usize| [Change::UnfileDocument { document: ids[n].clone() }];
    store.apply(&prova(), None, &out(0)).await.expect("taken out");
    store.apply(&prova(), None, &out(1)).await.expect_err("it is in a Pdv");
    let rows = store.aggregations(&prova()).await.expect("aggregations");
    assert_eq!(rows[0].documents, [ids[1].clone()]);
    let row = store.document(&prova(), &ids[0]).await.expect("document").expect("there");
    assert_eq!(row.aggregazione, None);
}

#[tokio::test]
async fn an_opened_fascicolo_has_its_number_once_and_parts_of_it_count_apart() {
    let (_folder, store) = fresh().await;
    let ids = with_documents(&store, 2).await;
    store.apply(&prova(), None, &[file(&ids[0], fascicolo(2024, "VI.3", "a"))]).await.expect("filed");
    let voce = Voce("VI.3".to_owned());
    assert_eq!(store.next_progressivo(&prova(), (2024, &voce)).await.expect("a number"), 2);
    let opened = |id: &str, progressivo: u32, primario: Option<&str>| {
        Change::AddAggregation(Box::new(Aggregation {
            id: AggregationId(id.to_owned()),
            ente: prova(),
            key: fascicolo(2024, "VI.3", id),
            progressivo,
            primario: primario.map(|id| AggregationId(id.to_owned())),
            data_apertura: jiff::civil::date(2024, 3, 2),
            data_chiusura: None,
        }))
    };
    let parts = [opened("2024/VI.3/1.1", 1, Some("2024/VI.3/1")), opened("2024/VI.3/1.7", 7, Some("2024/VI.3/1"))];
    store.apply(&prova(), None, &parts).await.expect("opened");
    let again = store.apply(&prova(), None, &[opened("2024/VI.3/1", 1, None)]).await.expect_err("it is there");
    assert_eq!((again.kind(), again.code()), (Kind::Retry, "fascicolo-number"));
    let known = store.sub_fascicoli(&prova(), &AggregationId("2024/VI.3/1".to_owned())).await.expect("parts");
    let shown: Vec<&str> = known.iter().map(|row| row.aggregation.id.as_str()).collect();
    assert_eq!(shown, ["2024/VI.3/1.1", "2024/VI.3/1.7"]);
    assert_eq!(known[1].aggregation.primario.as_ref().map(AggregationId::as_str), Some("2024/VI.3/1"));
    assert_eq!(store.next_progressivo(&prova(), (2024, &voce)).await.expect("a number"), 2, "parts take none of its numbers");
    store.apply(&prova(), None, &[file(&ids[1], fascicolo(2024, "VI.3", "b"))]).await.expect("filed");
    let row = store.document(&prova(), &ids[1]).await.expect("document").expect("there");
    assert_eq!(row.aggregazione.as_ref().map(AggregationId::as_str), Some("2024/VI.3/2"));
    let closed = Change::SetClosed { id: AggregationId("2024/VI.3/1".to_owned()), closed: Some(jiff::civil::date(2024, 4, 1)) };
    store.apply(&prova(), None, &[closed]).await.expect("closed");
    let late = store.apply(&prova(), None, &[opened("2024/VI.3/1.8", 8, Some("2024/VI.3/1"))]).await.expect_err("closed");
    assert_eq!(late.code(), "fascicolo-closed");
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
