//! What does a separator sheet look like? A page of PDF/A for people and for the scanner: the same QR code twice, far apart, a bar code
//! between them, and all that they say in words.

use std::fmt::Write as _;
use std::io::Write;

use jiff::Timestamp;
use rxing::common::BitMatrix;
use rxing::oned::Code128Writer;
use rxing::qrcode::QRCodeWriter;
use rxing::{BarcodeFormat, EncodeHints, Writer as _};

use super::drawn_pages::DrawnPages;
use super::font::Alphabet;
use super::layer::{self, Sheet};
use super::writer::number;
use super::{PdfaLevel, strokes};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::messages::{Lang, label};
use crate::page::{Block, Line, PageSource, PageSurvey, ReadPage, Rect, Word};
use crate::separator::Separator;

/// A4, points.
const SHEET: (f64, f64) = (595.28, 841.89);
/// Side of a QR code, points: 62 mm.
const QR: f64 = 176.0;
/// Where the bar code stands, between the words above it and the number below, and its height.
const BARS: f64 = 392.0;
const BARS_HIGH: f64 = 45.0;
/// Where everything but patch codes stands.
const LEFT: f64 = 95.0;
const RIGHT: f64 = 500.0;
/// Longest line of words beside a code, characters.
const CHARS_MAX: usize = 27;
/// Unit of a patch code, points: 0.08 inch. The bars of patch T from the edge on, in units.
const UNIT: f64 = 5.76;
const PATCH_T: [f64; 4] = [1.0, 2.5, 1.0, 2.5];
/// From the edge to the first bar of a patch code, and the length of its bars: 0.28 and 2.5 inch.
const PATCH_EDGE: f64 = 20.0;
const PATCH_LONG: f64 = 180.0;

/// All that the sheets are made of: the same order gives the same bytes.
#[derive(Debug, Clone)]
pub struct SeparatorOrder {
    /// What each says.
    pub sheets: Vec<Separator>,
    /// True if each also has a patch code T along every edge.
    pub has_patch: bool,
    /// The level to claim.
    pub level: PdfaLevel,
    /// The instant that all dates of the file say.
    pub instant: Timestamp,
}

/// Writes the sheets; the result is the length of the file.
pub fn separators<W: Write>(order: &SeparatorOrder, out: W) -> Result<u64> {
    let texts: Vec<String> = order.sheets.iter().map(Separator::text).collect();
    let file = DrawnPages {
        title: label("sheet-title", Lang::It),
        level: order.level,
        instant: order.instant,
        said: Digest::of(format!("{} {}", order.instant, texts.join("\n")).as_bytes()),
        sheet: SHEET,
        count: order.sheets.len(),
    };
    file.write(out, |(at, n), alphabet| {
        let drawing = drawn(&order.sheets[at], order.has_patch)?;
        let mut content = drawing.operators.into_bytes();
        content.extend(words(drawing.lines, n, alphabet));
        Ok(content)
    })
}

/// A sheet as it grows.
#[derive(Default)]
struct Drawing {
    operators: String,
    lines: Vec<Line>,
}

impl Drawing {
    /// Words from (x, y), their baseline: strokes to be seen, and a line to be found.
    fn text(&mut self, text: &str, (x, y): (f64, f64), cap: f64) {
        self.operators.push_str(&strokes::operators(text, (x, y), cap));
        let tenth = |value: f64| (value * 10.0).round().max(0.0) as u32;
        let mut at = x;
        let mut line = Line { words: Vec::new() };
        for word in text.split_whitespace() {
            let wide = strokes::width(word, cap);
            let rect = Rect { x: tenth(at), y: tenth(SHEET.1 - y - cap), w: tenth(wide).max(1), h: tenth(cap).max(1) };
            line.words.push(Word { text: word.to_owned(), rect, confidence: 100.0, alternatives: Vec::new() });
            at += wide + strokes::width(" ", cap);
        }
        if !line.words.is_empty() {
            self.lines.push(line);
        }
    }

    /// A black box.
    fn fill(&mut self, [x, y, wide, high]: [f64; 4]) {
        let values = [x, y, wide, high].map(|value| number(value, 3));
        _ = writeln!(self.operators, "{} re f", values.join(" "));
    }

    /// The black squares of a code, row by row, in a box whose lower left corner is (x, y).
    fn code(&mut self, code: &BitMatrix, [x, y, wide, high]: [f64; 4]) {
        let (across, down) = (code.width(), code.height());
        let (step_x, step_y) = (wide / f64::from(across), high / f64::from(down));
        for row in 0..down {
            let mut column = 0;
            while column < across {
                let end = (column..across).find(|at| !code.get(*at, row)).unwrap_or(across);
                if end > column {
                    let from = [x + f64::from(column) * step_x, y + high - f64::from(row + 1) * step_y];
                    self.fill([from[0], from[1], f64::from(end - column) * step_x, step_y]);
                }
                column = end.max(column + 1);
            }
        }
    }

    /// Patch T along every edge, its first bar nearest to it.
    fn patches(&mut self) {
        let mut from = PATCH_EDGE;
        let (beside, above) = ((SHEET.0 - PATCH_LONG) / 2.0, (SHEET.1 - PATCH_LONG) / 2.0);
        for bar in PATCH_T {
            let wide = bar * UNIT;
            self.fill([beside, SHEET.1 - from - wide, PATCH_LONG, wide]);
            self.fill([beside, from, PATCH_LONG, wide]);
            self.fill([from, above, wide, PATCH_LONG]);
            self.fill([SHEET.0 - from - wide, above, wide, PATCH_LONG]);
            from += wide + UNIT;
        }
    }
}

/// The sheet of one separator.
fn drawn(separator: &Separator, has_patch: bool) -> Result<Drawing> {
    let failed = |error: rxing::Exceptions| Error::bug("a code that cannot be drawn").because(error);
    let hints = EncodeHints { ErrorCorrection: Some("Q".to_owned()), Margin: Some("0".to_owned()), ..EncodeHints::default() };
    let qr = QRCodeWriter.encode_with_hints(&separator.text(), &BarcodeFormat::QR_CODE, 1, 1, &hints).map_err(failed)?;
    let bars = Code128Writer.encode(&separator.tag(), &BarcodeFormat::CODE_128, 1, 1).map_err(failed)?;
    let mut drawing = Drawing::default();
    drawing.operators.push_str("0 g 0 G\n");
    if has_patch {
        drawing.patches();
    }
    let said = |code: &str| label(code, Lang::It);
    drawing.text(&said("sheet-title"), (LEFT, 733.0), 15.0);
    drawing.text(&said("sheet-not-a-page"), (LEFT, 716.0), 7.0);
    drawing.code(&qr, [LEFT, 525.0, QR, QR]);
    drawing.code(&qr, [RIGHT - QR, 200.0, QR, QR]);
    let wide = (f64::from(bars.width()) * 1.3).min(RIGHT - LEFT);
    drawing.code(&bars, [LEFT, BARS, wide, BARS_HIGH]);
    let number = separator.numero.map(|numero| format!("{} / {}", numero.n, numero.of)).unwrap_or_default();
    drawing.text(&number, (LEFT + QR + 20.0, 680.0), 20.0);
    drawing.text(&number, (LEFT, 330.0), 36.0);
    let mut y = 655.0;
    for (code, value) in told(separator) {
        let lines = wrapped(&value);
        // What no longer fits above the bars stands in the codes.
        if y - 11.0 * lines.len() as f64 <= BARS + BARS_HIGH + 6.0 {
            break;
        }
        drawing.text(&said(code), (LEFT + QR + 20.0, y), 5.0);
        for line in lines {
            y -= 11.0;
            drawing.text(&line, (LEFT + QR + 20.0, y), 8.0);
        }
        y -= 11.0;
    }
    drawing.text(&said("sheet-document"), (LEFT, 300.0), 6.5);
    drawing.text(separator.lotto.as_deref().unwrap_or_default(), (LEFT, 280.0), 8.0);
    drawing.text(&said("sheet-print"), (LEFT, 150.0), 6.0);
    Ok(drawing)
}

/// What a separator says, in words.
fn told(separator: &Separator) -> Vec<(&'static str, String)> {
    let protocollo = separator.protocollo.as_ref().map(|(numero, anno)| format!("{numero}/{anno}"));
    let all = [
        ("sheet-lotto", separator.lotto.clone()),
        ("sheet-sheets", separator.fogli.map(|fogli| fogli.to_string())),
        ("sheet-voce", separator.voce.clone()),
        ("sheet-fascicolo", separator.fascicolo.clone()),
        ("sheet-protocollo", protocollo),
        ("sheet-profile", Some(separator.profilo.clone())),
        ("sheet-ente", Some(separator.ente.clone())),
        ("sheet-operator", separator.operatore.clone()),
    ];
    all.into_iter().filter_map(|(code, value)| Some((code, value?))).collect()
}

/// A value in lines that fit beside a code, two at most: the code has it whole.
fn wrapped(value: &str) -> Vec<String> {
    let signs: Vec<char> = value.chars().collect();
    let mut lines: Vec<String> = signs.chunks(CHARS_MAX).take(2).map(|line| line.iter().collect()).collect();
    if signs.len() > 2 * CHARS_MAX
        && let Some(last) = lines.last_mut()
    {
        last.truncate(last.char_indices().nth(CHARS_MAX - 3).map_or(last.len(), |(at, _)| at));
        last.push_str("...");
    }
    lines
}

/// The words as text that can be searched and copied.
fn words(lines: Vec<Line>, n: u32, alphabet: &mut Alphabet) -> Vec<u8> {
    let (width, height) = ((SHEET.0 * 10.0).round() as u32, (SHEET.1 * 10.0).round() as u32);
    let source = PageSource::PdfDigital { page: n };
    let survey = PageSurvey { n, source, width, height, dpi: 720.0, compression: "none".to_owned(), bits: 1, turned: None };
    let mut page = ReadPage::unread(&survey);
    page.text.blocks = vec![Block { lines }];
    layer::text_operators(&page, Sheet { width_pt: SHEET.0, height_pt: SHEET.1, rotation: 0 }, alphabet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_short_on_the_sheet_and_says_so() {
        assert_eq!(wrapped("pratica 87/2019"), ["pratica 87/2019"]);
        let two = wrapped(&"à".repeat(54));
        assert_eq!((two.len(), two[1].chars().count(), two[1].ends_with("...")), (2, 27, false));
        let cut = wrapped(&"à".repeat(55));
        assert_eq!((cut.len(), cut[1].chars().count(), cut[1].ends_with("...")), (2, 27, true));
    }
}
