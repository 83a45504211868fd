//! To whom is it addressed? The rows after `Al`, `Spett.le` and their like, one addressee or several, without honours and copies.

use super::dates;
use super::names;
use super::parties::{BODY, OGGETTO, STREET, in_stamp, mentions_us};
use super::rows::{Pattern, Place, Row, Rows, fold};
use crate::ente::Ente;

static ADDRESS: Pattern = Pattern::new(
    r"^\W{0,3}(?:e\s*,?\s*p\.?\s?c\.?\s*[:.]?\s*)?(?:a[l1i|][l1i|]'|(?:a[l1]|all[aeo]|ai|ag[l1]i|spett(?:\.?\s?(?:le|li|bile|mo)|abile)?\.?|egr\.?(?:egi[oa])?|gent\.?(?:ile|mo|ma)?|ill\.?mo|preg\.?mo|on\.|a:|cliente\s?:|destinatari[oa]\s?:)(?:\s|$|'))",
);
/// Addressed for information only: not whom it is for.
static COPY: Pattern = Pattern::new(r"^\W{0,3}(?:e\s*,?\s*p\.?\s?c\b|(?:e\s+)?per\s+conoscenza\b|p\.\s?c\.)");
static HONOUR: Pattern = Pattern::new(
    r"^\W*(?:spett(?:\.?\s?(?:le|li|bile|mo)|abile)?\.?|egr(?:egi[oa]|\.)?|gent(?:ile|\.?\s?(?:mo|ma))?\.?|ill\.?\s?m[oa]|preg\.?\s?m[oa]|chiar\.?\s?m[oa]|on\.|sig\.?\s?(?:ra|na)?\.?|signor[aei]?)(?:\s+|$)",
);
/// Where the offices that were named sit: no name.
static SEAT: Pattern = Pattern::new(r"^\W*(?:loro\s+sed[ei]|in\s+sede|sede|sue\s+sedi|indirizzi\s+vari)\W*$");
static OFFICER: Pattern = Pattern::new(r"^ufficiale\s+(?:d'|di\s+|del(?:l'|lo\s+)\s?)?(anagrafe|stato civile|elettorale)\b");

/// Rows and name of the addressee.
pub(super) type Addressee = (Vec<usize>, String);

/// True of a row that begins like an address. `al` in small letters goes on with a sentence that a column cut.
pub(super) fn begins(row: &Row) -> bool {
    let is_upper = row.chars.iter().find(|c| c.is_alphabetic()).is_some_and(|c| c.is_uppercase());
    ADDRESS.is_match(&row.fold) && (is_upper || COPY.is_match(&row.fold))
}

/// The first address of `page` before its text.
pub(super) fn addressee(rows: &Rows, ente: &Ente, (page, body): (u32, usize)) -> Option<Addressee> {
    let start = (0..body).find(|&i| {
        rows.rows.get(i).is_some_and(|r| r.page == page && r.pieces.len() <= 12 && begins(r) && !COPY.is_match(&r.fold))
    })?;
    let first = rows.rows.get(start)?;
    let mut name = bare(first);
    let mut taken = vec![start];
    for i in start + 1..(start + 6).min(body) {
        let Some(row) = rows.rows.get(i).filter(|r| r.page == page) else { break };
        let apart = row.upright.y.saturating_sub(first.upright.y) > first.upright.h.max(20) * 8;
        let ends = [&OGGETTO, &BODY, &STREET, &COPY].iter().any(|pattern| pattern.is_match(&row.fold));
        if apart || ends || in_stamp(rows, i) {
            break;
        }
        if SEAT.is_match(&row.fold) {
            continue;
        }
        // Another column (a table of data beside the address) is not the address, nor is a row set in another way.
        let another = row.upright.x + row.upright.w < first.upright.x || row.pieces.len() > 10;
        if another || dates::found(&row.fold).len() == 1 || !(begins(row) || stands_with(rows, i, &taken)) {
            continue;
        }
        let (next, is_new) = (if begins(row) { bare(row) } else { row.text().trim().to_owned() }, begins(row));
        taken.push(i);
        if next.is_empty() {
            continue;
        }
        // Behind our own name stands the office; else a second `Al` is a second addressee.
        let is_office = mentions_us(&fold(&name), ente) && !mentions_us(&fold(&next), ente) && !name.contains(';');
        let join = match (name.is_empty(), is_new && !is_office) {
            (true, _) => "",
            (_, true) => "; ",
            _ => " - ",
        };
        name = format!("{name}{join}{next}");
    }
    let name = name.replace(" - del ", " del ").replace(" - dell", " dell").replace(" - della ", " della ");
    (!name.is_empty()).then_some((taken, name))
}

/// The name in a row that begins an address, without preposition and honours.
fn bare(row: &Row) -> String {
    let prefix = ADDRESS.captures(&row.fold).and_then(|c| c.get(0)).map_or(0, |m| m.end());
    let mut rest = row.slice(prefix..row.chars.len());
    while let Some(end) = HONOUR.captures(&fold(&rest)).and_then(|c| c.get(0)).map(|m| m.end()).filter(|&end| end > 0) {
        rest = rest.chars().skip(end).collect();
    }
    names::addressed(&rest)
}

/// True of a row that shares an edge or the middle with one of `taken`: rows of one address are set alike.
fn stands_with(rows: &Rows, at: usize, taken: &[usize]) -> bool {
    let Some(row) = rows.rows.get(at).map(|r| r.upright) else { return false };
    taken.iter().filter_map(|&i| rows.rows.get(i)).any(|other| {
        let (other, reach) = (other.upright, other.upright.h.max(20) * 5 / 2);
        let near = |a: u32, b: u32| a.abs_diff(b) <= reach;
        near(row.x, other.x) || near(row.x + row.w, other.x + other.w) || near(row.x + row.w / 2, other.x + other.w / 2)
    })
}

/// An addressee that is we or an office of ours, as our name and that office; none of another's and of several.
pub(super) fn of_ours(name: &str, ente: &Ente, is_office: bool) -> Option<String> {
    let low = fold(name);
    let own = fold(&ente.denominazione);
    let place = ["comune di ", "citta di ", "municipio di "].iter().find_map(|kind| own.strip_prefix(kind)).unwrap_or(&own);
    if name.contains(';') || low.contains("tramite") || !(mentions_us(&low, ente) || (is_office && low.contains(place))) {
        return None;
    }
    let (chars, mut rest) = (name.chars().collect::<Vec<_>>(), name.to_owned());
    if let Some(start) = low.find(place) {
        let mut from = start;
        for before in ["comune di ", "citta di ", "municipio di ", "di ", "del ", "della ", "al ", "presso il "] {
            let head = low.get(..from).unwrap_or("");
            from -= if head.ends_with(before) { before.len() } else { 0 };
        }
        let head: String = chars.get(..from)?.iter().collect();
        let tail: String = chars.get(start + place.len()..)?.iter().collect();
        let trim = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        rest = [trim(&head), trim(&tail)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" - ");
    }
    let folded = fold(&rest);
    let office = OFFICER.captures(&folded).and_then(|c| c.get(1)).map(|m| format!("Ufficio {}", m.as_str()));
    let rest = office.unwrap_or(rest);
    Some(if rest.is_empty() { ente.denominazione.clone() } else { format!("{} - {rest}", ente.denominazione) })
}

/// A person's name alone in a row with the street or the codice fiscale below: the head of a private letter, or of a notice
/// whom it goes to. `before` ends the rows that are looked at.
pub(super) fn block(rows: &Rows, page: u32, before: usize) -> Option<(Vec<Place>, String)> {
    (0..before.min(30)).find_map(|at| {
        let row = rows.rows.get(at).filter(|r| r.page == page && r.pieces.len() <= 6 && !begins(r) && !in_stamp(rows, at))?;
        let (span, name) = names::person(row, 0).filter(|(span, _)| span.len() + 4 >= row.fold.len())?;
        let below = rows.rows.get(at + 1).filter(|next| next.page == page)?;
        let gap = below.upright.y.saturating_sub(row.upright.y + row.upright.h);
        let is_under = below.upright.x.abs_diff(row.upright.x) <= row.upright.h.max(20) * 3 && gap <= row.upright.h.max(20) * 3;
        let is_where = STREET.is_match(&below.fold) || below.fold.contains("codice fiscale");
        (is_under && is_where && !names::is_body(&name)).then(|| (vec![Place { row: at, span }], name))
    })
}
