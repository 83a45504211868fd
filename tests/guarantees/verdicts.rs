//! What the program says of pages beside the archive: each verdict with its value and limit, and a page costs itself only.

use std::path::Path;
use std::process::{Command, Output};

use conserva::limits::Limits;
use conserva::normalise::Opened;
use serde_json::Value;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conserva")).args(args).output().expect("the program runs")
}

/// A page of text that was scanned from its wrong side.
fn mirrored(path: &Path) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/documenti/04 determina.tif");
    let limits = Limits::default();
    let opened = Opened::open(&sample, "image/tiff", &limits).expect("a sample");
    let survey = opened.survey(&limits).expect("its pages").remove(0);
    let page = opened.image(&survey, &limits).expect("its first page");
    let page = image::GrayImage::from_raw(page.width, page.height, page.gray).expect("its pixels");
    image::imageops::flip_horizontal(&page).save(path).expect("a written file");
}

#[test]
fn ocr_says_of_each_page_under_a_limit_which_limit_of_whom_and_what_would_hold_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, output) = (folder.path().join("wrong.png"), folder.path().join("copy.pdf"));
    mirrored(&input);
    let (input, output) = (input.to_str().expect("UTF-8"), output.to_str().expect("UTF-8"));
    let ran = run(&["--json", "ocr", input, output]);
    let answer: Value = serde_json::from_slice(&ran.stdout).expect("one JSON");
    let verdict = &answer["pages"]["verdicts"][0];
    assert_eq!((&verdict["page"], &verdict["blank"]), (&Value::from(1), &Value::from(false)), "{answer}");
    let limit = |code: &str| {
        let all = verdict["under"].as_array().expect("figures");
        all.iter().find(|figure| figure["code"] == code).and_then(|figure| figure["limit"].as_f64())
    };
    let limits = ["mean_confidence", "second_reading", "mirrored_confidence"].map(limit);
    assert_eq!(limits, [Some(60.0), Some(70.0), Some(70.0)], "{verdict}");
    let reasons = verdict["reasons"].as_array().expect("reasons");
    assert!(reasons.iter().any(|reason| reason["code"] == "page-mirrored"), "{verdict}");
}

/// A TIFF of white pages of 60 by 60 pixels, each as compressed as said.
fn tiff(pages: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"II*\0".to_vec();
    out.extend(8_u32.to_le_bytes());
    for (at, (compression, data)) in pages.iter().enumerate() {
        let start = out.len() as u32;
        let (from, next) = (start + 2 + 9 * 12 + 4, start + 2 + 9 * 12 + 4 + data.len() as u32);
        let tags = [
            (256_u16, 60),
            (257, 60),
            (258, 8),
            (259, u32::from(*compression)),
            (262, 1),
            (273, from),
            (277, 1),
            (278, 60),
            (279, data.len() as u32),
        ];
        out.extend(9_u16.to_le_bytes());
        for (tag, value) in tags {
            out.extend(tag.to_le_bytes());
            out.extend(4_u16.to_le_bytes());
            out.extend(1_u32.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.extend(if at + 1 < pages.len() { next } else { 0 }.to_le_bytes());
        out.extend(data);
    }
    out
}

#[test]
fn ocr_names_the_blank_pages_to_a_person() {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, output) = (folder.path().join("white.tif"), folder.path().join("copy.pdf"));
    std::fs::write(&input, tiff(&[(1, vec![255; 3_600])])).expect("a written file");
    let ran = run(&["--lang", "en", "ocr", input.to_str().expect("UTF-8"), output.to_str().expect("UTF-8")]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("Blank pages, kept and not read: 1."), "{said}");
}

#[test]
fn extract_and_classify_go_on_past_a_page_that_cannot_be_read_and_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.tif");
    std::fs::write(&path, tiff(&[(1, vec![255; 3_600]), (8, vec![7; 90])])).expect("a written file");
    for verb in ["extract", "classify"] {
        let ran = run(&["--json", "--lang", "en", verb, path.to_str().expect("UTF-8")]);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains("Page 2 was not read"), "{said}");
        assert!(serde_json::from_slice::<Value>(&ran.stdout).is_ok_and(|answer| answer.is_object()), "{verb}: {said}");
    }
}
