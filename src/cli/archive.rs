//! The verbs that work on an archive: open it, ask the desk, show the answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::progress::Progress;
use super::{Global, Listed, output, tables};
use crate::app::{self, Archive};
use crate::config::{Config, Layout};
use crate::desk;
use crate::document::DocumentState;
use crate::error::{Error, Kind, Result};
use crate::messages::{Lang, Message};
use crate::pipeline::House;

/// `init`.
pub(crate) async fn init(all: &Global, ente: Option<&Path>) -> Result<u8> {
    let ente = app::init(&all.archive, ente).await?;
    if all.json {
        output::line(&json!({"archive": all.archive, "ente": ente.codice_ipa, "prova": ente.prova}).to_string());
    } else {
        let code = if ente.prova { "init-prova" } else { "init-done" };
        let message = Message::new(code).with("path", all.archive.display()).with("ente", &ente.denominazione);
        output::line(&message.text(all.words()));
    }
    Ok(0)
}

/// Opens the archive; Ctrl-C and SIGTERM end the work after the step in hand.
pub(super) async fn open(all: &Global) -> Result<Archive> {
    let archive = Archive::open(&all.archive, all.config.as_deref()).await?;
    obey(&archive);
    Ok(archive)
}

/// Opens the archive for a verb that only looks; one that cannot be written answers too, and that is said.
pub(super) async fn look(all: &Global) -> Result<Archive> {
    let archive = Archive::look(&all.archive, all.config.as_deref()).await?;
    if let Some(error) = &archive.no_room {
        output::complain(&error.message().text(all.words()));
    }
    if archive.house.store.is_read_only() {
        output::complain(&Message::new("archive-looked-at").with("path", all.archive.display()).text(all.words()));
    }
    obey(&archive);
    Ok(archive)
}

fn obey(archive: &Archive) {
    let meter = Arc::clone(&archive.house.meter);
    tokio::spawn(async move {
        let mut term = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(term) => term,
            Err(error) => return tracing::warn!(%error, "SIGTERM will end the program at once"),
        };
        tokio::select! { _ = tokio::signal::ctrl_c() => {}, _ = term.recv() => {} }
        meter.stop();
    });
}

/// `ingest`.
pub(crate) async fn ingest(all: &Global, paths: &[PathBuf], take: bool) -> Result<u8> {
    let archive = open(all).await?;
    let house = &archive.house;
    let lines = {
        let _progress = Progress::watch(Arc::clone(&house.meter), all.words());
        desk::ingest(house, paths, take, all.words()).await?
    };
    show_ingested(all, house, &lines).await
}

async fn show_ingested(all: &Global, house: &House, lines: &[desk::IngestLine]) -> Result<u8> {
    if all.json {
        for line in lines {
            output::line(&json!(line).to_string());
        }
    } else {
        let mut documents = Vec::new();
        for line in lines {
            for id in &line.documents {
                documents.extend(house.store.document(&house.ente_id, id).await?);
            }
        }
        tables::documents(&desk::rows(house, &documents, all.words()).await?, all.words());
        output::line("");
        tables::ingested(lines, all.words());
    }
    Ok(u8::from(lines.iter().any(|l| l.outcome != desk::Outcome::Admitted)))
}

/// `list`.
pub(crate) async fn list(all: &Global, what: Listed, lotto: Option<&str>) -> Result<u8> {
    let archive = look(all).await?;
    let house = &archive.house;
    match (what, lotto) {
        (Listed::Documents, lotto) => {
            let mut documents = Vec::new();
            for row in house.store.documents(&house.ente_id, None).await? {
                if lotto.is_none() || desk::lot_of(house, &row.document.arrival).await?.as_deref() == lotto {
                    documents.push(row);
                }
            }
            let rows = desk::rows(house, &documents, all.words()).await?;
            show_rows(all, &rows);
        }
        (Listed::Arrivals, lotto) => list_arrivals(all, house, lotto).await?,
        (_, Some(lotto)) => {
            return Err(Error::new(Kind::Usage, "usage-wrong").with("what", format_args!("--lotto {lotto}")));
        }
        (Listed::Fascicoli, None) => list_fascicoli(all, house).await?,
        (Listed::Pdv, None) => list_pdv(all, house).await?,
        (Listed::Lotti, None) => list_lotti(all, house).await?,
    }
    Ok(0)
}

pub(super) fn show_rows(all: &Global, rows: &[desk::Row]) {
    if all.json {
        for row in rows {
            output::line(&json!(row).to_string());
        }
    } else {
        tables::documents(rows, all.words());
    }
}

async fn list_arrivals(all: &Global, house: &House, wanted: Option<&str>) -> Result<()> {
    let mut lines = Vec::new();
    for arrival in house.store.arrivals(&house.ente_id).await? {
        let lotto = desk::lot_of(house, &arrival.id).await?;
        if wanted.is_some() && lotto.as_deref() != wanted {
            continue;
        }
        let documents: Vec<String> = desk::documents_of(house, &arrival.id).await?.into_iter().map(|d| d.document.id.0).collect();
        if all.json {
            let object = json!({"id": arrival.id, "door": arrival.door, "name": arrival.name.shown(), "sha256": arrival.sha256,
                "bytes": arrival.bytes, "state": arrival.state, "admitted_at": arrival.admitted_at,
                "duplicate_of": arrival.duplicate_of, "lotto": lotto, "documents": documents});
            output::line(&object.to_string());
        } else {
            let state = serde_json::to_value(arrival.state).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
            lines.push(vec![arrival.id.0, arrival.name.shown(), state, arrival.bytes.to_string(), documents.len().to_string()]);
        }
    }
    if !all.json {
        tables::table(&["head-id", "head-name", "head-state", "head-bytes", "word-documents"], &lines, all.words());
    }
    Ok(())
}

async fn list_fascicoli(all: &Global, house: &House) -> Result<()> {
    let mut lines = Vec::new();
    for row in house.store.aggregations(&house.ente_id).await? {
        if all.json {
            output::line(&json!(row).to_string());
        } else {
            let key = &row.aggregation.key;
            lines.push(vec![
                row.aggregation.id.0.clone(),
                key.tipo.literal().to_owned(),
                key.oggetto.clone(),
                row.documents.len().to_string(),
            ]);
        }
    }
    if !all.json {
        tables::table(&["head-id", "head-kind", "head-oggetto", "word-documents"], &lines, all.words());
    }
    Ok(())
}

async fn list_lotti(all: &Global, house: &House) -> Result<()> {
    let states = [
        DocumentState::Working,
        DocumentState::Held,
        DocumentState::Duplicate,
        DocumentState::Refused,
        DocumentState::Ready,
        DocumentState::Packaged,
    ];
    let lots = desk::lots(house).await?;
    if all.json {
        for lot in &lots {
            output::line(&json!(lot).to_string());
        }
        return Ok(());
    }
    let line = |lot: &desk::Lot| -> Vec<String> {
        let counts = states.iter().map(|state| lot.count(*state).to_string());
        [lot.lotto.clone(), lot.arrivals.to_string()].into_iter().chain(counts).collect()
    };
    let codes: Vec<String> = states.iter().map(|state| format!("state-{}", state.as_str())).collect();
    let heads: Vec<&str> = ["head-lotto", "head-arrivals"].into_iter().chain(codes.iter().map(String::as_str)).collect();
    tables::table(&heads, &lots.iter().map(line).collect::<Vec<_>>(), all.words());
    Ok(())
}

async fn list_pdv(all: &Global, house: &House) -> Result<()> {
    let mut lines = Vec::new();
    for (pdv, documents) in house.store.pdvs(&house.ente_id).await? {
        if all.json {
            let object = json!({"id": pdv.id, "state": pdv.state, "aggregazione": pdv.aggregazione, "profile": pdv.profile,
                "path": pdv.path, "content_sha256": pdv.sha256, "bytes": pdv.bytes, "documents": documents});
            output::line(&object.to_string());
        } else {
            let path = pdv.path.unwrap_or_else(|| "—".to_owned());
            lines.push(vec![pdv.id.0, pdv.aggregazione.0, documents.len().to_string(), path]);
        }
    }
    if !all.json {
        tables::table(&["head-id", "head-fascicolo", "word-documents", "head-path"], &lines, all.words());
    }
    Ok(())
}

/// `show`.
pub(crate) async fn show(all: &Global, id: &str) -> Result<u8> {
    let archive = look(all).await?;
    let shown = desk::show(&archive.house, id, all.words()).await?;
    let text = if all.json { shown.to_string() } else { serde_json::to_string_pretty(&shown).unwrap_or_default() };
    output::line(&text);
    Ok(0)
}

/// `show ID --page N --picture FILE`.
pub(crate) async fn picture(all: &Global, id: &str, page: u32, path: &Path) -> Result<u8> {
    let archive = look(all).await?;
    let jpeg = desk::picture(&archive.house, id, page).await?;
    output::write_whole(path, &jpeg)?;
    let message = Message::new("picture-written").with("page", page).with("path", path.display());
    let object = json!({"id": id, "page": page, "picture": path, "bytes": jpeg.len()});
    output::line(&if all.json { object.to_string() } else { message.text(all.words()) });
    Ok(0)
}

/// `ingest FILE --rescan ID:PAGE`: the file is the new sheet of a page.
pub(crate) async fn rescan(all: &Global, paths: &[PathBuf], take: bool, target: &str) -> Result<u8> {
    let [file] = paths else {
        return Err(Error::new(Kind::Usage, "rescan-one-file").with("target", target).with("count", paths.len()));
    };
    let archive = open(all).await?;
    let by = desk::By { operator: all.operator.clone(), note: None };
    let lines = {
        let _progress = Progress::watch(Arc::clone(&archive.house.meter), all.words());
        vec![desk::give(&archive.house, desk::target(target)?, (file, take), &by, all.words()).await?]
    };
    show_ingested(all, &archive.house, &lines).await
}

/// `fixity`.
pub(crate) async fn fixity(all: &Global, mib: u32, days: u32, seconds: Option<u64>) -> Result<u8> {
    let archive = look(all).await?;
    let order = desk::FixityOrder { bytes_per_second: u64::from(mib) << 20, days, seconds };
    let report = desk::fixity(&archive.house, &order).await?;
    if all.json {
        let mut object = json!(report);
        object["ok"] = json!(report.is_good());
        output::line(&object.to_string());
        return Ok(u8::from(!report.is_good()));
    }
    let code = if report.is_good() { "fixity-good" } else { "fixity-bad" };
    let oldest = report.oldest.map_or_else(|| "—".to_owned(), |at| at.to_string());
    let message = Message::new(code).with("read", report.read).with("bytes", report.bytes).with("left", report.left);
    output::line(&message.with("fresh", report.fresh).with("oldest", oldest).text(all.words()));
    for (code, list) in
        [("blob-altered", &report.altered), ("blob-missing", &report.missing), ("blob-unreadable", &report.unreadable)]
    {
        for sha256 in list {
            output::line(&Message::new(code).with("sha256", sha256).text(all.words()));
        }
    }
    Ok(u8::from(!report.is_good()))
}

/// `journal verify`.
pub(crate) async fn journal_verify(all: &Global) -> Result<u8> {
    let archive = look(all).await?;
    let house = &archive.house;
    let checked = house.store.check_journal(&house.ente_id).await?;
    let (message, object) = match &checked {
        Ok(head) => (
            Message::new("journal-whole").with("n", head.n).with("digest", head.digest),
            json!({"ok": true, "n": head.n, "digest": head.digest}),
        ),
        Err(n) => (Message::new("journal-broken").with("n", n), json!({"ok": false, "first_bad": n})),
    };
    output::line(&if all.json { object.to_string() } else { message.text(all.words()) });
    Ok(u8::from(checked.is_err()))
}

/// `doctor`: what this machine gives the house, and how the archive is if there is one.
pub(crate) async fn doctor(all: &Global) -> Result<u8> {
    let sandbox = crate::child::probe();
    let mut object = json!({"version": env!("CARGO_PKG_VERSION"), "sandbox": sandbox});
    let layout = Layout::new(&all.archive);
    let file = all.config.clone().unwrap_or_else(|| layout.config());
    let config = Config::read(&file);
    let language = config.as_ref().map_or_else(|_| Config::default().ocr.language, |config| config.ocr.language.clone());
    let words = if all.json { Lang::En } else { all.words() };
    object["reader"] = match crate::ocr::lstm::Recogniser::new(&language) {
        Ok(mut reader) => json!(reader.speed()),
        Err(error) => json!({"engine": "tesseract", "why": Error::from(error).message().text(words)}),
    };
    let mut fault = 0;
    match &config {
        Ok(config) if layout.config().exists() => {
            object["inboxes"] = crate::daemon::inboxes(&layout, config, all.words()).into();
            object["mailboxes"] = crate::daemon::mailboxes(&layout, config, all.words()).into();
            if config.malware.is_asked() {
                let asked = crate::identify::version(&config.malware);
                fault = fault.max(u8::from(asked.is_err()));
                object["malware"] = match asked {
                    Ok(by) => json!({"clamd": config.malware.clamd, "answers": by}),
                    Err(error) => json!({"clamd": config.malware.clamd, "error": error.message().text(words)}),
                };
            }
            object["uploads"] = crate::daemon::upload_doors(&layout, config, all.words()).into();
        }
        Ok(_) => {}
        Err(error) => {
            object["config"] = json!({"path": file, "code": error.code(), "error": error.message().text(words)});
            fault = error.exit_code();
        }
    }
    let code = match Archive::look(&all.archive, all.config.as_deref()).await {
        Ok(archive) => {
            let house = &archive.house;
            let jobs = house.store.job_counts(None).await?;
            let journal = house.store.check_journal(&house.ente_id).await?;
            object["archive"] = json!({"path": all.archive, "ente": house.ente_id, "jobs": jobs, "journal_whole": journal.is_ok(),
                    "writable": !house.store.is_read_only()});
            if house.store.is_read_only() {
                let note = Message::new("archive-looked-at").with("path", all.archive.display());
                let why = archive.no_room.as_ref().map(|error| error.message().text(all.words()));
                object["archive"]["notes"] = why.into_iter().chain([note.text(all.words())]).collect();
            }
            object["words"] = json!({"path": house.config.ocr.words, "listed": house.lexicon.is_listed()});
            u8::from(journal.is_err())
        }
        Err(error) => {
            object["archive"] =
                json!({"path": all.archive, "error": error.message().text(if all.json { Lang::En } else { all.words() })});
            // No archive is no fault; one that cannot be opened is.
            if error.code() == "archive-missing" { 0 } else { error.exit_code() }
        }
    };
    output::line(&if all.json { object.to_string() } else { serde_json::to_string_pretty(&object).unwrap_or_default() });
    Ok(code.max(fault))
}
