//! How well was a page read? Its figures, each with its limit (S-07), and what makes one reading better than another.

use crate::normalise::{FAINT_LETTERS, PageImage, Plan};
use crate::page::{self, Block, Quality, Word};

/// A page whose first reading has this mean confidence is not read again.
pub(super) const CONFIDENCE_GOOD: f32 = 70.0;
/// Words under this confidence on a page without others are marks, not text.
pub(super) const MARK: f32 = 30.0;
/// Groups of ink that could be writing, from which a page is not blank.
const MARKS_LEAST: f32 = 1.0;
/// Limits of the quality figures (S-07).
const DPI_LEAST: f32 = 150.0;
const CONTRAST_LEAST: f32 = 0.25;
/// Up to here straightened pages were read as straight ones; the sheet itself, which nobody straightens, is then all askew.
const SKEW_MOST: f32 = 10.0;
/// Steps between ink and paper, 1/300 inch. Measured on pages of 10 to 12 points in three fonts at 150, 200 and 300 dpi, blurred more
/// and more: up to 6.2 nine words in ten are read or more, from 6.7 on three to eight in ten of the smaller ones. Scans of offices have
/// 1 to 4.
const BLUR_MOST: f32 = 6.5;
/// Letters that the edge of the sheet may cut: a stray mark is none, a line of text is many.
const CUT_MOST: f32 = 5.0;
const LOW_WORD: f32 = 50.0;
const LOW_WORDS_MOST: f32 = 0.25;

/// All words, in reading order.
pub(super) fn words(blocks: &[Block]) -> impl Iterator<Item = &Word> {
    blocks.iter().flat_map(|b| &b.lines).flat_map(|l| &l.words)
}

/// Mean confidence, words counting by their letters.
pub(super) fn mean_confidence(blocks: &[Block]) -> Option<f32> {
    let (sum, letters) = words(blocks).fold((0.0, 0.0), |(sum, all), word| {
        let letters = word.text.chars().count() as f32;
        (sum + word.confidence * letters, all + letters)
    });
    (letters > 0.0).then(|| sum / letters)
}

/// How much was read well: letters of words above the limit of low words.
pub(super) fn weight(blocks: &[Block]) -> f32 {
    words(blocks)
        .filter(|w| w.confidence >= LOW_WORD)
        .map(|w| w.text.chars().filter(|c| c.is_alphanumeric()).count() as f32)
        .sum()
}

/// Words of some letters that were surely read.
pub(super) fn sure_words(blocks: &[Block]) -> f32 {
    words(blocks).filter(|word| word.confidence >= CONFIDENCE_GOOD && word.text.chars().count() > 3).count() as f32
}

/// True of a reading that needs no other beside it.
pub(super) fn is_good(blocks: &[Block]) -> bool {
    let has_long = words(blocks).any(|word| word.text.chars().count() > 3);
    has_long && !is_standing(blocks) && mean_confidence(blocks).is_some_and(|mean| mean >= CONFIDENCE_GOOD)
}

/// True of a reading half of whose words of several letters stand higher than wide: the page lies on its side.
pub(super) fn is_standing(blocks: &[Block]) -> bool {
    let (long, tall) = words(blocks)
        .filter(|w| w.text.chars().count() > 3)
        .fold((0, 0), |(long, tall), word| (long + 1, tall + usize::from(word.rect.h > word.rect.w)));
    long > 0 && tall * 2 >= long
}

/// A figure that should not be under its limit.
pub(super) fn at_least(code: &str, value: f32, limit: f32) -> Quality {
    Quality { code: code.to_owned(), value, limit, is_good: value >= limit }
}

/// A figure that should not be over its limit.
pub(super) fn at_most(code: &str, value: f32, limit: f32) -> Quality {
    Quality { code: code.to_owned(), value, limit, is_good: value <= limit }
}

/// The rows that the data of a page gave, in hundredths, where they are not all.
pub(super) fn wholeness(image: &PageImage) -> Option<Quality> {
    (image.whole < 1.0).then(|| at_least("whole", (image.whole * 100.0).min(99.9), 100.0))
}

/// The mark of a page whose data are damaged.
pub(super) fn soundness(image: &PageImage) -> Option<Quality> {
    image.is_damaged.then(|| at_least("sound", 0.0, 1.0))
}

/// The figures of a page; of one that was not read those that need no reading. `blur` where it can be measured.
pub(super) fn figures(plan: &Plan, skew_deg: f32, blur: Option<f32>, blocks: Option<&[Block]>) -> Vec<Quality> {
    let mut figures = vec![at_least("dpi", plan.dpi, DPI_LEAST), at_least("marks", plan.look.marks as f32, MARKS_LEAST)];
    figures.extend(plan.look.faint_marks.map(|n| at_least("faint_marks", n as f32, FAINT_LETTERS as f32)));
    let Some(blocks) = blocks else { return figures };
    figures.push(at_least("contrast", plan.look.contrast, CONTRAST_LEAST));
    figures.extend(blur.map(|blur| at_most("blur", blur, BLUR_MOST)));
    figures.push(at_most("clipping", plan.look.letters_cut as f32, CUT_MOST));
    figures.push(at_most("skew", skew_deg.abs(), SKEW_MOST));
    figures.push(at_least(page::SECOND_READING, mean_confidence(blocks).unwrap_or(0.0), CONFIDENCE_GOOD));
    let (all, low) =
        words(blocks).fold((0.0, 0.0), |(all, low), w| (all + 1.0, low + f32::from(u8::from(w.confidence < LOW_WORD))));
    figures.push(at_most("low_words", if all > 0.0 { low / all } else { 1.0 }, LOW_WORDS_MOST));
    figures
}
