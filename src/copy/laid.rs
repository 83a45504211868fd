//! A page that is made of images: each is laid where it stood, as it is stored, with what stands over them.

use super::pdf::{INKED, PdfSource};
use super::picture::{PageImage, Picture, Piece, Place};
use super::placed::{self, Placed};
use super::{PdfaLevel, overlay, raster};
use crate::limits::Limits;

impl PdfSource {
    /// A page that is made of images alone, each as it is stored and where it stood; the page image is as large as the
    /// page drawn at `dpi`. None of a page that shows more, or whose images would not look the same.
    pub(super) fn placed(&mut self, page: u32, dpi: f64, level: PdfaLevel, limits: &Limits) -> Option<PageImage> {
        self.look().ok()?;
        let sheet = self.raster.as_ref()?.pages().get((page as usize).checked_sub(1)?)?;
        let [width, height] = raster::size(sheet, dpi).map(|side| side as u32);
        let (mut pieces, mut reencoded, mut bytes) = (Vec::new(), None, 0_u64);
        let shown = placed::images(sheet, limits.page_pixels_max)?;
        for placed in shown.images {
            let (picture, why) = self.laid(page, &placed, level, limits)?;
            // What stands there many times is held as many times until the page is written.
            bytes += picture.data.len() as u64;
            if bytes > limits.unpacked_bytes_max {
                return None;
            }
            reencoded = reencoded.or(why);
            pieces.push(Piece { picture, place: Place::Laid { matrix: placed.matrix, ink: placed.ink } });
        }
        if shown.has_more {
            pieces.extend(overlay::of_page(&self.doc, *self.pages.get(&page)?, (page, [width, height]), limits)?);
            reencoded = reencoded.or(Some("overlay-drawn"));
        }
        Some(PageImage { width, height, pieces, aspect: 1.0, reencoded })
    }

    /// One image among others, as it is stored, and why not, if it is not.
    fn laid(&self, page: u32, of: &Placed, level: PdfaLevel, limits: &Limits) -> Option<(Picture, Option<&'static str>)> {
        let mut stored = self.stored(page, of.object, limits).ok()?;
        stored.is_inked = of.ink.is_some();
        if stored.is_mask() != stored.is_inked {
            return None;
        }
        let mut image =
            if stored.is_see_through() { self.masked(stored, level, limits)? } else { stored.page_image(level, limits).ok()? };
        let is_whole = !matches!(image.reencoded, Some("jpx-decoded" | "jpx-colours-to-rgb"));
        let picture = image.pieces.pop().map(|piece| piece.picture).filter(|_| is_whole)?;
        // A stencil is one of bits: no JPEG, and nothing that was converted.
        let is_stencil = picture.entries.starts_with(INKED) && picture.entries.contains("/BitsPerComponent 1/");
        (is_stencil || of.ink.is_none()).then_some((picture, image.reencoded))
    }

    /// The colour of a stencil that is the page, if it is not black.
    pub(super) fn ink(&mut self, page: u32, limits: &Limits) -> Option<[u8; 3]> {
        self.look().ok()?;
        let sheet = self.raster.as_ref()?.pages().get((page as usize).checked_sub(1)?)?;
        let shown = placed::images(sheet, limits.page_pixels_max)?;
        shown.images.first()?.ink.filter(|ink| *ink != [0; 3])
    }
}
