//! Some pages of a PDF as a PDF: the objects that they need and no other, streams as they are stored.
//!
//! What belongs to the whole stays behind: outlines, forms, names, its metadata and what it claims to be. Nothing of another page
//! comes along: a reference that leads there leads nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};

use lopdf::content::Content;
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, StringFormat};

use super::range::RangeOrder;
use super::tiff::damaged;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::mapped::Mapped;

/// Entries that a page may have from a node above it (ISO 32000-1, table 30).
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// Entries of a page that lead out of it, or mean something to the whole only.
const OF_THE_WHOLE: [&[u8]; 5] = [b"Parent", b"StructParents", b"B", b"AA", b"Metadata"];
/// Entries of a note that lead out of its page.
const OF_A_NOTE: [&[u8]; 8] = [b"Parent", b"P", b"Popup", b"Dest", b"IRT", b"StructParent", b"AA", b"Kids"];
/// Entries of the catalogue without which pages look otherwise.
const KEPT: [&[u8]; 3] = [b"OCProperties", b"OutputIntents", b"Lang"];
/// Nodes above a page; a longer way is a circle.
const NODES_MAX: usize = 64;
/// How deep values lie in one object.
const DEPTH_MAX: u32 = 40;

/// Writes the pages.
pub(super) fn write(order: &RangeOrder, limits: &Limits) -> Result<()> {
    let doc = load(order, limits)?;
    let pages = doc.get_pages();
    if doc.is_encrypted() || doc.was_encrypted() {
        return Err(Error::hold("copy-encrypted"));
    }
    let missing = |page: u32| Error::hold("copy-page-missing").with("page", page);
    let chosen: Vec<ObjectId> =
        (order.first..=order.last).map(|n| pages.get(&n).copied().ok_or_else(|| missing(n))).collect::<Result<_>>()?;
    let mut part = Part {
        doc: &doc,
        chosen: chosen.iter().copied().collect(),
        others: pages.values().filter(|id| !chosen.contains(id)).copied().collect(),
        taken: BTreeMap::new(),
        wanted: Vec::new(),
    };
    let root = (doc.max_id.saturating_add(1), 0);
    let nodes = (doc.max_id.saturating_add(2), 0);
    for id in &chosen {
        part.page(*id, nodes, limits)?;
    }
    let mut catalog = Dictionary::new();
    catalog.set("Type", "Catalog");
    catalog.set("Pages", nodes);
    if let Ok(whole) = doc.catalog() {
        for key in KEPT {
            if let Ok(value) = whole.get(key) {
                catalog.set(key, part.cleaned(value, 0));
            }
        }
    }
    part.follow();
    let mut out = Document::with_version(doc.version.clone());
    out.objects = part.taken;
    let mut node = Dictionary::new();
    node.set("Type", "Pages");
    node.set("Count", chosen.len() as i64);
    node.set("Kids", chosen.iter().map(|id| Object::Reference(*id)).collect::<Vec<_>>());
    out.objects.insert(nodes, Object::Dictionary(node));
    out.objects.insert(root, Object::Dictionary(catalog));
    out.max_id = nodes.0;
    out.trailer.set("Root", root);
    let half = || Object::String(order.id.to_vec(), StringFormat::Hexadecimal);
    out.trailer.set("ID", vec![half(), half()]);
    let file = File::create(&order.output).map_err(|e| Error::disk("make range", &order.output, e))?;
    let mut file = BufWriter::with_capacity(1 << 18, file);
    let saved = out.save_to(&mut file).and_then(|()| file.flush());
    saved.map_err(|e| Error::disk("write range", &order.output, e))
}

fn load(order: &RangeOrder, limits: &Limits) -> Result<Document> {
    let mapped = Mapped::open(&order.input).map_err(|e| Error::disk("read PDF", &order.input, e))?;
    if mapped.as_ref().len() as u64 > limits.pdf_bytes_max {
        return Err(Error::hold("copy-limit").with("limit", "pdf_bytes_max").with("page", order.first));
    }
    let unpacked = usize::try_from(limits.unpacked_bytes_max).unwrap_or(usize::MAX);
    let options = LoadOptions { max_decompressed_size: Some(unpacked), ..LoadOptions::default() };
    Document::load_mem_with_options(mapped.as_ref(), options).map_err(|e| damaged("PDF", "byte 0").because(e))
}

/// What the range takes of the whole.
struct Part<'d> {
    doc: &'d Document,
    chosen: BTreeSet<ObjectId>,
    others: BTreeSet<ObjectId>,
    taken: BTreeMap<ObjectId, Object>,
    wanted: Vec<ObjectId>,
}

impl Part<'_> {
    /// Takes a page, with what it has from the nodes above it.
    fn page(&mut self, id: ObjectId, nodes: ObjectId, limits: &Limits) -> Result<()> {
        let broken = || damaged("PDF", format!("object {}", id.0));
        let own = self.doc.get_dictionary(id).map_err(|e| broken().because(e))?;
        let mut page = own.clone();
        for key in OF_THE_WHOLE {
            page.remove(key);
        }
        let mut above = own;
        for _ in 0..NODES_MAX {
            let Ok(parent) = above.get(b"Parent").and_then(Object::as_reference).and_then(|id| self.doc.get_dictionary(id))
            else {
                break;
            };
            for key in INHERITED {
                if let (false, Ok(value)) = (page.has(key), parent.get(key)) {
                    page.set(key, value.clone());
                }
            }
            above = parent;
        }
        if let Some(resources) = self.used(id, &page, limits) {
            page.set("Resources", resources);
        }
        let mut page = self.dictionary(&page, 0);
        page.set("Parent", nodes);
        self.taken.insert(id, Object::Dictionary(page));
        Ok(())
    }

    /// The resources of a page without images and forms that it does not draw: many pages may share one dictionary. None where
    /// that cannot be told.
    fn used(&self, id: ObjectId, page: &Dictionary, limits: &Limits) -> Option<Dictionary> {
        let mut resources = page.get_deref(b"Resources", self.doc).and_then(Object::as_dict).ok()?.clone();
        let drawable = resources.get_deref(b"XObject", self.doc).and_then(Object::as_dict).ok()?;
        let most = usize::try_from(limits.page_content_bytes_max).unwrap_or(usize::MAX);
        let content = Content::decode(&self.doc.get_page_content_with_limit(id, most).ok()?).ok()?;
        let drawn = content.operations.iter().filter(|operation| operation.operator == "Do");
        let names: BTreeSet<&[u8]> = drawn.filter_map(|operation| operation.operands.first()?.as_name().ok()).collect();
        let mut kept = Dictionary::new();
        for (name, value) in drawable.iter().filter(|(name, _)| names.contains(name.as_slice())) {
            // A form without resources of its own draws by those of the page.
            let drawn = self.doc.dereference(value).ok()?.1.as_stream().ok()?;
            let is_form = drawn.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Form");
            if is_form && !drawn.dict.has(b"Resources") {
                return None;
            }
            kept.set(name.clone(), value.clone());
        }
        resources.set("XObject", kept);
        Some(resources)
    }

    /// Takes whatever is referred to by what was taken.
    fn follow(&mut self) {
        while let Some(id) = self.wanted.pop() {
            if self.taken.contains_key(&id) {
                continue;
            }
            // A reference to nothing is null (ISO 32000-1, 7.3.10).
            let object = self.doc.get_object(id).map_or(Object::Null, |object| self.cleaned(object, 0));
            self.taken.insert(id, object);
        }
    }

    /// The value without what leads to other pages; what it refers to is wanted.
    fn cleaned(&mut self, object: &Object, depth: u32) -> Object {
        if depth > DEPTH_MAX {
            return Object::Null;
        }
        match object {
            Object::Reference(id) if self.others.contains(id) => Object::Null,
            Object::Reference(id) => {
                if !self.chosen.contains(id) {
                    self.wanted.push(*id);
                }
                object.clone()
            }
            Object::Array(values) => Object::Array(values.iter().map(|value| self.cleaned(value, depth + 1)).collect()),
            Object::Dictionary(dict) if is_above(dict) => Object::Null,
            Object::Dictionary(dict) => Object::Dictionary(self.dictionary(dict, depth)),
            Object::Stream(stream) => {
                let mut stream = stream.clone();
                stream.dict = self.dictionary(&stream.dict, depth);
                Object::Stream(stream)
            }
            plain => plain.clone(),
        }
    }

    fn dictionary(&mut self, dict: &Dictionary, depth: u32) -> Dictionary {
        // Only a note has a place on the page; elsewhere these may be names of resources.
        let is_note = dict.has(b"Rect");
        let kept = dict.iter().filter(|(key, _)| !(is_note && OF_A_NOTE.contains(&key.as_slice())));
        kept.map(|(key, value)| (key.clone(), self.cleaned(value, depth + 1))).collect()
    }
}

/// True of a node above pages, of a form and of an element of structure: they lead to every page.
fn is_above(dict: &Dictionary) -> bool {
    let kind = dict.get(b"Type").and_then(Object::as_name).unwrap_or_default();
    matches!(kind, b"Pages" | b"Catalog" | b"StructTreeRoot" | b"StructElem") || dict.has(b"Kids")
}
