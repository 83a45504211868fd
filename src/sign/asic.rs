//! Associated signature containers: what is signed in them, and what is not? (ETSI EN 319 162-1; the older TS 102 918.)

use std::fs::File;
use std::io::{Read as _, Result};

use uppsala::Document;

use super::algorithm::DigestAlgorithm;
use super::cades::{self, hashed};
use super::fact::{Form, Signature, Sub, Topic};
use super::judge::{Evidence, World};
use super::reference::{self, Ids};
use super::stamp;
use super::stretch::Stretch;
use super::xades;
use super::xml::{self, attribute};
use crate::finding::Severity;

/// Largest packed member, bytes; what lies unpacked is read in place.
const PACKED_MAX: u64 = 256 << 20;
/// Most members.
const MEMBERS_MAX: usize = 1_000;
const TYPES: [&str; 2] = ["application/vnd.etsi.asic-s+zip", "application/vnd.etsi.asic-e+zip"];

/// A member of a container.
struct Member {
    name: String,
    content: Stretch,
}

/// A container, opened.
struct Container<'c> {
    members: Vec<Member>,
    is_simple: bool,
    world: &'c World<'c>,
}

/// The judgement on every signature of a container; none of a ZIP that is no such container.
pub(super) fn judge(file: &File, name: &str, world: &World<'_>) -> Result<Option<Vec<Signature>>> {
    let Some(members) = members(file)? else { return Ok(None) };
    let stated = members.iter().find(|one| one.name == "mimetype").map(|one| one.content.peek(0, 200)).transpose()?;
    let stated = stated.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let has_signatures = members.iter().any(|one| is_signature(&one.name));
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_named = matches!(ending.as_str(), "asics" | "asice" | "scs" | "sce");
    let is_stated = stated.as_deref().is_some_and(|stated| TYPES.contains(&stated));
    let is_container = is_stated || (has_signatures && is_named);
    if !is_container {
        return Ok(None);
    }
    let is_simple = stated.as_deref().map_or(ending == "asics" || ending == "scs", |stated| stated == TYPES[0]);
    let container = Container { members, is_simple, world };
    Ok(Some(container.judge()?))
}

fn is_signature(name: &str) -> bool {
    let Some(name) = name.strip_prefix("META-INF/") else { return false };
    let name = name.to_ascii_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    name.contains("signature") && (ends(".xml") || ends(".p7s")) || name.contains("timestamp") && ends(".tst")
}

/// The members; none of what is no ZIP that can be read.
fn members(file: &File) -> Result<Option<Vec<Member>>> {
    let whole = Stretch::file(file.try_clone()?)?;
    let Ok(mut archive) = zip::ZipArchive::new(file.try_clone()?) else { return Ok(None) };
    if archive.len() > MEMBERS_MAX {
        return Ok(None);
    }
    let (mut members, mut left) = (Vec::new(), PACKED_MAX);
    for n in 0..archive.len() {
        let Ok(member) = archive.by_index(n) else { return Ok(None) };
        let Ok(name) = member.name().map(|name| name.to_string()) else { return Ok(None) };
        if member.is_dir() {
            continue;
        }
        let in_place = (member.compression() == zip::CompressionMethod::Stored)
            .then(|| member.data_start())
            .flatten()
            .and_then(|at| whole.parts(&[(at, member.size())]));
        let content = if let Some(content) = in_place {
            content
        } else {
            let mut bytes = Vec::new();
            if member.take(left + 1).read_to_end(&mut bytes).is_err() || bytes.len() as u64 > left {
                return Ok(None);
            }
            left -= bytes.len() as u64;
            Stretch::memory(bytes)
        };
        members.push(Member { name, content });
    }
    Ok(Some(members))
}

impl Container<'_> {
    fn judge(&self) -> Result<Vec<Signature>> {
        let (mut signatures, mut covered) = (Vec::new(), Vec::new());
        for member in self.members.iter().filter(|one| is_signature(&one.name)) {
            let ending = member.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
            match ending.as_str() {
                "xml" => self.xades(member, &mut signatures, &mut covered)?,
                _ => self.detached(member, &ending, &mut signatures, &mut covered)?,
            }
        }
        self.uncovered(&mut signatures, &covered);
        Ok(signatures.into_iter().map(Signature::conclude).collect())
    }

    /// What is signed: everything outside of `META-INF` but the statement of the type.
    fn contents(&self) -> Vec<&Member> {
        let is_content = |one: &&Member| one.name != "mimetype" && !one.name.starts_with("META-INF/");
        self.members.iter().filter(is_content).collect()
    }

    fn find(&self, uri: &str) -> Option<&Member> {
        let name = percent_encoding::percent_decode_str(uri).decode_utf8_lossy();
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let mut same = self.members.iter().filter(|one| one.name == name);
        same.next().filter(|_| same.next().is_none())
    }

    fn xades(&self, member: &Member, signatures: &mut Vec<Signature>, covered: &mut Vec<String>) -> Result<()> {
        let outside = |uri: &str| Ok(self.find(uri).map(|one| one.content.clone()));
        let text = String::from_utf8(member.content.whole(self.world.limits.xml_bytes_max)?).unwrap_or_default();
        match xades::judge(&text, &member.name, &outside, self.world)? {
            Some((judged, names)) => {
                signatures.extend(judged);
                covered.extend(names.iter().filter_map(|uri| self.find(uri)).map(|one| one.name.clone()));
            }
            None => signatures.push(broken(Form::Xades, &member.name)),
        }
        Ok(())
    }

    /// A CMS signature or a time stamp: over the one content, or over the manifest that names it.
    fn detached(&self, member: &Member, ending: &str, signatures: &mut Vec<Signature>, covered: &mut Vec<String>) -> Result<()> {
        let contents = self.contents();
        let mut faults = Vec::new();
        let manifest = self.manifest(&member.name)?;
        let signed = match (&manifest, contents.as_slice()) {
            (Some((manifest, text)), _) => {
                self.references(text, &mut faults, covered)?;
                Some(manifest.content.clone())
            }
            (None, [one]) if self.is_simple => {
                covered.push(one.name.clone());
                Some(one.content.clone())
            }
            _ => None,
        };
        let form = if ending == "tst" { Form::Timestamp } else { Form::Cades };
        let mut judged = if form == Form::Timestamp {
            let token = member.content.whole(PACKED_MAX)?;
            let imprint = |algorithm: DigestAlgorithm| {
                signed.as_ref().map_or(Ok(None), |signed| Ok(hashed(signed, &[algorithm])?.remove(algorithm.name)))
            };
            vec![stamp::judge(&token, &member.name, &imprint, &Evidence::default(), self.world)?]
        } else {
            match cades::read_and_judge(&member.content, signed, (form, &member.name), &Evidence::default(), self.world) {
                Ok((judged, _)) => judged,
                Err(error) if error.kind() == std::io::ErrorKind::Other => return Err(error),
                Err(_) => vec![broken(form, &member.name)],
            }
        };
        for signature in &mut judged {
            for (topic, sub, reason, name) in &faults {
                signature.fault(*topic, *sub, reason, name.clone());
            }
        }
        signatures.append(&mut judged);
        Ok(())
    }

    /// The manifest that belongs to a signature.
    fn manifest(&self, signature: &str) -> Result<Option<(&Member, String)>> {
        for member in self.members.iter().filter(|one| one.name.starts_with("META-INF/") && one.name.contains("anifest")) {
            let text = String::from_utf8(member.content.whole(self.world.limits.xml_bytes_max)?).unwrap_or_default();
            let Some(document) = xml::parsed(&text, self.world.limits) else { continue };
            let names = xml::named(&document, document.root(), "SigReference");
            if names.iter().any(|id| self.find(attribute(&document, *id, "URI")).is_some_and(|one| one.name == signature)) {
                return Ok(Some((member, text)));
            }
        }
        Ok(None)
    }

    /// Every reference of a manifest (EN 319 162-1, annex A.4).
    fn references(&self, text: &str, faults: &mut Vec<Fault>, covered: &mut Vec<String>) -> Result<()> {
        let Some(document) = xml::parsed(text, self.world.limits) else { return Ok(()) };
        for one in xml::named(&document, document.root(), "DataObjectReference") {
            self.reference(&document, one, faults, covered)?;
        }
        Ok(())
    }

    fn reference(
        &self,
        document: &Document<'_>,
        one: uppsala::NodeId,
        faults: &mut Vec<Fault>,
        covered: &mut Vec<String>,
    ) -> Result<()> {
        let uri = attribute(document, one, "URI").to_owned();
        let outside = |uri: &str| Ok(self.find(uri).map(|member| member.content.clone()));
        match reference::follow(document, (one, one), &Ids::new(), &outside)? {
            Ok(found) if found.is_right => covered.extend(self.find(&uri).map(|member| member.name.clone())),
            Ok(_) => faults.push((Topic::Integrity, Sub::HashFailure, "sign-reference", uri)),
            Err(_) if self.find(&uri).is_none() => {
                faults.push((Topic::Content, Sub::SignedDataNotFound, "sign-reference-missing", uri));
            }
            Err(_) => faults.push((Topic::Algorithm, Sub::CryptoConstraintsFailureNoPoe, "sign-algorithm-unknown", uri)),
        }
        Ok(())
    }

    /// What lies in the container and nobody signed; a simple one has one content alone (EN 319 162-1, 4.3).
    fn uncovered(&self, signatures: &mut [Signature], covered: &[String]) {
        let contents = self.contents();
        let unsigned: Vec<&str> =
            contents.iter().map(|one| one.name.as_str()).filter(|name| !covered.iter().any(|c| c == name)).collect();
        let Some(first) = signatures.first_mut() else { return };
        if !self.members.iter().any(|one| one.name == "mimetype") {
            first.remark(Topic::Form, Severity::Warning, "sign-no-mimetype", "");
        }
        if self.is_simple && contents.len() != 1 {
            first.fault(Topic::Form, Sub::FormatFailure, "sign-simple-many", contents.len().to_string());
        }
        if !unsigned.is_empty() && !first.concerns.iter().any(|concern| concern.topic == Topic::Content) {
            first.remark(Topic::Coverage, Severity::Warning, "sign-member-unsigned", unsigned.join(", "));
        }
    }
}

type Fault = (Topic, Sub, &'static str, String);

fn broken(form: Form, place: &str) -> Signature {
    let mut signature = Signature::new(form, place);
    signature.fault(Topic::Form, Sub::FormatFailure, "sign-malformed", "");
    signature
}
