//! What does a JPEG say of itself, and how do the abbreviated streams of a TIFF become a whole one?

use super::picture::Picture;

/// What the frame header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JpegHead {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: u8,
    /// The transform of an Adobe marker, where there is one.
    adobe: Option<u8>,
    has_jfif: bool,
    ids: Vec<u8>,
    /// Pixels of one MCU, across and down.
    mcu: (u32, u32),
    interval: u16,
    /// Where the frame header and the first scan's data begin.
    frame_at: usize,
    scan_at: usize,
}

impl JpegHead {
    /// True if an Adobe writer says how its colours are stored.
    pub(super) fn is_adobe(&self) -> bool {
        self.adobe.is_some()
    }
}

/// Reads the markers up to the first scan; none if it is no JPEG that a PDF may carry (baseline, extended or progressive, 8 bit).
pub(super) fn head(data: &[u8]) -> Option<JpegHead> {
    let mut found: Option<JpegHead> = None;
    let (mut adobe, mut has_jfif, mut interval) = (None, false, 0);
    for (marker, at, body) in segments(data)? {
        match marker {
            0xC0..=0xC2 => {
                let [8, h1, h0, w1, w0, count, rest @ ..] = body else { return None };
                let parts: Vec<&[u8]> = rest.chunks_exact(3).take(usize::from(*count)).collect();
                if parts.len() != usize::from(*count) {
                    return None;
                }
                let (across, down) =
                    parts.iter().fold((1, 1), |(x, y), part| (x.max(u32::from(part[1] >> 4)), y.max(u32::from(part[1] & 15))));
                found = Some(JpegHead {
                    width: u32::from(u16::from_be_bytes([*w1, *w0])),
                    height: u32::from(u16::from_be_bytes([*h1, *h0])),
                    components: *count,
                    adobe: None,
                    has_jfif: false,
                    ids: parts.iter().map(|part| part[0]).collect(),
                    mcu: (across * 8, down * 8),
                    interval: 0,
                    frame_at: at,
                    scan_at: 0,
                });
            }
            // Lossless, differential and arithmetic frames have no place in a PDF.
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => return None,
            0xDD => interval = u16::from_be_bytes(body.get(..2)?.try_into().ok()?),
            0xE0 => has_jfif |= body.starts_with(b"JFIF\0"),
            0xEE if body.starts_with(b"Adobe") => adobe = body.get(11).copied(),
            0xDA => {
                let scan_at = at + 4 + body.len();
                let jpeg = JpegHead { adobe, has_jfif, interval, scan_at, ..found? };
                return (jpeg.width > 0 && jpeg.height > 0 && matches!(jpeg.components, 1 | 3 | 4)).then_some(jpeg);
            }
            _ => {}
        }
    }
    None
}

/// The marker segments up to the first scan: marker, place, body.
pub(super) fn segments(data: &[u8]) -> Option<Vec<(u8, usize, &[u8])>> {
    if !data.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let mut list = Vec::new();
    let mut at = 2;
    while let Some(&[0xFF, marker]) = data.get(at..at + 2) {
        match marker {
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            0xD9 => break,
            _ => {
                let length = usize::from(u16::from_be_bytes(data.get(at + 2..at + 4)?.try_into().ok()?));
                list.push((marker, at, data.get(at + 4..at + 2 + length.max(2))?));
                at += 2 + length.max(2);
                if marker == 0xDA {
                    break;
                }
            }
        }
    }
    Some(list)
}

/// The picture of a whole JPEG of one or three components, its bytes untouched.
pub(super) fn picture(jpeg: &JpegHead, data: Vec<u8>) -> Picture {
    let space = if jpeg.components == 1 { "/DeviceGray" } else { "/DeviceRGB" };
    // Without a word of its own, three components named R, G, B are no YCbCr, whatever the filter's default says.
    let is_rgb = jpeg.adobe.is_none() && !jpeg.has_jfif && jpeg.ids == *b"RGB";
    let transform = if is_rgb { "/DecodeParms<</ColorTransform 0>>" } else { "" };
    let entries = format!("/ColorSpace{space}/BitsPerComponent 8/Filter/DCTDecode{transform}");
    Picture { width: jpeg.width, height: jpeg.height, entries, data, attached: Vec::new(), mask: None }
}

/// Whole JPEG of an abbreviated stream: tables first, and a marker that says whether the colours are transformed.
/// The coded image data stay the same bytes.
pub(super) fn completed(tables: &[u8], strip: &[u8], is_ycbcr: bool) -> Option<Vec<u8>> {
    let strip = strip.get(strip.windows(2).position(|pair| pair == [0xFF, 0xD8])?..)?;
    let mut whole = vec![0xFF, 0xD8];
    whole.extend([0xFF, 0xEE, 0, 14]);
    whole.extend_from_slice(b"Adobe\0\x64\0\0\0\0");
    whole.push(u8::from(is_ycbcr));
    if let Some(list) = segments(tables) {
        for (_, at, body) in list {
            whole.extend_from_slice(tables.get(at..at + 4 + body.len())?);
        }
    }
    whole.extend_from_slice(strip.get(2..)?);
    Some(whole)
}

/// Joins completed strips of one image, top to bottom, into a single JPEG: each strip becomes a restart interval, so that
/// no coded byte changes. None where the strips are not alike enough for that.
pub(super) fn joined(strips: &[Vec<u8>], width: u32, height: u32) -> Option<Vec<u8>> {
    let first = head(strips.first()?)?;
    let columns = width.div_ceil(first.mcu.0);
    let rows = first.height.div_ceil(first.mcu.1);
    let interval = u16::try_from(columns.checked_mul(rows)?).ok()?;
    let is_plain = strips.first()?.get(first.frame_at + 1).is_some_and(|sof| *sof <= 0xC1);
    let is_even = strips.len() == 1 || first.height.is_multiple_of(first.mcu.1);
    if !is_plain || !is_even || first.interval != 0 || first.width != width || height > 65_535 {
        return None;
    }
    let lead = strips.first()?.get(..first.scan_at)?;
    let mut whole = lead.get(..first.frame_at)?.to_vec();
    whole.extend([0xFF, 0xDD, 0, 4]);
    whole.extend(interval.to_be_bytes());
    let frame = lead.get(first.frame_at..)?;
    whole.extend_from_slice(frame.get(..5)?);
    whole.extend((height as u16).to_be_bytes());
    whole.extend_from_slice(frame.get(7..)?);
    for (n, strip) in strips.iter().enumerate() {
        let jpeg = head(strip)?;
        let is_alike = strip.get(..jpeg.scan_at).is_some_and(|own| same_but_height(own, lead, first.frame_at));
        let is_full = n + 1 == strips.len() || jpeg.height == first.height;
        if !is_alike || !is_full {
            return None;
        }
        let coded = strip.get(jpeg.scan_at..)?;
        // A second scan would need an interval of its own: such strips stay apart.
        let end = coded.windows(2).position(|pair| pair[0] == 0xFF && pair[1] != 0)?;
        if coded.get(end + 1) != Some(&0xD9) {
            return None;
        }
        if n > 0 {
            whole.extend([0xFF, 0xD0 + ((n - 1) % 8) as u8]);
        }
        whole.extend_from_slice(coded.get(..end)?);
    }
    whole.extend([0xFF, 0xD9]);
    Some(whole)
}

/// True if two heads differ in the height of the frame at most.
fn same_but_height(a: &[u8], b: &[u8], frame_at: usize) -> bool {
    let blank = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        if let Some(field) = bytes.get_mut(frame_at + 5..frame_at + 7) {
            field.fill(0);
        }
        bytes
    };
    blank(a) == blank(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(width: u32, height: u32) -> Vec<u8> {
        let mut data = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut data, 80);
        let pixels: Vec<u8> = (0..width * height).map(|n| (n * 7 % 251) as u8).collect();
        encoder.encode(&pixels, width, height, image::ExtendedColorType::L8).expect("JPEG");
        data
    }

    #[test]
    fn strips_joined_decode_to_the_same_pixels_as_the_strips_alone() {
        let strips: Vec<Vec<u8>> =
            [(64, 16), (64, 16), (64, 5)].iter().map(|(w, h)| completed(&[], &sample(*w, *h), false).expect("whole")).collect();
        let whole = joined(&strips, 64, 37).expect("alike");
        let pixels = |data: &[u8]| image::load_from_memory(data).expect("decodes").to_luma8().into_raw();
        let apart: Vec<u8> = strips.iter().flat_map(|strip| pixels(strip)).collect();
        assert_eq!(pixels(&whole), apart);
    }

    #[test]
    fn strips_whose_rows_fill_no_whole_blocks_stay_apart() {
        let strips: Vec<Vec<u8>> = [12, 12].iter().map(|h| completed(&[], &sample(64, *h), false).expect("whole")).collect();
        assert_eq!(joined(&strips, 64, 24), None);
    }

    #[test]
    fn a_jpeg_that_breaks_off_in_its_head_is_none() {
        let data = sample(16, 16);
        let whole = head(&data).expect("head");
        assert_eq!((whole.width, whole.height, whole.components), (16, 16, 1));
        for end in 0..whole.scan_at {
            assert_eq!(head(&data[..end]), None, "cut at {end}");
        }
    }
}
