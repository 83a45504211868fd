//! How is a metadata file read that lists everything there is? One that is long as a stream, so that what it lists and its text
//! need not stand side by side.

use super::container::{Container, Entry, is_envelope};
use super::findings::Fault;
use super::schema::{self, Schema};
use super::xml::{self, Element};
use crate::finding::Finding;

/// A file that is longer is read as a stream.
const STREAMED_BYTES: u64 = 1 << 20;

/// The root of `entry` (as far as it is well formed), and what of it is not as its schema has it.
pub(super) type Read = (Result<Element, Fault>, Vec<Finding>);

/// Reads an XML file of at most `most` bytes: elements named in `crop` are handed to `take` and do not stay in its tree. The outer
/// error is of a file that cannot be had at all.
pub(super) fn harvest(
    container: &Container,
    (entry, schema): (&Entry, Schema),
    most: u64,
    crop: &[&str],
    take: &mut dyn FnMut(Element),
) -> Result<Read, Fault> {
    if !is_streamed(container, entry) {
        let bytes = container.bytes(entry, most)?;
        let root = xml::harvest(&bytes, &entry.path, crop, take);
        let breaches = if root.is_ok() { schema::breaches(schema, &xml::in_utf8(&bytes), &entry.path) } else { Vec::new() };
        return Ok((root, breaches));
    }
    let root = xml::harvest_from(container.stream(entry, most)?, &entry.path, crop, take);
    let breaches = match root {
        Ok(_) => schema::breaches_from(schema, container.stream(entry, most)?, &entry.path),
        Err(_) => Vec::new(),
    };
    Ok((root, breaches))
}

/// True of a long file that lies there as it is, in UTF-8.
fn is_streamed(container: &Container, entry: &Entry) -> bool {
    let is_utf8 = |bytes: Vec<u8>| matches!(xml::in_utf8(&[&bytes[..], b"\xFF"].concat()), std::borrow::Cow::Borrowed(_));
    entry.bytes > STREAMED_BYTES && !is_envelope(&entry.path) && container.beginning(entry).is_some_and(is_utf8)
}
