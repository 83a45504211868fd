//! What may a person ask? List, show, ingest, review, plan: the one desk, whether they come by command line or by web.

mod ingest;
mod packages;
mod review;
mod show;
mod table;

pub use ingest::{IngestLine, Outcome, ingest};
pub use packages::{Packaged, Selection, package, preview};
pub use review::{Request, decide, queue};
pub use show::{Found, document_json, find, show};
pub use table::{Row, rows};
