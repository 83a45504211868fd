//! How do fax-coded strips become one stream without a pixel lost? Decoded to their colour changes, coded again as G4.

use fax::maps::{EDFB_HALF, Mode, black, mode, white};
use fax::{BitWriter, VecWriter};
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};

use super::picture::Picture;

/// Longest run that one code says (T.4, extended make-up codes).
const RUN_MAX: u32 = 2560;

/// The picture of a G4 stream. `black_is_one` swaps the meaning of black and white.
pub(super) fn g4_picture(width: u32, height: u32, is_inverted: bool, data: Vec<u8>) -> Picture {
    let inverted = if is_inverted { "/BlackIs1 true" } else { "" };
    let entries = format!(
        "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode\
         /DecodeParms<</K -1/Columns {width}/Rows {height}{inverted}>>"
    );
    Picture { width, height, entries, data, attached: Vec::new(), mask: None }
}

/// How a strip is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fax {
    /// T.6.
    G4,
    /// T.4 in one dimension.
    G3,
    /// T.4 in two dimensions.
    G3TwoD,
    /// One dimension without end-of-line marks, each row on a byte boundary (TIFF compression 2).
    Rle,
}

/// Codes fax strips again as one G4 stream.
pub(super) struct G4Joiner {
    writer: VecWriter,
    before: Vec<u32>,
    width: u32,
    rows: u32,
    rows_max: u32,
}

impl G4Joiner {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self { writer: VecWriter::new(), before: Vec::new(), width, rows: 0, rows_max: height }
    }

    /// Takes one strip of at most `rows`; false if its data broke off, its missing rows being white.
    pub(super) fn push_strip(&mut self, fax: Fax, data: &[u8], rows: u32) -> bool {
        let until = (self.rows + rows).min(self.rows_max);
        let settings = DecodeSettings {
            columns: self.width,
            rows: until - self.rows,
            end_of_block: true,
            end_of_line: matches!(fax, Fax::G3 | Fax::G3TwoD),
            rows_are_byte_aligned: fax == Fax::Rle,
            encoding: match fax {
                Fax::G4 => EncodingMode::Group4,
                Fax::G3TwoD => EncodingMode::Group3_2D,
                Fax::G3 | Fax::Rle => EncodingMode::Group3_1D,
            },
            strict: false,
        };
        let outcome = hayro_ccitt::decode(data, self, &mut DecoderContext::new(settings));
        let is_whole = outcome.is_ok() && self.rows == until;
        while self.rows < until {
            self.push_row(&[]);
        }
        is_whole
    }

    /// The G4 stream with its end mark.
    pub(super) fn finish(mut self) -> Vec<u8> {
        while self.rows < self.rows_max {
            self.push_row(&[]);
        }
        self.put(EDFB_HALF);
        self.put(EDFB_HALF);
        self.writer.finish()
    }

    fn put(&mut self, bits: fax::Bits) {
        let Ok(()) = self.writer.write(bits);
    }

    fn put_mode(&mut self, which: Mode) {
        if let Some(bits) = mode::encode(which) {
            self.put(bits);
        }
    }

    fn put_run(&mut self, is_black: bool, mut run: u32) {
        while run >= RUN_MAX {
            self.put_code(is_black, RUN_MAX);
            run -= RUN_MAX;
        }
        if run >= 64 {
            self.put_code(is_black, run & !63);
        }
        self.put_code(is_black, run & 63);
    }

    /// `run` is below 64 or a multiple of 64: the index of its code in the tables of T.4.
    fn put_code(&mut self, is_black: bool, run: u32) {
        let index = if run >= 64 { 63 + run / 64 } else { run } as usize;
        let entry = if is_black { black::ENTRIES.get(index) } else { white::ENTRIES.get(index) };
        if let Some((_, bits)) = entry {
            let bits = fax::Bits { data: bits.data, len: bits.len };
            self.put(bits);
        }
    }
}

impl Decoder for G4Joiner {
    /// Codes one row against the row before (T.6, 2.2): `changes` are where the colour turns, white first.
    fn push_row(&mut self, changes: &[u32]) {
        if self.rows == self.rows_max {
            return;
        }
        self.rows += 1;
        let before = std::mem::take(&mut self.before);
        let width = self.width;
        let at = |list: &[u32], n: usize| list.get(n).copied().unwrap_or(width).min(width);
        let (mut a0, mut is_start, mut is_black, mut next, mut reference) = (0, true, false, 0_usize, 0_usize);
        while a0 < width {
            // b1: the first change of the row before, right of a0, towards the colour opposite to a0's.
            reference = reference.saturating_sub(3);
            while at(&before, reference) < width && (at(&before, reference) < a0 || (!is_start && at(&before, reference) == a0)) {
                reference += 1;
            }
            if (reference % 2 == 1) != is_black {
                reference += 1;
            }
            let (b1, b2) = (at(&before, reference), at(&before, reference + 1));
            let a1 = at(changes, next);
            if b2 < a1 {
                self.put_mode(Mode::Pass);
                a0 = b2;
            } else if a1.abs_diff(b1) <= 3 {
                self.put_mode(Mode::Vertical((i64::from(a1) - i64::from(b1)) as i8));
                (a0, is_black, next) = (a1, !is_black, next + 1);
            } else {
                let a2 = at(changes, next + 1);
                self.put_mode(Mode::Horizontal);
                self.put_run(is_black, a1 - a0);
                self.put_run(!is_black, a2 - a1);
                (a0, next) = (a2, next + 2);
            }
            is_start = false;
        }
        self.before = before;
        self.before.clear();
        self.before.extend_from_slice(changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rows(Vec<Vec<u32>>);
    impl Decoder for Rows {
        fn push_row(&mut self, changes: &[u32]) {
            self.0.push(changes.to_vec());
        }
    }

    fn decoded(data: &[u8], width: u32, rows: u32) -> Vec<Vec<u32>> {
        let settings = DecodeSettings {
            columns: width,
            rows,
            end_of_block: true,
            end_of_line: false,
            rows_are_byte_aligned: false,
            encoding: EncodingMode::Group4,
            strict: true,
        };
        let mut sink = Rows(Vec::new());
        hayro_ccitt::decode(data, &mut sink, &mut DecoderContext::new(settings)).expect("G4");
        sink.0
    }

    proptest::proptest! {
        #[test]
        fn coded_rows_come_back_change_by_change(
            width in 1_u32..6000,
            rows in proptest::collection::vec(proptest::collection::btree_set(0_u32..6000, 0..40), 1..12),
        ) {
            let rows: Vec<Vec<u32>> =
                rows.into_iter().map(|row| row.into_iter().filter(|x| *x < width).collect()).collect();
            let mut joiner = G4Joiner::new(width, rows.len() as u32);
            for row in &rows {
                joiner.push_row(row);
            }
            let back = decoded(&joiner.finish(), width, rows.len() as u32);
            proptest::prop_assert_eq!(back, rows);
        }
    }

    #[test]
    fn a_strip_that_breaks_off_is_told_and_filled_with_white() {
        let mut whole = G4Joiner::new(64, 4);
        (0..4).for_each(|n| whole.push_row(&[n * 9, n * 9 + 20]));
        let data = whole.finish();
        let mut joiner = G4Joiner::new(64, 4);
        assert!(joiner.push_strip(Fax::G4, &data, 4));
        let mut joiner = G4Joiner::new(64, 4);
        assert!(!joiner.push_strip(Fax::G4, &data[..2], 4));
        assert_eq!(decoded(&joiner.finish(), 64, 4).len(), 4);
    }
}
