//! What are these bytes? SHA-256 digests, their written forms, and ids that derive from them.

use std::io::Read;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest (rule I-01). Hex in rows, logs and JSON; Base64 in AgID and SInCRO metadata.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest and the length of everything that `source` gives, in flat memory.
    pub fn of_reader(mut source: impl Read) -> std::io::Result<(Self, u64)> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0_u8; 256 * 1024];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(n) => hasher.update(&buffer[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Parses 64 hexadecimal digits of either case; anything else is `None`.
    pub fn parse(hex: &str) -> Option<Self> {
        let hex = hex.as_bytes();
        if hex.len() != 64 {
            return None;
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let (high, low) = ((pair[0] as char).to_digit(16)?, (pair[1] as char).to_digit(16)?);
            *byte = (high * 16 + low) as u8;
        }
        Some(Self(bytes))
    }

    /// 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = String::with_capacity(64);
        hex.extend(self.0.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from(DIGITS[usize::from(n)])));
        hex
    }

    /// Base64 of the raw digest, as AgID's `Impronta` and SInCRO's `Hash` carry it (norms, 2.3 and 3).
    pub fn base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(self.0)
    }

    /// The raw bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `prefix-` and 26 characters of base 32 (130 bits) of the digest over `parts`, each preceded by its length:
    /// the same parts give the same id for ever (invariant 4).
    pub fn id(prefix: &str, parts: &[&[u8]]) -> String {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut id = format!("{prefix}-");
        let (mut bits, mut held) = (0_u32, 0_u32);
        for byte in digest {
            if id.len() == prefix.len() + 27 {
                break;
            }
            bits = (bits << 8) | u32::from(byte);
            held += 8;
            while held >= 5 && id.len() < prefix.len() + 27 {
                held -= 5;
                id.push(char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(bits >> held & 31) as usize]));
            }
            bits &= (1 << held) - 1;
        }
        id
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse(&hex).ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hexadecimal"))
    }
}

/// A digest in the making, for whoever copies and hashes in one pass.
#[derive(Default)]
pub struct Hasher {
    sha: Sha256,
    length: u64,
}

impl Hasher {
    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// The digest and the number of bytes seen.
    pub fn finish(self) -> (Digest, u64) {
        (Digest(self.sha.finalize().into()), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_abc_is_the_one_of_fips_180() {
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").hex(), hex);
        assert_eq!(Digest::parse(hex), Some(Digest::of(b"abc")));
        assert_eq!(Digest::parse(&hex[1..]), None);
    }

    #[test]
    fn ids_tell_apart_parts_that_join_to_the_same_bytes() {
        assert_ne!(Digest::id("doc", &[b"ab", b"c"]), Digest::id("doc", &[b"a", b"bc"]));
        assert_eq!(Digest::id("doc", &[b"ab"]).len(), 30);
    }
}
