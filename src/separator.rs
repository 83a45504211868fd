//! Which sheets separate documents, and what does one of ours say? The setting of an inbox, and the text of its codes.
//!
//! The text is a format that outlives releases (docs/separators.md): version first, keys in a fixed order, a check at the end.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::given::{self, Given, Registrazione, VALUE_BYTES_MAX};
use crate::messages::Message;

/// What every text of ours begins with: name and version of the format.
pub const VERSION: &str = "CONSERVA1";
/// Longest text of a separator, bytes: more makes the squares of its code too small for a worn sheet.
pub const TEXT_BYTES_MAX: usize = 300;
/// Most sheets of one set, and most sheets of one document that a separator may declare.
pub const COUNT_MAX: u32 = 1_000;
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

/// Which of how many sheets of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Numero {
    /// From 1.
    pub n: u32,
    /// How many there are.
    pub of: u32,
}

/// What a separator of ours says. It speaks of its own document only, the one that follows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Separator {
    /// IPA code of the ente.
    pub ente: String,
    /// Profile of the inbox that it is for.
    pub profilo: String,
    /// The set, and the lot of what is scanned with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lotto: Option<String>,
    /// Its number in the set; none of one that is used over and over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numero: Option<Numero>,
    /// Sheets of its document, counted by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fogli: Option<u32>,
    /// Voce of the Titolario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voce: Option<String>,
    /// What ties the document to its fascicolo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fascicolo: Option<String>,
    /// Registration of the document: number, year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocollo: Option<(String, i16)>,
    /// Who prepared the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operatore: Option<String>,
}

/// What the text of a code turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing of ours.
    Foreign,
    /// A separator of ours, with its check.
    Sheet(Box<Separator>, String),
    /// The bar code of a separator of ours: its number in the set, and the check of the text in the QR code.
    Tag(Option<Numero>, String),
    /// It begins as ours do, and is not understood: damaged, or of a later version.
    Strange,
}

impl Separator {
    /// The text of its QR code.
    pub fn text(&self) -> String {
        let numero = self.numero.map(|numero| format!("{}/{}", numero.n, numero.of));
        let protocollo = self.protocollo.as_ref().map(|(numero, anno)| format!("{numero}/{anno}"));
        let fogli = self.fogli.map(|fogli| fogli.to_string());
        let said = [
            ("ente", Some(&self.ente)),
            ("prof", Some(&self.profilo)),
            ("lotto", self.lotto.as_ref()),
            ("n", numero.as_ref()),
            ("fogli", fogli.as_ref()),
            ("voce", self.voce.as_ref()),
            ("fasc", self.fascicolo.as_ref()),
            ("prot", protocollo.as_ref()),
            ("op", self.operatore.as_ref()),
        ];
        let mut text = VERSION.to_owned();
        for (key, value) in said.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            _ = write!(text, ";{key}={}", guarded(value));
        }
        let check = check(&text);
        format!("{text};c={check}")
    }

    /// The text of its bar code: enough to know that a separator lies here when the QR code cannot be read.
    pub fn tag(&self) -> String {
        let text = self.text();
        let check = text.rsplit_once(";c=").map_or("", |(_, check)| check);
        match self.numero {
            Some(Numero { n, of }) => format!("{VERSION}B;n={n}/{of};c={check}"),
            None => format!("{VERSION}B;c={check}"),
        }
    }

    /// What it says of its document. `page` is where it lay.
    pub fn given(&self, page: u32) -> Given {
        let numero = self.numero.map(|numero| format!(" {}/{}", numero.n, numero.of)).unwrap_or_default();
        let registrazione = self.protocollo.as_ref().and_then(|(numero, anno)| {
            Some(Registrazione { amministrazione: None, numero: given::numero(numero)?, anno: *anno, data: None, verso: None })
        });
        Given {
            origin: format!("separator {}{numero}, p. {page}", self.lotto.as_deref().unwrap_or("-")),
            voce: self.voce.clone(),
            fascicolo: self.fascicolo.clone(),
            registrazione,
            lotto: self.lotto.clone(),
            ..Given::default()
        }
    }
}

/// What the text of a code says.
pub fn parse(text: &str) -> Said {
    let Some(rest) = text.strip_prefix("CONSERVA") else { return Said::Foreign };
    // `CONSERVAZIONE` is a word; a version is a number.
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return Said::Foreign;
    }
    if text.len() > TEXT_BYTES_MAX {
        return Said::Strange;
    }
    let parsed = match text.strip_prefix(VERSION) {
        Some(rest) if rest.starts_with("B;") => tag(&rest[1..]),
        Some(rest) if rest.starts_with(';') => sheet(text),
        _ => None,
    };
    parsed.unwrap_or(Said::Strange)
}

fn sheet(text: &str) -> Option<Said> {
    let (before, told) = text.rsplit_once(";c=")?;
    if check(before) != told {
        return None;
    }
    let mut separator = Separator::default();
    let mut last = 0;
    for pair in before.strip_prefix(VERSION)?.strip_prefix(';')?.split(';') {
        let (key, value) = pair.split_once('=')?;
        let value = plain(value)?;
        let keys = ["ente", "prof", "lotto", "n", "fogli", "voce", "fasc", "prot", "op"];
        let place = keys.iter().position(|known| *known == key)? + 1;
        if place <= last {
            return None;
        }
        last = place;
        match key {
            "ente" => separator.ente = value,
            "prof" => separator.profilo = value,
            "lotto" => separator.lotto = Some(value),
            "n" => separator.numero = Some(numero(&value)?),
            "fogli" => separator.fogli = Some(value.parse().ok().filter(|fogli| (1..=COUNT_MAX).contains(fogli))?),
            "voce" => separator.voce = Some(value),
            "fasc" => separator.fascicolo = Some(value),
            "prot" => separator.protocollo = Some(protocollo(&value)?),
            _ => separator.operatore = Some(value),
        }
    }
    let is_whole = !separator.ente.is_empty() && !separator.profilo.is_empty();
    is_whole.then(|| Said::Sheet(Box::new(separator), told.to_owned()))
}

fn tag(rest: &str) -> Option<Said> {
    let rest = rest.strip_prefix(';')?;
    let (number, check) = match rest.split_once(";c=") {
        Some((number, check)) => (Some(numero(number.strip_prefix("n=")?)?), check),
        None => (None, rest.strip_prefix("c=")?),
    };
    let is_check = check.len() == 8 && check.bytes().all(|b| b.is_ascii_hexdigit());
    is_check.then(|| Said::Tag(number, check.to_owned()))
}

fn numero(text: &str) -> Option<Numero> {
    let (n, of) = text.split_once('/')?;
    let (n, of) = (n.parse().ok()?, of.parse().ok()?);
    ((1..=COUNT_MAX).contains(&of) && (1..=of).contains(&n)).then_some(Numero { n, of })
}

/// `4512/2024`: number and year of a registration.
pub fn protocollo(text: &str) -> Option<(String, i16)> {
    let (number, year) = text.split_once('/')?;
    let anno: i16 = year.parse().ok().filter(|anno| (1900..=2999).contains(anno))?;
    Some((given::numero(number)?, anno))
}

/// The check of a text: its CRC-32, eight hexadecimal digits.
fn check(text: &str) -> String {
    format!("{:08X}", crc32fast::hash(text.as_bytes()))
}

/// A value without the signs that the format uses, in plain ASCII: the others as `%` and two digits for each byte of UTF-8.
fn guarded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b' '..=b'~' if !matches!(byte, b';' | b'%' | b'=') => out.push(char::from(byte)),
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}

fn plain(value: &str) -> Option<String> {
    let is_ascii = value.bytes().all(|b| matches!(b, b' '..=b'~'));
    let text = percent_encoding::percent_decode_str(value).decode_utf8().ok()?.into_owned();
    let is_good = is_ascii && !text.trim().is_empty() && text.len() <= VALUE_BYTES_MAX && !text.chars().any(char::is_control);
    is_good.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Separator {
        Separator {
            ente: "c_x912".into(),
            profilo: "edilizia".into(),
            lotto: Some("L-2024;07=à%".into()),
            numero: Some(Numero { n: 3, of: 7 }),
            fogli: Some(12),
            voce: Some("VI.3".into()),
            fascicolo: Some("pratica 87/2019".into()),
            protocollo: Some(("0004512".into(), 2024)),
            operatore: Some("mrossi".into()),
        }
    }

    #[test]
    fn what_a_separator_says_is_what_is_read() {
        for separator in [full(), Separator { ente: "c_x912".into(), profilo: "p".into(), ..Separator::default() }] {
            let text = separator.text();
            assert!(text.is_ascii(), "{text}");
            let check = text.rsplit_once(";c=").expect("a check").1.to_owned();
            assert_eq!(parse(&text), Said::Sheet(Box::new(separator.clone()), check.clone()));
            assert_eq!(parse(&separator.tag()), Said::Tag(separator.numero, check));
        }
    }

    /// The text of the first release: whatever comes later reads it.
    #[test]
    fn the_text_of_a_printed_sheet_is_read_for_ever() {
        let printed = "CONSERVA1;ente=c_x912;prof=edilizia;lotto=L1;n=3/7;fogli=12;voce=VI.3;fasc=pratica 87/2019;prot=0004512/2024;op=mrossi";
        let text = format!("{printed};c={}", check(printed));
        assert!(matches!(parse(&text), Said::Sheet(sheet, _) if sheet.lotto.as_deref() == Some("L1") && sheet.fogli == Some(12)));
        assert_eq!(check("CONSERVA1;ente=c_x912;prof=edilizia"), "942009CE");
    }

    #[test]
    fn a_text_that_is_damaged_or_of_a_later_version_is_strange_and_others_are_foreign() {
        let text = full().text();
        for strange in [text.replace("VI.3", "VI.4"), text.replace("CONSERVA1", "CONSERVA2"), text[..40].to_owned()] {
            assert_eq!(parse(&strange), Said::Strange, "{strange}");
        }
        let unknown = "CONSERVA1;ente=a;prof=b;zeta=1";
        assert_eq!(parse(&format!("{unknown};c={}", check(unknown))), Said::Strange);
        let turned = "CONSERVA1;prof=b;ente=a";
        assert_eq!(parse(&format!("{turned};c={}", check(turned))), Said::Strange);
        for foreign in ["PATCHT", "CONSERVAZIONE", "", "https://conserva.example"] {
            assert_eq!(parse(foreign), Said::Foreign, "{foreign}");
        }
    }

    #[test]
    fn a_text_a_number_and_a_count_have_a_last_value_that_passes() {
        let long = |n: usize| Separator { fascicolo: Some("f".repeat(n)), ..full() }.text();
        let room = TEXT_BYTES_MAX - long(1).len() + 1;
        assert!(matches!(parse(&long(room)), Said::Sheet(..)));
        assert_eq!(parse(&long(room + 1)), Said::Strange);
        for (n, of, is_good) in [(1, 1, true), (1_000, 1_000, true), (1, 1_001, false), (2, 1, false), (0, 1, false)] {
            assert_eq!(numero(&format!("{n}/{of}")).is_some(), is_good, "{n}/{of}");
        }
        let declared = |fogli| parse(&Separator { fogli: Some(fogli), ..full() }.text());
        assert!(matches!(declared(1_000), Said::Sheet(..)));
        assert_eq!((declared(1_001), declared(0)), (Said::Strange, Said::Strange));
    }

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
