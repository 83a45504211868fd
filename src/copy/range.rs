//! What becomes of some of a file's pages? A file of their own in the same format, their image data untouched (rule F-06: other
//! bits, hence a document formed by whoever divides).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{range_pdf, range_tiff};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// All that a range is made of: the same order gives the same bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RangeOrder {
    /// The file with all pages.
    pub input: PathBuf,
    /// Its media type, as identified.
    pub mime: String,
    /// First page, from 1.
    pub first: u32,
    /// Last page.
    pub last: u32,
    /// Both halves of the /ID of a PDF.
    pub id: [u8; 16],
    /// Where the range goes; a file there is overwritten.
    pub output: PathBuf,
}

/// True of the formats that have several pages and of which a range can be made.
pub fn is_divisible(mime: &str) -> bool {
    matches!(mime, "image/tiff" | "application/pdf")
}

/// Writes the pages that `order` asks for.
///
/// # Errors
///
/// Hold: `range-format` of a format without ranges, `copy-page-missing`, `copy-damaged`, `copy-encrypted`, `copy-limit`.
pub fn range(order: &RangeOrder, limits: &Limits) -> Result<()> {
    let written = match order.mime.as_str() {
        "image/tiff" => range_tiff::write(order, limits),
        "application/pdf" => range_pdf::write(order, limits),
        _ => Err(Error::hold("range-format").with("mime", &order.mime)),
    };
    if written.is_err()
        && let Err(error) = std::fs::remove_file(&order.output)
    {
        tracing::debug!(%error, "an unfinished range stays in scratch");
    }
    written
}
