//! Does a CMS signature hold? Digest, value, certificate, attributes and time stamps of every signer (EN 319 102-1, 5.2 and 5.3).

use std::collections::BTreeMap;
use std::io::{Read as _, Result};
use std::sync::Arc;

use openssl::hash::Hasher;
use openssl::x509::{X509, X509Crl};

use super::algorithm::{self, DigestAlgorithm, SignatureAlgorithm};
use super::certificate::{Signed, strength};
use super::cms::{self, DATA, SignedData};
use super::der;
use super::fact::{Form, Signature, Sub, Topic};
use super::judge::{self, Evidence, World};
use super::signer_info::{CONTENT_STAMP, CONTENT_TYPE, MESSAGE_DIGEST, POLICY, SIGNATURE_STAMP, SIGNING_TIME, SignerInfo};
use super::stamp;
use super::stretch::Stretch;
use crate::finding::Severity;

/// Deepest nesting of counter-signatures.
const COUNTER_DEPTH_MAX: usize = 5;

/// Digests of a content, by name of the algorithm.
type Digests = BTreeMap<&'static str, Vec<u8>>;

/// A SignedData to be judged.
pub(super) struct Case<'c> {
    pub(super) data: SignedData,
    /// What is signed, where it does not lie in the SignedData.
    pub(super) detached: Option<Stretch>,
    pub(super) form: Form,
    pub(super) place: &'c str,
    /// What else helps to judge.
    pub(super) evidence: &'c Evidence,
}

impl Case<'_> {
    /// What is signed, if it is there.
    pub(super) fn content(&self) -> Option<&Stretch> {
        self.data.content.as_ref().or(self.detached.as_ref())
    }
}

/// The judgement on every signer. An error is one of reading the disk.
pub(super) fn judge(case: &Case<'_>, world: &World<'_>) -> Result<Vec<Signature>> {
    let mut evidence = Evidence {
        certificates: case.data.certificates.clone(),
        crls: case.data.crls.clone(),
        ocsps: case.data.ocsps.clone(),
        stamps: Vec::new(),
    };
    evidence.extend(case.evidence);
    let signers: Vec<Option<SignerInfo<'_>>> = case.data.signers.iter().map(|bytes| SignerInfo::read(bytes)).collect();
    let digests = digests(case.content(), &signers)?;
    let mut signatures = Vec::new();
    if signers.is_empty() {
        let mut signature = Signature::new(case.form, case.place);
        signature.fault(Topic::Form, Sub::FormatFailure, "sign-no-signer", "");
        signatures.push(signature.conclude());
    }
    for signer in &signers {
        let Some(info) = signer else {
            let mut signature = Signature::new(case.form, case.place);
            signature.fault(Topic::Form, Sub::FormatFailure, "sign-malformed", "");
            signatures.push(signature.conclude());
            continue;
        };
        let mut own = evidence.clone();
        take_revocations(&mut own, info);
        let signature = one(case, info, (&digests, &own), world)?;
        signatures.push(signature.conclude());
        counter_signers(info, case, (&own, world), 0, &mut signatures)?;
    }
    Ok(signatures)
}

fn take_revocations(evidence: &mut Evidence, info: &SignerInfo<'_>) {
    let (crls, ocsps) = info.revocations();
    evidence.crls.extend(crls.iter().filter_map(|list| X509Crl::from_der(list).ok()).map(Arc::new));
    evidence.ocsps.extend(ocsps);
}

/// The content's digests, all in one pass: those of the signers, and those of the time stamps on it.
fn digests(content: Option<&Stretch>, signers: &[Option<SignerInfo<'_>>]) -> Result<Digests> {
    let mut wanted: BTreeMap<&'static str, DigestAlgorithm> = BTreeMap::new();
    for info in signers.iter().flatten() {
        let stamps = info.signed_values(CONTENT_STAMP);
        let of_stamps = stamps.iter().filter_map(|token| stamp::imprint_algorithm(token.whole));
        wanted.extend(info.digest.into_iter().chain(of_stamps).map(|digest| (digest.name, digest)));
    }
    let Some(content) = content else { return Ok(Digests::new()) };
    hashed(content, &wanted.into_values().collect::<Vec<_>>())
}

/// The digests of a content, in one pass and flat memory.
pub(super) fn hashed(content: &Stretch, algorithms: &[DigestAlgorithm]) -> Result<Digests> {
    let failed = |error: openssl::error::ErrorStack| std::io::Error::other(error);
    let mut hashers = Vec::new();
    for algorithm in algorithms {
        hashers.push((algorithm.name, Hasher::new(algorithm.digest).map_err(failed)?));
    }
    let mut source = content.clone();
    let mut buffer = vec![0_u8; 256 << 10];
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        for (_, hasher) in &mut hashers {
            hasher.update(&buffer[..count]).map_err(failed)?;
        }
    }
    let finish = |(name, mut hasher): (&'static str, Hasher)| Ok((name, hasher.finish().map_err(failed)?.to_vec()));
    hashers.into_iter().map(finish).collect()
}

fn one(
    case: &Case<'_>,
    info: &SignerInfo<'_>,
    (digests, evidence): (&Digests, &Evidence),
    world: &World<'_>,
) -> Result<Signature> {
    let mut signature = Signature::new(case.form, case.place);
    signature.claimed = info.only(SIGNING_TIME).and_then(|time| der::instant(&time));
    let certificate = info.certificate(&evidence.certificates);
    let is_known = named(&mut signature, info, certificate);
    if case.content().is_none() {
        signature.fault(Topic::Content, Sub::SignedDataNotFound, "sign-content-missing", "");
    } else if info.signed.is_some() {
        match (info.only(MESSAGE_DIGEST), info.digest.and_then(|digest| digests.get(digest.name))) {
            (Some(stated), Some(counted)) if stated.inside == counted.as_slice() => {}
            (_, None) => {}
            _ => signature.fault(Topic::Integrity, Sub::HashFailure, "sign-digest", ""),
        }
    }
    if info.signed.is_some() && info.only(CONTENT_TYPE).is_none_or(|kind| kind.object_id().as_deref() != Some(&case.data.kind)) {
        signature.fault(Topic::Form, Sub::FormatFailure, "sign-content-type", "");
    }
    if let Some(certificate) = certificate.filter(|_| is_known) {
        let content = if info.signed.is_none() { case.content() } else { None };
        value(&mut signature, info, certificate, content)?;
        reference(&mut signature, info, certificate);
    }
    // Verifiers that read while they hash know what to hash from there alone, and may refuse what is not there (RFC 5652, 5.1).
    if !case.data.digests.contains(&info.digest_id) {
        signature.doubt(Topic::Form, Sub::SigConstraintsFailure, "sign-digest-unannounced", "");
    }
    policy(&mut signature, info);
    if case.form != Form::Timestamp {
        signature.stamps.clone_from(&evidence.stamps);
        stamps(&mut signature, info, digests, evidence, world)?;
    }
    if case.form != Form::Timestamp
        && let Some(certificate) = certificate
    {
        judge::certificate(&mut signature, certificate, evidence, world);
    }
    if signature.is_intact() && info.signed.is_none() && case.data.kind != DATA {
        signature.fault(Topic::Form, Sub::FormatFailure, "sign-no-attributes", "");
    }
    Ok(signature)
}

/// Names the algorithms; false where one is not known here, so that the value cannot be tried.
fn named(signature: &mut Signature, info: &SignerInfo<'_>, certificate: Option<&X509>) -> bool {
    signature.digest = info.digest.map_or_else(|| info.digest_id.clone(), |digest| digest.name.to_owned());
    if certificate.is_none() {
        signature.fault(Topic::Certificate, Sub::NoSigningCertificateFound, "sign-no-certificate", "");
    }
    let (Some(digest), Some(algorithm)) = (info.digest, info.algorithm) else {
        signature.fault(Topic::Algorithm, Sub::CryptoConstraintsFailureNoPoe, "sign-algorithm-unknown", signature.digest.clone());
        return false;
    };
    let (name, is_weak) = strength(certificate.map(|certificate| &**certificate), algorithm, digest);
    if is_weak || digest.is_weak() {
        let named = format!("{name}, {}", digest.name);
        signature.doubt(Topic::Algorithm, Sub::CryptoConstraintsFailureNoPoe, "sign-weak", named);
    }
    signature.algorithm = name;
    true
}

fn value(signature: &mut Signature, info: &SignerInfo<'_>, certificate: &X509, content: Option<&Stretch>) -> Result<()> {
    let (Some(algorithm), Some(digest)) = (info.algorithm, info.digest) else { return Ok(()) };
    let signed = Signed { algorithm, digest, value: info.value, is_flat: false };
    let Some((standing, sorted)) = info.attributes() else {
        if let Some(content) = content
            && !signed.holds(certificate, &mut content.clone())?
        {
            signature.fault(Topic::Integrity, Sub::SigCryptoFailure, "sign-value", "");
        }
        return Ok(());
    };
    // Some tools name one digest for the value and use the one that they name for the content (RFC 5652, 5.4, leaves it open).
    let by_content = Signed { algorithm: SignatureAlgorithm { digest: Some(digest), ..algorithm }, ..signed };
    let is_other = algorithm.digest.is_some_and(|stated| stated.name != digest.name);
    for (signed, is_by_content) in [(&signed, false), (&by_content, true)] {
        if is_by_content && !is_other {
            continue;
        }
        for attributes in std::iter::once(&standing).chain(&sorted) {
            if signed.holds(certificate, &mut attributes.as_slice())? {
                if sorted.is_some() {
                    signature.remark(Topic::Form, Severity::Warning, "sign-attributes-order", "");
                }
                if is_by_content {
                    signature.remark(Topic::Algorithm, Severity::Warning, "sign-two-digests", "");
                }
                return Ok(());
            }
        }
    }
    signature.fault(Topic::Integrity, Sub::SigCryptoFailure, "sign-value", "");
    Ok(())
}

/// The signed reference to the certificate (EN 319 122-1, 5.2.2): without it another certificate of the same key could be put in.
fn reference(signature: &mut Signature, info: &SignerInfo<'_>, certificate: &X509) {
    match info.names_certificate(certificate) {
        Some(true) => {}
        Some(false) => signature.fault(Topic::Certificate, Sub::NoSigningCertificateFound, "sign-other-certificate", ""),
        None => signature.remark(Topic::Certificate, Severity::Note, "sign-no-reference", ""),
    }
}

/// `SignaturePolicyId { id, { algorithm, value } … }`: a digest that nobody can compute proves nothing of the policy.
fn policy(signature: &mut Signature, info: &SignerInfo<'_>) {
    let Some(policy) = info.only(POLICY) else { return };
    let Some(hash) = policy.items().nth(1) else { return };
    let known = hash.items().next().and_then(|id| algorithm::digest(&id.items().next()?.object_id()?));
    let stated = hash.items().nth(1).map_or(0, |value| value.inside.len());
    if known.is_none_or(|known| known.digest.size() != stated) && stated > 0 {
        signature.doubt(Topic::Form, Sub::SigConstraintsFailure, "sign-policy", "");
    }
}

fn stamps(
    signature: &mut Signature,
    info: &SignerInfo<'_>,
    digests: &Digests,
    evidence: &Evidence,
    world: &World<'_>,
) -> Result<()> {
    let tokens = info.unsigned_values(SIGNATURE_STAMP);
    for (n, token) in tokens.iter().enumerate() {
        if tokens[..n].iter().any(|other| other.whole == token.whole) {
            signature.remark(Topic::Time, Severity::Warning, "sign-stamp-twice", "");
            continue;
        }
        let value = Stretch::memory(info.value.to_vec());
        let imprint = |algorithm: DigestAlgorithm| Ok(hashed(&value, &[algorithm])?.remove(algorithm.name));
        stamp::on(signature, (token.whole, true), &imprint, evidence, world)?;
    }
    for token in info.signed_values(CONTENT_STAMP) {
        let imprint = |algorithm: DigestAlgorithm| Ok(digests.get(algorithm.name).cloned());
        stamp::on(signature, (token.whole, false), &imprint, evidence, world)?;
    }
    Ok(())
}

/// Whoever signed this signature: their digest is that of its value.
fn counter_signers(
    info: &SignerInfo<'_>,
    case: &Case<'_>,
    (evidence, world): (&Evidence, &World<'_>),
    depth: usize,
    signatures: &mut Vec<Signature>,
) -> Result<()> {
    for bytes in info.counter_signers() {
        let place = format!("{} countersignature", case.place);
        let mut signature = Signature::new(case.form, place.trim());
        let Some(counter) = SignerInfo::read(bytes.whole).filter(|_| depth < COUNTER_DEPTH_MAX) else {
            signature.fault(Topic::Form, Sub::FormatFailure, "sign-malformed", "");
            signatures.push(signature.conclude());
            continue;
        };
        let mut own = evidence.clone();
        take_revocations(&mut own, &counter);
        let certificate = counter.certificate(&own.certificates);
        signature.claimed = counter.only(SIGNING_TIME).and_then(|time| der::instant(&time));
        let is_known = named(&mut signature, &counter, certificate);
        let content = Stretch::memory(info.value.to_vec());
        let of_value = hashed(&content, counter.digest.as_slice())?;
        if counter.signed.is_some() {
            let stated = counter.only(MESSAGE_DIGEST).map(|digest| digest.inside.to_vec());
            if stated.is_none() || (is_known && stated.as_ref() != of_value.values().next()) {
                signature.fault(Topic::Integrity, Sub::HashFailure, "sign-digest", "");
            }
        }
        if let Some(certificate) = certificate {
            if is_known {
                value(&mut signature, &counter, certificate, Some(&content))?;
                reference(&mut signature, &counter, certificate);
            }
            stamps(&mut signature, &counter, &of_value, &own, world)?;
            judge::certificate(&mut signature, certificate, &own, world);
        }
        signatures.push(signature.conclude());
        counter_signers(&counter, case, (&own, world), depth + 1, signatures)?;
    }
    Ok(())
}

/// Reads and judges a SignedData.
pub(super) fn read_and_judge(
    source: &Stretch,
    detached: Option<Stretch>,
    (form, place): (Form, &str),
    evidence: &Evidence,
    world: &World<'_>,
) -> Result<(Vec<Signature>, Option<Stretch>)> {
    let case = Case { data: cms::signed_data(source)?, detached, form, place, evidence };
    Ok((judge(&case, world)?, case.data.content))
}
