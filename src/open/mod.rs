//! What does an arrival hold? `documents`: one file, mail, archive or batch of sheets as 1..n documents.
//!
//! Today an arrival is one file and one document: what holds other files waits at the gate of `identify`.

use crate::arrival::{Arrival, FileName};
use crate::digest::Digest;
use crate::document::{Form, Format, Role};
use crate::error::{Error, Result};

/// A document as it came out of an arrival, before its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// Its position in the arrival, from 1.
    pub position: u32,
    /// Name shown.
    pub name: FileName,
    /// Its components: exactly one is principal.
    pub components: Vec<Part>,
}

/// A component as it came: what is known of it before its pages are counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its role.
    pub role: Role,
    /// Number among the components of that role, from 1.
    pub n: u32,
    /// Its true name, bit by bit.
    pub name: FileName,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Size.
    pub bytes: u64,
    /// What it is.
    pub format: Format,
    /// How it was fixed.
    pub form: Form,
}

/// The documents that an arrival holds: a single file is one document whose principal component is the file as it arrived.
pub fn documents(arrival: &Arrival, format: &Format) -> Result<Vec<Opened>> {
    if arrival.bytes == 0 {
        return Err(Error::refuse("file-empty").with("name", arrival.name.shown()));
    }
    let principal = Part {
        role: Role::Principale,
        n: 1,
        name: arrival.name.clone(),
        sha256: arrival.sha256,
        bytes: arrival.bytes,
        format: format.clone(),
        form: Form::AsArrived,
    };
    Ok(vec![Opened { position: 1, name: arrival.name.clone(), components: vec![principal] }])
}
