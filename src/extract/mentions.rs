//! Which amounts, addresses, plates, parcels and references to other papers does the text mention?

use super::dates;
use super::rows::{Pattern, Place, Rows};
use crate::fields::{Doubtful, Fields, Importo, Reading};

static AMOUNT: Pattern = Pattern::new(
    r"(?:\$|\beuro\b|\beur\b)\s?[.:]?\s?(\d{1,3}(?:[.' ]\d{3})+(?:,\d{2})?|\d+(?:,\d{2})?)(?:[^\d%]|$)|(\d{1,3}(?:\.\d{3})*,\d{2})\s?(?:\$|euro\b|eur\b)",
);
static LIRE: Pattern = Pattern::new(r"(?:\blire|\blit\.|\bl\.|#)\s?(\d{1,3}(?:[.']\d{3})+|\d{4,})(?:,\d{2}|\.=|=)?");
static MAIL: Pattern = Pattern::new(r"[a-z0-9._+-]{1,64}\s?@\s?[a-z0-9-]{1,63}(?:\s?\.\s?[a-z0-9-]{2,63}){1,4}");
static PRACTICE: Pattern = Pattern::new(
    r"\b(pratica\s+edilizia|pratica\s+suap|pratica|fascicolo|procedimento|permesso\s+di\s+costruire|concessione\s+edilizia|p\.\s?e\.|scia|cila|sinistro|ricorso|r\.\s?g\.|rep(?:ertorio|\.)|contratto\s+rep\.?)\s*(?:n\.?|nr\.?|num\.?|numero)?\s*[:.]?\s*([a-z]{0,3}/?\d{1,7}\s?/\s?(?:19|20)?\d{2})\b",
);
static LETTER: Pattern = Pattern::new(
    r"(?:\bvs\.?|\bv/s|vostr[ao]|rif(?:erimento|\.)?|nota|richiesta|istanza|comunicazione|lettera)\s+(?:[a-z.]+\s+){0,4}?prot(?:ocollo|\.)?\s*(?:gen(?:erale|\.)?)?\s*(?:n\.?|nr\.?)?\s*[:.]?\s*(\d{1,8})(?:\s?/\s?((?:19|20)\d{2}))?(?:\s+del\s+(\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)\d{2}))?",
);

/// An amount in words; cents stand after the stroke in figures.
static SPOKEN: Pattern = Pattern::new(
    r"(?:\b(?:diconsi|dicasi|in lettere)|\(\s?(?:diconsi|dicasi|in lettere)?)\W{0,3}(?:euro\s+)?([a-z]{5,60}(?:\s[a-z]{3,30}){0,4}?)\s?/\s?(\d{2})\b",
);
/// A plate since 1994: the letters I, O, Q and U are not used, so that O and I among its figures are 0 and 1. Before, the
/// letters of a province and five or six figures.
static PLATE: Pattern = Pattern::new(
    r"\b([a-hj-npr-tv-z]{2})[\s.-]?([0-9oil]{3})[\s.-]?([a-hj-npr-tv-z]{2})\b|\b(a[glnopqrtv]|b[aglnorsz]|c[abehlnorstz]|en|f[egior]|g[eor]|i[ms]|kr|l[ceiotu]|m[ceinost]|n[aou]|or|p[acdeginorstuvz]|r[aceginom]|s[aioprsv]|t[aenoprsv]|ud|v[abceirtv]|roma)[\s.-]?(\d{5,6})\b",
);
static PLATE_LABEL: Pattern = Pattern::new(r"\b(?:targ(?:a|he|ato|ata|ati|ate|\.)|tg\.)");
static PARCEL: Pattern = Pattern::new(
    r"\b(?:foglio|fogl\.?|fg\.?)\s*(?:n\.?\s*)?(\d{1,4})\b[\s,;:.-]*(?:con\s+)?(?:mapp(?:al[ei]|\.)?|part(?:icell[ae]|\.)?|p\.?\s?lla|num(?:ero|\.)?|n\.)\s*(?:n\.?\s*)?(\d{1,5})\b(?:[\s,;:.-]*sub(?:alterno|\.)?\s*(?:n\.?\s*)?(\d{1,4})\b)?",
);

const CERTIFIED: [&str; 7] = ["pec", "legalmail", "postacert", "cert.", "postecert", "arubapec", "sicurezzapostale"];

/// Reads amounts, PEC addresses and references of all rows.
pub(super) fn read(rows: &Rows, fields: &mut Fields) {
    for (at, row) in rows.rows.iter().enumerate() {
        amounts(rows, at, &row.fold, fields);
        for found in MAIL.all(&row.fold).iter().filter_map(|c| c.get(0)) {
            let address: String = found.as_str().chars().filter(|c| !c.is_whitespace()).collect();
            let domain = address.split_once('@').map_or("", |(_, domain)| domain);
            let is_certified = CERTIFIED.iter().any(|word| domain.contains(word));
            let (list, rule) = if is_certified { (&mut fields.pec, "pec") } else { (&mut fields.email, "email") };
            if !list.iter().any(|known| known.value == address) {
                list.push(rows.reading(address, &[Place { row: at, span: found.range() }], rule, 0.9));
            }
        }
        spoken(rows, at, &row.fold, fields);
        plates(rows, at, fields);
        parcels(rows, at, &row.fold, fields);
        references(rows, at, fields);
    }
}

fn amounts(rows: &Rows, at: usize, fold: &str, fields: &mut Fields) {
    let euro = AMOUNT
        .all(fold)
        .into_iter()
        .filter_map(|c| c.get(1).or_else(|| c.get(2)).map(|m| (m.range(), m.as_str().to_owned(), "EUR")));
    let lire = LIRE.all(fold).into_iter().filter_map(|c| c.get(1).map(|m| (m.range(), m.as_str().to_owned(), "ITL")));
    for (span, text, currency) in euro.chain(lire) {
        let (whole, cents) = text.split_once(',').unwrap_or((&text, "00"));
        let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
        let trimmed = whole.trim_start_matches('0');
        if whole.len() > 12 {
            continue;
        }
        let amount = format!("{}.{cents}", if trimmed.is_empty() { "0" } else { trimmed });
        let value = Importo { amount, currency: currency.to_owned() };
        fields.importi.push(rows.reading(value, &[Place { row: at, span }], "importo", 0.95));
    }
}

/// An amount in words beside figures that say another is doubtful.
fn spoken(rows: &Rows, at: usize, fold: &str, fields: &mut Fields) {
    for c in SPOKEN.all(fold) {
        let (Some(whole), Some(words), Some(cents)) = (c.get(0), c.get(1), c.get(2)) else { continue };
        let Some(number) = dates::number(words.as_str()) else { continue };
        let amount = format!("{number}.{}", cents.as_str());
        let here = rows.reading((), &[Place { row: at, span: whole.range() }], "importo", 1.0);
        let near = fields.importi.iter().rev().take(3).filter(|i| i.page == here.page);
        let is_said = near.clone().any(|i| i.value.amount == amount);
        if near.count() > 0 && !is_said {
            let doubt =
                |page, rect| Doubtful { field: "importi".into(), raw: words.as_str().into(), check: "words".into(), page, rect };
            fields.doubtful.push(doubt(here.page, here.rect));
        }
    }
}

/// Plates, which are looked for only in rows that speak of one: seven characters alone prove nothing.
fn plates(rows: &Rows, at: usize, fields: &mut Fields) {
    let Some(row) = rows.rows.get(at) else { return };
    let speaks = |fold: &str| PLATE_LABEL.is_match(fold);
    if !speaks(&row.fold) && !rows.before(at).next().is_some_and(|above| speaks(&above.fold)) {
        return;
    }
    for c in PLATE.all(&row.fold) {
        let Some(whole) = c.get(0) else { continue };
        let part = |i: usize| c.get(i).map_or("", |m| m.as_str()).to_ascii_uppercase();
        let figures: String = part(2)
            .chars()
            .map(|c| {
                if c == 'O' {
                    '0'
                } else if c.is_ascii_digit() {
                    c
                } else {
                    '1'
                }
            })
            .collect();
        let is_repaired = figures != part(2);
        let value = format!("{}{figures}{}{}{}", part(1), part(3), part(4), part(5));
        let rule = if is_repaired { "targa, repaired" } else { "targa" };
        if !fields.targhe.iter().any(|known| known.value == value) {
            let strength = if is_repaired { 0.7 } else { 0.9 };
            fields.targhe.push(rows.reading(value, &[Place { row: at, span: whole.range() }], rule, strength));
        }
    }
}

fn parcels(rows: &Rows, at: usize, fold: &str, fields: &mut Fields) {
    for c in PARCEL.all(fold) {
        let (Some(whole), Some(sheet), Some(parcel)) = (c.get(0), c.get(1), c.get(2)) else { continue };
        let mut value = format!("foglio {} particella {}", sheet.as_str(), parcel.as_str());
        if let Some(sub) = c.get(3) {
            value = format!("{value} sub {}", sub.as_str());
        }
        if !fields.catasto.iter().any(|known| known.value == value) {
            fields.catasto.push(rows.reading(value, &[Place { row: at, span: whole.range() }], "catasto", 0.9));
        }
    }
}

fn references(rows: &Rows, at: usize, fields: &mut Fields) {
    let Some(row) = rows.rows.get(at) else { return };
    let mut push = |reading: Reading<String>| {
        if !fields.riferimenti.iter().any(|known| known.value == reading.value) {
            fields.riferimenti.push(reading);
        }
    };
    for c in PRACTICE.all(&row.fold) {
        let (Some(whole), Some(kind), Some(number)) = (c.get(0), c.get(1), c.get(2)) else { continue };
        let kind = kind.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
        let kind = match kind.replace(' ', "").as_str() {
            "p.e." => "pratica edilizia".to_owned(),
            "r.g." => "r.g.".to_owned(),
            "rep." | "contrattorep." | "contrattorep" => "repertorio".to_owned(),
            _ => kind,
        };
        let number: String = number.as_str().chars().filter(|c| !c.is_whitespace()).collect();
        push(rows.reading(format!("{kind} {number}"), &[Place { row: at, span: whole.range() }], "riferimento", 0.9));
    }
    for c in LETTER.all(&row.fold) {
        let (Some(whole), Some(number)) = (c.get(0), c.get(1)) else { continue };
        let year = c
            .get(2)
            .map(|m| m.as_str().to_owned())
            .or_else(|| c.get(3).and_then(|m| m.as_str().get(m.len().saturating_sub(4)..).map(str::to_owned)));
        let value = year.map_or_else(|| format!("prot. {}", number.as_str()), |year| format!("prot. {}/{year}", number.as_str()));
        push(rows.reading(value, &[Place { row: at, span: whole.range() }], "riferimento", 0.9));
    }
}
