//! How much work is a page of a PDF? Known before it is drawn: what its content unpacks to and the operators that it has run.
//!
//! A form that draws another ten times, thirty deep, is a file of a few kilobytes and work for longer than the sun will shine; a
//! gigabyte of operators packs into a megabyte. Each stream is unpacked and counted once, however often it is drawn, and never
//! past the ceiling.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;

use flate2::read::DeflateDecoder;
use hayro::hayro_syntax::content::UntypedIter;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, Stream};
use hayro::hayro_syntax::page::{Page, Resources};

use crate::error::{Error, Result};
use crate::limits::Limits;

/// How deep forms are followed: the renderer's own limit.
const DEPTH_MAX: u32 = 50;
/// Streams of one page that are counted: a form without resources of its own may mean something else each time.
const STREAMS_MAX: u32 = 20_000;
/// Data packed in another way than Flate are unpacked to be counted if they are no longer than this: at worst, LZW, they grow
/// to 1.4 GB.
const OTHER_BYTES_MAX: usize = 1 << 20;
/// The most that a byte of Flate data unpacks to (1,032: zlib's technical details).
const FLATE_RATIO_MAX: u64 = 1_032;
/// So much of an image is unpacked to see how well it packs: a few milliseconds.
const SAMPLE_BYTES: u64 = 4 << 20;

/// Holds a page that takes more work than the limits allow.
///
/// # Errors
///
/// `page-too-much`: its content unpacks to more than `page_content_bytes_max`, or has more than `page_operators_max` operators
/// run, or an image on it unpacks to more than `unpacked_bytes_max`.
pub fn within(page: &Page<'_>, n: u32, limits: &Limits) -> Result<()> {
    let (bytes, image_bytes) = (limits.page_content_bytes_max, limits.unpacked_bytes_max);
    let mut count = Count { bytes, image_bytes, ..Count::default() };
    let too_much = |limit: &str, max: u64| Error::hold("page-too-much").with("page", n).with("limit", limit).with("max", max);
    let Some(operators) = count.page(page) else {
        return Err(too_much("page_content_bytes_max", limits.page_content_bytes_max));
    };
    if count.is_over_image_bytes {
        return Err(too_much("unpacked_bytes_max", limits.unpacked_bytes_max));
    }
    if operators > limits.page_operators_max {
        return Err(too_much("page_operators_max", limits.page_operators_max));
    }
    Ok(())
}

#[derive(Default)]
struct Count {
    /// Bytes that may still be unpacked.
    bytes: u64,
    streams: u32,
    /// Bytes that one image may unpack to, and whether one does more.
    image_bytes: u64,
    is_over_image_bytes: bool,
    /// Operators of the forms that are known.
    forms: HashMap<ObjectIdentifier, u64>,
}

impl Count {
    /// The operators that the page and its notes have run; none of a page with more content than may be unpacked.
    fn page(&mut self, page: &Page<'_>) -> Option<u64> {
        let mut all = 0_u64;
        let dict = page.raw();
        if let Some(content) = dict.get::<Stream<'_>>(b"Contents") {
            all = self.content(&content, page.resources(), 0)?;
        } else if let Some(parts) = dict.get::<Array<'_>>(b"Contents") {
            // An operator may begin in one part and end in the next: this counts no less than there are.
            for part in parts.iter::<Object<'_>>().filter_map(Object::into_stream) {
                all = all.saturating_add(self.content(&part, page.resources(), 0)?);
            }
        }
        for note in dict.get::<Array<'_>>(b"Annots").iter().flat_map(Array::iter::<Dict<'_>>) {
            let Some(shown) = note.get::<Dict<'_>>(b"AP") else { continue };
            let states = shown.get::<Dict<'_>>(b"N");
            let of_state = states.iter().flat_map(|states| states.keys().filter_map(|key| states.get::<Stream<'_>>(key)));
            for form in shown.get::<Stream<'_>>(b"N").into_iter().chain(of_state) {
                all = all.saturating_add(self.form(&form, page.resources(), 1)?);
            }
        }
        Some(all)
    }

    /// The operators that a form has run each time that it is drawn.
    fn form<'a>(&mut self, form: &Stream<'a>, around: &Resources<'a>, depth: u32) -> Option<u64> {
        if depth >= DEPTH_MAX {
            return Some(0);
        }
        let Some(own) = form.dict().get::<Dict<'a>>(b"Resources") else { return self.content(form, around, depth) };
        let id = form.obj_id();
        if let Some(known) = self.forms.get(&id) {
            return Some(*known);
        }
        // A form that draws itself is drawn again and again, down to the deepest: more work than any page has.
        self.forms.insert(id, u64::MAX);
        let operators = self.content(form, &Resources::new(own), depth)?;
        self.forms.insert(id, operators);
        Some(operators)
    }

    fn content<'a>(&mut self, stream: &Stream<'a>, resources: &Resources<'a>, depth: u32) -> Option<u64> {
        self.streams += 1;
        if self.streams > STREAMS_MAX {
            return None;
        }
        let data = self.unpacked(stream)?;
        let mut operators = 0_u64;
        let mut forms: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        let mut content = UntypedIter::new(&data);
        while let Some(operation) = content.next() {
            operators = operators.saturating_add(1);
            if operation.operator[..] == *b"Do"
                && let Some(Object::Name(name)) = operation.operands().next()
            {
                *forms.entry(name.to_vec()).or_default() += 1;
            }
        }
        drop(data);
        for (name, times) in forms {
            let Some(drawn) = resources.get_x_object(&Name::new_unescaped(&name)) else { continue };
            if !is_form(&drawn) {
                self.is_over_image_bytes |= is_over(&drawn, self.image_bytes);
                continue;
            }
            let each = self.form(&drawn, resources, depth + 1)?;
            operators = operators.saturating_add(each.saturating_mul(times));
        }
        Some(operators)
    }

    /// What the stream unpacks to, no bytes where it cannot be; none where that is too much.
    fn unpacked(&mut self, stream: &Stream<'_>) -> Option<Vec<u8>> {
        let raw = stream.raw_data();
        // The enum of filters is not public in hayro-syntax 0.9; its debug form is its name.
        let filters: Vec<String> = stream.filters().iter().map(|filter| format!("{filter:?}")).collect();
        if filters.iter().all(|filter| filter == "FlateDecode") && !has_predictor(stream) {
            let mut data = raw.into_owned();
            for _ in &filters {
                data = inflated(&data, self.bytes.saturating_add(1));
                if data.len() as u64 > self.bytes {
                    return None;
                }
            }
            self.bytes = self.bytes.checked_sub(data.len() as u64)?;
            return Some(data);
        }
        if raw.len() > OTHER_BYTES_MAX {
            return None;
        }
        let data = stream.decoded_data().map_or_else(|_| Vec::new(), std::borrow::Cow::into_owned);
        self.bytes = self.bytes.checked_sub(data.len() as u64)?;
        Some(data)
    }
}

fn is_form(drawn: &Stream<'_>) -> bool {
    drawn.dict().get::<Name<'_>>(b"Subtype").is_some_and(|kind| kind.as_ref() == b"Form")
}

/// True of an image whose Flate data unpack to more than `most` bytes. All of them are unpacked, and thrown away, only where they
/// pack so well at their beginning that there could be so many.
fn is_over(image: &Stream<'_>, most: u64) -> bool {
    let is_flate = image.filters().first().is_some_and(|filter| format!("{filter:?}") == "FlateDecode");
    let data = image.raw_data();
    let size = data.len() as u64;
    if !is_flate || size.saturating_mul(FLATE_RATIO_MAX) <= most {
        return false;
    }
    let mut decoder = DeflateDecoder::new(bare(&data));
    // Faults are the image decoder's to tell.
    _ = std::io::copy(&mut (&mut decoder).take(SAMPLE_BYTES), &mut std::io::sink());
    if decoder.total_out().saturating_mul(size) / decoder.total_in().max(1) <= most {
        return false;
    }
    let rest = most.saturating_add(1).saturating_sub(decoder.total_out());
    _ = std::io::copy(&mut (&mut decoder).take(rest), &mut std::io::sink());
    decoder.total_out() > most
}

fn has_predictor(stream: &Stream<'_>) -> bool {
    [&b"DecodeParms"[..], b"DP"].iter().any(|key| stream.dict().contains_key(key))
}

/// What Flate data unpack to, up to `most` bytes and as far as they are sound; their checksum is nobody's business here.
fn inflated(data: &[u8], most: u64) -> Vec<u8> {
    let mut unpacked = Vec::new();
    // What was unpacked before a fault is there all the same.
    _ = DeflateDecoder::new(bare(data)).take(most).read_to_end(&mut unpacked);
    unpacked
}

/// Flate data without the two bytes of zlib's head, where they have it.
fn bare(data: &[u8]) -> &[u8] {
    match data {
        [method, flags, rest @ ..] if method & 0x0F == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0 => rest,
        _ => data,
    }
}
