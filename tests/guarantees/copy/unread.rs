//! A page that cannot be read costs itself only: it holds its document and keeps its place in the copy.

use lopdf::Document;

use super::material::fixture;
use super::pdf::{image_pdf, jpeg_image};
use crate::stage::Stage;

#[test]
fn a_page_that_cannot_be_read_holds_its_document_and_keeps_its_place_in_the_copy() {
    let stage = Stage::with_archive();
    let whole = std::fs::read(fixture("rgb.jpg")).expect("the fixture");
    let mut broken = whole.clone();
    let scan = broken.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
    broken[2..scan + 200].fill(0);
    image_pdf(&stage.path("tre.pdf"), |_| [&whole, &broken, &whole].map(|jpeg| jpeg_image(jpeg)).into());
    stage.json(&["ingest", stage.path("tre.pdf").to_str().expect("a path")], &[1]);
    let row = stage.json(&["list"], &[0]).remove(0);
    assert_eq!(row["state"], "held");
    let why = row["why"].to_string();
    assert!(why.contains("pagina 2") && !why.contains("pagina 4"), "the reason names the page: {why}");
    let shown = stage.json(&["show", row["id"].as_str().expect("an id")], &[0]).remove(0);
    let pages = shown["pages"].as_array().expect("pages");
    assert_eq!(pages.len(), 3);
    assert_eq!(pages[1]["steps"], serde_json::json!(["unread"]), "{}", pages[1]);
    let copies = shown["copies"].as_array().expect("copies");
    let copy = copies.iter().find(|copy| copy["kind"] == "pdfa").expect("a searchable copy");
    let digest = copy["sha256"].as_str().expect("a digest");
    let blob = walkdir::WalkDir::new(stage.path("archivio")).into_iter().filter_map(Result::ok);
    let blob = blob.into_iter().find(|entry| entry.file_name().to_string_lossy().contains(digest)).expect("the blob");
    assert_eq!(Document::load(blob.path()).expect("a PDF").get_pages().len(), 3);
}
