//! What did a TIFF writer do to the samples? Prediction, planes and opacity undone.

/// Undoes horizontal differencing (TIFF 6.0, section 14).
pub(super) fn unpredict(row: &mut [u8], samples: usize, is_wide: bool, is_little: bool) {
    if !is_wide {
        for n in samples..row.len() {
            row[n] = row[n].wrapping_add(row[n - samples]);
        }
        return;
    }
    let get = |pair: [u8; 2]| if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) };
    for n in samples..row.len() / 2 {
        let before = n - samples;
        let sum = get([row[2 * n], row[2 * n + 1]]).wrapping_add(get([row[2 * before], row[2 * before + 1]]));
        let bytes = if is_little { sum.to_le_bytes() } else { sum.to_be_bytes() };
        row[2 * n..2 * n + 2].copy_from_slice(&bytes);
    }
}

/// Samples of planes of `wide` bytes, woven together.
pub(super) fn interleaved(planes: &[Vec<u8>], wide: usize) -> Vec<u8> {
    let count = planes.first().map_or(0, |plane| plane.len() / wide);
    let mut out = Vec::with_capacity(count * wide * planes.len());
    for n in 0..count {
        for plane in planes {
            out.extend_from_slice(&plane[n * wide..(n + 1) * wide]);
        }
    }
    out
}

/// Eight-bit pixels of so many colour and extra samples, the first extra one opacity as ExtraSamples says (0 none,
/// 1 already multiplied in, 2 plain), laid on white.
pub(super) fn on_white(pixels: &[u8], (samples, extra): (usize, usize), alpha: u64, is_inverted: bool) -> Vec<u8> {
    let white = if is_inverted { 0 } else { 255_u32 };
    let mut out = Vec::with_capacity(pixels.len() / (samples + extra) * samples);
    for pixel in pixels.chunks_exact(samples + extra) {
        let cover = u32::from(pixel[samples]);
        out.extend(pixel[..samples].iter().map(|value| {
            let value = u32::from(*value);
            match alpha {
                0 => value as u8,
                1 => (value + white * (255 - cover) / 255).min(255) as u8,
                _ => ((value * cover + white * (255 - cover) + 127) / 255) as u8,
            }
        }));
    }
    out
}

/// Pixels of 8-bit Lab become sRGB. The hues are signed in CIE Lab (TIFF 6.0 section 23), from 128 on in ICC Lab.
pub(super) fn lab_to_rgb(pixels: &mut [u8], is_signed: bool) {
    let hue = |byte: u8| if is_signed { f32::from(byte as i8) } else { f32::from(byte) - 128.0 };
    let cubed = |t: f32| if t > 6.0 / 29.0 { t * t * t } else { 3.0 * (6.0_f32 / 29.0).powi(2) * (t - 4.0 / 29.0) };
    let gamma = |v: f32| if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    let mut last: Option<([u8; 3], [u8; 3])> = None;
    for pixel in pixels.chunks_exact_mut(3) {
        let own = [pixel[0], pixel[1], pixel[2]];
        // Neighbours are mostly alike.
        if let Some((lab, rgb)) = last
            && lab == own
        {
            pixel.copy_from_slice(&rgb);
            continue;
        }
        let middle = (f32::from(own[0]) / 2.55 + 16.0) / 116.0;
        // The white of D50, and from there to linear sRGB (ICC.1, annex E; IEC 61966-2-1).
        let (x, y, z) =
            (0.964_2 * cubed(middle + hue(own[1]) / 500.0), cubed(middle), 0.824_9 * cubed(middle - hue(own[2]) / 200.0));
        let linear = [
            3.133_9 * x - 1.616_9 * y - 0.490_6 * z,
            -0.978_8 * x + 1.916_1 * y + 0.033_5 * z,
            0.071_9 * x - 0.229_0 * y + 1.405_2 * z,
        ];
        let rgb = linear.map(|v| (gamma(v.clamp(0.0, 1.0)) * 255.0 + 0.5) as u8);
        pixel.copy_from_slice(&rgb);
        last = Some((own, rgb));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bytes_unpack_as_the_format_says() {
        // The example of TIFF 6.0, section 9.
        let packed = [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let plain = unpackbits(&packed, 24).expect("unpacks");
        assert_eq!(plain[..6], [0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A]);
        assert_eq!(plain.len(), 24);
        assert_eq!(unpackbits(&packed[..6], 24), None);
    }

    #[test]
    fn opacity_lays_a_pixel_on_white() {
        assert_eq!(on_white(&[0, 0, 0, 0, 0, 0, 0, 255], (3, 1), 2, false), [255, 255, 255, 0, 0, 0]);
        assert_eq!(on_white(&[10, 0], (1, 1), 0, false), [10]);
    }
}
