//! Is this XML valid against its schema? Our own schemas, compiled as often as they are used at once, and kept.

use std::io::BufRead;
use std::sync::{Mutex, PoisonError};

use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml};
use xsd_schema::{SchemaSet, SchemaSetBuilder};

use super::findings::{Valued as _, error};
use crate::finding::Finding;

/// Most breaches reported of one file: one missing element can shift all that follow.
const BREACHES_MAX: usize = 50;

/// The schemas of the profile `agid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    /// UNI 11386:2020.
    PIndex,
    /// Allegato 5, documento informatico.
    Documento,
    /// Allegato 5, documento amministrativo informatico.
    DocumentoAmministrativo,
    /// Allegato 5, aggregazione.
    Aggregazione,
    /// PREMIS 3, the part that a PdV uses.
    Premis,
    /// UNI 11386:2010.
    Idc,
}

static SOURCES: [(&str, &str); 6] = [
    ("sincro-pindex.xsd", include_str!("../../schemas/sincro-pindex.xsd")),
    ("allegato5-documento.xsd", include_str!("../../schemas/allegato5-documento.xsd")),
    ("allegato5-documento-amministrativo.xsd", include_str!("../../schemas/allegato5-documento-amministrativo.xsd")),
    ("allegato5-aggregazione.xsd", include_str!("../../schemas/allegato5-aggregazione.xsd")),
    ("premis-subset.xsd", include_str!("../../schemas/premis-subset.xsd")),
    ("sincro-idc.xsd", include_str!("../../schemas/sincro-idc.xsd")),
];

/// Compiled sets that nobody uses at the moment. A set keeps its names in cells: one thread at a time may have it.
static KEPT: [Mutex<Vec<SchemaSet>>; 6] = [const { Mutex::new(Vec::new()) }; 6];
/// A set takes in every name that it meets, those of hostile files too; one that has grown beyond this is thrown away.
const NAMES_BYTES_MAX: usize = 4 << 20;

fn compiled(schema: Schema) -> Result<SchemaSet, String> {
    let (name, source) = SOURCES[schema as usize];
    let base = format!("file:///{name}");
    let set = SchemaSetBuilder::new().add_source(source, &base).and_then(SchemaSetBuilder::compile);
    set.map(xsd_schema::CompiledSchemaSet::into_schema_set).map_err(|e| e.to_string())
}

/// All breaches of `schema` in `bytes`, the file at `path`.
pub(super) fn breaches(schema: Schema, bytes: &[u8], path: &str) -> Vec<Finding> {
    breaches_from(schema, bytes, path)
}

/// As [`breaches`], of a file that is read while it comes.
pub(super) fn breaches_from(schema: Schema, bytes: impl BufRead, path: &str) -> Vec<Finding> {
    let kept = || KEPT[schema as usize].lock().unwrap_or_else(PoisonError::into_inner);
    let idle = kept().pop();
    match idle.map_or_else(|| compiled(schema), Ok) {
        Ok(set) => {
            let found = against(&set, bytes, path);
            if set.name_table.heap_bytes() < NAMES_BYTES_MAX {
                kept().push(set);
            }
            found
        }
        Err(cause) => vec![error("schema-unusable").at(path, "").value("cause", cause)],
    }
}

fn against(set: &SchemaSet, bytes: impl BufRead, path: &str) -> Vec<Finding> {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let validator = SchemaValidator::new(set, ValidationFlags::default());
    let mut run = validator.start_run(CollectingValidationSink { errors: &mut errors, warnings: &mut warnings });
    let driven = drive_quick_xml(bytes, &mut run, set);
    drop(run);
    let mut found: Vec<Finding> = errors
        .iter()
        .take(BREACHES_MAX)
        .map(|e| {
            let place = e.element_path().unwrap_or_default();
            error("schema-breach").at(path, place).clause(e.constraint).value("cause", &e.message)
        })
        .collect();
    if let (Err(e), true) = (driven, found.is_empty()) {
        found.push(error("xml-broken").at(path, "").value("cause", e));
    }
    found
}
