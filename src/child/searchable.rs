//! The room `copy` behind the wall: a searchable PDF/A is written by a child, since it parses the hostile input once more.

use std::path::PathBuf;

use super::{Call, Readers};
use crate::copy::{self, CopyOrder, CopyReport, PageLines, Pages};
use crate::error::{Error, Result};

/// Seconds that a child may spend on the copy of one page, beyond the time of one page's reading.
pub(super) const SECONDS_PER_PAGE: u64 = 5;

impl Readers {
    /// Has a child write the copy that `order` describes; its output lies below the pool's scratch.
    ///
    /// The words go over in a file, a page a line: those of thousands of pages are longer than a frame may be, and the
    /// child needs those of one page at a time.
    pub fn searchable(&self, order: &CopyOrder) -> Result<CopyReport> {
        let Pages::Here(pages) = &order.pages else { return self.written(order) };
        if !copy::wants_copy(pages) {
            return Err(Error::hold("copy-all-digital"));
        }
        let path = order.output.with_extension("pages.jsonl");
        let mut lines = PageLines::create(path.clone())?;
        let _written = Written(path);
        pages.iter().try_for_each(|page| lines.push(page))?;
        let pages = lines.finish()?;
        let order = CopyOrder {
            pages,
            input: order.input.clone(),
            mime: order.mime.clone(),
            others: order.others.clone(),
            drawings: order.drawings.clone(),
            is_wary: order.is_wary,
            outlines: order.outlines.clone(),
            level: order.level,
            title: order.title.clone(),
            instant: order.instant,
            id: order.id,
            output: order.output.clone(),
            lang: order.lang.clone(),
        };
        self.written(&order)
    }

    fn written(&self, order: &CopyOrder) -> Result<CopyReport> {
        let seconds = seconds(order, self.limits().page_seconds_max);
        let call = Call { op: "searchable", input: &order.input, seconds, page: None, next: None };
        self.call(call, order).map_err(|error| self.of_copy(error, seconds))
    }

    /// What befell the child is said of what it wrote: the pages were counted and read long before.
    pub(super) fn of_copy(&self, error: Error, seconds: u64) -> Error {
        match error.code() {
            "file-crashed" => Error::hold("copy-crashed"),
            "file-timeout" => Error::hold("copy-timeout").with("seconds", seconds),
            "file-memory" => Error::hold("copy-memory").with("bytes", self.limits().child_memory_bytes_max),
            _ => error,
        }
    }
}

/// Seconds that a copy may take: those of a page's reading, and some for each page.
pub(super) fn seconds(order: &CopyOrder, page_seconds_max: u64) -> u64 {
    page_seconds_max.saturating_add(SECONDS_PER_PAGE.saturating_mul(order.pages.count() as u64))
}

/// The pages' file, for as long as the child works on it.
struct Written(PathBuf);

impl Drop for Written {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, "the pages of a copy stay in scratch");
        }
    }
}
