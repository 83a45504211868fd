//! Is every word of the oggetto one that can stand there? Two readings by one engine share its slips, and a slip seldom
//! makes a word.
//!
//! A word of the lexicon needs the ente's threshold. Any other (a name, a slip) needs more: that the second reading has it
//! letter by letter, and either [`SURE`] of its own, or a second place in the document where the same letters stand, or the
//! ente's own name. An i with a mark that Italian never sets on it is repaired where that makes a word of the lexicon, and only
//! there. Where the second reading has another word of the lexicon in place of one, both could be right.

use std::collections::HashSet;

use super::rows::distance;
use super::second::is_data;
use crate::ente::Ente;
use crate::fields::{Doubtful, Fields};
use crate::lexicon::Lexicon;
use crate::page::{PageText, Rect, Word};

/// Name of the check in [`Doubtful`].
pub(super) const CHECK: &str = "spelling";
/// Least confidence of a word that no lexicon and no other place vouches for. The engine gives right names 90 to 96 and
/// words that it ran together or misspelt up to 93 (7,800 words of 60 scans, read beside their truth).
const SURE: f32 = 0.935;
/// Least confidence of a name that stands elsewhere too, here and there.
const REPEATED: f32 = 0.85;

/// Notes as doubtful each word of the oggetto that may be misspelt. Call it after [`super::confirm`].
pub fn spelling(fields: &mut Fields, pages: &[PageText], ente: &Ente, lexicon: &Lexicon) {
    let Some(reading) = fields.oggetto.as_mut().filter(|reading| !is_data(reading)) else { return };
    let (Some(n), Some(rect)) = (reading.page, reading.rect) else { return };
    let repaired = repaired(&reading.value, lexicon);
    if repaired != reading.value {
        reading.value = repaired;
        reading.origin.push_str(" + lexicon");
    }
    let seen = seen((pages, n, rect), lexicon);
    let again: HashSet<String> = reading
        .second
        .iter()
        .flat_map(|second| tokens(&self::repaired(&second.raw, lexicon)))
        .map(|token| token.letters)
        .collect();
    let names: HashSet<String> = tokens(&ente.denominazione).into_iter().map(|token| token.letters).collect();
    let elsewhere = elsewhere(pages, n, rect);
    let mut doubtful: Vec<String> = Vec::new();
    for token in tokens(&reading.value) {
        let word = &token.letters;
        let confidence = confidence(word, &seen).unwrap_or(reading.confidence);
        let is_word = lexicon.knows(word) || token.is_short_form();
        let is_plausible = if is_word {
            confidence >= ente.soglie.lettura && (again.contains(word) || !has_rival(word, &again, lexicon))
        } else {
            let is_vouched = names.contains(word) || elsewhere.contains(word);
            again.contains(word) && (confidence >= SURE || (is_vouched && confidence >= REPEATED))
        };
        if !is_plausible && !doubtful.contains(word) {
            doubtful.push(word.clone());
        }
    }
    doubtful.extend(stray_marks(&reading.value, reading.second.as_ref().map_or("", |second| second.raw.as_str())));
    let note = |raw| Doubtful { field: "oggetto".into(), raw, check: CHECK.into(), page: Some(n), rect: Some(rect) };
    fields.doubtful.extend(doubtful.into_iter().map(note));
}

/// The text with `în` as `in`: a word in small letters, not in the lexicon, that is there without the mark. At the end of a word
/// an i may bear one (`principî`), and a name may come from abroad: both stay.
fn repaired(text: &str, lexicon: &Lexicon) -> String {
    let is_marked = |c: char| matches!(c, 'î' | 'ï');
    let repair = |chunk: &str| {
        let letters = chunk.trim_matches(|c: char| !c.is_alphabetic());
        let plain: String = letters.chars().map(|c| if is_marked(c) { 'i' } else { c }).collect();
        let is_slip = !chunk.contains(|c: char| c.is_ascii_digit())
            && letters.chars().all(char::is_lowercase)
            && !letters.ends_with(is_marked)
            && plain != letters
            && !lexicon.knows(letters)
            && lexicon.knows(&plain);
        if is_slip { chunk.replace(letters, &plain) } else { chunk.to_owned() }
    };
    text.split_inclusive(char::is_whitespace).map(repair).collect()
}

/// A run of letters, small; words with figures are compared elsewhere, unchanged.
struct Token {
    letters: String,
    /// The character after it.
    next: char,
}

impl Token {
    /// True of a form cut off by an apostrophe, or of one letter by a dot.
    fn is_short_form(&self) -> bool {
        match self.next {
            '\'' | '’' | '‘' | '`' => Lexicon::knows_elided(&self.letters),
            '.' => self.letters.chars().count() == 1,
            _ => false,
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for chunk in text.split_whitespace().filter(|chunk| !chunk.chars().any(|c| c.is_ascii_digit())) {
        let mut letters = String::new();
        for c in chunk.chars().chain([' ']) {
            if c.is_alphabetic() {
                letters.extend(c.to_lowercase());
            } else if !letters.is_empty() {
                tokens.push(Token { letters: std::mem::take(&mut letters), next: c });
            }
        }
    }
    tokens
}

/// Words of `value` with a mark after them where the second reading has the word without it: specks read as marks.
fn stray_marks(value: &str, second: &str) -> Vec<String> {
    let is_mark = |c: char| matches!(c, ',' | ';' | ':' | '!' | '?');
    let is_quote = |c: char| matches!(c, '"' | '“' | '”' | '«' | '»' | '(' | ')');
    let chunks =
        |text: &str| text.to_lowercase().split_whitespace().map(|c| c.trim_matches(is_quote).to_owned()).collect::<Vec<_>>();
    let again = chunks(second);
    let has = |chunk: &str| again.iter().any(|other| other == chunk);
    let mut marked = chunks(value);
    // What closes the oggetto is cut off.
    marked.pop();
    marked.retain(|chunk| chunk.ends_with(is_mark) && !has(chunk) && has(chunk.trim_end_matches(is_mark)));
    marked
}

/// The words in the box of the oggetto with their confidence, 0 to 1; halves of a divided word are one.
fn seen((pages, n, rect): (&[PageText], u32, Rect), lexicon: &Lexicon) -> Vec<(String, f32)> {
    let mut seen = Vec::new();
    let mut half: Option<(String, f32)> = None;
    for word in words(pages, n).filter(|word| is_inside(word.rect, rect)) {
        let confidence = word.confidence / 100.0;
        for token in tokens(&repaired(&word.text, lexicon)) {
            if let Some((first, before)) = half.take() {
                seen.push((format!("{first}{}", token.letters), confidence.min(before)));
            }
            seen.push((token.letters, confidence));
        }
        half = if word.text.ends_with('-') { seen.last().cloned() } else { None };
    }
    seen
}

/// The least confidence with which `word` was read in the oggetto.
fn confidence(word: &str, seen: &[(String, f32)]) -> Option<f32> {
    seen.iter().filter(|(other, _)| other == word).map(|(_, confidence)| *confidence).reduce(f32::min)
}

/// Words that stand outside the oggetto and were read well enough to vouch for one in it.
fn elsewhere(pages: &[PageText], n: u32, rect: Rect) -> HashSet<String> {
    let outside = |page: &PageText, word: &Word| page.n != n || !is_inside(word.rect, rect);
    let words = pages.iter().flat_map(|page| page.lines().flat_map(|line| &line.words).filter(move |word| outside(page, word)));
    words.filter(|word| word.confidence / 100.0 >= REPEATED).flat_map(|word| tokens(&word.text)).map(|t| t.letters).collect()
}

/// True if the second reading has a word of the lexicon that `word` could be a slip of.
fn has_rival(word: &str, again: &HashSet<String>, lexicon: &Lexicon) -> bool {
    #[expect(clippy::iter_over_hash_type, reason = "whether there is one does not depend on the order")]
    for other in again {
        let limit = if word.chars().count() > 3 { 2 } else { 1 };
        if distance(word, other, limit) <= limit && lexicon.knows(other) {
            return true;
        }
    }
    false
}

fn words(pages: &[PageText], n: u32) -> impl Iterator<Item = &Word> {
    pages.iter().filter(move |page| page.n == n).flat_map(PageText::lines).flat_map(|line| &line.words)
}

/// True if the middle of `word` lies in `rect`.
fn is_inside(word: Rect, rect: Rect) -> bool {
    let (x, y) = (word.x + word.w / 2, word.y + word.h / 2);
    x >= rect.x && x <= rect.x + rect.w && y >= rect.y && y <= rect.y + rect.h
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Reading, SecondReading};
    use crate::page::{Block, Line};

    const KNOWN: &[&str] = &["il", "per", "piano", "pieno", "del", "biennio", "trasmissione", "di", "a", "verso"];

    /// The doubtful words of an oggetto whose words were read with those confidences, `body` with 95 below it.
    fn doubtful(words: &[(&str, f32)], second: &str, body: &str) -> Vec<String> {
        let line = |y: u32, words: &[(&str, f32)]| Line {
            words: (0..)
                .zip(words)
                .map(|(x, (text, confidence))| Word {
                    text: (*text).into(),
                    rect: Rect { x: x * 100, y, w: 90, h: 40 },
                    confidence: *confidence,
                    alternatives: Vec::new(),
                })
                .collect(),
        };
        let body: Vec<(&str, f32)> = body.split_whitespace().map(|word| (word, 95.0)).collect();
        let blocks = vec![Block { lines: vec![line(100, words), line(900, &body)] }];
        let page = PageText { n: 1, width: 2000, height: 2000, origin: "tesseract".into(), rotation: 0, blocks };
        let value: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let second = SecondReading { raw: second.into(), agrees: true, confidence: 0.95, origin: "second".into() };
        let oggetto = Reading {
            value: value.join(" ").replace("- ", ""),
            confidence: 0.9,
            origin: "rule oggetto (tesseract)".into(),
            page: Some(1),
            rect: Some(Rect { x: 0, y: 80, w: 2000, h: 80 }),
            second: Some(second),
        };
        let mut fields = Fields { oggetto: Some(oggetto), ..Fields::default() };
        spelling(&mut fields, &[page], &Ente::prova(), &Lexicon::of(KNOWN));
        fields.doubtful.into_iter().map(|doubtful| doubtful.raw).collect()
    }

    #[test]
    fn a_slip_that_both_readings_share_is_doubtful() {
        let words = [("Piano", 96.0), ("per", 96.0), ("ill", 90.0), ("biennio", 96.0)];
        assert_eq!(doubtful(&words, "Piano per ill biennio", "il biennio"), ["ill"]);
        let words = [("Piano", 96.0), ("peril", 91.0), ("biennio", 96.0)];
        assert_eq!(doubtful(&words, "Piano peril biennio", ""), ["peril"]);
    }

    #[test]
    fn a_word_of_the_lexicon_needs_the_threshold_only() {
        for (confidence, held) in [(60.0, 0), (59.9, 1)] {
            let words = [("Piano", 96.0), ("per", confidence), ("il", 96.0), ("bien-", 96.0), ("nio", 61.0)];
            assert_eq!(doubtful(&words, "Piano per il biennio", "").len(), held, "{confidence}");
        }
    }

    #[test]
    fn an_i_with_a_mark_that_italian_does_not_know_is_repaired_where_the_lexicon_proves_it() {
        let lexicon = Lexicon::of(KNOWN);
        for (read, meant) in [
            ("Piano per îl biennio", "Piano per il biennio"),
            ("verso «pïeno» di", "verso «pieno» di"),
            ("Piano per Îl e Benoît", "Piano per Îl e Benoît"),
            ("trasmissione dî gîte", "trasmissione dî gîte"),
            ("20îl", "20îl"),
        ] {
            assert_eq!(repaired(read, &lexicon), meant);
        }
        let words = [("Piano", 96.0), ("per", 96.0), ("îl", 70.0), ("biennio", 96.0)];
        assert!(doubtful(&words, "Piano per îl biennio", "").is_empty());
        assert_eq!(doubtful(&[("Piano", 96.0), ("îl", 59.9)], "Piano il", ""), ["il"], "it still needs the threshold");
        assert_eq!(doubtful(&[("Piano", 96.0), ("dî", 70.0)], "Piano dî", ""), ["dî"]);
    }

    #[test]
    fn a_name_needs_certainty_or_another_place_where_it_stands() {
        for (confidence, body, held) in
            [(93.5, "", 0), (93.4, "", 1), (85.0, "il Zampalunga", 0), (84.9, "il Zampalunga", 1), (85.0, "Zampalunca", 1)]
        {
            let words = [("Verso", 96.0), ("Zampalunga", confidence)];
            assert_eq!(doubtful(&words, "Verso Zampalunga", body).len(), held, "{confidence} {body}");
        }
        assert_eq!(doubtful(&[("Zampalunga", 96.0)], "Zampalonga", ""), ["zampalunga"], "the second reading differs");
    }

    #[test]
    fn a_mark_that_one_reading_only_has_is_doubtful() {
        let words = [("Piano", 96.0), ("per:", 96.0), ("il", 96.0), ("biennio,", 96.0), ("verso", 96.0)];
        assert_eq!(doubtful(&words, "Piano per il biennio, verso.", ""), ["per:"]);
    }

    #[test]
    fn where_the_readings_have_two_words_of_the_lexicon_neither_is_taken() {
        assert_eq!(doubtful(&[("Piano", 96.0), ("del", 96.0)], "Pieno del", ""), ["piano"]);
        assert!(doubtful(&[("Piano", 96.0), ("del", 96.0)], "Piamo del", "").is_empty(), "no word stands against it");
    }
}
