//! What do we know, and what is to be done next? Rows, jobs and the journal, behind one contract.
//!
//! The contract is small on purpose: everything that changes goes through [`Store::apply`], a list of [`Change`]s in one
//! transaction (invariant 4), fenced by the [`Claim`] of the job that wants it. The other functions only look.
//! SQLite stands behind it today; PostgreSQL can stand beside it without touching a room.

mod engine;
mod entries;
pub mod journal;
pub mod lock;
mod sheaf;
mod sqlite;
pub mod standstill;

pub use engine::Store;
pub use sheaf::{Gathering, Sheaf};
pub use sqlite::Sqlite;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aggregation::{Aggregation, AggregationId, AggregationKey};
use crate::arrival::{Arrival, ArrivalId, ArrivalState, EnteId};
use crate::digest::Digest;
use crate::document::{Document, DocumentId, DocumentState, Hold};
use crate::event::Event;
use crate::findable::Findable;
use crate::likeness::Key;
use crate::messages::Message;
use crate::pdv::{Pdv, PdvId, PdvState};
use crate::registro::{Contrasto, Registrazione, Variazione};

/// One change. A list of them is applied whole, in order, in one transaction, or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A blob is visible (invariant 1). The same blob twice is one row.
    AddBlob {
        /// Digest.
        sha256: Digest,
        /// Size.
        bytes: u64,
    },
    /// A blob's bytes are held in quarantine (a state, the bytes stay where they are), or released.
    SetQuarantine {
        /// Digest.
        sha256: Digest,
        /// True to hold.
        is_held: bool,
    },
    /// Fails the whole transaction (`arrivals-changed`, retry) unless exactly `count` arrivals have these bytes: what
    /// admission decided by looking (new, replay, duplicate) still holds when it writes.
    RequireArrivals {
        /// Digest.
        sha256: Digest,
        /// How many arrivals were seen.
        count: u64,
    },
    /// A new arrival. An arrival that is already there (same id) leaves its row as it was: a replay (invariant 3).
    AddArrival(Box<Arrival>),
    /// An arrival's state and reason.
    SetArrival {
        /// Which.
        id: ArrivalId,
        /// New state.
        state: ArrivalState,
        /// Why, of a held or refused one.
        reason: Option<Message>,
    },
    /// A new document. One that is already there leaves its row as it was.
    AddDocument(Box<Document>),
    /// A document's state.
    SetDocument {
        /// Which.
        id: DocumentId,
        /// New state.
        state: DocumentState,
    },
    /// The open holds of a document, all of them: the list replaces what was there; an empty one settles all.
    SetHolds {
        /// Which document.
        document: DocumentId,
        /// The holds.
        holds: Vec<Hold>,
    },
    /// A fact: the JSON result of a step about an arrival or document. Same owner, kind and number: replaced.
    PutFact {
        /// Id of the arrival or document.
        owner: String,
        /// `format`, `survey`, `page`, `form`, `fields`, `filing`, `metadata`, `decisions`, …
        kind: String,
        /// Number within the kind (page number; 0 where there is one only).
        n: u32,
        /// JSON.
        body: String,
    },
    /// Numbered facts of one kind that wait in a file. Same owner, kind and number: replaced.
    PutSheaf {
        /// Id of the arrival or document.
        owner: String,
        /// Kind.
        kind: String,
        /// The facts.
        sheaf: Sheaf,
    },
    /// All facts of a kind are dropped (before a step's new ones, when there may be fewer).
    DropFacts {
        /// Id of the arrival or document.
        owner: String,
        /// Kind.
        kind: String,
    },
    /// The keys under which a document is found by others that look like it; those that it had are gone.
    SetLikeness {
        /// Which document.
        document: DocumentId,
        /// The keys.
        keys: Vec<Key>,
    },
    /// Fails the whole transaction (`facts-changed`, retry) unless the fact number 0 of that kind still is what was seen.
    RequireFact {
        /// Id of the document.
        owner: String,
        /// Kind.
        kind: String,
        /// Its body, none where there was none.
        seen: Option<String>,
    },
    /// What the index of words keeps of a document, together with the aggregation that it is in by then; what it kept is gone.
    SetFindable {
        /// Which document.
        document: DocumentId,
        /// Its words.
        findable: Box<Findable>,
    },
    /// How far the making anew of the ente's index has come.
    SetReindexing {
        /// The number of the last document that it has reached; none: it is whole.
        reached: Option<i64>,
    },
    /// Files a document: finds the aggregation of that key, or opens it with the next progressive number of its
    /// year and voce (rule G-05; a serie has none), and ties the document to it. A document that was filed elsewhere moves.
    FileDocument {
        /// Which.
        document: DocumentId,
        /// What ties it.
        key: AggregationKey,
        /// Opening date of a new aggregation.
        opened: jiff::civil::Date,
    },
    /// A fascicolo that a person opens. Fails (`fascicolo-number`, retry) where one of its id is there.
    AddAggregation(Box<Aggregation>),
    /// A document is in no aggregation any more; its number there is not given again. It must be in no Pdv.
    UnfileDocument {
        /// Which.
        document: DocumentId,
    },
    /// A fascicolo is closed on that date, or open again. Nothing is filed into a closed one (`fascicolo-closed`, hold).
    SetClosed {
        /// Which.
        id: AggregationId,
        /// Its closing date; none: open.
        closed: Option<jiff::civil::Date>,
    },
    /// A new Pdv with its documents. A document already in a Pdv fails the whole transaction.
    AddPdv {
        /// The row.
        pdv: Box<Pdv>,
        /// Its documents.
        documents: Vec<DocumentId>,
    },
    /// A Pdv was built: path, digest, size and state.
    SetPdvBuilt {
        /// Which.
        id: PdvId,
        /// Final path, relative to the archive.
        path: String,
        /// Digest of the package file.
        sha256: Digest,
        /// Size.
        bytes: u64,
    },
    /// A Pdv's state.
    SetPdv {
        /// Which.
        id: PdvId,
        /// New state.
        state: PdvState,
    },
    /// An entry of the protocol register. The same again leaves things as they are; another of that number fails the whole transaction
    /// (`facts-changed`, retry).
    AddRegistrazione {
        /// Code of the register.
        registro: String,
        /// The entry.
        registrazione: Box<Registrazione>,
    },
    /// A change of an entry. The same again leaves things as they are.
    AddVariazione {
        /// Code of the register.
        registro: String,
        /// The change.
        variazione: Box<Variazione>,
    },
    /// A line of a file that contradicts what is there. The same again leaves things as they are.
    AddContrasto {
        /// Code of the register.
        registro: String,
        /// The line.
        contrasto: Box<Contrasto>,
    },
    /// A person has looked at a contradiction. One that is not open fails the whole transaction (`facts-changed`, retry).
    SettleContrasto {
        /// Code of the register.
        registro: String,
        /// Which.
        id: String,
        /// By whom, when, why, JSON.
        settled: String,
    },
    /// A blob's bytes are destroyed by a scarto, or are about to be: its row stays (invariant 1).
    SetDestroyed {
        /// Digest.
        sha256: Digest,
        /// When, and by which authorisation, JSON.
        destroyed: String,
    },
    /// What is known of a document or an arrival goes: facts, name, words of the index. Its row stays.
    Forget {
        /// Its id.
        owner: String,
    },
    /// A new job. A job of the same step and owner that is still open leaves things as they are.
    AddJob(NewJob),
    /// One journal line.
    Journal(Event),
}

/// A job to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Step of the spine (`identify`, `pages`, …).
    pub step: String,
    /// Id of the traveller.
    pub owner: String,
    /// Higher first; 0 is usual.
    pub priority: i32,
}

/// What is done with the job whose claim fences a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Closing {
    /// The step is done.
    Done,
    /// To be tried again, not before that instant.
    Retry {
        /// Earliest next attempt.
        not_before: Timestamp,
        /// Why, code only.
        reason: String,
    },
}

/// A job under lease. `attempt` is the fencing token (invariant 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Row id of the job.
    pub job: i64,
    /// The ente.
    pub ente: EnteId,
    /// Step of the spine.
    pub step: String,
    /// Id of the traveller.
    pub owner: String,
    /// Attempt number, from 1.
    pub attempt: u32,
    /// End of the lease.
    pub until: Timestamp,
}

/// A job that is not closed yet, as a person or the desk sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenJob {
    /// Row id of the job.
    pub job: i64,
    /// Step of the spine.
    pub step: String,
    /// Id of the traveller.
    pub owner: String,
    /// Higher first.
    pub priority: i32,
    /// Attempts made so far, the one under way included.
    pub attempt: u32,
    /// Not to be claimed before.
    pub not_before: Timestamp,
    /// End of its lease, if it is under one.
    pub until: Option<Timestamp>,
    /// Why it was last put off, code only.
    pub reason: Option<String>,
}

/// What the store knows of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlobRow {
    /// Digest.
    pub sha256: Digest,
    /// Size.
    pub bytes: u64,
    /// True if its bytes are held in quarantine.
    pub quarantined: bool,
    /// When and by which authorisation its bytes were destroyed, JSON; none of a blob that is there.
    pub destroyed: Option<String>,
}

/// How many jobs are in which condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct JobCounts {
    /// Ready to be claimed now.
    pub ready: u64,
    /// Under lease.
    pub leased: u64,
    /// Waiting for their next attempt.
    pub waiting: u64,
    /// The earliest instant at which a waiting one becomes ready, if any.
    pub next_at: Option<Timestamp>,
}

/// How many things have one word (a state, a code), and since when the oldest of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The word.
    pub word: String,
    /// How many.
    pub count: u64,
    /// The oldest.
    pub oldest: Option<Timestamp>,
}

/// Open jobs of one step that were put off for one reason, or for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobTally {
    /// Step of the spine.
    pub step: String,
    /// Why they were last put off, code only.
    pub reason: Option<String>,
    /// Most attempts that one of them had.
    pub attempts: u64,
    /// How many.
    pub count: u64,
    /// Of these under lease.
    pub leased: u64,
    /// Of these waiting for their next attempt.
    pub waiting: u64,
}

/// What `stats` counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Documents by state.
    pub documents: Vec<Count>,
    /// Arrivals by state.
    pub arrivals: Vec<Count>,
    /// Packages by state.
    pub pdvs: Vec<Count>,
    /// Open holds by code.
    pub holds: Vec<Count>,
    /// Reasons of refused documents by code.
    pub refusals: Vec<Count>,
    /// Reasons of arrivals by code.
    pub reasons: Vec<Count>,
    /// Open jobs by step and reason.
    pub jobs: Vec<JobTally>,
    /// Journal lines since the instant asked for, by kind and outcome.
    pub lines: Vec<(String, String, u64)>,
}

/// One line of a document list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DocumentRow {
    /// The document.
    #[serde(flatten)]
    pub document: Document,
    /// Its aggregation.
    pub aggregazione: Option<AggregationId>,
    /// Its Pdv.
    pub pdv: Option<PdvId>,
    /// Its open holds.
    pub holds: Vec<Hold>,
}

/// An aggregation with its documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AggregationRow {
    /// The aggregation.
    #[serde(flatten)]
    pub aggregation: Aggregation,
    /// Its documents, in the order in which they were filed.
    pub documents: Vec<DocumentId>,
}
