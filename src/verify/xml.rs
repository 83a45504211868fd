//! What does this XML file say? A small tree, read with bounds, from bytes that may be an enemy's.
//!
//! No document type is accepted at all, so there are no entities to expand and nothing to fetch. Depth and number of
//! nodes have ceilings; length has one before the bytes come here. Namespaces are the schema's business: the tree knows
//! local names only.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::findings::{Fault, Valued as _, error};
use crate::finding::Finding;

/// Deepest nesting of elements; Allegato 5 and SInCRO need ten.
const DEPTH_MAX: usize = 64;
/// Most elements of one file.
const ELEMENTS_MAX: usize = 4_000_000;
/// Most elements held at once (a harvested one is let go again).
const ELEMENTS_HELD_MAX: usize = 500_000;

/// One element.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Element {
    /// Local name.
    pub(super) name: String,
    /// Attributes by local name, namespace declarations left out.
    pub(super) attributes: Vec<(String, String)>,
    /// Children in order.
    pub(super) children: Vec<Element>,
    /// Its own character data, trimmed.
    pub(super) text: String,
}

impl Element {
    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first descendant along `path` (`IdDoc/Identificativo`).
    pub(super) fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The text along `path`, empty where there is nothing.
    pub(super) fn text_at(&self, path: &str) -> &str {
        self.at(path).map_or("", |element| element.text.as_str())
    }

    /// The value of an attribute, empty where there is none.
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// The first descendant of that name, at any depth, itself included.
    pub(super) fn descendant(&self, name: &str) -> Option<&Element> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.descendant(name)) }
    }
}

/// The root element of `bytes`; `path` is the file's, for the finding.
pub(super) fn parse(bytes: &[u8], path: &str) -> Result<Element, Fault> {
    harvest(bytes, path, &[], &mut |_| ())
}

/// As [`parse`], but elements named in `crop` are handed to `take` as soon as they close and are not kept in the tree.
pub(super) fn harvest(bytes: &[u8], path: &str, crop: &[&str], take: &mut dyn FnMut(Element)) -> Result<Element, Fault> {
    let bytes = &*in_utf8(bytes);
    let text =
        std::str::from_utf8(bytes).map_err(|e| Box::new(error("xml-not-utf8").at(path, &format!("byte {}", e.valid_up_to()))))?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{FEFF}').unwrap_or(text));
    let mut tree = Tree { open: Vec::new(), root: None, seen: 0, held: 0, marks: Vec::new(), crop, take };
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(0);
        let step = reader.read_event().map_err(|e| Box::new(broken(&e))).and_then(|event| tree.step(event));
        match step {
            Ok(true) => {}
            Ok(false) => break,
            Err(finding) => return Err(Box::new(finding.at(path, &place(text, at)))),
        }
    }
    let end = place(text, text.len());
    match tree.root {
        Some(root) if tree.open.is_empty() => Ok(root),
        _ => Err(Box::new(broken(&"unclosed or missing root element").at(path, &end))),
    }
}

/// As [`harvest`], of a file in UTF-8 that is read while it comes.
pub(super) fn harvest_from(
    source: impl std::io::BufRead,
    path: &str,
    crop: &[&str],
    take: &mut dyn FnMut(Element),
) -> Result<Element, Fault> {
    let mut reader = Reader::from_reader(source);
    let mut tree = Tree { open: Vec::new(), root: None, seen: 0, held: 0, marks: Vec::new(), crop, take };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let step = reader.read_event_into(&mut buffer).map_err(|e| Box::new(broken(&e))).and_then(|event| tree.step(event));
        match step {
            Ok(true) => {}
            Ok(false) => break,
            Err(finding) => return Err(Box::new(finding.at(path, &format!("byte {}", reader.buffer_position())))),
        }
    }
    match tree.root {
        Some(root) if tree.open.is_empty() => Ok(root),
        _ => Err(Box::new(broken(&"unclosed or missing root element").at(path, &format!("byte {}", reader.buffer_position())))),
    }
}

/// The bytes as UTF-8: those of a file that declares ISO 8859-1 are rewritten, all others stay as they are.
pub(super) fn in_utf8(bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    const DECLARATION_MAX: usize = 100;
    let start = &bytes[..bytes.len().min(DECLARATION_MAX)];
    let declaration = start.split(|b| *b == b'>').next().unwrap_or_default().to_ascii_lowercase();
    let is_latin = declaration.starts_with(b"<?xml") && memchr::memmem::find(&declaration, b"iso-8859-1").is_some();
    if is_latin && std::str::from_utf8(bytes).is_err() {
        return bytes.iter().map(|b| char::from(*b)).collect::<String>().into_bytes().into();
    }
    bytes.into()
}

fn broken(cause: &dyn std::fmt::Display) -> Finding {
    error("xml-broken").value("cause", cause)
}

/// Line and column of byte `at`, as editors count them.
fn place(text: &str, at: usize) -> String {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let line = before.split(|b| *b == b'\n').count();
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    format!("{line}:{column}")
}

struct Tree<'a> {
    open: Vec<Element>,
    root: Option<Element>,
    seen: usize,
    held: usize,
    /// Elements held before each open one, to let go of a harvested one's whole subtree.
    marks: Vec<usize>,
    crop: &'a [&'a str],
    take: &'a mut dyn FnMut(Element),
}

impl Tree<'_> {
    /// Takes one event in; false at the end of the file.
    fn step(&mut self, event: Event<'_>) -> Result<bool, Fault> {
        match event {
            Event::Start(start) => self.open(&start)?,
            Event::Empty(start) => {
                self.open(&start)?;
                self.close();
            }
            Event::End(_) => self.close(),
            Event::Text(text) => self.text(&text.xml10_content())?,
            Event::CData(text) => self.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content().into_owned();
                let c = match reference.resolve_char_ref().map_err(|e| Box::new(broken(&e)))? {
                    Some(c) => c,
                    None => predefined(&name).ok_or_else(|| Box::new(error("xml-entity").value("name", &name)))?,
                };
                self.text(c.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err(Box::new(error("xml-doctype"))),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => return Ok(false),
        }
        Ok(true)
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        self.seen += 1;
        self.marks.push(self.held);
        self.held += 1;
        if self.open.len() >= DEPTH_MAX || self.seen > ELEMENTS_MAX || self.held > ELEMENTS_HELD_MAX {
            return Err(Box::new(error("xml-limit").value("depth", DEPTH_MAX).value("elements", ELEMENTS_HELD_MAX)));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(Box::new(broken(&"second root element")));
        }
        let mut element = Element { name: AsRef::<str>::as_ref(&start.local_name()).to_owned(), ..Element::default() };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| Box::new(broken(&e)))?;
            let key = attribute.key;
            if key.as_namespace_binding().is_none() {
                let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0).map_err(|e| Box::new(broken(&e)))?;
                element.attributes.push((AsRef::<str>::as_ref(&key.local_name()).to_owned(), value.into_owned()));
            }
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) {
        let (Some(mut element), Some(mark)) = (self.open.pop(), self.marks.pop()) else { return };
        element.text.truncate(element.text.trim_end().len());
        element.text.drain(..element.text.len() - element.text.trim_start().len());
        if self.crop.contains(&element.name.as_str()) {
            self.held = mark;
            (self.take)(element);
            return;
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(Box::new(broken(&"text outside the root element"))),
        }
        Ok(())
    }
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(xml: &str) -> String {
        parse(xml.as_bytes(), "x.xml").unwrap_err().message.code().to_owned()
    }

    #[test]
    fn text_is_read_through_references_and_cdata() {
        let root = parse("<p:a xmlns:p='u' p:k='1&amp;2'> x&lt;&#233;<![CDATA[<z>]]> <b/></p:a>".as_bytes(), "").unwrap();
        assert_eq!((root.name.as_str(), root.text.as_str(), root.attribute("k")), ("a", "x<é<z>", "1&2"));
        assert_eq!(root.children.len(), 1);
    }

    #[test]
    fn a_file_that_declares_latin_1_is_read_as_that_and_only_that() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>";
        assert_eq!(parse(latin, "").unwrap().text, "é");
        assert_eq!(parse(b"<a>\xE9</a>", "").unwrap_err().message.code(), "xml-not-utf8");
    }

    #[test]
    fn a_document_type_is_refused_before_any_entity() {
        assert_eq!(code("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"), "xml-doctype");
        assert_eq!(code("<a>&x;</a>"), "xml-entity");
    }

    #[test]
    fn the_deepest_nesting_allowed_is_read() {
        assert!(parse(format!("{}{}", "<a>".repeat(DEPTH_MAX), "</a>".repeat(DEPTH_MAX)).as_bytes(), "").is_ok());
    }

    #[test]
    fn the_first_nesting_too_deep_is_refused() {
        assert_eq!(code(&format!("{}{}", "<a>".repeat(DEPTH_MAX + 1), "</a>".repeat(DEPTH_MAX + 1))), "xml-limit");
    }

    #[test]
    fn what_is_broken_is_said_with_line_and_column() {
        let finding = parse(b"<a>\n  <b></c>\n</a>", "x.xml").unwrap_err();
        assert_eq!((finding.message.code(), finding.path.as_str(), finding.place.as_str()), ("xml-broken", "x.xml", "2:6"));
        for xml in ["", "<a>", "<a/><b/>", "<a/>x", "<a b='1' b='2'/>", "plain"] {
            assert_eq!(code(xml), "xml-broken", "{xml}");
        }
    }

    #[test]
    fn harvested_elements_do_not_stay_in_the_tree() {
        let mut taken = Vec::new();
        let root = harvest(b"<a><f>1</f><f>2</f><g/></a>", "", &["f"], &mut |e| taken.push(e.text)).unwrap();
        assert_eq!((taken.join(","), root.children.len()), ("1,2".to_owned(), 1));
    }
}
