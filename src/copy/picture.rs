//! What is an image inside the copy? Its bytes as they stand in the file, with the dictionary entries that explain them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::writer::{PdfWriter, Ref};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Result};

/// One image XObject.
#[derive(Debug, Default)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    /// `/ColorSpace…/Filter…`; `@0@` stands for the first of `attached`, `@1@` for the second.
    pub(super) entries: String,
    pub(super) data: Vec<u8>,
    /// Streams that the entries refer to (ICC profiles, JBIG2 globals), each with entries of its own.
    pub(super) attached: Vec<(String, Vec<u8>)>,
    /// What of it is seen: the key under which it stands, `/Mask` or `/SMask`, and the picture that says it.
    pub(super) mask: Option<(&'static str, Box<Picture>)>,
}

/// A picture and where it lies on the page image.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) picture: Picture,
    pub(super) place: Place,
}

/// Where a picture lies.
#[derive(Debug)]
pub(super) enum Place {
    /// Pixel for pixel, its top left corner at this pixel of the page image.
    Pixels { x: u32, y: u32 },
    /// By a matrix that carries its unit square onto the page, where that is the unit square; a stencil in its ink.
    Laid { matrix: [f64; 6], ink: Option<[u8; 3]> },
}

/// All that is drawn on one page, and how true it is to what was stored.
#[derive(Debug)]
pub(super) struct PageImage {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pieces: Vec<Piece>,
    /// Dots per inch down over dots per inch across; 1 but for fax pages and the like.
    pub(super) aspect: f64,
    /// Why the stored stream was not passed through, if it was not.
    pub(super) reencoded: Option<&'static str>,
}

impl PageImage {
    /// A page of one picture.
    pub(super) fn whole(picture: Picture, reencoded: Option<&'static str>) -> Self {
        let (width, height) = (picture.width, picture.height);
        Self { width, height, pieces: vec![Piece { picture, place: Place::Pixels { x: 0, y: 0 } }], aspect: 1.0, reencoded }
    }

    /// A page that shows nothing.
    pub(super) fn empty(width: u32, height: u32) -> Self {
        Self { width, height, pieces: Vec::new(), aspect: 1.0, reencoded: None }
    }
}

/// The streams attached to pictures, each written once.
#[derive(Default)]
pub(super) struct Attachments(HashMap<Digest, Ref>);

impl Attachments {
    /// Writes a picture, once however many pages show it, and says which object it is.
    pub(super) fn written<W: Write>(&mut self, out: &mut PdfWriter<W>, picture: &Picture) -> Result<Ref> {
        let mut entries = picture.entries.clone();
        for (n, (own, data)) in picture.attached.iter().enumerate() {
            let digest = Digest::of(&[own.as_bytes(), &[0], data].concat());
            let reference = if let Some(known) = self.0.get(&digest) {
                *known
            } else {
                let fresh = out.promise();
                out.deflated(fresh, own, data)?;
                self.0.insert(digest, fresh);
                fresh
            };
            entries = entries.replace(&format!("@{n}@"), &format!("{reference} 0 R"));
        }
        if let Some((key, mask)) = &picture.mask {
            let reference = self.written(out, mask)?;
            _ = write!(entries, "{key} {reference} 0 R");
        }
        let size = format!("/Type/XObject/Subtype/Image/Width {}/Height {}", picture.width, picture.height);
        let entries = size + &entries;
        let mut seen = Hasher::default();
        seen.update(entries.as_bytes());
        seen.update(&[0]);
        seen.update(&picture.data);
        let (digest, _) = seen.finish();
        if let Some(known) = self.0.get(&digest) {
            return Ok(*known);
        }
        let number = out.promise();
        out.stream(number, &entries, &picture.data)?;
        self.0.insert(digest, number);
        Ok(number)
    }
}

/// Colours of rows that are packed here.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Colour {
    Gray,
    Rgb,
    /// A palette of RGB triples.
    Palette(Vec<u8>),
    /// Only on the way to a conversion: it never stands in a copy.
    Cmyk,
}

impl Colour {
    /// Samples of one pixel.
    pub(super) fn samples(&self) -> u32 {
        match self {
            Self::Gray | Self::Palette(_) => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }

    /// The colour space as PDF writes it, for samples of `bits`.
    pub(super) fn pdf(&self, bits: u16) -> String {
        match self {
            Self::Gray => "/DeviceGray".to_owned(),
            Self::Rgb => "/DeviceRGB".to_owned(),
            Self::Cmyk => "/DeviceCMYK".to_owned(),
            Self::Palette(colours) => {
                let used = &colours[..colours.len().min(3 << bits.min(8)) / 3 * 3];
                format!("[/Indexed/DeviceRGB {} <{}>]", (used.len() / 3).saturating_sub(1), super::writer::hex(used))
            }
        }
    }
}

/// The shape of rows: what their bytes mean.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bits: u16,
    pub(super) colour: Colour,
    /// True where the lowest value is white.
    pub(super) is_inverted: bool,
}

impl Shape {
    /// Bytes of one packed row.
    pub(super) fn row_bytes(&self) -> usize {
        (self.width as usize * self.colour.samples() as usize * usize::from(self.bits)).div_ceil(8)
    }

    /// The entries of the picture, but for the filter.
    pub(super) fn entries(&self) -> String {
        let decode = if self.is_inverted { "/Decode[1 0]" } else { "" };
        format!("/ColorSpace{}/BitsPerComponent {}{decode}", spaced(&self.colour.pdf(self.bits)), self.bits)
    }
}

/// A value after a key: arrays and names need no blank.
fn spaced(value: &str) -> String {
    if value.starts_with(['/', '[', '<', '(']) { value.to_owned() } else { format!(" {value}") }
}

/// Bytes after which the weaker of two ways of packing is given up, if it is much weaker.
const TRIAL_BYTES: u64 = 2 << 20;

/// Packs rows with Flate as they come; memory holds the packed page only. Grey and colour rows are packed as they are
/// and predicted, until it shows which is smaller: drawings like the one, scans the other.
pub(super) struct RowPacker {
    shape: Shape,
    plain: Option<ZlibEncoder<Vec<u8>>>,
    predicted: Option<ZlibEncoder<Vec<u8>>>,
    before: Vec<u8>,
    rows: u32,
}

impl RowPacker {
    pub(super) fn new(shape: Shape) -> Self {
        let encoder = || ZlibEncoder::new(Vec::new(), Compression::new(6));
        let is_predicted = shape.bits == 8 && !matches!(shape.colour, Colour::Palette(_));
        let before = vec![0; shape.row_bytes()];
        Self { shape, plain: Some(encoder()), predicted: is_predicted.then(encoder), before, rows: 0 }
    }

    /// Takes whole rows; those under the foot of the image are dropped.
    pub(super) fn push(&mut self, rows: &[u8]) -> Result<()> {
        let length = self.shape.row_bytes();
        let step = self.shape.colour.samples() as usize;
        let mut filtered = Vec::with_capacity(length + 1);
        for row in rows.chunks_exact(length.max(1)) {
            if self.rows == self.shape.height {
                break;
            }
            self.rows += 1;
            if let Some(encoder) = &mut self.plain {
                encoder.write_all(row).map_err(Error::bug)?;
            }
            if let Some(encoder) = &mut self.predicted {
                predict(row, &self.before, step, &mut filtered);
                self.before.copy_from_slice(row);
                encoder.write_all(&filtered).map_err(Error::bug)?;
            }
        }
        self.give_up_the_weaker();
        Ok(())
    }

    fn give_up_the_weaker(&mut self) {
        let (Some(plain), Some(predicted)) = (&self.plain, &self.predicted) else { return };
        let (a, b) = (plain.total_out(), predicted.total_out());
        if plain.total_in() < TRIAL_BYTES {
            return;
        }
        if a > b + b / 4 {
            self.plain = None;
        } else if b > a + a / 4 {
            self.predicted = None;
        }
    }

    /// Rows taken so far.
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    /// The picture; rows that never came are white.
    pub(super) fn finish(mut self) -> Result<Picture> {
        let is_white_high = !self.shape.is_inverted && !matches!(self.shape.colour, Colour::Palette(_) | Colour::Cmyk);
        let white = vec![if is_white_high { 0xff } else { 0 }; self.shape.row_bytes()];
        while self.rows < self.shape.height {
            self.push(&white)?;
        }
        let mut ended = [None, None];
        for (encoder, end) in [self.plain, self.predicted].into_iter().zip(&mut ended) {
            *end = encoder.map(ZlibEncoder::finish).transpose().map_err(Error::bug)?;
        }
        let [plain, predicted] = ended;
        let is_predicted = match (&plain, &predicted) {
            (Some(plain), Some(predicted)) => predicted.len() < plain.len(),
            (plain, _) => plain.is_none(),
        };
        let entries = flate_entries(&self.shape, is_predicted);
        let data = if is_predicted { predicted } else { plain }.unwrap_or_default();
        Ok(Picture { width: self.shape.width, height: self.shape.height, entries, data, attached: Vec::new(), mask: None })
    }
}

/// The entries of a picture packed with Flate.
pub(super) fn flate_entries(shape: &Shape, is_predicted: bool) -> String {
    let mut entries = shape.entries() + "/Filter/FlateDecode";
    if is_predicted {
        let (colors, columns) = (shape.colour.samples(), shape.width);
        _ = write!(entries, "/DecodeParms<</Predictor 15/Colors {colors}/BitsPerComponent 8/Columns {columns}>>");
    }
    entries
}

/// Writes to `best` the row as the PNG filter sees it that leaves the smallest differences (Sub, Up or Paeth).
fn predict(row: &[u8], before: &[u8], step: usize, best: &mut Vec<u8>) {
    let mut sums = [0_u64; 3];
    let cost = |value: u8| u64::from((value as i8).unsigned_abs());
    for (n, value) in row.iter().enumerate() {
        let (left, up, corner) = neighbours(row, before, n, step);
        sums[0] += cost(value.wrapping_sub(left));
        sums[1] += cost(value.wrapping_sub(up));
        sums[2] += cost(value.wrapping_sub(paeth(left, up, corner)));
    }
    best.clear();
    let pick = if sums[1] <= sums[0] && sums[1] <= sums[2] {
        2
    } else if sums[0] <= sums[2] {
        1
    } else {
        4
    };
    best.push(pick);
    best.extend(row.iter().enumerate().map(|(n, value)| {
        let (left, up, corner) = neighbours(row, before, n, step);
        value.wrapping_sub(match pick {
            1 => left,
            2 => up,
            _ => paeth(left, up, corner),
        })
    }));
}

fn neighbours(row: &[u8], before: &[u8], n: usize, step: usize) -> (u8, u8, u8) {
    if n >= step { (row[n - step], before[n], before[n - step]) } else { (0, before[n], 0) }
}

/// The Paeth predictor of the PNG specification, 9.4.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let (to_a, to_b, to_c) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        up
    } else {
        corner
    }
}
