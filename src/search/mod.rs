//! Where does it say so? Full text: what the index keeps of a document, what a question means, and the words shown around what
//! was found.
//!
//! The index holds stems; it gives the newest documents first. Reserved documents are found by their words, and show them, only to
//! those who have the right (rule N-14).

mod question;
mod snippet;
mod words;

use jiff::civil::Date;

use crate::fields::{Fields, Reading};
use crate::filing::Filing;
use crate::findable::{Findable, PLAIN_BYTES_MAX, mark};
use crate::page::PageText;

pub use question::{FIELDS, Wanted, wanted};
pub use snippet::{Snippet, snippet};

use words::Stems;

/// The text of a document, gathered page by page.
#[derive(Debug, Default)]
pub struct Running {
    plain: String,
    pages: usize,
}

impl Running {
    /// Adds a page; a word that was divided at the end of a line is put together again.
    pub fn page(&mut self, page: &PageText) {
        if self.pages > 0 {
            self.plain.push('\u{c}');
        }
        self.pages += 1;
        for line in page.plain().lines() {
            self.line(line);
        }
        if self.plain.len() > PLAIN_BYTES_MAX {
            let end = (0..=PLAIN_BYTES_MAX).rev().find(|at| self.plain.is_char_boundary(*at)).unwrap_or(0);
            self.plain.truncate(end);
        }
    }

    fn line(&mut self, line: &str) {
        let mut before = self.plain.chars().rev();
        let is_divided = matches!(before.next(), Some('-' | '¬' | '\u{ad}'))
            && before.next().is_some_and(char::is_alphabetic)
            && line.chars().next().is_some_and(char::is_lowercase);
        if is_divided {
            self.plain.pop();
        } else if !self.plain.is_empty() && !self.plain.ends_with('\u{c}') {
            self.plain.push('\n');
        }
        self.plain.push_str(line);
    }
}

/// What the index keeps of a document; `received` dates it where neither a register nor its own date does.
pub fn findable(text: Running, fields: &Fields, filing: &Filing, received: Date) -> Findable {
    let stems = Stems::new();
    let party = |party: Option<&Reading<crate::fields::Party>>| party.map(|p| stems.of(&p.value.nome)).unwrap_or_default();
    Findable {
        oggetto: fields.oggetto.as_ref().map(|o| stems.of(&o.value)).unwrap_or_default(),
        mittente: party(fields.mittente.as_ref()),
        destinatario: party(fields.destinatario.as_ref()),
        testo: stems.of(&text.plain),
        campi: marks(fields, filing, received).join(" "),
        plain: text.plain,
        riservato: filing.riservato,
    }
}

/// The marks of a document's fields.
fn marks(fields: &Fields, filing: &Filing, received: Date) -> Vec<String> {
    let mut marks = vec![mark("tipo", &filing.tipo.value), mark("riservato", if filing.riservato { "si" } else { "no" })];
    // A voce is found by itself and by those above it.
    let voce = &filing.voce.value.0;
    let above = voce.match_indices('.').map(|(at, _)| &voce[..at]);
    marks.extend(above.chain([voce.as_str()]).map(|voce| mark("voce", voce)));
    let date = fields.protocollo.as_ref().and_then(|p| p.value.data);
    let date = date.or_else(|| fields.repertorio.as_ref().and_then(|r| r.value.data));
    let date = date.or_else(|| fields.data.as_ref().map(|d| d.value)).unwrap_or(received);
    marks.extend(question::date_marks(date));
    if let Some(own) = &fields.protocollo {
        marks.extend(registration_marks("prot", &own.value.numero, own.value.anno));
    }
    for other in &fields.protocolli_altri {
        marks.extend(registration_marks("nota", &other.value.numero, other.value.anno));
    }
    let mut all = |field: &str, readings: &[Reading<String>]| marks.extend(readings.iter().map(|r| mark(field, &r.value)));
    all("cf", &fields.codici_fiscali);
    all("piva", &fields.partite_iva);
    all("cig", &fields.cig);
    all("cup", &fields.cup);
    all("iban", &fields.iban);
    let parties = [&fields.mittente, &fields.destinatario].into_iter().flatten();
    for code in parties.filter_map(|party| party.value.codice.as_deref()) {
        marks.push(mark(if code.len() == 11 { "piva" } else { "cf" }, code));
    }
    // `pratica edilizia 87/2019` is found by its number, and as a whole.
    for reference in &fields.riferimenti {
        marks.push(mark("rif", &reference.value));
        marks.extend(reference.value.split_whitespace().last().map(|number| mark("rif", number)));
    }
    marks.sort();
    marks.dedup();
    marks
}

/// Marks of a registration: with its year and without.
pub fn registration_marks(field: &str, numero: &str, anno: i16) -> [String; 2] {
    let number = numero.trim_start_matches('0');
    [mark(field, number), mark(field, &format!("{number}/{anno}"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Block, Line, Rect, Word};

    fn page(lines: &[&str]) -> PageText {
        let line = |text: &&str| {
            let word =
                |text: &str| Word { text: text.to_owned(), rect: Rect::default(), confidence: 90.0, alternatives: Vec::new() };
            Line { words: text.split_whitespace().map(word).collect() }
        };
        let blocks = vec![Block { lines: lines.iter().map(line).collect() }];
        PageText { n: 1, width: 100, height: 100, origin: "test".into(), rotation: 0, blocks }
    }

    #[test]
    fn a_word_divided_at_the_end_of_a_line_is_one_word() {
        let mut text = Running::default();
        text.page(&page(&["permesso di costru-", "zione del 12-", "2024 - Rossi-", "Bianchi"]));
        text.page(&page(&["seconda"]));
        assert_eq!(text.plain, "permesso di costruzione del 12-\n2024 - Rossi-\nBianchi\u{c}seconda");
    }

    #[test]
    fn the_text_of_one_document_ends_at_its_ceiling() {
        let of = |bytes: usize| {
            let mut text = Running::default();
            text.page(&page(&[&"x".repeat(bytes)]));
            text.plain.len()
        };
        assert_eq!(of(PLAIN_BYTES_MAX), PLAIN_BYTES_MAX);
        assert_eq!(of(PLAIN_BYTES_MAX + 1), PLAIN_BYTES_MAX);
    }
}
