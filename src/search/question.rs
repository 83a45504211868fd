//! What does a question mean? Words, phrases in quotes, fields (`tipo:scia voce:VI.3 dal:2024-01-01`), `-` before what must not be.

use jiff::civil::{Date, date};

use super::registration_marks;
use super::words::{Stems, words};
use crate::error::{Error, Kind, Result};
use crate::findable::{Expression, mark};

/// The fields that may be asked for.
pub const FIELDS: [&str; 17] = [
    "tipo",
    "voce",
    "fascicolo",
    "protocollo",
    "pratica",
    "cf",
    "piva",
    "cig",
    "cup",
    "iban",
    "oggetto",
    "mittente",
    "destinatario",
    "riservato",
    "dal",
    "al",
    "nota",
];
/// Fields that are words of the document or name a person: of reserved documents they are for those with the right.
const PERSONAL: [&str; 10] = ["cf", "piva", "iban", "oggetto", "mittente", "destinatario", "pratica", "cig", "cup", "nota"];
/// Longest question, bytes.
const QUESTION_BYTES_MAX: usize = 1_000;
/// Most parts of a question.
const PARTS_MAX: usize = 32;
/// The years that a range without an end reaches over.
const YEARS: (Date, Date) = (date(1861, 1, 1), date(2100, 12, 31));

/// A question understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As the index is asked.
    pub expression: Expression,
    /// What a snippet shows: words and phrases.
    pub(super) needles: Vec<Vec<Asked>>,
}

/// One word asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Any word of that stem.
    Stem(String),
    /// Any word that begins so.
    Beginning(String),
}

impl Asked {
    pub(super) fn is(&self, folded: &str, stems: &Stems) -> bool {
        match self {
            Self::Stem(stem) => stems.is(folded, stem),
            Self::Beginning(letters) => folded.starts_with(letters),
        }
    }
}

/// What a question means; `has_right` says whether whoever asks may find reserved documents by their words.
pub fn wanted(question: &str, has_right: bool) -> Result<Wanted> {
    if question.len() > QUESTION_BYTES_MAX {
        return Err(too_long("search-long", QUESTION_BYTES_MAX));
    }
    let mut reader =
        Reader { stems: Stems::new(), with: Vec::new(), without: Vec::new(), needles: Vec::new(), is_personal: false };
    let (mut from, mut to) = (None, None);
    let parts = parts(question);
    if parts.len() > PARTS_MAX {
        return Err(too_long("search-parts", PARTS_MAX));
    }
    for part in parts {
        match part.field.as_str() {
            "dal" => from = Some(day(&part)?),
            "al" => to = Some(day(&part)?),
            _ => reader.part(&part)?,
        }
    }
    if from.is_some() || to.is_some() {
        let marks = range_marks(from.unwrap_or(YEARS.0), to.unwrap_or(YEARS.1));
        // A range that holds no day at all is found nowhere.
        let marks = if marks.is_empty() { vec![mark("giorno", "-")] } else { marks };
        reader.with.push(Expression::marked(&marks).0);
    }
    if reader.with.is_empty() {
        return Err(Error::new(Kind::Usage, "search-empty"));
    }
    if reader.is_personal && !has_right {
        reader.without.push(Expression::marked(&[mark("riservato", "si")]).0);
    }
    let with = reader.with.join(" AND ");
    let expression = if reader.without.is_empty() { with } else { format!("({with}) NOT ({})", reader.without.join(" OR ")) };
    Ok(Wanted { expression: Expression(expression), needles: reader.needles })
}

fn too_long(code: &'static str, limit: usize) -> Error {
    Error::new(Kind::Usage, code).with("limit", limit)
}

/// One part of a question as it was typed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Part {
    is_without: bool,
    /// Empty of plain words.
    field: String,
    value: String,
}

/// Parts are divided by blanks; quotes keep blanks inside.
fn parts(question: &str) -> Vec<Part> {
    let (mut parts, mut part, mut is_quoted, mut is_begun) = (Vec::new(), Part::default(), false, false);
    for c in question.chars() {
        match c {
            '"' | '“' | '”' | '«' | '»' => {
                is_quoted = !is_quoted;
                is_begun = true;
            }
            c if c.is_whitespace() && !is_quoted => {
                if std::mem::take(&mut is_begun) {
                    parts.push(std::mem::take(&mut part));
                }
            }
            '-' if !is_begun => {
                part.is_without = true;
                is_begun = true;
            }
            ':' if !is_quoted && part.field.is_empty() && is_name(&part.value) => {
                part.field = std::mem::take(&mut part.value).to_lowercase();
            }
            c => {
                part.value.push(c);
                is_begun = true;
            }
        }
    }
    if is_begun {
        parts.push(part);
    }
    parts
}

/// Only letters can name a field: `10:30` is an hour.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_alphabetic)
}

struct Reader {
    stems: Stems,
    with: Vec<String>,
    without: Vec<String>,
    needles: Vec<Vec<Asked>>,
    is_personal: bool,
}

impl Reader {
    fn part(&mut self, part: &Part) -> Result<()> {
        let value = part.value.trim();
        let term = match part.field.as_str() {
            "" => match self.phrase(value) {
                Some((term, needle)) => {
                    if !part.is_without {
                        self.needles.push(needle);
                    }
                    self.is_personal = true;
                    term
                }
                // A dash or a full stop alone asks nothing.
                None => return Ok(()),
            },
            field if !FIELDS.contains(&field) => {
                return Err(Error::new(Kind::Usage, "search-field").with("field", field).with("fields", FIELDS.join(", ")));
            }
            column @ ("oggetto" | "mittente" | "destinatario") => match self.phrase(value) {
                Some((term, _)) => format!("{{{column}}} : {term}"),
                None => return Err(wrong(part)),
            },
            field => Expression::marked(&[field_mark(field, value).ok_or_else(|| wrong(part))?]).0,
        };
        self.is_personal |= PERSONAL.contains(&part.field.as_str());
        if part.is_without {
            self.without.push(term);
        } else {
            self.with.push(term);
        }
        Ok(())
    }

    /// Words that follow one another, or one word; `edil*` is its beginning.
    fn phrase(&self, text: &str) -> Option<(String, Vec<Asked>)> {
        let folded: Vec<String> = words(text).map(|(_, word)| word).collect();
        let last = folded.len().checked_sub(1)?;
        let is_open = text.ends_with('*');
        let asked = |(n, word): (usize, &String)| {
            if is_open && n == last { Asked::Beginning(word.clone()) } else { Asked::Stem(self.stems.stem(word)) }
        };
        let needle: Vec<Asked> = folded.iter().enumerate().map(asked).collect();
        let stems: Vec<&str> = needle.iter().map(|(Asked::Stem(word) | Asked::Beginning(word))| word.as_str()).collect();
        let open = if is_open { " *" } else { "" };
        Some((format!("\"{}\"{open}", stems.join(" ")), needle))
    }
}

/// The mark that a field asks for; none where its value cannot be one.
fn field_mark(field: &str, value: &str) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    let compact = || value.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    Some(match field {
        "fascicolo" => mark("fasc", value),
        "pratica" => mark("rif", value),
        "protocollo" | "nota" => {
            let (number, year) = value.split_once('/').map_or((value, None), |(number, year)| (number, Some(year)));
            let field = if field == "nota" { "nota" } else { "prot" };
            if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let [alone, dated] = registration_marks(field, number, year.map_or(Ok(0), str::parse).ok()?);
            if year.is_some() { dated } else { alone }
        }
        "cf" | "piva" | "cig" | "cup" | "iban" => mark(field, &compact()),
        "riservato" if !matches!(value, "si" | "no") => return None,
        field => mark(field, value),
    })
}

fn wrong(part: &Part) -> Error {
    Error::new(Kind::Usage, "search-value").with("field", &part.field).with("value", &part.value)
}

fn day(part: &Part) -> Result<Date> {
    part.value.trim().parse().ok().filter(|day| (YEARS.0..=YEARS.1).contains(day)).ok_or_else(|| wrong(part))
}

/// Marks of a day: itself, its month, its year.
pub(super) fn date_marks(day: Date) -> [String; 3] {
    let month = day.strftime("%Y-%m").to_string();
    [mark("giorno", &day.to_string()), mark("mese", &month), mark("anno", &day.year().to_string())]
}

/// The fewest marks that cover all days from `from` to `to`, both included: whole years, whole months, days.
fn range_marks(from: Date, to: Date) -> Vec<String> {
    let (mut marks, mut day) = (Vec::new(), from);
    while day <= to {
        let [a_day, a_month, a_year] = date_marks(day);
        let (mark, last) = if day.day_of_year() == 1 && day.last_of_year() <= to {
            (a_year, day.last_of_year())
        } else if day.day() == 1 && day.last_of_month() <= to {
            (a_month, day.last_of_month())
        } else {
            (a_day, day)
        };
        marks.push(mark);
        let Ok(next) = last.tomorrow() else { break };
        day = next;
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(question: &str) -> String {
        wanted(question, true).expect(question).expression.0
    }

    fn code(question: &str) -> String {
        wanted(question, true).expect_err(question).code().to_owned()
    }

    #[test]
    fn words_are_stemmed_and_phrases_keep_their_order() {
        assert_eq!(asked("Autorizzazioni"), asked("autorizzazione"));
        assert_eq!(asked("\"permesso di costruire\""), "\"permess di costru\"");
        assert_eq!(asked("permesso costruire"), "\"permess\" AND \"costru\"");
        assert_eq!(asked("edil*"), "\"edil\" *");
    }

    #[test]
    fn fields_ask_for_marks_and_names_for_their_columns() {
        assert_eq!(asked("tipo:scia voce:VI.3"), "{campi} : (\"tipo_scia\") AND {campi} : (\"voce_vi_3\")");
        assert_eq!(asked("protocollo:0004512/2024"), "{campi} : (\"prot_4512_2024\")");
        assert_eq!(asked("protocollo:4512"), "{campi} : (\"prot_4512\")");
        assert_eq!(asked("fascicolo:2024/VI.3/1"), "{campi} : (\"fasc_2024_vi_3_1\")");
        assert_eq!(asked("mittente:\"Rossi Maria\""), "{mittente} : \"ross mar\"");
        assert_eq!(asked("ore 10:30"), "\"ore\" AND \"10 30\"");
    }

    #[test]
    fn what_must_not_be_stands_behind_what_must() {
        assert_eq!(asked("-tipo:scia acqua"), "(\"acqua\") NOT ({campi} : (\"tipo_scia\"))");
        assert_eq!(code("-acqua"), "search-empty");
    }

    #[test]
    fn who_has_no_right_finds_reserved_documents_by_no_word_of_theirs() {
        let without = |question| wanted(question, false).expect("a question").expression.0;
        for question in ["acqua", "cf:RSSMRA85T10A562S", "mittente:rossi", "-acqua tipo:scia", "pratica:87/2019"] {
            assert!(without(question).contains("riservato_si"), "{question}");
        }
        assert_eq!(without("tipo:scia dal:2024-01-01 al:2024-01-01"), asked("tipo:scia dal:2024-01-01 al:2024-01-01"));
    }

    #[test]
    fn a_range_of_days_is_covered_by_few_marks_without_gap_or_overlap() {
        let marks = range_marks(date(2023, 11, 29), date(2025, 2, 2));
        let expected = [
            "giorno_2023_11_29",
            "giorno_2023_11_30",
            "mese_2023_12",
            "anno_2024",
            "mese_2025_01",
            "giorno_2025_02_01",
            "giorno_2025_02_02",
        ];
        assert_eq!(marks, expected);
        assert!(range_marks(date(2024, 1, 2), date(2024, 1, 1)).is_empty());
        assert_eq!(asked("dal:2024-01-02 al:2024-01-01"), "{campi} : (\"giorno__\")");
    }

    #[test]
    fn no_sign_of_the_engines_language_comes_through() {
        for question in
            ["a\" OR \"b", "x) NOT (y", "{testo} : z", "NEAR(a b)", "tipo:\"a\" OR \"b\"", "cf:\"x\") OR (\"y\"", "voce:VI\"3"]
        {
            let Ok(wanted) = wanted(question, true) else { continue };
            let outside: String = wanted.expression.0.split('"').step_by(2).collect();
            assert!(!outside.contains("OR") && !outside.contains("NEAR") && !outside.contains("testo"), "{question}: {outside}");
        }
    }

    #[test]
    fn a_question_has_its_ceilings() {
        assert!(wanted(&"x".repeat(QUESTION_BYTES_MAX), true).is_ok());
        assert_eq!(code(&"x".repeat(QUESTION_BYTES_MAX + 1)), "search-long");
        assert!(wanted(&"x ".repeat(PARTS_MAX), true).is_ok());
        assert_eq!(code(&"x ".repeat(PARTS_MAX + 1)), "search-parts");
    }

    #[test]
    fn a_question_without_sense_is_said() {
        assert_eq!(code("colore:rosso"), "search-field");
        assert_eq!(code("dal:ieri"), "search-value");
        assert_eq!(code("protocollo:abc"), "search-value");
        assert_eq!(code("riservato:forse"), "search-value");
        assert_eq!(code(" - "), "search-empty");
    }
}
