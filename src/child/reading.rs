//! How does a child read? It keeps one file open and one engine warm, and puts `normalise` and `ocr` together.

use super::serve::Hello;
use super::{FileRequest, PageRequest, PictureRequest, Reread, RereadRequest};
use crate::error::{Error, Result};
use crate::page::{PageSurvey, ReadPage};

/// The state of a reader child.
#[derive(Debug)]
pub(super) struct Reader;

impl Reader {
    pub(super) fn new(_hello: &Hello) -> Result<Self> {
        Ok(Self)
    }

    pub(super) fn survey(&mut self, request: &FileRequest) -> Result<Vec<PageSurvey>> {
        Err(Error::bug(format_args!("not yet {}", request.mime)))
    }

    pub(super) fn read(&mut self, request: &PageRequest) -> Result<ReadPage> {
        Err(Error::bug(format_args!("not yet {}", request.mime)))
    }

    pub(super) fn reread(&mut self, request: &RereadRequest) -> Result<Vec<Reread>> {
        Err(Error::bug(format_args!("not yet {}", request.mime)))
    }

    pub(super) fn picture(&mut self, request: &PictureRequest) -> Result<String> {
        Err(Error::bug(format_args!("not yet {}", request.mime)))
    }
}
