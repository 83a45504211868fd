//! What is guaranteed of the protocol register: entries are taken in whole and never overwritten, the register of a day becomes one
//! document that says the same on paper and as data, and nothing is lost when it is killed.

use std::collections::BTreeSet;
use std::process::Command;

use conserva::schemas::Schema;
use serde_json::Value;

use super::stage::Stage;
#[cfg(feature = "drill")]
use super::stage::said;
use crate::norms;

const HEADING: &str = "evento;numero;data;ora;verso;mittente;destinatario;oggetto;operatore;provvedimento;campo;prima;dopo\n";
const DAY: &str = ";0000101;2024-03-12;09:30;E;Impresa Fratelli Prova S.r.l.;;Istanza di accesso agli atti, è urgente;;;;;
;0000102;2024-03-12;10:00;U;;Prefettura di Prova | Questura di Prova;Trasmissione di ordinanza;;;;;
;0000105;2024-03-12;11:00;I;;;Nota interna;;;;;
annullamento;0000101;2024-03-12;12:00;;;;;rossi;Det. 4/2024;;;
modifica;0000102;2024-03-12;12:30;;;;;rossi;;assegnazione;UFPR01;UFED02
";

fn written(stage: &Stage, name: &str, rows: &str) -> String {
    let path = stage.path(name);
    std::fs::write(&path, format!("{HEADING}{rows}")).expect("written");
    path.to_str().expect("a path").to_owned()
}

/// The only day of the register.
fn day(stage: &Stage) -> Value {
    stage.json(&["registro", "show", "2024-03-12"], &[0]).remove(0)
}

#[test]
fn a_day_of_the_register_becomes_one_document_that_says_the_same_on_paper_and_as_data() {
    let stage = Stage::with_archive();
    let told = stage.json(&["registro", "import", &written(&stage, "r.csv", DAY)], &[0]).remove(0);
    assert_eq!((&told["registrazioni"], &told["variazioni"]), (&3.into(), &2.into()), "{told}");
    let made = stage.json(&["registro", "make"], &[0]).remove(0);
    assert_eq!(made["document"][1], "ready", "{made}");
    assert_eq!((&made["primo"], &made["ultimo"], &made["due"]), (&"0000101".into(), &"0000105".into(), &"2024-03-13".into()));
    assert_eq!(made["lacune"].as_array().map(Vec::len), Some(2), "before the first number, and between: {made}");
    let id = made["document"][0].as_str().expect("an id").to_owned();
    let shown = stage.json(&["show", &id], &[0]).remove(0);
    assert_eq!(shown["fields"]["tipo"]["value"], "registro_giornaliero");
    assert_eq!((&shown["filing"]["voce"], &shown["state"]), (&"I.6".into(), &"ready".into()), "{shown}");
    let components = shown["components"].as_array().expect("components");
    let blob = |role: &str| {
        let sha256 = components.iter().find(|c| c["role"] == role).and_then(|c| c["sha256"].as_str()).expect("a component");
        std::fs::read(stage.path("archivio/blobs/c_x912").join(&sha256[..2]).join(sha256)).expect("its bytes")
    };
    let xml = blob("allegato");
    assert_eq!(Schema::RegistroGiornaliero.breaches(&xml).expect("compiles"), Vec::<String>::new());
    let xml = String::from_utf8(xml).expect("text");
    for part in
        ["<NumeroRegistrazioni>3<", "<Lacuna da=\"0000103\" a=\"0000104\">", "<Tipo>annullamento<", "<Oggetto>Nota interna<"]
    {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    let paper = stage.path("paper.pdf");
    std::fs::write(&paper, blob("principale")).expect("written");
    match Command::new("pdftotext").args(["-layout", paper.to_str().expect("a path"), "-"]).output() {
        Ok(read) if read.status.success() => {
            let text = String::from_utf8_lossy(&read.stdout).into_owned();
            let words = [
                "0000101",
                "0000103–0000104",
                "Istanza di accesso agli atti, è urgente",
                "Questura di Prova",
                "Det. 4/2024",
                "1 / 1",
            ];
            for word in words {
                assert!(text.contains(word), "{word} stands on paper: {text}");
            }
        }
        _ => norms::say("NOT CHECKED: pdftotext is not installed"),
    }
    let packaged = stage.json(&["package"], &[0]);
    let path = packaged[0]["path"].as_str().expect("a package").to_owned();
    assert!(stage.run(&["verify", &path]).status.success(), "the package is whole");
    stage.json(&["registro", "make", "2024-03-12"], &[0]);
    assert_eq!(stage.json(&["list"], &[0]).len(), 1, "made twice is one document");
    let Some(verdicts) = norms::judge(Schema::RegistroGiornaliero, &[xml]) else { return };
    assert_eq!(verdicts, [true]);
}

#[test]
fn the_same_file_again_changes_nothing_and_what_contradicts_it_is_held_and_never_overwrites() {
    let stage = Stage::with_archive();
    let first = written(&stage, "first.csv", DAY);
    stage.json(&["registro", "import", &first], &[0]);
    let before = day(&stage);
    let again = stage.json(&["registro", "import", &first], &[0]).remove(0);
    assert_eq!((&again["registrazioni"], &again["known"]), (&0.into(), &5.into()));
    let other = written(&stage, "other.csv", ";0000101;2024-03-12;09:30;E;Altra Impresa;;Altro oggetto;;;;;\n");
    let turned = written(&stage, "turned.csv", ";0000103;2024-03-11;;I;;;Retrodatata;;;;;\n");
    let mut told = stage.json(&["registro", "import", &other], &[1]);
    told.extend(stage.json(&["registro", "import", &turned], &[1]));
    let contrasti: Vec<Value> = told.iter().flat_map(|one| one["contrasti"].as_array().expect("a list").clone()).collect();
    let kinds: BTreeSet<&str> = contrasti.iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, ["diverso", "retrodatato"].into(), "{told:?}");
    assert_eq!(day(&stage)["entries"], before["entries"], "what was there stays");
    let refused = stage.json(&["registro", "make", "2024-03-12"], &[1]).remove(0);
    assert_eq!(refused["error"], "registro-day-contrasti");
    let due = stage.json(&["due"], &[1]).remove(0);
    assert_eq!((&due["blocked"], &due["why"][0]["code"]), (&true.into(), &"due-contrasti".into()), "{due}");
    for (one, day) in contrasti.iter().zip(["2024-03-12", "2024-03-11"]) {
        assert_ne!(stage.run(&["registro", "make", day]).status.code(), Some(0), "{day} waits");
        let id = one["id"].as_str().expect("an id");
        stage.json(&["registro", "settle", id, "--reason", "errore di esportazione"], &[0]);
        assert_ne!(stage.run(&["registro", "settle", id, "--reason", "di nuovo"]).status.code(), Some(0), "once is enough");
    }
    stage.json(&["registro", "import", &other], &[0]);
    stage.json(&["registro", "make", "2024-03-12"], &[0]);
    let late = written(&stage, "late.csv", ";0000104;2024-03-12;;I;;;Tardiva;;;;;\n");
    let told = stage.json(&["registro", "import", &late], &[1]).remove(0);
    assert_eq!(told["contrasti"][0]["kind"], "tardivo", "{told}");
    assert_eq!(day(&stage)["entries"], before["entries"]);
}

#[test]
fn what_is_exported_is_imported_elsewhere_as_the_same_register() {
    let (one, two) = (Stage::with_archive(), Stage::with_archive());
    one.json(&["registro", "import", &written(&one, "r.csv", DAY)], &[0]);
    let table = two.path("r.csv");
    assert!(one.run(&["registro", "export", table.to_str().expect("a path")]).status.success());
    two.json(&["registro", "import", table.to_str().expect("a path")], &[0]);
    let (a, b) = (day(&one), day(&two));
    assert_eq!((&a["entries"], &a["changes"]), (&b["entries"], &b["changes"]));
}

#[cfg(feature = "drill")]
#[test]
fn killed_at_any_point_the_register_is_whole_or_not_there_and_made_once() {
    use std::os::unix::process::ExitStatusExt as _;
    let verbs: [(&str, &[&str]); 2] = [
        ("import", &["registro.before-import", "registro.imported", "store.uncommitted"]),
        ("make", &["registro.blobs-durable", "registro.before-record", "registro.recorded", "blobs.named", "store.uncommitted"]),
    ];
    for (verb, points) in verbs {
        for point in points {
            let stage = Stage::with_archive();
            let file = written(&stage, "r.csv", DAY);
            let import = ["registro", "import", file.as_str()];
            let args: &[&str] = if verb == "import" { &import } else { &["registro", "make"] };
            if verb == "make" {
                stage.json(&import, &[0]);
            }
            let end = stage.command(args).env("CONSERVA_DRILL", point).output().expect("the program runs");
            assert_eq!(end.status.signal(), Some(9), "{verb} at {point}: {}", said(&end));
            stage.json(&import, &[0]);
            stage.json(&["registro", "make"], &[0]);
            let day = day(&stage);
            assert_eq!(day["registrazioni"], 3, "{verb} at {point}");
            assert_eq!(day["document"][1], "ready", "{verb} at {point}: {day}");
            assert_eq!(day["made"]["progressivo"], 1);
            assert_eq!(stage.json(&["list"], &[0]).len(), 1, "{verb} at {point}: one document");
            assert!(stage.run(&["journal", "verify"]).status.success());
        }
    }
}
