//! How do we read ourselves? Lines of the sheet from whoever finds them, all read at once by our own reader of the models.
//!
//! Lines of a page come from our own finder, and where its gate doubts them from Tesseract's analysis of the layout; those of
//! a block or a line always do. A sheet whose lines cannot be had, or that the gate does not trust, is read by Tesseract whole.

use super::crops::{self, Piece};
use super::doubt;
use super::layout::Analyser;
use super::lines::gate::{self, Figures, Verdict};
use super::lines::{self, Cut, Found, again, beside, zero};
use super::lstm::{self, LineImage, ReadLine, Recogniser};
use super::tesseract::{SIGNED, Tesseract};
use super::{Layout, OcrEngine, Orientation, Sheet};
use super::{regions, rows};
use crate::error::Result;
use crate::page::{self, Block, Line, Origin, Rect};

/// Mean confidence under which a page may lie upside down: what is read of one is under 40.
const TURNED: f32 = 50.0;

/// How a sheet is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By us, on our own lines.
    Ours,
    /// By us, on lines that Tesseract found.
    OnOtherLines,
    /// By Tesseract.
    Theirs,
}

/// Our own engine, with Tesseract beside it for what it leaves to it.
pub struct Native {
    recogniser: Recogniser,
    analyser: Analyser,
    lang: String,
    /// Started when it is first needed.
    tesseract: Option<Tesseract>,
    /// How the last sheet was read.
    way: Way,
    /// Regions of it that were read on lines of Tesseract, where it was ours.
    regions: usize,
    /// True if pages may be left to Tesseract.
    is_gated: bool,
    /// True if the next sheet is a second reading of what Tesseract read: it is left to nobody.
    is_second: bool,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("lang", &self.lang).finish_non_exhaustive()
    }
}

impl Native {
    /// An engine for `lang`; an error where its models are missing or not of a kind that our reader knows.
    pub fn new(lang: &str) -> Result<Self> {
        let (recogniser, analyser) = (Recogniser::new(lang)?, Analyser::new());
        let lang = lang.to_owned();
        let (tesseract, is_gated, is_second) = (None, false, false);
        Ok(Self { recogniser, analyser, lang, tesseract, way: Way::Ours, regions: 0, is_gated, is_second })
    }

    /// The same, with a gate that leaves to Tesseract what is read better there.
    #[must_use]
    pub fn gated(self) -> Self {
        Self { is_gated: true, ..self }
    }

    /// A page on our own lines, how it was read, and what the gate says of it; `None` where no lines are found.
    fn own(&mut self, sheet: &Sheet<'_>) -> Option<(Vec<Block>, Figures, Verdict)> {
        let mut found = lines::find(sheet, Cut::default())?;
        let images: Vec<_> = found.pieces_mut().map(|piece| std::mem::take(&mut piece.image)).collect();
        let mut read = self.recogniser.read(&images);
        self.read_again(&found, &images, &mut read);
        let (rows, joined) = beside::rows(&found, &images, &read);
        zero::settle(&found, &images, &mut read);
        drop(images);
        for (row, whole) in rows.iter().zip(self.recogniser.read(&joined)) {
            row.settle(&found, &whole, &mut read);
        }
        let figures = gate::figures(&found, &read);
        let verdict = gate::verdict(&figures);
        let (rules, pictures) = (found.rules.len(), &found.pictures);
        tracing::debug!(?figures, ?verdict, signs = ?found.signs, rules, ?pictures, "lines of a page");
        Some((lines::blocks(&found, &read), figures, verdict))
    }

    /// Reads doubtful lines in wider frames, and takes what is surer.
    fn read_again(&mut self, found: &Found, images: &[LineImage], read: &mut [ReadLine]) {
        let first = again::doubtful(found, read);
        let framed = |lines: &[usize], frame| lines.iter().map(|line| again::framed(&images[*line], frame)).collect::<Vec<_>>();
        // Few lines leave places side by side empty: then all frames are read at once, though the later may not be needed.
        let mut ahead = Vec::new();
        if !first.is_empty() && first.len() * again::FRAMES.len() <= lstm::SIDE_BY_SIDE {
            let all: Vec<LineImage> = again::FRAMES.iter().flat_map(|(frame, _)| framed(&first, *frame)).collect();
            ahead = self.recogniser.read(&all);
        }
        for (nth, (frame, by)) in again::FRAMES.into_iter().enumerate() {
            let doubtful = again::doubtful(found, read);
            let others = match ahead.chunks(first.len().max(1)).nth(nth) {
                // Whatever is doubtful now was so at first: other lines were left as they were.
                Some(all) => {
                    first.iter().zip(all).filter(|(line, _)| doubtful.contains(line)).map(|(_, read)| read.clone()).collect()
                }
                None => self.recogniser.read(&framed(&doubtful, frame)),
            };
            for (line, other) in doubtful.into_iter().zip(others) {
                again::surer(&mut read[line], other, by);
            }
        }
    }

    /// The blocks of a page that is kept, with those that are doubtful read again on lines of Tesseract where that is better.
    fn by_regions(&mut self, sheet: &Sheet<'_>, blocks: Vec<Block>) -> Vec<Block> {
        let doubtful = regions::doubtful(&blocks);
        let mut kept = Vec::with_capacity(blocks.len());
        for (at, block) in blocks.into_iter().enumerate() {
            let other = doubtful.contains(&at).then(|| self.region(sheet, regions::rect(&block, sheet))).flatten();
            match other.filter(|other| regions::is_better(&block, other)) {
                Some(other) => {
                    kept.extend(other);
                    self.regions += 1;
                }
                None => kept.push(block),
            }
        }
        kept
    }

    /// A region of a sheet on lines of Tesseract.
    fn region(&mut self, sheet: &Sheet<'_>, rect: Rect) -> Option<Vec<Block>> {
        let gray = regions::cut(sheet, rect);
        let part = Sheet { gray: &gray, width: rect.w, height: rect.h, layout: Layout::Block, ..*sheet };
        let (pieces, firsts) = self.pieces(&part)?;
        let images: Vec<_> = pieces.iter().map(|piece| piece.image.clone()).collect();
        let read = self.recogniser.read(&images);
        Some(regions::placed(self::blocks(&pieces, &read, &firsts), rect))
    }

    /// True of a page that cannot be read as it lies, and well upside down: no other engine need try it like this.
    fn is_upside_down(&mut self, sheet: &Sheet<'_>, figures: &Figures) -> bool {
        if figures.confidence >= TURNED {
            return false;
        }
        let gray: Vec<u8> = sheet.gray.iter().rev().copied().collect();
        self.own(&Sheet { gray: &gray, ..*sheet }).is_some_and(|(_, _, verdict)| verdict != Verdict::Whole)
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
            Some(tesseract) if self.way == Way::Theirs => tesseract.origin(),
            _ => {
                let lines = match (self.way, self.regions) {
                    (Way::Ours, 0) => String::new(),
                    (Way::Ours, count) => format!("{}{count}", page::OTHER_REGIONS),
                    _ => page::OTHER_LINES.to_owned(),
                };
                format!("conserva {} {} ({}){lines}", env!("CARGO_PKG_VERSION"), self.lang, self.recogniser.version())
            }
        }
    }

    fn read(&mut self, sheet: Sheet<'_>) -> Result<Vec<Block>> {
        let is_second = std::mem::take(&mut self.is_second);
        (self.way, self.regions) = (Way::OnOtherLines, 0);
        if sheet.layout == Layout::Page {
            self.way = Way::Ours;
            let own = self.own(&sheet).unwrap_or((Vec::new(), Figures::default(), Verdict::Whole));
            match own {
                (blocks, _, Verdict::Keep) if self.is_gated => return Ok(self.by_regions(&sheet, blocks)),
                (blocks, ..) if !self.is_gated => return Ok(blocks),
                (blocks, _, Verdict::Keep) => return Ok(blocks),
                (_, _, Verdict::Layout) => self.way = Way::OnOtherLines,
                (blocks, figures, Verdict::Whole) => {
                    if self.is_upside_down(&sheet, &figures) {
                        return Ok(blocks);
                    }
                    self.way = Way::Theirs;
                    return self.tesseract()?.read(sheet);
                }
            }
        }
        let Some((pieces, firsts)) = self.pieces(&sheet) else {
            if is_second {
                return Ok(Vec::new());
            }
            self.way = Way::Theirs;
            return self.tesseract()?.read(sheet);
        };
        let images: Vec<_> = pieces.iter().map(|piece| piece.image.clone()).collect();
        let read = self.recogniser.read(&images);
        drop(images);
        let blocks = blocks(&pieces, &read, &firsts);
        Ok(if sheet.layout == Layout::Page { rows::joined(blocks) } else { blocks })
    }

    fn glance(&mut self, sheet: Sheet<'_>) -> Result<Vec<Block>> {
        (self.way, self.regions) = (Way::Ours, 0);
        Ok(self.own(&sheet).map(|(blocks, ..)| blocks).unwrap_or_default())
    }

    fn orientation(&mut self, sheet: Sheet<'_>) -> Option<Orientation> {
        self.tesseract().ok()?.orientation(sheet)
    }

    fn other(&mut self, first: &str) -> Result<&mut dyn OcrEngine> {
        if !first.starts_with(SIGNED) {
            return Ok(self.tesseract()?);
        }
        (self.way, self.is_second) = (Way::OnOtherLines, true);
        Ok(self)
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
                let word = doubt::word(word, piece.rect(word.start, word.end));
                (!word.text.is_empty()).then_some(word)
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
