//! Which registration is it, where readings of the same stamp differ? Each reading has a voice; two that agree make a value,
//! and against a dissenting one only three make it sure.
//!
//! Engines err alike on the same blot, so that two against one are a proposal and no proof (invariant 11). A value that
//! no other reading supports and one contradicts is doubtful: it is kept, and not used.

use jiff::civil::Date;

use super::rows::fold;
use super::second::{FieldReread, is_data, of_digits};
use super::{dates, registration};
use crate::fields::{Doubtful, Fields, Protocollo, SecondReading};

/// Check of a registration that another reading contradicts.
const CHECK: &str = "second-reading";

/// Number, year and day as one reading has them.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    numero: String,
    anno: i16,
    data: Option<Date>,
}

impl Seen {
    fn is(&self, value: &Protocollo) -> bool {
        let bare = |text: &str| text.trim_start_matches('0').to_owned();
        bare(&self.numero) == bare(&value.numero)
            && self.anno == value.anno
            && (self.data.is_none() || value.data.is_none() || self.data == value.data)
    }

    fn agrees(&self, other: &Self) -> bool {
        self.numero.trim_start_matches('0') == other.numero.trim_start_matches('0')
            && self.anno == other.anno
            && self.data == other.data
    }
}

/// Hears all readings of the registration's place where the first and the second did not agree. A reading that gave the
/// first value itself has no second voice.
pub fn vote(fields: &mut Fields, rereads: &[FieldReread], threshold: f32) {
    let Some(first) = &mut fields.protocollo else { return };
    if is_data(first) || first.second.as_ref().is_some_and(|second| second.agrees && second.confidence >= threshold) {
        return;
    }
    let others: Vec<(&FieldReread, Seen)> = rereads
        .iter()
        .filter(|reread| reread.field == "protocollo" && !first.origin.contains(&reread.origin))
        .filter_map(|reread| Some((reread, seen(&reread.raw)?)))
        .collect();
    let support = others.iter().filter(|(_, seen)| seen.is(&first.value)).count();
    let rivals: Vec<&(&FieldReread, Seen)> = others.iter().filter(|(_, seen)| !seen.is(&first.value)).collect();
    let votes = |one: &Seen| rivals.iter().filter(|(_, other)| other.agrees(one)).count();
    let best = rivals.iter().max_by_key(|(_, one)| votes(one)).map(|(reread, one)| (*reread, one.clone(), votes(one)));
    match best {
        // The first stands: surely with two that say the same, or one where none dissents.
        None | Some((_, _, 1)) if support >= 1 => {
            let sure = support >= 2 || best.is_none();
            let agreeing: Vec<&FieldReread> =
                others.iter().filter(|(_, seen)| seen.is(&first.value)).map(|(reread, _)| *reread).collect();
            if let Some(one) = agreeing.iter().max_by(|a, b| of_digits(a).total_cmp(&of_digits(b))) {
                first.second = Some(second(one, sure));
            }
        }
        // Another value has two voices or more against the first alone: it takes its place, surely with three.
        Some((reread, other, count)) if count >= 2 && support == 0 => {
            let verso = first.value.verso;
            let data = other.data.or(first.value.data);
            first.value = Protocollo { numero: other.numero.clone(), anno: other.anno, data, verso };
            first.confidence = of_digits(reread);
            first.origin = format!("rule protocollo-voto ({})", reread.origin);
            let witness = rivals.iter().find(|(one, seen)| one.origin != reread.origin && seen.agrees(&other));
            first.second = witness.map(|(one, _)| second(one, count >= 3));
        }
        Some(_) => dismiss(fields),
        None => {}
    }
}

fn second(reread: &FieldReread, agrees: bool) -> SecondReading {
    SecondReading { raw: reread.raw.clone(), agrees, confidence: of_digits(reread), origin: reread.origin.clone() }
}

/// The registration is doubtful: kept as read, and no longer used.
fn dismiss(fields: &mut Fields) {
    let Some(first) = fields.protocollo.take() else { return };
    let day = first.value.data.map(|data| format!(" {data}")).unwrap_or_default();
    fields.doubtful.push(Doubtful {
        field: "protocollo".into(),
        raw: format!("{}/{}{day}", first.value.numero, first.value.anno),
        check: CHECK.into(),
        page: first.page,
        rect: first.rect,
    });
}

/// The one registration that a text says: one number, one year, at most one day.
fn seen(raw: &str) -> Option<Seen> {
    let rows: Vec<String> = raw.lines().map(fold).collect();
    let mut numbers: Vec<(String, Option<i16>)> = Vec::new();
    for row in &rows {
        let printed = registration::printed(row);
        // A short number without a year is an invoice's or a house's.
        let telling = printed.iter().filter(|p| p.is_whole && (p.digits.len() >= 6 || p.anno.is_some() || p.labelled));
        numbers.extend(telling.filter_map(|p| Some((registration::numero(&p.digits)?, p.anno))));
        numbers.extend(registration::with_year(row).into_iter().map(|(numero, anno)| (numero, Some(anno))));
    }
    let days: Vec<Date> = rows.iter().flat_map(|row| dates::found(row)).map(|(_, date)| date).collect();
    let data = only(&days).ok()?;
    let numbers_alone: Vec<String> = numbers.iter().map(|(n, _)| n.trim_start_matches('0').to_owned()).collect();
    only(&numbers_alone).ok()??;
    let years: Vec<i16> = numbers.iter().filter_map(|(_, anno)| *anno).chain(data.map(Date::year)).collect();
    let anno = only(&years).ok()??;
    let numero = numbers.into_iter().map(|(n, _)| n).max_by_key(String::len)?;
    Some(Seen { numero, anno, data })
}

/// The value that all share, none of none; an error where they differ.
fn only<T: PartialEq + Clone>(all: &[T]) -> Result<Option<T>, ()> {
    if all.windows(2).any(|pair| pair.first() != pair.last()) { Err(()) } else { Ok(all.first().cloned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Reading, Verso};

    fn voted(readings: &[&str]) -> (Option<String>, bool, usize) {
        let value = Protocollo {
            numero: "0011750".into(),
            anno: 2024,
            data: Some(jiff::civil::date(2024, 7, 11)),
            verso: Some(Verso::U),
        };
        let first = Reading { value, confidence: 0.9, origin: "page".into(), page: Some(1), rect: None, second: None };
        let mut fields = Fields { protocollo: Some(first), ..Fields::default() };
        let rereads: Vec<FieldReread> = readings
            .iter()
            .zip(0..)
            .map(|(raw, n)| FieldReread {
                field: "protocollo".into(),
                raw: (*raw).into(),
                words: Vec::new(),
                confidence: 0.9,
                origin: format!("manner {n}"),
            })
            .collect();
        vote(&mut fields, &rereads, 0.6);
        let value = fields.protocollo.as_ref().map(|p| p.value.data.map(|d| d.to_string()).unwrap_or_default());
        let sure = fields.protocollo.as_ref().and_then(|p| p.second.as_ref()).is_some_and(|s| s.agrees);
        (value, sure, fields.doubtful.len())
    }

    const LIKE: &str = "N. 0011750/2024\ndel 11/07/2024 - PARTENZA";
    const OTHER: &str = "N. 0011750/2024\ndel 15/07/2024 - PARTENZA";
    const THIRD: &str = "N. 0011760/2024\ndel 15/07/2024 - PARTENZA";
    const NONE: &str = "Ne 00 | 7/2024";

    #[test]
    fn against_a_dissenting_reading_three_are_sure_two_a_proposal_and_one_is_doubtful() {
        let day = |day: u8| Some(format!("2024-07-{day}"));
        assert_eq!(voted(&[LIKE, NONE, NONE]), (day(11), true, 0));
        assert_eq!(voted(&[LIKE, LIKE, OTHER]), (day(11), true, 0));
        assert_eq!(voted(&[LIKE, OTHER, NONE]), (day(11), false, 0));
        assert_eq!(voted(&[OTHER, OTHER, NONE]), (day(15), false, 0));
        assert_eq!(voted(&[OTHER, OTHER, OTHER]), (day(15), true, 0));
        assert_eq!(voted(&[OTHER, NONE, NONE]), (None, false, 1));
        assert_eq!(voted(&[OTHER, THIRD, NONE]), (None, false, 1));
        assert_eq!(voted(&[LIKE, OTHER, OTHER]), (None, false, 1), "two against two");
        assert_eq!(voted(&[NONE, NONE, NONE]), (day(11), false, 0), "unconfirmed, and held as such");
    }
}
