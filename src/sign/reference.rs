//! What does a reference of an XML signature speak of, and is its digest right? (XML Signature 1.1, 4.4.3 and 6.6.)

use std::collections::HashMap;
use std::io::Result;

use bergshamra_c14n::C14nMode;
use bergshamra_xml::NodeSet;
use uppsala::{Document, NodeId};

use super::algorithm;
use super::cades::hashed;
use super::stretch::Stretch;
use super::xml::{self, DSIG, attribute, child};

/// Most references of one signature.
pub(super) const REFERENCES_MAX: usize = 1_000;
/// Most transforms of one reference.
const TRANSFORMS_MAX: usize = 10;
/// Largest content that is transformed, bytes; others are only hashed.
const TRANSFORMED_BYTES_MAX: u64 = 256 << 20;

/// Elements by their identifier; none where two have the same.
pub(super) type Ids = HashMap<String, Option<NodeId>>;

/// Gives what lies outside of the XML under that name.
pub(super) type Outside<'o> = &'o dyn Fn(&str) -> Result<Option<Stretch>>;

/// A reference, followed.
pub(super) struct Followed {
    /// The element that it names, if it is one of the same document; the root of the document for the whole of it.
    pub(super) element: Option<NodeId>,
    /// What was hashed.
    pub(super) content: Stretch,
    /// True if it is what was signed.
    pub(super) is_right: bool,
}

/// Why a reference could not be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Astray {
    /// What it names is not there.
    Missing,
    /// Two elements have the name.
    Ambiguous,
    /// A transform that is not known here.
    Transform,
    /// A digest that is not known here.
    Digest,
}

enum Data {
    Octets(Stretch),
    Nodes(NodeSet),
}

/// Every identifier of the document: `Id`, `ID`, `id`, `xml:id`.
pub(super) fn ids(document: &Document<'_>) -> Ids {
    let mut ids = Ids::new();
    for node in document.descendants(document.root()) {
        let Some(element) = document.element(node) else { continue };
        let named = element.attributes.iter().find(|one| matches!(&*one.name.local_name, "Id" | "ID" | "id"));
        if let Some(one) = named {
            ids.entry(one.value.to_string()).and_modify(|known| *known = None).or_insert(Some(node));
        }
    }
    ids
}

/// Follows a reference of the signature `signature` and compares digests.
pub(super) fn follow(
    document: &Document<'_>,
    (reference, signature): (NodeId, NodeId),
    ids: &Ids,
    outside: Outside<'_>,
) -> Result<std::result::Result<Followed, Astray>> {
    let (element, mut data) = match start(document, reference, ids, outside)? {
        Ok(start) => start,
        Err(astray) => return Ok(Err(astray)),
    };
    let transforms =
        child(document, reference, DSIG, "Transforms").map(|list| document.child_elements_by_name_ns(list, DSIG, "Transform"));
    let transforms = transforms.unwrap_or_default();
    if transforms.len() > TRANSFORMS_MAX {
        return Ok(Err(Astray::Transform));
    }
    for transform in transforms {
        data = match transformed(document, (data, element), transform, signature)? {
            Some(data) => data,
            None => return Ok(Err(Astray::Transform)),
        };
    }
    let content = match data {
        Data::Octets(octets) => octets,
        Data::Nodes(set) => match xml::canonical_set(document, &set, None) {
            Some(bytes) => Stretch::memory(bytes),
            None => return Ok(Err(Astray::Transform)),
        },
    };
    let method = child(document, reference, DSIG, "DigestMethod");
    let Some(digest) = method.and_then(|method| algorithm::digest_of_uri(attribute(document, method, "Algorithm"))) else {
        return Ok(Err(Astray::Digest));
    };
    let stated = child(document, reference, DSIG, "DigestValue").and_then(|value| xml::decoded(document, value));
    let is_right = stated.is_some_and(|stated| !stated.is_empty()) && {
        let stated = child(document, reference, DSIG, "DigestValue").and_then(|value| xml::decoded(document, value));
        hashed(&content, &[digest])?.remove(digest.name) == stated
    };
    Ok(Ok(Followed { element, content, is_right }))
}

/// What the reference names, before its transforms.
fn start(
    document: &Document<'_>,
    reference: NodeId,
    ids: &Ids,
    outside: Outside<'_>,
) -> Result<std::result::Result<(Option<NodeId>, Data), Astray>> {
    let uri = document.get_attribute(reference, "URI");
    let with_comments = |id: &str| id.strip_prefix("xpointer(id('").and_then(|id| id.strip_suffix("'))")).map(str::to_owned);
    Ok(match uri {
        Some("") => Ok((document.document_element(), Data::Nodes(NodeSet::all_without_comments(document)))),
        Some("#xpointer(/)") => Ok((document.document_element(), Data::Nodes(NodeSet::all(document)))),
        Some(uri) if uri.starts_with('#') => {
            let pointed = with_comments(&uri[1..]);
            match ids.get(pointed.as_deref().unwrap_or(&uri[1..])) {
                None => Err(Astray::Missing),
                Some(None) => Err(Astray::Ambiguous),
                Some(Some(element)) => {
                    let set = if pointed.is_some() {
                        NodeSet::tree_with_comments(*element, document)
                    } else {
                        NodeSet::tree_without_comments(*element, document)
                    };
                    Ok((Some(*element), Data::Nodes(set)))
                }
            }
        }
        other => match outside(other.unwrap_or_default())? {
            Some(content) => Ok((None, Data::Octets(content))),
            None => Err(Astray::Missing),
        },
    })
}

/// One transform; none where it is not known here.
fn transformed(
    document: &Document<'_>,
    (data, element): (Data, Option<NodeId>),
    transform: NodeId,
    signature: NodeId,
) -> Result<Option<Data>> {
    let algorithm = attribute(document, transform, "Algorithm");
    if C14nMode::from_uri(algorithm).is_some() {
        return Ok(match data {
            Data::Nodes(set) => {
                xml::canonical_set(document, &set, Some(transform)).map(|bytes| Data::Octets(Stretch::memory(bytes)))
            }
            Data::Octets(octets) => canonical_outside(&octets, document, transform)?,
        });
    }
    let without = |set: &NodeSet, nodes: &[NodeId]| {
        nodes.iter().fold(set.clone(), |set, node| set.subtract(&NodeSet::tree_with_comments(*node, document)))
    };
    let all = || document.get_elements_by_tag_name_ns(DSIG, "Signature");
    Ok(match (algorithm, data) {
        ("http://www.w3.org/2000/09/xmldsig#enveloped-signature", Data::Nodes(set)) => {
            Some(Data::Nodes(without(&set, &[signature])))
        }
        ("http://www.w3.org/2000/09/xmldsig#base64", Data::Octets(octets)) => {
            let text = String::from_utf8(octets.whole(TRANSFORMED_BYTES_MAX)?).unwrap_or_default();
            xml::letters(&text).map(|bytes| Data::Octets(Stretch::memory(bytes)))
        }
        ("http://www.w3.org/2000/09/xmldsig#base64", Data::Nodes(_)) => {
            element.and_then(|element| xml::decoded(document, element)).map(|bytes| Data::Octets(Stretch::memory(bytes)))
        }
        ("http://www.w3.org/TR/1999/REC-xpath-19991116", Data::Nodes(set)) if is_without_signatures(document, transform) => {
            Some(Data::Nodes(without(&set, &all())))
        }
        ("http://www.w3.org/2002/06/xmldsig-filter2", Data::Nodes(set)) if subtracts_signatures(document, transform) => {
            Some(Data::Nodes(without(&set, &all())))
        }
        _ => None,
    })
}

/// XML that lies outside, in canonical form.
fn canonical_outside(octets: &Stretch, document: &Document<'_>, transform: NodeId) -> Result<Option<Data>> {
    let Ok(text) = String::from_utf8(octets.whole(TRANSFORMED_BYTES_MAX)?) else { return Ok(None) };
    let Some(other) = xml::parsed(&text, &crate::limits::Limits::default()) else { return Ok(None) };
    let Some(mode) = C14nMode::from_uri(attribute(document, transform, "Algorithm")) else { return Ok(None) };
    let set = if mode.with_comments() { NodeSet::all(&other) } else { NodeSet::all_without_comments(&other) };
    let bytes = bergshamra_c14n::canonicalize_doc::<&str>(&other, mode, Some(&set), &[]).ok();
    Ok(bytes.map(|bytes| Data::Octets(Stretch::memory(bytes))))
}

/// True of the one expression that signers use: everything that is in no signature.
fn is_without_signatures(document: &Document<'_>, transform: NodeId) -> bool {
    let Some(path) = child(document, transform, DSIG, "XPath") else { return false };
    let text: String = document.text_content_deep(path).chars().filter(|c| !c.is_whitespace()).collect();
    let prefix = text.strip_prefix("not(ancestor-or-self::").and_then(|rest| rest.strip_suffix(":Signature)"));
    prefix.is_some_and(|prefix| is_bound(document, path, prefix))
}

fn subtracts_signatures(document: &Document<'_>, transform: NodeId) -> bool {
    let paths = document.child_elements_by_name_ns(transform, "http://www.w3.org/2002/06/xmldsig-filter2", "XPath");
    let [path] = paths.as_slice() else { return false };
    let text: String = document.text_content_deep(*path).chars().filter(|c| !c.is_whitespace()).collect();
    let prefix = ["/descendant::", "//"].iter().find_map(|begin| text.strip_prefix(begin)?.strip_suffix(":Signature"));
    attribute(document, *path, "Filter") == "subtract" && prefix.is_some_and(|prefix| is_bound(document, *path, prefix))
}

/// True where `prefix` stands for the namespace of signatures at that element.
fn is_bound(document: &Document<'_>, element: NodeId, prefix: &str) -> bool {
    let around = std::iter::once(element).chain(document.ancestors(element));
    let mut declared = around.filter_map(|id| document.element(id)).flat_map(|element| element.namespace_declarations.iter());
    declared.find(|(name, _)| *name == prefix).is_some_and(|(_, uri)| *uri == DSIG)
}
