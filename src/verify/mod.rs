//! Is this package whole and true? `report`: bytes in, findings out; shares no code with `package`.
//!
//! Stand-alone: no store, no configuration, nothing of the archive. [`report`] gives a verdict with all its findings in one
//! run; [`inspect()`] opens a package for a person. Everything read here is taken for an enemy's: names never become paths on
//! disk, contents are streamed, metadata files are bounded before they are parsed.

mod aggregazione;
mod agid;
mod container;
mod digests;
mod documento;
mod findings;
mod inspect;
mod names;
mod outcome;
mod pindex;
mod rules;
mod schema;
mod xml;
mod zip;

use std::path::Path;

pub use inspect::{Inspection, NoPictures, Pictures, Sight, View, inspect, inspections_html};
pub use outcome::{Report, report_html};

use crate::error::Result;
use crate::limits::Limits;
use container::Container;
use findings::{Findings, error};

/// How deep to look, and how far.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only the index, completeness and digests: metadata files are hashed but not read.
    pub only_digests: bool,
    /// The ceilings.
    pub limits: Limits,
}

/// The verdict on the package at `path` (a ZIP file or a folder), with all its findings.
///
/// A bad package is never an error: it is a report with findings. An error means that `path` itself could not be read.
pub fn report(path: &Path, options: &Options) -> Result<Report> {
    Ok(examine(path, options)?.report)
}

/// A report with what was learned on the way.
struct Examined {
    report: Report,
    /// The package and what the profile's check learned; none where it is no package.
    inside: Option<(Container, agid::Checked)>,
}

fn examine(path: &Path, options: &Options) -> Result<Examined> {
    let mut findings = Findings::default();
    let container = Container::open(path, &options.limits, &mut findings)?;
    let files = container.as_ref().map_or(0, |c| c.entries().len() as u64);
    let inside = container.and_then(|c| agid::check(&c, options, &mut findings).map(|checked| (c, checked)));
    if inside.is_none() {
        findings.push(error("package-unknown"));
    }
    let profile = if inside.is_some() { "agid" } else { "unknown" };
    Ok(Examined { report: Report::new(path.display().to_string(), profile, files, findings), inside })
}

/// Does `work` for every number below `count`, on all cores, and gives the results in order.
fn each<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    // Beyond eight threads a disk is the limit, not the cores.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8).min(count);
    if threads <= 1 {
        return (0..count).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut mine = Vec::new();
                    loop {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        if i >= count {
                            return mine;
                        }
                        mine.push((i, work(i)));
                    }
                })
            })
            .collect();
        hands.into_iter().flat_map(|hand| hand.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_unstable_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, value)| value).collect()
}
