//! Is a stretch of the data missing? Where a disk or a line lost a piece of a file, zeros stand in its place.
//!
//! Pixels that lie unpacked turn black from somewhere in a row to somewhere in a later one, which neither ink nor the lid of a scanner
//! does. Data packed by arithmetic coding hold no long run of zeros, except for large even areas.

use super::PageImage;

/// Zeros in a row that JPEG 2000 never holds: the longest of blank, drawn and scanned pages, in tiles and layers, was 37.
pub(super) const JPEG_2000_RUN: usize = 256;
/// The same of a lossy WebP: blank pages hold a zero for 40 of its blocks of 16 x 16 pixels (379 on A4 at 200 dpi, 3,344 on A0).
const WEBP_RUN: usize = 768;
const WEBP_BLOCKS: usize = 16;
/// Share of a row, in hundredths, that the first or last piece of a hole has at least, and of its neighbour that may be as black.
const PIECE: usize = 4;
const NEIGHBOUR: usize = 10;

/// True where packed data hold a longer run of zeros than `most`.
pub(super) fn is_in_packed(bytes: &[u8], most: usize) -> bool {
    // Every such run covers a place that is a multiple of `most`.
    (0..bytes.len()).step_by(most.max(1)).any(|at| {
        let before = bytes[..at].iter().rev().take(most).take_while(|byte| **byte == 0).count();
        let behind = bytes[at..].iter().take(most + 1).take_while(|byte| **byte == 0).count();
        behind > 0 && before + behind > most
    })
}

/// The same of a WebP, by its size.
pub(super) fn is_in_webp(bytes: &[u8]) -> bool {
    // The head of a lossy one: a start code, then width and height of 14 bits (RFC 6386 section 9.1).
    let start = bytes.windows(3).take(4_096).position(|three| three == [0x9D, 0x01, 0x2A]);
    let side = |at: usize| bytes.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]]) & 0x3FFF));
    let blocks = start.map_or(0, |at| side(at + 3).div_ceil(16) * side(at + 5).div_ceil(16));
    is_in_packed(bytes, WEBP_RUN + blocks / WEBP_BLOCKS)
}

/// True where black begins or ends in the middle of a row, with whole rows of it between, and the rows beside are not black there.
pub(super) fn is_in_pixels(image: &PageImage) -> bool {
    is_in_rows(&image.gray.chunks_exact(image.width.max(1) as usize).collect::<Vec<_>>())
}

/// The same of a file that stores its last row first.
pub(super) fn is_in_upturned(image: &PageImage) -> bool {
    is_in_rows(&image.gray.chunks_exact(image.width.max(1) as usize).rev().collect::<Vec<_>>())
}

fn is_in_rows(rows: &[&[u8]]) -> bool {
    let width = rows.first().map_or(1, |row| row.len());
    let is_black = |y: usize| rows[y].iter().all(|value| *value == 0);
    let dark = |piece: &[u8]| memchr::memchr_iter(0, piece).count();
    let is_piece = |piece: &[u8], beside: Option<&[u8]>| {
        let is_long = piece.len() * 100 >= width * PIECE && piece.len() < width;
        is_long && beside.is_none_or(|beside| dark(beside) * 100 <= beside.len() * NEIGHBOUR)
    };
    let mut y = 0;
    while y < rows.len() {
        if !is_black(y) {
            y += 1;
            continue;
        }
        let end = (y..rows.len()).find(|y| !is_black(*y)).unwrap_or(rows.len());
        // A piece of a hole above, and one below: at least one is seen, and the other side is no slope of black.
        let above = y.checked_sub(1).map(|above| {
            let from = width - rows[above].iter().rev().take_while(|value| **value == 0).count();
            let beside = above.checked_sub(1).map(|beside| &rows[beside][from..]);
            (is_piece(&rows[above][from..], beside), dark(rows[above]) * 100 <= width * NEIGHBOUR)
        });
        let below = (end < rows.len()).then(|| {
            let to = rows[end].iter().take_while(|value| **value == 0).count();
            let beside = rows.get(end + 1).map(|beside| &beside[..to]);
            (is_piece(&rows[end][..to], beside), dark(rows[end]) * 100 <= width * NEIGHBOUR)
        });
        let is_hole = match (above, below) {
            (Some(above), Some(below)) => (above.0 && (below.0 || below.1)) || (below.0 && above.1),
            (Some(only), None) | (None, Some(only)) => only.0,
            (None, None) => false,
        };
        // A hole has a page around it.
        if is_hole && end - y < rows.len() * 9 / 10 {
            return true;
        }
        y = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A light page with strokes, and black from one place in its data to another.
    fn page(from: usize, to: usize) -> PageImage {
        let mut gray: Vec<u8> = (0..300_usize * 400).map(|at| if at / 300 % 20 < 3 && at % 30 > 9 { 40 } else { 240 }).collect();
        gray[from..to].fill(0);
        PageImage::new(300, 400, gray).expect("a page")
    }

    #[test]
    fn black_that_begins_or_ends_inside_a_row_is_a_hole_and_a_bar_or_a_leaning_lid_is_none() {
        assert!(!is_in_pixels(&page(0, 0)));
        assert!(is_in_pixels(&page(300 * 100 + 140, 300 * 120 + 77)), "in the middle");
        assert!(is_in_pixels(&page(300 * 350 + 60, 300 * 400)), "to the end");
        assert!(is_in_pixels(&page(0, 300 * 20 + 99)), "from the beginning");
        assert!(!is_in_pixels(&page(300 * 100, 300 * 140)), "a bar from edge to edge");
        let mut lid = page(0, 0);
        for (at, value) in lid.gray.iter_mut().enumerate() {
            let (x, y) = (at % 300, at / 300);
            if y * 30 > 350 * 30 + x {
                *value = 0;
            }
        }
        assert!(!is_in_pixels(&lid), "a lid that leans by two degrees");
        assert!(!is_in_pixels(&PageImage::new(100, 100, vec![0; 10_000]).expect("a page")), "a black page");
    }

    #[test]
    fn a_run_of_zeros_longer_than_packed_data_hold_is_a_hole() {
        let with = |zeros: usize| [vec![7_u8; 1_001], vec![0; zeros], vec![9; 500]].concat();
        assert!(!is_in_packed(&with(JPEG_2000_RUN), JPEG_2000_RUN));
        assert!(is_in_packed(&with(JPEG_2000_RUN + 1), JPEG_2000_RUN));
        assert!(!is_in_packed(&[], JPEG_2000_RUN));
    }
}
