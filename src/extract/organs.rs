//! Which organ or office of ours speaks? Only words that organs and offices are made of are taken: a misread one gives none.
//!
//! So the name needs no second reading: it is a choice among known words, not a reading of unknown ones.

use super::addressee;
use super::rows::{Pattern, Row, Rows};

static MEETS: Pattern = Pattern::new(
    r"\bsi\s+e\s+riunit[ao]\s+(?:la|il)\s+(giunta comunale|consiglio comunale|commissione (?:esaminatrice|giudicatrice|di gara|elettorale|edilizia|consiliare|mensa))",
);
static COLLEGE: Pattern = Pattern::new(r"^\W*(?:la|il)\s+(giunta comunale|consiglio comunale)\W*$");
static MAYOR: Pattern = Pattern::new(r"^\W*il\s+(?:vice\s?)?sindaco\W*$");
static POLICE: Pattern = Pattern::new(r"^\W*il\s+comandante\s+(?:della|di|del\s+corpo\s+di)\s+polizia\s+(locale|municipale)\b");
static OFFICE: Pattern = Pattern::new(
    r"^\W*(?:f\.?\s?to\s+|firmato\s+)?(?:(?:il|la|determin(?:a|azione)\s+del|decreto\s+del|ordinanza\s+del)\s+)?(?:responsabil[ei]|dirigente|funzionario|direttore)\s+(?:del\s?l'|del\s?la\s|del\s?lo\s|dei\s|del\s)\s?((?:ufficio|settore|servizio|servizi|area|direzione|ripartizione|sportello)\s.+)$",
);

/// Words that names of municipal offices are made of.
const WORDS: &str = " affari generali legali istituzionali amministrativo amministrativa tecnico tecnica finanziario finanziaria economico \
economica ragioneria bilancio programmazione contabile tributi entrate personale risorse umane organizzazione segreteria protocollo archivio \
contratti gare appalti provveditorato economato patrimonio demanio manutenzioni manutenzione lavori pubblici opere pubbliche edilizia privata \
pubblica urbanistica territorio ambiente ecologia verde mobilita viabilita traffico trasporti commercio attivita produttive suap turismo \
cultura culturali biblioteca musei sport giovani scuola scolastici scolastica istruzione educativi sociali sociale servizi servizio demografici anagrafe \
stato civile elettorale leva statistica cimiteriali cimiteriale polizia locale municipale protezione informatica informatici sistemi informativi transizione \
digitale comunicazione relazioni pubblico urp avvocatura casa espropri catasto ";
const LINKS: &str = " e ed di del della dei delle degli al alla per con il ";

/// The organ of ours that the pages name as speaking; none where none is sure.
pub(super) fn speaking(rows: &Rows, page: u32) -> Option<String> {
    let short = |row: &&Row| row.pieces.len() <= 10 && !addressee::begins(row);
    let college = |row: &Row| Some(COLLEGE.captures(&row.fold)?.get(1)?.as_str().to_owned());
    let meets = |at: usize| {
        let both = rows.rows.get(at)?.fold.clone() + " " + rows.rows.get(at + 1).map_or("", |r| r.fold.as_str());
        Some(MEETS.captures(&both)?.get(1)?.as_str().to_owned())
    };
    if let Some(name) = (0..rows.rows.len().min(60)).find_map(meets).or_else(|| rows.rows.iter().take(60).find_map(college)) {
        return Some(capitalised(&name));
    }
    let heads = || rows.rows.iter().take(60).filter(short);
    let first = heads().filter(|r| r.page == page);
    if let Some(kind) = first.clone().find_map(|r| Some(POLICE.captures(&r.fold)?.get(1)?.as_str().to_owned())) {
        return Some(format!("Polizia {kind}"));
    }
    if let Some(office) = heads().find_map(office) {
        return Some(office);
    }
    heads().any(|r| MAYOR.is_match(&r.fold)).then(|| "Il Sindaco".to_owned())
}

/// `Responsabile del Settore …`: the office, where all its words are known ones.
fn office(row: &Row) -> Option<String> {
    let named = OFFICE.captures(&row.fold)?.get(1)?;
    let mut words: Vec<&str> = Vec::new();
    for word in named.as_str().split(|c: char| !c.is_ascii_alphabetic()).filter(|w| !w.is_empty()) {
        let is = |list: &str| list.contains(&format!(" {word} "));
        if !words.is_empty() && !is(WORDS) && !is(LINKS) {
            return None;
        }
        words.push(word);
    }
    while words.last().is_some_and(|word| LINKS.contains(&format!(" {word} "))) {
        words.pop();
    }
    (2..=7).contains(&words.len()).then(|| capitalised(&words.join(" ")))
}

fn capitalised(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
