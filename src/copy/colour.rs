//! May the colour space of a stored image stand in a PDF/A whose output intent is sRGB? Kept as it is, or to be converted.

use std::fmt::Write as _;

use lopdf::{Document, Object};

use super::PdfaLevel;
use super::pdf::{INKED, Stored};
use super::writer::{hex, number};

/// A colour space that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    /// `/ColorSpace…`, with `@n@` for attached streams; empty where the data say it themselves (JPEG 2000).
    pub(super) entry: String,
    /// Components of one sample.
    pub(super) components: u8,
    /// Profiles.
    pub(super) attached: Vec<(String, Vec<u8>)>,
}

/// What is to be done with the colours.
pub(super) enum Verdict {
    Keep(Kept),
    Convert(&'static str),
}

impl Kept {
    /// Grey or RGB, as the output intent reads them.
    pub(super) fn device(components: u8) -> Self {
        let entry = if components == 1 { "/ColorSpace/DeviceGray" } else { "/ColorSpace/DeviceRGB" };
        Self { entry: entry.to_owned(), components, attached: Vec::new() }
    }
}

impl Stored<'_> {
    /// The verdict on the image's colours.
    pub(super) fn colour(&self, filter: &[u8], level: PdfaLevel) -> Verdict {
        if self.is_mask() && self.is_inked {
            return Verdict::Keep(Kept { entry: INKED.to_owned(), components: 1, attached: Vec::new() });
        }
        if self.is_mask() {
            // A stencil paints black where grey would be 0: the same numbers, the same picture.
            return Verdict::Keep(Kept::device(1));
        }
        let Ok(space) = self.stream.dict.get_deref(b"ColorSpace", self.doc) else {
            return if filter == b"JPXDecode" {
                Verdict::Keep(Kept { entry: String::new(), components: 0, attached: Vec::new() })
            } else {
                Verdict::Keep(Kept::device(self.jpeg_components(filter)))
            };
        };
        let mut attached = Vec::new();
        match written(self.doc, space, level, &mut attached, 0) {
            Ok((text, components)) => Verdict::Keep(Kept { entry: format!("/ColorSpace{text}"), components, attached }),
            Err(why) => Verdict::Convert(why),
        }
    }

    /// Components of an image that names no colour space: those of its JPEG, else one.
    fn jpeg_components(&self, filter: &[u8]) -> u8 {
        let is_jpeg = matches!(filter, b"DCTDecode" | b"DCT");
        let head = is_jpeg.then(|| self.data(self.stream).ok().and_then(|data| super::jpeg::head(&data))).flatten();
        head.map_or(1, |head| head.components)
    }
}

type Written = std::result::Result<(String, u8), &'static str>;

/// The colour space as PDF text with its number of components, or why it must be converted.
fn written(doc: &Document, space: &Object, level: PdfaLevel, attached: &mut Vec<(String, Vec<u8>)>, depth: u8) -> Written {
    let (_, space) = doc.dereference(space).map_err(|_| "colour-space-unknown")?;
    let named = |name: &[u8]| match name {
        b"DeviceGray" | b"G" | b"CalGray" => Ok(("/DeviceGray".to_owned(), 1)),
        b"DeviceRGB" | b"RGB" | b"CalRGB" => Ok(("/DeviceRGB".to_owned(), 3)),
        b"DeviceCMYK" | b"CMYK" => Err("cmyk-to-rgb"),
        _ => Err("colour-space-unknown"),
    };
    let list = match space {
        Object::Name(name) => return named(name),
        Object::Array(list) => list,
        _ => return Err("colour-space-unknown"),
    };
    let item = |n: usize| list.get(n).and_then(|o| doc.dereference(o).ok()).map(|(_, o)| o).ok_or("colour-space-unknown");
    match item(0)?.as_name().unwrap_or_default() {
        b"ICCBased" => icc(doc, item(1)?, level, attached),
        kind @ (b"CalGray" | b"CalRGB") => {
            let dict = item(1)?.as_dict().map_err(|_| "colour-space-unknown")?;
            let text = cal_entries(doc, dict).ok_or("colour-space-unknown")?;
            let name = String::from_utf8_lossy(kind);
            Ok((format!("[/{name}<<{text}>>]"), if kind == b"CalGray" { 1 } else { 3 }))
        }
        b"Indexed" | b"I" if depth == 0 => {
            let (base, components) = written(doc, item(1)?, level, attached, 1)?;
            let highest = item(2)?.as_i64().unwrap_or(255).clamp(0, 255) as usize;
            let mut colours = match item(3)? {
                Object::String(bytes, _) => bytes.clone(),
                Object::Stream(stream) => stream.decompressed_content_with_limit(1 << 16).map_err(|_| "colour-space-unknown")?,
                _ => return Err("colour-space-unknown"),
            };
            colours.resize((highest + 1) * usize::from(components), 0);
            Ok((format!("[/Indexed{base} {highest} <{}>]", hex(&colours)), 1))
        }
        b"Separation" | b"DeviceN" => Err("spot-colour-to-rgb"),
        b"Lab" => Err("lab-to-rgb"),
        name => named(name),
    }
}

/// A profile is kept if a reader of the level knows its version and it says what it is used for; otherwise the numbers
/// are read as grey or sRGB, which is what the standard lets a reader do that cannot use the profile.
fn icc(doc: &Document, object: &Object, level: PdfaLevel, attached: &mut Vec<(String, Vec<u8>)>) -> Written {
    let stream = object.as_stream().map_err(|_| "colour-space-unknown")?;
    let components = stream.dict.get_deref(b"N", doc).and_then(Object::as_i64).unwrap_or(0);
    let (device, signature) = match components {
        1 => ("/DeviceGray", b"GRAY"),
        3 => ("/DeviceRGB", b"RGB "),
        4 => return Err("cmyk-to-rgb"),
        _ => return Err("colour-space-unknown"),
    };
    let profile = stream.decompressed_content_with_limit(4 << 20).unwrap_or_default();
    let newest = if level.is_first() { 2 } else { 4 };
    let is_known = profile.get(8).is_some_and(|version| (2..=newest).contains(version))
        && profile.get(12..16).is_some_and(|class| [b"scnr", b"mntr", b"prtr", b"spac"].iter().any(|known| class == *known))
        && profile.get(16..20).is_some_and(|space| space == signature)
        && profile.get(36..40).is_some_and(|word| word == b"acsp")
        && profile.get(..4).is_some_and(|size| size == (profile.len() as u32).to_be_bytes());
    if !is_known {
        return Ok((device.to_owned(), components as u8));
    }
    let at = attached.len();
    attached.push((format!("/N {components}/Alternate{device}"), profile));
    Ok((format!("[/ICCBased @{at}@]"), components as u8))
}

/// The numbers of a calibrated space.
fn cal_entries(doc: &Document, dict: &lopdf::Dictionary) -> Option<String> {
    let mut text = String::new();
    for key in ["WhitePoint", "BlackPoint", "Gamma", "Matrix"] {
        let Ok(value) = dict.get_deref(key.as_bytes(), doc) else { continue };
        let one = |o: &Object| o.as_float().ok().map(|v| number(f64::from(v), 5));
        match value {
            Object::Array(list) => {
                let values: Option<Vec<String>> = list.iter().map(one).collect();
                _ = write!(text, "/{key}[{}]", values?.join(" "));
            }
            single => _ = write!(text, "/{key} {}", one(single)?),
        }
    }
    dict.has(b"WhitePoint").then_some(text)
}
