//! Does an XML signature hold? References, value, and the properties of XAdES (ETSI EN 319 132-1, 5).

use std::io::Result;
use std::sync::Arc;

use jiff::Timestamp;
use openssl::x509::{X509, X509Crl};
use uppsala::{Document, NodeId};

use super::algorithm::{self, DigestAlgorithm};
use super::cades::hashed;
use super::certificate::{Signed, read_into, strength};
use super::fact::{Form, Signature, Sub, Topic};
use super::judge::{self, Evidence, World};
use super::reference::{self, Astray, Followed, Ids, Outside, REFERENCES_MAX};
use super::stamp;
use super::stretch::Stretch;
use super::xml::{self, DSIG, attribute, child};
use crate::finding::Severity;

/// Most signatures of one file.
const SIGNATURES_MAX: usize = 200;

/// A signature element and what is around it.
struct Case<'c, 'd> {
    document: &'c Document<'d>,
    signature: NodeId,
    ids: &'c Ids,
    outside: Outside<'c>,
    world: &'c World<'c>,
}

/// The judgement on every signature of a document, and the names of what lies outside and holds; none of what is no XML that can be read.
pub(super) fn judge(
    text: &str,
    place: &str,
    outside: Outside<'_>,
    world: &World<'_>,
) -> Result<Option<(Vec<Signature>, Vec<String>)>> {
    let Some(document) = xml::parsed(text, world.limits) else { return Ok(None) };
    let ids = reference::ids(&document);
    let (mut signatures, mut covered) = (Vec::new(), Vec::new());
    for signature in document.get_elements_by_tag_name_ns(DSIG, "Signature").into_iter().take(SIGNATURES_MAX) {
        let case = Case { document: &document, signature, ids: &ids, outside, world };
        let id = attribute(&document, signature, "Id");
        let place = if place.is_empty() { id.to_owned() } else { format!("{place} {id}") };
        signatures.push(case.judge(Signature::new(Form::Xades, place.trim()), &mut covered)?.conclude());
    }
    Ok(Some((signatures, covered)))
}

impl Case<'_, '_> {
    fn judge(&self, mut signature: Signature, covered: &mut Vec<String>) -> Result<Signature> {
        let Some(info) = child(self.document, self.signature, DSIG, "SignedInfo") else {
            signature.fault(Topic::Form, Sub::FormatFailure, "sign-malformed", "");
            return Ok(signature);
        };
        let followed = self.references(&mut signature, info, covered)?;
        let properties = self.properties(&mut signature, &followed);
        signature.claimed = properties.and_then(|properties| self.time(properties));
        let evidence = self.evidence();
        let certificate = self.value(&mut signature, info, properties, &evidence.certificates)?;
        self.covers(&mut signature, &followed);
        self.countersigns(&mut signature, &followed);
        self.stamps(&mut signature, &followed, &evidence)?;
        match certificate {
            Some(certificate) => {
                self.names(&mut signature, properties, &certificate);
                judge::certificate(&mut signature, &certificate, &evidence, self.world);
            }
            None => signature.fault(Topic::Certificate, Sub::NoSigningCertificateFound, "sign-no-certificate", ""),
        }
        Ok(signature)
    }

    /// Follows every reference, those of manifests too.
    fn references(&self, signature: &mut Signature, info: NodeId, covered: &mut Vec<String>) -> Result<Vec<(NodeId, Followed)>> {
        let mut waiting = self.document.child_elements_by_name_ns(info, DSIG, "Reference");
        let mut followed = Vec::new();
        if waiting.is_empty() {
            signature.fault(Topic::Form, Sub::FormatFailure, "sign-no-reference-at-all", "");
        }
        let mut n = 0;
        while let Some(one) = waiting.get(n).copied() {
            n += 1;
            if n > REFERENCES_MAX {
                signature.fault(Topic::Form, Sub::FormatFailure, "sign-references-many", REFERENCES_MAX.to_string());
                break;
            }
            let uri = attribute(self.document, one, "URI").to_owned();
            if let Some(method) = child(self.document, one, DSIG, "DigestMethod") {
                Self::digest_name(signature, attribute(self.document, method, "Algorithm"));
            }
            match reference::follow(self.document, (one, self.signature), self.ids, self.outside)? {
                Ok(found) => {
                    if !found.is_right {
                        signature.fault(Topic::Integrity, Sub::HashFailure, "sign-reference", uri);
                    } else if !uri.is_empty() && !uri.starts_with('#') {
                        covered.push(uri);
                    }
                    let manifest = found
                        .element
                        .filter(|id| self.document.element(*id).is_some_and(|element| element.matches_name_ns(DSIG, "Manifest")));
                    if let Some(manifest) = manifest {
                        waiting.extend(self.document.child_elements_by_name_ns(manifest, DSIG, "Reference"));
                    }
                    followed.push((one, found));
                }
                Err(Astray::Missing) => {
                    signature.fault(Topic::Content, Sub::SignedDataNotFound, "sign-reference-missing", uri);
                }
                Err(Astray::Ambiguous) => signature.fault(Topic::Integrity, Sub::FormatFailure, "sign-id-twice", uri),
                Err(Astray::Transform) => signature.fault(Topic::Content, Sub::SignedDataNotFound, "sign-transform", uri),
                Err(Astray::Digest) => {
                    signature.fault(Topic::Algorithm, Sub::CryptoConstraintsFailureNoPoe, "sign-algorithm-unknown", uri);
                }
            }
        }
        Ok(followed)
    }

    fn digest_name(signature: &mut Signature, uri: &str) {
        let Some(digest) = algorithm::digest_of_uri(uri) else { return };
        if signature.digest.is_empty() {
            digest.name.clone_into(&mut signature.digest);
        }
        if digest.is_weak() && !signature.concerns.iter().any(|concern| concern.reason == "sign-weak") {
            signature.doubt(Topic::Algorithm, Sub::CryptoConstraintsFailureNoPoe, "sign-weak", digest.name);
        }
    }

    /// The signed properties, if there are any that are signed.
    fn properties(&self, signature: &mut Signature, followed: &[(NodeId, Followed)]) -> Option<NodeId> {
        let objects = self.document.child_elements_by_name_ns(self.signature, DSIG, "Object");
        let found =
            objects.into_iter().find_map(|object| xml::named(self.document, object, "SignedProperties").into_iter().next())?;
        if !followed.iter().any(|(_, one)| one.element == Some(found) && one.is_right) {
            signature.fault(Topic::Form, Sub::FormatFailure, "sign-properties-unsigned", "");
            return None;
        }
        Some(found)
    }

    /// A counter-signature must be about the value of the signature in which it stands (EN 319 132-1, 5.2.7.2).
    fn countersigns(&self, signature: &mut Signature, followed: &[(NodeId, Followed)]) {
        let ancestors = self.document.ancestors(self.signature);
        let is_counter = ancestors
            .iter()
            .any(|id| self.document.element(*id).is_some_and(|element| element.name.local_name == "CounterSignature"));
        let value = self.owner(self.signature).and_then(|owner| child(self.document, owner, DSIG, "SignatureValue"));
        if is_counter && !followed.iter().any(|(_, one)| one.element.is_some() && one.element == value) {
            signature.fault(Topic::Form, Sub::FormatFailure, "sign-counter-other", "");
        }
    }

    fn time(&self, properties: NodeId) -> Option<Timestamp> {
        let time = xml::named(self.document, properties, "SigningTime").into_iter().next()?;
        self.document.text_content_deep(time).trim().parse().ok()
    }

    /// Certificates and revocations within the signature.
    fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::default();
        let info = child(self.document, self.signature, DSIG, "KeyInfo");
        let certificates = info.map(|info| xml::named(self.document, info, "X509Certificate")).unwrap_or_default();
        let others = xml::named(self.document, self.signature, "EncapsulatedX509Certificate");
        for one in certificates.into_iter().chain(others) {
            if let Some(bytes) = xml::decoded(self.document, one) {
                read_into(&mut evidence.certificates, &bytes);
            }
        }
        let bytes = |name: &str| {
            xml::named(self.document, self.signature, name).into_iter().filter_map(|one| xml::decoded(self.document, one))
        };
        evidence.crls.extend(bytes("EncapsulatedCRLValue").filter_map(|list| X509Crl::from_der(&list).ok()).map(Arc::new));
        evidence.ocsps.extend(bytes("EncapsulatedOCSPValue"));
        evidence
    }

    /// Tries the value with the certificate that the properties name, else with each that came; gives the signer's.
    fn value(
        &self,
        signature: &mut Signature,
        info: NodeId,
        properties: Option<NodeId>,
        certificates: &[X509],
    ) -> Result<Option<X509>> {
        let method = child(self.document, info, DSIG, "SignatureMethod");
        let uri = method.map(|method| attribute(self.document, method, "Algorithm")).unwrap_or_default();
        let Some(algorithm) = algorithm::signature_of_uri(uri) else {
            signature.fault(Topic::Algorithm, Sub::CryptoConstraintsFailureNoPoe, "sign-algorithm-unknown", uri);
            return Ok(certificates.first().cloned());
        };
        let Some(digest) = algorithm.digest else { return Ok(None) };
        let canonical = child(self.document, info, DSIG, "CanonicalizationMethod")
            .and_then(|method| xml::canonical(self.document, info, Some(method)));
        let value =
            child(self.document, self.signature, DSIG, "SignatureValue").and_then(|value| xml::decoded(self.document, value));
        let (Some(canonical), Some(value)) = (canonical, value) else {
            signature.fault(Topic::Form, Sub::FormatFailure, "sign-malformed", "");
            return Ok(certificates.first().cloned());
        };
        let signed = Signed { algorithm, digest, value: &value, is_flat: true };
        let meant = certificates.iter().find(|one| properties.is_some_and(|properties| self.fits(properties, one) == Some(true)));
        let mut holder = None;
        for one in meant.into_iter().chain(certificates) {
            if holder.is_none() && signed.holds(one, &mut canonical.as_slice())? {
                holder = Some(one.clone());
            }
        }
        if holder.is_none() && !certificates.is_empty() {
            signature.fault(Topic::Integrity, Sub::SigCryptoFailure, "sign-value", "");
        }
        let certificate = holder.or_else(|| meant.or(certificates.first()).cloned());
        let (name, is_weak) = strength(certificate.as_deref(), algorithm, digest);
        if is_weak && !signature.concerns.iter().any(|concern| concern.reason == "sign-weak") {
            signature.doubt(Topic::Algorithm, Sub::CryptoConstraintsFailureNoPoe, "sign-weak", name.clone());
        }
        signature.algorithm = name;
        Ok(certificate)
    }

    /// Whether the signed reference to the certificate fits; none where there is none.
    fn fits(&self, properties: NodeId, certificate: &X509) -> Option<bool> {
        let named = xml::named(self.document, properties, "CertDigest").into_iter().next()?;
        let method = child(self.document, named, DSIG, "DigestMethod")?;
        let stated = child(self.document, named, DSIG, "DigestValue").and_then(|value| xml::decoded(self.document, value));
        let digest = algorithm::digest_of_uri(attribute(self.document, method, "Algorithm"));
        let counted = digest.and_then(|digest| certificate.digest(digest.digest).ok());
        Some(counted.zip(stated).is_some_and(|(counted, stated)| counted.as_ref() == stated.as_slice()))
    }

    fn names(&self, signature: &mut Signature, properties: Option<NodeId>, certificate: &X509) {
        match properties.and_then(|properties| self.fits(properties, certificate)) {
            Some(true) => {}
            Some(false) => signature.fault(Topic::Certificate, Sub::NoSigningCertificateFound, "sign-other-certificate", ""),
            None => signature.remark(Topic::Certificate, Severity::Note, "sign-no-reference", ""),
        }
    }

    /// A signature within a document that leaves out the root: an element could have been put in another's place.
    fn covers(&self, signature: &mut Signature, followed: &[(NodeId, Followed)]) {
        let Some(root) = self.document.document_element() else { return };
        let ancestors = self.document.ancestors(self.signature);
        let is_inside_another = ancestors
            .iter()
            .any(|id| self.document.element(*id).is_some_and(|element| element.matches_name_ns(DSIG, "Signature")));
        // Beside a list of signatures there is nothing to be covered, and one over files outside promises nothing of its own file.
        let is_list = self.document.child_elements_by_name_ns(root, DSIG, "Signature").len()
            == self.document.children(root).iter().filter(|id| self.document.element(**id).is_some()).count();
        let is_of_outside = followed.iter().any(|(_, one)| one.element.is_none());
        if root == self.signature
            || is_inside_another
            || is_list
            || is_of_outside
            || followed.iter().any(|(_, one)| one.element == Some(root))
        {
            return;
        }
        let name = |id: NodeId| self.document.element(id).map(|element| element.name.local_name.to_string());
        let within = |id: NodeId| id == self.signature || self.document.ancestors(id).contains(&self.signature);
        let parts = followed.iter().filter_map(|(_, one)| one.element).filter(|id| !within(*id)).filter_map(name);
        let parts: Vec<String> = parts.collect();
        signature.remark(Topic::Coverage, Severity::Warning, "sign-part-only", parts.join(", "));
    }

    fn stamps(&self, signature: &mut Signature, followed: &[(NodeId, Followed)], evidence: &Evidence) -> Result<()> {
        let stamped = |name: &str| {
            let properties = child(self.document, self.signature, DSIG, "Object").into_iter();
            let found = properties.flat_map(|object| xml::named(self.document, object, name));
            // Those of a signature within this one are its own.
            found.filter(|id| self.owner(*id) == Some(self.signature)).collect::<Vec<_>>()
        };
        for stamp in stamped("SignatureTimeStamp") {
            let method = child(self.document, stamp, DSIG, "CanonicalizationMethod");
            let value = child(self.document, self.signature, DSIG, "SignatureValue");
            let bytes = value.and_then(|value| xml::canonical(self.document, value, method)).map(Stretch::memory);
            self.stamp(signature, stamp, bytes.as_slice(), (evidence, true))?;
        }
        for stamp in stamped("AllDataObjectsTimeStamp") {
            let is_properties = |one: &Followed| {
                let element = one.element.and_then(|id| self.document.element(id));
                element.is_some_and(|element| element.name.local_name == "SignedProperties")
            };
            let all = followed.iter().filter(|(_, one)| !is_properties(one)).map(|(_, one)| one.content.clone());
            self.stamp(signature, stamp, &all.collect::<Vec<_>>(), (evidence, false))?;
        }
        for stamp in stamped("IndividualDataObjectsTimeStamp") {
            let included = xml::named(self.document, stamp, "Include");
            let wanted: Vec<&str> =
                included.iter().map(|id| attribute(self.document, *id, "URI").trim_start_matches('#')).collect();
            let of = |id: &&str| {
                followed.iter().find(|(one, _)| attribute(self.document, *one, "Id") == &**id).map(|(_, one)| one.content.clone())
            };
            let parts: Vec<Stretch> = wanted.iter().filter_map(of).collect();
            self.stamp(signature, stamp, &parts, (evidence, false))?;
        }
        Ok(())
    }

    fn owner(&self, id: NodeId) -> Option<NodeId> {
        let is_signature =
            |id: &NodeId| self.document.element(*id).is_some_and(|element| element.matches_name_ns(DSIG, "Signature"));
        self.document.ancestors(id).into_iter().find(is_signature)
    }

    /// One time stamp over the `parts`, one after another.
    fn stamp(
        &self,
        signature: &mut Signature,
        stamp: NodeId,
        parts: &[Stretch],
        (evidence, is_on_value): (&Evidence, bool),
    ) -> Result<()> {
        let imprint = |algorithm: DigestAlgorithm| {
            if parts.is_empty() {
                return Ok(None);
            }
            let mut all = Vec::new();
            for part in parts {
                all.extend(part.whole(256 << 20)?);
            }
            Ok(hashed(&Stretch::memory(all), &[algorithm])?.remove(algorithm.name))
        };
        for token in xml::named(self.document, stamp, "EncapsulatedTimeStamp") {
            let token = xml::decoded(self.document, token).unwrap_or_default();
            stamp::on(signature, (&token, is_on_value), &imprint, evidence, self.world)?;
        }
        Ok(())
    }
}
