//! Is this package whole and true? `report`: bytes in, findings out; shares no code with `package`.
//!
//! Stand-alone: no store, no configuration, nothing of the archive. [`report`] gives a verdict with all its findings in one
//! run; [`inspect()`] opens a package for a person. Everything read here is taken for an enemy's: names never become paths on
//! disk, contents are streamed, metadata files are bounded before they are parsed.

mod aggregazione;
mod agid;
mod bagit;
mod claims;
mod cms;
mod container;
mod diff;
mod digests;
mod documento;
mod eark;
mod findings;
mod inspect;
mod kind;
mod layout;
mod lists;
mod long;
mod names;
mod outcome;
mod pindex;
mod rules;
mod sacer;
mod schema;
mod signed;
mod sums;
mod tar;
mod xml;
mod zip;

use std::path::Path;
use std::sync::Arc;

pub use diff::{Changed, Diff, Side, Value, diff};
pub use eark::{Requirement, Verdict};
pub use inspect::{Inspection, NoPictures, Pictures, Sight, View, inspect, inspections_html};
pub use outcome::{Report, report_html};

use crate::error::Result;
use crate::limits::Limits;
use crate::sign::Trust;
use agid::Checked;
use container::Container;
use findings::{Findings, error};
use kind::Kind;
use layout::{Layout, Told};
use pindex::Form;

/// How deep to look, and how far.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only the index, completeness and digests: metadata files are hashed but not read.
    pub only_digests: bool,
    /// The ceilings.
    pub limits: Limits,
    /// Whom the office trusts, where signatures are judged; nobody unless somebody is named.
    pub trust: Arc<Trust>,
}

/// The verdict on the package at `path` (a ZIP file or a folder), or on a single signed file, with all its findings.
///
/// A bad package is never an error: it is a report with findings. An error means that `path` itself could not be read.
pub fn report(path: &Path, options: &Options) -> Result<Report> {
    Ok(examine(path, options)?.report)
}

/// A report with what was learned on the way.
struct Examined {
    report: Report,
    /// The package and what the profile's check learned; none where it is no package.
    inside: Option<(Container, Checked)>,
}

fn examine(path: &Path, options: &Options) -> Result<Examined> {
    let mut findings = Findings::default();
    let signed = signed::check(path, options)?;
    if let Some(signed) = &signed
        && !signed::is_index(path, signed, options)?
    {
        let mut report = Report::new(path.display().to_string(), signed.form, 1, signed::findings(signed, path));
        report.signatures.clone_from(&signed.signatures);
        return Ok(Examined { report, inside: None });
    }
    if let Some(signed) = &signed {
        findings.absorb(signed::findings(signed, path));
    }
    let Some(container) = Container::open(path, &options.limits, &mut findings)? else {
        findings.push(error("package-unknown"));
        return Ok(Examined { report: Report::new(path.display().to_string(), "unknown", 0, findings), inside: None });
    };
    let kind = kind::of(&container, options, &mut findings);
    let mut signatures = signed.map(|signed| signed.signatures).unwrap_or_default();
    if let Some(at) = kind.index().filter(|_| !container.is_lone()) {
        signatures.extend(signed::seals(&container, at, options, &mut findings)?);
    }
    let mut requirements = Vec::new();
    let checked = match &kind {
        Kind::Agid(at) => Some(agid::check(&container, (*at, Form::Agid), options, &mut findings)),
        Kind::Sincro(at) => Some(agid::check(&container, (*at, Form::Of2020), options, &mut findings)),
        Kind::Sincro2010(at) => Some(agid::check(&container, (*at, Form::Of2010), options, &mut findings)),
        Kind::Bag(root) => {
            let digests = bagit::check(&container, root, options, &mut findings);
            let layout = Layout::told(&container, &format!("{root}data/"), Told::AsTheyAre);
            Some(Checked { layout, ..Checked::of(digests) })
        }
        Kind::Lists(lists) => {
            let digests = lists::check(&container, lists, options, &mut findings);
            let layout = Layout::told(&container, &kind::top(container.entries()), Told::AsTheyAre);
            Some(Checked { layout, ..Checked::of(digests) })
        }
        Kind::Eark(at) => {
            let (digests, asked) = eark::check(&container, *at, options, &mut findings);
            requirements = asked;
            let root = pindex::folder(&container.entries()[*at].path).to_owned();
            Some(Checked { layout: Layout::told(&container, &root, Told::Eark), ..Checked::of(digests) })
        }
        Kind::Sacer(at) => Some(Checked::of(sacer::check(&container, *at, options, &mut findings))),
        Kind::Unknown => None,
    };
    if checked.is_none() {
        findings.push(error("package-unknown"));
    }
    let files = container.entries().len() as u64;
    let mut report = Report::new(path.display().to_string(), kind.name(), files, findings);
    report.requirements = requirements;
    report.signatures = signatures;
    Ok(Examined { report, inside: checked.map(|checked| (container, checked)) })
}

/// As many metadata files are read in the time in which another thread compiles the schemas for itself.
const SCHEMA_WORTH: usize = 16;

/// As [`each`], but each result is handed to `take` in its turn: of many not all are kept at once.
fn each_in_turn<T: Send>(count: usize, is_worthwhile: bool, work: impl Fn(usize) -> T + Sync, mut take: impl FnMut(T)) {
    /// So many results are kept; the end of so many is waited for.
    const TOGETHER: usize = 2_048;
    for from in (0..count).step_by(TOGETHER) {
        each(TOGETHER.min(count - from), is_worthwhile, |i| work(from + i)).into_iter().for_each(&mut take);
    }
}

/// Does `work` for every number below `count`, on all cores where it is worth their while, and gives the results in order.
///
/// This thread has its part: what it keeps from one call to the next (compiled schemas, buffers) is of use again.
fn each<T: Send>(count: usize, is_worthwhile: bool, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    // Beyond eight threads a disk is the limit, not the cores.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(count);
    if threads <= 1 || !is_worthwhile {
        return (0..count).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let hand = || {
        let mut mine = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count {
                return mine;
            }
            mine.push((i, work(i)));
        }
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(hand)).collect();
        let mut done = hand();
        let others = others.into_iter();
        done.extend(others.flat_map(|hand| hand.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))));
        done
    });
    done.sort_unstable_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, value)| value).collect()
}
