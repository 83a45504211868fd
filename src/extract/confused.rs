//! Which of two letters that engines take for each other does a codice fiscale have? The one with which alone its check letter
//! holds, and only where a name on the pages bears the code out: one letter of 26 alone would prove too little.

use std::ops::Range;

use super::codes;
use super::names;
use super::rows::{Row, Rows};

/// Rows looked through for the name.
const ROWS_MAX: usize = 200;
/// Letters of surname and name.
const NAME: usize = 6;

/// A code of sixteen that failed, with one `I` as `T` or one `T` as `I` among the letters of the name; none if two ways pass.
pub(super) fn swapped(rows: &Rows, code: &str) -> Option<String> {
    let change = |at: usize| {
        let other = match code.as_bytes().get(at)? {
            b'I' => "T",
            b'T' => "I",
            _ => return None,
        };
        let mut changed = code.to_owned();
        changed.replace_range(at..=at, other);
        codes::is_codice_fiscale(&changed).then_some(changed)
    };
    let passing: Vec<String> = if code.is_ascii() { (0..NAME).filter_map(change).collect() } else { Vec::new() };
    let [only] = &passing[..] else { return None };
    is_named(rows, only).then(|| only.clone())
}

/// Codes of a row whose last letter, a `J`, was read as a bracket: where they stand.
pub(super) fn bracketed(rows: &Rows, row: &Row) -> Vec<(Range<usize>, String)> {
    let ends = row.fold.bytes().enumerate().filter(|(_, c)| *c == b']').map(|(at, _)| at);
    let found = ends.filter_map(|end| {
        let start = end.checked_sub(15)?;
        let is_alone = start == 0 || row.fold.as_bytes().get(start - 1).is_some_and(|c| !c.is_ascii_alphanumeric());
        let code = format!("{}J", row.fold.get(start..end)?.to_uppercase());
        (is_alone && codes::is_codice_fiscale(&code) && is_named(rows, &code)).then_some((start..end + 1, code))
    });
    found.collect()
}

/// True if a name of two or three words on the pages gives the letters of the code.
fn is_named(rows: &Rows, code: &str) -> bool {
    rows.rows.iter().take(ROWS_MAX).any(|row| {
        let words: Vec<String> = row.pieces.iter().map(|piece| row.slice(piece.span.clone())).collect();
        let is_name = |window: &[String]| window.iter().all(|word| word.starts_with(char::is_uppercase));
        let bears = |window: &[String]| {
            let name = window.join(" ");
            names::agrees(name.trim_end_matches(|c: char| !c.is_alphabetic()), code)
        };
        [2, 3].iter().any(|&n| words.windows(n).any(|window| is_name(window) && bears(window)))
    })
}
