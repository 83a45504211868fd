//! How does it look? Tables for a person: documents, outcomes, packages.

use serde::Serialize;

use super::output;
use crate::desk::{self, IngestLine, Outcome, Row};
use crate::document::DocumentState;
use crate::error::{Error, Result};
use crate::messages::{Lang, Message, label};
use crate::pipeline::House;

/// Prints columns padded to their widest cell, heads first.
fn grid(heads: &[String], lines: &[Vec<String>]) {
    let width = |i: usize| lines.iter().map(|l| l[i].chars().count()).chain([heads[i].chars().count()]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let show = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        output::line(output::clean(&padded.join("  ")).trim_end());
    };
    show(heads);
    show(&widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>());
    for line in lines {
        show(line);
    }
}

/// A text cut to `length` characters.
fn short(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let cut: String = text.chars().take(length.saturating_sub(1)).collect();
    format!("{cut}…")
}

/// Documents, one per line, and under the table the reason of each that waits or was refused.
pub(crate) fn documents(rows: &[Row], lang: Lang) {
    let heads =
        ["head-id", "head-name", "head-state", "head-tipo", "head-voce", "head-protocollo", "head-fascicolo", "head-confidence"]
            .map(|code| label(code, lang));
    let dash = || "—".to_owned();
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                short(row.id.as_str(), 14),
                short(&row.name, 34),
                state(row.state, lang),
                row.tipo.clone().unwrap_or_else(dash),
                row.voce.clone().unwrap_or_else(dash),
                row.protocollo.clone().unwrap_or_else(dash),
                row.aggregazione.clone().unwrap_or_else(dash),
                row.confidence.map_or_else(dash, |c| format!("{c:.2}")),
            ]
        })
        .collect();
    grid(&heads, &lines);
    reasons(rows.iter(), lang);
}

/// One line of the queue: a document that waits, for how long, and until when the law gives time.
#[derive(Debug, Serialize)]
pub(crate) struct Queued {
    #[serde(flatten)]
    row: Row,
    /// Whole days since it came in.
    days: i64,
    /// Day by which its procedure must end.
    deadline: Option<jiff::civil::Date>,
}

impl Queued {
    pub(crate) async fn of(house: &House, waiting: &desk::Waiting, lang: Lang) -> Result<Self> {
        let mut rows = desk::rows(house, std::slice::from_ref(&waiting.row), lang).await?;
        let row = rows.pop().ok_or_else(|| Error::bug("a document without a line"))?;
        Ok(Self { row, days: waiting.days, deadline: waiting.deadline })
    }
}

/// What waits for a person, one per line, and under the table why.
pub(crate) fn queue(lines: &[Queued], lang: Lang) {
    let heads = ["head-id", "head-name", "head-state", "head-days", "head-deadline", "head-tipo", "head-voce", "head-confidence"]
        .map(|code| label(code, lang));
    let dash = || "—".to_owned();
    let cells = |line: &Queued| {
        vec![
            short(line.row.id.as_str(), 14),
            short(&line.row.name, 34),
            state(line.row.state, lang),
            line.days.to_string(),
            line.deadline.map_or_else(dash, |date| date.to_string()),
            line.row.tipo.clone().unwrap_or_else(dash),
            line.row.voce.clone().unwrap_or_else(dash),
            line.row.confidence.map_or_else(dash, |c| format!("{c:.2}")),
        ]
    };
    grid(&heads, &lines.iter().map(cells).collect::<Vec<_>>());
    reasons(lines.iter().map(|line| &line.row), lang);
}

/// One document found: its line, its subject, and the words around what was asked, between `[` and `]`.
pub(crate) fn found(found: &desk::Line, lang: Lang) {
    let row = &found.row;
    let parts = [
        Some(short(row.id.as_str(), 14)),
        Some(state(row.state, lang)),
        row.tipo.clone(),
        row.voce.clone(),
        row.protocollo.clone(),
        row.aggregazione.clone(),
        Some(row.name.clone()),
    ];
    output::line(&output::clean(&parts.into_iter().flatten().collect::<Vec<_>>().join("  ")));
    if let Some(oggetto) = &found.oggetto {
        output::line(&output::clean(&format!("    {oggetto}")));
    } else if found.riservato {
        output::line(&format!("    {}", label("search-withheld", lang)));
    }
    let Some(snippet) = &found.snippet else { return };
    let mut shown = String::new();
    for (n, c) in snippet.text.chars().enumerate() {
        if snippet.marks.iter().any(|(start, length)| start + length == n) {
            shown.push(']');
        }
        if snippet.marks.iter().any(|(start, _)| *start == n) {
            shown.push('[');
        }
        shown.push(c);
    }
    let length = snippet.text.chars().count();
    if snippet.marks.iter().any(|(start, marked)| start + marked == length) {
        shown.push(']');
    }
    output::line(&output::clean(&format!("    {} {}: {shown}", label("head-page", lang), snippet.page)));
}

fn reasons<'a>(rows: impl Iterator<Item = &'a Row>, lang: Lang) {
    let waiting: Vec<&Row> = rows.filter(|row| !row.why.is_empty()).collect();
    if waiting.is_empty() {
        return;
    }
    output::line("");
    output::line(&label("head-reasons", lang));
    for row in waiting {
        output::line(&output::clean(&format!("  {}  {} ({})", short(row.id.as_str(), 14), row.name, state(row.state, lang))));
        for why in &row.why {
            output::line(&output::clean(&format!("      {why}")));
        }
    }
}

/// The state of a document as a person says it.
pub(crate) fn state(state: DocumentState, lang: Lang) -> String {
    label(&format!("state-{}", state.as_str()), lang)
}

/// The inputs that were not admitted at all, and the counts of all.
pub(crate) fn ingested(lines: &[IngestLine], lang: Lang) {
    for line in lines.iter().filter(|l| l.arrival.is_none() || l.outcome == Outcome::Duplicate) {
        output::line(&output::clean(&format!("{}: {}", line.path, line.reason.as_deref().unwrap_or("—"))));
    }
    let count = |outcome| lines.iter().filter(|l| l.outcome == outcome).count();
    let message = Message::new("ingest-total")
        .with("inputs", lines.len())
        .with("admitted", count(Outcome::Admitted))
        .with("held", count(Outcome::Held))
        .with("refused", count(Outcome::Refused))
        .with("duplicate", count(Outcome::Duplicate));
    output::line(&message.sentence(lang));
}

/// A table of any cells under catalogue heads.
pub(crate) fn table(heads: &[&str], lines: &[Vec<String>], lang: Lang) {
    let heads: Vec<String> = heads.iter().map(|code| label(code, lang)).collect();
    grid(&heads, lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_keeps_its_length_in_characters() {
        assert_eq!(short("però", 4), "però");
        assert_eq!(short("perché no", 5), "perc…");
    }
}
