//! Does another reading of the same place say the same? Regions to read again, and the comparison of normalised values.
//!
//! Measures: a protocollo agrees when number, year and (where the first reading has one) date are equal. An oggetto agrees
//! when the best stretch of the second text differs in at most one character of twenty, and every word with a digit is
//! there unchanged. A name agrees when it is there with at most one wrong character in sixteen. Second texts may
//! be longer: a box on a skewed page cuts into its neighbours; so only the words of the value give the confidence. A text
//! in which the value cannot be found is read again in another manner; one that says otherwise is not: it stays a conflict.

use std::ops::Range;

use jiff::civil::Date;

use super::rows::{fold, is_digital};
use super::{dates, registration};
use crate::fields::{Fields, Protocollo, Reading, SecondReading};
use crate::page::Region;

/// A field that has no check digit, with the place to read again.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldRegion {
    /// Name of the field: `protocollo`, `oggetto`, `mittente`.
    pub field: &'static str,
    /// Where it stands.
    pub region: Region,
}

/// What the second reader found in the region of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldReread {
    /// Name of the field, as in [`FieldRegion`].
    pub field: String,
    /// The text read there, lines apart by line ends.
    pub raw: String,
    /// Its words in the same order with their confidence, 0 to 1; empty where the reader gives none.
    pub words: Vec<(String, f32)>,
    /// Confidence of the whole text, 0 to 1.
    pub confidence: f32,
    /// Who read.
    pub origin: String,
}

/// What a second text says about the first value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    /// The same, with this confidence of the words that say it.
    Same(f32),
    /// Another value stands there.
    Other,
    /// The value is not found in it.
    Nothing,
}

/// True of a value that needs no second reading: data of the ente, of the file itself (its digital text is what its
/// author wrote, exact to the character; no eye stands between), of a sidecar or a person, or composed of checked facts.
pub(super) fn is_data<T>(reading: &Reading<T>) -> bool {
    let origin = reading.origin.as_str();
    is_digital(origin)
        || origin == "ente"
        || origin.starts_with("composed")
        || origin.starts_with("sidecar")
        || origin.starts_with("person ")
        || origin.starts_with("segnatura")
        || origin.starts_with("riepilogo")
        || origin.starts_with("fatturapa")
        || origin.starts_with("daticert")
        || origin.starts_with("registro ")
}

/// The places that a second and independent reader must read before their values become metadata (invariant 11).
pub fn regions(fields: &Fields) -> Vec<FieldRegion> {
    let place = |field, page: Option<u32>, rect| Some(FieldRegion { field, region: Region { page: page?, rect: rect? } });
    let of = |field, data: bool, page, rect| if data { None } else { place(field, page, rect) };
    [
        fields.protocollo.as_ref().and_then(|r| of("protocollo", is_data(r), r.page, r.rect)),
        fields.oggetto.as_ref().and_then(|r| of("oggetto", is_data(r), r.page, r.rect)),
        fields.mittente.as_ref().and_then(|r| of("mittente", is_data(r), r.page, r.rect)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Parses each second reading, compares it with the first and notes it there. Gives back the fields of which the text said
/// nothing, or too weakly for `threshold`: another manner of reading may say more.
pub fn confirm(fields: &mut Fields, rereads: &[FieldReread], threshold: f32) -> Vec<&'static str> {
    let mut open = Vec::new();
    for reread in rereads {
        let (field, said) = match reread.field.as_str() {
            "protocollo" => ("protocollo", note(&mut fields.protocollo, reread, same_registration)),
            "oggetto" => ("oggetto", note(&mut fields.oggetto, reread, |first, again| same_text(first, again, 20))),
            "mittente" => ("mittente", note(&mut fields.mittente, reread, |first, again| same_name(&first.nome, again))),
            _ => continue,
        };
        match said {
            Said::Other => {}
            Said::Same(confidence) if confidence >= threshold => {}
            Said::Same(_) | Said::Nothing => open.push(field),
        }
    }
    open
}

fn note<T>(field: &mut Option<Reading<T>>, reread: &FieldReread, compare: impl Fn(&T, &FieldReread) -> Said) -> Said {
    let Some(first) = field else { return Said::Nothing };
    // The manner that gave the first reading is not a second one.
    if first.origin.contains(&reread.origin) {
        return Said::Nothing;
    }
    let said = compare(&first.value, reread);
    first.second = Some(SecondReading {
        agrees: matches!(said, Said::Same(_)),
        raw: reread.raw.clone(),
        confidence: if let Said::Same(confidence) = said { confidence } else { reread.confidence },
        origin: reread.origin.clone(),
    });
    said
}

/// Number, year and date, each read again.
fn same_registration(first: &Protocollo, again: &FieldReread) -> Said {
    let rows: Vec<String> = again.raw.lines().map(fold).collect();
    let mut numbers: Vec<(String, Option<i16>)> = Vec::new();
    for row in &rows {
        let mut printed = registration::printed(row);
        // A year that is there but reads as none (`/26024`) says nothing; the date does not stand in for it.
        printed.retain(|p| {
            p.is_whole
                && (p.anno.is_some() || !row.split_once(&p.digits).is_some_and(|(_, tail)| tail.trim_start().starts_with('/')))
        });
        numbers.extend(printed.iter().filter_map(|p| registration::numero(&p.digits).map(|n| (n, p.anno))));
        numbers.extend(registration::with_year(row).into_iter().map(|(numero, anno)| (numero, Some(anno))));
    }
    let found: Vec<Date> = rows.iter().flat_map(|row| dates::found(row)).map(|(_, date)| date).collect();
    let same = |n: &String| n.trim_start_matches('0') == first.numero.trim_start_matches('0');
    let number = numbers.iter().any(|(n, anno)| same(n) && anno.is_none_or(|a| a == first.anno));
    // Another number with a year in the same box would make the reading a guess.
    let rival = numbers.iter().any(|(n, anno)| anno.is_some_and(|anno| !same(n) || anno != first.anno));
    let year =
        numbers.iter().any(|(n, anno)| same(n) && *anno == Some(first.anno)) || found.iter().any(|d| d.year() == first.anno);
    let date = first.data.is_none_or(|date| found.contains(&date));
    if rival || (!date && !found.is_empty()) {
        return Said::Other;
    }
    if number && year && date { Said::Same(of_digits(again)) } else { Said::Nothing }
}

/// Mean confidence of the words with digits: number, year and date are made of them.
pub(super) fn of_digits(again: &FieldReread) -> f32 {
    mean(again.words.iter().filter(|(word, _)| word.bytes().filter(u8::is_ascii_digit).count() >= 2).map(|(_, c)| *c))
        .unwrap_or(again.confidence)
}

fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) = values.fold((0.0, 0.0_f32), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// A text that stands in the second but for one character in `one_in`; words with a digit must be there unchanged.
fn same_text(first: &str, again: &FieldReread, one_in: usize) -> Said {
    let (first, second) = (tokens(first), tokens(&again.raw));
    if first.is_empty() {
        return Said::Nothing;
    }
    let (needle, hay) = (first.concat(), second.concat());
    let (edits, span) = stretch(needle.as_bytes(), hay.as_bytes());
    if edits * one_in > needle.len() {
        return Said::Nothing;
    }
    let mut numbers = first.iter().filter(|word| word.bytes().any(|b| b.is_ascii_digit()));
    if !numbers.all(|word| second.contains(word)) {
        return Said::Other;
    }
    let mut at = 0;
    let inside = again.words.iter().filter(|(word, _)| {
        let from = at;
        at += tokens(word).concat().len();
        from < span.end && span.start < at
    });
    Said::Same(mean(inside.map(|(_, confidence)| *confidence)).unwrap_or(again.confidence))
}

/// Words folded, marks dropped; a word in which figures and look-alike letters mix counts as figures.
fn tokens(text: &str) -> Vec<String> {
    fold(text).split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// A name as it stands, or (of forms, whose fields stand apart) every word of it unchanged in any order.
fn same_name(first: &str, again: &FieldReread) -> Said {
    let said = same_text(first, again, 16);
    let words = tokens(first);
    let by_word = |word: &String| again.words.iter().find(|(other, _)| tokens(other).contains(word)).map(|(_, c)| *c);
    let found: Vec<f32> = words.iter().filter_map(by_word).collect();
    if said == Said::Nothing && words.len() >= 2 && found.len() == words.len() {
        return mean(found.into_iter()).map_or(said, Said::Same);
    }
    said
}

/// Edits between `needle` and the stretch of `hay` that is most like it, and where that stretch is.
fn stretch(needle: &[u8], hay: &[u8]) -> (usize, Range<usize>) {
    let (needle, hay) = (needle.get(..4_000).unwrap_or(needle), hay.get(..8_000).unwrap_or(hay));
    // Each cell: edits so far, and where in `hay` the stretch began.
    let mut row: Vec<(usize, usize)> = (0..=hay.len()).map(|at| (0, at)).collect();
    for (i, x) in needle.iter().enumerate() {
        let mut corner = (i, 0);
        let mut left = (i + 1, 0);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (j, y) in hay.iter().enumerate() {
            let Some(cell) = row.get_mut(j + 1) else { break };
            let step = |(edits, from): (usize, usize), by: usize| (edits + by, from);
            let value = step(corner, usize::from(x != y)).min(step(left, 1)).min(step(*cell, 1));
            corner = *cell;
            *cell = value;
            left = value;
        }
    }
    let best = row.iter().enumerate().min_by_key(|(_, (edits, _))| *edits);
    best.map_or((usize::MAX, 0..0), |(end, (edits, from))| (*edits, *from..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> Protocollo {
        Protocollo { numero: "0004512".into(), anno: 2024, data: Some(jiff::civil::date(2024, 3, 12)), verso: None }
    }

    fn again(raw: &str) -> FieldReread {
        let words = raw.split_whitespace().map(|w| (w.to_owned(), if w.contains('|') { 0.1 } else { 0.9 })).collect();
        FieldReread { field: String::new(), raw: raw.into(), words, confidence: 0.4, origin: "second".into() }
    }

    #[test]
    fn a_registration_agrees_only_when_number_year_and_date_are_equal() {
        for (raw, said) in [
            ("N. 0004512/2024\ndel 12/03/2024 - ARRIVO", Said::Same(0.9)),
            ("PROTOCOLLO GENERALE\nN. 4512/2024\ndel 12.03.2024", Said::Same(0.9)),
            ("|| xx| N. 0004512/2024 | del' 12/03/2024. - ARRIVO |", Said::Same(0.9)),
            ("TA 0004512/2024 |\ndel 12/03/2024", Said::Same(0.9)),
            ("N. 0004513/2024\ndel 12/03/2024", Said::Other),
            ("N. 0004512/2023\ndel 12/03/2024", Said::Other),
            ("N. 0004512/2024\ndel 13/03/2024", Said::Other),
            ("N. 0004512/2024 0004513/2024\ndel 12/03/2024", Said::Other),
            ("N. 0004512/2024", Said::Nothing),
            ("N. 0004512/26024\ndel 12/03/2024", Said::Nothing),
            ("", Said::Nothing),
        ] {
            assert_eq!(same_registration(&first(), &again(raw)), said, "{raw}");
        }
    }

    #[test]
    fn an_oggetto_agrees_up_to_one_wrong_character_in_twenty() {
        let same = |second: &str| same_text("Istituzione del divieto di transito in via San Rocco 12", &again(second), 20);
        let found = Said::Same(0.9);
        assert_eq!(same("|OGGETTO: Istituzione del divieto di transito in via San Rocco 12\nIL| COMAN|"), found);
        assert_eq!(same("lstituzione del divieto di transito in via San Rocco 12"), found);
        assert_eq!(same("Istituzione del divieto di transito in via San Rocco 13"), Said::Other);
        assert_eq!(same("lstituzlone del dlvieto dl transito in via San Rocco 12"), Said::Nothing);
    }
}
