//! How large is a page of a PDF, and what is seen of it? For whoever reads the page, and for whoever copies it.

use hayro::hayro_interpret::BlendMode;
use hayro::hayro_syntax::page::Page;
use hayro::kurbo::{BezPath, PathEl, Point, Rect, Shape as _};

/// What a path may cut off an image that counts as whole, in units of the page: half a pixel at 300 dpi.
const CUT_MOST: f64 = 0.12;

/// Points in a unit of the page: `UserUnit` (ISO 32000-1, table 30), of which the renderer knows nothing.
pub fn unit(page: &Page<'_>) -> f64 {
    let said = page.raw().get::<f32>(b"UserUnit".as_slice()).map_or(1.0, f64::from);
    if said.is_finite() && said > 0.0 { said } else { 1.0 }
}

/// Width and height as the page is shown, in points.
pub fn size(page: &Page<'_>) -> (f64, f64) {
    let ((width, height), unit) = (page.render_dimensions(), unit(page));
    (f64::from(width) * unit, f64::from(height) * unit)
}

/// The paths that cut what is drawn now, and the groups that mix it with what lies below.
#[derive(Debug, Default)]
pub struct Cover {
    /// What the paths leave of the page; none of one that is no rectangle.
    paths: Vec<Option<Rect>>,
    /// True of a group that mixes.
    groups: Vec<bool>,
}

impl Cover {
    /// A path comes into force.
    pub fn push_path(&mut self, path: &BezPath) {
        self.paths.push(rectangle(path));
    }

    /// The last path goes.
    pub fn pop_path(&mut self) {
        self.paths.pop();
    }

    /// A group begins.
    pub fn push_group(&mut self, opacity: f32, is_masked: bool, blend_mode: BlendMode) {
        self.groups.push(opacity < 1.0 || is_masked || !matches!(blend_mode, BlendMode::Normal));
    }

    /// The last group ends.
    pub fn pop_group(&mut self) {
        self.groups.pop();
    }

    /// True if what is drawn now is mixed with what lies below.
    pub fn is_mixed(&self) -> bool {
        self.groups.contains(&true)
    }

    /// True if an image, `visible` on the page, is seen as it is: no path cuts it, no group mixes it with what lies below.
    pub fn is_whole(&self, visible: Rect) -> bool {
        let (left, top) = (visible.x0 + CUT_MOST, visible.y0 + CUT_MOST);
        let (right, bottom) = (visible.x1 - CUT_MOST, visible.y1 - CUT_MOST);
        let holds = |path: &Rect| path.x0 <= left && path.y0 <= top && path.x1 >= right && path.y1 >= bottom;
        self.paths.iter().all(|path| path.as_ref().is_some_and(holds)) && !self.is_mixed()
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
