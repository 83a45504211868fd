//! Who answers for it, and by when? The ente's table of procedures (tipologie di procedimento, d.lgs. 33/2013 art. 35): name, office,
//! responsabile, days (rules G-06, L. 241/1990 art. 2 and 5).

use serde::{Deserialize, Serialize};

use crate::ente::Persona;
use crate::filing::Voce;
use crate::messages::Message;
use crate::titolario::{self, columns, fault, line, reader};

/// Most procedures of one table.
const TIPOLOGIE_MAX: usize = 5_000;
/// Longest text of a column, bytes.
const TEXT_BYTES_MAX: usize = 1_000;
/// Longest term, days: ten years.
const DAYS_MAX: u32 = 3_660;

/// One kind of procedure.
#[derive(Debug, Clone, PartialEq)]
pub struct TipologiaProcedimento {
    /// Its code in the ente's catalogue.
    pub codice: String,
    /// Its name.
    pub nome: String,
    /// The tipo of the document that opens it.
    pub tipo: String,
    /// The voce where that is not enough to tell it.
    pub voce: Option<Voce>,
    /// Days within which it must end; none where no norm and no act says a number.
    pub termine_giorni: Option<u32>,
    /// Responsabile unico, with the office, where the table names one.
    pub rup: Option<Persona>,
    /// Where the catalogue is published.
    pub catalogo: Option<String>,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tipologie(Vec<TipologiaProcedimento>);

/// A line of the CSV.
#[derive(Serialize, Deserialize)]
struct Line {
    codice: String,
    nome: String,
    tipo: String,
    #[serde(default)]
    titolo: String,
    #[serde(default)]
    classe: String,
    #[serde(default)]
    termine_giorni: String,
    #[serde(default)]
    uor: String,
    #[serde(default)]
    rup_cognome: String,
    #[serde(default)]
    rup_nome: String,
    #[serde(default)]
    rup_codice_fiscale: String,
    #[serde(default)]
    catalogo: String,
}

impl Tipologie {
    /// Reads the table from CSV:
    /// `codice,nome,tipo,titolo,classe,termine_giorni,uor,rup_cognome,rup_nome,rup_codice_fiscale,catalogo`; from titolo on all may be empty.
    ///
    /// # Errors
    /// All that is wrong, line by line.
    pub fn parse(csv: &str) -> Result<Self, Vec<Message>> {
        let (mut rows, mut faults) = (Vec::<TipologiaProcedimento>::new(), Vec::new());
        let mut reader = reader(csv);
        let heading = reader.headers().cloned().map_err(|error| vec![fault("tipologia-unreadable", 1, error)])?;
        for (n, record) in reader.records().enumerate() {
            let read = record.map_err(|error| fault("tipologia-unreadable", n as u64 + 2, error)).and_then(|record| {
                let at = line(&record);
                let row: Line = record.deserialize(Some(&heading)).map_err(|error| fault("tipologia-unreadable", at, error))?;
                Ok((at, tipologia(row, at)?))
            });
            match read {
                Ok((at, _)) if n >= TIPOLOGIE_MAX => {
                    faults.push(fault("tipologia-long", at, TIPOLOGIE_MAX));
                    break;
                }
                Ok((at, row)) => {
                    let is_told = |known: &TipologiaProcedimento| {
                        known.codice == row.codice || (known.tipo == row.tipo && known.voce == row.voce)
                    };
                    if rows.iter().any(is_told) {
                        faults.push(fault("tipologia-twice", at, &row.codice));
                    }
                    rows.push(row);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if rows.is_empty() && faults.is_empty() {
            faults.push(fault("tipologia-unreadable", 1, "-"));
        }
        if faults.is_empty() { Ok(Self(rows)) } else { Err(faults) }
    }

    /// The same as CSV, with which `parse` gives it again.
    pub fn csv(&self) -> crate::error::Result<String> {
        titolario::written(self.0.iter().map(|row| {
            let (titolo, classe) = row.voce.as_ref().map_or(("", ""), columns);
            let rup = row.rup.as_ref();
            Line {
                codice: row.codice.clone(),
                nome: row.nome.clone(),
                tipo: row.tipo.clone(),
                titolo: titolo.to_owned(),
                classe: classe.to_owned(),
                termine_giorni: row.termine_giorni.map(|days| days.to_string()).unwrap_or_default(),
                uor: rup.and_then(|rup| rup.uor.clone()).unwrap_or_default(),
                rup_cognome: rup.map(|rup| rup.cognome.clone()).unwrap_or_default(),
                rup_nome: rup.map(|rup| rup.nome.clone()).unwrap_or_default(),
                rup_codice_fiscale: rup.and_then(|rup| rup.codice_fiscale.clone()).unwrap_or_default(),
                catalogo: row.catalogo.clone().unwrap_or_default(),
            }
        }))
    }

    /// Its rows, in the order of the table.
    pub fn rows(&self) -> &[TipologiaProcedimento] {
        &self.0
    }

    /// The procedure that a document of that tipo in that voce opens: the row of the voce or of the nearest above it, else that of the tipo alone.
    pub fn of(&self, tipo: &str, voce: &Voce) -> Option<&TipologiaProcedimento> {
        let is_above =
            |above: &Voce| voce.0.strip_prefix(above.0.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let fitting = self.0.iter().filter(|row| row.tipo == tipo && row.voce.as_ref().is_none_or(is_above));
        fitting.max_by_key(|row| row.voce.as_ref().map_or(0, |voce| voce.0.len()))
    }
}

fn tipologia(row: Line, at: u64) -> Result<TipologiaProcedimento, Message> {
    let texts = [&row.codice, &row.nome, &row.tipo, &row.uor, &row.rup_cognome, &row.rup_nome, &row.catalogo];
    if let Some(long) = texts.iter().find(|text| text.len() > TEXT_BYTES_MAX) {
        return Err(fault("tipologia-unreadable", at, format!("{}…", long.chars().take(20).collect::<String>())));
    }
    if row.codice.is_empty() || row.nome.is_empty() || row.tipo.is_empty() {
        return Err(fault("tipologia-empty", at, &row.codice));
    }
    let voce = if row.titolo.is_empty() && row.classe.is_empty() {
        None
    } else {
        let voce = titolario::voce(&row.titolo, &row.classe);
        Some(voce.ok_or_else(|| fault("titolario-voce", at, format!("{} {}", row.titolo, row.classe)))?)
    };
    let days = match row.termine_giorni.as_str() {
        "" => None,
        text => {
            let days = text.parse().ok().filter(|days| (1..=DAYS_MAX).contains(days));
            Some(days.ok_or_else(|| fault("tipologia-termine", at, text).with("max", DAYS_MAX))?)
        }
    };
    let given = |text: String| (!text.is_empty()).then_some(text);
    let rup = match (row.rup_cognome.is_empty(), row.rup_nome.is_empty()) {
        (true, true) => None,
        (false, false) => Some(Persona {
            cognome: row.rup_cognome,
            nome: row.rup_nome,
            codice_fiscale: given(row.rup_codice_fiscale.to_ascii_uppercase()),
            uor: given(row.uor),
        }),
        _ => return Err(fault("tipologia-rup", at, format!("{}{}", row.rup_cognome, row.rup_nome))),
    };
    if rup.as_ref().and_then(|rup| rup.codice_fiscale.as_deref()).is_some_and(|code| code.len() != 16 || !code.is_ascii()) {
        return Err(fault("tipologia-rup", at, row.rup_codice_fiscale));
    }
    let catalogo = given(row.catalogo);
    if catalogo.as_ref().is_some_and(|uri| !is_uri(uri)) {
        return Err(fault("titolario-uri", at, catalogo.unwrap_or_default()));
    }
    Ok(TipologiaProcedimento { codice: row.codice, nome: row.nome, tipo: row.tipo, voce, termine_giorni: days, rup, catalogo })
}

/// True of the address of a page as Allegato 5 wants it: `xs:anyURI`, of the web.
pub fn is_uri(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.len() <= TEXT_BYTES_MAX
        && rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "codice,nome,tipo,titolo,classe,termine_giorni,uor,rup_cognome,rup_nome,rup_codice_fiscale,catalogo\n";

    #[test]
    fn the_procedure_of_the_nearest_voce_counts_and_the_table_is_written_again() {
        let table = format!(
            "{HEAD}P1,Accesso agli atti,istanza_accesso_atti,,,30,AG0001,Bianchi,Anna,,https://comune.example/procedimenti\n\
             P2,Accesso in materia edilizia,istanza_accesso_atti,VI,3,20,,,,,\nP3,Accesso VI,istanza_accesso_atti,VI,0,25,,,,,\n"
        );
        let read = Tipologie::parse(&table).expect("a table");
        let of = |tipo: &str, voce: &str| read.of(tipo, &Voce(voce.into())).map(|row| row.codice.as_str());
        assert_eq!(of("istanza_accesso_atti", "I.8"), Some("P1"));
        assert_eq!(of("istanza_accesso_atti", "VI.3.2"), Some("P2"));
        assert_eq!(of("istanza_accesso_atti", "VI.30"), Some("P3"), "VI.30 lies not below VI.3");
        assert_eq!(of("scia", "VI.3"), None);
        assert_eq!(read.rows()[0].rup.as_ref().and_then(|rup| rup.uor.as_deref()), Some("AG0001"));
        assert_eq!(Tipologie::parse(&read.csv().expect("csv")).expect("again"), read);
    }

    #[test]
    fn all_faults_of_the_table_are_told_at_once() {
        let body = "P1,,scia,,,,,,,,\nP2,Due,scia,,,0,,,,,\nP3,Tre,scia,,,,,Bianchi,,,\nP4,Quattro,scia,,,,,,,,ftp://x\n\
            P5,Cinque,cila,,,,,Rossi,Mario,RSS,\nP6,Sei,fine,,,3660,,,,,\nP6,Sette,altro,,,,,,,,\nP8,Otto,fine,,,,,,,,\n";
        let faults = Tipologie::parse(&format!("{HEAD}{body}")).expect_err("refused");
        let said: Vec<&str> = faults.iter().map(Message::code).collect();
        let wanted = [
            "tipologia-empty",
            "tipologia-termine",
            "tipologia-rup",
            "titolario-uri",
            "tipologia-rup",
            "tipologia-twice",
            "tipologia-twice",
        ];
        assert_eq!(said, wanted);
    }
}
