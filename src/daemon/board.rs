//! How are the doors? The board in the archive, `doors.json`, on which each writes its state for `doctor` to read.
//!
//! It says nothing that must last. A full disk is one of the things it must be able to say: it has its final length from
//! the start and is written over in place, under a lock that its readers take too.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Mutex;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::acquire::watch::Sight;
use crate::arrival::FileName;
use crate::error::{Error, Result};
use crate::messages::Message;

/// Bytes of the board for each door: all its fields together are shorter (a test sees to it).
const DOOR_BYTES: usize = 4_096;
/// Longest reason as it is written on the board, bytes, and longest of its values, characters: of a longer path the end is shown.
const REASON_BYTES_MAX: usize = 1_400;
const VALUE_CHARS_MAX: usize = 200;

/// Whether a door works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It has just been opened.
    Opening,
    /// It looks and admits.
    Working,
    /// It waits for room, or for a disk or store in order.
    Paused,
    /// Its folder is not there.
    Unreachable,
    /// It was closed in good order.
    Closed,
}

/// What a door says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Notice {
    /// Its profile; of a door to the network, the door as it stands in arrivals.
    pub(super) profile: String,
    /// `events`, `polling`, or `none` as long as it is not known.
    pub(super) watching: String,
    /// Code of the reason for that.
    pub(super) why: String,
    /// Whether it works.
    pub(super) state: State,
    /// Code of the error, where it does not.
    pub(super) code: Option<String>,
    /// The same as a sentence, with place and cause.
    #[serde(default)]
    pub(super) reason: Option<Message>,
    /// Why something that is admitted could not leave its inbox, the last time.
    #[serde(default)]
    pub(super) stays: Option<Message>,
    /// Since when.
    pub(super) since: Timestamp,
    /// What the last look found.
    #[serde(default)]
    pub(super) sight: Sight,
    /// Taken files whose days are over and which stay, for they are not in the archive as they are.
    #[serde(default)]
    pub(super) kept: u64,
    /// Taken files that changed and were admitted anew, since the watch began.
    #[serde(default)]
    pub(super) outgrown: u64,
}

/// A sentence that fits on the board; none where it does not even so.
pub(super) fn fitting(message: &Message) -> Option<Message> {
    let mut fitting = Message::new(message.code());
    for (name, value) in message.values() {
        let value = FileName::new(value).shown();
        let beyond = value.chars().count().saturating_sub(VALUE_CHARS_MAX);
        let start = if beyond > 0 { "…" } else { "" };
        fitting = fitting.with(name, format_args!("{start}{}", value.chars().skip(beyond).collect::<String>()));
    }
    serde_json::to_vec(&fitting).is_ok_and(|text| text.len() <= REASON_BYTES_MAX).then_some(fitting)
}

/// The board.
pub(super) struct Board {
    file: File,
    notices: Mutex<Vec<Notice>>,
}

impl Board {
    /// Hangs up the board at `path`.
    pub(super) fn hang(path: &Path, profiles: &[impl AsRef<str>], now: Timestamp) -> Result<Self> {
        let file = File::options().create(true).truncate(false).read(true).write(true).mode(0o600).open(path);
        let file = file.map_err(|e| Error::disk("open board", path, e))?;
        let notice = |profile: &_| Notice {
            profile: AsRef::<str>::as_ref(profile).to_owned(),
            watching: "none".to_owned(),
            why: String::new(),
            state: State::Opening,
            code: None,
            reason: None,
            stays: None,
            since: now,
            sight: Sight::default(),
            kept: 0,
            outgrown: 0,
        };
        let board = Self { file, notices: Mutex::new(profiles.iter().map(notice).collect()) };
        board.write(&board.notices()).map_err(|e| Error::disk("write board", path, e))?;
        Ok(board)
    }

    /// Door `n` says something new. A board that cannot be written is not worth a stop: the log has it too.
    pub(super) fn say(&self, n: usize, change: impl FnOnce(&mut Notice)) {
        let Ok(mut notices) = self.notices.lock() else { return };
        let Some(notice) = notices.get_mut(n) else { return };
        let before = notice.clone();
        change(notice);
        if *notice != before
            && let Err(error) = self.write(&notices)
        {
            tracing::debug!(%error, "the board could not be written");
        }
    }

    fn notices(&self) -> Vec<Notice> {
        self.notices.lock().map(|notices| notices.clone()).unwrap_or_default()
    }

    fn write(&self, notices: &[Notice]) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(notices)?;
        text.resize(text.len().max(notices.len() * DOOR_BYTES + 2), b' ');
        self.file.lock()?;
        let written = self.file.write_all_at(&text, 0).and_then(|()| self.file.set_len(text.len() as u64));
        self.file.unlock()?;
        written
    }
}

/// Reads the board at `path`; empty where there is none or it was torn.
pub(super) fn read(path: &Path) -> Vec<Notice> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    let text = file.lock_shared().and_then(|()| std::io::read_to_string(&file));
    text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_board_keeps_its_length_whatever_is_said() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("doors.json");
        let longest = "p".repeat("mailbox:".len() + 32);
        let board = Board::hang(&path, &[&longest[..], "b"], Timestamp::UNIX_EPOCH).expect("board");
        let length = path.metadata().expect("file").len();
        board.say(0, |notice| {
            notice.state = State::Unreachable;
            notice.watching = "polling".to_owned();
            notice.why = "events-unavailable".to_owned();
            notice.code = Some("c".repeat(64));
            let most = u64::MAX;
            notice.sight = Sight {
                moving: most,
                unfinished: most,
                open: most,
                stuck: most,
                unwalked: most,
                temporary: most,
                unmarked: most,
                misnamed: most,
                since: Some(Timestamp::MAX),
                offered: most,
            };
            (notice.kept, notice.outgrown) = (most, most);
            let long = Message::new("disk-failed").with("what", "w".repeat(99)).with("path", "\u{1}/è".repeat(2_000));
            notice.reason = fitting(&long);
            notice.stays.clone_from(&notice.reason);
            assert!(notice.reason.as_ref().is_some_and(|reason| reason.value("path").is_some_and(|path| path.starts_with('…'))));
        });
        board.say(9, |_| panic!("there is no such door"));
        assert_eq!(path.metadata().expect("file").len(), length);
        let read = read(&path);
        assert_eq!((read.len(), read[0].state, read[1].state), (2, State::Unreachable, State::Opening));
    }

    #[test]
    fn a_reason_that_does_not_fit_is_left_out_and_one_that_does_is_whole() {
        let reason =
            |values: usize| (0..values).fold(Message::new("bug"), |m, n| m.with(&n.to_string(), "v".repeat(VALUE_CHARS_MAX)));
        assert_eq!(fitting(&reason(6)), Some(reason(6)));
        assert_eq!(fitting(&reason(7)), None);
    }

    #[test]
    fn a_board_that_is_not_there_says_nothing() {
        assert!(read(Path::new("/nonexistent/doors.json")).is_empty());
    }
}
