//! One arrival, several documents: a person says where each begins. The image data of the parts are those that came, nothing of one part
//! is in another, and the whole stays on record.

use std::path::{Path, PathBuf};
use std::process::Command;

use conserva::copy::{RangeOrder, range};
use conserva::error::Kind;
use conserva::limits::Limits;
use conserva::normalise::Opened;
use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use serde_json::Value;

use super::stage::{Stage, repository, said};

fn taken(input: &Path, mime: &str, (first, last): (u32, u32), output: PathBuf) -> RangeOrder {
    RangeOrder { input: input.to_owned(), mime: mime.to_owned(), first, last, id: [7; 16], output }
}

/// The pixels of every page.
fn pixels(path: &Path, mime: &str) -> Vec<(u32, u32, Vec<u8>)> {
    let limits = Limits::default();
    let opened = Opened::open(path, mime, &limits).expect("opened");
    let page = |survey| {
        let page = opened.image(&survey, &limits).expect("a page");
        (page.width, page.height, page.gray)
    };
    opened.survey(&limits).expect("its pages").into_iter().map(page).collect()
}

#[test]
fn pages_taken_out_of_a_tiff_have_the_pixels_that_they_had_however_it_keeps_them() {
    let folder = tempfile::tempdir().expect("folder");
    let mut seen = 0;
    for entry in std::fs::read_dir(repository().join("tests/fixtures/copy")).expect("fixtures") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "tif") {
            continue;
        }
        let whole = pixels(&path, "image/tiff");
        for page in 1..=whole.len() as u32 {
            for last in page..=whole.len() as u32 {
                let order = taken(&path, "image/tiff", (page, last), folder.path().join("part.tif"));
                range(&order, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let part = pixels(&order.output, "image/tiff");
                assert_eq!(part, whole[page as usize - 1..last as usize], "{} {page}-{last}", path.display());
                if let Ok(output) = Command::new("tiffinfo").arg(&order.output).output() {
                    let words = String::from_utf8_lossy(&output.stderr).to_lowercase();
                    assert!(output.status.success() && !words.contains("error"), "{}: {words}", path.display());
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_page_that_is_not_there_and_strips_that_lie_outside_are_doubts_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let input = repository().join("tests/fixtures/copy/pages.tif");
    let order = taken(&input, "image/tiff", (2, 9), folder.path().join("part.tif"));
    let error = range(&order, &Limits::default()).expect_err("no ninth page");
    assert_eq!((error.kind(), error.code()), (Kind::Hold, "copy-page-missing"));
    let bytes = std::fs::read(&input).expect("fixture");
    for cut in [9, 100, bytes.len() / 2, bytes.len() - 3] {
        let broken = folder.path().join("broken.tif");
        std::fs::write(&broken, &bytes[..cut]).expect("written");
        let order = taken(&broken, "image/tiff", (1, 3), folder.path().join("part.tif"));
        assert!(matches!(range(&order, &Limits::default()).expect_err("cut").kind(), Kind::Hold), "{cut}");
        assert!(!order.output.exists(), "{cut}");
    }
    let order = taken(&input, "image/png", (1, 1), folder.path().join("part.png"));
    assert_eq!(range(&order, &Limits::default()).expect_err("no pages").code(), "range-format");
}

/// Strips that share their bytes would make of a small file a large one.
#[test]
fn a_tiff_whose_strips_share_their_bytes_does_not_grow_without_end() {
    let folder = tempfile::tempdir().expect("folder");
    let (strips, strip) = (4_000_u32, 64 << 10);
    let mut bytes = b"II*\0".to_vec();
    let data = 8 + 2 * strips * 4;
    bytes.extend((data + strip).to_le_bytes());
    (0..strips).for_each(|_| bytes.extend(data.to_le_bytes()));
    (0..strips).for_each(|_| bytes.extend(strip.to_le_bytes()));
    bytes.resize((data + strip) as usize, 0xAA);
    let entries = [
        (256_u16, 1_u32, 512_u32),
        (257, 1, strips * 128),
        (258, 1, 8),
        (259, 1, 1),
        (262, 1, 1),
        (273, strips, 8),
        (278, 1, 128),
        (279, strips, 8 + strips * 4),
    ];
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, count, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(4_u16.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    let input = folder.path().join("shared.tif");
    std::fs::write(&input, bytes).expect("written");
    let order = taken(&input, "image/tiff", (1, 1), folder.path().join("part.tif"));
    assert_eq!(range(&order, &Limits::default()).expect_err("too long").code(), "copy-damaged");
    assert!(!order.output.exists());
}

/// Three pages that share one dictionary of resources, with a note that leads from the first to the last.
fn shared_pdf(path: &Path) {
    let mut doc = Document::with_version("1.6");
    let nodes = doc.new_object_id();
    let mut images = Dictionary::new();
    for n in 1..=3_u8 {
        let pixel = dictionary! { "Type" => "XObject", "Subtype" => "Image", "Width" => 1, "Height" => 8, "BitsPerComponent" => 8,
        "ColorSpace" => "DeviceGray" };
        let id = doc.add_object(Stream::new(pixel, format!("segreto{n}").into_bytes()).with_compression(false));
        images.set(format!("I{n}"), id);
    }
    let font = doc.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" });
    let resources = dictionary! { "XObject" => images, "Font" => dictionary! { "F" => font } };
    let ids: Vec<_> = (1..=3).map(|_| doc.new_object_id()).collect();
    for (n, id) in (1..).zip(&ids) {
        let text = format!("BT /F 20 Tf 50 700 Td (Foglio {n}) Tj ET q 10 0 0 10 0 0 cm /I{n} Do Q");
        let content = doc.add_object(Stream::new(Dictionary::new(), text.into_bytes()).with_compression(false));
        let to_last = vec![Object::Reference(ids[2]), "Fit".into()];
        let note = dictionary! { "Type" => "Annot", "Subtype" => "Link", "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()],
        "P" => *id, "Dest" => to_last };
        let page = dictionary! { "Type" => "Page", "Parent" => nodes, "Contents" => content, "Annots" => vec![note.into()] };
        doc.objects.insert(*id, page.into());
    }
    let kids: Vec<Object> = ids.iter().map(|id| (*id).into()).collect();
    let node = dictionary! { "Type" => "Pages", "Count" => 3, "Kids" => kids, "Resources" => resources,
    "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()], "Rotate" => 90 };
    doc.objects.insert(nodes, node.into());
    let titles = doc.add_object(dictionary! { "Type" => "Outlines", "Title" => Object::string_literal("indice del plico") });
    let root = doc.add_object(dictionary! { "Type" => "Catalog", "Pages" => nodes, "Outlines" => titles });
    doc.trailer.set("Root", root);
    doc.save(path).expect("saved");
}

#[test]
fn pages_taken_out_of_a_pdf_look_as_they_did_and_bring_nothing_of_the_others_along() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("tre.pdf");
    shared_pdf(&input);
    let order = taken(&input, "application/pdf", (2, 2), folder.path().join("due.pdf"));
    range(&order, &Limits::default()).expect("taken");
    let bytes = std::fs::read(&order.output).expect("part");
    let has = |word: &str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
    for (word, wanted) in
        [("segreto2", true), ("Foglio 2", true), ("segreto1", false), ("segreto3", false), ("Foglio 3", false), ("indice", false)]
    {
        assert_eq!(has(word), wanted, "{word}");
    }
    let doc = Document::load(&order.output).expect("a PDF");
    let page = doc.get_dictionary(doc.get_pages()[&1]).expect("a page");
    assert_eq!((doc.get_pages().len(), page.get(b"Rotate").and_then(Object::as_i64).expect("turned")), (1, 90));
    range(&order, &Limits::default()).expect("again");
    assert_eq!(bytes, std::fs::read(&order.output).expect("part"), "the same order gives the same bytes");
    if let Ok(output) = Command::new("qpdf").arg("--check").arg(&order.output).output() {
        assert!(output.status.success(), "{}", said(&output));
    }
    // A scan: its image stream is as it was.
    let scan = repository().join("samples/documenti/08 contratto ponte.pdf");
    let order = taken(&scan, "application/pdf", (2, 2), folder.path().join("ponte.pdf"));
    range(&order, &Limits::default()).expect("taken");
    let pages = |path: &Path| pixels(path, "application/pdf");
    assert_eq!(pages(&order.output), pages(&scan)[1..]);
}

fn show(stage: &Stage, id: &str) -> Value {
    stage.json(&["show", id], &[0]).remove(0)
}

fn ingested(stage: &Stage, path: &Path, args: &[&str]) -> String {
    let path = path.display().to_string();
    let lines = stage.json(&[&["ingest", &path], args].concat(), &[0, 1]);
    lines[0]["documents"][0].as_str().expect("a document").to_owned()
}

#[test]
fn a_scan_of_two_papers_becomes_two_documents_and_the_whole_stays_on_record() {
    let stage = Stage::with_archive();
    let scan = stage.put(&repository().join("samples/documenti/03 delibera giunta.tif"), "scans/plico.tif");
    let before = std::fs::read(&scan).expect("the scan");
    let id = ingested(&stage, &scan, &[]);
    let whole = show(&stage, &id);
    for wrong in ["1", "3", "2,2", "x", "0"] {
        let output = stage.run(&["review", &id, "--split", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", said(&output));
    }
    assert_eq!(show(&stage, &id)["state"], whole["state"], "a mistake decides nothing");
    let parts = stage.json(&["review", &id, "--split", "2", "--note", "due atti"], &[0, 1]);
    let ids: Vec<&str> = parts.iter().map(|part| part["id"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), 2);
    let names: Vec<Value> = ids.iter().map(|id| show(&stage, id)["components"][0]["name"].clone()).collect();
    assert_eq!(names, ["plico_p1.tif", "plico_p2.tif"]);
    for (n, part) in ids.iter().map(|id| show(&stage, id)).enumerate() {
        assert_eq!((&part["pages"].as_array().expect("pages").len(), &part["source"]), (&1, &whole["source"]));
        let words = |text: &Value| text.as_str().expect("text").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let read = words(&part["text"]);
        let known = words(&whole["text"]);
        assert!(read.len() > 20 && known.windows(8).any(|some| some == &read[8..16]), "part {n}: {}", part["text"]);
        assert_ne!(part["components"][0]["sha256"], whole["components"][0]["sha256"]);
    }
    let ended = show(&stage, &id);
    assert_eq!((&ended["state"], &ended["holds"][0]["code"]), (&"refused".into(), &"split-into".into()));
    assert!(ids.iter().all(|part| ended["holds"][0]["why"].as_str().expect("why").contains(part)), "{ended:#}");
    assert_eq!(ended["source"], whole["source"]);
    assert_eq!(std::fs::read(&scan).expect("the scan"), before);
    let again = stage.run(&["review", &id, "--split", "2"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    for id in &ids {
        let sets = [
            "tipo=delibera_giunta",
            "voce=I.8",
            "oggetto=Prova",
            "data=2024-03-12",
            "mittente=Giunta",
            "protocollo=77/2024 2024-03-14 I",
        ];
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        stage.json(&[&["review", id, "--approve"], &sets[..]].concat(), &[0, 1]);
        let decided = show(&stage, id);
        assert_eq!(decided["state"], "ready", "{:#}", decided["holds"]);
    }
    for line in stage.json(&["package"], &[0]) {
        let path = line["path"].as_str().expect("a path");
        assert_eq!(stage.json(&["verify", path], &[0])[0]["ok"], true, "{path}");
    }
    let journal = stage.run(&["journal", "verify"]);
    assert!(journal.status.success(), "{}", said(&journal));
}

#[test]
fn what_was_said_beside_the_whole_is_said_of_its_first_part_only() {
    let stage = Stage::with_archive();
    let scan = stage.put(&repository().join("samples/documenti/01 istanza accesso atti.tif"), "porta/plico.tif");
    let sidecar = br#"{"documento": {"oggetto": "Consegna del plico", "riservato": true,
        "protocollo": {"numero": 4711, "data": "2024-03-12", "verso": "E"}}}"#;
    std::fs::write(stage.path("porta/plico.tif.json"), sidecar).expect("sidecar");
    let id = ingested(&stage, &scan, &["--take"]);
    assert_eq!(show(&stage, &id)["fields"]["protocollo"]["value"]["numero"], "0004711");
    stage.json(&["review", &id, "--rotate", "2:180"], &[0, 1]);
    let parts = stage.json(&["review", &id, "--split", "2"], &[0, 1]);
    let part = |n: usize| show(&stage, parts[n]["id"].as_str().expect("an id"));
    let (first, second) = (part(0), part(1));
    assert_eq!(first["fields"]["oggetto"]["value"], "Consegna del plico");
    assert_eq!(first["fields"]["protocollo"]["value"]["numero"], "0004711");
    assert_ne!(second["fields"]["oggetto"]["value"], "Consegna del plico");
    assert_ne!(second["fields"]["protocollo"]["value"]["numero"], "0004711");
    for part in [&first, &second] {
        assert_eq!(part["riservato"]["value"], true, "{part:#}");
    }
    assert_eq!((&first["pages"][0]["rotation"], &second["pages"][0]["rotation"]), (&0.into(), &180.into()));
    // A later part is divided once more: nothing was said of its first part either.
    let three = stage.put(&repository().join("tests/fixtures/copy/pages.tif"), "porta/tre.tif");
    std::fs::write(stage.path("porta/tre.tif.json"), sidecar).expect("sidecar");
    let id = ingested(&stage, &three, &["--take"]);
    let parts = stage.json(&["review", &id, "--split", "2"], &[0, 1]);
    let later = stage.json(&["review", parts[1]["id"].as_str().expect("an id"), "--split", "2"], &[0, 1]);
    for part in &later {
        let shown = show(&stage, part["id"].as_str().expect("an id"));
        assert_ne!(shown["fields"]["protocollo"]["value"]["numero"], "0004711", "{shown:#}");
        assert_eq!(shown["source"]["name"], "tre.tif");
    }
}

#[test]
fn what_cannot_be_divided_says_why_and_stays_whole() {
    let stage = Stage::with_archive();
    let photo = stage.put(&repository().join("samples/documenti/06 fattura ferramenta.jpg"), "scans/foto.jpg");
    let id = ingested(&stage, &photo, &[]);
    let output = stage.run(&["review", &id, "--split", "2"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("non dividono"), "{}", said(&output));
    let scan = stage.put(&repository().join("tests/fixtures/rescan/foglio-sfocato.tif"), "scans/sfocato.tif");
    let id = ingested(&stage, &scan, &[]);
    stage.json(&["review", &id, "--rescan", "2"], &[1]);
    let output = stage.run(&["review", &id, "--split", "2"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("fogli scansionati di nuovo"), "{}", said(&output));
    assert_eq!(show(&stage, &id)["state"], "held");
}

#[test]
fn a_division_that_is_killed_has_happened_whole_or_not_at_all() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: kills need --features drill (scripts/test has it)");
    }
    for point in ["blobs.named", "store.uncommitted", "store.committed", "desk.split"] {
        let stage = Stage::with_archive();
        let scan = stage.put(&repository().join("tests/fixtures/copy/pages.tif"), "scans/tre.tif");
        let id = ingested(&stage, &scan, &[]);
        let killed =
            stage.command(&["review", &id, "--split", "2,3"]).env("CONSERVA_DRILL", point).output().expect("the program");
        assert!(!killed.status.success(), "{point}: {}", said(&killed));
        if show(&stage, &id)["state"] != "refused" {
            stage.json(&["review", &id, "--split", "2,3"], &[0, 1]);
        }
        let empty = stage.path("vuota");
        std::fs::create_dir(&empty).expect("folder");
        // Whoever works next carries on what was left.
        stage.run(&["ingest", empty.to_str().expect("a path")]);
        let rows = stage.json(&["list"], &[0]);
        let mut states: Vec<&str> = rows.iter().map(|row| row["state"].as_str().expect("a state")).collect();
        states.sort_unstable();
        assert_eq!(states, ["held", "held", "held", "refused"], "{point}: {rows:#?}");
        assert_eq!(stage.json(&["journal", "verify"], &[0])[0]["ok"], true, "{point}");
    }
}

#[test]
fn a_part_whose_file_was_gone_is_tried_again_by_itself_and_the_whole_stays_ended() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: kills need --features drill (scripts/test has it)");
    }
    let stage = Stage::with_archive();
    let scan = stage.put(&repository().join("tests/fixtures/copy/pages.tif"), "scans/tre.tif");
    let id = ingested(&stage, &scan, &[]);
    let killed =
        stage.command(&["review", &id, "--split", "2"]).env("CONSERVA_DRILL", "desk.split").output().expect("the program");
    assert!(!killed.status.success(), "{}", said(&killed));
    let rows = stage.json(&["list"], &[0]);
    let part =
        rows.iter().find(|row| row["name"] == "tre_p1.tif").expect("the first part")["id"].as_str().expect("an id").to_owned();
    let sha256 = show(&stage, &part)["components"][0]["sha256"].as_str().expect("a digest").to_owned();
    let blob = walkdir::WalkDir::new(stage.path("archivio/blobs"))
        .into_iter()
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().contains(&sha256))
        .expect("its blob")
        .into_path();
    std::fs::rename(&blob, stage.path("altrove")).expect("gone");
    let empty = stage.path("vuota");
    std::fs::create_dir(&empty).expect("folder");
    stage.run(&["ingest", empty.to_str().expect("a path")]);
    assert_eq!(show(&stage, &part)["holds"][0]["code"], "blob-missing");
    std::fs::rename(stage.path("altrove"), &blob).expect("back");
    stage.json(&["review", &part, "--retry"], &[0, 1]);
    let read = show(&stage, &part);
    assert_eq!((&read["pages"].as_array().expect("pages").len(), &read["holds"][0]["code"] == "blob-missing"), (&1, false));
    let whole = show(&stage, &id);
    assert_eq!((&whole["state"], &whole["holds"][0]["code"]), (&"refused".into(), &"split-into".into()), "{whole:#}");
}
