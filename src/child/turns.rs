//! Which way up, and how made ready? A page is read once, as it lies; again only where that reading is poor.
//!
//! The order of attempts, stated once: as the file says that it lies, or, where the lines of ink run down the page, as
//! the orientation detector says; then the other turns; then, where the best of them is still under
//! [`CONFIDENCE_GOOD`], in grey with a local threshold, or with none of ours where its edges are blurred. The better
//! reading stays, and every attempt is a step of the page (S-06).

use super::figures::{CONFIDENCE_GOOD, at_least, is_good, is_standing, mean_confidence, sure_words, weight};
use crate::error::Result;
use crate::normalise::{self, PageImage, Plan, Prepared, Stamp, Treatment};
use crate::ocr::{Layout, OcrEngine, Orientation, Sheet};
use crate::page::{Block, Origin, Quality, Rect};

/// Least certainty of the orientation detector that is followed without a second reading deciding.
const ORIENTATION_SURE: f32 = 2.0;
/// How much more must be read well for another reading to take the place of the first.
pub(super) const BETTER: f32 = 1.2;
const BETTER_TREATED: f32 = 1.02;
/// Least confidence of a word read off a stamp: seals and signatures give shreds of words.
const STAMP_WORD: f32 = 60.0;

/// Steps between ink and paper, 1/300 inch, from which a local threshold makes shreds of letters, and black and white loses what
/// the slopes tell (measured on pages blurred by a deviation of 4 pixels at 300 dpi, and of 2.4 to 3.3 at 200).
const BLURRED: f32 = 7.0;

/// Words of some letters, surely read, from which traces are writing.
pub(super) const WORDS_LEAST: f32 = 5.0;

/// One reading of a page at one turn.
pub(super) struct Reading<'a> {
    pub(super) prepared: Prepared<'a>,
    pub(super) blocks: Vec<Block>,
    /// Readings that the page took.
    pub(super) count: u32,
    /// Which engine read.
    pub(super) origin: Origin,
    /// What coloured stamps say that lie over the text, boxes on the page as stored.
    pub(super) stamps: Vec<Block>,
}

/// The best reading of the page that the attempts give.
pub(super) fn best<'a>(engine: &mut dyn OcrEngine, image: &'a PageImage, plan: &Plan) -> Result<Reading<'a>> {
    let mut best = of_page(engine, image, plan)?;
    for stamp in &image.stamps {
        let rotation = best.prepared.back.rotation;
        let words = alone(engine, image, plan, (stamp, rotation))?;
        if words.iter().flat_map(|block| &block.lines).all(|line| line.words.is_empty()) {
            best.prepared.steps.push("coloured stamp unread".to_owned());
        }
        best.stamps.extend(words);
    }
    Ok(best)
}

/// The words of a stamp without the text that it lies over, at the turn at which most is read; none where they are no more than
/// shreds.
fn alone(engine: &mut dyn OcrEngine, image: &PageImage, plan: &Plan, (stamp, rotation): (&Stamp, u16)) -> Result<Vec<Block>> {
    let Some((part, own)) = normalise::prepare::stamp(image, plan, stamp) else { return Ok(Vec::new()) };
    let mut best: Option<Reading<'_>> = None;
    for turn in [0, 90, 270, 180] {
        let other = read(engine, &part, &own, ((rotation + turn) % 360, Treatment::Even))?;
        if best.as_ref().is_none_or(|best| weight(&other.blocks) > weight(&best.blocks) * BETTER) {
            best = Some(other);
        }
        if best.as_ref().is_some_and(|best| is_good(&best.blocks)) {
            break;
        }
    }
    let Some(Reading { prepared, mut blocks, .. }) = best else { return Ok(Vec::new()) };
    for line in blocks.iter_mut().flat_map(|block| &mut block.lines) {
        line.words.retain(|word| word.confidence >= STAMP_WORD && word.text.chars().any(char::is_alphanumeric));
        for word in &mut line.words {
            let rect = prepared.stored(word.rect);
            word.rect = Rect { x: rect.x + stamp.rect.x, y: rect.y + stamp.rect.y, ..rect };
        }
    }
    Ok(blocks)
}

/// Are the traces on a page that looks blank writing? Its figures, all within their limits if they are.
pub(super) fn traces(engine: &mut dyn OcrEngine, image: &PageImage, plan: &Plan) -> Result<Vec<Quality>> {
    let mut seen = |rotation: u16, is_mirrored: bool| -> Result<Vec<Block>> {
        let mut prepared = normalise::prepare(image, plan, rotation % 360, Treatment::Even);
        if is_mirrored {
            let width = prepared.image.width.max(1) as usize;
            prepared.image.to_mut().gray.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        engine.glance(sheet(&prepared))
    };
    let mut rotation = image.rotation;
    let mut blocks = seen(rotation, false)?;
    let mut words_least = WORDS_LEAST;
    let mut is_back = false;
    if plan.look.has_few {
        words_least = 1.0;
        for turn in [180, 90, 270] {
            if is_good(&blocks) {
                break;
            }
            rotation = image.rotation + turn;
            blocks = seen(rotation, false)?;
        }
        // A few letters of the other side may look like a word.
        if is_good(&blocks) {
            let other = seen(rotation, true)?;
            is_back = is_good(&other) && mean_confidence(&other) >= mean_confidence(&blocks);
        }
    }
    let mean = at_least("trace_confidence", mean_confidence(&blocks).unwrap_or(0.0), CONFIDENCE_GOOD);
    let is_good = mean.is_good && is_good(&blocks) && !is_back;
    Ok(vec![at_least("trace_words", sure_words(&blocks), words_least), Quality { is_good, ..mean }])
}

fn of_page<'a>(engine: &mut dyn OcrEngine, image: &'a PageImage, plan: &Plan) -> Result<Reading<'a>> {
    let best = upright(engine, image, plan)?;
    if is_good(&best.blocks) || image.bilevel {
        return Ok(best);
    }
    let rotation = best.prepared.back.rotation;
    let is_blurred = normalise::blur(image, plan).is_some_and(|blur| blur > BLURRED);
    let treatment = if is_blurred { Treatment::Plain } else { Treatment::Grey };
    let grey = read(engine, image, plan, (rotation, treatment))?;
    let other = Reading { count: best.count + 1, ..grey };
    Ok(better(best, other, BETTER_TREATED))
}

/// The better of the turns worth trying.
fn upright<'a>(engine: &mut dyn OcrEngine, image: &'a PageImage, plan: &Plan) -> Result<Reading<'a>> {
    if let Some(turn) = plan.turned {
        let mut read = read(engine, image, plan, (turn, Treatment::Even))?;
        read.prepared.steps.insert(0, "turned by a person".to_owned());
        return Ok(read);
    }
    let hint = image.rotation;
    let lies_sideways = plan.look.sideways != (hint % 180 == 90);
    let mut turns = vec![hint];
    if lies_sideways {
        // Lines run down the page: reading it as it lies would be lost time, unless the detector says otherwise.
        let found = orientation(engine, image, plan).filter(|o| o.confidence >= ORIENTATION_SURE);
        turns = found.map_or_else(|| vec![hint, (hint + 90) % 360, (hint + 270) % 360], |o| vec![o.rotation]);
    }
    let mut best = read(engine, image, plan, (turns[0], Treatment::Even))?;
    if lies_sideways {
        best.prepared.steps.insert(0, "lines run down".to_owned());
    }
    let mut tried = vec![turns[0]];
    if is_good(&best.blocks) {
        return Ok(best);
    }
    // Where the engine itself found lines that run down or up it read them well, and the detector is not needed to see that the
    // page lies on its side.
    if is_standing(&best.blocks) {
        turns.extend([90, 270, 180].map(|turn| (best.prepared.back.rotation + turn) % 360));
    } else if !lies_sideways {
        match orientation(engine, image, plan) {
            Some(found) if found.rotation != hint => turns.push(found.rotation),
            Some(_) => {}
            // The detector cannot tell (few letters, or none): the turns are tried, small work on such a page.
            None => turns.extend([(hint + 180) % 360, (hint + 90) % 360, (hint + 270) % 360]),
        }
    }
    for turn in turns.into_iter().skip(1) {
        if is_good(&best.blocks) || tried.contains(&turn) {
            continue;
        }
        tried.push(turn);
        let other = read(engine, image, plan, (turn, Treatment::Even))?;
        let count = best.count + 1;
        best = better(best, Reading { count, ..other }, BETTER);
    }
    Ok(best)
}

/// The second where it reads so much more than the first, with both attempts among its steps.
fn better<'a>(mut first: Reading<'a>, mut second: Reading<'a>, margin: f32) -> Reading<'a> {
    let step = format!("reading {}", second.count);
    // Words that stand on their side were read at the wrong turn, however well.
    let upright = |blocks: &[Block]| if is_standing(blocks) { 0.0 } else { weight(blocks) };
    if upright(&second.blocks) > upright(&first.blocks) * margin {
        second.prepared.steps.insert(0, step);
        second
    } else {
        first.prepared.steps.push(step);
        first.count = second.count;
        first
    }
}

fn read<'a>(
    engine: &mut dyn OcrEngine,
    image: &'a PageImage,
    plan: &Plan,
    (rotation, treatment): (u16, Treatment),
) -> Result<Reading<'a>> {
    let prepared = normalise::prepare(image, plan, rotation, treatment);
    let blocks = engine.read(sheet(&prepared))?;
    Ok(Reading { prepared, blocks, count: 1, origin: engine.origin(), stamps: Vec::new() })
}

pub(super) fn sheet<'a>(prepared: &'a Prepared<'_>) -> Sheet<'a> {
    Sheet {
        gray: &prepared.image.gray,
        width: prepared.image.width,
        height: prepared.image.height,
        dpi: prepared.dpi,
        is_bilevel: prepared.image.bilevel,
        threshold: prepared.threshold,
        is_uneven: prepared.is_uneven,
        layout: Layout::Page,
    }
}

fn orientation(engine: &mut dyn OcrEngine, image: &PageImage, plan: &Plan) -> Option<Orientation> {
    let prepared = normalise::prepare::as_it_lies(image, plan);
    engine.orientation(Sheet {
        gray: &prepared.gray,
        width: prepared.width,
        height: prepared.height,
        dpi: plan.dpi,
        is_bilevel: prepared.bilevel,
        threshold: None,
        is_uneven: false,
        layout: Layout::Page,
    })
}
