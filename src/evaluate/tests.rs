use super::*;
use crate::aggregation::{AggregationKey, TipoAggregazione};
use crate::filing::Voce;

fn reading<T>(value: T) -> Reading<T> {
    Reading { value, confidence: 0.9, origin: "test".into(), page: None, rect: None, second: None }
}

fn filed(tipo: &str, voce: &str) -> Filing {
    Filing {
        tipo: reading(tipo.to_owned()),
        voce: reading(Voce(voce.into())),
        aggregazione: AggregationKey {
            tipo: TipoAggregazione::Fascicolo,
            fascicolo: None,
            anno: 2024,
            voce: Voce(voce.into()),
            serie: String::new(),
            thread: String::new(),
            oggetto: String::new(),
        },
        confidence: 0.85,
        reasons: Vec::new(),
        alternatives: Vec::new(),
        voices: Vec::new(),
        riservato: false,
        riservato_origin: None,
        tempo_di_conservazione: None,
        doubts: Vec::new(),
    }
}

fn truth(json: &str) -> Truth {
    serde_json::from_str(json).expect("a truth")
}

fn fields(numero: &str, oggetto: &str, code: &str) -> Fields {
    Fields {
        protocollo: Some(reading(Protocollo { numero: numero.into(), anno: 2024, data: None, verso: Some(Verso::E) })),
        oggetto: Some(reading(oggetto.into())),
        codici_fiscali: vec![reading(code.into())],
        ..Fields::default()
    }
}

const TRUTH: &str = r#"{"files":["a.tif"],"tipi_accettabili":["fattura","lettera"],"classe":"IV.4","classi_accettabili":["IV.3","IV.4"],
 "protocollo":{"numero":"0000012","anno":2024,"verso":"arrivo"},"oggetto":"Fattura n. 3","oggetto_sulla_pagina":true,
 "codici_fiscali":["RSSMRA85T10A562S","RCCMNL83S18D969H"],"altro":1}"#;

fn judged(state: DocumentState, fields: &Fields, filing: &Filing) -> Score {
    let seen = Seen { name: "a.tif", state, fields, filing: Some(filing), text: "una due" };
    score(&seen, &truth(TRUTH), Some("una tre"))
}

#[test]
fn a_document_that_is_right_is_right_and_what_was_not_found_is_counted() {
    let score = judged(DocumentState::Ready, &fields("0000012", "Fattura n. 3", "RSSMRA85T10A562S"), &filed("lettera", "IV.4"));
    assert!(score.wrong.is_empty() && !score.held, "{score:?}");
    assert_eq!(score.tipo.as_ref().map(|c| (c.is_first, c.is_acceptable)), Some((false, true)));
    assert_eq!(score.voce.as_ref().map(|c| c.is_first), Some(true));
    let tally = tally(&[score], Vec::new());
    let codes = tally.fields["codici_fiscali"];
    assert_eq!((codes.precision, codes.recall), (1.0, 0.5));
    assert_eq!((tally.held, tally.recall), (0.0, Some(0.5)));
    assert!(tally.is_good());
    assert_eq!(tally.reliability.len(), 1);
}

#[test]
fn each_wrong_value_is_named_and_only_a_hold_excuses_it() {
    let filing = filed("durc", "V.1");
    let wrong = fields("0000013", "Fattura n. 4 e altro", "RSSMRA85T10A562T");
    let score = judged(DocumentState::Ready, &wrong, &filing);
    assert_eq!(score.wrong, ["protocollo", "oggetto", "codici_fiscali", "tipo", "voce"]);
    assert!(score.is_wrong_unheld());
    for state in [DocumentState::Held, DocumentState::Refused, DocumentState::Duplicate] {
        assert!(!judged(state, &wrong, &filing).is_wrong_unheld());
    }
    assert!(!tally(&[score], Vec::new()).is_good());
}

#[test]
fn a_registration_that_is_missing_is_wrong_and_one_where_there_is_none_too() {
    let right = filed("fattura", "IV.4");
    let none = Fields { protocollo: None, ..fields("", "Fattura n. 3", "RSSMRA85T10A562S") };
    assert_eq!(judged(DocumentState::Ready, &none, &right).wrong, ["protocollo"]);
    let said_none = truth(r#"{"files":["a.tif"],"protocollo":null}"#);
    let silent = truth(r#"{"files":["a.tif"]}"#);
    let read = fields("0000012", "x", "y");
    let seen = Seen { name: "a.tif", state: DocumentState::Ready, fields: &read, filing: Some(&right), text: "" };
    assert_eq!(score(&seen, &said_none, None).wrong, ["protocollo"]);
    assert!(score(&seen, &silent, None).wrong.is_empty());
}

#[test]
fn a_truth_without_its_document_is_no_good_news() {
    let tally = tally(&[], vec!["b.tif".into()]);
    assert!(!tally.is_good() && tally.documents == 0);
}

#[test]
fn word_recall_counts_every_occurrence_once() {
    assert!((word_recall("a a b", "A b") - 2.0 / 3.0).abs() < 1e-9);
    assert!((word_recall("", "x") - 1.0).abs() < 1e-9);
}
