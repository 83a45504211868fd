//! Whom is a paper of ours for, where no address says so? The person whom its text gives the part of the one concerned.

use std::ops::Range;

use super::names;
use super::rows::{Pattern, Place, Row, Rows};

/// What is said of somebody before the name: the words of certificates, concessions, notices and notifications.
static CONCERNED: Pattern = Pattern::new(
    r"(?:\bsi (?:certifica|attesta|dichiara|rilascia)[^.]{0,40}?\bche|\b(?:certifica|attesta)\W{1,3}che(?:\s+nella famiglia di|\s+il signor|\s+la signora|\s+il sig\.|\s+la sig\.ra)?|\bdomanda presentata(?:\s+(?:in data|il)\s[\w ./]{4,20}?)?\s+da(?:l|lla|ll')?|\bvist[ao] l'istanza(?:\s+presentata)?\s+d(?:i|a|al|alla|all')|\bproprietari[oa] del veicolo|\brilascia(?:t[oa])?\s+(?:a|al|alla|all')|\bconce(?:de|desi|sso|ssa)\s+(?:a|al|alla|all')|\bnotificat[oa]\s+(?:a|al|alla|all')|\bnei confronti (?:di|del|della|dell')|\bintestat(?:o|a|ari[oa])(?:\s+(?:a|al|alla|all'))?|\bconcessionari[oa]|\btrasgressore|\bobbligat[oa] in solido|\bcontribuente|\bbeneficiari[oa]|\bassegnatari[oa]|\baggiudicatari[oa]|\bdestinatari[oa]|\btitolare del permesso|\b(?:la|alla) (?:ditta|impresa|societa)(?: appaltatrice| aggiudicataria| esecutrice)?)\W{1,4}",
);
/// A firm's name ends with its form.
static FIRM: Pattern = Pattern::new(
    r"^([^,;:]{3,60}?\b(?:s\.?\s?r\.?\s?l\.?(?:\s?s\.?)?|s\.?\s?p\.?\s?a\.?|s\.?\s?n\.?\s?c\.?|s\.?\s?a\.?\s?s\.?))(?:\W|$)",
);

/// The first person or firm with such a part, and where it stands; the name may follow in the row below.
pub(super) fn concerned(rows: &Rows) -> Option<(Vec<Place>, String)> {
    for (at, row) in rows.rows.iter().enumerate().take(80) {
        let next = rows.rows.get(at + 1).filter(|next| next.page == row.page).map_or("", |next| next.fold.as_str());
        let both = format!("{} {next} ", row.fold);
        for label in CONCERNED.all(&both) {
            let Some(found) = label.get(0).filter(|m| m.start() < row.fold.len()) else { continue };
            if found.end() > row.fold.len() + 2 {
                // The words go over into the next row: so does the name.
                let from = found.end().min(row.fold.len() + 1 + next.len()) - row.fold.len() - 1;
                if let Some((span, name)) = rows.rows.get(at + 1).and_then(|below| named(below, from)) {
                    return Some((vec![Place { row: at + 1, span }], name));
                }
                continue;
            }
            let end = found.end().min(row.fold.len());
            let here = [(at, end)];
            let below = [(at + 1, 0)];
            let places = if end + 2 >= row.fold.len() { &below } else { &here };
            for (at, from) in places {
                let Some(row) = rows.rows.get(*at) else { continue };
                if let Some((span, name)) = named(row, *from) {
                    return Some((vec![Place { row: *at, span }], name));
                }
            }
        }
    }
    None
}

/// The firm or person named from `from` on.
fn named(row: &Row, from: usize) -> Option<(Range<usize>, String)> {
    firm(row, from).or_else(|| names::person(row, from))
}

/// The firm named from `from` on.
pub(super) fn firm(row: &Row, from: usize) -> Option<(Range<usize>, String)> {
    let firm = FIRM.captures(row.fold.get(from..)?)?.get(1)?;
    let span = from + firm.start()..from + firm.end();
    Some((span.clone(), names::bare(&row.slice(span))))
}
