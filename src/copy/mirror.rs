//! Does a file say that its pixels are a mirror image? Then the page shows them mirrored back, the stream as it is stored.
//!
//! Left and right are exchanged first, as they are when the page is read; what is left of the tag is a turn of the page.

use super::jpeg;
use super::picture::{PageImage, Place};

/// True of the orientations (TIFF 6.0, tag 274) that mirror.
pub(super) fn is_mirror(orientation: u64) -> bool {
    matches!(orientation, 2 | 4 | 5 | 7)
}

/// The page with left and right exchanged.
pub(super) fn mirrored(mut image: PageImage) -> PageImage {
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    for piece in &mut image.pieces {
        if let Place::Pixels { x, y } = &piece.place {
            let (across, down) = (f64::from(piece.picture.width), f64::from(piece.picture.height));
            let (right, bottom) = (1.0 - f64::from(*x) / width, (height - f64::from(*y) - down) / height);
            piece.place = Place::Laid { matrix: [-across / width, 0.0, 0.0, down / height, right, bottom], ink: None };
        }
    }
    image
}

/// True of a JPEG whose EXIF block says that it is a mirror image.
pub(super) fn of_jpeg(data: &[u8]) -> bool {
    let blocks = jpeg::segments(data).unwrap_or_default();
    let exif = blocks.iter().filter(|(marker, ..)| *marker == 0xE1).find_map(|(.., body)| body.strip_prefix(b"Exif\0\0"));
    exif.and_then(orientation).is_some_and(is_mirror)
}

/// True of a PNG whose EXIF chunk says so.
pub(super) fn of_png(data: &[u8]) -> bool {
    let mut rest = data.get(8..).unwrap_or_default();
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(chunk) = body.get(..length) else { return false };
        if &head[4..] == b"eXIf" {
            return orientation(chunk).is_some_and(is_mirror);
        }
        rest = body.get(length.saturating_add(4)..).unwrap_or_default();
    }
    false
}

/// The orientation in the first directory of an EXIF block (Exif 2.3, section 4.6.4).
fn orientation(exif: &[u8]) -> Option<u64> {
    let is_little = match exif.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let number = |at: usize, size: usize| {
        let bytes = exif.get(at..at.checked_add(size)?)?;
        let fold = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
        Some(if is_little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) })
    };
    let directory = number(4, 4)? as usize;
    let count = number(directory, 2)? as usize;
    let entry = (0..count).map(|n| directory + 2 + n * 12).find(|at| number(*at, 2) == Some(274))?;
    number(entry + 8, 2)
}
