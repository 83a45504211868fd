//! Is it valid? The schemas of `schemas/`, compiled into the binary and used in process on what we write.

use std::cell::OnceCell;

use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml};
use xsd_schema::{CompiledSchemaSet, SchemaSet, SchemaSetBuilder};

use crate::error::{Error, Result};

/// One of our schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Allegato 5, documento amministrativo informatico.
    DocumentoAmministrativo,
    /// Allegato 5, documento informatico.
    Documento,
    /// Allegato 5, aggregazione.
    Aggregazione,
    /// UNI 11386:2020.
    PIndex,
    /// The part of PREMIS 3 that we write.
    Premis,
    /// The register of a day.
    RegistroGiornaliero,
}

impl Schema {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::DocumentoAmministrativo,
        Self::Documento,
        Self::Aggregazione,
        Self::PIndex,
        Self::Premis,
        Self::RegistroGiornaliero,
    ];

    /// The text of the schema.
    pub fn text(self) -> &'static str {
        match self {
            Self::DocumentoAmministrativo => include_str!("../schemas/allegato5-documento-amministrativo.xsd"),
            Self::Documento => include_str!("../schemas/allegato5-documento.xsd"),
            Self::Aggregazione => include_str!("../schemas/allegato5-aggregazione.xsd"),
            Self::PIndex => include_str!("../schemas/sincro-pindex.xsd"),
            Self::Premis => include_str!("../schemas/premis-subset.xsd"),
            Self::RegistroGiornaliero => include_str!("../schemas/registro-giornaliero.xsd"),
        }
    }

    /// Everything that makes `xml` invalid, in the validator's words; empty if it is valid.
    ///
    /// An error means that the schema itself does not compile, which is a bug of ours.
    pub fn breaches(self, xml: &[u8]) -> Result<Vec<String>> {
        COMPILED.with(|sets| {
            let set = sets[self as usize].get_or_init(|| self.compile());
            set.as_ref().map(|set| breaches(set, xml)).map_err(|e| Error::bug(format!("schema {self:?}: {e}")))
        })
    }

    /// Refuses XML of our own that is not valid: a broken invariant. The values in the message are ours to keep out of
    /// logs (invariant 13), so only the number of breaches and the first one's rule are told.
    pub fn ensure_ours(self, xml: &str) -> Result<()> {
        let breaches = self.breaches(xml.as_bytes())?;
        match breaches.first() {
            None => Ok(()),
            Some(first) => {
                let rule = first.split(']').next().unwrap_or_default().trim_start_matches('[');
                Err(Error::bug(format!("our own {self:?} is not valid: {} breaches, first {rule}", breaches.len())))
            }
        }
    }

    fn compile(self) -> std::result::Result<SchemaSet, String> {
        let builder = SchemaSetBuilder::new().add_source(self.text(), "conserva.xsd").map_err(|e| e.to_string())?;
        builder.compile().map(CompiledSchemaSet::into_schema_set).map_err(|e| e.to_string())
    }
}

thread_local! {
    /// Compiled on first use, once per thread: the validator's sets cannot be shared between threads.
    static COMPILED: [OnceCell<std::result::Result<SchemaSet, String>>; 6] = const { [const { OnceCell::new() }; 6] };
}

fn breaches(set: &SchemaSet, xml: &[u8]) -> Vec<String> {
    let flags = ValidationFlags::default() - ValidationFlags::BUILD_PSVI_TYPED_VALUES;
    let validator = SchemaValidator::new(set, flags);
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let mut runtime = validator.start_run(CollectingValidationSink { errors: &mut errors, warnings: &mut warnings });
    let driven = drive_quick_xml(xml, &mut runtime, set);
    drop(runtime);
    let mut breaches: Vec<String> = errors.iter().map(ToString::to_string).collect();
    if let Err(error) = driven {
        breaches.push(error.to_string());
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles_and_refuses_a_foreign_root() {
        for schema in Schema::ALL {
            assert!(!schema.breaches(b"<x/>").expect("compiles").is_empty(), "{schema:?}");
            assert!(!schema.breaches(b"<x").expect("compiles").is_empty(), "{schema:?}");
        }
    }
}
