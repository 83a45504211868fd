//! What grey are the samples of a TIFF? Of any width and colour, one byte for each pixel.

use tiff::ColorType;
use tiff::decoder::DecodingResult;

/// Decoded samples as one grey byte per pixel; `None` if they are fewer than the page has.
pub(super) fn to_gray(pixels: &DecodingResult, colour: (ColorType, u16), (width, height): (usize, usize)) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = match pixels {
        DecodingResult::U8(values) => return bytes_to_gray(values, colour, width, height),
        DecodingResult::U16(values) => {
            let shift = narrowing(values);
            values.iter().map(|v| (v >> shift) as u8).collect()
        }
        DecodingResult::U32(values) => values.iter().map(|v| (v >> 24) as u8).collect(),
        DecodingResult::F32(values) => values.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8).collect(),
        _ => return None,
    };
    bytes_to_gray(&bytes, colour, width, height)
}

/// Bits that samples of 16 bits lose: of cameras and scanners with 10, 12 or 14 bits the upper ones are empty.
fn narrowing(values: &[u16]) -> u32 {
    let most = values.iter().copied().max().unwrap_or(0);
    [(1 << 10, 2), (1 << 12, 4), (1 << 14, 6)]
        .iter()
        .find(|(range, _)| most < *range && most >= 256)
        .map_or(8, |(_, shift)| *shift)
}

fn bytes_to_gray(bytes: &[u8], (colour, extra): (ColorType, u16), width: usize, height: usize) -> Option<Vec<u8>> {
    let luma = |r: u8, g: u8, b: u8| ((u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114) / 1000) as u8;
    let over_white = |value: u8, alpha: u8| (255 - (u32::from(255 - value) * u32::from(alpha)) / 255) as u8;
    let gray: Vec<u8> = match colour {
        ColorType::Gray(bits @ (1 | 2 | 4)) | ColorType::Palette(bits @ (1 | 2 | 4)) => unpacked(bytes, bits, width, height)?,
        ColorType::Gray(_) => bytes.to_vec(),
        ColorType::GrayA(_) => bytes.chunks_exact(2).map(|p| over_white(p[0], p[1])).collect(),
        ColorType::RGB(_) => bytes.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])).collect(),
        ColorType::RGBA(_) => bytes.chunks_exact(4).map(|p| over_white(luma(p[0], p[1], p[2]), p[3])).collect(),
        ColorType::YCbCr(_) => bytes.chunks_exact(3).map(|p| p[0]).collect(),
        ColorType::CMYK(_) => bytes
            .chunks_exact(4)
            .map(|p| luma(255 - p[0].saturating_add(p[3]), 255 - p[1].saturating_add(p[3]), 255 - p[2].saturating_add(p[3])))
            .collect(),
        // Grey with more beside it, or lightness before its colours.
        ColorType::Multiband { num_samples: samples, .. } => {
            let has_alpha = samples == 2 && matches!(extra, 1 | 2);
            bytes.chunks_exact(usize::from(samples)).map(|p| if has_alpha { over_white(p[0], p[1]) } else { p[0] }).collect()
        }
        _ => return None,
    };
    (gray.len() >= width * height).then(|| gray[..width * height].to_vec())
}

/// Indices spread over 0 to 255 become the grey of their entry in the colour map (three runs of 16-bit values).
pub(super) fn through_map(gray: &mut [u8], map: &[u64], bits: u16) {
    let entries = map.len() / 3;
    let most = (1_usize << bits.min(8)) - 1;
    let table: Vec<u8> = (0..256)
        .map(|spread| {
            let index = (spread * most + 127) / 255;
            let at = |run: usize| map.get(run * entries + index).map_or(0, |value| value >> 8);
            ((at(0) * 299 + at(1) * 587 + at(2) * 114) / 1000) as u8
        })
        .collect();
    for value in gray {
        *value = table[usize::from(*value)];
    }
}

/// Samples of 1, 2 or 4 bits, rows on whole bytes, spread over 0 to 255.
fn unpacked(bytes: &[u8], bits: u8, width: usize, height: usize) -> Option<Vec<u8>> {
    let stride = (width * usize::from(bits)).div_ceil(8);
    let most = (1_u16 << bits) - 1;
    let per_byte = 8 / usize::from(bits);
    let mut gray = Vec::with_capacity(width * height);
    for row in bytes.get(..stride * height)?.chunks_exact(stride) {
        gray.extend((0..width).map(|x| {
            let shift = 8 - bits as usize * (x % per_byte + 1);
            let value = u16::from(row[x / per_byte] >> shift) & most;
            (value * 255 / most) as u8
        }));
    }
    Some(gray)
}
