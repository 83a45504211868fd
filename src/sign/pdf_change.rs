//! What does a PDF show now that it did not show when it was signed? Pages are compared with all that they are drawn from.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use lopdf::{Dictionary, Document, Object, ObjectId};

/// Deepest nesting of what a page is drawn from.
const DEPTH_MAX: usize = 64;
/// Most objects that are compared.
const OBJECTS_MAX: usize = 2_000_000;
/// Most streams that are taken for later checks.
const KEPT_MAX: usize = 1_000;

/// What is other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that is shown: signatures, proofs, metadata.
    Nothing,
    /// Annotations or the values of forms.
    Annotations,
    /// The pages themselves.
    Pages,
    /// One of the two cannot be read.
    Unknown,
}

/// What changed from `before`, the signed revision, to `now`.
pub(super) fn between(before: &[u8], now: &[u8]) -> Change {
    let (Ok(before), Ok(now)) = (Document::load_mem(before), Document::load_mem(now)) else { return Change::Unknown };
    let (old, new) = (before.get_pages(), now.get_pages());
    if old.is_empty() {
        return Change::Unknown;
    }
    if old.len() != new.len() {
        return Change::Pages;
    }
    let mut change = Change::Nothing;
    for ((_, old), (_, new)) in old.into_iter().zip(new) {
        let (mut one, mut other) = (Sum::new(&before), Sum::new(&now));
        let (first, second) = (one.page(old), other.page(new));
        if first.is_none() || second.is_none() {
            return Change::Unknown;
        }
        if first != second {
            return Change::Pages;
        }
        if one.annotations(old) != other.annotations(new) {
            change = Change::Annotations;
        }
    }
    change
}

/// A digest of what a thing is made of, whatever numbers its objects have.
struct Sum<'d> {
    document: &'d Document,
    hasher: DefaultHasher,
    path: Vec<ObjectId>,
    left: usize,
}

impl<'d> Sum<'d> {
    fn new(document: &'d Document) -> Self {
        Self { document, hasher: DefaultHasher::new(), path: Vec::new(), left: OBJECTS_MAX }
    }

    /// What the page is drawn from; none where that cannot be read.
    fn page(&mut self, page: ObjectId) -> Option<u64> {
        self.hasher = DefaultHasher::new();
        for key in [&b"Contents"[..], b"Resources", b"MediaBox", b"CropBox", b"Rotate", b"UserUnit", b"Group"] {
            key.hash(&mut self.hasher);
            if let Some(object) = inherited(self.document, page, key) {
                self.object(object, 0)?;
            }
        }
        Some(self.hasher.finish())
    }

    /// The page's annotations but the fields of signatures.
    fn annotations(&mut self, page: ObjectId) -> Option<u64> {
        self.hasher = DefaultHasher::new();
        let page = self.document.get_dictionary(page).ok()?;
        let Ok(list) = page.get(b"Annots") else { return Some(self.hasher.finish()) };
        let list = self.document.dereference(list).ok()?.1.as_array().ok()?;
        for one in list {
            let Ok(annotation) = self.document.dereference(one).and_then(|(_, object)| object.as_dict()) else { continue };
            if field_type(self.document, annotation) == Some(b"Sig") {
                continue;
            }
            for key in [&b"Subtype"[..], b"Rect", b"AP", b"AS", b"Contents", b"V", b"F", b"A"] {
                key.hash(&mut self.hasher);
                if let Ok(object) = annotation.get(key) {
                    self.object(object, 0)?;
                }
            }
        }
        Some(self.hasher.finish())
    }

    fn object(&mut self, object: &'d Object, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEPTH_MAX {
            return None;
        }
        std::mem::discriminant(object).hash(&mut self.hasher);
        match object {
            Object::Reference(id) => {
                // What leads back to itself is said to have done so, and is not followed again.
                if self.path.contains(id) {
                    return Some(());
                }
                let Ok(target) = self.document.get_object(*id) else { return Some(()) };
                self.path.push(*id);
                let done = self.object(target, depth + 1);
                self.path.pop();
                return done;
            }
            Object::Array(values) => {
                for value in values {
                    self.object(value, depth + 1)?;
                }
            }
            Object::Dictionary(dictionary) => self.dictionary(dictionary, depth)?,
            Object::Stream(stream) => {
                self.dictionary(&stream.dict, depth)?;
                stream.content.hash(&mut self.hasher);
            }
            Object::Name(bytes) | Object::String(bytes, _) => bytes.hash(&mut self.hasher),
            Object::Integer(number) => number.hash(&mut self.hasher),
            Object::Real(number) => number.to_bits().hash(&mut self.hasher),
            Object::Boolean(is) => is.hash(&mut self.hasher),
            Object::Null => {}
        }
        Some(())
    }

    fn dictionary(&mut self, dictionary: &'d Dictionary, depth: usize) -> Option<()> {
        let mut entries: Vec<_> =
            dictionary.iter().filter(|(key, _)| !matches!(key.as_slice(), b"Parent" | b"P" | b"Length")).collect();
        entries.sort_by_key(|(key, _)| *key);
        for (key, value) in entries {
            key.hash(&mut self.hasher);
            self.object(value, depth + 1)?;
        }
        Some(())
    }
}

/// A value of the page, or of the tree above it.
fn inherited<'d>(document: &'d Document, page: ObjectId, key: &[u8]) -> Option<&'d Object> {
    let mut at = document.get_dictionary(page).ok()?;
    for _ in 0..DEPTH_MAX {
        if let Ok(object) = at.get(key) {
            return Some(object);
        }
        at = document.get_dictionary(at.get(b"Parent").ok()?.as_reference().ok()?).ok()?;
    }
    None
}

fn field_type<'d>(document: &'d Document, field: &'d Dictionary) -> Option<&'d [u8]> {
    let mut at = field;
    for _ in 0..DEPTH_MAX {
        if let Ok(kind) = at.get(b"FT").and_then(Object::as_name) {
            return Some(kind);
        }
        at = document.get_dictionary(at.get(b"Parent").ok()?.as_reference().ok()?).ok()?;
    }
    None
}

/// The streams of the document security store, each with the list in which it stands.
pub(super) fn kept_for_checks(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut kept = Vec::new();
    let Ok(document) = Document::load_mem(bytes) else { return kept };
    let store = document.catalog().ok().and_then(|catalog| {
        let (_, store) = document.dereference(catalog.get(b"DSS").ok()?).ok()?;
        store.as_dict().ok()
    });
    for kind in ["Certs", "CRLs", "OCSPs"] {
        let list = store.and_then(|store| document.dereference(store.get(kind.as_bytes()).ok()?).ok()?.1.as_array().ok());
        for one in list.into_iter().flatten().take(KEPT_MAX) {
            let Ok(stream) = document.dereference(one).and_then(|(_, object)| object.as_stream()) else { continue };
            let plain =
                if stream.dict.has(b"Filter") { stream.decompressed_content().ok() } else { Some(stream.content.clone()) };
            kept.extend(plain.map(|bytes| (kind, bytes)));
        }
    }
    kept
}

/// True where a form has a field for a signature that nobody has filled.
pub(super) fn has_empty_field(bytes: &[u8]) -> bool {
    let Ok(document) = Document::load_mem(bytes) else { return false };
    document.objects.values().filter_map(|object| object.as_dict().ok()).any(|dictionary| {
        dictionary.get(b"FT").and_then(Object::as_name).is_ok_and(|kind| kind == b"Sig")
            && field_value(&document, dictionary).is_none()
    })
}

fn field_value<'d>(document: &'d Document, field: &'d Dictionary) -> Option<&'d Object> {
    let (_, value) = document.dereference(field.get(b"V").ok()?).ok()?;
    (!value.is_null()).then_some(value)
}
