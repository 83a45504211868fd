//! What came in, whole, and when? An arrival is an event at a door; its bytes are a blob and are never altered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::messages::Message;

/// Makes an id type: a string that derives from what makes the thing what it is (invariant 4).
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $name {
            /// The id as written in rows, paths and URLs.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}
pub(crate) use id_type;

id_type!(
    /// Id of an ente in the archive: its IPA code.
    EnteId
);
id_type!(
    /// Id of an arrival, `arr-…`: from ente, door, name, size, mtime and digest.
    ArrivalId
);

/// A file name as the file system had it, bit by bit; shown lossily, stored losslessly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Vec<u8>);

impl FileName {
    /// Takes the bytes of a name (a base name, without folders).
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name for a person: invalid UTF-8 and control characters become `�`, signs that turn or hide others are spelt out.
    pub fn shown(&self) -> String {
        plain(&String::from_utf8_lossy(&self.0))
    }

    /// The name without loss, as it stands in metadata: as it is where every character is plain text, else `base64:…`;
    /// a name that begins so is written in Base64 too, so that nothing is ambiguous.
    pub fn exact(&self) -> String {
        use base64::Engine as _;
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with("base64:") && text.chars().all(|c| crate::xml::is_legal(c) && !c.is_control()) => {
                text.to_owned()
            }
            _ => format!("base64:{}", base64::engine::general_purpose::STANDARD.encode(&self.0)),
        }
    }

    /// The extension in lower case ASCII, without the dot; empty where there is none.
    pub fn extension(&self) -> String {
        let shown = self.shown();
        shown.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or_else(String::new, |(_, e)| e.to_ascii_lowercase())
    }
}

impl Serialize for FileName {
    /// UTF-8 names are written as they are, others as `base64:…`; a name that begins so is escaped the same way.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with("base64:") => serializer.serialize_str(text),
            _ => serializer.serialize_str(&format!("base64:{}", base64::engine::general_purpose::STANDARD.encode(&self.0))),
        }
    }
}

impl<'de> Deserialize<'de> for FileName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        match text.strip_prefix("base64:") {
            Some(encoded) => base64::engine::general_purpose::STANDARD
                .decode(encoded)
                .map(Self)
                .map_err(|_| serde::de::Error::custom("not Base64")),
            None => Ok(Self(text.into_owned().into_bytes())),
        }
    }
}

/// Where an arrival stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalState {
    /// Admitted, its steps under way.
    Working,
    /// Opened: its documents go their own way.
    Opened,
    /// A person must decide.
    Held,
    /// Refused; its bytes are kept in quarantine.
    Refused,
    /// The same bytes arrived before: waits for a decision (invariant 3).
    Duplicate,
}

/// One arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Its id.
    pub id: ArrivalId,
    /// The ente it belongs to.
    pub ente: EnteId,
    /// The door that let it in: `ingest`, `inbox`, later `upload`, `imap`.
    pub door: String,
    /// Its name at the door.
    pub name: FileName,
    /// Size in bytes.
    pub bytes: u64,
    /// Modification time at the door, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// When the door let it in.
    pub admitted_at: Timestamp,
    /// Where it stands.
    pub state: ArrivalState,
    /// The earlier arrival with the same bytes, if any.
    pub duplicate_of: Option<ArrivalId>,
    /// Why it is held or refused.
    pub reason: Option<Message>,
}

impl ArrivalId {
    /// The id of the same file put at its door for the `n`th time, each after the one before had been taken.
    #[must_use]
    pub fn again(&self, n: u32) -> Self {
        Self(Digest::id("arr", &[self.0.as_bytes(), &n.to_be_bytes()]))
    }
}

impl Arrival {
    /// The id of an arrival, from all that makes it that arrival (invariant 4).
    pub fn derive_id(ente: &EnteId, door: &[u8], name: &FileName, bytes: u64, mtime_ns: i64, sha256: &Digest) -> ArrivalId {
        ArrivalId(Digest::id(
            "arr",
            &[ente.0.as_bytes(), door, name.bytes(), &bytes.to_be_bytes(), &mtime_ns.to_be_bytes(), sha256.bytes()],
        ))
    }
}

/// A text that steers no terminal and shows what it holds: control characters become `�`; signs without a shape of their own,
/// which turn the direction of others (`scan\u{202e}fdp.exe`) or cannot be seen, are written by their number.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => plain.push('\u{fffd}'),
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => plain.extend(c.escape_unicode()),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_utf_8_survives_json_bit_by_bit() {
        for bytes in [&b"ok.tif"[..], b"\xff\xfe.tif", b"base64:x", b"a\nb"] {
            let name = FileName::new(bytes);
            let json = serde_json::to_string(&name).expect("json");
            assert_eq!(serde_json::from_str::<FileName>(&json).expect("name"), name);
        }
    }

    #[test]
    fn a_shown_name_has_no_control_characters() {
        assert_eq!(FileName::new(&b"a\nb.TIF"[..]).shown(), "a\u{fffd}b.TIF");
        assert_eq!(FileName::new("fattura\u{202e}fdp.exe".as_bytes()).shown(), "fattura\\u{202e}fdp.exe");
        assert_eq!(FileName::new("a\u{200b}\u{feff}è.tif".as_bytes()).shown(), "a\\u{200b}\\u{feff}è.tif");
        assert_eq!(FileName::new(&b"a.TIF"[..]).extension(), "tif");
        assert_eq!(FileName::new(&b".profile"[..]).extension(), "");
    }
}
