use std::io::{Cursor, Write as _};

use super::*;

fn read(bytes: &[u8], mime: &str) -> Vec<PageText> {
    pages(&mut Cursor::new(bytes), mime, &Limits::default()).expect("pages")
}

fn text(bytes: &[u8], mime: &str) -> String {
    read(bytes, mime).iter().map(PageText::plain).collect::<Vec<_>>().join("\n")
}

fn zipped(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a part");
        zip.write_all(content.as_bytes()).expect("written");
    }
    zip.finish().expect("an archive").into_inner()
}

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const ODT: &str = "application/vnd.oasis.opendocument.text";

#[test]
fn the_text_of_each_kind_of_file_is_read_line_by_line() {
    let docx = zipped(&[
        ("word/header1.xml", "<w:hdr><w:p><w:r><w:t>COMUNE DI PROVA</w:t></w:r></w:p></w:hdr>"),
        (
            "word/document.xml",
            "<w:document><w:p><w:r><w:t>Oggetto: richiesta</w:t></w:r><w:r><w:tab/><w:t>di &amp; sala</w:t></w:r></w:p>\n\
             <w:p><w:r><w:delText>tolto</w:delText><w:t>Citt&#xE0;</w:t></w:r></w:p></w:document>",
        ),
    ]);
    assert_eq!(text(&docx, DOCX), "COMUNE DI PROVA\n\nOggetto: richiesta di & sala\nCittà");
    let odt = zipped(&[(
        "content.xml",
        "<office:text><text:h>Titolo</text:h><text:p>una<text:s/>riga<text:line-break/>altra</text:p></office:text>",
    )]);
    assert_eq!(text(&odt, ODT), "Titolo\nuna riga\naltra");
    let xlsx = zipped(&[
        ("xl/sharedStrings.xml", "<sst><si><t>Ditta</t></si><si><r><t>Al</t></r><r><t>fa</t></r></si></sst>"),
        (
            "xl/worksheets/sheet1.xml",
            "<sheetData><row><c t=\"s\"><v>0</v></c><c><f>A1+1</f><v>12</v></c></row><row><c t=\"s\"><v>1</v></c></row></sheetData>",
        ),
    ]);
    assert_eq!(text(&xlsx, XLSX), "Ditta 12\nAlfa");
    let html = "<html><head><title>x</title><style>p{}</style></head><body><p>Prima&nbsp;riga<br>seconda<!-- no --></p>\
                <script>var a = '<p>';</script><table><tr><td>a</td><td>b</td></tr></table></body></html>";
    assert_eq!(text(html.as_bytes(), "text/html").split_whitespace().collect::<Vec<_>>().join(" "), "Prima riga seconda a b");
    let rtf = br"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\pard Citt\'e0 di\par {\*\generator x;}\u232?\~bello \{ok\}}";
    assert_eq!(text(rtf, "application/rtf"), "Città di\nè bello {ok}");
    assert_eq!(text("perché\r\n\r\nno".as_bytes(), "text/plain"), "perché\n\nno");
    assert_eq!(text(b"perch\xe9", "text/plain"), "perché");
    assert_eq!(text(b"\xff\xfec\0i\0", "text/plain"), "ci");
}

#[test]
fn a_type_that_is_no_text_has_none_and_an_archive_that_is_none_is_a_doubt() {
    assert!(!knows("image/tiff") && read(b"x", "image/tiff").is_empty());
    let error = pages(&mut Cursor::new(b"PK"), DOCX, &Limits::default()).expect_err("no archive");
    assert_eq!(error.code(), "text-unreadable");
}

#[test]
fn the_ceiling_of_bytes_holds_for_texts_and_for_what_archives_unpack_to() {
    for (most, passes) in [(8, true), (7, false)] {
        let limits = Limits { xml_bytes_max: most, ..Limits::default() };
        let plain = pages(&mut Cursor::new(b"otto car"), "text/plain", &limits);
        let docx = zipped(&[("word/document.xml", "<p>ab</p")]);
        let packed = pages(&mut Cursor::new(docx), DOCX, &limits);
        for read in [plain, packed] {
            assert_eq!(read.err().map(|e| e.code().to_owned()), (!passes).then(|| "text-too-large".to_owned()), "{most}");
        }
    }
}

#[test]
fn long_lines_are_broken_at_blanks_and_words_keep_to_their_ceiling() {
    let long = "parola ".repeat(40);
    let read_pages = read(long.as_bytes(), "text/plain");
    assert!(read_pages[0].lines().count() > 2 && read_pages[0].word_count() == 40);
    let limits = Limits { words_per_page_max: 5, ..Limits::default() };
    let cut = pages(&mut Cursor::new(long.as_bytes()), "text/plain", &limits).expect("pages");
    assert_eq!(cut[0].word_count(), 5);
}

#[test]
fn no_bytes_make_it_panic() {
    use proptest::prelude::*;
    proptest!(ProptestConfig::with_cases(256), |(text in "(?s)(<[a-z/!-]{0,6}>?|&#?[a-z0-9]{0,5};?|[{}]|\\\\[a-z'*0-9]{0,5}|\\PC){0,60}")| {
        for mime in ["text/plain", "text/html", "application/rtf"] {
            read(text.as_bytes(), mime);
        }
        let _ = pages(&mut Cursor::new(zipped(&[("word/document.xml", &text)])), DOCX, &Limits::default());
    });
}
