//! The reader: every form of page is read, hostile bytes cost one page, and boxes lie where the ink is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use conserva::child::{Again, Manner, Readers, ReadersOptions};
use conserva::error::Kind;
use conserva::limits::Limits;
use conserva::normalise::{Opened, PageImage};
use conserva::page::{PageSource, PageSurvey, ReadPage, Rect, Word};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reader").join(name)
}

fn mime(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("png") => "image/png",
        Some("jpg") => "image/jpeg",
        Some("pdf") => "application/pdf",
        _ => "image/tiff",
    }
}

fn first_image(path: &Path) -> PageImage {
    let limits = Limits::default();
    let file = Opened::open(path, mime(&path.to_string_lossy()), &limits).unwrap();
    let surveys = file.survey(&limits).unwrap();
    file.image(&surveys[0], &limits).unwrap()
}

fn readers_with(limits: Limits, scratch: &Path) -> Readers {
    let options = ReadersOptions {
        program: PathBuf::from(env!("CARGO_BIN_EXE_conserva")),
        args: vec!["page-child".to_owned()],
        count: 2,
        lang: "ita".to_owned(),
        engine: conserva::page::Engine::default(),
        limits,
        scratch: scratch.to_owned(),
        roots: Vec::new(),
    };
    Readers::start(options).unwrap()
}

fn readers(scratch: &Path) -> Readers {
    readers_with(Limits::default(), scratch)
}

fn read_first(readers: &Readers, path: &Path) -> ReadPage {
    let mime = mime(&path.to_string_lossy());
    let surveys = readers.survey(path, mime).unwrap();
    readers.read(path, mime, &surveys[0]).unwrap()
}

fn word<'a>(page: &'a ReadPage, text: &str) -> &'a Word {
    let mut words = page.text.lines().flat_map(|line| &line.words);
    words.find(|word| word.text == text).unwrap_or_else(|| panic!("{text} is not in: {}", page.text.plain()))
}

// ---- every form of page, without an engine

#[test]
fn every_lossless_form_of_the_page_decodes_to_the_same_pixels() {
    let reference = first_image(&fixture("page.png"));
    let forms = [
        "g4.tif",
        "g4-strips.tif",
        "g4-lsb.tif",
        "g4-big-endian.tif",
        "g4-bigtiff.tif",
        "g3-1d.tif",
        "g3-2d.tif",
        "g3-fill.tif",
        "raw.tif",
        "packbits.tif",
        "lzw.tif",
        "lzw-1bit.tif",
        "lzw-rgb.tif",
        "deflate.tif",
        "tiled.tif",
        "deep.tif",
        "deep.png",
        "palette.tif",
        "palette.png",
        "alpha.png",
        "three.tif",
    ];
    for name in forms {
        let image = first_image(&fixture(name));
        assert_eq!((image.width, image.height), (reference.width, reference.height), "{name}");
        let differing = image.gray.iter().zip(&reference.gray).filter(|(a, b)| a.abs_diff(**b) > 2).count();
        assert_eq!(differing, 0, "{name}");
    }
}

#[test]
fn every_lossy_form_of_the_page_decodes_to_nearly_the_same_pixels() {
    let reference = first_image(&fixture("page.png"));
    for name in ["jpeg.tif", "jpeg-rgb.tif", "jpeg-ycc.tif", "gray.jpg", "cmyk.jpg"] {
        let image = first_image(&fixture(name));
        assert_eq!((image.width, image.height), (reference.width, reference.height), "{name}");
        let differing = image.gray.iter().zip(&reference.gray).filter(|(a, b)| a.abs_diff(**b) > 100).count();
        assert!(differing * 200 < image.gray.len(), "{name}: {differing}");
    }
}

/// A TIFF of the page with the old kind of JPEG: the stream of the fixture as it stands, told by place and length.
fn old_jpeg_tiff() -> Vec<u8> {
    let jpeg = std::fs::read(fixture("gray.jpg")).unwrap();
    let entries: [(u16, u16, u32, u32); 10] = [
        (256, 4, 1, 1000),
        (257, 4, 1, 420),
        (258, 3, 1, 8),
        (259, 3, 1, 6),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (279, 4, 1, jpeg.len() as u32),
        (513, 4, 1, 8),
        (514, 4, 1, jpeg.len() as u32),
    ];
    let mut tiff = b"II*\0".to_vec();
    tiff.extend((8 + jpeg.len() as u32).to_le_bytes());
    tiff.extend(&jpeg);
    tiff.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        tiff.extend(tag.to_le_bytes().into_iter().chain(kind.to_le_bytes()));
        tiff.extend(count.to_le_bytes().into_iter().chain(value.to_le_bytes()));
    }
    tiff.extend([0; 4]);
    tiff
}

#[test]
fn a_tiff_with_the_old_kind_of_jpeg_is_decoded_where_it_holds_a_whole_stream_and_held_where_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.tif");
    write(&path, &old_jpeg_tiff());
    let (old, plain) = (first_image(&path), first_image(&fixture("gray.jpg")));
    assert_eq!((old.width, old.height), (plain.width, plain.height));
    assert!(old.gray == plain.gray);
    // Without its start it is a piece of a stream.
    let mut cut = old_jpeg_tiff();
    cut[8] = 0;
    write(&path, &cut);
    let limits = Limits::default();
    let opened = Opened::open(&path, "image/tiff", &limits).unwrap();
    let survey = opened.survey(&limits).unwrap().remove(0);
    let error = opened.image(&survey, &limits).unwrap_err();
    assert_eq!((error.kind(), error.message().code()), (Kind::Hold, "page-compression"));
}

#[test]
fn a_survey_says_what_the_file_says_of_each_page() {
    let limits = Limits::default();
    let surveys = Opened::open(&fixture("three.tif"), "image/tiff", &limits).unwrap().survey(&limits).unwrap();
    let said: Vec<(u32, &str, u16, f32)> = surveys.iter().map(|s| (s.n, s.compression.as_str(), s.bits, s.dpi)).collect();
    assert_eq!(said, [(1, "g4", 1, 200.0), (2, "lzw", 24, 200.0), (3, "g3", 1, 200.0)]);
    assert_eq!(surveys[2].source, PageSource::Tiff { directory: 2 });
}

// ---- ceilings: the last that passes, the first that fails

#[test]
fn a_page_of_exactly_the_most_pixels_passes_and_one_less_allowed_holds_it() {
    for name in ["g4.tif", "page.png", "gray.jpg"] {
        let at = |page_pixels_max| {
            let limits = Limits { page_pixels_max, ..Limits::default() };
            Opened::open(&fixture(name), mime(name), &limits).and_then(|file| file.survey(&limits))
        };
        assert!(at(1000 * 420).is_ok(), "{name}");
        let error = at(1000 * 420 - 1).unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Hold, "page-too-large"), "{name}");
    }
}

#[test]
fn a_file_of_the_most_pages_passes_and_one_more_page_is_held() {
    let survey = |pages_max| {
        let limits = Limits { pages_max, ..Limits::default() };
        Opened::open(&fixture("three.tif"), "image/tiff", &limits).and_then(|file| file.survey(&limits))
    };
    assert_eq!(survey(3).unwrap().len(), 3);
    assert_eq!(survey(2).unwrap_err().code(), "pages-too-many");
}

// ---- hostile and damaged files

#[test]
fn a_truncated_tiff_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(fixture("raw.tif")).unwrap();
    // The directory of this file stands before its pixels.
    let path = folder.path().join("cut.tif");
    write(&path, &bytes[..bytes.len() - 100]);
    let error = Opened::open(&path, "image/tiff", &Limits::default()).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Refuse, "pages-cut-off"));
    assert_eq!(error.message().value("bytes"), Some((bytes.len() - 100).to_string().as_str()));
}

#[test]
fn a_tiff_whose_directories_run_in_a_ring_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(fixture("g4.tif")).unwrap();
    let at = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let entries = usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()));
    let link = at + 2 + entries * 12;
    bytes[link..link + 4].copy_from_slice(&(at as u32).to_le_bytes());
    let path = folder.path().join("ring.tif");
    write(&path, &bytes);
    assert_eq!(Opened::open(&path, "image/tiff", &Limits::default()).unwrap_err().code(), "file-broken");
}

#[test]
fn a_truncated_jpeg_or_png_is_refused_and_an_empty_file_too() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["gray.jpg", "page.png"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let path = folder.path().join(name);
        write(&path, &bytes[..bytes.len() * 2 / 3]);
        assert_eq!(Opened::open(&path, mime(name), &Limits::default()).unwrap_err().code(), "pages-cut-off", "{name}");
        write(&path, b"");
        assert_eq!(Opened::open(&path, mime(name), &Limits::default()).unwrap_err().code(), "pages-none", "{name}");
    }
}

#[test]
fn no_flipped_byte_and_no_cut_of_any_file_ends_in_anything_but_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(folder.path());
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for name in ["g4.tif", "g3-2d.tif", "lzw-1bit.tif", "jpeg-ycc.tif", "palette.png", "gray.jpg", "image.pdf", "own-text.pdf"] {
        let bytes = if mime(name) == "application/pdf" { pdf(name) } else { std::fs::read(fixture(name)).unwrap() };
        for round in 0..12 {
            let mut damaged = bytes.clone();
            for _ in 0..8 {
                let at = next(damaged.len());
                damaged[at] = next(256) as u8;
            }
            if round % 3 == 0 {
                damaged.truncate(next(damaged.len()).max(1));
            }
            let path = folder.path().join(format!("damaged-{round}-{name}"));
            write(&path, &damaged);
            // An error is an answer; the next file is read all the same.
            for survey in readers.survey(&path, mime(name)).unwrap_or_default().iter().take(2) {
                if let Ok(page) = readers.picture(&path, mime(name), survey, 0, 64) {
                    assert!(page.starts_with(&[0xFF, 0xD8]));
                }
            }
        }
    }
    assert!(readers.survey(&fixture("page.png"), "image/png").is_ok());
}

// ---- PDF pages: what kind each is

#[test]
fn a_pdf_page_of_one_image_is_that_image_and_its_hidden_text_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["image.pdf", "image-hidden-text.pdf", "image-in-form.pdf"] {
        let path = folder.path().join(name);
        write(&path, &pdf(name));
        let limits = Limits::default();
        let file = Opened::open(&path, "application/pdf", &limits).unwrap();
        let survey = file.survey(&limits).unwrap().remove(0);
        assert!(matches!(survey.source, PageSource::PdfImage { page: 1, .. }), "{name}: {survey:?}");
        assert_eq!((survey.width, survey.height, survey.compression.as_str()), (1000, 420, "deflate"), "{name}");
        assert!((survey.dpi - 200.0).abs() < 1.0, "{name}: {}", survey.dpi);
        assert_eq!(file.image(&survey, &limits).unwrap().gray, first_image(&fixture("page.png")).gray, "{name}");
    }
}

#[test]
fn a_pdf_page_with_text_of_its_own_is_digital_and_a_stamped_scan_is_rasterised() {
    let folder = tempfile::tempdir().unwrap();
    let survey = |name: &str| {
        let path = folder.path().join(name);
        write(&path, &pdf(name));
        conserva::normalise::survey(&path, "application/pdf", &Limits::default()).unwrap().remove(0)
    };
    assert!(survey("own-text.pdf").source.is_digital());
    assert!(matches!(survey("image-stamped.pdf").source, PageSource::PdfRaster { page: 1 }));
    assert!(survey("nothing.pdf").source.is_digital());
}

#[test]
fn the_words_of_a_digital_page_are_its_own_and_lie_where_they_are_painted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own-text.pdf");
    write(&path, &pdf("own-text.pdf"));
    let readers = readers(folder.path());
    let page = read_first(&readers, &path);
    assert_eq!(page.text.origin, "pdf-text");
    assert_eq!(page.text.plain(), "Comune di Montefalco\nProtocollo 4821");
    // The baseline of the second line lies at 72 + 18 points from the top, its left edge at 36 points.
    let rect = word(&page, "Protocollo").rect;
    let baseline = 90.0 * 300.0 / 72.0;
    assert!(rect.x.abs_diff(150) <= 2, "{rect:?}");
    assert!((rect.y as f32) < baseline && (rect.y + rect.h) as f32 > baseline, "{rect:?}");
    let image = Opened::open(&path, "application/pdf", &Limits::default()).unwrap();
    let image = image.image(&page.page.survey, &Limits::default()).unwrap();
    assert!(darkest(&image, rect) < 60, "no ink below the word");
}

#[test]
fn an_empty_digital_page_is_blank() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing.pdf");
    write(&path, &pdf("nothing.pdf"));
    assert!(read_first(&readers(folder.path()), &path).page.blank);
}

// ---- reading with the real engine

#[test]
fn a_page_is_read_and_its_boxes_lie_on_the_ink() {
    let folder = tempfile::tempdir().unwrap();
    let page = read_first(&readers(folder.path()), &fixture("g3-2d.tif"));
    assert!(page.text.plain().contains("Oggetto: richiesta di accesso agli atti"), "{}", page.text.plain());
    assert!(page.page.mean_confidence.unwrap() > 80.0);
    assert_eq!(page.page.rotation, 0);
    let rect = word(&page, "4821").rect;
    let image = first_image(&fixture("g3-2d.tif"));
    assert!(darkest(&image, rect) < 60);
    assert!(rect.h > 15 && rect.h < 60, "{rect:?}");
}

#[test]
fn a_turned_page_is_read_upright_and_its_boxes_map_back_to_the_stored_page() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(folder.path());
    let upright = first_image(&fixture("page.png"));
    let reference = word(&read_first(&readers, &fixture("page.png")), "Protocollo").rect;
    let image = image::GrayImage::from_raw(upright.width, upright.height, upright.gray).unwrap();
    // A sheet of several copies of the text: the detector of orientation wants some letters.
    let mut sheet = image::GrayImage::from_pixel(1400, 1900, image::Luma([255]));
    for row in 0..4 {
        image::imageops::replace(&mut sheet, &image, 200, 50 + row * 440);
    }
    let expected = Rect { x: reference.x + 200, y: reference.y + 50, ..reference };
    for (rotation, turned) in [
        (90, image::imageops::rotate270(&sheet)),
        (180, image::imageops::rotate180(&sheet)),
        (270, image::imageops::rotate90(&sheet)),
    ] {
        let path = folder.path().join(format!("turned-{rotation}.png"));
        turned.save(&path).unwrap();
        let page = read_first(&readers, &path);
        assert_eq!(page.page.rotation, rotation);
        assert_eq!((page.text.width, page.text.height), turned.dimensions());
        let on_upright = upright_box(word(&page, "Protocollo").rect, rotation, turned.dimensions());
        let near = |a: u32, b: u32| a.abs_diff(b) <= 6;
        assert!(near(on_upright.x, expected.x) && near(on_upright.y, expected.y), "{rotation}: {on_upright:?} {expected:?}");
        assert!(near(on_upright.w, expected.w) && near(on_upright.h, expected.h), "{rotation}: {on_upright:?} {expected:?}");
    }
}

#[test]
fn a_jpeg_that_says_how_it_lies_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let page = read_first(&readers(folder.path()), &fixture("exif6.jpg"));
    assert_eq!(page.page.rotation, 90);
    assert_eq!((page.text.width, page.text.height), (420, 1000));
    assert!(page.text.plain().contains("Montefalco"), "{}", page.text.plain());
    assert!(!page.page.steps.iter().any(|step| step.starts_with("reading")), "read once: {:?}", page.page.steps);
}

#[test]
fn a_skewed_page_is_straightened_and_its_boxes_map_back() {
    let folder = tempfile::tempdir().unwrap();
    let upright = first_image(&fixture("page.png"));
    let (sin, cos) = 2.0_f32.to_radians().sin_cos();
    // Rising by two degrees: what stands at (x, y) comes from the upright page turned the other way.
    let skewed = image::GrayImage::from_fn(1000, 420, |x, y| {
        let (dx, dy) = (x as f32 - 500.0, y as f32 - 210.0);
        let (sx, sy) = (500.0 + dx * cos - dy * sin, 210.0 + dx * sin + dy * cos);
        let inside = sx >= 0.0 && sy >= 0.0 && sx < 1000.0 && sy < 420.0;
        image::Luma([if inside { upright.gray[sy as usize * 1000 + sx as usize] } else { 255 }])
    });
    let path = folder.path().join("skewed.png");
    skewed.save(&path).unwrap();
    let page = read_first(&readers(folder.path()), &path);
    assert!((page.page.skew_deg - 2.0).abs() < 0.3, "{}", page.page.skew_deg);
    let rect = word(&page, "4821").rect;
    let image = first_image(&path);
    assert!(darkest(&image, rect) < 60);
    assert!(darkest(&image, Rect { y: rect.y.saturating_sub(60), h: 30, ..rect }) > 200, "the box is not where the word is");
}

#[test]
fn a_page_that_lies_much_askew_or_askew_on_its_side_is_read_upright() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(folder.path());
    let text = first_image(&fixture("page.png"));
    for (degrees, rotation) in [(10.0_f32, 0), (-12.0, 0), (3.0, 90), (3.0, 270), (-4.0, 270)] {
        let (sin, cos) = degrees.to_radians().sin_cos();
        // Rising by so many degrees, on a sheet with room around; three copies of the text.
        let askew = image::GrayImage::from_fn(1400, 1800, |x, y| {
            let (dx, dy) = (x as f32 - 700.0, y as f32 - 900.0);
            let (sx, sy) = (500.0 + dx * cos - dy * sin, 630.0 + dx * sin + dy * cos);
            let inside = sx >= 0.0 && sy >= 0.0 && sx < 1000.0 && sy < 1260.0;
            image::Luma([if inside { text.gray[sy as usize % 420 * 1000 + sx as usize] } else { 255 }])
        });
        let lying = match rotation {
            90 => image::imageops::rotate270(&askew),
            270 => image::imageops::rotate90(&askew),
            _ => askew,
        };
        let path = folder.path().join(format!("askew{degrees}-{rotation}.png"));
        lying.save(&path).unwrap();
        let page = read_first(&readers, &path);
        assert_eq!(page.page.rotation, rotation, "{degrees}");
        assert!((page.page.skew_deg - degrees).abs() < 0.3, "{degrees}, {rotation}: {}", page.page.skew_deg);
        assert_eq!(page.text.plain().matches("4821").count(), 3, "{degrees}, {rotation}: {}", page.text.plain());
        let rect = word(&page, "4821").rect;
        assert!(darkest(&first_image(&path), rect) < 90, "{degrees}, {rotation}: the box is not where the word is");
    }
}

#[test]
fn a_blank_page_is_said_to_be_blank_and_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blank.png");
    // Paper, a few specks, a shadow along the left edge.
    let mut sheet = image::GrayImage::from_pixel(1654, 2339, image::Luma([243]));
    for speck in 0..40_u32 {
        sheet.put_pixel(100 + speck * 37, 90 + speck * 53, image::Luma([20]));
    }
    for y in 0..2339 {
        (0..6).for_each(|x| sheet.put_pixel(x, y, image::Luma([60])));
    }
    sheet.save(&path).unwrap();
    let page = read_first(&readers(folder.path()), &path);
    assert!(page.page.blank);
    assert_eq!((page.text.word_count(), page.page.mean_confidence), (0, None));
    let figure = |page: &ReadPage, code: &str| page.page.quality.iter().find(|q| q.code == code).map(|q| (q.value, q.limit));
    assert_eq!((figure(&page, "marks"), figure(&page, "faint_marks")), (Some((0.0, 1.0)), Some((0.0, 40.0))));
    // One small word more and it is not.
    let word = image::imageops::crop_imm(&image::open(fixture("page.png")).unwrap().into_luma8(), 60, 70, 160, 50).to_image();
    image::imageops::replace(&mut sheet, &word, 700, 1200);
    sheet.save(&path).unwrap();
    let written = read_first(&readers(folder.path()), &path);
    assert!(!written.page.blank && figure(&written, "marks").is_some_and(|(marks, _)| marks >= 1.0));
}

#[test]
fn all_pages_come_back_in_their_order_and_progress_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(folder.path());
    let path = fixture("three.tif");
    let surveys = readers.survey(&path, "image/tiff").unwrap();
    let told = std::sync::Mutex::new(Vec::new());
    let pages = readers.read_all(&path, "image/tiff", &surveys, &|done| told.lock().unwrap().push(done));
    let order: Vec<u32> = pages.iter().map(|page| page.as_ref().unwrap().text.n).collect();
    assert_eq!(order, [1, 2, 3]);
    assert!(pages.iter().all(|page| page.as_ref().unwrap().text.plain().contains("4821")));
    let mut told = told.into_inner().unwrap();
    told.sort_unstable();
    assert_eq!(told, [1, 2, 3]);
}

#[test]
fn a_region_is_read_again_from_the_original_by_another_preparation() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(folder.path());
    let path = fixture("gray.jpg");
    let page = read_first(&readers, &path);
    let regions = [word(&page, "4821").rect, page.text.lines().next().unwrap().rect()];
    for manner in Manner::ALL {
        let asked = Again { manner, first: page.text.origin.clone(), rects: regions.to_vec() };
        let again = readers.reread(&path, "image/jpeg", &page.page, &asked).unwrap();
        assert_eq!(again[0].raw, "4821", "{manner:?}");
        assert_eq!(again[1].raw, "Comune di Montefalco Vecchio", "{manner:?}");
        assert_eq!(again[1].words.len(), 4);
        assert!(again.iter().all(|reread| reread.confidence > 0.7 && reread.origin != page.text.origin));
    }
}

#[test]
fn a_picture_is_upright_and_no_larger_than_asked() {
    let folder = tempfile::tempdir().unwrap();
    let readers = readers(folder.path());
    let path = fixture("exif6.jpg");
    let survey = readers.survey(&path, "image/jpeg").unwrap().remove(0);
    let bytes = readers.picture(&path, "image/jpeg", &survey, 90, 200).unwrap();
    let picture = image::load_from_memory(&bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (200, 84));
}

#[test]
fn a_language_that_is_not_installed_is_named_with_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReadersOptions {
        program: PathBuf::from(env!("CARGO_BIN_EXE_conserva")),
        args: vec!["page-child".to_owned()],
        count: 1,
        lang: "ita+tlh".to_owned(),
        engine: conserva::page::Engine::default(),
        limits: Limits::default(),
        scratch: folder.path().to_owned(),
        roots: Vec::new(),
    };
    let error = Readers::start(options).unwrap().survey(&fixture("page.png"), "image/png").unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Environment, "ocr-language-missing"));
    assert_eq!(error.message().value("package"), Some("tesseract-ocr-tlh"));
}

#[test]
fn a_page_over_its_time_is_held_and_the_next_one_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { page_seconds_max: 0, ..Limits::default() };
    let survey = survey_of_page_png();
    let error = readers_with(limits, folder.path()).read(&fixture("page.png"), "image/png", &survey).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Hold, "page-timeout"));
    assert!(readers(folder.path()).read(&fixture("page.png"), "image/png", &survey).is_ok());
}

#[test]
fn no_child_outlives_its_parent() {
    let me = std::env::current_exe().unwrap();
    let mut parent = std::process::Command::new(me)
        .args(["reader::a_parent_that_waits_to_be_killed", "--exact", "--ignored"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let child = wait_for(|| children_of(parent.id()).into_iter().next()).expect("the parent starts a child");
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(wait_for(|| (!is_alive(child)).then_some(())).is_some(), "the child lives on");
}

#[test]
#[ignore = "started and killed by no_child_outlives_its_parent"]
fn a_parent_that_waits_to_be_killed() {
    let folder = std::env::temp_dir();
    let readers = readers(&folder);
    let survey = survey_of_page_png();
    for _ in 0..200 {
        drop(readers.read(&fixture("page.png"), "image/png", &survey));
    }
}

// ---- ways of dying, in test builds with the feature `drill`

#[cfg(feature = "drill")]
mod drill {
    use conserva::child::Call;

    use super::*;

    fn ask(readers: &Readers, how: &str, seconds: u64) -> conserva::error::Result<serde_json::Value> {
        let path = fixture("page.png");
        readers.call(Call { op: "drill", input: &path, seconds, page: Some(7), next: None }, &how)
    }

    #[test]
    fn each_way_of_dying_costs_that_page_and_the_next_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { child_memory_bytes_max: 1 << 30, ..Limits::default() };
        let readers = readers_with(limits, folder.path());
        for (how, code) in [
            ("abort", "page-crashed"),
            ("panic", "page-crashed"),
            ("hang", "page-timeout"),
            ("spin", "page-timeout"),
            ("eat", "page-memory"),
        ] {
            let error = ask(&readers, how, if how == "eat" { 30 } else { 2 }).unwrap_err();
            assert_eq!((error.kind(), error.code()), (Kind::Hold, code), "{how}");
            assert_eq!(error.message().value("page"), Some("7"), "{how}");
            assert_eq!(ask(&readers, "fine", 5).unwrap(), "fine");
        }
    }

    /// Kills, so many times, the child that leaves its number in the folder `marks`.
    fn kill_the_child_of(marks: &Path, times: usize) -> usize {
        let mut killed = 0;
        while killed < times {
            let found = wait_for(|| {
                let mark = std::fs::read_dir(marks).ok()?.flatten().next()?.path();
                let pid: i32 = mark.file_name()?.to_str()?.parse().ok()?;
                std::fs::remove_file(&mark).ok()?;
                rustix::process::Pid::from_raw(pid)
            });
            let Some(pid) = found else { return killed };
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            killed += 1;
        }
        killed
    }

    #[test]
    fn a_page_whose_child_is_killed_from_outside_is_tried_once_more_and_not_a_third_time() {
        for (times, is_read) in [(0, true), (1, true), (2, false)] {
            let folder = tempfile::tempdir().unwrap();
            let marks = folder.path().join("marks");
            std::fs::create_dir(&marks).unwrap();
            let readers = readers_with(Limits::default(), folder.path());
            let how = format!("wait-to-be-killed {times} {}", marks.display());
            let (killed, answer) = std::thread::scope(|scope| {
                let killer = scope.spawn(|| kill_the_child_of(&marks, times));
                let answer = ask(&readers, &how, 20);
                (killer.join().unwrap(), answer)
            });
            assert_eq!(killed, times);
            assert_eq!(answer.is_ok(), is_read, "killed {times} times: {answer:?}");
            if let Err(error) = answer {
                assert_eq!((error.kind(), error.code()), (Kind::Hold, "page-crashed"));
            }
            assert_eq!(ask(&readers, "fine", 5).unwrap(), "fine");
        }
    }

    #[test]
    fn a_child_is_told_nothing_of_the_environment_but_what_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let readers = readers(folder.path());
        let told = ask(&readers, "environment", 5).unwrap();
        let names: Vec<&str> = told.as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
        assert!(names.contains(&"OMP_THREAD_LIMIT") && !names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
        assert!(names.len() <= 9, "{names:?}");
    }

    #[test]
    fn a_child_starts_no_program_opens_no_socket_and_reads_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let readers = readers(folder.path());
        let walls = conserva::child::sandbox::probe();
        eprintln!("walls of this kernel: {walls:?}");
        if walls.seccomp {
            assert_eq!(ask(&readers, "connect", 5).unwrap(), false);
            assert_eq!(ask(&readers, "exec", 5).unwrap(), false);
        }
        if walls.landlock {
            assert_eq!(ask(&readers, "read-passwd", 5).unwrap(), false);
        }
    }
}

// ---- machinery

fn write(path: &Path, bytes: &[u8]) {
    #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
    std::fs::write(path, bytes).unwrap();
}

fn survey_of_page_png() -> PageSurvey {
    conserva::normalise::survey(&fixture("page.png"), "image/png", &Limits::default()).unwrap().remove(0)
}

fn darkest(image: &PageImage, rect: Rect) -> u8 {
    let row = |y: u32| &image.gray[(y * image.width + rect.x) as usize..(y * image.width + rect.x + rect.w) as usize];
    (rect.y..rect.y + rect.h).flat_map(|y| row(y).iter().copied()).min().unwrap()
}

/// Where a box of the stored page lies once the page is turned clockwise by `rotation`.
fn upright_box(rect: Rect, rotation: u16, (width, height): (u32, u32)) -> Rect {
    match rotation {
        90 => Rect { x: height - rect.y - rect.h, y: rect.x, w: rect.h, h: rect.w },
        180 => Rect { x: width - rect.x - rect.w, y: height - rect.y - rect.h, ..rect },
        270 => Rect { x: rect.y, y: width - rect.x - rect.w, w: rect.h, h: rect.w },
        _ => rect,
    }
}

fn wait_for<T>(mut what: impl FnMut() -> Option<T>) -> Option<T> {
    (0..200).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        what()
    })
}

fn stat_of(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn is_alive(pid: u32) -> bool {
    stat_of(pid).is_some_and(|(state, _)| state != 'Z')
}

fn children_of(parent: u32) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat_of(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// A small PDF of one page, 360 by 151.2 points (the fixture's 1000 by 420 pixels at 200 dpi) or A5.
pub(super) fn pdf(name: &str) -> Vec<u8> {
    use lopdf::{Document, Object, Stream, dictionary};
    let gray = first_image(&fixture("page.png")).gray;
    let mut document = Document::with_version("1.7");
    let mut image = Stream::new(
        dictionary! { "Type" => "XObject", "Subtype" => "Image", "Width" => 1000, "Height" => 420, "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8 },
        gray,
    );
    image.compress().unwrap();
    let image = document.add_object(image);
    let font = document.add_object(
        dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding" },
    );
    let form = document.add_object(Stream::new(
        dictionary! { "Type" => "XObject", "Subtype" => "Form", "BBox" => vec![0.into(), 0.into(), 360.into(), 152.into()],
        "Resources" => dictionary! { "XObject" => dictionary! { "Im" => image } } },
        b"q 360 0 0 151.2 0 0 cm /Im Do Q".to_vec(),
    ));
    let content = match name {
        "image.pdf" => "q 360 0 0 151.2 0 0 cm /Im Do Q",
        "image-in-form.pdf" => "/Fo Do",
        "image-cut.pdf" => "5 5 350 141 re W n q 360 0 0 151.2 0 0 cm /Im Do Q",
        "image-hidden-text.pdf" => "q 360 0 0 151.2 0 0 cm /Im Do Q BT 3 Tr /F 12 Tf 30 60 Td (Protocollo 4821) Tj ET",
        "image-stamped.pdf" => "q 360 0 0 151.2 0 0 cm /Im Do Q BT /F 12 Tf 30 60 Td (Prot. 4821) Tj ET",
        "own-text.pdf" => {
            "BT /F 12 Tf 36 79.2 Td (Comune di Mon) Tj (tefalco) Tj 0 -18 Td [(Proto) 20 (collo) -300 (4821)] TJ ET"
        }
        _ => "q Q",
    };
    let content = document.add_object(Stream::new(dictionary! {}, content.as_bytes().to_vec()));
    let pages = document.new_object_id();
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => pages, "Contents" => content,
        "MediaBox" => vec![0.into(), 0.into(), 360.into(), Object::Real(151.2)],
        "Resources" => dictionary! { "XObject" => dictionary! { "Im" => image, "Fo" => form }, "Font" => dictionary! { "F" => font } },
    });
    document
        .objects
        .insert(pages, Object::Dictionary(dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 }));
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}
