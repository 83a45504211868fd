//! Entries of the register as a table: one line each, with a heading that names the columns (docs/registro.md).

use jiff::civil::Date;

use super::Estratto;
use super::forma::{Campi, Raccolta};
use crate::messages::Message;
use crate::titolario::{line, reader};

/// The columns of a CSV, as they are given out; they are taken in in any order, and `numero` and `data` must be there.
pub const COLUMNS: [&str; 18] = [
    "evento",
    "numero",
    "anno",
    "data",
    "ora",
    "verso",
    "mittente",
    "destinatario",
    "oggetto",
    "protocollo_mittente",
    "impronta",
    "voce",
    "riservato",
    "campo",
    "prima",
    "dopo",
    "operatore",
    "provvedimento",
];
/// Stands between the recipients of one column.
const BETWEEN: char = '|';

/// Reads a table: commas or semicolons, UTF-8 with or without its mark. Nothing in it may lie after `today`.
///
/// # Errors
/// All that is wrong, line by line.
pub fn parse(text: &str, today: Date) -> Result<Estratto, Vec<Message>> {
    let mut all = Raccolta::new(today);
    let mut reader = reader(text);
    let heading: Vec<String> = match reader.headers() {
        Ok(heading) => heading.iter().map(str::to_lowercase).collect(),
        Err(error) => {
            all.breach("registro-unreadable", 1, error);
            return all.finish();
        }
    };
    for name in &heading {
        if !COLUMNS.contains(&name.as_str()) || heading.iter().filter(|other| *other == name).count() > 1 {
            all.breach("registro-column", 1, name);
        }
    }
    for name in ["numero", "data"] {
        if !heading.iter().any(|column| column == name) {
            all.breach("registro-column-missing", 1, name);
            return all.finish();
        }
    }
    for (n, record) in reader.records().enumerate() {
        let at = record.as_ref().map_or(n as u64 + 2, line);
        if !all.has_room(at) {
            break;
        }
        match record {
            Ok(record) => all.take(&campi(&heading, &record, at)),
            Err(error) => all.breach("registro-unreadable", at, error),
        }
    }
    all.finish()
}

fn campi(heading: &[String], record: &csv::StringRecord, at: u64) -> Campi {
    let mut campi = Campi { at, evento: "registrazione".to_owned(), ..Campi::default() };
    for (name, text) in heading.iter().zip(record).filter(|(_, text)| !text.is_empty()) {
        match name.as_str() {
            "evento" => campi.evento = text.to_lowercase(),
            "destinatario" => {
                campi.destinatari = text.split(BETWEEN).map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
            }
            _ => _ = campi.texts.insert(name.clone(), text.to_owned()),
        }
    }
    campi
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2024, 12, 31);

    #[test]
    fn entries_and_changes_are_read_and_the_same_line_twice_is_one() {
        let table = "evento;numero;data;ora;verso;mittente;destinatario;oggetto;operatore;provvedimento;campo;prima;dopo\n\
            ;12;2024-03-12;09:30;E;Anna Prova;;Istanza;;;;;\n\
            ;0000012;12/03/2024;09:30;entrata;Anna Prova;;Istanza;;;;;\n\
            ;13;2024-03-12;;U;;Uno | Due;Risposta;;;;;\n\
            modifica;12;2024-03-12;10:00;;;;;rossi;;assegnazione;UFPR01;UFED02\n\
            annullamento;13;2024-03-13;;;;;;rossi;Det. 4/2024;;;\n";
        let read = parse(table, TODAY).expect("read");
        assert_eq!(read.registrazioni.len(), 2);
        assert_eq!(read.registrazioni[1].destinatari, ["Uno", "Due"]);
        assert_eq!(read.variazioni.len(), 2);
        assert_eq!((read.variazioni[1].data, read.variazioni[1].anno), (date(2024, 3, 13), 2024));
    }

    #[test]
    fn every_breach_is_told_with_its_line() {
        let table = "numero,data,verso,mittente,oggetto,impronta\n\
            x,2024-03-12,E,A,B,\n\
            1,2024-02-30,E,A,B,\n\
            2,2024-03-12,Q,A,B,\n\
            3,2024-03-12,E,,,\n\
            4,2025-01-01,E,A,B,\n\
            5,2024-03-12,E,A,B,abc\n\
            6,2024-03-12,U,A,B,\n\
            7,2024-03-12,E,A,B,\n\
            7,2024-03-12,E,A,C,\n\
            8,2024-03-11,E,A,B,\n";
        let faults = parse(table, TODAY).expect_err("refused");
        let said: Vec<(&str, Option<&str>)> = faults.iter().map(|fault| (fault.code(), fault.value("line"))).collect();
        let wanted = [
            ("registro-numero", "2"),
            ("registro-data", "3"),
            ("registro-verso", "4"),
            ("registro-missing", "5"),
            ("registro-missing", "5"),
            ("registro-future", "6"),
            ("registro-impronta", "7"),
            ("registro-missing", "8"),
            ("registro-twice", "10"),
            ("registro-backdated", "11"),
        ];
        assert_eq!(said, wanted.map(|(code, line)| (code, Some(line))));
        assert_eq!(parse("numero,data\n", TODAY).expect_err("empty")[0].code(), "registro-empty");
        assert_eq!(parse("number,data\n", TODAY).expect_err("columns").len(), 2);
    }
}
