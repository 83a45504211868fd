//! The crash drill: the process is killed at every named write point and at random moments, restarted, and the
//! invariants are proven: every input in exactly one place, nothing twice, the journal whole, packages complete or
//! absent, the same final result as an undisturbed run, no child outliving its parent.
//!
//! Needs the feature `drill`. `CONSERVA_DRILL_MOMENTS` and `CONSERVA_DRILL_SEED` widen the random part, `CONSERVA_DRILL_SECONDS` is its time box (scripts/prove).

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{Stage, repository, said};

/// The points named in the sources, so that a new one is drilled without being listed.
pub(super) fn points() -> BTreeSet<String> {
    let named = regex::Regex::new(r#"drill::point\("([^"]+)"\)"#).expect("a pattern");
    let mut points = BTreeSet::new();
    for entry in walkdir::WalkDir::new(repository().join("src")) {
        let path = entry.expect("an entry").into_path();
        if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("drill.rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            points.extend(named.captures_iter(&text).map(|c| c[1].to_owned()));
        }
    }
    points
}

/// Points on paths that this play does not take: upgrade.rs kills in the upgrade of a store, rescan.rs at sheets scanned anew, split.rs in divisions,
/// inboxes.rs at sidecars and at the clean-up, uploads.rs and mailbox.rs in what comes over the network, registro.rs and scarto.rs at theirs, envelopes/ where one is opened.
pub(super) const ELSEWHERE: &[&str] = &[
    "store.backup-",
    "desk.rescan-",
    "desk.split",
    "batch.",
    "acquire.sidecar-",
    "acquire.cleaned",
    "receive.",
    "upload.",
    "mailbox.",
    "search.",
    "open.",
    "registro.",
    "scarto.",
];

/// The inputs of the play: small real pages, so that the real engine reads them in moments.
fn inputs() -> Vec<PathBuf> {
    let folder =
        std::env::var_os("CONSERVA_DRILL_INPUTS").map_or_else(|| repository().join("tests/fixtures/drill"), PathBuf::from);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("the fixtures").map(|e| e.expect("an entry").path()).collect();
    files.retain(|p| p.is_file() && p.extension().is_none_or(|e| e != "md" && e != "toml"));
    files.sort();
    files.truncate(20);
    files
}

/// How a run dies, if it does.
#[derive(Clone, Copy)]
enum Death<'a> {
    /// It does not.
    Never,
    /// At a named write point.
    At(&'a str),
    /// At a moment.
    After(std::time::Instant),
}

/// One play: an inbox of inputs that is taken in, decided and packaged, with a kill somewhere.
struct Play {
    stage: Stage,
    names: Vec<String>,
}

impl Play {
    fn new(inputs: &[PathBuf]) -> Self {
        let stage = Stage::bare();
        let names: Vec<String> = inputs.iter().map(|p| p.file_name().expect("a name").to_string_lossy().into_owned()).collect();
        for (path, name) in inputs.iter().zip(&names) {
            stage.put(path, &format!("scans/{name}"));
        }
        std::os::unix::fs::symlink("foglio.png", stage.path("scans/legame.png")).expect("a link");
        Self { stage, names }
    }

    /// Takes the inbox in, decides whatever is held, packages. True if a process died of `death`.
    fn act(&self, death: Death<'_>) -> bool {
        if self.make(death) {
            return true;
        }
        let scans = self.stage.path("scans");
        if self.step(&["ingest", "--take", scans.to_str().expect("a path")], death) {
            return true;
        }
        for id in self.held() {
            let decision = [
                "review",
                &id,
                "--set",
                "tipo=lettera",
                "--set",
                "voce=I.8",
                "--set",
                "mittente=Ufficio Prove",
                "--set",
                "oggetto=Prova di caduta",
                "--set",
                "protocollo=0000123/2024 2024-03-12 E",
                "--approve",
            ];
            if self.step(&decision, death) {
                return true;
            }
        }
        self.step(&["package"], death)
    }

    /// Makes the archive unless it is whole already; an `init` that was killed may be run again.
    fn make(&self, death: Death<'_>) -> bool {
        if self.stage.path("archivio/conserva.toml").exists() {
            return false;
        }
        let ente = repository().join("samples/ente.toml");
        self.step(&["init", "--ente", ente.to_str().expect("a path")], death)
    }

    /// One verb; true if it died of SIGKILL. Any other end must be an honest one.
    fn step(&self, args: &[&str], death: Death<'_>) -> bool {
        let mut command = self.stage.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Death::At(point) = death {
            command.env("CONSERVA_DRILL", point);
        }
        let mut child = command.spawn().expect("the program starts");
        if let Death::After(moment) = death {
            while std::time::Instant::now() < moment && child.try_wait().expect("its state").is_none() {
                std::thread::sleep(Duration::from_millis(2));
            }
            child.kill().expect("killed or gone");
        }
        let output = child.wait_with_output().expect("its output");
        if output.status.signal() == Some(9) {
            return true;
        }
        assert!(matches!(output.status.code(), Some(0 | 1)), "{args:?}: {:?} {}", output.status, said(&output));
        false
    }

    fn held(&self) -> Vec<String> {
        let rows = self.stage.json(&["list"], &[0]);
        let waiting = rows.iter().filter(|row| row["state"] == "held");
        waiting.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// What is true at the end, whatever happened on the way.
    fn result(&self) -> Value {
        let documents: BTreeMap<String, Value> = self
            .stage
            .json(&["list"], &[0])
            .into_iter()
            .map(|row| {
                (
                    row["id"].as_str().expect("an id").to_owned(),
                    json!([row["name"], row["state"], row["voce"], row["protocollo"]]),
                )
            })
            .collect();
        let arrivals: BTreeSet<String> =
            self.stage.json(&["list", "arrivals"], &[0]).iter().map(|a| a["id"].as_str().expect("an id").to_owned()).collect();
        let mut packaged: Vec<Value> = self.stage.json(&["list", "pdv"], &[0]).iter().map(|p| p["documents"].clone()).collect();
        packaged.sort_by_key(ToString::to_string);
        json!({"documents": documents, "arrivals": arrivals, "packaged": packaged})
    }

    /// Every input lies in exactly one place: still in the inbox, or admitted.
    fn check_places(&self, when: &str) {
        let admitted: Vec<String> =
            self.stage.json(&["list", "arrivals"], &[0]).iter().map(|a| a["name"].as_str().expect("a name").to_owned()).collect();
        for name in &self.names {
            let in_inbox = self.stage.path(&format!("scans/{name}")).exists();
            let count = admitted.iter().filter(|n| *n == name).count();
            assert!(count <= 1, "{when}: {name} was admitted {count} times");
            assert!(in_inbox || count == 1, "{when}: {name} is lost");
        }
        let in_inbox = self.stage.path("scans/legame.png").is_symlink();
        let aside = std::fs::read_dir(self.stage.path("archivio/quarantine")).map_or(0, |entries| entries.flatten().count());
        assert_eq!(usize::from(in_inbox) + aside, 1, "{when}: the link is in exactly one place");
    }

    /// Packages are complete or absent, and the journal is whole.
    fn check_proofs(&self, when: &str) {
        let journal = self.stage.run(&["journal", "verify"]);
        assert!(journal.status.success(), "{when}: {}", said(&journal));
        let folder = self.stage.path("archivio/pdv");
        for entry in std::fs::read_dir(folder).expect("the folder of packages") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "zip") {
                let verified = self.stage.run(&["verify", path.to_str().expect("a path")]);
                assert!(verified.status.success(), "{when}: {}", said(&verified));
            }
        }
    }
}

/// No reader child of this program is left without its parent.
fn check_children(when: &str) {
    let mut orphans = Vec::new();
    for _ in 0..40 {
        orphans = orphaned_children();
        if orphans.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{when}: children outlive their parent: {orphans:?}");
}

fn orphaned_children() -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_conserva")).to_string_lossy().into_owned();
    let mut orphans = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let folder = entry.path();
        let Ok(line) = std::fs::read(folder.join("cmdline")) else { continue };
        let words: Vec<String> = line.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        if words.first() != Some(&program) || words.get(1).map(String::as_str) != Some("page-child") {
            continue;
        }
        let status = std::fs::read_to_string(folder.join("stat")).unwrap_or_default();
        let after_name = status.rsplit(") ").next().unwrap_or_default();
        let fields: Vec<&str> = after_name.split(' ').collect();
        if fields.first() != Some(&"Z") && fields.get(1) == Some(&"1") {
            orphans.push(folder.display().to_string());
        }
    }
    orphans
}

/// Most deaths of one play: the recovery from one is itself killed by the next, and together they are spread over the whole run.
const DEATHS: u32 = 5;

/// The undisturbed run that all others must equal.
fn undisturbed(inputs: &[PathBuf]) -> Value {
    let play = Play::new(inputs);
    assert!(!play.act(Death::Never));
    let result = play.result();
    assert_eq!(result["documents"].as_object().map(serde_json::Map::len), Some(inputs.len()), "{result:#}");
    result
}

#[test]
fn a_kill_at_any_write_point_loses_nothing_and_doubles_nothing() {
    if cfg!(not(feature = "drill")) {
        return eprintln!("NOT CHECKED: the crash drill needs --features drill (scripts/test has it)");
    }
    let inputs = inputs();
    let expected = undisturbed(&inputs);
    let (mut killed, mut unreached) = (0, Vec::new());
    for point in points() {
        let play = Play::new(&inputs);
        if play.act(Death::At(&point)) {
            killed += 1;
        } else if !ELSEWHERE.iter().any(|prefix| point.starts_with(prefix)) {
            unreached.push(point.clone());
        }
        check_children(&point);
        play.make(Death::Never);
        play.check_places(&point);
        play.check_proofs(&point);
        play.act(Death::Never);
        play.check_places(&point);
        play.check_proofs(&point);
        assert_eq!(play.result(), expected, "after a kill at {point}");
    }
    eprintln!("crash drill: {killed} kills at named points");
    assert!(unreached.is_empty(), "points that no run passed: {unreached:?}");
}

#[test]
fn a_kill_at_a_random_moment_loses_nothing_and_doubles_nothing() {
    let moments: u32 = std::env::var("CONSERVA_DRILL_MOMENTS").ok().and_then(|t| t.parse().ok()).unwrap_or(10);
    let seed: u64 = std::env::var("CONSERVA_DRILL_SEED").ok().and_then(|t| t.parse().ok()).unwrap_or(20_261_122);
    let seconds = std::env::var("CONSERVA_DRILL_SECONDS").ok().and_then(|t| t.parse().ok()).unwrap_or(u64::MAX);
    let inputs = inputs();
    let began = std::time::Instant::now();
    let expected = undisturbed(&inputs);
    let length = began.elapsed().as_millis() as u64;
    let span = (length * 2 / u64::from(DEATHS)).max(1);
    let mut state = seed;
    let (mut killed, mut had) = (0, 0);
    while had < moments && began.elapsed().as_secs() < seconds {
        let play = Play::new(&inputs);
        let mut when = String::new();
        for _ in 0..DEATHS.min(moments - had) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let wait = (state >> 33) % span;
            when = format!("moment {had}, {wait} ms, seed {seed}");
            had += 1;
            let died = play.act(Death::After(std::time::Instant::now() + Duration::from_millis(wait)));
            check_children(&when);
            play.make(Death::Never);
            play.check_places(&when);
            play.check_proofs(&when);
            if !died {
                break;
            }
            killed += 1;
        }
        play.act(Death::Never);
        play.check_places(&when);
        play.check_proofs(&when);
        assert_eq!(play.result(), expected, "after a kill at {when}");
    }
    if had < moments {
        eprintln!("crash drill: time is up after {had} of {moments} random moments");
    }
    eprintln!("crash drill: {} inputs, {killed} kills in {had} random moments, seed {seed}", inputs.len());
}
