//! Does another reading of the same place say the same? Regions to read again, and the comparison of normalised values.
//!
//! Measures: a protocollo agrees when number, year and (where the first reading has one) date are equal. An oggetto agrees
//! when the best stretch of the second text differs in at most one character of twenty, and every word with a digit is
//! there unchanged. A name agrees when it is there with at most one wrong character in sixteen. Second texts may
//! be longer: a box on a skewed page cuts into its neighbours.

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
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// Who read.
    pub origin: String,
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
        || origin.starts_with("daticert")
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

/// Parses each second reading, compares it with the first and notes it there.
pub fn confirm(fields: &mut Fields, rereads: &[FieldReread]) {
    for reread in rereads {
        match reread.field.as_str() {
            "protocollo" => note(&mut fields.protocollo, reread, same_registration),
            "oggetto" => note(&mut fields.oggetto, reread, |first, raw| contains(&tokens(first), &tokens(raw), 20)),
            "mittente" => note(&mut fields.mittente, reread, |first, raw| contains(&tokens(&first.nome), &tokens(raw), 16)),
            _ => {}
        }
    }
}

fn note<T>(field: &mut Option<Reading<T>>, reread: &FieldReread, agrees: impl Fn(&T, &str) -> bool) {
    let Some(first) = field else { return };
    first.second = Some(SecondReading {
        agrees: agrees(&first.value, &reread.raw),
        raw: reread.raw.clone(),
        confidence: reread.confidence,
        origin: reread.origin.clone(),
    });
}

/// Number, year and date, each read again.
fn same_registration(first: &Protocollo, raw: &str) -> bool {
    let rows: Vec<String> = raw.lines().map(fold).collect();
    let printed: Vec<_> = rows.iter().flat_map(|row| registration::printed(row)).collect();
    let numbers: Vec<_> = printed.iter().filter_map(|p| registration::numero(&p.digits).map(|n| (n, p.anno))).collect();
    let found: Vec<Date> = rows.iter().flat_map(|row| dates::found(row)).map(|(_, date)| date).collect();
    let same = |n: &String| n.trim_start_matches('0') == first.numero.trim_start_matches('0');
    let number = numbers.iter().any(|(n, anno)| same(n) && anno.is_none_or(|a| a == first.anno));
    // Another number of the same year in the same box would make the reading a guess.
    let rival = numbers.iter().any(|(n, anno)| !same(n) && anno.is_some());
    let year =
        numbers.iter().any(|(n, anno)| same(n) && *anno == Some(first.anno)) || found.iter().any(|d| d.year() == first.anno);
    let date = first.data.is_none_or(|date| found.contains(&date));
    number && !rival && year && date
}

/// Words folded, marks dropped; a word in which figures and look-alike letters mix counts as figures.
fn tokens(text: &str) -> Vec<String> {
    fold(text).split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// True if `first` stands in `second` but for one character in `one_in`; words with a digit must be there unchanged.
fn contains(first: &[String], second: &[String], one_in: usize) -> bool {
    let numbers = first.iter().filter(|w| w.bytes().any(|b| b.is_ascii_digit()));
    if first.is_empty() || !numbers.clone().all(|w| second.contains(w)) {
        return false;
    }
    let (needle, hay) = (first.concat(), second.concat());
    stretch(needle.as_bytes(), hay.as_bytes()) * one_in <= needle.len()
}

/// Edits between `needle` and the stretch of `hay` that is most like it.
fn stretch(needle: &[u8], hay: &[u8]) -> usize {
    let (needle, hay) = (needle.get(..4_000).unwrap_or(needle), hay.get(..8_000).unwrap_or(hay));
    let mut row = vec![0_usize; hay.len() + 1];
    for (i, x) in needle.iter().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in hay.iter().enumerate() {
            let Some(cell) = row.get_mut(j + 1) else { break };
            let value = (corner + usize::from(x != y)).min(left + 1).min(*cell + 1);
            corner = *cell;
            *cell = value;
            left = value;
        }
    }
    row.into_iter().min().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> Protocollo {
        Protocollo { numero: "0004512".into(), anno: 2024, data: Some(jiff::civil::date(2024, 3, 12)), verso: None }
    }

    #[test]
    fn a_registration_agrees_only_when_number_year_and_date_are_equal() {
        for (raw, agrees) in [
            ("N. 0004512/2024\ndel 12/03/2024 - ARRIVO", true),
            ("PROTOCOLLO GENERALE\nN. 4512/2024\ndel 12.03.2024", true),
            ("N. 0004513/2024\ndel 12/03/2024", false),
            ("N. 0004512/2023\ndel 12/03/2024", false),
            ("N. 0004512/2024\ndel 13/03/2024", false),
            ("N. 0004512/2024", false),
            ("", false),
        ] {
            assert_eq!(same_registration(&first(), raw), agrees, "{raw}");
        }
    }

    #[test]
    fn an_oggetto_agrees_up_to_one_wrong_character_in_twenty() {
        let first = tokens("Istituzione del divieto di transito in via San Rocco 12");
        assert!(contains(&first, &tokens("OGGETTO: Istituzione del divieto di transito in via San Rocco 12\nIL COMAN"), 20));
        assert!(contains(&first, &tokens("lstituzione del divieto di transito in via San Rocco 12"), 20));
        assert!(!contains(&first, &tokens("Istituzione del divieto di transito in via San Rocco 13"), 20));
        assert!(!contains(&first, &tokens("lstituzlone del dlvieto dl transito in via San Rocco 12"), 20));
    }
}
