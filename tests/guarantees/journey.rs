//! The main job, whole: folders of real scans come to rest, are packaged and verified, and nothing wrong goes unheld.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::stage::{Stage, repository, said, shared};

/// Files under a folder that are inputs, notes and truths aside.
fn inputs(folder: &Path, endings: &[&str]) -> Vec<String> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder).into_iter().map(|e| e.expect("an entry").into_path()).collect();
    files.retain(|p| p.is_file() && p.extension().is_some_and(|e| endings.iter().any(|known| e == *known)));
    files.sort();
    files.into_iter().map(|p| p.to_string_lossy().into_owned()).collect()
}

fn ingest(stage: &Stage, files: &[String]) -> Vec<Value> {
    let args: Vec<&str> = std::iter::once("ingest").chain(files.iter().map(String::as_str)).collect();
    stage.json(&args, &[0, 1])
}

fn by_name(stage: &Stage) -> BTreeMap<String, Value> {
    let rows = stage.json(&["list"], &[0]);
    rows.into_iter().map(|row| (row["name"].as_str().expect("a name").to_owned(), row)).collect()
}

/// Packages everything ready and verifies every package.
fn package_and_verify(stage: &Stage) -> usize {
    let built = stage.json(&["package"], &[0]);
    for package in &built {
        let path = package["path"].as_str().expect("a path");
        let reports = stage.json(&["verify", path], &[0]);
        assert_eq!(reports[0]["ok"], true, "{path}");
    }
    built.len()
}

#[test]
fn the_samples_come_to_rest_without_a_wrong_value_unheld() {
    let stage = Stage::with_archive();
    let samples = repository().join("samples");
    let files = inputs(&samples.join("documenti"), &["tif", "jpg", "png", "pdf"]);
    assert!(files.len() >= 12, "{} samples", files.len());
    let lines = ingest(&stage, &files);
    assert_eq!(lines.len(), files.len(), "one line per input");
    let text = std::fs::read_to_string(repository().join("tests/fixtures/samples-truth.json")).expect("the truth");
    let truth: BTreeMap<String, Value> = serde_json::from_str(&text).expect("json");
    let (mut ready, mut expected_ready) = (0, 0);
    for (name, row) in by_name(&stage) {
        let Some(truth) = truth.get(&name) else { continue };
        expected_ready += usize::from(truth["state"] == "ready");
        assert_eq!(row["state"] == "duplicate", truth["state"] == "duplicate", "{name}: {row:#}");
        if row["state"] != "ready" {
            continue;
        }
        ready += 1;
        assert_eq!(row["tipo"], truth["tipo"], "{name}");
        assert!(truth["voci"].as_array().expect("voci").contains(&row["voce"]), "{name}: {}", row["voce"]);
        if let (Some(read), Some(numero)) = (row["protocollo"].as_str(), truth["protocollo"]["numero"].as_str()) {
            assert_eq!(read, format!("{numero}/{}", truth["protocollo"]["anno"]), "{name}");
        }
    }
    eprintln!("samples: {ready} ready of {expected_ready} that may be");
    assert!(ready * 2 >= expected_ready, "{ready} of {expected_ready}");
    assert!(package_and_verify(&stage) > 0);
}

#[test]
fn damaged_or_hostile_samples_are_kept_with_a_reason_while_the_rest_goes_on() {
    let stage = Stage::with_archive();
    let samples = repository().join("samples");
    let mut files = Vec::new();
    for shelf in ["damaged", "hostile", "altri"] {
        let folder = samples.join(shelf);
        files.extend(
            walkdir::WalkDir::new(&folder)
                .sort_by_file_name()
                .into_iter()
                .map(|e| e.expect("an entry").into_path())
                .filter(|p| p.is_file() && p.file_name().is_some_and(|n| n != "NOTE.md"))
                .map(|p| p.to_string_lossy().into_owned()),
        );
    }
    let good = repository().join("tests/fixtures/drill/foglio.png");
    files.push(good.to_string_lossy().into_owned());
    let lines = ingest(&stage, &files);
    assert_eq!(lines.len(), files.len());
    for line in &lines {
        let path = line["path"].as_str().expect("a path");
        assert!(Path::new(path).exists(), "the source stays: {path}");
        assert!(line["arrival"].is_string(), "admitted whole: {line}");
        if line["outcome"] != "admitted" {
            let reason = line["reason"].as_str().unwrap_or_default();
            assert!(reason.len() > 30, "{path} has a sentence: {reason:?}");
        }
    }
    let sound = lines.iter().filter(|l| l["outcome"] == "admitted").count();
    assert!(sound <= 2, "hardly any of these is without doubt: {lines:#?}");
    let documents = by_name(&stage);
    assert!(documents.contains_key("foglio.png"), "the good sheet was read too");
}

#[test]
fn the_shared_office_scans_are_read_filed_packaged_with_nothing_wrong_unheld() {
    let Some(folder) = shared("corpus/generated") else { return };
    let stage = Stage::bare();
    let ente = repository().join("tests/fixtures/ente-valdombra.toml");
    let made = stage.run(&["init", "--ente", ente.to_str().expect("a path")]);
    assert!(made.status.success(), "{}", said(&made));
    let files = inputs(&folder, &["tif", "jpg", "png", "pdf"]);
    assert_eq!(ingest(&stage, &files).len(), 20);
    let measured = stage.json(&["evaluate", folder.to_str().expect("a path")], &[0]);
    let (figures, scores) = (&measured[0]["figures"], measured[0]["documents"].as_array().expect("documents"));
    eprintln!("{figures:#}");
    assert_eq!(scores.len(), 20);
    for field in ["protocollo", "codici_fiscali", "partite_iva"] {
        assert_eq!(figures["fields"][field]["precision"], 1.0, "{field}");
        assert!(figures["fields"][field]["recall"].as_f64() >= Some(0.9), "{field}");
    }
    assert!(figures["held"].as_f64() <= Some(0.35));
    let again = stage.json(&["evaluate", "--again", folder.to_str().expect("a path")], &[0]);
    assert_eq!(again[0]["figures"], *figures, "the kept pages say again what they said");
    let recalled = scores.iter().filter(|s| s["recall"].as_f64().is_some_and(|r| r >= 0.93)).count();
    assert!(recalled >= 15, "{recalled} of 20 with a word recall of 0.93");
    let ready: Vec<&Value> = scores.iter().filter(|s| s["state"] == "ready").collect();
    assert!(ready.len() >= 12, "{} of 20 ready with no person", ready.len());
    for score in ready {
        assert_eq!(score["wrong"], serde_json::json!([]), "{score}");
    }
    decide_by_truth(&stage, &folder);
    assert!(by_name(&stage).values().all(|row| row["state"] == "ready"), "review brings all to ready");
    assert!(package_and_verify(&stage) > 0);
    assert!(by_name(&stage).values().all(|row| row["state"] == "packaged"));
}

/// Plays the person: whatever is held gets the values that the truth file gives.
fn decide_by_truth(stage: &Stage, folder: &Path) {
    for (name, row) in by_name(stage) {
        if row["state"] != "held" {
            continue;
        }
        let stem = name.rsplit_once('.').expect("an ending").0;
        let truth: Value =
            serde_json::from_slice(&std::fs::read(folder.join(format!("{stem}.json"))).expect("the truth")).expect("json");
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let verso = match truth["protocollo"]["verso"].as_str() {
            Some("arrivo") => "E",
            Some("partenza") => "U",
            _ => "I",
        };
        let protocollo = &truth["protocollo"];
        let sets = [
            format!("protocollo={}/{} {} {verso}", word(&protocollo["numero"]), protocollo["anno"], word(&protocollo["data"])),
            format!("oggetto={}", word(&truth["oggetto"])),
            format!("mittente={}", word(&truth["mittente"])),
            format!("tipo={}", word(&truth["tipi_accettabili"][0])),
            format!("voce={}", word(&truth["classi_accettabili"][0])),
        ];
        let id = word(&row["id"]);
        let mut args = vec!["review", id.as_str(), "--approve"];
        for set in &sets {
            args.extend(["--set", set]);
        }
        stage.json(&args, &[0]);
    }
}

#[test]
fn two_ingests_side_by_side_lose_nothing_and_double_nothing() {
    let stage = Stage::with_archive();
    let fixtures = repository().join("tests/fixtures/drill");
    for name in ["foglio.png", "due-pagine.tif"] {
        stage.put(&fixtures.join(name), &format!("uno/{name}"));
    }
    stage.put(&fixtures.join("nativo.pdf"), "due/nativo.pdf");
    let spawn = |folder: &str| {
        let path = stage.path(folder);
        stage.command(&["ingest", path.to_str().expect("a path")]).spawn().expect("the program starts")
    };
    let mut both = [spawn("uno"), spawn("due")];
    for one in &mut both {
        let code = one.wait().expect("an end").code();
        assert!(matches!(code, Some(0 | 1)), "{code:?}");
    }
    let rows = by_name(&stage);
    assert_eq!(rows.len(), 3);
    assert!(rows.values().all(|row| row["state"] == "held" || row["state"] == "ready"), "{rows:#?}");
}
