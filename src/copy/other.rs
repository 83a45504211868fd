//! How do a GIF, a BMP, a WebP or a JPEG 2000 become a picture? No PDF/A-1 holds their data as they are: their pixels, packed anew.

use image::{DynamicImage, ImageFormat};

use super::picture::{Colour, PageImage, RowPacker, Shape};
use super::tiff::damaged;
use super::unpack::on_white;
use crate::error::{Error, Result};
use crate::jpx;
use crate::limits::Limits;

/// The picture of such a file; one that is none of them is damaged.
pub(super) fn page_image(data: &[u8], limits: &Limits) -> Result<PageImage> {
    let too_large = || Error::hold("copy-limit").with("limit", "page_pixels_max").with("page", 1);
    let format = image::guess_format(data).ok();
    let Some(format) = format.filter(|f| matches!(f, ImageFormat::Gif | ImageFormat::Bmp | ImageFormat::WebP)) else {
        let (width, height, _) = jpx::size(data).ok_or_else(|| damaged("image", "byte 0"))?;
        if u64::from(width) * u64::from(height) > limits.page_pixels_max {
            return Err(too_large());
        }
        let pixels = jpx::pixels(data, limits.page_pixels_max).ok_or_else(|| damaged("JPEG 2000", "pixels"))?;
        return whitened(pixels, "jpx-decoded");
    };
    let sized = || image::ImageReader::with_format(std::io::Cursor::new(data), format);
    let (width, height) = sized().into_dimensions().map_err(|e| damaged("image", "byte 0").because(e))?;
    if u64::from(width) * u64::from(height) > limits.page_pixels_max {
        return Err(too_large());
    }
    let mut reader = sized();
    // The size is bounded above: the ceiling on pixels rules, not the decoder's own.
    reader.no_limits();
    whitened(reader.decode().map_err(|e| damaged("image", "pixels").because(e))?, "image-decoded")
}

/// The pixels without loss, opacity laid on white.
pub(super) fn whitened(image: DynamicImage, why: &'static str) -> Result<PageImage> {
    let (width, height) = (image.width(), image.height());
    let (colour, pixels) = if image.color().has_color() {
        (Colour::Rgb, on_white(&image.into_rgba8().into_raw(), (3, 1), 2, false))
    } else {
        (Colour::Gray, on_white(&image.into_luma_alpha8().into_raw(), (1, 1), 2, false))
    };
    let mut packer = RowPacker::new(Shape { width, height, bits: 8, colour, is_inverted: false });
    packer.push(&pixels)?;
    Ok(PageImage::whole(packer.finish()?, Some(why)))
}
