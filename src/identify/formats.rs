//! What does the house know of each format? One table, compiled in: `formats.tsv`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::document::{Format, Verdict};
use crate::messages::Message;

/// What may become of a file of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The house reads its pages.
    Pages,
    /// The house reads its words, which stand on no page.
    Text,
    /// Kept, its text not read yet.
    Unread,
    /// Holds other files, or data, that the room `open` takes out.
    Envelope,
    /// Waits to be opened.
    Container,
    /// A program: refused.
    Executable,
    /// Nobody knows what it is: refused.
    Unknown,
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Known {
    key: &'static str,
    puid: &'static str,
    mime: &'static str,
    name: &'static str,
    version: &'static str,
    verdict: Verdict,
    rule: &'static str,
    way: Way,
    extensions: Vec<&'static str>,
}

/// What an eye for one family of formats saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Key of the table; an unknown key stands for the unknown format.
    pub(super) key: String,
    /// Version as the file states it, where it says more than the table.
    pub(super) version: Option<String>,
    /// Claims read, not checked.
    pub(super) claims: Vec<String>,
    /// It carries or is a signature.
    pub(super) signed: bool,
    /// It is encrypted.
    pub(super) encrypted: bool,
    /// It acts when opened.
    pub(super) active: Option<String>,
    /// What is missing at its end.
    pub(super) missing: Option<String>,
    /// Further warnings.
    pub(super) warnings: Vec<Message>,
}

impl Seen {
    /// A sight of the format `key` and nothing else yet.
    pub(super) fn of(key: impl Into<String>) -> Self {
        Self { key: key.into(), ..Self::default() }
    }

    /// Says what is missing, in words both languages share (names of structures).
    #[must_use]
    pub(super) fn missing(mut self, what: Option<impl std::fmt::Display>) -> Self {
        self.missing = self.missing.or_else(|| what.map(|w| w.to_string()));
        self
    }
}

/// The format that was seen, with the verdict of Allegato 2.
pub(super) fn format_of(seen: Seen, extension: &str) -> Format {
    let known = row(&seen.key);
    let (mut verdict, mut rule) = (known.verdict, known.rule.to_owned());
    let mut warnings = Vec::new();
    if let Some(what) = &seen.missing {
        warnings.push(Message::new("file-truncated").with("format", known.name).with("what", what));
    }
    if let Some(what) = &seen.active {
        warnings.push(Message::new("active-content").with("format", known.name).with("what", what));
    }
    if (seen.active.is_some() || seen.encrypted) && verdict != Verdict::Rifiutato {
        (verdict, rule) = (Verdict::DaConvertire, "T-06".to_owned());
    }
    if contradicts(known, extension) {
        warnings.push(Message::new("extension-contradicts").with("extension", extension).with("format", known.name));
    }
    warnings.extend(seen.warnings);
    Format {
        puid: some(known.puid),
        mime: known.mime.to_owned(),
        name: known.name.to_owned(),
        version: seen.version.or_else(|| some(known.version)),
        claims: seen.claims,
        signed: seen.signed,
        encrypted: seen.encrypted,
        verdict,
        rule,
        warnings,
    }
}

/// The way of a format, found again by what [`Format`] keeps of it.
pub(super) fn way_of(format: &Format) -> Way {
    let same = |known: &&Known| known.mime == format.mime && known.name == format.name && some(known.puid) == format.puid;
    table().values().find(same).map_or(Way::Unknown, |known| known.way)
}

/// True if the extension belongs to other formats and not to this one (rule T-05: the extension only contradicts).
fn contradicts(known: &Known, extension: &str) -> bool {
    known.way != Way::Unknown
        && !known.extensions.contains(&extension)
        && table().values().any(|other| other.extensions.contains(&extension))
}

fn row(key: &str) -> &'static Known {
    static UNKNOWN: Known = Known {
        key: "unknown",
        puid: "",
        mime: "application/octet-stream",
        name: "?",
        version: "",
        verdict: Verdict::Rifiutato,
        rule: "T-07",
        way: Way::Unknown,
        extensions: Vec::new(),
    };
    table().get(key).unwrap_or(&UNKNOWN)
}

fn table() -> &'static BTreeMap<&'static str, Known> {
    static TABLE: OnceLock<BTreeMap<&'static str, Known>> = OnceLock::new();
    TABLE.get_or_init(|| include_str!("formats.tsv").lines().filter_map(parse).map(|known| (known.key, known)).collect())
}

/// One line of the table; comments and lines that do not fit are `None` (a test sees that every other line fits).
fn parse(line: &'static str) -> Option<Known> {
    if line.starts_with('#') {
        return None;
    }
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    Some(Known {
        key: next()?,
        puid: next()?,
        mime: next()?,
        name: next()?,
        version: next()?,
        verdict: match next()? {
            "accettato" => Verdict::Accettato,
            "da_convertire" => Verdict::DaConvertire,
            "rifiutato" => Verdict::Rifiutato,
            _ => return None,
        },
        rule: next()?,
        way: match next()? {
            "pages" => Way::Pages,
            "text" => Way::Text,
            "envelope" => Way::Envelope,
            "unread" => Way::Unread,
            "container" => Way::Container,
            "executable" => Way::Executable,
            "unknown" => Way::Unknown,
            _ => return None,
        },
        extensions: next()?.split(' ').filter(|e| !e.is_empty()).collect(),
    })
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_no_key_stands_twice() {
        let lines: Vec<_> = include_str!("formats.tsv").lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
        assert!(lines.iter().all(|line| parse(line).is_some()));
        assert_eq!(table().len(), lines.len());
    }

    #[test]
    fn the_way_of_a_format_is_found_again_from_what_is_stored() {
        for known in table().values() {
            let format = format_of(Seen::of(known.key), "");
            assert_eq!(way_of(&format), known.way, "{}", known.key);
        }
    }
}
