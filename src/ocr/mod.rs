//! What words stand on a page? `read`: words with boxes and confidence, from an engine behind one port.

mod crops;
mod doubt;
mod layout;
mod lines;
mod native;
mod pix;
mod regions;
mod rows;
mod tesseract;

pub use conserva_lstm as lstm;
pub use native::Native;
pub use tesseract::Tesseract;

use crate::error::{Error, Kind, Result};
use crate::page::{Block, Engine, Origin};

/// The pixels that an engine is asked to read.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// One byte per pixel, 0 is black, row by row.
    pub gray: &'a [u8],
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Their resolution.
    pub dpi: f32,
    /// True if every pixel is black or white: the engine then needs no threshold of its own.
    pub is_bilevel: bool,
    /// The brightest value that is ink, where that was settled: grey pixels that are as good as black and white.
    pub threshold: Option<u8>,
    /// True if the light is uneven and the threshold must be chosen locally.
    pub is_uneven: bool,
    /// What to expect on it.
    pub layout: Layout,
}

/// What an engine should expect on a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A page of unknown layout.
    Page,
    /// One block of lines.
    Block,
    /// One line.
    Line,
}

/// How a sheet lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orientation {
    /// Degrees clockwise that bring it upright.
    pub rotation: u16,
    /// How sure the engine is; above 1 it is seldom wrong.
    pub confidence: f32,
}

/// A reader of pages that a customer may swap.
pub trait OcrEngine {
    /// Engine, version, language, as facts carry them.
    fn origin(&self) -> Origin;

    /// Words in lines in blocks, boxes on the sheet given, in reading order.
    fn read(&mut self, sheet: Sheet<'_>) -> Result<Vec<Block>>;

    /// What is read at once, without asking anyone else where it is doubtful.
    fn glance(&mut self, sheet: Sheet<'_>) -> Result<Vec<Block>> {
        self.read(sheet)
    }

    /// How the sheet lies; `None` where the engine cannot tell.
    fn orientation(&mut self, sheet: Sheet<'_>) -> Option<Orientation>;

    /// The engine for a second reading of a region that the one called `first` read: another where there is one, so that what
    /// both read does not rest on one. It is asked for before each reading.
    fn other(&mut self, first: &str) -> Result<&mut dyn OcrEngine>;
}

/// The engine that was chosen, for `lang`.
pub fn engine(choice: Engine, lang: &str) -> Result<Box<dyn OcrEngine>> {
    if lang.trim().is_empty() {
        return Err(Error::new(Kind::Usage, "ocr-language-none"));
    }
    let native = match choice {
        Engine::Tesseract => None,
        Engine::Native => Some(Native::new(lang)?),
        Engine::Auto => {
            Native::new(lang).map(Native::gated).inspect_err(|error| tracing::warn!(%error, "Tesseract reads instead")).ok()
        }
    };
    Ok(match native {
        Some(native) => Box::new(native),
        None => Box::new(Tesseract::new(lang)?),
    })
}

impl From<lstm::Unread> for Error {
    fn from(unread: lstm::Unread) -> Self {
        Self::new(Kind::Environment, "ocr-model-unread").with("lang", unread.lang).with("what", unread.what)
    }
}
