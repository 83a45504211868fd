//! What may a child's answer contain? Only what a page can: a child that met hostile bytes may have changed sides.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use super::{Call, Reread};
use crate::error::{Error, Kind, Result};
use crate::limits::Limits;
use crate::messages::Message;
use crate::page::{PageSurvey, PageText, ReadPage, Rect, Word};

/// Longest word kept, characters: longer ones are a table of rubbish.
const WORD_CHARS_MAX: usize = 256;
/// Longest text kept of a short list of strings (steps, codes, origins), bytes.
const LABEL_BYTES_MAX: usize = 200;
const LABELS_MAX: usize = 64;

/// The form of every answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The work's result.
    Ok(Value),
    /// Why there is none.
    Error {
        /// What it means for the traveller.
        kind: Kind,
        /// Code and values.
        message: Message,
    },
}

impl Reply {
    pub(super) fn of(result: Result<Value>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(error) => Self::Error { kind: error.kind(), message: error.message().clone() },
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The answer in the form asked for; an answer of another form is a crashed child's.
pub(super) fn parse<R: DeserializeOwned>(payload: &[u8], call: Call<'_>) -> Result<R> {
    let strange = || match call.page {
        Some(page) => Error::hold("page-crashed").with("page", page),
        None => Error::hold("file-crashed"),
    };
    match serde_json::from_slice::<Reply>(payload) {
        Ok(Reply::Ok(value)) => serde_json::from_value(value).map_err(|e| strange().because(e)),
        Ok(Reply::Error { kind, message }) if may_say(kind, &message) => Err(Error::of(kind, message)),
        Ok(Reply::Error { .. }) => Err(strange()),
        Err(error) => Err(strange().because(error)),
    }
}

/// A child judges an input or admits a fault; it cannot claim that the store failed or that the person stopped it.
fn may_say(kind: Kind, message: &Message) -> bool {
    let may = matches!(kind, Kind::Hold | Kind::Refuse | Kind::Bug | Kind::Environment | Kind::Retry | Kind::Store);
    may && message.is_known() && message.bytes() <= 4096
}

/// Page surveys within the ceilings (but for their pixels, which are held against theirs when the page is read), numbered from 1 without gaps.
pub(super) fn surveys(mut surveys: Vec<PageSurvey>, limits: &Limits) -> Result<Vec<PageSurvey>> {
    if surveys.len() > limits.pages_max as usize {
        return Err(Error::hold("pages-too-many").with("pages", surveys.len()).with("max", limits.pages_max));
    }
    for (survey, n) in surveys.iter_mut().zip(1..) {
        let pixels = u64::from(survey.width) * u64::from(survey.height);
        if survey.n != n || pixels == 0 || !survey.dpi.is_finite() {
            return Err(Error::hold("file-crashed"));
        }
        survey.dpi = survey.dpi.clamp(0.0, 100_000.0);
        shorten(&mut survey.compression);
    }
    Ok(surveys)
}

/// A read page that agrees with its survey: boxes on the page, counts and confidences in range, words NFC.
pub(super) fn read_page(mut read: ReadPage, survey: &PageSurvey, limits: &Limits) -> Result<ReadPage> {
    let crashed = || Error::hold("page-crashed").with("page", survey.n);
    if read.page.survey.n != survey.n || read.text.n != survey.n || !matches!(read.page.rotation, 0 | 90 | 180 | 270) {
        return Err(crashed());
    }
    let (width, height) = (read.text.width, read.text.height);
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > limits.page_pixels_max || read.text.word_count() > limits.words_per_page_max {
        return Err(crashed());
    }
    read.page.survey = PageSurvey { width, height, ..survey.clone() };
    read.text.rotation = read.page.rotation;
    tidy_facts(&mut read);
    tidy_text(&mut read.text, width, height);
    Ok(read)
}

fn tidy_facts(read: &mut ReadPage) {
    let page = &mut read.page;
    page.dpi_used = number(page.dpi_used, 1.0, 100_000.0);
    page.skew_deg = number(page.skew_deg, -45.0, 45.0);
    page.mean_confidence = page.mean_confidence.map(|c| number(c, 0.0, 100.0));
    page.quality.truncate(LABELS_MAX);
    for quality in &mut page.quality {
        shorten(&mut quality.code);
        quality.value = number(quality.value, -1e9, 1e9);
        quality.limit = number(quality.limit, -1e9, 1e9);
    }
    page.steps.truncate(LABELS_MAX);
    page.steps.iter_mut().for_each(shorten);
    shorten(&mut read.text.origin);
}

fn tidy_text(text: &mut PageText, width: u32, height: u32) {
    for block in &mut text.blocks {
        for line in &mut block.lines {
            line.words.retain_mut(|word| tidy_word(word, width, height));
        }
        block.lines.retain(|line| !line.words.is_empty());
    }
    text.blocks.retain(|block| !block.lines.is_empty());
}

/// Cleans a word; false if nothing of it is left.
fn tidy_word(word: &mut Word, width: u32, height: u32) -> bool {
    word.text = clean(&word.text).chars().filter(|c| !c.is_whitespace()).take(WORD_CHARS_MAX).collect();
    word.confidence = number(word.confidence, 0.0, 100.0);
    word.rect = on_page(word.rect, width, height);
    !word.text.is_empty()
}

/// The part of the box that lies on the page, at least one pixel of it.
fn on_page(rect: Rect, width: u32, height: u32) -> Rect {
    let (x, y) = (rect.x.min(width - 1), rect.y.min(height - 1));
    Rect { x, y, w: rect.w.clamp(1, width - x), h: rect.h.clamp(1, height - y) }
}

/// Second readings, one for each region, in range.
pub(super) fn rereads(mut again: Vec<Reread>, regions: usize, limits: &Limits) -> Result<Vec<Reread>> {
    if again.len() != regions {
        return Err(Error::hold("file-crashed"));
    }
    let chars_max = limits.words_per_page_max.saturating_mul(16);
    for reread in &mut again {
        reread.raw = clean(&reread.raw).chars().take(chars_max).collect();
        reread.words.truncate(limits.words_per_page_max);
        for (word, confidence) in &mut reread.words {
            *word = clean(word).chars().filter(|c| !c.is_whitespace()).take(WORD_CHARS_MAX).collect();
            *confidence = number(*confidence, 0.0, 1.0);
        }
        reread.words.retain(|(word, _)| !word.is_empty());
        reread.confidence = number(reread.confidence, 0.0, 1.0);
        shorten(&mut reread.origin);
    }
    Ok(again)
}

/// NFC, and no control characters but the end of a line.
fn clean(text: &str) -> String {
    text.nfc().filter(|c| *c == '\n' || !c.is_control()).collect()
}

fn number(value: f32, least: f32, most: f32) -> f32 {
    if value.is_finite() { value.clamp(least, most) } else { least }
}

fn shorten(text: &mut String) {
    let end = (0..=LABEL_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
}
