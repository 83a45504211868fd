//! The bytes of a file without a copy of them: what a child does not look at costs no memory, and two children that read
//! one file share it.

#![expect(unsafe_code, reason = "a map of a file is safe only while nobody shortens the file")]

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

/// A file, mapped to be read.
#[derive(Debug)]
pub struct Mapped(Option<Mmap>);

impl Mapped {
    /// Maps the file at `path`; an empty one has no bytes.
    ///
    /// Blobs never change. Of a file that its owner shortens meanwhile the missing pages raise SIGBUS: so only children
    /// of ours map files, and what befalls them is a page that crashed, not the end of the daemon.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or mapped.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: read-only and private; nothing of ours writes to a file that it has given to a child, and a foreign
        // hand that changes bytes changes what a parser of hostile input reads, which it must bear anyway.
        Ok(Self(Some(unsafe { Mmap::map(&file)? })))
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_file_has_the_bytes_of_the_file_and_an_empty_one_has_none() {
        let this = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mapped.rs");
        let mapped = Mapped::open(&this).expect("the file maps");
        assert_eq!(mapped.as_ref(), std::fs::read(&this).expect("the file reads"));
        let empty = tempfile::NamedTempFile::new().expect("a file");
        assert_eq!(Mapped::open(empty.path()).expect("it maps").as_ref(), b"");
        assert!(Mapped::open(Path::new("/nowhere/at/all")).is_err());
    }
}
