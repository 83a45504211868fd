//! Is this the back of a sheet? What shows through from the other side reads well in a mirror, and is paler than ink.
//!
//! Asked only of pages that read badly as they are. A page whose marks are all pale is a blank back; one with dark ink may be
//! scanned from its wrong side, or carry a stamp of its own: it keeps what was read and holds its document.

use super::figures::{CONFIDENCE_GOOD, at_least, at_most, is_good, mean_confidence, sure_words, weight};
use super::turns::{BETTER, WORDS_LEAST, sheet};
use crate::error::Result;
use crate::normalise::{self, PageImage, Plan, Treatment};
use crate::ocr::OcrEngine;
use crate::page::{self, Block, Quality};

/// How much darker than paper the darkest mark of a page with ink of its own is.
pub(super) const INK_DEPTH: f32 = 0.45;
const DEPTH: &str = "ink_depth";

/// The figures of a page that reads well in a mirror and badly as `read`; none of any other.
pub(super) fn figures(engine: &mut dyn OcrEngine, image: &PageImage, plan: &Plan, read: &[Block]) -> Result<Vec<Quality>> {
    if is_good(read) {
        return Ok(Vec::new());
    }
    let lies = if plan.look.sideways { 90 } else { 0 };
    for rotation in [lies, lies + 180] {
        let mut prepared = normalise::prepare(image, plan, rotation, Treatment::Even);
        let width = prepared.image.width.max(1) as usize;
        prepared.image.to_mut().gray.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        let blocks = engine.glance(sheet(&prepared))?;
        let is_text = is_good(&blocks) && sure_words(&blocks) >= WORDS_LEAST;
        if is_text && weight(&blocks) > weight(read) * BETTER {
            let mean = mean_confidence(&blocks).unwrap_or(0.0);
            let mirrored = Quality { is_good: false, ..at_most(page::MIRRORED, mean, CONFIDENCE_GOOD) };
            return Ok(vec![mirrored, at_least(DEPTH, normalise::ink_depth(image, plan), INK_DEPTH)]);
        }
    }
    Ok(Vec::new())
}

/// True of a page whose figures say that all it shows is the other side of its sheet.
pub(super) fn is_back(figures: &[Quality]) -> bool {
    figures.iter().any(|figure| figure.code == DEPTH && !figure.is_good)
}
