//! Image PDFs: their streams pass through with filter and colour, what PDF/A forbids is converted, mixed files page by page.

use std::path::{Path, PathBuf};
use std::time::Instant;

use conserva::copy::{CopyOrder, CopyReport, PdfaLevel, searchable};
use conserva::limits::Limits;
use conserva::page::{PageSource, ReadPage};
use lopdf::{Dictionary, Document, Object, Stream};

use super::material::{DPI, SIZE, difference, drawn, fixture, made, order, read_page, sample_lines, say, shared, tool, truth};
use super::{images, judge};

fn dict(entries: &[(&str, Object)]) -> Dictionary {
    entries.iter().cloned().collect()
}

fn name(text: &str) -> Object {
    Object::Name(text.as_bytes().to_vec())
}

/// A PDF of one page for each image, drawn over the whole of it; the sources are those images.
pub(super) fn image_pdf(path: &Path, make: impl FnOnce(&mut Document) -> Vec<Stream>) -> Vec<PageSource> {
    let mut doc = Document::with_version("1.7");
    let pages = doc.new_object_id();
    let streams = make(&mut doc);
    let mut kids = Vec::new();
    let mut sources = Vec::new();
    for (n, mut stream) in streams.into_iter().enumerate() {
        for (key, value) in [("Type", name("XObject")), ("Subtype", name("Image"))] {
            stream.dict.set(key, value);
        }
        stream.dict.set("Width", i64::from(SIZE.0));
        stream.dict.set("Height", i64::from(SIZE.1));
        let image = doc.add_object(stream);
        let content = doc.add_object(Stream::new(Dictionary::new(), b"q 594.72 0 0 842.4 0 0 cm /X Do Q".to_vec()));
        let resources = dict(&[("XObject", dict(&[("X", image.into())]).into())]);
        let media = vec![0.into(), 0.into(), Object::Real(594.72), Object::Real(842.4)];
        kids.push(Object::from(doc.add_object(dict(&[
            ("Type", name("Page")),
            ("Parent", pages.into()),
            ("MediaBox", media.into()),
            ("Contents", content.into()),
            ("Resources", resources.into()),
        ]))));
        sources.push(PageSource::PdfImage { page: n as u32 + 1, object: image.0, generation: image.1 });
    }
    let count = kids.len() as i64;
    doc.set_object(pages, dict(&[("Type", name("Pages")), ("Count", count.into()), ("Kids", kids.into())]));
    let catalog = doc.add_object(dict(&[("Type", name("Catalog")), ("Pages", pages.into())]));
    doc.trailer.set("Root", catalog);
    doc.save(path).expect("save");
    sources
}

/// An image stream of `data` with its dictionary.
fn image(entries: &[(&str, Object)], data: Vec<u8>) -> Stream {
    Stream::new(dict(entries), data).with_compression(false)
}

pub(super) fn jpeg_image(data: &[u8]) -> Stream {
    image(&[("ColorSpace", name("DeviceRGB")), ("BitsPerComponent", 8.into()), ("Filter", name("DCTDecode"))], data.to_vec())
}

fn deflated(data: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("deflate");
    encoder.finish().expect("deflate")
}

pub(super) fn pages_of(sources: Vec<PageSource>) -> Vec<ReadPage> {
    let numbered = sources.into_iter().enumerate();
    numbered.map(|(n, source)| read_page(n as u32 + 1, source, SIZE, DPI, sample_lines())).collect()
}

/// The stored forms of one picture each, with the truth, what it may differ by, and why it is not passed through.
#[expect(clippy::too_many_lines, reason = "a table of forms")]
fn forms(doc: &mut Document) -> Vec<(Stream, &'static str, f64, Option<&'static str>)> {
    let gray = truth("gray.png").into_raw().chunks(3).map(|p| p[0]).collect::<Vec<u8>>();
    let rgb = truth("rgb.png").into_raw();
    let bits: Vec<u8> = truth("bilevel.png")
        .into_raw()
        .chunks(SIZE.0 as usize * 3)
        .flat_map(|row| {
            let dots: Vec<bool> = row.chunks(3).map(|p| p[0] > 127).collect();
            dots.chunks(8).map(|c| c.iter().enumerate().fold(0, |b, (n, on)| b | u8::from(*on) << (7 - n))).collect::<Vec<u8>>()
        })
        .collect();
    let ink: Vec<u8> = gray.iter().map(|v| 255 - v).collect();
    let cmyk: Vec<u8> = rgb.chunks(3).flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect();
    let g4 = conserva_g4();
    let hex: Vec<u8> = deflated(&gray).iter().flat_map(|b| format!("{b:02x}").into_bytes()).chain(*b">").collect();
    let lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&gray).expect("LZW");
    // Black ink as dense as the grey is dark: laid on white it shows the grey.
    let (colours, alpha) = (vec![0; rgb.len()], gray.iter().map(|v| 255 - v).collect::<Vec<u8>>());
    let [opaque, soft] = [vec![255; gray.len()], alpha].map(|alpha| {
        doc.add_object(image(
            &[
                ("Type", name("XObject")),
                ("Subtype", name("Image")),
                ("Width", i64::from(SIZE.0).into()),
                ("Height", i64::from(SIZE.1).into()),
                ("ColorSpace", name("DeviceGray")),
                ("BitsPerComponent", 8.into()),
            ],
            alpha,
        ))
    });
    let function = dict(&[
        ("FunctionType", 2.into()),
        ("N", 1.into()),
        ("Domain", vec![0.into(), 1.into()].into()),
        ("C0", vec![Object::Integer(1)].into()),
        ("C1", vec![Object::Integer(0)].into()),
    ]);
    let spot: Object = vec![name("Separation"), name("Black"), name("DeviceGray"), function.into()].into();
    let lookup: Vec<u8> = (0..=255).flat_map(|v| [v, v, v]).collect();
    let indexed: Object =
        vec![name("Indexed"), name("DeviceRGB"), 255.into(), Object::String(lookup, lopdf::StringFormat::Hexadecimal)].into();
    let flate = |space: Object, bits: i64| {
        vec![("ColorSpace", space), ("BitsPerComponent", bits.into()), ("Filter", name("FlateDecode"))]
    };
    let with = |mut list: Vec<(&'static str, Object)>, key, value| {
        list.push((key, value));
        list
    };
    let fax = dict(&[("K", (-1).into()), ("Columns", i64::from(SIZE.0).into()), ("Rows", i64::from(SIZE.1).into())]);
    let read = |file: &str| std::fs::read(fixture(file)).expect("fixture");
    let dct = |space: &str| vec![("ColorSpace", name(space)), ("BitsPerComponent", 8.into()), ("Filter", name("DCTDecode"))];
    vec![
        (image(&flate(name("DeviceGray"), 8), deflated(&gray)), "gray.png", 0.0, None),
        (image(&flate(name("DeviceRGB"), 8), deflated(&rgb)), "rgb.png", 0.0, None),
        (image(&flate(name("DeviceGray"), 1), deflated(&bits)), "bilevel.png", 0.0, None),
        (
            image(&with(flate(name("DeviceGray"), 8), "Decode", vec![1.into(), 0.into()].into()), deflated(&ink)),
            "gray.png",
            0.0,
            None,
        ),
        (
            image(
                &[("ImageMask", true.into()), ("BitsPerComponent", 1.into()), ("Filter", name("FlateDecode"))],
                deflated(&bits),
            ),
            "bilevel.png",
            0.0,
            None,
        ),
        (image(&flate(indexed, 8), deflated(&gray)), "gray.png", 0.0, None),
        (image(&flate(spot, 8), deflated(&ink)), "gray.png", 1.0, Some("spot-colour-to-rgb")),
        (image(&flate(name("DeviceCMYK"), 8), deflated(&cmyk)), "rgb.png", 40.0, Some("cmyk-to-rgb")),
        (image(&with(flate(name("DeviceGray"), 8), "SMask", opaque.into()), deflated(&gray)), "gray.png", 0.0, None),
        (
            image(&with(flate(name("DeviceRGB"), 8), "SMask", soft.into()), deflated(&colours)),
            "gray.png",
            1.0,
            Some("alpha-on-white"),
        ),
        (
            image(
                &[
                    ("ColorSpace", name("DeviceGray")),
                    ("BitsPerComponent", 8.into()),
                    ("Filter", vec![name("ASCIIHexDecode"), name("FlateDecode")].into()),
                ],
                hex,
            ),
            "gray.png",
            0.0,
            None,
        ),
        (
            image(&[("ColorSpace", name("DeviceGray")), ("BitsPerComponent", 8.into()), ("Filter", name("LZWDecode"))], lzw),
            "gray.png",
            0.0,
            Some("lzw-to-flate"),
        ),
        (
            image(&[("ColorSpace", name("DeviceRGB")), ("BitsPerComponent", 8.into())], rgb.clone()),
            "rgb.png",
            0.0,
            Some("raw-to-flate"),
        ),
        (
            image(
                &[
                    ("ColorSpace", name("DeviceGray")),
                    ("BitsPerComponent", 1.into()),
                    ("Filter", name("CCITTFaxDecode")),
                    ("DecodeParms", fax.into()),
                ],
                g4,
            ),
            "bilevel.png",
            0.0,
            None,
        ),
        (image(&dct("DeviceRGB"), read("rgb.jpg")), "rgb.png", 3.0, None),
        (image(&dct("DeviceGray"), read("gray.jpg")), "gray.png", 3.0, None),
    ]
}

/// The G4 strip of the fixture, which holds one.
fn conserva_g4() -> Vec<u8> {
    let mut decoder = tiff::decoder::Decoder::new(std::fs::File::open(fixture("g4.tif")).expect("fixture")).expect("TIFF");
    let number = |d: &mut tiff::decoder::Decoder<_>, tag| d.get_tag_u32(tag).expect("tag") as usize;
    let at = number(&mut decoder, tiff::tags::Tag::StripOffsets);
    let length = number(&mut decoder, tiff::tags::Tag::StripByteCounts);
    std::fs::read(fixture("g4.tif")).expect("fixture")[at..at + length].to_vec()
}

#[test]
fn every_image_of_a_pdf_is_passed_through_or_converted_and_said() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let count = forms(&mut Document::new()).len();
    let mut first_parts = Vec::new();
    for n in 0..count {
        let mut facts = None;
        let sources = image_pdf(&input, |doc| {
            let (stream, picture, allowed, why) = forms(doc).swap_remove(n);
            facts = Some((picture, allowed, why));
            vec![stream]
        });
        let (picture, allowed, why) = facts.expect("facts");
        for (level, part) in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2)] {
            let output = folder.path().join(format!("{n}-{part}.pdf"));
            let order = order(&input, pages_of(sources.clone()), level, output);
            let report = made(&order);
            assert_eq!(report.reencoded.first().map(|(_, why)| why.as_str()), why, "form {n}");
            assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new(), "form {n}");
            let far = difference(&drawn(&order.output, SIZE), &truth(picture));
            assert!(far <= allowed, "form {n}: {far}");
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
fn jpeg_2000_passes_in_part_2_and_is_decoded_in_part_1() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let data = std::fs::read(fixture("page.jp2")).expect("fixture");
    let sources = image_pdf(&input, |_| vec![image(&[("Filter", name("JPXDecode"))], data.clone())]);
    for (level, part, why) in [(PdfaLevel::A1b, 1, Some("jpx-decoded")), (PdfaLevel::A2b, 2, None), (PdfaLevel::A3b, 3, None)] {
        let order = order(&input, pages_of(sources.clone()), level, folder.path().join(format!("{part}.pdf")));
        assert_eq!(made(&order).reencoded.first().map(|(_, why)| why.as_str()), why);
        assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new());
        assert_eq!(images(&order.output)[0].content == data, part > 1);
        assert!(difference(&drawn(&order.output, SIZE), &truth("rgb.png")) < 6.0);
    }
}

#[test]
fn a_jpeg_2000_file_and_a_bare_stream_of_code_stay_as_they_are_from_part_2_on() {
    let folder = tempfile::tempdir().expect("folder");
    let file = std::fs::read(fixture("page.jp2")).expect("fixture");
    let at = file.windows(4).position(|name| name == b"jp2c").expect("code") + 4;
    let code = &file[at..];
    for (name, data) in [("file.jp2", file.as_slice()), ("code.j2k", code)] {
        let input = folder.path().join(name);
        std::fs::write(&input, data).expect("written");
        for (level, part, why) in [(PdfaLevel::A1b, 1, Some("jpx-decoded")), (PdfaLevel::A2b, 2, None), (PdfaLevel::A3b, 3, None)]
        {
            let order = order(&input, pages_of(vec![PageSource::Image]), level, folder.path().join(format!("{name}-{part}.pdf")));
            assert_eq!(made(&order).reencoded.first().map(|(_, why)| why.as_str()), why, "{name}");
            assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new());
            tool("qpdf", &[&"--check", &order.output]);
            if part > 1 {
                assert!(images(&order.output)[0].content.ends_with(code), "{name}");
            }
            assert!(difference(&drawn(&order.output, SIZE), &truth("rgb.png")) < 6.0, "{name}");
        }
    }
}

#[test]
fn digital_pages_of_a_mixed_pdf_are_drawn_and_said() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let data = std::fs::read(fixture("rgb.jpg")).expect("fixture");
    let jpeg = || jpeg_image(&data);
    let mut sources = image_pdf(&input, |_| vec![jpeg(), jpeg(), jpeg()]);
    sources[1] = PageSource::PdfDigital { page: 2 };
    sources[2] = PageSource::PdfDigital { page: 3 };
    let mut pages = pages_of(sources);
    pages[2].page.dpi_used = 300.0;
    for (level, part) in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2)] {
        let order = order(&input, pages.clone(), level, folder.path().join("copy.pdf"));
        let report = made(&order);
        assert_eq!((report.passed_through, report.rasterised), (1, vec![2, 3]));
        assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new());
        let mut sides: Vec<i64> =
            images(&order.output).iter().map(|s| s.dict.get(b"Width").and_then(Object::as_i64).expect("width")).collect();
        sides.sort_unstable();
        assert_eq!(sides, [413, 413, 2478]);
    }
}

/// What a survey would say of a corpus file, from its headers alone; none where it is no image-only file.
fn survey(path: &Path) -> Option<Vec<ReadPage>> {
    let lines = Vec::new;
    match path.extension()?.to_str()? {
        "tif" | "tiff" => {
            let mut decoder = tiff::decoder::Decoder::new(std::fs::File::open(path).ok()?).ok()?;
            let mut pages = Vec::new();
            loop {
                let n = pages.len() as u32;
                pages.push(read_page(n + 1, PageSource::Tiff { directory: n }, decoder.dimensions().ok()?, 300.0, lines()));
                if !decoder.more_images() {
                    return Some(pages);
                }
                decoder.next_image().ok()?;
            }
        }
        "jpg" | "png" => Some(vec![read_page(1, PageSource::Image, image::image_dimensions(path).ok()?, 300.0, lines())]),
        "pdf" => {
            let doc = Document::load(path).ok()?;
            let mut pages = Vec::new();
            for (n, id) in doc.get_pages() {
                let images = doc.get_page_images(id).unwrap_or_default();
                let [one] = images.as_slice() else { return None };
                let source = PageSource::PdfImage { page: n, object: one.id.0, generation: one.id.1 };
                let size = (one.width as u32, one.height as u32);
                pages.push(read_page(n, source, size, 300.0, lines()));
            }
            (!pages.is_empty()).then_some(pages)
        }
        _ => None,
    }
}

/// Bytes of the page images as stored: of a PDF those of its image streams.
fn stored_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

#[test]
fn every_scan_of_the_corpus_becomes_a_small_and_true_copy() {
    let Some(shared) = shared() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let mut first_parts = Vec::new();
    for shelf in ["corpus/generated", "corpus/scans", "corpus/pdf", "corpus/edge"] {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(shared.join(shelf)).expect("shelf").map(|e| e.expect("entry").path()).collect();
        files.sort();
        for path in files {
            let Some(pages) = survey(&path) else { continue };
            for (level, part) in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2)] {
                let output = folder.path().join(format!("{}-{part}.pdf", first_parts.len()));
                let order = order(&path, pages.clone(), level, output);
                let begun = Instant::now();
                let outcome = searchable(&order, &Limits::default());
                tell(&order, &outcome, begun);
                let Ok(report) = outcome else { continue };
                if !shelf.ends_with("pdf") {
                    assert_eq!(judge::breaches(&order.output, part), Vec::<String>::new(), "{}", path.display());
                    let is_plain = report.rasterised.is_empty() && part > 1;
                    let most = stored_bytes(&path) * 11 / 10 + (30 << 10);
                    assert!(!is_plain || report.bytes <= most, "{}: {} of {most}", path.display(), report.bytes);
                }
                if part == 1 {
                    first_parts.push(order.output);
                }
            }
        }
    }
    for (is_valid, told) in judge::preflight(&first_parts, folder.path()).unwrap_or_default() {
        assert!(is_valid, "{told}");
    }
}

fn tell(order: &CopyOrder, outcome: &conserva::error::Result<CopyReport>, begun: Instant) {
    let name = order.input.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (before, time) = (stored_bytes(&order.input), begun.elapsed().as_millis());
    match outcome {
        Ok(report) => say(&format!("{name}\t{:?}\t{before}\t{}\t{time} ms\t{report:?}", order.level, report.bytes)),
        Err(error) => say(&format!("{name}\t{:?}\t{before}\t{error}", order.level)),
    }
}
