//! Is it a PDF/A? A rule checker of our own for parts 1 to 3, and Apache PDFBox Preflight for part 1.

use std::path::{Path, PathBuf};
use std::process::Command;

use lopdf::{Dictionary, Document, Object};

/// Breaches of ISO 19005 found in the file, empty of a good one. Clauses are those of part 2 unless said.
pub(crate) fn breaches(pdf: &Path, part: u8) -> Vec<String> {
    let bytes = std::fs::read(pdf).expect("copy");
    let doc = Document::load_mem(&bytes).expect("parses");
    let mut found = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    let header = if part == 1 { "%PDF-1.4\n" } else { "%PDF-1.7\n" };
    must(bytes.starts_with(header.as_bytes()), "6.1.2 header");
    must(bytes[9] == b'%' && bytes[10..14].iter().all(|b| *b > 127), "6.1.2 binary comment");
    must(bytes.ends_with(b"%%EOF\n"), "6.1.3 end of file");
    must(doc.trailer.get(b"ID").and_then(Object::as_array).is_ok_and(|id| id.len() == 2), "6.1.3 ID");
    must(!doc.trailer.has(b"Encrypt"), "6.1.3 Encrypt");
    let text = String::from_utf8_lossy(&bytes);
    must(part != 1 || !(text.contains("/ObjStm") || text.contains("/XRef")), "part 1, 6.1.4 classic index");
    let catalog = doc.catalog().expect("catalog");
    for key in ["AcroForm", "OpenAction", "AA", "Names", "OCProperties", "EmbeddedFiles", "MarkInfo"] {
        must(!catalog.has(key.as_bytes()), &format!("catalog has {key}"));
    }
    must(intent_is_good(&doc, catalog), "6.2.3 output intent");
    found.extend(metadata_breaches(&doc, catalog, part));
    for object in doc.objects.values() {
        found.extend(object_breaches(&doc, object, part));
    }
    for page in doc.get_pages().values() {
        let content = String::from_utf8_lossy(&doc.get_page_content(*page)).into_owned();
        if content.contains("Tj") || content.contains("TJ") {
            assert!(content.contains("3 Tr"), "text must be invisible");
        }
        if !doc.get_dictionary(*page).is_ok_and(|page| page.has(b"Resources") && !page.has(b"Group")) {
            found.push("page without resources, or with a group".to_owned());
        }
    }
    found
}

fn intent_is_good(doc: &Document, catalog: &Dictionary) -> bool {
    let intent = catalog.get_deref(b"OutputIntents", doc).and_then(Object::as_array).ok().and_then(|list| list.first());
    let Some(intent) = intent.and_then(|o| doc.dereference(o).ok()).and_then(|(_, o)| o.as_dict().ok()) else { return false };
    let profile = intent.get_deref(b"DestOutputProfile", doc).and_then(Object::as_stream);
    let is_pdfa = intent.get(b"S").and_then(Object::as_name).is_ok_and(|name| name == b"GTS_PDFA1");
    is_pdfa && profile.is_ok_and(|stream| stream.decompressed_content().is_ok_and(|icc| icc[36..40] == *b"acsp" && icc[8] == 2))
}

/// XMP: plain, identified, and equal to the information dictionary.
fn metadata_breaches(doc: &Document, catalog: &Dictionary, part: u8) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(stream) = catalog.get_deref(b"Metadata", doc).and_then(Object::as_stream) else { return vec!["6.6.2 XMP".to_owned()] };
    if stream.dict.has(b"Filter") {
        found.push("XMP is packed".to_owned());
    }
    let xmp = String::from_utf8(stream.content.clone()).expect("UTF-8");
    let info = doc.trailer.get_deref(b"Info", doc).and_then(Object::as_dict).expect("information");
    let text = |key: &[u8]| lopdf::decode_text_string(info.get(key).expect("entry")).expect("text");
    let escaped = text(b"Title").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for wanted in [
        format!("<pdfaid:part>{part}</pdfaid:part>"),
        "<pdfaid:conformance>B</pdfaid:conformance>".to_owned(),
        format!(">{escaped}</rdf:li>"),
        format!("<pdf:Producer>{}</pdf:Producer>", text(b"Producer")),
    ] {
        if !xmp.contains(&wanted) {
            found.push(format!("XMP lacks {wanted}"));
        }
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).take(14).collect::<String>();
    for (key, tag) in [(&b"CreationDate"[..], "xmp:CreateDate>"), (b"ModDate", "xmp:ModifyDate>")] {
        let told = xmp.split(tag).nth(1).map(&digits);
        if told != Some(digits(&text(key))) {
            found.push(format!("XMP and information differ in {tag}"));
        }
    }
    found
}

fn object_breaches(doc: &Document, object: &Object, part: u8) -> Vec<String> {
    let mut found = Vec::new();
    let dict = match object {
        Object::Dictionary(dict) => dict,
        Object::Stream(stream) => &stream.dict,
        _ => return found,
    };
    // Soft masks are of ISO 19005-2 on (6.2.10); part 1 forbids them (6.4).
    let is_mask_allowed = part > 1 && dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Image");
    for key in ["JS", "JavaScript", "SMask", "TR", "TR2", "HTP", "OPI", "Alternates", "F", "Launch", "BM", "ca", "CA"] {
        if dict.has(key.as_bytes()) && dict.get(b"Type").is_ok() && !(key == "SMask" && is_mask_allowed) {
            found.push(format!("an object has {key}"));
        }
    }
    if let Object::Stream(stream) = object {
        let filters = stream.filters().unwrap_or_default();
        if filters.iter().any(|f| *f == b"LZWDecode" || *f == b"Crypt" || (part == 1 && *f == b"JPXDecode")) {
            found.push("6.1.7.2 filter".to_owned());
        }
        if dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|n| n == b"Image") {
            let space = format!("{:?}", dict.get(b"ColorSpace").ok());
            if ["CMYK", "Separation", "DeviceN"].iter().any(|bad| space.contains(bad)) {
                found.push("6.2.4 colour".to_owned());
            }
            if dict.get(b"Interpolate").and_then(Object::as_bool).unwrap_or(false) {
                found.push("6.2.8 Interpolate".to_owned());
            }
        }
    }
    if dict.has_type(b"Font") && dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|n| n == b"Type0") {
        let below = dict.get(b"DescendantFonts").and_then(Object::as_array).expect("descendants");
        let below = doc.dereference(&below[0]).expect("font").1.as_dict().expect("font");
        let descriptor = below.get_deref(b"FontDescriptor", doc).and_then(Object::as_dict).expect("descriptor");
        for (holder, key) in [(descriptor, &b"FontFile2"[..]), (dict, b"ToUnicode"), (below, b"CIDToGIDMap")] {
            if !holder.has(key) {
                found.push(format!("6.2.11 font lacks {}", String::from_utf8_lossy(key)));
            }
        }
        if part == 1 && !descriptor.has(b"CIDSet") {
            found.push("part 1, 6.3.5 CIDSet".to_owned());
        }
    }
    found
}

/// Verdict of Apache PDFBox Preflight on each file; none where Java or the jars are missing (said aloud).
pub(crate) fn preflight(files: &[PathBuf], scratch: &Path) -> Option<Vec<(bool, String)>> {
    let jars = ["preflight", "pdfbox2", "xmpbox", "fontbox2", "commons-io", "commons-logging", "javax.activation", "jaxb-api"]
        .map(|jar| format!("/usr/share/java/{jar}.jar"));
    let compiler = Command::new("javac").arg("-version").output();
    if compiler.is_err() || !jars.iter().all(|jar| Path::new(jar).exists()) {
        super::material::say("NOT RUN: Apache PDFBox Preflight (javac and libpdfbox2-java libactivation-java libjaxb-api-java)");
        return None;
    }
    let path = format!("{}:{}", jars.join(":"), scratch.display());
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/Preflight.java");
    let built = Command::new("javac").args(["-cp", &path, "-d"]).arg(scratch).arg(main).output().expect("javac");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let output = Command::new("java").args(["-cp", &path, "Preflight"]).args(files).output().expect("java");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let verdicts: Vec<(bool, String)> = told.lines().map(|line| (line.starts_with("VALID\t"), line.to_owned())).collect();
    assert_eq!(verdicts.len(), files.len(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    Some(verdicts)
}
