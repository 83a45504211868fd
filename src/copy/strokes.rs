//! How are words drawn where no font may be borrowed? With strokes of a pen: capital letters, digits and signs on a grid of 4 by 6.
//!
//! Each glyph is a list of lines, each line the grid points (x, y) that the pen goes through, y upwards from the baseline.

use std::fmt::Write as _;

use unicode_normalization::UnicodeNormalization as _;

use super::writer::number;

/// Grid units from the beginning of a glyph to the next.
const ADVANCE: f64 = 5.6;
/// Height of a capital letter, grid units.
const CAP: f64 = 6.0;

/// The lines of a sign; a box for one that is not known.
fn lines(c: char) -> &'static str {
    match c {
        'A' => "002640 1232",
        'B' => "00063645443303 3342413000",
        'C' => "4536160501103041",
        'D' => "00062645412000",
        'E' => "46060040 0333",
        'F' => "460600 0333",
        'G' => "45361605011030414323",
        'H' => "0006 4046 0343",
        'I' => "2026 1636 1030",
        'J' => "3631201001",
        'K' => "0006 460340",
        'L' => "060040",
        'M' => "0006234640",
        'N' => "00064046",
        'O' => "103041453616050110",
        'P' => "00063645443303",
        'Q' => "103041453616050110 2240",
        'R' => "00063645443303 2340",
        'S' => "453616050413334241301001",
        'T' => "0646 2620",
        'U' => "060110304146",
        'V' => "062046",
        'W' => "0610233046",
        'X' => "0046 0640",
        'Y' => "062346 2320",
        'Z' => "06460040",
        '0' => "103041453616050110 1135",
        '1' => "152620 1030",
        '2' => "05163645440040",
        '3' => "0516364544334241301001 1333",
        '4' => "30360242",
        '5' => "460603334241301001",
        '6' => "4536160501103041423303",
        '7' => "064610",
        '8' => "13040516364544331302011030414233",
        '9' => "0110304145361605041343",
        '.' => "2020",
        ',' => "2110",
        ':' => "2121 2424",
        ';' => "2424 2110",
        '-' | '‐' => "1333",
        '–' | '—' => "0343",
        '/' => "0046",
        '(' => "36252130",
        ')' => "16252110",
        '\'' | '’' | '‘' => "2624",
        '"' | '“' | '”' => "1614 3634",
        '=' => "0242 0444",
        '+' => "0343 2125",
        '_' => "0040",
        '%' => "0046 0515 3141",
        '*' => "2125 0442 0244",
        '#' => "1016 3036 0242 0444",
        '«' => "241322 443342",
        '»' => "041302 243322",
        '°' => "1516363515",
        '\u{300}' => "1827",
        '\u{301}' => "3827",
        '\u{302}' => "172837",
        '\u{308}' => "1717 3737",
        ' ' => "",
        _ => "0006464000",
    }
}

/// How wide `text` is drawn at a capital height of `cap` points.
pub(super) fn width(text: &str, cap: f64) -> f64 {
    signs(text).filter(|c| !is_mark(*c)).count() as f64 * ADVANCE * cap / CAP
}

/// The operators that draw `text` from (x, y), its baseline, at a capital height of `cap` points.
pub(super) fn operators(text: &str, (x, y): (f64, f64), cap: f64) -> String {
    let scale = cap / CAP;
    let mut out = format!("{} w 1 J 1 j\n", number(cap * 0.14, 2));
    let (mut pen, mut last) = (x, x);
    for c in signs(text) {
        let from = if is_mark(c) { last } else { pen };
        for line in lines(c).split(' ').filter(|line| !line.is_empty()) {
            let digit = |byte: u8| f64::from(byte.saturating_sub(b'0'));
            for (n, point) in line.as_bytes().chunks_exact(2).enumerate() {
                let (px, py) = (from + digit(point[0]) * scale, y + digit(point[1]) * scale);
                _ = write!(out, "{} {} {} ", number(px, 2), number(py, 2), if n == 0 { "m" } else { "l" });
            }
            out.push_str("S\n");
        }
        if !is_mark(c) {
            (last, pen) = (pen, pen + ADVANCE * scale);
        }
    }
    out
}

/// The capital letters of a text, accents apart.
fn signs(text: &str) -> impl Iterator<Item = char> {
    text.to_uppercase().nfd().collect::<Vec<_>>().into_iter()
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_of_a_separator_has_strokes_of_its_own_on_the_grid() {
        let signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;-–/()'\"=+_%*#«»°";
        let mut seen = std::collections::BTreeSet::new();
        for c in signs.chars() {
            let lines = lines(c);
            assert!(lines != super::lines('\u{1}') && seen.insert(lines), "{c}");
            for point in lines.split(' ').flat_map(|line| line.as_bytes().chunks(2)) {
                assert!(point.len() == 2 && point[0] <= b'4' && point[1] <= b'6', "{c}");
            }
        }
    }

    #[test]
    fn an_accent_stands_over_its_letter_and_takes_no_place() {
        assert!((width("è", 6.0) - width("E", 6.0)).abs() < 1e-9);
        let drawn = operators("aè", (0.0, 0.0), 6.0);
        assert!(drawn.contains("6.6 8 m 7.6 7 l S"), "{drawn}");
    }
}
