//! Whose paper is it? A firm or a body named in the first rows, before anybody is addressed.

use std::ops::Range;

use super::names;
use super::parties::{OGGETTO, STAMP_ROW, addressed, begins_with_us, in_stamp, mentions_us};
use super::registration;
use super::rows::{Pattern, Place, Row, Rows};
use crate::ente::Ente;
use crate::fields::PartyKind;

/// The check that a letterhead fails which a stamp stands so near to, or runs into, that it may be the stamp's.
pub(super) const CHECK: &str = "letterhead-stamp";
/// Rows without a name after which none is looked for.
const SEEN_MAX: usize = 3;

/// A name in the head of a page.
pub(super) struct Letterhead {
    pub(super) place: Place,
    pub(super) name: String,
    /// True if it may be a stamp's, or was cut from one.
    pub(super) is_unsure: bool,
}

/// The form of a firm without its name.
static FORM: Pattern = Pattern::new(r"^\W*s\.?\s?(?:r\.?\s?l\.?(?:\s?s)?|p\.?\s?a|n\.?\s?c|a\.?\s?s|c\.?\s?a\.?\s?r\.?\s?l)\W*$");

/// A practice that is not named, and whoever it may be of.
static OFFICE_OF: Pattern = Pattern::new(r"^\W*studio\s+(?:tecnico|legale|notarile|professionale|di\s+\w+)(?:\W+\w+){0,2}\W*$");
static PROFESSIONAL: Pattern =
    Pattern::new(r"^\W*(?:dott\.?\s?(?:ssa)?|dr|ing|arch|geom|avv|rag|prof|notaio|per\.?\s?ind)\b\.?\s");

/// Another's letterhead: one of the first rows that names a firm or a body.
pub(super) fn letterhead(rows: &Rows, ente: &Ente, page: u32, body: usize) -> Option<Letterhead> {
    let mut seen = 0;
    for i in 0..body {
        let row = rows.rows.get(i).filter(|r| r.page == page)?;
        let of_stamp = in_stamp(rows, i) || is_stamps(row);
        if is_ours(rows, ente, i) || (of_stamp && row.pieces.len() <= 7) {
            continue;
        }
        // A row that only speaks of us (an address whose first word was misread) is nobody's letterhead.
        if mentions_us(&row.fold, ente) {
            seen += 1;
            continue;
        }
        if OGGETTO.is_match(&row.fold) || addressed(rows, i) {
            return None;
        }
        // What goes on with a registration is a name only up to it.
        let printed = registration::printed(&row.fold).first().map(|printed| printed.span.start);
        if let Some((span, name)) = named(row, 0..printed.unwrap_or(row.fold.len())) {
            let name = (span, whole(rows, i, name));
            return Some(Letterhead { is_unsure: printed.is_some(), ..at(i, name) });
        }
        seen += 1;
        if seen > SEEN_MAX {
            return None;
        }
    }
    None
}

/// Where no row of its own is another's letterhead: a firm or a body named right at a stamp, or in one row with our name. It is
/// sure only in letters clearly larger than those of the stamp.
pub(super) fn stamped(rows: &Rows, ente: &Ente, page: u32, body: usize) -> Option<Letterhead> {
    let of_page = |i: &usize| rows.rows.get(*i).is_some_and(|r| r.page == page && !OGGETTO.is_match(&r.fold));
    (0..body).take_while(of_page).find_map(|i| {
        let row = rows.rows.get(i)?;
        if is_ours(rows, ente, i) || is_stamps(row) || addressed(rows, i) {
            return None;
        }
        if mentions_us(&row.fold, ente) {
            let ours =
                row.pieces.iter().map(|p| p.span.start).find(|&s| begins_with_us(row.fold.get(s..).unwrap_or(""), ente))?;
            return named(row, 0..ours).map(|name| Letterhead { is_unsure: true, ..at(i, name) });
        }
        let name = in_stamp(rows, i).then(|| named(row, 0..row.fold.len())).flatten()?;
        let stamp = rows.around(i, 1.6).into_iter().filter_map(|n| rows.rows.get(n)).filter(|r| STAMP_ROW.is_match(&r.fold));
        let height = stamp.map(|r| r.upright.h).max().unwrap_or(0);
        Some(Letterhead { is_unsure: row.upright.h * 4 < height * 5, ..at(i, name) })
    })
}

/// The name with the row above, where its own row has nothing but the form of the firm (`S.n.c.`); the professional in the row above, where
/// its own row only says that there is a practice, and where.
fn whole(rows: &Rows, at: usize, name: String) -> String {
    let above = at.checked_sub(1).and_then(|above| rows.rows.get(above));
    let here = rows.rows.get(at);
    let low = super::rows::fold(&name);
    let above = above.zip(here).filter(|(above, here)| {
        (FORM.is_match(&low) || (OFFICE_OF.is_match(&low) && PROFESSIONAL.is_match(&above.fold)))
            && above.page == here.page
            && above.upright.x.abs_diff(here.upright.x) < here.upright.h.max(8) * 2
            && !is_stamps(above)
    });
    let Some((above, here)) = above else { return name };
    // What stands at the other side of the page is no part of it.
    let width = here.upright.h.max(8) * 4;
    let mut end = above.chars.len();
    for pair in above.pieces.windows(2) {
        if let [left, right] = pair
            && right.rect.x > left.rect.x + left.rect.w + width
        {
            end = left.span.end;
            break;
        }
    }
    let above = above.slice(0..end);
    // Whose practice it is says more than that it is one.
    if OFFICE_OF.is_match(&low) { names::bare(&above) } else { format!("{} {name}", above.trim()) }
}

fn at(row: usize, (span, name): (Range<usize>, String)) -> Letterhead {
    Letterhead { place: Place { row, span }, name, is_unsure: false }
}

/// The name of a firm or a body in `span` of a row that holds little else.
fn named(row: &Row, span: Range<usize>) -> Option<(Range<usize>, String)> {
    let name = names::bare(&row.slice(span.clone()));
    let fits = row.pieces.iter().filter(|p| p.span.end <= span.end).count() <= 10 && !is_sentence(row);
    (fits && names::kind(&name) != PartyKind::PersonaFisica && names::is_body(&name)).then_some((span, name))
}

/// True of a row that is a stamp's by its own words.
fn is_stamps(row: &Row) -> bool {
    row.is_stamps || STAMP_ROW.is_match(&row.fold) || !registration::printed(&row.fold).is_empty()
}

/// True of a row of our own letterhead; `Provincia di …` under our own name says where we are.
fn is_ours(rows: &Rows, ente: &Ente, at: usize) -> bool {
    let begins = |row: &Row| begins_with_us(&row.fold, ente);
    let of_province = |row: &Row| row.fold.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).starts_with("provincia d");
    rows.rows.get(at).is_some_and(|row| begins(row) || (of_province(row) && rows.before(at).take(4).any(begins)))
}

/// True of a row in which most words of a longer one are in small letters: names are written otherwise.
fn is_sentence(row: &Row) -> bool {
    let small = row.pieces.iter().filter(|p| row.slice(p.span.clone()).starts_with(char::is_lowercase)).count();
    row.pieces.len() >= 7 && small * 2 > row.pieces.len()
}
