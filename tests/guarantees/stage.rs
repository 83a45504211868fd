//! A stage for black-box tests: a folder with an archive in it, and the real program played on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use conserva::child::{Readers, ReadersOptions};
use conserva::limits::Limits;
use conserva::normalise::Opened;
use image::GrayImage;
use serde_json::Value;

/// A temporary folder with an archive `archivio`, an inbox and the program.
pub struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// An empty folder.
    pub fn bare() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A folder with an archive of the samples' ente.
    pub fn with_archive() -> Self {
        let stage = Self::bare();
        let ente = repository().join("samples/ente.toml");
        let output = stage.run(&["init", "--ente", ente.to_str().expect("a path")]);
        assert!(output.status.success(), "init: {}", said(&output));
        stage
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a copy of `source` into the folder, with a fixed modification time so that ids repeat from run to run.
    pub fn put(&self, source: &Path, name: &str) -> PathBuf {
        let target = self.path(name);
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("folder");
        std::fs::copy(source, &target).expect("copied");
        let file = std::fs::File::options().write(true).open(&target).expect("opened");
        let instant = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(475_000);
        file.set_modified(instant).expect("mtime");
        target
    }

    /// The program with its archive, ready to be given a verb. `CONSERVA_PROGRAM` names another build of it to be played.
    pub fn command(&self, args: &[&str]) -> Command {
        let program = std::env::var_os("CONSERVA_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_conserva").into());
        let mut command = Command::new(program);
        command.arg("--archive").arg(self.path("archivio")).args(args).stdin(Stdio::null());
        command.env_remove("CONSERVA_ARCHIVE").env_remove("CONSERVA_DRILL").env("CONSERVA_LOG", "warn");
        command
    }

    /// Runs a verb to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }

    /// Runs a verb with `--json`, checks the exit code, gives its lines.
    pub fn json(&self, args: &[&str], codes: &[i32]) -> Vec<Value> {
        let output = self.run(&[&["--json"], args].concat());
        let code = output.status.code().unwrap_or(-1);
        assert!(codes.contains(&code), "{args:?} ended with {code}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).lines().map(|l| serde_json::from_str(l).expect("a JSON line")).collect()
    }
}

/// The repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Shared material beside the checkout, where it is; its absence is said aloud.
pub fn shared(what: &str) -> Option<PathBuf> {
    let beside = std::env::var_os("CONSERVA_SHARED").map_or_else(|| repository().join("../shared"), PathBuf::from);
    let path = beside.join(what);
    if path.exists() {
        return Some(path);
    }
    eprintln!("NOT CHECKED: ../shared/{what} is not here");
    None
}

/// Both outputs in full.
pub fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `count` readers of Italian with the usual limits.
pub fn readers(scratch: &Path, count: usize) -> Readers {
    let options = ReadersOptions {
        program: PathBuf::from(env!("CARGO_BIN_EXE_conserva")),
        args: vec!["page-child".to_owned()],
        count,
        lang: "ita".to_owned(),
        engine: conserva::page::Engine::default(),
        limits: Limits::default(),
        scratch: scratch.to_owned(),
        roots: Vec::new(),
    };
    Readers::start(options).expect("readers")
}

/// A page of text at 200 dpi, on paper that is not quite white.
pub fn clean_page() -> GrayImage {
    let sample = repository().join("samples/documenti/04 determina.tif");
    let limits = Limits::default();
    let opened = Opened::open(&sample, "image/tiff", &limits).expect("the sample");
    let survey = opened.survey(&limits).expect("its pages").remove(0);
    let page = opened.image(&survey, &limits).expect("its first page");
    GrayImage::from_raw(page.width, page.height, page.gray).expect("pixels")
}
