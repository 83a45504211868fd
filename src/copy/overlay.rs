//! What stands over the images of a page: stamps, numbers, notes. It is drawn alone, so that the images stay as they are stored.
//!
//! The page is drawn without its images on nothing; what is then there lies over them with a hard edge (a mask of bits, which every
//! level of PDF/A allows). Only opaque paint above all images may be treated so, which who calls this has made sure of.

use hayro::vello_cpu::color::palette::css::TRANSPARENT;
use hayro_ccitt::Decoder as _;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::alone::references;
use super::ccitt::G4Joiner;
use super::picture::{Colour, Picture, Piece, Place, RowPacker, Shape};
use super::raster;
use crate::limits::Limits;

/// Opacity from which a pixel belongs to what is drawn.
const SEEN: u8 = 128;
/// Objects of one page that are looked at.
const OBJECTS_MAX: usize = 20_000;
/// Entries that a page takes from those above it (ISO 32000-1, 7.7.3.4).
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];

/// The piece that lies over the images of the page, drawn as large as `size`: none where nothing is there, no answer
/// where the page cannot be drawn so.
pub(super) fn of_page(doc: &Document, id: ObjectId, (page, size): (u32, [u32; 2]), limits: &Limits) -> Option<Vec<Piece>> {
    let pdf = raster::opened(without_images(doc, id)?)?;
    let pixels = raster::rendered(pdf.pages().first()?, size.map(f64::from), (page, TRANSPARENT), limits).ok()?;
    let width = usize::from(pixels.width());
    let rows: Vec<&[u8]> = pixels.data_as_u8_slice().chunks_exact(4 * width).collect();
    let is_seen = |pixel: &[u8]| pixel[3] >= SEEN;
    let has_ink = |row: &&[u8]| row.chunks_exact(4).any(is_seen);
    let Some(top) = rows.iter().position(has_ink) else { return Some(Vec::new()) };
    let bottom = rows.iter().rposition(has_ink)? + 1;
    let inked = &rows[top..bottom];
    let left = inked.iter().filter_map(|row| row.chunks_exact(4).position(is_seen)).min()?;
    let right = inked.iter().filter_map(|row| row.chunks_exact(4).rposition(is_seen)).max()? + 1;
    let picture = packed(inked, (left, right))?;
    let [across, down] = [f64::from(pixels.width()), f64::from(pixels.height())];
    let (w, h) = (f64::from(picture.width), f64::from(picture.height));
    let matrix = [w / across, 0.0, 0.0, h / down, left as f64 / across, 1.0 - (top as f64 + h) / down];
    Some(vec![Piece { picture, place: Place::Laid { matrix, ink: None } }])
}

/// The colours between two columns, and the mask of what is seen of them.
fn packed(rows: &[&[u8]], (left, right): (usize, usize)) -> Option<Picture> {
    let (width, height) = (u32::try_from(right - left).ok()?, u32::try_from(rows.len()).ok()?);
    let mut colours = RowPacker::new(Shape { width, height, bits: 8, colour: Colour::Rgb, is_inverted: false });
    let mut mask = G4Joiner::new(width, height);
    let (mut line, mut changes) = (Vec::new(), Vec::new());
    for row in rows {
        line.clear();
        changes.clear();
        let mut was_seen = false;
        for (x, pixel) in row[4 * left..4 * right].chunks_exact(4).enumerate() {
            let is_seen = pixel[3] >= SEEN;
            // The renderer's colours are weakened by their opacity.
            let whole = |part: u8| (u32::from(part) * 255 / u32::from(pixel[3].max(1))).min(255) as u8;
            line.extend(if is_seen { [whole(pixel[0]), whole(pixel[1]), whole(pixel[2])] } else { [0; 3] });
            if is_seen != was_seen {
                changes.push(x as u32);
                was_seen = is_seen;
            }
        }
        colours.push(&line).ok()?;
        mask.push_row(&changes);
    }
    let mut picture = colours.finish().ok()?;
    let entries =
        format!("/ImageMask true/BitsPerComponent 1/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns {width}/Rows {height}>>");
    let mask = Picture { width, height, entries, data: mask.finish(), ..Picture::default() };
    picture.mask = Some(("/Mask", Box::new(mask)));
    Some(picture)
}

/// A document of that page alone, whose images are stencils that paint nothing.
fn without_images(doc: &Document, id: ObjectId) -> Option<Vec<u8>> {
    let mut alone = Document::with_version("1.7");
    let mut leaf = doc.get_dictionary(id).ok()?.clone();
    let mut above = leaf.get(b"Parent").and_then(Object::as_reference).ok();
    for _ in 0..64 {
        let Some(node) = above.and_then(|id| doc.get_dictionary(id).ok()) else { break };
        for key in INHERITED {
            if let (false, Ok(value)) = (leaf.has(key), node.get(key)) {
                leaf.set(key, value.clone());
            }
        }
        above = node.get(b"Parent").and_then(Object::as_reference).ok();
    }
    let catalog = doc.catalog().ok()?;
    let layers = catalog.get(b"OCProperties").ok().cloned();
    let mut wanted = Vec::new();
    leaf.remove(b"Parent");
    references(&Object::Dictionary(leaf.clone()), 0, &mut wanted);
    if let Some(layers) = &layers {
        references(layers, 0, &mut wanted);
    }
    while let Some(next) = wanted.pop() {
        if next == id || alone.objects.contains_key(&next) {
            continue;
        }
        if alone.objects.len() > OBJECTS_MAX {
            return None;
        }
        let Ok(object) = doc.get_object(next) else { continue };
        let object = match object {
            Object::Stream(stream) if is_image(stream) => Object::Stream(nothing()),
            other => other.clone(),
        };
        references(&object, 0, &mut wanted);
        alone.objects.insert(next, object);
    }
    alone.max_id = doc.max_id.max(id.0);
    let pages = alone.new_object_id();
    leaf.set("Parent", pages);
    alone.objects.insert(id, Object::Dictionary(leaf));
    let kids: Dictionary =
        [("Type", "Pages".into()), ("Count", 1.into()), ("Kids", vec![Object::Reference(id)].into())].into_iter().collect();
    alone.set_object(pages, kids);
    let mut root: Dictionary = [("Type", "Catalog".into()), ("Pages", pages.into())].into_iter().collect();
    if let Some(layers) = layers {
        root.set("OCProperties", layers);
    }
    let root = alone.add_object(root);
    alone.trailer.set("Root", root);
    let mut bytes = Vec::new();
    alone.save_to(&mut bytes).ok()?;
    Some(bytes)
}

fn is_image(stream: &Stream) -> bool {
    stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Image")
}

/// A stencil of one bit that leaves its place as it is.
fn nothing() -> Stream {
    let entries: [(&str, Object); 6] = [
        ("Type", "XObject".into()),
        ("Subtype", "Image".into()),
        ("Width", 1.into()),
        ("Height", 1.into()),
        ("ImageMask", true.into()),
        ("BitsPerComponent", 1.into()),
    ];
    Stream::new(entries.into_iter().collect(), vec![0x80])
}
