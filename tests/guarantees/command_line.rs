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

#[test]
fn ocr_never_writes_over_what_it_reads() {
    let stage = Stage::bare();
    let scan = stage.path("scansione.png");
    std::fs::copy(repository().join("tests/fixtures/drill/foglio.png"), &scan).expect("copied");
    let before = std::fs::read(&scan).expect("the scan");
    let path = |p: &std::path::Path| p.to_str().expect("a path").to_owned();
    let other = path(&stage.path("copia.pdf"));
    for args in [&["ocr", &path(&scan), &path(&scan)][..], &["ocr", "--text", &path(&scan), &path(&scan), &other]] {
        let output = stage.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains("scansione.png"), "{}", said(&output));
    }
    assert_eq!(std::fs::read(&scan).expect("the scan"), before);
}

#[test]
fn ocr_writes_to_no_device_and_no_queue_and_through_links() {
    let stage = Stage::bare();
    let scan = repository().join("tests/fixtures/drill/foglio.png");
    let path = |p: &std::path::Path| p.to_str().expect("a path").to_owned();
    let (scan, copy, queue, node) = (path(&scan), path(&stage.path("copia.pdf")), stage.path("coda"), stage.path("nodo"));
    let rights = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &queue, rights).expect("a queue");
    // A node of our own that swallows all; who may not make one tries the queue alone.
    let null = rustix::fs::makedev(1, 3);
    let made = rustix::fs::mknodat(rustix::fs::CWD, &node, rustix::fs::FileType::CharacterDevice, rights, null);
    let special = if made.is_ok() { vec![path(&queue), path(&node)] } else { vec![path(&queue)] };
    for special in &special {
        for args in [
            &["ocr", &scan, special][..],
            &["ocr", "--text", special, &scan, &copy],
            &["ocr", "--alto", special, &scan, &copy],
            &["ocr", "--hocr", special, &scan, &copy],
        ] {
            let output = stage.run(args);
            assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
            assert!(said(&output).contains("non è un file"), "{}", said(&output));
            let kind = std::fs::symlink_metadata(special).expect("it is still there").file_type();
            assert!(!kind.is_file() && !stage.path("copia.pdf").exists(), "{args:?}");
        }
    }
    let link = stage.path("legame.pdf");
    std::os::unix::fs::symlink("vero.pdf", &link).expect("linked");
    assert_eq!(code(&stage, &["ocr", &scan, &path(&link)]), 0);
    assert!(link.symlink_metadata().expect("there").is_symlink() && stage.path("vero.pdf").is_file());
}

#[test]
fn what_is_missing_or_no_file_is_said_at_once_and_costs_no_other_its_answer() {
    let stage = Stage::bare();
    let file = repository().join("tests/fixtures/drill/foglio.png");
    let (file, pipe) = (file.to_str().expect("a path"), stage.path("coda.tif"));
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).expect("a queue");
    let pipe = pipe.to_str().expect("a path").to_owned();
    let copy = stage.path("copia.pdf").to_str().expect("a path").to_owned();
    for verb in
        [&["identify", "manca.tif"][..], &["extract", "manca.tif"], &["classify", "manca.tif"], &["ocr", "manca.tif", &copy]]
    {
        assert_eq!(code(&stage, verb), 2, "{verb:?}");
    }
    assert_eq!(code(&stage, &["ocr", file, "manca/copia.pdf"]), 2, "no folder to write into");
    for verb in [&["identify", &pipe][..], &["extract", &pipe], &["ocr", &pipe, &copy]] {
        assert_eq!(code(&stage, verb), 1, "{verb:?} does not wait for a writer");
    }
    let lines = stage.json(&["identify", file, "manca.tif", &pipe, file], &[2]);
    let told: Vec<_> = lines.iter().map(|line| line.get("puid").is_some()).collect();
    assert_eq!(told, [true, false, false, true], "{lines:?}");
    let stage = Stage::with_archive();
    assert_eq!(code(&stage, &["ingest", file, "manca.tif"]), 2);
    assert!(stage.json(&["list"], &[0]).is_empty(), "nothing is taken in by a command that was typed wrong");
}

#[test]
fn a_scan_cut_off_is_not_taken_for_born_digital() {
    let stage = Stage::bare();
    let path = stage.path("tagliato.pdf").to_str().expect("a path").to_owned();
    // The tree of pages comes first, and the image that the page shows is lost with the end of the file.
    let cut = "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n\
        3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</I 5 0 R>>>>/Contents 4 0 R>>\nendobj\n\
        4 0 obj\n<</Length 29>>\nstream\nq 595 0 0 842 0 0 cm /I Do Q\nendstream\nendobj\n\
        5 0 obj\n<</Type/XObject/Subtype/Image/Width 2480/Height 3508/ColorSpace/DeviceGray/BitsPerComponent 8/Length 90000>>\n\
        stream\n0123456789";
    std::fs::write(&path, cut).expect("written");
    let output = stage.run(&["--lang", "en", "ocr", &path, stage.path("copia.pdf").to_str().expect("a path")]);
    let text = said(&output);
    assert!(output.status.code() == Some(1) && !text.contains("born digital"), "{text}");
    assert!(text.contains("incomplete") || text.contains("damaged") || text.contains("cut off"), "{text}");
}

#[test]
fn several_scans_become_one_pdf_with_a_bookmark_for_each_and_what_cannot_be_is_left_out() {
    let stage = Stage::bare();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/copy");
    let other = stage.path("altrove");
    std::fs::create_dir(&other).expect("a folder");
    for (name, to) in [("pages.tif", stage.path("verbale.tif")), ("gray.jpg", other.join("determina n. 3 (è).jpg"))] {
        std::fs::copy(fixtures.join(name), to).expect("copied");
    }
    std::fs::write(stage.path("note.txt"), "appunti").expect("written");
    let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let (first, last) = (path(stage.path("verbale.tif")), path(other.join("determina n. 3 (è).jpg")));
    let (note, copy, text) = (path(stage.path("note.txt")), path(stage.path("lotto.pdf")), path(stage.path("lotto.txt")));
    let told = stage.json(&["ocr", "--text", &text, &first, &last, &copy], &[0]).remove(0);
    let made = lopdf::Document::load(&copy).expect("a PDF");
    let count = made.get_pages().len();
    assert_eq!(told["pages"]["all"], count);
    let contents = made.get_toc().expect("bookmarks").toc;
    let marks: Vec<(&str, usize)> = contents.iter().map(|mark| (mark.title.as_str(), mark.page)).collect();
    assert_eq!(marks, [("verbale.tif", 1), ("determina n. 3 (è).jpg", count)]);
    assert!(count > 2, "a file of several pages, and another");
    assert_eq!(std::fs::read_to_string(&text).expect("texts").matches('\u{c}').count(), count - 1);
    let whole = std::fs::read(&copy).expect("the copy");
    stage.json(&["ocr", &first, &note, &last, &copy], &[1]);
    assert!(std::fs::read(&copy).expect("the copy") == whole, "the same scans give the same bytes");
    let refused = stage.run(&["--lang", "en", "ocr", &note, &note, &copy]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("None of the 2 files"), "{refused:?}");
    assert!(std::fs::read(&copy).expect("the copy") == whole, "nothing was written");
}

/// What `classify` says of a letter: tipo, voce, and whether a person must decide.
fn filed(stage: &Stage, text: &str) -> (String, String, bool) {
    let path = stage.path("lettera.txt");
    std::fs::write(&path, text).expect("written");
    let output = stage.run(&["--json", "classify", path.to_str().expect("a path")]);
    let filing: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
    let word = |field: &str| filing[field]["value"].as_str().expect("a code").to_owned();
    (word("tipo"), word("voce"), output.status.code() != Some(0))
}

#[test]
fn a_contractors_notice_that_works_begin_is_no_owners_and_goes_to_the_works_or_to_a_person() {
    let stage = Stage::bare();
    let of = |body: &str| {
        let oggetto = "comunicazione inizio lavori - manutenzione della scuola materna";
        format!(
            "EDILCOSTRUZIONI VALLE S.R.L.\nP.IVA 00743110157\n\nSpett.le Comune di Roccamirta\n\nOggetto: {oggetto}\n\n{body}\n"
        )
    };
    for body in [
        "La scrivente comunica che il 12/03/2025 sono iniziati i lavori di manutenzione straordinaria di cui al contratto d'appalto \
         rep. 12, CIG 9876543210. Direttore dei lavori l'ing. Paolo Verdi.",
        "Si comunica che i lavori affidati con determinazione n. 45/2025 inizieranno il 3 aprile. Per l'impresa appaltatrice il \
         direttore tecnico. Direttore dei lavori l'ing. Verdi.",
    ] {
        let (tipo, voce, is_held) = filed(&stage, &of(body));
        assert!(is_held || (tipo == "appalto_lavori" && voce == "VI.5"), "{tipo} {voce}: {body}");
    }
    let owners = "Geom. Luca Ferri\n\nAl Comune di Roccamirta\nSportello Unico Edilizia\n\nOggetto: Comunicazione di inizio lavori asseverata, \
        art. 6-bis DPR 380/2001\n\nIl proprietario dell'immobile al foglio 3 particella 45 comunica l'inizio dei lavori di manutenzione \
        straordinaria con opere interne. Impresa esecutrice Edil Neri srl, DURC allegato. Il tecnico assevera la conformità.\n";
    assert_eq!(filed(&stage, owners).0, "cila");
}
