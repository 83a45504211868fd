//! What may a person ask? List, show, ingest, review, plan: the one desk, whether they come by command line or by web.

mod access;
mod fixity;
mod ingest;
mod learn;
mod look;
mod lots;
mod packages;
mod rescan;
mod review;
mod show;
mod stats;
mod table;

pub use crate::store::Count;
pub use access::access;
pub use fixity::{FixityOrder, FixityReport, fixity};
pub use ingest::{IngestLine, Outcome, ingest};
pub use learn::{Version, learn};
pub use look::{picture, review_html};
pub use lots::{Lot, lot_of, lots};
pub use packages::{Packaged, Plan, Profile, Selection, package, preview};
pub use rescan::{By, expect, give, target};
pub use review::{Request, decide, queue};
pub use show::{Found, document_json, documents_of, find, show};
pub use stats::{Stats, stats};
pub use table::{Row, rows};
