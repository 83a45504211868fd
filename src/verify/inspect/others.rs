//! What do packages of others say of what they hold? Their metadata as they are: descriptive XML of an E-ARK package, labels of a bag,
//! requests to Sacer, whatever XML lies beside the content.
//!
//! Which words a community uses is its own affair: they are shown by their names, those of Allegato 5 with their labels.

use std::collections::BTreeSet;

use super::super::agid::Checked;
use super::super::container::Container;
use super::super::xml::{self, Element};

/// Most files shown.
const FILES_MAX: usize = 50;
/// Longest file that is looked at, and most of its elements: metadata of a package are short, data in XML need not be.
const BYTES_MAX: u64 = 256 << 10;
const ELEMENTS_MAX: usize = 2_000;
/// Roots that say nothing of the content: structure, events, schemas, pictures, pages, and what is read elsewhere.
const OTHER_ROOTS: [&str; 9] = ["mets", "premis", "schema", "svg", "html", "alto", "PIndex", "IdC", "Manifest"];
/// Files of labels in a bag.
const LABELS: [&str; 2] = ["bag-info.txt", "package-info.txt"];

/// The metadata of the package that its layout has no place for, each with its path.
pub(super) fn metadata(container: &Container, checked: &Checked) -> Vec<(String, Element)> {
    let placed: BTreeSet<usize> = checked.layout.placed().collect();
    let mut found: Vec<(String, Element)> = embedded(&checked.index.root).into_iter().collect();
    for (_, entry) in container.entries().iter().enumerate().filter(|(i, _)| !placed.contains(i)) {
        if found.len() == FILES_MAX {
            break;
        }
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        let is_labels = LABELS.contains(&name);
        let is_xml = name.rsplit('.').next().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
        if !(is_labels || is_xml) || entry.bytes > BYTES_MAX {
            continue;
        }
        let Ok(bytes) = container.bytes(entry, BYTES_MAX) else { continue };
        let root = if is_labels { Some(labels(&bytes)) } else { described(&bytes, &entry.path) };
        found.extend(root.filter(|root| !root.children.is_empty()).map(|root| (entry.path.clone(), root)));
    }
    found
}

/// What an index says beyond the norm.
fn embedded(root: &Element) -> Option<(String, Element)> {
    let more = root.at("SelfDescription/MoreInfo/EmbeddedMetadata").or_else(|| root.at("PVolume/MoreInfo/EmbeddedMetadata"))?;
    Some(("MoreInfo".to_owned(), more.clone()))
}

fn described(bytes: &[u8], path: &str) -> Option<Element> {
    let root = xml::parse(bytes, path).ok()?;
    (!OTHER_ROOTS.contains(&root.name.as_str()) && count(&root) <= ELEMENTS_MAX).then_some(root)
}

fn count(root: &Element) -> usize {
    1 + root.children.iter().map(count).sum::<usize>()
}

/// The labels of a bag; a line that begins with a blank goes on with the one before (RFC 8493, 2.2.2).
fn labels(bytes: &[u8]) -> Element {
    let mut children: Vec<Element> = Vec::new();
    for line in String::from_utf8_lossy(bytes).lines().take(ELEMENTS_MAX) {
        if let (true, Some(last)) = (line.starts_with([' ', '\t']), children.last_mut()) {
            last.text.push(' ');
            last.text.push_str(line.trim());
        } else if let Some((name, text)) = line.split_once(':') {
            children.push(Element { name: name.trim().to_owned(), text: text.trim().to_owned(), ..Element::default() });
        }
    }
    Element { name: "bag-info".to_owned(), children, ..Element::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_go_on_over_lines_and_lines_without_a_label_are_none() {
        let root = labels(b"Source-Organization: Comune\n di Prova\nnothing\nBag-Count: 1 of 2\n");
        let read: Vec<(&str, &str)> = root.children.iter().map(|child| (child.name.as_str(), child.text.as_str())).collect();
        assert_eq!(read, [("Source-Organization", "Comune di Prova"), ("Bag-Count", "1 of 2")]);
    }
}
