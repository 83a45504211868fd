//! `review`: what is held, and what the person decides.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::archive::{look, open, show_rows};
use super::progress::Progress;
use super::{Global, keys, output, tables};
use crate::desk;
use crate::document::DocumentId;
use crate::error::{Error, Kind, Result};
use crate::messages::Message;
use crate::pipeline::House;
use crate::worker;

/// What was typed after `review`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one flag of the command line each")]
pub(crate) struct Review {
    /// Document to decide about; without it the queue is shown.
    id: Option<String>,
    /// Sets a field: oggetto, protocollo, data, mittente, destinatario, tipo, voce, riservato, fascicolo.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Settles the doubts shown, as they stand.
    #[arg(long)]
    approve: bool,
    /// Takes the failed step again.
    #[arg(long)]
    retry: bool,
    /// Lets a duplicate be a document of its own.
    #[arg(long)]
    release: bool,
    /// Refuses the document.
    #[arg(long)]
    refuse: bool,
    /// Waits for a new sheet of that page; it comes with --with, or later with `ingest FILE --rescan ID:PAGE`.
    #[arg(long, value_name = "PAGE", conflicts_with_all = ["set", "approve", "retry", "release", "refuse"], requires = "id")]
    rescan: Option<u32>,
    /// Turns a page as it is shown by 90, 180 or 270 degrees clockwise and reads it again; the sheet stays as it is.
    #[arg(long, value_name = "PAGE:DEGREES", conflicts_with_all = ["set", "approve", "retry", "release", "refuse", "rescan"], requires = "id")]
    rotate: Option<String>,
    /// A new document begins with each of these pages: the parts become documents of their own.
    #[arg(long, value_name = "PAGE,…", conflicts_with_all = ["set", "approve", "retry", "release", "refuse", "rescan", "rotate"], requires = "id")]
    split: Option<String>,
    /// With --split: these pages are separator sheets, of no document; those that were found are known.
    #[arg(long, value_name = "PAGE,…", requires = "split")]
    separators: Option<String>,
    /// The new sheet, if it is there already.
    #[arg(long, value_name = "FILE", requires = "rescan")]
    with: Option<PathBuf>,
    /// Also writes what is held, with pictures of the pages in doubt, as one HTML file.
    #[arg(long, value_name = "FILE", requires = "id")]
    html: Option<PathBuf>,
    /// Another document that waits becomes an attachment of this one.
    #[arg(long, value_name = "OTHER", conflicts_with_all = ["set", "approve", "retry", "release", "refuse", "rescan", "rotate", "split"], requires = "id")]
    merge: Option<String>,
    /// Instead of one document: all that this search finds; shows what the decision would change of each.
    #[arg(long, value_name = "QUERY", conflicts_with_all = ["id", "html", "rescan", "rotate", "split"])]
    found: Option<String>,
    /// With --found: makes the decision.
    #[arg(long, requires = "found")]
    apply: bool,
    /// A word on why.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `review`: the queue, or one document with what was decided about it.
pub(crate) async fn review(all: &Global, review: Review) -> Result<u8> {
    let request = request(all, &review)?;
    let is_decision = request.approve || request.retry || request.release || request.refuse || !request.set.is_empty();
    let is_apart = review.rescan.is_some() || review.rotate.is_some() || review.merge.is_some() || review.split.is_some();
    let only_looks = if review.id.is_none() { !review.apply } else { !is_decision && !is_apart };
    let archive = if only_looks { look(all).await? } else { open(all).await? };
    let house = &archive.house;
    let Some(id) = review.id.clone() else {
        return match &review.found {
            Some(question) => many(all, house, (question, &review)).await,
            None if !all.json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => {
                Ok(u8::from(keys::each(all, house).await?))
            }
            None => queue(all, house).await,
        };
    };
    if let Some(page) = review.rescan {
        rescan(all, house, (&id, page), &review).await?;
    } else if is_apart {
        let by = desk::By { operator: all.operator.clone(), note: review.note.clone() };
        if let Some(other) = &review.merge {
            desk::merge(house, &id, other, &by).await?;
        }
        if let Some(asked) = &review.rotate {
            desk::rotate(house, &id, desk::asked(asked)?, &by).await?;
        }
        let parts = match &review.split {
            Some(typed) => {
                let separators = review.separators.as_deref().map_or_else(|| Ok(Vec::new()), desk::starts)?;
                let asked = desk::Split { starts: desk::starts(typed)?, separators };
                desk::split(house, &id, &asked, &by).await?
            }
            None => Vec::new(),
        };
        {
            let _progress = Progress::watch(Arc::clone(&house.meter), all.words());
            worker::work_to_rest(house, house.config.ocr.children_used() + 1).await?;
        }
        if !parts.is_empty() {
            return show_parts(all, house, &parts).await;
        }
    } else if is_decision {
        desk::decide(house, &id, &request).await?;
        let _progress = Progress::watch(Arc::clone(&house.meter), all.words());
        worker::work_to_rest(house, house.config.ocr.children_used() + 1).await?;
    }
    let desk::Found::Document(row) = desk::find(house, &id).await? else {
        return Err(Error::new(Kind::Usage, "id-unknown").with("id", &id));
    };
    show_rows(all, &desk::rows(house, std::slice::from_ref(&row), all.words()).await?);
    if let Some(path) = &review.html {
        output::write_whole(path, desk::review_html(house, &row, all.words()).await?.as_bytes())?;
    }
    Ok(u8::from(!row.holds.is_empty()))
}

/// The parts of a divided document, as they are at rest.
async fn show_parts(all: &Global, house: &House, parts: &[DocumentId]) -> Result<u8> {
    let mut rows = Vec::with_capacity(parts.len());
    for id in parts {
        rows.extend(house.store.document(&house.ente_id, id).await?);
    }
    show_rows(all, &desk::rows(house, &rows, all.words()).await?);
    Ok(u8::from(rows.iter().any(|row| !row.holds.is_empty())))
}

/// Everything that waits, as a list.
async fn queue(all: &Global, house: &House) -> Result<u8> {
    let mut lines = Vec::new();
    for waiting in desk::queue(house).await? {
        lines.push(tables::Queued::of(house, &waiting, all.words()).await?);
    }
    if all.json {
        for line in &lines {
            output::line(&json!(line).to_string());
        }
    } else {
        tables::queue(&lines, all.words());
    }
    Ok(u8::from(!lines.is_empty()))
}

/// One decision about all that a question finds: shown, and with --apply made.
async fn many(all: &Global, house: &Arc<House>, (question, review): (&str, &Review)) -> Result<u8> {
    let request = request(all, review)?;
    let planned = desk::planned(house, question, &request, all.words()).await?;
    for line in &planned {
        if all.json {
            output::line(&json!(line).to_string());
            continue;
        }
        let changes = line.changes.iter().map(|(field, old, new)| format!("{field}: {old} → {new}"));
        let what = line.objection.clone().unwrap_or_else(|| changes.collect::<Vec<_>>().join("; "));
        output::line(&output::clean(&format!("{}  {}  {}  {what}", line.id, tables::state(line.state, all.words()), line.name)));
    }
    let good: Vec<_> = planned.iter().filter(|line| line.objection.is_none()).collect();
    let code = if review.apply { "review-applied" } else { "review-preview" };
    if review.apply {
        for line in &good {
            desk::decide(house, line.id.as_str(), &request).await?;
        }
        let _progress = Progress::watch(Arc::clone(&house.meter), all.words());
        worker::work_to_rest(house, house.config.ocr.children_used() + 1).await?;
    }
    output::complain(&Message::new(code).with("count", good.len()).with("left", planned.len() - good.len()).text(all.words()));
    Ok(u8::from(good.len() < planned.len()))
}

async fn rescan(all: &Global, house: &Arc<House>, target: (&str, u32), review: &Review) -> Result<()> {
    let by = desk::By { operator: all.operator.clone(), note: review.note.clone() };
    let Some(file) = &review.with else {
        desk::expect(house, target.0, target.1, &by).await?;
        return Ok(());
    };
    let line = {
        let _progress = Progress::watch(Arc::clone(&house.meter), all.words());
        desk::give(house, target, (file, false), &by, all.words()).await?
    };
    if line.arrival.is_none() {
        output::complain(line.reason.as_deref().unwrap_or_default());
    }
    Ok(())
}

fn request(all: &Global, review: &Review) -> Result<desk::Request> {
    let mut request = desk::Request {
        approve: review.approve,
        retry: review.retry,
        release: review.release,
        refuse: review.refuse,
        note: review.note.clone(),
        operator: all.operator.clone(),
        ..desk::Request::default()
    };
    for pair in &review.set {
        let Some((field, value)) = pair.split_once('=') else {
            return Err(Error::new(Kind::Usage, "usage-wrong").with("what", format_args!("--set {pair}")));
        };
        request.set.insert(field.to_owned(), value.to_owned());
    }
    Ok(request)
}
