//! Which part of a person's name is the family name? Allegato 5 wants Cognome and Nome apart; pages write them anyhow.
//!
//! The codice fiscale decides where there is one: its first six letters are made of the two names. Else capitals
//! (`Mario ROSSI`), particles (`Maria De Luca`) and lastly the usual order of letters, given name first, decide.

use crate::codice_fiscale;

/// Words before a name that are no part of it.
const TITLES: &[&str] = &[
    "sig",
    "sigra",
    "sigg",
    "signor",
    "signora",
    "dott",
    "dottssa",
    "dottor",
    "dottoressa",
    "dr",
    "drssa",
    "ing",
    "arch",
    "geom",
    "avv",
    "prof",
    "profssa",
    "rag",
    "on",
    "p.i",
    "per",
    "cav",
    "comm",
    "egr",
    "gentile",
    "gentma",
    "spett",
    "ill",
    "illmo",
    "don",
];

/// Words that begin a family name of several words.
const PARTICLES: &[&str] =
    &["de", "di", "da", "del", "della", "delle", "dei", "degli", "dal", "dalla", "d", "lo", "la", "li", "le", "van", "von"];

/// Family name and given name of `name`, as written; none where it has fewer than two words.
pub(super) fn split(name: &str, codice_fiscale: Option<&str>) -> Option<(String, String)> {
    let words: Vec<&str> = name.split_whitespace().skip_while(|word| is_title(word)).collect();
    if words.len() < 2 {
        return None;
    }
    let by_code = codice_fiscale.filter(|code| code.len() == 16).and_then(|code| split_by_code(&words, code));
    Some(by_code.or_else(|| split_by_capitals(&words)).unwrap_or_else(|| split_by_order(&words)))
}

fn is_title(word: &str) -> bool {
    let bare: String = word.chars().filter(|c| c.is_alphabetic()).collect::<String>().to_lowercase();
    // A bare word without its dot may be a name (`Don`, `Per`): titles that are abbreviations keep their dot.
    TITLES.contains(&bare.as_str()) && (word.contains('.') || bare.starts_with("signor") || bare.starts_with("dottor"))
}

fn split_by_code(words: &[&str], code: &str) -> Option<(String, String)> {
    for at in 1..words.len() {
        let (first, last) = (words[..at].join(" "), words[at..].join(" "));
        for (cognome, nome) in [(&last, &first), (&first, &last)] {
            if codice_fiscale::is_of(code, cognome, nome) {
                return Some((cognome.clone(), nome.clone()));
            }
        }
    }
    None
}

fn split_by_capitals(words: &[&str]) -> Option<(String, String)> {
    let is_capital =
        |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() > 1 && !word.chars().any(char::is_lowercase);
    let capitals = words.iter().filter(|word| is_capital(word)).count();
    if capitals == 0 || capitals == words.len() {
        return None;
    }
    let pick = |wanted: bool| words.iter().filter(|w| is_capital(w) == wanted).copied().collect::<Vec<_>>().join(" ");
    Some((pick(true), pick(false)))
}

fn split_by_order(words: &[&str]) -> (String, String) {
    let is_particle = |word: &&&str| PARTICLES.contains(&word.trim_end_matches(['\'', '’']).to_lowercase().as_str());
    let last = words.len() - 1;
    let at = (1..last).find(|i| is_particle(&&words[*i])).unwrap_or(last);
    (words[at..].join(" "), words[..at].join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parted(name: &str, code: Option<&str>) -> Option<String> {
        split(name, code).map(|(cognome, nome)| format!("{cognome}|{nome}"))
    }

    #[test]
    fn the_codice_fiscale_decides_whatever_the_order() {
        for name in ["Celestino Boscaroli", "Boscaroli Celestino", "Sig. Boscaroli Celestino"] {
            assert_eq!(parted(name, Some("BSCCST70S05A944C")).as_deref(), Some("Boscaroli|Celestino"), "{name}");
        }
        assert_eq!(parted("Fo Anna Maria", Some("FOXNMR80A41F205X")).as_deref(), Some("Fo|Anna Maria"));
    }

    #[test]
    fn without_a_code_capitals_particles_and_order_decide() {
        assert_eq!(parted("ROSSI Mario", None).as_deref(), Some("ROSSI|Mario"));
        assert_eq!(parted("Maria De Luca", None).as_deref(), Some("De Luca|Maria"));
        assert_eq!(parted("Dott.ssa Anna Maria Verdi", None).as_deref(), Some("Verdi|Anna Maria"));
        assert_eq!(parted("MARIO ROSSI", None).as_deref(), Some("ROSSI|MARIO"));
        assert_eq!(parted("Paola D'Angelo", None).as_deref(), Some("D'Angelo|Paola"));
    }

    #[test]
    fn one_word_is_not_a_full_name() {
        assert_eq!(parted("Rossi", None), None);
        assert_eq!(parted("Sig. Rossi", None), None);
        assert_eq!(parted("", None), None);
    }
}
