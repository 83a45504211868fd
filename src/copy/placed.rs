//! Is a page made of nothing but images? Then the copy shows the same images where they stood, and nothing is drawn anew.
//!
//! Scanners write a page as strips side by side, upside down by its matrix, or as ink over paper. What is not seen does
//! not count: invisible text, and what lies below an image that covers the whole page. Opaque letters and lines over the images
//! are drawn alone. Anything else that leaves a mark (a soft edge, an image cut by a path) makes it a page to be drawn.

use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache, InterpreterSettings,
    Paint, SoftMask, TransformExt as _, interpret_page,
};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, BezPath, Rect};
use lopdf::ObjectId;

use crate::pdf_sheet::Cover;

/// Most images of a page that are copied one by one: as many as a scanner's strips and more. Each is held until the page is written.
const IMAGES_MAX: usize = 1_000;

/// One image as the page draws it.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) object: ObjectId,
    /// Carries the unit square of the image onto the page, where that is the unit square, upright.
    pub(super) matrix: [f64; 6],
    /// Colour of a stencil.
    pub(super) ink: Option<[u8; 3]>,
}

/// What a page of images shows.
#[derive(Debug)]
pub(super) struct Shown {
    /// In the order in which they are drawn.
    pub(super) images: Vec<Placed>,
    /// True if opaque letters and lines lie over them.
    pub(super) has_more: bool,
}

/// The images of the page; none where there are no images, where it shows more than images and what lies over them, more than
/// [`IMAGES_MAX`] of them, or more than `pixels_max` pixels of them. One that stands there twice counts twice.
pub(super) fn images(page: &Page<'_>, pixels_max: u64) -> Option<Shown> {
    let (width, height) = page.render_dimensions();
    let sheet = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let mut seen = Seen { sheet, pixels_max, ..Seen::default() };
    let cache = InterpreterCache::new();
    let transform = page.initial_transform(true).to_kurbo();
    let mut context = Context::new(transform, sheet, &cache, page.xref(), InterpreterSettings::default());
    interpret_page(page, &mut context, &mut seen);
    let is_plain = !seen.is_more && seen.images.len() <= IMAGES_MAX && seen.pixels <= pixels_max;
    (is_plain && !seen.images.is_empty()).then_some(Shown { images: seen.images, has_more: seen.has_over })
}

#[derive(Debug, Default)]
struct Seen {
    sheet: Rect,
    pixels_max: u64,
    images: Vec<Placed>,
    pixels: u64,
    /// True if something was drawn that is no whole image.
    is_more: bool,
    /// True if opaque paint lies over the images.
    has_over: bool,
    /// True if something was drawn that an image hides.
    is_hiding: bool,
    cover: Cover,
}

impl Seen {
    /// Something was drawn with `paint`. White on the white of the page is nothing, as long as nothing lies below.
    fn mark(&mut self, paint: &Paint<'_>) {
        let [r, g, b, a] = match paint {
            Paint::Color(colour) => colour.to_rgba().to_rgba8(),
            Paint::Pattern(_) => {
                self.is_more = true;
                return;
            }
        };
        let is_white = r.min(g).min(b) == 255 && self.images.is_empty() && !self.cover.is_mixed();
        if a == 0 || is_white {
            return;
        }
        if a == 255 && !self.images.is_empty() && !self.is_hiding && !self.cover.is_mixed() {
            self.has_over = true;
        } else {
            self.is_more = true;
        }
    }
}

impl<'a> Device<'a> for Seen {
    fn draw_path(&mut self, _: &BezPath, props: DrawProps<'a>, draw_mode: &DrawMode) {
        if !matches!(draw_mode, DrawMode::Invisible) {
            self.mark(&props.paint);
        }
    }

    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, props: DrawProps<'a>, draw_mode: &DrawMode) {
        if !matches!(draw_mode, DrawMode::Invisible) {
            self.mark(&props.paint);
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let covers = props.transform.transform_rect_bbox(Rect::new(0.0, 0.0, width, height));
        let visible = covers.intersect(self.sheet);
        if visible.width() <= 0.0 || visible.height() <= 0.0 {
            return;
        }
        self.pixels = self.pixels.saturating_add(u64::from(image.width()) * u64::from(image.height()));
        let (number, ink) = match &image {
            Image::Raster(raster) => (raster.stream().obj_id(), None),
            Image::Stencil(stencil) => {
                let mut ink = None;
                if self.pixels <= self.pixels_max {
                    stencil.with_stencil(|_, paint| ink = plain(paint), None);
                }
                self.is_more |= ink.is_none();
                (stencil.stream().obj_id(), ink)
            }
        };
        let [a, b, c, d, ..] = props.transform.as_coeffs();
        let is_straight = (a.abs() + d.abs()).min(b.abs() + c.abs()) < 1e-6;
        let is_whole = self.cover.is_whole(visible);
        let is_page = (visible.area() - self.sheet.area()).abs() < 1e-6 * self.sheet.area();
        if is_opaque(&image) && is_straight && is_page && is_whole {
            self.images.clear();
            self.is_hiding |= self.is_more || self.has_over;
            (self.is_more, self.has_over) = (false, false);
        }
        // Drawn later than what is drawn over the others: it may hide some of that.
        self.is_more |= self.has_over;
        let object = number.obj_number;
        let Ok(generation) = u16::try_from(number.gen_number) else {
            self.is_more = true;
            return;
        };
        // An inline image has no number.
        self.is_more |= !is_whole || object == 0;
        let upright = Affine::new([1.0 / self.sheet.width(), 0.0, 0.0, -1.0 / self.sheet.height(), 0.0, 1.0]);
        let pixels = Affine::new([width, 0.0, 0.0, -height, 0.0, height]);
        let matrix = (upright * props.transform * pixels).as_coeffs();
        if self.images.len() <= IMAGES_MAX {
            self.images.push(Placed { object: (object, generation), matrix, ink });
        }
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

/// True of an image that hides what lies below all of it.
fn is_opaque(image: &Image<'_, '_>) -> bool {
    let Image::Raster(raster) = image else { return false };
    let stream = raster.stream();
    [&b"SMask"[..], b"Mask", b"SMaskInData"].iter().all(|key| !stream.dict().contains_key(*key))
}

/// A colour that covers; none of a pattern.
fn plain(paint: &Paint<'_>) -> Option<[u8; 3]> {
    match paint {
        Paint::Color(colour) => {
            let [r, g, b, a] = colour.to_rgba().to_rgba8();
            (a == 255).then_some([r, g, b])
        }
        Paint::Pattern(_) => None,
    }
}
