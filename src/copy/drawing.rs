//! What was drawn when the page was read? The same picture that the copy would draw again, packed and kept in a file.
//!
//! Both are made from the same pixels by the same hand, so that the copy is the same to the byte whether a drawing was kept
//! or not. What is kept is looked at again: its size, its length, and that its entries are those that are given here.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ccitt::g4_picture;
use super::picture::{Colour, PageImage, Picture, Shape, flate_entries};
use super::{jpeg, raster};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Longest first line of a kept drawing, bytes.
const HEAD_BYTES_MAX: u64 = 1_000;

/// The pixels of a page as it was drawn: red, green, blue and an opaque fourth byte.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Four bytes a pixel, row by row.
    pub rgba: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct Head {
    width: u32,
    height: u32,
    entries: String,
    bytes: u64,
}

/// Packs the drawing of page `n` and keeps it in `folder`.
pub fn keep_drawing(folder: &Path, n: u32, pixels: Pixels<'_>) -> Result<()> {
    let picture = raster::smallest(pixels)?;
    let path = place(folder, n);
    let head =
        Head { width: picture.width, height: picture.height, entries: picture.entries.clone(), bytes: picture.data.len() as u64 };
    let head = serde_json::to_string(&head).map_err(Error::bug)?;
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(head.as_bytes())?;
        file.write_all(b"\n")?;
        file.write_all(&picture.data)
    });
    written.map_err(|e| {
        drop(std::fs::remove_file(&path));
        Error::disk("keep drawing", &path, e)
    })
}

/// The drawing of page `n`, where one is kept whole.
pub(super) fn kept(folder: &Path, n: u32, limits: &Limits) -> Option<PageImage> {
    let mut file = BufReader::new(File::open(place(folder, n)).ok()?);
    let mut line = String::new();
    file.by_ref().take(HEAD_BYTES_MAX).read_line(&mut line).ok()?;
    let head: Head = serde_json::from_str(&line).ok()?;
    let pixels = u64::from(head.width) * u64::from(head.height);
    if pixels == 0 || pixels > limits.page_pixels_max || head.bytes > limits.unpacked_bytes_max {
        return None;
    }
    let mut data = Vec::new();
    file.take(head.bytes + 1).read_to_end(&mut data).ok()?;
    let is_whole = data.len() as u64 == head.bytes && is_ours(&head, &data);
    let picture =
        Picture { width: head.width, height: head.height, entries: head.entries, data, attached: Vec::new(), mask: None };
    is_whole.then(|| PageImage::whole(picture, Some("rasterised")))
}

/// True if the entries are those of one of the ways in which drawings are packed.
fn is_ours(head: &Head, data: &[u8]) -> bool {
    let Head { width, height, entries, .. } = head;
    let is_flate = |colour: Colour, is_predicted| {
        let shape = Shape { width: *width, height: *height, bits: 8, colour, is_inverted: false };
        flate_entries(&shape, is_predicted) == *entries
    };
    let is_jpeg = || {
        jpeg::head(data).is_some_and(|own| {
            (own.width, own.height) == (*width, *height) && jpeg::picture(&own, Vec::new()).entries == *entries
        })
    };
    g4_picture(*width, *height, false, Vec::new()).entries == *entries
        || [true, false].into_iter().any(|is| is_flate(Colour::Gray, is) || is_flate(Colour::Rgb, is))
        || is_jpeg()
}

fn place(folder: &Path, n: u32) -> PathBuf {
    folder.join(format!("{n}.drawn"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Grey, colour, black and white.
    fn drawings() -> Vec<Vec<u8>> {
        let of = |pixel: &dyn Fn(u32, u32) -> [u8; 3]| {
            (0..40 * 30)
                .flat_map(|at| {
                    let [r, g, b] = pixel(at % 40, at / 40);
                    [r, g, b, 255]
                })
                .collect()
        };
        vec![
            of(&|x, _| [if x < 9 { 0 } else { 255 }; 3]),
            of(&|x, y| [(x * 5 + y) as u8; 3]),
            of(&|x, y| [(x * 5) as u8, (y * 7) as u8, 99]),
        ]
    }

    #[test]
    fn a_kept_drawing_is_the_very_picture_that_was_packed() {
        let folder = tempfile::tempdir().expect("a folder");
        for (rgba, n) in drawings().iter().zip(1..) {
            let pixels = Pixels { width: 40, height: 30, rgba };
            keep_drawing(folder.path(), n, pixels).expect("kept");
            let (kept, packed) =
                (kept(folder.path(), n, &Limits::default()).expect("a drawing"), raster::smallest(pixels).expect("packed"));
            assert_eq!((&kept.pieces[0].picture.data, &kept.pieces[0].picture.entries), (&packed.data, &packed.entries));
        }
    }

    #[test]
    fn a_drawing_that_is_cut_off_longer_or_speaks_of_other_entries_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        keep_drawing(folder.path(), 1, Pixels { width: 40, height: 30, rgba: &drawings()[1] }).expect("kept");
        let whole = std::fs::read(place(folder.path(), 1)).expect("the file");
        let is_kept = |bytes: &[u8]| {
            File::create(place(folder.path(), 1)).and_then(|mut file| file.write_all(bytes)).expect("written");
            kept(folder.path(), 1, &Limits::default()).is_some()
        };
        assert!(is_kept(&whole));
        assert!(!is_kept(&whole[..whole.len() - 1]));
        assert!(!is_kept(&[&whole[..], b"x"].concat()));
        let text = whole.iter().map(|byte| char::from(*byte)).collect::<String>().replacen("FlateDecode", "FlateDecod#65", 1);
        assert!(!is_kept(&text.chars().map(|c| c as u8).collect::<Vec<_>>()));
        assert!(!is_kept(b""));
        assert!(kept(folder.path(), 2, &Limits::default()).is_none());
        let small = Limits { page_pixels_max: 1_199, ..Limits::default() };
        std::fs::remove_file(place(folder.path(), 1)).expect("removed");
        keep_drawing(folder.path(), 1, Pixels { width: 40, height: 30, rgba: &drawings()[1] }).expect("kept");
        assert!(kept(folder.path(), 1, &small).is_none());
        assert!(kept(folder.path(), 1, &Limits { page_pixels_max: 1_200, ..small }).is_some());
    }
}
