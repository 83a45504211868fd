//! Sealing: CAdES baseline B (ETSI EN 319 122-1, 6) around a small content or beside it, with a time stamp where one is had.
//!
//! Who signs is a guest behind [`Signer`]; the key never comes in here. What is made is judged by [`super::check`] like what comes
//! from elsewhere.

use jiff::Timestamp;
use openssl::hash::MessageDigest;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{Id, PKey, Private};
use openssl::x509::X509;

use super::cms::DATA;
use super::der::{self, OCTETS, SEQUENCE, SET, context};
use super::signer_info::{CONTENT_TYPE, MESSAGE_DIGEST, SIGNATURE_STAMP, SIGNING_CERTIFICATE_V2, SIGNING_TIME};
use crate::digest::Digest;
use crate::error::{Error, Kind, Result};

const SHA_256: &str = "2.16.840.1.101.3.4.2.1";

/// Whoever holds a key: a file, a card, a service. Object-safe, so that an office may bring its own.
pub trait Signer {
    /// The certificate of the key, DER.
    fn certificate(&self) -> &[u8];
    /// The certificates between it and a trusted one, DER.
    fn chain(&self) -> &[Vec<u8>];
    /// The kind of key.
    fn kind(&self) -> KeyKind;
    /// The signature over the SHA-256 digest of `bytes`: PKCS #1 v1.5 of an RSA key, DER of an elliptic one.
    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>>;
}

/// Kinds of keys that seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, PKCS #1 v1.5.
    Rsa,
    /// Elliptic curves.
    Ec,
}

impl KeyKind {
    /// The `AlgorithmIdentifier` of its signatures over SHA-256 (RFC 4055, 5; RFC 5758, 3.2).
    fn algorithm(self) -> Vec<u8> {
        match self {
            Self::Rsa => der::wrap(SEQUENCE, &[&der::object_id("1.2.840.113549.1.1.11"), &[0x05, 0]]),
            Self::Ec => der::wrap(SEQUENCE, &[&der::object_id("1.2.840.10045.4.3.2")]),
        }
    }
}

/// A key in a PKCS #12 file.
pub struct Pkcs12Signer {
    key: PKey<Private>,
    kind: KeyKind,
    certificate: Vec<u8>,
    chain: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Pkcs12Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pkcs12Signer").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Pkcs12Signer {
    /// Opens the file's bytes with its password. A wrong password, a file without key or certificate, and a kind of key that does not
    /// seal are errors of kind `Environment`; neither password nor key is ever part of one.
    pub fn open(bytes: &[u8], password: &str) -> Result<Self> {
        let refused = |why: &'static str| Error::new(Kind::Environment, why);
        let opened = Pkcs12::from_der(bytes).and_then(|file| file.parse2(password)).map_err(|_| refused("seal-key-refused"))?;
        let (Some(key), Some(certificate)) = (opened.pkey, opened.cert) else { return Err(refused("seal-key-missing")) };
        let kind = match key.id() {
            Id::RSA => KeyKind::Rsa,
            Id::EC => KeyKind::Ec,
            _ => return Err(refused("seal-key-kind")),
        };
        let der = |certificate: &X509| certificate.to_der().map_err(|_| refused("seal-key-refused"));
        let chain = opened.ca.iter().flatten().map(openssl::x509::X509Ref::to_der).collect::<std::result::Result<_, _>>();
        Ok(Self { key, kind, certificate: der(&certificate)?, chain: chain.map_err(|_| refused("seal-key-refused"))? })
    }
}

impl Signer for Pkcs12Signer {
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn kind(&self) -> KeyKind {
        self.kind
    }

    fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        openssl::sign::Signer::new(MessageDigest::sha256(), &self.key)
            .and_then(|mut signer| signer.sign_oneshot_to_vec(bytes))
            .map_err(|e| Error::new(Kind::Retry, "seal-failed").because(e))
    }
}

/// A seal before its time stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Everything before the signer, in the order of SignedData.
    before: Vec<u8>,
    /// The signer without unsigned attributes.
    info: Vec<u8>,
    /// The signature value: what a time stamp is over.
    value: Vec<u8>,
}

impl Seal {
    /// Seals `content` at that time: within the seal, or apart from it where `is_apart`.
    pub fn of(content: &[u8], is_apart: bool, signer: &dyn Signer, now: Timestamp) -> Result<Self> {
        let digest_algorithm = der::wrap(SEQUENCE, &[&der::object_id(SHA_256)]);
        let serial =
            issuer_and_serial(signer.certificate()).ok_or_else(|| Error::bug("the certificate of a seal has no issuer"))?;
        let attributes = attributes(content, signer.certificate(), now);
        // The value is over the attributes as a SET, in the seal they stand under their own tag (RFC 5652, 5.4).
        let value = signer.sign(&der::wrap(SET, &[&attributes]))?;
        let info = [
            vec![0x02, 1, 1],
            serial,
            digest_algorithm.clone(),
            der::wrap(context(0), &[&attributes]),
            signer.kind().algorithm(),
            der::wrap(OCTETS, &[&value]),
        ]
        .concat();
        let octets = if is_apart { Vec::new() } else { der::wrap(context(0), &[&der::wrap(OCTETS, &[content])]) };
        let mut certificates: Vec<&[u8]> =
            std::iter::once(signer.certificate()).chain(signer.chain().iter().map(Vec::as_slice)).collect();
        certificates.sort_unstable();
        certificates.dedup();
        let before = [
            vec![0x02, 1, 1],
            der::wrap(SET, &[&digest_algorithm]),
            der::wrap(SEQUENCE, &[&der::object_id(DATA), &octets]),
            der::wrap(context(0), &certificates),
        ]
        .concat();
        Ok(Self { before, info, value })
    }

    /// The value of the signature, which a time stamp is asked for.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The seal in DER, with a time stamp token in its place (EN 319 122-1, 5.3) if there is one.
    pub fn der(&self, token: Option<&[u8]>) -> Vec<u8> {
        let unsigned = token.map(|token| der::wrap(context(1), &[&attribute(SIGNATURE_STAMP, &[token])])).unwrap_or_default();
        let signers = der::wrap(SET, &[&der::wrap(SEQUENCE, &[&self.info, &unsigned])]);
        let data = der::wrap(SEQUENCE, &[&self.before, &signers]);
        der::wrap(SEQUENCE, &[&der::object_id(super::cms::SIGNED_DATA), &der::wrap(context(0), &[&data])])
    }
}

fn attribute(id: &str, values: &[&[u8]]) -> Vec<u8> {
    der::wrap(SEQUENCE, &[&der::object_id(id), &der::wrap(SET, values)])
}

/// The signed attributes of baseline B, in the order of DER.
fn attributes(content: &[u8], certificate: &[u8], now: Timestamp) -> Vec<u8> {
    let digest = Digest::of(content);
    // ESSCertIDv2 without algorithm means SHA-256, its default (RFC 5035, 4).
    let named = der::wrap(SEQUENCE, &[&der::wrap(OCTETS, &[Digest::of(certificate).bytes()])]);
    let mut all = [
        attribute(CONTENT_TYPE, &[&der::object_id(DATA)]),
        attribute(SIGNING_TIME, &[&time(now)]),
        attribute(MESSAGE_DIGEST, &[&der::wrap(OCTETS, &[digest.bytes()])]),
        attribute(SIGNING_CERTIFICATE_V2, &[&der::wrap(SEQUENCE, &[&der::wrap(SEQUENCE, &[&named])])]),
    ];
    all.sort_unstable();
    all.concat()
}

/// UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5652, 11.3).
fn time(now: Timestamp) -> Vec<u8> {
    let utc = now.to_zoned(jiff::tz::TimeZone::UTC);
    let (tag, form) = if utc.year() < 2050 { (0x17, "%y%m%d%H%M%SZ") } else { (0x18, "%Y%m%d%H%M%SZ") };
    der::wrap(tag, &[utc.strftime(form).to_string().as_bytes()])
}

/// `IssuerAndSerialNumber` of a certificate, as it stands in it.
fn issuer_and_serial(certificate: &[u8]) -> Option<Vec<u8>> {
    let mut fields = der::first(certificate)?.items().next()?.items();
    fields.pick(context(0));
    let serial = fields.pick(der::INTEGER)?;
    fields.pick(SEQUENCE)?;
    let issuer = fields.pick(SEQUENCE)?;
    Some(der::wrap(SEQUENCE, &[issuer.whole, serial.whole]))
}

/// What is asked of an authority for time stamps: `TimeStampReq { 1, messageImprint, nonce, certReq TRUE }` (RFC 3161, 2.4.1).
pub fn question(value: &[u8], nonce: u64) -> Vec<u8> {
    let imprint = der::wrap(
        SEQUENCE,
        &[&der::wrap(SEQUENCE, &[&der::object_id(SHA_256)]), &der::wrap(OCTETS, &[Digest::of(value).bytes()])],
    );
    der::wrap(SEQUENCE, &[&[0x02, 1, 1], &imprint, &der::wrap(der::INTEGER, &[&number(nonce)]), &[0x01, 1, 0xff]])
}

/// A whole number as DER writes it: no leading zeros but one before a high bit.
fn number(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count().min(7);
    let mut out = if bytes[skip] & 0x80 != 0 { vec![0] } else { Vec::new() };
    out.extend_from_slice(&bytes[skip..]);
    out
}

/// The token in an answer, if it is a good one, over that value and to that question. What is wrong with it is said in the error,
/// which is one to try again with: another authority may answer better.
pub fn answered(answer: &[u8], value: &[u8], nonce: u64, options: &super::Options<'_>) -> Result<Vec<u8>> {
    let refused = |why: &str| Error::retry("stamp-refused").with("why", why);
    let token = super::stamp::in_answer(answer).ok_or_else(|| refused("PKIStatus"))?;
    let said = super::stamp::read(&token).ok_or_else(|| refused("TSTInfo"))?;
    if said.nonce.as_deref() != Some(&number(nonce)) {
        return Err(refused("nonce"));
    }
    let world = super::World { trust: options.trust, now: options.now, limits: options.limits };
    let imprint = |algorithm: super::DigestAlgorithm| {
        Ok(super::cades::hashed(&super::Stretch::memory(value.to_vec()), &[algorithm])?.remove(algorithm.name))
    };
    let judged = super::stamp::judge(&token, "", &imprint, &super::Evidence::default(), &world).map_err(Error::store)?;
    match judged.concerns.iter().find(|concern| concern.severity == crate::finding::Severity::Error) {
        Some(fault) => Err(refused(fault.reason)),
        None => Ok(token),
    }
}
