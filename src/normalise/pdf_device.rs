//! What is drawn on a PDF page? Devices for the interpreter that look instead of painting.

use hayro::hayro_interpret::font::{Glyph, GlyphRun};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps, InterpreterCache,
    InterpreterSettings, Paint, SoftMask, TransformExt as _, interpret_page,
};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, BezPath, Point, Rect, Shape as _};

use super::PageImage;
use crate::pdf_sheet::Cover;

/// Has `device` see everything that is drawn on the page, in points times `scale`, upright, from the top left corner.
pub(super) fn walk<'a>(page: &Page<'a>, scale: f64, device: &mut impl Device<'a>) {
    let transform = Affine::scale(scale) * page.initial_transform(true).to_kurbo();
    let (width, height) = page.render_dimensions();
    let sheet = Rect::new(0.0, 0.0, f64::from(width) * scale, f64::from(height) * scale);
    let cache = InterpreterCache::new();
    let mut context = Context::new(transform, sheet, &cache, page.xref(), InterpreterSettings::default());
    interpret_page(page, &mut context, device);
}

/// An image on the page, not decoded.
#[derive(Debug, Clone)]
pub(super) struct SeenImage {
    pub(super) object: u32,
    pub(super) generation: u16,
    pub(super) width: u32,
    pub(super) height: u32,
    /// The box it covers, in points.
    pub(super) covers: Rect,
    /// Points across and down of its own axes.
    pub(super) extent: (f64, f64),
    /// Degrees clockwise that bring its pixels upright, to the next quarter; `None` if it is mirrored.
    pub(super) rotation: Option<u16>,
    pub(super) compression: &'static str,
    pub(super) bits: u16,
    pub(super) is_masked: bool,
    /// True if no path cuts it and nothing mixes it with what lies below.
    pub(super) is_whole: bool,
}

/// Counts what is drawn: the witness of the survey.
#[derive(Debug, Default)]
pub(super) struct Witness {
    pub(super) sheet: Rect,
    pub(super) images: Vec<SeenImage>,
    /// Visible characters with a usable Unicode value.
    pub(super) readable: u32,
    /// Visible characters without one.
    pub(super) unreadable: u32,
    /// Strips of the sheet, of [`STRIPS`] from the top, in which such characters stand.
    pub(super) written: u32,
    /// Drawings that leave ink.
    pub(super) drawings: u32,
    pub(super) cover: Cover,
}

/// Share of the page that an image must cover to hide what was drawn before it.
const FULL_PAGE: f64 = 0.85;

impl<'a> Device<'a> for Witness {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, draw_mode: &DrawMode) {
        let covers = props.transform.transform_rect_bbox(path.bounding_box()).intersect(self.sheet);
        let is_seen = !matches!(draw_mode, DrawMode::Invisible) && covers.width() >= 0.0 && covers.height() >= 0.0;
        // White over an image may have been put there to hide what it shows: the image alone would show it again.
        let hides = !self.images.is_empty() && covers.area() > 0.0 && is_opaque(&props.paint);
        if is_seen && covers.width() + covers.height() > 0.0 && (leaves_ink(&props.paint) || hides) {
            self.drawings += 1;
        }
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, draw_mode: &DrawMode) {
        if matches!(draw_mode, DrawMode::Invisible) || !leaves_ink(&props.paint) {
            return;
        }
        for glyph in run.glyphs() {
            let at = props.transform * glyph.transform() * Point::ORIGIN;
            if !self.sheet.contains(at) {
                continue;
            }
            match usable_text(glyph) {
                Some(text) if text.trim().is_empty() => {}
                Some(_) => {
                    self.readable += 1;
                    self.written |= 1 << strip(at.y / self.sheet.height());
                }
                None => self.unreadable += 1,
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let mut seen = seen(&image, props.transform);
        let visible = seen.covers.intersect(self.sheet);
        if visible.width() <= 0.0 || visible.height() <= 0.0 {
            return;
        }
        seen.is_whole = self.cover.is_whole(visible);
        if !seen.is_masked && seen.is_whole && visible.area() >= FULL_PAGE * self.sheet.area() {
            // What lies below a full page image is not seen: text layers of some scanners.
            (self.readable, self.unreadable, self.drawings, self.written) = (0, 0, 0, 0);
            self.images.clear();
        }
        self.images.push(seen);
    }

    fn push_clip_path(&mut self, path: &ClipPath) {
        self.cover.push_path(&path.path);
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend_mode: BlendMode) {
        self.cover.push_group(opacity, mask.is_some(), blend_mode);
    }

    fn pop_clip(&mut self) {
        self.cover.pop_path();
    }

    fn pop_transparency_group(&mut self) {
        self.cover.pop_group();
    }
}

impl Witness {
    /// Share of the sheet, by strips, that images cover across most of its width and where no characters stand.
    pub(super) fn free_of_text(&self) -> f64 {
        let height = self.sheet.height() / f64::from(STRIPS);
        let is_covered = |n: &u32| {
            let top = self.sheet.y0 + height * f64::from(*n);
            let strip = Rect::new(self.sheet.x0, top, self.sheet.x1, top + height);
            let covered: f64 = self.images.iter().map(|image| image.covers.intersect(strip).area()).sum();
            covered > STRIP_COVERED * strip.area() && self.written & 1 << n == 0
        };
        f64::from((0..STRIPS).filter(is_covered).count() as u32) / f64::from(STRIPS)
    }
}

/// Strips of a sheet: two lines of text each, on A4.
const STRIPS: u32 = 32;
/// Share of a strip from which an image covers it.
const STRIP_COVERED: f64 = 0.5;

/// The strip at a share of the height.
fn strip(share: f64) -> u32 {
    ((share * f64::from(STRIPS)) as u32).min(STRIPS - 1)
}

/// White on the white of the page leaves no ink; a pattern is taken to.
pub(super) fn leaves_ink(paint: &Paint<'_>) -> bool {
    match paint {
        Paint::Color(colour) => {
            let [r, g, b, a] = colour.to_rgba().to_rgba8();
            a > 8 && r.min(g).min(b) < 245
        }
        Paint::Pattern(_) => true,
    }
}

/// True of a paint that hides what lies below it; a pattern is taken to.
fn is_opaque(paint: &Paint<'_>) -> bool {
    match paint {
        Paint::Color(colour) => colour.to_rgba().to_rgba8()[3] > 8,
        Paint::Pattern(_) => true,
    }
}

/// The text of a glyph if it is text that a person could have typed.
pub(super) fn usable_text(glyph: &Glyph<'_>) -> Option<String> {
    use hayro::hayro_interpret::hayro_cmap::BfString;
    let text = match glyph.as_unicode()? {
        BfString::Char(c) => c.to_string(),
        BfString::String(text) => text,
    };
    let is_odd = |c: char| c == '\u{FFFD}' || (c.is_control() && !c.is_whitespace()) || ('\u{E000}'..='\u{F8FF}').contains(&c);
    (!text.is_empty() && !text.chars().any(is_odd)).then_some(text)
}

fn seen(image: &Image<'_, '_>, transform: Affine) -> SeenImage {
    let stream = match image {
        Image::Stencil(stencil) => stencil.stream(),
        Image::Raster(raster) => raster.stream(),
    };
    let (width, height) = (image.width(), image.height());
    let [a, b, c, d, _, _] = transform.as_coeffs();
    let dict = stream.dict();
    let has = |key: &[u8]| dict.contains_key(key);
    let components: u16 = match dict.get::<hayro::hayro_syntax::object::Name<'_>>(b"ColorSpace".as_slice()) {
        Some(name) if name.as_ref() == b"DeviceRGB" => 3,
        Some(name) if name.as_ref() == b"DeviceCMYK" => 4,
        Some(_) => 1,
        None => components(dict),
    };
    let is_stencil = matches!(image, Image::Stencil(_));
    SeenImage {
        object: stream.obj_id().obj_number,
        generation: u16::try_from(stream.obj_id().gen_number).unwrap_or(0),
        width,
        height,
        covers: transform.transform_rect_bbox(Rect::new(0.0, 0.0, f64::from(width), f64::from(height))),
        extent: (a.hypot(b) * f64::from(width), c.hypot(d) * f64::from(height)),
        rotation: quarter(a, b, c, d),
        compression: super::pdf::compression(stream),
        bits: if is_stencil { 1 } else { dict.get::<u16>(b"BitsPerComponent".as_slice()).unwrap_or(8) * components },
        is_masked: is_stencil || has(b"SMask") || has(b"Mask") || has(b"SMaskInData"),
        is_whole: true,
    }
}

fn components(dict: &hayro::hayro_syntax::object::Dict<'_>) -> u16 {
    use hayro::hayro_syntax::object::{Array, Name, Object, Stream};
    let Some(space) = dict.get::<Array<'_>>(b"ColorSpace".as_slice()) else { return 1 };
    let mut parts = space.iter::<Object<'_>>();
    let family = parts.next().and_then(Object::into_name);
    let is = |name: &[u8]| family.as_ref().is_some_and(|f: &Name<'_>| f.as_ref() == name);
    if is(b"ICCBased") {
        let profile: Option<Stream<'_>> = parts.next().and_then(Object::into_stream);
        return profile.and_then(|p| p.dict().get::<u16>(b"N".as_slice())).unwrap_or(3);
    }
    if is(b"CalRGB") || is(b"Lab") { 3 } else { 1 }
}

/// The quarter turn nearest to the image's axes on the page; `None` for a mirrored image.
fn quarter(a: f64, b: f64, c: f64, d: f64) -> Option<u16> {
    if a * d - b * c <= 0.0 {
        return None;
    }
    let degrees = b.atan2(a).to_degrees();
    Some(((degrees / 90.0).round() as i32 * 90).rem_euclid(360) as u16)
}

/// Decodes the one image that is asked for and lets the rest go.
#[derive(Debug)]
pub(super) struct Taker {
    pub(super) object: u32,
    pub(super) pixels_max: u64,
    pub(super) taken: Option<PageImage>,
}

impl<'a> Device<'a> for Taker {
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let seen = seen(&image, props.transform);
        if seen.object != self.object || self.taken.is_some() || u64::from(seen.width) * u64::from(seen.height) > self.pixels_max
        {
            return;
        }
        let dpi = (f64::from(seen.width) * 72.0 / seen.extent.0.max(1e-3)) as f32;
        let mut taken = None;
        match &image {
            Image::Stencil(stencil) => stencil.with_stencil(
                |mut luma, _| {
                    luma.data.iter_mut().for_each(|value| *value = 255 - *value);
                    taken = PageImage::new(luma.width, luma.height, luma.data);
                },
                None,
            ),
            Image::Raster(raster) => raster.with_rgba(|data, _| taken = gray_of(data, dpi), None),
        }
        if let Some(taken) = &mut taken {
            taken.bilevel = seen.bits == 1;
            taken.is_damaged = seen.compression == "jpeg" && is_jpeg_damaged(&image);
            taken.rotation = seen.rotation.unwrap_or(0);
            taken.dpi = dpi;
        }
        self.taken = taken;
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

fn is_jpeg_damaged(image: &Image<'_, '_>) -> bool {
    let stream = match image {
        Image::Stencil(stencil) => stencil.stream(),
        Image::Raster(raster) => raster.stream(),
    };
    // What is packed once more is not unpacked for it.
    let data = stream.raw_data();
    data.starts_with(&[0xFF, 0xD8]) && super::entropy::is_damaged(&data, None)
}

fn gray_of(data: ImageData, dpi: f32) -> Option<PageImage> {
    match data {
        ImageData::Luma(luma) => PageImage::new(luma.width, luma.height, luma.data),
        ImageData::Rgb(rgb) => super::colour::page(rgb.width, rgb.height, &rgb.data, dpi),
    }
}
