//! Which words does a text hold, whatever their endings, accents and capitals? Folded first and stemmed then, on both sides: an
//! accent that the reader lost, or that was never typed, changes nothing.

use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Longest word kept, in characters; longer ones are runs of misread signs, and are cut alike on both sides.
const LETTERS_MAX: usize = 48;
/// A stem keeps at least these first letters of its word (the stemmer cuts behind them only).
const KEPT: usize = 3;

/// Folds and stems Italian words.
pub(super) struct Stems {
    stemmer: Stemmer,
}

impl Stems {
    pub(super) fn new() -> Self {
        Self { stemmer: Stemmer::create(Algorithm::Italian) }
    }

    /// The stem of a folded word; one with figures in it (a number, a code) stays as it is.
    pub(super) fn stem(&self, folded: &str) -> String {
        if folded.chars().any(|c| !c.is_alphabetic()) { folded.to_owned() } else { self.stemmer.stem(folded).into_owned() }
    }

    /// The stems of a text, in order, divided by blanks.
    pub(super) fn of(&self, text: &str) -> String {
        let mut stems = String::with_capacity(text.len());
        for (_, word) in words(text) {
            if !stems.is_empty() {
                stems.push(' ');
            }
            stems.push_str(&self.stem(&word));
        }
        stems
    }

    /// True if the stem of `folded` is `stem`, told by its first letters where they say no.
    pub(super) fn is(&self, folded: &str, stem: &str) -> bool {
        let first = stem.char_indices().nth(KEPT).map_or(stem.len(), |(at, _)| at);
        folded.starts_with(&stem[..first]) && self.stem(folded) == stem
    }
}

/// The words of a text, each with its place and folded: letters without accents, lower case, and figures.
pub(super) fn words(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    let mut rest = text.char_indices().peekable();
    std::iter::from_fn(move || {
        while rest.next_if(|(_, c)| !is_part(*c)).is_some() {}
        let (start, _) = *rest.peek()?;
        let (mut end, mut word, mut length) = (start, String::new(), 0);
        while let Some((at, c)) = rest.next_if(|(_, c)| is_part(*c)) {
            end = at + c.len_utf8();
            length += 1;
            if length <= LETTERS_MAX {
                fold(c, &mut word);
            }
        }
        Some((start..end, word))
    })
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

fn fold(c: char, word: &mut String) {
    if c.is_ascii() {
        word.push(c.to_ascii_lowercase());
    } else {
        word.extend(std::iter::once(c).nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_accents_and_capitals_make_no_difference() {
        let stems = Stems::new();
        for (one, other) in [
            ("autorizzazione", "AUTORIZZAZIONI"),
            ("Comunità", "comunita"),
            ("perché", "PERCHE'"),
            ("edilizia", "edilizie"),
            ("richiedente", "richiedenti"),
            ("e\u{301}", "è"),
        ] {
            assert_eq!(stems.of(one), stems.of(other), "{one} {other}");
        }
        assert_ne!(stems.of("acqua"), stems.of("acquisto"));
    }

    #[test]
    fn an_elision_and_a_number_are_words_of_their_own() {
        let found: Vec<String> = words("dell’Ente n. 4512/2024, 3ª pagina").map(|(_, word)| word).collect();
        assert_eq!(found, ["dell", "ente", "n", "4512", "2024", "3a", "pagina"]);
    }

    #[test]
    fn the_first_letters_that_are_compared_before_stemming_are_never_lost() {
        let stems = Stems::new();
        for word in ["andarsene", "amministrativo", "uscita", "qui", "gli", "aie", "iniziative", "udienza", "eco"] {
            let stem = stems.stem(word);
            assert!(stems.is(word, &stem), "{word} {stem}");
        }
    }

    #[test]
    fn a_word_is_cut_at_its_ceiling_and_not_before() {
        let length = |n: usize| words(&"x".repeat(n)).map(|(_, word)| word.len()).next();
        assert_eq!(length(LETTERS_MAX), Some(LETTERS_MAX));
        assert_eq!(length(LETTERS_MAX + 1), Some(LETTERS_MAX));
    }
}
