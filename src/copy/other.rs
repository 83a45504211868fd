//! How do a GIF, a BMP, a WebP or a JPEG 2000 become a picture? Their pixels are packed anew; only a JPEG 2000 may stay as it is.

use image::{DynamicImage, ImageFormat};

use super::PdfaLevel;
use super::drawing::Pixels;
use super::jpx::picture as kept;
use super::picture::{Colour, PageImage, RowPacker, Shape};
use super::raster::as_jpeg;
use super::tiff::damaged;
use super::unpack::on_white;
use crate::error::{Error, Result};
use crate::jpx;
use crate::limits::Limits;

/// Bytes by which the picture of a small file may be larger; the text and the frame of the copy have room beside it.
const SPARE: usize = 16 << 10;

/// The picture of such a file; one that is none of them is damaged.
pub(super) fn page_image(data: &[u8], level: PdfaLevel, limits: &Limits) -> Result<PageImage> {
    let too_large = || Error::hold("copy-limit").with("limit", "page_pixels_max").with("page", 1);
    let format = image::guess_format(data).ok();
    let Some(format) = format.filter(|f| matches!(f, ImageFormat::Gif | ImageFormat::Bmp | ImageFormat::WebP)) else {
        let (width, height, _) = jpx::size(data).ok_or_else(|| damaged("image", "byte 0"))?;
        if u64::from(width) * u64::from(height) > limits.page_pixels_max {
            return Err(too_large());
        }
        if let Some(picture) = kept(data).filter(|_| !level.is_first()) {
            return Ok(PageImage::whole(picture, None));
        }
        let pixels = jpx::pixels(data, limits.page_pixels_max).ok_or_else(|| damaged("JPEG 2000", "pixels"))?;
        return within(whitened(pixels.clone(), "jpx-decoded")?, &pixels, data.len());
    };
    let sized = || image::ImageReader::with_format(std::io::Cursor::new(data), format);
    let (width, height) = sized().into_dimensions().map_err(|e| damaged("image", "byte 0").because(e))?;
    if u64::from(width) * u64::from(height) > limits.page_pixels_max {
        return Err(too_large());
    }
    let mut reader = sized();
    // The size is bounded above: the ceiling on pixels rules, not the decoder's own.
    reader.no_limits();
    let pixels = reader.decode().map_err(|e| damaged("image", "pixels").because(e))?;
    let exact = whitened(pixels.clone(), "image-decoded")?;
    // "VP8 " is the lossy kind of WebP, "VP8L" the other (RFC 9649).
    let is_lossy = format == ImageFormat::WebP && data.windows(4).take(HEAD).any(|name| name == b"VP8 ");
    if is_lossy { within(exact, &pixels, data.len()) } else { Ok(exact) }
}

/// Bytes in which the chunk of a WebP that names its kind stands.
const HEAD: usize = 1 << 16;

/// The exact page, unless it is much larger than the `stored` bytes it was decoded from: then the best JPEG that is not.
fn within(exact: PageImage, pixels: &DynamicImage, stored: usize) -> Result<PageImage> {
    let most = stored + stored / 10 + SPARE;
    if exact.pieces.iter().map(|piece| piece.picture.data.len()).sum::<usize>() <= most {
        return Ok(exact);
    }
    let white = on_white(&pixels.to_rgba8().into_raw(), (3, 1), 2, false);
    let rgba: Vec<u8> = white.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let pixels = Pixels { width: exact.width, height: exact.height, rgba: &rgba };
    let mut picture = as_jpeg(pixels, 92)?;
    for quality in [88, 84, 80, 75, 70, 60, 50, 40] {
        if picture.data.len() <= most {
            break;
        }
        picture = as_jpeg(pixels, quality)?;
    }
    Ok(PageImage::whole(picture, exact.reencoded))
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
