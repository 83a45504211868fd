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
    /// False if more figures follow at once: what was read may be half of the number, or another kind of number.
    pub(super) is_whole: bool,
    /// What stands before it in the row.
    pub(super) before: String,
}

// A number stands before its year or behind it (`0012345/2024`, `2024/0012345`), and may have dots between its thousands. Groups
// of each pattern that `plain` reads: year and number where the year comes first, then number and year.
static LABELLED: Pattern = Pattern::new(
    r"(?:\bprot(?:ocollo|oc)?\b\.?|\bp\.\s?g\.|\bpg\b)[\s.:,]*(?:gen(?:erale|\.)?|informatico|comunale|interno|riservato|(?:in\s+)?(?:entrata|uscita|arrivo|partenza|ingresso))?[\s.:,-]*(?:numero|num|nro|nr|no|n)?[\s.:,]*(?:((?:19|20)\d{2})\s?[/_\-]\s?([0-9oil|]{1,14})|(\d{1,3}(?:\.\d{3}){1,2}|[0-9oil|]{1,14})(?:\s?[/\-]\s?((?:19|20)\d{2}))?)(?:\b|$)",
);
static YEAR_FIRST: Pattern = Pattern::new(r"\b(?:pg|p\.g\.|prot\.?)\s?[/.]\s?((?:19|20)\d{2})\s?[/.]\s?(\d{1,9})()()\b");
static BARE: Pattern = Pattern::new(
    r"(?:^|\s)(?:numero|num|nr|no|n)[\s.:,]{0,3}(?:((?:19|20)\d{2})\s?[/\-]\s?(\d{5,9})|(\d{1,3}(?:\.\d{3}){1,2}|[0-9oil|]{3,14})(?:\s?[/\-]\s?((?:19|20)\d{2}))?)(?:\b|$)",
);
static ALONE: Pattern =
    Pattern::new(r"^\W*(?:((?:19|20)\d{2})\s?[/\-]\s?(\d{5,9})|(\d{4,9})(?:\s?[/\-]\s?((?:19|20)\d{2}))?)\W*$");
/// A number of the register with nothing but its day: the third row of many a stamp.
static DATED: Pattern = Pattern::new(r"(?:^|[^\w/.\-])()()(\d{6,9})()\s+(?:del|in\s+data|data)\b");
static NUMBER_YEAR: Pattern = Pattern::new(r"\b(?:((?:19|20)\d{2})\s?[/\-]\s?(\d{5,9})|(\d{4,9})\s?[/\-]\s?((?:19|20)\d{2}))\b");
/// What goes on like a number: a part of another form (`45/12345`, `12345.2`), or the other half of one torn apart.
static GOES_ON: Pattern = Pattern::new(r"^(?:[/_\-]\s?|\.|\s/\s?)\d|^\s\d{2,}(?:[^\d:.,]|$)");
/// The direction as one letter before or behind the number.
static LETTER_BEFORE: Pattern = Pattern::new(r"^\W*([eu])\W{0,3}$|(?:^|\s)([eu])\s?-\s?$");
static LETTER_BEHIND: Pattern = Pattern::new(r"^\s?/\s?([eu])\b");
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
    for (pattern, labelled) in [(&YEAR_FIRST, true), (&LABELLED, true), (&BARE, false), (&DATED, false), (&ALONE, false)] {
        for c in pattern.all(fold) {
            push(plain(fold, &c, labelled), &mut all);
        }
    }
    all
}

/// Every number with its year in a row, in either order, whatever stands before it: where a register's number is looked for, any
/// such number counts.
pub(super) fn with_year(fold: &str) -> Vec<(String, i16)> {
    let one = |c: &regex::Captures<'_>| {
        let (year, number) = c.get(1).zip(c.get(2)).or(c.get(4).zip(c.get(3)))?;
        Some((numero(number.as_str())?, year.as_str().parse().ok()?))
    };
    NUMBER_YEAR.all(fold).iter().filter_map(one).collect()
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
        is_whole: true,
        before: fold.get(..whole.start()).unwrap_or("").to_owned(),
    })
}

/// A number with its year, and the date that follows in the same row.
fn plain(fold: &str, c: &regex::Captures<'_>, labelled: bool) -> Option<Printed> {
    let whole = c.get(0)?;
    let some = |n: usize| c.get(n).filter(|m| !m.is_empty());
    let dates_here = dates::found(fold);
    let (raw, of_year) = match (some(1), some(2)) {
        // Where both could be a year, the day says which one is; without it the year comes last, as in most registers.
        (Some(first), Some(second)) if year(Some(second)).is_some_and(|y| (1900..=2099).contains(&y)) && second.len() == 4 => {
            let is_year = |m: regex::Match<'_>| dates_here.iter().any(|(_, d)| Some(d.year()) == year(Some(m)));
            if is_year(first) && !is_year(second) { (second, Some(first)) } else { (first, Some(second)) }
        }
        (Some(first), Some(second)) => (second, Some(first)),
        _ => (some(3)?, some(4)),
    };
    // `12/03/2024` is a date, not number 12 of a year.
    if dates_here.iter().any(|(span, _)| span.start <= raw.start() && raw.end() <= span.end) {
        return None;
    }
    let end = of_year.map_or(raw.end(), |y| y.end().max(raw.end()));
    let tail = fold.get(end..).unwrap_or("");
    let next = dates::found(tail).into_iter().next().filter(|(span, _)| span.start <= 30);
    let at_once = next.as_ref().is_some_and(|(span, _)| span.start <= 2);
    let letter = LETTER_BEFORE.captures(fold.get(..whole.start()).unwrap_or("")).or_else(|| LETTER_BEHIND.captures(tail));
    let verso = letter.filter(|_| labelled).and_then(|c| c.get(1).or(c.get(2))).map(|m| match m.as_str() {
        "e" => Verso::E,
        _ => Verso::U,
    });
    Some(Printed {
        span: whole.start()..next.as_ref().map_or(whole.end(), |(span, _)| end + span.end).max(whole.end()),
        digits: digits(&raw.as_str().replace('.', ""))?,
        anno: year(of_year),
        data: next.map(|(_, date)| date),
        verso,
        labelled,
        is_whole: at_once || !GOES_ON.is_match(tail),
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
            ("prot. n. 2023/0001877", "0001877", Some(2023)),
            ("prot. n. 2023-0001877 del 14/02/2023", "0001877", Some(2023)),
            ("prot, 2023/1877 del 14-02-2023", "1877", Some(2023)),
            ("prot. n. 2023/2024", "2023", Some(2024)),
            ("prot. n. 2023/2011 del 14/02/2023", "2011", Some(2023)),
            ("prot. n. 12.345 del 14/02/2023", "12345", None),
            ("0001877 del 14/02/2023", "0001877", None),
            ("n. 2023/0001877", "0001877", Some(2023)),
            ("2023/0001877", "0001877", Some(2023)),
        ] {
            let found = printed(text);
            let first = found.first().unwrap_or_else(|| panic!("{text}"));
            assert_eq!((first.digits.as_str(), first.anno), (number, year), "{text}");
        }
    }

    #[test]
    fn a_number_that_goes_on_is_said_to_be_half_of_one() {
        for text in ["prot. n. 45/12345", "prot. n. 0001 8772/2023", "prot. n. 0001877.2", "prot. n. 12 3456 del 14/02/2023"] {
            assert!(printed(text).iter().all(|p| !p.is_whole), "{text}");
        }
        for text in [
            "prot. n. 1877 del 14/02/2023",
            "prot. 1877 14/02/2023",
            "prot. n. 1877/u",
            "prot. 1877 10:35",
            "prot. 1877. 2 allegati",
        ] {
            assert!(printed(text).first().is_some_and(|p| p.is_whole), "{text}");
        }
    }

    #[test]
    fn one_letter_before_the_word_or_behind_the_number_is_the_direction() {
        for (text, verso) in [
            ("e - prot. 2023/0001877 del 14-02-2023", Some(Verso::E)),
            ("u - prot. 2023/0001877 del 14-02-2023", Some(Verso::U)),
            ("citta di castelrovo u - prot. 2023/0001877", Some(Verso::U)),
            ("prot. n. 5512/u del 30/08/2023", Some(Verso::U)),
            ("i - prot. 2023/0001877 del 14-02-2023", None),
            ("la nota e prot. 2023/0001877", None),
        ] {
            assert_eq!(printed(text).first().and_then(|p| p.verso), verso, "{text}");
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
