//! Does this file end where its own format says? Only the ends are looked at: whether the rest is sound is the gate's business.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Most bytes looked at from the end: the longest end record of a ZIP with its comment.
const TAIL_BYTES_MAX: u64 = 22 + 65_535;
/// A PDF's end mark is looked for in its last two KiB (readers accept the last one; some writers add a block of zeros).
const PDF_TAIL: usize = 2_048;
/// A JPEG's end marker is looked for in its last four KiB: some scanners write a few bytes after it.
const JPEG_TAIL: usize = 4_096;
/// Most directories of a TIFF that are followed, and most entries and strips of one: more is for the gate to say.
const DIRECTORIES_MAX: u32 = 10_000;
const ENTRIES_MAX: u64 = 4_096;
const STRIPS_MAX: u64 = 1_000_000;

/// False of a file that ends early: empty, or a TIFF, PDF, ZIP, JPEG or PNG cut off. What has no known end is complete,
/// and so is what cannot be read, so that admission says why.
pub(super) fn is_complete(file: &File) -> bool {
    let Ok(bytes) = file.metadata().map(|m| m.len()) else { return true };
    let head = at(file, 0, bytes.min(1_024)).unwrap_or_default();
    let tail = |most: usize| at(file, bytes.saturating_sub(most as u64), bytes.min(most as u64)).unwrap_or_default();
    let has = |place: &[u8], what: &[u8]| memchr::memmem::find(place, what).is_some();
    match head.as_slice() {
        [] => bytes != 0,
        [0xff, 0xd8, 0xff, ..] => has(&tail(JPEG_TAIL), &[0xff, 0xd9]),
        [0x89, b'P', b'N', b'G', ..] => has(&tail(JPEG_TAIL), b"IEND"),
        [b'P', b'K', 3, 4, ..] => has(&tail(TAIL_BYTES_MAX as usize), b"PK\x05\x06"),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Tiff::new(file, bytes, &head, false).is_complete(),
        [b'I', b'I', 43, 0, ..] | [b'M', b'M', 0, 43, ..] => Tiff::new(file, bytes, &head, true).is_complete(),
        head if has(head, b"%PDF-") => has(&tail(PDF_TAIL), b"%%EOF"),
        _ => true,
    }
}

/// `length` bytes at `offset`; `None` where the file has not so many.
fn at(file: &File, offset: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

/// The directories and strips of a TIFF: do all of them lie within the file?
struct Tiff<'a> {
    file: &'a File,
    bytes: u64,
    is_little: bool,
    is_big: bool,
}

impl<'a> Tiff<'a> {
    fn new(file: &'a File, bytes: u64, head: &[u8], is_big: bool) -> Self {
        Self { file, bytes, is_little: head.first() == Some(&b'I'), is_big }
    }

    /// The number of `width` bytes at `offset`.
    fn number(&self, offset: u64, width: u64) -> Option<u64> {
        let bytes = at(self.file, offset, width)?;
        let fold = |n: u64, &b: &u8| n << 8 | u64::from(b);
        Some(if self.is_little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) })
    }

    /// Width of an offset.
    fn word(&self) -> u64 {
        if self.is_big { 8 } else { 4 }
    }

    fn is_complete(&self) -> bool {
        let mut place = self.number(self.word(), self.word());
        for _ in 0..DIRECTORIES_MAX {
            match place {
                // A file whose first directory is not told yet is still being written.
                None => return false,
                Some(0) => return self.number(self.word(), self.word()) != Some(0),
                Some(offset) => match self.directory(offset) {
                    Some(next) => place = Some(next),
                    None => return false,
                },
            }
        }
        true
    }

    /// The place of the next directory after the one at `offset`, if it and its strips lie within the file.
    fn directory(&self, offset: u64) -> Option<u64> {
        let (count_width, entry_width) = if self.is_big { (8, 20) } else { (2, 12) };
        let count = self.number(offset, count_width)?;
        let next = self.number(offset.checked_add(count_width)?.checked_add(count.checked_mul(entry_width)?)?, self.word())?;
        let (mut starts, mut lengths) = (Vec::new(), Vec::new());
        for n in 0..count.min(ENTRIES_MAX) {
            let entry = offset + count_width + n * entry_width;
            match self.number(entry, 2)? {
                // StripOffsets, TileOffsets; StripByteCounts, TileByteCounts.
                273 | 324 => starts = self.numbers(entry)?,
                279 | 325 => lengths = self.numbers(entry)?,
                _ => {}
            }
        }
        let ends = starts.iter().zip(&lengths).map(|(start, length)| start.saturating_add(*length));
        ends.max().is_none_or(|end| end <= self.bytes).then_some(next)
    }

    /// The values of an entry.
    fn numbers(&self, entry: u64) -> Option<Vec<u64>> {
        let width = match self.number(entry + 2, 2)? {
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            // Another type is wrong, not cut off.
            _ => return Some(Vec::new()),
        };
        let count = self.number(entry + 4, self.word())?.min(STRIPS_MAX);
        let value = entry + 4 + self.word();
        let place = if count * width <= self.word() { value } else { self.number(value, self.word())? };
        let bytes = at(self.file, place, count * width)?;
        let fold = |n: u64, &b: &u8| n << 8 | u64::from(b);
        let one = |chunk: &[u8]| if self.is_little { chunk.iter().rev().fold(0, fold) } else { chunk.iter().fold(0, fold) };
        Some(bytes.chunks_exact(width as usize).map(one).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn is_whole(bytes: &[u8]) -> bool {
        let mut file = tempfile::tempfile().expect("file");
        file.write_all(bytes).expect("written");
        is_complete(&file)
    }

    /// A classic TIFF of one strip: header, directory of two entries, eight bytes of picture.
    fn tiff(is_little: bool) -> Vec<u8> {
        let two = |n: u16| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let four = |n: u32| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let mut bytes = if is_little { b"II".to_vec() } else { b"MM".to_vec() };
        bytes.extend([&two(42)[..], &four(8), &two(2)].concat());
        for (tag, value) in [(273, 38), (279, 8)] {
            bytes.extend([&two(tag)[..], &two(4), &four(1), &four(value)].concat());
        }
        bytes.extend(four(0));
        bytes.extend([0x55; 8]);
        bytes
    }

    #[test]
    fn a_tiff_is_complete_with_its_last_strip_and_not_one_byte_sooner() {
        for is_little in [true, false] {
            let whole = tiff(is_little);
            assert_eq!(whole.len(), 46);
            assert!(is_whole(&whole));
            for length in 1..whole.len() {
                let is_header = length < 4;
                assert!(is_header || !is_whole(&whole[..length]), "cut to {length}");
            }
        }
    }

    #[test]
    fn a_tiff_that_chases_its_own_tail_ends() {
        let mut looped = tiff(true);
        looped[34..38].copy_from_slice(&8_u32.to_le_bytes());
        assert!(is_whole(&looped), "wrong, but not cut off: the gate says so");
    }

    #[test]
    fn the_end_marks_of_pdf_zip_jpeg_are_waited_for() {
        let picture: &[&[u8]] = &[b"\xff\xd8\xff\xe0", &[7; 9_000], b"\xff\xd9"];
        let pdf: &[&[u8]] = &[b"%PDF-1.7\n", &[7; 9_000], b"\n%%EOF\n"];
        let zip: &[&[u8]] = &[b"PK\x03\x04", &[7; 9_000], b"PK\x05\x06", &[0; 18]];
        for parts in [picture, pdf, zip] {
            let whole = parts.concat();
            assert!(is_whole(&whole));
            assert!(!is_whole(&parts[..2].concat()));
            assert!(!is_whole(&whole[..whole.len() / 2]));
        }
    }

    #[test]
    fn an_empty_file_is_waited_for_and_what_has_no_known_end_is_not() {
        assert!(!is_whole(b""));
        assert!(is_whole(b"Testo qualunque"));
    }
}
