//! Does a code hold? Check digits and letters of the Italian identifiers, and the repair of a code misread by one class.
//!
//! The algorithms are those of the public rules: codice fiscale and omocodia (DM 23 December 1976), the eleven-digit
//! number (Luhn), IBAN (ISO 13616 and the national CIN), the three generations of CIG. A repair replaces a character
//! only by one of the class that its position requires, and is taken only if exactly one candidate passes every check.

/// Most candidates tried for one repair: beyond it nothing is proven by a one-letter check.
const CANDIDATES_MAX: usize = 256;

/// How a code was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checked {
    /// As read.
    AsRead(String),
    /// After a repair that was the only one to pass.
    Repaired(String),
    /// With characters that the engine thought of besides, the only ones with which it passes.
    Proven(String),
    /// No reading, or more than one, passes.
    Failed,
}

const ODD: [u32; 36] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
    23,
];

/// Value of a character at an odd (first, third, …) or even position.
fn value(c: u8, is_odd: bool) -> Option<u32> {
    let index = match c {
        b'0'..=b'9' => usize::from(c - b'0'),
        b'A'..=b'Z' => usize::from(c - b'A') + 10,
        _ => return None,
    };
    if is_odd { ODD.get(index).copied() } else { u32::try_from(if index >= 10 { index - 10 } else { index }).ok() }
}

/// The check letter over `bytes`, by the table of the codice fiscale.
fn check_letter(bytes: &[u8]) -> Option<u8> {
    let sum: Option<u32> = bytes.iter().enumerate().map(|(i, &c)| value(c, i % 2 == 0)).sum();
    sum.and_then(|sum| u8::try_from(sum % 26).ok()).map(|letter| b'A' + letter)
}

const OMOCODIA: &[u8; 10] = b"LMNPQRSTUV";

/// The digit that a digit position stands for, omocodia letters decoded.
fn omocodia_digit(c: u8) -> Option<u32> {
    if c.is_ascii_digit() {
        return Some(u32::from(c - b'0'));
    }
    OMOCODIA.iter().position(|&l| l == c).and_then(|d| u32::try_from(d).ok())
}

const DIGIT_PLACES: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];

/// True of a codice fiscale of sixteen characters: form, calendar, check letter.
pub(super) fn is_codice_fiscale(code: &str) -> bool {
    let bytes = code.as_bytes();
    if bytes.len() != 16 {
        return false;
    }
    let form = bytes
        .iter()
        .enumerate()
        .all(|(i, &c)| if DIGIT_PLACES.contains(&i) { omocodia_digit(c).is_some() } else { c.is_ascii_uppercase() });
    let month = bytes.get(8).and_then(|c| b"ABCDEHLMPRST".iter().position(|m| m == c));
    let digit = |i: usize| bytes.get(i).copied().and_then(omocodia_digit);
    let day = digit(9).zip(digit(10)).map(|(tens, units)| tens * 10 + units).map(|d| if d > 40 { d - 40 } else { d });
    let longest = month.and_then(|m| [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].get(m).copied());
    let calendar = day.zip(longest).is_some_and(|(d, longest)| d >= 1 && d <= longest);
    form && calendar && bytes.split_last().is_some_and(|(last, first)| check_letter(first) == Some(*last))
}

/// True of eleven digits whose last is the check of the first ten, and which are not all zero.
pub(super) fn is_partita_iva(code: &str) -> bool {
    let bytes = code.as_bytes();
    if bytes.len() != 11 || !bytes.iter().all(u8::is_ascii_digit) || bytes.iter().take(7).all(|&c| c == b'0') {
        return false;
    }
    let sum: u32 = bytes
        .iter()
        .enumerate()
        .map(|(i, &c)| {
            let digit = u32::from(c - b'0');
            let doubled = digit * 2;
            if i % 2 == 0 {
                digit
            } else if doubled > 9 {
                doubled - 9
            } else {
                doubled
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// True if the digits 8 to 10 are an office that gave numbers: 001-100, 120, 121, 888, 999.
pub(super) fn has_known_office(code: &str) -> bool {
    code.get(7..10).and_then(|o| o.parse::<u32>().ok()).is_some_and(|o| matches!(o, 1..=100 | 120 | 121 | 888 | 999))
}

/// True of an IBAN of Italy or San Marino: form, mod 97, and the CIN over ABI, CAB and account.
pub(super) fn is_iban(code: &str) -> bool {
    let bytes = code.as_bytes();
    if bytes.len() != 27 || !(code.starts_with("IT") || code.starts_with("SM")) {
        return false;
    }
    let class = |i: usize, c: u8| match i {
        0 | 1 | 4 => c.is_ascii_uppercase(),
        2 | 3 | 5..=14 => c.is_ascii_digit(),
        _ => c.is_ascii_digit() || c.is_ascii_uppercase(),
    };
    if !bytes.iter().enumerate().all(|(i, &c)| class(i, c)) {
        return false;
    }
    let rest = bytes.iter().cycle().skip(4).take(27).try_fold(0_u64, |rest, &c| match c {
        b'0'..=b'9' => Some((rest * 10 + u64::from(c - b'0')) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u64::from(c - b'A') + 10) % 97),
        _ => None,
    });
    rest == Some(1) && bytes.get(5..).and_then(check_letter) == bytes.get(4).copied()
}

/// True of a CIG of any of the three generations; `0000000000` means that there is none.
pub(super) fn is_cig(code: &str) -> bool {
    let bytes = code.as_bytes();
    if bytes.len() != 10 || !bytes.iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) {
        return false;
    }
    let hex = |range: std::ops::Range<usize>| code.get(range).and_then(|part| u64::from_str_radix(part, 16).ok());
    match bytes.first() {
        Some(b'0'..=b'9') => {
            let number = code.get(..7).and_then(|part| part.parse::<u64>().ok());
            number.zip(hex(7..10)).is_some_and(|(n, check)| n > 0 && n * 211 % 4091 == check)
        }
        Some(&letter @ b'A'..=b'U') => {
            // One source counts the letters without J and K: from L on either count is accepted.
            let ord = u64::from(letter - b'A') + 1;
            let other = if letter >= b'L' { ord - 2 } else { ord };
            hex(1..7)
                .zip(hex(7..10))
                .is_some_and(|(n, check)| (n + ord) * 211 % 4091 == check || (n + other) * 211 % 4091 == check)
        }
        Some(b'V'..=b'Z') => hex(1..3).zip(hex(3..10)).is_some_and(|(check, c)| c > 0 && c * 211 % 251 == check),
        _ => false,
    }
}

/// True of the form of a CUP. No public check exists, so the form is all that can be said.
pub(super) fn is_cup(code: &str) -> bool {
    code.len() == 15
        && code.bytes().enumerate().all(|(i, c)| match i {
            0 | 3 => c.is_ascii_uppercase(),
            1 | 2 => c.is_ascii_digit(),
            _ => c.is_ascii_digit() || c.is_ascii_uppercase(),
        })
        && code.bytes().skip(4).any(|c| c.is_ascii_digit())
}

/// What a position asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A letter.
    Letter,
    /// A digit.
    Digit,
    /// A digit, or a letter of omocodia.
    Omocodia,
    /// A hexadecimal digit.
    Hex,
    /// A digit or a letter: both the character as read and its twin are possible.
    Either,
}

fn as_digit(c: char) -> Option<char> {
    Some(match c {
        'O' | 'Q' | 'D' | 'U' | 'C' => '0',
        'I' | 'L' | '|' | '!' | 'J' | 'T' => '1',
        'Z' => '2',
        'A' => '4',
        'S' => '5',
        'G' => '6',
        'B' => '8',
        _ => return None,
    })
}

fn as_letters(c: char) -> &'static [char] {
    match c {
        '0' => &['O', 'Q', 'D'],
        '1' | '|' | '!' => &['I', 'L'],
        '2' => &['Z'],
        '4' => &['A'],
        '5' => &['S'],
        '6' => &['G'],
        '8' => &['B'],
        '€' => &['C', 'E'],
        _ => &[],
    }
}

/// The characters that may have been printed where `c` was read.
fn options(c: char, class: Class) -> Vec<char> {
    let digit = as_digit(c);
    match class {
        Class::Letter if !c.is_ascii_uppercase() => as_letters(c).to_vec(),
        Class::Letter => vec![c],
        Class::Digit | Class::Omocodia | Class::Either if c.is_ascii_digit() => vec![c],
        Class::Omocodia if c.is_ascii_uppercase() && OMOCODIA.contains(&(c as u8)) => [c].into_iter().chain(digit).collect(),
        Class::Hex if c.is_ascii_hexdigit() => vec![c],
        Class::Digit | Class::Omocodia | Class::Hex => digit.into_iter().collect(),
        Class::Either => [c].into_iter().filter(char::is_ascii_uppercase).chain(digit).collect(),
    }
}

/// The code as read if it holds, else the only repair by class that does.
pub(super) fn checked(raw: &str, classes: &[Class], holds: fn(&str) -> bool) -> Checked {
    if holds(raw) {
        return Checked::AsRead(raw.to_owned());
    }
    if raw.chars().count() != classes.len() {
        return Checked::Failed;
    }
    let mut candidates = vec![String::new()];
    for (c, &class) in raw.chars().zip(classes) {
        let choices = options(c, class);
        if choices.is_empty() || candidates.len() * choices.len() > CANDIDATES_MAX {
            return Checked::Failed;
        }
        candidates = candidates.iter().flat_map(|head| choices.iter().map(move |tail| format!("{head}{tail}"))).collect();
    }
    let mut passing = candidates.into_iter().filter(|candidate| holds(candidate));
    match (passing.next(), passing.next()) {
        (Some(only), None) => Checked::Repaired(only),
        _ => Checked::Failed,
    }
}

/// Classes of a codice fiscale.
pub(super) const CODICE_FISCALE: [Class; 16] = {
    use Class::{Letter as L, Omocodia as O};
    [L, L, L, L, L, L, O, O, L, O, O, L, O, O, O, L]
};
/// Classes of an eleven-digit number.
pub(super) const PARTITA_IVA: [Class; 11] = [Class::Digit; 11];
/// Classes of an IBAN.
pub(super) const IBAN: [Class; 27] = {
    let mut classes = [Class::Either; 27];
    let mut i = 0;
    while i < 15 {
        classes[i] = if i < 2 || i == 4 { Class::Letter } else { Class::Digit };
        i += 1;
    }
    classes
};
/// Classes of a CIG that begins with a digit.
pub(super) const CIG_FIRST: [Class; 10] = {
    use Class::{Digit as D, Hex as H};
    [D, D, D, D, D, D, D, H, H, H]
};
/// Classes of a CIG that begins with a letter.
pub(super) const CIG_LETTER: [Class; 10] = {
    use Class::{Hex as H, Letter as L};
    [L, H, H, H, H, H, H, H, H, H]
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codici_fiscali_of_every_level_of_omocodia_hold() {
        for code in [
            "RSSMRA85T10A562S",
            "RSSMRA85T10A56NH",
            "RSSMRA85T10A5SNT",
            "RSSMRA85T10ARSNO",
            "RSSMRA85T1LARSNR",
            "RSSMRA85TMLARSNC",
            "RSSMRA8RTMLARSNO",
            "RSSMRAURTMLARSNL",
            "RCCMNL83S18D969H",
        ] {
            assert!(is_codice_fiscale(code), "{code}");
        }
        for code in ["RSSMRA85T10A562T", "RSSMRA85T10A562", "RSSMRA85T99A562S", "RSSMRA85F10A562S", ""] {
            assert!(!is_codice_fiscale(code), "{code}");
        }
    }

    #[test]
    fn eleven_digits_hold_by_their_last() {
        for code in ["00743110157", "01234567897", "01540700083", "00305000192"] {
            assert!(is_partita_iva(code), "{code}");
        }
        for code in ["00743110158", "00000000000", "0074311015", "0074311015A"] {
            assert!(!is_partita_iva(code), "{code}");
        }
    }

    #[test]
    fn an_iban_needs_both_of_its_checks() {
        assert!(is_iban("IT60X0542811101000000123456"));
        assert!(!is_iban("IT61X0542811101000000123456"));
        assert!(!is_iban("IT60Y0542811101000000123456"));
    }

    #[test]
    fn a_cig_of_each_generation_holds() {
        for code in ["770142374E", "8953550F2F", "1234567CE7", "A01B2C37A8", "B1A2B3C3B8", "ZC81A2B3C4"] {
            assert!(is_cig(code), "{code}");
        }
        for code in ["0000000000", "770142374F", "A01B2C37A9", "ZC91A2B3C4", "0000000AAA"] {
            assert!(!is_cig(code), "{code}");
        }
    }

    #[test]
    fn a_zero_read_for_an_o_is_repaired_and_said() {
        assert_eq!(checked("RSSMRA85T1OA562S", &CODICE_FISCALE, is_codice_fiscale), Checked::Repaired("RSSMRA85T10A562S".into()));
        assert_eq!(checked("R5SMRA85T10A562S", &CODICE_FISCALE, is_codice_fiscale), Checked::Repaired("RSSMRA85T10A562S".into()));
        assert_eq!(checked("RSSMRA85T10A562S", &CODICE_FISCALE, is_codice_fiscale), Checked::AsRead("RSSMRA85T10A562S".into()));
    }

    #[test]
    fn a_wrong_check_letter_is_never_repaired_into_another_code() {
        assert_eq!(checked("RSSMRA85T10A562Z", &CODICE_FISCALE, is_codice_fiscale), Checked::Failed);
        assert_eq!(checked("770142374F", &CIG_FIRST, is_cig), Checked::Failed);
    }

    /// The classes of a code and its check.
    type Case = (&'static [Class], fn(&str) -> bool);

    proptest! {
        #[test]
        fn a_repair_never_yields_a_code_that_fails_its_check(raw in "[A-Z0-9|]{16}|[0-9OISBZ]{11}|IT[0-9OIS]{2}[A-Z0-9][0-9OISB]{22}|[A-Z0-9]{10}") {
            let cases: [Case; 5] = [
                (&CODICE_FISCALE, is_codice_fiscale), (&PARTITA_IVA, is_partita_iva), (&IBAN, is_iban),
                (&CIG_FIRST, is_cig), (&CIG_LETTER, is_cig),
            ];
            for (classes, holds) in cases {
                match checked(&raw, classes, holds) {
                    Checked::AsRead(code) => prop_assert!(holds(&code) && code == raw),
                    Checked::Repaired(code) | Checked::Proven(code) => prop_assert!(holds(&code) && code.len() == raw.len()),
                    Checked::Failed => prop_assert!(!holds(&raw)),
                }
            }
        }
    }
}
