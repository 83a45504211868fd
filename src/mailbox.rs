//! Which mailboxes are looked into, and what becomes of a message that is in? One [`Mailbox`] for each `[[mailbox]]` table of
//! `conserva.toml`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::inbox::{PROFILE_BYTES_MAX, SECONDS_MAX, is_profile};
use crate::messages::Message;
use crate::secret;

/// Most mailboxes of one archive: each has a connection of its own.
pub const MAILBOXES_MAX: usize = 64;
/// Longest host, user, folder or keyword, bytes.
const WORD_BYTES_MAX: usize = 255;
/// Shortest time between two looks, seconds: more often is a burden to the server.
const POLL_SECONDS_MIN: u64 = 1;

/// A mailbox on an IMAP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mailbox {
    /// Name of the door, `[a-z0-9_-]{1,32}`, one for each mailbox: it is part of what makes an arrival that arrival.
    pub name: String,
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// A file of certificates (PEM) that are trusted besides the system's: that of a server of one's own.
    pub ca_file: PathBuf,
    /// The user.
    pub user: String,
    /// How it is proved who asks.
    pub auth: Auth,
    /// The variable of the environment that holds the password.
    pub password_env: String,
    /// Or the file that holds it, which others cannot read; a relative one lies in the archive. It is read at every login:
    /// with `auth = "xoauth2"` it holds the access token of the hour, which whoever renews it writes.
    pub password_file: PathBuf,
    /// Or the program, with its arguments, that prints it: run at every login, never through a shell.
    pub token_command: Vec<String>,
    /// The folder that is looked into.
    pub folder: String,
    /// Seconds between looks.
    pub poll_seconds: u64,
    /// What becomes of a message that is in.
    pub after: After,
    /// The keyword that marks it (`after = "flag"`).
    pub keyword: String,
    /// The folder that it is moved to (`after = "move"`); made if it is not there.
    pub move_to: String,
    /// Largest message, bytes; a larger one stays, unmarked.
    pub message_bytes_max: u64,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self {
            name: String::new(),
            host: String::new(),
            port: 993,
            tls: Tls::Implicit,
            ca_file: PathBuf::new(),
            user: String::new(),
            auth: Auth::Password,
            password_env: String::new(),
            password_file: PathBuf::new(),
            token_command: Vec::new(),
            folder: "INBOX".to_owned(),
            poll_seconds: 60,
            after: After::Flag,
            keyword: "Conserva".to_owned(),
            move_to: "Conserva".to_owned(),
            message_bytes_max: 256 << 20,
        }
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// By TLS from the first byte.
    #[default]
    Implicit,
    /// By TLS after a greeting in the clear; without it nothing is said.
    Starttls,
    /// Not at all: on this machine only.
    None,
}

/// How it is proved who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// By the user's password.
    #[default]
    Password,
    /// By an access token (OAuth 2.0, as Google's and Microsoft's servers want it).
    Xoauth2,
}

/// What becomes of a message that is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// It stays and gets the keyword, and counts as read.
    #[default]
    Flag,
    /// It is moved to another folder.
    Move,
}

impl Mailbox {
    /// The door, as it stands in arrivals: `mailbox:NAME`.
    pub fn door(&self) -> String {
        format!("mailbox:{}", self.name)
    }

    /// The key of the first setting that is out of its bounds, with the bounds.
    pub fn fault(&self) -> Option<Message> {
        if !is_profile(&self.name) {
            return Some(Message::new("config-name").with("key", "name").with("most", PROFILE_BYTES_MAX));
        }
        let is_word = |word: &str| (1..=WORD_BYTES_MAX).contains(&word.len()) && word.bytes().all(|b| matches!(b, b' '..=b'~'));
        for (key, word) in [("host", &self.host), ("user", &self.user), ("folder", &self.folder), ("move_to", &self.move_to)] {
            if !is_word(word) {
                return Some(Message::new("config-ascii").with("key", key).with("most", WORD_BYTES_MAX));
            }
        }
        // An atom of RFC 9051, 9.
        let is_atom = is_word(&self.keyword) && !self.keyword.contains(['(', ')', '{', ' ', '%', '*', '"', '\\', ']']);
        if !is_atom {
            return Some(Message::new("config-keyword"));
        }
        if self.after == After::Move && self.move_to == self.folder {
            return Some(Message::new("config-move"));
        }
        if self.auth == Auth::Xoauth2 && !self.password_env.is_empty() {
            // A token lives for an hour, and no environment changes under a process.
            return Some(Message::new("config-xoauth2"));
        }
        if self.tls == Tls::None && !matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1") {
            return Some(Message::new("config-tls"));
        }
        if !(POLL_SECONDS_MIN..=SECONDS_MAX).contains(&self.poll_seconds) {
            return Some(
                Message::new("config-bounds")
                    .with("key", "poll_seconds")
                    .with("least", POLL_SECONDS_MIN)
                    .with("most", SECONDS_MAX),
            );
        }
        for (key, value, most) in
            [("port", u64::from(self.port), u64::from(u16::MAX)), ("message_bytes_max", self.message_bytes_max, u64::MAX)]
        {
            if value == 0 {
                return Some(Message::new("config-bounds").with("key", key).with("least", 1).with("most", most));
            }
        }
        let is_commanded = !self.token_command.is_empty();
        if is_commanded && !is_command(&self.token_command) {
            return Some(Message::new("config-command").with("most", COMMAND_WORDS_MAX).with("bytes", COMMAND_BYTES_MAX));
        }
        let is_kept = secret::is_reference(&self.password_env, &self.password_file);
        let is_named = is_kept || !self.password_env.is_empty();
        let is_given = if is_commanded { !is_named } else { is_kept };
        let secret = || Message::new("config-secret").with("choices", "password_env, password_file, token_command");
        (!is_given).then(secret)
    }
}

/// Most words of a command, and bytes of each.
const COMMAND_WORDS_MAX: usize = 32;
const COMMAND_BYTES_MAX: usize = 1_024;

/// True of a program by its whole path and its arguments: what lies where a search path looks first is nobody's choice.
fn is_command(words: &[String]) -> bool {
    let is_word = |word: &String| word.len() <= COMMAND_BYTES_MAX && !word.contains('\0');
    words.len() <= COMMAND_WORDS_MAX && words.iter().all(is_word) && words.first().is_some_and(|program| program.starts_with('/'))
}

/// The first fault of any of `mailboxes`, those that concern several included.
pub fn fault(mailboxes: &[Mailbox]) -> Option<Message> {
    if mailboxes.len() > MAILBOXES_MAX {
        return Some(Message::new("config-many").with("key", "[[mailbox]]").with("most", MAILBOXES_MAX));
    }
    let twice = |n: usize, mailbox: &Mailbox| mailboxes[..n].iter().any(|other| other.name == mailbox.name);
    let is_twice = mailboxes.iter().enumerate().find(|(n, mailbox)| twice(*n, mailbox));
    let fault = mailboxes.iter().find_map(Mailbox::fault);
    fault.or_else(|| {
        is_twice.map(|(_, mailbox)| Message::new("config-twice").with("key", "[[mailbox]]").with("name", &mailbox.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Mailbox {
        Mailbox {
            name: "pec".to_owned(),
            host: "imap.example".to_owned(),
            user: "ufficio".to_owned(),
            password_env: "P".to_owned(),
            ..Mailbox::default()
        }
    }

    fn commanded(mailbox: &mut Mailbox, program: &str, words: usize, length: usize) {
        mailbox.password_env.clear();
        mailbox.token_command = vec!["x".repeat(length); words];
        mailbox.token_command[0] = program.to_owned();
    }

    #[test]
    fn a_command_is_named_by_its_whole_path_and_is_the_only_place_of_the_secret() {
        let fault = |set: fn(&mut Mailbox)| {
            let mut mailbox = good();
            commanded(&mut mailbox, "/bin/token", 2, 1);
            set(&mut mailbox);
            mailbox.fault()
        };
        assert_eq!(fault(|m| m.auth = Auth::Xoauth2), None);
        assert!(fault(|m| m.token_command[0] = "token".to_owned()).is_some());
        assert!(fault(|m| m.token_command[1] = "a\0b".to_owned()).is_some());
        assert!(fault(|m| m.password_env = "P".to_owned()).is_some());
        assert!(fault(|m| m.password_file = "p".into()).is_some());
        assert!(fault(|m| (m.password_env, m.password_file) = ("P".to_owned(), "p".into())).is_some());
        assert!(fault(|m| m.token_command.clear()).is_some());
    }

    #[test]
    fn each_setting_has_a_last_value_that_passes_and_a_first_that_does_not() {
        type Case = (fn(&mut Mailbox, usize), usize, usize);
        let cases: Vec<Case> = vec![
            (|m, n| m.name = "n".repeat(n), 32, 33),
            (|m, n| m.host = "h".repeat(n), 255, 256),
            (|m, n| m.user = "u".repeat(n), 1, 0),
            (|m, n| m.folder = "f".repeat(n), 255, 256),
            (|m, n| m.keyword = "k".repeat(n), 255, 256),
            (|m, n| m.poll_seconds = n as u64, 86_400, 86_401),
            (|m, n| m.poll_seconds = n as u64, 1, 0),
            (|m, n| m.port = n as u16, 1, 0),
            (|m, n| commanded(m, "/bin/token", n, 1), 32, 33),
            (|m, n| commanded(m, "/bin/token", 2, n), 1_024, 1_025),
            (|m, n| m.message_bytes_max = n as u64, 1, 0),
        ];
        for (n, (set, last, first)) in cases.iter().enumerate() {
            let (mut passing, mut failing) = (good(), good());
            set(&mut passing, *last);
            set(&mut failing, *first);
            assert_eq!(passing.fault(), None, "case {n}");
            assert!(failing.fault().is_some(), "case {n}");
        }
        let many = |n: usize| (0..n).map(|n| Mailbox { name: format!("m{n}"), ..good() }).collect::<Vec<_>>();
        assert!(fault(&many(64)).is_none() && fault(&many(65)).is_some() && fault(&[good(), good()]).is_some());
    }

    #[test]
    fn words_cannot_carry_commands_and_passwords_do_not_go_in_the_clear() {
        let wrong: [fn(&mut Mailbox); 6] = [
            |m| m.folder = "a\r\nb".to_owned(),
            |m| m.user = "è".to_owned(),
            |m| m.keyword = "a b".to_owned(),
            |m| m.tls = Tls::None,
            |m| m.password_env.clear(),
            |m| (m.after, m.move_to) = (After::Move, "INBOX".to_owned()),
        ];
        for (n, set) in wrong.iter().enumerate() {
            let mut mailbox = good();
            set(&mut mailbox);
            assert!(mailbox.fault().is_some(), "case {n}");
        }
        assert_eq!(Mailbox { tls: Tls::None, host: "127.0.0.1".to_owned(), ..good() }.fault(), None);
    }
}
