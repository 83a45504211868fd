//! Sixty sheets with seven separators, scanned as offices scan: askew, upside down, grainy, pale, in shadow, in black and white, with
//! stains, folds and pen over them, and now and then a separator that nobody could read. All are found, or the miss is said.

use std::path::Path;

use conserva::batch::{self, Sighting};
use conserva::child::{PageAt, Readers};
use conserva::copy::{PdfaLevel, SeparatorOrder, separators};
use conserva::page::PageSurvey;
use conserva::separator::{CodeKind, Numero, Separator, Separators};
use image::GrayImage;

use super::super::stage::{clean_page, readers};
use super::rendered;

/// Sheets of a batch, and of the one that is looked at where a build without optimisation has other tests beside it.
const SHEETS: usize = 60;
const SHEETS_FEW: usize = 20;
const COUNT: u32 = 7;
const DPI: u32 = 150;
const HERE: (&str, &str) = ("c_x912", "lotti");

/// Numbers from a seed, the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn between(&mut self, least: f32, most: f32) -> f32 {
        least + (self.below(10_001) as f32 / 10_000.0) * (most - least)
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What a scanner makes of a sheet, in one pass over its pixels.
fn scanned(sheet: &GrayImage, dice: &mut Dice) -> GrayImage {
    let (width, height) = sheet.dimensions();
    let degrees = dice.between(-3.0, 3.0);
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (middle_x, middle_y) = (width as f32 / 2.0 + dice.between(-9.0, 9.0), height as f32 / 2.0 + dice.between(-9.0, 9.0));
    let (black, white) = (dice.between(10.0, 90.0), dice.between(200.0, 252.0));
    let (grain, shade) = (dice.between(0.0, 26.0), dice.between(0.0, 50.0));
    let specks = dice.between(0.0, 0.01);
    let threshold = dice.happens(35).then(|| dice.between(120.0, 165.0));
    let mut state = dice.next() | 1;
    let mut noise = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 16_777_216.0
    };
    let source = sheet.as_raw();
    let at = |x: i64, y: i64| {
        let is_inside = (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y);
        if is_inside { f32::from(source[y as usize * width as usize + x as usize]) } else { 255.0 }
    };
    let mut pixels = Vec::with_capacity(source.len());
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = (x as f32 - middle_x, y as f32 - middle_y);
            let (from_x, from_y) = (cos * dx + sin * dy + middle_x, cos * dy - sin * dx + middle_y);
            let (left, top) = (from_x.floor(), from_y.floor());
            let (right, down) = (from_x - left, from_y - top);
            let (left, top) = (left as i64, top as i64);
            let upper = at(left, top) * (1.0 - right) + at(left + 1, top) * right;
            let lower = at(left, top + 1) * (1.0 - right) + at(left + 1, top + 1) * right;
            let ink = upper * (1.0 - down) + lower * down;
            let dark = shade * (x as f32 / width as f32);
            let value = black + (white - black) * ink / 255.0 - dark + (noise() - 0.5) * 2.0 * grain;
            let speck = noise();
            let value = if speck < specks { 255.0 * noise().round() } else { value };
            let value = threshold.map_or(value, |limit| if value + dark < limit { 0.0 } else { 255.0 });
            pixels.push(value.clamp(0.0, 255.0) as u8);
        }
    }
    let page = GrayImage::from_raw(width, height, pixels).expect("pixels");
    match dice.below(10) {
        0 => image::imageops::rotate180(&page),
        1 => image::imageops::rotate90(&page),
        2 => image::imageops::rotate270(&page),
        _ => page,
    }
}

fn fill(page: &mut GrayImage, [x, y, wide, high]: [f32; 4], value: u8) {
    let (width, height) = (page.width() as f32, page.height() as f32);
    let (from_x, to_x) = ((x * width) as u32, (((x + wide) * width) as u32).min(page.width()));
    let (from_y, to_y) = ((y * height) as u32, (((y + high) * height) as u32).min(page.height()));
    for row in from_y..to_y {
        for column in from_x..to_x {
            page.put_pixel(column, row, image::Luma([value]));
        }
    }
}

/// What befell the separator before: pen, folds, a stain, a note stuck over it; with the last nobody could read it.
fn worn(sheet: &GrayImage, dice: &mut Dice) -> (GrayImage, &'static str) {
    let mut page = sheet.clone();
    for _ in 0..dice.below(4) {
        let (x, y) = (dice.between(0.1, 0.8), dice.between(0.1, 0.8));
        fill(&mut page, [x, y, dice.between(0.01, 0.3), 0.003], 30);
    }
    for _ in 0..dice.below(3) {
        fill(&mut page, [0.0, dice.between(0.1, 0.9), 1.0, 0.002], 120);
    }
    match dice.below(20) {
        // A note over one of the codes.
        0..=2 => {
            let y = [0.15, 0.5][dice.below(2) as usize];
            fill(&mut page, [0.1, y, 0.8, 0.26], 235);
            (page, "a code covered")
        }
        // Over all codes but a strip of the bars.
        3 => {
            fill(&mut page, [0.1, 0.1, 0.8, 0.28], 235);
            fill(&mut page, [0.1, 0.46, 0.8, 0.4], 235);
            (page, "only the bars left")
        }
        4 => {
            fill(&mut page, [0.05, 0.05, 0.9, 0.9], 235);
            (page, "covered whole")
        }
        // The machine took it together with another sheet: it is not there at all.
        5 => (clean_page(), "not there"),
        _ => (page, "whole"),
    }
}

/// A batch, and the truth about it.
struct Batch {
    pages: Vec<GrayImage>,
    documents: Vec<(u32, u32)>,
    /// Pages of separators, with what befell them.
    separators: Vec<(u32, &'static str)>,
}

fn batch(sheets: &[GrayImage], text: &GrayImage, (count, dice): (usize, &mut Dice)) -> Batch {
    let mut lengths = vec![1_usize; COUNT as usize];
    for _ in 0..count - COUNT as usize {
        lengths[dice.below(u64::from(COUNT)) as usize] += 1;
    }
    let mut batch = Batch { pages: Vec::new(), documents: Vec::new(), separators: Vec::new() };
    for (sheet, length) in sheets.iter().zip(lengths) {
        let (page, what) = worn(sheet, dice);
        if what != "not there" {
            batch.pages.push(scanned(&page, dice));
        }
        batch.separators.push((batch.pages.len() as u32, what));
        let first = batch.pages.len() as u32 + 1;
        for _ in 0..length {
            let mut page = text.clone();
            if dice.happens(15) {
                fill(&mut page, [0.0, 0.0, 1.0, 1.0], 250);
            }
            batch.pages.push(scanned(&page, dice));
        }
        batch.documents.push((first, batch.pages.len() as u32));
    }
    batch
}

fn sheets(folder: &Path) -> Vec<GrayImage> {
    let sheet = |n| Separator {
        ente: HERE.0.into(),
        profilo: HERE.1.into(),
        lotto: Some("L-2024-07".into()),
        numero: Some(Numero { n, of: COUNT }),
        voce: Some("VI.3".into()),
        fascicolo: Some(format!("pratica {n}/2024")),
        protocollo: Some((format!("{:0>7}", 4_500 + n), 2024)),
        operatore: Some("mrossi".into()),
        ..Separator::default()
    };
    let order = SeparatorOrder {
        sheets: (1..=COUNT).map(sheet).collect(),
        has_patch: false,
        level: PdfaLevel::A2b,
        instant: jiff::Timestamp::UNIX_EPOCH,
    };
    let path = folder.join("fogli.pdf");
    let mut bytes = Vec::new();
    separators(&order, &mut bytes).expect("sheets");
    std::fs::write(&path, bytes).expect("written");
    rendered(&path, DPI)
}

fn seen(readers: &Readers, folder: &Path, pages: &[GrayImage], wanted: &[CodeKind]) -> Vec<Sighting> {
    let files: Vec<_> = (1..=pages.len()).map(|n| folder.join(format!("page-{n}.png"))).collect();
    for (page, file) in pages.iter().zip(&files) {
        page.save(file).expect("saved");
    }
    let survey = |(file, n): (&std::path::PathBuf, u32)| {
        let survey = readers.survey(file, "image/png").expect("a page").remove(0);
        PageSurvey { n, ..survey }
    };
    let surveys: Vec<PageSurvey> = files.iter().zip(1..).map(survey).collect();
    let pages: Vec<PageAt<'_>> = files.iter().zip(&surveys).map(|(file, survey)| page_at(file, survey)).collect();
    readers.sightings(&pages, wanted).expect("looked at")
}

fn page_at<'a>(input: &'a std::path::PathBuf, survey: &'a PageSurvey) -> PageAt<'a> {
    PageAt { input, mime: "image/png", survey, drawings: None }
}

#[test]
fn of_sixty_sheets_with_seven_separators_all_are_found_or_the_miss_is_said() {
    let asked = std::env::var("CONSERVA_BATCH_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let count = if asked.is_some() { SHEETS } else { SHEETS_FEW };
    if asked.is_none() {
        eprintln!(
            "NOT CHECKED: fifty batches of {SHEETS} sheets (CONSERVA_BATCH_SEEDS; scripts/prove has it); here one of {SHEETS_FEW}"
        );
    }
    let seeds: u64 = asked.unwrap_or(1);
    let folder = tempfile::tempdir().expect("folder");
    let readers = readers(folder.path(), 2);
    let sheets = sheets(folder.path());
    let text = clean_page();
    let text = image::imageops::thumbnail(&text, text.width() * DPI / 200, text.height() * DPI / 200);
    let settings = Separators { codes: vec![CodeKind::Qr], ..Separators::default() };
    let (mut divided, mut held, mut readable, mut found) = (0, 0, 0, 0);
    for seed in 1..=seeds {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let batch = batch(&sheets, &text, (count, &mut dice));
        let sightings = seen(&readers, folder.path(), &batch.pages, &settings.wanted());
        let plan = batch::plan(&settings, HERE, &sightings);
        let pieces: Vec<(u32, u32)> = plan.pieces.iter().map(|piece| (piece.first, piece.last)).collect();
        let is_there = |page: &u32| plan.separators.iter().any(|found| found.page == *page && found.said.is_some());
        let good = batch.separators.iter().filter(|(_, what)| matches!(*what, "whole" | "a code covered"));
        let (all, good_found) = good.fold((0, 0), |(all, found), (page, _)| (all + 1, found + usize::from(is_there(page))));
        (readable, found) = (readable + all, found + good_found);
        let lost: Vec<_> = batch.separators.iter().filter(|(page, what)| *what == "not there" || !is_there(page)).collect();
        let doubts: Vec<_> = plan.doubts.iter().map(|hold| (hold.message.code(), hold.page)).collect();
        eprintln!(
            "seed {seed}: {} pages, {good_found} of {all} readable separators, lost {lost:?}, {doubts:?}",
            batch.pages.len()
        );
        if doubts.is_empty() {
            divided += 1;
            assert_eq!(pieces, batch.documents, "seed {seed}: cut in the wrong place, in silence");
            assert!(lost.is_empty(), "seed {seed}: {lost:?}");
            for (piece, n) in plan.pieces.iter().zip(1..) {
                let (_, said) = piece.said.as_ref().expect("what its separator says");
                assert_eq!(said.fascicolo, Some(format!("pratica {n}/2024")), "seed {seed}");
            }
        } else {
            held += 1;
            assert!(!lost.is_empty(), "seed {seed}: held though all were found: {doubts:?}");
        }
    }
    eprintln!("{seeds} seeds: {divided} divided, {held} held, none in silence; {found} of {readable} readable separators found");
    assert!(found * 100 >= readable * 90, "{found} of {readable}");
}
