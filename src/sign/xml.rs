//! XML that is signed: read without document types and entities, written in canonical form.

use base64::Engine as _;
use bergshamra_c14n::C14nMode;
use bergshamra_xml::NodeSet;
use uppsala::{Document, NodeId, Parser};

use crate::limits::Limits;

/// The namespace of XML signatures.
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The document; none of what is no XML, or deeper or larger than the ceilings, or has a document type.
pub(super) fn parsed<'t>(text: &'t str, limits: &Limits) -> Option<Document<'t>> {
    let depth = u32::try_from(limits.xml_depth_max.saturating_mul(2)).unwrap_or(u32::MAX);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let elements = memchr::memchr_iter(b'<', text.as_bytes()).take(limits.xml_elements_max.saturating_mul(2) + 1).count();
    if text.len() as u64 > limits.xml_bytes_max || elements > limits.xml_elements_max.saturating_mul(2) {
        return None;
    }
    Parser::new().with_max_depth(depth).with_forbid_dtd(true).with_forbid_entities(true).parse(text).ok()
}

/// The element's child of that name.
pub(super) fn child(document: &Document<'_>, parent: NodeId, namespace: &str, name: &str) -> Option<NodeId> {
    document.first_child_element_by_name_ns(parent, namespace, name)
}

/// All elements below `parent` of that local name, whatever version of their namespace.
pub(super) fn named(document: &Document<'_>, parent: NodeId, name: &str) -> Vec<NodeId> {
    let all = document.descendants(parent).into_iter();
    all.filter(|id| document.element(*id).is_some_and(|element| element.name.local_name == name)).collect()
}

/// An attribute; empty where there is none.
pub(super) fn attribute<'d>(document: &'d Document<'_>, element: NodeId, name: &str) -> &'d str {
    document.get_attribute(element, name).unwrap_or_default()
}

/// The bytes of an element's Base64.
pub(super) fn decoded(document: &Document<'_>, element: NodeId) -> Option<Vec<u8>> {
    letters(&document.text_content_deep(element))
}

/// The bytes of Base64 with white space.
pub(super) fn letters(text: &str) -> Option<Vec<u8>> {
    let letters: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(letters).ok()
}

/// The canonical form of a node and what is in it, by the algorithm that `method` names (none: Canonical XML 1.0).
pub(super) fn canonical(document: &Document<'_>, node: NodeId, method: Option<NodeId>) -> Option<Vec<u8>> {
    let mode = mode(document, method)?;
    let set = if mode.with_comments() {
        NodeSet::tree_with_comments(node, document)
    } else {
        NodeSet::tree_without_comments(node, document)
    };
    canonical_set(document, &set, method)
}

/// The canonical form of a set of nodes.
pub(super) fn canonical_set(document: &Document<'_>, set: &NodeSet, method: Option<NodeId>) -> Option<Vec<u8>> {
    let prefixes: Vec<String> = method
        .and_then(|method| {
            document
                .descendants(method)
                .into_iter()
                .find(|id| document.element(*id).is_some_and(|element| element.name.local_name == "InclusiveNamespaces"))
        })
        .map(|list| attribute(document, list, "PrefixList").split_whitespace().map(str::to_owned).collect())
        .unwrap_or_default();
    bergshamra_c14n::canonicalize_doc(document, mode(document, method)?, Some(set), &prefixes).ok()
}

fn mode(document: &Document<'_>, method: Option<NodeId>) -> Option<C14nMode> {
    method.map_or(Some(C14nMode::Inclusive), |method| C14nMode::from_uri(attribute(document, method, "Algorithm")))
}
