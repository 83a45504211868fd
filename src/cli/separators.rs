//! `separators`: sheets to be printed and put between the documents of a batch.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::archive::look;
use super::{Global, named, output};
use crate::copy::{self, PdfaLevel, SeparatorOrder};
use crate::desk::{self, Asked, Told};
use crate::error::{Error, Result};
use crate::messages::Message;

/// What was typed after `separators`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Separators {
    /// Profile of the inbox that the batch will come in by; it must look for QR codes.
    #[arg(long, value_name = "NAME")]
    profile: String,
    /// How many sheets; they are numbered, so that a missing one is noticed.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "list")]
    count: u32,
    /// Sheets without numbers and lot, to be used over and over.
    #[arg(long, conflicts_with_all = ["lot", "sheets", "protocollo", "list"])]
    reusable: bool,
    /// Name of the lot; without one the moment.
    #[arg(long, value_name = "NAME")]
    lot: Option<String>,
    /// Sheets of the document, counted by hand.
    #[arg(long, value_name = "N")]
    sheets: Option<u32>,
    /// Voce of the Titolario.
    #[arg(long, value_name = "VOCE")]
    voce: Option<String>,
    /// What ties the document to its fascicolo.
    #[arg(long, value_name = "TEXT")]
    fascicolo: Option<String>,
    /// Registration of the document, of a single sheet.
    #[arg(long, value_name = "NUMBER/YEAR")]
    protocollo: Option<String>,
    /// A list (CSV) with a line for each sheet: columns fogli, voce, fascicolo, protocollo, all of them optional.
    #[arg(long, value_name = "FILE.csv")]
    list: Option<PathBuf>,
    /// Also prints a patch code T along every edge.
    #[arg(long)]
    patch: bool,
    /// Level of PDF/A: 1b, 2b, 3b; by default that of the archive's copies.
    #[arg(long, value_name = "LEVEL", value_parser = ["1b", "2b", "3b"])]
    pdfa: Option<String>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE.pdf")]
    output: PathBuf,
}

/// `separators`: writes the sheets as one PDF/A.
pub(crate) async fn separators(all: &Global, typed: Separators) -> Result<u8> {
    let archive = look(all).await?;
    let house = &archive.house;
    let asked = Asked {
        profile: typed.profile,
        count: typed.count,
        is_set: !typed.reusable,
        lotto: typed.lot,
        each: Told { fogli: typed.sheets, voce: typed.voce, fascicolo: typed.fascicolo, protocollo: typed.protocollo },
        list: typed.list.map(|list| named::table(&list).map(|bytes| (list, bytes))).transpose()?,
        operator: all.operator.clone(),
    };
    let sheets = desk::separators(house, &asked).await?;
    let level = typed.pdfa.as_deref().unwrap_or(&house.config.copy.level);
    let level = PdfaLevel::parse(level).ok_or_else(|| Error::bug("level of PDF/A"))?;
    let lotto = sheets.first().and_then(|sheet| sheet.lotto.clone());
    let count = sheets.len();
    let order = SeparatorOrder { sheets, has_patch: typed.patch, level, instant: house.clock.now() };
    let mut bytes = Vec::new();
    copy::separators(&order, &mut bytes)?;
    output::write_whole(&typed.output, &bytes)?;
    if all.json {
        output::line(&json!({"file": typed.output, "count": count, "lotto": lotto}).to_string());
    } else {
        let written = Message::new("separators-written").with("count", count).with("lotto", lotto.as_deref().unwrap_or("—"));
        output::line(&written.with("file", typed.output.display()).text(all.words()));
    }
    Ok(0)
}
