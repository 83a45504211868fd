//! Whose codice fiscale is it? The six letters that a name gives (D.M. 23 December 1976, art. 2 and 3).

use unicode_normalization::UnicodeNormalization as _;

/// True if `code` begins with the letters of that family name and given name.
pub fn is_of(code: &str, cognome: &str, nome: &str) -> bool {
    code.get(..3).is_some_and(|letters| letters == family(cognome))
        && code.get(3..6).is_some_and(|letters| letters == given(nome))
}

/// The three letters of a family name: its consonants, then its vowels, then X.
fn family(name: &str) -> String {
    let (consonants, vowels) = letters(name);
    consonants.chars().chain(vowels.chars()).chain("XXX".chars()).take(3).collect()
}

/// The three letters of a given name: as a family name's, but of four or more consonants the second is left out.
fn given(name: &str) -> String {
    let (consonants, _) = letters(name);
    if consonants.len() < 4 {
        return family(name);
    }
    consonants.chars().enumerate().filter(|(i, _)| *i != 1).map(|(_, c)| c).take(3).collect()
}

/// Consonants and vowels, accents dropped.
fn letters(name: &str) -> (String, String) {
    let upper: String = name.nfd().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).collect();
    upper.chars().partition(|c| !"AEIOU".contains(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_are_those_that_the_decree_says() {
        for (code, cognome, nome) in [
            ("BSCCST70S05A944C", "Boscaroli", "Celestino"),
            ("FOXNMR80A41F205X", "Fo", "Anna Maria"),
            ("RSSMRA85T10A562S", "Rossi", "Mario"),
            ("DCQNNO80A41F205X", "D'Acquaviva", "Noène"),
        ] {
            assert!(is_of(code, cognome, nome), "{code}");
            assert!(!is_of(code, nome, cognome), "{code}");
        }
        assert!(!is_of("RSSMR", "Rossi", "Mario"));
    }
}
