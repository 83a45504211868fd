//! `conserva ocr`: a searchable PDF/A of one scan, or of several, without an archive. Flag names follow OCRmyPDF where it has them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::progress::Progress;
use super::scans::Scans;
use super::{Global, named, output};
use crate::app::{self, StandAlone};
use crate::arrival::FileName;
use crate::child::{PageAt, Readers};
use crate::config::OcrConfig;
use crate::copy::{self, CopyOrder, CopyReport, PageLines, Pages, PdfaLevel};
use crate::digest::Digest;
use crate::document::{DocumentId, Format};
use crate::ente::Soglie;
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;
use crate::messages::Message;
use crate::page::{self, Quality, ReadPage};
use crate::pipeline::AGENT;
use crate::steps::poor;
use crate::worker::Meter;

/// What was typed after `ocr`.
#[derive(Debug, Clone, Args)]
pub(crate) struct OcrArgs {
    /// Language of the model, several joined by `+`.
    #[arg(short = 'l', long, default_value = "ita")]
    language: String,
    /// Which engine reads.
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    engine: Engine,
    /// Pages read at a time; one per core unless said.
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    /// Level of PDF/A.
    #[arg(long, default_value = "2b", value_parser = ["1b", "2b", "3b"])]
    pdfa: String,
    /// Also writes the plain text, pages divided by form feeds.
    #[arg(long, visible_alias = "sidecar", value_name = "FILE")]
    text: Option<PathBuf>,
    /// Also writes ALTO 4.
    #[arg(long, value_name = "FILE")]
    alto: Option<PathBuf>,
    /// Also writes hOCR.
    #[arg(long, value_name = "FILE")]
    hocr: Option<PathBuf>,
    /// Title of the PDF; the name of the input unless said.
    #[arg(long)]
    title: Option<String>,
    /// The scan: TIFF, JPEG, PNG or PDF. Several become one PDF, with a bookmark for each.
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    /// The PDF/A to write.
    #[arg(value_name = "OUT.pdf")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// Our own where it knows the language's model, page by page with a gate that leaves to Tesseract what it reads better.
    Auto,
    /// Our own, never handed over.
    Native,
    /// Tesseract.
    Tesseract,
}

impl From<Engine> for page::Engine {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Auto => Self::Auto,
            Engine::Native => Self::Native,
            Engine::Tesseract => Self::Tesseract,
        }
    }
}

/// Reads every page and writes what was asked for. A page that cannot be read is said and stands in the copy
/// without words, and the exit code is 1.
pub(crate) fn ocr(all: &Global, args: &OcrArgs) -> Result<u8> {
    let limits = Limits::default();
    let sides = [&args.text, &args.alto, &args.hocr];
    let outputs: Vec<&Path> = std::iter::once(&args.output).chain(sides.into_iter().flatten()).map(PathBuf::as_path).collect();
    for input in &args.inputs {
        named::ensure_apart(input, &outputs)?;
    }
    let mut scans = Scans::of(&args.inputs, &limits, all)?;
    let alone = StandAlone::new()?;
    let count = args.jobs.unwrap_or_else(|| OcrConfig::default().children_used()).clamp(1, 64);
    let folders: BTreeSet<PathBuf> = scans.files.iter().filter_map(|scan| scan.input.parent()).map(Path::to_owned).collect();
    let folders: Vec<PathBuf> = folders.into_iter().collect();
    let readers = app::readers((&args.language, args.engine.into()), count, &limits, alone.path(), &folders)?;
    scans.survey(&readers, &limits, all)?;
    let first = &scans.files[0];
    let drawings = alone.path().join("drawn");
    std::fs::create_dir_all(&drawings).map_err(|e| Error::disk("make scratch folder", &drawings, e))?;
    let (pages, tally) = read(&readers, &scans.pages(&drawings), (all, alone.path().join("pages.jsonl")))?;
    if tally.digital == tally.all {
        side_files(args, &pages, &scans.names())?;
        if let Some(damage) = scans.damage() {
            return Err(damage);
        }
        let held = if tally.blank == tally.all { Error::hold("all-blank") } else { Error::hold("born-digital") };
        return Err(held.with("path", first.named.display()));
    }
    let order = CopyOrder {
        title: args.title.clone().unwrap_or_else(|| name_of(&first.named)),
        instant: instant_of(&scans)?,
        id: first_half(&scans.digest()),
        level: PdfaLevel::parse(&args.pdfa).ok_or_else(|| Error::new(Kind::Usage, "usage-wrong").with("what", &args.pdfa))?,
        output: alone.path().join("copy.pdf"),
        lang: "it".to_owned(),
        input: first.input.clone(),
        mime: first.format.mime.clone(),
        pages: pages.clone(),
        drawings: Some(drawings.clone()),
        others: scans.others(),
        is_wary: false,
        outlines: scans.outlines(),
    };
    // Texts are written here while a child makes the copy.
    let (texts, report) = std::thread::scope(|scope| {
        let texts = scope.spawn(|| side_files(args, &pages, &scans.names()));
        let report = readers.searchable(&order).or_else(|error| match error.kind() {
            // A page that could not be read may be one that cannot be shown either.
            Kind::Hold | Kind::Refuse if tally.unread > 0 => readers.searchable(&CopyOrder { is_wary: true, ..order.clone() }),
            _ => Err(error),
        });
        (texts.join().unwrap_or_else(|_| Err(Error::bug("the thread that writes texts"))), report)
    });
    texts?;
    let report = report?;
    output::copy_whole(&order.output, &args.output)?;
    if all.json {
        let input = if let [only] = args.inputs.as_slice() { json!(only) } else { json!(args.inputs) };
        let answer = json!({"input": input, "output": args.output, "pages": tally, "report": report});
        output::line(&answer.to_string());
    } else {
        told(&report, &tally, all);
    }
    Ok(u8::from(tally.unread > 0 || scans.left_out > 0))
}

/// What the person should know of the copy.
fn told(report: &CopyReport, tally: &Tally, all: &Global) {
    let blank = tally.verdicts.iter().filter(|verdict| verdict.blank).map(|verdict| verdict.page).collect();
    let marked = tally.verdicts.iter().filter(|verdict| verdict.marks_only).map(|verdict| verdict.page).collect();
    let (drawn, empty) = (&report.rasterised, &report.left_empty);
    for (code, pages) in [("pages-blank", &blank), ("pages-marks", &marked), ("pages-drawn", drawn), ("pages-left-empty", empty)]
    {
        if !pages.is_empty() {
            let pages = pages.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            output::complain(&Message::new(code).with("pages", pages).text(all.words()));
        }
    }
    for reason in tally.verdicts.iter().flat_map(|verdict| &verdict.reasons).take(REASONS_SHOWN) {
        output::complain(&reason.sentence(all.words()));
    }
}

/// Most reasons shown to a person: `--json` has them all.
const REASONS_SHOWN: usize = 40;

/// Reads the pages into the file `kept`, each as soon as it is read, and says how they fared.
fn read(readers: &Readers, pages: &[PageAt<'_>], (all, kept): (&Global, PathBuf)) -> Result<(Pages, Tally)> {
    let meter = Arc::new(Meter::default());
    meter.expect_pages(pages.len() as u64);
    let progress = Progress::watch(Arc::clone(&meter), all.words());
    let mut lines = PageLines::create(kept)?;
    let (mut tally, mut last_why) = (Tally::default(), String::new());
    readers.read_in_turn(pages, &|| meter.page_done(), &mut |at, read| {
        let survey = pages[at].survey;
        let mut page = read.unwrap_or_else(|error| {
            let why = error.message().sentence(all.words());
            let message = Message::new("page-unread").with("page", survey.n).with("why", &why);
            progress.aside(|| output::complain(&message.text(all.words())));
            last_why = why;
            ReadPage::unread(survey)
        });
        tally.count(&mut page);
        lines.push(&page)
    })?;
    if tally.unread == tally.all {
        return Err(Error::hold("pages-unread").with("count", tally.unread).with("why", last_why));
    }
    Ok((lines.finish()?, tally))
}

/// How the pages fared: the share of those that a second pass was needed for is what a scanner's settings are judged by.
#[derive(Debug, Default, Serialize)]
struct Tally {
    all: usize,
    blank: usize,
    digital: usize,
    read_once: usize,
    read_again: usize,
    unread: usize,
    readers: Readings,
    regions: Regions,
    /// The pages of which something must be known: those that are blank, and those with a figure under its limit.
    verdicts: Vec<Verdict>,
}

/// What must be known of a page.
#[derive(Debug, Serialize)]
struct Verdict {
    page: u32,
    blank: bool,
    /// No text, and a signature, a stamp or a drawing.
    marks_only: bool,
    mean_confidence: Option<f32>,
    /// The figures that are not within their limits.
    under: Vec<Quality>,
    /// What would hold a document with this page.
    reasons: Vec<Message>,
}

/// Regions of the pages that were ours, and how many of them were read on lines of Tesseract.
#[derive(Debug, Default, Serialize)]
struct Regions {
    all: usize,
    on_other_lines: usize,
}

/// Who read the pages: ours on its own lines, ours on lines that Tesseract found, Tesseract.
#[derive(Debug, Default, Serialize)]
struct Readings {
    ours: usize,
    ours_on_other_lines: usize,
    tesseract: usize,
}

impl Tally {
    fn count(&mut self, read: &mut ReadPage) {
        let least = Soglie::default().pagina;
        read.page.weigh(least);
        let reasons = poor::doubts(read, least, &DocumentId(String::new())).into_iter().map(|hold| hold.message).collect();
        let page = &read.page;
        let under: Vec<Quality> = page.quality.iter().filter(|figure| !figure.is_good).cloned().collect();
        let marks_only = page.has_marks_only();
        if page.blank || marks_only || !under.is_empty() {
            let (page, blank, mean_confidence) = (page.survey.n, page.blank, page.mean_confidence);
            self.verdicts.push(Verdict { page, blank, marks_only, mean_confidence, under, reasons });
        }
        self.all += 1;
        self.blank += usize::from(page.blank);
        self.digital += usize::from(page.survey.source.is_digital());
        self.read_once += usize::from(page.readings == 1);
        self.read_again += usize::from(page.readings > 1);
        self.unread += usize::from(read.is_unread());
        if page.readings > 0 {
            let (origin, readers) = (&read.text.origin, &mut self.readers);
            *if !origin.starts_with("conserva ") {
                &mut readers.tesseract
            } else if origin.ends_with(page::OTHER_LINES) {
                &mut readers.ours_on_other_lines
            } else {
                self.regions.all += read.text.blocks.len();
                self.regions.on_other_lines += regions(origin);
                &mut readers.ours
            } += 1;
        }
    }
}

/// Regions of a page that are not on our own lines, as its text is signed.
fn regions(origin: &str) -> usize {
    origin.rsplit_once(page::OTHER_REGIONS).and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
}

/// What the input is, by content, and its digest; the gate of the archive does not apply here, an unreadable file says so itself.
pub(super) fn look(path: &Path, limits: &Limits) -> Result<(Format, Digest)> {
    let (mut file, metadata) = named::open(path)?;
    let format = crate::identify::format(&mut file, metadata.len(), &file_name(path), limits)?;
    if format.signed {
        return Err(Error::hold("signed-left-alone").with("path", path.display()));
    }
    if let Some(claim) = format.claims.iter().find(|claim| claim.starts_with("pdfa")) {
        return Err(Error::hold("pdfa-left-alone").with("path", path.display()).with("claim", claim));
    }
    let (sha256, _) = std::fs::File::open(path).and_then(Digest::of_reader).map_err(|e| Error::disk("read", path, e))?;
    Ok((format, sha256))
}

/// What identification saw of a file that is cut off or damaged: its pages may look empty, or digital, for that alone.
pub(super) fn damage(path: &Path, format: &Format) -> Option<Error> {
    let warning = format.warnings.iter().find(|w| matches!(w.code(), "file-truncated" | "structure-damaged"))?;
    Some(Error::of(Kind::Hold, warning.clone().with("name", name_of(path))))
}

fn file_name(path: &Path) -> FileName {
    use std::os::unix::ffi::OsStrExt as _;
    FileName::new(path.file_name().unwrap_or_default().as_bytes())
}

pub(super) fn name_of(path: &Path) -> String {
    file_name(path).shown()
}

fn first_half(digest: &Digest) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest.bytes()[..16]);
    half
}

/// The date of the copy is that of the scan (of several, the last), so that the same scan gives the same bytes.
fn instant_of(scans: &Scans) -> Result<jiff::Timestamp> {
    let mut last = jiff::Timestamp::MIN;
    for path in scans.files.iter().map(|scan| &scan.input) {
        let modified = std::fs::metadata(path).and_then(|m| m.modified()).map_err(|e| Error::disk("look at", path, e))?;
        let instant = jiff::Timestamp::try_from(modified).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        last = last.max(jiff::Timestamp::from_second(instant.as_second()).unwrap_or(instant));
    }
    Ok(last)
}

/// The texts of the pages, `source` the names of their files.
fn side_files(args: &OcrArgs, pages: &Pages, source: &str) -> Result<()> {
    if let Some(path) = &args.text {
        output::write_with(path, |out| copy::write_plain(out, pages))?;
    }
    if let Some(path) = &args.alto {
        output::write_with(path, |out| copy::write_alto(out, pages, source, AGENT))?;
    }
    if let Some(path) = &args.hocr {
        output::write_with(path, |out| copy::write_hocr(out, pages, source, AGENT))?;
    }
    Ok(())
}
