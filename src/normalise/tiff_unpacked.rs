//! What do the data of a TIFF page say that `tiff` does not unpack? The page as a TIFF of its own, nothing packed.
//!
//! Writers differ in whether the last LZW code of a strip or tile is the end code (TIFF 6.0 section 13 asks for it), and some fill
//! bytes from the lowest bit. Prediction and planes stay as they are stored.

use super::broken_page;
use super::tiff_directory::Directory;
use super::tiff_file::TiffFile;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::tiff_strip::{in_order, unpacked};

/// A TIFF that holds the page alone, in the byte order of its file; palettes and Lab as grey.
pub(super) fn file(tiff: &TiffFile, directory: &Directory, page: u32, limits: &Limits) -> Result<Vec<u8>> {
    let (across, down) =
        if directory.is_tiled { directory.tile } else { (directory.width, directory.rows_per_strip.clamp(1, directory.height)) };
    if across == 0 || down == 0 {
        return Err(broken_page(page, "TIFF"));
    }
    let is_planar = directory.planar == 2;
    let samples = if is_planar { 1 } else { u64::from(directory.samples) };
    let row = (u64::from(across) * samples * u64::from(directory.bits)).div_ceil(8);
    let rows_in = |n: usize| {
        let strips = directory.height.div_ceil(down) as usize;
        if directory.is_tiled { down } else { down.min(directory.height - (n % strips) as u32 * down) }
    };
    let mut out = Unpacked { bytes: vec![0; 8], is_little: directory.photometric_at.1 == [1, 0] };
    let (mut places, mut lengths) = (Vec::new(), Vec::new());
    for n in 0..directory.offsets.len() {
        let wanted = row.saturating_mul(u64::from(rows_in(n)));
        // Places in a TIFF have 32 bits.
        if wanted.saturating_add(out.bytes.len() as u64) > limits.unpacked_bytes_max.min(u64::from(u32::MAX)) {
            return Err(Error::hold("file-memory").with("bytes", limits.unpacked_bytes_max));
        }
        let Some(packed) = tiff.strip(directory, n)? else { break };
        let compression = u64::from(directory.compression);
        let packed = in_order(packed, u64::from(directory.fill_order), compression);
        let chunk = unpacked(packed, compression, wanted as usize).ok_or_else(|| broken_page(page, format_args!("TIFF, {n}")))?;
        places.push(out.bytes.len() as u32);
        lengths.push(chunk.len() as u32);
        out.bytes.extend(chunk);
    }
    out.directory(directory, (across, down), (&places, &lengths));
    Ok(out.bytes)
}

struct Unpacked {
    bytes: Vec<u8>,
    is_little: bool,
}

impl Unpacked {
    fn word(&self, value: u16) -> [u8; 2] {
        if self.is_little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn long(&self, value: u32) -> [u8; 4] {
        if self.is_little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    /// The head and the only directory.
    fn directory(&mut self, of: &Directory, (across, down): (u32, u32), (places, lengths): (&[u32], &[u32])) {
        let photometric = if matches!(of.photometric, 3 | 8 | 9) { 1 } else { of.photometric };
        let each = |value: u16| vec![u32::from(value); usize::from(of.samples)];
        let one = |value: u16| vec![u32::from(value)];
        // Tag, whether its values are long ones, values.
        let mut entries = vec![
            (256, true, vec![of.width]),
            (257, true, vec![of.height]),
            (258, false, each(of.bits)),
            (259, false, one(1)),
            (262, false, one(photometric)),
            (277, false, one(of.samples)),
            (284, false, one(of.planar)),
            (317, false, one(of.predictor)),
            (339, false, each(of.sample_format)),
        ];
        if of.extra > 0 {
            entries.push((338, false, one(of.extra)));
        }
        if of.is_tiled {
            entries.extend([(322, true, vec![across]), (323, true, vec![down])]);
            entries.extend([(324, true, places.to_vec()), (325, true, lengths.to_vec())]);
        } else {
            entries.extend([(278, true, vec![down]), (273, true, places.to_vec()), (279, true, lengths.to_vec())]);
        }
        entries.sort_by_key(|(tag, ..)| *tag);
        let mut list = self.word(entries.len() as u16).to_vec();
        for (tag, is_long, values) in entries {
            let mut data: Vec<u8> = if is_long {
                values.iter().flat_map(|value| self.long(*value)).collect()
            } else {
                values.iter().flat_map(|value| self.word(*value as u16)).collect()
            };
            if data.len() > 4 {
                let at = self.bytes.len() as u32;
                self.bytes.extend(data);
                data = self.long(at).to_vec();
            }
            data.resize(4, 0);
            list.extend(self.word(tag));
            list.extend(self.word(if is_long { 4 } else { 3 }));
            list.extend(self.long(values.len() as u32));
            list.extend(data);
        }
        list.extend([0; 4]);
        let at = self.long(self.bytes.len() as u32);
        self.bytes.extend(list);
        let (mark, version) = (if self.is_little { b"II" } else { b"MM" }, self.word(42));
        self.bytes[..2].copy_from_slice(mark);
        self.bytes[2..4].copy_from_slice(&version);
        self.bytes[4..8].copy_from_slice(&at);
    }
}
