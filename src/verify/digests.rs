//! Are the bytes those that the index promises? Every promised file is read once, on all cores, in flat memory.

use std::io::Read;

use base64::Engine as _;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::container::{Container, Entry};
use super::findings::{Findings, Valued as _, error, warning};
use super::pindex::Index;
use crate::digest::Digest;
use crate::finding::Finding;

/// The hash functions that AgID admits (norms, 2.6): MD5 and SHA-1 are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Function {
    /// The function named by `text`: `SHA-256`, `sha256`, or the URI of XML Encryption and XML Signature.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let name = text.trim().rsplit(['#', '/']).next().unwrap_or_default().replace('-', "").to_ascii_lowercase();
        Some(match name.as_str() {
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    fn digest(self, source: impl Read) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Sha224 => over::<Sha224>(source),
            Self::Sha256 => over::<Sha256>(source),
            Self::Sha384 => over::<Sha384>(source),
            Self::Sha512 => over::<Sha512>(source),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

fn over<H: sha2::Digest>(mut source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut hasher = H::new();
    let mut buffer = vec![0_u8; 256 << 10];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().to_vec()),
            Ok(n) => hasher.update(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// A digest as written, Base64 by custom or hexadecimal, if it has the length of its function.
pub(super) fn decoded(text: &str, function: Function) -> Option<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    let want = function.bytes();
    if text.len() == want * 2 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        let digit = |at: usize| text.as_bytes().get(at).and_then(|b| (*b as char).to_digit(16)).unwrap_or(0) as u8;
        return Some((0..want).map(|i| digit(2 * i) << 4 | digit(2 * i + 1)).collect());
    }
    base64::engine::general_purpose::STANDARD.decode(text).ok().filter(|bytes| bytes.len() == want)
}

/// The SHA-256 of every file of the package, where it could be read.
pub(super) type Digests = Vec<Option<Digest>>;

/// Reads every promised file and compares it with its promise.
pub(super) fn check(container: &Container, index: &Index, findings: &mut Findings) -> Digests {
    let mut wanted: Vec<Option<usize>> = vec![None; container.entries().len()];
    for (n, promise) in index.files.iter().enumerate() {
        if let Some(entry) = promise.entry {
            wanted[entry].get_or_insert(n);
        }
    }
    let read = super::each(wanted.len(), |i| {
        let promise = wanted[i].and_then(|n| index.files.get(n))?;
        Some(one(container, &container.entries()[i], promise))
    });
    let mut digests = Vec::with_capacity(read.len());
    for outcome in read {
        let (digest, found) = outcome.unwrap_or_default();
        findings.extend(found);
        digests.push(digest);
    }
    digests
}

fn one(container: &Container, entry: &Entry, promise: &super::pindex::Promise) -> (Option<Digest>, Vec<Finding>) {
    let mut found = Vec::new();
    let function = Function::parse(&promise.function);
    match function {
        Some(Function::Sha256) => {}
        Some(_) => found.push(warning("hash-not-sha256").at(&entry.path, &promise.place).value("function", &promise.function)),
        None => found.push(error("hash-function").at(&entry.path, &promise.place).value("function", &promise.function)),
    }
    if !Container::is_readable(entry) {
        return (None, found);
    }
    let sha256 = match digest(container, entry, Function::Sha256) {
        Ok(bytes) => bytes,
        Err(e) => {
            found.push(error("entry-corrupt").at(&entry.path, &promise.place).value("cause", e));
            return (None, found);
        }
    };
    let actual = match function {
        None => None,
        Some(Function::Sha256) => Some(sha256.clone()),
        Some(other) => digest(container, entry, other).ok(),
    };
    if let (Some(function), Some(actual)) = (function, actual) {
        match decoded(&promise.hash, function) {
            None => found.push(error("hash-unreadable").at(&entry.path, &promise.place).value("hash", &promise.hash)),
            Some(said) if said != actual => {
                let finding = error("digest-wrong").at(&entry.path, &promise.place).clause("UNI 11386 File/Hash");
                found.push(finding.value("said", hex(&said)).value("found", hex(&actual)));
            }
            Some(_) => {}
        }
    }
    (Digest::parse(&hex(&sha256)), found)
}

/// The digest of `entry` under `function`.
pub(super) fn digest(container: &Container, entry: &Entry, function: Function) -> std::io::Result<Vec<u8>> {
    match container.reader(entry) {
        Some(reader) => function.digest(reader?),
        None => Err(std::io::Error::other("not read")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from_digit(u32::from(n), 16).unwrap_or('0')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_in_base64_or_in_hexadecimal() {
        let digest = Digest::of(b"abc");
        assert_eq!(decoded(&digest.base64(), Function::Sha256), Some(digest.bytes().to_vec()));
        assert_eq!(decoded(&digest.hex().to_uppercase(), Function::Sha256), Some(digest.bytes().to_vec()));
        assert_eq!(decoded(&digest.hex()[1..], Function::Sha256), None);
    }

    #[test]
    fn weak_functions_are_not_known() {
        for text in ["MD5", "SHA-1", "http://www.w3.org/2000/09/xmldsig#sha1", ""] {
            assert_eq!(Function::parse(text), None, "{text}");
        }
        assert_eq!(Function::parse("http://www.w3.org/2001/04/xmlenc#sha256"), Some(Function::Sha256));
    }
}
