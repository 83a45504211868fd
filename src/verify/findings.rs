//! How are findings gathered? All of them, in order of weight, up to a ceiling that is said aloud when it is met.

use crate::finding::{Finding, Severity};
use crate::messages::Message;

/// Most findings of one severity kept of a package: a hostile one could have millions, a large one the same warning of each document.
pub(super) const FINDINGS_MAX: usize = 10_000;

/// Why a file cannot be read, as a finding about it.
pub(super) type Fault = Box<Finding>;

/// The findings of one run.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    kept: BySeverity,
    left_out: BySeverity,
}

/// How many findings there are of each severity.
type BySeverity = [u64; 3];

impl Findings {
    /// Adds one.
    pub(super) fn push(&mut self, finding: Finding) {
        let kept = &mut self.kept[finding.severity as usize];
        if *kept < FINDINGS_MAX as u64 {
            *kept += 1;
            self.list.push(finding);
        } else {
            self.left_out[finding.severity as usize] += 1;
        }
    }

    /// Adds many.
    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// Adds those of another run, and how many it has left out.
    pub(super) fn absorb(&mut self, other: Self) {
        self.extend(other.list);
        for (mine, theirs) in self.left_out.iter_mut().zip(other.left_out) {
            *mine += theirs;
        }
    }

    /// All of them, the gravest first, otherwise in the order in which they were met; and how many there are of each severity, those
    /// with them that are not kept, of which the last of their severity speaks.
    pub(super) fn into_list(mut self) -> (Vec<Finding>, BySeverity) {
        for (severity, left_out) in [Severity::Error, Severity::Warning, Severity::Note].into_iter().zip(self.left_out) {
            self.kept[severity as usize] += left_out;
            if left_out > 0 {
                self.list.push(Finding { severity, ..error("findings-cut").value("count", left_out) });
            }
        }
        self.list.sort_by_key(|finding| finding.severity);
        (self.list, self.kept)
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
        assert_eq!(findings.into_list().0.len(), FINDINGS_MAX);
    }

    #[test]
    fn warnings_beyond_the_ceiling_are_counted_and_hide_no_error_that_comes_after_them() {
        let (mut findings, mut others) = (Findings::default(), Findings::default());
        findings.extend((0..=FINDINGS_MAX).map(|_| warning("package-prova")));
        others.extend((0..=FINDINGS_MAX).map(|_| warning("package-prova")));
        others.push(error("package-unknown"));
        findings.absorb(others);
        let (list, count) = findings.into_list();
        assert_eq!(list.first().map(|finding| finding.message.code()), Some("package-unknown"));
        let cut = list.last().unwrap();
        assert_eq!((cut.severity, cut.message.code()), (Severity::Warning, "findings-cut"));
        assert_eq!(cut.message.value("count"), Some("10002"));
        assert_eq!((list.len(), count), (FINDINGS_MAX + 2, [1, 20_002, 0]));
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
