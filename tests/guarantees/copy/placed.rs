//! Pages made of images alone: the copy shows the stored images where they stood; a page that shows more is drawn.

use std::path::Path;

use conserva::copy::{CopyReport, PdfaLevel, searchable};
use conserva::limits::Limits;
use conserva::normalise::Opened;
use conserva::page::PageSource;
use lopdf::{Dictionary, Document, Object, Stream, dictionary};

use super::material::{difference, drawn, made, order, read_page, sample_lines, tool, truth};
use super::{images, judge};

/// A page of 300 by 400 points: what it shows, of images that are named in their order.
pub(super) fn page(path: &Path, streams: Vec<Stream>, content: &str, more: Dictionary) {
    let mut doc = Document::with_version("1.7");
    let pages = doc.new_object_id();
    let mut named = Dictionary::new();
    for (n, stream) in streams.into_iter().enumerate() {
        named.set(format!("I{n}"), doc.add_object(stream));
    }
    let content = doc.add_object(Stream::new(Dictionary::new(), content.as_bytes().to_vec()));
    let font = dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" };
    let alone = doc.add_object(font.clone());
    let mut page = dictionary! {
        "Type" => "Page", "Parent" => pages, "Contents" => content,
        "MediaBox" => vec![0.into(), 0.into(), 300.into(), 400.into()],
        "Resources" => dictionary! {
            "XObject" => named,
            "Font" => dictionary! { "F" => font, "P" => alone },
            "ExtGState" => dictionary! { "Soft" => dictionary! { "ca" => Object::Real(0.5) } },
        },
    };
    for (key, value) in more {
        page.set(key, value);
    }
    let page = doc.add_object(page);
    doc.set_object(pages, dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 });
    let catalog = doc.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    doc.trailer.set("Root", catalog);
    doc.save(path).expect("saved");
}

/// A picture of 300 by 400 that tells left from right and top from foot.
pub(super) fn picture() -> image::RgbImage {
    image::imageops::resize(&truth("rgb.png"), 300, 400, image::imageops::FilterType::Triangle)
}

pub(super) fn stream(entries: &Dictionary, (width, height): (u32, u32), data: Vec<u8>) -> Stream {
    let mut dict = dictionary! {
        "Type" => "XObject", "Subtype" => "Image", "Width" => i64::from(width), "Height" => i64::from(height),
    };
    dict.extend(entries);
    Stream::new(dict, data).with_compression(false)
}

pub(super) fn jpeg(picture: &image::RgbImage) -> Stream {
    let mut data = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut data, 90).encode_image(picture).expect("JPEG");
    let entries = dictionary! { "ColorSpace" => "DeviceRGB", "BitsPerComponent" => 8, "Filter" => "DCTDecode" };
    stream(&entries, picture.dimensions(), data)
}

/// A stencil of 80 by 40 whose left half is ink.
fn stencil() -> Stream {
    let rows = [[0_u8; 5], [255; 5]].concat().repeat(40);
    let mut stream = stream(&dictionary! { "ImageMask" => true, "BitsPerComponent" => 1 }, (80, 40), rows);
    stream.allows_compression = true;
    stream.compress().expect("deflated");
    assert_eq!(stream.filters().expect("a filter"), [b"FlateDecode"]);
    stream
}

/// Four strips of the picture, and the operators that set them one below the other.
pub(super) fn strips() -> (Vec<Stream>, String) {
    let whole = picture();
    let strips = (0..4).map(|n| jpeg(&image::imageops::crop_imm(&whole, 0, n * 100, 300, 100).to_image())).collect();
    let content = (0..4).map(|n| format!("q 300 0 0 100 0 {} cm /I{n} Do Q ", 300 - n * 100)).collect::<Vec<_>>().concat();
    (strips, content)
}

pub(super) fn copied(input: &Path, (level, part): (PdfaLevel, u8), limits: &Limits) -> (CopyReport, std::path::PathBuf) {
    let opened = Opened::open(input, "application/pdf", limits).expect("opens");
    let survey = opened.survey(limits).expect("a survey").remove(0);
    assert_eq!(survey.source, PageSource::PdfRaster { page: 1 }, "read as it is drawn");
    let image = opened.image(&survey, limits).expect("drawn to be read");
    let page = read_page(1, survey.source, (image.width, image.height), image.dpi, sample_lines());
    let order = order(input, vec![page], level, input.with_extension(format!("{part}.pdf")));
    let report = searchable(&order, limits).expect("a copy");
    assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new());
    tool("qpdf", &[&"--check", &order.output]);
    (report, order.output)
}

#[test]
fn a_page_of_images_alone_is_copied_image_by_image_where_they_stood() {
    let folder = tempfile::tempdir().expect("folder");
    let (four, four_content) = strips();
    let flipped = image::imageops::flip_vertical(&picture());
    let turned = image::imageops::rotate90(&picture());
    let behind = "BT /F 12 Tf 30 60 Td (sotto) Tj ET 0 0 300 400 re f ";
    let pages: Vec<(&str, Vec<Stream>, String, Dictionary)> = vec![
        ("flipped", vec![jpeg(&flipped)], "q 300 0 0 -400 0 400 cm /I0 Do Q".to_owned(), Dictionary::new()),
        ("mirrored", vec![jpeg(&picture())], "-300 0 0 400 300 0 cm /I0 Do".to_owned(), Dictionary::new()),
        (
            "strips",
            four,
            format!("1 g 0 0 300 400 re f {four_content} BT 3 Tr /F 9 Tf 9 9 Td (invisibile) Tj ET"),
            Dictionary::new(),
        ),
        (
            "one image twice",
            vec![jpeg(&picture())],
            "q 300 0 0 200 0 0 cm /I0 Do Q q 300 0 0 200 0 200 cm /I0 Do Q".to_owned(),
            Dictionary::new(),
        ),
        (
            "ink over paper",
            vec![jpeg(&picture()), stencil()],
            format!("{behind} q 300 0 0 400 0 0 cm /I0 Do Q 0 0 0.6 rg q 150 0 0 -80 40 200 cm /I1 Do Q"),
            Dictionary::new(),
        ),
        (
            "turned by the viewer",
            vec![jpeg(&turned), stencil()],
            "q 300 0 0 400 0 0 cm /I0 Do Q 1 0 0 rg q 0 0 300 400 re W n 20 0 0 80 40 200 cm /I1 Do Q".to_owned(),
            dictionary! { "Rotate" => 270 },
        ),
    ];
    let mut first_parts = Vec::new();
    for (what, streams, content, more) in pages {
        let input = folder.path().join(format!("{what}.pdf"));
        page(&input, streams.clone(), &content, more.clone());
        let size = if more.is_empty() { (600, 800) } else { (800, 600) };
        for (level, part) in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2)] {
            let (report, output) = copied(&input, (level, part), &Limits::default());
            assert_eq!((report.passed_through, &report.rasterised, &report.reencoded), (1, &vec![], &vec![]), "{what}");
            let stored: Vec<Vec<u8>> = streams.iter().map(|stream| stream.content.clone()).collect();
            let mut kept: Vec<Vec<u8>> = images(&output).into_iter().map(|stream| stream.content).collect();
            kept.sort_by_key(|data| stored.iter().position(|own| own == data));
            assert!(kept == stored, "{what}: the stored streams, each once");
            let far = difference(&drawn(&output, size), &drawn(&input, size));
            assert!(far < 0.2, "{what}: {far}");
            let most = stored.iter().map(Vec::len).sum::<usize>() * 11 / 10 + (30 << 10);
            assert!(report.bytes <= most as u64, "{what}: {} of {most}", report.bytes);
            if part == 1 {
                first_parts.push(output);
            }
        }
    }
    for (is_valid, told) in judge::preflight(&first_parts, folder.path()).unwrap_or_default() {
        assert!(is_valid, "{told}");
    }
}

#[test]
fn a_page_that_shows_more_than_whole_images_is_drawn() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let (streams, content) = strips();
    let wanted = [
        ("a line between images", content.replacen(" q", " 10 10 m 200 200 l S q", 1)),
        ("something soft over them", format!("{content} /Soft gs 10 10 100 100 re f")),
        ("a soft image", format!("/Soft gs {content}")),
        ("a cut image", format!("0 0 290 400 re W n {content}")),
        ("an image cut by no rectangle", format!("0 0 m 300 0 l 300 400 l W n {content}")),
        ("an inline image", format!("{content} q 20 0 0 20 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID x EI Q")),
    ];
    for (what, content) in wanted {
        page(&input, streams.clone(), &content, Dictionary::new());
        let (report, output) = copied(&input, (PdfaLevel::A2b, 2), &Limits::default());
        assert_eq!((report.passed_through, report.rasterised), (0, vec![1]), "{what}");
        let far = difference(&drawn(&output, (300, 400)), &drawn(&input, (300, 400)));
        assert!(far < 3.0, "{what}: {far}");
    }
}

#[test]
fn an_image_that_stands_there_often_is_placed_up_to_a_number_and_beyond_it_the_page_is_drawn() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let small = jpeg(&image::imageops::thumbnail(&picture(), 8, 8));
    for (count, passed) in [(1_000, 1), (1_001, 0)] {
        let content = (0..count).map(|n| format!("q 8 0 0 8 {} {} cm /I0 Do Q ", n % 30 * 10, n / 30 * 10));
        page(&input, vec![small.clone()], &content.collect::<String>(), Dictionary::new());
        let page = read_page(1, PageSource::PdfRaster { page: 1 }, (150, 200), 36.0, sample_lines());
        let order = order(&input, vec![page], PdfaLevel::A2b, folder.path().join("copy.pdf"));
        let report = searchable(&order, &Limits::default()).expect("a copy");
        assert_eq!((report.passed_through, report.rasterised.len() as u32), (passed, 1 - passed), "{count}");
        assert_eq!(images(&order.output).len(), 1, "written once");
    }
}

#[test]
fn images_of_the_most_bytes_are_held_for_a_page_and_of_one_more_it_is_drawn() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let mut large = jpeg(&image::imageops::thumbnail(&picture(), 8, 8));
    // What follows the end of a JPEG is carried along and not looked at.
    large.content.resize(400_000, 0);
    page(&input, vec![large], "q 8 0 0 8 0 0 cm /I0 Do Q q 8 0 0 8 9 9 cm /I0 Do Q", Dictionary::new());
    let page = read_page(1, PageSource::PdfRaster { page: 1 }, (150, 200), 36.0, sample_lines());
    let order = order(&input, vec![page], PdfaLevel::A2b, folder.path().join("copy.pdf"));
    for (unpacked_bytes_max, passed) in [(800_000, 1), (799_999, 0)] {
        let report = searchable(&order, &Limits { unpacked_bytes_max, ..Limits::default() }).expect("a copy");
        assert_eq!((report.passed_through, report.rasterised.len() as u32), (passed, 1 - passed));
    }
}

#[test]
fn images_of_the_most_pixels_are_copied_and_of_one_more_the_page_is_drawn() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let (streams, content) = strips();
    page(&input, streams, &content, Dictionary::new());
    let page = read_page(1, PageSource::PdfRaster { page: 1 }, (150, 200), 36.0, sample_lines());
    let order = order(&input, vec![page], PdfaLevel::A2b, folder.path().join("copy.pdf"));
    for (page_pixels_max, passed) in [(300 * 400, 1), (300 * 400 - 1, 0)] {
        let report = searchable(&order, &Limits { page_pixels_max, ..Limits::default() }).expect("a copy");
        assert_eq!((report.passed_through, report.rasterised.len() as u32), (passed, 1 - passed));
    }
}

#[test]
fn the_unit_of_a_page_counts_in_its_size_its_resolution_and_its_text() {
    let folder = tempfile::tempdir().expect("folder");
    let survey = |path: &Path| Opened::open(path, "application/pdf", &Limits::default()).expect("opens");
    let unit = |unit: f32| dictionary! { "UserUnit" => Object::Real(unit) };
    let limits = Limits::default();
    // One image; images alone; a page that is drawn.
    for (content, dpi, pixels) in [
        ("q 300 0 0 400 0 0 cm /I0 Do Q", 36.0, (300, 400)),
        ("q 300 0 0 -400 0 400 cm /I0 Do Q", 300.0, (2500, 3334)),
        ("q 300 0 0 400 0 0 cm /I0 Do Q 9 9 m 99 99 l S", 300.0, (2500, 3334)),
    ] {
        let input = folder.path().join("input.pdf");
        page(&input, vec![jpeg(&picture())], content, unit(2.0));
        let opened = survey(&input);
        let seen = opened.survey(&limits).expect("a survey").remove(0);
        let image = opened.image(&seen, &limits).expect("an image");
        assert!((seen.dpi - dpi).abs() < 0.1 && (image.dpi - dpi).abs() < 0.1, "{content}: {} {}", seen.dpi, image.dpi);
        assert!(seen.width.abs_diff(image.width) <= 1 && seen.height.abs_diff(image.height) <= 1);
        let size = (image.width, image.height);
        assert_eq!(size, pixels, "{content}");
        let order = order(
            &input,
            vec![read_page(1, seen.source, size, image.dpi, sample_lines())],
            PdfaLevel::A1b,
            folder.path().join("copy.pdf"),
        );
        made(&order);
        assert_eq!(judge::breaches(&order.output, 1), Vec::<String>::new());
        let doc = Document::load(&order.output).expect("copy");
        let sheet = doc.get_dictionary(doc.get_pages()[&1]).expect("a page");
        assert!(!sheet.has(b"UserUnit"));
        let sides: Vec<f32> = sheet.get(b"MediaBox").and_then(Object::as_array).expect("a box")[2..]
            .iter()
            .map(|v| v.as_float().expect("a side"))
            .collect();
        assert!((sides[0] - 600.0).abs() < 0.3 && (sides[1] - 800.0).abs() < 0.3, "{sides:?}");
        let far = difference(&drawn(&order.output, (300, 400)), &drawn(&input, (300, 400)));
        assert!(far < 3.0, "{content}: {far}");
    }
    // Its own text lies where it lies on the same page written in points.
    let text = |more: Dictionary, content: &str| {
        let input = folder.path().join("text.pdf");
        page(&input, Vec::new(), content, more);
        let opened = survey(&input);
        let seen = opened.survey(&limits).expect("a survey").remove(0);
        assert_eq!(seen.source, PageSource::PdfDigital { page: 1 });
        let blocks = opened.own_text(&seen, &limits).expect("read").expect("text");
        (seen.width, blocks[0].lines[0].words[0].clone())
    };
    let (width, word) = text(unit(2.0), "BT /F 12 Tf 30 60 Td (Protocollo 4821) Tj ET");
    let whole = dictionary! { "MediaBox" => vec![0.into(), 0.into(), 600.into(), 800.into()] };
    assert_eq!((width, word), text(whole, "2 0 0 2 0 0 cm BT /F 12 Tf 30 60 Td (Protocollo 4821) Tj ET"));
    // What is no unit counts as none.
    let points = text(Dictionary::new(), "BT /F 12 Tf 30 60 Td (Protocollo 4821) Tj ET");
    for odd in [0.0, -2.0] {
        assert_eq!(points, text(unit(odd), "BT /F 12 Tf 30 60 Td (Protocollo 4821) Tj ET"));
    }
}
