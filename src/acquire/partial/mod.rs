//! What of a file has come so far, and will it still be there tomorrow? The shelf of one upload door: declared files, the
//! bytes of each that are on the disk, and what became of it. All of it survives SIGKILL and power cuts.
//!
//! `uploads/<door>/<id>/` holds `declared.json` (which files), of each file under way `<n>.part` (its bytes) and `<n>.offsets`
//! (how many of them were on the disk, record after record), and `over.log` (what became of the files that are over, a line
//! each). An offset is acknowledged when its record is on the disk; bytes beyond the last record are cut off.

mod append;
mod disk;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use append::Checksum;

use crate::arrival::{ArrivalId, FileName};
use crate::digest::Digest;
use crate::drill;
use crate::error::{Error, Result};
use crate::messages::Message;

/// A file that a sender has declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeclaredFile {
    /// Its name, without folders.
    pub name: FileName,
    /// The folders above it, as the sender has them.
    pub folder: FileName,
    /// Its size.
    pub bytes: u64,
    /// Its digest, where the sender told it: other bytes are not admitted.
    pub sha256: Option<Digest>,
}

/// What a sender has declared: one file, or the files of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// When.
    pub at: Timestamp,
    /// The sender's own key.
    pub key: String,
    /// What the sender's program wants to read again (`Upload-Metadata` as it was sent); empty for a batch.
    pub metadata: String,
    /// True of a batch.
    pub is_batch: bool,
    /// The files.
    pub files: Vec<DeclaredFile>,
}

/// What became of a file that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// It is in.
    Admitted {
        /// As which arrival.
        arrival: ArrivalId,
        /// Its digest.
        sha256: Digest,
        /// `admitted`, `replay`, `duplicate`.
        state: String,
    },
    /// It cannot be admitted; its bytes are gone.
    Refused {
        /// Why.
        reason: Message,
    },
}

/// Where a file stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    /// Bytes that are on the disk.
    pub offset: u64,
    /// What became of it, if it is over.
    pub over: Option<Over>,
    /// Why its bytes had to be thrown away last (another digest than declared), code.
    pub mishap: Option<String>,
    /// True while a connection sends to it or it is being admitted.
    pub is_busy: bool,
}

/// One upload: a file or a batch of them.
#[derive(Debug)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// What was declared.
    pub declared: Declared,
    folder: PathBuf,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    standings: Vec<Standing>,
    /// When anything happened last.
    touched: Timestamp,
    is_gone: bool,
}

/// How much a shelf holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Uploads and batches that are not over.
    pub open: usize,
    /// Files of them that are not over.
    pub files: usize,
    /// Their bytes on the disk.
    pub bytes: u64,
}

/// The ceilings of a shelf.
#[derive(Debug, Clone, Copy)]
pub struct Ceilings {
    /// Most open uploads.
    pub open_max: usize,
    /// Most bytes of unfinished files.
    pub bytes_max: u64,
    /// Hours that an upload at which nothing happens is kept.
    pub keep_hours: u64,
}

/// The uploads of one door.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    ceilings: Ceilings,
    uploads: Mutex<BTreeMap<String, Arc<Upload>>>,
}

/// One file of an upload, held by one connection alone until it is dropped.
#[derive(Debug)]
pub struct Held {
    upload: Arc<Upload>,
    n: usize,
}

fn inside<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere leaves plain values, each whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf {
    /// Opens the shelf in `folder`: whatever was declared is there again, each file at its last acknowledged byte.
    pub fn open(folder: &Path, ceilings: Ceilings) -> Result<Self> {
        let uploads = disk::read_all(folder)?;
        let uploads = uploads.into_iter().map(|upload| (upload.id.clone(), Arc::new(upload))).collect();
        Ok(Self { folder: folder.to_owned(), ceilings, uploads: Mutex::new(uploads) })
    }

    /// Declares an upload. It is on the disk when this comes back. The same id again gives what is there, and `false`.
    pub fn declare(&self, id: String, declared: Declared) -> Result<(Arc<Upload>, bool)> {
        let mut uploads = inside(&self.uploads);
        if let Some(upload) = uploads.get(&id) {
            return Ok((Arc::clone(upload), false));
        }
        let open = uploads.values().filter(|upload| !upload.is_over()).count();
        if open >= self.ceilings.open_max {
            return Err(Error::retry("upload-open-full").with("open", open).with("limit", self.ceilings.open_max));
        }
        let folder = disk::declare(&self.folder, &id, &declared)?;
        drill::point("upload.declared");
        let standings = vec![Standing::default(); declared.files.len()];
        let inside = Mutex::new(Inside { standings, touched: declared.at, is_gone: false });
        let upload = Arc::new(Upload { id: id.clone(), declared, folder, inside });
        uploads.insert(id, Arc::clone(&upload));
        Ok((upload, true))
    }

    /// An upload by its id.
    pub fn find(&self, id: &str) -> Option<Arc<Upload>> {
        inside(&self.uploads).get(id).cloned()
    }

    /// All uploads.
    pub fn all(&self) -> Vec<Arc<Upload>> {
        inside(&self.uploads).values().cloned().collect()
    }

    /// Forgets an upload and whatever of it is not in. What a connection holds stays: `upload-busy`.
    pub fn remove(&self, upload: &Upload) -> Result<()> {
        let mut inside_it = inside(&upload.inside);
        if inside_it.standings.iter().any(|standing| standing.is_busy) {
            return Err(Error::retry("upload-busy"));
        }
        if inside_it.is_gone {
            return Ok(());
        }
        drill::point("upload.before-removal");
        disk::remove(&self.folder, &upload.folder, &upload.id)?;
        inside_it.is_gone = true;
        drop(inside_it);
        inside(&self.uploads).remove(&upload.id);
        drill::point("upload.removed");
        Ok(())
    }

    /// Forgets the uploads at which nothing happened for too long, as of `now`; gives how many.
    pub fn expire(&self, now: Timestamp) -> Result<usize> {
        let mut expired = 0;
        for upload in self.all() {
            if upload.expires_at(&self.ceilings) < now && upload.waiting().is_empty() {
                match self.remove(&upload) {
                    Ok(()) => expired += 1,
                    Err(error) if error.code() == "upload-busy" => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(expired)
    }

    /// Something happened to every upload at `now`: all are kept for another while.
    pub fn touch(&self, now: Timestamp) {
        for upload in self.all() {
            let mut inside = inside(&upload.inside);
            inside.touched = inside.touched.max(now);
        }
    }

    /// How much it holds.
    pub fn load(&self) -> Load {
        let mut load = Load::default();
        for upload in self.all() {
            upload.add_to(&mut load);
        }
        load
    }

    /// Its ceilings.
    pub fn ceilings(&self) -> &Ceilings {
        &self.ceilings
    }

    /// Refuses what would keep more unfinished bytes than a door may. A file that a connection holds counts with all the bytes
    /// that it may still bring, so that many of them at a time cannot go beyond together.
    pub fn ensure_bytes(&self) -> Result<()> {
        let bytes = self.all().iter().map(|upload| upload.bytes_to_come()).fold(0, u64::saturating_add);
        if bytes <= self.ceilings.bytes_max {
            return Ok(());
        }
        Err(Error::retry("upload-partial-full").with("bytes", bytes).with("limit", self.ceilings.bytes_max))
    }

    /// What lies on the shelf in `folder`, read from the disk without opening it: for whoever looks from another process.
    pub fn look(folder: &Path) -> Result<Load> {
        let mut load = Load::default();
        for upload in disk::look_all(folder)? {
            upload.add_to(&mut load);
        }
        Ok(load)
    }
}

impl Upload {
    fn add_to(&self, load: &mut Load) {
        let inside = inside(&self.inside);
        let open = inside.standings.iter().filter(|standing| standing.over.is_none());
        let (files, bytes) = open.fold((0, 0), |(files, bytes), standing| (files + 1, bytes + standing.offset));
        load.open += usize::from(files > 0);
        load.files += files;
        load.bytes += bytes;
    }

    /// Bytes of its files that are here and not in, and those that connections are bringing.
    fn bytes_to_come(&self) -> u64 {
        let inside = inside(&self.inside);
        let open = self.declared.files.iter().zip(&inside.standings).filter(|(_, standing)| standing.over.is_none());
        open.map(|(file, standing)| if standing.is_busy { file.bytes } else { standing.offset }).fold(0, u64::saturating_add)
    }

    /// Where each file stands.
    pub fn standings(&self) -> Vec<Standing> {
        inside(&self.inside).standings.clone()
    }

    /// Where file `n` stands.
    pub fn standing(&self, n: usize) -> Option<Standing> {
        inside(&self.inside).standings.get(n).cloned()
    }

    /// True when every file is over.
    pub fn is_over(&self) -> bool {
        inside(&self.inside).standings.iter().all(|standing| standing.over.is_some())
    }

    /// The files whose bytes are all here and that are not over. An empty file of a batch is here once somebody has sent it.
    pub fn waiting(&self) -> Vec<usize> {
        let inside = inside(&self.inside);
        let files = self.declared.files.iter().zip(&inside.standings).enumerate();
        let is_sent = |bytes: u64| bytes > 0 || !self.declared.is_batch;
        let waiting =
            files.filter(|(_, (file, standing))| standing.over.is_none() && standing.offset == file.bytes && is_sent(file.bytes));
        waiting.map(|(n, _)| n).collect()
    }

    /// When it is forgotten if nothing happens.
    pub fn expires_at(&self, ceilings: &Ceilings) -> Timestamp {
        let hours = i64::try_from(ceilings.keep_hours).unwrap_or(i64::MAX);
        inside(&self.inside).touched.saturating_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
    }

    /// Holds file `n` for one connection; `upload-busy` while another has it, `upload-unknown` where there is none.
    pub fn hold(self: &Arc<Self>, n: usize) -> Result<Held> {
        let mut inside = inside(&self.inside);
        let is_gone = inside.is_gone;
        let standing = inside.standings.get_mut(n).filter(|_| !is_gone).ok_or_else(|| Error::refuse("upload-unknown"))?;
        if standing.is_busy {
            return Err(Error::retry("upload-busy"));
        }
        standing.is_busy = true;
        drop(inside);
        Ok(Held { upload: Arc::clone(self), n })
    }
}

impl Held {
    /// Where the file stands.
    pub fn standing(&self) -> Standing {
        self.upload.standing(self.n).unwrap_or_default()
    }

    /// Its number in the upload.
    pub fn n(&self) -> usize {
        self.n
    }

    /// What was declared of it.
    pub fn file(&self) -> &DeclaredFile {
        &self.upload.declared.files[self.n]
    }

    /// The upload that it belongs to.
    pub fn upload(&self) -> &Upload {
        &self.upload
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        let mut inside = inside(&self.upload.inside);
        change(&mut inside.standings[self.n]);
    }

    /// Something happened at `now`: the upload is kept for another while.
    pub fn touch(&self, now: Timestamp) {
        let mut inside = inside(&self.upload.inside);
        inside.touched = inside.touched.max(now);
    }

    /// Where its bytes lie, all of which are here, to be admitted.
    pub fn whole(&self) -> Result<PathBuf> {
        disk::whole_part(&self.upload.folder, self.n, self.file().bytes)
    }

    /// The file is over: that is on the disk when this comes back, and its bytes are not needed any more.
    pub fn close(&self, over: Over) -> Result<()> {
        drill::point("upload.before-over");
        disk::close(&self.upload.folder, self.n, &over)?;
        drill::point("upload.over");
        self.change(|standing| {
            standing.over = Some(over);
            standing.mishap = None;
        });
        disk::drop_part(&self.upload.folder, self.n)?;
        drill::point("upload.part-removed");
        Ok(())
    }

    /// Throws the bytes away: the file is missing again, with the code of the reason if there is one.
    pub fn reset(&self, mishap: Option<&str>) -> Result<()> {
        if self.standing().over.is_some() {
            return Err(Error::refuse("upload-over"));
        }
        disk::drop_part(&self.upload.folder, self.n)?;
        self.change(|standing| {
            standing.offset = 0;
            standing.mishap = mishap.map(str::to_owned);
        });
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.change(|standing| standing.is_busy = false);
    }
}
