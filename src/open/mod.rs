//! What does an arrival hold? `documents`: one file, mail, archive or batch of sheets as 1..n documents.
//!
//! Today an arrival is one file and one document: what holds other files waits at the gate of `identify`.

use crate::arrival::{Arrival, FileName};
use crate::document::{Component, Format};
use crate::error::{Error, Result};

/// A document as it came out of an arrival, before its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// Its position in the arrival, from 1.
    pub position: u32,
    /// Name shown.
    pub name: FileName,
    /// Its components, their pages not yet counted: exactly one is principal.
    pub components: Vec<Component>,
}

/// The documents that an arrival holds: a single file is one document whose principal component is the file as it arrived.
pub fn documents(arrival: &Arrival, format: &Format) -> Result<Vec<Opened>> {
    if arrival.bytes == 0 {
        return Err(Error::refuse("file-empty").with("name", arrival.name.shown()));
    }
    let principal = Component::as_arrived(arrival, format);
    Ok(vec![Opened { position: 1, name: arrival.name.clone(), components: vec![principal] }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrival::{ArrivalId, ArrivalState, EnteId};
    use crate::digest::Digest;
    use crate::document::{Form, Role};

    fn arrival(bytes: u64) -> Arrival {
        Arrival {
            id: ArrivalId("arr-x".into()),
            ente: EnteId("c_x912".into()),
            door: "ingest".into(),
            name: FileName::new(&b"a\xff.tif"[..]),
            bytes,
            mtime_ns: 0,
            sha256: Digest::of(b"a"),
            admitted_at: jiff::Timestamp::UNIX_EPOCH,
            state: ArrivalState::Working,
            duplicate_of: None,
            reason: None,
        }
    }

    #[test]
    fn one_file_is_one_document_with_its_bytes_and_its_true_name() {
        let opened = documents(&arrival(1), &Format::tiff()).expect("documents");
        let [document] = opened.as_slice() else { panic!("{opened:?}") };
        let [part] = document.components.as_slice() else { panic!("{document:?}") };
        assert_eq!((document.position, part.role, part.n, part.bytes), (1, Role::Principale, 1, 1));
        assert_eq!((part.name.bytes(), part.sha256, &part.form), (&b"a\xff.tif"[..], Digest::of(b"a"), &Form::AsArrived));
    }

    #[test]
    fn nothing_comes_out_of_an_empty_file() {
        assert_eq!(documents(&arrival(0), &Format::tiff()).expect_err("empty").code(), "file-empty");
    }
}
