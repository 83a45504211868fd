//! May a JPEG 2000 file stay as it is? From PDF/A-2 on: in grey or RGB of eight bits, all samples of one size, and nothing see-through
//! (ISO 19005-2, 6.2.8.3). A bare stream of code gets the boxes around it that a reader asks for (ISO 15444-1, annex I).

use hayro_jpeg2000::{ColorSpace, DecodeSettings, Image};

use super::picture::Picture;

/// How a file with boxes begins, and a bare stream of code: its first marker and the one of its size.
const BOXES: &[u8] = b"\0\0\0\x0cjP  \r\n\x87\n";
const CODE: &[u8] = b"\xff\x4f\xff\x51";

/// The file as a picture, not a sample changed; none of one that no PDF/A shows as it is.
pub(super) fn picture(data: &[u8]) -> Option<Picture> {
    let image = Image::new(data, &DecodeSettings::default()).ok()?;
    let is_plain = !image.has_alpha() && image.original_bit_depth() == 8;
    let colour = match image.color_space() {
        ColorSpace::Gray => "DeviceGray",
        ColorSpace::RGB => "DeviceRGB",
        _ => return None,
    };
    let (width, height) = (image.width(), image.height());
    let data = if data.starts_with(CODE) {
        boxed(data)?
    } else if data.starts_with(BOXES) && has_one_colour(data) {
        data.to_vec()
    } else {
        return None;
    };
    let entries = format!("/ColorSpace/{colour}/BitsPerComponent 8/Filter/JPXDecode");
    is_plain.then_some(Picture { width, height, entries, data, ..Picture::default() })
}

/// True of a file whose head names its colours once, by their number.
fn has_one_colour(data: &[u8]) -> bool {
    let head = boxes(data).find(|(name, _)| *name == b"jp2h").map_or(&[][..], |(_, head)| head);
    let mut colours = boxes(head).filter(|(name, _)| *name == b"colr");
    // Method 1: a number follows, 16 for sRGB, 17 for grey.
    let is_known = |colour: &[u8]| matches!(colour, [1, _, _, 0, 0, 0, 16 | 17, ..]);
    let is_map = boxes(head).any(|(name, _)| matches!(name, b"pclr" | b"cmap" | b"cdef"));
    colours.next().is_some_and(|(_, colour)| is_known(colour)) && colours.next().is_none() && !is_map
}

/// The boxes of a file or of a box that holds boxes: their names and contents.
fn boxes(data: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (name, content) = after.split_first_chunk::<4>()?;
        let length = match u32::from_be_bytes(*length) {
            0 => rest.len(),
            // Longer than 4 GiB: no page of an office.
            1 => return None,
            length => length as usize,
        };
        let content = content.get(..length.checked_sub(8)?)?;
        rest = &rest[length..];
        Some((name, content))
    })
}

/// A bare stream of code in boxes; none of samples of several sizes or signed ones.
fn boxed(code: &[u8]) -> Option<Vec<u8>> {
    // SIZ (annex A.5.1): two bytes of length and two of capabilities behind the markers, eight numbers of four bytes, the count.
    let size = code.get(8..40)?;
    let number = |at: usize| Some(u32::from_be_bytes(size.get(at..at + 4)?.try_into().ok()?));
    let (width, height) = (number(0)?.checked_sub(number(8)?)?, number(4)?.checked_sub(number(12)?)?);
    let count = u16::from_be_bytes(code.get(40..42)?.try_into().ok()?);
    let samples = code.get(42..42 + 3 * usize::from(count))?;
    let colour = match count {
        1 => 17_u32,
        3 => 16,
        _ => return None,
    };
    if samples.chunks_exact(3).any(|sample| sample != [7, 1, 1]) {
        return None;
    }
    let mut head =
        [b"\0\0\0\x16ihdr", &height.to_be_bytes()[..], &width.to_be_bytes(), &count.to_be_bytes(), &[7, 7, 0, 0]].concat();
    head.extend([b"\0\0\0\x0fcolr\x01\0\0", &colour.to_be_bytes()[..]].concat());
    let mut file = [BOXES, b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 "].concat();
    for (name, content) in [(b"jp2h", head.as_slice()), (b"jp2c", code)] {
        file.extend(u32::try_from(content.len() + 8).ok()?.to_be_bytes());
        file.extend_from_slice(name);
        file.extend_from_slice(content);
    }
    Some(file)
}
