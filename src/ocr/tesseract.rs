//! How does Tesseract read? One engine, LSTM only, kept warm from page to page.

use std::ffi::{CStr, CString};

use tesseract_plumbing::TessBaseApi;
use tesseract_sys::{TessOcrEngineMode_OEM_LSTM_ONLY, TessPageSegMode};
use unicode_normalization::UnicodeNormalization as _;

use super::{Layout, OcrEngine, Orientation, Sheet, pix, rows};
use crate::error::{Error, Kind, Result};
use crate::page::{Block, Line, Origin, Rect, Word};

/// How what it reads is signed; language and version follow.
pub(super) const SIGNED: &str = "tesseract ";

/// The adapter of the C library.
pub struct Tesseract {
    api: TessBaseApi,
    lang: String,
    osd: Option<Osd>,
}

impl std::fmt::Debug for Tesseract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tesseract").field("lang", &self.lang).finish_non_exhaustive()
    }
}

impl Tesseract {
    /// An engine for `lang` (`ita`, `ita+deu`); a missing language is an error that names its package.
    pub fn new(lang: &str) -> Result<Self> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+');
        if lang.is_empty() || !lang.chars().all(is_word) {
            return Err(missing(lang));
        }
        if lang.contains('+') {
            for one in lang.split('+') {
                // With several languages the library forgives one that is missing: it would be missed in silence.
                start(one).ok_or_else(|| missing(one))?;
            }
        }
        let api = start(lang).ok_or_else(|| missing(lang))?;
        Ok(Self { api, lang: lang.to_owned(), osd: None })
    }

    fn set(&mut self, name: &CStr, value: &CStr) {
        if let Err(error) = self.api.set_variable(name, value) {
            tracing::debug!(%error, "a variable of the engine was refused");
        }
    }
}

fn start(lang: &str) -> Option<TessBaseApi> {
    let lang = CString::new(lang).ok()?;
    let mut api = TessBaseApi::create();
    api.init_4(None, Some(&lang), TessOcrEngineMode_OEM_LSTM_ONLY).ok()?;
    Some(api)
}

fn missing(lang: &str) -> Error {
    let package = format!("tesseract-ocr-{}", lang.replace('_', "-"));
    Error::new(Kind::Environment, "ocr-language-missing").with("lang", lang).with("package", package)
}

impl OcrEngine for Tesseract {
    fn origin(&self) -> Origin {
        format!("{SIGNED}{} {}", version(), self.lang)
    }

    fn read(&mut self, sheet: Sheet<'_>) -> Result<Vec<Block>> {
        let failed = |e: &dyn std::fmt::Display| Error::hold("ocr-failed").with("what", e);
        let mode: TessPageSegMode = match sheet.layout {
            Layout::Page => tesseract_sys::TessPageSegMode_PSM_AUTO,
            Layout::Block => tesseract_sys::TessPageSegMode_PSM_SINGLE_BLOCK,
            Layout::Line => tesseract_sys::TessPageSegMode_PSM_SINGLE_LINE,
        };
        self.api.set_page_seg_mode(mode);
        self.set(c"thresholding_method", if sheet.is_uneven { c"2" } else { c"0" });
        let pixels = pix::of(&sheet).ok_or_else(|| failed(&"pixels"))?;
        self.api.set_image_2(&pixels);
        drop(pixels);
        self.api.set_source_resolution((sheet.dpi.round() as i32).clamp(70, 2400));
        self.api.recognize().map_err(|e| failed(&e))?;
        let tsv = self.api.get_tsv_text(0).map_err(|e| failed(&e))?;
        let blocks = blocks(&tsv.as_ref().to_string_lossy(), (sheet.width, sheet.height));
        Ok(if sheet.layout == Layout::Page { rows::joined(blocks) } else { blocks })
    }

    fn orientation(&mut self, sheet: Sheet<'_>) -> Option<Orientation> {
        if self.osd.is_none() {
            self.osd = Osd::new();
        }
        self.osd.as_mut()?.orientation(sheet)
    }

    fn other(&mut self, _first: &str) -> Result<&mut dyn OcrEngine> {
        Ok(self)
    }
}

/// Words of the engine's table (level 5 rows), in lines, in blocks; a paragraph is a block.
fn blocks(tsv: &str, (width, height): (u32, u32)) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut place = ([""; 2], "");
    for row in tsv.lines() {
        let columns: Vec<&str> = row.splitn(12, '\t').collect();
        let [level, _, block, paragraph, line, _, left, top, w, h, confidence, text] = columns[..] else { continue };
        let number = |text: &str| text.parse::<u32>().ok();
        let (Some(x), Some(y), Some(w), Some(h)) = (number(left), number(top), number(w), number(h)) else { continue };
        let text = folded(text);
        // The engine reports the whole page as one word where it found none.
        let is_page = w >= width && h >= height;
        if level != "5" || text.is_empty() || is_page {
            continue;
        }
        let word = Word {
            text,
            rect: Rect { x, y, w, h },
            confidence: confidence.parse().unwrap_or(0.0_f32).clamp(0.0, 100.0),
            alternatives: Vec::new(),
        };
        let here = ([block, paragraph], line);
        match blocks.last_mut() {
            Some(last) if place.0 == here.0 && place.1 == here.1 => {
                if let Some(line) = last.lines.last_mut() {
                    line.words.push(word);
                }
            }
            Some(last) if place.0 == here.0 => last.lines.push(Line { words: vec![word] }),
            _ => blocks.push(Block { lines: vec![Line { words: vec![word] }] }),
        }
        place = here;
    }
    blocks
}

/// NFC without blanks; typographic ligatures as their letters.
pub(super) fn folded(text: &str) -> String {
    let fold = |c: char| -> String {
        if ('\u{FB00}'..='\u{FB06}').contains(&c) { c.to_string().nfkc().collect() } else { c.to_string() }
    };
    text.chars().filter(|c| !c.is_whitespace()).map(fold).collect::<String>().nfc().collect()
}

#[expect(unsafe_code, reason = "the version is a C string of the library")]
fn version() -> String {
    // SAFETY: the library returns a static, terminated string.
    unsafe { CStr::from_ptr(tesseract_sys::TessVersion()) }.to_string_lossy().into_owned()
}

/// The engine's detector of orientation, which the safe binding lacks.
struct Osd {
    api: *mut tesseract_sys::TessBaseAPI,
}

impl Osd {
    #[expect(unsafe_code, reason = "orientation detection is not in the safe binding")]
    fn new() -> Option<Self> {
        // SAFETY: the handle is fresh; a failed start deletes it at once.
        unsafe {
            let api = tesseract_sys::TessBaseAPICreate();
            if tesseract_sys::TessBaseAPIInit3(api, std::ptr::null(), c"osd".as_ptr()) != 0 {
                tesseract_sys::TessBaseAPIDelete(api);
                return None;
            }
            tesseract_sys::TessBaseAPISetPageSegMode(api, tesseract_sys::TessPageSegMode_PSM_OSD_ONLY);
            Some(Self { api })
        }
    }

    #[expect(unsafe_code, reason = "orientation detection is not in the safe binding")]
    fn orientation(&mut self, sheet: Sheet<'_>) -> Option<Orientation> {
        if sheet.gray.len() as u64 != u64::from(sheet.width) * u64::from(sheet.height) {
            return None;
        }
        let (width, height) = (sheet.width as i32, sheet.height as i32);
        let (mut degrees, mut confidence, mut script_confidence) = (0, 0.0, 0.0);
        let mut script = std::ptr::null();
        // SAFETY: the handle is alive and initialised with osd.traineddata, the buffer is as long as its size says
        // (checked above), the out pointers live through the call, and the script's name stays the library's own.
        let is_found = unsafe {
            tesseract_sys::TessBaseAPISetImage(self.api, sheet.gray.as_ptr(), width, height, 1, width);
            tesseract_sys::TessBaseAPISetSourceResolution(self.api, (sheet.dpi.round() as i32).clamp(70, 2400));
            let found = tesseract_sys::TessBaseAPIDetectOrientationScript(
                self.api,
                &raw mut degrees,
                &raw mut confidence,
                &raw mut script,
                &raw mut script_confidence,
            );
            tesseract_sys::TessBaseAPIClear(self.api);
            found != 0
        };
        // The library says how far the page *is* turned clockwise; it takes the rest of the circle to bring it upright.
        let rotation = (360 - degrees.rem_euclid(360)).rem_euclid(360) as u16;
        (is_found && rotation.is_multiple_of(90)).then_some(Orientation { rotation, confidence })
    }
}

impl Drop for Osd {
    #[expect(unsafe_code, reason = "the handle is the library's")]
    fn drop(&mut self) {
        // SAFETY: made in `new`, deleted only here.
        unsafe { tesseract_sys::TessBaseAPIDelete(self.api) };
    }
}
