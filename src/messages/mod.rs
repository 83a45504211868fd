//! What a person reads, in Italian and in English: the one message catalogue.
//!
//! Each room has its file of entries beside this one; an entry has a stable code, a sentence (what and where) and an
//! advice (what to do), in both languages, with `{placeholders}`. Code speaks of a [`Message`] (code and values) and
//! the rim renders it, so that holds, findings and reasons stored years ago are still read in the reader's language.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The language of what an office worker reads. Italian unless asked otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Italian, the default.
    #[default]
    It,
    /// English, on request.
    En,
}

/// A catalogue code with the values of its placeholders: what is stored and passed around instead of prose.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Message {
    code: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, String>,
    /// Placeholders that other entries of the catalogue fill, in the reader's language: their codes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    words: BTreeMap<String, String>,
}

impl Message {
    /// A message without values. `code` must be an entry of the catalogue (a test reads the sources to see to it).
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), values: BTreeMap::new(), words: BTreeMap::new() }
    }

    /// Adds the value of one placeholder.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.values.insert(name.to_owned(), value.to_string());
        self
    }

    /// Lets the sentence of another entry fill one placeholder.
    #[must_use]
    pub fn word(mut self, name: &str, code: &str) -> Self {
        self.words.insert(name.to_owned(), code.to_owned());
        self
    }

    /// The code of the entry that fills one placeholder.
    pub fn word_of(&self, name: &str) -> Option<&str> {
        self.words.get(name).map(String::as_str)
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The value of one placeholder, if it was given.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The values of all placeholders, with their names.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// True if the catalogue has words for the code.
    pub fn is_known(&self) -> bool {
        catalogue().contains_key(self.code.as_str())
    }

    /// Bytes of code and values together, for ceilings on messages that come from outside.
    pub fn bytes(&self) -> usize {
        self.code.len() + self.values.iter().chain(&self.words).map(|(name, value)| name.len() + value.len()).sum::<usize>()
    }

    /// What happened and where, in `lang`. An unknown code (a message stored by a newer release) shows code and values.
    pub fn sentence(&self, lang: Lang) -> String {
        match (catalogue().get(self.code.as_str()), lang) {
            (Some(entry), Lang::It) => self.filled(&entry.it, "?", lang),
            (Some(entry), Lang::En) => self.filled(&entry.en, "?", lang),
            (None, _) => format!("{} {:?}", self.code, self.values),
        }
    }

    /// What happens, in `lang`, wherever it happens: dots stand for the values that are not given.
    pub fn in_general(&self, lang: Lang) -> String {
        let Some(entry) = catalogue().get(self.code.as_str()) else { return self.code.clone() };
        self.filled(if lang == Lang::It { &entry.it } else { &entry.en }, "…", lang)
    }

    /// What to do about it, in `lang`; empty where the sentence says it all.
    pub fn advice(&self, lang: Lang) -> String {
        match (catalogue().get(self.code.as_str()), lang) {
            (Some(entry), Lang::It) => self.filled(&entry.it_advice, "?", lang),
            (Some(entry), Lang::En) => self.filled(&entry.en_advice, "?", lang),
            (None, _) => String::new(),
        }
    }

    /// Sentence and advice together.
    pub fn text(&self, lang: Lang) -> String {
        let (sentence, advice) = (self.sentence(lang), self.advice(lang));
        if advice.is_empty() { sentence } else { format!("{sentence} {advice}") }
    }

    fn filled(&self, template: &str, unknown: &str, lang: Lang) -> String {
        let mut text = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                text.push('{');
                rest = after;
                break;
            };
            match (self.values.get(name), self.words.get(name)) {
                (Some(value), _) => text.push_str(value),
                // An entry that fills another's place has the same values, and no such place itself.
                (None, Some(code)) => {
                    let inner = Self { code: code.clone(), values: self.values.clone(), words: BTreeMap::new() };
                    text.push_str(&inner.sentence(lang));
                }
                (None, None) => text.push_str(unknown),
            }
            rest = tail;
        }
        text.push_str(rest);
        text
    }
}

/// One entry of the catalogue.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    it: String,
    en: String,
    #[serde(default)]
    it_advice: String,
    #[serde(default)]
    en_advice: String,
}

/// The label of a code alone (column heads, words on a page), without values.
pub fn label(code: &str, lang: Lang) -> String {
    Message::new(code).sentence(lang)
}

const ROOMS: &[(&str, &str)] = &[
    ("house", include_str!("house.toml")),
    ("store", include_str!("store.toml")),
    ("blobs", include_str!("blobs.toml")),
    ("acquire", include_str!("acquire.toml")),
    ("identify", include_str!("identify.toml")),
    ("pages", include_str!("pages.toml")),
    ("copy", include_str!("copy.toml")),
    ("extract", include_str!("extract.toml")),
    ("classify", include_str!("classify.toml")),
    ("segnatura", include_str!("segnatura.toml")),
    ("tables", include_str!("tables.toml")),
    ("describe", include_str!("describe.toml")),
    ("package", include_str!("package.toml")),
    ("verify", include_str!("verify.toml")),
    ("inspect", include_str!("inspect.toml")),
    ("desk", include_str!("desk.toml")),
    ("watch", include_str!("watch.toml")),
    ("network", include_str!("network.toml")),
    ("open", include_str!("open.toml")),
    ("batch", include_str!("batch.toml")),
    ("scarto", include_str!("scarto.toml")),
    ("due", include_str!("due.toml")),
    ("registro", include_str!("registro.toml")),
    ("sign", include_str!("sign.toml")),
];

fn catalogue() -> &'static BTreeMap<String, Entry> {
    static CATALOGUE: OnceLock<BTreeMap<String, Entry>> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let mut entries = BTreeMap::new();
        for (room, text) in ROOMS {
            match toml::from_str::<BTreeMap<String, Entry>>(text) {
                Ok(some) => entries.extend(some),
                Err(error) => tracing::error!(room, %error, "message catalogue unreadable"),
            }
        }
        entries
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_catalogue_parses_without_a_code_twice() {
        let mut seen = BTreeMap::new();
        for (room, text) in ROOMS {
            let entries: BTreeMap<String, Entry> = toml::from_str(text).unwrap_or_else(|e| panic!("{room}: {e}"));
            for code in entries.into_keys() {
                if let Some(other) = seen.insert(code.clone(), room) {
                    panic!("{code} stands in {other} and in {room}");
                }
            }
        }
    }

    #[test]
    fn a_placeholder_is_filled_in_both_languages() {
        let message = Message::new("bug").with("what", "x{y}");
        assert!(message.sentence(Lang::It).contains("x{y}"));
        assert!(message.sentence(Lang::En).contains("x{y}"));
    }

    #[test]
    fn a_reason_fills_its_place_in_the_language_of_the_reader_and_outlives_storage() {
        let message = Message::new("signature-trust").with("who", "Anna").word("why", "sign-withdrawn").with("detail", "{x}");
        let stored: Message = serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
        for (lang, part) in [(Lang::It, "elenco di fiducia ({x})"), (Lang::En, "trusted list ({x})")] {
            assert!(
                stored.sentence(lang).starts_with("Anna: ") && stored.sentence(lang).contains(part),
                "{}",
                stored.sentence(lang)
            );
        }
    }

    #[test]
    fn a_missing_value_shows_as_a_question_mark() {
        assert!(Message::new("bug").sentence(Lang::En).contains('?'));
    }
}
