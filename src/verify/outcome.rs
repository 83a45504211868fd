//! How is the verdict told? As text for the terminal, as JSON of the contract, as a page of its own.

use crate::finding::{Finding, Severity};
use crate::messages::{Lang, Message, label};
use crate::sign::Signature;

use super::eark::Requirement;
use super::findings::Findings;
use super::inspect::page;
use super::names::is_invisible;

/// The verdict on one package.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The package as it was named by whoever asked.
    pub package: String,
    /// Its profile: `agid`, `sincro`, `sincro-2010`, `bagit`, `eark`, `sacer`, `manifest`, or `unknown`.
    pub profile: String,
    /// True if there is no finding of severity error.
    pub ok: bool,
    /// Number of its files.
    pub files: u64,
    /// All findings, the gravest first; of more than ten thousand of one severity a last one says how many more there are.
    pub findings: Vec<Finding>,
    /// How many findings there are of each severity, listed or not.
    counts: [u64; 3],
    /// Of a signed file, or of a package with seals: every signature.
    pub signatures: Vec<Signature>,
    /// Of an E-ARK package: the verdict on each requirement.
    pub requirements: Vec<Requirement>,
}

impl Report {
    pub(super) fn new(package: String, profile: &str, files: u64, findings: Findings) -> Self {
        let (findings, counts) = findings.into_list();
        let ok = counts[Severity::Error as usize] == 0;
        Self {
            package,
            profile: profile.to_owned(),
            ok,
            files,
            findings,
            counts,
            signatures: Vec::new(),
            requirements: Vec::new(),
        }
    }

    /// How many findings have that severity, those with them that are too many to be listed.
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts[severity as usize]
    }

    /// The JSON of the contract (design.md section 5), with the words in `lang`.
    pub fn json(&self, lang: Lang) -> serde_json::Value {
        let mut json = serde_json::json!({
            "package": self.package, "profile": self.profile, "ok": self.ok, "files": self.files,
            "findings": self.findings.iter().map(|finding| finding.json(lang)).collect::<Vec<_>>(),
        });
        if !self.signatures.is_empty() {
            json["signatures"] = serde_json::json!(self.signatures);
        }
        if !self.requirements.is_empty() {
            let rows = self
                .requirements
                .iter()
                .map(|one| serde_json::json!({"id": one.id, "level": one.level, "path": one.path, "verdict": one.verdict}));
            json["requirements"] = rows.collect();
        }
        json
    }

    /// The verdict in a sentence.
    pub fn verdict(&self, lang: Lang) -> String {
        let is_signed_file = ["cades", "timestamp", "tsd", "pades", "xades", "asic"].contains(&self.profile.as_str());
        let code = match (self.ok, self.count(Severity::Warning)) {
            (true, 0) if is_signed_file => "verdict-signed-good",
            (true, _) if is_signed_file => "verdict-signed-warned",
            (false, _) if is_signed_file => "verdict-signed-bad",
            (true, 0) => "verdict-good",
            (true, _) => "verdict-good-warned",
            (false, _) => "verdict-bad",
        };
        let message = Message::new(code).with("files", self.files).with("errors", self.count(Severity::Error));
        message.with("warnings", self.count(Severity::Warning)).sentence(lang)
    }

    /// The whole report for a terminal: verdict, then one finding after another with its place and its advice.
    pub fn text(&self, lang: Lang) -> String {
        let mut text = format!("{}\n{}\n", visible(&self.package), self.verdict(lang));
        for finding in &self.findings {
            let word = label(severity_code(finding.severity), lang);
            put(
                &mut text,
                format_args!("\n  {word} [{}] {}\n", finding.message.code(), visible(&finding.message.sentence(lang))),
            );
            let place = where_is(finding);
            if !place.is_empty() {
                put(&mut text, format_args!("      {}\n", visible(&place)));
            }
            let advice = finding.message.advice(lang);
            if !advice.is_empty() {
                put(&mut text, format_args!("      {}\n", visible(&advice)));
            }
        }
        text
    }
}

/// The catalogue code of the word for a severity.
pub(super) fn severity_code(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "severity-error",
        Severity::Warning => "severity-warning",
        Severity::Note => "severity-note",
    }
}

/// Appends to a text; writing to a string cannot fail.
pub(super) fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    use std::fmt::Write as _;
    let _ = text.write_fmt(what);
}

/// File, place and clause of a finding in one line.
pub(super) fn where_is(finding: &Finding) -> String {
    let parts = [&finding.path, &finding.place, &finding.clause];
    parts.iter().filter(|part| !part.is_empty()).map(|part| part.as_str()).collect::<Vec<_>>().join(" · ")
}

/// `text` without what could drive a terminal or turn its reading order: such signs are shown by number.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) { put(&mut out, format_args!("⟨U+{:04X}⟩", u32::from(c))) } else { out.push(c) }
    }
    out
}

/// The report as one self-contained HTML page.
pub fn report_html(report: &Report, lang: Lang) -> String {
    page::report(report, lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_cannot_drive_the_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202E}c"), "a⟨U+001B⟩[2Jb⟨U+202E⟩c");
    }
}
