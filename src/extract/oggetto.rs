//! What is it about? The oggetto after its label, over as many lines as it has; else a title that says it whole.

use super::rows::{Pattern, Piece, Place, Row, Rows};
use crate::fields::{Doubtful, Fields, Reading};

static LABEL: Pattern = Pattern::new(r"^[^a-z0-9]{0,4}(?:o[gq]{1,2}et[tf]o|0ggetto|ogg\s?\.)\s?[:;.\-]{0,2}\s*");
static STOP: Pattern = Pattern::new(
    r"^\W{0,3}(?:il/la\b|(?:il|la|io|i|lo|l')\W{0,2}(?:sottoscritt|genitore|responsabile|dirigente|sindaco|funzionario|comandante|giunta|consiglio|segretario|presidente|giorno|ufficiale)|l'anno|premess|vist[oaie]\b|richiamat|considerat|dato atto|rilevat|atteso|si trasmette|si comunica|si invia|si informa|si chiede|con la presente|con riferimento|in riferimento|in relazione|in merito|facendo seguito|a seguito|egregi|gentil|spett|al\b|alla\b|all'|ai\b|e\s?p\.\s?c|rif\b|riferimento|prot\b|allegat|via pec|determina$|ordina$|chiede$|area\b|settore\b|responsabile\b|importo\b|data\b|proponente|relatore|sessione|seduta|pareri|immediat|buongiorno\b|buonasera\b|salve\b|codest[aoei]\b|scrivo\b|scriviamo\b|mi viene\b|la\s+(?:s\.?\s?v\.?|scrivente)|le\s+(?:ss\.?\s?vv|scrivo)|in nome e per conto|io\s+sottoscritt|sono\s|abbiamo\b|vi\s+(?:scriv|segnal|inform|comunic|chied))",
);
/// The second sentence of the oggetto of an act: what the act does.
static SECOND: Pattern = Pattern::new(
    r"^\W{0,3}(?:affidament|approvazion|impegn|determinazion|liquidazion|aggiudicazion|provvediment|presa d'atto|nomina\b|indizion|accertament|proroga|rettifica|integrazion|autorizzazion|assunzion|conferiment|dichiarazione di immediata)",
);
static LAW: Pattern =
    Pattern::new(r"\s*\(([^()]*(?:\blegge\b|\bl\.|d\.?\s?lgs|d\.?p\.?r|\bartt?\.|\bcomma\b|regolamento|d\.l\.)[^()]*)\)?[\s.]*$");
static TENDER: Pattern = Pattern::new(
    r"[\s.,;(\-–]*\b(?:smart\s?)?(?:cig|cup)\b[\s:.n]*[a-z0-9]{6,15}[).\s]*(?:[-–,e\s]*(?:cig|cup)\b[\s:.n]*[a-z0-9]{6,15}[).\s]*)?$",
);
static ABBREVIATION: Pattern = Pattern::new(
    r"(?:\bn|\bnr|\bart|\bartt|\bprot|\bl|\bd|\blgs|\bsig|\bdott|\bfg|\bmapp|\bpart|\bsub|\bloc|\bfraz|\bing|\barch|\bgeom|\bs|\bdel|\bvia)\.$",
);
static TITLE: Pattern = Pattern::new(
    r"^\W{0,3}(certificato|attestato|contratto|convenzione|dichiarazione|denuncia|comunicazione|richiesta|istanza|domanda|segnalazione|relazione|verbale|parere|avviso|bando|accordo|protocollo d'intesa|scrittura privata|ricorso|reclamo|nulla osta|autorizzazione|concessione)\b",
);
static CONTINUES: Pattern =
    Pattern::new(r"^\W{0,2}(?:per\b|relativ|concernente|avente|in merito|tra\b|riguardante|ad oggetto|di\b|della\b|dei\b)");
static WHOLE: Pattern = Pattern::new(
    r"^\W{0,3}(?:certificato|attestato)\s+(?:di|contestuale|anagrafico)\b|^\W{0,3}dichiarazione\s+di\s+(?:residenza|successione|morte|nascita)\b",
);

static WAITS: Pattern = Pattern::new(
    r"\b(?:di|a|da|in|con|su|per|tra|fra|del|dello|della|dei|degli|delle|al|allo|alla|ai|agli|alle|dal|dalla|dai|dalle|nel|nella|nei|nelle|sul|sulla|e|ed|il|lo|la|gli|le|un|una|uno|n\.|art\.)$",
);
/// How the text of an act opens: nothing of its oggetto comes after.
static ACT_OPENS: Pattern = Pattern::new(r"^\W{0,3}l'\s?anno\s+(?:due|mille|[12]\d{3}\s*,?\s+(?:il|addi|li|del))");

const ROWS_MAX: usize = 9;

/// Reads the oggetto.
pub(super) fn read(rows: &Rows, fields: &mut Fields) {
    fields.oggetto = labelled(rows).or_else(|| titled(rows, fields));
}

/// Check of an oggetto that stands among options of which none is surely crossed.
const OPTIONS: &str = "options";

fn labelled(rows: &Rows) -> Option<Reading<String>> {
    let (at, end) = rows.rows.iter().enumerate().take(60).find_map(|(i, row)| {
        let found = LABEL.captures(&row.fold)?.get(0)?;
        // `Oggetto` inside a sentence or as the head of an article is not the label.
        let marked = found.as_str().contains([':', ';', '-', '.']) || row.is_capitals() || row.fold.len() > found.end();
        let article = row.fold.starts_with("oggetto del ") || row.fold.starts_with("oggetto dell");
        (marked && !article).then_some((i, found.end()))
    })?;
    let mut places = Vec::new();
    let first = rows.rows.get(at)?;
    let leading = leading(rows, first.page);
    let mut previous = first;
    if end < first.fold.len() {
        places.push(Place { row: at, span: end..first.fold.len() });
    }
    for i in at + 1..(at + ROWS_MAX).min(rows.rows.len()) {
        let Some(row) = rows.rows.get(i) else { break };
        let started = !places.is_empty();
        let is_apart = || is_paragraph(leading, previous, row);
        if row.page != first.page
            || (started && (ends(previous, row, places.len()) || is_apart()))
            || (!started && STOP.is_match(&row.fold))
        {
            break;
        }
        places.push(Place { row: i, span: 0..row.fold.len() });
        previous = row;
    }
    value(rows, &places, "oggetto", 1.0)
}

/// From the top of a row of the page's text to that of the next, as most of them have it; none of a page with little text.
fn leading(rows: &Rows, page: u32) -> Option<u32> {
    let lines: Vec<&Row> = rows.rows.iter().filter(|row| row.page == page && row.pieces.len() >= 6).collect();
    let steps = lines.windows(2).filter_map(|pair| match pair {
        [above, below] if below.at == above.at + 1 => below.upright.y.checked_sub(above.upright.y).filter(|step| *step > 0),
        _ => None,
    });
    let mut steps: Vec<u32> = steps.collect();
    steps.sort_unstable();
    (steps.len() >= 4).then(|| steps.get(steps.len() / 2).copied()).flatten()
}

/// True if a new paragraph begins with `next`: an empty row lies between, and it begins with a capital.
fn is_paragraph(leading: Option<u32>, last: &Row, next: &Row) -> bool {
    let capital = next.chars.iter().find(|c| c.is_alphabetic()).is_some_and(|c| c.is_uppercase());
    let step = next.upright.y.saturating_sub(last.upright.y);
    capital && !WAITS.is_match(&last.fold) && leading.is_some_and(|leading| step * 10 > leading * 17)
}

/// True if the oggetto ends with `last`: what follows is another thing.
fn ends(last: &Row, next: &Row, lines: usize) -> bool {
    let height = last.upright.h.max(next.upright.h).max(1);
    let gap = next.upright.y.saturating_sub(last.upright.y + last.upright.h.min(height));
    // After `per` or `della` a word must come, whatever it is (`per / l'anno 2023`).
    if WAITS.is_match(&last.fold) && gap * 2 <= height * 3 && !ACT_OPENS.is_match(&next.fold) {
        return false;
    }
    if STOP.is_match(&next.fold) || next.pieces.iter().all(|p| p.span.len() <= 2) {
        return true;
    }
    let hyphen = last.fold.ends_with('-');
    let sentence = last.fold.trim_end_matches(['"', '\'', ' ']).ends_with('.') && !ABBREVIATION.is_match(&last.fold);
    let capital = next.chars.iter().find(|c| c.is_alphabetic()).is_some_and(|c| c.is_uppercase());
    if sentence && capital {
        return !SECOND.is_match(&next.fold) || gap * 2 > height * 3;
    }
    // Skewed lines overlap; a gap of more than a line and a half is another paragraph.
    if gap * 2 > height * 3 && !hyphen {
        return true;
    }
    // Capitals under an oggetto in small letters begin the act itself.
    if next.is_capitals() && !last.is_capitals() && next.pieces.len() >= 2 {
        return true;
    }
    // A row that ends well before the margin closes a paragraph, unless a word waits for its other half.
    let short = (last.upright.x + last.upright.w) * 10 < (next.upright.x + next.upright.w) * 8 && lines > 0;
    short && capital && !hyphen
}

/// The text of the places, hyphens joined, the citation of the law and the tender's codes at its end left out.
fn value(rows: &Rows, places: &[Place], rule: &str, strength: f32) -> Option<Reading<String>> {
    let mut text = String::new();
    for place in places {
        let part = clean(rows.rows.get(place.row)?, &place.span);
        let part = part.trim();
        if text.ends_with('-') && part.chars().next().is_some_and(char::is_lowercase) && !text.ends_with(" -") {
            text.pop();
        } else if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(part);
    }
    let text = closed(&text);
    if text.chars().filter(|c| c.is_alphabetic()).count() < 4 {
        return None;
    }
    let mut reading = rows.reading(text, places, rule, strength);
    if places.iter().filter_map(|place| rows.rows.get(place.row)).any(has_hole) || (rule == "oggetto" && breaks_off(rows, places))
    {
        // Words under a stamp or a blot are missing, and missing from every reading: a person looks.
        reading.confidence *= 0.5;
    }
    Some(reading)
}

/// True if a row ends so far before the margin of the page's text that the first word of the next would have had room,
/// while no other row of the oggetto ends there too (a narrow block): what stood at its end is covered.
fn breaks_off(rows: &Rows, places: &[Place]) -> bool {
    let right = |row: &Row| row.upright.x + row.upright.w;
    let own: Vec<&Row> = places.iter().filter_map(|place| rows.rows.get(place.row)).collect();
    let Some(first) = own.first() else { return false };
    let mut ends: Vec<u32> = rows.rows.iter().filter(|r| r.page == first.page && r.pieces.len() >= 8).map(right).collect();
    ends.sort_unstable();
    let margin = ends.get(ends.len() * 3 / 4).copied().unwrap_or(0);
    let room = |row: &Row, next: &Row| {
        let word = next.pieces.first().map_or(0, |piece| piece.rect.w.max(piece.rect.h));
        margin.saturating_sub(right(row)) > word + row.upright.h.max(8) * 3
    };
    let beside = |row: &Row| own.iter().any(|o| o.at != row.at && right(o).abs_diff(right(row)) < row.upright.h.max(8) * 3);
    own.windows(2).any(|pair| matches!(pair, [row, next] if room(row, next) && !beside(row)))
}

/// True if the row has a gap in which words could stand: more than three line heights between two of its words.
fn has_hole(row: &Row) -> bool {
    let height = row.pieces.iter().map(|p| p.rect.h.min(p.rect.w)).max().unwrap_or(0).max(8);
    // Specks at the margin are no words, and what stands before them no hole.
    let letters = |p: &Piece| row.slice(p.span.clone()).chars().filter(|c| c.is_alphanumeric()).count();
    let last = row.pieces.iter().rposition(|p| letters(p) >= 3).map_or(0, |last| last + 1);
    let words: Vec<&Piece> = row.pieces.iter().take(last).filter(|p| letters(p) > 0).collect();
    words.windows(2).any(|pair| {
        let [a, b] = pair else { return false };
        let across = b.rect.x.saturating_sub(a.rect.x + a.rect.w).max(a.rect.x.saturating_sub(b.rect.x + b.rect.w));
        let down = b.rect.y.saturating_sub(a.rect.y + a.rect.h).max(a.rect.y.saturating_sub(b.rect.y + b.rect.h));
        across.max(down) > height * 3
    })
}

/// The words of a span without specks: marks alone, or one or two characters, that the reader hardly believed.
fn clean(row: &Row, span: &std::ops::Range<usize>) -> String {
    let mut text = String::new();
    for piece in row.pieces.iter().filter(|p| p.span.start < span.end && span.start < p.span.end) {
        let part = row.slice(piece.span.start.max(span.start)..piece.span.end.min(span.end));
        let speck = part.chars().all(|c| matches!(c, '|' | '¦' | '_' | '~'))
            || (piece.confidence < 70.0 && !part.chars().any(char::is_alphanumeric))
            || (piece.confidence < 35.0 && part.chars().count() <= 2);
        if !speck {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(part.trim_start_matches(['\'', '‘']));
        }
    }
    text
}

/// Cuts what is not the subject: the law at the end, CIG and CUP (fields of their own), stray marks.
pub(super) fn closed(text: &str) -> String {
    let mut kept: Vec<char> = text.chars().collect();
    for pattern in [&TENDER, &LAW, &TENDER] {
        let low: String = kept.iter().map(|&c| super::rows::folded(c)).collect();
        if let Some(start) = pattern.captures(&low).and_then(|c| c.get(0)).map(|m| m.start()).filter(|start| *start >= 12) {
            kept.truncate(start);
        }
    }
    let text: String = kept.into_iter().collect();
    let stray = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | ';' | ':' | '-' | '_' | '|' | '‘' | '*');
    let mut text = text.trim_matches(stray);
    // A single quotation mark at the end, that nothing opened, is a speck.
    if text.chars().filter(|c| matches!(c, '"' | '”' | '“' | '«' | '»')).count() == 1 {
        text = text.trim_end_matches(['"', '”', '“', '«', '»']).trim_end_matches(stray);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A title in capitals that goes on in the row below, or that says all (`CERTIFICATO DI RESIDENZA`).
fn titled(rows: &Rows, fields: &mut Fields) -> Option<Reading<String>> {
    let (at, row) = rows
        .rows
        .iter()
        .enumerate()
        .take(16)
        .find(|(_, r)| r.is_capitals() && r.pieces.len() <= 10 && TITLE.is_match(&r.fold))?;
    let mut places = vec![Place { row: at, span: 0..row.fold.len() }];
    let mut last = row;
    for i in at + 1..at + 4 {
        let Some(next) = rows.rows.get(i).filter(|n| n.page == row.page) else { break };
        let goes_on = if places.len() == 1 {
            CONTINUES.is_match(&next.fold) && next.pieces.len() >= 3
        } else {
            !ends(last, next, 1) && !next.fold.contains("cig") && !next.fold.contains("cup")
        };
        if !goes_on {
            break;
        }
        places.push(Place { row: i, span: 0..next.fold.len() });
        last = next;
    }
    if places.len() == 1 && !WHOLE.is_match(&row.fold) {
        return None;
    }
    match options(rows, at) {
        Options::None => {}
        Options::Crossed(chosen) => return Some(*chosen),
        Options::Unclear => {
            let place = rows.reading((), &places, "oggetto-titolo", 1.0);
            let (raw, check) = (row.text(), OPTIONS.to_owned());
            fields.doubtful.push(Doubtful { field: "oggetto".into(), raw, check, page: place.page, rect: place.rect });
            return None;
        }
    }
    let mut reading = value(rows, &places, "oggetto-titolo", 0.9)?;
    reading.value = sentence_case(&reading.value, row.text().chars().count());
    Some(reading)
}

/// Options that repeat the title of a form.
enum Options {
    /// There are none.
    None,
    /// One is crossed.
    Crossed(Box<Reading<String>>),
    /// Not exactly one is: the oggetto is left to a person.
    Unclear,
}

/// The option that is crossed, where a form repeats its title as options to be crossed.
fn options(rows: &Rows, at: usize) -> Options {
    let Some(title) = rows.rows.get(at) else { return Options::None };
    let words: Vec<&str> = title.fold.split_whitespace().take(2).collect();
    let head = words.join(" ");
    let mut options: Vec<(usize, usize, Mark)> = Vec::new();
    for (i, row) in rows.rows.iter().enumerate().skip(at + 1).take(12).filter(|(_, row)| row.page == title.page) {
        let mark = row.pieces.first().filter(|piece| piece.span.len() <= 3).map(|piece| piece.span.clone());
        let start = mark.as_ref().map_or(0, |mark| mark.end + 1);
        if row.fold.get(start..).is_some_and(|rest| rest.starts_with(&head)) {
            options.push((i, start, Mark::of(mark.and_then(|mark| row.fold.get(mark)).unwrap_or(""))));
        }
    }
    if options.len() < 2 {
        return Options::None;
    }
    let marked = |mark: Mark| options.iter().filter(|option| option.2 == mark).collect::<Vec<_>>();
    let (crossed, likely, empty) = (marked(Mark::Crossed), marked(Mark::Likely), marked(Mark::Empty));
    let (&(i, start, _), is_sure) = match (&crossed[..], &likely[..]) {
        ([one], _) => (*one, true),
        ([], [one]) if empty.len() + 1 == options.len() => (*one, false),
        _ => return Options::Unclear,
    };
    let Some(row) = rows.rows.get(i) else { return Options::Unclear };
    let end = row.fold.get(start..).and_then(|rest| rest.find(':')).map_or(row.fold.len(), |colon| start + colon);
    let Some(mut chosen) = value(rows, &[Place { row: i, span: start..end }], "oggetto-opzione", 0.95) else {
        return Options::Unclear;
    };
    if !is_sure {
        // A cross that was read as another letter is proposed, and looked at.
        chosen.confidence *= 0.5;
    }
    Options::Crossed(Box::new(chosen))
}

/// What stands before an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// An x.
    Crossed,
    /// A letter of many strokes, as a box with a cross is read.
    Likely,
    /// A letter that is an outline, as an empty box is read.
    Empty,
    Other,
}

impl Mark {
    fn of(mark: &str) -> Self {
        match mark.chars().find(char::is_ascii_alphanumeric) {
            _ if mark.contains('x') => Self::Crossed,
            Some('n' | 'k' | 'm' | 'w' | 'h' | 'r') => Self::Likely,
            Some('o' | 'd' | 'c' | 'l' | 'q' | 'u' | 'i' | '0' | '1') => Self::Empty,
            None if mark.contains(['[', ']', '(', ')']) => Self::Empty,
            _ => Self::Other,
        }
    }
}

/// Lowers the capitals of the title, the first letter kept.
fn sentence_case(text: &str, capitals: usize) -> String {
    text.chars()
        .enumerate()
        .flat_map(|(i, c)| if i == 0 || i >= capitals { vec![c] } else { c.to_lowercase().collect() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_and_the_codes_at_the_end_are_left_out() {
        assert_eq!(
            closed("Accesso agli atti della pratica n. 3/2019 (legge 7 agosto 1990, n. 241, artt. 22)."),
            "Accesso agli atti della pratica n. 3/2019"
        );
        assert_eq!(closed("Liquidazione fattura n. 1/E alla ditta. CIG Z0F0000A1B."), "Liquidazione fattura n. 1/E alla ditta");
        assert_eq!(closed("Acquisto carta - CIG: B1A2B3C3B8 - CUP: D28E18000400006"), "Acquisto carta");
        assert_eq!(closed("Rassegna (seconda edizione)"), "Rassegna (seconda edizione)");
    }
}
