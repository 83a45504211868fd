//! Which words are there? The words of a language, from a plain list on the machine, one a line.
//!
//! A list that the recogniser does not know: its own dictionary pulls readings towards its words, some of which are none
//! (`ill` for `il`), so that it cannot judge them.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization as _;

/// Most bytes of a list that are read; the Italian one has 1.2 million.
const LIST_BYTES_MAX: u64 = 32 << 20;

/// Forms before an apostrophe, which lists of words leave out.
const ELIDED: &[&str] = &[
    "all", "anch", "c", "coll", "com", "cos", "d", "dall", "dell", "dev", "dov", "gl", "grand", "l", "m", "n", "nell", "nessun",
    "po", "quell", "quest", "s", "sant", "senz", "sull", "t", "tutt", "un", "v",
];

/// Abbreviations of the offices, which lists of words leave out.
const ABBREVIATIONS: &[&str] = &[
    "a", "aoo", "arch", "art", "artt", "asl", "avv", "cc", "cd", "cds", "cf", "cig", "cila", "cod", "comm", "cup", "dgr", "dl",
    "dlgs", "dm", "dott", "dpcm", "dpr", "dr", "durc", "e", "è", "fasc", "fg", "fraz", "geom", "gg", "i", "imu", "ing", "ipa",
    "irpef", "isee", "iva", "lett", "lgs", "loc", "lr", "mapp", "mq", "n", "nn", "nr", "ns", "o", "onlus", "ord", "pag", "pec",
    "pg", "pnrr", "prot", "rag", "rif", "rup", "scia", "sig", "snc", "spa", "srl", "suap", "tari", "tasi", "ter", "tuel", "uff",
    "uor", "urp", "vs", "ztl",
];

/// Words of the offices, which lists of general words leave out; those of the Titolario's own tables come beside them.
const OFFICIAL: &[&str] = &[
    "affidamenti",
    "ammissibilità",
    "annonaria",
    "annonario",
    "commi",
    "conferimento",
    "conseguente",
    "conseguenti",
    "corresponsione",
    "diniego",
    "disinfestazione",
    "esumazione",
    "estumulazione",
    "impegni",
    "indizione",
    "infondatezza",
    "istruttoria",
    "istruttorio",
    "lavorativa",
    "lavorativo",
    "legislativa",
    "legislativo",
    "nomina",
    "onorificenza",
    "paritetica",
    "patrocini",
    "previdenziale",
    "proroga",
    "rendicontazione",
    "rettifica",
    "rideterminazione",
    "rilasciati",
    "rilasciato",
    "rilascio",
    "rilevamento",
    "rimborso",
    "ripristino",
    "sanatoria",
    "segnalazioni",
    "sgombero",
    "subappalto",
    "superamento",
    "targato",
    "tracciabilità",
    "transennamento",
    "veterinario",
];

/// Tables of ours whose words are those of the offices.
const TABLES: &[&str] = &[
    include_str!("../schemas/titolario-comuni.csv"),
    include_str!("../schemas/voce-words.toml"),
    include_str!("../schemas/document-types.toml"),
];

/// The words of a language. The list is read when the first word is asked for.
#[derive(Debug)]
pub struct Lexicon {
    path: PathBuf,
    words: OnceLock<HashSet<String>>,
}

impl Lexicon {
    /// The list in `path`. Of one that is missing or unreadable only the words of the offices are known: who asks is the stricter for it.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), words: OnceLock::new() }
    }

    /// A list given word by word.
    pub fn of(words: &[&str]) -> Self {
        Self { path: PathBuf::new(), words: OnceLock::from(words.iter().map(|word| plain(word)).collect::<HashSet<_>>()) }
    }

    /// True if `word` is in the list or one of the offices, whatever its capitals.
    pub fn knows(&self, word: &str) -> bool {
        let word = plain(word);
        [ABBREVIATIONS, OFFICIAL].iter().any(|words| words.contains(&word.as_str()))
            || self.words.get_or_init(|| self.read()).contains(&word)
    }

    /// True if the list of Italian words was there: any has its article.
    pub fn is_listed(&self) -> bool {
        self.knows("il")
    }

    /// True of a form that stands before an apostrophe.
    pub fn knows_elided(word: &str) -> bool {
        ELIDED.contains(&plain(word).as_str())
    }

    fn read(&self) -> HashSet<String> {
        let lines = std::fs::File::open(&self.path).map(|file| BufReader::new(file.take(LIST_BYTES_MAX)).lines());
        match lines {
            Ok(lines) => lines.map_while(std::io::Result::ok).map(|line| plain(line.trim())).chain(of_tables()).collect(),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "no list of words: more documents will be held");
                of_tables().collect()
            }
        }
    }
}

fn of_tables() -> impl Iterator<Item = String> {
    TABLES.iter().flat_map(|table| table.split(|c: char| !c.is_alphabetic())).filter(|word| word.chars().count() > 3).map(plain)
}

/// Small letters, composed.
fn plain(word: &str) -> String {
    word.nfc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_whatever_its_capitals_or_the_form_of_its_accents() {
        let lexicon = Lexicon::of(&["biennio", "città"]);
        for word in ["biennio", "BIENNIO", "Città", "CITTA\u{300}", "PEC"] {
            assert!(lexicon.knows(word), "{word}");
        }
        assert!(!lexicon.knows("blennio") && !lexicon.knows("citta"));
        assert!(Lexicon::knows_elided("Dell") && !Lexicon::knows_elided("ill"));
    }

    #[test]
    fn a_list_that_is_not_there_leaves_the_words_of_the_offices() {
        let lexicon = Lexicon::new(Path::new("/no/such/list"));
        assert!(!lexicon.is_listed() && lexicon.knows("contingibile") && lexicon.knows("edilizia"));
    }
}
