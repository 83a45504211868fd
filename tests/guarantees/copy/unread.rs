//! A page that cannot be read costs itself only: it holds its document and keeps its place in the copy.

use lopdf::{Dictionary, Document, Stream};

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

/// Three pages, the second of which claims an image of 90,000 by 90,000 pixels.
fn with_a_huge_page(path: &std::path::Path) {
    let whole = std::fs::read(fixture("rgb.jpg")).expect("the fixture");
    image_pdf(path, |_| [&whole, &whole, &whole].map(|jpeg| jpeg_image(jpeg)).into());
    let mut document = Document::load(path).expect("a PDF");
    let second = *document.get_pages().get(&2).expect("page 2");
    let image = document.get_page_images(second).expect("images").first().expect("an image").id;
    let stream = document.get_object_mut(image).and_then(lopdf::Object::as_stream_mut).expect("a stream");
    stream.dict.set("Width", 90_000);
    stream.dict.set("Height", 90_000);
    document.save(path).expect("saved");
}

#[test]
fn a_page_over_the_most_pixels_costs_itself_only_and_stands_empty_in_the_copy() {
    let stage = Stage::with_archive();
    let (scan, copy, text) = (stage.path("tre.pdf"), stage.path("copia.pdf"), stage.path("tre.txt"));
    with_a_huge_page(&scan);
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let told = stage.json(&["ocr", "--text", &path(&text), &path(&scan), &path(&copy)], &[1]).remove(0);
    assert_eq!((&told["pages"]["all"], &told["pages"]["unread"]), (&3.into(), &1.into()), "{told}");
    assert_eq!(told["report"]["left_empty"], serde_json::json!([2]), "{told}");
    let texts = std::fs::read_to_string(&text).expect("texts");
    let words: Vec<usize> = texts.split('\u{c}').map(|page| page.split_whitespace().count()).collect();
    assert!(words[0] > 0 && words[1] == 0 && words[2] == words[0], "{words:?}");
    let made = Document::load(&copy).expect("a PDF");
    assert_eq!(made.get_pages().len(), 3);
    let bytes = std::fs::read(&copy).expect("the copy");
    let subject = "pagine non lette e non copiate, qui vuote: 2.";
    assert!(memchr::memmem::find(&bytes, subject.as_bytes()).is_some(), "its XMP says so");
    assert_eq!(super::judge::breaches(&copy, 2), Vec::<String>::new());
    stage.json(&["ingest", &path(&scan)], &[1]);
    let row = stage.json(&["list"], &[0]).remove(0);
    let why = row["why"].to_string();
    assert!(row["state"] == "held" && why.contains("page_pixels_max") && why.contains("pagina 2"), "{row}");
}

#[test]
fn a_file_all_of_whose_pages_are_over_the_most_pixels_is_held_and_one_page_within_them_saves_it() {
    use conserva::limits::Limits;
    use conserva::normalise::Opened;
    let folder = tempfile::tempdir().expect("a folder");
    let scan = folder.path().join("tre.pdf");
    with_a_huge_page(&scan);
    let (width, height) = super::material::SIZE;
    let most = u64::from(width) * u64::from(height);
    let limits = |page_pixels_max| Limits { page_pixels_max, ..Limits::default() };
    let opened = Opened::open(&scan, "application/pdf", &limits(most)).expect("opens");
    let surveys = opened.survey(&limits(most)).expect("a survey");
    assert_eq!(surveys.len(), 3);
    assert_eq!(opened.image(&surveys[1], &limits(most)).expect_err("too large").code(), "page-too-large");
    assert!(opened.image(&surveys[2], &limits(most)).is_ok());
    assert_eq!(opened.survey(&limits(most - 1)).expect_err("all too large").code(), "page-too-large");
}

/// Three pages, the second of which has another content, and a form of its own.
fn with_a_hard_page(path: &std::path::Path, content: Vec<u8>, form: impl FnOnce(&mut Document) -> lopdf::ObjectId) {
    let whole = std::fs::read(fixture("rgb.jpg")).expect("the fixture");
    image_pdf(path, |_| [&whole, &whole, &whole].map(|jpeg| jpeg_image(jpeg)).into());
    let mut document = Document::load(path).expect("a PDF");
    let second = *document.get_pages().get(&2).expect("page 2");
    let form = form(&mut document);
    let mut content = Stream::new(Dictionary::new(), content);
    content.compress().expect("packed");
    let content = document.add_object(content);
    let forms: Dictionary = [("F", form.into())].into_iter().collect();
    let resources: Dictionary = [("XObject", forms.into())].into_iter().collect();
    let page = document.get_object_mut(second).and_then(lopdf::Object::as_dict_mut).expect("a page");
    page.set("Contents", content);
    page.set("Resources", resources);
    document.save(path).expect("saved");
}

/// A form that draws another `times` times, so deep.
fn nested(document: &mut Document, times: usize, depth: u32) -> lopdf::ObjectId {
    let mut last = None;
    for _ in 0..depth {
        let mut entries: Dictionary =
            [("Subtype", "Form".into()), ("BBox", vec![0.into(), 0.into(), 500.into(), 500.into()].into())].into_iter().collect();
        let content = match last {
            None => b"0 0 1 1 re f".to_vec(),
            Some(id) => {
                let forms: Dictionary = [("F", lopdf::Object::Reference(id))].into_iter().collect();
                let resources: Dictionary = [("XObject", forms.into())].into_iter().collect();
                entries.set("Resources", resources);
                b"/F Do ".repeat(times)
            }
        };
        last = Some(document.add_object(Stream::new(entries, content)));
    }
    last.expect("a form")
}

#[test]
fn a_page_of_more_work_than_any_page_has_is_known_before_it_is_drawn_and_costs_itself_only() {
    let stage = Stage::with_archive();
    let (forms, bomb) = (stage.path("forme.pdf"), stage.path("bomba.pdf"));
    with_a_hard_page(&forms, b"/F Do".to_vec(), |document| nested(document, 10, 30));
    with_a_hard_page(&bomb, b"0 0 1 1 re f\n".repeat(11_000_000), |document| nested(document, 1, 1));
    let begun = std::time::Instant::now();
    for (scan, limit) in [(forms, "page_operators_max"), (bomb, "page_content_bytes_max")] {
        let path = scan.to_string_lossy().into_owned();
        let copy = stage.path("copia.pdf").to_string_lossy().into_owned();
        let told = stage.json(&["ocr", &path, &copy], &[1]).remove(0);
        assert_eq!((&told["pages"]["all"], &told["pages"]["unread"]), (&3.into(), &1.into()), "{told}");
        stage.json(&["ingest", &path], &[1]);
        let row = stage.json(&["list"], &[0]).into_iter().find(|row| row["why"].to_string().contains(limit));
        assert!(row.is_some_and(|row| row["why"].to_string().contains("pagina 2")), "{limit}");
    }
    // Drawn, the first would take longer than anybody lives.
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn operators_are_counted_each_time_that_their_form_is_drawn() {
    use conserva::limits::Limits;
    use conserva::normalise::Opened;
    let folder = tempfile::tempdir().expect("a folder");
    let scan = folder.path().join("tre.pdf");
    // Twice a form of three that draw one of two: 2 + 2 * (3 + 3 * 2).
    with_a_hard_page(&scan, b"/F Do /F Do".to_vec(), |document| nested(document, 3, 2));
    let code = |page_operators_max, page_content_bytes_max| {
        let limits = Limits { page_operators_max, page_content_bytes_max, ..Limits::default() };
        let opened = Opened::open(&scan, "application/pdf", &limits).expect("opens");
        let surveys = opened.survey(&limits).expect("a survey");
        assert!(opened.image(&surveys[2], &limits).is_ok());
        opened.image(&surveys[1], &limits).err().map(|error| error.code().to_owned())
    };
    let over = "page-too-much".to_owned();
    // The contents of the page, of the outer form and of the inner one.
    let bytes = (b"/F Do /F Do".len() + b"/F Do ".len() * 3 + b"0 0 1 1 re f".len()) as u64;
    assert_eq!((code(20, bytes), code(19, bytes), code(20, bytes - 1)), (None, Some(over.clone()), Some(over)));
}

#[test]
fn an_image_that_unpacks_to_more_than_any_has_is_known_before_it_is_drawn_however_well_its_beginning_packs() {
    use conserva::limits::Limits;
    use conserva::normalise::Opened;
    let folder = tempfile::tempdir().expect("a folder");
    let scan = folder.path().join("tre.pdf");
    // A page that is white at its top and grained below: by its first megabytes it would be hundreds of times larger.
    let (width, height) = (2_000_usize, 4_000_usize);
    let grain = |at: usize| if at < width * 3_000 { 255 } else { (at.wrapping_mul(2_654_435_761) >> 13) as u8 };
    let pixels: Vec<u8> = (0..width * height).map(grain).collect();
    with_a_hard_page(&scan, b"595 0 0 842 0 0 cm /F Do".to_vec(), |document| {
        let entries = [
            ("Subtype", "Image".into()),
            ("Width", (width as i64).into()),
            ("Height", (height as i64).into()),
            ("ColorSpace", "DeviceGray".into()),
            ("BitsPerComponent", 8.into()),
        ];
        let mut image = Stream::new(entries.into_iter().collect(), pixels.clone());
        image.compress().expect("packed");
        document.add_object(image)
    });
    let code = |unpacked_bytes_max| {
        let limits = Limits { unpacked_bytes_max, ..Limits::default() };
        let opened = Opened::open(&scan, "application/pdf", &limits).expect("opens");
        let surveys = opened.survey(&limits).expect("a survey");
        assert!(opened.image(&surveys[2], &limits).is_ok());
        opened.image(&surveys[1], &limits).err().map(|error| error.code().to_owned())
    };
    let bytes = pixels.len() as u64;
    assert_eq!((code(bytes), code(bytes - 1)), (None, Some("page-too-much".to_owned())));
}

#[test]
fn a_second_attempt_at_a_copy_shows_nothing_of_pages_that_could_not_be_read() {
    use conserva::copy::PdfaLevel;
    use conserva::page::ReadPage;
    let folder = tempfile::tempdir().expect("a folder");
    let mut order = super::material::fixture_order("rgb.jpg", PdfaLevel::A2b, folder.path());
    let conserva::copy::Pages::Here(mut pages) = order.pages else { panic!("pages in memory") };
    pages.push(ReadPage::unread(&conserva::page::PageSurvey { n: 2, ..pages[0].page.survey.clone() }));
    order.pages = pages.into();
    assert_eq!((super::material::made(&order).passed_through, order.is_wary), (2, false));
    order.is_wary = true;
    let report = super::material::made(&order);
    assert_eq!((report.passed_through, report.pages, report.left_empty), (1, 2, vec![2]));
}
