//! `verify`: is this package, or this signed file, what it should be?

use std::path::PathBuf;
use std::sync::Arc;

use super::{Global, Only, output};
use crate::app::StandAlone;
use crate::error::Result;
use crate::limits::Limits;
use crate::sign::Trust;
use crate::verify::{self, NoPictures, Options, View};

/// What was typed.
#[derive(Debug, clap::Args)]
pub(crate) struct Typed {
    /// Packages: files or folders; signed files (p7m, p7s beside its content, pdf, xml, asics, asice, tsr, tst, tsd).
    #[arg(required = true)]
    packages: Vec<PathBuf>,
    /// Digests and completeness only.
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Also writes the report as one HTML file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Folder of trusted certificates (PEM, DER), revocation lists and OCSP answers.
    #[arg(long, value_name = "DIR")]
    trust: Vec<PathBuf>,
    /// National trusted list (XML, ETSI TS 119 612) whose services are trusted.
    #[arg(long, value_name = "FILE")]
    trusted_list: Vec<PathBuf>,
}

/// `verify PKG…`.
pub(crate) fn verify(all: &Global, typed: &Typed) -> Result<u8> {
    let limits = Limits::default();
    let mut trust = Trust::default();
    for folder in &typed.trust {
        trust.add_folder(folder)?;
    }
    for list in &typed.trusted_list {
        trust.add_list(list, &limits)?;
    }
    let options = Options { only_digests: typed.only.is_some(), limits, trust: Arc::new(trust) };
    let mut is_ok = true;
    let mut pages = Vec::new();
    for package in &typed.packages {
        let report = verify::report(package, &options)?;
        is_ok &= report.ok;
        output::line(&if all.json { report.json(all.words()).to_string() } else { output::clean(&report.text(all.words())) });
        pages.push(report);
    }
    if let Some(path) = &typed.html {
        output::write_whole(path, reports_html(&pages, (&typed.packages, &options), all)?.as_bytes())?;
    }
    Ok(u8::from(!is_ok))
}

/// One report as a page of its own; several as one page, package by package, without pictures.
fn reports_html(reports: &[verify::Report], (packages, options): (&[PathBuf], &Options), all: &Global) -> Result<String> {
    if let [report] = reports {
        return Ok(verify::report_html(report, all.words()));
    }
    let alone = StandAlone::new()?;
    let options = Options { only_digests: false, ..options.clone() };
    let view = View { pictures: &NoPictures, count: 0, scratch: &alone.scratch };
    let inspections = packages.iter().map(|p| verify::inspect(p, &options, &view)).collect::<Result<Vec<_>>>()?;
    Ok(verify::inspections_html(&inspections, all.words()))
}
