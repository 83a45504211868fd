//! `review` on a terminal: document after document, one key for each decision.

use std::io::Write as _;
use std::sync::Arc;

use super::{Global, output, tables};
use crate::desk::{self, Request, Waiting};
use crate::error::{Error, Result};
use crate::filing::Filing;
use crate::messages::{Lang, Message, label};
use crate::pipeline::House;
use crate::steps;
use crate::worker;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Approve,
    Correct,
    Refile,
    Retry,
    Release,
    Rescan,
    Rotate,
    Split,
    Refuse,
    Later,
    End,
}

/// The keys, in the order in which they are shown.
const KEYS: [(char, Act, &str); 11] = [
    ('a', Act::Approve, "key-approve"),
    ('c', Act::Correct, "key-correct"),
    ('f', Act::Refile, "key-refile"),
    ('n', Act::Rescan, "key-rescan"),
    ('g', Act::Rotate, "key-rotate"),
    ('s', Act::Split, "key-split"),
    ('r', Act::Retry, "key-retry"),
    ('l', Act::Release, "key-release"),
    ('x', Act::Refuse, "key-refuse"),
    (' ', Act::Later, "key-later"),
    ('q', Act::End, "key-end"),
];

fn act(key: char) -> Option<Act> {
    KEYS.iter().find(|(known, _, _)| *known == key.to_ascii_lowercase()).map(|(_, act, _)| *act)
}

/// Goes through the queue as it is now until its end or `q`. A decision that cannot be made is said, and the document asked about
/// again. True if something still waits.
pub(super) async fn each(all: &Global, house: &Arc<House>) -> Result<bool> {
    let terminal = console::Term::stdout();
    let queue = desk::queue(house).await?;
    let count = queue.len();
    for (n, waiting) in queue.into_iter().enumerate() {
        show(all, house, (&waiting, n + 1, count)).await?;
        loop {
            let pressed = terminal.read_char().map_err(|e| Error::store("the terminal gives no key").because(e))?;
            let Some(act) = act(pressed) else { continue };
            match decide(all, house, (&waiting, act)).await {
                Ok(true) => break,
                Ok(false) if act == Act::End => return Ok(true),
                Ok(false) => {}
                Err(error) if error.exit_code() == 2 => output::complain(&error.message().text(all.words())),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(!desk::queue(house).await?.is_empty())
}

/// The document, its proposal with reasons, what holds it, and the keys.
async fn show(all: &Global, house: &House, (waiting, n, count): (&Waiting, usize, usize)) -> Result<()> {
    let lang = all.words();
    output::line(&format!("\n── {n}/{count} ──"));
    tables::queue(&[tables::Queued::of(house, waiting, lang).await?], lang);
    let id = waiting.row.document.id.as_str();
    let filing: Option<Filing> = steps::fact(house, id, "filing").await?;
    for reason in filing.iter().flat_map(|filing| &filing.reasons) {
        output::line(&output::clean(&format!("      · {}", reason.sentence(lang))));
    }
    if let Some(page) = waiting.row.holds.iter().find_map(|hold| hold.page) {
        output::line(&Message::new("review-picture").with("id", id).with("page", page).sentence(lang));
    }
    let keys = KEYS.iter().map(|(key, _, code)| format!("[{}] {}", if *key == ' ' { '␣' } else { *key }, label(code, lang)));
    output::line(&keys.collect::<Vec<_>>().join("  "));
    Ok(())
}

/// True if the document was decided about, or is left for later.
async fn decide(all: &Global, house: &Arc<House>, (waiting, act): (&Waiting, Act)) -> Result<bool> {
    let id = waiting.row.document.id.as_str();
    let mut request = Request { operator: all.operator.clone(), ..Request::default() };
    match act {
        Act::Later => return Ok(true),
        Act::End => return Ok(false),
        Act::Approve => request.approve = true,
        Act::Retry => request.retry = true,
        Act::Release => request.release = true,
        Act::Refuse => request.refuse = true,
        Act::Correct => {
            let Some((field, value)) = asked("key-ask-field", all.words()).and_then(|line| pair(&line)) else { return Ok(false) };
            request.set.insert(field, value);
        }
        Act::Refile => {
            let Some(line) = asked("key-ask-voce", all.words()) else { return Ok(false) };
            let field = if line.contains('/') { "fascicolo" } else { "voce" };
            request.set.insert(field.to_owned(), line);
        }
        Act::Rescan => {
            let Some(page) = asked("key-ask-page", all.words()).and_then(|line| line.parse().ok()) else { return Ok(false) };
            let by = desk::By { operator: all.operator.clone(), note: None };
            desk::expect(house, id, page, &by).await?;
            return Ok(true);
        }
        Act::Rotate => {
            let Some(turn) = asked("key-ask-turn", all.words()) else { return Ok(false) };
            let by = desk::By { operator: all.operator.clone(), note: None };
            desk::rotate(house, id, desk::asked(&turn)?, &by).await?;
        }
        Act::Split => {
            let Some(pages) = asked("key-ask-split", all.words()) else { return Ok(false) };
            let by = desk::By { operator: all.operator.clone(), note: None };
            desk::split(house, id, &desk::Split { starts: desk::starts(&pages)?, ..desk::Split::default() }, &by).await?;
        }
    }
    if !matches!(act, Act::Rotate | Act::Split) {
        desk::decide(house, id, &request).await?;
    }
    worker::work_to_rest(house, house.config.ocr.children_used() + 1).await?;
    let row = house.store.document(&house.ente_id, &waiting.row.document.id).await?;
    if let Some(row) = row {
        output::line(&tables::state(row.document.state, all.words()));
    }
    Ok(true)
}

/// A line typed after a question; none where it is empty.
fn asked(code: &str, lang: Lang) -> Option<String> {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{} ", label(code, lang)).and_then(|()| out.flush());
    drop(out);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok()?;
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn pair(line: &str) -> Option<(String, String)> {
    line.split_once('=').map(|(field, value)| (field.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_one_decision_and_no_other_key_is_any() {
        let mut seen = std::collections::BTreeSet::new();
        for (key, wanted, code) in KEYS {
            assert!(seen.insert(key));
            assert_eq!((act(key), act(key.to_ascii_uppercase())), (Some(wanted), Some(wanted)));
            assert!(Message::new(code).is_known(), "{code}");
        }
        assert_eq!(act('\n'), None);
        assert_eq!(act('z'), None);
    }

    #[test]
    fn a_correction_is_a_field_and_its_value() {
        assert_eq!(pair("voce = VI.3"), Some(("voce".into(), "VI.3".into())));
        assert_eq!(pair("voce"), None);
    }
}
