//! What stands on a page with hardly any ink, or with hurt data? Real marks are not called blank, dirt is; damage is never silent.

use std::path::Path;

use conserva::child::Readers;
use conserva::page::ReadPage;
use image::{GrayImage, Luma};

use super::stage::{clean_page, readers};

/// A4 at 200 dpi.
const SIZE: (u32, u32) = (1_654, 2_339);

struct Desk {
    folder: tempfile::TempDir,
    readers: Readers,
    clean: GrayImage,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let readers = readers(folder.path(), 1);
        Self { folder, readers, clean: clean_page() }
    }

    fn bytes(&self, name: &str, mime: &str, bytes: &[u8]) -> ReadPage {
        let path = self.folder.path().join(name);
        std::fs::File::create(&path).and_then(|mut file| std::io::Write::write_all(&mut file, bytes)).expect("a file");
        let surveys = self.readers.survey(&path, mime).expect("its pages");
        self.readers.read(&path, mime, &surveys[0]).expect("a page")
    }

    /// A page whose pixels are `gray` says.
    fn page(&self, name: &str, gray: impl Fn(f32, f32) -> u8) -> ReadPage {
        let page = GrayImage::from_fn(SIZE.0, SIZE.1, |x, y| Luma([gray(x as f32, y as f32)]));
        self.bytes(&format!("{name}.png"), "image/png", &encoded(&page, image::ImageFormat::Png))
    }
}

fn encoded(page: &GrayImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    page.write_to(&mut bytes, format).expect("an image");
    bytes.into_inner()
}

fn figure(read: &ReadPage, code: &str) -> Option<bool> {
    read.page.quality.iter().find(|figure| figure.code == code).map(|figure| figure.is_good)
}

#[test]
fn a_signature_or_a_seal_alone_is_a_page_without_text_and_not_blank() {
    let desk = Desk::new();
    let signature = desk.page("firma", |x, y| {
        let wave = 1_500.0 + 55.0 * (x / 21.0).sin() + 30.0 * (x / 50.0).cos();
        if (800.0..1_250.0).contains(&x) && (y - wave).abs() < 4.0 { 60 } else { 248 }
    });
    let ring = |x: f32, y: f32, radius: f32| ((x - 900.0).hypot(y - 1_200.0) - radius).abs() < 3.0;
    let seal = desk.page("timbro", |x, y| if ring(x, y, 130.0) || ring(x, y, 85.0) { 137 } else { 248 });
    for read in [&signature, &seal] {
        assert!(!read.page.blank && read.page.has_marks_only(), "{:?}", read.page.quality);
        assert_eq!(read.text.word_count(), 0, "{}", read.text.plain());
        assert_eq!(figure(read, "second_reading"), None, "nothing was to be read, nothing was read badly");
    }
}

#[test]
fn folds_holes_specks_and_borders_alone_are_blank() {
    let desk = Desk::new();
    let folds = desk.page("pieghe", |x, y| if (y - 780.0 + x * 0.01).abs() < 2.0 || (x - 827.0).abs() < 2.0 { 150 } else { 248 });
    let hole = |x: f32, y: f32, at: f32| (x - 94.0).hypot(y - at) < 24.0;
    let holes = desk.page("fori", |x, y| if hole(x, y, 850.0) || hole(x, y, 1_480.0) { 40 } else { 248 });
    let specks = desk.page("macchie", |x, y| if x as u32 % 171 < 3 && y as u32 % 143 < 3 { 60 } else { 248 });
    let border = desk.page("bordo", |x, y| if x < 30.0 - y / 120.0 || y > 2_310.0 { 12 } else { 248 });
    for (name, read) in [("folds", folds), ("holes", holes), ("specks", specks), ("border", border)] {
        assert!(read.page.blank && read.text.word_count() == 0, "{name}: {:?}\n{}", read.page.quality, read.text.plain());
    }
}

/// A line of the sample, pale, alone on a sheet; and its other side.
fn pale_line(desk: &Desk, ink: u8) -> GrayImage {
    let row = |y: u32| (0..desk.clean.width()).filter(|x| desk.clean.get_pixel(*x, y).0[0] < 110).count();
    // The tallest run of rows with ink in the middle of the sheet is a line of text.
    let from = (desk.clean.height() / 2..desk.clean.height()).find(|y| row(*y) == 0 && row(*y + 2) > 20).expect("a line");
    let to = (from + 4..desk.clean.height()).find(|y| row(*y) == 0).expect("its end");
    GrayImage::from_fn(desk.clean.width(), desk.clean.height(), |x, y| {
        let dark = if (from..=to).contains(&y) { 255 - u32::from(desk.clean.get_pixel(x, y).0[0]) } else { 0 };
        Luma([248 - (dark * u32::from(248 - ink) / 255) as u8])
    })
}

#[test]
fn one_pale_line_is_read_and_the_same_line_seen_from_behind_is_blank() {
    let desk = Desk::new();
    let line = pale_line(&desk, 215);
    let read = desk.bytes("pallida.png", "image/png", &encoded(&line, image::ImageFormat::Png));
    assert!(!read.page.blank && read.text.word_count() > 3, "{:?}\n{}", read.page.quality, read.text.plain());
    let back = image::imageops::flip_horizontal(&line);
    let back = desk.bytes("retro.png", "image/png", &encoded(&back, image::ImageFormat::Png));
    assert!(back.page.blank, "{:?}\n{}", back.page.quality, back.text.plain());
}

#[test]
fn damage_in_the_middle_of_the_data_is_a_figure_of_the_page_and_a_sound_one_has_none() {
    let desk = Desk::new();
    for (format, mime, zeros) in
        [(image::ImageFormat::Jpeg, "image/jpeg", 4_000), (image::ImageFormat::Bmp, "image/bmp", 100_000)]
    {
        let sound = encoded(&desk.clean, format);
        assert_eq!(figure(&desk.bytes(&format!("sana-{zeros}"), mime, &sound), "sound"), None, "{mime}");
        let mut hurt = sound;
        let middle = hurt.len() / 2;
        hurt[middle..middle + zeros].fill(0);
        let read = desk.bytes(&format!("danneggiata-{zeros}"), mime, &hurt);
        assert_eq!(figure(&read, "sound"), Some(false), "{mime}: {:?}", read.page.quality);
    }
}

#[test]
fn a_garbled_piece_of_fax_data_is_said_though_all_its_rows_are_there() {
    let desk = Desk::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/documenti/17 dichiarazione residenza.tif");
    let sound = std::fs::read(sample).expect("the sample");
    let read = desk.bytes("sana-g4.tif", "image/tiff", &sound);
    assert_eq!(read.page.survey.compression, "g4", "a sample that a fax could have sent");
    assert_eq!(figure(&read, "sound"), None);
    let mut hurt = sound;
    let middle = hurt.len() * 3 / 5;
    hurt[middle..middle + 40].iter_mut().enumerate().for_each(|(n, byte)| *byte = (n * 73 + 11) as u8);
    let path = desk.folder.path().join("danneggiata-g4.tif");
    std::fs::File::create(&path).and_then(|mut file| std::io::Write::write_all(&mut file, &hurt)).expect("a file");
    let surveys = desk.readers.survey(&path, "image/tiff").expect("its pages");
    // Few rows lost: a page with its figure; many: no page, which is said as loudly.
    if let Ok(read) = desk.readers.read(&path, "image/tiff", &surveys[0]) {
        assert_eq!(figure(&read, "sound"), Some(false), "{:?}", read.page.quality);
    }
}
