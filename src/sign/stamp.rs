//! Does a time stamp hold, and for what? (RFC 3161, 2.4.2; ETSI EN 319 422.)

use std::io::Result;

use jiff::Timestamp;

use super::algorithm::{self, DigestAlgorithm};
use super::cades::{self, Case};
use super::cms::{self, SIGNED_DATA};
use super::der::{self, INTEGER, OBJECT_ID, OCTETS, SEQUENCE};
use super::fact::{Form, Signature, Stamp, Sub, Topic};
use super::judge::{self, Evidence, World};
use super::signer_info::SignerInfo;
use super::stretch::Stretch;
use crate::finding::Severity;

/// `id-ct-TSTInfo`.
pub(super) const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
/// Most bytes of what a token says.
const INFO_BYTES_MAX: u64 = 1 << 20;

/// So much may the clock of a signer and that of an authority differ.
const SKEW_MAX: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

/// What a token says.
pub(super) struct TstInfo {
    pub(super) algorithm: Option<DigestAlgorithm>,
    pub(super) algorithm_id: String,
    pub(super) imprint: Vec<u8>,
    pub(super) time: Timestamp,
    /// The number with which it was asked for, if any.
    pub(super) nonce: Option<Vec<u8>>,
}

/// Gives the digest of what is stamped by that algorithm; none where it is not there.
pub(super) type Imprint<'i> = &'i dyn Fn(DigestAlgorithm) -> Result<Option<Vec<u8>>>;

/// Reads `TSTInfo { version, policy, messageImprint { algorithm, digest }, serial, genTime, accuracy?, ordering?, nonce? … }`.
fn info(bytes: &[u8]) -> Option<TstInfo> {
    let mut items = der::first(bytes)?.tagged(SEQUENCE)?.items();
    items.pick(INTEGER)?;
    items.pick(OBJECT_ID)?;
    let mut imprint = items.pick(SEQUENCE)?.items();
    let algorithm_id = imprint.pick(SEQUENCE)?.items().next()?.object_id()?;
    let digest = imprint.pick(OCTETS)?.inside.to_vec();
    items.pick(INTEGER)?;
    let time = der::instant(&items.pick(0x18)?)?;
    let nonce = items.find(|item| item.tag == INTEGER).map(|nonce| nonce.inside.to_vec());
    Some(TstInfo { algorithm: algorithm::digest(&algorithm_id), algorithm_id, imprint: digest, time, nonce })
}

/// What a token says, unjudged.
pub(super) fn read(token: &[u8]) -> Option<TstInfo> {
    let data = cms::signed_data(&Stretch::memory(token.to_vec())).ok()?;
    (data.kind == TST_INFO).then_some(())?;
    info(&data.content?.whole(INFO_BYTES_MAX).ok()?)
}

/// The digest that a token is over.
pub(super) fn imprint_algorithm(token: &[u8]) -> Option<DigestAlgorithm> {
    read(token)?.algorithm
}

/// True of a token.
pub(super) fn is_token(source: &Stretch) -> bool {
    cms::kind(source).as_deref() == Some(SIGNED_DATA) && cms::signed_data(source).is_ok_and(|data| data.kind == TST_INFO)
}

/// The token in an answer of an authority: `TimeStampResp { status { 0 | 1 … }, token? }`; none of anything else.
pub(super) fn in_answer(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut items = der::first(bytes)?.tagged(SEQUENCE)?.items();
    let status = items.pick(SEQUENCE)?.items().next()?.tagged(INTEGER)?;
    matches!(status.inside, [0 | 1]).then(|| items.next().map(|token| token.whole.to_vec())).flatten()
}

/// The judgement on a token as a signature of its own.
pub(super) fn judge(token: &[u8], place: &str, imprint: Imprint<'_>, more: &Evidence, world: &World<'_>) -> Result<Signature> {
    let mut broken = Signature::new(Form::Timestamp, place);
    let source = Stretch::memory(token.to_vec());
    let Some(said) = read(token) else {
        broken.fault(Topic::Form, Sub::FormatFailure, "sign-stamp-malformed", "");
        return Ok(broken.conclude());
    };
    let case = Case { data: cms::signed_data(&source)?, detached: None, form: Form::Timestamp, place, evidence: more };
    let mut judged = cades::judge(&case, world)?;
    // A token has one signer (RFC 3161, 2.4.2).
    if judged.len() != 1 {
        broken.fault(Topic::Form, Sub::FormatFailure, "sign-stamp-malformed", "");
        return Ok(broken.conclude());
    }
    let mut signature = judged.remove(0);
    signature.claimed = Some(said.time);
    match said.algorithm {
        None => signature.fault(
            Topic::Algorithm,
            Sub::CryptoConstraintsFailureNoPoe,
            "sign-algorithm-unknown",
            said.algorithm_id.clone(),
        ),
        Some(algorithm) => match imprint(algorithm)? {
            None => signature.fault(Topic::Content, Sub::SignedDataNotFound, "sign-content-missing", ""),
            Some(counted) if counted == said.imprint => {}
            Some(_) => signature.fault(Topic::Integrity, Sub::HashFailure, "sign-stamp-other", ""),
        },
    }
    if said.time > world.now {
        signature.fault(Topic::Time, Sub::TimestampOrderFailure, "sign-stamp-future", said.time.to_string());
    }
    let mut evidence = Evidence { certificates: case.data.certificates.clone(), ..Evidence::default() };
    evidence.extend(more);
    let info = case.data.signers.first().and_then(|signer| SignerInfo::read(signer));
    if let Some(certificate) = info.and_then(|info| info.certificate(&evidence.certificates).cloned()) {
        judge::certificate(&mut signature, &certificate, &evidence, world);
    }
    Ok(signature.conclude())
}

/// Takes a time stamp. One on the signature's value is proof of when that was made (`is_proof`), and what is wrong with it is a doubt about
/// the time, not about the signature; one on the content, made before the signature, proves nothing of it, but must be good.
pub(super) fn on(
    signature: &mut Signature,
    (token, is_proof): (&[u8], bool),
    imprint: Imprint<'_>,
    evidence: &Evidence,
    world: &World<'_>,
) -> Result<()> {
    let judged = judge(token, "", imprint, evidence, world)?;
    take(signature, judged, is_proof);
    Ok(())
}

fn take(signature: &mut Signature, judged: Signature, is_proof: bool) {
    let worst = judged.concerns.iter().find(|concern| concern.severity == Severity::Error).cloned();
    if let Some(worst) = &worst {
        let sub = worst.sub.filter(|sub| !sub.is_failure()).unwrap_or(Sub::Generic);
        let is_broken = worst.topic == Topic::Integrity && worst.reason != "sign-stamp-other";
        let reason = if is_broken { "sign-stamp-broken" } else { worst.reason };
        signature.fault(Topic::Time, sub, reason, worst.detail.clone());
    }
    // A stamp on the content is older than the signature, one on the signature younger; clocks may differ a little.
    if let (Some(stamped), Some(claimed)) = (judged.claimed, signature.claimed) {
        let late = if is_proof { claimed.duration_since(stamped) } else { stamped.duration_since(claimed) };
        if late > SKEW_MAX {
            signature.doubt(Topic::Time, Sub::TimestampOrderFailure, "sign-stamp-order", stamped.to_string());
        }
    }
    for doubt in judged
        .concerns
        .iter()
        .filter(|concern| matches!(concern.topic, Topic::Algorithm) && concern.severity == Severity::Warning)
    {
        signature.remark(Topic::Algorithm, Severity::Warning, doubt.reason, doubt.detail.clone());
    }
    if let Some(time) = judged.claimed.filter(|_| is_proof) {
        signature.stamps.push(Stamp { time, authority: judged.signer, is_good: worst.is_none() });
    }
}
