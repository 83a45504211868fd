//! Our own engine reads as Tesseract does: the same words, in the same places, as sure; and a second reading is not its own.

use std::path::{Path, PathBuf};

use conserva::child::{Again, Manner, Readers, ReadersOptions};
use conserva::limits::Limits;
use conserva::page::{Engine, ReadPage, Word};

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reader/page.png")
}

pub(super) fn readers(engine: Engine, scratch: &Path) -> Readers {
    let options = ReadersOptions {
        program: PathBuf::from(env!("CARGO_BIN_EXE_conserva")),
        args: vec!["page-child".to_owned()],
        count: 1,
        lang: "ita".to_owned(),
        engine,
        limits: Limits::default(),
        scratch: scratch.to_owned(),
        roots: Vec::new(),
    };
    Readers::start(options).expect("readers")
}

fn read(readers: &Readers) -> ReadPage {
    let surveys = readers.survey(&page(), "image/png").expect("a survey");
    readers.read(&page(), "image/png", &surveys[0]).expect("a page")
}

fn words(page: &ReadPage) -> Vec<&Word> {
    page.text.lines().flat_map(|line| &line.words).collect()
}

/// Share of the width of both boxes that is in both; none where they stand in different lines. Our boxes are as high as the line.
fn overlap(a: &Word, b: &Word) -> f32 {
    let side = |a: u32, a_size: u32, b: u32, b_size: u32| (a + a_size).min(b + b_size).saturating_sub(a.max(b));
    let across = side(a.rect.x, a.rect.w, b.rect.x, b.rect.w);
    let down = side(a.rect.y, a.rect.h, b.rect.y, b.rect.h);
    if down * 10 < b.rect.h * 7 { 0.0 } else { across as f32 / (a.rect.w + b.rect.w - across) as f32 }
}

#[test]
fn our_engine_reads_the_words_that_tesseract_reads_where_it_reads_them_and_as_sure() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = read(&readers(Engine::Native, folder.path()));
    let theirs = read(&readers(Engine::Tesseract, folder.path()));
    assert!(ours.text.origin.starts_with("conserva "), "{}", ours.text.origin);
    assert!(theirs.text.origin.starts_with("tesseract "), "{}", theirs.text.origin);
    // Line by line: where blocks begin, each engine says for itself.
    let lines = |page: &ReadPage| -> Vec<String> { page.text.lines().map(conserva::page::Line::text).collect() };
    assert_eq!(lines(&ours), lines(&theirs));
    for (ours, theirs) in words(&ours).into_iter().zip(words(&theirs)) {
        assert!(overlap(ours, theirs) > 0.7, "{}: {:?} and {:?}", ours.text, ours.rect, theirs.rect);
        assert!(
            (ours.confidence - theirs.confidence).abs() < 15.0,
            "{}: {} and {}",
            ours.text,
            ours.confidence,
            theirs.confidence
        );
    }
}

#[test]
fn a_region_of_a_page_read_by_our_engine_is_read_again_by_tesseract() {
    let folder = tempfile::tempdir().expect("a folder");
    let readers = readers(Engine::Native, folder.path());
    let read = read(&readers);
    let first = words(&read)[0];
    let rects = vec![first.rect.grown(10, read.text.width, read.text.height)];
    let again = Again { manner: Manner::Gray, first: read.text.origin.clone(), rects };
    let again = readers.reread(&page(), "image/png", &read.page, &again).expect("a second reading");
    assert!(again[0].origin.starts_with("tesseract "), "{}", again[0].origin);
    assert!(again[0].raw.contains(&first.text), "{} for {}", again[0].raw, first.text);
}

#[test]
fn a_region_of_a_page_that_was_left_to_tesseract_is_read_again_by_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let theirs = read(&readers(Engine::Tesseract, folder.path()));
    let first = words(&theirs)[0];
    let rects = vec![first.rect.grown(10, theirs.text.width, theirs.text.height)];
    let again = Again { manner: Manner::Gray, first: theirs.text.origin.clone(), rects };
    let again = readers(Engine::Auto, folder.path()).reread(&page(), "image/png", &theirs.page, &again).expect("a reading");
    assert!(again[0].origin.starts_with("conserva "), "{}", again[0].origin);
    assert!(again[0].raw.contains(&first.text), "{} for {}", again[0].raw, first.text);
}

/// The folder of the models that are installed.
fn models() -> PathBuf {
    conserva::ocr::lstm::folder().expect("a folder of models")
}

fn conserva(models: &Path, arguments: &[&std::ffi::OsStr]) -> serde_json::Value {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_conserva"));
    let output = command.arg("--json").args(arguments).env("TESSDATA_PREFIX", models).output().expect("conserva runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_model_of_a_kind_that_ours_does_not_know_is_left_to_tesseract_and_said() {
    let mut model = std::fs::read(models().join("ita.traineddata")).expect("the model");
    // One scale of the last layer is turned round, of a character that the page has not: ours does not know such layers, while
    // Tesseract does not mind. Behind the scales stand some rates with their number, then the network's description with its length.
    let spec = model.windows(6).position(|window| window == b"[1,36,").expect("a description") - 4;
    let is_number = |rates: &usize| model[spec - 4 * rates - 4..][..4] == (*rates as u32).to_le_bytes();
    let end = spec - 4 - 4 * (1..64).find(is_number).expect("rates");
    model[end - 16..][..8].copy_from_slice(&(-1e-9_f64).to_le_bytes());
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ita.traineddata"), model).expect("written");
    let copy = folder.path().join("copy.pdf");
    let read = |models: &Path| conserva(models, &["ocr".as_ref(), page().as_os_str(), copy.as_os_str()]);
    assert_eq!(read(folder.path())["pages"]["readers"], serde_json::json!({"ours": 0, "ours_on_other_lines": 0, "tesseract": 1}));
    assert_eq!(read(&models())["pages"]["readers"], serde_json::json!({"ours": 1, "ours_on_other_lines": 0, "tesseract": 0}));
    let archive = folder.path().join("none");
    let said = conserva(folder.path(), &["--archive".as_ref(), archive.as_os_str(), "doctor".as_ref()]);
    assert_eq!(said["reader"]["engine"], "tesseract");
    assert!(said["reader"]["why"].as_str().expect("a reason").contains("a scale out of its bounds"), "{said}");
}
