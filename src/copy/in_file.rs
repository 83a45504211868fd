//! In a large PDF the data of the images stay in the file until their page is written, so that memory follows one page and
//! not the file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use lopdf::xref::XrefEntry;
use lopdf::{Document, Object, Stream};
use memchr::memmem;

/// A smaller PDF is simply held in memory.
pub(super) const FILE_BYTES_MIN: u64 = 16 << 20;
/// Image data of at most this many bytes are held in memory.
const DATA_BYTES_MIN: usize = 64 << 10;
/// Bytes of the head and of the tail of the data that stay in memory: they prove that the place was found again.
const PROOF_BYTES: usize = 32;
/// From the start of an object its data begin within this many bytes: what stands between is its dictionary.
const DICTIONARY_BYTES_MAX: usize = 256 << 10;
/// Entry that says how many bytes stayed in the file, and of which object. Such a document is read, never written.
const ENTRY: &[u8] = b"ConservaInFile";

/// The file that a document was loaded from.
#[derive(Debug)]
pub(super) struct InFile {
    path: PathBuf,
    /// Bytes before the header, from which the places of objects are counted.
    before: u64,
}

/// Load filter: of large image data only the proof is kept.
pub(super) fn leave(id: (u32, u16), object: &mut Object) -> Option<((u32, u16), Object)> {
    if let Object::Stream(stream) = object {
        // No entry of the file's own may point anywhere.
        stream.dict.remove(ENTRY);
        let bytes = stream.content.len();
        let is_image = stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Image");
        if is_image && bytes > DATA_BYTES_MIN {
            stream.content.copy_within(bytes - PROOF_BYTES.., PROOF_BYTES);
            stream.content.truncate(2 * PROOF_BYTES);
            stream.content.shrink_to_fit();
            stream.dict.set(ENTRY, vec![Object::Integer(i64::try_from(bytes).ok()?), Object::Integer(i64::from(id.0))]);
        }
    }
    Some((id, object.clone()))
}

impl InFile {
    /// The file at `path`, with its header found.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let mut head = Vec::new();
        File::open(path)?.take(FILE_BYTES_MIN).read_to_end(&mut head)?;
        Ok(Self { path: path.to_owned(), before: memmem::find(&head, b"%PDF-").unwrap_or(0) as u64 })
    }

    /// The data of `stream`, from memory or from the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or the data are not where they were when the document was loaded.
    pub(super) fn data<'a>(&self, doc: &Document, stream: &'a Stream) -> Result<Cow<'a, [u8]>> {
        let Some((bytes, number)) = left(stream) else { return Ok(Cow::Borrowed(&stream.content)) };
        let gone = || Error::new(ErrorKind::InvalidData, "image data are not where they were");
        let Some(XrefEntry::Normal { offset, .. }) = doc.reference_table.get(number) else { return Err(gone()) };
        let (head, tail) = stream.content.split_at_checked(PROOF_BYTES).ok_or_else(gone)?;
        let file = File::open(&self.path)?;
        let start = self.before + u64::from(*offset);
        let mut before = Vec::new();
        let mut from = &file;
        from.seek(SeekFrom::Start(start))?;
        from.take((DICTIONARY_BYTES_MAX + PROOF_BYTES) as u64).read_to_end(&mut before)?;
        for place in memmem::find_iter(&before, head) {
            let mut data = vec![0; bytes];
            if file.read_exact_at(&mut data, start + place as u64).is_ok() && data.ends_with(tail) {
                return Ok(Cow::Owned(data));
            }
        }
        Err(gone())
    }

    /// The stream with all its data, as one to decode.
    ///
    /// # Errors
    ///
    /// As [`InFile::data`].
    pub(super) fn whole<'a>(&self, doc: &Document, stream: &'a Stream) -> Result<Cow<'a, Stream>> {
        Ok(match self.data(doc, stream)? {
            Cow::Borrowed(_) => Cow::Borrowed(stream),
            Cow::Owned(data) => {
                let mut dict = stream.dict.clone();
                dict.remove(ENTRY);
                Cow::Owned(Stream::new(dict, data))
            }
        })
    }
}

/// Bytes of the stream's data, wherever they are.
pub(super) fn bytes(stream: &Stream) -> usize {
    left(stream).map_or(stream.content.len(), |(bytes, _)| bytes)
}

/// Bytes that stayed in the file, and the number of their object.
fn left(stream: &Stream) -> Option<(usize, u32)> {
    let [bytes, number] = stream.dict.get(ENTRY).and_then(Object::as_array).ok()?.as_slice() else { return None };
    Some((usize::try_from(bytes.as_i64().ok()?).ok()?, u32::try_from(number.as_i64().ok()?).ok()?))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the files of a test need not last")]
mod tests {
    use lopdf::{Dictionary, LoadOptions};

    use super::*;

    /// A PDF with one large image, behind `junk`, and the image's data.
    fn pdf(folder: &Path, junk: &[u8]) -> (PathBuf, Vec<u8>) {
        let data: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut doc = Document::with_version("1.5");
        let image: Dictionary =
            [("Subtype", Object::from("Image")), ("Width", 500.into()), ("Height", 400.into())].into_iter().collect();
        doc.add_object(Stream::new(image, data.clone()));
        let catalog = doc.add_object(Dictionary::new());
        doc.trailer.set("Root", catalog);
        let mut written = Vec::new();
        doc.save_to(&mut written).expect("the PDF is written");
        let path = folder.join("a.pdf");
        std::fs::write(&path, [junk, &written].concat()).expect("the file is written");
        (path, data)
    }

    fn loaded(path: &Path) -> (Document, Stream) {
        let doc = Document::load_with_options(path, LoadOptions::with_filter(leave)).expect("the PDF loads");
        let image = doc.objects.values().find_map(|o| o.as_stream().ok()).expect("an image").clone();
        (doc, image)
    }

    #[test]
    fn the_data_of_an_image_stay_in_the_file_and_are_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        for junk in [&b""[..], b"junk of a gateway\r\n"] {
            let (path, data) = pdf(folder.path(), junk);
            let (doc, image) = loaded(&path);
            assert_eq!(image.content.len(), 2 * PROOF_BYTES);
            assert_eq!(bytes(&image), data.len());
            let file = InFile::of(&path).expect("the file opens");
            assert_eq!(file.data(&doc, &image).expect("the data are found").as_ref(), data);
            let whole = file.whole(&doc, &image).expect("the data are found").into_owned();
            assert_eq!((whole.content, whole.dict.has(ENTRY)), (data, false));
        }
    }

    #[test]
    fn a_file_that_changed_under_the_document_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, _) = pdf(folder.path(), b"");
        let (doc, image) = loaded(&path);
        let file = InFile::of(&path).expect("the file opens");
        let kept = std::fs::read(&path).expect("the file reads");
        std::fs::write(&path, &kept[..kept.len() / 2]).expect("the file is cut");
        assert!(file.data(&doc, &image).is_err());
        std::fs::write(&path, vec![0; kept.len()]).expect("the file is overwritten");
        assert!(file.data(&doc, &image).is_err());
    }
}
