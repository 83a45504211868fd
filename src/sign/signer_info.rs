//! One signer of a CMS SignedData (RFC 5652, 5.3) with the attributes of CAdES (ETSI EN 319 122-1, 5).

use openssl::hash::MessageDigest;
use openssl::x509::X509;

use super::algorithm::{self, DigestAlgorithm, SignatureAlgorithm};
use super::der::{self, INTEGER, Item, OCTETS, SEQUENCE, SET, context};

pub(super) const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
pub(super) const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
pub(super) const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const COUNTER_SIGNATURE: &str = "1.2.840.113549.1.9.6";
const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
pub(super) const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";
pub(super) const SIGNATURE_STAMP: &str = "1.2.840.113549.1.9.16.2.14";
pub(super) const CONTENT_STAMP: &str = "1.2.840.113549.1.9.16.2.20";
pub(super) const POLICY: &str = "1.2.840.113549.1.9.16.2.15";
const REVOCATION_VALUES: &str = "1.2.840.113549.1.9.16.2.24";
const ADOBE_REVOCATION: &str = "1.2.840.113583.1.1.8";

/// A signer, taken apart.
pub(super) struct SignerInfo<'a> {
    sid: Item<'a>,
    /// Digest of the content; none if unknown here.
    pub(super) digest: Option<DigestAlgorithm>,
    /// The identifier of that digest, with dots.
    pub(super) digest_id: String,
    /// How the value was made; none if unknown here.
    pub(super) algorithm: Option<SignatureAlgorithm>,
    /// The value.
    pub(super) value: &'a [u8],
    /// The signed attributes with their tag `[0]`.
    pub(super) signed: Option<Item<'a>>,
    unsigned: Option<Item<'a>>,
}

impl<'a> SignerInfo<'a> {
    /// Reads one.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut items = der::first(bytes)?.tagged(SEQUENCE)?.items();
        let version = items.pick(INTEGER)?;
        if !matches!(version.inside, [1 | 3]) {
            return None;
        }
        let sid = items.next()?;
        let mut digest = items.pick(SEQUENCE)?.items();
        let digest_id = digest.next()?.object_id()?;
        if digest.next().is_some_and(|parameters| parameters.whole != [0x05, 0]) {
            return None;
        }
        let signed = items.pick(context(0));
        let algorithm = algorithm::signature(&items.pick(SEQUENCE)?);
        let value = items.pick(OCTETS)?.inside;
        let unsigned = items.pick(context(1));
        Some(Self { sid, digest: algorithm::digest(&digest_id), digest_id, algorithm, value, signed, unsigned })
    }

    /// The certificate that the signer names: issuer and number, or key identifier.
    pub(super) fn certificate<'c>(&self, certificates: &'c [X509]) -> Option<&'c X509> {
        let is_it = |certificate: &&X509| {
            if self.sid.tag == 0x80 {
                return certificate.subject_key_id().is_some_and(|id| id.as_slice() == self.sid.inside);
            }
            let mut parts = self.sid.items();
            let (Some(issuer), Some(serial)) = (parts.pick(SEQUENCE), parts.pick(INTEGER)) else { return false };
            let same_issuer = certificate.issuer_name().to_der().is_ok_and(|name| name == issuer.whole);
            let number = certificate.serial_number().to_bn().map(|number| number.to_vec());
            let wanted: &[u8] = serial.inside.strip_prefix(&[0]).unwrap_or(serial.inside);
            same_issuer && number.is_ok_and(|number| number == wanted)
        };
        certificates.iter().find(is_it)
    }

    /// The values of a signed attribute.
    pub(super) fn signed_values(&self, id: &str) -> Vec<Item<'a>> {
        values(self.signed, id)
    }

    /// The values of an unsigned attribute.
    pub(super) fn unsigned_values(&self, id: &str) -> Vec<Item<'a>> {
        values(self.unsigned, id)
    }

    /// Signers who signed this signature.
    pub(super) fn counter_signers(&self) -> Vec<Item<'a>> {
        self.unsigned_values(COUNTER_SIGNATURE)
    }

    /// The one value of a signed attribute that may stand only once with one value.
    pub(super) fn only(&self, id: &str) -> Option<Item<'a>> {
        let values = self.signed_values(id);
        if let [value] = values.as_slice() { Some(*value) } else { None }
    }

    /// What the value was made over: the attributes as a set, in the order in which they stand, and in the order of DER if that is another.
    pub(super) fn attributes(&self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let signed = self.signed?;
        let mut attributes: Vec<&[u8]> = signed.items().map(|item| item.whole).collect();
        let standing = der::wrap(SET, &attributes);
        attributes.sort_unstable();
        let sorted = der::wrap(SET, &attributes);
        let is_other = sorted != standing;
        Some((standing, is_other.then_some(sorted)))
    }

    /// Whether the signed reference to the certificate (ESSCertID, RFC 5035) fits; none where there is no such reference.
    pub(super) fn names_certificate(&self, certificate: &X509) -> Option<bool> {
        if let Some(value) = self.signed_values(SIGNING_CERTIFICATE_V2).first() {
            return Some(ess_fits(value, certificate, true).unwrap_or(false));
        }
        let value = *self.signed_values(SIGNING_CERTIFICATE).first()?;
        Some(ess_fits(&value, certificate, false).unwrap_or(false))
    }

    /// Revocation lists and OCSP answers in the attributes, DER.
    pub(super) fn revocations(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let (mut crls, mut ocsps) = (Vec::new(), Vec::new());
        let sources = self.unsigned_values(REVOCATION_VALUES).into_iter().chain(self.signed_values(ADOBE_REVOCATION));
        for part in sources.flat_map(|value| value.items()) {
            let each = der::first(part.inside).into_iter().flat_map(|list| list.items().map(|one| one.whole.to_vec()));
            if part.tag == context(0) {
                crls.extend(each);
            } else if part.tag == context(1) {
                ocsps.extend(each);
            }
        }
        (crls, ocsps)
    }
}

fn values<'a>(attributes: Option<Item<'a>>, id: &str) -> Vec<Item<'a>> {
    let mut found = Vec::new();
    for attribute in attributes.into_iter().flat_map(|attributes| attributes.items()) {
        let mut parts = attribute.items();
        if parts.next().and_then(|kind| kind.object_id()).as_deref() == Some(id) {
            found.extend(parts.next().into_iter().flat_map(|set| set.items()));
        }
    }
    found
}

/// `SigningCertificate[V2] { certs SEQUENCE OF { hashAlgorithm? (V2), certHash, issuerSerial? } … }`: the first is the signer's.
fn ess_fits(value: &Item<'_>, certificate: &X509, is_v2: bool) -> Option<bool> {
    let mut parts = value.items().next()?.items().next()?.items();
    let mut digest = if is_v2 { MessageDigest::sha256() } else { MessageDigest::sha1() };
    if is_v2 && let Some(stated) = parts.pick(SEQUENCE) {
        digest = algorithm::digest(&stated.items().next()?.object_id()?)?.digest;
    }
    let hash = parts.pick(OCTETS)?;
    Some(certificate.digest(digest).ok()?.as_ref() == hash.inside)
}
