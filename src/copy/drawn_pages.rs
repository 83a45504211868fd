//! A PDF/A whose pages are drawn here from nothing: sheets of separators, lists.

use std::io::Write;
use std::path::PathBuf;

use jiff::Timestamp;

use super::font::Alphabet;
use super::frame::{self, Leaf};
use super::writer::{PdfWriter, number};
use super::{CopyOrder, CopyReport, Pages, PdfaLevel};
use crate::digest::Digest;
use crate::error::Result;

/// What all pages of the file have in common.
pub(super) struct DrawnPages {
    /// Title of the file.
    pub(super) title: String,
    pub(super) level: PdfaLevel,
    /// The one instant that it names.
    pub(super) instant: Timestamp,
    /// Digest of what it says, from which its identifier is made.
    pub(super) said: Digest,
    /// Width and height of a page, points.
    pub(super) sheet: (f64, f64),
    pub(super) count: usize,
}

impl DrawnPages {
    /// Writes the file; `draw` gives the operators of a page, by its place from 0 and its number from 1, and notes which letters stand there unseen. The result
    /// is the length of the file.
    pub(super) fn write<W: Write>(
        self,
        out: W,
        mut draw: impl FnMut((usize, u32), &mut Alphabet) -> Result<Vec<u8>>,
    ) -> Result<u64> {
        let mut id = [0; 16];
        id.copy_from_slice(&self.said.bytes()[..16]);
        let order = CopyOrder {
            input: PathBuf::new(),
            mime: String::new(),
            pages: Pages::Here(Vec::new()),
            others: Vec::new(),
            drawings: None,
            is_wary: false,
            outlines: Vec::new(),
            level: self.level,
            title: self.title,
            instant: self.instant,
            id,
            output: PathBuf::new(),
            lang: "it".to_owned(),
        };
        let mut out = PdfWriter::begin(out, !self.level.is_first())?;
        let (root, font) = (out.promise(), out.promise());
        let parents = frame::parents(&mut out, root, self.count);
        let (mut alphabet, mut leaves) = (Alphabet::default(), Vec::with_capacity(self.count));
        let (width, height) = (number(self.sheet.0, 2), number(self.sheet.1, 2));
        for ((at, parent), n) in parents.into_iter().enumerate().take(self.count).zip(1..) {
            let content = draw((at, n), &mut alphabet)?;
            let (body, page) = (out.promise(), out.promise());
            out.deflated(body, "", &content)?;
            let resources = format!("<</Font<</F {font} 0 R>>>>");
            out.object(
                page,
                format!(
                    "<</Type/Page/Parent {parent} 0 R/MediaBox[0 0 {width} {height}]/Contents {body} 0 R/Resources{resources}>>"
                ),
            )?;
            leaves.push(Leaf { page, parent, n });
        }
        alphabet.write(&mut out, font, self.level.is_first())?;
        let (catalog, info) = frame::write(&mut out, (&order, &CopyReport::default()), root, &leaves)?;
        out.end(catalog, info, &order.id)
    }
}
