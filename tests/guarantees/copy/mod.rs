//! The searchable copy: same images, right words, true PDF/A, the same bytes every time.

mod judge;
mod material;
mod mirrored;
mod over;
mod pdf;
mod placed;
mod sheets;
mod unread;
mod words;

pub(crate) use judge::{breaches, preflight};

use std::path::{Path, PathBuf};

use conserva::copy::{CopyOrder, PdfaLevel, searchable, wants_copy};
use conserva::error::Kind;
use conserva::limits::Limits;
use conserva::messages::Lang;
use conserva::page::PageSource;
use lopdf::{Document, Object, Stream};
use material::{DPI, SIZE, difference, drawn, fixture, fixture_order, made, order, read_page, sample_lines, tool, truth};

/// Fixture, the picture it must show, the difference allowed (lossy ones are not exact), the filter of its stream in the
/// copy, and why it is not the stored stream.
const FORMS: &[(&str, &str, f64, &str, Option<&str>)] = &[
    ("g4.tif", "bilevel.png", 0.0, "CCITTFaxDecode", None),
    ("g4-lsb.tif", "bilevel.png", 0.0, "CCITTFaxDecode", None),
    ("g4-minisblack.tif", "bilevel.png", 0.0, "CCITTFaxDecode", None),
    ("g4-strips.tif", "bilevel.png", 0.0, "CCITTFaxDecode", Some("g4-strips-joined")),
    ("g4-tiles.tif", "bilevel.png", 3.0, "CCITTFaxDecode", Some("fax-tiles")),
    ("g3-1d.tif", "bilevel.png", 0.0, "CCITTFaxDecode", Some("g3-to-g4")),
    ("g3-2d.tif", "bilevel.png", 0.0, "CCITTFaxDecode", Some("g3-to-g4")),
    ("g3-fill.tif", "bilevel.png", 0.0, "CCITTFaxDecode", Some("g3-to-g4")),
    ("packbits.tif", "bilevel.png", 0.0, "FlateDecode", Some("packbits-to-flate")),
    ("lzw-bilevel.tif", "bilevel.png", 0.0, "FlateDecode", Some("lzw-to-flate")),
    ("raw-bilevel-be.tif", "bilevel.png", 0.0, "FlateDecode", Some("raw-to-flate")),
    ("lzw-gray.tif", "gray.png", 0.0, "FlateDecode", Some("lzw-to-flate")),
    ("zip-gray-big.tif", "gray.png", 0.0, "FlateDecode", Some("flate-again")),
    ("gray16.tif", "gray.png", 1.0, "FlateDecode", Some("16-bit-to-8")),
    ("zip-rgb.tif", "rgb.png", 0.0, "FlateDecode", Some("flate-again")),
    ("zip-rgb-tiles.tif", "rgb.png", 0.0, "FlateDecode", Some("flate-again")),
    ("lzw-rgb-planes.tif", "rgb.png", 0.0, "FlateDecode", Some("lzw-to-flate")),
    ("palette.tif", "palette.png", 0.0, "FlateDecode", Some("lzw-to-flate")),
    ("rgba.tif", "rgba.png", 1.0, "FlateDecode", Some("alpha-on-white")),
    ("cmyk.tif", "rgb.png", 40.0, "FlateDecode", Some("cmyk-to-rgb")),
    ("jpeg-rgb.tif", "rgb.png", 3.0, "DCTDecode", None),
    ("jpeg-ycc-strips.tif", "rgb.png", 3.0, "DCTDecode", None),
    ("jpeg-gray-strips.tif", "gray.png", 3.0, "DCTDecode", None),
    ("jpeg-ycc-tiles.tif", "rgb.png", 5.0, "DCTDecode", None),
    ("bilevel.png", "bilevel.png", 0.0, "FlateDecode", None),
    ("gray.png", "gray.png", 0.0, "FlateDecode", None),
    ("rgb.png", "rgb.png", 0.0, "FlateDecode", None),
    ("palette.png", "palette.png", 0.0, "FlateDecode", None),
    ("gray16.png", "gray.png", 1.0, "FlateDecode", Some("16-bit-to-8")),
    ("rgb-interlaced.png", "rgb.png", 0.0, "FlateDecode", Some("interlaced")),
    ("rgba.png", "rgba.png", 1.0, "FlateDecode", Some("alpha-on-white")),
    ("gray.jpg", "gray.png", 3.0, "DCTDecode", None),
    ("rgb.jpg", "rgb.png", 3.0, "DCTDecode", None),
    ("progressive.jpg", "rgb.png", 3.0, "DCTDecode", None),
    ("cmyk.jpg", "rgb.png", 40.0, "DCTDecode", Some("cmyk-to-rgb")),
];

/// The image streams of a copy, in the order of their objects.
fn images(pdf: &Path) -> Vec<Stream> {
    let doc = Document::load(pdf).expect("parses");
    let streams = doc.objects.values().filter_map(|object| object.as_stream().ok());
    streams.filter(|s| s.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|n| n == b"Image")).cloned().collect()
}

#[test]
fn every_stored_form_shows_the_same_picture_in_a_true_pdfa() {
    let folder = tempfile::tempdir().expect("folder");
    let mut first_parts: Vec<PathBuf> = Vec::new();
    for (name, picture, allowed, filter, why) in FORMS {
        for (level, part) in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2)] {
            let order = fixture_order(name, level, folder.path());
            let report = made(&order);
            assert_eq!(report.bytes, std::fs::metadata(&order.output).expect("copy").len());
            assert_eq!(report.reencoded.first().map(|(n, why)| (*n, why.as_str())), why.map(|why| (1, why)), "{name}");
            assert_eq!(report.passed_through, u32::from(why.is_none()), "{name}");
            assert!(images(&order.output).iter().all(|s| s.filters().expect("filter") == [filter.as_bytes()]), "{name}");
            assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new(), "{name}");
            let far = difference(&drawn(&order.output, SIZE), &truth(picture));
            assert!(far <= *allowed, "{name}: {far}");
            tool("qpdf", &[&"--check", &order.output]);
            if part == 1 {
                first_parts.push(order.output);
            }
        }
    }
    for (is_valid, told) in judge::preflight(&first_parts, folder.path()).unwrap_or_default() {
        assert!(is_valid, "{told}");
    }
}

#[test]
fn a_jpeg_and_a_g4_strip_are_in_the_copy_byte_by_byte() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["rgb.jpg", "gray.jpg", "progressive.jpg"] {
        let order = fixture_order(name, PdfaLevel::A2b, folder.path());
        made(&order);
        assert_eq!(images(&order.output)[0].content, std::fs::read(fixture(name)).expect("fixture"), "{name}");
    }
    let order = fixture_order("g4.tif", PdfaLevel::A1b, folder.path());
    made(&order);
    let strip = images(&order.output)[0].content.clone();
    let tiff = std::fs::read(fixture("g4.tif")).expect("fixture");
    assert!(tiff.windows(strip.len()).any(|part| part == strip));
}

#[test]
fn strips_of_a_jpeg_tiff_become_one_image_and_tiles_stay_apart() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, count) in [("jpeg-ycc-strips.tif", 1), ("jpeg-gray-strips.tif", 1), ("jpeg-ycc-tiles.tif", 20)] {
        let order = fixture_order(name, PdfaLevel::A1b, folder.path());
        made(&order);
        let doc = Document::load(&order.output).expect("copy");
        let content = doc.get_page_content(doc.get_pages()[&1]);
        assert_eq!(String::from_utf8_lossy(&content).matches(" Do").count(), count, "{name}: drawn");
        // Tiles of the same bytes are stored once.
        assert!(images(&order.output).len() <= count, "{name}");
    }
}

#[test]
fn the_same_order_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["g4-strips.tif", "zip-rgb.tif", "cmyk.jpg", "rgba.png"] {
        for level in [PdfaLevel::A1b, PdfaLevel::A2b, PdfaLevel::A3b] {
            let mut order = fixture_order(name, level, folder.path());
            made(&order);
            let first = std::fs::read(&order.output).expect("copy");
            order.output = folder.path().join("again.pdf");
            // The order travels as JSON to the child that obeys it.
            let order = serde_json::from_str(&serde_json::to_string(&order).expect("JSON")).expect("order");
            made(&order);
            assert_eq!(first, std::fs::read(&order.output).expect("copy"), "{name}");
        }
    }
}

#[test]
fn a_tiff_of_many_pages_becomes_a_copy_of_as_many() {
    let folder = tempfile::tempdir().expect("folder");
    let page = |n: u32| read_page(n, PageSource::Tiff { directory: n - 1 }, SIZE, DPI, sample_lines());
    let pages: Vec<_> = (1..=3).map(page).collect();
    let order = order(&fixture("pages.tif"), pages, PdfaLevel::A2b, folder.path().join("copy.pdf"));
    let report = made(&order);
    assert_eq!((report.pages, report.passed_through, report.reencoded.len()), (3, 2, 1));
    assert_eq!(Document::load(&order.output).expect("copy").get_pages().len(), 3);
    // A page that the file does not have is a doubt, not a shorter copy; nothing half made stays behind.
    let more = CopyOrder { pages: (1..=4).map(page).collect::<Vec<_>>().into(), ..order.clone() };
    let error = searchable(&more, &Limits::default()).expect_err("no fourth page");
    assert_eq!((error.kind(), error.code()), (Kind::Hold, "copy-page-missing"));
    assert!(!more.output.exists());
}

#[test]
fn more_pages_than_a_branch_of_the_tree_holds_stay_in_order() {
    let folder = tempfile::tempdir().expect("folder");
    for count in [64, 65, 200] {
        let page = |n: u32| {
            let word = format!("pagina{n}");
            read_page(n, PageSource::Tiff { directory: (n - 1) % 3 }, SIZE, DPI, vec![material::line(60, 12, &[(&word, 60, 90)])])
        };
        let order = order(&fixture("pages.tif"), (1..=count).map(page).collect(), PdfaLevel::A1b, folder.path().join("copy.pdf"));
        made(&order);
        assert_eq!(judge::breaches(&order.output, 1), Vec::<String>::new());
        let Some(text) = tool("pdftotext", &[&order.output, &"-"]) else { return };
        let words: Vec<&str> = text.split_whitespace().collect();
        let wanted: Vec<String> = (1..=count).map(|n| format!("pagina{n}")).collect();
        assert_eq!(words, wanted);
    }
}

#[test]
fn the_last_page_within_the_limits_passes_and_the_first_beyond_is_held() {
    let folder = tempfile::tempdir().expect("folder");
    let pixels = u64::from(SIZE.0 * SIZE.1);
    for name in ["g4.tif", "gray.png", "rgb.jpg"] {
        let order = fixture_order(name, PdfaLevel::A2b, folder.path());
        let limit = |page_pixels_max| Limits { page_pixels_max, ..Limits::default() };
        assert!(searchable(&order, &limit(pixels)).is_ok(), "{name}");
        let error = searchable(&order, &limit(pixels - 1)).expect_err("too large");
        assert_eq!((error.kind(), error.code()), (Kind::Hold, "copy-limit"));
        assert!(error.message().sentence(Lang::It).contains("page_pixels_max"));
    }
    let page = |n: u32| read_page(n, PageSource::Tiff { directory: n - 1 }, SIZE, DPI, Vec::new());
    let order_of = |pages| order(&fixture("pages.tif"), pages, PdfaLevel::A2b, folder.path().join("copy.pdf"));
    let limits = Limits { pages_max: 2, ..Limits::default() };
    assert!(searchable(&order_of(vec![page(1), page(2)]), &limits).is_ok());
    let error = searchable(&order_of(vec![page(1), page(2), page(3)]), &limits).expect_err("too many");
    assert_eq!(error.code(), "copy-limit");
}

#[test]
fn a_file_cut_or_altered_anywhere_is_held_or_copied_but_never_a_crash() {
    let folder = tempfile::tempdir().expect("folder");
    for (seed, (name, ..)) in FORMS.iter().enumerate() {
        let whole = std::fs::read(fixture(name)).expect("fixture");
        for round in 0..12_usize {
            let mut bytes = whole.clone();
            let at = (seed * 7919 + round * 104_729) % bytes.len();
            if round % 2 == 0 {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 0x5A;
            }
            let input = folder.path().join("input");
            material::written(&input, &bytes);
            let mut order = fixture_order(name, PdfaLevel::A1b, folder.path());
            order.input = input;
            if let Err(error) = searchable(&order, &Limits::default()) {
                assert_eq!(error.kind(), Kind::Hold, "{name} {round}: {error}");
                assert!(!error.message().advice(Lang::It).is_empty());
            }
        }
    }
}

#[test]
fn a_truncated_file_is_held_with_its_place() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, format) in [("zip-rgb.tif", "TIFF"), ("gray.png", "PNG"), ("g4.tif", "TIFF"), ("rgb.jpg", "JPEG")] {
        let bytes = std::fs::read(fixture(name)).expect("fixture");
        let input = folder.path().join("input");
        material::written(&input, &bytes[..bytes.len() * 2 / 3]);
        let mut order = fixture_order(name, PdfaLevel::A2b, folder.path());
        order.input = input;
        let error = searchable(&order, &Limits::default()).expect_err("truncated");
        assert_eq!((error.code(), error.message().value("format")), ("copy-damaged", Some(format)));
        assert!(error.message().value("place").is_some_and(|place| !place.is_empty()));
    }
}

#[test]
fn a_wholly_digital_document_gets_no_copy() {
    let folder = tempfile::tempdir().expect("folder");
    let pages = vec![read_page(1, PageSource::PdfDigital { page: 1 }, SIZE, 300.0, sample_lines())];
    assert!(!wants_copy(&pages));
    let order = order(&fixture("g4.tif"), pages, PdfaLevel::A2b, folder.path().join("copy.pdf"));
    assert_eq!(searchable(&order, &Limits::default()).expect_err("digital").code(), "copy-all-digital");
    assert!(!order.output.exists());
}
