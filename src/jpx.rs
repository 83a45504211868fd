//! A JPEG 2000 file as pixels: for whoever reads the page, and for whoever copies it.

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
use image::DynamicImage;

/// Width, height and bits of a sample; none of bytes that are no JPEG 2000.
pub fn size(bytes: &[u8]) -> Option<(u32, u32, u16)> {
    let image = Image::new(bytes, &DecodeSettings::default()).ok()?;
    let channels = u16::from(image.color_space().num_channels());
    Some((image.width(), image.height(), u16::from(image.original_bit_depth()) * channels))
}

/// The pixels, in grey or RGB; none where the bytes are broken, larger than `pixels_max`, or of colours that no screen has.
pub fn pixels(bytes: &[u8], pixels_max: u64) -> Option<DynamicImage> {
    let image = Image::new(bytes, &DecodeSettings::default()).ok()?;
    let (width, height) = (image.width(), image.height());
    if u64::from(width) * u64::from(height) > pixels_max {
        return None;
    }
    let channels = image.color_space().num_channels() + u8::from(image.has_alpha());
    let mut context = DecoderContext::default();
    let data = image.decode(&mut context).ok()?.data_u8();
    Some(match (channels, image.has_alpha()) {
        (1, false) => image::GrayImage::from_raw(width, height, data)?.into(),
        (2, true) => image::GrayAlphaImage::from_raw(width, height, data)?.into(),
        (3, false) => image::RgbImage::from_raw(width, height, data)?.into(),
        (4, true) => image::RgbaImage::from_raw(width, height, data)?.into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_jpeg_2000_have_neither_size_nor_pixels() {
        for bytes in [&b""[..], b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51\x00\x29", b"\xff\xd8\xff\xe0"] {
            assert_eq!(size(bytes), None);
            assert!(pixels(bytes, 1 << 20).is_none());
        }
    }
}
