//! Was a certificate revoked? Lists (RFC 5280, 5) and OCSP answers (RFC 6960), those that came with a signature and those of the office.

use jiff::Timestamp;
use openssl::asn1::{Asn1GeneralizedTimeRef, Asn1Time};
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspResponse, OcspResponseStatus};
use openssl::stack::Stack;
use openssl::x509::{CrlStatus, X509, X509Crl};

use super::certificate::instant;
use super::der;
use super::trust;

/// What is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nobody says anything that counts.
    Nothing,
    /// Not revoked.
    Good,
    /// Revoked, since then.
    Revoked(Option<Timestamp>),
}

/// What those that speak for the issuer say of the certificate; a revocation outweighs whatever else is said.
pub(super) fn known<'e>(
    (certificate, issuer): (&X509, &X509),
    crls: impl Iterator<Item = &'e X509Crl>,
    ocsps: impl Iterator<Item = &'e Vec<u8>>,
    at: Timestamp,
) -> Known {
    let mut known = Known::Nothing;
    let answers = ocsps.map(|answer| of_answer(certificate, issuer, answer, at).unwrap_or(Known::Nothing));
    for said in crls.map(|list| of_list(certificate, issuer, list, at)).chain(answers) {
        match said {
            Known::Revoked(_) => return said,
            Known::Good => known = Known::Good,
            Known::Nothing => {}
        }
    }
    known
}

/// A list counts if the issuer signed it. That somebody is not on it counts if it is of that time or later.
fn of_list(certificate: &X509, issuer: &X509, list: &X509Crl, at: Timestamp) -> Known {
    let is_theirs = list.issuer_name().to_der().ok().zip(certificate.issuer_name().to_der().ok()).is_some_and(|(a, b)| a == b)
        && issuer.public_key().and_then(|key| list.verify(&key)).unwrap_or(false);
    if !is_theirs {
        return Known::Nothing;
    }
    match list.get_by_cert(certificate) {
        CrlStatus::Revoked(entry) => Known::Revoked(instant(entry.revocation_date())),
        _ if covers(instant(list.last_update()), list.next_update().and_then(instant), at) => Known::Good,
        _ => Known::Nothing,
    }
}

/// True of what was said after that time, or is still to be relied upon then.
fn covers(said: Option<Timestamp>, until: Option<Timestamp>, at: Timestamp) -> bool {
    said.is_some_and(|said| said >= at) || until.is_some_and(|until| until >= at)
}

fn of_answer(certificate: &X509, issuer: &X509, answer: &[u8], at: Timestamp) -> Option<Known> {
    // Both the whole answer and its inner part are embedded by signers (RFC 6960, 4.2.1).
    let basic = match OcspResponse::from_der(answer) {
        Ok(whole) if whole.status() == OcspResponseStatus::SUCCESSFUL => whole.basic().ok()?,
        _ => OcspResponse::from_der(&as_whole(answer)).ok()?.basic().ok()?,
    };
    let store = trust::store(std::iter::once(issuer), at).ok()?;
    let mut with_it = Stack::new().ok()?;
    with_it.push(issuer.clone()).ok()?;
    let digests = [MessageDigest::sha1(), MessageDigest::sha256()];
    let ids = digests.into_iter().filter_map(|digest| OcspCertId::from_cert(digest, certificate, issuer).ok());
    let status = ids.into_iter().find_map(|id| {
        let status = basic.find_status(&id)?;
        let time = status.revocation_time.and_then(general);
        Some((status.status, time, general(status.this_update), status.next_update().and_then(general)))
    });
    let (status, since, said, until) = status?;
    basic.verify(&with_it, &store, OcspFlag::empty()).ok()?;
    match status {
        OcspCertStatus::REVOKED => Some(Known::Revoked(since)),
        OcspCertStatus::GOOD if covers(said, until, at) => Some(Known::Good),
        _ => Some(Known::Nothing),
    }
}

/// The inner part of an answer, as an answer: `OCSPResponse { successful, [0] { id-pkix-ocsp-basic, OCTET STRING } }`.
fn as_whole(basic: &[u8]) -> Vec<u8> {
    let inside = der::wrap(der::SEQUENCE, &[&der::object_id("1.3.6.1.5.5.7.48.1.1"), &der::wrap(der::OCTETS, &[basic])]);
    der::wrap(der::SEQUENCE, &[&[0x0a, 1, 0], &der::wrap(der::context(0), &[&inside])])
}

/// The instant of OpenSSL's other kind of time, over its words.
fn general(time: &Asn1GeneralizedTimeRef) -> Option<Timestamp> {
    // Its words are "Mar  4 05:06:07 2024 GMT"; a time of the first kind cannot be made of it without them.
    let words = time.to_string();
    let mut parts = words.split_whitespace();
    let month = parts.next()?;
    let number =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"].iter().position(|m| *m == month)?;
    let day: u8 = parts.next()?.parse().ok()?;
    let clock: String = parts.next()?.split('.').next()?.split(':').collect();
    let year = parts.next()?;
    let text = format!("{year}{:02}{day:02}{clock}Z", number + 1);
    instant(&*Asn1Time::from_str_x509(&text).ok()?)
}
