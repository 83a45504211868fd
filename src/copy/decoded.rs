//! What becomes of a TIFF page whose JPEG data no PDF takes as they are (opacity beside the colours, ink)? Its pixels, packed anew.

use std::fs::File;
use std::io::BufReader;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};

use super::picture::{Colour, PageImage, RowPacker, Shape};
use super::tiff::damaged;
use super::unpack::on_white;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// The pixels of directory `number`, opacity laid on white (`alpha` as ExtraSamples says), ink as RGB.
pub(super) fn page_image(file: File, number: u32, page: u32, alpha: u64, limits: &Limits) -> Result<PageImage> {
    let wrong = |_| damaged("TIFF", format!("page {page}"));
    let mut ceilings = TiffLimits::default();
    ceilings.decoding_buffer_size = usize::try_from(limits.page_pixels_max.saturating_mul(4)).unwrap_or(usize::MAX);
    ceilings.intermediate_buffer_size = ceilings.decoding_buffer_size;
    let mut decoder = Decoder::new(BufReader::new(file)).map_err(wrong)?.with_limits(ceilings);
    decoder.seek_to_image(number as usize).map_err(wrong)?;
    let (width, height) = decoder.dimensions().map_err(wrong)?;
    let of = decoder.colortype().map_err(wrong)?;
    let unsupported = || Error::hold("copy-unsupported").with("page", page).with("what", format!("TIFF JPEG, {of:?}"));
    let (colour, extra, why) = match of {
        ColorType::GrayA(8) => (Colour::Gray, 1, "alpha-on-white"),
        ColorType::RGBA(8) => (Colour::Rgb, 1, "alpha-on-white"),
        ColorType::CMYK(8) => (Colour::Cmyk, 0, "cmyk-to-rgb"),
        _ => return Err(unsupported()),
    };
    let DecodingResult::U8(mut pixels) = decoder.read_image().map_err(wrong)? else { return Err(unsupported()) };
    if extra > 0 {
        pixels = on_white(&pixels, (colour.samples() as usize, extra), alpha, false);
    }
    let is_ink = colour == Colour::Cmyk;
    let mut packer = RowPacker::new(Shape { width, height, bits: 8, colour, is_inverted: false });
    packer.push(&pixels)?;
    if packer.rows() < height {
        return Err(damaged("TIFF", format!("page {page}, row {}", packer.rows())));
    }
    let picture = packer.finish()?;
    let picture = if is_ink { super::raster::converted(&picture, page, false)? } else { picture };
    Ok(PageImage::whole(picture, Some(why)))
}
