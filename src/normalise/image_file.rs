//! What does an image file (JPEG, PNG, GIF, BMP, WebP, JPEG 2000) say of itself, and what does it show? Headers first, pixels when asked.

use std::path::{Path, PathBuf};

use image::{AnimationDecoder as _, DynamicImage, ImageFormat};

use super::geometry::mirrored;
use super::{PageImage, broken, broken_page, colour, entropy, holes, tiff_directory, truncated};
use crate::error::{Error, Result};
use crate::jpx;
use crate::limits::Limits;
use crate::page::{PageSource, PageSurvey};

/// Most pixels of a JPEG that is decoded in colour: an A2 sheet at 300 dpi.
const COLOUR_PIXELS_MAX: u64 = 40_000_000;

/// One image that is one page.
#[derive(Debug)]
pub struct ImageFile {
    path: PathBuf,
    /// None: JPEG 2000.
    format: Option<ImageFormat>,
    width: u32,
    height: u32,
    dpi: f32,
    bits: u16,
    rotation: u16,
    is_mirrored: bool,
}

impl ImageFile {
    pub(super) fn open(path: &Path, mime: &str, limits: &Limits) -> Result<Self> {
        let bytes = read(path, limits)?;
        let format = match mime {
            "image/png" => Some(ImageFormat::Png),
            "image/gif" => Some(ImageFormat::Gif),
            "image/bmp" => Some(ImageFormat::Bmp),
            "image/webp" => Some(ImageFormat::WebP),
            "image/jp2" | "image/jpx" => None,
            _ => Some(ImageFormat::Jpeg),
        };
        let (path, dpi) = (path.to_owned(), 0.0);
        let mut file = Self { path, format, width: 0, height: 0, dpi, bits: 8, rotation: 0, is_mirrored: false };
        match format {
            Some(ImageFormat::Png) => file.look_at_png(&bytes)?,
            Some(ImageFormat::Jpeg) => file.look_at_jpeg(&bytes)?,
            Some(other) => file.look_at_other(&bytes, other)?,
            None => (file.width, file.height, file.bits) = jpx::size(&bytes).ok_or_else(|| broken("JPEG 2000: size"))?,
        }
        Ok(file)
    }

    pub(super) fn survey(&self) -> Vec<PageSurvey> {
        let compression = match self.format {
            Some(ImageFormat::Png) => "deflate",
            Some(ImageFormat::Gif) => "lzw",
            Some(ImageFormat::Bmp) => "none",
            Some(ImageFormat::WebP) => "webp",
            Some(_) => "jpeg",
            None => "jpx",
        };
        let survey = PageSurvey {
            n: 1,
            source: PageSource::Image,
            width: self.width,
            height: self.height,
            dpi: self.dpi,
            compression: compression.to_owned(),
            bits: self.bits,
            turned: None,
        };
        vec![survey]
    }

    pub(super) fn image(&self, limits: &Limits) -> Result<PageImage> {
        let bytes = read(&self.path, limits)?;
        let Some(format) = self.format else {
            let pixels = jpx::pixels(&bytes, limits.page_pixels_max).ok_or_else(|| broken_page(1, "JPEG 2000"))?;
            let is_damaged = holes::is_in_packed(&bytes, holes::JPEG_2000_RUN);
            return Ok(PageImage { is_damaged, ..shown(pixels, (1, self.dpi))? });
        };
        if format == ImageFormat::Jpeg && u64::from(self.width) * u64::from(self.height) > COLOUR_PIXELS_MAX {
            return self.large_jpeg(&bytes);
        }
        let mut image = decoded(bytes, format, (1, self.dpi), limits)?;
        image.bilevel = self.bits == 1;
        image.dpi = self.dpi;
        image.rotation = self.rotation;
        Ok(if self.is_mirrored { mirrored(image) } else { image })
    }

    /// A plan or drawing: only its brightness is decoded, a third of the memory of its colours.
    fn large_jpeg(&self, bytes: &[u8]) -> Result<PageImage> {
        use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
        let options = DecoderOptions::default()
            .jpeg_set_out_colorspace(ColorSpace::Luma)
            .set_max_width(self.width as usize)
            .set_max_height(self.height as usize);
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        let gray = decoder.decode().map_err(|e| broken_page(1, "JPEG").because(e))?;
        let mut image = PageImage::new(self.width, self.height, gray)
            .ok_or_else(|| broken_page(1, format_args!("{} × {}", self.width, self.height)))?;
        (image.dpi, image.rotation, image.is_damaged) = (self.dpi, self.rotation, entropy::is_damaged(bytes, None));
        Ok(if self.is_mirrored { mirrored(image) } else { image })
    }

    /// GIF, BMP and WebP: the decoder knows their heads. One that moves is more than one page would show.
    fn look_at_other(&mut self, bytes: &[u8], format: ImageFormat) -> Result<()> {
        let cursor = || std::io::Cursor::new(bytes);
        let wrong = |e| broken("image: head").because(e);
        (self.width, self.height) = image::ImageReader::with_format(cursor(), format).into_dimensions().map_err(wrong)?;
        let is_moving = match format {
            ImageFormat::Gif => image::codecs::gif::GifDecoder::new(cursor()).map_err(wrong)?.into_frames().nth(1).is_some(),
            ImageFormat::WebP => image::codecs::webp::WebPDecoder::new(cursor()).map_err(wrong)?.has_animation(),
            _ => false,
        };
        if is_moving {
            return Err(Error::hold("image-moves"));
        }
        // Pixels a metre, where a BMP says so.
        if let (ImageFormat::Bmp, Some(metre)) = (format, bytes.get(38..42).and_then(|b| b.try_into().ok())) {
            self.dpi = u32::from_le_bytes(metre) as f32 * 0.0254;
        }
        if self.width == 0 || self.height == 0 { Err(broken("image: no size")) } else { Ok(()) }
    }

    /// Chunks of a PNG up to its end (ISO/IEC 15948 clause 5).
    fn look_at_png(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(mut rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") else { return Err(broken("PNG: signature")) };
        let size = bytes.len() as u64;
        loop {
            let Some((head, body)) = rest.split_first_chunk::<8>() else { return Err(truncated(1, size + 12, size)) };
            let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
            let Some(data) = body.get(..length).filter(|_| body.len() >= length + 4) else {
                return Err(truncated(1, size - body.len() as u64 + length as u64 + 4, size));
            };
            match &head[4..] {
                b"IHDR" if length == 13 => {
                    self.width = u32::from_be_bytes([data[0], data[1], data[2], data[3]]);
                    self.height = u32::from_be_bytes([data[4], data[5], data[6], data[7]]);
                    let samples = [1, 1, 3, 1, 2, 1, 4].get(usize::from(data[9])).copied().unwrap_or(1);
                    self.bits = u16::from(data[8]) * samples;
                }
                b"pHYs" if length == 9 && data[8] == 1 => {
                    self.dpi = u32::from_be_bytes([data[0], data[1], data[2], data[3]]) as f32 * 0.0254;
                }
                b"eXIf" => self.heed_exif(data),
                b"IEND" => break,
                _ => {}
            }
            rest = &body[length + 4..];
        }
        if self.width == 0 || self.height == 0 { Err(broken("PNG: no size")) } else { Ok(()) }
    }

    /// Segments of a JPEG up to its first scan (ISO/IEC 10918-1 annex B).
    fn look_at_jpeg(&mut self, bytes: &[u8]) -> Result<()> {
        let size = bytes.len() as u64;
        if !bytes.starts_with(&[0xFF, 0xD8]) {
            return Err(broken("JPEG: no start"));
        }
        let mut at = 2;
        loop {
            let Some([0xFF, marker]) = bytes.get(at..at + 2) else { return Err(truncated(1, at as u64 + 2, size)) };
            if *marker == 0xFF {
                at += 1;
                continue;
            }
            let length = bytes.get(at + 2..at + 4).map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])));
            let Some(data) = bytes.get(at + 4..at + 2 + length) else {
                return Err(truncated(1, (at + 2 + length) as u64, size));
            };
            match marker {
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF if data.len() >= 6 => {
                    self.height = u32::from(u16::from_be_bytes([data[1], data[2]]));
                    self.width = u32::from(u16::from_be_bytes([data[3], data[4]]));
                    self.bits = u16::from(data[0]) * u16::from(data[5]);
                }
                0xE0 if data.starts_with(b"JFIF\0") && data.len() >= 12 => self.heed_jfif(data),
                0xE1 if data.starts_with(b"Exif\0\0") => self.heed_exif(&data[6..]),
                0xDA => break,
                _ => {}
            }
            at += 2 + length;
        }
        if self.width == 0 || self.height == 0 {
            return Err(broken("JPEG: no size"));
        }
        has_end(bytes, at).then_some(()).ok_or_else(|| truncated(1, size + 2, size))
    }

    fn heed_jfif(&mut self, data: &[u8]) {
        let density = f32::from(u16::from_be_bytes([data[8], data[9]]));
        match data[7] {
            1 if density > 1.0 => self.dpi = density,
            2 if density > 1.0 => self.dpi = density * 2.54,
            _ => {}
        }
    }

    fn heed_exif(&mut self, data: &[u8]) {
        let Ok(directory) = tiff_directory::first(&data) else { return };
        (self.rotation, self.is_mirrored) = (directory.rotation(), directory.is_mirrored());
        // 72 is what cameras write when they mean nothing.
        if self.dpi <= 0.0 && directory.dpi() > 72.5 {
            self.dpi = directory.dpi();
        }
    }
}

/// The pixels of a JPEG that stands in another file, on page `page` there.
pub(super) fn jpeg(bytes: Vec<u8>, (page, dpi): (u32, f32), limits: &Limits) -> Result<PageImage> {
    decoded(bytes, ImageFormat::Jpeg, (page, dpi), limits)
}

fn decoded(bytes: Vec<u8>, format: ImageFormat, (page, dpi): (u32, f32), limits: &Limits) -> Result<PageImage> {
    let is_damaged = match format {
        ImageFormat::Jpeg => entropy::is_damaged(&bytes, None),
        ImageFormat::WebP => holes::is_in_webp(&bytes),
        _ => false,
    };
    let mut reader = image::ImageReader::with_format(std::io::Cursor::new(bytes), format);
    let mut ceilings = image::Limits::default();
    ceilings.max_alloc = Some(limits.page_pixels_max.saturating_mul(8));
    reader.limits(ceilings);
    // The name of the format alone stands in the sentence: a decoder's own words are in no language of ours.
    let name = format.extensions_str().first().copied().unwrap_or("image").to_uppercase();
    let mut image = shown(reader.decode().map_err(|e| broken_page(page, name).because(e))?, (page, dpi))?;
    match format {
        ImageFormat::Jpeg => (image.whole, image.is_damaged) = (given(&image), is_damaged),
        ImageFormat::Bmp => image.is_damaged = holes::is_in_pixels(&image) || holes::is_in_upturned(&image),
        _ => image.is_damaged = is_damaged,
    }
    Ok(image)
}

/// Rows at the foot that are of one grey to the last pixel, from which they were never there: a row of blocks, and its
/// half-size colours.
const BARE_ROWS: usize = 32;
/// Paper that was drawn, not scanned, can be even from this value on.
const PALE: u8 = 180;
/// As many in black, a part of the page: the lid of a scanner can be that even, if rarely that large.
const BLACK_SHARE: usize = 10;

/// Share of the rows of a JPEG that its data gave. Where they end early decoders go on in one grey or in black, which no scanner
/// sees (pale paper can be that even), or repeat the last row of blocks.
fn given(image: &PageImage) -> f32 {
    let width = image.width.max(1) as usize;
    let rows: Vec<&[u8]> = image.gray.chunks_exact(width).collect();
    let last = image.gray.last().copied().unwrap_or(255);
    let even = rows.iter().rev().take_while(|row| row.iter().all(|value| *value == last)).count();
    let needed = if last < 8 { rows.len() / BLACK_SHARE } else { 0 };
    let even = if last < PALE && even >= needed.max(BARE_ROWS) { even } else { 0 };
    let repeated = |high: usize| {
        let count = (high..rows.len()).rev().take_while(|y| rows[*y] == rows[*y - high]).count();
        // Lines that run down to the foot repeat too, but from row to row.
        let is_picture = rows.last() != rows.iter().rev().nth(1) || rows.last() != rows.iter().rev().nth(high / 2);
        if is_picture && count >= 4 * BARE_ROWS { count } else { 0 }
    };
    let bare = even.max(repeated(8)).max(repeated(16));
    1.0 - bare as f32 / rows.len().max(1) as f32
}

/// The page that decoded pixels are.
fn shown(decoded: DynamicImage, (page, dpi): (u32, f32)) -> Result<PageImage> {
    let (width, height) = (decoded.width(), decoded.height());
    let image = match decoded {
        DynamicImage::ImageRgb8(rgb) => colour::page(width, height, rgb.as_raw(), dpi),
        other => PageImage::new(width, height, to_gray(other)),
    };
    image.ok_or_else(|| broken_page(page, format_args!("{width} × {height}")))
}

/// True if the end marker stands somewhere after the first scan began; scanners may add bytes after it.
fn has_end(bytes: &[u8], scan_at: usize) -> bool {
    bytes[scan_at..].windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let bytes = std::fs::metadata(path).map_err(|e| Error::disk("look at", path, e))?.len();
    if bytes > limits.unpacked_bytes_max {
        return Err(Error::hold("file-memory").with("bytes", limits.unpacked_bytes_max));
    }
    std::fs::read(path).map_err(|e| Error::disk("read", path, e))
}

/// Grey pixels, what is transparent on white.
fn to_gray(decoded: DynamicImage) -> Vec<u8> {
    if !decoded.color().has_alpha() {
        return decoded.into_luma8().into_raw();
    }
    let pixels = decoded.into_luma_alpha8().into_raw();
    pixels.chunks_exact(2).map(|p| (255 - u32::from(255 - p[0]) * u32::from(p[1]) / 255) as u8).collect()
}
