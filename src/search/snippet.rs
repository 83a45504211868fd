//! Which words stand around what was found? The window that shows most of what was asked, with its page.

use serde::Serialize;

use super::question::Wanted;
use super::words::{Stems, words};

/// Words of a window.
const WINDOW: usize = 24;
/// Words looked through for a window: some two hundred pages. Behind them the first window found is good enough.
const LOOKED_MAX: usize = 100_000;

/// Some words of a document around what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// The page they stand on, from 1.
    pub page: u32,
    /// The words, in one line.
    pub text: String,
    /// Where the words asked for stand in the text: start and length, in characters.
    pub marks: Vec<(usize, usize)>,
}

/// A place where something asked for stands.
struct Found {
    /// Which of the needles.
    needle: usize,
    /// Number of its first word in the text.
    word: usize,
    /// Bytes from its first word to its last.
    span: std::ops::Range<usize>,
}

/// The window of `plain` that shows most of what was asked; none where its words stand elsewhere (in a party's name).
pub fn snippet(plain: &str, wanted: &Wanted) -> Option<Snippet> {
    let found = found(plain, wanted);
    let of_window = |from: usize| {
        let first = found[from].word;
        found[from..].iter().take_while(move |f| f.word < first + WINDOW)
    };
    let count = |from: usize| {
        let mut needles: Vec<usize> = of_window(from).map(|f| f.needle).collect();
        needles.sort_unstable();
        needles.dedup();
        needles.len()
    };
    let best = (0..found.len()).max_by_key(|from| (count(*from), std::cmp::Reverse(*from)))?;
    let spans: Vec<_> = of_window(best).map(|f| f.span.clone()).collect();
    Some(shown(plain, &spans))
}

/// Where what was asked stands, in order, until one window shows all of it.
fn found(plain: &str, wanted: &Wanted) -> Vec<Found> {
    let stems = Stems::new();
    let longest = wanted.needles.iter().map(Vec::len).max().unwrap_or(0);
    let mut last: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let mut found: Vec<Found> = Vec::new();
    for (n, (span, word)) in words(plain).take(LOOKED_MAX).enumerate() {
        last.push((span, word));
        if last.len() > longest.max(1) {
            last.remove(0);
        }
        for (needle, phrase) in wanted.needles.iter().enumerate().filter(|(_, phrase)| phrase.len() <= last.len()) {
            let tail = &last[last.len() - phrase.len()..];
            let is_here = tail.iter().zip(phrase).all(|((_, word), asked)| asked.is(word, &stems));
            if let (true, Some(first), Some(end)) = (is_here, tail.first(), tail.last()) {
                found.push(Found { needle, word: n + 1 - phrase.len(), span: first.0.start..end.0.end });
            }
        }
        let near = found.iter().rev().take_while(|f| f.word + WINDOW > n);
        let mut needles: Vec<usize> = near.map(|f| f.needle).collect();
        needles.sort_unstable();
        needles.dedup();
        if needles.len() == wanted.needles.len() {
            break;
        }
    }
    found.sort_by_key(|f| f.word);
    found
}

/// The words around `spans`, half a window before the first, in one line.
fn shown(plain: &str, spans: &[std::ops::Range<usize>]) -> Snippet {
    let first = spans.first().map_or(0, |span| span.start);
    let page = plain[..first].matches('\u{c}').count() as u32 + 1;
    let sheet = plain[..first].rfind('\u{c}').map_or(0, |at| at + 1);
    let before = plain[sheet..first].rmatch_indices(char::is_whitespace).nth(WINDOW / 3).map_or(sheet, |(at, _)| sheet + at);
    let end = plain[first..].find('\u{c}').map_or(plain.len(), |at| first + at);
    let after = plain[first..end].match_indices(char::is_whitespace).nth(WINDOW).map_or(end, |(at, _)| first + at);
    let (mut text, mut marks, mut length) = (String::new(), Vec::new(), 0);
    let mut opened = None;
    for (at, c) in plain[before..after].char_indices().map(|(at, c)| (at + before, c)) {
        if spans.iter().any(|span| span.end == at)
            && let Some(start) = opened.take()
        {
            marks.push((start, length - start));
        }
        if spans.iter().any(|span| span.start == at) && opened.is_none() {
            opened = Some(length);
        }
        let c = if c.is_whitespace() { ' ' } else { c };
        if c == ' ' && (text.ends_with(' ') || text.is_empty()) {
            continue;
        }
        text.push(c);
        length += 1;
    }
    marks.extend(opened.map(|start| (start, length - start)));
    Snippet { page, text: text.trim_end().to_owned(), marks }
}

#[cfg(test)]
mod tests {
    use super::super::wanted;
    use super::*;

    fn of(plain: &str, question: &str) -> Option<Snippet> {
        snippet(plain, &wanted(question, true).expect("a question"))
    }

    #[test]
    fn the_words_asked_for_are_shown_with_their_page_and_place() {
        let plain = "Comune di Valdombra\u{c}Oggetto: richiesta di\nautorizzazione paesaggistica\u{c}Altro";
        let snippet = of(plain, "autorizzazioni").expect("found");
        assert_eq!((snippet.page, snippet.text.as_str()), (2, "Oggetto: richiesta di autorizzazione paesaggistica"));
        let (start, length) = snippet.marks[0];
        assert_eq!(snippet.text.chars().skip(start).take(length).collect::<String>(), "autorizzazione");
    }

    #[test]
    fn of_two_places_the_one_that_shows_more_of_the_question_is_taken() {
        let far = "parola ".repeat(60);
        let plain = format!("Il permesso {far} il permesso di costruire è rilasciato");
        let snippet = of(&plain, "permesso costruire").expect("found");
        assert!(snippet.text.contains("permesso di costruire"), "{}", snippet.text);
        assert_eq!(snippet.marks.len(), 2);
    }

    #[test]
    fn a_phrase_is_shown_where_its_words_follow_one_another() {
        let far = "parola ".repeat(60);
        let plain = format!("costruire un permesso {far} il permesso di costruire numero 12");
        let snippet = of(&plain, "\"permesso di costruire\"").expect("found");
        let (start, length) = snippet.marks[0];
        assert_eq!(snippet.text.chars().skip(start).take(length).collect::<String>(), "permesso di costruire");
    }

    #[test]
    fn words_that_the_text_does_not_hold_show_nothing() {
        assert_eq!(of("Comune di Valdombra", "tipo:scia"), None);
        assert_eq!(of("", "parola"), None);
    }
}
