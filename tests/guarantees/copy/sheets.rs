//! Copies of several files, of many pages, and of pages that are no scan: bookmarks, pages in a file, and what is marked.

use std::path::Path;

use conserva::copy::{CopyOrder, OtherFile, Outline, PageLines, PdfaLevel, searchable, write_alto};
use conserva::limits::Limits;
use conserva::page::PageSource;
use lopdf::{Dictionary, Document, Object};

use super::judge;
use super::material::{DPI, SIZE, difference, drawn, fixture, line, made, order, read_page, sample_lines, tool, truth};

fn tiff_page(n: u32, directory: u32) -> conserva::page::ReadPage {
    read_page(n, PageSource::Tiff { directory }, SIZE, DPI, vec![line(60, 12, &[(&format!("pagina{n}"), 60, 90)])])
}

/// Two pages of a TIFF, the second of them scanned anew as a JPEG.
fn replaced(level: PdfaLevel, folder: &Path) -> CopyOrder {
    let pages = vec![tiff_page(1, 0), read_page(2, PageSource::Image, SIZE, DPI, sample_lines())];
    let mut order = order(&fixture("pages.tif"), pages, level, folder.join("copy.pdf"));
    order.others = vec![OtherFile { page: 2, input: fixture("rgb.jpg") }];
    order.outlines = vec![
        Outline { title: "verbale.tif".to_owned(), page: 1 },
        Outline { title: "Pagina 2, scansionata di nuovo (perché.jpg)".to_owned(), page: 2 },
        Outline { title: "leads nowhere".to_owned(), page: 9 },
    ];
    order
}

#[test]
fn a_sheet_scanned_anew_stands_in_its_page_with_a_bookmark() {
    let folder = tempfile::tempdir().expect("folder");
    let mut first_parts = Vec::new();
    for (level, part) in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2), (PdfaLevel::A3b, 3)] {
        let mut order = replaced(level, folder.path());
        order.output = folder.path().join(format!("{part}.pdf"));
        let report = made(&order);
        assert_eq!((report.pages, report.passed_through), (2, 2));
        assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new());
        tool("qpdf", &[&"--check", &order.output]);
        let doc = Document::load(&order.output).expect("copy");
        let filters: Vec<_> = super::images(&order.output).iter().map(|s| s.filters().expect("filter")[0].to_vec()).collect();
        assert!(filters.contains(&b"DCTDecode".to_vec()), "the new sheet's own stream");
        let titles = bookmarks(&doc);
        assert_eq!(titles, [("verbale.tif".to_owned(), 1), ("Pagina 2, scansionata di nuovo (perché.jpg)".to_owned(), 2)]);
        if let Some(text) = tool("pdftotext", &[&order.output, &"-"]) {
            let pages: Vec<&str> = text.split('\u{c}').collect();
            assert!(pages[0].contains("pagina1") && pages[1].contains("Valdombra"), "{text}");
        }
        if part == 1 {
            first_parts.push(order.output);
        }
    }
    for (is_valid, told) in judge::preflight(&first_parts, folder.path()).unwrap_or_default() {
        assert!(is_valid, "{told}");
    }
}

/// Titles and page numbers of the bookmarks.
fn bookmarks(doc: &Document) -> Vec<(String, u32)> {
    let at = |dict: &Dictionary, key: &[u8]| dict.get(key).and_then(Object::as_reference).ok();
    let catalog = doc.catalog().expect("catalogue");
    let list = doc.get_dictionary(at(catalog, b"Outlines").expect("outlines")).expect("list");
    let (mut next, mut found) = (at(list, b"First"), Vec::new());
    while let Some(id) = next {
        let item = doc.get_dictionary(id).expect("item");
        let title = lopdf::decode_text_string(item.get(b"Title").expect("title")).expect("text");
        let page = item.get(b"Dest").and_then(Object::as_array).expect("dest")[0].as_reference().expect("page");
        let number = doc.get_pages().iter().find(|(_, id)| **id == page).map(|(n, _)| *n).expect("a page of the copy");
        found.push((title, number));
        next = at(item, b"Next");
    }
    found
}

#[test]
fn an_image_that_several_pages_show_is_stored_once() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let data = std::fs::read(fixture("rgb.jpg")).expect("fixture");
    let mut sources = super::pdf::image_pdf(&input, |_| vec![super::pdf::jpeg_image(&data)]);
    sources.resize(5, sources[0].clone());
    let order = order(&input, super::pdf::pages_of(sources), PdfaLevel::A2b, folder.path().join("copy.pdf"));
    assert_eq!(made(&order).pages, 5);
    assert_eq!(super::images(&order.output).len(), 1);
    tool("qpdf", &[&"--check", &order.output]);
}

#[test]
fn pages_in_a_file_give_the_same_copy_as_pages_in_memory() {
    let folder = tempfile::tempdir().expect("folder");
    let here = replaced(PdfaLevel::A2b, folder.path());
    made(&here);
    let expected = std::fs::read(&here.output).expect("copy");
    let mut lines = PageLines::create(folder.path().join("pages.jsonl")).expect("a file");
    for page in here.pages.one_by_one().expect("pages") {
        lines.push(&page.expect("a page")).expect("written");
    }
    let there = CopyOrder { pages: lines.finish().expect("written"), ..here.clone() };
    made(&there);
    assert!(std::fs::read(&there.output).expect("copy") == expected, "the same bytes");
    let [here, there] = [&here.pages, &there.pages].map(|pages| {
        let mut alto = Vec::new();
        write_alto(&mut alto, pages, "a.tif", "x").expect("ALTO");
        alto
    });
    assert!(!here.is_empty() && here == there, "the same ALTO");
}

#[test]
fn a_file_of_pages_that_lost_some_makes_no_copy() {
    let folder = tempfile::tempdir().expect("folder");
    let mut order = replaced(PdfaLevel::A2b, folder.path());
    let path = folder.path().join("pages.jsonl");
    let mut lines = PageLines::create(path.clone()).expect("a file");
    lines.push(&tiff_page(1, 0)).expect("written");
    lines.push(&tiff_page(2, 1)).expect("written");
    order.others.clear();
    order.pages = lines.finish().expect("written");
    assert!(searchable(&order, &Limits::default()).is_ok());
    let whole = std::fs::read(&path).expect("pages");
    for cut in [whole.len() - 20, whole.len() / 2, 5, 0] {
        super::material::written(&path, &whole[..cut]);
        assert!(searchable(&order, &Limits::default()).is_err(), "cut at {cut}");
        assert!(!order.output.exists(), "no half copy");
    }
}

#[test]
fn pages_that_were_drawn_are_named_in_the_properties_of_the_copy() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let mut first_parts = Vec::new();
    let data = std::fs::read(fixture("rgb.jpg")).expect("fixture");
    let mut sources = super::pdf::image_pdf(&input, |_| (0..3).map(|_| super::pdf::jpeg_image(&data)).collect());
    sources[1] = PageSource::PdfDigital { page: 2 };
    for (level, part) in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2)] {
        let order = order(&input, super::pdf::pages_of(sources.clone()), level, folder.path().join(format!("{part}.pdf")));
        assert_eq!(made(&order).rasterised, [2]);
        assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new());
        let doc = Document::load(&order.output).expect("copy");
        let info = doc.trailer.get_deref(b"Info", &doc).and_then(Object::as_dict).expect("information");
        let subject = lopdf::decode_text_string(info.get(b"Subject").expect("subject")).expect("text");
        assert!(subject.contains("ridisegnate") && subject.contains(": 2."), "{subject}");
        let far = difference(&drawn(&order.output, SIZE), &truth("rgb.png"));
        assert!(far < 3.0, "{far}");
        if part == 1 {
            first_parts.push(order.output);
        }
    }
    for (is_valid, told) in judge::preflight(&first_parts, folder.path()).unwrap_or_default() {
        assert!(is_valid, "{told}");
    }
}
