//! Is the certificate of a signer good: valid at that time, from somebody trusted, not revoked? (EN 319 102-1, 5.2.4 to 5.2.6.)

use std::sync::Arc;

use jiff::Timestamp;
use openssl::x509::{X509, X509Crl, X509ExtendedKeyUsage, X509KeyUsage};

use super::certificate::{instant, signer};
use super::fact::{Form, Signature, Stamp, Sub, Topic};
use super::revocation::{self, Known};
use super::trust::{Trust, Way, same};
use crate::finding::Severity;
use crate::limits::Limits;

/// What a check knows of the world.
pub(super) struct World<'w> {
    pub(super) trust: &'w Trust,
    /// The instant as of which it is judged.
    pub(super) now: Timestamp,
    pub(super) limits: &'w Limits,
}

/// What came with a signature and helps to judge it.
#[derive(Default, Clone)]
pub(super) struct Evidence {
    pub(super) certificates: Vec<X509>,
    pub(super) crls: Vec<Arc<X509Crl>>,
    /// DER.
    pub(super) ocsps: Vec<Vec<u8>>,
    /// Time stamps over all of what a signature stands in.
    pub(super) stamps: Vec<Stamp>,
}

impl Evidence {
    /// All of this and all of that.
    pub(super) fn extend(&mut self, other: &Self) {
        self.certificates.extend(other.certificates.iter().cloned());
        self.crls.extend(other.crls.iter().cloned());
        self.stamps.extend(other.stamps.iter().cloned());
        self.ocsps.extend(other.ocsps.iter().cloned());
    }
}

/// Judges the certificate as of the time that a stamp proves, else as of now.
pub(super) fn certificate(signature: &mut Signature, certificate: &X509, evidence: &Evidence, world: &World<'_>) {
    signature.signer = signer(certificate);
    let proven = if signature.form == Form::Timestamp { signature.claimed } else { signature.proven() };
    usage(signature, certificate);
    validity(signature, certificate, proven, world.now);
    let (Some(from), Some(to)) = (instant(certificate.not_before()), instant(certificate.not_after())) else { return };
    // Whether somebody trusted stands behind an expired certificate is asked as of its last day: that it expired is said apart.
    // A hostile one may end before it begins.
    let at = proven.unwrap_or(world.now).min(to).max(from);
    trusted(signature, (certificate, proven), evidence, world, at);
}

/// Key usage: signing for signers, time stamps alone for their authorities (RFC 3161, 2.3).
fn usage(signature: &mut Signature, certificate: &X509) {
    let signs = X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::NON_REPUDIATION;
    if certificate.key_usage().is_some_and(|usage| !usage.intersects(signs)) {
        signature.fault(Topic::Certificate, Sub::ChainConstraintsFailure, "sign-usage", "");
    }
    if signature.form == Form::Timestamp && certificate.extended_key_usage() != Some(X509ExtendedKeyUsage::TIMESTAMP) {
        signature.fault(Topic::Certificate, Sub::ChainConstraintsFailure, "sign-usage-stamp", "");
    }
}

fn validity(signature: &mut Signature, certificate: &X509, proven: Option<Timestamp>, now: Timestamp) {
    let (from, to) = (instant(certificate.not_before()), instant(certificate.not_after()));
    let is_after = |at: Timestamp| to.is_some_and(|to| at > to);
    let is_before = |at: Timestamp| from.is_some_and(|from| at < from);
    if let Some(at) = proven.or(signature.claimed) {
        if is_after(at) {
            signature.fault(Topic::Certificate, Sub::Expired, "sign-expired-then", at.to_string());
            return;
        }
        if is_before(at) {
            signature.fault(Topic::Certificate, Sub::NotYetValid, "sign-not-yet-then", at.to_string());
            return;
        }
    }
    if proven.is_none() && is_after(now) {
        signature.doubt(Topic::Time, Sub::OutOfBoundsNoPoe, "sign-expired", to.map(|to| to.to_string()).unwrap_or_default());
    } else if proven.is_none() && is_before(now) {
        signature.fault(Topic::Certificate, Sub::NotYetValid, "sign-not-yet-then", now.to_string());
    }
}

fn trusted(
    signature: &mut Signature,
    (certificate, proven): (&X509, Option<Timestamp>),
    evidence: &Evidence,
    world: &World<'_>,
    at: Timestamp,
) {
    let mut chain = vec![certificate.clone()];
    if world.trust.is_given() {
        match world.trust.way(certificate, &evidence.certificates, at) {
            Way::Found(way) => chain = way,
            Way::Withdrawn(status) => {
                signature.fault(Topic::Trust, Sub::NoCertificateChainFound, "sign-withdrawn", status);
            }
            Way::None(why) => {
                signature.fault(Topic::Trust, Sub::NoCertificateChainFound, "sign-no-chain", why);
            }
        }
    } else {
        signature.doubt(Topic::Trust, Sub::NoCertificateChainFound, "sign-trust-unknown", "");
    }
    if chain.len() == 1 {
        let issued = |issuer: &&X509| {
            !same(issuer, certificate) && issuer.public_key().and_then(|key| certificate.verify(&key)).unwrap_or(false)
        };
        chain.extend(evidence.certificates.iter().find(issued).cloned());
    }
    for pair in chain.windows(2) {
        let crls = evidence.crls.iter().map(|list| &**list).chain(&world.trust.crls);
        let ocsps = evidence.ocsps.iter().chain(&world.trust.ocsps);
        revoked(signature, revocation::known((&pair[0], &pair[1]), crls, ocsps, at), proven, world);
    }
}

fn revoked(signature: &mut Signature, known: Known, proven: Option<Timestamp>, world: &World<'_>) {
    match known {
        Known::Good => {}
        Known::Nothing if !world.trust.is_given() => {}
        Known::Nothing => {
            let is_said = signature.concerns.iter().any(|concern| concern.reason == "sign-revocation-unknown");
            if !is_said {
                signature.doubt(Topic::Revocation, Sub::TryLater, "sign-revocation-unknown", "");
            }
        }
        Known::Revoked(since) => {
            let when = since.map(|since| since.to_string()).unwrap_or_default();
            match (proven, since) {
                (Some(proven), Some(since)) if proven < since => {
                    signature.remark(Topic::Revocation, Severity::Note, "sign-revoked-later", when);
                }
                (Some(_), _) => signature.fault(Topic::Revocation, Sub::Revoked, "sign-revoked", when),
                (None, _) => signature.fault(Topic::Revocation, Sub::RevokedNoPoe, "sign-revoked", when),
            }
        }
    }
}
