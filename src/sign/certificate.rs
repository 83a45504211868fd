//! What a certificate says of whoever signs, and whether a value was signed with its key.

use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::x509::{X509, X509NameRef, X509Ref};

use super::algorithm::{DigestAlgorithm, Scheme, SignatureAlgorithm};
use super::fact::Signer;

/// Most certificates that one file may bring.
pub(super) const CERTIFICATES_MAX: usize = 500;

/// What the certificate says of its holder.
pub(super) fn signer(certificate: &X509Ref) -> Signer {
    let subject = certificate.subject_name();
    let serial = certificate.serial_number().to_bn().and_then(|number| number.to_hex_str().map(|hex| hex.to_string()));
    Signer {
        name: display(subject),
        codice_fiscale: entry(subject, Nid::SERIALNUMBER).and_then(|text| codice_fiscale(&text)),
        issuer: display(certificate.issuer_name()),
        serial: serial.unwrap_or_default(),
        validity: instant(certificate.not_before()).zip(instant(certificate.not_after())),
    }
}

fn display(name: &X509NameRef) -> String {
    [Nid::COMMONNAME, Nid::ORGANIZATIONNAME, Nid::SURNAME].into_iter().find_map(|nid| entry(name, nid)).unwrap_or_default()
}

fn entry(name: &X509NameRef, nid: Nid) -> Option<String> {
    /// Longest name that is shown, characters.
    const SHOWN_MAX: usize = 200;
    let value = name.entries_by_nid(nid).next()?.data().to_string().ok()?;
    let text: String = value.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect();
    (!text.is_empty()).then_some(text)
}

/// The fiscal code within a `serialNumber`: `TINIT-…` (EN 319 412-1, 5.1.3), `IT:…` of the older Italian profile.
fn codice_fiscale(text: &str) -> Option<String> {
    let code = ["TINIT-", "IT:"].iter().find_map(|prefix| text.strip_prefix(prefix))?.trim();
    let is_code = matches!(code.len(), 11 | 16) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_ascii_uppercase())
}

/// The instant of a time in a certificate or a list.
pub(super) fn instant(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Timestamp::from_second(i64::from(since.days) * 86_400 + i64::from(since.secs)).ok()
}

/// What was signed, how, and the value that was made of it.
pub(super) struct Signed<'a> {
    /// How.
    pub(super) algorithm: SignatureAlgorithm,
    /// The digest, where the algorithm names none.
    pub(super) digest: DigestAlgorithm,
    /// The value.
    pub(super) value: &'a [u8],
    /// True where an ECDSA or DSA value is two numbers side by side, as in XML, and no DER.
    pub(super) is_flat: bool,
}

impl Signed<'_> {
    /// True if the holder of the certificate signed what `source` gives.
    pub(super) fn holds(&self, certificate: &X509Ref, source: &mut dyn std::io::Read) -> std::io::Result<bool> {
        self.tried(certificate, source).map(|result| result.unwrap_or(false))
    }

    fn tried(
        &self,
        certificate: &X509Ref,
        source: &mut dyn std::io::Read,
    ) -> std::io::Result<Result<bool, openssl::error::ErrorStack>> {
        let Ok(key) = certificate.public_key() else { return Ok(Ok(false)) };
        let value = self.value_in_der();
        if self.algorithm.scheme == Scheme::EdDsa {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(source, 64 << 20), &mut bytes)?;
            return Ok(Verifier::new_without_digest(&key).and_then(|mut verifier| verifier.verify_oneshot(&value, &bytes)));
        }
        let mut verifier = match Verifier::new(self.algorithm.digest.unwrap_or(self.digest).digest, &key) {
            Ok(verifier) => verifier,
            Err(error) => return Ok(Err(error)),
        };
        if let Some((mask, salt)) = self.algorithm.pss {
            let set = verifier
                .set_rsa_padding(Padding::PKCS1_PSS)
                .and_then(|()| verifier.set_rsa_mgf1_md(mask.digest))
                .and_then(|()| verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt)));
            if let Err(error) = set {
                return Ok(Err(error));
            }
        }
        let mut buffer = vec![0_u8; 64 << 10];
        loop {
            let count = source.read(&mut buffer)?;
            if count == 0 {
                return Ok(verifier.verify(&value));
            }
            if let Err(error) = verifier.update(&buffer[..count]) {
                return Ok(Err(error));
            }
        }
    }

    fn value_in_der(&self) -> std::borrow::Cow<'_, [u8]> {
        if !self.is_flat || !matches!(self.algorithm.scheme, Scheme::Ecdsa | Scheme::Dsa) {
            return self.value.into();
        }
        let (r, s) = self.value.split_at(self.value.len() / 2);
        let both = BigNum::from_slice(r).and_then(|r| EcdsaSig::from_private_components(r, BigNum::from_slice(s)?)?.to_der());
        both.map_or(self.value.into(), Into::into)
    }
}

/// Words for the kind of signature, as `RSA with SHA-256`, and whether it is weak: a digest with collisions, a short key.
pub(super) fn strength(certificate: Option<&X509Ref>, algorithm: SignatureAlgorithm, digest: DigestAlgorithm) -> (String, bool) {
    let digest = algorithm.digest.unwrap_or(digest);
    let bits = certificate.and_then(|certificate| certificate.public_key().ok()).map_or(0, |key| key.bits());
    let is_short = match algorithm.scheme {
        Scheme::Rsa | Scheme::RsaPss | Scheme::Dsa => bits > 0 && bits < 1_900,
        Scheme::Ecdsa => bits > 0 && bits < 224,
        Scheme::EdDsa => false,
    };
    let name = if algorithm.scheme == Scheme::EdDsa {
        "EdDSA".to_owned()
    } else {
        format!("{} {bits} {}", algorithm.scheme.name(), digest.name)
    };
    (name, is_short || (digest.is_weak() && algorithm.scheme != Scheme::EdDsa))
}

/// Puts in those that can be read, of which there may be only so many.
pub(super) fn read_into(certificates: &mut Vec<X509>, der: &[u8]) {
    if certificates.len() < CERTIFICATES_MAX
        && let Ok(certificate) = X509::from_der(der)
    {
        certificates.push(certificate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fiscal_code_is_read_of_both_profiles_and_of_nothing_else() {
        assert_eq!(codice_fiscale("TINIT-RSSMRA80A01H501U").as_deref(), Some("RSSMRA80A01H501U"));
        assert_eq!(codice_fiscale("IT:rssmra80a01h501u").as_deref(), Some("RSSMRA80A01H501U"));
        assert_eq!(codice_fiscale("TINIT-01234567890").as_deref(), Some("01234567890"));
        assert_eq!((codice_fiscale("PNOIT-1"), codice_fiscale("TINDE-RSSMRA80A01H501U"), codice_fiscale("")), (None, None, None));
    }
}
