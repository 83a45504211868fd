//! What befalls sheets in an office: shadows, folds, stamps, specks, wrong tags. Each page is read about as well as before.
//!
//! The measure is a relation, not a number of one engine: of the words that the clean page gives, nearly all are found
//! again on the page that suffered.

use std::collections::HashMap;
use std::path::Path;

use conserva::child::Readers;
use conserva::limits::Limits;
use conserva::normalise::Opened;
use conserva::page::ReadPage;
use image::{GrayImage, Luma, Rgb, RgbImage};

use super::stage::{clean_page, readers};

/// Share of the clean page's words that must be found again.
const RECALL: f64 = 0.95;

struct Desk {
    folder: tempfile::TempDir,
    readers: Readers,
    /// A page of text at 200 dpi, on paper that is not quite white.
    clean: GrayImage,
    words: HashMap<String, usize>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a value of the test");
        let readers = readers(folder.path(), 2);
        let mut desk = Self { folder, readers, clean: clean_page(), words: HashMap::new() };
        let read = desk.read("clean", |path| save(&desk.clean, path));
        desk.words = words(&read);
        assert!(desk.words.values().sum::<usize>() > 100, "{}", read.text.plain());
        desk
    }

    fn read(&self, name: &str, write: impl FnOnce(&Path)) -> ReadPage {
        let path = self.folder.path().join(format!("{name}.png"));
        write(&path);
        let surveys = self.readers.survey(&path, "image/png").expect("a value of the test");
        self.readers.read(&path, "image/png", &surveys[0]).expect("a value of the test")
    }

    fn recall(&self, read: &ReadPage) -> f64 {
        let found = words(read);
        let all: usize = self.words.values().sum();
        let hits: usize = self.words.iter().map(|(word, count)| (*count).min(found.get(word).copied().unwrap_or(0))).sum();
        hits as f64 / all as f64
    }

    /// The page that `suffer` makes of the clean one, read; nearly all of its words must be there.
    fn survives(&self, name: &str, suffer: impl Fn(&mut GrayImage)) -> ReadPage {
        let mut page = self.clean.clone();
        suffer(&mut page);
        let read = self.read(name, |path| save(&page, path));
        let recall = self.recall(&read);
        assert!(recall >= RECALL, "{name}: {recall:.3}, {:?}\n{}", read.page.steps, read.text.plain());
        read
    }
}

fn words(read: &ReadPage) -> HashMap<String, usize> {
    let mut words = HashMap::new();
    for word in read.text.plain().to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *words.entry(word.to_owned()).or_insert(0) += 1;
    }
    words
}

fn save(page: &GrayImage, path: &Path) {
    page.save(path).expect("a value of the test");
}

fn has(read: &ReadPage, step: &str) -> bool {
    read.page.steps.iter().any(|s| s.starts_with(step))
}

#[test]
fn a_page_that_reads_well_is_read_once_and_without_asking_how_it_lies() {
    let desk = Desk::new();
    let read = desk.survives("as it is", |_| {});
    assert_eq!(read.page.readings, 1, "{:?}", read.page.steps);
    assert!(read.page.quality.iter().all(|q| q.is_good), "{:?}", read.page.quality);
}

#[test]
fn a_page_in_a_deep_shadow_is_read() {
    let desk = Desk::new();
    desk.survives("shadow", |page| {
        let width = page.width() as f32;
        for (x, _, pixel) in page.enumerate_pixels_mut() {
            let across = (x as f32 / width - 0.5) / 0.15;
            pixel.0[0] = (f32::from(pixel.0[0]) * (1.0 - 0.65 * (-across * across).exp())) as u8;
        }
    });
}

#[test]
fn a_page_with_black_around_it_or_light_on_dark_or_upside_down_is_read() {
    let desk = Desk::new();
    let edged = desk.survives("edges", |page| {
        let (width, height) = page.dimensions();
        for (x, y, pixel) in page.enumerate_pixels_mut() {
            if x < 50 || y < 40 || y + 60 > height || x + 30 > width {
                *pixel = Luma([14]);
            }
        }
    });
    assert!(has(&edged, "edges"), "{:?}", edged.page.steps);
    let inverted = desk.survives("inverted", image::imageops::invert);
    assert!(has(&inverted, "invert"), "{:?}", inverted.page.steps);
    let turned = desk.survives("turned", |page| *page = image::imageops::rotate180(page));
    assert_eq!(turned.page.rotation, 180);
    assert!(turned.page.readings > 1);
}

#[test]
fn a_folded_page_is_read_in_its_order() {
    let desk = Desk::new();
    let folded = desk.survives("folds", |page| {
        let (width, height) = page.dimensions();
        for (x, y, pixel) in page.enumerate_pixels_mut() {
            if x.abs_diff(width / 2) < 2 || y.abs_diff(height / 3) < 2 {
                pixel.0[0] = pixel.0[0].min(90);
            }
        }
    });
    assert!(has(&folded, "folds"), "{:?}", folded.page.steps);
}

#[test]
fn a_page_of_specks_is_read() {
    let desk = Desk::new();
    let read = desk.survives("specks", |page| {
        let mut seed = 5_u32;
        for pixel in page.pixels_mut() {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let is_speck = seed >> 8 < (1 << 24) / 500;
            pixel.0[0] = if pixel.0[0] < 140 || is_speck { 0 } else { 255 };
        }
    });
    assert!(read.page.readings <= 2, "{:?}", read.page.steps);
}

#[test]
fn a_coloured_stamp_over_the_text_and_the_text_below_it_are_both_read() {
    let desk = Desk::new();
    // A red grid, laid over its middle.
    let (width, height) = desk.clean.dimensions();
    let (x, y) = (width / 4, height / 2);
    let rgb = RgbImage::from_fn(width, height, |at_x, at_y| {
        let below = f32::from(desk.clean.get_pixel(at_x, at_y).0[0]) / 255.0;
        let is_frame = (x..x + 700).contains(&at_x) && (y..y + 200).contains(&at_y) && (at_x % 90 < 14 || at_y % 60 < 8);
        let ink = if is_frame { [200.0, 40.0, 45.0] } else { [255.0; 3] };
        Rgb(ink.map(|channel: f32| (channel * below) as u8))
    });
    let read = desk.read("stamp", |path| rgb.save(path).expect("a value of the test"));
    assert!(has(&read, "coloured stamps lifted 1"), "{:?}", read.page.steps);
    assert!(desk.recall(&read) >= RECALL, "{:.3}\n{}", desk.recall(&read), read.text.plain());
}

#[test]
fn faint_writing_is_not_taken_for_an_empty_page() {
    let desk = Desk::new();
    let faint = desk.survives("faint", |page| page.pixels_mut().for_each(|pixel| pixel.0[0] = 215 + pixel.0[0] / 8));
    assert!(!faint.page.blank);
    assert!(faint.page.quality.iter().any(|q| q.code == "contrast" && !q.is_good), "{:?}", faint.page.quality);
}

#[test]
fn pale_and_blurred_writing_is_read_and_the_back_of_a_sheet_showing_through_as_faintly_is_blank() {
    let desk = Desk::new();
    let pale = |page: &GrayImage, ink: u8| {
        let mut soft = image::imageops::blur(page, 2.0);
        soft.pixels_mut().for_each(|pixel| pixel.0[0] = ink + (u16::from(pixel.0[0]) * u16::from(250 - ink) / 255) as u8);
        soft
    };
    let written = desk.read("pale", |path| save(&pale(&desk.clean, 230), path));
    assert!(!written.page.blank && desk.recall(&written) > 0.7, "{}", written.text.plain());
    let back = image::imageops::flip_horizontal(&desk.clean);
    let back = desk.read("back", |path| save(&pale(&back, 230), path));
    assert!(back.page.blank, "{}", back.text.plain());
    let figure = |code: &str| back.page.quality.iter().find(|q| q.code == code && !q.is_good);
    assert!(figure("trace_words").or(figure("trace_confidence")).is_some(), "{:?}", back.page.quality);
}

#[test]
fn a_back_that_strongly_shows_the_other_side_is_blank_and_one_with_dark_ink_is_not() {
    let desk = Desk::new();
    let mut shown = image::imageops::flip_horizontal(&desk.clean);
    shown.pixels_mut().for_each(|pixel| pixel.0[0] = 155 + (u16::from(pixel.0[0]) * 85 / 255) as u8);
    let figure = |read: &ReadPage, code: &str| read.page.quality.iter().find(|q| q.code == code).map(|q| q.is_good);
    let back = desk.read("shown", |path| save(&shown, path));
    assert!(back.page.blank && back.text.word_count() == 0, "{}", back.text.plain());
    let said = (figure(&back, "mirrored_confidence"), figure(&back, "ink_depth"));
    assert_eq!(said, (Some(false), Some(false)), "{:?}", back.page.quality);
    let (width, height) = shown.dimensions();
    // A line of its own on the same back.
    for (x, y, pixel) in desk.clean.enumerate_pixels().filter(|(_, y, _)| *y > height / 2 && *y < height / 2 + 60) {
        shown.put_pixel(x.min(width - 1), y, *pixel);
    }
    let written = desk.read("written", |path| save(&shown, path));
    assert!(!written.page.blank, "{:?}", written.page.quality);
}

#[test]
fn a_blurred_page_and_one_that_the_edge_cuts_are_measured_as_such() {
    let desk = Desk::new();
    let figure =
        |read: &ReadPage, code: &str| read.page.quality.iter().find(|q| q.code == code).cloned().expect("a value of the test");
    let blurred = desk.read("blurred", |path| save(&image::imageops::blur(&desk.clean, 3.0), path));
    assert!(!figure(&blurred, "blur").is_good, "{:?}", blurred.page.quality);
    // Its slopes tell more than black and white does: the second reading, in grey, is the better one.
    assert!(blurred.page.steps.iter().any(|step| step == "grey"), "{:?}", blurred.page.steps);
    let (width, height) = desk.clean.dimensions();
    let cut = image::imageops::crop_imm(&desk.clean, width / 3, 0, width - width / 3, height).to_image();
    let cut = desk.read("cut", |path| save(&cut, path));
    assert!(!figure(&cut, "clipping").is_good, "{:?}", cut.page.quality);
}

#[test]
fn a_large_jpeg_in_colour_is_decoded_to_the_same_grey_as_a_small_one() {
    let desk = Desk::new();
    // 41 megapixels, just over the limit: a plan with a dark quarter.
    let plan =
        RgbImage::from_fn(6_500, 6_400, |x, y| if x < 3_250 && y < 3_200 { Rgb([150, 60, 40]) } else { Rgb([240, 240, 230]) });
    let path = desk.folder.path().join("plan.jpg");
    plan.save(&path).expect("a value of the test");
    let limits = Limits::default();
    let opened = Opened::open(&path, "image/jpeg", &limits).expect("a value of the test");
    let survey = opened.survey(&limits).expect("a value of the test").remove(0);
    let large = opened.image(&survey, &limits).expect("a value of the test");
    let luma = |[r, g, b]: [u32; 3]| ((r * 299 + g * 587 + b * 114) / 1000) as u8;
    assert_eq!((large.width, large.height), (6_500, 6_400));
    assert!(large.gray[1_000 * 6_500 + 1_000].abs_diff(luma([150, 60, 40])) <= 3);
    assert!(large.gray[5_000 * 6_500 + 5_000].abs_diff(luma([240, 240, 230])) <= 3);
}

#[test]
fn a_wrong_tag_of_the_resolution_is_known_by_the_sheet_and_its_letters() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/documenti/04 determina.tif");
    let limits = Limits::default();
    let opened = Opened::open(&sample, "image/tiff", &limits).expect("a value of the test");
    let survey = opened.survey(&limits).expect("a value of the test").remove(0);
    let mut page = opened.image(&survey, &limits).expect("a value of the test");
    let planned = |page: &conserva::normalise::PageImage| {
        let plan = conserva::normalise::plan(page, &survey);
        (plan.dpi, plan.is_dpi_estimated)
    };
    let true_dpi = page.dpi;
    assert_eq!(planned(&page), (true_dpi, false));
    for wrong in [96.0, 3.5 * true_dpi, 1_000.0, 1_200.0, 2_400.0] {
        page.dpi = wrong;
        let (dpi, is_estimated) = planned(&page);
        assert!(is_estimated && (dpi - true_dpi).abs() < 0.05 * true_dpi, "{wrong}: {dpi}");
    }
    // Twice as large or half as large it may be: a sheet of A3, a sheet of A5.
    for other in [0.71 * true_dpi, 1.4 * true_dpi] {
        page.dpi = other;
        assert_eq!(planned(&page), (other, false));
    }
}

#[test]
fn dark_paper_with_darker_ink_is_read_as_it_is() {
    let desk = Desk::new();
    for (paper, ink) in [(40, 5), (80, 40)] {
        let dim = |value: u8| ink + u32::from(value) * (paper - ink) / 255;
        let read = desk.survives(&format!("paper {paper}"), |page| {
            page.pixels_mut().for_each(|pixel| pixel.0[0] = dim(pixel.0[0]) as u8);
        });
        assert!(!read.page.blank && !has(&read, "invert"), "{:?}", read.page.steps);
    }
}

#[test]
fn a_page_whose_data_end_early_says_how_much_of_it_is_there() {
    let desk = Desk::new();
    let share = |read: &ReadPage| read.page.quality.iter().find(|figure| figure.code == "whole").map(|figure| figure.value);
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85);
    let mut grey = desk.clean.clone();
    grey.pixels_mut().for_each(|pixel| pixel.0[0] = (u32::from(pixel.0[0]) * 9 / 10) as u8);
    // Paper has a grain.
    (0..).zip(grey.pixels_mut()).for_each(|(at, pixel): (u32, _)| pixel.0[0] += (at.wrapping_mul(2_654_435_761) >> 29) as u8);
    grey.write_with_encoder(encoder).expect("a value of the test");
    let whole = desk.folder.path().join("whole.jpg");
    std::fs::write(&whole, &jpeg).expect("a value of the test");
    let cut = desk.folder.path().join("cut.jpg");
    std::fs::write(&cut, [&jpeg[..jpeg.len() / 2], &[0xFF, 0xD9]].concat()).expect("a value of the test");
    let read = |path: &Path, mime: &str| {
        let surveys = desk.readers.survey(path, mime).expect("a value of the test");
        desk.readers.read(path, mime, &surveys[0]).expect("a value of the test")
    };
    assert_eq!(share(&read(&whole, "image/jpeg")), None);
    let given = share(&read(&cut, "image/jpeg")).expect("a figure");
    assert!((20.0..80.0).contains(&given), "{given}");
    // A fax page of strips, whose last strip says nothing.
    let strips = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/copy/g4-strips.tif");
    let mut bytes = std::fs::read(&strips).expect("a value of the test");
    assert_eq!(share(&read(&strips, "image/tiff")), None);
    let mut decoder = tiff::decoder::Decoder::new(std::io::Cursor::new(bytes.clone())).expect("a value of the test");
    let list = |decoder: &mut tiff::decoder::Decoder<_>, tag| decoder.get_tag_u32_vec(tag).expect("a value of the test");
    let at = *list(&mut decoder, tiff::tags::Tag::StripOffsets).last().expect("a strip") as usize;
    let length = *list(&mut decoder, tiff::tags::Tag::StripByteCounts).last().expect("a strip") as usize;
    bytes[at..at + length].fill(0);
    let cut = desk.folder.path().join("cut.tif");
    std::fs::write(&cut, &bytes).expect("a value of the test");
    let surveys = desk.readers.survey(&cut, "image/tiff").expect("a value of the test");
    match desk.readers.read(&cut, "image/tiff", &surveys[0]) {
        Ok(read) => assert!(share(&read).is_some_and(|given| given < 100.0), "{:?}", read.page.quality),
        // A tenth of the rows and more are gone: it is no page.
        Err(error) => assert_eq!(error.code(), "page-broken"),
    }
}
