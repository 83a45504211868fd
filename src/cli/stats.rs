//! `stats`: the indicators of the archive, for a person or a machine.

use std::sync::Arc;

use super::{Global, output, tables};
use crate::desk::{self, Count, Stats};
use crate::error::{Error, Result};
use crate::messages::{Lang, Message, label};

/// `stats`: 0 whatever they say; what is stuck is told, and for alarms there is `doctor`.
pub(crate) async fn stats(all: &Global) -> Result<u8> {
    let archive = super::archive::look(all).await?;
    let house = Arc::clone(&archive.house);
    let inboxes = crate::daemon::inboxes(&house.layout, &house.config, all.words());
    let stats = desk::stats(&house, inboxes).await?;
    if all.json {
        let mut object = serde_json::to_value(&stats).map_err(|e| Error::bug("indicators as JSON").because(e))?;
        object["stuck"] = stats.stuck(all.words()).into();
        output::line(&object.to_string());
    } else {
        show(&stats, all.words());
    }
    Ok(0)
}

fn show(stats: &Stats, lang: Lang) {
    let kinds = [("stats-documents", &stats.documents), ("stats-arrivals", &stats.arrivals), ("stats-pdvs", &stats.pdvs)];
    let lines: Vec<Vec<String>> =
        kinds.iter().flat_map(|(kind, counts)| counts.iter().map(|count| line(stats, (kind, count), lang))).collect();
    tables::table(&["head-kind", "head-state", "head-count", "head-oldest"], &lines, lang);
    let rates = Message::new("stats-rates")
        .with("admitted", stats.admitted_per_hour)
        .with("described", stats.described_per_hour)
        .with("held", stats.held_per_hour)
        .with("retried", stats.retried_per_hour);
    output::line(&rates.text(lang));
    let (open, leased) = stats.jobs.iter().fold((0, 0), |(open, leased), job| (open + job.count, leased + job.leased));
    output::line(&Message::new("stats-jobs").with("open", open).with("leased", leased).text(lang));
    let stuck = stats.stuck(lang);
    output::line(&label(if stuck.is_empty() { "stats-nothing-stuck" } else { "stats-stuck" }, lang));
    for sentence in stuck {
        output::line(&output::clean(&format!("  - {sentence}")));
    }
}

fn line(stats: &Stats, (kind, count): (&str, &Count), lang: Lang) -> Vec<String> {
    vec![label(kind, lang), state(&count.word, lang), count.count.to_string(), stats.age(count)]
}

/// The word of a state for a person; one without words of its own stays as it is.
fn state(word: &str, lang: Lang) -> String {
    let message = Message::new(&format!("state-{word}"));
    if message.is_known() { message.sentence(lang) } else { word.to_owned() }
}
