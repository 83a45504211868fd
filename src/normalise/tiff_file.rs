//! Where are the pages of a TIFF? One directory each; black and white fax data is decoded here, the rest by `tiff`.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use hayro_ccitt::EncodingMode;
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};

use super::ccitt::{self, Coding};
use super::geometry::mirrored;
use super::tiff_directory::{Bytes, Directory, chain};
use super::tiff_samples::{through_map, to_gray};
use super::{PageImage, broken_page, colour, entropy, holes, image_file, tiff_unpacked, truncated};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::page::{PageSource, PageSurvey};

/// An open TIFF and what its directories say.
#[derive(Debug)]
pub struct TiffFile {
    bytes: FileBytes,
    directories: Vec<Directory>,
    /// Directories that are pages (thumbnails are not), by their number.
    pages: Vec<u32>,
}

#[derive(Debug)]
struct FileBytes {
    file: File,
    size: u64,
}

impl Bytes for FileBytes {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.file.read_exact_at(buffer, at)
    }
}

impl TiffFile {
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::disk("open", path, e))?;
        let size = file.metadata().map_err(|e| Error::disk("look at", path, e))?.len();
        let bytes = FileBytes { file, size };
        let directories = chain(&bytes, limits)?;
        let numbered = || (0..).zip(&directories);
        let mut pages: Vec<u32> = numbered().filter(|(_, d)| !d.is_reduced).map(|(n, _)| n).collect();
        if pages.is_empty() {
            // Some writers mark every page as reduced.
            pages = numbered().map(|(n, _)| n).collect();
        }
        if !pages.iter().any(|at| directories[*at as usize].has_pixels()) {
            return Err(super::broken("TIFF: no page has pixels"));
        }
        for (n, directory) in (1..).zip(pages.iter().map(|at| &directories[*at as usize])) {
            is_whole(directory, n, size)?;
        }
        Ok(Self { bytes, directories, pages })
    }

    pub(super) fn survey(&self) -> Vec<PageSurvey> {
        let page = |(n, at): (u32, &u32)| {
            let directory = &self.directories[*at as usize];
            PageSurvey {
                n,
                source: PageSource::Tiff { directory: *at },
                // A page without pixels keeps its place, and says so when it is read.
                width: directory.width.max(1),
                height: directory.height.max(1),
                dpi: directory.dpi(),
                compression: compression(directory.compression).to_owned(),
                bits: directory.bits.saturating_mul(directory.samples),
                turned: None,
            }
        };
        (1..).zip(&self.pages).map(page).collect()
    }

    pub(super) fn image(&self, at: u32, page: u32, limits: &Limits) -> Result<PageImage> {
        let directory = self.directories.get(at as usize).ok_or_else(|| Error::bug("no such TIFF directory"))?;
        if !directory.has_pixels() {
            return Err(broken_page(page, format_args!("{} × {}", directory.width, directory.height)));
        }
        let mut image = match directory.compression {
            2..=4 if !directory.is_tiled => self.fax_image(directory, page)?,
            6 => self.old_jpeg(directory, page, limits)?,
            _ => self.other_image(at, directory, page, limits)?,
        };
        image.bilevel = directory.bits == 1 && directory.samples == 1;
        image.is_damaged |= match directory.compression {
            1 | 32_773 => holes::is_in_pixels(&image),
            7 => self.is_jpeg_damaged(directory)?,
            _ => false,
        };
        image.rotation = directory.rotation();
        image.dpi = directory.dpi();
        Ok(if directory.is_mirrored() { mirrored(image) } else { image })
    }

    fn fax_image(&self, directory: &Directory, page: u32) -> Result<PageImage> {
        let width = directory.width as usize;
        let paper = if directory.photometric == 1 { 0 } else { 255 };
        let mut gray = vec![paper; width * directory.height as usize];
        let coding = Coding {
            mode: match (directory.compression, directory.t4_options & 1) {
                (4, _) => EncodingMode::Group4,
                (3, 1) => EncodingMode::Group3_2D,
                _ => EncodingMode::Group3_1D,
            },
            // Compression 2 (modified Huffman) has no end-of-line codes; its rows start on whole bytes.
            byte_aligned: directory.compression == 2,
            reversed: directory.fill_order == 2,
            zero_is_black: directory.photometric == 1,
        };
        let rows = (directory.rows_per_strip.max(1) as usize).min(directory.height as usize);
        let (mut decoded, mut is_sound) = (0, true);
        for (strip, out) in gray.chunks_mut(width * rows).enumerate() {
            let Some(data) = self.strip(directory, strip)? else { break };
            let (count, is_well) = ccitt::decode(&data, coding, directory.width, out);
            (decoded, is_sound) = (decoded + count, is_sound && is_well);
        }
        // Half a page is not a page: text may have stood on the rest of it.
        if decoded * 10 < directory.height as usize * 9 {
            return Err(broken_page(page, format_args!("{decoded} / {} rows", directory.height)));
        }
        let mut image =
            PageImage::new(directory.width, directory.height, gray).ok_or_else(|| Error::bug("a page of another size"))?;
        (image.whole, image.is_damaged) = (decoded as f32 / directory.height as f32, !is_sound);
        Ok(image)
    }

    /// A page of the old kind of JPEG (TIFF 6.0 section 22), where the file holds it as one whole stream: writers differed in how
    /// they cut it up, and the pieces are not put together here.
    fn old_jpeg(&self, directory: &Directory, page: u32, limits: &Limits) -> Result<PageImage> {
        let strips = directory.offsets.iter().zip(&directory.counts);
        let end = strips.map(|(at, count)| at.saturating_add(*count)).max().unwrap_or(0);
        let (from, to) = match directory.jpeg {
            (0, _) => (directory.offsets[0], end),
            (at, bytes) => (at, end.max(at.saturating_add(bytes))),
        };
        let length = to.min(self.bytes.size).saturating_sub(from);
        if length > limits.unpacked_bytes_max {
            return Err(Error::hold("file-memory").with("bytes", limits.unpacked_bytes_max));
        }
        let mut data = vec![0; length as usize];
        self.bytes.read_at(from, &mut data).map_err(super::broken)?;
        if !data.starts_with(&[0xFF, 0xD8]) {
            return Err(Error::hold("page-compression").with("page", page).with("what", directory.compression));
        }
        let image = image_file::jpeg(data, (page, directory.dpi()), limits)?;
        let is_page = (image.width, image.height) == (directory.width, directory.height);
        if is_page { Ok(image) } else { Err(broken_page(page, format_args!("{} × {}", directory.width, directory.height))) }
    }

    /// True if the data of a strip or tile in JPEG are damaged.
    fn is_jpeg_damaged(&self, directory: &Directory) -> Result<bool> {
        let tables: Vec<u8> = directory.jpeg_tables.iter().map(|byte| *byte as u8).collect();
        for strip in 0..directory.offsets.len() {
            let Some(data) = self.strip(directory, strip)? else { break };
            if data.starts_with(&[0xFF, 0xD8])
                && entropy::is_damaged(&data, Some(&tables).filter(|t| !t.is_empty()).map(Vec::as_slice))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The stored bytes of one strip or tile; none of one that the page has not.
    pub(super) fn strip(&self, directory: &Directory, strip: usize) -> Result<Option<Vec<u8>>> {
        let (Some(at), Some(count)) = (directory.offsets.get(strip), directory.counts.get(strip)) else { return Ok(None) };
        // Within the file, as `is_whole` saw to.
        let mut data = vec![0; usize::try_from(*count).unwrap_or(0)];
        self.bytes.read_at(*at, &mut data).map_err(super::broken)?;
        Ok(Some(data))
    }

    /// The file with the page's photometric entry saying grey: `tiff` 0.11 decodes neither palettes nor Lab, but the indices and
    /// the lightness, which is the first sample.
    fn as_gray(&self, directory: &Directory, limits: &Limits) -> Result<Vec<u8>> {
        if self.bytes.size > limits.unpacked_bytes_max {
            return Err(Error::hold("file-memory").with("bytes", limits.unpacked_bytes_max));
        }
        let mut bytes = vec![0; self.bytes.size as usize];
        self.bytes.read_at(0, &mut bytes).map_err(super::broken)?;
        let (at, one) = directory.photometric_at;
        if let Some(value) = bytes.get_mut(at as usize..at as usize + 2) {
            value.copy_from_slice(&one);
        }
        Ok(bytes)
    }

    /// The page whose samples lie in tiles apart from each other: `tiff` 0.11 falls over such a one, so that each plane is read as a
    /// page in grey.
    fn plane_by_plane(&self, directory: &Directory, page: u32, limits: &Limits, most: &TiffLimits) -> Result<Decoded> {
        let samples = usize::from(directory.samples);
        let each = directory.offsets.len().min(directory.counts.len()) / samples;
        if each == 0 || !matches!(directory.compression, 1 | 5 | 8 | 32_773 | 32_946) {
            return Err(unreadable(directory, page));
        }
        let mut all: Option<DecodingResult> = None;
        for plane in 0..samples {
            let tiles = plane * each..(plane + 1) * each;
            let mut alone = directory.clone();
            (alone.samples, alone.planar, alone.extra) = (1, 1, 0);
            alone.photometric = directory.photometric.min(1);
            (alone.offsets, alone.counts) = (directory.offsets[tiles.clone()].to_vec(), directory.counts[tiles].to_vec());
            let file = std::io::Cursor::new(tiff_unpacked::file(self, &alone, page, limits)?);
            let read = decoded(file, 0, most.clone()).map_err(|e| broken_page(page, "TIFF").because(e))?.1;
            match (&mut all, read) {
                (None, read) => all = Some(read),
                (Some(DecodingResult::U8(all)), DecodingResult::U8(read)) => all.extend(read),
                (Some(DecodingResult::U16(all)), DecodingResult::U16(read)) => all.extend(read),
                _ => return Err(unreadable(directory, page)),
            }
        }
        let bits = directory.bits.min(16) as u8;
        let kind = match (directory.photometric, directory.samples) {
            (2, 3) => ColorType::RGB(bits),
            (2, 4) => ColorType::RGBA(bits),
            (5, 4) => ColorType::CMYK(bits),
            (_, samples) => ColorType::Multiband { bit_depth: bits, num_samples: samples },
        };
        let pixels = all.ok_or_else(|| unreadable(directory, page))?;
        Ok(Ok((kind, chunky(pixels, samples))))
    }

    fn other_image(&self, at: u32, directory: &Directory, page: u32, limits: &Limits) -> Result<PageImage> {
        if matches!(directory.compression, 34712 | 34661) || compression(directory.compression) == "unknown" {
            return Err(Error::hold("page-compression").with("page", page).with("what", directory.compression));
        }
        let mut ceilings = TiffLimits::default();
        ceilings.decoding_buffer_size = usize::try_from(limits.page_pixels_max.saturating_mul(4)).unwrap_or(usize::MAX);
        ceilings.intermediate_buffer_size = ceilings.decoding_buffer_size;
        let fail = |e: tiff::TiffError| match e {
            tiff::TiffError::UnsupportedError(_) => unreadable(directory, page),
            e => broken_page(page, "TIFF").because(e),
        };
        // `tiff` 0.11 knows of no fill order.
        let is_apart = directory.planar == 2 && directory.is_tiled && directory.samples > 1;
        let is_backward = directory.fill_order == 2 && matches!(directory.compression, 1 | 5 | 8 | 32_773 | 32_946);
        let outcome = if is_apart {
            self.plane_by_plane(directory, page, limits, &ceilings)?
        } else if is_backward {
            decoded(std::io::Cursor::new(tiff_unpacked::file(self, directory, page, limits)?), 0, ceilings.clone())
        } else if matches!(directory.photometric, 3 | 8 | 9) {
            decoded(std::io::Cursor::new(self.as_gray(directory, limits)?), at, ceilings.clone())
        } else {
            let mut file = self.bytes.file.try_clone().map_err(super::broken)?;
            // The clone shares its place in the file with earlier ones.
            file.rewind().map_err(super::broken)?;
            decoded(BufReader::new(file), at, ceilings.clone())
        };
        // `tiff` gives up on LZW data that end without their end code; unpacked at one go they are whole.
        let is_lzw = directory.compression == 5;
        let outcome = match outcome {
            Err(tiff::TiffError::IoError(_) | tiff::TiffError::FormatError(_)) if is_lzw => {
                decoded(std::io::Cursor::new(tiff_unpacked::file(self, directory, page, limits)?), 0, ceilings)
            }
            other => other,
        };
        let (kind, pixels) = outcome.map_err(fail)?;
        if let (ColorType::RGB(8), DecodingResult::U8(rgb)) = (kind, &pixels) {
            return colour::page(directory.width, directory.height, rgb, directory.dpi())
                .ok_or_else(|| broken_page(page, format_args!("{} × {}", directory.width, directory.height)));
        }
        let size = (directory.width as usize, directory.height as usize);
        let mut gray = to_gray(&pixels, (kind, directory.extra), size).ok_or_else(|| unreadable(directory, page))?;
        if directory.photometric == 3 {
            through_map(&mut gray, &directory.colour_map, directory.bits);
        }
        PageImage::new(directory.width, directory.height, gray)
            .ok_or_else(|| broken_page(page, format_args!("{} × {}", directory.width, directory.height)))
    }
}

/// What `tiff` makes of a page: what its samples mean, and they.
type Decoded = tiff::TiffResult<(ColorType, DecodingResult)>;

fn decoded<R: Read + Seek>(from: R, at: u32, ceilings: TiffLimits) -> Decoded {
    let mut decoder = Decoder::new(from)?.with_limits(ceilings);
    decoder.seek_to_image(at as usize)?;
    let mut pixels = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut pixels)?;
    if layout.planes > 1 {
        if pixels.as_buffer(0).as_bytes().len() < layout.complete_len {
            return Err(tiff::TiffError::LimitsExceeded);
        }
        pixels = chunky(pixels, layout.planes);
    }
    Ok((decoder.colortype()?, pixels))
}

/// Samples that were stored plane by plane, pixel by pixel. (Of samples smaller than a byte none are read in colour.)
fn chunky(pixels: DecodingResult, planes: usize) -> DecodingResult {
    fn woven<T: Copy>(samples: &[T], planes: usize) -> Vec<T> {
        let pixels = samples.len() / planes;
        (0..pixels).flat_map(|at| (0..planes).map(move |plane| samples[plane * pixels + at])).collect()
    }
    match pixels {
        DecodingResult::U8(samples) => DecodingResult::U8(woven(&samples, planes)),
        DecodingResult::U16(samples) => DecodingResult::U16(woven(&samples, planes)),
        DecodingResult::U32(samples) => DecodingResult::U32(woven(&samples, planes)),
        DecodingResult::F32(samples) => DecodingResult::F32(woven(&samples, planes)),
        other => other,
    }
}

/// A page whose samples mean something that is not read here.
fn unreadable(directory: &Directory, page: u32) -> Error {
    Error::hold("page-samples")
        .with("page", page)
        .with("photometric", directory.photometric)
        .with("samples", directory.samples)
        .with("bits", directory.bits)
}

/// Every strip must lie in the file.
fn is_whole(directory: &Directory, page: u32, size: u64) -> Result<()> {
    for (at, count) in directory.offsets.iter().zip(&directory.counts) {
        let end = at.saturating_add(*count);
        if end > size {
            return Err(truncated(page, end, size));
        }
    }
    Ok(())
}

fn compression(number: u16) -> &'static str {
    match number {
        1 => "none",
        2 | 3 => "g3",
        4 => "g4",
        5 => "lzw",
        6 | 7 => "jpeg",
        8 | 32946 => "deflate",
        32773 => "packbits",
        _ => "unknown",
    }
}
