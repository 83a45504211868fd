//! Where does Tesseract see lines? Its analysis of the layout alone, no letter read: rows of words with their baselines.

use super::{Layout, Sheet, pix};
use crate::page::Rect;

/// Most words of a sheet that are taken; more are a pattern, not writing.
const WORDS_MAX: usize = 50_000;

/// Which way the letters of a row stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Upright.
    None,
    /// Their tops to the right.
    Right,
    /// Upside down.
    Down,
    /// Their tops to the left.
    Left,
}

/// A row of words as the analysis sees it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Boxes of its words, in reading order.
    pub(super) words: Vec<Rect>,
    /// Two points of the baseline.
    pub(super) base: [(f32, f32); 2],
    /// True if a block or a paragraph begins with it.
    pub(super) is_first: bool,
    /// Which way its letters stand.
    pub(super) turn: Turn,
}

/// The analyser. It needs no language.
pub(super) struct Analyser {
    api: *mut tesseract_sys::TessBaseAPI,
}

impl Analyser {
    #[expect(unsafe_code, reason = "the analysis of the layout is not in the safe binding")]
    pub(super) fn new() -> Self {
        // SAFETY: the handle is fresh and is deleted only in `drop`; the start for analysis reads no file and cannot fail.
        unsafe {
            let api = tesseract_sys::TessBaseAPICreate();
            tesseract_sys::TessBaseAPIInitForAnalysePage(api);
            Self { api }
        }
    }

    /// The rows of a sheet in reading order; none where the pixels cannot be handed over.
    #[expect(unsafe_code, reason = "the analysis of the layout is not in the safe binding")]
    pub(super) fn rows(&mut self, sheet: &Sheet<'_>) -> Option<Vec<Row>> {
        let mode = match sheet.layout {
            Layout::Page => tesseract_sys::TessPageSegMode_PSM_AUTO,
            Layout::Block => tesseract_sys::TessPageSegMode_PSM_SINGLE_BLOCK,
            Layout::Line => tesseract_sys::TessPageSegMode_PSM_SINGLE_LINE,
        };
        let threshold = if sheet.is_uneven { c"2" } else { c"0" };
        let pixels = pix::of(sheet)?;
        let mut rows = Vec::new();
        // SAFETY: the handle is alive; the library clones the pixels; names and values are terminated strings; the iterator
        // is used only while the handle is alive and not cleared, and deleted once.
        unsafe {
            tesseract_sys::TessBaseAPISetPageSegMode(self.api, mode);
            tesseract_sys::TessBaseAPISetVariable(self.api, c"thresholding_method".as_ptr(), threshold.as_ptr());
            tesseract_sys::TessBaseAPISetImage2(self.api, *pixels.as_ref());
            tesseract_sys::TessBaseAPISetSourceResolution(self.api, (sheet.dpi.round() as i32).clamp(70, 2400));
            let words = tesseract_sys::TessBaseAPIAnalyseLayout(self.api);
            if !words.is_null() {
                collect(words, &mut rows);
                tesseract_sys::TessPageIteratorDelete(words);
            }
            tesseract_sys::TessBaseAPIClear(self.api);
        }
        Some(rows)
    }
}

/// Collects the rows word by word.
///
/// # Safety
/// `at` is an iterator of a handle that is alive and has not been cleared.
#[expect(unsafe_code, reason = "the iterator is the library's")]
unsafe fn collect(at: *mut tesseract_sys::TessPageIterator, rows: &mut Vec<Row>) {
    use tesseract_sys::{
        TessPageIteratorLevel_RIL_BLOCK as BLOCK, TessPageIteratorLevel_RIL_PARA as PARAGRAPH,
        TessPageIteratorLevel_RIL_TEXTLINE as LINE, TessPageIteratorLevel_RIL_WORD as WORD,
    };
    let mut is_first = true;
    for _ in 0..WORDS_MAX {
        let (mut left, mut top, mut right, mut bottom) = (0, 0, 0, 0);
        // SAFETY: `at` is alive, as the caller promises; the numbers live through the calls.
        let (is_word, begins, is_text) = unsafe {
            let begins = |level| tesseract_sys::TessPageIteratorIsAtBeginningOf(at, level) != 0;
            let begins = (begins(BLOCK) || begins(PARAGRAPH), begins(LINE));
            let found = tesseract_sys::TessPageIteratorBoundingBox(
                at,
                WORD,
                &raw mut left,
                &raw mut top,
                &raw mut right,
                &raw mut bottom,
            );
            (found != 0, begins, is_text(tesseract_sys::TessPageIteratorBlockType(at)))
        };
        is_first |= begins.0;
        if is_word && is_text && right > left && bottom > top && left >= 0 && top >= 0 {
            if begins.1 || begins.0 || rows.is_empty() {
                // SAFETY: as above.
                let (base, turn) = unsafe { (base(at, LINE), turn(at)) };
                rows.push(Row { words: Vec::new(), base, is_first, turn });
                is_first = false;
            }
            if let Some(row) = rows.last_mut() {
                row.words.push(Rect { x: left as u32, y: top as u32, w: (right - left) as u32, h: (bottom - top) as u32 });
            }
        }
        // SAFETY: as above.
        if unsafe { tesseract_sys::TessPageIteratorNext(at, WORD) } == 0 {
            break;
        }
    }
}

/// False for blocks of pictures, rules and noise: the analysis gives them rows too.
fn is_text(block: tesseract_sys::TessPolyBlockType) -> bool {
    block < tesseract_sys::TessPolyBlockType_PT_FLOWING_IMAGE
}

/// # Safety
/// As for [`collect`].
#[expect(unsafe_code, reason = "the iterator is the library's")]
unsafe fn base(at: *mut tesseract_sys::TessPageIterator, level: tesseract_sys::TessPageIteratorLevel) -> [(f32, f32); 2] {
    let (mut x, mut y, mut to_x, mut to_y) = (0, 0, 0, 0);
    // SAFETY: `at` is alive, as the caller promises; the numbers live through the call.
    unsafe { tesseract_sys::TessPageIteratorBaseline(at, level, &raw mut x, &raw mut y, &raw mut to_x, &raw mut to_y) };
    [(x as f32, y as f32), (to_x as f32, to_y as f32)]
}

/// # Safety
/// As for [`collect`].
#[expect(unsafe_code, reason = "the iterator is the library's")]
unsafe fn turn(at: *mut tesseract_sys::TessPageIterator) -> Turn {
    let (mut turn, mut direction, mut order, mut angle) = (0, 0, 0, 0.0);
    // SAFETY: `at` is alive, as the caller promises; the numbers live through the call.
    unsafe {
        tesseract_sys::TessPageIteratorOrientation(at, &raw mut turn, &raw mut direction, &raw mut order, &raw mut angle);
    }
    match turn {
        1 => Turn::Right,
        2 => Turn::Down,
        3 => Turn::Left,
        _ => Turn::None,
    }
}

impl Drop for Analyser {
    #[expect(unsafe_code, reason = "the handle is the library's")]
    fn drop(&mut self) {
        // SAFETY: made in `new`, deleted only here.
        unsafe { tesseract_sys::TessBaseAPIDelete(self.api) };
    }
}
