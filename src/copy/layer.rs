//! Where does a word stand on the page? The invisible text of one page, one run per line, in the page's own space.
//!
//! Boxes are pixels of the stored image; words are laid out in the frame of the upright page, where a line runs to the
//! right, and carried back through the turn, so that a reader who obeys /Rotate selects upright text.

use super::font::{ASCENT, Alphabet, DESCENT, WIDTH};
use super::writer::number;
use crate::page::{Line, ReadPage, Rect};

/// Steepest line whose words stand upright: more than any page is straightened by.
const STEPPED_MOST: f64 = 20.0 * std::f64::consts::PI / 180.0;

/// How the stored image lies on the PDF page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sheet {
    /// Size of the page in points, before /Rotate.
    pub(super) width_pt: f64,
    pub(super) height_pt: f64,
    /// Degrees clockwise that the viewer turns the page.
    pub(super) rotation: u16,
}

/// A box in the upright frame, in points from the top left.
#[derive(Debug, Clone, Copy)]
struct Upright {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

/// The operators of the text, empty of a page without words. `font` is the name of the font resource.
pub(super) fn text_operators(page: &ReadPage, sheet: Sheet, alphabet: &mut Alphabet) -> Vec<u8> {
    let scale = (sheet.width_pt / f64::from(page.text.width.max(1)), sheet.height_pt / f64::from(page.text.height.max(1)));
    let skew = f64::from(page.page.skew_deg);
    let skew = if skew.is_finite() { skew.clamp(-30.0, 30.0).to_radians() } else { 0.0 };
    let mut out = Vec::new();
    for line in page.text.lines() {
        let words: Vec<(String, Upright)> = line_words(line, sheet, scale);
        if !words.is_empty() {
            line_operators(&words, skew, sheet, alphabet, &mut out);
        }
    }
    if out.is_empty() {
        return out;
    }
    [b"BT 3 Tr\n", out.as_slice(), b"ET\n"].concat()
}

fn line_words(line: &Line, sheet: Sheet, scale: (f64, f64)) -> Vec<(String, Upright)> {
    line.words
        .iter()
        .map(|word| (folded(&word.text), upright(word.rect, sheet, scale)))
        .filter(|(text, place)| !text.is_empty() && place.w > 0.0 && place.h > 0.0)
        .collect()
}

/// The characters of a word as they are searched for: ligatures folded, hyphens of every kind the plain one that readers
/// join at the end of a line, control characters and noncharacters dropped.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{fb00}' => out.push_str("ff"),
            '\u{fb01}' => out.push_str("fi"),
            '\u{fb02}' => out.push_str("fl"),
            '\u{fb03}' => out.push_str("ffi"),
            '\u{fb04}' => out.push_str("ffl"),
            '\u{fb05}' | '\u{fb06}' => out.push_str("st"),
            '\u{ad}' | '\u{2010}' | '\u{2011}' => out.push('-'),
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// The box as seen on the page brought upright.
fn upright(rect: Rect, sheet: Sheet, scale: (f64, f64)) -> Upright {
    let (x, y) = (f64::from(rect.x) * scale.0, f64::from(rect.y) * scale.1);
    let (w, h) = (f64::from(rect.w) * scale.0, f64::from(rect.h) * scale.1);
    let (width, height) = (sheet.width_pt, sheet.height_pt);
    match sheet.rotation {
        90 => Upright { x: height - y - h, y: x, w: h, h: w },
        180 => Upright { x: width - x - w, y: height - y - h, w, h },
        270 => Upright { x: y, y: width - x - w, w: h, h: w },
        _ => Upright { x, y, w, h },
    }
}

/// A point of the upright frame in the user space of the page (origin at the bottom left, before /Rotate).
fn in_user_space(x: f64, y: f64, sheet: Sheet) -> (f64, f64) {
    let (width, height) = (sheet.width_pt, sheet.height_pt);
    match sheet.rotation {
        90 => (y, x),
        180 => (width - x, y),
        270 => (width - y, height - x),
        _ => (x, height - y),
    }
}

/// The baseline of a line, and its font size, in the upright frame.
struct Baseline {
    /// Height at x = 0; grows downwards.
    at_zero: f64,
    size: f64,
}

fn baseline(words: &[(String, Upright)], skew: f64) -> Baseline {
    let slope = skew.tan();
    let mut bottoms = Vec::new();
    let mut lows = Vec::new();
    for (text, place) in words {
        // A tilted word fills a taller box than its letters; what the tilt adds lies half over and half under.
        let spread = (place.w * slope.abs()).min(place.h * 0.6);
        let bottom = place.y + place.h - spread / 2.0 + (place.x + place.w / 2.0) * slope;
        if text.chars().any(goes_below) {
            lows.push((bottom, place.h - spread));
        } else {
            bottoms.push((bottom, place.h - spread));
        }
    }
    let heights: Vec<f64> = bottoms.iter().chain(&lows).map(|(_, h)| *h).collect();
    let tallest = percentile(heights, 0.8);
    if bottoms.is_empty() {
        let bottom = percentile(lows.into_iter().map(|(b, _)| b).collect(), 0.5);
        return Baseline { at_zero: bottom - tallest * f64::from(DESCENT) / 1000.0, size: tallest.max(1.0) };
    }
    let at_zero = percentile(bottoms.iter().map(|(b, _)| *b).collect(), 0.5);
    let over = percentile(bottoms.into_iter().map(|(_, h)| h).collect(), 0.8);
    Baseline { at_zero, size: (over * 1000.0 / f64::from(ASCENT)).max(1.0) }
}

/// True of characters that reach below the baseline.
fn goes_below(c: char) -> bool {
    matches!(c, 'g' | 'j' | 'p' | 'q' | 'y' | 'ç' | 'Q' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' | '_' | '§')
        // Marks that hover over the baseline say nothing about it either.
        || matches!(c, '-' | '–' | '—' | '\'' | '"' | '’' | '‘' | '“' | '”' | '°' | '*' | '~' | '^' | '=')
}

fn percentile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len().saturating_sub(1)) as f64 * part).round() as usize;
    values.get(at).copied().unwrap_or(0.0)
}

/// One line: its matrix, then for each word the horizontal scale and the string with a blank at its end.
fn line_operators(words: &[(String, Upright)], skew: f64, sheet: Sheet, alphabet: &mut Alphabet, out: &mut Vec<u8>) {
    let Baseline { at_zero, size } = baseline(words, skew);
    let size = (size * 10.0).round() / 10.0;
    if skew != 0.0 && skew.abs() <= STEPPED_MOST {
        return stepped_operators(words, (at_zero, size, skew), sheet, alphabet, out);
    }
    let (sin, cos) = skew.sin_cos();
    let start = words[0].1.x;
    let (x, y) = in_user_space(start, at_zero - start * skew.tan(), sheet);
    let (turn_sin, turn_cos) = (f64::from(sheet.rotation).to_radians() + skew).sin_cos();
    let matrix = [turn_cos, turn_sin, -turn_sin, turn_cos].map(|v| number(v, 5)).join(" ");
    out.extend(format!("/F {} Tf {matrix} {} {} Tm\n", number(size, 1), number(x, 2), number(y, 2)).bytes());
    // Where the pen stands, along the baseline; rounding is carried on, not summed up.
    let mut pen = 0.0;
    let em = f64::from(WIDTH) / 1000.0 * size;
    for (n, (text, place)) in words.iter().enumerate() {
        let count = text.chars().count() as f64;
        // The box of a tilted word is as wide as its letters seen from above, plus what their height leans aside.
        let length = ((place.w - place.h * sin.abs()).max(place.w * 0.5) / cos).max(0.01);
        let wanted = (place.x - start) / cos;
        let stretch = (length / (count * em) * 1000.0).round().clamp(1.0, 100_000.0) / 1000.0;
        let is_last = n + 1 == words.len();
        out.extend(format!("{} Tz[", number(stretch * 100.0, 1)).bytes());
        let shift = ((pen - wanted) / (stretch * size) * 1000.0).round();
        if shift.abs() >= 1.0 {
            out.extend(number(shift, 0).bytes());
        }
        pen -= shift * stretch * size / 1000.0;
        push_string(text, !is_last, alphabet, out);
        out.extend(b"]TJ\n");
        pen += (count + f64::from(u8::from(!is_last))) * em * stretch;
    }
}

/// A line that rises or falls: its words stand upright, each a step above or below the one before.
///
/// Letters that lean with the line would be truer, but PDF.js (Firefox, and many a web viewer) takes leaning words of
/// different widths for lines of their own, and joins the last word of a line to the first of the next; and poppler (Evince,
/// Okular) takes words apart that lean by three degrees or more.
fn stepped_operators(
    words: &[(String, Upright)],
    (at_zero, size, skew): (f64, f64, f64),
    sheet: Sheet,
    alphabet: &mut Alphabet,
    out: &mut Vec<u8>,
) {
    let (slope, em) = (skew.tan(), f64::from(WIDTH) / 1000.0 * size);
    let foot = |place: &Upright| at_zero - (place.x + place.w / 2.0) * slope;
    let (sin, cos) = f64::from(sheet.rotation).to_radians().sin_cos();
    let matrix = [cos, sin, -sin, cos].map(|v| number(v, 5)).join(" ");
    let start = &words[0].1;
    let (x, y) = in_user_space(start.x, foot(start), sheet);
    out.extend(format!("/F {} Tf {matrix} {} {} Tm\n", number(size, 1), number(x, 2), number(y, 2)).bytes());
    // Where the line stands by what was written: rounding is carried on, not summed up.
    let mut at = (start.x, foot(start));
    for (n, (text, place)) in words.iter().enumerate() {
        let step = [place.x - at.0, at.1 - foot(place)].map(|v| (v * 100.0).round() / 100.0);
        if n > 0 {
            out.extend(format!("{} {} Td ", number(step[0], 2), number(step[1], 2)).bytes());
            at = (at.0 + step[0], at.1 - step[1]);
        }
        let length = (place.w - place.h * slope.abs()).max(place.w * 0.5).max(0.01);
        let stretch = (length / (text.chars().count() as f64 * em) * 1000.0).round().clamp(1.0, 100_000.0) / 1000.0;
        out.extend(format!("{} Tz", number(stretch * 100.0, 1)).bytes());
        push_string(text, n + 1 < words.len(), alphabet, out);
        out.extend(b"Tj\n");
    }
}

/// The codes of `text` as a literal string.
fn push_string(text: &str, with_blank: bool, alphabet: &mut Alphabet, out: &mut Vec<u8>) {
    out.push(b'(');
    for c in text.chars().chain(with_blank.then_some(' ')) {
        for byte in alphabet.code(c).to_be_bytes() {
            match byte {
                b'(' | b')' | b'\\' => out.extend([b'\\', byte]),
                b'\r' => out.extend(b"\\r"),
                b'\n' => out.extend(b"\\n"),
                _ => out.push(byte),
            }
        }
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEET: Sheet = Sheet { width_pt: 600.0, height_pt: 800.0, rotation: 0 };

    #[test]
    fn a_corner_of_the_upright_page_comes_back_to_its_corner_of_the_stored_one() {
        let corner = Rect { x: 0, y: 0, w: 10, h: 20 };
        for (rotation, expected) in [(0, (0.0, 800.0)), (90, (0.0, 800.0)), (180, (0.0, 800.0)), (270, (0.0, 800.0))] {
            let sheet = Sheet { rotation, ..SHEET };
            let place = upright(corner, sheet, (1.0, 1.0));
            // The stored top left corner, seen in the upright frame.
            let (x, y) = match rotation {
                90 => (place.x + place.w, place.y),
                180 => (place.x + place.w, place.y + place.h),
                270 => (place.x, place.y + place.h),
                _ => (place.x, place.y),
            };
            assert_eq!(in_user_space(x, y, sheet), expected, "rotation {rotation}");
        }
    }

    #[test]
    fn ligatures_are_folded_and_control_characters_dropped() {
        assert_eq!(folded("uﬃcio\u{7}\u{0}"), "ufficio");
    }

    #[test]
    fn hyphens_become_the_plain_one_while_dashes_stay_themselves() {
        assert_eq!(folded("docu\u{ad}"), "docu-");
        assert_eq!(folded("e\u{2010}mail\u{2011}"), "e-mail-");
        assert_eq!(folded("2019–2024 — “sì”"), "2019–2024 — “sì”");
    }

    #[test]
    fn words_of_a_line_that_rises_a_little_stand_upright_each_a_step_higher() {
        let word = |x: f64, y: f64| ("atto".to_owned(), Upright { x, y, w: 40.0, h: 12.0 });
        let words = [word(100.0, 200.0), word(200.0, 198.0), word(300.0, 196.0)];
        let skew = (2.0_f64 / 100.0).atan();
        let operators = |skew: f64, rotation| {
            let mut out = Vec::new();
            line_operators(&words, skew, Sheet { rotation, ..SHEET }, &mut Alphabet::default(), &mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        for (rotation, matrix) in [(0, "1 0 0 1 "), (90, "0 1 -1 0 "), (180, "-1 0 0 -1 "), (270, "0 -1 1 0 ")] {
            let text = operators(skew, rotation);
            assert!(text.contains(&format!(" Tf {matrix}")), "{rotation}: {text}");
            assert_eq!(text.matches("100 2 Td").count(), 2, "{rotation}: {text}");
        }
        assert!(!operators(STEPPED_MOST * 1.01, 0).contains("Td"), "a steeper line leans");
        assert!(operators(STEPPED_MOST, 0).contains("Td"));
    }

    #[test]
    fn the_baseline_is_that_of_the_words_without_descenders() {
        let words = [
            ("oggi".to_owned(), Upright { x: 0.0, y: 100.0, w: 40.0, h: 20.0 }),
            ("Roma".to_owned(), Upright { x: 50.0, y: 100.0, w: 40.0, h: 15.0 }),
        ];
        let Baseline { at_zero, size } = baseline(&words, 0.0);
        assert!((at_zero - 115.0).abs() < 0.01 && (size - 20.0).abs() < 0.01, "{at_zero} {size}");
    }
}
