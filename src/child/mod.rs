//! Who touches hostile bytes? Child processes of this binary: framed messages, limits, sandbox, restart.
//!
//! The parent never parses a scan or a PDF. It asks one of a few children, waits no longer than a page may take, and
//! reads the answer as an enemy's input. A child that dies, hangs or eats too much costs the page in its hands: the
//! call returns a hold, and the next call starts a fresh child.

mod answer;
#[cfg(feature = "drill")]
mod drill;
mod figures;
mod files;
mod frame;
mod hand;
mod in_turn;
mod kernel;
mod mirror;
mod pool;
mod process;
mod range;
mod reading;
mod repeated;
pub mod sandbox;
mod searchable;
pub mod serve;
mod sighting;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::likeness::ImagePrint;
use crate::limits::Limits;
use crate::page::{Origin, Page, PageSurvey, ReadPage, Rect};

pub use crate::normalise::prepare::Manner;
pub use in_turn::PageAt;
pub use sandbox::probe;
pub use serve::serve;

/// The hidden subcommand that starts a child.
pub const SUBCOMMAND: &str = "page-child";

/// How the reader children are started.
#[derive(Debug, Clone)]
pub struct ReadersOptions {
    /// This binary.
    pub program: PathBuf,
    /// Its hidden subcommand (`page-child`), which calls [`serve()`].
    pub args: Vec<String>,
    /// Most children at a time; one per core.
    pub count: usize,
    /// Language of the engine (`ita`, `ita+deu`).
    pub lang: String,
    /// Which engine reads.
    pub engine: crate::page::Engine,
    /// The ceilings.
    pub limits: Limits,
    /// The only folder that a child may write in.
    pub scratch: PathBuf,
    /// Folders that a child may read inputs from (the archive's blobs). An input outside of them still works: a child
    /// is started for its folder, which costs a start per folder.
    pub roots: Vec<PathBuf>,
}

/// A second, independent reading of a region (invariant 11).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reread {
    /// What was read, one line per line, NFC.
    pub raw: String,
    /// Its words in the same order, each with its confidence, 0 to 1.
    pub words: Vec<(String, f32)>,
    /// Confidence of all that was read, 0 to 1.
    pub confidence: f32,
    /// Engine, version and preparation, different from the first reading's.
    pub origin: Origin,
}

/// Which boxes of a page are read again, and prepared how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Again {
    /// The preparation.
    pub manner: Manner,
    /// The engine that read the page first, as its text is signed: another reads again where there is one.
    pub first: Origin,
    /// The boxes on the page image as stored.
    pub rects: Vec<Rect>,
}

/// One question to a child: which operation, about which file, for how long at most.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Name of the operation in `child/serve.rs`.
    pub op: &'static str,
    /// The file that the child must be able to read.
    pub input: &'a Path,
    /// Seconds after which the child is killed.
    pub seconds: u64,
    /// The page in question, where it is one; it is named in the hold.
    pub page: Option<u32>,
    /// The page that the child decodes meanwhile.
    pub next: Option<u32>,
}

/// A pool of reader children, usable from many threads. Children start with the first work and end with the pool.
#[derive(Debug)]
pub struct Readers {
    pool: pool::Pool,
}

/// What an operation on a file is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FileRequest {
    pub(crate) input: PathBuf,
    pub(crate) mime: String,
}

/// What an operation on one page is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PageRequest {
    pub(crate) input: PathBuf,
    pub(crate) mime: String,
    pub(crate) survey: PageSurvey,
    /// The page of the same file that this child will most likely be asked for next.
    pub(crate) next: Option<PageSurvey>,
    /// Where drawings of pages without an image are kept for the copy.
    pub(crate) drawings: Option<PathBuf>,
}

/// What a second reading is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RereadRequest {
    pub(crate) input: PathBuf,
    pub(crate) mime: String,
    pub(crate) page: Page,
    pub(crate) again: Again,
}

/// What the maker of a fingerprint is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PrintRequest {
    pub(crate) input: PathBuf,
    pub(crate) mime: String,
    pub(crate) page: Page,
}

/// What a picture is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PictureRequest {
    pub(crate) input: PathBuf,
    pub(crate) mime: String,
    pub(crate) survey: PageSurvey,
    pub(crate) rotation: u16,
    pub(crate) side_max: u32,
}

impl Readers {
    /// A pool; no child is started yet.
    pub fn start(options: ReadersOptions) -> Result<Self> {
        Ok(Self { pool: pool::Pool::new(options)? })
    }

    /// The pages of `input`, nothing decoded.
    pub fn survey(&self, input: &Path, mime: &str) -> Result<Vec<PageSurvey>> {
        let request = FileRequest { input: input.to_owned(), mime: mime.to_owned() };
        let surveys = self.call(self.work("survey", input, None), &request)?;
        answer::surveys(surveys, self.limits())
    }

    /// One page: its text, its facts, its quality.
    pub fn read(&self, input: &Path, mime: &str, survey: &PageSurvey) -> Result<ReadPage> {
        self.read_before(&PageAt { input, mime, survey, drawings: None }, None)
    }

    /// All pages of `surveys`, spread over the children, in their order. `progress` is told how many are done.
    pub fn read_all(
        &self,
        input: &Path,
        mime: &str,
        surveys: &[PageSurvey],
        progress: &(dyn Fn(u32) + Sync),
    ) -> Vec<Result<ReadPage>> {
        let pages: Vec<PageAt<'_>> = surveys.iter().map(|survey| PageAt { input, mime, survey, drawings: None }).collect();
        let (done, mut answers) = (AtomicU32::new(0), Vec::with_capacity(pages.len()));
        let told = || progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        let read = self.read_in_turn(&pages, &told, &mut |_, answer| {
            answers.push(answer);
            Ok(())
        });
        if let Err(error) = read {
            answers.resize_with(pages.len(), || Err(error.again()));
        }
        answers
    }

    /// Reads regions of a page again, from the original image, prepared in another way than for the first reading.
    pub fn reread(&self, input: &Path, mime: &str, page: &Page, again: &Again) -> Result<Vec<Reread>> {
        let request = RereadRequest { input: input.to_owned(), mime: mime.to_owned(), page: page.clone(), again: again.clone() };
        let read = self.call(self.work("reread", input, Some(page.survey.n)), &request)?;
        answer::rereads(read, again.rects.len(), self.limits())
    }

    /// The fingerprint of a page's image, upright and made ready as for reading; none of one without ink.
    pub fn image_print(&self, input: &Path, mime: &str, page: &Page) -> Result<Option<ImagePrint>> {
        let request = PrintRequest { input: input.to_owned(), mime: mime.to_owned(), page: page.clone() };
        self.call(self.work("print", input, Some(page.survey.n)), &request)
    }

    /// A JPEG of a page, upright, its longer side at most `side_max` pixels.
    pub fn picture(&self, input: &Path, mime: &str, page: &PageSurvey, rotation: u16, side_max: u32) -> Result<Vec<u8>> {
        let request = PictureRequest { input: input.to_owned(), mime: mime.to_owned(), survey: page.clone(), rotation, side_max };
        let text: String = self.call(self.work("picture", input, Some(page.n)), &request)?;
        base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| Error::hold("page-crashed").with("page", page.n))
    }

    /// Any operation that `child/serve.rs` knows: the answer has the form asked for, its content is still an enemy's.
    pub fn call<T: Serialize, R: DeserializeOwned>(&self, call: Call<'_>, request: &T) -> Result<R> {
        let frame = serde_json::to_vec(&serve::Asked { op: call.op, request }).map_err(Error::store)?;
        let answer = self.pool.ask(call, &frame)?;
        answer::parse(&answer, call)
    }

    fn limits(&self) -> &Limits {
        self.pool.limits()
    }

    fn work<'a>(&self, op: &'static str, input: &'a Path, page: Option<u32>) -> Call<'a> {
        Call { op, input, seconds: self.limits().page_seconds_max, page, next: None }
    }
}
