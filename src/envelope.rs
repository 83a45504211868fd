//! What came in an envelope, and what ties it to what came before? Facts of documents whose files lay in a mail, an archive, a signed
//! file: what is read in place of a signed file, which message it is, where else the same bytes are.
//!
//! Two kinds of row are owned by no document but by what several have in common: a message's id, and the digest of a file that lay in
//! an envelope. They are found by it alone, whoever came first.

use serde::{Deserialize, Serialize};

use crate::arrival::FileName;
use crate::daticert::Daticert;
use crate::digest::Digest;
use crate::document::{Copy, DocumentId};

/// Fact kind of a document: that it came in an envelope.
pub const FACT: &str = "envelope";
/// Fact kind of a document: the message that it is.
pub const MESSAGGIO: &str = "messaggio";
/// Fact kind of a message's id: what is known under it, numbered by [`number`].
pub const THREAD: &str = "thread";
/// Fact kind of a message's id: the fascicolo that its message is filed in.
pub const FILED: &str = "thread-filed";
/// Fact kind of a digest: the documents that the bytes lay in an envelope of, numbered by [`number`].
pub const SEEN: &str = "seen";

/// A document's envelope.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Envelope {
    /// What is read in place of the principal component, which is signed or no text.
    pub inside: Option<Inside>,
    /// Renditions for people, made of data.
    pub copies: Vec<Copy>,
}

/// The file that is read in place of a component. The component stays the one that counts (rule I-02).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// Its name.
    pub name: FileName,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Size.
    pub bytes: u64,
    /// Its media type.
    pub mime: String,
    /// PRONOM id, where the format is known.
    pub puid: Option<String>,
}

/// What a document is in a correspondence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruolo {
    /// The message itself.
    Messaggio,
    /// A receipt about it.
    Ricevuta,
    /// What a provider of PEC passed on without certifying it (*busta di anomalia*).
    Anomalia,
}

/// The message that a document is, or is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messaggio {
    /// What it is.
    pub ruolo: Ruolo,
    /// Message-ID of the original message, without brackets.
    pub id: String,
    /// What its provider certifies, where it is PEC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daticert: Option<Daticert>,
}

impl Messaggio {
    /// Kind of receipt or envelope, where a provider of PEC says so.
    pub fn tipo(&self) -> Option<String> {
        self.daticert.as_ref().map(|daticert| daticert.tipo.clone())
    }
}

/// One document under a message's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Which.
    pub document: DocumentId,
    /// What it is.
    pub ruolo: Ruolo,
    /// Kind of receipt, `accettazione`, …; of a message `posta-certificata`, or none of ordinary mail.
    pub tipo: Option<String>,
}

/// A document in whose envelope some bytes lay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which.
    pub document: DocumentId,
    /// Under which name.
    pub name: FileName,
}

/// Owner of what is known under a message's id.
pub fn thread(message: &str) -> String {
    Digest::id("msg", &[message.as_bytes()])
}

/// Owner of what is known of some bytes.
pub fn bytes(sha256: &Digest) -> String {
    Digest::id("byt", &[sha256.bytes()])
}

/// Number of a document's row under an owner that it shares with others: of its id, so that a step that runs twice writes one.
pub fn number(document: &DocumentId) -> u32 {
    let digest = Digest::of(document.0.as_bytes());
    let [a, b, c, d, ..] = digest.bytes();
    u32::from_be_bytes([*a, *b, *c, *d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_and_its_receipts_have_one_owner_and_a_document_one_number() {
        assert_eq!(thread("abc@pec.example"), thread("abc@pec.example"));
        assert_ne!(thread("abc@pec.example"), thread("abd@pec.example"));
        let id = DocumentId("doc-1".into());
        assert_eq!(number(&id), number(&id.clone()));
        assert_ne!(number(&id), number(&DocumentId("doc-2".into())));
    }
}
