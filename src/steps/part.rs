//! The files of a divided document's parts: each made by a child, looked at, and kept as a blob before any row speaks of it.

use std::fs::File;
use std::sync::Arc;

use super::blocking;
use crate::copy::{RangeOrder, is_divisible};
use crate::digest::Digest;
use crate::document::{Component, Document, DocumentId, Form, Role};
use crate::error::{Error, Kind, Result};
use crate::pipeline::House;
use crate::{identify, part};

/// True of a file that is not signed, of a format of which some pages can be a file.
pub(crate) fn ensure_divisible(id: &DocumentId, whole: &Component) -> Result<()> {
    let wrong = |code| Error::new(Kind::Usage, code).with("id", id).with("name", whole.name.shown());
    if whole.format.signed {
        return Err(wrong("split-signed"));
    }
    if !is_divisible(&whole.format.mime) || whole.format.encrypted {
        return Err(wrong("split-format"));
    }
    Ok(())
}

/// The principal component of each part: a file of those pages of `whole`, which must turn out to have as many.
pub(crate) async fn files(
    house: &Arc<House>,
    document: &Document,
    whole: &Component,
    ranges: &[(u32, u32)],
) -> Result<Vec<Component>> {
    let (worker, ente, id, whole) = (Arc::clone(house), document.ente.clone(), document.id.clone(), whole.clone());
    let ranges = ranges.to_vec();
    blocking(move || {
        let scratch = worker.scratch.folder()?;
        let one = |(first, last): (u32, u32)| {
            let failed = |error: Error| match error.kind() {
                Kind::Hold | Kind::Refuse => Error::hold("split-failed")
                    .with("name", whole.name.shown())
                    .with("first", first)
                    .with("last", last)
                    .with("code", error.code()),
                _ => error,
            };
            let mut half = [0_u8; 16];
            let digest = Digest::of(format!("{} {first} {last}", id.0).as_bytes());
            half.copy_from_slice(&digest.bytes()[..16]);
            let order = RangeOrder {
                input: worker.blobs.path(&ente, &whole.sha256),
                mime: whole.format.mime.clone(),
                first,
                last,
                id: half,
                output: scratch.file(&format!("pages-{first}-{last}")),
            };
            let surveyed = worker.readers.range(&order).and_then(|()| worker.readers.survey(&order.output, &order.mime));
            let pages = surveyed.map_err(failed)?.len() as u32;
            if pages != last - first + 1 {
                return Err(failed(Error::hold("copy-page-missing")));
            }
            let disk = |e| Error::disk("open pages", &order.output, e);
            let mut file = File::open(&order.output).map_err(disk)?;
            let bytes = file.metadata().map_err(disk)?.len();
            let name = part::name(&whole.name, (first, last));
            let format = identify::format(&mut file, bytes, &name, &worker.config.limits)?;
            let mut file = File::open(&order.output).map_err(disk)?;
            let stored = worker.blobs.put(&ente, &mut file, worker.config.limits.file_bytes_max, None)?;
            let form = Form::Split { first, last };
            Ok(Component { role: Role::Principale, n: 1, name, sha256: stored.sha256, bytes: stored.bytes, format, form, pages })
        };
        ranges.into_iter().map(one).collect()
    })
    .await
}
