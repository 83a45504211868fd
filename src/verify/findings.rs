//! How are findings gathered? All of them, in order of weight, up to a ceiling that is said aloud when it is met.

use crate::finding::{Finding, Severity};
use crate::messages::Message;

/// Most findings kept of one package: a hostile one could have millions.
pub(super) const FINDINGS_MAX: usize = 10_000;

/// Why a file cannot be read, as a finding about it.
pub(super) type Fault = Box<Finding>;

/// The findings of one run.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    left_out: u64,
}

impl Findings {
    /// Adds one.
    pub(super) fn push(&mut self, finding: Finding) {
        if self.list.len() < FINDINGS_MAX { self.list.push(finding) } else { self.left_out += 1 }
    }

    /// Adds many.
    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// Adds those of another run, and how many it has left out.
    pub(super) fn absorb(&mut self, other: Self) {
        self.extend(other.list);
        self.left_out += other.left_out;
    }

    /// All of them, the gravest first, otherwise in the order in which they were met.
    pub(super) fn into_list(mut self) -> Vec<Finding> {
        if self.left_out > 0 {
            // An error, since among those left out there may be errors.
            self.list.push(error("findings-cut").value("count", self.left_out));
        }
        self.list.sort_by_key(|finding| finding.severity);
        self.list
    }
}

/// A broken rule; the words are the catalogue entry `code`.
pub(super) fn error(code: &'static str) -> Finding {
    Finding::new(Severity::Error, Message::new(code))
}

/// Worth a person's eye.
pub(super) fn warning(code: &'static str) -> Finding {
    Finding::new(Severity::Warning, Message::new(code))
}

/// Said for completeness.
pub(super) fn note(code: &'static str) -> Finding {
    Finding::new(Severity::Note, Message::new(code))
}

/// Fills one placeholder of a finding's sentence.
pub(super) trait Valued {
    /// The finding with the value of one placeholder, cut to a length that a sentence can bear.
    #[must_use]
    fn value(self, name: &'static str, value: impl std::fmt::Display) -> Self;
}

impl Valued for Finding {
    fn value(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.message = self.message.with(name, shortened(&value.to_string(), 300));
        self
    }
}

/// `text` cut to at most `most` characters, with an ellipsis where something was cut.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Lang;

    #[test]
    fn the_last_finding_below_the_ceiling_is_kept() {
        let mut findings = Findings::default();
        findings.extend((0..FINDINGS_MAX).map(|_| note("package-prova")));
        assert_eq!(findings.into_list().len(), FINDINGS_MAX);
    }

    #[test]
    fn the_first_finding_above_the_ceiling_is_said_to_be_left_out() {
        let mut findings = Findings::default();
        findings.extend((0..=FINDINGS_MAX).map(|_| note("package-prova")));
        let list = findings.into_list();
        assert_eq!((list.len(), list[0].message.code()), (FINDINGS_MAX + 1, "findings-cut"));
    }

    #[test]
    fn every_code_in_the_sources_of_this_room_has_its_words_in_both_languages() {
        let call =
            regex::Regex::new(r#"\b(?:error|warning|note|label|refuse|new)\(\s*"([a-z][a-z0-9]*(?:-[a-z0-9]+)+)""#).unwrap();
        let mut seen = 0;
        for entry in walkdir::WalkDir::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/verify")) {
            let entry = entry.unwrap();
            if entry.path().extension().is_some_and(|e| e == "rs") {
                let source = std::fs::read_to_string(entry.path()).unwrap();
                for found in call.captures_iter(&source) {
                    let message = Message::new(&found[1]);
                    for lang in [Lang::It, Lang::En] {
                        assert!(
                            !message.sentence(lang).starts_with(&found[1]),
                            "{} has no words ({})",
                            &found[1],
                            entry.path().display()
                        );
                    }
                    seen += 1;
                }
            }
        }
        assert!(seen > 60, "only {seen} codes were found in the sources");
    }
}
