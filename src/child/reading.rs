//! How does a child read? It keeps one file open and one engine warm, and puts `normalise` and `ocr` together.
//!
//! A page is read once, as it lies. Only where that reading is poor, or the lines of ink run down the page, is its
//! orientation asked for and the page read again; the better reading stays. The limits are the constants below.

use std::path::{Path, PathBuf};

use base64::Engine as _;

use super::serve::Hello;
use super::{FileRequest, Manner, PageRequest, PictureRequest, Reread, RereadRequest};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::normalise::{self, Opened, PageImage, Plan, Prepared, prepare};
use crate::ocr::{Layout, OcrEngine, Orientation, Sheet, Tesseract};
use crate::page::{Block, Page, PageSource, PageSurvey, PageText, Quality, ReadPage};

/// A page whose first reading has this mean confidence is not read again.
const CONFIDENCE_GOOD: f32 = 70.0;
/// Least certainty of the orientation detector that is followed without a second reading deciding.
const ORIENTATION_SURE: f32 = 2.0;
/// Limits of the quality figures (S-07).
const DPI_LEAST: f32 = 150.0;
const CONTRAST_LEAST: f32 = 0.25;
const SKEW_MOST: f32 = 5.0;
const LOW_WORD: f32 = 50.0;
const LOW_WORDS_MOST: f32 = 0.25;
/// Words under this confidence on a page without others are marks, not text.
const MARK: f32 = 30.0;

/// The state of a reader child.
pub(super) struct Reader {
    limits: Limits,
    engine: Box<dyn OcrEngine>,
    open: Option<(PathBuf, String, Opened)>,
}

/// One reading of a page at one turn.
struct Reading {
    prepared: Prepared,
    blocks: Vec<Block>,
}

impl Reader {
    /// A reader with its engine loaded: afterwards the child locks itself in.
    pub(super) fn new(hello: &Hello) -> Result<Self> {
        let engine: Box<dyn OcrEngine> = Box::new(Tesseract::new(&hello.lang)?);
        Ok(Self { limits: hello.limits.clone(), engine, open: None })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn survey(&mut self, request: &FileRequest) -> Result<Vec<PageSurvey>> {
        let limits = self.limits.clone();
        self.opened(&request.input, &request.mime)?.survey(&limits)
    }

    pub(super) fn read(&mut self, request: &PageRequest) -> Result<ReadPage> {
        let limits = self.limits.clone();
        let survey = &request.survey;
        let file = self.opened(&request.input, &request.mime)?;
        if survey.source.is_digital()
            && let Some(blocks) = file.own_text(survey)?
        {
            return Ok(digital(survey, blocks));
        }
        let image = file.image(survey, &limits)?;
        let plan = prepare::plan(&image, survey);
        if plan.look.blank {
            return Ok(self.page(&image, survey, &plan, None));
        }
        let reading = self.best_reading(&image, &plan)?;
        Ok(self.page(&image, survey, &plan, Some(reading)))
    }

    pub(super) fn reread(&mut self, request: &RereadRequest) -> Result<Vec<Reread>> {
        let limits = self.limits.clone();
        let survey = &request.page.survey;
        let image = self.opened(&request.input, &request.mime)?.image(survey, &limits)?;
        let mut plan = prepare::plan(&image, survey);
        plan.dpi = request.page.dpi_used.clamp(30.0, 2400.0);
        let manner = request.again.manner;
        let mut again = Vec::with_capacity(request.again.rects.len());
        for rect in request.again.rects.iter().take(limits.words_per_page_max) {
            let part = prepare::region(&image, &plan, request.page.rotation, (*rect, manner));
            let height = if request.page.rotation.is_multiple_of(180) { rect.h } else { rect.w };
            let layout = if (height as f32) < plan.dpi * 0.25 { Layout::Line } else { Layout::Block };
            let dpi = manner.dpi();
            let is_uneven = manner == Manner::Gray && !image.bilevel;
            let sheet = Sheet { gray: &part.gray, width: part.width, height: part.height, dpi, is_uneven, layout };
            let blocks = self.engine.read(sheet)?;
            let raw = blocks.iter().flat_map(|b| &b.lines).map(crate::page::Line::text).collect::<Vec<_>>().join("\n");
            let words = words(&blocks).map(|w| (w.text.clone(), w.confidence / 100.0)).collect();
            let confidence = mean_confidence(&blocks).unwrap_or(0.0) / 100.0;
            let origin = format!("{}, region, {manner:?}, {dpi:.0} dpi, {layout:?}", self.engine.origin());
            again.push(Reread { raw, words, confidence, origin });
        }
        Ok(again)
    }

    pub(super) fn picture(&mut self, request: &PictureRequest) -> Result<String> {
        let limits = self.limits.clone();
        let image = self.opened(&request.input, &request.mime)?.image(&request.survey, &limits)?;
        let rotation = request.rotation / 90 * 90 % 360;
        let bytes = prepare::picture(&image, rotation, request.side_max)
            .ok_or_else(|| Error::hold("page-broken").with("page", request.survey.n).with("what", "JPEG"))?;
        Ok(base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    /// The file, opened again only when it is another one than last time.
    fn opened(&mut self, input: &Path, mime: &str) -> Result<&Opened> {
        let is_same = self.open.as_ref().is_some_and(|(path, kind, _)| path == input && kind == mime);
        if !is_same {
            self.open = None;
            let opened = Opened::open(input, mime, &self.limits)?;
            self.open = Some((input.to_owned(), mime.to_owned(), opened));
        }
        self.open.as_ref().map(|(_, _, opened)| opened).ok_or_else(|| Error::bug("no open file"))
    }

    /// Reads as the page lies; asks for its orientation only if that was poor or its lines run down.
    fn best_reading(&mut self, image: &PageImage, plan: &Plan) -> Result<Reading> {
        let hint = image.rotation;
        let lies_sideways = plan.look.sideways != (hint % 180 == 90);
        let mut turns = vec![hint];
        if lies_sideways {
            // Lines run down the page: reading it as it lies would be lost time, unless the detector says otherwise.
            let found = self.orientation(image, plan).filter(|o| o.confidence >= ORIENTATION_SURE);
            turns = found.map_or_else(|| vec![hint, (hint + 90) % 360, (hint + 270) % 360], |o| vec![o.rotation]);
        }
        let mut best = self.read_turned(image, plan, turns[0])?;
        if lies_sideways {
            best.prepared.steps.insert(0, "lines run down".to_owned());
        }
        let mut tried = vec![turns[0]];
        if is_good(&best.blocks) {
            return Ok(best);
        }
        if !lies_sideways {
            match self.orientation(image, plan) {
                Some(found) if found.rotation != hint => turns.push(found.rotation),
                Some(_) => {}
                // The detector cannot tell (few letters, or none): the turns are tried, small work on such a page.
                None => turns.extend([(hint + 180) % 360, (hint + 90) % 360, (hint + 270) % 360]),
            }
        }
        for turn in turns.into_iter().skip(1) {
            if is_good(&best.blocks) || tried.contains(&turn) {
                continue;
            }
            tried.push(turn);
            let mut other = self.read_turned(image, plan, turn)?;
            let step = format!("reading {}", tried.len());
            best.prepared.steps.push(step.clone());
            other.prepared.steps.insert(0, step);
            if weight(&other.blocks) > weight(&best.blocks) * 1.2 {
                best = other;
            }
        }
        Ok(best)
    }

    fn read_turned(&mut self, image: &PageImage, plan: &Plan, rotation: u16) -> Result<Reading> {
        let prepared = normalise::prepare(image, plan, rotation);
        let blocks = self.engine.read(sheet(&prepared))?;
        Ok(Reading { prepared, blocks })
    }

    fn orientation(&mut self, image: &PageImage, plan: &Plan) -> Option<Orientation> {
        let sheet = Sheet {
            gray: &image.gray,
            width: image.width,
            height: image.height,
            dpi: plan.dpi,
            is_uneven: false,
            layout: Layout::Page,
        };
        self.engine.orientation(sheet)
    }

    /// Facts, figures and text of a page; without a reading it is blank.
    fn page(&mut self, image: &PageImage, survey: &PageSurvey, plan: &Plan, reading: Option<Reading>) -> ReadPage {
        let origin = self.engine.origin();
        let is_marks_only =
            reading.as_ref().is_some_and(|r| words(&r.blocks).all(|w| w.confidence < MARK) && plan.look.is_sparse());
        let blank = reading.is_none() || is_marks_only;
        let reading = reading.filter(|_| !blank);
        let rotation = reading.as_ref().map_or(image.rotation, |r| r.prepared.back.rotation);
        let skew_deg = if blank { 0.0 } else { prepare::skew_of(plan, rotation) };
        let mean_confidence = reading.as_ref().and_then(|r| mean_confidence(&r.blocks));
        let quality = figures(plan, skew_deg, reading.as_ref().map(|r| r.blocks.as_slice()));
        let survey = PageSurvey { width: image.width, height: image.height, ..survey.clone() };
        let (blocks, steps) = reading.map_or_else(|| (Vec::new(), Vec::new()), placed);
        let text = PageText {
            n: survey.n,
            width: image.width,
            height: image.height,
            origin,
            rotation,
            blocks: capped(blocks, &self.limits),
        };
        ReadPage { page: Page { survey, dpi_used: plan.dpi, rotation, skew_deg, blank, mean_confidence, quality, steps }, text }
    }
}

fn sheet(prepared: &Prepared) -> Sheet<'_> {
    Sheet {
        gray: &prepared.image.gray,
        width: prepared.image.width,
        height: prepared.image.height,
        dpi: prepared.dpi,
        is_uneven: prepared.is_uneven,
        layout: Layout::Page,
    }
}

/// The blocks with their boxes on the page as stored, and the steps taken.
fn placed(reading: Reading) -> (Vec<Block>, Vec<String>) {
    let Reading { prepared, mut blocks } = reading;
    for word in blocks.iter_mut().flat_map(|b| &mut b.lines).flat_map(|l| &mut l.words) {
        word.rect = prepared.stored(word.rect);
    }
    (blocks, prepared.steps)
}

/// The first words up to the ceiling.
fn capped(mut blocks: Vec<Block>, limits: &Limits) -> Vec<Block> {
    let mut left = limits.words_per_page_max;
    for line in blocks.iter_mut().flat_map(|b| &mut b.lines) {
        line.words.truncate(left);
        left -= line.words.len();
    }
    blocks
}

fn digital(survey: &PageSurvey, blocks: Vec<Block>) -> ReadPage {
    let blank = blocks.is_empty();
    let page = Page {
        survey: survey.clone(),
        dpi_used: if matches!(survey.source, PageSource::PdfDigital { .. }) { survey.dpi } else { 300.0 },
        rotation: 0,
        skew_deg: 0.0,
        blank,
        mean_confidence: None,
        quality: Vec::new(),
        steps: vec!["own text".to_owned()],
    };
    let text =
        PageText { n: survey.n, width: survey.width, height: survey.height, origin: "pdf-text".to_owned(), rotation: 0, blocks };
    ReadPage { page, text }
}

fn words(blocks: &[Block]) -> impl Iterator<Item = &crate::page::Word> {
    blocks.iter().flat_map(|b| &b.lines).flat_map(|l| &l.words)
}

/// Mean confidence, words counting by their letters.
fn mean_confidence(blocks: &[Block]) -> Option<f32> {
    let (sum, letters) = words(blocks).fold((0.0, 0.0), |(sum, all), word| {
        let letters = word.text.chars().count() as f32;
        (sum + word.confidence * letters, all + letters)
    });
    (letters > 0.0).then(|| sum / letters)
}

/// How much was read well: letters of words above the limit of low words.
fn weight(blocks: &[Block]) -> f32 {
    words(blocks)
        .filter(|w| w.confidence >= LOW_WORD)
        .map(|w| w.text.chars().filter(|c| c.is_alphanumeric()).count() as f32)
        .sum()
}

fn is_good(blocks: &[Block]) -> bool {
    // Words of several letters that stand higher than wide were read off a page that lies on its side.
    let (long, tall) = words(blocks)
        .filter(|w| w.text.chars().count() > 3)
        .fold((0, 0), |(long, tall), word| (long + 1, tall + usize::from(word.rect.h > word.rect.w)));
    long > 0 && tall * 2 < long && mean_confidence(blocks).is_some_and(|mean| mean >= CONFIDENCE_GOOD)
}

fn figures(plan: &Plan, skew_deg: f32, blocks: Option<&[Block]>) -> Vec<Quality> {
    let at_least = |code: &str, value: f32, limit: f32| Quality { code: code.to_owned(), value, limit, is_good: value >= limit };
    let at_most = |code: &str, value: f32, limit: f32| Quality { code: code.to_owned(), value, limit, is_good: value <= limit };
    let mut figures = vec![at_least("dpi", plan.dpi, DPI_LEAST)];
    let Some(blocks) = blocks else { return figures };
    figures.push(at_least("contrast", plan.look.contrast, CONTRAST_LEAST));
    figures.push(at_most("skew", skew_deg.abs(), SKEW_MOST));
    figures.push(at_least("mean_confidence", mean_confidence(blocks).unwrap_or(0.0), CONFIDENCE_GOOD));
    let (all, low) =
        words(blocks).fold((0.0, 0.0), |(all, low), w| (all + 1.0, low + f32::from(u8::from(w.confidence < LOW_WORD))));
    figures.push(at_most("low_words", if all > 0.0 { low / all } else { 1.0 }, LOW_WORDS_MOST));
    figures
}
