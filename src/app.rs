//! Who stands where? The one place that chooses adapters and puts the house together.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::arrival::EnteId;
use crate::blobs::Blobs;
use crate::calendar::month_and_day;
use crate::child::{Readers, ReadersOptions};
use crate::classify::{Experience, Rules};
use crate::clock::{Clock, date_of_law};
use crate::config::{Config, Layout};
use crate::ente::Ente;
use crate::error::{Error, Kind, Result};
use crate::filing::Voce;
use crate::lexicon::Lexicon;
use crate::limits::Limits;
use crate::page::Engine;
use crate::pipeline::House;
use crate::scratch::ScratchRoot;
use crate::steps;
use crate::store::Store;
use crate::store::lock::{ArchiveLock, ArchiveShare, ensure_local};
use crate::titolario::Titolario;
use crate::worker::Meter;

/// An open archive. Dropping it closes it.
pub struct Archive {
    /// The house.
    pub house: Arc<House>,
    /// Scratch, where the archive's own cannot be written.
    _scratch: Option<StandAlone>,
    /// Why it is only looked at, where that is a disk without room.
    pub no_room: Option<Error>,
}

/// Makes an archive in `root`: folders, configuration, store, ente. Without `ente_file` it is a *prova*.
pub async fn init(root: &Path, ente_file: Option<&Path>) -> Result<Ente> {
    let layout = Layout::new(root);
    if layout.config().exists() {
        return Err(Error::new(Kind::Environment, "archive-exists").with("path", root.display()));
    }
    let ente = ente_file.map_or_else(|| Ok(Ente::prova()), read_ente)?;
    for folder in [root.to_owned(), layout.blobs(), layout.inbox(), layout.quarantine(), layout.pdv(), layout.scratch()] {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|e| Error::disk("make folder", &folder, e))?;
    }
    ensure_local(root)?;
    let store = Store::open(&layout.store(), Clock::System).await?;
    store.add_ente(&ente).await?;
    let text = toml::to_string(&Config::default()).map_err(|e| Error::bug("default configuration").because(e))?;
    write_config(&layout.config(), &text)?;
    Ok(ente)
}

/// The configuration is written last: a folder without one is no archive yet, and `init` may be run again.
fn write_config(path: &Path, text: &str) -> Result<()> {
    let written = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|e| Error::disk("write configuration", path, e))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::disk("sync folder", folder, e))
}

fn read_ente(file: &Path) -> Result<Ente> {
    let text = std::fs::read_to_string(file).map_err(|e| wrong_ente(file, &e))?;
    let mut ente: Ente = toml::from_str(&text).map_err(|e| wrong_ente(file, &e.message()))?;
    ente.codice_ipa = ente.codice_ipa.to_lowercase();
    let is_code = |code: &str| !code.is_empty() && code.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if !is_code(&ente.codice_ipa) {
        return Err(wrong_ente(file, &"codice_ipa"));
    }
    if !is_code(&ente.aoo.registro) || ente.aoo.registro.len() > 16 {
        return Err(wrong_ente(file, &"aoo.registro: [A-Za-z0-9_.-]{1,16}"));
    }
    if let Some(day) = ente.santo_patrono.as_deref().filter(|day| month_and_day(day).is_none()) {
        return Err(wrong_ente(file, &format_args!("santo_patrono = {day:?}: MM-DD")));
    }
    Ok(ente)
}

fn wrong_ente(file: &Path, what: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Environment, "ente-wrong").with("file", file.display()).with("what", what)
}

impl Archive {
    /// Opens the archive in `root`. Where no other process has its lock, this one becomes its porter: empties scratch,
    /// voids the leases of whoever died, sweeps what was left half written. Otherwise it works beside the porter: it looks,
    /// admits and decides, and what it asks for is carried by whoever is porter (invariant 5).
    pub async fn open(root: &Path, config: Option<&Path>) -> Result<Self> {
        let found = found(root, config)?;
        let lock = ArchiveLock::take(root)?;
        Self::with(found, lock).await
    }

    /// Opens the archive in `root` for whoever only looks: where it can be written as [`Archive::open`] does, and else as it
    /// lies (`store.is_read_only()`): a disk mounted read-only, an archive of somebody else's, a disk without any room for
    /// what the engine keeps beside its file.
    pub async fn look(root: &Path, config: Option<&Path>) -> Result<Self> {
        let found = found(root, config)?;
        let opened = match ArchiveLock::take(root) {
            Ok(lock) => Self::with(found.clone(), lock).await,
            Err(error) => Err(error),
        };
        let no_room = match opened {
            Err(error) if error.code() == "archive-read-only" => None,
            Err(error) if error.is_no_room() => Some(error),
            opened => return opened,
        };
        let scratch = StandAlone::new()?;
        let store = Store::look(&found.layout.store(), Clock::System).await?;
        let house = assemble(found, store, scratch.scratch.clone(), None).await?;
        Ok(Self { house: Arc::new(house), _scratch: Some(scratch), no_room })
    }

    async fn with(found: FoundArchive, lock: Option<ArchiveLock>) -> Result<Self> {
        let is_porter = lock.is_some();
        let scratch = ScratchRoot::open(&found.layout.scratch(), is_porter)?;
        let store = Store::open(&found.layout.store(), Clock::System).await?;
        let house = assemble(found, store, scratch, lock).await?;
        if is_porter {
            house.store.void_leases().await?;
            house.blobs.sweep(&house.ente_id)?;
        }
        Ok(Self { house: Arc::new(house), _scratch: None, no_room: None })
    }
}

/// An archive and what it has decided, in which file.
#[derive(Clone)]
struct FoundArchive {
    layout: Layout,
    config: Config,
    file: PathBuf,
}

/// The archive in `root` and what it has decided.
fn found(root: &Path, config: Option<&Path>) -> Result<FoundArchive> {
    let layout = Layout::new(root);
    let file = config.map_or_else(|| layout.config(), Path::to_owned);
    if !layout.config().exists() || !layout.store().exists() {
        return Err(Error::new(Kind::Environment, "archive-missing").with("path", root.display()));
    }
    ensure_local(root)?;
    // The archive's own may be absent; one that was asked for is a slip of the hand, not the default.
    if config.is_some() && !file.exists() {
        return Err(Error::new(Kind::Environment, "config-missing").with("file", file.display()));
    }
    let config = Config::read(&file)?;
    Ok(FoundArchive { layout, config, file })
}

/// What inboxes say by default must exist: a voce of the Titolario, a known tipo.
fn ensure_known(config: &Config, file: &Path, titolario: &Titolario) -> Result<()> {
    for inbox in &config.inbox {
        let (voce, tipo) = (&inbox.defaults.voce, &inbox.defaults.tipo);
        let voce = voce.as_ref().filter(|voce| titolario.nome(&Voce((*voce).clone())).is_none());
        let tipo = tipo.as_ref().filter(|tipo| crate::classify::tipo_name(tipo).is_none());
        let fault = match (voce, tipo) {
            (Some(voce), _) => Error::new(Kind::Environment, "config-voce").with("voce", voce),
            (None, Some(tipo)) => Error::new(Kind::Environment, "config-tipo").with("tipo", tipo),
            (None, None) => continue,
        };
        return Err(fault.with("profile", &inbox.profile).with("file", file.display()));
    }
    Ok(())
}

/// The rules of filing are data: an ente that has its own keeps them in its archive.
fn adopt_rules(layout: &Layout) -> Result<()> {
    let own = |path: PathBuf| match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::disk("read rules", &path, error)),
    };
    let (types, words) = (own(layout.types())?, own(layout.words())?);
    crate::classify::adopt(types.as_deref(), words.as_deref()).map_err(|(rules, fault)| {
        let file = if rules == Rules::Types { layout.types() } else { layout.words() };
        Error::of(Kind::Environment, fault.with("file", file.display()))
    })
}

async fn assemble(
    FoundArchive { layout, config, file }: FoundArchive,
    store: Store,
    scratch: ScratchRoot,
    lock: Option<ArchiveLock>,
) -> Result<House> {
    adopt_rules(&layout)?;
    let share = ArchiveShare::take(layout.root()).await?;
    let ente = store.enti().await?.into_iter().next().ok_or_else(|| Error::bug("an archive without ente"))?;
    let readers = readers(
        (&config.ocr.language, config.ocr.engine),
        config.ocr.children_used(),
        &config.limits,
        scratch.path(),
        &[layout.blobs()],
    )?;
    let mut house = House {
        blobs: Blobs::open(&layout.blobs())?,
        ente_id: EnteId(ente.codice_ipa.clone()),
        tables: steps::tables::Seen::default(),
        lexicon: Lexicon::new(&config.ocr.words),
        lock: tokio::sync::Mutex::new(lock),
        share,
        meter: Arc::new(Meter::default()),
        layout,
        config,
        ente,
        store,
        readers,
        clock: Clock::System,
        scratch,
        experience: Experience::default(),
    };
    house.experience = steps::experience::of(&house).await?;
    let today = date_of_law(house.clock.now(), &house.ente.zona);
    ensure_known(&house.config, &file, steps::tables::tables(&house).await?.titolario(today))?;
    Ok(house)
}

/// The children that read pages, of this same program; `roots` are the folders that they may read inputs from.
pub fn readers(
    (language, engine): (&str, Engine),
    count: usize,
    limits: &Limits,
    scratch: &Path,
    roots: &[PathBuf],
) -> Result<Readers> {
    let program = std::env::current_exe().map_err(|e| Error::new(Kind::Environment, "program-unknown").because(e))?;
    Readers::start(ReadersOptions {
        program,
        args: vec![crate::child::SUBCOMMAND.to_owned()],
        count,
        lang: language.to_owned(),
        engine,
        limits: limits.clone(),
        scratch: scratch.to_owned(),
        roots: roots.to_vec(),
    })
}

/// A scratch root for a stand-alone command, in the machine's temporary folder; it removes itself.
pub struct StandAlone {
    /// The scratch root.
    pub scratch: ScratchRoot,
    path: PathBuf,
}

impl StandAlone {
    /// A private folder of this process.
    pub fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("conserva-{}", std::process::id()));
        Ok(Self { scratch: ScratchRoot::open(&path, true)?, path })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StandAlone {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::debug!(%error, "scratch folder left behind");
        }
    }
}

/// Pictures of pages, made by children.
pub struct ChildPictures(pub Readers);

impl crate::verify::Pictures for ChildPictures {
    fn picture(&self, file: &Path, mime: &str, sight: crate::verify::Sight) -> Option<Vec<u8>> {
        let surveys = self.0.survey(file, mime).ok()?;
        let survey = surveys.iter().find(|s| s.n == sight.page)?;
        self.0.picture(file, mime, survey, sight.rotation, sight.side_max).ok()
    }
}
