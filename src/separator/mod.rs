//! What does a separator sheet of ours say? The text of its codes.
//!
//! The text is a format that outlives releases (docs/separators.md): version first, keys in a fixed order, a check at the end.

use std::fmt::Write as _;

mod setting;

use serde::{Deserialize, Serialize};

use crate::given::{self, Given, Registrazione, VALUE_BYTES_MAX};

pub use setting::{CodeKind, Separators};

/// What every text of ours begins with: name and version of the format.
pub const VERSION: &str = "CONSERVA1";
/// Longest text of a separator, bytes: more makes the squares of its code too small for a worn sheet.
pub const TEXT_BYTES_MAX: usize = 300;
/// Most sheets of one set, and most sheets of one document that a separator may declare.
pub const COUNT_MAX: u32 = 1_000;

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
}
