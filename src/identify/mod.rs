//! What are these bytes? `format`: by content, PRONOM PUID, verdict of Allegato 2 (rule T-05: never by extension).

mod bytes;
mod cfb;
mod clamd;
mod cms;
mod entries;
mod formats;
mod gate;
mod jpeg;
mod magic;
mod mail;
mod markup;
mod office;
mod pdf;
mod raster;
mod riff;
mod text;
mod tiff;

use std::io::{Read, Seek};
use std::path::Path;

use crate::arrival::FileName;
use crate::document::Format;
use crate::error::{Error, Result};
use crate::limits::Limits;

pub use clamd::{Scanned, scan, version};
pub use gate::gate;

use bytes::Bytes;
use formats::Seen;
use magic::Family;

/// What these bytes are. The name only contradicts: its extension never decides, a warning says where it differs.
///
/// Memory is flat: head, tail, places that the format points to, and scans of bounded length. An empty file is refused;
/// every other one gets an answer, at worst the unknown format.
pub fn format(source: &mut (impl Read + Seek), bytes: u64, name: &FileName, limits: &Limits) -> Result<Format> {
    if bytes == 0 {
        return Err(Error::refuse("file-empty").with("name", name.shown()));
    }
    let mut file = Bytes::of(source, bytes)?;
    let seen = look(&mut file, limits)?;
    Ok(formats::format_of(seen, &name.extension()))
}

/// The answer of `identify --json` for one file.
pub fn json(path: &Path, format: &Format) -> serde_json::Value {
    serde_json::json!({
        "path": path.to_string_lossy(), "puid": format.puid, "mime": format.mime, "name": format.name, "version": format.version,
        "claims": format.claims, "signed": format.signed, "encrypted": format.encrypted, "verdict": format.verdict,
        "rule": format.rule, "warnings": format.warnings,
    })
}

/// Sends the file to the eye for its family.
fn look<S: Read + Seek>(file: &mut Bytes<'_, S>, limits: &Limits) -> Result<Seen> {
    match magic::family(&file.head, file.len) {
        Some(Family::Pdf) => pdf::look(file, limits),
        Some(Family::Tiff) => tiff::look(file, limits),
        Some(Family::Jpeg) => jpeg::look(file),
        Some(Family::Png) => raster::png(file),
        Some(Family::Gif) => Ok(raster::gif(file)),
        Some(Family::Bmp) => Ok(raster::bmp(file)),
        Some(Family::Jp2) => raster::jp2(file),
        Some(Family::Riff) => Ok(riff::look(file)),
        Some(Family::Zip) => office::look(file, limits),
        Some(Family::Cfb) => cfb::look(file),
        Some(Family::Plain(key)) => Ok(Seen::of(key)),
        None => match cms::look(file) {
            Some(seen) => Ok(seen),
            None => text::look(file, limits),
        },
    }
}
