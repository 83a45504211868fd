//! Which algorithms are there, what are they called, and which are too weak? (SOG-IS agreed mechanisms; ETSI TS 119 312, 5 to 7.)

use openssl::hash::MessageDigest;

use super::der::{self, Item, Items, context};

/// A digest algorithm.
#[derive(Clone, Copy)]
pub(super) struct DigestAlgorithm {
    /// Its name.
    pub(super) name: &'static str,
    /// What computes it.
    pub(super) digest: MessageDigest,
}

impl DigestAlgorithm {
    /// True where collisions can be made.
    pub(super) fn is_weak(self) -> bool {
        matches!(self.name, "MD5" | "SHA-1")
    }
}

/// Name, object identifier, ending of the XML identifiers, function.
type Row = (&'static str, &'static str, &'static str, fn() -> MessageDigest);

const DIGESTS: [Row; 9] = [
    ("SHA-256", "2.16.840.1.101.3.4.2.1", "xmlenc#sha256", MessageDigest::sha256),
    ("SHA-384", "2.16.840.1.101.3.4.2.2", "xmldsig-more#sha384", MessageDigest::sha384),
    ("SHA-512", "2.16.840.1.101.3.4.2.3", "xmlenc#sha512", MessageDigest::sha512),
    ("SHA-224", "2.16.840.1.101.3.4.2.4", "xmldsig-more#sha224", MessageDigest::sha224),
    ("SHA3-256", "2.16.840.1.101.3.4.2.8", "xmldsig-more#sha3-256", MessageDigest::sha3_256),
    ("SHA3-384", "2.16.840.1.101.3.4.2.9", "xmldsig-more#sha3-384", MessageDigest::sha3_384),
    ("SHA3-512", "2.16.840.1.101.3.4.2.10", "xmldsig-more#sha3-512", MessageDigest::sha3_512),
    ("SHA-1", "1.3.14.3.2.26", "xmldsig#sha1", MessageDigest::sha1),
    ("MD5", "1.2.840.113549.2.5", "xmldsig-more#md5", MessageDigest::md5),
];

fn row(row: &Row) -> DigestAlgorithm {
    DigestAlgorithm { name: row.0, digest: row.3() }
}

/// The digest algorithm of that object identifier.
pub(super) fn digest(id: &str) -> Option<DigestAlgorithm> {
    DIGESTS.iter().find(|known| known.1 == id).map(row)
}

/// The digest algorithm of that XML identifier (RFC 9231).
pub(super) fn digest_of_uri(uri: &str) -> Option<DigestAlgorithm> {
    let ending = uri.rsplit('/').next()?;
    DIGESTS.iter().find(|known| known.2 == ending).map(row)
}

/// How a signature value is made.
#[derive(Clone, Copy)]
pub(super) struct SignatureAlgorithm {
    /// RSA, RSA-PSS, ECDSA, DSA, EdDSA.
    pub(super) scheme: Scheme,
    /// The digest that it names; none where the signer's digest algorithm counts.
    pub(super) digest: Option<DigestAlgorithm>,
    /// Of RSA-PSS: digest of the mask, and length of the salt.
    pub(super) pss: Option<(DigestAlgorithm, i32)>,
}

/// The mathematics of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Rsa,
    RsaPss,
    Ecdsa,
    Dsa,
    EdDsa,
}

impl Scheme {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::RsaPss => "RSA-PSS",
            Self::Ecdsa => "ECDSA",
            Self::Dsa => "DSA",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Object identifier, scheme, name of the digest (empty: the signer's).
const SIGNATURES: [(&str, Scheme, &str); 24] = [
    ("1.2.840.113549.1.1.1", Scheme::Rsa, ""),
    ("1.2.840.113549.1.1.4", Scheme::Rsa, "MD5"),
    ("1.2.840.113549.1.1.5", Scheme::Rsa, "SHA-1"),
    ("1.2.840.113549.1.1.11", Scheme::Rsa, "SHA-256"),
    ("1.2.840.113549.1.1.12", Scheme::Rsa, "SHA-384"),
    ("1.2.840.113549.1.1.13", Scheme::Rsa, "SHA-512"),
    ("1.2.840.113549.1.1.14", Scheme::Rsa, "SHA-224"),
    ("2.16.840.1.101.3.4.3.14", Scheme::Rsa, "SHA3-256"),
    ("2.16.840.1.101.3.4.3.15", Scheme::Rsa, "SHA3-384"),
    ("2.16.840.1.101.3.4.3.16", Scheme::Rsa, "SHA3-512"),
    ("1.3.14.3.2.29", Scheme::Rsa, "SHA-1"),
    ("1.2.840.10045.2.1", Scheme::Ecdsa, ""),
    ("1.2.840.10045.4.1", Scheme::Ecdsa, "SHA-1"),
    ("1.2.840.10045.4.3.1", Scheme::Ecdsa, "SHA-224"),
    ("1.2.840.10045.4.3.2", Scheme::Ecdsa, "SHA-256"),
    ("1.2.840.10045.4.3.3", Scheme::Ecdsa, "SHA-384"),
    ("1.2.840.10045.4.3.4", Scheme::Ecdsa, "SHA-512"),
    ("2.16.840.1.101.3.4.3.10", Scheme::Ecdsa, "SHA3-256"),
    ("2.16.840.1.101.3.4.3.12", Scheme::Ecdsa, "SHA3-512"),
    ("1.2.840.10040.4.1", Scheme::Dsa, ""),
    ("1.2.840.10040.4.3", Scheme::Dsa, "SHA-1"),
    ("2.16.840.1.101.3.4.3.2", Scheme::Dsa, "SHA-256"),
    ("1.3.101.112", Scheme::EdDsa, ""),
    ("1.3.101.113", Scheme::EdDsa, ""),
];

fn named(name: &str) -> Option<DigestAlgorithm> {
    DIGESTS.iter().find(|known| known.0 == name).map(row)
}

/// The signature algorithm that an `AlgorithmIdentifier` names (RFC 4055, 5758, 8410).
pub(super) fn signature(identifier: &Item<'_>) -> Option<SignatureAlgorithm> {
    let mut parts = identifier.items();
    let id = parts.next()?.object_id()?;
    if id == "1.2.840.113549.1.1.10" {
        return pss(parts);
    }
    // What else stands there is none or null (RFC 4055, 5; RFC 5758, 3).
    if parts.next().is_some_and(|parameters| parameters.whole != [0x05, 0]) {
        return None;
    }
    let (_, scheme, digest) = SIGNATURES.iter().find(|known| known.0 == id)?;
    Some(SignatureAlgorithm { scheme: *scheme, digest: named(digest), pss: None })
}

/// `RSASSA-PSS-params { [0] hash, [1] mask, [2] saltLength }`, with the defaults of RFC 4055, 3.1.
fn pss(mut parts: Items<'_>) -> Option<SignatureAlgorithm> {
    let (mut hash, mut mask, mut salt) = (named("SHA-1")?, named("SHA-1")?, 20);
    for parameter in parts.next().map(|parameters| parameters.items()).into_iter().flatten() {
        let inside = der::first(parameter.inside)?;
        match parameter.tag {
            tag if tag == context(0) => hash = digest(&inside.items().next()?.object_id()?)?,
            tag if tag == context(1) => mask = digest(&inside.items().nth(1)?.items().next()?.object_id()?)?,
            tag if tag == context(2) => {
                salt = inside.inside.iter().try_fold(0_i32, |sum, byte| sum.checked_mul(256)?.checked_add(i32::from(*byte)))?;
            }
            _ => {}
        }
    }
    Some(SignatureAlgorithm { scheme: Scheme::RsaPss, digest: Some(hash), pss: Some((mask, salt)) })
}

/// The signature algorithm of an XML identifier (RFC 9231, 2.3).
pub(super) fn signature_of_uri(uri: &str) -> Option<SignatureAlgorithm> {
    let ending = uri.rsplit(['/', '#']).next()?;
    let (scheme, digest) = ending.rsplit_once('-').map_or((ending, ""), |(scheme, digest)| (scheme, digest));
    let digest = match digest {
        "sha1" => "SHA-1",
        "sha224" => "SHA-224",
        "sha256" => "SHA-256",
        "sha384" => "SHA-384",
        "sha512" => "SHA-512",
        "md5" => "MD5",
        "MGF1" => return pss_of_uri(scheme),
        _ => return None,
    };
    let scheme = match scheme {
        "rsa" => Scheme::Rsa,
        "ecdsa" => Scheme::Ecdsa,
        "dsa" => Scheme::Dsa,
        _ => return None,
    };
    Some(SignatureAlgorithm { scheme, digest: named(digest), pss: None })
}

fn pss_of_uri(name: &str) -> Option<SignatureAlgorithm> {
    let hash = named(match name {
        "sha224-rsa" => "SHA-224",
        "sha256-rsa" => "SHA-256",
        "sha384-rsa" => "SHA-384",
        "sha512-rsa" => "SHA-512",
        _ => return None,
    })?;
    let salt = i32::try_from(hash.digest.size()).ok()?;
    Some(SignatureAlgorithm { scheme: Scheme::RsaPss, digest: Some(hash), pss: Some((hash, salt)) })
}
