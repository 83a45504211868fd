//! The words of a copy, of ALTO and of hOCR: found, right, and where they stand on the page.

use std::path::Path;

use conserva::copy::{CopyOrder, PdfaLevel, write_alto, write_hocr, write_plain};
use conserva::page::{PageSource, ReadPage, Rect};
use quick_xml::events::Event;

use super::material::{DPI, SIZE, fixture, fixture_order, line, made, order, read_page, sample_lines, tool};

fn alto(pages: &[ReadPage], source: &str, ocr: &str) -> String {
    text(|out| write_alto(out, &pages.to_vec().into(), source, ocr))
}

fn hocr(pages: &[ReadPage], source: &str, ocr: &str) -> String {
    text(|out| write_hocr(out, &pages.to_vec().into(), source, ocr))
}

fn plain(pages: &[ReadPage]) -> String {
    text(|out| write_plain(out, &pages.to_vec().into()))
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> conserva::error::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("written to memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn the_words_come_back_as_they_were_read() {
    let folder = tempfile::tempdir().expect("folder");
    for level in [PdfaLevel::A1b, PdfaLevel::A2b, PdfaLevel::A3b] {
        let order = fixture_order("g4.tif", level, folder.path());
        made(&order);
        let Some(text) = tool("pdftotext", &[&"-layout", &order.output, &"-"]) else { return };
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).filter(|l| !l.is_empty()).collect();
        let wanted = [vec!["Comune", "di", "Valdombra"], vec!["perché", "12,50", "€", "ufficio"], vec!["(a\\b)", "città"]];
        assert_eq!(lines, wanted, "{text}");
    }
}

/// A word as `pdftotext -bbox` sees it: left, top, right, bottom in points of the page as shown, and its text.
fn seen(order: &CopyOrder) -> Option<Vec<([f64; 4], String)>> {
    let html = tool("pdftotext", &[&"-bbox", &order.output, &"-"])?;
    let number = |line: &str, name: &str| -> f64 {
        line.split(&format!("{name}=\"")).nth(1).and_then(|t| t.split('"').next()).and_then(|t| t.parse().ok()).expect(name)
    };
    let words = html.lines().filter(|line| line.contains("<word "));
    Some(
        words
            .map(|line| {
                let text = line.split('>').nth(1).and_then(|t| t.split('<').next()).expect("text");
                (["xMin", "yMin", "xMax", "yMax"].map(|name| number(line, name)), text.to_owned())
            })
            .collect(),
    )
}

/// The box on the stored page of a box on the page as shown, `rotation` degrees later.
fn stored(shown: Rect, size: (u32, u32), rotation: u16) -> Rect {
    let Rect { x, y, w, h } = shown;
    match rotation {
        90 => Rect { x: y, y: size.1 - x - w, w: h, h: w },
        180 => Rect { x: size.0 - x - w, y: size.1 - y - h, w, h },
        270 => Rect { x: size.0 - y - h, y: x, w: h, h: w },
        _ => shown,
    }
}

#[test]
fn words_stand_on_their_boxes_whatever_the_turn_of_the_page() {
    let folder = tempfile::tempdir().expect("folder");
    for rotation in [0, 90, 180, 270] {
        let mut lines = sample_lines();
        let shown: Vec<(Rect, String)> =
            lines.iter().flat_map(|l| l.words.iter().map(|w| (w.rect, w.text.replace('ﬁ', "fi")))).collect();
        for word in lines.iter_mut().flat_map(|line| &mut line.words) {
            word.rect = stored(word.rect, SIZE, rotation);
        }
        let mut page = read_page(1, PageSource::Tiff { directory: 0 }, SIZE, DPI, lines);
        (page.page.rotation, page.text.rotation) = (rotation, rotation);
        let order = order(&fixture("g4.tif"), vec![page], PdfaLevel::A2b, folder.path().join("copy.pdf"));
        made(&order);
        let Some(found) = seen(&order) else { return };
        assert_eq!(found.len(), shown.len(), "{found:?}");
        for (rect, text) in shown {
            let (place, _) = found.iter().find(|(_, found)| *found == text).unwrap_or_else(|| panic!("{text} in {found:?}"));
            let points = 72.0 / f64::from(DPI);
            let wanted = [rect.x, rect.y, rect.x + rect.w, rect.y + rect.h].map(|v| f64::from(v) * points);
            let far = |n: usize| (place[n] - wanted[n]).abs();
            assert!(far(0) < 0.5 && far(2) < 0.5, "{rotation}° {text}: {place:?} for {wanted:?}");
            // The foot of a word may lie a descender lower than its box.
            assert!(far(1) < 8.0 && far(3) < 8.0, "{rotation}° {text}: {place:?} for {wanted:?}");
        }
    }
}

/// The order for a page of one line of eight words that rises by `skew` degrees, each in the box of its tilted letters.
fn rising(skew: f32, folder: &std::path::Path) -> CopyOrder {
    let slope = f64::from(skew).to_radians().tan();
    let mut row = line(0, 0, &[]);
    for n in 0..8_u32 {
        let x = 300 + n * 250;
        let rise = |x: f64| 900.0 - x * slope;
        let (left, right) = (rise(f64::from(x)), rise(f64::from(x + 200)));
        let (top, bottom) = (left.min(right) - 40.0, left.max(right));
        let word = line(top as u32, (bottom - top) as u32, &[(&format!("parola{n}"), x, 200)]).words.remove(0);
        row.words.push(word);
    }
    let mut page = read_page(1, PageSource::Tiff { directory: 0 }, (2480, 3508), 300.0, vec![row]);
    page.page.skew_deg = skew;
    page.page.dpi_used = DPI;
    order(&fixture("g4.tif"), vec![page], PdfaLevel::A2b, folder.join("copy.pdf"))
}

#[test]
fn a_line_that_rises_is_one_line_with_its_words_in_order() {
    let folder = tempfile::tempdir().expect("folder");
    for skew in [-3.0_f32, 2.5] {
        let order = rising(skew, folder.path());
        made(&order);
        let Some(text) = tool("pdftotext", &[&"-raw", &order.output, &"-"]) else { return };
        let wanted: Vec<String> = (0..8).map(|n| format!("parola{n}")).collect();
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        assert_eq!(first.split_whitespace().collect::<Vec<_>>(), wanted, "skew {skew}: {text}");
    }
}

#[test]
fn words_of_a_line_that_rises_much_are_found_whole_by_every_way_of_reading_a_page() {
    let folder = tempfile::tempdir().expect("folder");
    for skew in [-12.0_f32, -6.0, 4.0, 9.0] {
        let order = rising(skew, folder.path());
        made(&order);
        for way in ["-raw", "-layout", "-nopgbrk"] {
            let Some(text) = tool("pdftotext", &[&way, &order.output, &"-"]) else { return };
            let mut words: Vec<&str> = text.split_whitespace().collect();
            words.sort_unstable();
            assert_eq!(words, (0..8).map(|n| format!("parola{n}")).collect::<Vec<_>>(), "skew {skew}, {way}: {text}");
        }
    }
}

#[test]
fn an_a4_sheet_stays_a4_and_a_fax_keeps_its_shape() {
    let folder = tempfile::tempdir().expect("folder");
    let order = fixture_order("g4.tif", PdfaLevel::A2b, folder.path());
    made(&order);
    let doc = lopdf::Document::load(&order.output).expect("copy");
    let page = doc.get_dictionary(doc.get_pages()[&1]).expect("page");
    let media: Vec<f32> = page
        .get(b"MediaBox")
        .and_then(lopdf::Object::as_array)
        .expect("box")
        .iter()
        .map(|o| o.as_float().expect("side"))
        .collect();
    assert!((media[2] - 595.0).abs() < 1.5 && (media[3] - 842.0).abs() < 1.5, "{media:?}");
}

fn pages() -> Vec<ReadPage> {
    let mut first = read_page(1, PageSource::Image, SIZE, DPI, sample_lines());
    first.text.blocks[0].lines[0].words[0].text = String::from("Com\u{7}une <&\">");
    let mut turned = read_page(2, PageSource::Image, SIZE, DPI, sample_lines());
    turned.text.rotation = 90;
    vec![first, turned, read_page(3, PageSource::Image, SIZE, DPI, Vec::new())]
}

/// A reader of ALTO that knows nothing of how it was written: page number and the attributes of each String.
fn strings(xml: &str) -> Vec<(u32, String, Rect, f32)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut page, mut found) = (0, Vec::new());
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Eof => return found,
            Event::Start(e) | Event::Empty(e) => {
                let get = |name: &str| -> String {
                    let attribute = e.try_get_attribute(name).expect("attribute").unwrap_or_else(|| panic!("{name}"));
                    quick_xml::escape::unescape(&attribute.value).expect("value").into_owned()
                };
                let number = |name: &str| get(name).parse::<u32>().expect("number");
                match e.name().as_ref() {
                    "Page" => page = number("PHYSICAL_IMG_NR"),
                    "String" => {
                        let rect = Rect { x: number("HPOS"), y: number("VPOS"), w: number("WIDTH"), h: number("HEIGHT") };
                        found.push((page, get("CONTENT"), rect, get("WC").parse().expect("WC")));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn schema() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/alto-4.xsd")
}

fn schema_errors(xml: &str) -> Vec<String> {
    use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml};
    let schema = xsd_schema::SchemaSetBuilder::new().add("", schema().to_str().expect("path")).expect("schema");
    let schema = schema.compile().expect("compiles");
    assert!(schema.directive_failures().is_empty());
    let validator = SchemaValidator::new(schema.schema_set(), ValidationFlags::default());
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let mut run = validator.start_run(CollectingValidationSink { errors: &mut errors, warnings: &mut warnings });
    let outcome = drive_quick_xml(xml.as_bytes(), &mut run, schema.schema_set());
    drop(run);
    let mut told: Vec<String> = errors.iter().map(|e| format!("{e:?}")).collect();
    told.extend(outcome.err().map(|e| format!("{e:?}")));
    told
}

#[test]
fn alto_is_valid_and_another_reader_finds_every_word_in_its_place() {
    let pages = pages();
    let xml = alto(&pages, "scan <1>.tif", "tesseract 5.3.0 ita");
    assert_eq!(schema_errors(&xml), Vec::<String>::new(), "{xml}");
    let found = strings(&xml);
    let wanted: Vec<(u32, String, Rect, f32)> = pages
        .iter()
        .flat_map(|p| p.text.lines().flat_map(|l| &l.words).map(|w| (p.text.n, w.text.replace('\u{7}', ""), w.rect, 0.92)))
        .collect();
    assert_eq!(found, wanted);
    assert!(xml.contains("ROTATION=\"90\""));
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("alto.xml");
    super::material::written(&file, xml.as_bytes());
    tool("xmllint", &[&"--noout", &"--nonet", &"--schema", &schema(), &file]);
    // Another house's reader, where it is installed (PyPI alto-tools).
    if let Some(text) = tool("alto-tools", &[&"-t", &file]) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let wanted: Vec<&str> = found.iter().flat_map(|(_, text, ..)| text.split_whitespace()).collect();
        assert_eq!(words, wanted, "{text}");
    }
}

#[test]
fn alto_says_what_was_done_to_each_page_and_who_read_it() {
    let mut pages = pages();
    pages[0].page.steps = vec!["gray".to_owned(), "deskew 0.72".to_owned()];
    pages[1].page.steps = vec!["rotate 90".to_owned()];
    pages[2].text.origin = "tesseract 5.5.0 ita".to_owned();
    let xml = alto(&pages, "a.tif", "Conserva");
    assert_eq!(schema_errors(&xml), Vec::<String>::new(), "{xml}");
    for wanted in [
        "<processingStepDescription>deskew 0.72</processingStepDescription>",
        "<processingStepDescription>tesseract 5.5.0 ita</processingStepDescription>",
        "PHYSICAL_IMG_NR=\"1\" WIDTH=\"413\" HEIGHT=\"585\" PROCESSINGREFS=\"PRE1 OCR1\" PC=\"0.92\"",
        "PROCESSINGREFS=\"PRE2 OCR1\" PC=\"0.92\" ROTATION=\"90\"",
        "PROCESSINGREFS=\"OCR2\"",
    ] {
        assert!(xml.contains(wanted), "{wanted} in {xml}");
    }
}

#[test]
fn a_word_divided_between_lines_is_found_whole_in_alto_and_with_a_plain_hyphen_in_the_copy() {
    let lines = vec![line(60, 12, &[("il", 60, 12), ("docu\u{ad}", 80, 50)]), line(80, 12, &[("mento", 60, 50), ("è", 120, 8)])];
    let page = read_page(1, PageSource::Tiff { directory: 0 }, SIZE, DPI, lines);
    let xml = alto(std::slice::from_ref(&page), "a.tif", "x");
    assert_eq!(schema_errors(&xml), Vec::<String>::new(), "{xml}");
    assert_eq!(xml.matches("SUBS_CONTENT=\"documento\"").count(), 2, "{xml}");
    assert!(xml.contains("CONTENT=\"docu\"") && xml.contains("<HYP HPOS=\"120\"") && xml.contains("CONTENT=\"-\"/>"), "{xml}");
    let folder = tempfile::tempdir().expect("folder");
    let order = order(&fixture("g4.tif"), vec![page], PdfaLevel::A2b, folder.path().join("copy.pdf"));
    made(&order);
    let Some(text) = tool("pdftotext", &[&"-raw", &order.output, &"-"]) else { return };
    assert!(text.contains("docu-\nmento") || text.contains("documento"), "{text:?}");
}

#[test]
fn letters_of_every_script_quotes_dashes_and_signs_beyond_the_basic_plane_come_back() {
    let words = [
        "perché",
        "Città",
        "€",
        "«sì»",
        "“no”",
        "l’atto",
        "2019–2024",
        "—",
        "n°",
        "§",
        "e\u{301}",
        "Ελλάδα",
        "Љубљана",
        "𝄞",
        "😀",
    ];
    let row: Vec<(&str, u32, u32)> = words.iter().zip(0..).map(|(word, n)| (*word, 5 + n * 27, 20)).collect();
    let folder = tempfile::tempdir().expect("folder");
    for level in [PdfaLevel::A1b, PdfaLevel::A2b] {
        let page = read_page(1, PageSource::Tiff { directory: 0 }, SIZE, DPI, vec![line(100, 12, &row)]);
        let order = order(&fixture("g4.tif"), vec![page], level, folder.path().join("copy.pdf"));
        made(&order);
        let Some(text) = tool("pdftotext", &[&"-layout", &order.output, &"-"]) else { return };
        let composed = text.replace("e\u{301}", "é");
        let found: Vec<&str> = composed.split_whitespace().collect();
        let wanted: Vec<String> = words.iter().map(|word| word.replace("e\u{301}", "é")).collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn the_schema_refuses_what_alto_may_not_hold() {
    let xml = alto(&pages(), "a.tif", "x");
    for (right, wrong) in
        [("WC=\"0.92\"", "WC=\"1.50\""), ("<SP/>", "<XX/>"), ("PHYSICAL_IMG_NR=\"1\"", ""), ("ID=\"P1B1\"", "ID=\"P1\"")]
    {
        assert!(xml.contains(right), "{right}");
        assert_ne!(schema_errors(&xml.replacen(right, wrong, 1)), Vec::<String>::new(), "{wrong}");
    }
}

#[test]
fn hocr_is_well_formed_and_holds_every_word_with_its_box() {
    let pages = pages();
    let xml = hocr(&pages, "a \"b\".tif", "tesseract");
    let mut reader = quick_xml::Reader::from_str(&xml);
    let mut words = 0;
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Eof => break,
            Event::Start(e) if e.try_get_attribute("class").expect("class").is_some_and(|c| *c.value == *"ocrx_word") => {
                words += 1;
            }
            _ => {}
        }
    }
    assert!(xml.contains("; textangle 90\""), "lines of a turned page say how they run");
    // Another house's checker, where it is installed (PyPI hocr-spec).
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("page.hocr");
    super::material::written(&file, xml.as_bytes());
    tool("hocr-spec", &[&file]);
    assert_eq!(words, pages.iter().map(|p| p.text.word_count()).sum::<usize>());
    assert!(xml.contains("title=\"bbox 150 60 240 72; x_wconf 92\""), "{xml}");
}

#[test]
fn plain_text_has_a_form_feed_between_pages_and_no_other_control_character() {
    let text = plain(&pages());
    assert_eq!(text.split('\u{c}').count(), 3);
    assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\u{c}'));
    assert!(text.contains("perché 12,50 € ufﬁcio"));
}
