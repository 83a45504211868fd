//! What is known before the first paper? The seed corpus: wordings of our own, put together to short documents.
//!
//! The form of the file is told at its head. Wordings in small letters are held out: documents of one part share no
//! sentence, no title and no subject with those of the other.

use super::model::Dice;

/// Which wordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Those to learn from.
    Taught,
    /// Those held out.
    HeldOut,
}

/// A document put together from the corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Tipo code; none of a subject alone.
    pub tipo: String,
    /// Voce.
    pub voce: String,
    /// Title or oggetto.
    pub heading: String,
    /// The rest.
    pub text: String,
}

#[derive(Debug, Default)]
struct Block {
    /// Tipo code, or none in a block of a voce.
    tipo: Option<String>,
    voce: Option<String>,
    titles: [Vec<String>; 2],
    sentences: [Vec<String>; 2],
    subjects: [Vec<String>; 2],
}

/// The corpus, read.
#[derive(Debug, Default)]
pub struct Seed {
    blocks: Vec<Block>,
}

impl Seed {
    /// Reads the corpus; gives the number of the first line that it does not understand.
    pub fn parse(text: &str) -> Result<Self, usize> {
        let mut blocks: Vec<Block> = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(head) = line.strip_prefix('[') {
                let (name, voce) = head.split_once(']').ok_or(number)?;
                let voce = Some(voce.trim().to_owned()).filter(|v| !v.is_empty());
                let block = match name.split_once(' ') {
                    Some(("tipo", code)) => Block { tipo: Some(code.to_owned()), voce, ..Block::default() },
                    Some(("voce", code)) => Block { voce: Some(code.to_owned()), ..Block::default() },
                    _ => return Err(number),
                };
                blocks.push(block);
                continue;
            }
            let (kind, items) = line.split_once(' ').ok_or(number)?;
            let block = blocks.last_mut().ok_or(number)?;
            let list = match kind {
                "T" => &mut block.titles[0],
                "t" => &mut block.titles[1],
                "S" => &mut block.sentences[0],
                "s" => &mut block.sentences[1],
                "O" => &mut block.subjects[0],
                "o" => &mut block.subjects[1],
                _ => return Err(number),
            };
            list.extend(items.split(" | ").map(|item| item.trim().to_owned()));
        }
        Ok(Self { blocks })
    }

    /// Codes of all types and voci, each once, in the order of the file.
    pub fn codes(&self) -> (Vec<String>, Vec<String>) {
        let (mut tipi, mut voci): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for block in &self.blocks {
            for (list, code) in [(&mut tipi, block.tipo.as_ref()), (&mut voci, block.voce.as_ref())] {
                if let Some(code) = code.filter(|code| !list.contains(code)) {
                    list.push(code.clone());
                }
            }
        }
        (tipi, voci)
    }

    /// `count` documents of every type's block and of every voce, put together by chance that falls the same way every time.
    pub fn documents(&self, split: Split, (count, seed): (usize, u64)) -> Vec<Written> {
        let side = usize::from(split == Split::HeldOut);
        let subjects: Vec<(&str, &str)> = self
            .blocks
            .iter()
            .filter(|block| block.tipo.is_none())
            .flat_map(|block| {
                let voce = block.voce.as_deref().unwrap_or("");
                block.subjects[side].iter().map(move |subject| (voce, subject.as_str()))
            })
            .collect();
        let mut dice = Dice(seed);
        let mut documents = Vec::new();
        for block in self.blocks.iter().filter(|block| !block.titles[side].is_empty()) {
            for n in 0..count {
                documents.push(block.document((side, n), &subjects, &mut dice));
            }
        }
        // Every subject once in a frame of each of two types that take any, so that no voce is known by one frame only.
        let frames: Vec<&Block> = self.blocks.iter().filter(|block| block.is_open() && !block.titles[side].is_empty()).collect();
        for subject in &subjects {
            for _ in 0..2 {
                if let Some(block) = frames.get(dice.throw(frames.len())) {
                    let n = dice.throw(block.titles[side].len());
                    documents.push(block.document((side, n), std::slice::from_ref(subject), &mut dice));
                }
            }
        }
        documents
    }
}

impl Block {
    /// True of a type that takes any subject.
    fn is_open(&self) -> bool {
        self.tipo.is_some() && self.titles[0].first().is_some_and(|title| title.contains("{o}"))
    }

    fn document(&self, (side, n): (usize, usize), subjects: &[(&str, &str)], dice: &mut Dice) -> Written {
        let title = self.titles[side].get(n % self.titles[side].len().max(1)).map_or("", String::as_str);
        let (voce, subject) = subjects.get(dice.throw(subjects.len())).copied().unwrap_or(("", ""));
        let sentences = &self.sentences[side];
        let wanted = if side == 0 { 2 + dice.throw(4) } else { 2 };
        let start = dice.throw(sentences.len());
        let chosen: Vec<&str> = (0..wanted.min(sentences.len()))
            .filter_map(|i| sentences.get((start + i) % sentences.len()))
            .map(String::as_str)
            .collect();
        let is_open = title.contains("{o}");
        Written {
            tipo: self.tipo.clone().unwrap_or_default(),
            voce: if is_open { voce.to_owned() } else { self.voce.clone().unwrap_or_default() },
            heading: filled(title, subject, dice),
            text: filled(&chosen.join("\n"), subject, dice),
        }
    }
}

const PERSONS: [&str; 8] = [
    "Rita Castagnola",
    "Ubaldo Frassinelli",
    "Noemi Zavattaro",
    "Iole Brugnera",
    "Dario Pescarolo",
    "Ada Morlacchi",
    "Elvio Santagiuliana",
    "Gaia Trombini",
];
const FIRMS: [&str; 6] = [
    "Edilpeschiera S.r.l.",
    "Gamma Impianti S.n.c.",
    "Tipografia Alba",
    "Coop. Il Salice",
    "Verdi & Figli S.p.A.",
    "Studio Tecnico Orsi",
];
const STREETS: [&str; 6] =
    ["via Garibaldi 12", "piazza Matteotti", "via dei Tigli", "strada provinciale 7", "viale Europa 3", "vicolo Stretto"];
const DATES: [&str; 6] = ["12/03/2023", "4 maggio 2022", "28.11.2021", "1° luglio 2024", "15/09/2020", "3 febbraio 2019"];
const AMOUNTS: [&str; 5] = ["€ 1.250,00", "euro 348,60", "€ 12.400,00", "€ 87,50", "euro 5.000,00"];
const OFFICES: [&str; 4] = ["Ufficio Tecnico", "Servizi alla Persona", "Ragioneria", "Segreteria"];

/// The slots of an item filled in.
fn filled(item: &str, subject: &str, dice: &mut Dice) -> String {
    let mut text = String::with_capacity(item.len() + subject.len());
    let mut rest = item;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (slot, tail) = after.split_once('}').unwrap_or((after, ""));
        if slot == "o" {
            text.push_str(&filled(subject, "", dice));
            rest = tail;
            continue;
        }
        let mut of = |list: &[&'static str]| list.get(dice.throw(list.len())).copied().unwrap_or("");
        match slot {
            "p" => text.push_str(of(&PERSONS)),
            "f" => text.push_str(of(&FIRMS)),
            "v" => text.push_str(of(&STREETS)),
            "d" => text.push_str(of(&DATES)),
            "e" => text.push_str(of(&AMOUNTS)),
            "u" => text.push_str(of(&OFFICES)),
            "y" => text.push_str(&(2015 + dice.throw(10)).to_string()),
            _ => text.push_str(&(1 + dice.throw(900)).to_string()),
        }
        rest = tail;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# head\n[tipo lettera]\nT Oggetto: {o} | Invio: {o}\nS Saluti da {p} | Cordialmente\nt Nota: {o}\ns Addio\n\
        [tipo fattura] IV.4\nT FATTURA {n}\nS totale {e}\n[voce VI.7]\nO buche in {v}\no lampione\n";

    #[test]
    fn the_two_parts_share_no_wording_and_every_slot_is_filled() {
        let seed = Seed::parse(TEXT).expect("a corpus");
        assert_eq!(seed.codes().0, ["lettera", "fattura"]);
        let taught = seed.documents(Split::Taught, (3, 1));
        let held = seed.documents(Split::HeldOut, (3, 1));
        assert!(taught.iter().all(|d| !d.heading.contains('{') && !d.text.contains('{')), "{taught:?}");
        assert!(taught.iter().any(|d| d.tipo == "lettera" && d.voce == "VI.7" && d.heading.contains("buche")));
        assert!(taught.iter().any(|d| d.tipo == "fattura" && d.voce == "IV.4"));
        assert!(held.iter().all(|d| d.heading == "Nota: lampione" && d.text == "Addio"), "{held:?}");
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        assert_eq!(Seed::parse("[tipo a]\nX y z\n").err(), Some(2));
        assert_eq!(Seed::parse("T before any block\n").err(), Some(1));
        assert_eq!(Seed::parse("[altro b]\n").err(), Some(1));
    }
}
