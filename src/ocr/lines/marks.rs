//! Which small marks belong to which line? Dots, commas, accents, dashes; what belongs to none is a speck.

use super::DASH;
use super::fit::Stand;
use super::runs::Part;
use super::strands::Strand;

/// Marks no larger than this are dust, letter heights: a full stop is twice as large.
pub(super) const DUST: f32 = 0.1;
/// Marks up to this must stand close to a letter or to another mark.
const DOT: f32 = 0.3;
/// How close, letter heights.
const CLOSE: f32 = 1.1;
/// How far beyond the ends of a line a larger mark (a dash, a quotation mark) may stand.
const BEYOND: f32 = 1.6;
/// A bullet's share of dark pixels, and its least and greatest height, letter heights.
const BULLET: (f32, f32, f32) = (0.68, 0.25, 0.8);
/// Higher marks than this are commas: how far these reach under the baseline at least, and over it at most, heights of small letters.
const HIGH: f32 = 0.75;
const TAIL: (f32, f32) = (0.12, 0.75);
/// How high over the baseline, and how low under it, a mark may reach, heights of small letters.
const OVER: f32 = 2.5;
const UNDER: f32 = 0.8;

/// Gives each mark to its line; the numbers of those that belong to none.
pub(super) fn attach(parts: &[Part], marks: &[u32], lines: &mut [(Strand, Stand)], letter: f32) -> Vec<u32> {
    let bin = (letter * 2.0).max(4.0);
    let bottom = lines.iter().map(|(strand, _)| strand.bottom).max().unwrap_or(0).max(0);
    let mut bins: Vec<Vec<u32>> = vec![Vec::new(); (bottom as f32 / bin) as usize + 3];
    for (at, (strand, stand)) in lines.iter().enumerate() {
        let reach = (stand.small * OVER) as i32;
        let from = ((strand.top - reach).max(0) as f32 / bin) as usize;
        let to = (((strand.bottom + reach) as f32 / bin) as usize + 1).min(bins.len());
        for bin in &mut bins[from..to] {
            bin.push(at as u32);
        }
    }
    let mut spans: Vec<Vec<(i32, i32)>> = lines.iter().map(|(strand, _)| spans(parts, strand)).collect();
    let mut order: Vec<u32> = marks.to_vec();
    order.sort_by_key(|at| parts[*at as usize].left);
    let (mut left_over, mut waiting) = (Vec::new(), order);
    // A second round for marks that hang on to marks: the upper dot of a colon, dotted leaders from their right end.
    for round in 0..2 {
        let mut again = Vec::new();
        for at in waiting {
            let part = &parts[at as usize];
            let place = ((part.top + part.bottom).max(0) as f32 / 2.0 / bin) as usize;
            let near = bins.get(place).map(Vec::as_slice).unwrap_or_default();
            let best = near
                .iter()
                .filter_map(|line| Some((fit(part, &lines[*line as usize], &spans[*line as usize], letter)?, *line as usize)))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            let Some((_, line)) = best else {
                if round == 0 {
                    again.push(at);
                } else {
                    left_over.push(at);
                }
                continue;
            };
            let strand = &mut lines[line].0;
            strand.marks.push(at);
            strand.left = strand.left.min(part.left);
            strand.right = strand.right.max(part.right);
            let span = (part.left, part.right);
            let to = spans[line].partition_point(|other| other.0 < span.0);
            spans[line].insert(to, span);
        }
        waiting = again;
    }
    left_over
}

/// Takes a bullet off the beginning of a line: round, solid, half as high as letters, in the middle of their height, apart. The
/// models have no letter for it; what they make of it differs from line to line.
pub(super) fn without_bullet(parts: &[Part], (strand, stand): &mut (Strand, Stand), letter: f32) {
    let all = || strand.letters.iter().chain(&strand.marks).map(|at| (*at, &parts[*at as usize]));
    let Some((first, bullet)) = all().min_by_key(|(_, part)| part.left) else { return };
    let Some(next) = all().filter(|(at, _)| *at != first).map(|(_, part)| part.left).min() else { return };
    let (width, height) = (bullet.width() as f32, bullet.height() as f32);
    let is_round = bullet.ink as f32 >= BULLET.0 * width * height && (0.75..1.34).contains(&(width / height));
    let middle = stand.base(bullet.left as f32) - 0.5 * stand.small - f32::midpoint(bullet.top as f32, bullet.bottom as f32);
    let is_in_middle = middle.abs() < 0.3 * stand.small && (BULLET.1 * letter..BULLET.2 * letter).contains(&height);
    if is_round && is_in_middle && (next - bullet.right) as f32 >= 0.4 * letter {
        strand.letters.retain(|at| *at != first);
        strand.marks.retain(|at| *at != first);
        strand.bullet = Some(*bullet);
        strand.left = next;
    }
}

/// Where its parts lie, from left to right.
fn spans(parts: &[Part], strand: &Strand) -> Vec<(i32, i32)> {
    let mut spans: Vec<(i32, i32)> =
        strand.letters.iter().map(|at| &parts[*at as usize]).map(|part| (part.left, part.right)).collect();
    spans.sort_unstable();
    spans
}

/// How far the mark lies from the line, smaller is nearer; `None` where it cannot be one of the line's.
fn fit(part: &Part, (strand, stand): &(Strand, Stand), spans: &[(i32, i32)], letter: f32) -> Option<f32> {
    let size = part.width().max(part.height()) as f32;
    if size <= (DUST * letter).max(1.0) {
        return None;
    }
    let scale = stand.small * 1.25;
    let middle = (part.left + part.right) as f32 / 2.0;
    let base = stand.base(middle.clamp(strand.left as f32, strand.right as f32));
    let (over, under) = (base - part.top as f32, part.bottom as f32 - base);
    if over > OVER * stand.small || under > UNDER * stand.small {
        return None;
    }
    // One nearly as high as letters is the comma of bold print, which reaches under the line, or a letter; a wide one is a word whose
    // letters hang together.
    let is_high = part.height() as f32 > HIGH * letter && part.width() <= part.height() * DASH;
    if is_high && (under < TAIL.0 * stand.small || over > TAIL.1 * stand.small) {
        return None;
    }
    // The nearest part to the left, and that to the right.
    let at = spans.partition_point(|span| span.0 as f32 <= middle);
    let apart = |span: &(i32, i32)| (span.0 - part.right).max(part.left - span.1).max(0) as f32;
    let nearest = spans[at.saturating_sub(3)..(at + 2).min(spans.len())].iter().map(apart).fold(f32::MAX, f32::min);
    let is_dot = size <= DOT * letter.min(scale);
    // A mark over the letters is the dot or the accent of one of them.
    let is_over = part.bottom as f32 <= base - stand.small;
    let allowed = if is_dot && is_over {
        0.5 * scale
    } else if is_dot {
        CLOSE * scale
    } else {
        BEYOND * scale
    };
    let upright = (f32::midpoint(part.top as f32, part.bottom as f32) - (base - 0.5 * stand.small)).abs();
    (nearest <= allowed).then_some(upright / stand.small + 0.4 * nearest / scale)
}
