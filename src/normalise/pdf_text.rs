//! What does a born-digital page say? Its own characters, as words with boxes, in the order in which they were written.

use std::collections::BTreeSet;

use hayro::hayro_interpret::font::{Glyph, GlyphRun, PositionedGlyph};
use hayro::hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask};
use hayro::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use unicode_normalization::UnicodeNormalization as _;

use super::pdf_device::{leaves_ink, usable_text};
use crate::page::{Block, Line, Word};

/// A gap wider than this share of the font size ends a word (justified text is set with 0.2 and more).
const WORD_GAP: f64 = 0.12;
/// A gap wider than this many font sizes ends a line (columns, tables keep their cells apart as words of one line).
const LINE_GAP: f64 = 6.0;
/// A step down of more line heights than this starts a block.
const BLOCK_GAP: f64 = 1.9;

/// Collects the visible characters of a page.
#[derive(Debug)]
pub(super) struct Collector {
    sheet: Rect,
    letters: Vec<Letter>,
    seen: BTreeSet<(String, i64, i64)>,
    unreadable: usize,
    /// Glyphs of every kind, seen or not.
    glyphs: usize,
}

#[derive(Debug, Clone)]
struct Letter {
    text: String,
    start: Point,
    end: Point,
    size: f64,
    covers: Rect,
}

impl Collector {
    pub(super) fn new(scale: f64, (width, height): (f32, f32)) -> Self {
        let sheet = Rect::new(0.0, 0.0, f64::from(width) * scale, f64::from(height) * scale);
        Self { sheet, letters: Vec::new(), seen: BTreeSet::new(), unreadable: 0, glyphs: 0 }
    }

    /// The blocks of the page; `None` if one character in ten has no usable Unicode.
    pub(super) fn blocks(self) -> Option<Vec<Block>> {
        if self.unreadable * 10 > self.letters.len() + self.unreadable {
            return None;
        }
        Some(blocks(lines(&words(&self.letters))))
    }

    /// True if any text was shown, visible or not.
    pub(super) fn has_seen_text(&self) -> bool {
        self.glyphs > 0
    }

    fn take(&mut self, glyph: &PositionedGlyph<'_>, transform: Affine) {
        let to_page = transform * glyph.transform();
        let advance = match &**glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(drawn) => drawn.advance_width(),
        };
        let start = to_page * Point::ORIGIN;
        let up = to_page * Point::new(0.0, 1000.0) - start;
        let size = up.hypot();
        if !self.sheet.contains(start) || !size.is_finite() || size < 0.5 {
            return;
        }
        let Some(text) = usable_text(glyph) else {
            self.unreadable += 1;
            return;
        };
        let advance = advance.map_or(500.0, f64::from).clamp(1.0, 5000.0);
        let end = to_page * Point::new(advance, 0.0);
        // The same letter at the same place again is a shadow or a stroke over its fill.
        let step = (size * 0.1).max(1.0);
        let place = (text.clone(), (start.x / step) as i64, (start.y / step) as i64);
        if text.trim().is_empty() || self.seen.insert(place) {
            let corners = [start - up * 0.22, start + up * 0.75, end - up * 0.22, end + up * 0.75];
            let covers = corners.iter().fold(Rect::from_points(start, end), |all, corner| all.union_pt(*corner));
            self.letters.push(Letter { text, start, end, size, covers });
        }
    }
}

impl<'a> Device<'a> for Collector {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, draw_mode: &DrawMode) {
        self.glyphs += run.glyphs().len();
        if matches!(draw_mode, DrawMode::Invisible) || !leaves_ink(&props.paint) {
            return;
        }
        for glyph in run.glyphs() {
            self.take(glyph, props.transform);
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

/// A word still with its place on the baseline.
struct Set {
    text: String,
    start: Point,
    end: Point,
    size: f64,
    covers: Rect,
}

/// How far `next` stands from `end`: along the writing direction and across it, in font sizes.
fn step(from: (Point, Point), next: Point, size: f64) -> (f64, f64) {
    let direction = (from.1 - from.0).normalize();
    let direction = if direction.is_finite() { direction } else { Vec2::new(1.0, 0.0) };
    let gap = next - from.1;
    (gap.dot(direction) / size, gap.cross(direction).abs() / size)
}

fn words(letters: &[Letter]) -> Vec<Set> {
    let mut words: Vec<Set> = Vec::new();
    let mut is_open = false;
    for letter in letters {
        if letter.text.trim().is_empty() {
            is_open = false;
            continue;
        }
        if let (true, Some(word)) = (is_open, words.last_mut()) {
            let (along, across) = step((word.start, word.end), letter.start, word.size.min(letter.size));
            if across < 0.5 && along > -0.5 && along < WORD_GAP {
                word.text.push_str(&letter.text);
                word.end = letter.end;
                word.size = word.size.max(letter.size);
                word.covers = word.covers.union(letter.covers);
                continue;
            }
        }
        let Letter { text, start, end, size, covers } = letter.clone();
        words.push(Set { text, start, end, size, covers });
        is_open = true;
    }
    words
}

/// Runs of words on one baseline, each going right.
fn lines(words: &[Set]) -> Vec<Vec<&Set>> {
    let mut lines: Vec<Vec<&Set>> = Vec::new();
    for word in words {
        let follows = lines.last().and_then(|line| line.last()).is_some_and(|last| {
            let (along, across) = step((last.start, last.end), word.start, last.size.max(word.size));
            across < 0.5 && along > -0.5 && along < LINE_GAP
        });
        match lines.last_mut() {
            Some(line) if follows => line.push(word),
            _ => lines.push(vec![word]),
        }
    }
    lines
}

fn blocks(lines: Vec<Vec<&Set>>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut last: Option<(f64, f64)> = None;
    for line in lines {
        let (baseline, size) = (line[0].start.y, line[0].size);
        let is_near = last.is_some_and(|(y, s)| baseline - y > -0.5 * s && baseline - y < BLOCK_GAP * size.max(s));
        last = Some((baseline, size));
        let line = Line { words: line.into_iter().filter_map(to_word).collect() };
        if line.words.is_empty() {
            continue;
        }
        match blocks.last_mut() {
            Some(block) if is_near => block.lines.push(line),
            _ => blocks.push(Block { lines: vec![line] }),
        }
    }
    blocks
}

fn to_word(set: &Set) -> Option<Word> {
    // Ligatures as their letters; the soft hyphen is the hyphen that is seen.
    let fold = |c: char| -> String {
        match c {
            '\u{FB00}'..='\u{FB06}' => c.to_string().nfkc().collect(),
            '\u{AD}' => "-".to_owned(),
            other => other.to_string(),
        }
    };
    let text: String = set.text.chars().filter(|c| !c.is_whitespace()).map(fold).collect::<String>().nfc().collect();
    let corner = |value: f64| value.clamp(0.0, 4e9).round() as u32;
    let (x, y) = (corner(set.covers.x0), corner(set.covers.y0));
    let (w, h) = (corner(set.covers.x1).saturating_sub(x).max(1), corner(set.covers.y1).saturating_sub(y).max(1));
    (!text.is_empty()).then_some(Word {
        text,
        rect: crate::page::Rect { x, y, w, h },
        confidence: 100.0,
        alternatives: Vec::new(),
    })
}
