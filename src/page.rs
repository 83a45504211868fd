//! What is on a page? Page images, where they lie in the file, what the eye of the machine thinks of them, and their words.

use serde::{Deserialize, Serialize};

/// Where a reading comes from (invariant 11): engine and version, rule, sidecar or person.
///
/// Written like `tesseract 5.3.0 ita`, `pdf-text`, `rule oggetto-label`, `sidecar`, `person mrossi`.
pub type Origin = String;

/// Ends the origin of what our engine read on lines that Tesseract's analysis of the layout found.
pub const OTHER_LINES: &str = ", lines of Tesseract";

/// Ends it, before their number, where that was done with some regions of a page only.
pub const OTHER_REGIONS: &str = ", regions on lines of Tesseract: ";

/// Which engine reads pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Our own where it knows the models, with a gate that leaves pages to Tesseract; else Tesseract.
    #[default]
    Auto,
    /// Our own.
    Native,
    /// Tesseract.
    Tesseract,
}

/// A box on a page image as stored, before any turn, in pixels, from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub w: u32,
    /// Height.
    pub h: u32,
}

impl Serialize for Rect {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.x, self.y, self.w, self.h].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rect {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [x, y, w, h] = <[u32; 4]>::deserialize(deserializer)?;
        Ok(Self { x, y, w, h })
    }
}

impl Rect {
    /// The smallest box around both; an empty box adds nothing.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self.w == 0 || self.h == 0 {
            return other;
        }
        if other.w == 0 || other.h == 0 {
            return self;
        }
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.w).max(other.x + other.w);
        let bottom = (self.y + self.h).max(other.y + other.h);
        Self { x, y, w: right - x, h: bottom - y }
    }

    /// The box grown by `by` pixels on each side, inside a page of `width` by `height`.
    #[must_use]
    pub fn grown(self, by: u32, width: u32, height: u32) -> Self {
        let (x, y) = (self.x.saturating_sub(by), self.y.saturating_sub(by));
        let (right, bottom) = ((self.x + self.w + by).min(width), (self.y + self.h + by).min(height));
        Self { x, y, w: right.saturating_sub(x), h: bottom.saturating_sub(y) }
    }
}

/// How the content of a page is stored in its file: what OCR reads and what the searchable copy passes through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PageSource {
    /// One image file (JPEG, PNG) that is the page.
    Image,
    /// One directory of a TIFF, counted from 0.
    Tiff {
        /// Number of the directory.
        directory: u32,
    },
    /// A PDF page that is one image: the image goes to OCR as it is.
    PdfImage {
        /// Page number in the PDF, from 1.
        page: u32,
        /// Object number of the image XObject.
        object: u32,
        /// Generation of the image XObject.
        generation: u16,
    },
    /// A PDF page with text of its own (born digital): its text is used, nothing is read by OCR.
    PdfDigital {
        /// Page number in the PDF, from 1.
        page: u32,
    },
    /// A PDF page that must be rasterised to be read (several images, drawings, no text).
    PdfRaster {
        /// Page number in the PDF, from 1.
        page: u32,
    },
}

impl PageSource {
    /// True if the page's own text is used.
    pub fn is_digital(&self) -> bool {
        matches!(self, Self::PdfDigital { .. })
    }
}

/// What `normalise::survey` says of one page before anything is decoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageSurvey {
    /// Number in the component, from 1.
    pub n: u32,
    /// Where its content lies.
    pub source: PageSource,
    /// Pixels across, as stored (of a digital page: at 300 dpi).
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// Dots per inch that the file declares or the page size implies; 0 where nothing does.
    pub dpi: f32,
    /// Compression as stored: `g4`, `g3`, `lzw`, `deflate`, `jpeg`, `jpx`, `jbig2`, `raw`, `none`.
    pub compression: String,
    /// Bits per pixel as stored: 1, 8, 24, …
    pub bits: u16,
    /// Degrees clockwise that bring it upright, where a person has said so: then nothing else is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<u16>,
}

/// One quality figure of a page with its limit (S-07); `is_good` says on which side it fell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// What was measured: `dpi`, `blur`, `contrast`, `skew`, `mean_confidence`, `second_reading`, `low_words`, …
    pub code: String,
    /// The value.
    pub value: f32,
    /// The limit it is held against.
    pub limit: f32,
    /// True if the value is within the limit.
    pub is_good: bool,
}

/// The figure of a page's mean confidence against the limit under which it is read a second time.
pub const SECOND_READING: &str = "second_reading";

/// The figure of a page's mean confidence against the least that the ente asks for.
pub const MEAN_CONFIDENCE: &str = "mean_confidence";

/// The figure of a page without text: what was drawn on it, in cells of a hundredth of an inch.
pub const DRAWN: &str = "drawn";

/// The figure of a page that reads well in a mirror, and badly as it is.
pub const MIRRORED: &str = "mirrored_confidence";

/// One page as the house knows it after it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// What the survey said.
    #[serde(flatten)]
    pub survey: PageSurvey,
    /// The dpi used for reading and for the page size of the copy (declared, implied or estimated).
    pub dpi_used: f32,
    /// Degrees clockwise that bring the page upright: 0, 90, 180, 270.
    pub rotation: u16,
    /// Skew in degrees; > 0 means that text rises to the right.
    pub skew_deg: f32,
    /// True of a page without content: recorded, kept, not read.
    pub blank: bool,
    /// Mean word confidence, 0 to 100; none of blank and digital pages.
    pub mean_confidence: Option<f32>,
    /// Quality figures with their limits.
    pub quality: Vec<Quality>,
    /// Readings that the page took: 0 of a blank or digital page, 1 of one that reads well, more where the first was poor.
    #[serde(default)]
    pub readings: u32,
    /// What was done to the image for reading, in order (S-06, S-07): `gray`, `deskew 0.72`, `rotate 90`, `sauvola`, …
    pub steps: Vec<String>,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The word, NFC, without blanks.
    pub text: String,
    /// Its box on the page image as stored.
    #[serde(rename = "box")]
    pub rect: Rect,
    /// Confidence, 0 to 100.
    pub confidence: f32,
    /// What else its characters may be, where the word is doubtful and the engine says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
}

/// What else one character of a word may be. Written `[3, "0", 0.31]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u16, char, f32)", into = "(u16, char, f32)")]
pub struct Alternative {
    /// Number of the character in the word, from 0.
    pub at: u16,
    /// What it may be.
    pub character: char,
    /// How probable the engine holds it, 0 to 1.
    pub probability: f32,
}

impl From<(u16, char, f32)> for Alternative {
    fn from((at, character, probability): (u16, char, f32)) -> Self {
        Self { at, character, probability }
    }
}

impl From<Alternative> for (u16, char, f32) {
    fn from(alternative: Alternative) -> Self {
        (alternative.at, alternative.character, alternative.probability)
    }
}

/// One line of words, in reading order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its words.
    pub words: Vec<Word>,
}

impl Line {
    /// The words joined by blanks.
    pub fn text(&self) -> String {
        self.words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The box around the words.
    pub fn rect(&self) -> Rect {
        self.words.iter().fold(Rect::default(), |all, w| all.union(w.rect))
    }

    /// Mean confidence of the words, 0 to 100; 0 of an empty line.
    pub fn confidence(&self) -> f32 {
        if self.words.is_empty() { 0.0 } else { self.words.iter().map(|w| w.confidence).sum::<f32>() / self.words.len() as f32 }
    }
}

/// One block of lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Its lines, top to bottom.
    pub lines: Vec<Line>,
}

/// The text of one page, in reading order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageText {
    /// Number of the page in the component, from 1.
    pub n: u32,
    /// Pixels across of the page image that the boxes refer to.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Who read it.
    pub origin: Origin,
    /// Degrees clockwise that bring the page upright (boxes are before the turn).
    pub rotation: u16,
    /// The blocks.
    pub blocks: Vec<Block>,
}

impl PageText {
    /// All lines in reading order.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.blocks.iter().flat_map(|b| &b.lines)
    }

    /// Plain text: one line per line, an empty line between blocks.
    pub fn plain(&self) -> String {
        let blocks: Vec<String> =
            self.blocks.iter().map(|b| b.lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")).collect();
        blocks.join("\n\n")
    }

    /// Number of words.
    pub fn word_count(&self) -> usize {
        self.lines().map(|l| l.words.len()).sum()
    }
}

/// A page with its text, as the reader child answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadPage {
    /// Facts of the page.
    pub page: Page,
    /// Its text (no blocks of a blank page).
    pub text: PageText,
}

/// The step of a page that could not be read.
const UNREAD: &str = "unread";

impl ReadPage {
    /// A page that could not be read: its place among the others, and no word.
    pub fn unread(survey: &PageSurvey) -> Self {
        let page = Page {
            survey: survey.clone(),
            dpi_used: if survey.dpi > 0.0 { survey.dpi } else { 300.0 },
            rotation: 0,
            skew_deg: 0.0,
            blank: false,
            mean_confidence: None,
            quality: Vec::new(),
            readings: 0,
            steps: vec![UNREAD.to_owned()],
        };
        let (n, width, height) = (survey.n, survey.width, survey.height);
        Self { page, text: PageText { n, width, height, origin: "none".to_owned(), rotation: 0, blocks: Vec::new() } }
    }

    /// True of a page that could not be read.
    pub fn is_unread(&self) -> bool {
        self.page.is_unread()
    }
}

impl Page {
    /// Holds the mean confidence of a page that was read against the least that the ente asks for.
    pub fn weigh(&mut self, least: f32) {
        let figure = |value| Quality { code: MEAN_CONFIDENCE.to_owned(), value, limit: least, is_good: value >= least };
        self.quality.retain(|figure| figure.code != MEAN_CONFIDENCE);
        self.quality.extend(self.mean_confidence.map(figure));
    }

    /// True of a page without text that is not blank: a signature, a seal or a drawing stands on it.
    pub fn has_marks_only(&self) -> bool {
        !self.blank && self.quality.iter().any(|figure| figure.code == DRAWN && figure.is_good)
    }

    /// True of a page that could not be read.
    pub fn is_unread(&self) -> bool {
        self.steps.iter().any(|step| step == UNREAD)
    }
}

/// A box on a page whose content is asked for again, by a second and independent reading (invariant 11).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Number of the page in the component, from 1.
    pub page: u32,
    /// The box on the page image as stored.
    #[serde(rename = "box")]
    pub rect: Rect,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_with_an_empty_box_changes_nothing() {
        let rect = Rect { x: 5, y: 6, w: 7, h: 8 };
        assert_eq!(rect.union(Rect::default()), rect);
        assert_eq!(Rect::default().union(rect), rect);
        assert_eq!(rect.union(Rect { x: 0, y: 0, w: 1, h: 1 }), Rect { x: 0, y: 0, w: 12, h: 14 });
    }

    #[test]
    fn a_grown_box_stays_on_its_page() {
        let rect = Rect { x: 2, y: 2, w: 10, h: 10 };
        assert_eq!(rect.grown(5, 14, 100), Rect { x: 0, y: 0, w: 14, h: 17 });
    }

    #[test]
    fn a_word_stored_before_there_were_alternatives_is_read_and_one_without_them_is_written_as_before() {
        let stored = r#"{"text":"uno","box":[1,2,3,4],"confidence":91.0}"#;
        let mut word: Word = serde_json::from_str(stored).expect("a word");
        assert_eq!(serde_json::to_string(&word).expect("JSON"), stored);
        word.alternatives = vec![Alternative { at: 2, character: '0', probability: 0.25 }];
        let written = serde_json::to_string(&word).expect("JSON");
        assert!(written.ends_with(r#","alternatives":[[2,"0",0.25]]}"#), "{written}");
        assert_eq!(serde_json::from_str::<Word>(&written).expect("a word"), word);
    }
}
