//! What has this archive decided? `conserva.toml`, read once, every field with its meaning and a default.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::inbox::{INBOXES_MAX, Inbox, SECONDS_MAX};
use crate::limits::Limits;
use crate::mailbox::{self, Mailbox};
use crate::malware::Malware;
use crate::messages::Message;
use crate::page::Engine;
use crate::pdv::Versatore;
use crate::upload::Uploads;

/// Name of the configuration file in the archive folder.
pub const FILE_NAME: &str = "conserva.toml";

/// The configuration of one archive.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Reading of pages.
    pub ocr: OcrConfig,
    /// The searchable copy.
    pub copy: CopyConfig,
    /// Ceilings.
    pub limits: Limits,
    /// The daemon.
    pub watch: WatchConfig,
    /// Names at the conservatore Sacer, for `package --profile sacer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sacer: Option<Versatore>,
    /// Watched folders; without any, the archive's own `inbox`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inbox: Vec<Inbox>,
    /// The index of words.
    #[serde(skip_serializing_if = "is_default")]
    pub search: SearchConfig,
    /// The HTTP door.
    #[serde(rename = "upload", skip_serializing_if = "is_default")]
    pub uploads: Uploads,
    /// Who is asked whether a file is malware.
    #[serde(skip_serializing_if = "is_default")]
    pub malware: Malware,
    /// Mailboxes that are looked into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mailbox: Vec<Mailbox>,
}

/// What an archive has not asked for does not stand in the file that `init` writes.
fn is_default<T: Default + PartialEq>(part: &T) -> bool {
    *part == T::default()
}

/// `[search]`: the index of words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Operators who find reserved documents by their words, and are shown them (rule N-14); nobody else is.
    pub reserved_to: Vec<String>,
}

/// `[watch]`: the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchConfig {
    /// Seconds that the steps in hand are waited for when the daemon is told to stop; then their leases expire by themselves.
    pub stop_seconds: u64,
    /// True if the registers of days are made and packaged by themselves: the law wants them produced automatically and gives a working day,
    /// and a day is made only once entries were taken in after its end. On unless told otherwise.
    pub registro: bool,
    /// Days before its deadline at which anything else that is ready is packaged by itself. None, unless told: what is in a package
    /// cannot be changed, and until then people correct.
    pub due_days: Option<u32>,
    /// Seconds between two looks at what is due.
    pub due_seconds: u64,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self { stop_seconds: 60, registro: true, due_days: None, due_seconds: 300 }
    }
}

/// `[ocr]`: reading of pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OcrConfig {
    /// Language of the model, one or more joined by `+` (`ita`, `ita+deu`).
    pub language: String,
    /// Which engine reads: `auto` (our own, with a gate that leaves pages to Tesseract), `native` (our own, never handed over), `tesseract`.
    pub engine: Engine,
    /// Child processes that read pages; 0 means one per core.
    pub children: usize,
    /// List of the language's words, one a line: a word of an oggetto that is not in it must be read with more certainty.
    pub words: PathBuf,
}

impl Default for OcrConfig {
    fn default() -> Self {
        Self {
            language: "ita".to_owned(),
            engine: Engine::default(),
            children: 0,
            words: PathBuf::from("/usr/share/dict/italian"),
        }
    }
}

impl OcrConfig {
    /// How many children read: as configured, else one per core, at most 64.
    pub fn children_used(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.children == 0 { cores } else { self.children }.clamp(1, 64)
    }
}

/// `[copy]`: the searchable copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CopyConfig {
    /// Level of PDF/A: `1b`, `2b`, `3b`.
    pub level: String,
}

impl Default for CopyConfig {
    fn default() -> Self {
        Self { level: "2b".to_owned() }
    }
}

impl Config {
    /// Reads the configuration `file`; a missing file is the default, an unreadable or wrong one an error that names the line.
    pub fn read(file: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => {
                let error = Error::new(Kind::Environment, "config-unread").with("file", file.display());
                return Err(error.with("cause", &e).because(e));
            }
        };
        let config: Self = toml::from_str(&text).map_err(|e| {
            let (line, key) = place(&text, e.span());
            // What the parser says is English and stays the cause.
            let code = if e.message().starts_with("unknown field") { "config-unknown" } else { "config-value" };
            let error = Error::new(Kind::Environment, code).with("file", format!("{}:{line}", file.display()));
            error.with("key", key).because(e)
        })?;
        config.checked(file)
    }

    fn checked(self, file: &Path) -> Result<Self> {
        let (place, fault) = match self.fault() {
            None => return Ok(self),
            Some((place, fault)) => (place, fault),
        };
        Err(Error::of(Kind::Environment, fault.with("file", format!("{}, {place}", file.display()))))
    }

    /// The first setting that is out of its bounds: where, and what is wrong with it.
    fn fault(&self) -> Option<(String, Message)> {
        let of = |table: &str, fault: Message| Some((table.to_owned(), fault));
        if !["1b", "2b", "3b"].contains(&self.copy.level.as_str()) {
            return of("[copy]", Message::new("config-choice").with("key", "level").with("choices", "1b, 2b, 3b"));
        }
        if self.ocr.language.is_empty() || !self.ocr.language.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '_') {
            return of("[ocr]", Message::new("config-choice").with("key", "language").with("choices", "ita, deu, ita+deu, …"));
        }
        if self.watch.stop_seconds > SECONDS_MAX {
            let bounds = Message::new("config-bounds").with("key", "stop_seconds").with("least", 0).with("most", SECONDS_MAX);
            return of("[watch]", bounds);
        }
        if self.inbox.len() > INBOXES_MAX {
            return of("[[inbox]]", Message::new("config-many").with("key", "[[inbox]]").with("most", INBOXES_MAX));
        }
        let mut numbered = self.inbox.iter().zip(1..);
        let named = |(inbox, n): (&Inbox, u32)| Some((format!("[[inbox]] {n}: {}", inbox.path.display()), inbox.fault()?));
        let mailbox = || mailbox::fault(&self.mailbox).map(|fault| ("[[mailbox]]".to_owned(), fault));
        let malware = || self.malware.fault().map(|fault| ("[malware]".to_owned(), fault));
        let upload = || self.uploads.fault().map(|fault| ("[upload]".to_owned(), fault));
        numbered.find_map(named).or_else(mailbox).or_else(upload).or_else(malware)
    }

    /// The watched folders, with where they lie.
    pub fn inboxes(&self, layout: &Layout) -> Vec<(Inbox, PathBuf)> {
        let own = [Inbox::default()];
        let all = if self.inbox.is_empty() { &own[..] } else { &self.inbox };
        all.iter().map(|inbox| (inbox.clone(), inbox.folder(layout.root()))).collect()
    }
}

/// The line at which a fault begins, and the key or table that stands there (no value: it may be a secret).
fn place(text: &str, span: Option<std::ops::Range<usize>>) -> (usize, &str) {
    let start = span.map_or(0, |span| span.start);
    let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count();
    let key = text.lines().nth(line).unwrap_or_default().trim().split(|c: char| c == '=' || c.is_whitespace()).next();
    (line + 1, key.unwrap_or_default())
}

/// The folders of one archive (design.md section 5).
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout under `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The archive folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.root.join(FILE_NAME)
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.root.join("store.db")
    }

    /// The blobs.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The default inbox.
    pub fn inbox(&self) -> PathBuf {
        self.root.join("inbox")
    }

    /// What could not be admitted at all.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// The ente's own types of document, where it has them: in the form of `schemas/document-types.toml`.
    pub fn types(&self) -> PathBuf {
        self.root.join("document-types.toml")
    }

    /// The ente's own words of the voci, where it has them: in the form of `schemas/voce-words.toml`.
    pub fn words(&self) -> PathBuf {
        self.root.join("voce-words.toml")
    }

    /// What the doors said last of themselves.
    pub fn doors(&self) -> PathBuf {
        self.root.join("doors.json")
    }

    /// What has come of resumable uploads so far, a folder for each door.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// Finished packages.
    pub fn pdv(&self) -> PathBuf {
        self.root.join("pdv")
    }

    /// Scratch, emptied at start.
    pub fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_configuration_survives_its_own_file() {
        let text = toml::to_string(&Config::default()).expect("toml");
        assert_eq!(toml::from_str::<Config>(&text).expect("config"), Config::default());
    }

    #[test]
    fn the_daemon_has_a_longest_patience_and_a_highest_number_of_inboxes() {
        let read = |text: &str| {
            let config: Config = toml::from_str(text).expect("toml");
            config.checked(Path::new("conserva.toml")).map(drop)
        };
        assert!(read("[watch]\nstop_seconds = 86400").is_ok());
        assert!(read("[watch]\nstop_seconds = 86401").is_err());
        assert!(read(&"[[inbox]]\n".repeat(INBOXES_MAX)).is_ok());
        assert!(read(&"[[inbox]]\n".repeat(INBOXES_MAX + 1)).is_err());
        assert!(read("[[inbox]]\nrescan_seconds = 0").is_err());
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("conserva.toml");
        #[expect(clippy::disallowed_methods, reason = "a test file")]
        std::fs::write(&file, "[ocr]\nlingua = 'ita'\n").expect("written");
        let error = Config::read(&file).expect_err("an unknown key");
        assert_eq!((error.code(), error.exit_code()), ("config-unknown", 3));
        assert_eq!(error.message().value("key"), Some("lingua"));
        assert!(error.message().value("file").is_some_and(|file| file.ends_with(":2")));
    }
}
