//! Batches of sheets: separators are printed, scanned and found, however worn; what is missed is said, and nothing is cut in silence.

mod corpus;
mod degraded;
mod journey;
mod killed;
mod printed;

use std::path::Path;

use conserva::limits::Limits;
use conserva::normalise::Opened;
use image::GrayImage;

/// The pages of a PDF as a scanner of `dpi` would see them, were it perfect.
fn rendered(pdf: &Path, dpi: u32) -> Vec<GrayImage> {
    let limits = Limits::default();
    let opened = Opened::open(pdf, "application/pdf", &limits).expect("opened");
    let surveys = opened.survey(&limits).expect("its pages");
    let page = |survey| {
        let page = opened.image(&survey, &limits).expect("a page");
        let whole = GrayImage::from_raw(page.width, page.height, page.gray).expect("pixels");
        let (width, height) = (whole.width() * dpi / 300, whole.height() * dpi / 300);
        image::imageops::thumbnail(&whole, width, height)
    };
    surveys.into_iter().map(page).collect()
}

/// Writes pages as one TIFF of grey pages.
fn tiff(path: &Path, pages: &[GrayImage], dpi: u32) {
    use tiff::encoder::colortype::Gray8;
    use tiff::encoder::{Rational, TiffEncoder};
    use tiff::tags::ResolutionUnit;
    let file = std::fs::File::create(path).expect("file");
    let mut encoder = TiffEncoder::new(std::io::BufWriter::new(file)).expect("a TIFF");
    for page in pages {
        let mut image = encoder.new_image::<Gray8>(page.width(), page.height()).expect("a page");
        image.resolution(ResolutionUnit::Inch, Rational { n: dpi, d: 1 });
        image.write_data(page.as_raw()).expect("written");
    }
}
