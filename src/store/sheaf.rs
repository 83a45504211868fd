//! What of a step that finds more facts than memory should hold? They wait in a file of its scratch, and its transaction
//! takes them from there, one after the other: nobody sees one of them before all are there (invariant 4).

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::scratch::Scratch;

/// Longest fact, bytes: what a frame may hold of one page.
const FACT_BYTES_MAX: u64 = 64 << 20;

/// Numbered facts of one kind, written once and read by the transaction that stores them. Clones share the file, which goes
/// with the last of them.
#[derive(Debug, Clone)]
pub struct Sheaf(Arc<Bound>);

#[derive(Debug)]
struct Bound {
    path: PathBuf,
    count: u64,
    /// The folder that the file lies in, for as long as it is wanted.
    _scratch: Scratch,
}

impl PartialEq for Sheaf {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Sheaf {
    /// Begins one in `scratch`.
    pub fn begin(scratch: Scratch) -> Result<Gathering> {
        let path = scratch.file("facts.jsonl");
        let file = File::create(&path).map_err(|e| Error::disk("write facts", &path, e))?;
        Ok(Gathering { out: BufWriter::with_capacity(1 << 16, file), path, count: 0, scratch })
    }

    /// The facts in the order in which they were put in, each with its number.
    pub(super) fn facts(&self) -> Result<Facts<'_>> {
        let file = File::open(&self.0.path).map_err(|e| Error::disk("read facts", &self.0.path, e))?;
        Ok(Facts { lines: BufReader::with_capacity(1 << 16, file), sheaf: &self.0, seen: 0 })
    }
}

/// A sheaf that grows.
#[derive(Debug)]
pub struct Gathering {
    out: BufWriter<File>,
    path: PathBuf,
    count: u64,
    scratch: Scratch,
}

impl Gathering {
    /// Adds the fact of that number.
    pub fn push<T: Serialize>(&mut self, n: u32, value: &T) -> Result<()> {
        let failed = |e: std::io::Error| Error::disk("write facts", &self.path, e);
        write!(self.out, "{n}\t").map_err(failed)?;
        serde_json::to_writer(&mut self.out, value).map_err(|e| failed(e.into()))?;
        self.out.write_all(b"\n").map_err(failed)?;
        self.count += 1;
        Ok(())
    }

    /// Ends it.
    pub fn bound(mut self) -> Result<Sheaf> {
        self.out.flush().map_err(|e| Error::disk("write facts", &self.path, e))?;
        Ok(Sheaf(Arc::new(Bound { path: self.path, count: self.count, _scratch: self.scratch })))
    }
}

/// One fact after the other; a file that holds fewer than were put in ends in an error.
pub(super) struct Facts<'a> {
    lines: BufReader<File>,
    sheaf: &'a Bound,
    seen: u64,
}

impl Facts<'_> {
    fn line(&mut self) -> Result<Option<(u32, String)>> {
        let mut line = String::new();
        let read = self.lines.by_ref().take(FACT_BYTES_MAX).read_line(&mut line);
        if read.map_err(|e| Error::disk("read facts", &self.sheaf.path, e))? == 0 {
            let is_whole = self.seen == self.sheaf.count;
            return if is_whole { Ok(None) } else { Err(Error::bug("a sheaf with fewer facts than were put in")) };
        }
        self.seen += 1;
        let broken = || Error::bug("a line of a sheaf that is no fact");
        let (n, body) = line.strip_suffix('\n').and_then(|line| line.split_once('\t')).ok_or_else(broken)?;
        Ok(Some((n.parse().map_err(|_| broken())?, body.to_owned())))
    }
}

impl Iterator for Facts<'_> {
    type Item = Result<(u32, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::ScratchRoot;

    fn sheaf(root: &std::path::Path) -> Sheaf {
        let scratch = ScratchRoot::open(root, true).expect("scratch").folder().expect("a folder");
        let mut gathering = Sheaf::begin(scratch).expect("a sheaf");
        for n in [1_u32, 2, 9] {
            gathering.push(n, &format!("line\none\tof {n}")).expect("written");
        }
        gathering.bound().expect("written")
    }

    #[test]
    fn facts_come_out_as_they_were_put_in_and_the_file_goes_with_the_last_clone() {
        let folder = tempfile::tempdir().expect("a folder");
        let sheaf = sheaf(&folder.path().join("scratch"));
        let facts: Vec<(u32, String)> = sheaf.facts().expect("open").map(|fact| fact.expect("a fact")).collect();
        assert_eq!(facts.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1, 2, 9]);
        assert_eq!(facts[2].1, r#""line\none\tof 9""#);
        let (path, other) = (sheaf.0.path.clone(), sheaf.clone());
        drop(sheaf);
        assert!(path.exists());
        drop(other);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_lost_its_end_is_an_error_before_the_last_fact_is_missed() {
        let folder = tempfile::tempdir().expect("a folder");
        let sheaf = sheaf(&folder.path().join("scratch"));
        let bytes = std::fs::read(&sheaf.0.path).expect("the file");
        for length in [bytes.len() - 3, bytes.len() - 1, bytes.iter().position(|b| *b == b'\n').expect("a line") + 1, 0] {
            File::create(&sheaf.0.path).and_then(|mut file| file.write_all(&bytes[..length])).expect("cut");
            assert!(sheaf.facts().expect("open").any(|fact| fact.is_err()), "{length}");
        }
    }
}
