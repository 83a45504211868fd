//! Pages drawn of letters that are boxes: where their lines are is known exactly.

use super::*;
use crate::ocr::Layout;
use crate::ocr::lstm::{ReadLine, ReadWord};

/// A page to draw on.
struct Paper {
    gray: Vec<u8>,
    width: i32,
    height: i32,
}

impl Paper {
    fn new(width: i32, height: i32) -> Self {
        Self { gray: vec![255; (width * height) as usize], width, height }
    }

    fn fill(&mut self, [left, top, right, bottom]: [i32; 4], value: u8) {
        for y in top.max(0)..bottom.min(self.height) {
            self.gray[(y * self.width + left.max(0)) as usize..(y * self.width + right.min(self.width)) as usize].fill(value);
        }
    }

    /// A letter `n` with the left foot at `x`, `base`: two stems and a bar, `up` high, `down` deep.
    fn letter(&mut self, (x, base): (i32, i32), (up, down): (i32, i32), (size, value): (i32, u8)) {
        let thick = (size / 6).max(2);
        let wide = size * 7 / 10;
        self.fill([x, base - up, x + thick, base + down], value);
        self.fill([x + wide - thick, base - size, x + wide, base], value);
        self.fill([x, base - size, x + wide, base - size + thick], value);
    }

    /// Words of letters of `size` from `from` to at most `to`; every fourth letter is high, every ninth deep.
    fn line(&mut self, (from, to): (i32, i32), base: impl Fn(i32) -> i32, (size, value): (i32, u8)) {
        let (mut x, mut n) = (from, 0);
        while x + size <= to {
            let up = if n % 4 == 0 { size * 14 / 10 } else { size };
            let down = if n % 9 == 5 { size * 4 / 10 } else { 0 };
            self.letter((x, base(x)), (up, down), (size, value));
            x += size * if n % 6 == 5 { 15 } else { 9 } / 10;
            n += 1;
        }
    }

    fn found(&self) -> Found {
        find(&self.sheet(300.0), Cut::default()).unwrap()
    }

    fn sheet(&self, dpi: f32) -> Sheet<'_> {
        let (width, height) = (self.width as u32, self.height as u32);
        Sheet { gray: &self.gray, width, height, dpi, is_bilevel: true, is_uneven: false, threshold: None, layout: Layout::Page }
    }
}

/// Boxes of the pieces, row by row, in reading order.
fn boxes(found: &Found) -> Vec<Vec<[i32; 4]>> {
    let of = |piece: &Piece| {
        let r = piece.rect;
        [r.x as i32, r.y as i32, (r.x + r.w) as i32, (r.y + r.h) as i32]
    };
    let lines = found.blocks.iter().flat_map(|block| &block.lines);
    lines.map(|line| line.pieces.iter().map(of).collect()).collect()
}

fn text(lines: i32, lean: f32, (dx, dy): (i32, i32)) -> Paper {
    let mut paper = Paper::new(1_600 + dx, 300 + lines * 50 + dy);
    for n in 0..lines {
        paper.line((200 + dx, 1_400 + dx), |x| 200 + dy + n * 50 + (lean * (x - dx) as f32) as i32, (22, 0));
    }
    paper
}

#[test]
fn every_line_is_found_once_from_top_to_bottom() {
    let found = text(12, 0.0, (0, 0)).found();
    let boxes = boxes(&found);
    assert_eq!(boxes.len(), 12);
    for (n, row) in boxes.iter().enumerate() {
        assert_eq!(row.len(), 1, "{row:?}");
        let [left, top, right, bottom] = row[0];
        let base = 200 + n as i32 * 50;
        assert!(left == 200 && right > 1_360 && top == base - 30 && (base + 8..base + 10).contains(&bottom), "{row:?}");
    }
    assert_eq!(found.signs.dropped, 0);
    assert_eq!(found.signs.overlapping, 0);
}

#[test]
fn a_page_moved_is_found_moved_and_its_crops_stay_the_same() {
    let (first, moved) = (text(6, 0.0, (0, 0)).found(), text(6, 0.0, (83, 41)).found());
    let pieces =
        |found: &Found| -> Vec<Piece> { found.blocks.iter().flat_map(|b| &b.lines).flat_map(|l| &l.pieces).cloned().collect() };
    let (first, moved) = (pieces(&first), pieces(&moved));
    assert_eq!(first.len(), moved.len());
    for (a, b) in first.iter().zip(&moved) {
        assert_eq!((a.rect.x + 83, a.rect.y + 41, a.rect.w, a.rect.h), (b.rect.x, b.rect.y, b.rect.w, b.rect.h));
        assert_eq!(a.image.gray, b.image.gray);
    }
}

#[test]
fn a_page_of_twice_the_resolution_gives_the_same_lines() {
    let small = text(6, 0.0, (0, 0));
    let mut large = Paper::new(small.width * 2, small.height * 2);
    for y in 0..large.height {
        for x in 0..large.width {
            large.gray[(y * large.width + x) as usize] = small.gray[(y / 2 * small.width + x / 2) as usize];
        }
    }
    let (one, two) = (boxes(&small.found()), boxes(&find(&large.sheet(600.0), Cut::default()).unwrap()));
    assert_eq!(one.len(), two.len());
    for (a, b) in one.iter().flatten().zip(two.iter().flatten()) {
        assert!(a.iter().zip(b).all(|(a, b)| (a * 2 - b).abs() <= 3), "{a:?} {b:?}");
    }
}

#[test]
fn lines_that_lean_are_whole_and_cut_out_level() {
    for lean in [-0.014, 0.02] {
        let found = text(8, lean, (0, 0)).found();
        let boxes = boxes(&found);
        assert_eq!(boxes.len(), 8, "{lean}");
        assert!(boxes.iter().all(|row| row.len() == 1));
        for piece in found.blocks.iter().flat_map(|b| &b.lines).flat_map(|l| &l.pieces) {
            // The feet of the first and of the last letter stand at the same height in the crop.
            let (width, height) = (piece.image.width as usize, piece.image.height as usize);
            assert!(height < 60, "{height}");
            let foot = |columns: std::ops::Range<usize>| {
                let dark = |y: &usize| columns.clone().any(|x| piece.image.gray[y * width + x] < 128);
                (0..height).rev().find(dark).unwrap()
            };
            assert!(foot(4..20).abs_diff(foot(width - 22..width - 4)) <= 10);
        }
        assert!((found.signs.lean - lean).abs() < 0.004);
    }
}

#[test]
fn two_columns_are_read_one_after_the_other_even_with_a_narrow_gutter() {
    for gutter in [28, 120] {
        let mut paper = Paper::new(1_900, 1_900);
        paper.line((200, 1_700), |_| 150, (30, 0));
        for n in 0..30 {
            paper.line((200, 940), |_| 260 + n * 50, (22, 0));
            paper.line((940 + gutter, 1_700), |_| 260 + n * 50, (22, 0));
        }
        let lefts: Vec<i32> = boxes(&paper.found()).iter().flatten().map(|b| b[0]).collect();
        assert_eq!(lefts.len(), 61, "{gutter}");
        assert!(lefts[..31].iter().all(|left| *left < 500) && lefts[31..].iter().all(|left| *left > 900), "{gutter}: {lefts:?}");
    }
}

#[test]
fn cells_of_a_ruled_table_are_pieces_of_rows_and_letters_that_touch_a_rule_are_kept() {
    let mut paper = Paper::new(1_700, 1_000);
    let columns = [200, 300, 900, 1_200, 1_500];
    for n in 0..9 {
        let y = 200 + n * 60;
        paper.fill([200, y, 1_502, y + 3], 0);
        if n < 8 {
            for (at, pair) in columns.windows(2).enumerate() {
                // In the third column the letters stand on the rule.
                let base = if at == 2 { y + 60 } else { y + 45 };
                paper.line((pair[0] + 15, (pair[0] + 15 + 22 * (at as i32 * 3 + 2)).min(pair[1] - 8)), |_| base, (22, 0));
            }
        }
    }
    for x in columns {
        paper.fill([x, 200, x + 3, 683], 0);
    }
    let found = paper.found();
    let boxes = boxes(&found);
    assert_eq!(boxes.iter().map(Vec::len).sum::<usize>(), 32, "{boxes:?}");
    assert!(boxes.iter().all(|row| row.windows(2).all(|two| two[0][2] <= two[1][0])));
    assert!(found.rules.len() >= 14, "{}", found.rules.len());
    // Of the letters on the rule no more is lost than the rule itself covers.
    let third: Vec<_> = boxes.iter().flatten().filter(|b| (910..1_190).contains(&b[0])).collect();
    assert_eq!(third.len(), 8);
    assert!(third.iter().all(|b| b[3] - b[1] >= 26), "{third:?}");
}

#[test]
fn white_writing_on_a_black_block_is_found_dark_on_light() {
    let mut paper = text(6, 0.0, (0, 0));
    paper.fill([180, 480, 1_420, 590], 0);
    paper.line((220, 1_000), |_| 550, (26, 255));
    let found = paper.found();
    assert_eq!(found.signs.inverse, 1);
    let boxes = boxes(&found);
    assert_eq!(boxes.len(), 7);
    let last = found.blocks.last().unwrap().lines.last().unwrap();
    assert!(last.pieces[0].rect.x.abs_diff(220) <= 1 && last.pieces[0].rect.y > 490, "{:?}", last.pieces[0].rect);
    let dark = last.pieces[0].image.gray.iter().filter(|value| **value < 128).count();
    assert!(dark * 2 < last.pieces[0].image.gray.len());
}

#[test]
fn a_picture_is_left_out_and_remembered() {
    let mut paper = text(8, 0.0, (0, 0));
    paper.height += 500;
    paper.gray.resize((paper.width * paper.height) as usize, 255);
    paper.fill([300, 700, 800, 1_100], 0);
    let found = paper.found();
    assert_eq!(boxes(&found).len(), 8);
    assert_eq!(found.pictures, [Rect { x: 300, y: 700, w: 500, h: 400 }]);
}

#[test]
fn letters_one_over_the_other_are_counted_and_a_column_of_numbers_is_none() {
    let mut paper = text(12, 0.0, (0, 0));
    for n in 0..12 {
        paper.letter((60, 200 + n * 26), (22, 0), (22, 0));
        paper.letter((1_480, 200 + n * 50), (22, 0), (22, 0));
    }
    assert_eq!(paper.found().signs.stacked, 12);
}

#[test]
fn commas_accents_and_dashes_stay_and_specks_go() {
    let mut paper = text(4, 0.0, (0, 0));
    // A full stop and a comma after the last letter, an accent over the third, a dash behind, and dust below.
    paper.fill([1_400, 196, 1_405, 201], 0);
    paper.fill([1_406, 246, 1_411, 256], 0);
    paper.fill([245, 270, 254, 274], 0);
    paper.fill([1_410, 342, 1_424, 345], 0);
    for n in 0..40 {
        paper.fill([100 + n * 30, 440, 102 + n * 30, 442], 0);
    }
    paper.fill([700, 460, 705, 465], 0);
    let found = paper.found();
    let boxes = boxes(&found);
    assert_eq!(boxes.len(), 4, "{boxes:?}");
    assert_eq!(boxes[0][0][2], 1_405);
    assert_eq!(boxes[1][0][2], 1_411);
    assert_eq!(boxes[2][0][1], 270);
    assert_eq!(boxes[3][0][2], 1_424);
    assert_eq!(found.signs.dropped, 1);
}

#[test]
fn a_bullet_is_told_from_the_letters_and_remembered_where_it_stands() {
    let mut paper = text(4, 0.0, (0, 0));
    for n in 0..3 {
        // A disc of twelve pixels in the middle of the small letters.
        for y in 0..12_i32 {
            let half = ((36 - (2 * y - 11).pow(2) / 4) as f32).sqrt() as i32;
            paper.fill([160 - half, 183 + n * 50 + y, 160 + half, 184 + n * 50 + y], 0);
        }
    }
    let found = paper.found();
    let pieces: Vec<&Piece> = found.blocks.iter().flat_map(|b| &b.lines).flat_map(|l| &l.pieces).collect();
    let bullets: Vec<_> = pieces.iter().filter_map(|piece| piece.bullet).collect();
    assert_eq!(bullets.len(), 3);
    assert!(bullets.iter().all(|b| b.x.abs_diff(154) <= 1 && b.w.abs_diff(12) <= 1), "{bullets:?}");
    assert!(pieces.iter().all(|piece| piece.rect.x == 200));
    let read: Vec<ReadLine> = pieces.iter().map(|_| read("parola")).collect();
    let texts: Vec<String> = blocks(&found, &read).iter().flat_map(|b| &b.lines).map(crate::page::Line::text).collect();
    assert_eq!(texts, ["• parola", "• parola", "• parola", "parola"]);
}

#[test]
fn the_hole_of_a_file_beside_a_line_is_no_letter_of_it() {
    let mut paper = text(6, 0.0, (0, 0));
    for y in 0..46_i32 {
        let half = ((23_i32 * 23 - (y - 23).pow(2)) as f32).sqrt() as i32;
        paper.fill([150 - half, 270 + y, 150 + half, 271 + y], 0);
    }
    let found = paper.found();
    let boxes = boxes(&found);
    assert_eq!(boxes.len(), 6);
    assert!(boxes.iter().all(|row| row.len() == 1 && row[0][0] == 200 && row[0][3] - row[0][1] <= 40), "{boxes:?}");
    assert_eq!(found.pictures.len(), 1);
    // A large letter as solid as that is one: it has more than one stroke in a row.
    let mut paper = text(6, 0.0, (0, 0));
    paper.letter((140, 300), (40, 0), (40, 0));
    assert!(paper.found().pictures.is_empty());
}

#[test]
fn a_number_alone_in_its_cell_is_read_beside_its_neighbours() {
    let mut paper = text(8, 0.0, (0, 0));
    paper.fill([200, 362, 1_400, 620], 255);
    for n in 0..4 {
        paper.line((200, 500), |_| 420 + n * 50, (22, 0));
        paper.line((900, 922), |_| 420 + n * 50, (22, 0));
    }
    let mut found = paper.found();
    let pieces: Vec<&Piece> = found.blocks.iter().flat_map(|b| &b.lines).flat_map(|l| &l.pieces).collect();
    let lone: Vec<usize> = (0..pieces.len()).filter(|at| pieces[*at].rect.x > 880).collect();
    assert_eq!(lone.len(), 4, "{:?}", boxes(&found));
    let mut texts: Vec<ReadLine> = pieces.iter().map(|_| read("parola")).collect();
    for at in &lone {
        texts[*at] = ReadLine::default();
    }
    let images: Vec<_> = found.pieces_mut().map(|piece| piece.image.clone()).collect();
    let (rows, joined) = beside::rows(&found, &images, &texts);
    assert_eq!((rows.len(), joined.len()), (4, 4));
    let (image, neighbour) = (&joined[0], &images[lone[0] - 1]);
    let gap = image.width - neighbour.width - images[lone[0]].width;
    assert!(image.height >= neighbour.height && gap > 0);
    // The feet of both stand at one height.
    let foot = |columns: std::ops::Range<u32>| {
        let dark = |y: &u32| columns.clone().any(|x| image.gray[(y * image.width + x) as usize] < 128);
        (0..image.height).rev().find(dark)
    };
    let begin = neighbour.width + gap / 2;
    assert_eq!(foot(4..12), foot(begin..image.width));
    let word = |text: &str, start: f32| ReadWord { text: text.to_owned(), start, end: start + 12.0, ..read("").words[0].clone() };
    let whole = ReadLine { words: vec![word("parola", 4.0), word("1", begin as f32 + 4.0)], mean: 0.9 };
    rows[0].settle(&found, &whole, &mut texts);
    assert_eq!(texts[lone[0]].words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["1"]);
    assert!(texts[lone[0]].words[0].end <= images[lone[0]].width as f32 + gap as f32);
    assert_eq!(texts[lone[0] - 1], read("parola"));
}

fn read(text: &str) -> ReadLine {
    let word = ReadWord { text: text.to_owned(), start: 4.0, end: 99.0, confidence: 95.0, is_known: true, glyphs: Vec::new() };
    ReadLine { words: vec![word], mean: 0.95 }
}

#[test]
fn words_are_boxed_where_their_letters_stand() {
    let found = text(3, 0.01, (0, 0)).found();
    let piece = &found.blocks[0].lines[0].pieces[0];
    let rect = piece.rect(4.0, 104.0);
    assert!(rect.x.abs_diff(200) <= 1 && (rect.x + rect.w).abs_diff(300) <= 1, "{rect:?}");
    assert!(rect.y.abs_diff(200 + 2 - 30) <= 2 && rect.h.abs_diff(39) <= 3, "{rect:?}");
}

#[test]
fn sheets_of_hostile_sizes_and_patterns_are_borne() {
    let of = |width: u32, height: u32, pixel: &dyn Fn(u32, u32) -> u8| {
        let gray: Vec<u8> = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
        let sheet = |gray| Sheet {
            gray,
            width,
            height,
            dpi: 300.0,
            is_bilevel: true,
            is_uneven: false,
            threshold: None,
            layout: Layout::Page,
        };
        find(&sheet(&gray), Cut::default()).map(|found| boxes(&found).len())
    };
    for (width, height) in [(1, 1), (1, 4_000), (4_000, 1), (3, 3), (2, 900)] {
        assert_eq!(of(width, height, &|_, _| 0), Some(0));
        assert_eq!(of(width, height, &|_, _| 255), Some(0));
        assert!(of(width, height, &|x, y| if (x + y) % 2 == 0 { 0 } else { 255 }).is_some());
    }
    assert_eq!(of(2_000, 2_000, &|_, _| 0), Some(0));
    assert_eq!(of(2_000, 2_000, &|_, _| 255), Some(0));
    // One part of two million pixels in a pattern; and more parts than a page of writing has.
    assert_eq!(of(2_000, 1_000, &|x, y| if (x + y) % 2 == 0 { 0 } else { 255 }), Some(0));
    assert_eq!(of(4_000, 3_000, &|x, y| if x % 2 == 0 && y % 2 == 0 { 0 } else { 255 }), None);
    assert!(of(3_000, 2_000, &|x, y| if x % 12 < 7 && y % 12 < 7 { 0 } else { 255 }).is_none_or(|lines| lines <= 6_000));
    let gray = [0; 6];
    let sheet = |width, dpi| Sheet {
        gray: &gray,
        width,
        height: 3,
        dpi,
        is_bilevel: true,
        is_uneven: false,
        threshold: None,
        layout: Layout::Page,
    };
    assert!(find(&sheet(3, 300.0), Cut::default()).is_none());
    assert!(find(&sheet(2, f32::NAN), Cut::default()).is_some());
    assert!(find(&sheet(2, 0.0), Cut::default()).is_some());
}

#[test]
fn letters_in_grey_are_found_like_black_ones_and_keep_their_values() {
    let mut paper = text(5, 0.0, (0, 0));
    let black = boxes(&paper.found());
    for value in &mut paper.gray {
        *value = if *value == 0 { 70 } else { 230 };
    }
    let sheet = Sheet { is_bilevel: false, ..paper.sheet(300.0) };
    let found = find(&sheet, Cut::default()).unwrap();
    assert_eq!(boxes(&found), black);
    assert!(found.blocks[0].lines[0].pieces[0].image.gray.contains(&70));
}
