//! Which day is meant? Dates in figures, with month names, with Roman months, and in words as acts write them.

use std::ops::Range;

use jiff::civil::Date;

use super::rows::Pattern;

static FIGURES: Pattern = Pattern::new(r"\b(\d{1,2})\s?[/.\-]\s?(\d{1,2})\s?[/.\-]\s?(\d{4}|\d{2})\b");
static ROMAN: Pattern = Pattern::new(r"\b(\d{1,2})[.\-/ ](i{1,3}|iv|vi{0,3}|ix|xi{0,2})[.\-/ ](\d{4})\b");
static NAMED: Pattern = Pattern::new(
    r"\b([0-9loi]{1,2})[.\s-]{0,3}(gen|feb|mar|apr|mag|giu|lug|ago|set|ott|nov|dic)([a-z]{0,7})\.?[\s,-]{1,3}((?:19|20)\d{2})\b",
);
static WORDS: Pattern = Pattern::new(
    r"l'?\s?anno\s+([a-z0-9' ]{4,40}?)[\s,]+(?:il\s+giorno|addi'?|il\s+di'?|li'?|nel\s+giorno)\s+([a-z0-9' ]{1,20}?)[\s,]+(?:del\s+mese\s+di\s+|di\s+)?(gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre)\b",
);
static YEAR_LAST: Pattern = Pattern::new(
    r"(?:il\s+giorno|addi'?|in\s+data)\s+([a-z0-9']{1,20})[\s,]+(?:del\s+mese\s+di\s+|di\s+)?(gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre)[\s,]+(?:dell'anno\s+|dell'\s+anno\s+)?([a-z0-9' ]{4,40}?)(?:[,.;(]|\s+alle|\s+in\b|$)",
);

const MONTHS: [&str; 12] = ["gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"];
const ROMANS: [&str; 12] = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"];

/// Dates outside these years are misreadings: no register of a comune is older, no act is dated beyond a century from now.
fn date(year: i16, month: i8, day: i8) -> Option<Date> {
    if (1800..=2100).contains(&year) { Date::new(year, month, day).ok() } else { None }
}

/// Two digits mean this century up to 49, else the last.
fn full_year(digits: &str) -> Option<i16> {
    let year: i16 = digits.parse().ok()?;
    Some(if digits.len() == 2 { if year < 50 { 2000 + year } else { 1900 + year } } else { year })
}

/// All dates of a folded text in figures, with a month's name or a Roman month, in order of place.
pub(super) fn found(fold: &str) -> Vec<(Range<usize>, Date)> {
    let mut all: Vec<(Range<usize>, Date)> = Vec::new();
    for c in FIGURES.all(fold) {
        let (Some(whole), Some(d), Some(m), Some(y)) = (c.get(0), c.get(1), c.get(2), c.get(3)) else { continue };
        let parsed = full_year(y.as_str()).zip(m.as_str().parse().ok()).zip(d.as_str().parse().ok());
        all.extend(parsed.and_then(|((y, m), d)| date(y, m, d)).map(|date| (whole.range(), date)));
    }
    for c in NAMED.all(fold) {
        let (Some(whole), Some(d), Some(m), Some(y)) = (c.get(0), c.get(1), c.get(2), c.get(4)) else { continue };
        let day: String = d
            .as_str()
            .chars()
            .map(|c| {
                if c.is_ascii_digit() {
                    c
                } else if c == 'o' {
                    '0'
                } else {
                    '1'
                }
            })
            .collect();
        let month = MONTHS.iter().position(|name| *name == m.as_str()).and_then(|m| i8::try_from(m + 1).ok());
        let parsed = full_year(y.as_str()).zip(month).zip(day.parse().ok());
        all.extend(parsed.and_then(|((y, m), d)| date(y, m, d)).map(|date| (whole.range(), date)));
    }
    for c in ROMAN.all(fold) {
        let (Some(whole), Some(d), Some(m), Some(y)) = (c.get(0), c.get(1), c.get(2), c.get(3)) else { continue };
        let month = ROMANS.iter().position(|name| *name == m.as_str()).and_then(|m| i8::try_from(m + 1).ok());
        let parsed = full_year(y.as_str()).zip(month).zip(d.as_str().parse().ok());
        all.extend(parsed.and_then(|((y, m), d)| date(y, m, d)).map(|date| (whole.range(), date)));
    }
    all.sort_by_key(|(range, _)| range.start);
    all
}

/// The date that an act states in words (`L'anno duemilaventiquattro, il giorno tredici del mese di maggio`).
pub(super) fn in_words(fold: &str) -> Option<(Range<usize>, Date)> {
    let by = |c: &regex::Captures<'_>, y: usize, d: usize, m: usize| {
        let year = number(c.get(y)?.as_str()).and_then(|y| i16::try_from(y).ok())?;
        let day = number(c.get(d)?.as_str()).and_then(|d| i8::try_from(d).ok())?;
        let month = c.get(m)?.as_str();
        let month = MONTHS.iter().position(|name| month.starts_with(name)).and_then(|m| i8::try_from(m + 1).ok())?;
        Some((c.get(0)?.range(), date(year, month, day)?))
    };
    let first = WORDS.all(fold).iter().find_map(|c| by(c, 1, 2, 3));
    first.or_else(|| YEAR_LAST.all(fold).iter().find_map(|c| by(c, 3, 1, 2)))
}

const UNITS: [(&str, u32); 20] = [
    ("diciassette", 17),
    ("diciannove", 19),
    ("quattordici", 14),
    ("quindici", 15),
    ("diciotto", 18),
    ("tredici", 13),
    ("dodici", 12),
    ("undici", 11),
    ("sedici", 16),
    ("quattro", 4),
    ("cinque", 5),
    ("primo", 1),
    ("dieci", 10),
    ("sette", 7),
    ("nove", 9),
    ("otto", 8),
    ("uno", 1),
    ("due", 2),
    ("tre", 3),
    ("sei", 6),
];
const TENS: [(&str, u32); 16] = [
    ("cinquanta", 50),
    ("cinquant", 50),
    ("quaranta", 40),
    ("quarant", 40),
    ("sessanta", 60),
    ("sessant", 60),
    ("settanta", 70),
    ("settant", 70),
    ("novanta", 90),
    ("novant", 90),
    ("ottanta", 80),
    ("ottant", 80),
    ("trenta", 30),
    ("trent", 30),
    ("venti", 20),
    ("vent", 20),
];

/// A whole number below ten thousand, in figures or in words, joined or split; one wrong letter is forgiven in a long word.
pub(super) fn number(text: &str) -> Option<u32> {
    let joined: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    if joined.is_empty() || joined.len() > 60 {
        return None;
    }
    if joined.bytes().all(|c| c.is_ascii_digit()) {
        return joined.parse().ok();
    }
    let exact = words(&joined);
    if exact.is_some() || joined.len() < 12 {
        return exact;
    }
    nearly(&joined)
}

/// The only number of a likely year whose words are one edit away.
fn nearly(joined: &str) -> Option<u32> {
    let mut near = (1950..=2079).filter(|&year| super::rows::distance(joined, &spell(year), 1) <= 1);
    match (near.next(), near.next()) {
        (Some(year), None) => Some(year),
        _ => None,
    }
}

/// A year in words.
fn spell(year: u32) -> String {
    let thousands = if year >= 2000 { "duemila" } else { "millenovecento" };
    let rest = year % 100;
    let unit = |n: u32| UNITS.iter().find(|(word, value)| *value == n && *word != "primo").map_or("", |(word, _)| *word);
    let tens = |n: u32| TENS.iter().find(|(word, value)| *value == n && !word.ends_with("nt")).map_or("", |(word, _)| *word);
    let tail = match rest {
        0 => String::new(),
        1..=19 => unit(rest).to_owned(),
        _ => {
            let (t, u) = (tens(rest / 10 * 10), unit(rest % 10));
            let stem = if matches!(rest % 10, 1 | 8) { &t[..t.len().saturating_sub(1)] } else { t };
            format!("{stem}{u}")
        }
    };
    format!("{thousands}{tail}")
}

/// Reads number words greedily: thousands, hundreds, tens, units.
fn words(joined: &str) -> Option<u32> {
    let mut rest = joined;
    let mut total = 0;
    if let Some((head, tail)) = rest.split_once("mila") {
        total += small(head)? * 1000;
        rest = tail;
    } else if let Some(tail) = rest.strip_prefix("mille") {
        total += 1000;
        rest = tail;
    }
    if let Some((head, tail)) = hundreds(rest) {
        total += if head.is_empty() { 100 } else { small(head)? * 100 };
        rest = tail;
    }
    if rest.is_empty() {
        return (total > 0).then_some(total);
    }
    small(rest).map(|tail| total + tail)
}

/// What stands before and after `cento`, whose last vowel may have gone before `otto` and `ottanta`.
fn hundreds(text: &str) -> Option<(&str, &str)> {
    let elided = text.split_once("cent").filter(|(_, tail)| tail.starts_with("otto") || tail.starts_with("ottant"));
    elided.or_else(|| text.split_once("cento"))
}

/// A number below one hundred in words.
fn small(text: &str) -> Option<u32> {
    if let Some((_, value)) = UNITS.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let (rest, tens) = TENS.iter().find_map(|(word, value)| text.strip_prefix(word).map(|rest| (rest, *value)))?;
    if rest.is_empty() {
        return Some(tens);
    }
    UNITS.iter().find(|(word, value)| *word == rest && *value < 10 && *word != "primo").map(|(_, value)| tens + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_every_usual_writing_are_read() {
        for text in [
            "12/03/2024",
            "12.3.2024",
            "12-03-24",
            "12 marzo 2024",
            "12 mar. 2024",
            "12.iii.2024",
            "i2 marzo 2024",
            "12 / 03 / 2024",
        ] {
            assert_eq!(found(text).first().map(|(_, d)| d.to_string()).as_deref(), Some("2024-03-12"), "{text}");
        }
        assert!(found("31/02/2024 99/99/2024 12/03").is_empty());
    }

    #[test]
    fn number_words_are_read_joined_or_split() {
        for (text, value) in [
            ("duemilaventiquattro", 2024),
            ("duemila venti quattro", 2024),
            ("due mila ventuno", 2021),
            ("ventotto", 28),
            ("millenovecentottantotto", 1988),
            ("millenovecentonovantanove", 1999),
            ("trentuno", 31),
            ("primo", 1),
            ("ventitre", 23),
            ("centotto", 108),
            ("duemilaventiquattio", 2024),
            ("2024", 2024),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        assert_eq!(number("gatto"), None);
        assert_eq!(number(""), None);
    }

    #[test]
    fn the_date_of_an_act_is_read_from_its_words() {
        for text in [
            "l'anno duemilaventiquattro, il giorno tredici del mese di maggio, alle ore 17:40",
            "l'anno duemilaventiquattro addi tredici del mese di maggio nella residenza",
            "l'anno 2024 il giorno 13 del mese di maggio",
            "il giorno tredici maggio duemilaventiquattro, alle ore",
            "in data 13 del mese di maggio dell'anno 2024,",
        ] {
            assert_eq!(in_words(text).map(|(_, d)| d.to_string()).as_deref(), Some("2024-05-13"), "{text}");
        }
    }

    #[test]
    fn every_year_that_is_spelled_reads_back() {
        for year in 1950..=2079 {
            assert_eq!(number(&spell(year)), Some(year), "{}", spell(year));
        }
    }
}
