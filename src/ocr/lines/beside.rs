//! How is a number read that stands alone in its cell? Beside its neighbours in the row: the models were taught on whole lines,
//! and of two or three strokes alone they make little.

use super::again::{self, is_doubtful};
use super::{Found, FoundLine, LineImage, Piece};
use crate::ocr::lstm::ReadLine;

/// Most parts of a piece that is read beside others.
const LONE: u32 = 4;
/// White between two pieces, heights of small letters.
const GAP: f32 = 1.5;
/// Neighbours whose letters are larger or smaller by this are left out.
const ALIKE: f32 = 1.25;
/// What is read of a piece beside others counts from this confidence on.
const SURE: f32 = 70.0;

/// A row whose pieces were put side by side in one picture.
#[derive(Debug)]
pub(in crate::ocr) struct Row {
    /// Numbers of the pieces, and where each begins in the picture.
    places: Vec<(usize, u32)>,
    width: u32,
}

/// The rows with a lone doubtful piece, and their pictures; `images` and `read` are those of all pieces, in their order.
pub(in crate::ocr) fn rows(found: &Found, images: &[LineImage], read: &[ReadLine]) -> (Vec<Row>, Vec<LineImage>) {
    let mut first = 0;
    let mut rows = (Vec::new(), Vec::new());
    for line in found.blocks.iter().flat_map(|block| &block.lines) {
        let lone = line.pieces.iter().zip(&read[first..]).find(|(piece, read)| is_lone(piece, read));
        if let Some((lone, _)) = lone.filter(|_| line.pieces.len() > 1) {
            rows.extend(row(line, first, lone.small, images));
        }
        first += line.pieces.len();
    }
    rows
}

fn is_lone(piece: &Piece, read: &ReadLine) -> bool {
    piece.parts <= LONE && (read.words.is_empty() || is_doubtful(read))
}

fn row(line: &FoundLine, first: usize, small: f32, images: &[LineImage]) -> Option<(Row, LineImage)> {
    let is_alike = |piece: &&Piece| piece.small.max(small) <= ALIKE * piece.small.min(small);
    let alike: Vec<(usize, &Piece, &LineImage)> = line
        .pieces
        .iter()
        .zip(images.get(first..)?)
        .enumerate()
        .filter(|(_, (piece, _))| is_alike(piece))
        .map(|(at, (piece, image))| (first + at, piece, image))
        .collect();
    let up = alike.iter().map(|(_, piece, _)| piece.up).fold(0.0, f32::max);
    let down = alike.iter().map(|(_, piece, image)| image.height as f32 - piece.up).fold(0.0, f32::max);
    let (height, gap) = ((up + down).ceil() as u32, (GAP * small).round() as u32);
    let width = alike.iter().map(|(_, _, image)| image.width + gap).sum::<u32>();
    if alike.len() < 2 || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return None;
    }
    let mut gray = vec![255_u8; (width * height) as usize];
    let (mut left, mut places) = (0, Vec::with_capacity(alike.len()));
    for (at, piece, image) in alike {
        let top = (up - piece.up).round() as u32;
        for (y, pixels) in (top..height).zip(image.gray.chunks_exact(image.width as usize)) {
            gray[(y * width + left) as usize..][..image.width as usize].copy_from_slice(pixels);
        }
        places.push((at, left));
        left += image.width + gap;
    }
    Some((Row { places, width }, LineImage { width, height, gray }))
}

/// Most pixels of a row: as a line over the longest side of a plan.
const PIXELS_MAX: u64 = 40_000 * 200;

impl Row {
    /// Gives each lone doubtful piece what was read of it beside the others, where that is surer.
    pub(in crate::ocr) fn settle(&self, found: &Found, row: &ReadLine, read: &mut [ReadLine]) {
        let pieces: Vec<&Piece> = found.pieces().collect();
        for (n, (at, left)) in self.places.iter().enumerate() {
            if !is_lone(pieces[*at], &read[*at]) {
                continue;
            }
            let (from, to) = (*left as f32, self.places.get(n + 1).map_or(self.width, |next| next.1) as f32);
            let is_inside = |start: f32, end: f32| (from..to).contains(&f32::midpoint(start, end));
            let mut words: Vec<_> = row.words.iter().filter(|word| is_inside(word.start, word.end)).cloned().collect();
            if words.iter().any(|word| word.start < from - 1.0 || word.end > to + 1.0 || word.confidence < SURE) {
                continue;
            }
            for word in &mut words {
                (word.start, word.end) = ((word.start - from).max(0.0), (word.end - from).max(0.0));
                for glyph in &mut word.glyphs {
                    (glyph.start, glyph.end) = ((glyph.start - from).max(0.0), (glyph.end - from).max(0.0));
                }
            }
            again::surer(&mut read[*at], ReadLine { words, mean: row.mean }, 1.0);
        }
    }
}
