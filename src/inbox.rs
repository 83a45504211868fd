//! Which folders are watched, and how? One [`Inbox`] for each `[[inbox]]` table of `conserva.toml`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::given::{Given, VALUE_BYTES_MAX};
use crate::messages::Message;
use crate::separator::Separators;
use crate::stack::Duplex;

/// Most inboxes of one archive: each costs a thread while it is looked through and a watch of the kernel.
pub const INBOXES_MAX: usize = 256;
/// Longest of the times below, seconds: a day.
pub const SECONDS_MAX: u64 = 86_400;
/// Longest time that taken files are kept, days: ten years.
pub const TAKEN_DAYS_MAX: u64 = 3_650;
/// Most patterns of one inbox.
pub const PATTERNS_MAX: usize = 64;
/// Longest pattern, bytes: no name is longer.
const PATTERN_BYTES_MAX: usize = 255;
/// Longest name of a profile, bytes: it stands in every arrival's row and journal line.
pub const PROFILE_BYTES_MAX: usize = 32;
/// Ends of the names of documents: a pattern that fits all names with one of them is none of a marker.
const ENDS: [&str; 16] = [
    ".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png", ".xml", ".txt", ".eml", ".p7m", ".docx", ".odt", ".xlsx", ".zip", ".html",
    ".json",
];
/// The profile of the archive's own inbox, where none is configured.
const OWN: &str = "inbox";

/// A watched folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbox {
    /// The folder; a relative one lies in the archive.
    pub path: PathBuf,
    /// Name of the door, `[a-z0-9_-]{1,32}`, one for each inbox: it is part of what makes an arrival that arrival.
    pub profile: String,
    /// Seconds that a file must stand unchanged before it is admitted.
    pub settle_seconds: u64,
    /// Seconds between full looks, whatever the kernel tells or fails to tell.
    pub rescan_seconds: u64,
    /// Seconds that a file which ends early by its own format is waited for; then it is admitted as it is, and held.
    pub incomplete_seconds: u64,
    /// Seconds that a file which somebody has open for writing is waited for although nothing changes; then it is admitted
    /// as it is.
    pub open_seconds: u64,
    /// Seconds that a file without a sidecar must stand unchanged, where its sidecar may come after it; 0 where none does.
    pub sidecar_seconds: u64,
    /// Days that what was admitted stays in `.taken`; then it is deleted, if its bytes are in the archive. 0: for ever.
    pub taken_days: u64,
    /// Who wakes the look: the kernel, the clock, or whichever a test at the start shows to work.
    pub watching: Watching,
    /// What a sub-folder is.
    pub subfolders: Subfolders,
    /// How the sheets of a sub-folder that is one document went through the scanner: `two-pass` for a folder of two files,
    /// the front sides and, the stack turned over, the back sides.
    pub duplex: Duplex,
    /// Pattern of the file that a scanner drops when a folder's batch is whole; nothing of the folder is admitted before.
    pub end_marker: Option<String>,
    /// Patterns (`*`, `?`, case does not matter) of names that are no input, besides the fixed ones.
    pub ignore: Vec<String>,
    /// What is so of every file that comes in here, unless its sidecar or a person says otherwise.
    #[serde(skip_serializing_if = "Defaults::is_empty")]
    pub defaults: Defaults,
    /// Which sheets separate the documents of a batch; without it a file is one document.
    #[serde(skip_serializing_if = "is_off")]
    pub separators: Separators,
}

fn is_off(separators: &Separators) -> bool {
    *separators == Separators::default()
}

/// What an inbox says of its files: `defaults = { voce = "VI.3", riservato = true }`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// Voce of the Titolario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voce: Option<String>,
    /// Tipo code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tipo: Option<String>,
    /// What ties the documents to one fascicolo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fascicolo: Option<String>,
    /// True of documents whose access is restricted (Allegato 5, Riservato).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub riservato: Option<bool>,
}

impl Defaults {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            path: PathBuf::from(OWN),
            profile: OWN.to_owned(),
            settle_seconds: 2,
            rescan_seconds: 30,
            incomplete_seconds: 600,
            open_seconds: 21_600,
            sidecar_seconds: 0,
            taken_days: 30,
            watching: Watching::Auto,
            subfolders: Subfolders::Batch,
            duplex: Duplex::No,
            end_marker: None,
            ignore: Vec::new(),
            defaults: Defaults::default(),
            separators: Separators::default(),
        }
    }
}

/// Who wakes the look at an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Watching {
    /// Events where a test shows that they arrive, else polling.
    #[default]
    Auto,
    /// Events of the kernel, even if the test at the start misses its own.
    Events,
    /// The clock.
    Polling,
}

/// What a sub-folder of an inbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subfolders {
    /// A batch: each of its files is an input.
    #[default]
    Batch,
    /// One document with all that lies in it: one file or more a page, in the order of their names as a person counts.
    Document,
}

impl Inbox {
    /// The folder, seen from the archive in `root`.
    pub fn folder(&self, root: &Path) -> PathBuf {
        root.join(&self.path)
    }

    /// The door, as it stands in arrivals: `inbox`, or `inbox:PROFILE`.
    pub fn door(&self) -> String {
        if self.profile == OWN { OWN.to_owned() } else { format!("{OWN}:{}", self.profile) }
    }

    /// What is wrong with the first setting that is out of its bounds.
    pub fn fault(&self) -> Option<Message> {
        let is_pattern = |p: &String| !p.is_empty() && p.len() <= PATTERN_BYTES_MAX && !p.contains('/');
        if self.path.as_os_str().is_empty() {
            return Some(Message::new("config-empty").with("key", "path"));
        }
        if !is_profile(&self.profile) {
            return Some(Message::new("config-name").with("key", "profile").with("most", PROFILE_BYTES_MAX));
        }
        for (key, value, least) in [
            ("settle_seconds", self.settle_seconds, 0),
            ("rescan_seconds", self.rescan_seconds, 1),
            ("incomplete_seconds", self.incomplete_seconds, 0),
            ("open_seconds", self.open_seconds, 0),
            ("sidecar_seconds", self.sidecar_seconds, 0),
        ] {
            if !(least..=SECONDS_MAX).contains(&value) {
                return Some(Message::new("config-bounds").with("key", key).with("least", least).with("most", SECONDS_MAX));
            }
        }
        if self.taken_days > TAKEN_DAYS_MAX {
            return Some(Message::new("config-bounds").with("key", "taken_days").with("least", 0).with("most", TAKEN_DAYS_MAX));
        }
        if self.duplex != Duplex::No && self.subfolders != Subfolders::Document {
            return Some(Message::new("config-duplex"));
        }
        let texts = [&self.defaults.voce, &self.defaults.tipo, &self.defaults.fascicolo];
        if texts.into_iter().flatten().any(|text| text.trim().is_empty() || text.len() > VALUE_BYTES_MAX) {
            return Some(Message::new("config-length").with("key", "defaults").with("least", 1).with("most", VALUE_BYTES_MAX));
        }
        let is_of = |pattern: &str, end: &str| fits(pattern.as_bytes(), format!("documento di prova 0017{end}").as_bytes());
        if self.end_marker.as_ref().is_some_and(|pattern| ENDS.iter().any(|end| is_of(pattern, end))) {
            return Some(Message::new("config-marker"));
        }
        if self.ignore.iter().any(|pattern| ENDS.iter().all(|end| is_of(pattern, end))) {
            return Some(Message::new("config-ignore"));
        }
        if self.ignore.len() > PATTERNS_MAX {
            return Some(Message::new("config-many").with("key", "ignore").with("most", PATTERNS_MAX));
        }
        let patterns = [("ignore", self.ignore.iter().all(is_pattern)), ("end_marker", self.end_marker.iter().all(is_pattern))];
        let wrong = patterns.into_iter().find(|(_, is_good)| !is_good);
        let length = |key| Message::new("config-length").with("key", key).with("least", 1).with("most", PATTERN_BYTES_MAX);
        wrong.map(|(key, _)| length(key)).or_else(|| self.separators.fault())
    }

    /// What it says of every file, as a fact of its arrival; none where it says nothing.
    pub fn given(&self) -> Option<Given> {
        let said = self.defaults.clone();
        let given = Given {
            origin: format!("inbox default {}", self.profile),
            voce: said.voce,
            tipo: said.tipo,
            fascicolo: said.fascicolo,
            riservato: said.riservato,
            ..Given::default()
        };
        (!given.is_silent()).then_some(given)
    }

    /// True of a name that one of the `ignore` patterns fits.
    pub fn ignores(&self, name: &[u8]) -> bool {
        self.ignore.iter().any(|pattern| fits(pattern.as_bytes(), name))
    }

    /// True of the name of an end-of-batch marker.
    pub fn is_end_marker(&self, name: &[u8]) -> bool {
        self.end_marker.as_ref().is_some_and(|pattern| fits(pattern.as_bytes(), name))
    }
}

/// True of what may name a door, `[a-z0-9_-]{1,32}`.
pub fn is_profile(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    (1..=PROFILE_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

/// True if `pattern` fits the whole `name`: `*` any bytes, `?` one, ASCII letters in either case.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where the last star stood and how far into the name it reaches so far: the only thing ever tried again.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, n));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p].eq_ignore_ascii_case(&name[n])) {
            (p, n) = (p + 1, n + 1);
        } else if let Some((at, reach)) = star {
            star = Some((at, reach + 1));
            (p, n) = (at + 1, reach + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_names_only() {
        for (pattern, name, is_fit) in [
            ("*.bak", "scan.BAK", true),
            ("*.bak", "scan.bak.tif", false),
            ("fine", "FINE", true),
            ("b?tch*.end", "batch-17.end", true),
            ("b?tch*.end", "btch.end", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbx", false),
            ("*", "", true),
            ("?", "", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), is_fit, "{pattern} {name}");
        }
        assert!(fits(b"*\xff", b"a\xff"), "names need not be UTF-8");
    }

    #[test]
    fn each_setting_has_a_last_value_that_passes_and_a_first_that_does_not() {
        type Case = (fn(&mut Inbox, usize), usize, usize);
        let cases: Vec<Case> = vec![
            (|i, n| i.settle_seconds = n as u64, 86_400, 86_401),
            (|i, n| i.rescan_seconds = n as u64, 86_400, 86_401),
            (|i, n| i.rescan_seconds = n as u64, 1, 0),
            (|i, n| i.incomplete_seconds = n as u64, 86_400, 86_401),
            (|i, n| i.open_seconds = n as u64, 86_400, 86_401),
            (|i, n| i.sidecar_seconds = n as u64, 86_400, 86_401),
            (|i, n| i.taken_days = n as u64, 3_650, 3_651),
            (|i, n| i.defaults.fascicolo = Some("f".repeat(n)), 2_000, 2_001),
            (|i, n| i.defaults.voce = Some("V".repeat(n)), 1, 0),
            (|i, n| i.profile = "p".repeat(n), 32, 33),
            (|i, n| i.profile = "p".repeat(n), 1, 0),
            (|i, n| i.ignore = vec!["*.x".to_owned(); n], 64, 65),
            (|i, n| i.end_marker = Some("m".repeat(n)), 255, 256),
        ];
        for (n, (set, last, first)) in cases.iter().enumerate() {
            let (mut good, mut bad) = (Inbox::default(), Inbox::default());
            set(&mut good, *last);
            set(&mut bad, *first);
            assert_eq!(good.fault(), None, "case {n}");
            assert!(bad.fault().is_some(), "case {n}");
        }
        assert!(Inbox { profile: "../x".to_owned(), ..Inbox::default() }.fault().is_some());
    }

    #[test]
    fn a_pattern_that_fits_all_documents_is_no_marker_and_nothing_to_ignore() {
        for (pattern, is_marker, is_ignored) in
            [("*", false, false), ("*.*", false, false), ("*.XML", false, true), ("?*.pdf", false, true), ("*.end", true, true)]
        {
            let marker = Inbox { end_marker: Some(pattern.to_owned()), ..Inbox::default() };
            let ignoring = Inbox { ignore: vec![pattern.to_owned()], ..Inbox::default() };
            assert_eq!((marker.fault().is_none(), ignoring.fault().is_none()), (is_marker, is_ignored), "{pattern}");
        }
    }

    #[test]
    fn two_passes_make_sense_of_a_folder_only() {
        let mut inbox = Inbox { duplex: Duplex::TwoPass, ..Inbox::default() };
        assert!(inbox.fault().is_some());
        inbox.subfolders = Subfolders::Document;
        assert_eq!(inbox.fault(), None);
    }

    #[test]
    fn defaults_are_said_by_the_inbox_and_silence_is_nothing() {
        let text = "profile = 'tributi'\ndefaults = { voce = 'IV.3', riservato = true }";
        let inbox: Inbox = toml::from_str(text).expect("an inbox");
        let given = inbox.given().expect("defaults");
        assert_eq!(
            (given.origin.as_str(), given.voce.as_deref(), given.riservato),
            ("inbox default tributi", Some("IV.3"), Some(true))
        );
        assert_eq!(Inbox::default().given(), None);
        assert!(toml::from_str::<Inbox>("defaults = { vocie = 'x' }").is_err());
    }

    #[test]
    fn two_profiles_are_two_doors() {
        assert_eq!(Inbox::default().door(), "inbox");
        assert_eq!(Inbox { profile: "anagrafe".to_owned(), ..Inbox::default() }.door(), "inbox:anagrafe");
    }
}
