//! How does a rewritten or shortened journal show? Each line's digest covers the digest of the line before (invariant 6).

use crate::digest::{Digest, Hasher};
use crate::event::{Event, JournalLine};

/// What stands as `previous` in the first line: 64 zeros.
pub const BEFORE_FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The bytes of an event that a line's digest covers: its JSON, fields in the order of [`Event`], detail sorted.
pub fn canonical(event: &Event) -> serde_json::Result<String> {
    serde_json::to_string(event)
}

/// The digest of line `n`: SHA-256 over the number (8 bytes, big endian), the event's canonical JSON and the 32 bytes
/// of the digest before. The two fixed lengths at the ends leave no two readings of the same bytes.
pub fn line_digest(n: u64, event: &str, previous: &Digest) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(&n.to_be_bytes());
    hasher.update(event.as_bytes());
    hasher.update(previous.bytes());
    hasher.finish().0
}

/// True if `line` is the next one after a line with number `n` and digest `previous`, and its own digest holds.
pub fn follows(line: &JournalLine, n: u64, previous: &Digest) -> bool {
    line.n == n + 1
        && line.previous == *previous
        && canonical(&line.event).is_ok_and(|text| line_digest(line.n, &text, previous) == line.digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u64, kind: &str, previous: Digest) -> JournalLine {
        let event = Event {
            at: jiff::Timestamp::UNIX_EPOCH,
            kind: kind.to_owned(),
            subject: "arr-x".to_owned(),
            outcome: "success".to_owned(),
            agent: "test".to_owned(),
            detail: [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into(),
        };
        let digest = line_digest(n, &canonical(&event).expect("json"), &previous);
        JournalLine { n, event, previous, digest }
    }

    #[test]
    fn a_line_follows_only_its_own_predecessor() {
        let zero = Digest::parse(BEFORE_FIRST).expect("zeros");
        let first = line(1, "admitted", zero);
        let mut second = line(2, "identified", first.digest);
        assert!(follows(&first, 0, &zero));
        assert!(follows(&second, 1, &first.digest));
        assert!(!follows(&second, 1, &zero));
        second.event.outcome = "refuse".to_owned();
        assert!(!follows(&second, 1, &first.digest));
    }
}
