//! Which papers belong together: a reply joins the fascicolo of the letter that it answers, and what proves no thread joins none.

use serde_json::Value;

use super::stage::{Stage, said};

/// A letter to the comune, registered by it.
fn letter(sender: &str, numero: &str, day: &str, (oggetto, body): (&str, &str)) -> String {
    let year = &day[6..];
    format!(
        "{sender}\n\nSpett.le Comune di Roccamirta\n\nComune di Roccamirta\nPROTOCOLLO GENERALE\nN. {numero}/{year}\ndel {day} - ARRIVO\n\n\
         Oggetto: {oggetto}\n\n{body}\nDistinti saluti\n"
    )
}

const CONSORTIUM: &str = "CONSORZIO ACQUE CHIARE\nVia del Pozzo 3 - P.IVA 00743110157";
const OTHER: &str = "Istituto Comprensivo Galilei\nVia della Scuola 9";

struct Office(Stage);

impl Office {
    fn new() -> Self {
        Self(Stage::with_archive())
    }

    fn ingest(&self, name: &str, text: &str) -> String {
        let path = self.0.path(name);
        std::fs::write(&path, text).expect("written");
        let lines = self.0.json(&["ingest", path.to_str().expect("a path")], &[0, 1]);
        lines[0]["documents"][0].as_str().expect("a document").to_owned()
    }

    /// What is doubtful for other reasons (a text of a few lines) is settled: here only the thread matters.
    fn approve(&self, id: &str, set: &[&str]) -> Value {
        let mut args = vec!["review", id, "--approve"];
        args.extend(set.iter().flat_map(|pair| ["--set", pair]));
        self.0.json(&args, &[0, 1]).remove(0)
    }

    fn filed(&self, name: &str, text: &str, voce: &str) -> (String, String) {
        let id = self.ingest(name, text);
        let mut row = self.row(&id);
        if row["state"] != "ready" {
            row = self.approve(&id, &["tipo=lettera", &format!("voce={voce}")]);
        }
        (id, row["aggregazione"].as_str().unwrap_or_else(|| panic!("filed: {row:#}")).to_owned())
    }

    fn row(&self, id: &str) -> Value {
        self.0.json(&["list"], &[0]).into_iter().find(|row| row["id"] == id).expect("listed")
    }

    fn reasons(&self, id: &str) -> String {
        self.0.json(&["show", id], &[0])[0]["filing"]["reasons"].to_string()
    }
}

#[test]
fn a_reply_joins_the_fascicolo_of_the_letter_that_it_answers_in_another_year_too() {
    let office = Office::new();
    let first = letter(CONSORTIUM, "0001234", "05/12/2024", ("sostituzione dei contatori", "Si comunica l'inizio dei lavori."));
    let (_, fascicolo) = office.filed("nota.txt", &first, "VI.8");
    let body = "In riferimento alla vostra nota prot. n. 1234/2024 del 05/12/2024 si trasmettono i disegni.";
    let reply = letter(CONSORTIUM, "0000077", "20/01/2025", ("trasmissione disegni", body));
    let (id, joined) = office.filed("risposta.txt", &reply, "VI.8");
    assert_eq!(joined, fascicolo);
    assert!(office.reasons(&id).contains("risponde alla nota prot. 1234/2024"), "{}", office.reasons(&id));
    // The same number quoted by somebody with whom that letter has nothing to do.
    let stranger =
        letter(OTHER, "0000078", "21/01/2025", ("palestra", "In riferimento alla nota prot. n. 1234/2024 si chiede riscontro."));
    let (_, apart) = office.filed("estraneo.txt", &stranger, "VI.8");
    assert_ne!(apart, fascicolo);
}

#[test]
fn one_cig_is_one_fascicolo_and_another_voce_is_a_doubt() {
    let office = Office::new();
    let of = |numero: &str, day: &str, what: &str| letter(CONSORTIUM, numero, day, (what, "CIG 770142374E."));
    let (_, fascicolo) = office.filed("primo.txt", &of("0000101", "10/11/2024", "consegna lavori"), "VI.5");
    let id = office.ingest("secondo.txt", &of("0000102", "10/02/2025", "fine lavori"));
    let shown = office.0.json(&["show", &id], &[0]).remove(0);
    let codes: Vec<&str> = shown["holds"].as_array().expect("holds").iter().filter_map(|h| h["code"].as_str()).collect();
    if shown["filing"]["voce"] != "VI.5" {
        assert!(codes.contains(&"fascicolo-voce"), "{codes:?}");
    }
    assert!(office.reasons(&id).contains("770142374E"), "{}", office.reasons(&id));
    let row = office.approve(&id, &["tipo=lettera"]);
    assert_eq!(row["aggregazione"], Value::from(fascicolo), "{row:#}");
}

#[test]
fn nothing_is_filed_into_a_closed_fascicolo_until_it_is_opened_again() {
    let office = Office::new();
    let first = letter(CONSORTIUM, "0001234", "05/12/2024", ("sostituzione dei contatori", "Si comunica l'inizio dei lavori."));
    let (id, fascicolo) = office.filed("nota.txt", &first, "VI.8");
    assert_eq!(office.0.run(&["fascicolo", "close", &fascicolo, "--date", "1999-01-01"]).status.code(), Some(2));
    assert_eq!(office.0.run(&["fascicolo", "close", "2024/VI.8/99"]).status.code(), Some(2));
    let closed = office.0.json(&["fascicolo", "close", &fascicolo], &[0]).remove(0);
    assert!(closed["data_chiusura"].is_string(), "{closed:#}");
    let body = "In riferimento alla vostra nota prot. n. 1234/2024 del 05/12/2024 si trasmettono i disegni.";
    let reply = office.ingest("risposta.txt", &letter(CONSORTIUM, "0000077", "20/01/2025", ("trasmissione disegni", body)));
    let shown = office.0.json(&["show", &reply], &[0]).remove(0);
    let codes: Vec<&str> = shown["holds"].as_array().expect("holds").iter().filter_map(|h| h["code"].as_str()).collect();
    assert!(codes.contains(&"fascicolo-closed"), "{codes:?}");
    let named = office.0.run(&["review", &reply, "--approve", "--set", &format!("fascicolo={fascicolo}")]);
    assert_eq!(named.status.code(), Some(2), "a person who names it is told: {}", said(&named));
    let opened = office.0.json(&["fascicolo", "reopen", &fascicolo], &[0]).remove(0);
    assert_eq!(opened["data_chiusura"], Value::Null);
    let row = office.approve(&reply, &["tipo=lettera", "voce=VI.8"]);
    assert_eq!(row["aggregazione"], Value::from(fascicolo.as_str()), "{row:#}");
    assert_eq!(office.row(&id)["state"], "ready");
    let journal = office.0.run(&["journal", "verify"]);
    assert!(journal.status.success(), "{}", said(&journal));
    assert_eq!(office.0.run(&["review", &reply, "--set", "fascicolo=2024/VI.8/77"]).status.code(), Some(2), "no such fascicolo");
}

#[test]
fn a_sub_fascicolo_is_part_of_its_fascicolo_in_list_and_package_and_ends_before_it() {
    let office = Office::new();
    let opened = |args: &[&str]| office.0.json(&[&["fascicolo", "open"], args].concat(), &[0]).remove(0);
    let primary =
        opened(&["--oggetto", "Rete idrica di via Mulini", "--voce", "VI.8", "--kind", "attivita", "--date", "2024-01-02"]);
    let id = primary["id"].as_str().expect("an id").to_owned();
    assert_eq!(id, "2024/VI.8/1");
    let part = opened(&["--oggetto", "Rilievi", "--under", &id]);
    assert_eq!((&part["id"], &part["primario"]), (&"2024/VI.8/1.1".into(), &id.as_str().into()));
    assert_eq!(opened(&["--oggetto", "Prove", "--under", &id])["id"], "2024/VI.8/1.2");
    for wrong in [
        &["--oggetto", "a", "--under", "2024/VI.8/1.1"][..],
        &["--oggetto", "a", "--under", "2024/VI.8/9"],
        &["--oggetto", "a", "--voce", "XX.9"],
        &["--oggetto", " ", "--voce", "VI.8"],
        &["--oggetto", "a", "--voce", "VI.8", "--date", "2999-01-01"],
        &["--oggetto", "a", "--under", &id, "--date", "2023-01-01"],
        &["--oggetto", "a"],
    ] {
        let output = office.0.run(&[&["fascicolo", "open"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", said(&output));
    }
    let note = letter(CONSORTIUM, "0000301", "10/03/2024", ("consegna dei rilievi", "Si consegnano i rilievi richiesti."));
    let document = office.ingest("rilievi.txt", &note);
    let row = office.approve(&document, &["tipo=lettera", "voce=VI.8", "fascicolo=2024/VI.8/1.1"]);
    assert_eq!((&row["aggregazione"], &row["state"]), (&"2024/VI.8/1.1".into(), &"ready".into()), "{row:#}");
    assert_eq!(office.0.run(&["fascicolo", "close", &id]).status.code(), Some(2), "its parts are open");
    let listed = office.0.json(&["list", "fascicoli"], &[0]);
    assert!(listed.iter().any(|row| row["id"] == "2024/VI.8/1.1"), "{listed:#?}");
    let built = office.0.json(&["package", "--fascicolo", "2024/VI.8/1.1"], &[0]);
    let path = built[0]["path"].as_str().expect("a path");
    assert_eq!(office.0.json(&["verify", path], &[0])[0]["ok"], true, "{path}");
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).expect("the package")).expect("a ZIP");
    let names = zip.file_names().map(|name| name.expect("a name").into_owned());
    let name = names.into_iter().find(|name| name.ends_with("AggregazioneDocumentaliInformatiche.xml")).expect("metadata");
    let metadata = std::io::read_to_string(zip.by_name(&name).expect("metadata")).expect("text");
    let flat: String = metadata.split_whitespace().collect();
    let wanted = "<IdAggPrimario><TipoAggregazione>Fascicolo</TipoAggregazione><IdAggregazione>2024/VI.8/1</IdAggregazione></IdAggPrimario>";
    assert!(flat.contains(wanted), "{metadata}");
    for part in ["2024/VI.8/1.1", "2024/VI.8/1.2", &id] {
        office.0.json(&["fascicolo", "close", part], &[0]);
    }
    assert_eq!(office.0.run(&["fascicolo", "reopen", "2024/VI.8/1.1"]).status.code(), Some(2), "its fascicolo is closed");
    let journal = office.0.run(&["journal", "verify"]);
    assert!(journal.status.success(), "{}", said(&journal));
}
