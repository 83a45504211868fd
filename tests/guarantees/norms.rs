//! The official schemas and the outside judge, where they are at hand; said aloud where they are not.

use std::path::{Path, PathBuf};
use std::process::Command;

use conserva::schemas::Schema;

/// The folder of shared facts: beside the checkout, or where CONSERVA_SHARED says.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment where the facts lie")]
fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("CONSERVA_SHARED").map(PathBuf::from).or(Some(beside)).filter(|path| path.join("norms").is_dir())
}

fn official(schema: Schema) -> &'static str {
    match schema {
        Schema::DocumentoAmministrativo => "agid-allegato5/derived/DocumentoAmministrativoInformatico.9999.xsd",
        Schema::Documento => "agid-allegato5/derived/DocumentoInformatico.9999.xsd",
        Schema::Aggregazione => "agid-allegato5/derived/AggregazioneDocumentaliInformatiche.fixed.xsd",
        Schema::PIndex => "sincro-v2/PIndex.xsd",
        // No norm fixes a form: ours, by another judge.
        Schema::RegistroGiornaliero => concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/registro-giornaliero.xsd"),
        Schema::Premis => "mets-premis-eark/schemas/premis-v3-0.xsd",
    }
}

/// Which of `texts` the official schema takes, in order; none where schema or xmllint is not at hand.
pub(crate) fn judge(schema: Schema, texts: &[String]) -> Option<Vec<bool>> {
    judge_by(official(schema), texts)
}

/// As [`judge`], by the schema at that path below the norms.
pub(crate) fn judge_by(schema: &str, texts: &[String]) -> Option<Vec<bool>> {
    let Some(norms) = shared().map(|shared| shared.join("norms")) else {
        say("NOT CHECKED: official schemas are not at hand (../shared or CONSERVA_SHARED)");
        return None;
    };
    let folder = tempfile::tempdir().expect("folder");
    let files: Vec<PathBuf> = (0..texts.len()).map(|n| folder.path().join(format!("{n}.xml"))).collect();
    for (file, text) in files.iter().zip(texts) {
        write(file, text.as_bytes());
    }
    let mut verdicts = Vec::new();
    for chunk in files.chunks(200) {
        let run = Command::new("xmllint")
            .env("XML_CATALOG_FILES", norms.join("catalog.xml"))
            .args(["--noout", "--nonet", "--schema"])
            .arg(norms.join(schema))
            .args(chunk)
            .output();
        let Ok(run) = run else {
            say("NOT CHECKED: xmllint is not installed");
            return None;
        };
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        verdicts.extend(chunk.iter().map(|file| said.contains(&format!("{} validates", file.display()))));
    }
    Some(verdicts)
}

#[expect(clippy::disallowed_methods, reason = "a test file needs no durability")]
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("write");
}

#[expect(clippy::print_stderr, reason = "what was not checked is said aloud")]
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}
