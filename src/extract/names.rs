//! What is a name? Persons and bodies in the places where papers name who writes.

use super::rows::{Pattern, Place, Row, Rows, fold, folded};
use crate::codice_fiscale;
use crate::fields::PartyKind;

static UNDERSIGNED: Pattern = Pattern::new(
    r"(?:sottoscritt[oaie](?:\s?/\s?[aoe])?(?:\s+parte)?|^\W{0,3}io(?:,?\s+sottoscritt[oa])?\b|\bil\s+genitore|\bla\s+madre|\bil\s+padre|\bil\s+richiedente|\bla\s+richiedente|\bil\s+dichiarante|\bil\s+contribuente|\bl'istante|\bil\s+ricorrente)[\s:,]+",
);
static TITLE: Pattern = Pattern::new(
    r"^(?:sig\.?\s?(?:ra|na)?\.?|signor[ae]?|dott\.?\s?(?:ssa)?\.?|dr\.?\s?(?:ssa)?|ing\.?|arch\.?|geom\.?|avv\.?|rag\.?|prof\.?\s?(?:ssa)?\.?|p\.i\.|cav\.)\s+",
);
static BOTH_NAMES: Pattern =
    Pattern::new(r"(?:cognome\s+e\s+nome|nome\s+e\s+cognome|nominativo|richiedente|dichiarante|ragione\s+sociale)\W{1,4}");
static CELL: Pattern = Pattern::new(r"^\W{0,3}(?:cognome\s+e\s+nome|nome\s+e\s+cognome|nominativo)\W{0,4}$");
static COGNOME: Pattern = Pattern::new(r"^\W{0,3}cognome\W{1,8}");
static NOME: Pattern = Pattern::new(r"^\W{0,3}nome\W{1,8}(?:i\.\s+)?");
/// A row of a form that names who asks, and nothing else.
static ASKING: Pattern = Pattern::new(
    r"^\W{0,3}(?:titolare|istante|richiedente|dichiarante|proprietari[oa]|esponente|segnalante|proponente|committente|contribuente|avente titolo)(?:\s+dell[a-z' ]{3,30})?\W{1,4}",
);
static DEFENDER: Pattern = Pattern::new(r"\b(?:dall'\s?avv\.?(?:\s?to)?|dall'avvocat[oa]|dal procuratore avv\.?)\s+");
static FIRM: Pattern = Pattern::new(
    r"(\bs\.?\s?r\.?\s?l\.?\s?s?\b|\bs\.\s?r\.\s?[i1|](?:\.|\b)|\bs\.?\s?p\.?\s?a\b|\bs\.?\s?n\.?\s?c\b|\bs\.?\s?a\.?\s?s\b|\bsoc(?:ieta|\.)|cooperativa|\bditta\b|\bimpresa\b|associazione|\ba\.?s\.?d\b|\ba\.?p\.?s\b|\bo\.?d\.?v\b|onlus|fondazione|consorzio|comitato|\bstudio\b|parrocchia|pro\s?loco|condominio|banca|assicurazioni|confraternita)",
);
static CODE_LABEL: Pattern = Pattern::new(r"[\s,;(]+c\.?\s?f\.?[\s:;(]*$|[\s,;(]+cod(?:ice|\.)\s*fisc(?:ale|\.)?[\s:;(]*$");
static LIMITED: Pattern = Pattern::new(r"\bs\.\s?r\.\s?([i1|])(?:\.|\s|$)");
static BODY: Pattern = Pattern::new(
    r"(\bcomune di\b|regione|provincia|citta metropolitana|ministero|prefettura|questura|procura|tribunale|corte\b|\ba\.?s\.?l\b|\ba\.?t\.?s\b|azienda (?:sanitaria|unita|usl|ospedaliera)|\binps\b|\binail\b|agenzia|universita|istituto|camera di commercio|\barpa|soprintendenza|carabinieri|vigili del fuoco|unione dei comuni|comunita montana|\bordine\b|\banci\b|\banac\b|presidenza|dipartimento|capitaneria|guardia di finanza|scuola|liceo)",
);
static CLOSING: Pattern = Pattern::new(
    r"(distinti\s+saluti|cordiali\s+saluti|cordialmente|con\s+osservanza|in\s+fede|\bfirma|firmato|f\.to|ringrazia)",
);

/// Words that stand in the heads of tables and forms, and are no names.
const NOT_NAMES: [&str; 54] = [
    "cognome",
    "nome",
    "nominativo",
    "sottoscritto",
    "carica",
    "rapporto",
    "codice",
    "presente",
    "assente",
    "data",
    "luogo",
    "firma",
    "qualifica",
    "parentela",
    "nascita",
    "fiscale",
    "nato",
    "nata",
    "residente",
    "via",
    "comune",
    "telefono",
    "condizione",
    "oggetto",
    "grado",
    "ruolo",
    "il",
    "la",
    "responsabile",
    "documento",
    "allegati",
    "sindaco",
    "legale",
    "rappresentante",
    "dichiarazione",
    "residenza",
    "domanda",
    "richiesta",
    "istanza",
    "segnalazione",
    "certificato",
    "ufficio",
    "ufficiale",
    "protocollo",
    "allegato",
    "dichiara",
    "chiede",
    "titolare",
    "istante",
    "richiedente",
    "dichiarante",
    "proprietario",
    "contribuente",
    "committente",
];
const PARTICLES: [&str; 12] = ["di", "de", "del", "della", "dei", "degli", "da", "la", "lo", "le", "van", "von"];

/// Drops titles and marks around a name.
pub(super) fn bare(text: &str) -> String {
    let trimmed = text.trim().trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | ')' | '"'));
    let folded = fold(trimmed);
    let skip = TITLE.captures(&folded).and_then(|c| c.get(0)).map_or(0, |m| m.end());
    // There is no `S.r.I.`: the letter behind these two is an l, whatever was read.
    let limited = LIMITED.captures(&folded).and_then(|c| c.get(1)).map(|m| m.start());
    let letters = trimmed.chars().enumerate().skip(skip).map(|(at, c)| if Some(at) == limited { 'l' } else { c });
    let name = letters.collect::<String>();
    let name = name.trim();
    // The label of the code that follows is no part of the name.
    match CODE_LABEL.captures(&fold(name)).and_then(|c| c.get(0)) {
        Some(label) => name.chars().take(label.start()).collect::<String>().trim_end().to_owned(),
        None => name.to_owned(),
    }
}

/// The name after an address word (`Sig.ra Rossi Maria`, `Comune di …`).
pub(super) fn addressed(text: &str) -> String {
    bare(text.trim_start_matches(['\'', '’', ' ', '.', ':']))
}

/// True of the name of a firm or of a body.
pub(super) fn is_body(name: &str) -> bool {
    let name = fold(name);
    FIRM.is_match(&name) || BODY.is_match(&name)
}

/// What a name seems to be.
pub(super) fn kind(name: &str) -> PartyKind {
    let low = fold(name);
    if FIRM.is_match(&low) {
        PartyKind::PersonaGiuridica
    } else if BODY.is_match(&low) {
        PartyKind::Amministrazione
    } else if (2..=5).contains(&name.split_whitespace().count()) && name.split_whitespace().all(|w| is_name_word(w, true)) {
        PartyKind::PersonaFisica
    } else {
        PartyKind::Unknown
    }
}

fn is_name_word(word: &str, inside: bool) -> bool {
    let letters: Vec<char> = word.chars().filter(|c| c.is_alphabetic()).collect();
    let low: String = word.chars().map(folded).filter(char::is_ascii_alphabetic).collect();
    let marks = word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-' | '.'));
    let starts = word.chars().next().is_some_and(char::is_uppercase) && letters.len() >= 2;
    marks && !NOT_NAMES.contains(&low.as_str()) && (starts || (inside && PARTICLES.contains(&low.as_str())))
}

/// Two to five words of a person's name from `from` on, with their span.
pub(super) fn person(row: &Row, from: usize) -> Option<(std::ops::Range<usize>, String)> {
    let rest = row.fold.get(from..)?;
    let skip = TITLE.captures(rest).and_then(|c| c.get(0)).map_or(0, |m| m.end());
    let mut words: Vec<String> = Vec::new();
    let (mut start, mut end) = (None, from);
    for piece in row.pieces.iter().filter(|p| p.span.start + 1 >= from + skip) {
        let raw = row.slice(piece.span.clone());
        let closes = raw.ends_with([',', ';', ':', '.', ')']);
        let word = raw.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        if word.chars().count() < 2 && words.is_empty() {
            continue;
        }
        if words.len() >= 5 || !is_name_word(&word, !words.is_empty()) {
            break;
        }
        start = start.or(Some(piece.span.start));
        end = piece.span.end;
        words.push(word);
        if closes {
            break;
        }
    }
    while words.last().is_some_and(|w| PARTICLES.contains(&fold(w).as_str())) {
        words.pop();
    }
    (words.len() >= 2).then(|| (start.unwrap_or(from)..end, words.join(" ")))
}

/// `Il/La sottoscritto/a NAME`, `Il genitore NAME`, …; the name may stand in the row below.
pub(super) fn undersigned(rows: &Rows) -> Option<(Vec<Place>, String)> {
    for (at, row) in rows.rows.iter().enumerate().take(80) {
        for label in UNDERSIGNED.all(&format!("{} ", row.fold)) {
            let end = label.get(0).map_or(0, |m| m.end());
            if let Some((span, name)) = person(row, end.min(row.fold.len())) {
                return Some((vec![Place { row: at, span }], name));
            }
            let below = rows.rows.get(at + 1).filter(|_| end >= row.fold.len());
            if let Some((span, name)) = below.and_then(|next| person(next, 0)) {
                return Some((vec![Place { row: at + 1, span }], name));
            }
        }
    }
    None
}

/// The fields of a form: `Cognome e nome X Y`, or `Cognome X` and `Nome Y` in rows of their own.
pub(super) fn form(rows: &Rows) -> Option<(Vec<Place>, String)> {
    for (at, row) in rows.rows.iter().enumerate().take(80) {
        let head = format!("{} ", row.fold);
        if let Some(end) = BOTH_NAMES.captures(&head).and_then(|c| c.get(0)).map(|m| m.end().min(row.fold.len())) {
            if let Some((span, name)) = person(row, end) {
                return Some((vec![Place { row: at, span }], name));
            }
            // The cell beside a label may be read as the row after it: then it holds the name and nothing else. A label that
            // also ends sentences (`firma del dichiarante`) is none of these.
            let is_cell = CELL.is_match(&row.fold) && end >= row.fold.len();
            let beside = rows.rows.get(at + 1).filter(|next| is_cell && next.page == row.page);
            if let Some((next, (span, name))) = beside.and_then(|next| Some((next, person(next, 0)?)))
                && span.len() + 3 >= next.fold.len()
            {
                return Some((vec![Place { row: at + 1, span }], name));
            }
        }
        if let Some(end) = ASKING.captures(&head).and_then(|c| c.get(0)).map(|m| m.end().min(row.fold.len()))
            && let Some((span, name)) =
                person(row, end).filter(|(span, _)| span.end + 3 >= row.fold.len() && span.start <= end + 2)
        {
            return Some((vec![Place { row: at, span }], name));
        }
        if let Some(found) = cells(rows, at) {
            return Some(found);
        }
        let Some(end) = COGNOME.captures(&row.fold).and_then(|c| c.get(0)).map(|m| m.end()) else { continue };
        let surname = value(row, end);
        for i in at + 1..at + 3 {
            let Some(next) = rows.rows.get(i) else { break };
            let Some(from) = NOME.captures(&next.fold).and_then(|c| c.get(0)).map(|m| m.end()) else { continue };
            if let (Some((a, surname)), Some((b, name))) = (surname.clone(), value(next, from)) {
                return Some((vec![Place { row: at, span: a }, Place { row: i, span: b }], format!("{name} {surname}")));
            }
        }
    }
    None
}

/// `Cognome` and `Nome` as labels alone in their rows, each with its cell beside it.
fn cells(rows: &Rows, at: usize) -> Option<(Vec<Place>, String)> {
    let is = |i: usize, label: &str| {
        rows.rows.get(i).is_some_and(|r| r.fold.trim_matches(|c: char| !c.is_ascii_alphabetic()) == label)
    };
    if !is(at, "cognome") {
        return None;
    }
    let below = (at + 1..at + 5).find(|&i| is(i, "nome"))?;
    let (a, b) = (beside(rows, at)?, beside(rows, below)?);
    let ((first, surname), (second, name)) = (value(rows.rows.get(a)?, 0)?, value(rows.rows.get(b)?, 0)?);
    Some((vec![Place { row: a, span: first }, Place { row: b, span: second }], format!("{name} {surname}")))
}

/// The row that stands right of another at its height.
fn beside(rows: &Rows, at: usize) -> Option<usize> {
    let label = rows.rows.get(at)?;
    let (top, end) = (label.upright.y, label.upright.x + label.upright.w);
    let middle = |r: &Row| r.upright.y + r.upright.h / 2;
    (at.saturating_sub(4)..at + 5).find(|&i| {
        rows.rows.get(i).is_some_and(|r| {
            r.page == label.page && r.upright.x >= end && (top..top + label.upright.h.max(20)).contains(&middle(r))
        })
    })
}

/// The name words of a form field.
fn value(row: &Row, from: usize) -> Option<(std::ops::Range<usize>, String)> {
    let words: Vec<_> = row
        .pieces
        .iter()
        .filter(|p| p.span.start + 1 >= from)
        .map(|p| (p.span.clone(), row.slice(p.span.clone()).trim_matches(|c: char| !c.is_alphanumeric()).to_owned()))
        .take_while(|(_, word)| is_name_word(word, true))
        .take(3)
        .collect();
    let span = words.first()?.0.start..words.last()?.0.end;
    Some((span, words.into_iter().map(|(_, word)| word).collect::<Vec<_>>().join(" ")))
}

/// Forms of bodies that print their own name in the text and not above it: the documento unico di regolarità contributiva.
pub(super) fn issuer(rows: &Rows, body: usize) -> Option<(Vec<Place>, String)> {
    let heads: String = rows.rows.iter().take(body.max(8)).map(|r| r.fold.as_str()).collect::<Vec<_>>().join(" ");
    if !heads.contains("regolarita contributiva") && !heads.contains("durc") {
        return None;
    }
    for (needle, name) in [
        ("istituto nazionale della previdenza sociale", "Istituto nazionale della previdenza sociale"),
        ("istituto nazionale previdenza sociale", "Istituto nazionale della previdenza sociale"),
        ("i.n.p.s.", "INPS"),
        ("inps", "INPS"),
        ("inail", "INAIL"),
    ] {
        if let Some((at, start)) = rows.rows.iter().enumerate().find_map(|(i, r)| r.fold.find(needle).map(|s| (i, s))) {
            return Some((vec![Place { row: at, span: start..start + needle.len() }], name.to_owned()));
        }
    }
    None
}

/// Who brings a cause: the lawyer who represents a party before a judge.
pub(super) fn defender(rows: &Rows) -> Option<(Vec<Place>, String)> {
    let heads: String = rows.rows.iter().take(25).map(|r| r.fold.as_str()).collect::<Vec<_>>().join(" ");
    if !(heads.contains("rappresentat") && (heads.contains("difes") || heads.contains("procura"))) {
        return None;
    }
    rows.rows.iter().enumerate().take(30).find_map(|(at, row)| {
        let end = DEFENDER.captures(&row.fold)?.get(0)?.end();
        let (span, name) = person(row, end)?;
        Some((vec![Place { row: at, span }], name))
    })
}

/// A name in the signature block: after the closing words, near the end.
pub(super) fn signature(rows: &Rows) -> Option<(Vec<Place>, String)> {
    let closing = rows.rows.iter().rposition(|r| r.pieces.len() <= 10 && CLOSING.is_match(&r.fold))?;
    (closing..(closing + 6).min(rows.rows.len())).find_map(|at| {
        let row = rows.rows.get(at).filter(|r| r.pieces.len() <= 6 && !is_body(&r.text()))?;
        let from = CLOSING.captures(&row.fold).and_then(|c| c.get(0)).map_or(0, |m| m.end());
        let (span, name) = person(row, from)?;
        Some((vec![Place { row: at, span }], name))
    })
}

/// True if the first six letters of a codice fiscale are those that the name gives, whichever word is the surname.
pub(super) fn agrees(name: &str, code: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().collect();
    (1..words.len()).any(|cut| {
        let (head, tail) = words.split_at(cut);
        let (head, tail) = (head.concat(), tail.concat());
        codice_fiscale::is_of(code, &head, &tail) || codice_fiscale::is_of(code, &tail, &head)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_agrees_with_its_code_in_either_order() {
        assert!(agrees("Mario Rossi", "RSSMRA85T10A562S"));
        assert!(agrees("Rossi Mario", "RSSMRA85T10A562S"));
        assert!(!agrees("Mario Bianchi", "RSSMRA85T10A562S"));
    }

    #[test]
    fn the_title_of_a_form_is_no_person() {
        assert_ne!(kind("DICHIARAZIONE DI RESIDENZA"), PartyKind::PersonaFisica);
        assert_ne!(kind("Domanda di Iscrizione"), PartyKind::PersonaFisica);
    }

    #[test]
    fn firms_bodies_and_persons_are_told_apart() {
        assert_eq!(kind("Cartoleria Tre Ponti S.a.s."), PartyKind::PersonaGiuridica);
        assert_eq!(kind("Regione Altopiano"), PartyKind::Amministrazione);
        assert_eq!(kind("Maria De Luca"), PartyKind::PersonaFisica);
        assert_eq!(kind("qualcosa"), PartyKind::Unknown);
    }
}
