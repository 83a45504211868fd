//! `titolario`, `retention`, `tipologia`: the tables that the ente decides.

use std::path::PathBuf;

use clap::Subcommand;
use jiff::civil::Date;
use serde_json::json;

use super::archive::{look, open};
use super::{Global, named, output, tables};
use crate::desk;
use crate::error::{Error, Result};
use crate::messages::Message;
use crate::steps::tables::Table;

/// What is done with a table.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum EditionVerb {
    /// Takes a table in as a new version, whole or not at all.
    Import {
        /// The table: CSV with a heading, commas or semicolons.
        file: PathBuf,
        /// From which day on it counts; the first version may leave it out, it always did.
        #[arg(long, value_name = "YYYY-MM-DD")]
        dal: Option<Date>,
        /// Where it is published: what the metadata of each document say.
        #[arg(long, value_name = "URI")]
        uri: Option<String>,
        /// Only says what is wrong and what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Writes the table that is in force, as `import` takes it.
    Export {
        /// Into this file instead of to the terminal.
        file: Option<PathBuf>,
        /// The one of that day instead of today's.
        #[arg(long, value_name = "YYYY-MM-DD")]
        day: Option<Date>,
    },
    /// Lists its versions.
    List,
}

/// One of the three verbs. 1 where a table has faults.
pub(crate) async fn edition(all: &Global, table: Table, verb: &EditionVerb) -> Result<u8> {
    match verb {
        EditionVerb::Import { file, dal, uri, dry_run } => {
            let bytes = named::table(file)?;
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let operator = all.operator.clone();
            let order = desk::Order { table, name, bytes, dal: *dal, uri: uri.clone(), dry_run: *dry_run, operator };
            let archive = open(all).await?;
            let imported = desk::import(&archive.house, &order).await?;
            show(all, &order, &imported);
            Ok(u8::from(!imported.faults.is_empty()))
        }
        EditionVerb::Export { file, day } => {
            let archive = look(all).await?;
            let csv = desk::export(&archive.house, table, *day).await?;
            match file {
                Some(file) => {
                    // What is there already may be the only copy of another version.
                    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
                    let written = made.and_then(|mut out| std::io::Write::write_all(&mut out, csv.as_bytes()));
                    written.map_err(|e| Error::disk("write table", file, e))?;
                }
                None => output::line(csv.trim_end()),
            }
            Ok(0)
        }
        EditionVerb::List => {
            let archive = look(all).await?;
            list(all, &desk::editions(&archive.house, table).await?);
            Ok(0)
        }
    }
}

fn show(all: &Global, order: &desk::Order, imported: &desk::Imported) {
    if all.json {
        let faults: Vec<_> =
            imported.faults.iter().map(|fault| json!({"code": fault.code(), "text": fault.text(all.words())})).collect();
        let mut line = json!(imported);
        line["faults"] = json!(faults);
        output::line(&line.to_string());
        return;
    }
    for fault in &imported.faults {
        output::line(&fault.sentence(all.words()));
    }
    let voci = |voci: &[crate::filing::Voce]| voci.iter().map(|voce| voce.0.as_str()).collect::<Vec<_>>().join(", ");
    let differs = &imported.differs;
    for (code, what) in [
        ("table-added", voci(&differs.added)),
        ("table-removed", voci(&differs.removed)),
        ("table-renamed", voci(&differs.renamed)),
        ("table-unfit", voci(&differs.unfit)),
        ("table-orphans", imported.orphans.join(", ")),
    ] {
        if !what.is_empty() {
            output::line(&Message::new(code).with("what", what).sentence(all.words()));
        }
    }
    let code = match (imported.version, imported.already) {
        (Some(_), true) => "table-already",
        (Some(_), false) => "table-imported",
        (None, _) if imported.faults.is_empty() => "table-would",
        (None, _) => "table-refused",
    };
    let version = imported.version.map_or_else(|| "-".to_owned(), |version| version.to_string());
    let message = Message::new(code).with("file", &order.name).with("version", version).with("rows", imported.rows);
    output::line(&message.with("count", imported.faults.len()).sentence(all.words()));
}

fn list(all: &Global, editions: &[crate::steps::tables::Edition]) {
    if all.json {
        for (n, edition) in (1..).zip(editions) {
            let (dal, sha256) = (edition.dal, edition.sha256);
            let line = json!({"version": n, "dal": dal, "uri": edition.uri, "name": edition.name, "sha256": sha256,
                "at": edition.at, "by": edition.by});
            output::line(&line.to_string());
        }
        return;
    }
    let lines: Vec<Vec<String>> = (1..)
        .zip(editions)
        .map(|(n, edition): (u32, _)| {
            let dal = edition.dal.map_or_else(|| "-".to_owned(), |dal| dal.to_string());
            vec![n.to_string(), dal, edition.name.clone(), edition.by.clone(), edition.uri.clone().unwrap_or_default()]
        })
        .collect();
    tables::table(&["head-version", "head-dal", "head-name", "head-by", "head-uri"], &lines, all.words());
}
