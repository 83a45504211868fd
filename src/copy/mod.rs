//! What does a person search and read in years to come? The same page images in a PDF/A, with the text laid under them.
//!
//! Stored image data pass through untouched wherever the level allows it; every exception is named in the report. The
//! room runs in a child process: one [`CopyOrder`] in, one [`CopyReport`] out, so that hostile input costs a child.

mod alone;
mod alto;
mod ccitt;
mod colour;
mod decoded;
mod drawing;
mod drawn_pages;
mod font;
mod frame;
mod hocr;
mod icc;
mod in_file;
mod jpeg;
mod jpx;
mod laid;
mod layer;
mod listing;
mod masked;
mod mirror;
mod order;
mod other;
mod overlay;
mod pdf;
mod picture;
mod placed;
mod png;
mod range;
mod range_pdf;
mod range_tiff;
mod raster;
mod separators;
mod strips;
mod strokes;
mod tiff;
mod unpack;
mod writer;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::limits::Limits;
use crate::page::{PageSource, PageSurvey, ReadPage};

pub use alto::write_alto;
pub use drawing::{Pixels, keep_drawing};
pub use hocr::{write_hocr, write_plain};
pub use listing::{Listing, ListingTable, listing};
pub use order::{CopyOrder, CopyReport, OtherFile, Outline, PageLines, Pages, ranges};
pub use range::{RangeOrder, is_divisible, range};
pub use separators::{SeparatorOrder, separators};

use font::Alphabet;
use layer::Sheet;
use picture::{Attachments, PageImage, Place};
use writer::{PdfWriter, Ref, number};

/// Resolution of pages that are drawn anew, and of images that say none.
const DPI: f64 = 300.0;
/// Shortest and longest side of a PDF page in points (ISO 32000-1, annex C).
const SIDE_PT: (f64, f64) = (3.0, 14_400.0);

/// The level of conformity that a copy claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PdfaLevel {
    /// ISO 19005-1, level B.
    #[serde(rename = "1b")]
    A1b,
    /// ISO 19005-2, level B: the default of the house.
    #[serde(rename = "2b")]
    A2b,
    /// ISO 19005-3, level B.
    #[serde(rename = "3b")]
    A3b,
}

impl PdfaLevel {
    /// The level of that name: `1b`, `2b`, `3b`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "1b" => Some(Self::A1b),
            "2b" => Some(Self::A2b),
            "3b" => Some(Self::A3b),
            _ => None,
        }
    }
}

/// True if a searchable copy makes sense: a file all of whose pages carry their own text gets none.
pub fn wants_copy(pages: &[ReadPage]) -> bool {
    pages.iter().any(|page| !page.page.survey.source.is_digital())
}

/// Writes the searchable PDF/A that `order` asks for.
pub fn searchable(order: &CopyOrder, limits: &Limits) -> Result<CopyReport> {
    if order.pages.count() > limits.pages_max as usize {
        return Err(Error::hold("copy-limit").with("limit", "pages_max").with("page", limits.pages_max + 1));
    }
    if let Pages::Here(pages) = &order.pages
        && !wants_copy(pages)
    {
        return Err(Error::hold("copy-all-digital"));
    }
    let file = File::create(&order.output).map_err(|e| Error::disk("make copy", &order.output, e))?;
    let outcome = write_copy(order, limits, BufWriter::with_capacity(1 << 18, file));
    if outcome.is_err()
        && let Err(error) = std::fs::remove_file(&order.output)
    {
        tracing::debug!(%error, "an unfinished copy stays in scratch");
    }
    outcome
}

fn write_copy<W: Write>(order: &CopyOrder, limits: &Limits, out: W) -> Result<CopyReport> {
    let mut report = CopyReport::default();
    let mut files = Files { order, limits, open: None };
    let mut out = PdfWriter::begin(out, !order.level.is_first())?;
    let (root, font) = (out.promise(), out.promise());
    let parents = frame::parents(&mut out, root, order.pages.count());
    let mut copy = Copy { out, font, alphabet: Alphabet::default(), attachments: Attachments::default() };
    let mut leaves = Vec::with_capacity(order.pages.count());
    let mut is_all_digital = true;
    for (page, parent) in order.pages.one_by_one()?.zip(parents) {
        let page = page?;
        is_all_digital &= page.page.survey.source.is_digital();
        let n = page.page.survey.n;
        let image = files.shown(&page)?;
        match image.reencoded {
            None if image.pieces.is_empty() => report.left_empty.push(n),
            None => report.passed_through += 1,
            Some("rasterised") => report.rasterised.push(n),
            Some(why) => report.reencoded.push((n, why.to_owned())),
        }
        leaves.push(frame::Leaf { page: copy.page(&page, &image, parent)?, parent, n });
        report.pages += 1;
    }
    if is_all_digital {
        return Err(Error::hold("copy-all-digital"));
    }
    if leaves.len() != order.pages.count() {
        return Err(Error::bug("an order with fewer pages than it says"));
    }
    let Copy { mut out, alphabet, .. } = copy;
    if alphabet.is_empty() {
        out.object(font, "null".to_owned())?;
    } else {
        alphabet.write(&mut out, font, order.level.is_first())?;
    }
    let (catalog, info) = frame::write(&mut out, (order, &report), root, &leaves)?;
    report.bytes = out.end(catalog, info, &order.id)?;
    Ok(report)
}

/// The files that are copied, one open at a time: nearly always there is one.
struct Files<'a> {
    order: &'a CopyOrder,
    limits: &'a Limits,
    open: Option<(PathBuf, Source)>,
}

impl Files<'_> {
    /// What is drawn on one page. One that could not be read may be one that cannot be shown: it keeps its place, empty, and is
    /// never painted here, where no limit holds for it alone.
    fn shown(&mut self, page: &ReadPage) -> Result<PageImage> {
        if !page.is_unread() {
            return self.page_image(page);
        }
        let survey = &page.page.survey;
        let image = match &survey.source {
            PageSource::PdfRaster { .. } | PageSource::PdfDigital { .. } => {
                Ok(self.order.drawings.as_ref().and_then(|folder| drawing::kept(folder, survey.n, self.limits)))
            }
            _ if self.order.is_wary => Ok(None),
            _ => self.page_image(page).map(Some),
        };
        match image {
            Ok(image) => Ok(image.unwrap_or_else(|| PageImage::empty(survey.width, survey.height))),
            Err(error) if matches!(error.kind(), Kind::Hold | Kind::Refuse) => Ok(PageImage::empty(survey.width, survey.height)),
            Err(error) => Err(error),
        }
    }

    /// What is drawn on one page.
    fn page_image(&mut self, page: &ReadPage) -> Result<PageImage> {
        let survey = &page.page.survey;
        let (level, limits) = (self.order.level, self.limits);
        if matches!(survey.source, PageSource::PdfRaster { .. })
            && let Ok(source) = self.source(survey)
            && let Some(image) = source.placed(page, level, limits)
        {
            return Ok(image);
        }
        if let (Some(folder), PageSource::PdfRaster { .. } | PageSource::PdfDigital { .. }) =
            (&self.order.drawings, &survey.source)
            && let Some(image) = drawing::kept(folder, survey.n, self.limits)
        {
            return Ok(image);
        }
        self.source(survey)?.page_image(page, level, limits)
    }

    /// The file that holds a page.
    fn source(&mut self, survey: &PageSurvey) -> Result<&mut Source> {
        let other = self.order.others.iter().find(|other| other.page == survey.n);
        let input = other.map_or(&self.order.input, |other| &other.input);
        if self.open.as_ref().is_none_or(|(path, _)| path != input) {
            self.open = Some((input.clone(), Source::open(input, &survey.source, self.limits)?));
        }
        self.open.as_mut().map(|(_, source)| source).ok_or_else(|| Error::bug("no open file"))
    }
}

/// A file that is copied.
enum Source {
    Image(PathBuf),
    Tiff(tiff::TiffFile),
    Pdf(Box<pdf::PdfSource>),
}

impl Source {
    fn open(input: &Path, kind: &PageSource, limits: &Limits) -> Result<Self> {
        Ok(match kind {
            PageSource::Tiff { .. } => Self::Tiff(tiff::TiffFile::open(input)?),
            PageSource::Image => Self::Image(input.to_owned()),
            _ => Self::Pdf(Box::new(pdf::PdfSource::open(input.to_owned(), limits)?)),
        })
    }

    /// A page that was drawn to be read, as the images that it is made of; none of one that is more than images.
    fn placed(&mut self, page: &ReadPage, level: PdfaLevel, limits: &Limits) -> Option<PageImage> {
        match (self, &page.page.survey.source) {
            (Self::Pdf(pdf), PageSource::PdfRaster { page: n }) => pdf.placed(*n, dpi(page), level, limits),
            _ => None,
        }
    }

    /// What is drawn on one page.
    fn page_image(&mut self, page: &ReadPage, level: PdfaLevel, limits: &Limits) -> Result<PageImage> {
        let survey = &page.page.survey;
        let missing = || Error::hold("copy-page-missing").with("page", survey.n);
        match (self, &survey.source) {
            (Self::Tiff(tiff), PageSource::Tiff { directory }) => strips::page_image(tiff, *directory, survey.n, limits),
            (Self::Image(path), PageSource::Image) => image_file(path, level, limits),
            (Self::Pdf(pdf), PageSource::PdfImage { page, object, generation }) => {
                pdf.image(*page, (*object, *generation), level, limits)
            }
            (Self::Pdf(pdf), PageSource::PdfDigital { page: n } | PageSource::PdfRaster { page: n }) => {
                pdf.drawn(*n, dpi(page), limits)
            }
            _ => Err(missing()),
        }
    }
}

/// The page image of an image file.
fn image_file(path: &Path, level: PdfaLevel, limits: &Limits) -> Result<PageImage> {
    let bytes = std::fs::metadata(path).map_err(|e| Error::disk("measure image", path, e))?.len();
    if bytes > limits.unpacked_bytes_max {
        return Err(Error::hold("copy-limit").with("limit", "unpacked_bytes_max").with("page", 1));
    }
    let data = std::fs::read(path).map_err(|e| Error::disk("read image", path, e))?;
    if png::is_png(&data) {
        let image = png::page_image(&data, limits)?;
        return Ok(if mirror::of_png(&data) { mirror::mirrored(image) } else { image });
    }
    if !data.starts_with(&[0xFF, 0xD8]) {
        return other::page_image(&data, level, limits);
    }
    let head = jpeg::head(&data).ok_or_else(|| Error::hold("copy-unsupported").with("page", 1).with("what", "JPEG"))?;
    if u64::from(head.width) * u64::from(head.height) > limits.page_pixels_max {
        return Err(Error::hold("copy-limit").with("limit", "page_pixels_max").with("page", 1));
    }
    if !data.windows(2).rev().any(|pair| pair == [0xFF, 0xD9]) {
        return Err(tiff::damaged("JPEG", format!("byte {}", data.len())));
    }
    let is_mirrored = mirror::of_jpeg(&data);
    if head.components == 4 {
        let mut picture = jpeg::picture(&head, data);
        picture.entries = String::from("/ColorSpace/DeviceCMYK/BitsPerComponent 8/Filter/DCTDecode");
        if head.is_adobe() {
            // Adobe's writers store the ink inverted.
            picture.entries += "/Decode[1 0 1 0 1 0 1 0]";
        }
        let converted = PageImage::whole(raster::converted(&picture, 1, true)?, Some("cmyk-to-rgb"));
        return Ok(if is_mirrored { mirror::mirrored(converted) } else { converted });
    }
    let image = PageImage::whole(jpeg::picture(&head, data), None);
    Ok(if is_mirrored { mirror::mirrored(image) } else { image })
}

fn dpi(page: &ReadPage) -> f64 {
    let dpi = f64::from(page.page.dpi_used);
    if dpi.is_finite() && dpi >= 1.0 { dpi } else { DPI }
}

/// The copy as it grows.
struct Copy<W: Write> {
    out: PdfWriter<W>,
    font: Ref,
    alphabet: Alphabet,
    attachments: Attachments,
}

impl<W: Write> Copy<W> {
    /// Writes one page and says which object it is.
    fn page(&mut self, page: &ReadPage, image: &PageImage, parent: Ref) -> Result<Ref> {
        let sheet = sheet(page, image);
        let (width, height) = (number(sheet.width_pt, 3), number(sheet.height_pt, 3));
        let mut content = format!("q {width} 0 0 {height} 0 0 cm\n").into_bytes();
        let mut images = String::new();
        for (n, piece) in image.pieces.iter().enumerate() {
            let reference = self.attachments.written(&mut self.out, &piece.picture)?;
            _ = write!(images, "/I{n} {reference} 0 R");
            content.extend(place(piece, image, n).bytes());
        }
        content.extend_from_slice(b"Q\n");
        let words = layer::text_operators(page, sheet, &mut self.alphabet);
        let font = if words.is_empty() { String::new() } else { format!("/Font<</F {} 0 R>>", self.font) };
        content.extend(words);
        let (body, leaf) = (self.out.promise(), self.out.promise());
        self.out.deflated(body, "", &content)?;
        let turn = if sheet.rotation == 0 { String::new() } else { format!("/Rotate {}", sheet.rotation) };
        let page = format!(
            "<</Type/Page/Parent {parent} 0 R/MediaBox[0 0 {width} {height}]{turn}/Contents {body} 0 R\
             /Resources<</XObject<<{images}>>{font}>>>>"
        );
        self.out.object(leaf, page)?;
        Ok(leaf)
    }
}

/// Draws piece `n` where it belongs, in a space where the page is the unit square.
fn place(piece: &picture::Piece, image: &PageImage, n: usize) -> String {
    let (x, y) = match &piece.place {
        Place::Pixels { x, y } => (f64::from(*x), f64::from(*y)),
        Place::Laid { matrix, ink } => {
            let ink = ink.map(|ink| ink.map(|part| number(f64::from(part) / 255.0, 4)).join(" ") + " rg ").unwrap_or_default();
            return format!("q {ink}{} cm /I{n} Do Q\n", matrix.map(|v| number(v, 8)).join(" "));
        }
    };
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let (across, down) = (f64::from(piece.picture.width), f64::from(piece.picture.height));
    if image.pieces.len() == 1 && (across, down) == (width, height) {
        return format!("/I{n} Do\n");
    }
    let bottom = height - y - down;
    let scale = [across / width, down / height].map(|v| number(v, 6));
    let [x, y] = [x / width, bottom / height].map(|v| number(v, 6));
    format!("q {} 0 0 {} {x} {y} cm /I{n} Do Q\n", scale[0], scale[1])
}

/// The size of the page: that of the image at its resolution, within what a PDF may have.
fn sheet(page: &ReadPage, image: &PageImage) -> Sheet {
    let dpi = dpi(page);
    let (width, height) = (f64::from(image.width) * 72.0 / dpi, f64::from(image.height) * 72.0 / (dpi * image.aspect));
    let shrink = (SIDE_PT.1 / width.max(height)).min(1.0);
    let grow = (SIDE_PT.0 / (width.min(height) * shrink)).max(1.0);
    let fit = |side: f64| (side * shrink * grow).min(SIDE_PT.1);
    let rotation = if matches!(page.page.rotation, 90 | 180 | 270) { page.page.rotation } else { 0 };
    Sheet { width_pt: fit(width), height_pt: fit(height), rotation }
}
