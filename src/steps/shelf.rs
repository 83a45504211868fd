//! Is a page without an image drawn twice, once to be read and once for the copy? Its drawing waits on a shelf in scratch
//! from the step `text` to the step `form`. Where it is not there (a restart empties scratch) it is drawn again, to the same
//! bytes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::document::DocumentId;
use crate::error::{Error, Result};
use crate::page::{PageSource, PageSurvey};
use crate::pipeline::House;

/// Drawings that wait at most, bytes: a hundred pages of photographs, some thousand of line drawings. Documents that come
/// while there are more are drawn twice.
const WAITING_BYTES_MAX: u64 = 512 << 20;

/// How the folder of a shelf begins: shelves stand in scratch itself, so that no empty one is left when the last is cleared.
const DRAWN: &str = "drawn-";

/// The drawings of one document; they go with it unless they are left for the next step.
pub(super) struct Shelf {
    path: PathBuf,
    is_left: AtomicBool,
}

impl Shelf {
    /// The shelf of a document.
    pub(super) fn of(house: &House, document: &DocumentId) -> Self {
        Self { path: house.scratch.path().join(format!("{DRAWN}{}", document.0)), is_left: AtomicBool::new(false) }
    }

    /// Its folder, empty, where the document has pages to draw and there is room for more drawings.
    pub(super) fn open(&self, surveys: &[PageSurvey], house: &House) -> Result<Option<&Path>> {
        self.clear();
        let is_drawn =
            |survey: &PageSurvey| matches!(survey.source, PageSource::PdfRaster { .. } | PageSource::PdfDigital { .. });
        if !surveys.iter().any(is_drawn) || waiting(house.scratch.path()) > WAITING_BYTES_MAX {
            return Ok(None);
        }
        std::fs::create_dir_all(&self.path).map_err(|e| Error::disk("make scratch folder", &self.path, e))?;
        Ok(Some(&self.path))
    }

    /// What the step before has left.
    pub(super) fn left(&self) -> Option<PathBuf> {
        self.path.is_dir().then(|| self.path.clone())
    }

    /// The drawings stay for the next step.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
    }

    fn clear(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "drawings left behind; the next start empties scratch");
        }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if !self.is_left.load(Ordering::Relaxed) {
            self.clear();
        }
    }
}

/// Bytes of all drawings that wait.
fn waiting(scratch: &Path) -> u64 {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok);
    let shelves = entries(scratch).filter(|entry| entry.file_name().to_string_lossy().starts_with(DRAWN));
    let drawings = shelves.flat_map(|shelf| entries(&shelf.path()).collect::<Vec<_>>());
    drawings.filter_map(|drawing| drawing.metadata().ok()).map(|metadata| metadata.len()).sum()
}
