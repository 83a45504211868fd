//! Where are the pages and can they be read? `survey`, `image`, `prepare`: files of sheets as page images with verdicts.
//!
//! Runs inside a child process and is memory safe throughout. [`survey`] looks at structure only; [`Opened`] keeps a file
//! open between its pages; [`Opened::image`] decodes one page as it is stored; [`prepare()`] makes of it what an engine
//! reads best and remembers the way back, so that every box ends on the page image as stored.

mod ccitt;
mod colour;
mod dither;
mod edges;
mod entropy;
mod entropy_bits;
mod folds;
mod geometry;
mod holes;
mod image_file;
mod ink;
mod marks;
mod measure;
mod pdf;
mod pdf_device;
mod pdf_text;
pub mod prepare;
mod resolution;
mod sharpness;
mod skew;
mod specks;
mod tiff_directory;
mod tiff_file;
mod tiff_samples;
mod tiff_unpacked;

use std::path::Path;

pub use colour::Stamp;
pub use geometry::Back;
pub use marks::DRAWN_LEAST;
pub use measure::{FAINT_LETTERS, Look};
pub use prepare::{Plan, Prepared, Treatment, prepare};
pub use resolution::plan;

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::page::{Block, PageSource, PageSurvey};

/// The pixels of one page as stored, in grey: 0 is black. One that its file calls mirrored is mirrored back.
#[derive(Debug, Clone)]
pub struct PageImage {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// One byte per pixel, row by row.
    pub gray: Vec<u8>,
    /// True if the stored image knows only black and white.
    pub bilevel: bool,
    /// Degrees clockwise that the file itself says bring the page upright (EXIF, TIFF tag, PDF matrix).
    pub rotation: u16,
    /// Dots per inch as declared or implied; 0 where nothing says.
    pub dpi: f32,
    /// Stamps in colour over its text.
    pub stamps: Vec<Stamp>,
    /// Share of its rows that its data gave: less than 1 where they end early.
    pub whole: f32,
    /// True if its data are damaged elsewhere: what is seen may lack parts or show them at the wrong place.
    pub is_damaged: bool,
    /// True if its greys were made of scattered dots, which are drawn together here.
    pub is_undithered: bool,
}

impl PageImage {
    /// Checks that the pixels are as many as the size says.
    fn new(width: u32, height: u32, gray: Vec<u8>) -> Option<Self> {
        let is_whole = width > 0 && height > 0 && gray.len() as u64 == u64::from(width) * u64::from(height);
        is_whole.then_some(Self {
            width,
            height,
            gray,
            bilevel: false,
            rotation: 0,
            dpi: 0.0,
            stamps: Vec::new(),
            whole: 1.0,
            is_damaged: false,
            is_undithered: false,
        })
    }
}

/// Sees a page that was drawn: its size, and four bytes a pixel (red, green, blue, opaque).
pub type Drawn<'a> = &'a mut dyn FnMut((u32, u32), &[u8]);

/// A file kept open between its pages.
#[derive(Debug)]
pub enum Opened {
    /// JPEG or PNG.
    Image(image_file::ImageFile),
    /// TIFF, read page by page.
    Tiff(tiff_file::TiffFile),
    /// PDF.
    Pdf(Box<pdf::PdfFile>),
}

impl Opened {
    /// Opens `path`, whose content was identified as `mime`.
    pub fn open(path: &Path, mime: &str, limits: &Limits) -> Result<Self> {
        let bytes = std::fs::metadata(path).map_err(|e| Error::disk("look at", path, e))?.len();
        if bytes == 0 {
            return Err(Error::refuse("pages-none"));
        }
        match mime {
            "image/jpeg" | "image/png" | "image/gif" | "image/bmp" | "image/webp" | "image/jp2" | "image/jpx" => {
                Ok(Self::Image(image_file::ImageFile::open(path, mime, limits)?))
            }
            "image/tiff" => Ok(Self::Tiff(tiff_file::TiffFile::open(path, limits)?)),
            "application/pdf" => Ok(Self::Pdf(Box::new(pdf::PdfFile::open(path, limits)?))),
            other => Err(Error::hold("format-without-pages").with("mime", other)),
        }
    }

    /// Its pages, nothing decoded. One over the ceiling, or without pixels, stands among them and is held when it is read, so that
    /// it costs the others nothing; where all are such, the file is held.
    pub fn survey(&self, limits: &Limits) -> Result<Vec<PageSurvey>> {
        let surveys = match self {
            Self::Image(file) => file.survey(),
            Self::Tiff(file) => file.survey(),
            Self::Pdf(file) => file.survey(limits)?,
        };
        let mut faults = surveys.iter().map_while(|survey| within(survey, limits).err());
        let first = faults.next();
        match first {
            Some(error) if faults.count() + 1 == surveys.len() => Err(error),
            _ => Ok(surveys),
        }
    }

    /// One page, decoded as it is stored (a page that must be rasterised: at 300 dpi).
    pub fn image(&self, survey: &PageSurvey, limits: &Limits) -> Result<PageImage> {
        self.image_seen(survey, limits, &mut |_, _| {})
    }

    /// The same; of a page that must be rasterised `drawn` sees the drawing in its colours.
    pub fn image_seen(&self, survey: &PageSurvey, limits: &Limits, drawn: Drawn<'_>) -> Result<PageImage> {
        within(survey, limits)?;
        let mut image = match (self, &survey.source) {
            (Self::Image(file), PageSource::Image) => file.image(limits)?,
            (Self::Tiff(file), PageSource::Tiff { directory }) => file.image(*directory, survey.n, limits)?,
            (Self::Pdf(file), PageSource::PdfImage { page, object, .. }) => file.image(*page, *object, limits)?,
            (Self::Pdf(file), PageSource::PdfRaster { page } | PageSource::PdfDigital { page }) => {
                file.raster(*page, limits, drawn)?
            }
            _ => return Err(Error::bug("a page of another kind of file")),
        };
        image.is_undithered = dither::undone(&mut image);
        Ok(image)
    }
}

impl Opened {
    /// The own text of a born-digital page, boxes as on its raster; `None` if it has none that can be used.
    pub fn own_text(&self, survey: &PageSurvey, limits: &Limits) -> Result<Option<Vec<Block>>> {
        within(survey, limits)?;
        match (self, &survey.source) {
            (Self::Pdf(file), PageSource::PdfDigital { page }) => file.own_text(*page, limits),
            _ => Ok(None),
        }
    }
}

/// The pages of the file at `path`, nothing decoded.
pub fn survey(path: &Path, mime: &str, limits: &Limits) -> Result<Vec<PageSurvey>> {
    Opened::open(path, mime, limits)?.survey(limits)
}

/// One page of the file at `path`, decoded as it is stored.
pub fn image(path: &Path, mime: &str, survey: &PageSurvey, limits: &Limits) -> Result<PageImage> {
    Opened::open(path, mime, limits)?.image(survey, limits)
}

/// How soft the steps between ink and paper are, in 1/300 inch; `None` where it cannot be measured.
pub fn blur(image: &PageImage, plan: &Plan) -> Option<f32> {
    sharpness::blur(image, plan.dpi, plan.look.contrast)
}

/// How much darker than the paper the darkest mark of the page is, 0 to 1.
pub fn ink_depth(image: &PageImage, plan: &Plan) -> f32 {
    measure::deepest(image, &plan.look, plan.dpi)
}

/// How much was drawn on a page without text, in cells of a hundredth of an inch: a signature, a seal.
pub fn drawn(image: &PageImage, plan: &Plan, ink_depth_least: f32) -> u32 {
    marks::drawn(&plan.look.mask, ink_depth(image, plan) >= ink_depth_least)
}

/// Refuses a page whose pixels are over the ceiling before any memory is taken for them.
fn within(survey: &PageSurvey, limits: &Limits) -> Result<()> {
    let pixels = u64::from(survey.width) * u64::from(survey.height);
    if pixels == 0 {
        return Err(broken_page(survey.n, format_args!("{} × {}", survey.width, survey.height)));
    }
    if pixels > limits.page_pixels_max {
        return Err(Error::hold("page-too-large")
            .with("page", survey.n)
            .with("width", survey.width)
            .with("height", survey.height)
            .with("max", limits.page_pixels_max));
    }
    Ok(())
}

/// A file whose structure cannot be followed; `what` is technical.
fn broken(what: impl std::fmt::Display) -> Error {
    Error::refuse("file-broken").with("what", what)
}

/// A file that ends before its content does.
fn truncated(page: u32, at: u64, bytes: u64) -> Error {
    Error::refuse("pages-cut-off").with("page", page).with("at", at).with("bytes", bytes)
}

/// A page whose pixels cannot be decoded.
fn broken_page(page: u32, what: impl std::fmt::Display) -> Error {
    Error::hold("page-broken").with("page", page).with("what", what)
}
