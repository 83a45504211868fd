//! Are the bytes those that the index promises? Every promised file is read once, on all cores, in flat memory.

use std::cell::RefCell;
use std::io::Read;

use base64::Engine as _;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use super::container::{Container, Entry};
use super::findings::{Findings, Valued as _, error, warning};
use super::pindex::{Form, Index, Promise, Said};
use crate::digest::Digest;
use crate::finding::Finding;

/// The hash functions that packages of the world use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Function {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// All of them, with their names as people write them.
const NAMES: [(Function, &str); 6] = [
    (Function::Md5, "MD5"),
    (Function::Sha1, "SHA-1"),
    (Function::Sha224, "SHA-224"),
    (Function::Sha256, "SHA-256"),
    (Function::Sha384, "SHA-384"),
    (Function::Sha512, "SHA-512"),
];

impl Function {
    /// The function named by `text`: `SHA-256`, `sha256`, or the URI of XML Encryption and XML Signature.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "SHA-256" {
            return Some(Self::Sha256);
        }
        let name = text.trim().rsplit(['#', '/']).next().unwrap_or_default().replace(['-', '_'], "").to_ascii_lowercase();
        NAMES.iter().find(|(_, known)| known.replace('-', "").to_ascii_lowercase() == name).map(|(function, _)| *function)
    }

    /// As [`Function::parse`], only those that AgID admits (norms, 2.6): MD5 and SHA-1 are not among them.
    pub(super) fn admitted(text: &str) -> Option<Self> {
        Self::parse(text).filter(|function| !function.is_weak())
    }

    /// The function whose digests have that many bytes.
    pub(super) fn of_length(bytes: usize) -> Option<Self> {
        NAMES.iter().map(|(function, _)| *function).find(|function| function.bytes() == bytes)
    }

    /// True of a function that still finds accidents, but no longer intent.
    pub(super) fn is_weak(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1)
    }

    /// Its name as people write it.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(function, _)| *function == self).map_or("", |(_, name)| name)
    }

    /// The digest of an empty file.
    pub(super) fn of_nothing(self) -> Vec<u8> {
        self.begin().finish()
    }

    fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn begin(self) -> Hashing {
        match self {
            Self::Md5 => Hashing::Md5(md5::Md5::new()),
            Self::Sha1 => Hashing::Sha1(sha1::Sha1::new()),
            Self::Sha224 => Hashing::Sha224(Sha224::new()),
            Self::Sha256 => Hashing::Sha256(Sha256::new()),
            Self::Sha384 => Hashing::Sha384(Sha384::new()),
            Self::Sha512 => Hashing::Sha512(Sha512::new()),
        }
    }
}

/// A digest in the making.
enum Hashing {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(Sha224),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hashing {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hash) => hash.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha224(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha384(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(hash) => hash.finalize().to_vec(),
            Self::Sha1(hash) => hash.finalize().to_vec(),
            Self::Sha224(hash) => hash.finalize().to_vec(),
            Self::Sha256(hash) => hash.finalize().to_vec(),
            Self::Sha384(hash) => hash.finalize().to_vec(),
            Self::Sha512(hash) => hash.finalize().to_vec(),
        }
    }
}

/// Bytes read at once: one buffer a thread, since a fresh one a file costs more than the digest of a small file.
const BUFFER_BYTES: usize = 128 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_BYTES]);
}

/// The digests of everything that `source` gives under each of `functions`, in one reading.
fn over(mut source: impl Read, functions: &[Function]) -> std::io::Result<Vec<Vec<u8>>> {
    let mut hashes: Vec<Hashing> = functions.iter().map(|function| function.begin()).collect();
    BUFFER.with_borrow_mut(|buffer| {
        loop {
            match source.read(buffer) {
                Ok(0) => return Ok(hashes.drain(..).map(Hashing::finish).collect()),
                Ok(n) => hashes.iter_mut().for_each(|hash| hash.update(&buffer[..n])),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    })
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
    let mut wanted: Vec<Option<u32>> = vec![None; container.entries().len()];
    for (n, promise) in (0..).zip(&index.files) {
        if let Some(entry) = promise.entry {
            wanted[entry].get_or_insert(n);
        }
    }
    let mut digests = Vec::with_capacity(wanted.len());
    let work = |i: usize| {
        let promise = wanted[i].and_then(|n| index.files.get(n as usize))?;
        Some(one(container, &container.entries()[i], (promise, index.form)))
    };
    super::each_in_turn(wanted.len(), container.is_large(), work, |outcome| {
        let (digest, found) = outcome.unwrap_or_default();
        findings.extend(found);
        digests.push(digest);
    });
    digests
}

fn one(container: &Container, entry: &Entry, (promise, form): (&Promise, Form)) -> (Option<Digest>, Vec<Finding>) {
    let mut found = Vec::new();
    let put = |finding: Finding| finding.at(&entry.path, &promise.place());
    let function = match &promise.said {
        Said::Sha256(_) => Some(Function::Sha256),
        Said::Other(written) => {
            let function = form.function(&written.0);
            match function {
                Some(Function::Sha256) => {}
                Some(_) => found.push(put(warning("hash-not-sha256")).value("function", &written.0)),
                None => found.push(put(error("hash-function")).value("function", &written.0)),
            }
            function
        }
    };
    if !Container::is_readable(entry) {
        return (None, found);
    }
    let other = function.filter(|function| *function != Function::Sha256);
    let functions: Vec<Function> = [Function::Sha256].into_iter().chain(other).collect();
    let read = match digests(container, entry, &functions) {
        Ok(read) => read,
        Err(e) => {
            found.push(put(error("entry-corrupt")).value("cause", e));
            return (None, found);
        }
    };
    if let (Some(function), Some(actual)) = (function, read.last()) {
        let said = match &promise.said {
            Said::Sha256(digest) => Some(digest.bytes().to_vec()),
            Said::Other(written) => decoded(&written.1, function),
        };
        let written = || if let Said::Other(written) = &promise.said { written.1.as_str() } else { "" };
        match said {
            None => found.push(put(error("hash-unreadable")).value("hash", written())),
            Some(said) if said != *actual => {
                let finding = put(error("digest-wrong")).clause("UNI 11386 File/Hash");
                found.push(finding.value("said", hex(&said)).value("found", hex(actual)));
            }
            Some(_) => {}
        }
    }
    (read.first().and_then(|sha256| <[u8; 32]>::try_from(sha256.as_slice()).ok()).map(Digest::from), found)
}

/// The digest of `entry` under `function`.
pub(super) fn digest(container: &Container, entry: &Entry, function: Function) -> std::io::Result<Vec<u8>> {
    Ok(digests(container, entry, &[function])?.pop().unwrap_or_default())
}

/// The digests of `entry` under each of `functions`, in one reading.
pub(super) fn digests(container: &Container, entry: &Entry, functions: &[Function]) -> std::io::Result<Vec<Vec<u8>>> {
    match container.reader(entry) {
        Some(reader) => over(reader?, functions),
        None => Err(std::io::Error::other("not read")),
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(bytes.len() * 2);
    hex.extend(bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from(DIGITS[usize::from(n)])));
    hex
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
    fn weak_functions_are_known_but_not_admitted() {
        for text in ["MD5", "SHA-1", "http://www.w3.org/2000/09/xmldsig#sha1"] {
            assert!(Function::parse(text).is_some_and(Function::is_weak), "{text}");
            assert_eq!(Function::admitted(text), None, "{text}");
        }
        assert_eq!(Function::parse(""), None);
        assert_eq!(Function::admitted("http://www.w3.org/2001/04/xmlenc#sha256"), Some(Function::Sha256));
    }

    #[test]
    fn each_function_gives_the_digest_of_abc_of_its_standard() {
        let begins = [
            "900150983cd24fb0",
            "a9993e364706816a",
            "23097d223405d822",
            "ba7816bf8f01cfea",
            "cb00753f45a35e8b",
            "ddaf35a193617aba",
        ];
        let functions = NAMES.map(|(function, _)| function);
        let digests = over(&b"abc"[..], &functions).unwrap();
        for ((function, digest), begin) in functions.iter().zip(&digests).zip(begins) {
            assert_eq!((digest.len(), &hex(digest)[..16]), (function.bytes(), begin));
            assert_eq!(Function::of_length(digest.len()), Some(*function));
        }
    }
}
