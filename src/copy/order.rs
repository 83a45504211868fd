//! What is a copy made of, and what became of it? The order that goes to the child, its pages, and the report.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PdfaLevel;
use crate::error::{Error, Result};
use crate::page::ReadPage;

/// Longest line of a file of pages, bytes: what a child's frame may hold of one page.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// All that a copy is made of: the same order gives the same bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CopyOrder {
    /// The file that was read.
    pub input: PathBuf,
    /// Its media type, as identified.
    pub mime: String,
    /// Its pages in order, with their words.
    pub pages: Pages,
    /// Pages that lie in files of their own: sheets that were scanned anew.
    #[serde(default)]
    pub others: Vec<OtherFile>,
    /// The folder that drawings of pages without an image were kept in when they were read; those that are not there are
    /// drawn again.
    #[serde(default)]
    pub drawings: Option<PathBuf>,
    /// True if pages that could not be read stand empty in the copy, whatever is stored for them: showing them may be what a first
    /// attempt at the copy died of.
    #[serde(default)]
    pub is_wary: bool,
    /// Bookmarks, in the order of their pages; none where the copy is one document.
    #[serde(default)]
    pub outlines: Vec<Outline>,
    /// The level to claim.
    pub level: PdfaLevel,
    /// Title, for the reader's window and XMP.
    pub title: String,
    /// The instant that all dates of the copy say (that of the arrival, invariant 4).
    pub instant: Timestamp,
    /// Both halves of the file's /ID.
    pub id: [u8; 16],
    /// Where the copy goes; a file there is overwritten.
    pub output: PathBuf,
    /// Language of the text: a tag (`it-IT`) or an OCR language (`ita`).
    pub lang: String,
}

/// A page that lies in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherFile {
    /// Number of the page in the document.
    pub page: u32,
    /// The file.
    pub input: PathBuf,
}

/// A bookmark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// What it says.
    pub title: String,
    /// Number of the page that it leads to.
    pub page: u32,
}

/// The pages of an order. The words of thousands of pages are longer than a frame may be, and need not be in memory at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pages {
    /// In memory.
    Here(Vec<ReadPage>),
    /// In a file, one JSON line each.
    Lines {
        /// The file.
        path: PathBuf,
        /// Number of its lines.
        count: usize,
    },
}

impl From<Vec<ReadPage>> for Pages {
    fn from(pages: Vec<ReadPage>) -> Self {
        Self::Here(pages)
    }
}

/// One page after the other.
type PageIter<'a> = Box<dyn Iterator<Item = Result<Cow<'a, ReadPage>>> + 'a>;

impl Pages {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Here(pages) => pages.len(),
            Self::Lines { count, .. } => *count,
        }
    }

    /// The pages in their order; a line that is no page ends in an error.
    pub fn one_by_one(&self) -> Result<PageIter<'_>> {
        match self {
            Self::Here(pages) => Ok(Box::new(pages.iter().map(|page| Ok(Cow::Borrowed(page))))),
            Self::Lines { path, .. } => {
                let file = File::open(path).map_err(|e| Error::disk("open pages", path, e))?;
                let mut lines = BufReader::with_capacity(1 << 16, file);
                Ok(Box::new(std::iter::from_fn(move || line(&mut lines, path).transpose())))
            }
        }
    }
}

/// The next page of a file of pages.
fn line<'a>(lines: &mut BufReader<File>, path: &Path) -> Result<Option<Cow<'a, ReadPage>>> {
    let mut text = Vec::new();
    let read = lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text);
    if read.map_err(|e| Error::disk("read pages", path, e))? == 0 {
        return Ok(None);
    }
    let page = serde_json::from_slice(&text).map_err(|e| Error::bug(format_args!("a page of no known form: {e}")))?;
    Ok(Some(Cow::Owned(page)))
}

/// A file of pages as it is written, a page at a time.
#[derive(Debug)]
pub struct PageLines {
    path: PathBuf,
    out: BufWriter<File>,
    count: usize,
}

impl PageLines {
    /// Begins the file; one that is there is overwritten.
    pub fn create(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).map_err(|e| Error::disk("write pages", &path, e))?;
        Ok(Self { path, out: BufWriter::with_capacity(1 << 16, file), count: 0 })
    }

    /// Adds a page.
    pub fn push(&mut self, page: &ReadPage) -> Result<()> {
        let failed = |e: std::io::Error| Error::disk("write pages", &self.path, e);
        serde_json::to_writer(&mut self.out, page).map_err(|e| failed(e.into()))?;
        self.out.write_all(b"\n").map_err(failed)?;
        self.count += 1;
        Ok(())
    }

    /// Adds a page that is JSON already, on one line.
    pub fn push_json(&mut self, page: &str) -> Result<()> {
        let failed = |e: std::io::Error| Error::disk("write pages", &self.path, e);
        self.out.write_all(page.as_bytes()).map_err(failed)?;
        self.out.write_all(b"\n").map_err(failed)?;
        self.count += 1;
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Pages> {
        self.out.flush().map_err(|e| Error::disk("write pages", &self.path, e))?;
        Ok(Pages::Lines { path: self.path, count: self.count })
    }
}

/// What became of the pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CopyReport {
    /// Size of the copy.
    pub bytes: u64,
    /// Number of its pages.
    pub pages: u32,
    /// Pages whose stored image data are in the copy, byte by byte.
    pub passed_through: u32,
    /// Pages whose image data were coded again, and why (`lzw-to-flate`, `cmyk-to-rgb`, …).
    pub reencoded: Vec<(u32, String)>,
    /// Pages drawn anew, digital ones of a mixed PDF among them; the copy's subject names them too.
    pub rasterised: Vec<u32>,
    /// Pages that could be neither read nor shown: they keep their place, empty, and the copy's subject names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_empty: Vec<u32>,
}

/// Numbers as a person writes them: `1-3, 7`.
pub fn ranges(numbers: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for n in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *n => *last = *n,
            _ => parts.push((*n, *n)),
        }
    }
    let words = parts.iter().map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_one_range() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
        assert_eq!(ranges(&[]), "");
    }
}
