//! Which codes stand on the pages? Codici fiscali, partite IVA, IBAN, CIG and CUP, each checked; what fails is kept as doubtful.

use std::ops::Range;

use super::alternatives;
use super::codes::{self, Checked, Class};
use super::confused;
use super::rows::{Pattern, Place, Row, Rows};
use crate::fields::{Doubtful, Fields, Reading};

static CF_LABEL: Pattern = Pattern::new(r"(cod(?:ice|\.)?\s*fisc(?:ale|\.)?|\bc\s?\.\s?f\s?\.?(?:\W|$)|\bcf\b)");
static IVA_LABEL: Pattern = Pattern::new(
    r"(part(?:ita|\.)?\s*i\.?\s?v\.?\s?a|\bp\s?\.?\s?i\s?v\s?a\b|\bp\.\s?i\.|\bvat\b|cod(?:ice|\.)?\s*fisc|\bc\s?\.\s?f\s?\.)",
);
static CIG_LABEL: Pattern = Pattern::new(r"\b(?:smart\s?)?c\.?\s?[il1]\.?\s?g\b");
static CUP_LABEL: Pattern = Pattern::new(r"\bc\.?\s?u\.?\s?p\b");
static OTHER_NUMBER: Pattern =
    Pattern::new(r"(tel(?:efono|\.)?|fax|cell(?:ulare|\.)?|matricola|pod|pdr|polizza|barcode|raccomandata|iuv|avviso)\W*$");

/// A stretch of a row without its blanks, in capitals.
struct Run {
    code: String,
    span: Range<usize>,
    words: usize,
    /// What else the characters of the code may be, by their place in it.
    others: Vec<(usize, char)>,
}

/// Every way to join one to `most` neighbouring words of a row whose characters, marks dropped, number `length`.
fn runs(row: &Row, length: usize, most: usize) -> Vec<Run> {
    let mut found = Vec::new();
    for (i, first) in row.pieces.iter().enumerate() {
        let (mut code, mut others) = (String::new(), Vec::new());
        for (words, piece) in row.pieces.iter().skip(i).take(most).enumerate() {
            let word = row.slice(piece.span.clone());
            others.extend(others_of(row, piece.span.clone(), code.chars().count()));
            code.extend(word.chars().filter(|c| is_counted(*c)).flat_map(char::to_uppercase));
            let count = code.chars().count();
            if count == length {
                let span = first.span.start..piece.span.end;
                found.push(Run { code: code.clone(), span, words: words + 1, others: others.clone() });
            }
            if count >= length {
                break;
            }
        }
    }
    found
}

/// True of a character that may be one of a code; others are marks.
fn is_counted(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '|' | '!' | '€')
}

/// What else the characters of a span may be, as places in a code of which `before` characters came before; nothing where a
/// capital is more than one character.
fn others_of(row: &Row, span: Range<usize>, before: usize) -> Vec<(usize, char)> {
    let chars = row.chars.get(span.clone()).unwrap_or_default();
    if chars.iter().any(|c| c.to_uppercase().count() != 1) {
        return Vec::new();
    }
    let inside = row.pieces.iter().flat_map(|piece| &piece.alternatives).filter(|(at, _)| span.contains(at));
    let placed = inside.filter(|(at, _)| row.chars.get(*at).is_some_and(|c| is_counted(*c)));
    let place = |at: usize| before + chars[..at - span.start].iter().filter(|c| is_counted(**c)).count();
    placed.map(|(at, other)| (place(*at), other.to_ascii_uppercase())).collect()
}

/// Reads all identifiers of all rows.
pub(super) fn read(rows: &Rows, fields: &mut Fields) {
    for at in 0..rows.rows.len() {
        codici_fiscali(rows, at, fields);
        partite_iva(rows, at, fields);
        ibans(rows, at, fields);
        tenders(rows, at, fields);
    }
}

fn is_inside(taken: &[Range<usize>], span: &Range<usize>) -> bool {
    taken.iter().any(|t| t.start < span.end && span.start < t.end)
}

fn push_once(list: &mut Vec<Reading<String>>, reading: Reading<String>) {
    match list.iter_mut().find(|r| r.value == reading.value) {
        Some(known) if known.confidence < reading.confidence => *known = reading,
        Some(_) => {}
        None => list.push(reading),
    }
}

fn doubt(rows: &Rows, place: &Place, field: &str, raw: String, check: &str) -> Doubtful {
    let reading = rows.reading((), std::slice::from_ref(place), check, 1.0);
    Doubtful { field: field.to_owned(), raw, check: check.to_owned(), page: reading.page, rect: reading.rect }
}

/// Keeps one checked code, with the strength of how it was accepted.
fn keep(rows: &Rows, place: Place, checked: Checked, rule: &str) -> Option<Reading<String>> {
    match checked {
        // A check that holds outweighs the confidence of the characters: the mean of both is what is said.
        Checked::AsRead(code) => {
            let mut reading = rows.reading(code, &[place], rule, 1.0);
            reading.confidence = f32::midpoint(reading.confidence, 1.0);
            Some(reading)
        }
        Checked::Repaired(code) => Some(rows.reading(code, &[place], &format!("{rule}, repaired"), 0.8)),
        Checked::Proven(code) => Some(rows.reading(code, &[place], &format!("{rule}, repaired by an alternative"), 0.8)),
        Checked::Failed => None,
    }
}

fn codici_fiscali(rows: &Rows, at: usize, fields: &mut Fields) {
    let Some(row) = rows.rows.get(at) else { return };
    let mut taken = Vec::new();
    let candidates = runs(row, 16, 6);
    for exact in [true, false] {
        for run in &candidates {
            let place = Place { row: at, span: run.span.clone() };
            if is_inside(&taken, &run.span) || codes::is_codice_fiscale(&run.code) != exact {
                continue;
            }
            // Words joined are a code only after its label: a title and a number make sixteen characters too. A repair
            // needs most places already of their class, and nearly all where no label says what it is.
            let labelled = row.fold.get(..run.span.start).is_some_and(|before| CF_LABEL.is_match(before));
            let needed = if labelled { 12 } else { 14 };
            if (run.words > 1 && !labelled) || (!exact && (run.words > 3 || fitting(&run.code, &codes::CODICE_FISCALE) < needed))
            {
                continue;
            }
            let checked = codes::checked(&run.code, &codes::CODICE_FISCALE, codes::is_codice_fiscale);
            let checked = alternatives::proven(checked, &run.code, &run.others, alternatives::CODICE_FISCALE);
            let checked = match checked {
                Checked::Failed => confused::swapped(rows, &run.code).map_or(Checked::Failed, Checked::Proven),
                checked => checked,
            };
            match keep(rows, place.clone(), checked, "codice-fiscale") {
                Some(reading) => push_once(&mut fields.codici_fiscali, reading),
                None => fields.doubtful.push(doubt(rows, &place, "codici_fiscali", run.code.clone(), "check-letter")),
            }
            taken.push(run.span.clone());
        }
    }
    for (span, code) in confused::bracketed(rows, row) {
        if !is_inside(&taken, &span) {
            let place = Place { row: at, span: span.clone() };
            if let Some(reading) = keep(rows, place, Checked::Proven(code), "codice-fiscale") {
                push_once(&mut fields.codici_fiscali, reading);
            }
            taken.push(span);
        }
    }
    // A code that lost or gained a character is seen only by its label.
    for label in CF_LABEL.all(&row.fold) {
        let end = ending(&label);
        let next = row.pieces.iter().find(|p| p.span.start >= end.saturating_sub(1) && p.span.end - p.span.start >= 13);
        let Some(piece) = next.filter(|p| !is_inside(&taken, &p.span) && p.span.start < end + 6) else { continue };
        let raw: String = row.slice(piece.span.clone()).to_uppercase();
        let letters = raw.chars().filter(char::is_ascii_alphabetic).count();
        let digits = raw.chars().filter(char::is_ascii_digit).count();
        if letters >= 4 && digits >= 4 {
            let place = Place { row: at, span: piece.span.clone() };
            fields.doubtful.push(doubt(rows, &place, "codici_fiscali", raw, "length"));
        }
    }
}

/// Where a match ends.
fn ending(found: &regex::Captures<'_>) -> usize {
    found.get(0).map_or(0, |whole: regex::Match<'_>| whole.end())
}

/// How many characters are of the class that their place asks for.
fn fitting(code: &str, classes: &[Class]) -> usize {
    let fits = |(c, class): &(char, &Class)| match class {
        Class::Letter => c.is_ascii_uppercase(),
        Class::Digit => c.is_ascii_digit(),
        Class::Omocodia | Class::Either => c.is_ascii_digit() || c.is_ascii_uppercase(),
        Class::Hex => c.is_ascii_hexdigit(),
    };
    let digits = code.chars().filter(char::is_ascii_digit).count();
    // A word of letters alone is no code, however well its letters stand.
    if digits < 3 { 0 } else { code.chars().zip(classes).filter(fits).count() }
}

/// True if the label stands in the row before the span, or in one of the two rows above.
fn is_labelled(rows: &Rows, at: usize, start: usize, label: &Pattern) -> bool {
    let before = rows.rows.get(at).and_then(|row| row.fold.get(..start)).unwrap_or("");
    label.is_match(before) || rows.before(at).take(2).any(|row| label.is_match(&row.fold))
}

/// Where the part `digits` of a word stands in its row.
fn digits_span(word: &str, digits: &str, start: usize) -> Range<usize> {
    let before = word.find(digits).map_or(0, |at| word[..at].chars().count());
    start + before..start + before + digits.chars().count()
}

fn partite_iva(rows: &Rows, at: usize, fields: &mut Fields) {
    let Some(row) = rows.rows.get(at) else { return };
    for piece in &row.pieces {
        let raw = row.slice(piece.span.clone());
        let bare = raw.trim_matches(|c: char| !c.is_alphanumeric());
        let digits = bare.strip_prefix("IT").unwrap_or(bare).trim_start_matches([':', '.']);
        if digits.chars().count() != 11 || digits.chars().filter(char::is_ascii_digit).count() < 8 {
            continue;
        }
        let place = Place { row: at, span: piece.span.clone() };
        let before = row.fold.get(..piece.span.start).unwrap_or("");
        let labelled = bare.starts_with("IT") || is_labelled(rows, at, piece.span.start, &IVA_LABEL);
        if OTHER_NUMBER.is_match(before) || (!labelled && !codes::has_known_office(digits)) {
            continue;
        }
        let checked = codes::checked(&digits.to_uppercase(), &codes::PARTITA_IVA, codes::is_partita_iva);
        let others = others_of(row, digits_span(&raw, digits, piece.span.start), 0);
        let checked = match alternatives::proven(checked, &digits.to_uppercase(), &others, alternatives::PARTITA_IVA) {
            // One digit proves a repair only where a label says what the number is.
            Checked::Repaired(_) | Checked::Proven(_) if !labelled => continue,
            checked => checked,
        };
        match keep(rows, place.clone(), checked, "partita-iva") {
            Some(mut reading) => {
                if !codes::has_known_office(&reading.value) {
                    reading.confidence *= 0.9;
                    reading.origin = reading.origin.replacen("partita-iva", "partita-iva, unknown office", 1);
                }
                push_once(&mut fields.partite_iva, reading);
            }
            None if labelled => fields.doubtful.push(doubt(rows, &place, "partite_iva", digits.to_owned(), "luhn")),
            None => {}
        }
    }
}

fn ibans(rows: &Rows, at: usize, fields: &mut Fields) {
    let Some(row) = rows.rows.get(at) else { return };
    let mut taken = Vec::new();
    let candidates = runs(row, 27, 9);
    for exact in [true, false] {
        for run in &candidates {
            let starts = run.code.starts_with("IT")
                || run.code.starts_with("SM")
                || run.code.starts_with("1T")
                || run.code.starts_with("LT");
            let digits = run.code.chars().filter(char::is_ascii_digit).count();
            if !starts || digits < 14 || is_inside(&taken, &run.span) || codes::is_iban(&run.code) != exact {
                continue;
            }
            let place = Place { row: at, span: run.span.clone() };
            let checked = codes::checked(&run.code, &codes::IBAN, codes::is_iban);
            let checked = alternatives::proven(checked, &run.code, &run.others, alternatives::IBAN);
            match keep(rows, place.clone(), checked, "iban") {
                Some(reading) => push_once(&mut fields.iban, reading),
                None => fields.doubtful.push(doubt(rows, &place, "iban", run.code.clone(), "mod-97")),
            }
            taken.push(run.span.clone());
        }
    }
}

/// CIG and CUP, which are looked for only beside their labels: ten characters alone prove nothing.
fn tenders(rows: &Rows, at: usize, fields: &mut Fields) {
    let Some(row) = rows.rows.get(at) else { return };
    for label in CIG_LABEL.all(&row.fold) {
        let Some((place, raw)) = after_label(rows, at, ending(&label), 10) else { continue };
        let classes = if raw.starts_with(|c: char| c.is_ascii_digit()) { codes::CIG_FIRST } else { codes::CIG_LETTER };
        match keep(rows, place.clone(), codes::checked(&raw, &classes, codes::is_cig), "cig") {
            Some(reading) => push_once(&mut fields.cig, reading),
            None => fields.doubtful.push(doubt(rows, &place, "cig", raw, "cig-check")),
        }
    }
    for label in CUP_LABEL.all(&row.fold) {
        let Some((place, raw)) = after_label(rows, at, ending(&label), 15) else { continue };
        if codes::is_cup(&raw) {
            push_once(&mut fields.cup, rows.reading(raw, &[place], "cup form", 0.8));
        } else {
            fields.doubtful.push(doubt(rows, &place, "cup", raw, "cup-form"));
        }
    }
}

/// The run of `length` characters that begins at most three words after `from`.
fn after_label(rows: &Rows, at: usize, from: usize, length: usize) -> Option<(Place, String)> {
    let row = rows.rows.get(at)?;
    let run = runs(row, length, 3).into_iter().filter(|run| run.span.start >= from).min_by_key(|run| run.span.start)?;
    let between = row.fold.get(from..run.span.start).unwrap_or("");
    let digits = run.code.chars().filter(char::is_ascii_digit).count();
    (between.len() <= 14 && digits >= 2).then_some((Place { row: at, span: run.span }, run.code))
}
