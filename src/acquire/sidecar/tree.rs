//! A small XML file as a tree: names without prefixes, nothing from outside the file, few levels.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

/// Deepest nesting: the Segnatura has nine levels.
const DEPTH_MAX: usize = 32;
/// Most elements.
const ELEMENTS_MAX: usize = 10_000;

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// The namespaces that it names, prefixes apart.
    pub(super) spaces: Vec<String>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

/// The root of a well-formed document within the ceilings; document types are refused, for they bring entities.
pub(super) fn root(text: &str) -> Option<Element> {
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
                let c = reference.resolve_char_ref().ok()?.or_else(|| predefined(&name))?;
                say(&mut open, c.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return None,
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => return root.filter(|_| open.is_empty()),
        }
        if open.len() > DEPTH_MAX || count > ELEMENTS_MAX {
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
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element at the end of a path of names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The text at the end of a path, where there is any.
    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str()).filter(|text| !text.is_empty())
    }

    /// As the JSON form writes it: a value where there is text alone, else an object of children and attributes.
    pub(super) fn as_json(&self) -> Value {
        if self.children.is_empty() && self.attributes.is_empty() && !self.text.is_empty() {
            return Value::String(self.text.clone());
        }
        let attributes = self.attributes.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
        let children = self.children.iter().map(|child| (child.name.clone(), child.as_json()));
        Value::Object(attributes.chain(children).collect::<Map<_, _>>())
    }
}
