//! How does a stored TIFF page become a picture? Fax and JPEG data as they are, everything else unpacked strip by strip.

use super::ccitt::{Fax, G4Joiner, g4_picture};
use super::jpeg;
use super::mirror;
use super::picture::{Colour, PageImage, Picture, Piece, Place, RowPacker, Shape};
use super::tiff::{Directory, TiffFile, damaged};
use super::unpack::{interleaved, lab_to_rgb, on_white, unpredict};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::tiff_strip::{in_order, unpacked};

/// One page image of a TIFF with what is needed to unpack it.
struct Stored<'a> {
    tiff: &'a mut TiffFile,
    directory: &'a Directory,
    page: u32,
    width: u32,
    height: u32,
    compression: u64,
    photometric: u64,
    bits: u16,
    samples: u32,
    /// Size of one chunk (strip or tile) and their number across.
    chunk: (u32, u32),
    across: u32,
}

/// The picture of one directory; `page` is for messages.
pub(super) fn page_image(tiff: &mut TiffFile, number: u32, page: u32, limits: &Limits) -> Result<PageImage> {
    let directory = tiff.directory(number, limits)?;
    let resolution = directory.resolution;
    let mut stored = stored(tiff, &directory, page, limits)?;
    let mut image = match stored.compression {
        2..=4 => stored.fax_page()?,
        7 if stored.is_beyond_jpeg() => {
            let alpha = directory.get(338).unwrap_or(0);
            super::decoded::page_image(stored.tiff.again()?, number, page, alpha, limits)?
        }
        7 => stored.jpeg_page()?,
        6 => stored.old_jpeg_page()?,
        1 | 5 | 8 | 32_773 | 32_946 => stored.packed_page()?,
        other => return Err(stored.unsupported(format!("compression {other}"))),
    };
    let aspect = resolution.1 / resolution.0;
    if aspect.is_finite() && (0.2..=5.0).contains(&aspect) {
        image.aspect = aspect;
    }
    Ok(if mirror::is_mirror(directory.get(274).unwrap_or(1)) { mirror::mirrored(image) } else { image })
}

fn stored<'a>(tiff: &'a mut TiffFile, directory: &'a Directory, page: u32, limits: &Limits) -> Result<Stored<'a>> {
    let size = |tag| directory.get(tag).filter(|n| (1..=u64::from(u32::MAX)).contains(n)).map(|n| n as u32);
    let (Some(width), Some(height)) = (size(256), size(257)) else { return Err(damaged("TIFF", format!("page {page}"))) };
    if u64::from(width) * u64::from(height) > limits.page_pixels_max {
        return Err(Error::hold("copy-limit").with("limit", "page_pixels_max").with("page", page));
    }
    let is_tiled = !directory.list(324).is_empty();
    let chunk = if is_tiled {
        (size(322).unwrap_or(width), size(323).unwrap_or(height))
    } else {
        (width, size(278).unwrap_or(height).min(height))
    };
    if u64::from(chunk.0) * u64::from(chunk.1) > limits.page_pixels_max {
        return Err(Error::hold("copy-limit").with("limit", "page_pixels_max").with("page", page));
    }
    let bits = directory.get(258).unwrap_or(1);
    let samples = directory.get(277).unwrap_or(1);
    let stored = Stored {
        tiff,
        directory,
        page,
        width,
        height,
        compression: directory.get(259).unwrap_or(1),
        photometric: directory.get(262).unwrap_or(1),
        bits: bits.min(64) as u16,
        samples: samples.clamp(1, 64) as u32,
        chunk,
        across: width.div_ceil(chunk.0),
    };
    let is_even = directory.list(258).iter().all(|b| *b == bits);
    let is_known = is_even && matches!(bits, 1 | 2 | 4 | 8 | 16) && samples <= 8 && directory.get(339).unwrap_or(1) == 1;
    if is_known { Ok(stored) } else { Err(stored.unsupported(format!("{bits} bit × {samples}"))) }
}

impl Stored<'_> {
    fn unsupported(&self, what: impl std::fmt::Display) -> Error {
        Error::hold("copy-unsupported").with("page", self.page).with("what", format!("TIFF {what}"))
    }

    /// The stored bytes of chunk `n`, its bits in the usual order.
    fn chunk_bytes(&mut self, n: usize) -> Result<Vec<u8>> {
        let of =
            |own, other| if self.directory.list(own).is_empty() { self.directory.list(other) } else { self.directory.list(own) };
        let (Some(place), Some(length)) = (of(324, 273).get(n), of(325, 279).get(n)) else {
            return Err(damaged("TIFF", format!("page {}, strip {n}", self.page)));
        };
        let bytes = self.tiff.bytes(*place, *length)?;
        Ok(in_order(bytes, self.directory.get(266).unwrap_or(1), self.compression))
    }

    fn chunk_count(&self) -> usize {
        self.across as usize * self.height.div_ceil(self.chunk.1) as usize
    }

    /// Rows of the chunk row `n` that lie on the page.
    fn rows_of(&self, n: u32) -> u32 {
        self.chunk.1.min(self.height - (n * self.chunk.1).min(self.height))
    }

    /// G4 in one strip stays the same bytes; everything else of the fax family becomes one G4 stream.
    fn fax_page(&mut self) -> Result<PageImage> {
        if self.bits != 1 || self.samples != 1 || self.photometric > 1 {
            return Err(self.unsupported("fax"));
        }
        let is_inverted = self.photometric == 1;
        let is_two_d = self.directory.get(292).unwrap_or(0) & 1 == 1;
        let fax = match self.compression {
            4 => Fax::G4,
            3 if is_two_d => Fax::G3TwoD,
            3 => Fax::G3,
            _ => Fax::Rle,
        };
        if fax == Fax::G4 && self.chunk_count() == 1 && self.chunk == (self.width, self.height) {
            let data = self.chunk_bytes(0)?;
            return Ok(PageImage::whole(g4_picture(self.width, self.height, is_inverted, data), None));
        }
        if self.across > 1 || self.chunk.0 != self.width {
            return self.fax_tiles(fax, is_inverted);
        }
        let mut joiner = G4Joiner::new(self.width, self.height);
        let mut is_whole = true;
        for n in 0..self.chunk_count() {
            let strip = self.chunk_bytes(n)?;
            let rows = self.rows_of(n as u32);
            is_whole &= joiner.push_strip(fax, &strip, rows);
        }
        let why = match (is_whole, fax) {
            (false, _) => "fax-data-incomplete",
            (true, Fax::G4) => "g4-strips-joined",
            (true, _) => "g3-to-g4",
        };
        Ok(PageImage::whole(g4_picture(self.width, self.height, is_inverted, joiner.finish()), Some(why)))
    }

    /// Fax tiles are drawn side by side, each coded again by itself.
    fn fax_tiles(&mut self, fax: Fax, is_inverted: bool) -> Result<PageImage> {
        let mut pieces = Vec::new();
        for n in 0..self.chunk_count() {
            let data = self.chunk_bytes(n)?;
            let mut joiner = G4Joiner::new(self.chunk.0, self.chunk.1);
            joiner.push_strip(fax, &data, self.chunk.1);
            pieces.push(self.piece(n, g4_picture(self.chunk.0, self.chunk.1, is_inverted, joiner.finish())));
        }
        Ok(self.of_pieces(pieces, Some("fax-tiles")))
    }

    fn piece(&self, n: usize, picture: Picture) -> Piece {
        let (x, y) = (n as u32 % self.across * self.chunk.0, n as u32 / self.across * self.chunk.1);
        Piece { picture, place: Place::Pixels { x, y } }
    }

    fn of_pieces(&self, pieces: Vec<Piece>, reencoded: Option<&'static str>) -> PageImage {
        PageImage { width: self.width, height: self.height, pieces, aspect: 1.0, reencoded }
    }

    /// True of JPEG data that a PDF cannot show as they are: opacity beside the colours, or ink.
    fn is_beyond_jpeg(&self) -> bool {
        matches!((self.photometric, self.samples), (1, 2) | (2 | 5, 4))
    }

    /// JPEG data keep their coded bytes: one strip, or strips joined by restart marks, or pieces side by side.
    fn jpeg_page(&mut self) -> Result<PageImage> {
        let expected = match self.photometric {
            0 | 1 => 1_u8,
            2 | 6 => 3,
            other => return Err(self.unsupported(format!("JPEG photometric {other}"))),
        };
        if self.samples != u32::from(expected) {
            return Err(self.unsupported(format!("JPEG, {} samples", self.samples)));
        }
        let is_ycbcr = self.photometric == 6;
        let mut parts = Vec::new();
        for n in 0..self.chunk_count() {
            let strip = self.chunk_bytes(n)?;
            let whole = jpeg::completed(&self.directory.jpeg_tables, &strip, is_ycbcr);
            let fits = whole.as_deref().and_then(jpeg::head).is_some_and(|head| head.components == expected);
            parts.push(whole.filter(|_| fits).ok_or_else(|| damaged("JPEG", format!("page {}, strip {n}", self.page)))?);
        }
        let joined = if parts.len() == 1 {
            parts.first().cloned()
        } else if self.across > 1 {
            None
        } else {
            jpeg::joined(&parts, self.width, self.height)
        };
        if let Some((data, head)) = joined.and_then(|data| jpeg::head(&data).map(|head| (data, head)))
            && (head.width, head.height) == (self.width, self.height)
        {
            return Ok(PageImage::whole(self.jpeg_picture(&head, data), None));
        }
        let mut pieces = Vec::new();
        for (n, data) in parts.into_iter().enumerate() {
            let head = jpeg::head(&data).ok_or_else(|| damaged("JPEG", format!("page {}", self.page)))?;
            pieces.push(self.piece(n, self.jpeg_picture(&head, data)));
        }
        Ok(self.of_pieces(pieces, None))
    }

    /// A page of the old kind of JPEG (TIFF 6.0 section 22) that the file holds as one whole stream: that stream.
    fn old_jpeg_page(&mut self) -> Result<PageImage> {
        let last = self.directory.list(273).iter().zip(self.directory.list(279)).map(|(at, length)| at.saturating_add(*length));
        let end = last.max().unwrap_or(0);
        let from = self.directory.get(513).or_else(|| self.directory.get(273)).unwrap_or(0);
        let end = end.max(from.saturating_add(self.directory.get(514).unwrap_or(0)));
        let data = self.tiff.bytes(from, end.saturating_sub(from))?;
        match jpeg::head(&data).filter(|head| (head.width, head.height) == (self.width, self.height)) {
            Some(head) => Ok(PageImage::whole(jpeg::picture(&head, data), None)),
            None => Err(self.unsupported("compression 6")),
        }
    }

    fn jpeg_picture(&self, head: &jpeg::JpegHead, data: Vec<u8>) -> Picture {
        let mut picture = jpeg::picture(head, data);
        if self.photometric == 0 {
            picture.entries += "/Decode[1 0]";
        }
        picture
    }

    /// Raw, packed, LZW and deflated data become Flate, without a sample changed (but 16 bit and alpha, which are said).
    fn packed_page(&mut self) -> Result<PageImage> {
        let (colour, extra) = self.colour()?;
        let shape = Shape {
            width: self.width,
            height: self.height,
            bits: self.bits.min(8),
            colour: colour.clone(),
            is_inverted: self.photometric == 0,
        };
        let mut packer = RowPacker::new(shape.clone());
        for down in 0..self.height.div_ceil(self.chunk.1) {
            let mut band = self.band(down)?;
            if self.bits == 16 {
                let high = usize::from(self.tiff.is_little());
                band = band.chunks_exact(2).map(|pair| pair[high]).collect();
            }
            if extra > 0 {
                let alpha = self.directory.get(338).unwrap_or(0);
                band = on_white(&band, (colour.samples() as usize, extra), alpha, self.photometric == 0);
            }
            if self.is_lab() {
                lab_to_rgb(&mut band, self.photometric == 8);
            }
            packer.push(&band)?;
        }
        if packer.rows() < self.height {
            return Err(damaged("TIFF", format!("page {}, row {}", self.page, packer.rows())));
        }
        let why = match (self.bits, extra, self.compression) {
            _ if self.is_lab() => "lab-to-rgb",
            (16, ..) => "16-bit-to-8",
            (_, 1.., _) => "alpha-on-white",
            (.., 5) => "lzw-to-flate",
            (.., 32_773) => "packbits-to-flate",
            (.., 8 | 32_946) => "flate-again",
            _ => "raw-to-flate",
        };
        let picture = packer.finish()?;
        if colour == Colour::Cmyk {
            let converted = super::raster::converted(&picture, self.page, false)?;
            return Ok(PageImage::whole(converted, Some("cmyk-to-rgb")));
        }
        Ok(PageImage::whole(picture, Some(why)))
    }

    /// True of CIE or ICC Lab.
    fn is_lab(&self) -> bool {
        matches!(self.photometric, 8 | 9)
    }

    /// Colour, and the number of samples beyond it.
    fn colour(&self) -> Result<(Colour, usize)> {
        let colour = match self.photometric {
            0 | 1 => Colour::Gray,
            2 => Colour::Rgb,
            8 | 9 if self.samples == 3 && self.bits >= 8 => Colour::Rgb,
            3 => {
                let map = self.directory.list(320);
                let third = map.len() / 3;
                if third < 1 << self.bits.min(8) || self.bits > 8 {
                    return Err(damaged("TIFF", format!("page {}, palette", self.page)));
                }
                Colour::Palette(
                    (0..third).flat_map(|n| [map[n], map[third + n], map[2 * third + n]].map(|v| (v >> 8) as u8)).collect(),
                )
            }
            5 => Colour::Cmyk,
            other => return Err(self.unsupported(format!("photometric {other}"))),
        };
        let extra = (self.samples as usize).checked_sub(colour.samples() as usize);
        match extra {
            Some(0) => Ok((colour, 0)),
            Some(extra) if self.bits >= 8 && matches!(colour, Colour::Gray | Colour::Rgb) => Ok((colour, extra)),
            _ => Err(self.unsupported(format!("{} samples", self.samples))),
        }
    }

    /// The rows of one row of chunks, all samples, packed.
    fn band(&mut self, down: u32) -> Result<Vec<u8>> {
        let is_planar = self.directory.get(284) == Some(2) && self.samples > 1;
        if is_planar && self.bits < 8 {
            return Err(self.unsupported("planes"));
        }
        let planes = if is_planar { self.samples } else { 1 };
        let per_pixel = u64::from(self.samples / planes) * u64::from(self.bits);
        let row = (u64::from(self.width) * per_pixel).div_ceil(8) as usize;
        let chunk_row = (u64::from(self.chunk.0) * per_pixel).div_ceil(8) as usize;
        let rows = self.rows_of(down) as usize;
        let per_plane = self.chunk_count();
        let mut parts = Vec::new();
        for plane in 0..planes as usize {
            let mut band = vec![0; row * rows];
            for across in 0..self.across as usize {
                let n = plane * per_plane + down as usize * self.across as usize + across;
                let chunk = self.unpacked(n, chunk_row, self.samples / planes)?;
                let left = across * chunk_row;
                for (from, to) in chunk.chunks_exact(chunk_row).zip(band.chunks_exact_mut(row)) {
                    let wide = chunk_row.min(row.saturating_sub(left));
                    if let Some(to) = to.get_mut(left..left + wide) {
                        to.copy_from_slice(&from[..wide]);
                    }
                }
            }
            parts.push(band);
        }
        if parts.len() == 1 { Ok(parts.remove(0)) } else { Ok(interleaved(&parts, usize::from(self.bits / 8))) }
    }

    /// One chunk unpacked, prediction undone. It must hold its rows (the last strip only those of the page).
    fn unpacked(&mut self, n: usize, chunk_row: usize, samples: u32) -> Result<Vec<u8>> {
        let stored = self.chunk_bytes(n)?;
        let is_tiled = !self.directory.list(324).is_empty();
        let down = n % self.chunk_count() / self.across as usize;
        let rows = if is_tiled { self.chunk.1 } else { self.rows_of(down as u32) } as usize;
        let wanted = chunk_row * rows;
        let mut data = unpacked(stored, self.compression, wanted)
            .ok_or_else(|| damaged("TIFF", format!("page {}, strip {n}", self.page)))?;
        data.truncate(wanted);
        if self.directory.get(317) == Some(2) && matches!(self.compression, 5 | 8 | 32_946) {
            if self.bits < 8 {
                return Err(self.unsupported("predictor"));
            }
            data.chunks_exact_mut(chunk_row)
                .for_each(|row| unpredict(row, samples as usize, self.bits == 16, self.tiff.is_little()));
        }
        Ok(data)
    }
}
