//! Which of the characters that the engine thought of besides does the check of a code prove? `proven`: those with which alone
//! it passes.

use super::codes::{self, Checked, Class};

/// A kind of code whose check may prove a repair.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    classes: &'static [Class],
    holds: fn(&str) -> bool,
    /// Characters that may be others than read: as many as the check is strong enough for.
    most: usize,
}

/// One letter of 26 and a calendar: one character.
pub(super) const CODICE_FISCALE: Kind = Kind { classes: &codes::CODICE_FISCALE, holds: codes::is_codice_fiscale, most: 1 };
/// One digit of ten proves little: the office must be one that gave numbers, too.
pub(super) const PARTITA_IVA: Kind = Kind { classes: &codes::PARTITA_IVA, holds: is_of_an_office, most: 1 };
/// One of 97 and one letter of 26: two characters.
pub(super) const IBAN: Kind = Kind { classes: &codes::IBAN, holds: codes::is_iban, most: 2 };

/// Most changes of a code that are tried.
const TRIED_MAX: usize = 2_000;

fn is_of_an_office(code: &str) -> bool {
    codes::is_partita_iva(code) && codes::has_known_office(code)
}

/// What was checked, or where that failed the code with the fewest of the `others` (place and character) with which it passes,
/// if there is one way only. Each changed code may still be repaired by class, as one read so would be.
pub(super) fn proven(checked: Checked, code: &str, others: &[(usize, char)], kind: Kind) -> Checked {
    let chars: Vec<char> = code.chars().collect();
    if checked != Checked::Failed || chars.len() != kind.classes.len() {
        return checked;
    }
    let is_fit = |(at, c): &&(usize, char)| c.is_ascii_alphanumeric() && chars.get(*at).is_some_and(|read| read != c);
    let others: Vec<(usize, char)> = others.iter().filter(is_fit).copied().collect();
    let mut changed = vec![(chars, 0)];
    let mut tried = 0;
    for _ in 0..kind.most {
        let mut next = Vec::new();
        let mut passing: Vec<String> = Vec::new();
        for (chars, from) in &changed {
            // Places in order, so that no two changes are tried twice.
            for (nth, (at, other)) in others.iter().enumerate().skip(*from) {
                tried += 1;
                if tried > TRIED_MAX {
                    return Checked::Failed;
                }
                let mut chars = chars.clone();
                chars[*at] = *other;
                match codes::checked(&chars.iter().collect::<String>(), kind.classes, kind.holds) {
                    Checked::AsRead(code) | Checked::Repaired(code) if !passing.contains(&code) => passing.push(code),
                    _ => {}
                }
                next.push((chars, nth + 1));
            }
        }
        match passing.as_slice() {
            [] => changed = next,
            [only] => return Checked::Proven(only.clone()),
            _ => return Checked::Failed,
        }
    }
    Checked::Failed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proved(code: &str, others: &[(usize, char)], kind: Kind) -> Option<String> {
        match proven(Checked::Failed, code, others, kind) {
            Checked::Proven(code) => Some(code),
            _ => None,
        }
    }

    #[test]
    fn a_character_that_the_check_proves_is_taken_and_no_other() {
        // Read V for Y at the end of the family name.
        let right = "RSSMRA85T10A562S";
        assert_eq!(proved("RSVMRA85T10A562S", &[(2, 'S'), (2, 'Y')], CODICE_FISCALE).as_deref(), Some(right));
        assert_eq!(proved("RSVMRA85T10A562S", &[(2, 'Y')], CODICE_FISCALE), None);
        // A place behind the code, and a character that cannot be: nothing happens.
        assert_eq!(proved("RSVMRA85T10A562S", &[(40, 'S'), (2, 'ß')], CODICE_FISCALE), None);
        // Two that both pass prove nothing.
        let second = ('A'..='Z').find(|c| codes::is_codice_fiscale(&format!("{c}SVMRA85T10A562S"))).expect("a letter");
        assert_eq!(proved("RSVMRA85T10A562S", &[(2, 'S'), (0, second)], CODICE_FISCALE), None);
    }

    #[test]
    fn two_characters_are_proven_of_an_iban_and_of_no_other_code() {
        let right = "IT60X0542811101000000123456";
        assert_eq!(proved("IT60X0542811701000000123466", &[(12, '1'), (25, '5')], IBAN).as_deref(), Some(right));
        assert_eq!(proved("RSYMRA85T10A563S", &[(2, 'S'), (14, '2')], CODICE_FISCALE), None);
    }

    #[test]
    fn a_number_of_no_office_is_not_proven_by_its_last_digit() {
        let (mut known, mut other) = (0, 0);
        for number in 0..3_000_u64 {
            let digits = format!("{:011}", 12_345_670_000 + number * 37);
            if !codes::is_partita_iva(&digits) {
                continue;
            }
            let (read, digit) = (format!("{}7{}", &digits[..5], &digits[6..]), digits.as_bytes()[5] as char);
            if read == digits || codes::is_partita_iva(&read) {
                continue;
            }
            let is_known = codes::has_known_office(&digits);
            assert_eq!(proved(&read, &[(5, digit)], PARTITA_IVA), is_known.then_some(digits));
            if is_known { known += 1 } else { other += 1 }
        }
        assert!(known > 0 && other > 0, "{known} {other}");
    }

    #[test]
    fn what_passed_already_is_left_as_it_is() {
        let read = Checked::AsRead("RSSMRA85T10A562S".to_owned());
        assert_eq!(proven(read.clone(), "RSSMRA85T10A562S", &[(0, 'T')], CODICE_FISCALE), read);
    }
}
