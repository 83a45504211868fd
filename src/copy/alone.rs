//! An image that cannot be passed through is drawn alone: a document of one page around it, a point for each pixel.

use std::path::PathBuf;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::in_file;
use super::pdf::Stored;
use super::picture::PageImage;
use super::raster;
use crate::error::{Error, Result};

impl Stored<'_> {
    /// The image drawn alone, a point for each pixel, and packed again.
    pub(super) fn converted(&self, why: &'static str, filter: &[u8]) -> Result<PageImage> {
        let mut alone = Document::with_version("1.7");
        let mut wanted = vec![self.id];
        while let Some(id) = wanted.pop() {
            if alone.objects.contains_key(&id) || alone.objects.len() > 1_000 {
                continue;
            }
            let Ok(object) = self.doc.get_object(id) else { continue };
            references(object, 0, &mut wanted);
            let object = match object {
                Object::Stream(stream) => Object::Stream(self.whole(stream)?),
                other => other.clone(),
            };
            alone.objects.insert(id, object);
        }
        alone.max_id = alone.objects.keys().map(|id| id.0).max().unwrap_or(0);
        let (width, height) = (self.width, self.height);
        let content = format!("{width} 0 0 {height} 0 0 cm /I Do").into_bytes();
        let content = alone.add_object(Stream::new(Dictionary::new(), content));
        let pages = alone.new_object_id();
        let side = |pixels: u32| Object::Integer(i64::from(pixels));
        let image = dictionary([("XObject", dictionary([("I", Object::Reference(self.id))]).into())]);
        let leaf = alone.add_object(dictionary([
            ("Type", "Page".into()),
            ("Parent", pages.into()),
            ("Contents", content.into()),
            ("MediaBox", vec![side(0), side(0), side(width), side(height)].into()),
            ("Resources", image.into()),
        ]));
        alone.set_object(
            pages,
            dictionary([("Type", "Pages".into()), ("Count", 1.into()), ("Kids", vec![Object::Reference(leaf)].into())]),
        );
        let catalog = alone.add_object(dictionary([("Type", "Catalog".into()), ("Pages", pages.into())]));
        alone.trailer.set("Root", catalog);
        let mut bytes = Vec::new();
        alone.save_to(&mut bytes).map_err(|e| Error::disk("draw image", &self.neutral(), e))?;
        let is_lossy = matches!(filter, b"DCTDecode" | b"DCT" | b"JPXDecode");
        let budget = is_lossy.then(|| in_file::bytes(self.stream));
        let picture = raster::converted_page(bytes, (width, height), self.page, budget)?;
        Ok(PageImage::whole(picture, Some(why)))
    }

    fn neutral(&self) -> PathBuf {
        PathBuf::from(format!("page-{}", self.page))
    }
}

fn dictionary<const N: usize>(entries: [(&str, Object); N]) -> Dictionary {
    entries.into_iter().collect()
}

/// The references in an object, but for those that lead up the page tree or from a note to its page.
pub(super) fn references(object: &Object, depth: u32, found: &mut Vec<ObjectId>) {
    if depth > 20 {
        return;
    }
    let mut of_dict = |dict: &Dictionary| {
        // Only a note has a place on the page; elsewhere these may be names of resources.
        let is_note = dict.has(b"Rect");
        let leads_away = |key: &[u8]| key == b"Parent" || is_note && matches!(key, b"P" | b"Popup" | b"Dest" | b"A");
        for (_, value) in dict.iter().filter(|(key, _)| !leads_away(key)) {
            references(value, depth + 1, found);
        }
    };
    match object {
        Object::Reference(id) => found.push(*id),
        Object::Array(list) => list.iter().for_each(|value| references(value, depth + 1, found)),
        Object::Dictionary(dict) => of_dict(dict),
        Object::Stream(stream) => of_dict(&stream.dict),
        _ => {}
    }
}
