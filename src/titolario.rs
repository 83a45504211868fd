//! Where may a document belong? The Titolario of an ente: voci, names, and the years that it gives each (rules G-01, G-09).
//!
//! The rules of filing and the learned voice speak of the voci of the Comuni, which come with the program. An ente's own Titolario
//! says which of its voci each of those is; one that it does not name is never taken for another that happens to have its index.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::error::Error;
use crate::filing::Voce;
use crate::messages::Message;

/// Most voci of one Titolario.
pub const VOCI_MAX: usize = 5_000;
/// Longest name or note of a voce, bytes.
const WORDS_BYTES_MAX: usize = 1_000;
/// Most years that a plan may say; 9999 is for ever.
pub const YEARS_MAX: u32 = 9_999;
/// Deepest voce: titolo, classe, sottoclasse and what an ente may need below.
const DEPTH_MAX: usize = 6;
/// Marks a voce of the ente's own among those of the Comuni, where the learned voice speaks of both.
const OWN: char = '=';

/// One voce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoceTitolario {
    /// Its index, `VI.3`; a titolo alone is `VI`.
    pub voce: Voce,
    /// Its name.
    pub nome: String,
    /// Years of retention; 9999 is permanent, none where the plan gives no single number.
    pub conservazione_anni: Option<u32>,
    /// What the plan says beside the number.
    pub nota: String,
    /// The voce of the Comuni that it goes on from, where its index or name is another.
    pub corrispondenza: Option<Voce>,
}

/// A plan of classification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Titolario {
    voci: Vec<VoceTitolario>,
    places: BTreeMap<Voce, usize>,
    /// Of each voce of the Comuni, which of these it is.
    own: BTreeMap<Voce, Voce>,
}

/// A line of the CSV.
#[derive(Serialize, Deserialize)]
struct Line {
    titolo: String,
    #[serde(default)]
    classe: String,
    nome: String,
    #[serde(default)]
    conservazione_anni: String,
    #[serde(default)]
    nota: String,
    #[serde(default)]
    corrispondenza: String,
}

/// The index of a voce from its two columns: classe 0 (or none) is the titolo itself, a deeper classe has dots (`6.9`). None where it is
/// no index.
pub fn voce(titolo: &str, classe: &str) -> Option<Voce> {
    let (titolo, classe) = (titolo.trim(), classe.trim());
    let is_roman = titolo.bytes().all(|b| b"IVXLC".contains(&b));
    let is_arabic = titolo.len() <= 4 && titolo.bytes().all(|b| b.is_ascii_digit());
    if titolo.is_empty() || !(is_roman || is_arabic) || titolo.len() > 12 {
        return None;
    }
    if classe.is_empty() || classe == "0" {
        return Some(Voce(titolo.to_owned()));
    }
    let mut parts = classe.split('.');
    let is_path = parts.clone().count() < DEPTH_MAX
        && parts.all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    is_path.then(|| Voce(format!("{titolo}.{classe}")))
}

/// Titolo and classe of a voce, as the columns have them.
pub fn columns(voce: &Voce) -> (&str, &str) {
    voce.0.split_once('.').unwrap_or((&voce.0, "0"))
}

/// A table as people send it: commas or semicolons, with a heading.
pub fn reader(csv: &str) -> csv::Reader<&[u8]> {
    let csv = csv.strip_prefix('\u{feff}').unwrap_or(csv);
    let heading = csv.lines().next().unwrap_or_default();
    let delimiter = if heading.matches(';').count() > heading.matches(',').count() { b';' } else { b',' };
    csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(csv.as_bytes())
}

/// The line on which a record of such a table begins.
pub fn line(record: &csv::StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// What is wrong with a line of a table: `code` says it, `what` stands there.
pub fn fault(code: &'static str, line: u64, what: impl std::fmt::Display) -> Message {
    Message::new(code).with("line", line).with("what", what)
}

/// The years of a column: a number up to [`YEARS_MAX`]; inside, none where there is nothing. None where it is no such number.
pub fn years(text: &str) -> Option<Option<u32>> {
    if text.is_empty() {
        return Some(None);
    }
    text.parse().ok().filter(|years| (1..=YEARS_MAX).contains(years)).map(Some)
}

impl Titolario {
    /// Reads a Titolario from CSV: `titolo,classe,nome,conservazione_anni,nota,corrispondenza`; the last three may be absent. The voci of one
    /// Titolario have Roman titoli, or all have Arabic ones.
    ///
    /// # Errors
    /// All that is wrong, line by line.
    pub fn parse(csv: &str) -> Result<Self, Vec<Message>> {
        let (voci, faults) = lines(csv);
        if !faults.is_empty() {
            return Err(faults);
        }
        if voci.is_empty() {
            return Err(vec![fault("titolario-unreadable", 1, "-")]);
        }
        let comuni = Self::comuni();
        let is_unknown = |v: &&VoceTitolario| v.corrispondenza.as_ref().is_some_and(|of| comuni.voce(of).is_none());
        let faults: Vec<Message> =
            voci.iter().filter(is_unknown).map(|v| Message::new("titolario-corrispondenza").with("voce", &v.voce)).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut titolario = Self::of(voci);
        titolario.own = titolario.correspondences();
        Ok(titolario)
    }

    fn of(voci: Vec<VoceTitolario>) -> Self {
        let places = voci.iter().enumerate().map(|(place, v)| (v.voce.clone(), place)).collect();
        Self { voci, places, own: BTreeMap::new() }
    }

    /// What each voce of the Comuni is here: the one that says so, else that of the same index and name.
    fn correspondences(&self) -> BTreeMap<Voce, Voce> {
        let mut said: BTreeMap<&Voce, Vec<&Voce>> = BTreeMap::new();
        for voce in &self.voci {
            if let Some(of) = &voce.corrispondenza {
                said.entry(of).or_default().push(&voce.voce);
            }
        }
        let comuni = Self::comuni().voci.iter();
        let own = comuni.filter_map(|known| match said.get(&known.voce).map(Vec::as_slice) {
            Some([one]) => Some((known.voce.clone(), (*one).clone())),
            // One that was divided: which of its parts, only a person or experience knows.
            Some(_) => None,
            None => {
                let same = self.voce(&known.voce)?;
                (same.corrispondenza.is_none() && words(&same.nome) == words(&known.nome))
                    .then(|| (known.voce.clone(), same.voce.clone()))
            }
        });
        own.collect()
    }

    /// The Titolario of Comuni, built in.
    pub fn comuni() -> &'static Self {
        static BUILT_IN: OnceLock<Titolario> = OnceLock::new();
        BUILT_IN.get_or_init(|| {
            let (voci, faults) = lines(COMUNI);
            if !faults.is_empty() {
                tracing::error!(count = faults.len(), "built-in titolario unreadable");
            }
            let mut comuni = Self::of(voci);
            comuni.own = comuni.voci.iter().map(|v| (v.voce.clone(), v.voce.clone())).collect();
            comuni
        })
    }

    /// The same as CSV, with which `parse` gives it again.
    pub fn csv(&self) -> crate::error::Result<String> {
        written(self.voci.iter().map(|v| {
            let (titolo, classe) = columns(&v.voce);
            Line {
                titolo: titolo.to_owned(),
                classe: classe.to_owned(),
                nome: v.nome.clone(),
                conservazione_anni: v.conservazione_anni.map(|years| years.to_string()).unwrap_or_default(),
                nota: v.nota.clone(),
                corrispondenza: v.corrispondenza.as_ref().map(|of| of.0.clone()).unwrap_or_default(),
            }
        }))
    }

    /// All voci, in the order of the plan.
    pub fn voci(&self) -> &[VoceTitolario] {
        &self.voci
    }

    /// One voce by its index.
    pub fn voce(&self, voce: &Voce) -> Option<&VoceTitolario> {
        self.places.get(voce).and_then(|place| self.voci.get(*place))
    }

    /// Name of a voce, as in `Descrizione` of Allegato 5.
    pub fn nome(&self, voce: &Voce) -> Option<&str> {
        self.voce(voce).map(|v| v.nome.as_str())
    }

    /// Years of retention of a voce: 9999 permanent, none where the plan gives no single number.
    pub fn retention(&self, voce: &Voce) -> Option<u32> {
        self.voce(voce).and_then(|v| v.conservazione_anni)
    }

    /// What a voce that the rules or the learned voice propose is in this Titolario; none where it has no such voce.
    pub fn own(&self, proposed: &Voce) -> Option<&Voce> {
        match proposed.0.strip_prefix(OWN) {
            Some(own) => self.voce(&Voce(own.to_owned())).map(|v| &v.voce),
            None => self.own.get(proposed),
        }
    }

    /// How the learned voice calls a voce of this Titolario: as the Comuni do, where it is one of theirs.
    pub fn proposed(&self, own: &Voce) -> Voce {
        if self.own.get(own) == Some(own) {
            return own.clone();
        }
        let comuni = self.own.iter().find(|(_, here)| *here == own).map(|(comuni, _)| comuni.clone());
        comuni.unwrap_or_else(|| Voce(format!("{OWN}{own}")))
    }

    /// True where other voci of this Titolario divide a classe: a fascicolo belongs to one of those (rule G-04). A titolo is no classe.
    pub fn is_divided(&self, voce: &Voce) -> bool {
        let below = format!("{voce}.");
        voce.0.contains('.') && self.voci.iter().any(|v| v.voce.0.starts_with(&below))
    }
}

/// The built-in table.
const COMUNI: &str = include_str!("../schemas/titolario-comuni.csv");

/// The voci of a table, and what is wrong with it.
fn lines(csv: &str) -> (Vec<VoceTitolario>, Vec<Message>) {
    let (mut voci, mut faults, mut seen) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut reader = reader(csv);
    let heading = match reader.headers() {
        Ok(heading) => heading.clone(),
        Err(error) => return (voci, vec![fault("titolario-unreadable", 1, error)]),
    };
    for (n, record) in reader.records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.push(fault("titolario-unreadable", n as u64 + 2, error));
                continue;
            }
        };
        let at = line(&record);
        if n >= VOCI_MAX {
            faults.push(fault("titolario-long", at, VOCI_MAX));
            break;
        }
        let row: Line = match record.deserialize(Some(&heading)) {
            Ok(row) => row,
            Err(error) => {
                faults.push(fault("titolario-unreadable", at, error));
                continue;
            }
        };
        match entry(row, at) {
            Ok(entry) => {
                if let Some(first) = seen.insert(entry.voce.clone(), at) {
                    faults.push(fault("titolario-twice", at, &entry.voce).with("first", first));
                }
                voci.push(entry);
            }
            Err(fault) => faults.push(fault),
        }
    }
    let is_roman = |v: &VoceTitolario| !v.voce.0.starts_with(|c: char| c.is_ascii_digit());
    if let Some(other) = voci.iter().find(|v| is_roman(v) != voci.first().is_some_and(is_roman)) {
        let at = seen.get(&other.voce).copied().unwrap_or(0);
        faults.push(fault("titolario-mixed", at, &other.voce));
    }
    (voci, faults)
}

fn entry(row: Line, at: u64) -> Result<VoceTitolario, Message> {
    let found = voce(&row.titolo, &row.classe);
    let voce = found.ok_or_else(|| fault("titolario-voce", at, format!("{} {}", row.titolo, row.classe)))?;
    if row.nome.is_empty() || row.nome.len() > WORDS_BYTES_MAX || row.nota.len() > WORDS_BYTES_MAX {
        return Err(fault("titolario-nome", at, &voce).with("max", WORDS_BYTES_MAX));
    }
    let anni = years(&row.conservazione_anni).ok_or_else(|| fault("titolario-anni", at, &row.conservazione_anni))?;
    let corrispondenza = (!row.corrispondenza.is_empty()).then_some(Voce(row.corrispondenza));
    Ok(VoceTitolario { voce, nome: row.nome, conservazione_anni: anni, nota: row.nota, corrispondenza })
}

/// Rows as CSV.
pub fn written(rows: impl Iterator<Item = impl Serialize>) -> crate::error::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(|e| Error::bug("a table as CSV").because(e))?;
    }
    let bytes = writer.into_inner().map_err(|e| Error::bug("a table as CSV").because(e.into_error()))?;
    String::from_utf8(bytes).map_err(|e| Error::bug("a table as CSV").because(e))
}

/// The words of a name, without case, accents and signs.
fn words(nome: &str) -> String {
    let plain: String = nome.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect();
    let words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "titolo,classe,nome,conservazione_anni,nota\n";

    fn codes(csv: &str) -> Vec<(String, String)> {
        let faults = Titolario::parse(csv).expect_err("refused");
        faults.iter().map(|fault| (fault.code().to_owned(), fault.value("line").unwrap_or("-").to_owned())).collect()
    }

    #[test]
    fn the_built_in_titolario_has_fourteen_titoli_and_125_classi() {
        let voci = Titolario::comuni().voci();
        assert_eq!(voci.iter().filter(|v| !v.voce.0.contains('.')).count(), 14);
        assert_eq!(voci.iter().filter(|v| v.voce.0.contains('.')).count(), 125);
        assert_eq!(Titolario::comuni().nome(&Voce("VI.3".into())), Some("Edilizia privata"));
        assert_eq!(Titolario::comuni().retention(&Voce("V.1".into())), Some(9999));
    }

    #[test]
    fn all_faults_of_a_table_are_told_at_once_each_with_its_line() {
        let body = "I,1,Uno,,\nI,1,Uno,,\n6,3,Edilizia,,\nI,a,Lettera,,\nI,4,,,\nI,5,Cinque,dieci,\nI,6,Sei,0,\n";
        let said = codes(&format!("{HEAD}{body}"));
        let wanted = [
            ("titolario-twice", "3"),
            ("titolario-voce", "5"),
            ("titolario-nome", "6"),
            ("titolario-anni", "7"),
            ("titolario-anni", "8"),
            ("titolario-mixed", "4"),
        ];
        assert_eq!(said, wanted.map(|(code, line)| (code.to_owned(), line.to_owned())));
        assert_eq!(codes(HEAD), [("titolario-unreadable".to_owned(), "1".to_owned())]);
        assert_eq!(codes("nome\nUno\n")[0].0, "titolario-unreadable");
        let long = (0..=VOCI_MAX).fold(String::new(), |text, n| text + &format!("I,{}.{},Voce,,\n", n / 1_000 + 1, n % 1_000));
        assert_eq!(codes(&format!("{HEAD}{long}")), [("titolario-long".to_owned(), (VOCI_MAX + 2).to_string())]);
        let most = long.lines().take(VOCI_MAX).fold(HEAD.to_owned(), |text, line| text + line + "\n");
        assert_eq!(Titolario::parse(&most).expect("as many as may be").voci().len(), VOCI_MAX);
    }

    #[test]
    fn commas_semicolons_arabic_titoli_and_deep_classi_are_read_and_written_again() {
        let table = "\u{feff}titolo;classe;nome;conservazione_anni\r\n1;0;Amministrazione;\r\n1;6.9;\"Accesso; richieste\";1\r\n";
        let read = Titolario::parse(table).expect("a plan");
        assert_eq!(read.nome(&Voce("1.6.9".into())), Some("Accesso; richieste"));
        assert_eq!(Titolario::parse(&read.csv().expect("csv")).expect("again"), read);
        let comuni = Titolario::comuni();
        assert_eq!(Titolario::parse(&comuni.csv().expect("csv")).expect("again").voci(), comuni.voci());
    }

    #[test]
    fn a_proposed_voce_is_the_one_that_says_so_or_that_of_the_same_index_and_name_and_no_other() {
        let own = Titolario::parse(
            "titolo,classe,nome,conservazione_anni,nota,corrispondenza\nVI,0,Territorio,,,\nVI,3,Viabilità,,,\nVI,4,\"edilizia  PRIVATA\",,,VI.3\n\
             III,1,Concorsi selezioni e colloqui,,,\nIII,2,Altro,,,\nI,6.1,Protocollo,,,I.6\nI,6.2,Archivio,,,I.6\n",
        )
        .expect("a plan");
        let of = |text: &str| own.own(&Voce(text.into())).map(|voce| voce.0.as_str());
        assert_eq!(of("VI.3"), Some("VI.4"), "said");
        assert_eq!((of("VI.4"), of("III.2"), of("I.6")), (None, None, None), "another name, another name, divided");
        let first = Titolario::comuni().nome(&Voce("III.1".into())).expect("a name");
        assert_eq!(of("III.1").is_some(), words(first) == "concorsi selezioni e colloqui");
        assert_eq!((of("=VI.3"), of("=IX.9")), (Some("VI.3"), None));
        let called = |text: &str| own.proposed(&Voce(text.into())).0;
        assert_eq!((called("VI.4"), called("VI.3"), called("I.6.1")), ("VI.3".into(), "=VI.3".into(), "=I.6.1".into()));
        for voce in own.voci().iter().map(|v| &v.voce) {
            assert_eq!(own.own(&own.proposed(voce)), Some(voce), "there and back");
        }
        assert!(!own.is_divided(&Voce("I.6.1".into())) && !own.is_divided(&Voce("VI".into())));
        assert!(Titolario::parse("titolo,classe,nome,corrispondenza\nI,1,Uno,XX.9\n").is_err(), "no voce of the Comuni");
    }
}
