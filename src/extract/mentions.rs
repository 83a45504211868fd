//! Which amounts, certified addresses and references to other papers does the text mention?

use super::rows::{Pattern, Place, Rows};
use crate::fields::{Fields, Importo, Reading};

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

const CERTIFIED: [&str; 7] = ["pec", "legalmail", "postacert", "cert.", "postecert", "arubapec", "sicurezzapostale"];

/// Reads amounts, PEC addresses and references of all rows.
pub(super) fn read(rows: &Rows, fields: &mut Fields) {
    for (at, row) in rows.rows.iter().enumerate() {
        amounts(rows, at, &row.fold, fields);
        for found in MAIL.all(&row.fold).iter().filter_map(|c| c.get(0)) {
            let address: String = found.as_str().chars().filter(|c| !c.is_whitespace()).collect();
            let domain = address.split_once('@').map_or("", |(_, domain)| domain);
            if CERTIFIED.iter().any(|word| domain.contains(word)) && !fields.pec.iter().any(|p| p.value == address) {
                fields.pec.push(rows.reading(address, &[Place { row: at, span: found.range() }], "pec", 0.9));
            }
        }
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
