//! For whom is an act? What is deliberated, determined or ordered is published at the albo pretorio (d.lgs. 267/2000, art. 124), a
//! nomination is for the one nominated, a contract for the other party.

use super::names;
use super::parties::{BODY, OGGETTO, mentions_us};
use super::rows::{Pattern, Place, Rows, fold, has_word_like};
use crate::ente::Ente;

static ORDERS: Pattern = Pattern::new(r"^\W*(?:si\s+)?ordina\W*$");
static ORDERED: Pattern = Pattern::new(r"^\W{0,4}(?:al|alla|allo|all'|ai|agli|alle)\s?([a-z][^,;:]{4,80})");
/// What an office is told begins where its name ends.
static TOLD: Pattern = Pattern::new(r"\s(?:la|il|lo|l'|i|gli|le|di\s+\w+(?:are|ere|ire)(?:l[aoie])?|affinche|perche|che)\b");
static NOMINATES: Pattern = Pattern::new(r"\bnomin(?:a|are|ato|ata)\b|\bincaric(?:a|are)\b");
static HONOURED: Pattern = Pattern::new(
    r"(?:^|[\s'(])((?:sig\.?\s?(?:ra)?\.?|signor[ae]?|dott\.?\s?(?:ssa)?\.?|dr\.|ing\.|arch\.|geom\.|avv\.|rag\.|prof\.?\s?(?:ssa)?\.?)\s+)",
);
static BETWEEN: Pattern = Pattern::new(r"\b(?:tra|fra)\b");
static OTHER: Pattern = Pattern::new(
    r"\b(?:l'|la\s+|alla\s+|il\s+)(?:impresa|ditta|societa|cooperativa|associazione|operatore economico)(?:\s+(?:appaltatrice|aggiudicataria|esecutrice))?\s+",
);
static BODY_NAMED: Pattern = Pattern::new(
    r"\b((?:comune|provincia|universita|unione|consorzio|istituto|azienda|fondazione)\s[^,;:.(]{3,60}?)\s*(?:,|;|\.|\(|rappresentat|con sede|$)",
);

/// Kinds of act that differ in whom they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Deliberazione, determinazione.
    Published,
    Ordinanza,
    Decreto,
    Contratto,
}

/// The kind that a row of capitals says, before the text of the first page.
pub(super) fn kind(rows: &Rows, body: usize) -> Option<Act> {
    let says = |word: &str| {
        let heads = rows.rows.iter().take(body).take_while(|r| !OGGETTO.is_match(&r.fold));
        heads.filter(|r| r.is_capitals()).any(|r| has_word_like(&r.fold, word))
    };
    let is = |words: &[&str]| words.iter().any(|word| says(word));
    if is(&["contratto", "convenzione"]) {
        Some(Act::Contratto)
    } else if is(&["deliberazione", "determinazione", "determina", "delibera"]) {
        Some(Act::Published)
    } else if is(&["ordinanza"]) {
        Some(Act::Ordinanza)
    } else if is(&["decreto"]) {
        Some(Act::Decreto)
    } else {
        None
    }
}

/// Whom an act is for, and where that stands (nowhere, where it is published for all).
pub(super) fn recipient(rows: &Rows, ente: &Ente, act: Act) -> Option<(Vec<Place>, String)> {
    let albo = || (Vec::new(), "Albo pretorio".to_owned());
    match act {
        Act::Published => Some(albo()),
        Act::Ordinanza => Some(ordered(rows).unwrap_or_else(albo)),
        Act::Decreto => nominated(rows),
        Act::Contratto => other(rows, ente),
    }
}

/// The offices and bodies that an ordinanza gives something to do, in rows of their own after `ORDINA`.
fn ordered(rows: &Rows) -> Option<(Vec<Place>, String)> {
    let from = rows.rows.iter().position(|r| ORDERS.is_match(&r.fold))?;
    let (mut places, mut found) = (Vec::new(), Vec::new());
    for (at, row) in rows.rows.iter().enumerate().skip(from + 1).take(20) {
        let Some(told) = ORDERED.captures(&row.fold).and_then(|c| c.get(1)) else { continue };
        let end = TOLD.captures(told.as_str()).and_then(|c| c.get(0)).map_or(told.end(), |m| told.start() + m.start());
        let span = told.start()..end;
        let name = row.slice(span.clone());
        let low = fold(&name);
        let is_office =
            ["servizio ", "comando ", "ufficio ", "settore ", "polizia ", "azienda ", "prefettura", "vigili del fuoco"]
                .iter()
                .any(|word| low.starts_with(word));
        if is_office && low.split(' ').count() <= 8 {
            places.push(Place { row: at, span });
            found.push(name.trim().to_owned());
        }
    }
    (!found.is_empty()).then(|| (places, found.join("; ")))
}

/// The person behind a title, in the row that nominates or the next.
fn nominated(rows: &Rows) -> Option<(Vec<Place>, String)> {
    let text = rows.rows.iter().position(|r| BODY.is_match(&r.fold)).unwrap_or(0);
    let from = (text..rows.rows.len()).find(|&i| rows.rows.get(i).is_some_and(|r| NOMINATES.is_match(&r.fold)))?;
    (from..from + 2).find_map(|at| {
        let row = rows.rows.get(at)?;
        HONOURED.all(&row.fold).iter().find_map(|found| {
            let title = found.get(1)?;
            if let Some((span, name)) = names::person(row, title.end()) {
                return Some((vec![Place { row: at, span }], name));
            }
            // The name may go on in the next row.
            let (next, head) = (rows.rows.get(at + 1)?, row.slice(title.end()..row.chars.len()));
            let tail = next.slice(next.pieces.first()?.span.clone());
            let upper = |text: &str| {
                text.chars().next().is_some_and(char::is_uppercase) && text.chars().all(|c| c.is_alphabetic() || c == '\'')
            };
            (upper(head.trim()) && upper(tail.trim_end_matches([',', ';', '.']))).then(|| {
                let places = vec![
                    Place { row: at, span: title.end()..row.fold.len() },
                    Place { row: at + 1, span: next.pieces.first().map_or(0..0, |p| p.span.clone()) },
                ];
                (places, format!("{} {}", head.trim(), tail.trim_end_matches([',', ';', '.'])))
            })
        })
    })
}

/// The first party of a contract that is not us, in the sentence that names them (`tra …`), not in the heads above it.
fn other(rows: &Rows, ente: &Ente) -> Option<(Vec<Place>, String)> {
    let from = rows.rows.iter().take(60).position(|r| BETWEEN.is_match(&r.fold) && !r.is_capitals()).unwrap_or(0);
    rows.rows.iter().enumerate().take(from + 40).skip(from).find_map(|(at, row)| {
        let firm = OTHER.all(&row.fold).iter().find_map(|label| {
            let end = label.get(0)?.end();
            super::roles::firm(row, end).or_else(|| {
                // An association's name ends where a comma stands.
                let rest = row.fold.get(end..)?;
                let stop = rest.find([',', ';']).filter(|&stop| (4..=60).contains(&stop))?;
                row.slice(end..end + 1).chars().all(char::is_uppercase).then(|| (end..end + stop, row.slice(end..end + stop)))
            })
        });
        let body = || {
            BODY_NAMED.all(&row.fold).iter().find_map(|found| {
                let name = found.get(1)?;
                let text = row.slice(name.range());
                let is_name = text.chars().next().is_some_and(char::is_uppercase)
                    && text.split(' ').skip(2).any(|w| w.starts_with(char::is_uppercase));
                (is_name && !mentions_us(name.as_str(), ente)).then(|| (name.range(), text))
            })
        };
        let (span, name) = firm.or_else(body)?;
        Some((vec![Place { row: at, span }], name))
    })
}
