//! What becomes of a file whose last byte has come? It is admitted; and what could not be then is tried again by and by.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Counter, Door, answer};
use crate::acquire::partial::{Held, Over};
use crate::acquire::{self, Letter};
use crate::error::{Error, Kind, Result};

/// Time between two rounds over what waits.
const ROUND: Duration = Duration::from_secs(15);
/// A clock that runs ahead by more between two rounds was set.
const LEAP: Duration = Duration::from_mins(1);

impl Counter {
    /// Admits a file that is whole and tells what became of it; one that is over already is told again. It goes on to the
    /// end even if the sender goes away meanwhile.
    pub(super) async fn settle(self: &Arc<Self>, door: &Arc<Door>, held: Held) -> Result<Over> {
        if let Some(over) = held.standing().over {
            return Ok(over);
        }
        let (counter, door) = (Arc::clone(self), Arc::clone(door));
        tokio::spawn(async move { counter.settled(&door, Arc::new(held)).await }).await.map_err(Error::panicked)?
    }

    async fn settled(&self, door: &Door, held: Arc<Held>) -> Result<Over> {
        crate::drill::point("upload.whole");
        acquire::ensure_room(&self.admission).await?;
        let over = match self.admitted(door, &held).await {
            Ok(over) => over,
            Err(error) if error.code() == "blob-unexpected" => {
                // Not what was declared: the line or the sender slipped, and the bytes are asked for again.
                let resetting = Arc::clone(&held);
                self.blocking(move || resetting.reset(Some("upload-other-file"))).await?;
                let of = |name| error.message().value(name).unwrap_or_default().to_owned();
                return Err(Error::retry("upload-other-file").with("found", of("found")).with("expected", of("expected")));
            }
            Err(error) if error.kind() == Kind::Refuse => Over::Refused { reason: error.message().clone() },
            Err(error) => return Err(error),
        };
        let (closing, outcome) = (Arc::clone(&held), over.clone());
        self.blocking(move || closing.close(outcome)).await?;
        Ok(over)
    }

    async fn admitted(&self, door: &Door, held: &Arc<Held>) -> Result<Over> {
        let opening = Arc::clone(held);
        let part = self.blocking(move || opening.whole()).await?;
        let file = held.file();
        let stored = acquire::adopt(&self.admission, &self.house.ente_id, part, file.sha256).await?;
        let letter = Letter {
            ente: self.house.ente_id.clone(),
            door: door.full_name.clone(),
            name: file.name.clone(),
            folder: file.folder.clone(),
            key: held.upload().declared.key.clone(),
            mtime_ns: 0,
            facts: Vec::new(),
        };
        let (arrival, outcome) = self.receive(letter, stored).await?;
        let state = answer::state(&outcome).to_owned();
        Ok(Over::Admitted { arrival: arrival.id, sha256: arrival.sha256, state })
    }

    /// Again and again: admits what is whole and could not be admitted when it came (a full disk, a death in between), and
    /// forgets what nobody goes on with.
    pub(super) async fn go_round(self: Arc<Self>) {
        let (mut last, mut last_day) = (Instant::now(), self.house.clock.now());
        loop {
            let (now, day) = (Instant::now(), self.house.clock.now());
            let leap = day.duration_since(last_day).as_secs_f64() - now.duration_since(last).as_secs_f64();
            if leap > LEAP.as_secs_f64() {
                // Nobody was idle for the time that the clock was set forward, or that the machine slept.
                self.doors.iter().for_each(|door| door.shelf.touch(day));
            }
            (last, last_day) = (now, day);
            for door in &self.doors {
                if let Err(error) = self.round(door).await {
                    tracing::debug!(door = door.full_name, code = error.code(), "whole files wait");
                    self.say(door, Some(&error));
                }
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    async fn round(self: &Arc<Self>, door: &Arc<Door>) -> Result<()> {
        for upload in door.shelf.all() {
            for n in upload.waiting() {
                // Another connection sends to it, or admits it just now.
                let Ok(held) = upload.hold(n) else { continue };
                match self.settle(door, held).await {
                    Err(error) if error.is_pressure() => return Err(error),
                    Err(error) => tracing::info!(door = door.full_name, code = error.code(), "a whole file was not admitted"),
                    Ok(_) => {}
                }
            }
        }
        let (all, now) = (Arc::clone(&door.shelf), self.house.clock.now());
        let expired = self.blocking(move || all.expire(now)).await?;
        if expired > 0 {
            tracing::info!(door = door.full_name, expired, "uploads that nobody went on with are forgotten");
        }
        Ok(())
    }
}
