//! How does a PNG become a picture? Its packed rows as they are, unless it is interlaced, see-through or 16 bits deep.

use std::io::Read as _;

use flate2::Crc;
use flate2::read::ZlibDecoder;

use super::picture::{Colour, PageImage, Picture, Shape};
use super::tiff::damaged;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// True of bytes that begin like a PNG.
pub(super) fn is_png(data: &[u8]) -> bool {
    data.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// What the chunks say.
#[derive(Default)]
struct Png {
    width: u32,
    height: u32,
    bits: u8,
    colour_type: u8,
    is_interlaced: bool,
    is_see_through: bool,
    palette: Vec<u8>,
    packed: Vec<u8>,
}

/// The picture of a PNG file.
pub(super) fn page_image(data: &[u8], limits: &Limits) -> Result<PageImage> {
    let png = chunks(data)?;
    if u64::from(png.width) * u64::from(png.height) > limits.page_pixels_max {
        return Err(Error::hold("copy-limit").with("limit", "page_pixels_max").with("page", 1));
    }
    let colour = match png.colour_type {
        0 => Colour::Gray,
        2 => Colour::Rgb,
        3 if !png.palette.is_empty() => Colour::Palette(png.palette.clone()),
        4 | 6 => return decoded(data, "alpha-on-white"),
        _ => return Err(damaged("PNG", "IHDR")),
    };
    if png.is_see_through {
        return decoded(data, "alpha-on-white");
    }
    if png.bits == 16 {
        return decoded(data, "16-bit-to-8");
    }
    if png.is_interlaced {
        return decoded(data, "interlaced");
    }
    let shape = Shape { width: png.width, height: png.height, bits: u16::from(png.bits), colour, is_inverted: false };
    let wanted = (shape.row_bytes() as u64 + 1) * u64::from(png.height);
    if unpacked_len(&png.packed, wanted) < wanted {
        return Err(damaged("PNG", "IDAT"));
    }
    let entries = format!(
        "{}/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors {}/BitsPerComponent {}/Columns {}>>",
        shape.entries(),
        shape.colour.samples(),
        png.bits,
        png.width
    );
    let picture = Picture { width: png.width, height: png.height, entries, data: png.packed, attached: Vec::new(), mask: None };
    Ok(PageImage::whole(picture, None))
}

fn chunks(data: &[u8]) -> Result<Png> {
    let mut png = Png::default();
    let mut rest = data.get(8..).unwrap_or_default();
    loop {
        let place = data.len() - rest.len();
        let broken = || damaged("PNG", format!("byte {place}"));
        let length = rest.get(..4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes).ok_or_else(broken)? as usize;
        let named = rest.get(4..8 + length).ok_or_else(broken)?;
        let sum = rest.get(8 + length..12 + length).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes).ok_or_else(broken)?;
        let mut crc = Crc::new();
        crc.update(named);
        if crc.sum() != sum {
            return Err(broken());
        }
        let (name, body) = named.split_at(4);
        match name {
            b"IHDR" => {
                let [w0, w1, w2, w3, h0, h1, h2, h3, bits, colour_type, 0, 0, interlace] = *body else { return Err(broken()) };
                png.width = u32::from_be_bytes([w0, w1, w2, w3]);
                png.height = u32::from_be_bytes([h0, h1, h2, h3]);
                (png.bits, png.colour_type, png.is_interlaced) = (bits, colour_type, interlace != 0);
                if png.width == 0 || png.height == 0 || !matches!(bits, 1 | 2 | 4 | 8 | 16) {
                    return Err(broken());
                }
            }
            b"PLTE" => png.palette = body.to_vec(),
            b"tRNS" => png.is_see_through = true,
            b"IDAT" => png.packed.extend_from_slice(body),
            b"IEND" => return Ok(png),
            _ => {}
        }
        rest = &rest[12 + length..];
    }
}

/// Bytes that the packed data unpack to, counted up to `wanted`.
fn unpacked_len(packed: &[u8], wanted: u64) -> u64 {
    std::io::copy(&mut ZlibDecoder::new(packed).take(wanted), &mut std::io::sink()).unwrap_or(0)
}

/// The pixels decoded, brought to 8 bits, laid on white, and packed again.
fn decoded(data: &[u8], why: &'static str) -> Result<PageImage> {
    let mut reader = image::ImageReader::with_format(std::io::Cursor::new(data), image::ImageFormat::Png);
    // The size is bounded before: the ceiling on pixels rules, not the decoder's own.
    reader.no_limits();
    super::other::whitened(reader.decode().map_err(|e| damaged("PNG", "IDAT").because(e))?, why)
}
