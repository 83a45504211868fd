//! The learned voice and the measuring of the whole: what is taught is known again, what is measured is honest.

use conserva_linear::{Bag, Example, Model, Seed, Split, Written};
use serde_json::{Value, json};

use super::stage::{Stage, repository, said};

fn seed() -> Seed {
    let text = std::fs::read_to_string(repository().join("schemas/seed-corpus.txt")).expect("the seed corpus");
    Seed::parse(&text).expect("every line is understood")
}

#[test]
fn the_seed_corpus_speaks_of_every_type_and_of_known_voci_only() {
    let (tipi, voci) = seed().codes();
    let types = std::fs::read_to_string(repository().join("schemas/document-types.toml")).expect("the types");
    let known: Vec<&str> = types.lines().filter_map(|l| l.strip_prefix("code = \"")).map(|l| l.trim_end_matches('"')).collect();
    assert_eq!(tipi.len(), known.len());
    assert!(tipi.iter().all(|tipo| known.contains(&tipo.as_str())));
    let titolario = conserva::titolario::Titolario::comuni();
    for voce in voci {
        assert!(titolario.voce(&conserva::filing::Voce(voce.clone())).is_some(), "{voce}");
    }
}

/// Share of the held-out documents that the voice, learned from the others, files rightly, and of those of which it is sure.
fn held_out(labels: Vec<String>, label: fn(&Written) -> &String, temperature: f32) -> (f64, f64) {
    let (taught, held) = (seed().documents(Split::Taught, (10, 7)), seed().documents(Split::HeldOut, (6, 11)));
    let mut model = Model::new(labels);
    let mut examples = |documents: &[Written]| -> Vec<Example> {
        let labelled = documents.iter().filter(|w| !label(w).is_empty());
        labelled.map(|w| Example { labels: vec![model.label(label(w))], bag: Bag::of(&w.heading, &w.text) }).collect()
    };
    let (taught, held) = (examples(&taught), examples(&held));
    model.learn(&taught);
    model.set_temperature(temperature);
    let ranked = |e: &Example| model.ranked(&e.bag).first().map(|(at, c)| (e.labels.contains(&(*at as u16)), *c));
    let judged: Vec<(bool, f32)> = held.iter().filter_map(ranked).collect();
    let share = |all: &[&(bool, f32)]| all.iter().filter(|(right, _)| *right).count() as f64 / all.len().max(1) as f64;
    let sure: Vec<&(bool, f32)> = judged.iter().filter(|(_, c)| *c >= 0.9).collect();
    assert!(sure.len() * 20 >= judged.len(), "it is sure of some: {}", sure.len());
    (share(&judged.iter().collect::<Vec<_>>()), share(&sure))
}

#[test]
fn of_wordings_that_it_has_not_learned_the_voice_files_most_and_is_right_where_it_is_sure() {
    let (tipi, voci) = seed().codes();
    let (right, sure) = held_out(tipi, |w| &w.tipo, 0.6);
    eprintln!("learned voice alone, held-out wordings: tipo {right:.3}, where sure {sure:.3}");
    assert!(right >= 0.68 && sure >= 0.93, "{right} {sure}");
    let (right, sure) = held_out(voci, |w| &w.voce, 0.85);
    eprintln!("learned voice alone, held-out wordings: voce {right:.3}, where sure {sure:.3}");
    assert!(right >= 0.40 && sure >= 0.80, "{right} {sure}");
}

const LETTER: &str = "CONSORZIO ACQUE CHIARE\nVia del Pozzo 3 - P.IVA 00743110157\nProt. n. 567/2025 del 01/02/2025\n\n\
    Spett.le Comune di Roccamirta\n\nComune di Roccamirta\nPROTOCOLLO GENERALE\nN. 0001234/2025\ndel 05/02/2025 - ARRIVO\n\n\
    Oggetto: sostituzione dei contatori del gas nelle frazioni\n\nSi comunica che dal 10 febbraio inizieranno i lavori.\n\
    Distinti saluti\n";

fn truth(numero: &str) -> Value {
    json!({"files": ["nota.txt"], "tipi_accettabili": ["lettera"], "classi_accettabili": ["VI.8"],
        "protocollo": {"numero": numero, "anno": 2025, "verso": "arrivo"}, "partite_iva": ["00743110157"],
        "oggetto": "sostituzione dei contatori del gas nelle frazioni", "oggetto_sulla_pagina": true})
}

#[test]
fn a_text_is_filed_like_a_scan_measured_against_its_truth_and_teaches_once_it_is_confirmed() {
    let stage = Stage::with_archive();
    let (file, truths) = (stage.path("nota.txt"), stage.path("verita"));
    std::fs::write(&file, LETTER).expect("written");
    std::fs::create_dir(&truths).expect("a folder");
    std::fs::write(truths.join("nota.json"), truth("0001234").to_string()).expect("written");
    stage.json(&["ingest", file.to_str().expect("a path")], &[0, 1]);
    let evaluate = |args: &[&str], codes: &[i32]| {
        let folder = truths.to_str().expect("a path");
        stage.json(&[&["evaluate", folder], args].concat(), codes).remove(0)
    };
    let measured = evaluate(&[], &[0]);
    let fields = &measured["figures"]["fields"];
    for field in ["protocollo", "oggetto", "partite_iva"] {
        assert_eq!((&fields[field]["precision"], &fields[field]["recall"]), (&json!(1.0), &json!(1.0)), "{measured:#}");
    }
    assert_eq!(evaluate(&["--again"], &[0])["figures"], measured["figures"], "kept text says again what it said");

    assert_eq!(stage.json(&["learn"], &[0])[0]["learned"], Value::Null, "nobody has confirmed anything");
    let id = stage.json(&["list"], &[0])[0]["id"].as_str().expect("an id").to_owned();
    stage.json(&["review", &id, "--set", "tipo=lettera", "--set", "voce=VI.8", "--approve"], &[0, 1]);
    assert_eq!(stage.json(&["list"], &[0])[0]["state"], "ready");
    let first = stage.json(&["learn"], &[0])[0]["learned"].clone();
    assert_eq!((&first["version"], &first["lessons"]), (&json!(1), &json!(1)));
    assert_eq!(stage.json(&["learn"], &[0])[0]["learned"], Value::Null, "each confirmation teaches once");
    let anew = stage.json(&["learn", "--anew"], &[0])[0]["learned"].clone();
    assert_eq!((&anew["version"], &anew["sha256"]), (&json!(2), &first["sha256"]), "the same archive, the same bytes");

    std::fs::write(truths.join("nota.json"), truth("0009999").to_string()).expect("written");
    let wrong = evaluate(&[], &[1]);
    assert_eq!(wrong["figures"]["wrong_unheld"], json!(["nota.txt"]));
    std::fs::write(truths.join("altro.json"), json!({"files": ["manca.tif"]}).to_string()).expect("written");
    assert_eq!(evaluate(&[], &[1])["figures"]["missing"], json!(["manca.tif"]));
    let empty = stage.path("vuota");
    std::fs::create_dir(&empty).expect("a folder");
    assert_eq!(stage.run(&["evaluate", empty.to_str().expect("a path")]).status.code(), Some(2));
}

#[test]
fn the_rules_are_data_that_an_ente_may_edit_in_its_archive() {
    let stage = Stage::with_archive();
    let archive = stage.path("archivio");
    let types = std::fs::read_to_string(repository().join("schemas/document-types.toml")).expect("the types");
    let own = types.replacen("\"durc on line\"", "\"foglio di regolarita\", \"durc on line\"", 1);
    assert_ne!(own, types);
    std::fs::write(archive.join("document-types.toml"), own).expect("written");
    let file = stage.path("a.txt");
    let text =
        "Al Comune di Roccamirta\n\nFOGLIO DI REGOLARITA\n\nla ditta risulta regolare, INPS e INAIL, validità di 120 giorni\n";
    std::fs::write(&file, text).expect("written");
    stage.json(&["ingest", file.to_str().expect("a path")], &[0, 1]);
    assert_eq!(stage.json(&["list"], &[0])[0]["tipo"], "durc");
    std::fs::write(archive.join("document-types.toml"), "[[tipo]]\ncode = 1\n").expect("written");
    let refused = stage.run(&["list"]);
    assert_eq!(refused.status.code(), Some(3), "a mistake in them is said, not passed over");
    assert!(said(&refused).contains("document-types.toml c'è un errore alla riga 2"), "{}", said(&refused));
    std::fs::remove_file(archive.join("document-types.toml")).expect("away");
    std::fs::write(archive.join("voce-words.toml"), "'VI.3' = 'strada'\n").expect("written");
    let refused = stage.run(&["doctor"]);
    assert!(said(&refused).contains("voce-words.toml c'è un errore alla riga 1"), "{}", said(&refused));
}
