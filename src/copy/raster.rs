//! What does a page look like that cannot be passed through? Rendered to pixels, and packed as small as they allow.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{Pdf, PdfData};
use hayro::vello_cpu::Pixmap;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::color::{AlphaColor, Srgb};
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use hayro_ccitt::Decoder as _;

use super::ccitt::{G4Joiner, g4_picture};
use super::drawing::Pixels;
use super::picture::{Attachments, Colour, PageImage, Picture, RowPacker, Shape};
use super::writer::PdfWriter;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::pdf_sheet;

/// Bytes of a packed raster from which JPEG is tried beside it.
const LARGE: usize = 1 << 20;

/// A PDF opened for rendering.
pub(super) fn opened(bytes: impl Into<PdfData>) -> Option<Pdf> {
    Pdf::new(bytes).ok()
}

/// Page `page` of the PDF as its reader sees it, at `dpi`.
pub(super) fn page_image(pdf: &Pdf, page: u32, dpi: f64, limits: &Limits) -> Result<PageImage> {
    let missing = || Error::hold("copy-page-missing").with("page", page);
    let of_pdf = pdf.pages().get((page as usize).checked_sub(1).ok_or_else(missing)?).ok_or_else(missing)?;
    let pixels = rendered(of_pdf, size(of_pdf, dpi), (page, WHITE), limits)?;
    Ok(PageImage::whole(smallest(of(&pixels))?, Some("rasterised")))
}

/// Pixels across and down of a page that is drawn at `dpi`.
pub(super) fn size(of_pdf: &Page<'_>, dpi: f64) -> [f64; 2] {
    <[f64; 2]>::from(pdf_sheet::size(of_pdf)).map(|points| (points * dpi / 72.0 - 0.01).ceil().max(1.0))
}

/// The picture of a drawing: exact, unless that is large and a JPEG is smaller.
pub(super) fn smallest(pixels: Pixels<'_>) -> Result<Picture> {
    let exact = packed(pixels)?;
    if exact.data.len() > LARGE { Ok(smaller(exact, as_jpeg(pixels, 85)?)) } else { Ok(exact) }
}

fn of(pixels: &Pixmap) -> Pixels<'_> {
    Pixels { width: u32::from(pixels.width()), height: u32::from(pixels.height()), rgba: pixels.data_as_u8_slice() }
}

fn smaller(a: Picture, b: Picture) -> Picture {
    if b.data.len() < a.data.len() { b } else { a }
}

/// A picture whose colours no PDF/A may hold, turned to grey or RGB. `is_lossy` is said of JPEG and JPEG 2000 data,
/// which may become JPEG again to stay small.
pub(super) fn converted(picture: &Picture, page: u32, is_lossy: bool) -> Result<Picture> {
    let mut bytes = Vec::new();
    {
        let mut writer = PdfWriter::begin(&mut bytes, false)?;
        let [catalog, info, pages, leaf, content] = [(); 5].map(|()| writer.promise());
        let image = Attachments::default().written(&mut writer, picture)?;
        let (width, height) = (picture.width, picture.height);
        writer.stream(content, "", format!("{width} 0 0 {height} 0 0 cm /I Do").as_bytes())?;
        writer.object(
            leaf,
            format!(
                "<</Type/Page/Parent {pages} 0 R/MediaBox[0 0 {width} {height}]/Contents {content} 0 R\
                 /Resources<</XObject<</I {image} 0 R>>>>>>"
            ),
        )?;
        writer.object(pages, format!("<</Type/Pages/Count 1/Kids[{leaf} 0 R]>>"))?;
        writer.object(catalog, format!("<</Type/Catalog/Pages {pages} 0 R>>"))?;
        writer.object(info, "<<>>".to_owned())?;
        writer.end(catalog, info, &[0; 16])?;
    }
    converted_page(bytes, (picture.width, picture.height), page, is_lossy.then_some(picture.data.len()))
}

/// The only page of a small PDF that holds nothing but one image, a point for each pixel. With a `budget` the pixels
/// become JPEG, as good as fits in a tenth more than so many bytes (but no worse than 75 of 100).
pub(super) fn converted_page(bytes: Vec<u8>, size: (u32, u32), page: u32, budget: Option<usize>) -> Result<Picture> {
    let broken = || super::tiff::damaged("PDF", format!("page {page}"));
    let pdf = opened(bytes).ok_or_else(broken)?;
    let only = pdf.pages().first().ok_or_else(broken)?;
    let limits = Limits { page_pixels_max: u64::MAX, ..Limits::default() };
    let pixels = rendered(only, [f64::from(size.0), f64::from(size.1)], (page, WHITE), &limits)?;
    let pixels = of(&pixels);
    let Some(budget) = budget else { return packed(pixels) };
    for quality in [92, 88, 84, 80] {
        let picture = as_jpeg(pixels, quality)?;
        if picture.data.len() <= budget + budget / 10 {
            return Ok(picture);
        }
    }
    as_jpeg(pixels, 75)
}

/// The page rendered on a ground.
pub(super) fn rendered(
    of_pdf: &Page<'_>,
    size: [f64; 2],
    (page, ground): (u32, AlphaColor<Srgb>),
    limits: &Limits,
) -> Result<Pixmap> {
    if size.iter().any(|side| *side > f64::from(u16::MAX)) || size[0] * size[1] > limits.page_pixels_max as f64 {
        return Err(Error::hold("copy-limit").with("limit", "page_pixels_max").with("page", page));
    }
    let (width, height) = of_pdf.render_dimensions();
    // A hair more than the size: the renderer cuts fractions off.
    let scale = |pixels: f64, points: f32| ((pixels + 0.01) / f64::from(points.max(1.0))) as f32;
    let settings = PixmapSettings { x_scale: scale(size[0], width), y_scale: scale(size[1], height), bg_color: ground };
    Ok(render(of_pdf, &RenderCache::new(), &InterpreterSettings::default(), &RenderSettings::default(), &settings))
}

/// The pixels without loss: G4 if all are black or white, grey or RGB with Flate otherwise.
fn packed(pixels: Pixels<'_>) -> Result<Picture> {
    let Pixels { width, height, rgba: data } = pixels;
    let is_gray = data.chunks_exact(4).all(|p| p[0] == p[1] && p[1] == p[2]);
    if is_gray && data.chunks_exact(4).all(|p| matches!(p[0], 0 | 255)) {
        let mut joiner = G4Joiner::new(width, height);
        let mut changes = Vec::new();
        for row in data.chunks_exact(4 * width as usize) {
            changes.clear();
            let mut last = 255;
            for (x, pixel) in row.chunks_exact(4).enumerate() {
                if pixel[0] != last {
                    changes.push(x as u32);
                    last = pixel[0];
                }
            }
            joiner.push_row(&changes);
        }
        return Ok(g4_picture(width, height, false, joiner.finish()));
    }
    let colour = if is_gray { Colour::Gray } else { Colour::Rgb };
    let samples = colour.samples() as usize;
    let mut packer = RowPacker::new(Shape { width, height, bits: 8, colour, is_inverted: false });
    let mut line = Vec::new();
    for row in data.chunks_exact(4 * width as usize) {
        line.clear();
        row.chunks_exact(4).for_each(|pixel| line.extend_from_slice(&pixel[..samples]));
        packer.push(&line)?;
    }
    packer.finish()
}

/// The pixels as JPEG of that quality.
pub(super) fn as_jpeg(pixels: Pixels<'_>, quality: u8) -> Result<Picture> {
    let Pixels { width, height, rgba: source } = pixels;
    let is_gray = source.chunks_exact(4).all(|p| p[0] == p[1] && p[1] == p[2]);
    let samples = if is_gray { 1 } else { 3 };
    let samples_only: Vec<u8> = source.chunks_exact(4).flat_map(|pixel| pixel[..samples].iter().copied()).collect();
    let mut data = Vec::new();
    let kind = if is_gray { image::ExtendedColorType::L8 } else { image::ExtendedColorType::Rgb8 };
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut data, quality)
        .encode(&samples_only, width, height, kind)
        .map_err(Error::bug)?;
    let head = super::jpeg::head(&data).ok_or_else(|| Error::bug("our own JPEG is unreadable"))?;
    Ok(super::jpeg::picture(&head, data))
}
