//! The verbs that need no archive: inspect, identify, extract, classify.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Global, named, output, tables};
use crate::app::{self, ChildPictures, StandAlone};
use crate::arrival::FileName;
use crate::classify;
use crate::clock::Clock;
use crate::digest::Digest;
use crate::document::{DocumentId, Format};
use crate::ente::Ente;
use crate::error::{Error, Kind, Result};
use crate::extract;
use crate::fields::Fields;
use crate::limits::Limits;
use crate::messages::{Message, label};
use crate::page::{Engine, PageText, ReadPage};
use crate::titolario::Titolario;
use crate::transcribe;
use crate::verify::{self, NoPictures, Options, View};

/// `inspect PKG…`: text on the terminal, or one HTML file with pictures of the pages.
pub(crate) fn inspect(all: &Global, packages: &[PathBuf], html: Option<&Path>, pictures: usize) -> Result<u8> {
    let options = Options::default();
    let alone = StandAlone::new()?;
    let readers = app::readers(("ita", Engine::default()), 1, &options.limits, alone.path(), &[alone.path().to_owned()])?;
    let eye = ChildPictures(readers);
    let view = View { pictures: if html.is_some() { &eye } else { &NoPictures }, count: pictures, scratch: &alone.scratch };
    let mut is_ok = true;
    let mut inspections = Vec::new();
    for package in packages {
        let inspection = verify::inspect(package, &options, &view)?;
        is_ok &= inspection.report.ok;
        if all.json {
            output::line(&inspection.report.json(all.words()).to_string());
        } else if html.is_none() {
            output::line(&output::clean(&inspection.text(all.words())));
        }
        inspections.push(inspection);
    }
    if let Some(path) = html {
        output::write_whole(path, verify::inspections_html(&inspections, all.words()).as_bytes())?;
        output::line(&path.display().to_string());
    }
    Ok(u8::from(!is_ok))
}

/// `diff A B`.
pub(crate) fn diff(all: &Global, a: &Path, b: &Path) -> Result<u8> {
    let found = verify::diff(a, b, &Options::default())?;
    let words = all.words();
    output::line(&if all.json { found.json(words).to_string() } else { output::clean(&found.text(words)) });
    Ok(u8::from(!found.is_same()))
}

/// `identify FILE…`.
pub(crate) fn identify(all: &Global, files: &[PathBuf]) -> u8 {
    let limits = Limits::default();
    let mut lines = Vec::new();
    let mut worst = 0;
    for path in files {
        match format_of(path, &limits) {
            Ok(format) if all.json => output::line(&crate::identify::json(path, &format).to_string()),
            Ok(format) => {
                for warning in &format.warnings {
                    output::complain(&format!("{}: {}", path.display(), warning.text(all.words())));
                }
                lines.push(row_of(path, &format, all));
            }
            Err(error) => {
                worst = worst.max(error.exit_code());
                unidentified(path, &error, all);
            }
        }
    }
    if !all.json {
        tables::table(&["head-path", "head-puid", "head-mime", "head-verdict", "head-rule"], &lines, all.words());
    }
    worst
}

fn row_of(path: &Path, format: &Format, all: &Global) -> Vec<String> {
    vec![
        path.display().to_string(),
        format.puid.clone().unwrap_or_else(|| "—".to_owned()),
        format.mime.clone(),
        label(verdict_label(format), all.words()),
        format.rule.clone(),
    ]
}

/// What is said of a file that could not be looked at; the others have their turn all the same.
fn unidentified(path: &Path, error: &Error, all: &Global) {
    let why = error.message().text(all.words());
    if !all.json {
        output::complain(&format!("{}: {why}", path.display()));
    } else if matches!(error.kind(), Kind::Hold | Kind::Refuse) {
        output::line(&json!({"path": path, "verdict": "rifiutato", "rule": error.code(), "message": why}).to_string());
    } else {
        output::line(&json!({"path": path, "error": error.code(), "message": why}).to_string());
    }
}

fn verdict_label(format: &Format) -> &'static str {
    match format.verdict {
        crate::document::Verdict::Accettato => "verdict-accettato",
        crate::document::Verdict::DaConvertire => "verdict-da-convertire",
        crate::document::Verdict::Rifiutato => "verdict-rifiutato",
    }
}

fn format_of(path: &Path, limits: &Limits) -> Result<Format> {
    use std::os::unix::ffi::OsStrExt as _;
    let (mut file, metadata) = named::open(path)?;
    let name = FileName::new(path.file_name().unwrap_or_default().as_bytes());
    crate::identify::format(&mut file, metadata.len(), &name, limits)
}

/// `extract FILE`: the fields of one document, as JSON.
pub(crate) fn extract(all: &Global, file: &Path) -> Result<u8> {
    let (fields, _, unread) = read(all, file)?;
    print(all, &json!(fields));
    Ok(u8::from(unread > 0))
}

/// `classify FILE`: tipo, voce and aggregation proposed for one document, as JSON with reasons.
pub(crate) fn classify(all: &Global, file: &Path) -> Result<u8> {
    let (fields, texts, unread) = read(all, file)?;
    let ente = Ente::prova();
    let (sha256, _) = std::fs::File::open(file).and_then(Digest::of_reader).map_err(|e| Error::disk("read", file, e))?;
    let document = DocumentId(Digest::id("doc", &[sha256.bytes()]));
    let received = crate::clock::date_of_law(Clock::System.now(), &ente.zona);
    let experience = classify::Experience::default();
    let titolario = Titolario::comuni();
    let context =
        classify::Context { ente: &ente, titolario, retention: None, experience: &experience, document: &document, received };
    let filing = classify::filing(&texts, &fields, &context);
    let mut shown = json!(filing);
    shown["reasons"] = filing.reasons.iter().map(|m| m.sentence(all.words())).collect();
    print(all, &shown);
    Ok(u8::from(!filing.doubts.is_empty() || unread > 0))
}

/// The fields and the text of one file, scan or not, and how many of its pages could not be read: they are said and cost themselves only.
/// Nothing is confirmed by a second reading here.
fn read(all: &Global, file: &Path) -> Result<(Fields, Vec<PageText>, usize)> {
    let limits = Limits::default();
    let alone = StandAlone::new()?;
    let mime = format_of(file, &limits)?.mime;
    if transcribe::knows(&mime) {
        let (mut open, _) = named::open(file)?;
        let texts = transcribe::pages(&mut open, &mime, &limits)?;
        return Ok((extract::fields(&texts, &Ente::prova()), texts, 0));
    }
    let input = file.canonicalize().map_err(|e| Error::disk("find", file, e))?;
    let count = crate::config::OcrConfig::default().children_used();
    let readers = app::readers(("ita", Engine::default()), count, &limits, alone.path(), &[])?;
    let surveys = readers.survey(&input, &mime)?;
    let (mut texts, mut unread) = (Vec::new(), Vec::new());
    for (survey, read) in surveys.iter().zip(readers.read_all(&input, &mime, &surveys, &|_| {})) {
        match read {
            Ok(read) => texts.push(read.text),
            Err(error) => {
                let why = error.message().sentence(all.words());
                let message = Message::new("page-unread").with("page", survey.n).with("why", why);
                output::complain(&message.sentence(all.words()));
                texts.push(ReadPage::unread(survey).text);
                unread.push(error);
            }
        }
    }
    let count = unread.len();
    match unread.into_iter().next() {
        Some(error) if count == surveys.len() => Err(error),
        _ => Ok((extract::fields(&texts, &Ente::prova()), texts, count)),
    }
}

fn print(all: &Global, value: &serde_json::Value) {
    output::line(&if all.json { value.to_string() } else { serde_json::to_string_pretty(value).unwrap_or_default() });
}
