//! Which sheets separate the documents of a batch? The setting of an inbox.

use serde::{Deserialize, Serialize};

use crate::messages::Message;

/// Most texts of foreign bar codes that one inbox may name, and the longest of them, bytes.
const TEXTS_MAX: usize = 16;
const FOREIGN_BYTES_MAX: usize = 80;
/// Most pages of a document that is cut off by counting.
const PAGES_MAX: u32 = 5_000;
/// What generic separator sheets say in a bar code.
const PATCH_T: &str = "PATCHT";

/// A kind of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeKind {
    /// QR code.
    Qr,
    /// Code 128.
    Code128,
    /// Code 39.
    Code39,
    /// Patch code T.
    PatchT,
}

/// `separators` of an inbox: which sheets separate the documents of a batch. Without it nothing is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Separators {
    /// The codes that are looked for. Separators of ours are known by their QR code, foreign ones by bar code or patch code.
    pub codes: Vec<CodeKind>,
    /// Texts of bar codes on separator sheets; a `*` at the end stands for anything.
    pub texts: Vec<String>,
    /// Texts of codes on the first page of a document, which stays its first page; a `*` at the end stands for anything.
    pub starts: Vec<String>,
    /// True where a blank sheet separates, blank on both sides where `sides` is 2.
    pub blank: bool,
    /// Every document has so many pages; 0 where they are not counted.
    pub pages: u32,
    /// Pages that a sheet gives: 2 where both sides are scanned, blank or not.
    pub sides: u32,
    /// True where a batch in which nothing separates is held.
    pub required: bool,
    /// The scanner, as the record of a batch names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

impl Default for Separators {
    fn default() -> Self {
        Self {
            codes: Vec::new(),
            texts: vec![PATCH_T.to_owned()],
            starts: Vec::new(),
            blank: false,
            pages: 0,
            sides: 1,
            required: true,
            device: None,
        }
    }
}

impl Separators {
    /// True where nothing is looked for.
    pub fn is_off(&self) -> bool {
        self.codes.is_empty() && !self.blank && self.pages == 0
    }

    /// What is wrong with the first setting that is out of its bounds.
    pub fn fault(&self) -> Option<Message> {
        let bounds = |key: &str, least: u32, most: u32| {
            Some(Message::new("config-bounds").with("key", key).with("least", least).with("most", most))
        };
        if self.pages > PAGES_MAX {
            return bounds("pages", 0, PAGES_MAX);
        }
        if !(1..=2).contains(&self.sides) {
            return bounds("sides", 1, 2);
        }
        if self.pages > 0 && (self.blank || !self.codes.is_empty() || !self.pages.is_multiple_of(self.sides)) {
            return Some(Message::new("config-separators"));
        }
        for (key, texts) in [("texts", &self.texts), ("starts", &self.starts)] {
            if texts.len() > TEXTS_MAX {
                return Some(Message::new("config-many").with("key", key).with("most", TEXTS_MAX));
            }
        }
        let is_good = |text: &String| (1..=FOREIGN_BYTES_MAX).contains(&text.len()) && text != "*";
        let named = self.device.iter();
        let wrong = |key: &str| Message::new("config-length").with("key", key).with("least", 1).with("most", FOREIGN_BYTES_MAX);
        let all = [("texts", self.texts.iter().all(is_good)), ("starts", self.starts.iter().all(is_good))];
        let wrongs = all.into_iter().chain([("device", named.clone().all(is_good))]);
        wrongs.into_iter().find(|(_, is_good)| !is_good).map(|(key, _)| wrong(key))
    }

    /// True of the text of a bar code on a separator sheet.
    pub fn separates(&self, text: &str) -> bool {
        fits(&self.texts, text)
    }

    /// True of the text of a code on the first page of a document.
    pub fn begins(&self, text: &str) -> bool {
        fits(&self.starts, text)
    }

    /// The codes that are looked for on a page: where QR codes are, the bar code of our own sheets is too.
    pub fn wanted(&self) -> Vec<CodeKind> {
        let mut wanted = self.codes.clone();
        if wanted.contains(&CodeKind::Qr) {
            wanted.push(CodeKind::Code128);
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }
}

fn fits(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(begin) => text.starts_with(begin),
        None => text == pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_a_last_value_that_passes_and_a_first_that_does_not() {
        type Case = (fn(&mut Separators, usize), usize, usize);
        let cases: Vec<Case> = vec![
            (|s, n| s.pages = n as u32, 5_000, 5_001),
            (|s, n| s.sides = n as u32, 2, 3),
            (|s, n| s.sides = n as u32, 1, 0),
            (|s, n| s.texts = vec!["A".into(); n], 16, 17),
            (|s, n| s.texts = vec!["A".repeat(n)], 80, 81),
            (|s, n| s.starts = vec!["A".repeat(n)], 1, 0),
            (|s, n| s.device = Some("A".repeat(n)), 80, 81),
        ];
        for (n, (set, last, first)) in cases.iter().enumerate() {
            let (mut good, mut bad) = (Separators::default(), Separators::default());
            set(&mut good, *last);
            set(&mut bad, *first);
            assert_eq!(good.fault(), None, "case {n}");
            assert!(bad.fault().is_some(), "case {n}");
        }
        for wrong in ["pages = 3\nblank = true", "pages = 3\ncodes = ['qr']", "pages = 3\nsides = 2", "texts = ['*']"] {
            assert!(toml::from_str::<Separators>(wrong).expect("separators").fault().is_some(), "{wrong}");
        }
        assert!(toml::from_str::<Separators>("code = ['qr']").is_err(), "an unknown key");
        assert!(toml::from_str::<Separators>("codes = ['ean']").is_err(), "an unknown code");
    }

    #[test]
    fn nothing_is_looked_for_unless_a_profile_says_so() {
        assert!(Separators::default().is_off());
        let qr = Separators { codes: vec![CodeKind::Qr], ..Separators::default() };
        assert_eq!(qr.wanted(), [CodeKind::Qr, CodeKind::Code128]);
        assert!(qr.separates("PATCHT") && !qr.separates("PATCHT2") && !qr.begins("ASN1"));
        let asn = Separators { starts: vec!["ASN*".into()], ..Separators::default() };
        assert!(asn.begins("ASN00123") && !asn.begins("XASN"));
    }
}
