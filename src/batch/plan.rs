//! Where does a batch come apart? Each page is a separator, the back of one, or content; numbers and counts are held against it.

use super::{Code, Found, Piece, Plan, Sighting};
use crate::document::Hold;
use crate::messages::Message;
use crate::separator::{self, CodeKind, Numero, Said, Separator, Separators};

/// Most pages of a gap that are named as where a missed separator may lie.
const SUSPECTS_MAX: usize = 12;

/// What one page is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Content,
    Start,
    Separator { code: Option<CodeKind>, said: Option<Box<Separator>>, numero: Option<Numero> },
    Back,
}

/// The documents of a batch whose pages were seen as in `sightings`, in an inbox of `profile` of `ente`.
pub fn plan(settings: &Separators, (ente, profile): (&str, &str), sightings: &[Sighting]) -> Plan {
    let pages = sightings.len() as u32;
    if settings.pages > 0 {
        return counted(settings.pages, pages);
    }
    let mut doubts = Vec::new();
    if settings.sides == 2 && !pages.is_multiple_of(2) {
        doubts.push(Hold::new(Message::new("batch-sides").with("pages", pages)));
    }
    let mut places: Vec<Place> = sightings.iter().map(|seen| place(settings, (ente, profile), seen, &mut doubts)).collect();
    if settings.sides == 2 {
        backs(settings, &mut places, sightings, &mut doubts);
    }
    let numbers = numbered(&places, sightings, &mut doubts);
    let is_complete = numbers.is_complete;
    if !is_complete {
        doubts.extend(suspects(&places, sightings));
    }
    let (separators, pieces) = cut(&places, settings.sides, &mut doubts);
    if separators.is_empty() && pieces.len() < 2 && settings.required && doubts.is_empty() {
        doubts.push(Hold::new(Message::new("batch-none").with("pages", pages)));
    }
    if pieces.is_empty() && doubts.is_empty() {
        doubts.push(Hold::new(Message::new("batch-empty").with("pages", pages)));
    }
    Plan { separators, pieces, doubts, expected: numbers.expected }
}

/// A document every so many pages.
fn counted(each: u32, pages: u32) -> Plan {
    let rest = pages % each;
    let doubts = if rest == 0 {
        Vec::new()
    } else {
        let message = Message::new("batch-rest").with("pages", pages).with("each", each).with("rest", rest);
        vec![Hold::new(message).on_page(pages - rest + 1)]
    };
    let firsts = (1..=pages).step_by(each as usize);
    let pieces = firsts.map(|first| Piece { first, last: (first + each - 1).min(pages), said: None }).collect();
    Plan { pieces, doubts, ..Plan::default() }
}

/// What a page is by what was seen on it.
fn place(settings: &Separators, (ente, profile): (&str, &str), seen: &Sighting, doubts: &mut Vec<Hold>) -> Place {
    let mut doubt = |code: &str| doubts.push(Hold::new(Message::new(code).with("page", seen.n)).on_page(seen.n));
    let (mut sheets, mut tags, mut is_strange) = (Vec::<(Separator, String, CodeKind)>::new(), Vec::new(), false);
    for code in &seen.codes {
        match separator::parse(&code.text) {
            Said::Sheet(sheet, check) if sheets.iter().all(|(_, known, _)| *known != check) => {
                sheets.push((*sheet, check, code.kind));
            }
            Said::Tag(numero, check) => tags.push((numero, check)),
            Said::Strange => is_strange = true,
            Said::Sheet(..) | Said::Foreign => {}
        }
    }
    let is_crossed = tags.iter().any(|(_, tag)| sheets.first().is_some_and(|(_, check, _)| check != tag));
    if sheets.len() > 1 || is_crossed {
        doubt("separator-two");
    }
    if let Some((said, _, kind)) = sheets.into_iter().next() {
        if said.ente != ente || said.profilo != profile {
            doubt("separator-elsewhere");
        }
        let numero = said.numero;
        return Place::Separator { code: Some(kind), said: Some(Box::new(said)), numero };
    }
    if let Some((numero, _)) = tags.first() {
        doubt("separator-partial");
        return Place::Separator { code: Some(CodeKind::Code128), said: None, numero: *numero };
    }
    if is_strange {
        doubt("separator-strange");
    }
    let is_generic =
        |code: &&Code| settings.codes.contains(&code.kind) && (code.kind == CodeKind::PatchT || settings.separates(&code.text));
    if let Some(code) = seen.codes.iter().find(is_generic) {
        return Place::Separator { code: Some(code.kind), said: None, numero: None };
    }
    if seen.codes.iter().any(|code| settings.codes.contains(&code.kind) && settings.begins(&code.text)) {
        return Place::Start;
    }
    if settings.blank && settings.sides == 1 && seen.blank && !seen.traces {
        return Place::Separator { code: None, said: None, numero: None };
    }
    Place::Content
}

/// Both sides of each sheet together: the blank back of a separator is of no document, a sheet blank on both sides may be one.
fn backs(settings: &Separators, places: &mut [Place], sightings: &[Sighting], doubts: &mut Vec<Hold>) {
    for (sides, seen) in places.chunks_mut(2).zip(sightings.chunks(2)) {
        let ([front, back], [seen_front, seen_back]) = (sides, seen) else { continue };
        let doubt = |code: &str, page: u32| Hold::new(Message::new(code).with("page", page)).on_page(page);
        let is_separator = |place: &Place| matches!(place, Place::Separator { .. });
        match (is_separator(front), is_separator(back)) {
            (true, true) => {
                if front != back {
                    doubts.push(doubt("separator-two", seen_back.n));
                }
                *back = Place::Back;
            }
            (true, false) if seen_back.blank => *back = Place::Back,
            (false, true) if seen_front.blank => *front = Place::Back,
            (true, false) => doubts.push(doubt("separator-back", seen_back.n)),
            (false, true) => doubts.push(doubt("separator-back", seen_front.n)),
            (false, false) => {
                let is_blank = |seen: &Sighting| seen.blank && !seen.traces;
                if settings.blank && is_blank(seen_front) && is_blank(seen_back) {
                    *front = Place::Separator { code: None, said: None, numero: None };
                    *back = Place::Back;
                }
                if *back == Place::Start {
                    doubts.push(doubt("separator-start", seen_back.n));
                }
            }
        }
    }
}

/// What the numbers of a set say.
struct Numbers {
    expected: Option<u32>,
    /// True if every number is there, once and in order: then no separator of the set was missed.
    is_complete: bool,
}

/// The numbers of the set, in the order in which they must come.
fn numbered(places: &[Place], sightings: &[Sighting], doubts: &mut Vec<Hold>) -> Numbers {
    let found: Vec<(usize, Numero, Option<&str>)> = places
        .iter()
        .enumerate()
        .filter_map(|(at, place)| match place {
            Place::Separator { numero: Some(numero), said, .. } => {
                Some((at, *numero, said.as_ref().map(|said| said.lotto.as_deref().unwrap_or_default())))
            }
            _ => None,
        })
        .collect();
    let Some((first, Numero { of, .. }, _)) = found.first().copied() else {
        return Numbers { expected: None, is_complete: false };
    };
    let before = doubts.len();
    let on = |at: usize, message: Message| Hold::new(message.with("page", at + 1)).on_page(at as u32 + 1);
    let lotto = found.iter().find_map(|(.., lotto)| *lotto);
    let mut last = 0;
    let mut from = 0;
    for (at, numero, own) in &found {
        if numero.of != of || own.is_some_and(|own| Some(own) != lotto) {
            doubts.push(on(*at, Message::new("separator-set")));
        } else if numero.n <= last {
            doubts.push(on(*at, Message::new("separator-order").with("n", numero.n).with("of", of)));
        } else {
            if numero.n > last + 1 {
                doubts.extend(missing((last + 1, numero.n - 1, of), (from, *at), (places, sightings)));
            }
            (last, from) = (numero.n, at + 1);
        }
    }
    if last < of {
        doubts.extend(missing((last + 1, of, of), (from, places.len()), (places, sightings)));
    }
    // What lies before the first sheet of a set belongs to no separator.
    let is_led = places[..first].iter().all(|place| *place == Place::Back);
    if !is_led && found.first().is_some_and(|(_, numero, _)| numero.n == 1) {
        doubts.push(on(0, Message::new("separator-before").with("last", first)));
    }
    Numbers { expected: Some(of), is_complete: doubts.len() == before }
}

/// Separators that must lie between two pages and were not found: which, and where they may be.
fn missing(
    (first, last, of): (u32, u32, u32),
    (from, to): (usize, usize),
    (places, sightings): (&[Place], &[Sighting]),
) -> Vec<Hold> {
    let numbers = if first == last { first.to_string() } else { format!("{first}–{last}") };
    let within: Vec<usize> = (from..to).filter(|at| places[*at] == Place::Content).collect();
    let pages = match (within.first(), within.last()) {
        (Some(first), Some(last)) => format!("{}–{}", first + 1, last + 1),
        _ => "—".to_owned(),
    };
    let message = Message::new("separator-missing").with("n", numbers).with("of", of).with("pages", pages);
    let mut holds = vec![Hold::new(message)];
    // Signs and pages that were not seen come to the fore by themselves; without any, each page of the gap may be the one.
    let is_marked = |at: &usize| !sightings[*at].signs.is_empty() || sightings[*at].unseen;
    if !within.iter().any(is_marked) {
        let perhaps = |at: &usize| Hold::new(Message::new("separator-perhaps").with("page", at + 1)).on_page(*at as u32 + 1);
        holds.extend(within.iter().take(SUSPECTS_MAX).map(perhaps));
    }
    holds
}

/// Pages on which something like a code could not be read, or that could not be looked at.
fn suspects(places: &[Place], sightings: &[Sighting]) -> Vec<Hold> {
    let one = |(place, seen): (&Place, &Sighting)| {
        let code = match place {
            Place::Content if seen.unseen => "separator-unseen",
            Place::Content if !seen.signs.is_empty() => "separator-suspect",
            _ => return None,
        };
        Some(Hold::new(Message::new(code).with("page", seen.n)).on_page(seen.n))
    };
    places.iter().zip(sightings).filter_map(one).collect()
}

/// The separators and the documents between them.
fn cut(places: &[Place], sides: u32, doubts: &mut Vec<Hold>) -> (Vec<Found>, Vec<Piece>) {
    let (mut separators, mut pieces) = (Vec::<Found>::new(), Vec::<Piece>::new());
    // The document that has begun: its pages, and the separator that it follows.
    let mut open: Option<Piece> = None;
    let mut leading: Option<(u32, Separator)> = None;
    let mut declared: Vec<(u32, Separator)> = Vec::new();
    for (place, n) in places.iter().zip(1..) {
        match place {
            Place::Separator { code, said, .. } => {
                pieces.extend(open.take());
                declared.extend(leading.take());
                let said = said.as_deref().cloned();
                leading = said.clone().map(|said| (n, said));
                separators.push(Found { page: n, pages: vec![n], code: *code, said });
            }
            // The other side of a separator: of the one before it, or of the one that comes.
            Place::Back => {
                if let Some(found) = separators.last_mut().filter(|found| found.page + 1 == n && n % 2 == 0) {
                    found.pages.push(n);
                } else {
                    pieces.extend(open.take());
                }
            }
            Place::Content | Place::Start => {
                if *place == Place::Start {
                    pieces.extend(open.take());
                }
                let piece = open.get_or_insert_with(|| Piece { first: n, last: n, said: leading.take() });
                piece.last = n;
            }
        }
    }
    pieces.extend(open);
    declared.extend(leading);
    for found in &mut separators {
        let follows_blank = found.page.is_multiple_of(2) && places.get(found.page as usize - 2) == Some(&Place::Back);
        if sides == 2 && follows_blank && found.pages.len() == 1 {
            found.pages.insert(0, found.page - 1);
        }
    }
    let mut doubt = |page: u32, message: Message| doubts.push(Hold::new(message.with("page", page)).on_page(page));
    for (page, _) in declared {
        doubt(page, Message::new("separator-empty"));
    }
    for (piece, (page, said)) in pieces.iter().filter_map(|piece| Some((piece, piece.said.as_ref()?))) {
        let sheets = (piece.last - piece.first + 1).div_ceil(sides);
        if let Some(fogli) = said.fogli.filter(|fogli| *fogli != sheets) {
            doubt(*page, Message::new("separator-sheets").with("declared", fogli).with("found", sheets));
        }
    }
    (separators, pieces)
}
