//! What does a stamp say that the page's own reading missed? Where to look again, and the registration read there.
//!
//! A stamp that leans, or is printed over text, is often lost when a page is read as a whole. Its place is then read alone
//! and straightened by itself. This is a first reading: it still needs a second in another manner (invariant 11).

use jiff::civil::Date;

use super::parties::{self, Stage};
use super::protocollo::{FOREIGN, UNREAD};
use super::rows::{Rows, fold};
use super::second::{FieldReread, of_digits};
use super::{beside, dates, registration};
use crate::ente::Ente;
use crate::fields::{Doubtful, Fields, Protocollo, Reading};
use crate::page::{PageText, Rect, Region};

/// A stamp read on its own.
#[derive(Debug, Clone, PartialEq)]
pub struct StampReread {
    /// Where.
    pub region: Region,
    /// What.
    pub read: FieldReread,
}

/// Checks of doubtful registrations that a reading of the stamp alone may settle.
const CHECKS: [&str; 5] = ["stamp-unread", "number", "length", "year", "year-date"];

/// Places to look at again: around a stamp of which the number was not read; on a page without any registration around
/// our own name, and where stamps stand by custom, at the top right.
pub fn unread_stamps(pages: &[PageText], ente: &Ente, fields: &Fields) -> Vec<Region> {
    if fields.protocollo.is_some() {
        return Vec::new();
    }
    let of_page = |n: u32| pages.iter().find(|page| page.n == n);
    let grown = |n: u32, rect: Rect| {
        let page = of_page(n)?;
        let by = rect.w.min(rect.h).clamp(8, 200) * 5;
        Some(Region { page: n, rect: rect.grown(by, page.width, page.height) })
    };
    let doubts = fields.doubtful.iter().filter(|d| d.field == "protocollo" && CHECKS.contains(&d.check.as_str()));
    let seen: Vec<Region> = doubts.filter_map(|d| grown(d.page?, d.rect?)).take(2).collect();
    if !seen.is_empty() {
        return seen;
    }
    let Some(first) = pages.iter().find(|page| page.word_count() > 0).filter(|page| !super::rows::is_digital(&page.origin))
    else {
        return Vec::new();
    };
    let alone = std::slice::from_ref(first);
    let rows = beside::parted(Rows::of(alone), alone, ente);
    let stage = parties::stage(&rows, ente);
    let own = stage.own.iter().filter_map(|&i| rows.rows.get(i)).filter(|row| row.pieces.len() <= 5).filter_map(|row| {
        let rect = row.pieces.iter().fold(Rect::default(), |all, piece| all.union(piece.rect));
        grown(first.n, rect)
    });
    own.take(2).chain([Region { page: first.n, rect: top_right(first) }]).collect()
}

/// The right half of the upper sixth of the upright page, as it lies on the stored one.
fn top_right(page: &PageText) -> Rect {
    let (width, height) = (page.width, page.height);
    match page.rotation % 360 {
        90 => Rect { x: 0, y: 0, w: width / 6, h: height / 2 },
        180 => Rect { x: 0, y: height - height / 6, w: width / 2, h: height / 6 },
        270 => Rect { x: width - width / 6, y: height / 2, w: width / 6, h: height - height / 2 },
        _ => Rect { x: width / 2, y: 0, w: width - width / 2, h: height / 6 },
    }
}

/// Takes the registration from a stamp read alone, if it says one number, its year and one date, and is ours; says whether.
pub(super) fn take(stamp: &StampReread, (stage, ente): (&Stage, &Ente), fields: &mut Fields) -> bool {
    let Some(value) = registration(&stamp.read.raw, stage, ente) else { return false };
    fields.doubtful.retain(|d| d.field != "protocollo" || !CHECKS.contains(&d.check.as_str()));
    fields.protocollo = Some(Reading {
        value,
        confidence: of_digits(&stamp.read),
        origin: format!("rule protocollo-timbro ({})", stamp.read.origin),
        page: Some(stamp.region.page),
        rect: Some(stamp.region.rect),
        second: None,
    });
    true
}

/// A stamp that was seen alone and could not be read is said: the paper bears a registration that a person must read.
pub(super) fn notice(stamps: &[StampReread], fields: &mut Fields) {
    if fields.doubtful.iter().any(|d| d.field == "protocollo") {
        return;
    }
    let seen = stamps.iter().find(|stamp| stamp.read.raw.lines().any(|line| UNREAD.is_match(&fold(line))));
    if let Some(stamp) = seen {
        fields.doubtful.push(Doubtful {
            field: "protocollo".into(),
            raw: stamp.read.raw.split_whitespace().take(20).collect::<Vec<_>>().join(" "),
            check: "stamp-unread".into(),
            page: Some(stamp.region.page),
            rect: Some(stamp.region.rect),
        });
    }
}

fn registration(raw: &str, stage: &Stage, ente: &Ente) -> Option<Protocollo> {
    let rows: Vec<String> = raw.lines().map(fold).collect();
    let mut numbers: Vec<String> = Vec::new();
    let mut years: Vec<i16> = Vec::new();
    for row in &rows {
        for printed in registration::printed(row) {
            // A stamp's number bears its zeros or its year; a house number or an invoice's does not.
            if !printed.is_whole {
                return None;
            }
            if printed.digits.len() >= 6 || (printed.anno.is_some() && printed.digits.len() >= 4) {
                numbers.push(registration::numero(&printed.digits)?);
                years.extend(printed.anno);
            }
        }
        for (numero, anno) in registration::with_year(row) {
            numbers.push(numero);
            years.push(anno);
        }
    }
    let found: Vec<Date> = rows.iter().flat_map(|row| dates::found(row)).map(|(_, date)| date).collect();
    years.extend(found.iter().map(|date| date.year()));
    let (numero, data, anno) = (only(&numbers)?.clone(), *only(&found)?, *only(&years)?);
    let said = rows.iter().find_map(|row| registration::verso(row));
    let ours = rows.iter().any(|row| parties::mentions_us(row, ente));
    let foreign = rows.iter().any(|row| FOREIGN.is_match(row) && !parties::mentions_us(row, ente));
    let is_stamp = ours || (said.is_some() && !foreign);
    is_stamp.then(|| Protocollo { numero, anno, data: Some(data), verso: said.or_else(|| stage.verso()) })
}

/// The value that all items share; none of an empty list or of items that differ.
fn only<T: PartialEq>(all: &[T]) -> Option<&T> {
    let first = all.first()?;
    all.iter().all(|one| one == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Option<String> {
        let ente = Ente { denominazione: "Comune di Pietrachiara".into(), ..Ente::prova() };
        let stage = parties::stage(&Rows { rows: Vec::new() }, &ente);
        registration(raw, &stage, &ente).map(|p| format!("{}/{} {}", p.numero, p.anno, p.data.unwrap_or_default()))
    }

    #[test]
    fn a_stamp_read_alone_gives_a_registration_only_when_it_says_one() {
        let whole = Some("0012044/2024 2024-07-22".to_owned());
        assert_eq!(read("COMUNE DI PIETRACHIARA\nN. 0012044/2024\ndel 22/07/2024 - ARRIVO"), whole);
        assert_eq!(read("xx _ N. 0012044/2024 |\ndel 22/07/2024 - ARRIVO"), whole);
        assert_eq!(read("N. 0012044/2024\ndel 22/07/2023 - ARRIVO"), None);
        assert_eq!(read("N. 0012044/2024\nn. 0012045/2024\ndel 22/07/2024 - ARRIVO"), None);
        assert_eq!(read("REGIONE ALTOPIANO\nN. 0012044/2024\ndel 22/07/2024 - PARTENZA"), None);
        assert_eq!(read("COMUNE DI PIETRACHIARA\nProt. n. 2024/0012044\ndel 22/07/2024 - ARRIVO"), whole);
        assert_eq!(read("Comune di Pietrachiara\nRegistro Ufficiale\n0012044 del 22/07/2024\nProtocollo in arrivo"), whole);
        assert_eq!(read("fattura n. 112/2024\ndel 22/07/2024"), None);
        assert_eq!(read(""), None);
    }
}
