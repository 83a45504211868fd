//! `due`: the deadlines of law, as a table, as JSON, as a calendar.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use super::archive::look;
use super::{Global, output, tables};
use crate::desk;
use crate::error::Result;
use crate::messages::{Message, label};
use crate::scadenza::{Scadenza, Urgenza, calendar};

/// What was typed after `due`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Due {
    /// Only what is due by this day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,
    /// Only what is late.
    #[arg(long)]
    late: bool,
    /// Writes a calendar (iCalendar) into this file.
    #[arg(long, value_name = "FILE.ics")]
    ical: Option<PathBuf>,
}

/// `due`: 1 where something is late.
pub(crate) async fn due(all: &Global, asked: &Due) -> Result<u8> {
    let archive = look(all).await?;
    let house = &archive.house;
    let mut found = desk::due(house, asked.until).await?;
    if asked.late {
        found.retain(|one| one.urgenza == Urgenza::Late);
    }
    if let Some(file) = &asked.ical {
        let text = calendar(&found, (&house.ente.codice_ipa, house.clock.now(), all.words()));
        output::write_whole(file, text.as_bytes())?;
    }
    show(all, &found);
    Ok(u8::from(found.iter().any(|one| one.urgenza == Urgenza::Late)))
}

fn show(all: &Global, found: &[Scadenza]) {
    let lang = all.words();
    let why = |one: &Scadenza| one.why.iter().map(|why| why.sentence(lang)).collect::<Vec<_>>();
    if all.json {
        for one in found {
            let mut line = json!(one);
            let codes = one.why.iter().zip(why(one));
            line["why"] = codes.map(|(why, text)| json!({"code": why.code(), "text": text})).collect();
            output::line(&line.to_string());
        }
        return;
    }
    if found.is_empty() {
        output::line(&Message::new("due-nothing").text(lang));
        return;
    }
    let row = |one: &Scadenza| {
        let state = match (one.urgenza, one.blocked) {
            (Urgenza::Late, false) => "due-late",
            (Urgenza::Late, true) => "due-late-blocked",
            (Urgenza::Due, false) => "due-to-come",
            (Urgenza::Due, true) => "due-blocked",
        };
        vec![one.due.to_string(), label(state, lang), one.oggetto.shown(lang), one.id.clone(), why(one).join(" ")]
    };
    tables::table(
        &["head-due", "head-state", "head-what", "head-id", "head-why"],
        &found.iter().map(row).collect::<Vec<_>>(),
        lang,
    );
}
