//! What was typed? The command line: parsed here, meant in the verbs, shown once at the rim.

mod archive;
mod due;
mod editions;
mod evaluate;
mod fascicolo;
mod keys;
mod learn;
mod log;
mod named;
mod ocr;
mod output;
mod package;
mod progress;
mod registro;
mod review;
mod scans;
mod scarto;
mod search;
mod segnatura;
mod separators;
mod stand_alone;
mod stats;
mod tables;
mod verify;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::config::Layout;
use crate::error::{Error, Result};
use crate::messages::Lang;
use crate::steps::tables::Table;
use crate::store::standstill::Standstill;

/// From scans to verified pacchetti di versamento.
#[derive(Debug, Parser)]
#[command(name = "conserva", version, max_term_width = 110, after_help = EXAMPLES)]
struct Opts {
    #[command(flatten)]
    all: Global,
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  conserva init --ente samples/ente.toml        make an archive in ./archivio
  conserva ingest scans/                        admit a folder and carry it to rest
  conserva watch                                admit what comes into the watched folders
  conserva review                               what waits for a person
  conserva review ID --set voce=VI.3 --approve  decide
  conserva review ID --html review.html         look at the pages in doubt
  conserva review ID --rescan 2 --with NEW.tif  a new sheet for a page that cannot be read
  conserva separators --profile lotti --count 7 -o fogli.pdf  sheets to put between the documents of a batch
  conserva search '«permesso di costruire» tipo:scia' find documents by words, phrases and fields
  conserva package                              build the packages of all that is ready
  conserva verify archivio/pdv/*.zip            check packages, on any machine
  conserva inspect PKG --html report.html       look inside a package
  conserva ocr scan.tif scan.pdf                a searchable PDF/A, without an archive

Exit codes: 0 all well; 1 some inputs held, refused or duplicate, or a finding of severity error; 2 wrong use;
3 configuration or environment; 4 store or disk failure, nothing lost, run again; 130 stopped, resumable.";

/// What holds for every verb.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Folder of the archive.
    #[arg(long, global = true, env = "CONSERVA_ARCHIVE", default_value = "archivio", value_name = "DIR")]
    archive: PathBuf,
    /// Configuration file, instead of the archive's conserva.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Results as JSON: one object, or one per line.
    #[arg(long, global = true)]
    json: bool,
    /// Language of what is shown.
    #[arg(long, global = true, value_enum, default_value_t = Words::It)]
    lang: Words,
    /// Who acts; by default the user of the operating system.
    #[arg(long, global = true, env = "USER", default_value = "operator", value_name = "NAME")]
    operator: String,
    /// Form of the log on stderr.
    #[arg(long, global = true, value_enum, default_value_t = log::Form::Text, value_name = "FORM")]
    log: log::Form,
}

impl Global {
    pub(crate) fn words(&self) -> Lang {
        match self.lang {
            Words::It => Lang::It,
            Words::En => Lang::En,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Words {
    It,
    En,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Makes an archive.
    Init {
        /// The ente: IPA, AOO, offices, responsabili, manuals. Without it the archive is a trial (PROVA).
        #[arg(long, value_name = "FILE.toml")]
        ente: Option<PathBuf>,
    },
    /// Admits files and folders and carries them to rest; sources stay where they are.
    Ingest {
        /// Files and folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Treats the sources as an inbox: each leaves into .taken once it is safe.
        #[arg(long)]
        take: bool,
        /// The file is the new sheet of a page: it replaces the old one, which is kept.
        #[arg(long, value_name = "ID:PAGE")]
        rescan: Option<String>,
    },
    /// The daemon: admits what comes to rest in the watched folders and carries it; SIGTERM ends it after the step in hand.
    Watch {
        /// Only these parts of its work.
        #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
        only: Vec<watch::Part>,
    },
    /// Lists documents, arrivals, fascicoli, pdv or lotti.
    List {
        /// What to list.
        #[arg(value_enum, default_value_t = Listed::Documents)]
        what: Listed,
        /// Only the documents or arrivals of this lotto: what sidecars call so, or a folder at a door.
        #[arg(long, value_name = "NAME")]
        lotto: Option<String>,
    },
    /// Shows everything known of one document, arrival, fascicolo or pdv.
    Show {
        /// Its id, or the beginning of a document's.
        id: String,
        /// Number of a page, for its picture.
        #[arg(long, value_name = "N", requires = "picture")]
        page: Option<u32>,
        /// Writes a JPEG of the page.
        #[arg(long, value_name = "FILE", requires = "page")]
        picture: Option<PathBuf>,
    },
    /// What is held; with an id and a decision, decides.
    Review(review::Review),
    /// Separator sheets for a batch, to be printed.
    Separators(separators::Separators),
    /// Finds documents by their words and fields, the newest first.
    Search(search::Search),
    /// A fascicolo is opened, closed, or opened again.
    #[command(subcommand)]
    Fascicolo(fascicolo::FascicoloVerb),
    /// The ente's plan of classification, by day: import, export, list. Without one that of the Comuni counts.
    #[command(subcommand)]
    Titolario(editions::EditionVerb),
    /// The ente's plan of retention (piano di conservazione), by day: import, export, list.
    #[command(subcommand)]
    Retention(editions::EditionVerb),
    /// The ente's table of procedures (tipologie di procedimento), by day: import, export, list.
    #[command(subcommand)]
    Tipologia(editions::EditionVerb),
    /// The protocol register: import entries, show, make the daily register, export.
    #[command(subcommand)]
    Registro(registro::RegistroVerb),
    /// What must leave for conservation by when: due, late, blocked and why. Exit code 1 where something is late.
    Due(due::Due),
    /// Disposal: what may be destroyed is listed for the authority, its answer taken in, what it allows destroyed.
    #[command(subcommand)]
    Scarto(scarto::ScartoVerb),
    /// Keeps a document or an aggregation from disposal, whatever the plan says.
    #[command(subcommand)]
    Hold(scarto::HoldVerb),
    /// Writes the Segnatura (Allegato 6) of a document that the ente sends, from the archive's data; not sealed.
    Segnatura {
        /// Id of the document.
        id: String,
        /// Into this file, not to stdout.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Plans and builds packages of what is ready.
    Package {
        /// Shows the plan only.
        #[arg(long)]
        dry_run: bool,
        /// Only this aggregation.
        #[arg(long, value_name = "ID")]
        fascicolo: Option<String>,
        /// Makes packages for a reader (PdD), of documents, a fascicolo or a PdV, without what is reserved.
        #[arg(long, conflicts_with_all = ["dry_run", "profile"])]
        access: bool,
        /// With --access: these documents.
        #[arg(long, value_name = "ID", num_args = 1.., requires = "access", conflicts_with = "fascicolo")]
        documents: Vec<String>,
        /// With --access: the documents of this PdV.
        #[arg(long, value_name = "ID", requires = "access", conflicts_with_all = ["fascicolo", "documents"])]
        pdv: Option<String>,
        /// Profile of the package.
        #[arg(long, value_enum, default_value_t = package::Profile::Agid)]
        profile: package::Profile,
        /// Also copies the packages into this folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Checks packages, ours or not, and signed files, without an archive.
    Verify(verify::Typed),
    /// Tree, metadata, events and pages of packages for a person.
    Inspect {
        /// Packages: files or folders.
        #[arg(required = true)]
        packages: Vec<PathBuf>,
        /// Writes one self-contained HTML file.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Most page pictures shown.
        #[arg(long, default_value_t = 40, value_name = "N")]
        pictures: usize,
    },
    /// Compares two packages: files, digests, metadata values. Exit code 1 where they differ.
    Diff {
        /// First package.
        a: PathBuf,
        /// Second package.
        b: PathBuf,
    },
    /// Makes a searchable PDF/A of a scan.
    Ocr(ocr::OcrArgs),
    /// Says what files are, by content.
    Identify {
        /// Files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Reads the fields of a document.
    Extract {
        /// File.
        file: PathBuf,
    },
    /// Proposes tipo, voce and aggregation of a document.
    Classify {
        /// File.
        file: PathBuf,
    },
    /// Measures an archive's documents against truth files (NAME.json beside the originals).
    Evaluate {
        /// Folder of truth files.
        truth: PathBuf,
        /// Takes the kept pages through fields and filing of this release; nothing is stored.
        #[arg(long)]
        again: bool,
    },
    /// Learns from the filings that people have confirmed.
    Learn {
        /// Everything from the seed corpus on, not only what is new.
        #[arg(long)]
        anew: bool,
    },
    /// The journal of the archive.
    Journal {
        #[command(subcommand)]
        verb: JournalVerb,
    },
    /// Reads the archive's content again under a rate cap, the longest unread first; exit code 1 where it is not whole.
    Fixity {
        /// Most MiB a second; 0 is without a cap.
        #[arg(long, default_value_t = 50, value_name = "MIB")]
        rate: u32,
        /// Only what was not read for so many days.
        #[arg(long, default_value_t = 0, value_name = "DAYS")]
        older_than: u32,
        /// Stops after so many seconds; the next run goes on.
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
    },
    /// Health of the machine and of the archive.
    Doctor,
    /// Indicators: what is in which state, how fast it moves, what is oldest, what is stuck and why.
    Stats,
    /// Shell completions on stdout.
    Completions {
        /// Shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    Documents,
    Arrivals,
    Fascicoli,
    Pdv,
    Lotti,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    Digests,
}

#[derive(Debug, Subcommand)]
enum JournalVerb {
    /// Proves the chain, or names the first line that breaks it.
    Verify,
}

/// The whole program: parses, acts, shows an error once, gives the exit code.
pub fn main() -> ExitCode {
    output::tell_panics_by_their_place();
    if std::env::args_os().nth(1).is_some_and(|arg| arg == crate::child::SUBCOMMAND) {
        return crate::child::serve();
    }
    let opts = match Opts::try_parse() {
        Ok(opts) => opts,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    log::to_stderr(opts.all.log, matches!(opts.verb, Verb::Watch { .. }));
    let lang = opts.all.words();
    let json = opts.all.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::error(&Error::bug("no runtime").because(error), lang, json),
    };
    let standstill = Standstill::begin(&Layout::new(&opts.all.archive).store());
    let ended = runtime.block_on(act(opts)).and_then(|code| standstill.map_or(Ok(()), |still| still.ensure()).map(|()| code));
    // Whatever still runs was left to its lease: it is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => output::error(&error, lang, json),
    }
}

/// Each verb to its room or desk.
async fn act(opts: Opts) -> Result<u8> {
    let all = &opts.all;
    match opts.verb {
        Verb::Init { ente } => archive::init(all, ente.as_deref()).await,
        Verb::Ingest { paths, take, rescan: Some(target) } => archive::rescan(all, &paths, take, &target).await,
        Verb::Ingest { paths, take, .. } => archive::ingest(all, &paths, take).await,
        Verb::Watch { only } => watch::watch(all, &only).await,
        Verb::List { what, lotto } => archive::list(all, what, lotto.as_deref()).await,
        Verb::Show { id, page: Some(page), picture: Some(path) } => archive::picture(all, &id, page, &path).await,
        Verb::Show { id, .. } => archive::show(all, &id).await,
        Verb::Review(asked) => review::review(all, asked).await,
        Verb::Fascicolo(verb) => fascicolo::fascicolo(all, &verb).await,
        Verb::Titolario(verb) => editions::edition(all, Table::Titolario, &verb).await,
        Verb::Retention(verb) => editions::edition(all, Table::Retention, &verb).await,
        Verb::Tipologia(verb) => editions::edition(all, Table::Tipologia, &verb).await,
        Verb::Registro(verb) => registro::registro(all, &verb).await,
        Verb::Due(asked) => due::due(all, &asked).await,
        Verb::Scarto(verb) => scarto::scarto(all, &verb).await,
        Verb::Hold(verb) => scarto::hold(all, &verb).await,
        Verb::Segnatura { id, output } => segnatura::segnatura(all, &id, output.as_deref()).await,
        Verb::Separators(typed) => separators::separators(all, typed).await,
        Verb::Search(asked) => search::search(all, asked).await,
        Verb::Package { access: true, fascicolo, documents, pdv, out, .. } => {
            package::access(all, package::chosen(fascicolo, documents, pdv)?, out.as_deref()).await
        }
        Verb::Package { dry_run: true, fascicolo, profile, .. } => package::preview(all, fascicolo, profile.into()).await,
        Verb::Package { fascicolo, out, profile, .. } => package::package(all, fascicolo, (profile.into(), out.as_deref())).await,
        Verb::Verify(typed) => verify::verify(all, &typed),
        Verb::Inspect { packages, html, pictures } => stand_alone::inspect(all, &packages, html.as_deref(), pictures),
        Verb::Diff { a, b } => stand_alone::diff(all, &a, &b),
        Verb::Ocr(args) => ocr::ocr(all, &args),
        Verb::Identify { files } => Ok(stand_alone::identify(all, &files)),
        Verb::Extract { file } => stand_alone::extract(all, &file),
        Verb::Classify { file } => stand_alone::classify(all, &file),
        Verb::Evaluate { truth, again } => evaluate::evaluate(all, &truth, again).await,
        Verb::Learn { anew } => learn::learn(all, anew).await,
        Verb::Journal { verb: JournalVerb::Verify } => archive::journal_verify(all).await,
        Verb::Fixity { rate, older_than, seconds } => archive::fixity(all, rate, older_than, seconds).await,
        Verb::Doctor => archive::doctor(all).await,
        Verb::Stats => stats::stats(all).await,
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Opts::command(), "conserva", &mut std::io::stdout());
            Ok(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Opts::command().debug_assert();
    }
}
