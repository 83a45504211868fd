//! What is guaranteed of disposal: nothing goes without an authorisation, what is on hold or needed elsewhere stays, what goes goes
//! everywhere, and whoever is killed over it goes on or has not begun.

use serde_json::Value;

use super::stage::Stage;
#[cfg(feature = "drill")]
use super::stage::said;
#[cfg(feature = "drill")]
use super::upgrade::copied;

/// An archive with invoices of 2010, one of this year's plan's reach and one that stays, all described and packaged.
struct Office {
    stage: Stage,
    ids: Vec<String>,
}

fn invoice(numero: &str, year: &str) -> String {
    format!(
        "CONSORZIO ACQUE CHIARE\nVia del Pozzo 3 - P.IVA 00743110157\n\nSpett.le Comune di Roccamirta\n\nComune di Roccamirta\n\
         PROTOCOLLO GENERALE\nN. {numero}/{year}\ndel 10/03/{year} - ARRIVO\n\nOggetto: fattura n. {numero} per fornitura di acqua\n\n\
         Parola rarissima zanzibar{numero}.\n"
    )
}

impl Office {
    fn new() -> Self {
        let stage = Stage::with_archive();
        let mut ids = Vec::new();
        for (numero, year) in [("0000011", "2010"), ("0000012", "2010"), ("0000013", "2010"), ("0000014", "2025")] {
            let path = stage.path(&format!("{numero}.txt"));
            std::fs::write(&path, invoice(numero, year)).expect("written");
            let line = stage.json(&["ingest", path.to_str().expect("a path")], &[0, 1]).remove(0);
            let id = line["documents"][0].as_str().expect("a document").to_owned();
            stage.json(&["review", &id, "--set", "tipo=fattura", "--set", "voce=IV.4", "--approve"], &[0, 1]);
            ids.push(id);
        }
        for id in &ids {
            assert_eq!(show(&stage, id)["state"], "ready", "{}", show(&stage, id));
        }
        Self { stage, ids }
    }

    fn propose(&self) -> Value {
        let out = self.stage.path("");
        self.stage.json(&["scarto", "propose", "--out", out.to_str().expect("a path")], &[0]).remove(0)
    }

    fn authorise(&self, scarto: &str, except: &[&str]) -> Value {
        let act = self.stage.path("autorizzazione.txt");
        std::fs::write(&act, "Si autorizza.").expect("written");
        let proposed = self.stage.json(&["scarto", "list"], &[0])[0]["proposed_at"].as_str().expect("an instant").to_owned();
        let proposed: jiff::Timestamp = proposed.parse().expect("an instant");
        let today = proposed.in_tz("Europe/Rome").expect("a zone").date().to_string();
        let mut args =
            vec!["scarto", "authorise", scarto, act.to_str().expect("a path"), "--act", "Soprintendenza, prot. 1", "--date"];
        args.push(&today);
        if !except.is_empty() {
            args.push("--except");
            args.extend(except);
        }
        self.stage.json(&args, &[0]).remove(0)
    }

    /// True if the bytes of the principal component lie in the archive.
    fn is_there(&self, sha256: &str) -> bool {
        self.stage.path("archivio/blobs/c_x912").join(&sha256[..2]).join(sha256).exists()
    }

    fn sha256(&self, n: usize) -> String {
        show(&self.stage, &self.ids[n])["components"][0]["sha256"].as_str().expect("a digest").to_owned()
    }

    fn found(&self, word: &str) -> usize {
        self.stage.json(&["search", word], &[0, 1]).iter().filter(|line| line["id"].is_string()).count()
    }
}

fn show(stage: &Stage, id: &str) -> Value {
    stage.json(&["show", id], &[0]).remove(0)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("{name}: {value}"))
}

#[test]
fn what_was_allowed_is_destroyed_everywhere_and_what_is_on_hold_or_not_allowed_stays() {
    let office = Office::new();
    let stage = &office.stage;
    let digests: Vec<String> = (0..4).map(|n| office.sha256(n)).collect();
    stage.json(&["hold", "set", &office.ids[1], "--reason", "contenzioso in corso"], &[0]);
    let scarto = office.propose();
    let id = text(&scarto, "id").to_owned();
    let listed: Vec<&str> = scarto["items"].as_array().expect("items").iter().map(|item| text(item, "document")).collect();
    assert_eq!(listed, [office.ids[0].as_str(), office.ids[2].as_str()], "not what is on hold, nor what is of last year");
    let list = std::fs::read(stage.path(&format!("elenco-{id}.pdf"))).expect("the list");
    assert!(list.starts_with(b"%PDF-"));
    assert_eq!(std::fs::read_to_string(stage.path(&format!("elenco-{id}.csv"))).expect("the list").lines().count(), 3);
    assert_eq!(stage.run(&["scarto", "execute", &id, "--yes"]).status.code(), Some(2), "nothing without an authorisation");
    office.authorise(&id, &[&office.ids[2]]);
    assert_eq!(stage.run(&["scarto", "execute", &id]).status.code(), Some(2), "nothing by mistake");
    assert!((0..4).all(|n| office.is_there(&digests[n])));
    let done = stage.json(&["scarto", "execute", &id, "--yes"], &[0]).remove(0);
    assert_eq!((&done["scarto"]["state"], done["blobs"].as_u64() > Some(0)), (&"executed".into(), true), "{done}");
    let there: Vec<bool> = digests.iter().map(|sha256| office.is_there(sha256)).collect();
    assert_eq!(there, [false, true, true, true]);
    let gone = show(stage, &office.ids[0]);
    assert_eq!(gone["state"], "destroyed");
    assert_eq!(gone["components"][0]["sha256"], digests[0].as_str(), "the digest stays");
    assert_eq!(gone["fields"]["protocollo"]["value"]["numero"], "0000011", "and the registration");
    let everything = gone.to_string();
    for word in ["CONSORZIO", "fornitura", "zanzibar", "0000011.txt"] {
        assert!(!everything.contains(word), "{word} is forgotten: {everything}");
    }
    assert_eq!((office.found("zanzibar0000011"), office.found("zanzibar0000012")), (0, 1));
    assert!(stage.run(&["journal", "verify"]).status.success(), "the chain holds");
    assert!(stage.run(&["fixity", "--rate", "0"]).status.success(), "nothing is missed");
    let again = stage.json(&["scarto", "execute", &id, "--yes"], &[0]).remove(0);
    assert_eq!(again["scarto"]["state"], "executed");
    assert_eq!(stage.run(&["hold", "set", &office.ids[1], "--reason", "di nuovo"]).status.code(), Some(2));
    stage.json(&["hold", "lift", &office.ids[1], "--reason", "contenzioso chiuso"], &[0]);
    let next = office.propose();
    assert_eq!(next["items"].as_array().map(Vec::len), Some(2), "what was held and what was not allowed");
}

#[test]
fn bytes_that_another_arrival_needs_stay_and_a_hold_after_the_authorisation_counts() {
    let office = Office::new();
    let stage = &office.stage;
    let (shared, held) = (office.sha256(0), office.sha256(1));
    let copy = stage.path("altra/0000011.txt");
    std::fs::create_dir_all(copy.parent().expect("a folder")).expect("made");
    std::fs::write(&copy, invoice("0000011", "2010")).expect("written");
    stage.json(&["ingest", copy.to_str().expect("a path")], &[1]);
    let packaged = stage.json(&["package"], &[0]);
    let scarto = office.propose();
    let id = text(&scarto, "id").to_owned();
    office.authorise(&id, &[]);
    stage.json(&["hold", "set", &office.ids[1], "--reason", "indagine"], &[0]);
    let done = stage.json(&["scarto", "execute", &id, "--yes"], &[1]).remove(0);
    assert_eq!(done["scarto"]["spared"][&office.ids[1]], "scarto-held", "{done}");
    assert!(office.is_there(&shared), "the same bytes came again and wait");
    assert!(office.is_there(&held), "on hold");
    assert_eq!(show(stage, &office.ids[0])["state"], "destroyed");
    assert_eq!(done["left_in"].as_array().map(Vec::len), Some(1), "the package holds what stays, too: {done}");
    let paths: Vec<&str> = packaged.iter().map(|one| text(one, "path")).collect();
    assert!(paths.iter().all(|path| std::path::Path::new(path).exists()), "{paths:?}");
}

#[test]
fn a_scarto_is_executed_by_whoever_has_the_archive_alone_and_others_wait_for_its_end() {
    let office = Office::new();
    let stage = &office.stage;
    let id = text(&office.propose(), "id").to_owned();
    office.authorise(&id, &[]);
    // Whoever admits or reads has a share in the folder of the archive, as this test has it now.
    let folder = std::fs::File::open(stage.path("archivio")).expect("the archive");
    folder.lock_shared().expect("a share");
    assert_eq!(stage.run(&["scarto", "execute", &id, "--yes"]).status.code(), Some(3), "somebody else is there");
    assert!(office.is_there(&office.sha256(0)));
    folder.unlock().expect("given back");
    folder.lock().expect("the whole");
    let mut other = stage.command(&["list"]).spawn().expect("the program runs");
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert!(other.try_wait().expect("a child").is_none(), "it waits");
    folder.unlock().expect("given back");
    assert!(other.wait().expect("a child").success());
    stage.json(&["scarto", "execute", &id, "--yes"], &[0]);
}

/// Kills the program at every point of an execution, each time in a copy of the same archive.
#[cfg(feature = "drill")]
#[test]
fn killed_at_any_point_a_scarto_goes_on_or_has_not_begun() {
    use std::os::unix::process::ExitStatusExt as _;
    let points = [
        "scarto.before-begin",
        "store.uncommitted",
        "scarto.begun",
        "scarto.blob-gone",
        "scarto.blob-gone:2",
        "scarto.package-gone",
        "scarto.removed",
        "scarto.recorded",
    ];
    let before = Office::new();
    // The serie of 2010 alone is packaged, so that its package goes with it.
    let packaged = before.stage.json(&["package", "--fascicolo", "2010/fattura"], &[0]);
    let name = std::path::PathBuf::from(text(&packaged[0], "path")).file_name().expect("a name").to_owned();
    let digests: Vec<String> = (0..4).map(|n| before.sha256(n)).collect();
    let id = text(&before.propose(), "id").to_owned();
    before.authorise(&id, &[]);
    for point in points {
        let office = Office { stage: Stage::bare(), ids: before.ids.clone() };
        copied(&before.stage.path("archivio"), &office.stage.path("archivio"));
        let stage = &office.stage;
        let path = stage.path("archivio/pdv").join(&name);
        assert!(path.exists(), "the package is where it was built");
        let execute = ["scarto", "execute", id.as_str(), "--yes"];
        let end = stage.command(&execute).env("CONSERVA_DRILL", point).output().expect("the program runs");
        assert_eq!(end.status.signal(), Some(9), "{point}: {}", said(&end));
        let has_begun = show(stage, &office.ids[0])["state"] == "destroyed";
        assert!(has_begun || (0..4).all(|n| office.is_there(&digests[n])), "{point}: not begun is nothing gone");
        let done = stage.json(&execute, &[0]).remove(0);
        assert_eq!(done["scarto"]["state"], "executed", "{point}: {done}");
        let there: Vec<bool> = digests.iter().map(|sha256| office.is_there(sha256)).collect();
        assert_eq!(there, [false, false, false, true], "{point}");
        assert!(!path.exists(), "{point}: the package of nothing else is gone");
        assert!(stage.run(&["journal", "verify"]).status.success(), "{point}");
        assert!(stage.run(&["fixity", "--rate", "0"]).status.success(), "{point}");
    }
}
