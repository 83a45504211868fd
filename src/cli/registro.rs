//! `registro`: the protocol register, taken in, shown, made into the documents of its days.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::civil::Date;
use serde_json::json;

use super::archive::{look, open};
use super::{Global, named, output, tables};
use crate::desk::{self, RegistroDay, RegistroImported, RegistroOrder};
use crate::error::{Error, Kind, Result};
use crate::messages::{Message, label};
use crate::registro::{FILE_BYTES_MAX, OpenContrasto, TipoVariazione, numero};

/// What is done with the register.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RegistroVerb {
    /// Takes entries in (CSV or XML of docs/registro.md), whole or not at all; what contradicts an earlier file is held.
    Import {
        /// The file.
        file: PathBuf,
        /// Only says what is wrong and what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Shows the days of the register, or one day: numbers, gaps, changes, what was made of it and what is due.
    Show {
        /// The day.
        #[arg(value_name = "YYYY-MM-DD")]
        day: Option<Date>,
    },
    /// Makes the daily register (PDF/A and XML) of days that are over; without a day, of all that were not made.
    Make {
        /// The days.
        #[arg(value_name = "YYYY-MM-DD")]
        days: Vec<Date>,
    },
    /// Says of a contradiction that somebody has looked at it: what was there first stays.
    Settle {
        /// Its id (`registro show`).
        id: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Writes the entries as a table that `import` takes.
    Export {
        /// Into this file instead of to the terminal.
        file: Option<PathBuf>,
        /// From this day on.
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<Date>,
        /// To this day.
        #[arg(long, value_name = "YYYY-MM-DD")]
        to: Option<Date>,
    },
}

/// The verbs of `registro`. 1 where a file has faults or something waits for a person.
pub(crate) async fn registro(all: &Global, verb: &RegistroVerb) -> Result<u8> {
    match verb {
        RegistroVerb::Import { file, dry_run } => import(all, file, *dry_run).await,
        RegistroVerb::Show { day } => show(all, *day).await,
        RegistroVerb::Make { days } => make(all, days).await,
        RegistroVerb::Settle { id, reason } => {
            let archive = open(all).await?;
            desk::registro_settle(&archive.house, id, (reason, &all.operator)).await?;
            say(all, &Message::new("registro-settled").with("id", id));
            Ok(0)
        }
        RegistroVerb::Export { file, from, to } => {
            let archive = look(all).await?;
            let csv = desk::registro_export(&archive.house, (*from, *to)).await?;
            match file {
                Some(file) => output::write_whole(file, csv.as_bytes())?,
                None => output::line(csv.trim_end()),
            }
            Ok(0)
        }
    }
}

async fn import(all: &Global, file: &Path, dry_run: bool) -> Result<u8> {
    let mut bytes = Vec::new();
    let opened = named::open(file)?.0;
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| Error::disk("read register", file, e))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::new(Kind::Usage, "table-large").with("file", file.display()).with("max", FILE_BYTES_MAX));
    }
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let archive = open(all).await?;
    let order = RegistroOrder { name, bytes, dry_run, operator: all.operator.clone() };
    let imported = desk::registro_import(&archive.house, &order).await?;
    if all.json {
        output::line(&imported_json(all, &imported).to_string());
    } else {
        imported.faults.iter().for_each(|fault| output::line(&fault.sentence(all.words())));
        imported.contrasti.iter().for_each(|one| output::line(&contrasto(one).text(all.words())));
        let code = match (imported.faults.is_empty(), dry_run) {
            (false, _) => "registro-refused",
            (true, true) => "registro-would",
            (true, false) => "registro-imported",
        };
        let told = Message::new(code).with("file", &order.name).with("entries", imported.registrazioni);
        let told = told.with("changes", imported.variazioni).with("known", imported.known);
        output::line(&told.with("count", imported.faults.len()).with("held", imported.contrasti.len()).sentence(all.words()));
    }
    Ok(u8::from(!imported.faults.is_empty() || !imported.contrasti.is_empty()))
}

fn imported_json(all: &Global, imported: &RegistroImported) -> serde_json::Value {
    let faults: Vec<_> =
        imported.faults.iter().map(|fault| json!({"code": fault.code(), "text": fault.text(all.words())})).collect();
    let mut line = json!(imported);
    line["faults"] = json!(faults);
    line
}

/// A contradiction in words.
fn contrasto(one: &OpenContrasto) -> Message {
    let (number, anno, day) = one.contrasto.nuova.about();
    let told = Message::new(one.contrasto.kind.code()).with("number", format!("{}/{anno}", numero(number))).with("day", day);
    told.with("file", &one.contrasto.origine.0).with("id", &one.id)
}

async fn show(all: &Global, day: Option<Date>) -> Result<u8> {
    let archive = look(all).await?;
    let days = match day {
        Some(day) => vec![desk::registro_day(&archive.house, day).await?],
        None => desk::registro_days(&archive.house).await?,
    };
    shown(all, &days, day.is_some());
    Ok(0)
}

fn shown(all: &Global, days: &[RegistroDay], is_one: bool) {
    if all.json {
        for day in days {
            let (annulled, changed) = day.changes();
            let mut line = json!({"giorno": day.giornata.giorno, "primo": day.giornata.first().map(numero),
                "ultimo": day.giornata.last().map(numero), "registrazioni": day.giornata.registrazioni.len(),
                "annullamenti": annulled, "modifiche": changed, "lacune": day.giornata.lacune, "due": day.due,
                "made": day.made, "document": day.document, "contrasti": day.contrasti});
            if is_one {
                line["entries"] = json!(day.giornata.registrazioni);
                line["changes"] = json!(day.giornata.variazioni);
            }
            output::line(&line.to_string());
        }
        return;
    }
    let lang = all.words();
    let dash = || "—".to_owned();
    let row = |day: &RegistroDay| {
        let (annulled, changed) = day.changes();
        let number = |number: Option<u64>| number.map_or_else(dash, numero);
        let state = match &day.document {
            Some((_, state)) => tables::state(*state, lang),
            None if day.made.is_some() => label("registro-under-way", lang),
            None if !day.contrasti.is_empty() => label("registro-blocked", lang),
            None => label("registro-not-made", lang),
        };
        vec![
            day.giornata.giorno.to_string(),
            number(day.giornata.first()),
            number(day.giornata.last()),
            day.giornata.registrazioni.len().to_string(),
            day.giornata.lacune.len().to_string(),
            annulled.to_string(),
            changed.to_string(),
            day.due.map_or_else(dash, |due| due.to_string()),
            state,
            day.document.as_ref().map_or_else(dash, |(id, _)| id.to_string()),
        ]
    };
    let heads = [
        "head-day",
        "registro-first",
        "registro-last",
        "head-entries",
        "registro-gaps",
        "registro-annulled",
        "registro-changed",
        "head-due",
        "head-state",
        "head-document",
    ];
    tables::table(&heads, &days.iter().map(row).collect::<Vec<_>>(), lang);
    days.iter().flat_map(|day| &day.contrasti).for_each(|one| output::line(&contrasto(one).text(lang)));
    if let [day] = days
        && is_one
    {
        entries(day, all);
    }
}

/// The entries and changes of one day.
fn entries(day: &RegistroDay, all: &Global) {
    let lang = all.words();
    let short = |text: &str| text.chars().take(60).collect::<String>();
    let entry = |one: &crate::registro::Registrazione| {
        let parties = one.mittente.iter().chain(&one.destinatari).cloned().collect::<Vec<_>>().join(", ");
        vec![numero(one.numero), crate::registro::flusso(one.verso).to_owned(), short(&parties), short(&one.oggetto)]
    };
    let rows: Vec<_> = day.giornata.registrazioni.iter().map(entry).collect();
    tables::table(&["registro-numero-head", "registro-flow", "registro-parties", "registro-oggetto-head"], &rows, lang);
    let change = |one: &crate::registro::Variazione| {
        let is_annulled = one.tipo == TipoVariazione::Annullamento;
        let what = if is_annulled { one.provvedimento.clone() } else { one.dopo.clone() };
        vec![
            format!("{}/{}", numero(one.numero), one.anno),
            one.tipo.word().to_owned(),
            one.campo.clone().unwrap_or_else(|| label("registro-whole", lang)),
            short(&what.unwrap_or_default()),
            one.operatore.clone(),
        ]
    };
    let rows: Vec<_> = day.giornata.variazioni.iter().map(change).collect();
    if !rows.is_empty() {
        let heads = ["registro-numero-head", "registro-change", "registro-field", "registro-values", "registro-operator"];
        tables::table(&heads, &rows, lang);
    }
}

async fn make(all: &Global, days: &[Date]) -> Result<u8> {
    let archive = open(all).await?;
    let told = desk::registro_make(&archive.house, days, &all.operator).await?;
    let mut is_well = true;
    let mut made = Vec::new();
    for (day, outcome) in told {
        match outcome {
            Ok(one) => {
                is_well &= one.is_well();
                made.push(one);
            }
            Err(error) if all.json => {
                is_well = false;
                output::line(
                    &json!({"giorno": day, "error": error.code(), "message": error.message().text(all.words())}).to_string(),
                );
            }
            Err(error) => {
                is_well = false;
                output::complain(&error.message().text(all.words()));
            }
        }
    }
    if made.is_empty() && is_well {
        say(all, &Message::new("registro-nothing"));
    } else {
        shown(all, &made, false);
    }
    Ok(u8::from(!is_well))
}

fn say(all: &Global, message: &Message) {
    if all.json {
        output::line(&json!({"code": message.code(), "message": message.text(all.words())}).to_string());
    } else {
        output::line(&message.text(all.words()));
    }
}
