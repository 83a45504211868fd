//! What the guarantees of the copy are tried on: fixtures, pages made by hand, orders, and the tools around.

use std::path::{Path, PathBuf};
use std::process::Command;

use conserva::copy::{CopyOrder, CopyReport, PdfaLevel, searchable};
use conserva::limits::Limits;
use conserva::page::{Block, Line, Page, PageSource, PageSurvey, PageText, ReadPage, Rect, Word};

/// Size and resolution of the page in tests/fixtures/copy: an A4 sheet.
pub(super) const SIZE: (u32, u32) = (413, 585);
pub(super) const DPI: f32 = 50.0;

pub(super) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/copy").join(name)
}

/// The folder of shared material, where there is one.
#[expect(clippy::disallowed_methods, reason = "tests are told where the shared material is")]
pub(super) fn shared() -> Option<PathBuf> {
    let named = std::env::var_os("CONSERVA_SHARED").map(PathBuf::from);
    let found = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    if found.join("corpus").is_dir() {
        return Some(found);
    }
    say("NOT RUN over the corpus: no ../shared beside the checkout, no CONSERVA_SHARED");
    None
}

/// Tells the person who runs the tests what was not tried, or what was measured.
#[expect(clippy::print_stderr, reason = "what was not run is said aloud")]
pub(super) fn say(what: &str) {
    eprintln!("{what}");
}

/// What a tool prints, or nothing where the tool is not installed (said aloud). It must succeed.
pub(super) fn tool(name: &str, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Option<String> {
    let mut command = Command::new(name);
    for argument in arguments {
        command.arg(argument);
    }
    let Ok(output) = command.output() else {
        say(&format!("NOT RUN: {name} is not installed"));
        return None;
    };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name}: {told}{}", String::from_utf8_lossy(&output.stdout));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Words of one line in a row: text, left edge, width; all of one height.
pub(super) fn line(top: u32, height: u32, words: &[(&str, u32, u32)]) -> Line {
    let word = |(text, x, w): &(&str, u32, u32)| Word {
        text: (*text).to_owned(),
        rect: Rect { x: *x, y: top, w: *w, h: height },
        confidence: 91.5,
        alternatives: Vec::new(),
    };
    Line { words: words.iter().map(word).collect() }
}

pub(super) fn sample_lines() -> Vec<Line> {
    vec![
        line(60, 12, &[("Comune", 60, 60), ("di", 128, 14), ("Valdombra", 150, 90)]),
        line(100, 12, &[("perché", 60, 50), ("12,50", 120, 40), ("€", 168, 8), ("ufﬁcio", 184, 46)]),
        line(140, 12, &[("(a\\b)", 60, 40), ("città", 110, 36)]),
    ]
}

/// A page read, made by hand.
pub(super) fn read_page(n: u32, source: PageSource, size: (u32, u32), dpi: f32, lines: Vec<Line>) -> ReadPage {
    let survey =
        PageSurvey { n, source, width: size.0, height: size.1, dpi, compression: "none".to_owned(), bits: 8, turned: None };
    let page = Page {
        survey,
        dpi_used: dpi,
        rotation: 0,
        skew_deg: 0.0,
        blank: lines.is_empty(),
        mean_confidence: Some(91.5),
        quality: Vec::new(),
        readings: 1,
        steps: Vec::new(),
    };
    let blocks = if lines.is_empty() { Vec::new() } else { vec![Block { lines }] };
    let text = PageText { n, width: size.0, height: size.1, origin: "test".to_owned(), rotation: 0, blocks };
    ReadPage { page, text }
}

pub(super) fn order(input: &Path, pages: Vec<ReadPage>, level: PdfaLevel, output: PathBuf) -> CopyOrder {
    CopyOrder {
        input: input.to_owned(),
        mime: "application/octet-stream".to_owned(),
        pages: pages.into(),
        drawings: None,
        others: Vec::new(),
        is_wary: false,
        outlines: Vec::new(),
        level,
        title: "Verbale n. 3 (è & <prova>)".to_owned(),
        instant: "2024-03-12T09:15:07Z".parse().expect("an instant"),
        id: *b"0123456789abcdef",
        output,
        lang: "ita".to_owned(),
    }
}

/// The order of one fixture, its only page with the sample words.
pub(super) fn fixture_order(name: &str, level: PdfaLevel, folder: &Path) -> CopyOrder {
    let source = if Path::new(name).extension().is_some_and(|e| e == "tif") {
        PageSource::Tiff { directory: 0 }
    } else {
        PageSource::Image
    };
    let output = folder.join(format!("{name}-{}.pdf", if level == PdfaLevel::A1b { "1b" } else { "2b" }));
    order(&fixture(name), vec![read_page(1, source, SIZE, DPI, sample_lines())], level, output)
}

pub(super) fn made(order: &CopyOrder) -> CopyReport {
    searchable(order, &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", order.input.display()))
}

/// The first page of a PDF as RGB, `size` pixels.
pub(super) fn drawn(pdf: &Path, size: (u32, u32)) -> image::RgbImage {
    use hayro::{PixmapSettings, RenderCache, RenderSettings, render, vello_cpu::color::palette::css::WHITE};
    let pdf = hayro::hayro_syntax::Pdf::new(std::fs::read(pdf).expect("copy")).expect("PDF");
    let page = &pdf.pages()[0];
    let (width, height) = page.render_dimensions();
    let scale = |pixels: u32, points: f32| (pixels as f32 + 0.02) / points;
    let settings = PixmapSettings { x_scale: scale(size.0, width), y_scale: scale(size.1, height), bg_color: WHITE };
    let pixmap = render(
        page,
        &RenderCache::new(),
        &hayro::hayro_interpret::InterpreterSettings::default(),
        &RenderSettings::default(),
        &settings,
    );
    assert_eq!((u32::from(pixmap.width()), u32::from(pixmap.height())), size);
    let pixels = pixmap.data_as_u8_slice().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    image::RgbImage::from_raw(size.0, size.1, pixels).expect("pixels")
}

/// Mean difference of two pictures, 0 to 255.
pub(super) fn difference(a: &image::RgbImage, b: &image::RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

pub(super) fn truth(name: &str) -> image::RgbImage {
    let image = image::open(fixture(name)).expect("truth");
    let rgba = image.to_rgba8();
    let flat = rgba.pixels().flat_map(|p| {
        let alpha = u32::from(p[3]);
        [0, 1, 2].map(|c| ((u32::from(p[c]) * alpha + 255 * (255 - alpha)) / 255) as u8)
    });
    image::RgbImage::from_raw(rgba.width(), rgba.height(), flat.collect()).expect("truth")
}

#[expect(clippy::disallowed_methods, reason = "a test's own input needs no durability")]
pub(super) fn written(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("write");
}
