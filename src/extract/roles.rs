//! Whom is a paper of ours for, where no address says so? The person whom its text gives the part of the one concerned.

use super::names;
use super::rows::{Pattern, Place, Rows};

/// What is said of somebody before the name: the words of certificates, concessions, notices and notifications.
static CONCERNED: Pattern = Pattern::new(
    r"(?:\bsi (?:certifica|attesta|dichiara|rilascia)[^.]{0,40}?\bche|\brilascia(?:t[oa])?\s+(?:a|al|alla|all')|\bconce(?:de|desi|sso|ssa)\s+(?:a|al|alla|all')|\bnotificat[oa]\s+(?:a|al|alla|all')|\bnei confronti (?:di|del|della|dell')|\bintestat(?:o|a|ari[oa])(?:\s+(?:a|al|alla|all'))?|\bconcessionari[oa]|\btrasgressore|\bobbligat[oa] in solido|\bcontribuente|\bbeneficiari[oa]|\bassegnatari[oa]|\baggiudicatari[oa]|\bdestinatari[oa]|\btitolare del permesso|\b(?:la|alla) (?:ditta|impresa|societa)(?: appaltatrice| aggiudicataria| esecutrice)?)\W{1,4}",
);
/// A firm's name ends with its form.
static FIRM: Pattern = Pattern::new(
    r"^([^,;:]{3,60}?\b(?:s\.?\s?r\.?\s?l\.?(?:\s?s\.?)?|s\.?\s?p\.?\s?a\.?|s\.?\s?n\.?\s?c\.?|s\.?\s?a\.?\s?s\.?))(?:\W|$)",
);

/// The first person or firm with such a part, and where it stands; the name may follow in the row below.
pub(super) fn concerned(rows: &Rows) -> Option<(Vec<Place>, String)> {
    for (at, row) in rows.rows.iter().enumerate().take(80) {
        let head = format!("{} ", row.fold);
        for label in CONCERNED.all(&head) {
            let end = label.get(0).map_or(0, |m| m.end()).min(row.fold.len());
            let here = [(at, end)];
            let below = [(at + 1, 0)];
            let places = if end + 2 >= row.fold.len() { &below } else { &here };
            for (at, from) in places {
                let Some(row) = rows.rows.get(*at) else { continue };
                if let Some(firm) = FIRM.captures(row.fold.get(*from..).unwrap_or("")).and_then(|c| c.get(1)) {
                    let span = from + firm.start()..from + firm.end();
                    return Some((vec![Place { row: *at, span: span.clone() }], names::bare(&row.slice(span))));
                }
                if let Some((span, name)) = names::person(row, *from) {
                    return Some((vec![Place { row: *at, span }], name));
                }
            }
        }
    }
    None
}
