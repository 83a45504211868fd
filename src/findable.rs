//! By what is a document found? Its words as the index keeps them, and what was asked of the index.
//!
//! The store only keeps and compares these words: `search` makes them, of documents and of questions alike, so that both sides
//! are folded and stemmed by one hand.

/// Most bytes of plain text kept of one document: some three thousand full pages. What stands behind them is not found.
pub const PLAIN_BYTES_MAX: usize = 8 << 20;

/// What the index keeps of one document.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Findable {
    /// Words of the subject.
    pub oggetto: String,
    /// Words of whom it comes from.
    pub mittente: String,
    /// Words of whom it goes to.
    pub destinatario: String,
    /// Words of its pages.
    pub testo: String,
    /// Marks of its fields, see [`mark`].
    pub campi: String,
    /// The pages as they are shown in a snippet, a form feed between them.
    pub plain: String,
    /// True if its words are for those only who have the right (rule N-14).
    pub riservato: bool,
}

/// Names no content: it holds a document's words (invariant 13).
impl std::fmt::Debug for Findable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Findable").field("bytes", &self.plain.len()).field("riservato", &self.riservato).finish_non_exhaustive()
    }
}

/// One word of the column of marks: the field and its value in lower case, anything but letters and figures as `_`. No word of
/// a text holds that sign, so that no text can pass for a field.
pub fn mark(field: &str, value: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("{field}_{}", value.chars().map(plain).collect::<String>())
}

/// What is asked of the index, in the engine's own language; every word in it was folded and stemmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(pub String);

impl Expression {
    /// Documents that bear one of these marks.
    pub fn marked(marks: &[String]) -> Self {
        let marks: Vec<String> = marks.iter().map(|mark| format!("\"{}\"", mark.replace('"', ""))).collect();
        Self(format!("{{campi}} : ({})", marks.join(" OR ")))
    }
}

/// What a document shows of itself in an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its plain text.
    pub plain: String,
    /// True if only those with the right may see it.
    pub riservato: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_one_word_that_no_text_can_hold() {
        assert_eq!(mark("fasc", "2024/VI.3/1"), "fasc_2024_vi_3_1");
        assert_eq!(mark("cf", "RSSMRA85T10A562S"), "cf_rssmra85t10a562s");
    }

    #[test]
    fn what_is_shown_for_debugging_holds_no_words() {
        let findable = Findable { plain: "Maria Rossi".into(), testo: "mari ross".into(), ..Findable::default() };
        let shown = format!("{findable:?}");
        assert!(shown.contains("11") && !shown.to_lowercase().contains("ross"), "{shown}");
    }
}
