//! Is a page made of nothing but images? Then the copy shows the same images where they stood, and nothing is drawn anew.
//!
//! Scanners write a page as strips side by side, upside down by its matrix, or as ink over paper. What is not seen does
//! not count: invisible text, and what lies below an image that covers the whole page. Anything else that leaves a mark
//! (a letter, a line, a soft edge, an image cut by a path) makes it a page to be drawn.

use std::collections::HashSet;

use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache, InterpreterSettings,
    Paint, SoftMask, TransformExt as _, interpret_page,
};
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape as _};
use lopdf::ObjectId;

/// What a path may cut off an image that counts as whole, in units of the page: half a pixel at 300 dpi.
const CUT_MOST: f64 = 0.12;

/// One image as the page draws it.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) object: ObjectId,
    /// Carries the unit square of the image onto the page, where that is the unit square, upright.
    pub(super) matrix: [f64; 6],
    /// Colour of a stencil.
    pub(super) ink: Option<[u8; 3]>,
}

/// The images of the page in the order in which they are drawn; none where there are no images, where it shows more than
/// images, one of them twice, or more than `pixels_max` pixels of them.
pub(super) fn images(page: &Page<'_>, pixels_max: u64) -> Option<Vec<Placed>> {
    let (width, height) = page.render_dimensions();
    let sheet = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let mut seen = Seen { sheet, pixels_max, ..Seen::default() };
    let cache = InterpreterCache::new();
    let transform = page.initial_transform(true).to_kurbo();
    let mut context = Context::new(transform, sheet, &cache, page.xref(), InterpreterSettings::default());
    interpret_page(page, &mut context, &mut seen);
    let numbers: HashSet<ObjectId> = seen.images.iter().map(|image| image.object).collect();
    let is_plain = !seen.is_more && numbers.len() == seen.images.len() && seen.pixels <= pixels_max;
    (is_plain && !seen.images.is_empty()).then_some(seen.images)
}

#[derive(Debug, Default)]
struct Seen {
    sheet: Rect,
    pixels_max: u64,
    images: Vec<Placed>,
    pixels: u64,
    /// True if something was drawn that is no whole image.
    is_more: bool,
    /// What the paths leave of the page that are in force; none of one that is no rectangle.
    cuts: Vec<Option<Rect>>,
    /// Groups that are open; true of one that mixes with what lies below.
    groups: Vec<bool>,
}

impl Seen {
    /// Something was drawn with `paint`. White on the white of the page is nothing, as long as nothing lies below.
    fn mark(&mut self, paint: &Paint<'_>) {
        let is_nothing = match paint {
            Paint::Color(colour) => {
                let [r, g, b, a] = colour.to_rgba().to_rgba8();
                let is_white = r.min(g).min(b) == 255 && self.images.is_empty() && !self.groups.contains(&true);
                a == 0 || is_white
            }
            Paint::Pattern(_) => false,
        };
        self.is_more |= !is_nothing;
    }

    /// True if an image is seen as it is: no path cuts it, no group mixes it with what lies below.
    fn is_whole(&self, visible: Rect) -> bool {
        let (left, top) = (visible.x0 + CUT_MOST, visible.y0 + CUT_MOST);
        let (right, bottom) = (visible.x1 - CUT_MOST, visible.y1 - CUT_MOST);
        let holds = |path: &Rect| path.x0 <= left && path.y0 <= top && path.x1 >= right && path.y1 >= bottom;
        self.cuts.iter().all(|path| path.as_ref().is_some_and(holds)) && !self.groups.contains(&true)
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
        let is_whole = self.is_whole(visible);
        let is_page = (visible.area() - self.sheet.area()).abs() < 1e-6 * self.sheet.area();
        if matches!(image, Image::Raster(_)) && is_straight && is_page && is_whole {
            self.images.clear();
            self.is_more = false;
        }
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
        self.images.push(Placed { object: (object, generation), matrix, ink });
    }

    fn push_clip_path(&mut self, path: &ClipPath) {
        self.cuts.push(rectangle(&path.path));
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend_mode: BlendMode) {
        self.groups.push(opacity < 1.0 || mask.is_some() || !matches!(blend_mode, BlendMode::Normal));
    }

    fn pop_clip(&mut self) {
        self.cuts.pop();
    }

    fn pop_transparency_group(&mut self) {
        self.groups.pop();
    }
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

/// The rectangle that a path is: one line that goes from corner to corner, level and upright, once around.
fn rectangle(path: &BezPath) -> Option<Rect> {
    let bounds = path.bounding_box();
    let slack = 1e-6 * (bounds.width() + bounds.height());
    let mut corners = Vec::new();
    for (n, element) in path.elements().iter().enumerate() {
        match element {
            PathEl::MoveTo(point) if n == 0 => corners.push(*point),
            PathEl::LineTo(point) if n > 0 => corners.push(*point),
            PathEl::ClosePath => {}
            _ => return None,
        }
    }
    let is = |a: f64, b: f64| (a - b).abs() <= slack;
    let at_corner = |p: &Point| (is(p.x, bounds.x0) || is(p.x, bounds.x1)) && (is(p.y, bounds.y0) || is(p.y, bounds.y1));
    let is_straight = corners.windows(2).all(|pair| is(pair[0].x, pair[1].x) != is(pair[0].y, pair[1].y));
    let is_around = match corners.as_slice() {
        [a, _, c, d] => !is(a.x, c.x) && !is(a.y, c.y) && is(a.x, d.x) != is(a.y, d.y),
        [a, _, c, _, e] => !is(a.x, c.x) && !is(a.y, c.y) && is(a.x, e.x) && is(a.y, e.y),
        _ => false,
    };
    (is_straight && is_around && corners.iter().all(at_corner)).then_some(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_rectangle_if_it_goes_once_around_one() {
        let path = |points: &[(f64, f64)]| {
            let mut path = BezPath::new();
            path.move_to(points[0]);
            points[1..].iter().for_each(|point| path.line_to(*point));
            path
        };
        let around = [(0.0, 0.0), (3.0, 0.0), (3.0, 4.0), (0.0, 4.0), (0.0, 0.0)];
        let whole = Some(Rect::new(0.0, 0.0, 3.0, 4.0));
        assert_eq!((rectangle(&path(&around)), rectangle(&path(&around[..4]))), (whole, whole));
        let mut closed = path(&around[..4]);
        closed.close_path();
        assert_eq!((rectangle(&closed), rectangle(&Rect::new(0.0, 0.0, 3.0, 4.0).to_path(0.1))), (whole, whole));
        assert_eq!(rectangle(&path(&around[..3])), None, "a triangle");
        assert_eq!(rectangle(&path(&[(0.0, 0.0), (3.0, 4.0), (3.0, 0.0), (0.0, 4.0)])), None, "a bow");
        assert_eq!(rectangle(&path(&[(0.0, 0.0), (3.0, 0.0), (0.0, 0.0), (3.0, 0.0), (0.0, 0.0)])), None, "a line");
        let twice = [&around[..], &around[1..]].concat();
        assert_eq!(rectangle(&path(&twice)), None, "twice around: nothing by the even-odd rule");
        let mut two = path(&around);
        two.move_to((1.0, 1.0));
        two.line_to((2.0, 2.0));
        assert_eq!(rectangle(&two), None, "two lines");
    }
}
