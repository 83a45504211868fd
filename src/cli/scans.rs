//! Which scans are read together? One, or several that become one PDF with a bookmark for each.

use std::path::{Path, PathBuf};

use super::ocr::{damage, look, name_of};
use super::{Global, output};
use crate::child::{PageAt, Readers};
use crate::copy::{OtherFile, Outline};
use crate::digest::Digest;
use crate::document::Format;
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;
use crate::page::PageSurvey;

/// A file as it was named, and what it is.
pub(super) struct Scan {
    /// As it was typed.
    pub(super) named: PathBuf,
    /// Where it is.
    pub(super) input: PathBuf,
    pub(super) format: Format,
    pub(super) sha256: Digest,
}

/// Scans, and all their pages.
pub(super) struct Scans {
    pub(super) files: Vec<Scan>,
    /// Files that are not among them, each said.
    pub(super) left_out: usize,
    /// Number of the file of each page.
    of: Vec<usize>,
    surveys: Vec<PageSurvey>,
}

impl Scans {
    /// Looks at the files. Of several, one that cannot be taken is said and left out; alone it is an error.
    pub(super) fn of(named: &[PathBuf], limits: &Limits, all: &Global) -> Result<Self> {
        let mut scans = Self { files: Vec::new(), left_out: 0, of: Vec::new(), surveys: Vec::new() };
        for path in named {
            match scan(path, limits) {
                Ok(scan) => scans.files.push(scan),
                Err(error) => scans.leave_out(named.len() == 1, error, all)?,
            }
        }
        if scans.files.is_empty() { Err(scans.none(named)) } else { Ok(scans) }
    }

    /// Finds their pages, which are numbered through.
    pub(super) fn survey(&mut self, readers: &Readers, limits: &Limits, all: &Global) -> Result<()> {
        let is_only = self.files.len() + self.left_out == 1;
        for scan in std::mem::take(&mut self.files) {
            match surveyed(&scan, readers) {
                Ok(surveys) => {
                    for mut survey in surveys {
                        survey.n = self.surveys.len() as u32 + 1;
                        self.of.push(self.files.len());
                        self.surveys.push(survey);
                    }
                    self.files.push(scan);
                }
                Err(error) => self.leave_out(is_only, error, all)?,
            }
        }
        if self.surveys.len() > limits.pages_max as usize {
            return Err(Error::hold("pages-too-many").with("pages", self.surveys.len()).with("max", limits.pages_max));
        }
        if self.files.is_empty() { Err(self.none(&[])) } else { Ok(()) }
    }

    fn leave_out(&mut self, is_only: bool, error: Error, all: &Global) -> Result<()> {
        if is_only || !matches!(error.kind(), Kind::Hold | Kind::Refuse) {
            return Err(error);
        }
        self.left_out += 1;
        output::complain(&error.message().text(all.words()));
        Ok(())
    }

    /// What is said where nothing is left.
    fn none(&self, named: &[PathBuf]) -> Error {
        Error::hold("scans-none").with("count", self.left_out.max(named.len()))
    }

    /// The pages, to be read.
    pub(super) fn pages<'a>(&'a self, drawings: &'a Path) -> Vec<PageAt<'a>> {
        let at = |(survey, of): (&'a PageSurvey, &usize)| {
            let scan = &self.files[*of];
            PageAt { input: &scan.input, mime: &scan.format.mime, survey, drawings: Some(drawings) }
        };
        self.surveys.iter().zip(&self.of).map(at).collect()
    }

    /// The pages that lie in another file than the first.
    pub(super) fn others(&self) -> Vec<OtherFile> {
        let pages = self.surveys.iter().zip(&self.of).filter(|(_, of)| **of > 0);
        pages.map(|(survey, of)| OtherFile { page: survey.n, input: self.files[*of].input.clone() }).collect()
    }

    /// A bookmark for each file, where there are several.
    pub(super) fn outlines(&self) -> Vec<Outline> {
        if self.files.len() < 2 {
            return Vec::new();
        }
        let first = |of: usize| self.of.iter().position(|other| *other == of).and_then(|at| self.surveys.get(at));
        let outline = |(of, scan): (usize, &Scan)| Some(Outline { title: name_of(&scan.named), page: first(of)?.n });
        self.files.iter().enumerate().filter_map(outline).collect()
    }

    /// The names of the files.
    pub(super) fn names(&self) -> String {
        self.files.iter().map(|scan| name_of(&scan.named)).collect::<Vec<_>>().join(", ")
    }

    /// The digest of the file, or that of the digests of all.
    pub(super) fn digest(&self) -> Digest {
        match self.files.as_slice() {
            [only] => only.sha256,
            files => Digest::of(&files.iter().flat_map(|scan| *scan.sha256.bytes()).collect::<Vec<u8>>()),
        }
    }

    /// What identification saw of the first file that is cut off or damaged.
    pub(super) fn damage(&self) -> Option<Error> {
        self.files.iter().find_map(|scan| damage(&scan.named, &scan.format))
    }
}

fn scan(path: &Path, limits: &Limits) -> Result<Scan> {
    let (format, sha256) = look(path, limits)?;
    let input = path.canonicalize().map_err(|e| Error::disk("find", path, e))?;
    Ok(Scan { named: path.to_owned(), input, format, sha256 })
}

fn surveyed(scan: &Scan, readers: &Readers) -> Result<Vec<PageSurvey>> {
    let surveys = readers.survey(&scan.input, &scan.format.mime)?;
    if surveys.is_empty() {
        let none = || Error::hold("pdf-without-pages").with("path", scan.named.display());
        return Err(damage(&scan.named, &scan.format).unwrap_or_else(none));
    }
    Ok(surveys)
}
