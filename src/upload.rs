//! Who may send files over the network, and how much? `[upload]` of `conserva.toml`, with one [`UploadDoor`] for each sender.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::inbox::{PROFILE_BYTES_MAX, SECONDS_MAX, is_profile};
use crate::messages::Message;
use crate::secret;

/// Most upload doors of one archive.
pub const DOORS_MAX: usize = 256;
/// Most connections that may be asked for: each may keep a thread and some descriptors.
const CONNECTIONS_MAX: usize = 256;
/// Most files of one batch that may be asked for: its list is kept in memory while it is open.
const BATCH_FILES_MAX: usize = 100_000;
/// Most open uploads of one door that may be asked for: each is a folder and a row in memory.
const OPEN_MAX: usize = 100_000;
/// Longest life of an upload at which nothing happens, hours: a year.
const HOURS_MAX: u64 = 8_784;
/// Longest address that stands before the paths, bytes.
const URL_BYTES_MAX: usize = 2_048;

/// `[upload]`: the HTTP door. Off while it listens nowhere or has no door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Uploads {
    /// Address and port, as `127.0.0.1:8480`; empty: off. It speaks plain HTTP: TLS is the reverse proxy's.
    pub listen: String,
    /// What stands before the paths in the addresses that are given out, as the proxy shows them (`https://comune.example/invio`).
    pub public_url: String,
    /// Connections at a time; one more is told to come back.
    pub connections_max: usize,
    /// Seconds within which a request's head must be there.
    pub head_seconds: u64,
    /// Seconds that the next piece of a body is waited for.
    pub idle_seconds: u64,
    /// Bytes a second below which a body, after its first minute, is given up.
    pub bytes_per_second_min: u64,
    /// Most bytes of one form.
    pub form_bytes_max: u64,
    /// Most files of one form.
    pub form_files_max: usize,
    /// Most files of one batch.
    pub batch_files_max: usize,
    /// Most open resumable uploads and batches of one door.
    pub open_max: usize,
    /// Most bytes of unfinished files that one door keeps.
    pub partial_bytes_max: u64,
    /// Hours that an upload at which nothing happens is kept.
    pub keep_hours: u64,
    /// The doors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub door: Vec<UploadDoor>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            listen: String::new(),
            public_url: String::new(),
            connections_max: 64,
            head_seconds: 10,
            idle_seconds: 30,
            bytes_per_second_min: 512,
            form_bytes_max: 64 << 30,
            form_files_max: 10_000,
            batch_files_max: 20_000,
            open_max: 1_000,
            partial_bytes_max: 64 << 30,
            keep_hours: 168,
            door: Vec::new(),
        }
    }
}

/// `[[upload.door]]`: one sender.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadDoor {
    /// Its name, `[a-z0-9_-]{1,32}`: stands in the address and in every arrival.
    pub name: String,
    /// The variable of the environment that holds its token.
    pub token_env: String,
    /// Or the file that holds it, which others cannot read; a relative one lies in the archive.
    pub token_file: PathBuf,
}

impl UploadDoor {
    /// The door, as it stands in arrivals: `upload:NAME`.
    pub fn door(&self) -> String {
        format!("upload:{}", self.name)
    }
}

impl Uploads {
    /// The address to listen at, where the door is on.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok().filter(|_| !self.door.is_empty())
    }

    /// What of the two that make a door is missing: an address without senders, or senders without an address. Nothing comes in
    /// then, which may be what was wanted, so that it is said and no fault.
    pub fn half(&self) -> Option<Message> {
        match (self.listen.is_empty(), self.door.is_empty()) {
            (false, true) => Some(Message::new("upload-without-door").with("address", &self.listen)),
            (true, false) => Some(Message::new("upload-without-listen").with("count", self.door.len())),
            _ => None,
        }
    }

    /// What is wrong with the first setting that is out of its bounds.
    pub fn fault(&self) -> Option<Message> {
        if !self.listen.is_empty() && self.listen.parse::<SocketAddr>().is_err() {
            return Some(Message::new("config-listen"));
        }
        if self.public_url.len() > URL_BYTES_MAX || !self.public_url.bytes().all(|b| b.is_ascii_graphic()) {
            return Some(Message::new("config-url").with("most", URL_BYTES_MAX));
        }
        let bounds = [
            ("connections_max", self.connections_max as u64, 1, CONNECTIONS_MAX as u64),
            ("head_seconds", self.head_seconds, 1, SECONDS_MAX),
            ("idle_seconds", self.idle_seconds, 1, SECONDS_MAX),
            ("form_files_max", self.form_files_max as u64, 1, BATCH_FILES_MAX as u64),
            ("batch_files_max", self.batch_files_max as u64, 1, BATCH_FILES_MAX as u64),
            ("open_max", self.open_max as u64, 1, OPEN_MAX as u64),
            ("keep_hours", self.keep_hours, 1, HOURS_MAX),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Some(Message::new("config-bounds").with("key", key).with("least", least).with("most", most));
            }
        }
        if self.door.len() > DOORS_MAX {
            return Some(Message::new("config-many").with("key", "[[upload.door]]").with("most", DOORS_MAX));
        }
        self.door.iter().enumerate().find_map(|(n, door)| self.door_fault(n, door))
    }

    fn door_fault(&self, n: usize, door: &UploadDoor) -> Option<Message> {
        if !is_profile(&door.name) {
            return Some(Message::new("config-name").with("key", "[[upload.door]] name").with("most", PROFILE_BYTES_MAX));
        }
        if self.door[..n].iter().any(|other| other.name == door.name) {
            return Some(Message::new("config-twice").with("key", "[[upload.door]]").with("name", &door.name));
        }
        let secret = || Message::new("config-secret").with("choices", "token_env, token_file");
        (!secret::is_reference(&door.token_env, &door.token_file)).then(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(name: &str) -> UploadDoor {
        UploadDoor { name: name.to_owned(), token_env: "T".to_owned(), token_file: PathBuf::new() }
    }

    #[test]
    fn each_setting_has_a_last_value_that_passes_and_a_first_that_does_not() {
        type Case = (fn(&mut Uploads, usize), usize, usize);
        let cases: Vec<Case> = vec![
            (|u, n| u.connections_max = n, 256, 257),
            (|u, n| u.connections_max = n, 1, 0),
            (|u, n| u.head_seconds = n as u64, 86_400, 86_401),
            (|u, n| u.idle_seconds = n as u64, 1, 0),
            (|u, n| u.form_files_max = n, 100_000, 100_001),
            (|u, n| u.batch_files_max = n, 100_000, 100_001),
            (|u, n| u.open_max = n, 100_000, 100_001),
            (|u, n| u.keep_hours = n as u64, 8_784, 8_785),
            (|u, n| u.public_url = "u".repeat(n), 2_048, 2_049),
            (|u, n| u.door = (0..n).map(|n| door(&format!("d{n}"))).collect(), 256, 257),
            (|u, n| u.door = vec![door(&"d".repeat(n))], 32, 33),
            (|u, n| u.door = vec![door("a"); n], 1, 2),
        ];
        for (n, (set, last, first)) in cases.iter().enumerate() {
            let (mut good, mut bad) = (Uploads::default(), Uploads::default());
            set(&mut good, *last);
            set(&mut bad, *first);
            assert_eq!(good.fault(), None, "case {n}");
            assert!(bad.fault().is_some(), "case {n}");
        }
    }

    #[test]
    fn it_is_off_until_it_has_an_address_and_a_door() {
        let listening = Uploads { listen: "127.0.0.1:8480".to_owned(), ..Uploads::default() };
        assert_eq!((Uploads::default().address(), listening.address()), (None, None));
        let said = |uploads: &Uploads| uploads.half().map(|said| said.code().to_owned());
        assert_eq!((said(&Uploads::default()), said(&listening)), (None, Some("upload-without-door".to_owned())));
        let silent = Uploads { door: vec![door("a")], ..Uploads::default() };
        assert_eq!(said(&silent).as_deref(), Some("upload-without-listen"));
        assert_eq!(said(&Uploads { door: vec![door("a")], ..listening.clone() }), None);
        assert!(Uploads { door: vec![door("a")], ..listening }.address().is_some());
        assert!(Uploads { listen: "8480".to_owned(), ..Uploads::default() }.fault().is_some());
        let both = UploadDoor { token_file: PathBuf::from("t"), ..door("a") };
        assert!(Uploads { door: vec![both], ..Uploads::default() }.fault().is_some(), "one place for a token");
    }
}
