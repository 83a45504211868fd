//! How does a file get in that comes over the network? It has no source here that could leave: its bytes go straight into a
//! blob, then one transaction, and only what is in is acknowledged (invariant 2). Many that come at the same time share the
//! syncs of their folders and the transaction ([`Clerk`]).

use std::io::Read;
use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};

use super::record::{self, Entry};
use super::{Admission, AdmitOutcome, Beside, FOLDER, Offer, Release, TOGETHER_MAX, blocking, room};
use crate::arrival::{Arrival, ArrivalId, EnteId, FileName};
use crate::blobs::StoredBlob;
use crate::digest::Digest;
use crate::drill;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// What a sender says of a file. With the bytes it is what makes the arrival that arrival: the same said again of the same
/// bytes is a replay (invariant 3).
#[derive(Debug, Clone)]
pub struct Letter {
    /// Whose it is.
    pub ente: EnteId,
    /// The door: `upload:NAME`, `mailbox:NAME`.
    pub door: String,
    /// Its name, without folders.
    pub name: FileName,
    /// The folders above it, as the sender had them; empty where it told none.
    pub folder: FileName,
    /// The sender's own key: another one makes the same file another arrival.
    pub key: String,
    /// Modification time, nanoseconds since 1970; 0 where the door knows none.
    pub mtime_ns: i64,
    /// What else the door knows of it, as facts that are part of the one transaction.
    pub facts: Vec<(&'static str, String)>,
}

/// Keeps all that `source` gives as a blob; where `expected` is given, other bytes are not kept. Nothing is admitted yet, and
/// the blob is durable only once a [`Clerk`] has received it.
pub async fn keep(desk: &Admission, ente: &EnteId, source: Box<dyn Read + Send>, expected: Option<Digest>) -> Result<StoredBlob> {
    let (blobs, ente, ceiling) = (desk.blobs.clone(), ente.clone(), desk.limits.file_bytes_max);
    let mut source = source;
    let stored = blocking(move || blobs.place(&ente, &mut source, ceiling, expected.as_ref())).await?;
    drill::point("receive.placed");
    Ok(stored)
}

/// Keeps a file of ours that is whole, as [`keep`] does: where the disk allows, under a second name instead of a second time.
pub async fn adopt(desk: &Admission, ente: &EnteId, path: PathBuf, expected: Option<Digest>) -> Result<StoredBlob> {
    let (blobs, owner) = (desk.blobs.clone(), ente.clone());
    let place = path.clone();
    let adopted = blocking(move || blobs.adopt(&owner, &place, expected.as_ref())).await?;
    let Some(stored) = adopted else {
        let file = std::fs::File::open(&path).map_err(|e| Error::disk("open", &path, e))?;
        return keep(desk, ente, Box::new(file), expected).await;
    };
    drill::point("receive.placed");
    Ok(stored)
}

/// What became of a letter.
type Received = Result<(Arrival, AdmitOutcome)>;

/// A letter that waits for the clerk, and who waits for the answer.
struct Waiting {
    letter: Letter,
    stored: StoredBlob,
    told: oneshot::Sender<Received>,
}

/// Receives letters for every door to the network: those that come while it writes wait and are written together.
#[derive(Debug, Clone)]
pub struct Clerk(mpsc::Sender<Waiting>);

impl Clerk {
    /// A clerk, at work as long as somebody has it. Call it where tasks can be spawned.
    pub fn new(desk: Admission) -> Self {
        let (sender, waiting) = mpsc::channel(TOGETHER_MAX);
        tokio::spawn(attend(desk, waiting));
        Self(sender)
    }

    /// Admits the file that `stored` holds. What it gives back is on the disk and may be acknowledged.
    pub async fn receive(&self, letter: Letter, stored: StoredBlob) -> Received {
        let (told, answer) = oneshot::channel();
        let gone = || Error::bug("the clerk has gone");
        self.0.send(Waiting { letter, stored, told }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn attend(desk: Admission, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::with_capacity(TOGETHER_MAX);
    while waiting.recv_many(&mut group, TOGETHER_MAX).await > 0 {
        // Each ente has its transaction.
        group.sort_by(|a, b| a.letter.ente.cmp(&b.letter.ente));
        while let Some(last) = group.last() {
            let ente = last.letter.ente.clone();
            let first = group.partition_point(|waiting| waiting.letter.ente < ente);
            answer(&desk, ente, group.split_off(first)).await;
        }
    }
}

/// Receives the letters of one ente and tells each what became of it. A panic costs these only.
async fn answer(desk: &Admission, ente: EnteId, group: Vec<Waiting>) {
    let (mut letters, mut listeners) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
    for Waiting { letter, stored, told } in group {
        letters.push((letter, stored));
        listeners.push(told);
    }
    tracing::debug!(together = letters.len(), "letters are received");
    let desk = desk.clone();
    let received = tokio::spawn(async move { received(&desk, &ente, letters).await }).await;
    let received = received.unwrap_or_else(|e| Err(Error::panicked(e)));
    match received {
        // Whoever does not listen any more has gone away; it is in all the same.
        Ok(all) => listeners.into_iter().zip(all).for_each(|(told, one)| _ = told.send(Ok(one))),
        Err(error) => listeners.into_iter().for_each(|told| _ = told.send(Err(error.again()))),
    }
}

/// Makes the blobs of all letters durable, and then records all in one transaction.
async fn received(desk: &Admission, ente: &EnteId, letters: Vec<(Letter, StoredBlob)>) -> Result<Vec<(Arrival, AdmitOutcome)>> {
    let digests: Vec<Digest> = letters.iter().map(|(_, stored)| stored.sha256).collect();
    let (blobs, owner) = (desk.blobs.clone(), ente.clone());
    blocking(move || blobs.settle(&owner, &digests)).await?;
    drill::point("receive.blob-durable");
    let papers: Vec<Paper> = letters.into_iter().map(|(letter, stored)| Paper::of(letter, stored)).collect::<Result<_>>()?;
    let entries: Vec<Entry<'_>> = papers.iter().map(Paper::entry).collect();
    let entered = record::entered(desk, &entries).await?;
    drill::point("receive.recorded");
    Ok(entered)
}

/// A letter made ready to be recorded.
struct Paper {
    offer: Offer,
    id: ArrivalId,
    mtime_ns: i64,
    stored: StoredBlob,
    facts: Vec<(&'static str, u32, String)>,
}

impl Paper {
    fn of(letter: Letter, stored: StoredBlob) -> Result<Self> {
        let Letter { ente, door, name, folder, key, mtime_ns, facts } = letter;
        let mut facts: Vec<_> = facts.into_iter().map(|(kind, body)| (kind, 0, body)).collect();
        // Folder and key stand with the door in the id: neither is part of a file's name, both tell two files apart.
        let is_plain = folder.bytes().is_empty() && key.is_empty();
        let origin = || Digest::id("origin", &[door.as_bytes(), folder.bytes(), key.as_bytes()]);
        let origin = if is_plain { door.clone() } else { origin() };
        let id = Arrival::derive_id(&ente, origin.as_bytes(), &name, stored.bytes, mtime_ns, &stored.sha256);
        if !folder.bytes().is_empty() {
            facts.push((FOLDER, 0, serde_json::to_string(&folder).map_err(Error::bug)?));
        }
        let offer = Offer { ente, door, path: PathBuf::new(), name, release: Release::Leave, beside: Beside::default() };
        Ok(Self { offer, id, mtime_ns, stored, facts })
    }

    fn entry(&self) -> Entry<'_> {
        let (id, facts) = (self.id.clone(), self.facts.clone());
        let (blobs, detail) = (Vec::new(), Vec::new());
        Entry { offer: &self.offer, id, mtime_ns: self.mtime_ns, stored: self.stored, blobs, facts, detail }
    }
}

/// Doors stop admitting while too many jobs wait.
pub async fn ensure_room(desk: &Admission) -> Result<()> {
    let (left, full) = room(desk).await?;
    if left > 0 { Ok(()) } else { Err(full) }
}

/// Takes a path of a sender apart, `folder/folder/name`, and refuses one that no folder could hold.
pub fn ensure_file_name(path: &[u8], limits: &Limits) -> Result<(FileName, FileName)> {
    let wrong = |code| Error::refuse(code).with("path", FileName::new(path).shown());
    let parts: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
    if let Some(long) = parts.iter().find(|part| part.len() > limits.name_bytes_max) {
        return Err(wrong("source-name-too-long").with("bytes", long.len()).with("limit", limits.name_bytes_max));
    }
    if parts.len() > limits.tree_depth_max {
        return Err(wrong("tree-too-deep").with("limit", limits.tree_depth_max));
    }
    let is_name = |part: &&[u8]| !part.is_empty() && **part != *b"." && **part != *b".." && !part.contains(&0);
    let (Some((name, _)), true) = (parts.split_last(), parts.iter().all(is_name)) else {
        return Err(wrong("upload-name-wrong"));
    };
    let folder = path.len() - name.len();
    Ok((FileName::new(&path[..folder.saturating_sub(1)]), FileName::new(*name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_sender_is_taken_apart_or_refused() {
        let limits = Limits::default();
        let parted = |path: &str| {
            ensure_file_name(path.as_bytes(), &limits)
                .map(|(folder, name)| (folder.shown(), name.shown()))
                .map_err(|e| e.code().to_owned())
        };
        assert_eq!(parted("a.tif"), Ok((String::new(), "a.tif".to_owned())));
        assert_eq!(parted("lotto 1/b/a.tif"), Ok(("lotto 1/b".to_owned(), "a.tif".to_owned())));
        for path in ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\0b"] {
            assert_eq!(parted(path), Err("upload-name-wrong".to_owned()), "{path:?}");
        }
    }

    #[test]
    fn names_have_a_longest_form_and_folders_a_deepest() {
        let limits = Limits::default();
        let is_good = |path: &str| ensure_file_name(path.as_bytes(), &limits).is_ok();
        assert!(is_good(&"n".repeat(255)) && !is_good(&"n".repeat(256)));
        assert!(is_good(&format!("{}n", "d/".repeat(63))) && !is_good(&format!("{}n", "d/".repeat(64))));
    }
}
