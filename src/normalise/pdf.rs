//! What kind of page is each page of a PDF? One image, text of its own, or something that must be painted to be read.
//!
//! The rule, stated once: *visible* text counts, invisible text (an OCR layer) and text below a full page image do not.
//! A page with visible readable text is digital, unless images cover more than half of it and its characters are few
//! (a stamp printed on a scan) or leave much of the images free (a notice over a scan). A page whose only visible content is one image is that image. The rest is rasterised,
//! and so is a page whose text has no usable Unicode.

use std::path::Path;
use std::sync::Arc;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::object::{Array, Dict, Object, Stream};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};

use super::pdf_device::{SeenImage, Taker, Witness, walk};
use super::{PageImage, broken, broken_page};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::mapped::Mapped;
use crate::page::{Block, PageSource, PageSurvey};
use crate::{pdf_sheet, pdf_work};

/// Resolution at which pages are rasterised and at which digital pages are measured.
pub(super) const RASTER_DPI: f64 = 300.0;
/// Fewer visible characters than this over a page of images are a stamp, not a text.
const STAMP_CHARS: u32 = 200;
/// Share of the sheet without characters of its own that images may cover: more is a scan with notes over it, however long, and a
/// text on coloured ground has its margins and gaps.
const FREE_MOST: f64 = 0.4;
/// Share of the page that images cover on which few characters are a stamp.
const LONE_IMAGE: f64 = 0.5;
/// How far the edges of a lone image that is the page may be from those of the sheet, points: sizes are rounded.
const EDGE_POINTS: f64 = 3.0;

/// An open PDF. Its objects are read when they are needed.
pub struct PdfFile {
    pdf: Pdf,
}

impl std::fmt::Debug for PdfFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PdfFile").finish_non_exhaustive()
    }
}

impl PdfFile {
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let bytes = std::fs::metadata(path).map_err(|e| Error::disk("look at", path, e))?.len();
        if bytes > limits.pdf_bytes_max {
            return Err(Error::hold("pdf-too-large").with("bytes", bytes).with("max", limits.pdf_bytes_max));
        }
        let file = Mapped::open(path).map_err(|e| Error::disk("read", path, e))?;
        let bytes = file.as_ref();
        let head = &bytes[..bytes.len().min(1024)];
        if !head.windows(5).any(|five| five == b"%PDF-") {
            return Err(broken("PDF: no header"));
        }
        match Pdf::new(Arc::new(file)) {
            Ok(pdf) => Ok(Self { pdf }),
            Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => Err(Error::hold("pdf-encrypted")),
            Err(LoadPdfError::Decryption(other)) => Err(Error::hold("pdf-encrypted").with("what", format_args!("{other:?}"))),
            Err(LoadPdfError::Invalid) => Err(broken("PDF: cross references or page tree")),
        }
    }

    pub(super) fn survey(&self, limits: &Limits) -> Result<Vec<PageSurvey>> {
        let pages = self.pdf.pages();
        if pages.is_empty() {
            return Err(Error::refuse("pdf-without-pages"));
        }
        if pages.len() > limits.pages_max as usize {
            return Err(Error::hold("pages-too-many").with("pages", pages.len()).with("max", limits.pages_max));
        }
        Ok((1..).zip(pages.iter()).map(|(n, page)| survey_page(n, page, limits)).collect())
    }

    pub(super) fn image(&self, page: u32, object: u32, limits: &Limits) -> Result<PageImage> {
        pdf_work::within(self.page(page)?, page, limits)?;
        let mut taker = Taker { object, pixels_max: limits.page_pixels_max, taken: None };
        let sheet = self.page(page)?;
        walk(sheet, pdf_sheet::unit(sheet), &mut taker);
        taker.taken.ok_or_else(|| broken_page(page, format_args!("image {object}")))
    }

    /// The page drawn; `drawn` sees its colours, which reading does not need.
    pub(super) fn raster(&self, page: u32, limits: &Limits, drawn: super::Drawn<'_>) -> Result<PageImage> {
        let sheet = self.page(page)?;
        pdf_work::within(sheet, page, limits)?;
        let dpi = raster_dpi(sheet);
        let (width, height) = pdf_sheet::size(sheet);
        // As the copy draws it: whole pixels, and a hair more, for the renderer cuts fractions off.
        let size = [width, height].map(|points| (points * dpi / 72.0 - 0.01).ceil().max(1.0));
        if size[0] * size[1] > limits.page_pixels_max as f64 {
            let error = Error::hold("page-too-large").with("page", page).with("max", limits.page_pixels_max);
            return Err(error.with("width", size[0]).with("height", size[1]));
        }
        let scale = |pixels: f64, points: f32| ((pixels + 0.01) / f64::from(points.max(1.0))) as f32;
        let (across, down) = sheet.render_dimensions();
        let (x_scale, y_scale) = (scale(size[0], across), scale(size[1], down));
        let settings = PixmapSettings { x_scale, y_scale, bg_color: hayro::vello_cpu::color::palette::css::WHITE };
        let pixmap = render(sheet, &RenderCache::new(), &InterpreterSettings::default(), &RenderSettings::default(), &settings);
        let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
        drawn((width, height), pixmap.data_as_u8_slice());
        let luma = |p: &[u8]| ((u32::from(p[0]) * 299 + u32::from(p[1]) * 587 + u32::from(p[2]) * 114) / 1000) as u8;
        let gray = pixmap.data_as_u8_slice().chunks_exact(4).map(luma).collect();
        let mut image =
            PageImage::new(width, height, gray).ok_or_else(|| broken_page(page, format_args!("{width} × {height}")))?;
        image.dpi = dpi as f32;
        Ok(image)
    }

    /// The page's own text, boxes at the resolution of [`Self::raster`]; `None` if it has no usable text.
    pub(super) fn own_text(&self, page: u32, limits: &Limits) -> Result<Option<Vec<Block>>> {
        let sheet = self.page(page)?;
        pdf_work::within(sheet, page, limits)?;
        let scale = raster_dpi(sheet) / 72.0 * pdf_sheet::unit(sheet);
        let mut collector = super::pdf_text::Collector::new(scale, sheet.render_dimensions());
        walk(sheet, scale, &mut collector);
        if !collector.has_seen_text() {
            is_readable(sheet, page)?;
        }
        Ok(collector.blocks())
    }

    fn page(&self, page: u32) -> Result<&Page<'_>> {
        let at = page.checked_sub(1).map(|at| at as usize);
        at.and_then(|at| self.pdf.pages().get(at)).ok_or_else(|| Error::bug("no such PDF page"))
    }
}

/// A page that shows nothing is blank only if nothing was meant to be shown: its content is there, and no operator
/// that shows text (ISO 32000-1, 9.4.3) stayed without effect.
fn is_readable(sheet: &Page<'_>, page: u32) -> Result<()> {
    let Some(content) = sheet.page_stream() else {
        return if sheet.raw().contains_key(b"Contents") { Err(broken_page(page, "PDF: /Contents")) } else { Ok(()) };
    };
    let shows_text = content.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b')' | b'>' | b']'));
    if shows_text.into_iter().any(|token| matches!(token, b"Tj" | b"TJ")) {
        return Err(broken_page(page, "PDF: Tj"));
    }
    Ok(())
}

/// 300 dpi, less for sheets so large that the pixels would not fit the renderer's 16 bits.
fn raster_dpi(page: &Page<'_>) -> f64 {
    let (width, height) = pdf_sheet::size(page);
    let longest = width.max(height).max(1.0) / 72.0;
    RASTER_DPI.min(65_000.0 / longest)
}

fn survey_page(n: u32, page: &Page<'_>, limits: &Limits) -> PageSurvey {
    if pdf_work::within(page, n, limits).is_err() {
        // Reading it will say why it is not read; the others go on.
        return painted(n, page, PageSource::PdfRaster { page: n });
    }
    let (width, height) = pdf_sheet::size(page);
    let sheet = hayro::kurbo::Rect::new(0.0, 0.0, width, height);
    let mut witness = Witness { sheet, ..Witness::default() };
    walk(page, pdf_sheet::unit(page), &mut witness);
    match verdict(&witness) {
        Verdict::Image(image) => PageSurvey {
            n,
            source: PageSource::PdfImage { page: n, object: image.object, generation: image.generation },
            width: image.width,
            height: image.height,
            dpi: (f64::from(image.width) * 72.0 / image.extent.0.max(1e-3)) as f32,
            compression: image.compression.to_owned(),
            bits: image.bits,
            turned: None,
        },
        Verdict::Digital => painted(n, page, PageSource::PdfDigital { page: n }),
        Verdict::Raster => painted(n, page, PageSource::PdfRaster { page: n }),
    }
}

fn painted(n: u32, page: &Page<'_>, source: PageSource) -> PageSurvey {
    let dpi = raster_dpi(page);
    let (width, height) = pdf_sheet::size(page);
    let pixels = |points: f64| (points * dpi / 72.0) as u32;
    PageSurvey {
        n,
        source,
        width: pixels(width).max(1),
        height: pixels(height).max(1),
        dpi: dpi as f32,
        compression: "none".to_owned(),
        bits: 24,
        turned: None,
    }
}

enum Verdict<'a> {
    Image(&'a SeenImage),
    Digital,
    Raster,
}

fn verdict(witness: &Witness) -> Verdict<'_> {
    let area = witness.sheet.area().max(1e-6);
    let covered: f64 = witness.images.iter().map(|image| image.covers.intersect(witness.sheet).area()).sum::<f64>() / area;
    let (readable, unreadable) = (witness.readable, witness.unreadable);
    if readable + unreadable == 0 {
        return match witness.images.as_slice() {
            // Nothing at all: a blank page, which its own (empty) text describes.
            [] if witness.drawings == 0 => Verdict::Digital,
            [image] if is_page(image, witness) => Verdict::Image(image),
            _ => Verdict::Raster,
        };
    }
    if readable < 9 * unreadable {
        return Verdict::Raster;
    }
    let is_scan = covered > LONE_IMAGE && (readable < STAMP_CHARS || witness.free_of_text() > FREE_MOST);
    if is_scan { Verdict::Raster } else { Verdict::Digital }
}

/// A lone image is the page if it is as large as the sheet, is whole (no mask, not mirrored, not cut, no inline
/// image) and nothing is drawn over it.
fn is_page(image: &SeenImage, witness: &Witness) -> bool {
    let is_plain = image.object != 0 && image.rotation.is_some() && image.is_whole && (!image.is_masked || image.bits == 1);
    let (covers, sheet) = (image.covers, witness.sheet);
    let edges = [covers.x0 - sheet.x0, covers.y0 - sheet.y0, covers.x1 - sheet.x1, covers.y1 - sheet.y1];
    is_plain && witness.drawings == 0 && edges.iter().all(|off| off.abs() <= EDGE_POINTS)
}

/// The compression of an image stream, by its last filter.
pub(super) fn compression(stream: &Stream<'_>) -> &'static str {
    // The enum of filters is not public in hayro-syntax 0.9; its debug form is its name.
    let last = stream.filters().last().map(|filter| format!("{filter:?}"));
    match last.as_deref() {
        Some("CcittFaxDecode") => {
            let params = stream.dict().get::<Dict<'_>>(b"DecodeParms".as_slice()).or_else(|| {
                let all = stream.dict().get::<Array<'_>>(b"DecodeParms".as_slice())?;
                all.iter::<Object<'_>>().last().and_then(Object::into_dict)
            });
            let k = params.and_then(|p| p.get::<i32>(b"K".as_slice())).unwrap_or(0);
            if k < 0 { "g4" } else { "g3" }
        }
        Some("DctDecode") => "jpeg",
        Some("JpxDecode") => "jpx",
        Some("Jbig2Decode") => "jbig2",
        Some("LzwDecode") => "lzw",
        Some("FlateDecode") => "deflate",
        Some("RunLengthDecode") => "packbits",
        _ => "raw",
    }
}
