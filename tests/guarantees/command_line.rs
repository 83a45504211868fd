//! The outside contract: verbs, exit codes, JSON (design.md section 5).

use super::stage::{Stage, repository, said};

fn code(stage: &Stage, args: &[&str]) -> i32 {
    stage.run(args).status.code().unwrap_or(-1)
}

#[test]
fn exit_codes_say_who_must_act() {
    let stage = Stage::with_archive();
    assert_eq!(code(&stage, &["list"]), 0);
    assert_eq!(code(&stage, &["lista"]), 2, "wrong use");
    assert_eq!(code(&stage, &["show", "doc-nessuno"]), 2, "an unknown id");
    assert_eq!(code(&stage, &["init"]), 3, "an archive is never overwritten");
    let bare = Stage::bare();
    assert_eq!(code(&bare, &["list"]), 3, "no archive");
}

#[test]
fn a_configuration_error_names_file_field_and_remedy() {
    let stage = Stage::with_archive();
    std::fs::write(stage.path("archivio/conserva.toml"), "[ocr]\nlingua = \"ita\"\n").expect("written");
    let output = stage.run(&["list"]);
    assert_eq!(output.status.code(), Some(3));
    let text = said(&output);
    assert!(text.contains("conserva.toml") && text.contains("lingua"), "{text}");
}

#[test]
fn errors_speak_italian_unless_english_is_asked_for() {
    let stage = Stage::bare();
    assert!(said(&stage.run(&["list"])).contains("non è un archivio"));
    assert!(said(&stage.run(&["--lang", "en", "list"])).contains("is not an archive"));
}

#[test]
fn every_verb_has_its_help_with_examples_at_the_top() {
    let stage = Stage::bare();
    let help = said(&stage.run(&["--help"]));
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    for verb in
        ["init", "ingest", "list", "show", "review", "package", "verify", "inspect", "ocr", "identify", "extract", "classify"]
    {
        assert!(help.contains(verb), "{verb}");
        assert_eq!(code(&stage, &[verb, "--help"]), 0, "{verb}");
    }
    assert!(!help.contains("page-child"), "the children's door is hidden");
}

#[test]
fn completions_are_written_for_the_usual_shells() {
    let stage = Stage::bare();
    for shell in ["bash", "zsh", "fish"] {
        let output = stage.run(&["completions", shell]);
        assert!(output.status.success() && output.stdout.len() > 1000, "{shell}");
    }
}

#[test]
fn identify_tells_the_contract_in_json() {
    let stage = Stage::bare();
    let file = repository().join("tests/fixtures/drill/foglio.png");
    let lines = stage.json(&["identify", file.to_str().expect("a path")], &[0]);
    for field in ["path", "puid", "mime", "version", "claims", "signed", "encrypted", "verdict", "rule"] {
        assert!(lines[0].get(field).is_some(), "{field}: {}", lines[0]);
    }
    assert_eq!(lines[0]["mime"], "image/png");
}

#[test]
fn ocr_alone_writes_a_pdf_whose_words_can_be_searched() {
    let stage = Stage::bare();
    let scan = repository().join("tests/fixtures/drill/foglio.png");
    let (pdf, text) = (stage.path("foglio.pdf"), stage.path("foglio.txt"));
    let path = |p: &std::path::Path| p.to_str().expect("a path").to_owned();
    let output = stage.run(&["ocr", "--text", &path(&text), &path(&scan), &path(&pdf)]);
    assert!(output.status.success(), "{}", said(&output));
    let words = std::fs::read_to_string(&text).expect("the text");
    assert!(words.contains("sottoscritto") && words.contains("11 marzo 2024"), "{words}");
    assert!(std::fs::read(&pdf).expect("the copy").starts_with(b"%PDF-1.7"));
    let again = stage.path("ancora.pdf");
    assert!(stage.run(&["ocr", &path(&scan), &path(&again)]).status.success());
    assert_eq!(std::fs::read(&pdf).expect("one"), std::fs::read(&again).expect("two"), "the same bytes every time");
}

#[test]
fn a_born_digital_pdf_is_read_from_its_own_text() {
    let stage = Stage::bare();
    let file = repository().join("tests/fixtures/drill/nativo.pdf");
    let fields = stage.json(&["extract", file.to_str().expect("a path")], &[0]);
    assert!(fields[0]["oggetto"]["value"].as_str().is_some_and(|v| v.starts_with("documento nativo digitale")), "{}", fields[0]);
    assert_eq!(fields[0]["protocollo"]["value"]["numero"], "0000124");
}

#[test]
fn ocr_leaves_alone_what_is_born_digital_or_claims_to_be_a_pdfa_and_says_so() {
    let stage = Stage::bare();
    let (scan, copy, again) =
        (repository().join("tests/fixtures/drill/due-pagine.tif"), stage.path("copia.pdf"), stage.path("di nuovo.pdf"));
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    assert_eq!(code(&stage, &["ocr", &path(&scan), &path(&copy)]), 0);
    let native = path(&repository().join("tests/fixtures/drill/nativo.pdf"));
    let empty = stage.path("vuoto.pdf");
    std::fs::write(&empty, super::reader::pdf("nothing.pdf")).expect("a file");
    for (input, word) in [(path(&copy), "PDF/A (pdfa-2b)"), (native, "nativo digitale"), (path(&empty), "pagine bianche")] {
        let output = stage.run(&["ocr", &input, &path(&again)]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).to_lowercase().contains(&word.to_lowercase()), "{word}: {}", said(&output));
        assert!(!again.exists(), "nothing is written: {input}");
    }
    let Some(signed) = super::stage::shared("corpus/signed/PAdES-BpB-att-SHA256-SHA3_256withRSA.pdf") else { return };
    let output = stage.run(&["ocr", &path(&signed), &path(&again)]);
    assert_eq!((output.status.code(), again.exists()), (Some(1), false), "{}", said(&output));
    assert!(said(&output).contains("firmato"), "{}", said(&output));
}

#[test]
fn show_has_the_fields_that_scripts_rely_on() {
    let stage = Stage::with_archive();
    let file = repository().join("tests/fixtures/drill/foglio.png");
    let lines = stage.json(&["ingest", file.to_str().expect("a path")], &[0, 1]);
    let id = lines[0]["documents"][0].as_str().expect("a document").to_owned();
    let shown = stage.json(&["show", &id], &[0]).remove(0);
    for field in
        ["id", "state", "source", "components", "copies", "pages", "text", "fields", "filing", "riservato", "holds", "pdv"]
    {
        assert!(shown.get(field).is_some(), "{field}: {shown:#}");
    }
    for field in ["n", "dpi", "rotation", "skew_deg", "blank", "mean_confidence", "quality"] {
        assert!(shown["pages"][0].get(field).is_some(), "{field}");
    }
    for field in [
        "tipo",
        "oggetto",
        "protocollo",
        "data",
        "mittente",
        "destinatario",
        "codici_fiscali",
        "partite_iva",
        "iban",
        "cig",
        "cup",
        "importi",
        "pec",
        "doubtful",
    ] {
        assert!(shown["fields"].get(field).is_some(), "{field}");
    }
    assert!(shown["source"]["sha256"].as_str().is_some_and(|s| s.len() == 64));
    assert!(shown["copies"].as_array().expect("copies").iter().any(|c| c["kind"] == "pdfa"));
}

#[test]
fn the_same_bytes_under_another_name_wait_as_a_duplicate_until_released() {
    let stage = Stage::with_archive();
    let fixtures = repository().join("tests/fixtures/drill");
    let first = stage.put(&fixtures.join("foglio.png"), "scans/a.png");
    let second = stage.put(&fixtures.join("foglio.png"), "scans/b.png");
    let path = |p: &std::path::Path| p.to_str().expect("a path").to_owned();
    let lines = stage.json(&["ingest", &path(&first), &path(&second)], &[1]);
    assert_eq!(lines[1]["outcome"], "duplicate");
    assert!(lines[1]["reason"].as_str().is_some_and(|r| r.contains("a.png")), "{}", lines[1]);
    let again = stage.json(&["ingest", &path(&first)], &[0, 1]);
    assert_eq!(again[0]["arrival"], lines[0]["arrival"], "a replay is the same arrival");
    let id = lines[1]["documents"][0].as_str().expect("a document").to_owned();
    let released = stage.json(&["review", &id, "--release"], &[0, 1]);
    assert_ne!(released[0]["state"], "duplicate");
    assert!(released[0]["tipo"].is_string(), "it was read as a document of its own: {}", released[0]);
}
