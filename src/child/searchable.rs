//! The room `copy` behind the wall: a searchable PDF/A is written by a child, since it parses the hostile input once more.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Call, Readers};
use crate::copy::{self, CopyOrder, CopyReport};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Seconds that a child may spend on the copy of one page, beyond the time of one page's reading.
const SECONDS_PER_PAGE: u64 = 5;

/// Where the order lies. The words of thousands of pages are longer than a frame may be, and need not be in memory twice.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SearchableRequest {
    order: PathBuf,
}

impl Readers {
    /// Has a child write the copy that `order` describes; its output lies below the pool's scratch.
    pub fn searchable(&self, order: &CopyOrder) -> Result<CopyReport> {
        let seconds = self.limits().page_seconds_max + SECONDS_PER_PAGE * order.pages.len() as u64;
        let call = Call { op: "searchable", input: &order.input, seconds, page: None, next: None };
        let written = Written::of(order)?;
        self.call(call, &SearchableRequest { order: written.0.clone() })
    }
}

/// The order as a file beside its output, for as long as the child works on it.
struct Written(PathBuf);

impl Written {
    fn of(order: &CopyOrder) -> Result<Self> {
        let path = order.output.with_extension("order.json");
        let failed = |path: &Path, e: std::io::Error| Error::disk("write order", path, e);
        let file = File::create(&path).map_err(|e| failed(&path, e))?;
        let written = Self(path);
        let mut out = BufWriter::new(file);
        serde_json::to_writer(&mut out, order).map_err(|e| failed(&written.0, e.into()))?;
        out.flush().map_err(|e| failed(&written.0, e))?;
        Ok(written)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, "an order stays in scratch");
        }
    }
}

/// The child's side: reads the order and has the copy written.
pub(super) fn searchable(request: &SearchableRequest, limits: &Limits) -> Result<CopyReport> {
    let file = File::open(&request.order).map_err(|e| Error::disk("open order", &request.order, e))?;
    let order: CopyOrder =
        serde_json::from_reader(BufReader::new(file)).map_err(|e| Error::bug(format_args!("an order of no known form: {e}")))?;
    copy::searchable(&order, limits)
}
