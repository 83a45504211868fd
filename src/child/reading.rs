//! How does a child read? It keeps one file open and one engine warm, and puts `normalise` and `ocr` together.

use std::sync::Arc;

use base64::Engine as _;

use super::figures::{MARK, at_least, figures, mean_confidence, soundness, wholeness, words};
use super::files::Files;
use super::mirror;
use super::serve::Hello;
use super::turns::{self, Reading};
use super::{FileRequest, Manner, PageRequest, PictureRequest, PrintRequest, Reread, RereadRequest};
use crate::error::{Error, Result};
use crate::likeness::{self, ImagePrint};
use crate::limits::Limits;
use crate::normalise::{self, PageImage, Plan, Treatment, prepare};
use crate::ocr::{self, Layout, OcrEngine, Sheet};
use crate::page::{self, Block, Page, PageSource, PageSurvey, PageText, Quality, ReadPage};

/// The state of a reader child.
pub(super) struct Reader {
    limits: Limits,
    engine: Box<dyn OcrEngine>,
    files: Files,
}

impl Reader {
    /// A reader with its engine loaded: afterwards the child locks itself in.
    pub(super) fn new(hello: &Hello) -> Result<Self> {
        let engine = ocr::engine(hello.engine, &hello.lang)?;
        Ok(Self { limits: hello.limits.clone(), engine, files: Files::default() })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn survey(&mut self, request: &FileRequest) -> Result<Vec<PageSurvey>> {
        self.files.opened(&request.input, &request.mime, &self.limits)?.survey(&self.limits)
    }

    pub(super) fn read(&mut self, request: &PageRequest) -> Result<ReadPage> {
        let survey = &request.survey;
        let file = self.files.opened(&request.input, &request.mime, &self.limits)?;
        if survey.source.is_digital()
            && let Some(blocks) = file.own_text(survey, &self.limits)?
        {
            return Ok(digital(survey, blocks));
        }
        let means = (&self.limits, request.drawings.as_deref());
        let image = self.files.image(&file, survey, means)?;
        self.files.decode_ahead(request.next.as_ref(), means);
        let plan = normalise::plan(&image, survey);
        let traces = if plan.look.has_traces { turns::traces(self.engine.as_mut(), &image, &plan)? } else { Vec::new() };
        let is_written = !traces.is_empty() && traces.iter().all(|figure| figure.is_good);
        if plan.look.blank && !is_written {
            return Ok(self.page(&image, (survey, &plan), (None, traces)));
        }
        let reading = turns::best(self.engine.as_mut(), &image, &plan)?;
        let mirrored = mirror::figures(self.engine.as_mut(), &image, &plan, &reading.blocks)?;
        // What shows through from the other side is not this page's.
        let reading = Some(reading).filter(|_| !mirror::is_back(&mirrored));
        Ok(self.page(&image, (survey, &plan), (reading, [traces, mirrored].concat())))
    }

    /// The pixels of a page, and nothing else of its file.
    pub(super) fn image(&mut self, input: &std::path::Path, mime: &str, survey: &PageSurvey) -> Result<Arc<PageImage>> {
        let file = self.files.opened(input, mime, &self.limits)?;
        self.files.image(&file, survey, (&self.limits, None))
    }

    pub(super) fn reread(&mut self, request: &RereadRequest) -> Result<Vec<Reread>> {
        let survey = &request.page.survey;
        let image = self.image(&request.input, &request.mime, survey)?;
        let mut plan = normalise::plan(&image, survey);
        plan.dpi = request.page.dpi_used.clamp(30.0, 2400.0);
        let manner = request.again.manner;
        let mut again = Vec::with_capacity(request.again.rects.len());
        for rect in request.again.rects.iter().take(self.limits.words_per_page_max) {
            let part = prepare::region(&image, &plan, request.page.rotation, (*rect, manner));
            let height = if request.page.rotation.is_multiple_of(180) { rect.h } else { rect.w };
            let layout = if (height as f32) < plan.dpi * 0.25 { Layout::Line } else { Layout::Block };
            let dpi = manner.dpi();
            let (is_bilevel, is_uneven) = (manner != Manner::Gray, manner == Manner::Gray && !image.bilevel);
            let sheet = Sheet {
                gray: &part.gray,
                width: part.width,
                height: part.height,
                dpi,
                is_bilevel,
                is_uneven,
                threshold: None,
                layout,
            };
            // Another engine where there is one: what both read the same does not rest on one of them (invariant 11).
            let engine = self.engine.other(&request.again.first)?;
            let blocks = engine.read(sheet)?;
            let raw = blocks.iter().flat_map(|b| &b.lines).map(crate::page::Line::text).collect::<Vec<_>>().join("\n");
            let words = words(&blocks).map(|w| (w.text.clone(), w.confidence / 100.0)).collect();
            let confidence = mean_confidence(&blocks).unwrap_or(0.0) / 100.0;
            let origin = format!("{}, region, {manner:?}, {dpi:.0} dpi, {layout:?}", engine.origin());
            again.push(Reread { raw, words, confidence, origin });
        }
        Ok(again)
    }

    pub(super) fn print(&mut self, request: &PrintRequest) -> Result<Option<ImagePrint>> {
        let survey = &request.page.survey;
        let image = self.image(&request.input, &request.mime, survey)?;
        let plan = normalise::plan(&image, survey);
        let ready = prepare::prepare(&image, &plan, request.page.rotation / 90 * 90 % 360, Treatment::Even);
        let size = (ready.image.width as usize, ready.image.height as usize);
        Ok(likeness::image_print(&ready.black_and_white(), size))
    }

    pub(super) fn picture(&mut self, request: &PictureRequest) -> Result<String> {
        let image = self.image(&request.input, &request.mime, &request.survey)?;
        let rotation = request.rotation / 90 * 90 % 360;
        let bytes = prepare::picture(&image, rotation, request.side_max)
            .ok_or_else(|| Error::hold("page-broken").with("page", request.survey.n).with("what", "JPEG"))?;
        Ok(base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    /// Facts, figures and text of a page; without a reading it is blank. `seen` says what glances at it showed.
    fn page(
        &mut self,
        image: &PageImage,
        (survey, plan): (&PageSurvey, &Plan),
        (reading, seen): (Option<Reading<'_>>, Vec<Quality>),
    ) -> ReadPage {
        let origin = reading.as_ref().map_or_else(|| self.engine.origin(), |r| r.origin.clone());
        let surest = |r: &Reading<'_>| words(&r.blocks).map(|w| w.confidence).fold(0.0, f32::max);
        let surest = reading.as_ref().map(surest).filter(|_| plan.look.is_sparse()).map(|c| at_least("surest_word", c, MARK));
        let is_marks_only = surest.as_ref().is_some_and(|surest| !surest.is_good);
        // A page without text may carry a signature or a seal: then it is not blank.
        let drawn = is_marks_only.then(|| normalise::drawn(image, plan, mirror::INK_DEPTH) as f32);
        let drawn = drawn.map(|cells| at_least(page::DRAWN, cells, normalise::DRAWN_LEAST as f32));
        let blank = reading.is_none() || drawn.as_ref().is_some_and(|drawn| !drawn.is_good);
        let reading = reading.filter(|_| !is_marks_only);
        let rotation = reading.as_ref().map_or(image.rotation, |r| r.prepared.back.rotation);
        let skew_deg = if reading.is_none() { 0.0 } else { prepare::skew_of(plan, rotation) };
        let mean_confidence = reading.as_ref().and_then(|r| mean_confidence(&r.blocks));
        let blur = reading.as_ref().and_then(|_| normalise::blur(image, plan));
        let mut quality = figures(plan, skew_deg, blur, reading.as_ref().map(|r| r.blocks.as_slice()));
        quality.extend(seen.into_iter().chain(surest).chain(drawn).chain(wholeness(image)).chain(soundness(image)));
        let readings = reading.as_ref().map_or(0, |r| r.count);
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
        ReadPage {
            page: Page { survey, dpi_used: plan.dpi, rotation, skew_deg, blank, mean_confidence, quality, readings, steps },
            text,
        }
    }
}

/// The blocks with their boxes on the page as stored, and the steps taken.
fn placed(reading: Reading<'_>) -> (Vec<Block>, Vec<String>) {
    let Reading { prepared, mut blocks, stamps, .. } = reading;
    for word in blocks.iter_mut().flat_map(|b| &mut b.lines).flat_map(|l| &mut l.words) {
        word.rect = prepared.stored(word.rect);
    }
    let stamps = super::repeated::unrepeated(stamps, &blocks);
    blocks.extend(stamps);
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
        readings: 0,
        steps: vec!["own text".to_owned()],
    };
    let text =
        PageText { n: survey.n, width: survey.width, height: survey.height, origin: "pdf-text".to_owned(), rotation: 0, blocks };
    ReadPage { page, text }
}
