//! How do we read ourselves? Lines of the sheet from whoever finds them, all read at once by our own reader of the models.
//!
//! Lines come from Tesseract's analysis of the layout. A sheet whose lines cannot be had is read by Tesseract whole.

use super::crops::{self, Piece};
use super::layout::Analyser;
use super::lstm::{ReadLine, Recogniser};
use super::tesseract::{Tesseract, folded};
use super::{OcrEngine, Orientation, Sheet};
use crate::error::Result;
use crate::page::{Block, Line, Origin, Word};

/// Our own engine, with Tesseract beside it for what it leaves to it.
pub struct Native {
    recogniser: Recogniser,
    analyser: Analyser,
    lang: String,
    /// Started when it is first needed.
    tesseract: Option<Tesseract>,
    /// Who read the last sheet.
    is_ours: bool,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("lang", &self.lang).finish_non_exhaustive()
    }
}

impl Native {
    /// An engine for `lang`; an error where its models are missing or not of a kind that our reader knows.
    pub fn new(lang: &str) -> Result<Self> {
        let recogniser = Recogniser::new(lang)?;
        Ok(Self { recogniser, analyser: Analyser::new(), lang: lang.to_owned(), tesseract: None, is_ours: true })
    }

    fn tesseract(&mut self) -> Result<&mut Tesseract> {
        let engine = match self.tesseract.take() {
            Some(engine) => engine,
            None => Tesseract::new(&self.lang)?,
        };
        Ok(self.tesseract.insert(engine))
    }

    /// Pieces of lines, and for each line whether a block begins with it.
    fn pieces(&mut self, sheet: &Sheet<'_>) -> Option<(Vec<Piece>, Vec<bool>)> {
        let rows = self.analyser.rows(sheet)?;
        let pieces = crops::pieces(sheet, &rows);
        Some((pieces, rows.iter().map(|row| row.is_first).collect()))
    }
}

impl OcrEngine for Native {
    fn origin(&self) -> Origin {
        match &self.tesseract {
            Some(tesseract) if !self.is_ours => tesseract.origin(),
            _ => format!("conserva {} {} ({})", env!("CARGO_PKG_VERSION"), self.lang, self.recogniser.version()),
        }
    }

    fn read(&mut self, sheet: Sheet<'_>) -> Result<Vec<Block>> {
        let Some((pieces, firsts)) = self.pieces(&sheet) else {
            self.is_ours = false;
            return self.tesseract()?.read(sheet);
        };
        self.is_ours = true;
        let images: Vec<_> = pieces.iter().map(|piece| piece.image.clone()).collect();
        let read = self.recogniser.read(&images);
        drop(images);
        Ok(blocks(&pieces, &read, &firsts))
    }

    fn orientation(&mut self, sheet: Sheet<'_>) -> Option<Orientation> {
        self.tesseract().ok()?.orientation(sheet)
    }

    fn other(&mut self) -> Result<&mut dyn OcrEngine> {
        Ok(self.tesseract()?)
    }
}

/// What was read of pieces, as lines in blocks; lines without words are left out.
fn blocks(pieces: &[Piece], read: &[ReadLine], firsts: &[bool]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_new_block = true;
    let mut all = pieces.iter().zip(read).peekable();
    for (line, is_first) in firsts.iter().enumerate() {
        is_new_block |= is_first;
        let mut words = Vec::new();
        while let Some((piece, read)) = all.next_if(|(piece, _)| piece.line == line) {
            words.extend(read.words.iter().filter_map(|word| {
                let text = folded(&word.text);
                let rect = piece.rect(word.start, word.end);
                (!text.is_empty()).then_some(Word { text, rect, confidence: word.confidence })
            }));
        }
        if words.is_empty() {
            continue;
        }
        match blocks.last_mut() {
            Some(block) if !is_new_block => block.lines.push(Line { words }),
            _ => blocks.push(Block { lines: vec![Line { words }] }),
        }
        is_new_block = false;
    }
    blocks
}
