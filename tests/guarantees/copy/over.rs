//! Stamps over a scan, scans parted into ink and paper, scans that are cut or set in a margin: the stored images stay, and the copy
//! looks as the page does.

use std::path::Path;

use conserva::copy::{CopyReport, PdfaLevel};
use conserva::limits::Limits;
use lopdf::{Dictionary, Object, Stream, dictionary};

use super::material::{difference, drawn};
use super::placed::{copied, jpeg, page, picture, stream, strips};
use super::{images, judge};

const WHOLE: &str = "q 300 0 0 400 0 0 cm /I0 Do Q";

/// The copy, whose picture is that of the page.
fn same(input: &Path, (level, part): (PdfaLevel, u8), what: &str) -> (CopyReport, std::path::PathBuf) {
    let (report, output) = copied(input, (level, part), &Limits::default());
    let far = difference(&drawn(&output, (300, 400)), &drawn(input, (300, 400)));
    assert!(far < 3.0, "{what}: {far}");
    (report, output)
}

fn holds(output: &Path, streams: &[Stream]) -> bool {
    let kept: Vec<Vec<u8>> = images(output).into_iter().map(|stream| stream.content).collect();
    streams.iter().all(|stream| kept.contains(&stream.content))
}

#[test]
fn what_stands_over_images_is_drawn_alone_and_the_images_stay_as_they_are_stored() {
    let folder = tempfile::tempdir().expect("folder");
    let (streams, content) = strips();
    let wanted = [
        ("a line", format!("{content} 10 10 m 200 200 l S")),
        ("a registration", format!("{content} BT /P 12 Tf 30 60 Td (Prot. 4821) Tj ET")),
        ("colours", format!("{content} 1 0 0 rg 30 300 40 20 re f 0 0 1 rg 230 30 40 20 re f")),
        ("something hidden in white", format!("{content} 1 g 30 30 100 100 re f")),
        ("nothing that is seen", format!("{content} BT /F 12 Tf 3 Tr 30 60 Td (Prot. 4821) Tj ET")),
    ];
    let mut first_parts = Vec::new();
    for (what, content) in wanted {
        let input = folder.path().join(format!("{what}.pdf"));
        page(&input, streams.clone(), &content, Dictionary::new());
        for level in [(PdfaLevel::A1b, 1), (PdfaLevel::A2b, 2)] {
            let (report, output) = same(&input, level, what);
            assert!(report.rasterised.is_empty() && holds(&output, &streams), "{what}: {report:?}");
            let is_drawn = report.reencoded == [(1, "overlay-drawn".to_owned())];
            assert_eq!(is_drawn, what != "nothing that is seen", "{what}: {report:?}");
            let most = streams.iter().map(|stream| stream.content.len()).sum::<usize>() * 11 / 10 + (30 << 10);
            assert!(report.bytes <= most as u64, "{what}: {} of {most}", report.bytes);
            if level.1 == 1 {
                first_parts.push(output);
            }
        }
    }
    for (is_valid, told) in judge::preflight(&first_parts, folder.path()).unwrap_or_default() {
        assert!(is_valid, "{told}");
    }
}

#[test]
fn what_an_image_hides_is_not_shown_by_what_stands_over_it() {
    let folder = tempfile::tempdir().expect("folder");
    let input = folder.path().join("input.pdf");
    let content =
        format!("BT /F 40 Tf 30 60 Td (under) Tj ET {WHOLE} q 30 0 0 30 9 9 cm /I1 Do Q BT /F 12 Tf 30 300 Td (over) Tj ET");
    page(&input, vec![jpeg(&picture()), jpeg(&picture())], &content, Dictionary::new());
    let (report, _) = same(&input, (PdfaLevel::A2b, 2), "hidden");
    assert_eq!(report.rasterised, [1]);
}

#[test]
fn ink_and_paper_that_are_stored_apart_stay_so_where_the_level_allows_it() {
    let folder = tempfile::tempdir().expect("folder");
    let content = "q 300 0 0 400 0 0 cm /I0 Do /I1 Do Q";
    // The objects are numbered as they come: pages, paper, ink, mask.
    let with = |key: &str, value: Object| {
        let mut ink = jpeg(&image::RgbImage::from_pixel(30, 40, image::Rgb([120, 0, 0])));
        ink.dict.set(key, value);
        ink
    };
    let soft = dictionary! { "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8 };
    let soft = stream(&soft, (300, 400), (0..120_000_u32).map(|n| (n % 300 * 255 / 299) as u8).collect());
    let hard = stream(
        &dictionary! { "ImageMask" => true, "BitsPerComponent" => 1 },
        (80, 40),
        [[0_u8; 5], [255; 5]].concat().repeat(40),
    );
    let grey = stream(
        &dictionary! { "ColorSpace" => "DeviceGray", "BitsPerComponent" => 8 },
        (30, 40),
        (0..1_200_u32).map(|n| (n % 256) as u8).collect(),
    );
    let keyed = {
        let mut keyed = grey;
        keyed.dict.set("Mask", vec![Object::Integer(100), Object::Integer(200)]);
        keyed
    };
    let cases = [
        ("soft", vec![jpeg(&picture()), with("SMask", Object::Reference((4, 0))), soft], true),
        ("hard", vec![jpeg(&picture()), with("Mask", Object::Reference((4, 0))), hard], false),
        ("colours", vec![jpeg(&picture()), keyed], false),
    ];
    let mut first_parts = Vec::new();
    for (what, streams, is_soft) in cases {
        let input = folder.path().join(format!("{what}.pdf"));
        page(&input, streams.clone(), content, Dictionary::new());
        let (report, output) = same(&input, (PdfaLevel::A2b, 2), what);
        assert!(report.rasterised.is_empty() && holds(&output, &streams[..1]), "{what}: {report:?}");
        let (report, output) = same(&input, (PdfaLevel::A1b, 1), what);
        assert_eq!(!report.rasterised.is_empty(), is_soft, "{what}: PDF/A-1 has no soft masks");
        first_parts.push(output);
    }
    for (is_valid, told) in judge::preflight(&first_parts, folder.path()).unwrap_or_default() {
        assert!(is_valid, "{told}");
    }
}

#[test]
fn a_lone_image_that_is_cut_mixed_or_smaller_than_the_sheet_is_not_taken_for_the_sheet() {
    let folder = tempfile::tempdir().expect("folder");
    let boxed = |edges: [i64; 4]| dictionary! { "CropBox" => edges.map(Object::Integer).to_vec() };
    let cases = [
        ("cut", "0 0 100 100 re W n q 300 0 0 400 0 0 cm /I0 Do Q", Dictionary::new(), true),
        ("soft", "/Soft gs q 300 0 0 400 0 0 cm /I0 Do Q", Dictionary::new(), true),
        ("in a margin", "q 260 0 0 360 20 20 cm /I0 Do Q", Dictionary::new(), false),
        ("cropped", WHOLE, boxed([30, 40, 270, 360]), false),
    ];
    for (what, content, more, is_drawn) in cases {
        let input = folder.path().join(format!("{what}.pdf"));
        page(&input, vec![jpeg(&picture())], content, more);
        let (report, output) = same(&input, (PdfaLevel::A2b, 2), what);
        assert_eq!(!report.rasterised.is_empty(), is_drawn, "{what}");
        assert!(is_drawn || holds(&output, &[jpeg(&picture())]), "{what}");
    }
}

#[test]
fn a_scan_under_a_long_notice_is_a_scan_and_a_text_on_coloured_ground_is_not() {
    use conserva::normalise::Opened;
    use conserva::page::PageSource;
    let folder = tempfile::tempdir().expect("folder");
    let (streams, content) = strips();
    let limits = Limits::default();
    // Lines of 45 characters: at the head, at the head and the foot, all over.
    for (what, lines, is_scan) in [
        ("head", (0..8).collect::<Vec<_>>(), true),
        ("ends", (0..6).chain(25..31).collect(), true),
        ("all", (1..31).collect(), false),
    ] {
        let input = folder.path().join(format!("{what}.pdf"));
        let line = |n: &i32| format!(" BT /P 7 Tf 20 {} Td (Copia conforme dell'atto, n. 4821 del 12 marzo) Tj ET", 388 - n * 12);
        page(&input, streams.clone(), &(content.clone() + &lines.iter().map(line).collect::<String>()), Dictionary::new());
        let survey =
            Opened::open(&input, "application/pdf", &limits).expect("opens").survey(&limits).expect("a survey").remove(0);
        assert_eq!(matches!(survey.source, PageSource::PdfRaster { .. }), is_scan, "{what}: {:?}", survey.source);
    }
}
