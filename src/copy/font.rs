//! Which font carries text that nobody sees? One of empty glyphs, all half an em wide, made here for the characters used.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write;

use super::writer::{PdfWriter, Ref};
use crate::error::Result;

/// Name of the font, with the tag of a subset.
const NAME: &str = "AAAAAA+ConservaInvisible";
/// Units per em, and the width of every glyph.
const EM: u16 = 1000;
pub(super) const WIDTH: u16 = 500;
/// How far a line reaches over and under its baseline, in thousandths of the font size.
pub(super) const ASCENT: u16 = 750;
pub(super) const DESCENT: u16 = 250;

/// The characters used in a document, each with its code: 1, 2, 3 … in order of first appearance.
#[derive(Default)]
pub(super) struct Alphabet {
    codes: HashMap<char, u16>,
    chars: Vec<char>,
}

impl Alphabet {
    /// The code of `c`; past the last code of the font all further characters are one.
    pub(super) fn code(&mut self, c: char) -> u16 {
        let c = if self.chars.len() >= 65_000 && !self.codes.contains_key(&c) { '\u{fffd}' } else { c };
        if let Some(code) = self.codes.get(&c) {
            return *code;
        }
        self.chars.push(c);
        let code = self.chars.len() as u16;
        self.codes.insert(c, code);
        code
    }

    /// True if no character was used.
    pub(super) fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    /// Writes the font as object `number`. `with_cid_set` is for part 1, where a subset must list its glyphs.
    pub(super) fn write<W: Write>(&self, out: &mut PdfWriter<W>, number: Ref, with_cid_set: bool) -> Result<()> {
        let (cid_font, descriptor, file, unicode) = (out.promise(), out.promise(), out.promise(), out.promise());
        let glyphs = self.chars.len() as u16 + 1;
        out.object(
            number,
            format!(
                "<</Type/Font/Subtype/Type0/BaseFont/{NAME}/Encoding/Identity-H\
                 /DescendantFonts[{cid_font} 0 R]/ToUnicode {unicode} 0 R>>"
            ),
        )?;
        out.object(
            cid_font,
            format!(
                "<</Type/Font/Subtype/CIDFontType2/BaseFont/{NAME}/CIDToGIDMap/Identity/DW {WIDTH}\
                 /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor {descriptor} 0 R>>"
            ),
        )?;
        let mut cid_set = String::new();
        if with_cid_set {
            let set = out.promise();
            out.deflated(set, "", &cid_bits(glyphs))?;
            cid_set = format!("/CIDSet {set} 0 R");
        }
        out.object(
            descriptor,
            format!(
                "<</Type/FontDescriptor/FontName/{NAME}/Flags 5/FontBBox[0 -{DESCENT} {WIDTH} {ASCENT}]/ItalicAngle 0\
                 /Ascent {ASCENT}/Descent -{DESCENT}/CapHeight {ASCENT}/StemV 80/FontFile2 {file} 0 R{cid_set}>>"
            ),
        )?;
        let program = true_type(glyphs);
        out.deflated(file, &format!("/Length1 {}", program.len()), &program)?;
        out.deflated(unicode, "", self.to_unicode().as_bytes())
    }

    /// The map from codes to Unicode that makes copy and search right.
    fn to_unicode(&self) -> String {
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
        );
        for (part, chars) in self.chars.chunks(100).enumerate() {
            _ = writeln!(map, "{} beginbfchar", chars.len());
            for (n, c) in chars.iter().enumerate() {
                _ = write!(map, "<{:04X}> <", part * 100 + n + 1);
                for unit in c.encode_utf16(&mut [0; 2]) {
                    _ = write!(map, "{unit:04X}");
                }
                map.push_str(">\n");
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        map
    }
}

/// One bit for each glyph, from 0, all set.
fn cid_bits(glyphs: u16) -> Vec<u8> {
    let mut bits = vec![0xff; usize::from(glyphs / 8)];
    if !glyphs.is_multiple_of(8) {
        bits.push(0xff << (8 - glyphs % 8));
    }
    bits
}

/// A TrueType program: glyph 0 a box (readers refuse an empty `glyf` table), the others without outline.
fn true_type(glyphs: u16) -> Vec<u8> {
    let glyf = box_glyph();
    let mut loca = vec![0_u8; 2];
    (0..glyphs).for_each(|_| loca.extend((glyf.len() as u16 / 2).to_be_bytes()));
    let mut hmtx = [WIDTH.to_be_bytes(), [0, 0]].concat();
    hmtx.resize(4 + 2 * usize::from(glyphs - 1), 0);
    let tables: [(&[u8; 4], Vec<u8>); 8] = [
        (b"cmap", words(&[0, 1, 3, 1, 0, 12, 4, 24, 0, 2, 2, 0, 0, 0xffff, 0, 0xffff, 1, 0])),
        (b"glyf", glyf),
        (b"head", head()),
        (b"hhea", words(&[1, 0, ASCENT, 0_u16.wrapping_sub(DESCENT), 0, WIDTH, 0, 0, WIDTH, 1, 0, 0, 0, 0, 0, 0, 0, 1])),
        (b"hmtx", hmtx),
        (b"loca", loca),
        (b"maxp", words(&[1, 0, glyphs, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])),
        (b"post", words(&[3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])),
    ];
    assemble(&tables)
}

/// Joins tables to a font: directory, padding, checksums.
fn assemble(tables: &[(&[u8; 4], Vec<u8>); 8]) -> Vec<u8> {
    let mut font = words(&[1, 0, 8, 128, 3, 0]);
    let mut place = 12 + 16 * tables.len();
    for (name, data) in tables {
        font.extend_from_slice(*name);
        font.extend(checksum(data).to_be_bytes());
        font.extend((place as u32).to_be_bytes());
        font.extend((data.len() as u32).to_be_bytes());
        place += data.len().next_multiple_of(4);
    }
    let mut head_at = 0;
    for (name, data) in tables {
        if *name == b"head" {
            head_at = font.len();
        }
        font.extend_from_slice(data);
        font.resize(font.len().next_multiple_of(4), 0);
    }
    // checkSumAdjustment: the whole font, with it, must sum up to this number.
    let adjustment = 0xB1B0_AFBA_u32.wrapping_sub(checksum(&font)).to_be_bytes();
    if let Some(field) = font.get_mut(head_at + 8..head_at + 12) {
        field.copy_from_slice(&adjustment);
    }
    font
}

fn head() -> Vec<u8> {
    let mut bytes = words(&[1, 0, 1, 0, 0, 0, 0x5F0F, 0x3CF5, 0x000B, EM]);
    bytes.extend([0; 16]);
    bytes.extend(words(&[0, 0_u16.wrapping_sub(DESCENT), WIDTH, ASCENT, 0, 8, 2, 0, 0]));
    bytes
}

/// A box of four points.
fn box_glyph() -> Vec<u8> {
    let mut bytes = words(&[1, 0, 0, WIDTH, ASCENT, 3, 0]);
    bytes.extend([1, 1, 1, 1]);
    bytes.extend(words(&[0, 0, WIDTH, 0, 0, ASCENT, 0, 0_u16.wrapping_sub(ASCENT)]));
    bytes
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

fn checksum(data: &[u8]) -> u32 {
    data.chunks(4).fold(0_u32, |sum, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_font_sums_up_to_the_number_of_the_standard() {
        for glyphs in [2, 3, 9, 300] {
            let font = true_type(glyphs);
            assert_eq!(checksum(&font), 0xB1B0_AFBA, "{glyphs} glyphs");
        }
    }

    #[test]
    fn a_character_outside_the_basic_plane_maps_to_its_two_units() {
        let mut alphabet = Alphabet::default();
        assert_eq!((alphabet.code('è'), alphabet.code('𝄞'), alphabet.code('è')), (1, 2, 1));
        let map = alphabet.to_unicode();
        assert!(map.contains("<0001> <00E8>\n<0002> <D834DD1E>"), "{map}");
    }

    #[test]
    fn the_glyph_list_sets_one_bit_for_each_glyph() {
        assert_eq!(cid_bits(8), [0xff]);
        assert_eq!(cid_bits(11), [0xff, 0b1110_0000]);
    }
}
