//! What stands beside what in one line? A letterhead and a stamp that were read as one line become rows of their own.
//!
//! A stamp is known by what it says (our name, a registration, a word of the protocol) and goes on in its column. Rows are cut
//! at a wide gap, or without one where a firm or a body is named before a registration begins. Only the head of the first
//! page is looked at: below it a wide gap is a form's or a table's.

use super::addressee;
use super::dates;
use super::names;
use super::parties::{BODY, OGGETTO, begins_with_us};
use super::registration;
use super::rows::{Pattern, Row, Rows, upright};
use crate::ente::Ente;
use crate::page::{PageText, Rect};

/// Rows of the first page among which stamps are looked for: a letterhead and what stands around it.
const HEAD_ROWS: usize = 20;
/// Words of a stamp's line.
const STAMP_WORDS: usize = 8;
/// How many times its height below or above a line of a stamp the next one may stand.
const PITCH: u32 = 4;

/// A part of a line that says nothing but a word of the protocol.
static WORD: Pattern = Pattern::new(
    r"^\W*(?:protocollo\s+)?(?:in\s+)?(?:arrivo|entrata|ingresso|ricevuto|pervenuto|partenza|uscita)\W*$|^\W*(?:registro\s+ufficiale|protocollo\s+generale|ufficio\s+protocollo|protocollo\s+(?:in|interno)\b)",
);
/// A word of the direction.
static VERSO: Pattern = Pattern::new(r"\b(?:arrivo|entrata|ingresso|ricevuto|pervenuto|partenza|uscita)\b");
/// What may stand before a registration in its line: marks, and the direction as one letter.
static LEAD: Pattern = Pattern::new(r"^\W*(?:[eui]\s?-\s?)?$");
/// What waits for a value behind it: no cut parts the two.
static LABEL: Pattern = Pattern::new(
    r"(?:\b(?:prot|protocollo|num|numero|nr|n|data|del|li|rif|riferimento|pratica|nota|vs|vostra|ns|nostra)\b[\s.:°,/-]*|[:(])$",
);

/// The same rows, in the head of the first page parted where a stamp stands beside other words.
pub(super) fn parted(rows: Rows, pages: &[PageText], ente: &Ente) -> Rows {
    let Some(page) = rows.rows.first().and_then(|first| pages.iter().find(|page| page.n == first.page)) else { return rows };
    let ends = |row: &Row| row.page != page.n || OGGETTO.is_match(&row.fold) || (row.at > 1 && BODY.is_match(&row.fold));
    let end = rows.rows.iter().position(ends).unwrap_or(rows.rows.len()).min(HEAD_ROWS);
    let mut all = rows.rows;
    let tail = all.split_off(end);
    let mut stamps: Vec<Rect> = Vec::new();
    let mut head: Vec<Row> = Vec::new();
    for (n, row) in all.iter().enumerate() {
        match said(row, all.get(n + 1..).unwrap_or(&[]), page, ente) {
            Some((at, is_left)) => {
                let (mut left, mut right) = cut(row, at, page);
                let stamp = if is_left { &mut left } else { &mut right };
                stamp.is_stamps = true;
                stamps.push(stamp.upright);
                head.extend([left, right]);
            }
            None => head.push(row.clone()),
        }
    }
    if stamps.is_empty() {
        head.extend(tail);
        return Rows { rows: head };
    }
    // A line of a stamp leads to the next, above it or below it.
    loop {
        let before = head.len();
        head = head.into_iter().flat_map(|row| in_column(row, page, &mut stamps)).collect();
        if head.len() == before {
            break;
        }
    }
    head.extend(tail);
    for (at, row) in head.iter_mut().take_while(|row| row.page == page.n).enumerate() {
        row.at = at;
    }
    Rows { rows: head }
}

/// Where a row is cut by what it says: the first word of the right part, and whether the left one is the stamp's.
fn said(row: &Row, below: &[Row], page: &PageText, ente: &Ente) -> Option<(usize, bool)> {
    if addressee::begins(row) || row.pieces.len() < 2 {
        return None;
    }
    let wide = wide(row, page);
    (1..row.pieces.len()).find_map(|at| {
        let start = row.pieces.get(at)?.span.start;
        let (left, right) = (row.fold.get(..start)?.trim_end(), row.fold.get(start..)?);
        let is_wide = wide.contains(&at);
        let words = (at, row.pieces.len() - at);
        if is_stamp(right, words.1, ente) && !begins_with_us(&row.fold, ente) && is_apart(left) {
            // Without a gap only a name that ends here, before what surely is a registration.
            let is_named = names_body(row, 0..at) && (VERSO.is_match(right) || !registration::printed(right).is_empty());
            if is_wide || is_named {
                return Some((at, false));
            }
        }
        // Our name alone is a stamp's where a registration or its words follow below it.
        let follows = || below.iter().take(3).any(|next| is_stamp(&next.fold, 0, ente) && !begins_with_us(&next.fold, ente));
        let is_closed = is_stamp(left, words.0, ente) && !LABEL.is_match(left) && (!begins_with_us(left, ente) || follows());
        let is_registered = VERSO.is_match(left) && !registration::printed(left).is_empty();
        let is_other = !is_stamp(right, words.1, ente) && !right.starts_with("provincia d");
        (is_closed && is_other && (is_wide || is_registered) && names_body(row, at..row.pieces.len())).then_some((at, true))
    })
}

/// True of words that begin like a line of a stamp: our name, a registration, a word of the protocol.
fn is_stamp(part: &str, words: usize, ente: &Ente) -> bool {
    let registered = || {
        let lead = |p: &registration::Printed| LEAD.is_match(&p.before);
        registration::printed(part).iter().any(|p| lead(p) && (p.labelled || p.digits.len() >= 6))
    };
    words <= STAMP_WORDS + 4 && (begins_with_us(part, ente) || WORD.is_match(part) || registered())
}

/// True of words that do not wait for what follows them, and are words.
fn is_apart(left: &str) -> bool {
    left.bytes().filter(u8::is_ascii_alphabetic).count() >= 3 && !LABEL.is_match(left)
}

/// True if the words `at` of a row name a firm or a body.
fn names_body(row: &Row, at: std::ops::Range<usize>) -> bool {
    let span = row.pieces.get(at.start).zip(row.pieces.get(at.end - 1)).map(|(a, b)| a.span.start..b.span.end);
    span.is_some_and(|span| at.len() <= STAMP_WORDS && names::is_body(&row.slice(span)))
}

/// A row parted where one side stands in the column of a stamp's line and the other does not.
fn in_column(row: Row, page: &PageText, stamps: &mut Vec<Rect>) -> Vec<Row> {
    let found = wide(&row, page).into_iter().find_map(|at| {
        let (mut left, mut right) = cut(&row, at, page);
        let (l, r) = (near(&left, stamps), near(&right, stamps));
        let stamp = if r { &mut right } else { &mut left };
        stamp.is_stamps = true;
        let (rect, words) = (stamp.upright, stamp.pieces.len());
        let is_label = LABEL.is_match(&left.fold) && dates::found(&right.fold).is_empty();
        (l != r && words <= STAMP_WORDS && !is_label).then_some((rect, [left, right]))
    });
    match found {
        Some((rect, parts)) => {
            stamps.push(rect);
            parts.into()
        }
        None => vec![row],
    }
}

/// True of a row that stands right above or below a line of a stamp.
fn near(row: &Row, stamps: &[Rect]) -> bool {
    stamps.iter().any(|stamp| {
        let shared = (stamp.x + stamp.w).min(row.upright.x + row.upright.w).saturating_sub(stamp.x.max(row.upright.x));
        let apart = stamp.y.saturating_sub(row.upright.y + row.upright.h).max(row.upright.y.saturating_sub(stamp.y + stamp.h));
        shared * 2 > row.upright.w.min(stamp.w) && apart <= stamp.h.max(8) * PITCH
    })
}

/// The words before which a gap stands that is wider than any between words of one text.
fn wide(row: &Row, page: &PageText) -> Vec<usize> {
    let boxes: Vec<Rect> = row.pieces.iter().map(|piece| upright(piece.rect, page)).collect();
    let is_wide = |(at, pair): (usize, &[Rect])| {
        let [a, b] = pair else { return None };
        let gap = b.x.saturating_sub(a.x + a.w);
        (gap * 2 > a.h.max(b.h).max(8) * 3).then_some(at + 1)
    };
    boxes.windows(2).enumerate().filter_map(is_wide).collect()
}

/// The two parts of a row before and from the word `at` on.
fn cut(row: &Row, at: usize, page: &PageText) -> (Row, Row) {
    let part = |range: std::ops::Range<usize>| {
        let pieces = row.pieces.get(range).unwrap_or(&[]);
        let (start, end) = (pieces.first().map_or(0, |p| p.span.start), pieces.last().map_or(0, |p| p.span.end));
        let moved = |piece: &super::rows::Piece| {
            let mut piece = piece.clone();
            piece.span = piece.span.start - start..piece.span.end - start;
            piece.alternatives.iter_mut().for_each(|(place, _)| *place = place.saturating_sub(start));
            piece
        };
        let rect = pieces.iter().fold(Rect::default(), |all, piece| all.union(piece.rect));
        Row {
            chars: row.chars.get(start..end).unwrap_or(&[]).to_vec(),
            fold: row.fold.get(start..end).unwrap_or("").to_owned(),
            pieces: pieces.iter().map(moved).collect(),
            upright: upright(rect, page),
            ..row.clone()
        }
    };
    (part(0..at), part(at..row.pieces.len()))
}
