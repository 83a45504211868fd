//! How large is a page of a PDF? Its sides in points, for whoever reads the page, and for whoever copies it.

use hayro::hayro_syntax::page::Page;

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
