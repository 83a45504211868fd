//! What does a printed registration look like? The writings of a protocol number, shared by first and second reading.

use std::ops::Range;

use jiff::civil::Date;

use super::dates;
use super::rows::{Pattern, has_word_like};
use crate::fields::Verso;

/// A number in one of the writings of a registration.
#[derive(Debug, Clone)]
pub(super) struct Printed {
    pub(super) span: Range<usize>,
    /// Digits as printed.
    pub(super) digits: String,
    pub(super) anno: Option<i16>,
    pub(super) data: Option<Date>,
    pub(super) verso: Option<Verso>,
    /// True if a word of the protocol stands before it; a bare `N. 123/2024` counts only inside a stamp.
    pub(super) labelled: bool,
    /// What stands before it in the row.
    pub(super) before: String,
}

static LABELLED: Pattern = Pattern::new(
    r"(?:\bprot(?:ocollo|oc)?\b\.?|\bp\.\s?g\.|\bpg\b)[\s.:]*(?:gen(?:erale|\.)?|informatico|comunale|interno|riservato|(?:in\s+)?(?:entrata|uscita|arrivo|partenza|ingresso))?[\s.:,-]*(?:numero|num|nro|nr|no|n)?[\s.:,]*([0-9oil|]{1,14})(?:\s?[/\-]\s?((?:19|20)\d{2}))?(?:\b|$)",
);
static YEAR_FIRST: Pattern = Pattern::new(r"\b(?:pg|p\.g\.|prot\.?)\s?[/.]\s?((?:19|20)\d{2})\s?[/.]\s?(\d{1,9})\b");
static BARE: Pattern =
    Pattern::new(r"(?:^|\s)(?:numero|num|nr|no|n)[\s.:,]{0,3}([0-9oil|]{3,14})(?:\s?[/\-]\s?((?:19|20)\d{2}))?(?:\b|$)");
static ALONE: Pattern = Pattern::new(r"^\W*(\d{4,9})(?:\s?[/\-]\s?((?:19|20)\d{2}))?\W*$");
static SEGNATURA: Pattern = Pattern::new(
    r"(?:^|[-_.\s])(\d{6,9})\s*[-.]\s*(ingresso|uscita|arrivo|partenza|entrata|interno)\s*-\s*(\d{1,2}[/.-]\d{1,2}[/.-]\d{4})",
);
static UFFICIALE: Pattern =
    Pattern::new(r"registro\s+ufficiale[\s.(]*([eiu])?[\s.)]*(\d{5,9})[\s.-]*(\d{1,2}[/.-]\d{1,2}[/.-]\d{4})");
static SHORT: Pattern = Pattern::new(r"[._-]([eiu])[._-](\d{7,9})[._-](\d{1,2}[/.-]\d{1,2}[/.-]\d{4})");

/// Letters that stand for digits become digits; none where too few digits were read.
fn digits(raw: &str) -> Option<String> {
    let read = raw.bytes().filter(u8::is_ascii_digit).count();
    (read > 0 && read * 10 >= raw.len() * 6).then(|| {
        raw.chars()
            .map(|c| {
                if c.is_ascii_digit() {
                    c
                } else if c == 'o' {
                    '0'
                } else {
                    '1'
                }
            })
            .collect()
    })
}

fn year(text: Option<regex::Match<'_>>) -> Option<i16> {
    text.and_then(|m| m.as_str().parse().ok())
}

/// All registrations printed in a folded row.
pub(super) fn printed(fold: &str) -> Vec<Printed> {
    let mut all: Vec<Printed> = Vec::new();
    let push = |printed: Option<Printed>, all: &mut Vec<Printed>| {
        if let Some(p) = printed.filter(|p| !all.iter().any(|k| k.span.start < p.span.end && p.span.start < k.span.end)) {
            all.push(p);
        }
    };
    for pattern in [&UFFICIALE, &SEGNATURA, &SHORT] {
        for c in pattern.all(fold) {
            push(with_date(fold, &c), &mut all);
        }
    }
    for c in YEAR_FIRST.all(fold) {
        push(plain(fold, &c, (2, 1), true), &mut all);
    }
    for (pattern, labelled) in [(&LABELLED, true), (&BARE, false), (&ALONE, false)] {
        for c in pattern.all(fold) {
            push(plain(fold, &c, (1, 2), labelled), &mut all);
        }
    }
    all
}

/// A segnatura in one line: number, direction and date stand together.
fn with_date(fold: &str, c: &regex::Captures<'_>) -> Option<Printed> {
    let whole = c.get(0)?;
    let groups: Vec<&str> = (1..=3).filter_map(|i| c.get(i).map(|m| m.as_str())).collect();
    let digits = groups.iter().find(|g| g.len() >= 5 && g.bytes().all(|b| b.is_ascii_digit()))?;
    let (_, data) = groups.iter().find_map(|g| dates::found(g).into_iter().next())?;
    let verso = groups.iter().find_map(|g| match *g {
        "ingresso" | "arrivo" | "entrata" | "e" => Some(Verso::E),
        "uscita" | "partenza" | "u" => Some(Verso::U),
        "interno" => Some(Verso::I),
        // A single `I` means ingresso with some and interno with others: the parties will tell.
        _ => None,
    });
    Some(Printed {
        span: whole.range(),
        digits: (*digits).to_owned(),
        anno: Some(data.year()),
        data: Some(data),
        verso,
        labelled: true,
        before: fold.get(..whole.start()).unwrap_or("").to_owned(),
    })
}

/// A number with its year, and the date that follows in the same row.
fn plain(fold: &str, c: &regex::Captures<'_>, (number, of_year): (usize, usize), labelled: bool) -> Option<Printed> {
    let whole = c.get(0)?;
    let raw = c.get(number)?;
    // `12/03/2024` is a date, not number 12 of a year.
    let tail = fold.get(raw.end()..).unwrap_or("");
    if dates::found(fold).iter().any(|(span, _)| span.start <= raw.start() && raw.end() <= span.end) {
        return None;
    }
    let next = dates::found(tail).into_iter().next().filter(|(span, _)| span.start <= 30);
    let end = next.as_ref().map_or(whole.end(), |(span, _)| raw.end() + span.end);
    Some(Printed {
        span: whole.start()..end.max(whole.end()),
        digits: digits(raw.as_str())?,
        anno: year(c.get(of_year)),
        data: next.map(|(_, date)| date),
        verso: None,
        labelled,
        before: fold.get(..whole.start()).unwrap_or("").to_owned(),
    })
}

/// The direction that a stamp word says, if one is there.
pub(super) fn verso(fold: &str) -> Option<Verso> {
    let has = |words: &[&str]| words.iter().any(|word| has_word_like(fold, word));
    if has(&["arrivo", "ingresso", "entrata", "ricevuto", "pervenuto"]) {
        Some(Verso::E)
    } else if has(&["partenza", "uscita", "spedito"]) {
        Some(Verso::U)
    } else if has(&["interno", "interna"]) {
        Some(Verso::I)
    } else {
        None
    }
}

/// The number in the form of the register: at least seven digits (rule N-01); none of an impossible length.
pub(super) fn numero(digits: &str) -> Option<String> {
    let bare = digits.trim_start_matches('0');
    let fits = !bare.is_empty() && digits.len() <= 9 && bare.len() <= 8;
    fits.then(|| if digits.len() >= 7 { digits.to_owned() } else { format!("{digits:0>7}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_writing_of_a_registration_is_read() {
        for (text, number, year) in [
            ("prot. n. 12345 del 12/03/2024", "12345", None),
            ("prot. n. 0012345/2024", "0012345", Some(2024)),
            ("protocollo n.0034567/2020 del 28/12/2020", "0034567", Some(2020)),
            ("pg/2024/0012345", "0012345", Some(2024)),
            ("p.g. n. 4411/2023", "4411", Some(2023)),
            ("prot. gen. 887 del 3/2/2024", "887", None),
            ("comune di valdombra - c_x000 - 0004237 - ingresso - 19/06/2019 - 09:39", "0004237", Some(2019)),
            ("m_xx.aoo.registro ufficiale(u).0012345.12-03-2024", "0012345", Some(2024)),
            ("n. 0004512/2024", "0004512", Some(2024)),
            ("protocollo generale n. 55o12/2024", "55012", Some(2024)),
        ] {
            let found = printed(text);
            let first = found.first().unwrap_or_else(|| panic!("{text}"));
            assert_eq!((first.digits.as_str(), first.anno), (number, year), "{text}");
        }
    }

    #[test]
    fn a_number_of_the_register_has_seven_to_eight_digits() {
        assert_eq!(numero("887").as_deref(), Some("0000887"));
        assert_eq!(numero("12345678").as_deref(), Some("12345678"));
        assert_eq!(numero("001204472024"), None);
        assert_eq!(numero("0000000"), None);
    }

    #[test]
    fn a_stamp_word_with_one_wrong_letter_still_says_the_direction() {
        assert_eq!(verso("del 12/03/2024 - arr1vo"), Some(Verso::E));
        assert_eq!(verso("partenza"), Some(Verso::U));
        assert_eq!(verso("interno"), Some(Verso::I));
        assert_eq!(verso("oggetto"), None);
    }
}
