//! An image that is seen in part only: scanners that part ink from paper store it so. Its mask goes into the copy with it.

use std::fmt::Write as _;

use lopdf::{Object, ObjectId};

use super::PdfaLevel;
use super::pdf::{PdfSource, Stored};
use super::picture::{PageImage, Picture};
use super::writer::number;
use crate::limits::Limits;

impl PdfSource {
    /// The image and its mask as they are stored; none where the level has no such mask (a soft one in PDF/A-1, ISO 19005-1,
    /// 6.4), or where either would have to be changed.
    pub(super) fn masked(&self, mut stored: Stored<'_>, level: PdfaLevel, limits: &Limits) -> Option<PageImage> {
        stored.is_bare = true;
        let dict = &stored.stream.dict;
        if dict.has(b"SMaskInData") || (dict.has(b"SMask") && dict.has(b"Mask")) {
            return None;
        }
        let mut image = stored.page_image(level, limits).ok()?;
        let is_same = matches!(image.reencoded, None | Some("lzw-to-flate" | "runlength-to-flate" | "raw-to-flate"));
        let piece = image.pieces.first_mut().filter(|_| is_same)?;
        if let Ok(soft) = dict.get(b"SMask").and_then(Object::as_reference) {
            let mask = self.mask(stored.page, soft, level, limits).filter(|_| !level.is_first())?;
            piece.picture.mask = Some(("/SMask", Box::new(mask)));
        } else if let Ok(hard) = dict.get(b"Mask").and_then(Object::as_reference) {
            piece.picture.mask = Some(("/Mask", Box::new(self.mask(stored.page, hard, level, limits)?)));
        } else {
            let colours = dict.get_deref(b"Mask", stored.doc).and_then(Object::as_array).ok()?;
            let colours: Option<Vec<String>> =
                colours.iter().map(|value| Some(number(f64::from(value.as_float().ok()?), 0))).collect();
            _ = write!(piece.picture.entries, "/Mask[{}]", colours?.join(" "));
        }
        Some(image)
    }

    /// The picture that says what is seen of another.
    fn mask(&self, page: u32, id: ObjectId, level: PdfaLevel, limits: &Limits) -> Option<Picture> {
        let mut mask = self.stored(page, id, limits).ok()?;
        if mask.is_see_through() || mask.stream.dict.has(b"Matte") {
            return None;
        }
        mask.is_inked = mask.is_mask();
        let image = mask.page_image(level, limits).ok()?;
        let is_same = matches!(image.reencoded, None | Some("lzw-to-flate" | "runlength-to-flate" | "raw-to-flate"));
        let picture = image.pieces.into_iter().next().map(|piece| piece.picture).filter(|_| is_same)?;
        let is_grey = picture.entries.starts_with("/ColorSpace/DeviceGray");
        (mask.is_mask() || is_grey).then_some(picture)
    }
}
