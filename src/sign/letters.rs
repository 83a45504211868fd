//! Signed files in letters: PEM and bare Base64 (RFC 7468).

use std::io::Result;

use base64::Engine as _;

use super::stretch::Stretch;

/// Largest file in letters, bytes: it is held in memory.
pub(super) const BYTES_MAX: u64 = 512 << 20;

/// True of what may begin such a file.
pub(super) fn may_be(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    head.starts_with(b"-----BEGIN ") || (head.len() >= 4 && head.starts_with(b"MI"))
}

/// The binary of a file in letters; none of anything else.
pub(super) fn decoded(source: &Stretch) -> Result<Option<Vec<u8>>> {
    if source.length() > BYTES_MAX || !may_be(&source.peek(0, 64)?) {
        return Ok(None);
    }
    let bytes = source.whole(BYTES_MAX)?;
    let text = bytes.trim_ascii();
    let inside = match text.strip_prefix(b"-----BEGIN ") {
        Some(rest) => {
            let Some(begin) = memchr::memchr(b'\n', rest) else { return Ok(None) };
            let rest = &rest[begin..];
            let Some(end) = memchr::memmem::find(rest, b"-----END ") else { return Ok(None) };
            &rest[..end]
        }
        None => text,
    };
    let letters: Vec<u8> = inside.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let unpadded = letters.iter().rposition(|byte| *byte != b'=').map_or(&letters[..0], |last| &letters[..=last]);
    Ok(base64::engine::general_purpose::STANDARD_NO_PAD.decode(unpadded).ok())
}
