//! What must leave for conservation, and by when? A deadline of law or of the ente's plan (rules D-01, D-02, D-06), how far the thing has
//! come, and the same as a calendar that other programs read (RFC 5545).

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;

use crate::digest::Digest;
use crate::messages::{Lang, Message, label};

/// Longest line of a calendar, bytes, without its end (RFC 5545, 3.1).
const LINE_BYTES_MAX: usize = 75;

/// What a deadline is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Oggetto {
    /// The register of a day: the next working day (rule D-01).
    Registro,
    /// A document whose tipo or voce has a time of its own (rule D-06).
    Documento,
    /// A fascicolo, at least once a year, closed or open (rule D-02).
    Fascicolo,
    /// A serie, the same.
    Serie,
}

impl Oggetto {
    /// Its code in the catalogue, and its word in the contract.
    fn code(self) -> &'static str {
        match self {
            Self::Registro => "due-registro",
            Self::Documento => "due-documento",
            Self::Fascicolo => "due-fascicolo",
            Self::Serie => "due-serie",
        }
    }

    /// Its name for a person.
    pub fn shown(self, lang: Lang) -> String {
        label(self.code(), lang)
    }
}

/// How it stands with the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgenza {
    /// The day is past.
    Late,
    /// The day is today or to come.
    Due,
}

/// A deadline that is not met yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scadenza {
    /// Last day, in the ente's zone.
    pub due: Date,
    /// What it is about.
    pub oggetto: Oggetto,
    /// Id of the thing: a day of the register (`RG-X912 2024-03-12`), a document, an aggregation.
    pub id: String,
    /// Whether the day is past.
    pub urgenza: Urgenza,
    /// How many documents it is about; none of a day that was not made.
    pub documents: u64,
    /// True where nothing moves before a person or another party has acted.
    pub blocked: bool,
    /// What is still to be done, or stands in the way.
    pub why: Vec<Message>,
    /// The rule behind the day.
    pub rule: &'static str,
}

impl Scadenza {
    /// Its id in a calendar: the same thing with the same day has the same one, whoever asks and when.
    fn uid(&self, ente: &str) -> String {
        let id = Digest::id("due", &[ente.as_bytes(), self.oggetto.code().as_bytes(), self.id.as_bytes()]);
        format!("{id}@conserva.{ente}")
    }
}

/// The deadlines as a calendar, an event of the whole day for each. What is written is ids, kinds and reasons: no names.
pub fn calendar(all: &[Scadenza], (ente, at, lang): (&str, Timestamp, Lang)) -> String {
    let mut out = String::new();
    let stamp = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    for line in [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        concat!("PRODID:-//Conserva//", env!("CARGO_PKG_VERSION"), "//IT"),
        "CALSCALE:GREGORIAN",
    ] {
        put(&mut out, line);
    }
    for one in all {
        let until = one.due.checked_add(1.day()).unwrap_or(one.due);
        let why: Vec<String> = one.why.iter().map(|why| why.sentence(lang)).collect();
        put(&mut out, "BEGIN:VEVENT");
        put(&mut out, &format!("UID:{}", escaped(&one.uid(ente))));
        put(&mut out, &format!("DTSTAMP:{stamp}"));
        put(&mut out, &format!("DTSTART;VALUE=DATE:{}", one.due.strftime("%Y%m%d")));
        put(&mut out, &format!("DTEND;VALUE=DATE:{}", until.strftime("%Y%m%d")));
        put(&mut out, &format!("SUMMARY:{}", escaped(&format!("{}: {}", one.oggetto.shown(lang), one.id))));
        put(&mut out, &format!("DESCRIPTION:{}", escaped(&why.join("\n"))));
        put(&mut out, &format!("CATEGORIES:{}", escaped(one.rule)));
        put(&mut out, "TRANSP:TRANSPARENT");
        put(&mut out, "END:VEVENT");
    }
    put(&mut out, "END:VCALENDAR");
    out
}

/// A text value: what has a meaning of its own is marked (RFC 5545, 3.3.11).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A content line, folded where it is longer than a line may be, never within a character.
fn put(out: &mut String, line: &str) {
    let (mut rest, mut room) = (line, LINE_BYTES_MAX);
    while rest.len() > room {
        let at = (1..=room).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(room);
        let (now, later) = rest.split_at(at);
        _ = write!(out, "{now}\r\n ");
        // The blank that begins a folded line counts.
        (rest, room) = (later, LINE_BYTES_MAX - 1);
    }
    out.push_str(rest);
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn one(id: &str) -> Scadenza {
        Scadenza {
            due: date(2024, 12, 31),
            oggetto: Oggetto::Fascicolo,
            id: id.to_owned(),
            urgenza: Urgenza::Due,
            documents: 1,
            blocked: false,
            why: vec![Message::new("due-not-packaged").with("count", 1)],
            rule: "CAD 44 c. 1-bis",
        }
    }

    #[test]
    fn lines_are_folded_at_seventy_five_bytes_and_give_the_text_back() {
        let long = format!("2024/VI.3/1, è; \\ {}", "àèìòù".repeat(60));
        let text = calendar(&[one(&long)], ("c_x912", Timestamp::UNIX_EPOCH, Lang::It));
        assert!(text.ends_with("END:VCALENDAR\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
        assert!(text.split("\r\n").all(|line| line.len() <= 75));
        assert!(text.split("\r\n").any(|line| line.len() >= 74), "lines are filled");
        let unfolded = text.replace("\r\n ", "");
        let wanted = long.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
        assert!(unfolded.contains(&format!(": {wanted}\r\n")), "{unfolded}");
    }

    #[test]
    fn an_event_keeps_its_id_while_its_thing_is_the_same() {
        let uid = |id: &str, at| {
            let text = calendar(&[one(id)], ("c_x912", at, Lang::It));
            text.split("\r\n").find(|line| line.starts_with("UID:")).map(str::to_owned).expect("an id")
        };
        let later = Timestamp::from_second(1_700_000_000).expect("an instant");
        assert_eq!(uid("2024/VI.3/1", Timestamp::UNIX_EPOCH), uid("2024/VI.3/1", later));
        assert_ne!(uid("2024/VI.3/1", later), uid("2024/VI.3/2", later));
    }
}
