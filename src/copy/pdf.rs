//! What did a PDF store for a page? Its image XObject with filter and colour, or the page itself where it must be drawn.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use hayro::hayro_syntax::Pdf;
use lopdf::{Dictionary, Document, FilterFunc, LoadOptions, Object, ObjectId, Stream};

use super::colour::{Kept, Verdict};
use super::in_file::{self, InFile};
use super::picture::{Colour, PageImage, Picture, Place, RowPacker, Shape};
use super::tiff::damaged;
use super::{PdfaLevel, jpeg, raster};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::mapped::Mapped;

/// Page contents longer than this are no mere frame of one scan.
const FRAME_BYTES_MAX: usize = 64 << 10;

/// A PDF read for its images.
pub(super) struct PdfSource {
    path: PathBuf,
    pub(super) doc: Document,
    file: InFile,
    pub(super) pages: BTreeMap<u32, ObjectId>,
    pub(super) raster: Option<Pdf>,
}

/// One image XObject with its dictionary's facts.
pub(super) struct Stored<'a> {
    pub(super) doc: &'a Document,
    pub(super) stream: &'a Stream,
    file: &'a InFile,
    pub(super) id: ObjectId,
    pub(super) page: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    /// True of a stencil that is drawn over other images in an ink; one that is the page is black on white.
    pub(super) is_inked: bool,
    /// True where what makes it see through is written beside it.
    pub(super) is_bare: bool,
}

/// Entry of a stencil that is drawn in an ink.
pub(super) const INKED: &str = "/ImageMask true";

impl PdfSource {
    /// Reads the PDF at `path`.
    pub(super) fn open(path: PathBuf, limits: &Limits) -> Result<Self> {
        let bytes = std::fs::metadata(&path).map_err(|e| Error::disk("measure PDF", &path, e))?.len();
        if bytes > limits.pdf_bytes_max {
            return Err(Error::hold("copy-limit").with("limit", "pdf_bytes_max").with("page", 1));
        }
        let unpacked = usize::try_from(limits.unpacked_bytes_max).unwrap_or(usize::MAX);
        let file = InFile::of(&path).map_err(|e| Error::disk("read PDF", &path, e))?;
        let mapped = Mapped::open(&path).map_err(|e| Error::disk("read PDF", &path, e))?;
        let load = |filter| {
            let options = LoadOptions { max_decompressed_size: Some(unpacked), filter, ..LoadOptions::default() };
            Document::load_mem_with_options(mapped.as_ref(), options).map_err(|e| damaged("PDF", "byte 0").because(e))
        };
        let mut doc = load((bytes > in_file::FILE_BYTES_MIN).then_some(in_file::leave as FilterFunc))?;
        let mut pages = doc.get_pages();
        if bytes > in_file::FILE_BYTES_MIN && (pages.is_empty() || doc.xref_recovery.is_some()) {
            // Places are not to be trusted where the table of them was mended; without a filter the mending goes further.
            doc = load(None)?;
            pages = doc.get_pages();
        }
        if pages.is_empty() && (doc.is_encrypted() || doc.was_encrypted()) {
            return Err(Error::hold("copy-encrypted"));
        }
        Ok(Self { path, doc, file, pages, raster: None })
    }

    /// The page drawn at `dpi`.
    pub(super) fn drawn(&mut self, page: u32, dpi: f64, limits: &Limits) -> Result<PageImage> {
        self.look()?;
        let pdf = self.raster.as_ref().ok_or_else(|| damaged("PDF", format!("page {page}")))?;
        raster::page_image(pdf, page, dpi, limits)
    }

    /// Opens the file for the renderer.
    pub(super) fn look(&mut self) -> Result<()> {
        if self.raster.is_none() {
            let file = Mapped::open(&self.path).map_err(|e| Error::disk("read PDF", &self.path, e))?;
            self.raster = raster::opened(Arc::new(file));
        }
        Ok(())
    }

    /// The image `id` that is page `page`.
    pub(super) fn image(&mut self, page: u32, id: ObjectId, level: PdfaLevel, limits: &Limits) -> Result<PageImage> {
        let ink = if self.stored(page, id, limits)?.is_mask() { self.ink(page, limits) } else { None };
        let mut stored = self.stored(page, id, limits)?;
        stored.is_inked = ink.is_some();
        let mut image = stored.page_image(level, limits)?;
        if let Some(piece) = image.pieces.first_mut().filter(|_| ink.is_some()) {
            piece.place = Place::Laid { matrix: [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], ink };
        }
        image.aspect = self.aspect(page, id, (stored.width, stored.height)).unwrap_or(1.0);
        Ok(image)
    }

    pub(super) fn stored(&self, page: u32, id: ObjectId, limits: &Limits) -> Result<Stored<'_>> {
        let broken = || damaged("PDF", format!("page {page}, object {}", id.0));
        let stream = self.doc.get_object(id).and_then(Object::as_stream).map_err(|e| broken().because(e))?;
        let size = |key: &[u8]| self.number(&stream.dict, key).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        let (Some(width), Some(height)) = (size(b"Width"), size(b"Height")) else { return Err(broken()) };
        if u64::from(width) * u64::from(height) > limits.page_pixels_max {
            return Err(Error::hold("copy-limit").with("limit", "page_pixels_max").with("page", page));
        }
        Ok(Stored { doc: &self.doc, stream, file: &self.file, id, page, width, height, is_inked: false, is_bare: false })
    }

    fn number(&self, dict: &Dictionary, key: &[u8]) -> Option<i64> {
        dict.get_deref(key, &self.doc).ok()?.as_i64().ok()
    }

    /// Dots per inch down over dots per inch across, as the page draws the image.
    fn aspect(&self, page: u32, id: ObjectId, size: (u32, u32)) -> Option<f64> {
        let page_id = *self.pages.get(&page)?;
        let content = self.doc.get_page_content_with_limit(page_id, FRAME_BYTES_MAX).ok()?;
        let content = lopdf::content::Content::decode(&content).ok()?;
        let images = self.doc.get_page_images(page_id).ok()?;
        if images.iter().all(|image| image.id != id) {
            return None;
        }
        let (mut across, mut down) = (1.0_f64, 1.0_f64);
        let mut stack = Vec::new();
        for operation in &content.operations {
            match operation.operator.as_str() {
                "q" => stack.push((across, down)),
                "Q" => (across, down) = stack.pop().unwrap_or((1.0, 1.0)),
                "cm" => {
                    let matrix: Vec<f64> = operation.operands.iter().filter_map(|o| o.as_float().ok()).map(f64::from).collect();
                    let [right, up, aside, rise, ..] = *matrix.as_slice() else { return None };
                    (across, down) = (across * right.hypot(up), down * aside.hypot(rise));
                }
                "Do" => break,
                _ => {}
            }
        }
        let aspect = (f64::from(size.1) / down) / (f64::from(size.0) / across);
        // Small differences are margins and rounding, not anamorphic pixels.
        (aspect.is_finite() && (0.2..=5.0).contains(&aspect) && (aspect - 1.0).abs() > 0.02).then_some(aspect)
    }
}

impl Stored<'_> {
    pub(super) fn page_image(&self, level: PdfaLevel, limits: &Limits) -> Result<PageImage> {
        let (filter, parms, data) = self.last_filter(limits)?;
        if let Some(why) = self.must_convert(&filter, level) {
            return self.converted(why, &filter);
        }
        let kept = match self.colour(&filter, level) {
            Verdict::Keep(kept) => kept,
            Verdict::Convert(why) => return self.converted(why, &filter),
        };
        match filter.as_slice() {
            b"DCTDecode" | b"DCT" => self.dct(kept, &parms, data),
            b"CCITTFaxDecode" | b"CCF" => {
                Ok(self.passed(kept, "/BitsPerComponent 1/Filter/CCITTFaxDecode", &fax_parms(&parms), data))
            }
            b"JBIG2Decode" => self.jbig2(kept, &parms, data, limits),
            b"JPXDecode" => Ok(self.passed(kept, "/Filter/JPXDecode", "", data)),
            b"FlateDecode" | b"Fl" => {
                let parms = numbers(&parms, &[b"Predictor", b"Colors", b"BitsPerComponent", b"Columns"]);
                let bits = format!("/BitsPerComponent {}/Filter/FlateDecode", self.bits());
                Ok(self.passed(kept, &bits, &parms, data))
            }
            _ => self.raw(kept, &data, &filter),
        }
    }

    /// The last filter with its parameters, and the data as it takes them. The filters before it, and LZW and run
    /// lengths, are undone.
    fn last_filter(&self, limits: &Limits) -> Result<(Vec<u8>, Dictionary, Vec<u8>)> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        match self.stream.dict.get_deref(b"Filter", self.doc) {
            Ok(Object::Name(name)) => names.push(name.clone()),
            Ok(Object::Array(list)) => {
                names.extend(list.iter().filter_map(|o| self.doc.dereference(o).ok()?.1.as_name().ok().map(<[u8]>::to_vec)));
            }
            _ => {}
        }
        let all = self.stream.dict.get_deref(b"DecodeParms", self.doc).or_else(|_| self.stream.dict.get_deref(b"DP", self.doc));
        let parms_of = |n: usize| -> Dictionary {
            let found = match all {
                Ok(Object::Dictionary(dict)) if n + 1 == names.len() => Some(dict),
                Ok(Object::Array(list)) => {
                    list.get(n).and_then(|o| self.doc.dereference(o).ok()).and_then(|(_, o)| o.as_dict().ok())
                }
                _ => None,
            };
            found.cloned().unwrap_or_default()
        };
        let is_kept = |name: &[u8]| {
            matches!(
                name,
                b"DCTDecode" | b"DCT" | b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" | b"JPXDecode" | b"FlateDecode" | b"Fl"
            )
        };
        let undone = if names.last().is_some_and(|name| is_kept(name)) { names.len() - 1 } else { names.len() };
        let mut data = self.data(self.stream)?.into_owned();
        for (n, name) in names.iter().take(undone).enumerate() {
            let mut dict = Dictionary::new();
            dict.set("Filter", Object::Name(full_name(name).to_vec()));
            dict.set("DecodeParms", Object::Dictionary(parms_of(n)));
            let most = usize::try_from(limits.unpacked_bytes_max).unwrap_or(usize::MAX);
            data = Stream::new(dict, data).decompressed_content_with_limit(most).map_err(|e| self.broken().because(e))?;
        }
        let last = names.get(undone).or(names.last()).cloned().unwrap_or_default();
        Ok((last, if undone < names.len() { parms_of(undone) } else { Dictionary::new() }, data))
    }

    /// The data of `stream`, wherever they are.
    pub(super) fn data<'s>(&self, stream: &'s Stream) -> Result<Cow<'s, [u8]>> {
        self.file.data(self.doc, stream).map_err(|e| self.broken().because(e))
    }

    pub(super) fn whole(&self, stream: &Stream) -> Result<Stream> {
        Ok(self.file.whole(self.doc, stream).map_err(|e| self.broken().because(e))?.into_owned())
    }

    fn broken(&self) -> Error {
        damaged("PDF", format!("page {}, object {}", self.page, self.id.0))
    }

    fn bits(&self) -> i64 {
        if self.is_mask() {
            1
        } else {
            self.stream.dict.get_deref(b"BitsPerComponent", self.doc).and_then(Object::as_i64).unwrap_or(8)
        }
    }

    pub(super) fn is_mask(&self) -> bool {
        self.stream.dict.get_deref(b"ImageMask", self.doc).and_then(Object::as_bool).unwrap_or(false)
    }

    /// Why the image cannot be passed through, colours apart.
    fn must_convert(&self, filter: &[u8], level: PdfaLevel) -> Option<&'static str> {
        if self.is_see_through() && !self.is_bare {
            return Some("alpha-on-white");
        }
        match filter {
            b"JPXDecode" if level.is_first() => Some("jpx-decoded"),
            b"JPXDecode" => {
                let settings = hayro_jpeg2000::DecodeSettings::default();
                let is_plain = self.data(self.stream).is_ok_and(|data| {
                    hayro_jpeg2000::Image::new(&data, &settings)
                        .is_ok_and(|image| !image.has_alpha() && matches!(image.color_space().num_channels(), 1 | 3))
                });
                (!is_plain).then_some("jpx-colours-to-rgb")
            }
            b"DCTDecode" | b"DCT" | b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" => None,
            _ if self.bits() == 16 && level.is_first() => Some("16-bit-to-8"),
            _ => None,
        }
    }

    pub(super) fn is_see_through(&self) -> bool {
        let has = |key: &[u8]| self.stream.dict.get_deref(key, self.doc).is_ok_and(|o| !o.is_null());
        let in_data = self.stream.dict.get_deref(b"SMaskInData", self.doc).and_then(Object::as_i64).unwrap_or(0) != 0;
        (has(b"SMask") && !self.is_opaque()) || has(b"Mask") || in_data
    }

    /// True of a soft mask of 8 bits that hides nothing (what some writers add to every image).
    fn is_opaque(&self) -> bool {
        let Ok(mask) = self.stream.dict.get_deref(b"SMask", self.doc).and_then(Object::as_stream) else { return false };
        let is_plain = !mask.dict.has(b"Decode")
            && !mask.dict.has(b"Matte")
            && mask.dict.get_deref(b"BitsPerComponent", self.doc).and_then(Object::as_i64).is_ok_and(|bits| bits == 8);
        let most = self.width as usize * self.height as usize * 4;
        is_plain
            && self.file.whole(self.doc, mask).is_ok_and(|mask| {
                let alpha = mask.decompressed_content_with_limit(most);
                alpha.is_ok_and(|alpha| !alpha.is_empty() && alpha.iter().all(|v| *v == 255))
            })
    }

    /// The image as it is stored: colour, what the filter says, its parameters, its data.
    fn passed(&self, kept: Kept, filter: &str, parms: &str, data: Vec<u8>) -> PageImage {
        let parms = if parms.is_empty() { String::new() } else { format!("/DecodeParms<<{parms}>>") };
        let entries = format!("{}{}{filter}{parms}", kept.entry, self.decode());
        let picture = Picture { width: self.width, height: self.height, entries, data, attached: kept.attached, mask: None };
        PageImage::whole(picture, None)
    }

    fn decode(&self) -> String {
        let list = self.stream.dict.get_deref(b"Decode", self.doc).and_then(Object::as_array);
        let Ok(list) = list else { return String::new() };
        let values: Vec<String> =
            list.iter().filter_map(|o| o.as_float().ok()).map(|v| super::writer::number(f64::from(v), 4)).collect();
        format!("/Decode[{}]", values.join(" "))
    }

    fn dct(&self, kept: Kept, parms: &Dictionary, data: Vec<u8>) -> Result<PageImage> {
        let Some(head) = jpeg::head(&data) else { return self.converted("jpeg-kind", b"DCTDecode") };
        if head.components == 4 {
            return self.converted("cmyk-to-rgb", b"DCTDecode");
        }
        let kept = if kept.components == head.components { kept } else { Kept::device(head.components) };
        let parms = numbers(parms, &[b"ColorTransform"]);
        Ok(self.passed(kept, "/BitsPerComponent 8/Filter/DCTDecode", &parms, data))
    }

    fn jbig2(&self, mut kept: Kept, parms: &Dictionary, data: Vec<u8>, limits: &Limits) -> Result<PageImage> {
        let mut globals = String::new();
        if let Ok(stream) = parms.get_deref(b"JBIG2Globals", self.doc).and_then(Object::as_stream) {
            let most = usize::try_from(limits.unpacked_bytes_max).unwrap_or(usize::MAX);
            let plain = stream.decompressed_content_with_limit(most).map_err(|e| self.broken().because(e))?;
            globals = format!("/JBIG2Globals @{}@", kept.attached.len());
            kept.attached.push((String::new(), plain));
        }
        Ok(self.passed(kept, "/BitsPerComponent 1/Filter/JBIG2Decode", &globals, data))
    }

    /// Unpacked samples, packed with Flate.
    fn raw(&self, kept: Kept, data: &[u8], filter: &[u8]) -> Result<PageImage> {
        let why = match filter {
            b"LZWDecode" | b"LZW" => "lzw-to-flate",
            b"RunLengthDecode" | b"RL" => "runlength-to-flate",
            _ => "raw-to-flate",
        };
        let bits = u16::try_from(self.bits()).unwrap_or(8);
        let plain = match kept.entry.as_str() {
            "/ColorSpace/DeviceGray" => Some(Colour::Gray),
            "/ColorSpace/DeviceRGB" => Some(Colour::Rgb),
            _ => None,
        };
        if let Some(colour) = plain.filter(|_| bits == 8 && self.decode().is_empty()) {
            let mut packer = RowPacker::new(Shape { width: self.width, height: self.height, bits, colour, is_inverted: false });
            packer.push(data)?;
            return Ok(PageImage::whole(packer.finish()?, Some(why)));
        }
        let packed = super::writer::deflate(data)?;
        let mut image = self.passed(kept, &format!("/BitsPerComponent {bits}/Filter/FlateDecode"), "", packed);
        image.reencoded = Some(why);
        Ok(image)
    }
}

/// The long name of a filter's short one.
fn full_name(name: &[u8]) -> &[u8] {
    match name {
        b"Fl" => b"FlateDecode",
        b"LZW" => b"LZWDecode",
        b"A85" => b"ASCII85Decode",
        b"AHx" => b"ASCIIHexDecode",
        b"RL" => b"RunLengthDecode",
        other => other,
    }
}

/// Those of the integer `keys` that the dictionary has, as PDF writes them.
fn numbers(dict: &Dictionary, keys: &[&[u8]]) -> String {
    keys.iter()
        .filter_map(|key| Some(format!("/{} {}", String::from_utf8_lossy(key), dict.get(key).ok()?.as_i64().ok()?)))
        .collect()
}

fn fax_parms(parms: &Dictionary) -> String {
    let mut text = numbers(parms, &[b"K", b"Columns", b"Rows", b"DamagedRowsBeforeError"]);
    for key in [&b"EndOfLine"[..], b"EncodedByteAlign", b"EndOfBlock", b"BlackIs1"] {
        if let Ok(value) = parms.get(key).and_then(Object::as_bool) {
            _ = write!(text, "/{} {value}", String::from_utf8_lossy(key));
        }
    }
    text
}
