//! How is XML of others read here? As a tree: names without prefixes, nothing from outside the file, within ceilings.
//!
//! A document type that only names a file elsewhere (the Segnatura of 2001) is passed over and never fetched; one with a subset of its
//! own is refused, for it may bring entities.

use mail_parser::decoders::charsets::map::charset_decoder;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

/// How much of a tree is too much.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Deepest nesting.
    pub depth: usize,
    /// Most elements.
    pub elements: usize,
}

/// The bounds of a few lines: the Segnatura has nine levels.
pub const SMALL: Bounds = Bounds { depth: 32, elements: 10_000 };

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name without prefix.
    pub name: String,
    /// Its attributes, names without prefixes.
    pub attributes: Vec<(String, String)>,
    /// The namespaces that it names, prefixes apart.
    pub spaces: Vec<String>,
    /// Its own text, trimmed.
    pub text: String,
    /// Its children, in order.
    pub children: Vec<Element>,
}

/// What speaks against a text as XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not well-formed.
    Malformed,
    /// It defines entities, or may.
    Entities,
    /// It is deeper than the bounds.
    Depth,
    /// It has more elements than the bounds.
    Elements,
}

/// The text of XML in the encoding that it states (RFC 7303): UTF-8, UTF-16 with its mark, ISO 8859-1 and 15, Windows 1252.
pub fn decoded(bytes: &[u8]) -> String {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => {
            // What is stated counts, even where the bytes would be another: so does every reader of XML.
            let decode = stated(bytes).filter(|name| name != "utf-8").and_then(|name| charset_decoder(name.as_bytes()));
            decode.map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes))
        }
    }
}

/// The encoding that the declaration states, in lower case.
fn stated(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    Some(value.trim_start_matches(['"', '\'']).split(['"', '\'']).next()?.to_ascii_lowercase())
}

/// The root of a well-formed document within `bounds`.
pub fn root(text: &str, bounds: Bounds) -> Result<Element, Fault> {
    let mut fault = Fault::Malformed;
    read(text, bounds, &mut fault).ok_or(fault)
}

fn read(text: &str, bounds: Bounds, fault: &mut Fault) -> Option<Element> {
    let mut reader = Reader::from_str(text);
    let (mut open, mut root, mut count) = (Vec::<Element>::new(), None, 0);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                count += 1;
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                count += 1;
                let element = element(&start)?;
                close(element, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let element = open.pop()?;
                close(element, &mut open, &mut root)?;
            }
            Event::Text(text) => say(&mut open, &text.xml10_content())?,
            Event::CData(text) => say(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content().into_owned();
                let Some(c) = reference.resolve_char_ref().ok()?.or_else(|| predefined(&name)) else {
                    *fault = Fault::Entities;
                    return None;
                };
                say(&mut open, c.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(doctype) => {
                if doctype.xml10_content().contains('[') {
                    *fault = Fault::Entities;
                    return None;
                }
            }
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => return root.filter(|_| open.is_empty()),
        }
        if open.len() > bounds.depth || count > bounds.elements {
            *fault = if open.len() > bounds.depth { Fault::Depth } else { Fault::Elements };
            return None;
        }
    }
}

fn element(start: &BytesStart<'_>) -> Option<Element> {
    let mut element = Element { name: AsRef::<str>::as_ref(&start.local_name()).to_owned(), ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0).ok()?.into_owned();
        if attribute.key.as_namespace_binding().is_some() {
            element.spaces.push(value);
        } else {
            element.attributes.push((AsRef::<str>::as_ref(&attribute.key.local_name()).to_owned(), value));
        }
    }
    Some(element)
}

fn close(mut element: Element, open: &mut [Element], root: &mut Option<Element>) -> Option<()> {
    element.text.truncate(element.text.trim_end().len());
    element.text.drain(..element.text.len() - element.text.trim_start().len());
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return None,
    }
    Some(())
}

fn say(open: &mut [Element], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
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

impl Element {
    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element at the end of a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The text at the end of a path, where there is any.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The children of that name.
    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The attribute of that name, whatever its prefix.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As the JSON form writes it: a value where there is text alone, else an object of children and attributes.
    pub fn as_json(&self) -> Value {
        if self.children.is_empty() && self.attributes.is_empty() && !self.text.is_empty() {
            return Value::String(self.text.clone());
        }
        let attributes = self.attributes.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
        let children = self.children.iter().map(|child| (child.name.clone(), child.as_json()));
        Value::Object(attributes.chain(children).collect::<Map<_, _>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_has_a_last_tree_that_passes_and_a_first_that_does_not() {
        let bounds = Bounds { depth: 3, elements: 5 };
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
        assert!(root(&nested(3), bounds).is_ok());
        assert_eq!(root(&nested(4), bounds), Err(Fault::Depth));
        assert!(root(&wide(5), bounds).is_ok());
        assert_eq!(root(&wide(6), bounds), Err(Fault::Elements));
    }

    #[test]
    fn entities_are_never_defined_and_a_type_elsewhere_is_never_fetched() {
        assert_eq!(root("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", SMALL), Err(Fault::Entities));
        assert_eq!(root("<a>&b;</a>", SMALL), Err(Fault::Entities));
        assert_eq!(root("<!DOCTYPE a SYSTEM \"a.dtd\"><a>&lt;&#224;</a>", SMALL).expect("a root").text, "<à");
        assert_eq!(root("<a>", SMALL), Err(Fault::Malformed));
    }

    #[test]
    fn text_is_read_in_the_encoding_that_it_states() {
        assert_eq!(decoded(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe0</a>").split('>').nth(2), Some("à</a"));
        assert_eq!(decoded(b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>\x80</a>").split('>').nth(2), Some("€</a"));
        assert_eq!(
            decoded("<?xml version='1.0' encoding='windows-1252'?><a>à</a>".as_bytes()).split('>').nth(2),
            Some("Ã\u{a0}</a")
        );
        assert_eq!(decoded("<a>à</a>".as_bytes()), "<a>à</a>");
        assert_eq!(decoded(b"\xef\xbb\xbf<a/>"), "<a/>");
        assert_eq!(decoded(b"\xff\xfe<\0a\0/\0>\0"), "<a/>");
    }
}
