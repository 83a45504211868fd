//! What does an engine read best? The page turned, straightened, scaled and cleaned as far as it needs, and no further.

use std::borrow::Cow;

use super::geometry::{Back, cropped, scaled, straightened, turned};
use super::measure::{Look, look};
use super::{PageImage, Stamp, folds, ink, marks, skew, specks};
use crate::page::Rect;

/// Skew below this is left alone, degrees: the engine reads such lines as well as level ones (six pages in G4 at 0.3 to 0.8
/// degrees, 0.10 to 0.16 % of letters wrong), and pixels that are turned lose their sharp edges.
const SKEW_LEFT_ALONE: f32 = 0.8;
/// Resolution that engines are trained for.
const GOOD_DPI: f32 = 300.0;
/// Below this the page is enlarged, above the other it is reduced.
const SMALL_DPI: f32 = 150.0;
const LARGE_DPI: f32 = 450.0;
/// Most pixels given to an engine: an A2 sheet at 300 dpi.
const PIXELS_MAX: f32 = 80_000_000.0;

/// A page as seen once, before any treatment: what the plans of treatment start from.
#[derive(Debug)]
pub struct Plan {
    /// Resolution used for reading.
    pub dpi: f32,
    /// True if the resolution was estimated, not declared.
    pub is_dpi_estimated: bool,
    /// What was seen.
    pub look: Look,
    /// Steepest skew that its text may have, degrees.
    pub lean_most: f32,
    /// The turn that a person has said ([`crate::page::PageSurvey::turned`]).
    pub turned: Option<u16>,
}

/// A page ready for an engine.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// The pixels to read: those stored, where nothing had to be done.
    pub image: Cow<'a, PageImage>,
    /// The brightest value that is ink, where that was settled for a page in grey.
    pub threshold: Option<u8>,
    /// Their resolution.
    pub dpi: f32,
    /// True if the engine should choose its threshold locally.
    pub is_uneven: bool,
    /// The way back to the page as stored.
    pub back: Back,
    /// Pixels of the prepared image per pixel of the stored one.
    pub scale: f32,
    /// What was done, in order (S-06).
    pub steps: Vec<String>,
}

/// How a page is made ready for a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Light evened out, one threshold: what is tried first.
    Even,
    /// In grey, the engine's own local threshold: what is tried where the first reading is poor.
    Grey,
    /// Light evened out, in grey, no threshold of ours: what is tried instead where edges are blurred.
    Plain,
}

impl Prepared<'_> {
    /// Its pixels in black and white.
    pub fn black_and_white(&self) -> Cow<'_, [u8]> {
        match self.threshold {
            Some(ink) => Cow::Owned(self.image.gray.iter().map(|value| if *value > ink { 255 } else { 0 }).collect()),
            None => Cow::Borrowed(&self.image.gray),
        }
    }

    /// The box on the stored page of a box on the prepared image.
    pub fn stored(&self, rect: Rect) -> Rect {
        let unscaled = |value: u32| (value as f32 / self.scale).round() as u32;
        let (x, y) = (unscaled(rect.x), unscaled(rect.y));
        let (right, bottom) = (unscaled(rect.x + rect.w), unscaled(rect.y + rect.h));
        self.back.stored(Rect { x, y, w: (right - x).max(1), h: (bottom - y).max(1) })
    }
}

/// Makes the page ready, turned clockwise by `rotation`.
pub fn prepare<'a>(stored: &'a PageImage, plan: &Plan, rotation: u16, treatment: Treatment) -> Prepared<'a> {
    let mut steps = Vec::new();
    if plan.is_dpi_estimated {
        steps.push(format!("dpi {} estimated", plan.dpi));
    }
    if stored.is_undithered {
        steps.push("undither".to_owned());
    }
    let scale = scale(stored, plan.dpi);
    let mut image = cleaned(stored, plan, &mut steps);
    // What is too fine is made coarser first: everything after costs less, and an A0 sheet keeps within memory.
    if scale < 0.99 {
        image = Cow::Owned(scaled(&image, scale));
        steps.push(format!("scale {scale:.2}"));
    }
    if treatment != Treatment::Grey && !stored.bilevel && ink::even(image.to_mut(), plan.dpi * scale.min(1.0)) {
        steps.push("smooth".to_owned());
    }
    if !stored.bilevel && plan.look.has_few && plan.look.is_sparse() {
        marks::clear_paper(&plan.look.mask, image.to_mut());
        steps.push("paper cleared".to_owned());
    }
    if rotation != 0 {
        image = Cow::Owned(turned(&image, rotation));
        steps.push(format!("rotate {rotation}"));
    }
    let skew_deg = skew::degrees(&plan.look.mask, rotation, plan.lean_most);
    let is_straightened = skew_deg.abs() >= SKEW_LEFT_ALONE;
    if is_straightened {
        image = Cow::Owned(straightened(&image, skew_deg));
        steps.push(format!("deskew {skew_deg:.2}"));
    }
    if scale > 1.01 {
        image = Cow::Owned(scaled(&image, scale));
        steps.push(format!("scale {scale:.2}"));
    }
    let dpi = plan.dpi * scale;
    let threshold = inked(&mut image, dpi, treatment, &mut steps);
    let skew_deg = if is_straightened { skew_deg } else { 0.0 };
    let back = Back { width: stored.width, height: stored.height, rotation, skew_deg };
    Prepared { dpi, is_uneven: treatment == Treatment::Grey && !image.bilevel, image, threshold, back, scale, steps }
}

/// The page made black and white as it lies, neither turned nor straightened: what the detector of orientation looks at.
pub fn as_it_lies<'a>(stored: &'a PageImage, plan: &Plan) -> Cow<'a, PageImage> {
    let mut image = cleaned(stored, plan, &mut Vec::new());
    if !stored.bilevel {
        ink::even(image.to_mut(), plan.dpi);
    }
    let threshold = inked(&mut image, plan.dpi, Treatment::Even, &mut Vec::new());
    if let Some(threshold) = threshold {
        ink::part(image.to_mut(), threshold);
    }
    image
}

/// The page as dark on light, without the specks and the surroundings of the sheet, as it lies.
fn cleaned<'a>(stored: &'a PageImage, plan: &Plan, steps: &mut Vec<String>) -> Cow<'a, PageImage> {
    let mut image = Cow::Borrowed(stored);
    if !stored.stamps.is_empty() {
        stored.stamps.iter().for_each(|stamp| stamp.lift(image.to_mut()));
        steps.push(format!("coloured stamps lifted {}", stored.stamps.len()));
    }
    if plan.look.inverted {
        image.to_mut().gray.iter_mut().for_each(|value| *value = 255 - *value);
        steps.push("invert".to_owned());
    }
    if let Some(edges) = &plan.look.edges {
        edges.wipe(image.to_mut());
        steps.push("edges".to_owned());
    }
    if image.bilevel {
        let specks = specks::of(&image, plan.dpi);
        if !specks.is_empty() {
            let image = image.to_mut();
            for at in specks {
                image.gray[at] = 255;
            }
            steps.push("despeckle".to_owned());
        }
    }
    image
}

/// Settles what is ink, as the treatment says, and takes folds away; gives the brightest value that is ink on a page in grey.
fn inked(image: &mut Cow<'_, PageImage>, dpi: f32, treatment: Treatment, steps: &mut Vec<String>) -> Option<u8> {
    if treatment == Treatment::Grey && !image.bilevel {
        steps.push("local threshold".to_owned());
        return None;
    }
    let threshold = (!image.bilevel).then(|| ink::threshold_of(image));
    let is_parted = treatment == Treatment::Even;
    if let Some(threshold) = threshold {
        steps.push(if is_parted { format!("threshold {threshold}") } else { "grey".to_owned() });
    }
    let folds = folds::find(image, dpi, threshold.unwrap_or(0));
    if !folds.is_empty() {
        let image = image.to_mut();
        for fold in &folds {
            fold.wipe(image, dpi, threshold.unwrap_or(0));
        }
        steps.push(format!("folds {}", folds.len()));
    }
    threshold.filter(|_| is_parted)
}

/// A stamp alone as an image of its own, and its plan at the page's resolution.
pub fn stamp(page: &PageImage, plan: &Plan, stamp: &Stamp) -> Option<(PageImage, Plan)> {
    let image = stamp.image(page)?;
    let look = look(&image, plan.dpi);
    Some((image, Plan { dpi: plan.dpi, is_dpi_estimated: false, look, lean_most: skew::STAMP_MOST, turned: None }))
}

/// Degrees by which text rises to the right on the page turned by `rotation`.
pub fn skew_of(plan: &Plan, rotation: u16) -> f32 {
    skew::degrees(&plan.look.mask, rotation, plan.lean_most)
}

fn scale(image: &PageImage, dpi: f32) -> f32 {
    let wanted = if dpi < SMALL_DPI {
        (GOOD_DPI / dpi).min(3.0)
    } else if dpi > LARGE_DPI {
        GOOD_DPI / dpi
    } else {
        1.0
    };
    let most = (PIXELS_MAX / (image.width as f32 * image.height as f32)).sqrt();
    wanted.min(most)
}

/// How a region is made ready to be read again: each way errs otherwise than the page's own preparation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Enlarged to 450 dpi, straightened as the page is, black and white by Sauvola's threshold.
    Sauvola,
    /// In grey at 300 dpi, straightened by the region's own lines: a stamp leans otherwise than its page.
    Gray,
    /// Straightened by its own lines, black and white at 400 dpi, the ruled lines of frames taken away.
    Unframed,
}

impl Manner {
    /// All, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Sauvola, Self::Gray, Self::Unframed];

    /// Resolution that the region is brought to.
    pub fn dpi(self) -> f32 {
        match self {
            Self::Sauvola => 1.5 * GOOD_DPI,
            Self::Gray => GOOD_DPI,
            Self::Unframed => 400.0,
        }
    }
}

/// A region made ready for a second reading, otherwise than the page for its first: from the original, with a margin.
pub fn region(stored: &PageImage, plan: &Plan, rotation: u16, (rect, manner): (Rect, Manner)) -> PageImage {
    let margin = (plan.dpi * 0.06) as u32;
    let rect = on_page(rect.grown(margin, stored.width, stored.height), stored);
    let mut part = turned(&cropped(stored, rect), rotation);
    if plan.look.inverted {
        part.gray.iter_mut().for_each(|value| *value = 255 - *value);
    }
    let of_page = skew_of(plan, rotation);
    let own = if manner == Manner::Sauvola { 0.0 } else { skew::degrees(&look(&part, plan.dpi).mask, 0, skew::PAGE_MOST) };
    let skew_deg = if own == 0.0 { of_page } else { own };
    if skew_deg.abs() >= SKEW_LEFT_ALONE {
        part = straightened(&part, skew_deg);
    }
    let most = (PIXELS_MAX / 4.0 / part.gray.len() as f32).sqrt();
    let mut part = scaled(&part, (manner.dpi() / plan.dpi).clamp(0.5, 4.0).min(most));
    if manner != Manner::Gray {
        sauvola(&mut part, (manner.dpi() * 0.08) as usize);
    }
    if manner == Manner::Unframed {
        unframe(&mut part, (manner.dpi() * FRAME_RUN) as usize);
    }
    part
}

/// Inches from which an unbroken run of ink is a ruled line, not a stroke of a letter.
const FRAME_RUN: f32 = 0.3;

/// Takes away runs of black of at least `least` pixels across and down.
fn unframe(image: &mut PageImage, least: usize) {
    let (width, height) = (image.width as usize, image.height as usize);
    let black: Vec<bool> = image.gray.iter().map(|value| *value < 128).collect();
    let mut wipe = |at: &dyn Fn(usize) -> usize, length: usize| {
        let mut from = 0;
        for to in 0..=length {
            if to < length && black.get(at(to)).copied().unwrap_or(false) {
                continue;
            }
            if to - from >= least {
                for cell in from..to {
                    if let Some(value) = image.gray.get_mut(at(cell)) {
                        *value = 255;
                    }
                }
            }
            from = to + 1;
        }
    };
    for y in 0..height {
        wipe(&|x| y * width + x, width);
    }
    for x in 0..width {
        wipe(&|y| y * width + x, height);
    }
}

fn on_page(rect: Rect, image: &PageImage) -> Rect {
    let (x, y) = (rect.x.min(image.width - 1), rect.y.min(image.height - 1));
    Rect { x, y, w: rect.w.clamp(1, image.width - x), h: rect.h.clamp(1, image.height - y) }
}

/// Sauvola's threshold in a window of `2 * reach + 1` pixels (Sauvola and Pietikäinen 2000, k = 0.3, R = 128).
fn sauvola(image: &mut PageImage, reach: usize) {
    let (width, height) = (image.width as usize, image.height as usize);
    let stride = width + 1;
    let mut sums = vec![(0_u64, 0_u64); stride * (height + 1)];
    for y in 0..height {
        let (mut sum, mut squares) = (0_u64, 0_u64);
        for x in 0..width {
            let value = u64::from(image.gray[y * width + x]);
            sum += value;
            squares += value * value;
            let above = sums[y * stride + x + 1];
            sums[(y + 1) * stride + x + 1] = (above.0 + sum, above.1 + squares);
        }
    }
    for y in 0..height {
        let (top, bottom) = (y.saturating_sub(reach), (y + reach + 1).min(height));
        for x in 0..width {
            let (left, right) = (x.saturating_sub(reach), (x + reach + 1).min(width));
            let [a, b, c, d] = [(top, left), (top, right), (bottom, left), (bottom, right)].map(|(y, x)| sums[y * stride + x]);
            let count = ((bottom - top) * (right - left)) as f32;
            let mean = (d.0 + a.0 - b.0 - c.0) as f32 / count;
            let deviation = ((d.1 + a.1 - b.1 - c.1) as f32 / count - mean * mean).max(0.0).sqrt();
            let threshold = mean * (1.0 + 0.3 * (deviation / 128.0 - 1.0));
            let value = &mut image.gray[y * width + x];
            *value = if f32::from(*value) <= threshold { 0 } else { 255 };
        }
    }
}

/// A small picture of the page, upright, for a person: JPEG bytes.
pub fn picture(stored: &PageImage, rotation: u16, side_max: u32) -> Option<Vec<u8>> {
    let factor = side_max.clamp(16, 8_000) as f32 / stored.width.max(stored.height) as f32;
    let small = if factor < 1.0 { scaled(stored, factor) } else { stored.clone() };
    let upright = turned(&small, rotation);
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 80);
    encoder.encode(&upright.gray, upright.width, upright.height, image::ExtendedColorType::L8).ok()?;
    Some(bytes)
}
