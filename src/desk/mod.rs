//! What may a person ask? List, show, ingest, review, plan: the one desk, whether they come by command line or by web.

mod access;
mod destroy;
mod due;
mod editions;
mod fascicolo;
mod fixity;
mod ingest;
mod learn;
mod look;
mod lots;
mod many;
mod merge;
mod packages;
mod procedimenti;
mod registro;
mod rescan;
mod review;
mod rotate;
mod scarto;
mod search;
mod segnatura;
mod separators;
mod show;
mod split;
mod stats;
mod table;
mod ties;
mod vincolo;

pub use crate::store::Count;
pub use access::access;
pub use destroy::{Destroyed, execute};
pub use due::{due, keep_due};
pub use editions::{Imported, Order, TABLE_BYTES_MAX, editions, export, import};
pub use fascicolo::{Opening, Place, close, open, reopen};
pub use fixity::{FixityOrder, FixityReport, fixity};
pub use ingest::{IngestLine, Outcome, ingest};
pub use learn::{Version, learn};
pub use look::{picture, review_html};
pub use lots::{Lot, lot_of, lots};
pub use many::{Planned, planned};
pub use merge::merge;
pub use packages::{Packaged, Plan, Profile, Selection, package, preview};
pub use registro::{
    RegistroDay, RegistroImported, RegistroOrder, registro_day, registro_days, registro_export, registro_import, registro_make,
    registro_settle,
};
pub use rescan::{By, expect, give, target};
pub use review::{Request, Waiting, decide, queue};
pub use rotate::{asked, rotate};
pub use scarto::{ScartoAnswer, authorise, propose, scarti, scarto_list};
pub use search::{Answer, COUNTED_MAX, Line, Question, reindex, search};
pub use segnatura::segnatura;
pub use separators::{Asked, Told, separators};
pub use show::{Found, document_json, documents_of, find, show};
pub use split::{Split, split, starts};
pub use stats::{Stats, stats};
pub use table::{Row, rows};
pub use vincolo::{vincoli, vincolo};
