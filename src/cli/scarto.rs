//! `scarto` and `hold`: disposal, and what is kept from it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::civil::Date;
use serde_json::json;

use super::archive::{look, open};
use super::{Global, named, output, tables};
use crate::desk::{self, ScartoAnswer, TABLE_BYTES_MAX};
use crate::error::{Error, Kind, Result};
use crate::messages::{Message, label};
use crate::scarto::Scarto;

/// What is done about disposal.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ScartoVerb {
    /// Lists what has been kept long enough, for the authority: DIR gets elenco-ID.pdf (PDF/A) and elenco-ID.csv.
    Propose {
        /// Folder for the list.
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
        /// The time must have ended before this day; today if none is given.
        #[arg(long, value_name = "YYYY-MM-DD")]
        day: Option<Date>,
    },
    /// Takes the authority's answer in, for all that is listed or without some of it.
    Authorise {
        /// Id of the scarto.
        id: String,
        /// The file of the act.
        file: PathBuf,
        /// The act, as it names itself: authority, number, date.
        #[arg(long, value_name = "TEXT")]
        act: String,
        /// Its date.
        #[arg(long, value_name = "YYYY-MM-DD")]
        date: Date,
        /// What it does not allow: documents and aggregations.
        #[arg(long, value_name = "ID", num_args = 1..)]
        except: Vec<String>,
    },
    /// Destroys what was allowed, in every place that the archive holds. There is no way back.
    Execute {
        /// Id of the scarto.
        id: String,
        /// Really.
        #[arg(long)]
        yes: bool,
    },
    /// Lists the scarti.
    List,
}

/// What is done about holds.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum HoldVerb {
    /// Sets a hold on a document or an aggregation.
    Set {
        /// Its id.
        id: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Lifts it.
    Lift {
        /// Its id.
        id: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Lists the holds, lifted ones too.
    List,
}

/// The verbs of `scarto`. 1 where an execution left something that was allowed.
pub(crate) async fn scarto(all: &Global, verb: &ScartoVerb) -> Result<u8> {
    match verb {
        ScartoVerb::Propose { out, day } => propose(all, out, *day).await,
        ScartoVerb::Authorise { id, file, act, date, except } => {
            let answer = ScartoAnswer {
                bytes: bytes(file)?,
                atto: act.clone(),
                data: *date,
                esclusi: except.clone(),
                operator: all.operator.clone(),
            };
            let archive = open(all).await?;
            let scarto = desk::authorise(&archive.house, id, &answer).await?;
            let told = Message::new("scarto-authorised").with("id", &scarto.id).with("count", scarto.granted().count());
            say(all, &scarto, &told.with("all", scarto.items.len()));
            Ok(0)
        }
        ScartoVerb::Execute { id, yes } => execute(all, id, *yes).await,
        ScartoVerb::List => {
            let archive = look(all).await?;
            list(all, &desk::scarti(&archive.house).await?);
            Ok(0)
        }
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = named::open(file)?.0;
    opened.take(TABLE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| Error::disk("read act", file, e))?;
    if bytes.len() as u64 > TABLE_BYTES_MAX {
        return Err(Error::new(Kind::Usage, "table-large").with("file", file.display()).with("max", TABLE_BYTES_MAX));
    }
    Ok(bytes)
}

async fn propose(all: &Global, out: &Path, day: Option<Date>) -> Result<u8> {
    if !out.is_dir() {
        return Err(Error::new(Kind::Usage, "path-missing").with("path", out.display()));
    }
    let archive = open(all).await?;
    let scarto = desk::propose(&archive.house, day, &all.operator).await?;
    let (pdf, csv) = desk::scarto_list(&archive.house, &scarto).await?;
    let file = out.join(format!("elenco-{}.pdf", scarto.id));
    output::write_whole(&file, &pdf)?;
    output::write_whole(&file.with_extension("csv"), csv.as_bytes())?;
    let told = Message::new("scarto-proposed").with("id", &scarto.id).with("count", scarto.items.len());
    say(all, &scarto, &told.with("file", file.display()));
    Ok(0)
}

async fn execute(all: &Global, id: &str, is_sure: bool) -> Result<u8> {
    let archive = open(all).await?;
    let known = desk::scarti(&archive.house).await?;
    let known = known.iter().find(|one| one.id.as_str() == id);
    let known = known.ok_or_else(|| Error::new(Kind::Usage, "id-unknown").with("id", id))?;
    if !is_sure {
        return Err(Error::new(Kind::Usage, "scarto-confirm").with("id", id).with("count", known.granted().count()));
    }
    let done = desk::execute(&archive.house, id, &all.operator).await?;
    if all.json {
        output::line(&json!(done).to_string());
    } else {
        let told = Message::new("scarto-executed").with("id", id).with("blobs", done.blobs).with("pdvs", done.pdvs.len());
        output::line(&told.with("spared", done.scarto.spared.len()).text(all.words()));
        for (document, why) in &done.scarto.spared {
            let why = label(why, all.words());
            output::line(&Message::new("scarto-spared").with("id", document).with("why", why).sentence(all.words()));
        }
        done.left_in.iter().for_each(|id| output::line(&Message::new("scarto-left").with("id", id).text(all.words())));
    }
    Ok(u8::from(!done.scarto.spared.is_empty() || !done.left_in.is_empty()))
}

fn say(all: &Global, scarto: &Scarto, message: &Message) {
    let line = if all.json { json!(scarto).to_string() } else { message.text(all.words()) };
    output::line(&line);
}

fn list(all: &Global, scarti: &[Scarto]) {
    if all.json {
        for one in scarti {
            output::line(&json!(one).to_string());
        }
        return;
    }
    let row = |one: &Scarto| {
        vec![
            one.id.to_string(),
            label(&format!("scarto-state-{}", one.state.as_str()), all.words()),
            one.at.to_string(),
            one.items.len().to_string(),
            one.granted().count().to_string(),
            one.spared.len().to_string(),
        ]
    };
    let heads = ["head-id", "head-state", "head-day", "scarto-documents", "head-granted", "head-spared"];
    tables::table(&heads, &scarti.iter().map(row).collect::<Vec<_>>(), all.words());
}

/// The verbs of `hold`.
pub(crate) async fn hold(all: &Global, verb: &HoldVerb) -> Result<u8> {
    let (id, reason, is_set) = match verb {
        HoldVerb::Set { id, reason } => (id, reason, true),
        HoldVerb::Lift { id, reason } => (id, reason, false),
        HoldVerb::List => return holds(all).await,
    };
    let archive = open(all).await?;
    desk::vincolo(&archive.house, id, (is_set, reason, &all.operator)).await?;
    if all.json {
        output::line(&json!({"id": id, "held": is_set}).to_string());
    } else {
        let told = Message::new(if is_set { "hold-set" } else { "hold-lifted" });
        output::line(&told.with("id", id).sentence(all.words()));
    }
    Ok(0)
}

async fn holds(all: &Global) -> Result<u8> {
    let archive = look(all).await?;
    let vincoli = desk::vincoli(&archive.house).await?;
    let mut rows = Vec::new();
    for (id, own) in &vincoli {
        for one in own {
            if all.json {
                output::line(
                    &json!({"id": id, "motivo": one.motivo, "by": one.by, "at": one.at, "tolto": one.tolto}).to_string(),
                );
            }
            let lifted =
                one.tolto.as_ref().map_or_else(|| "—".to_owned(), |(by, at, _)| format!("{} {by}", at.strftime("%Y-%m-%d")));
            rows.push(vec![id.clone(), one.at.strftime("%Y-%m-%d").to_string(), one.by.clone(), one.motivo.clone(), lifted]);
        }
    }
    if !all.json {
        tables::table(&["head-id", "head-since", "head-by", "head-reason", "head-lifted"], &rows, all.words());
    }
    Ok(0)
}
