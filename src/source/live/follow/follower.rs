//! The follower: one step at a time, without a thread of its own.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::reading::{Piece, Reading};
use super::siblings::{Key, Sibling, look_at, siblings};
use super::{FollowSettings, Start};
use crate::checkpoint::{FileId, Position};
use crate::source::live::{FeedStatus, Standing};
use crate::text::Text;

/// Where reading begins when no file is open.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// With the oldest file that is there.
    Oldest,
    /// With the live file.
    Live,
    /// Behind everything that is there.
    End,
    /// In this file, at this offset.
    In(FileId, u64),
}

/// Reads a log through its rotations.
pub(super) struct Follower {
    feed: Text,
    path: PathBuf,
    poll: Duration,
    status: Arc<FeedStatus>,
    place: Place,
    current: Option<Reading>,
    /// Bytes of the current file that were not given away, when last looked.
    left: u64,
    /// Bytes of the files after the current one, when last looked.
    queued: u64,
    looked: Instant,
}

impl Follower {
    /// Follows from `position`, or from where the settings say.
    pub(super) fn new(settings: &FollowSettings, position: Option<&Position>, status: Arc<FeedStatus>) -> Self {
        let place = match (position, settings.from) {
            (Some(Position { file: Some(id), offset }), _) => Place::In(id.clone(), *offset),
            (_, Start::Beginning) => Place::Oldest,
            (_, Start::End) => Place::End,
        };
        let (feed, path, poll) = (Text::new(&settings.feed), settings.path.clone(), settings.poll);
        Self { feed, path, poll, status, place, current: None, left: 0, queued: 0, looked: Instant::now() }
    }

    /// The next records; none if there are none now, and it is worth waiting a while.
    pub(super) fn step(&mut self) -> Option<Piece> {
        let piece = self.advance().unwrap_or_else(|e| {
            self.wait(&e);
            None
        });
        // who never comes to an end looks around nevertheless: the lag is wanted most then
        if piece.is_some()
            && self.looked.elapsed() >= self.poll
            && let Err(e) = self.look()
        {
            self.wait(&e);
        }
        self.measure(piece.as_ref());
        piece
    }

    fn advance(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if self.current.is_none() {
                self.begin()?;
            }
            if let Some(piece) = self.read()? {
                return Ok(Some(piece));
            }
            if self.begin_again()? {
                continue;
            }
            // in this order: what was written before it was superseded is read, and only then is the file left
            if self.current.as_ref().is_some_and(|reading| reading.is_superseded) {
                if let Some(rest) = self.current.as_mut().and_then(Reading::rest) {
                    return Ok(Some(rest));
                }
                if !self.turn_over()? {
                    return Ok(None);
                }
            } else if !self.look()? {
                return Ok(None);
            }
        }
    }

    /// Opens the first file.
    fn begin(&mut self) -> io::Result<()> {
        let files = siblings(&self.path).inspect_err(|e| {
            // all of a log that is not there yet comes after its end
            if e.kind() == io::ErrorKind::NotFound && self.place == Place::End {
                self.place = Place::Live;
            }
        })?;
        let live = files.last().expect("the live file is listed last");
        let oldest = files.iter().find(|sibling| sibling.size > 0).unwrap_or(live);
        self.current = Some(match &self.place {
            Place::Oldest => Reading::start(oldest)?,
            Place::Live => Reading::start(live)?,
            Place::End => Reading::end(live)?,
            Place::In(id, offset) => match Reading::resume(&files, id, *offset)? {
                Some(reading) => reading,
                None => {
                    // rotations delete the oldest first, so that whatever is left was written later
                    let reading = Reading::start(oldest)?;
                    self.miss(1, &format!("the file that was read last is gone; begins with {}", name(oldest)));
                    reading
                }
            },
        });
        self.look()?;
        Ok(())
    }

    fn read(&mut self) -> io::Result<Option<Piece>> {
        let Some(reading) = &mut self.current else { return Ok(None) };
        let next = reading.next();
        for oversized in reading.take_oversized() {
            let excerpt = Text::new(&String::from_utf8_lossy(&oversized.excerpt));
            self.miss(1, &format!("a record of over 16 MiB at {} was passed over: {excerpt}", oversized.offset));
        }
        next.or_else(|e| self.give_up(e))
    }

    /// What cannot be decompressed now never can. Any other file is opened anew: a network's file system may be back by
    /// then.
    fn give_up(&mut self, e: io::Error) -> io::Result<Option<Piece>> {
        let Some(mut reading) = self.current.take() else { return Err(e) };
        if !reading.file.is_compressed() {
            self.place = Place::In(reading.file.id().clone(), reading.offset());
            return Err(e);
        }
        reading.file.give_up();
        self.current = Some(reading);
        self.miss(1, &format!("a compressed file cannot be read to its end: {e}"));
        Ok(None)
    }

    /// Whether the file was truncated in place, as logrotate does with `copytruncate`; then reading goes on in the copy, if
    /// there is one, or else at the file's beginning.
    fn begin_again(&mut self) -> io::Result<bool> {
        let Some(reading) = self.current.as_mut() else { return Ok(false) };
        if !reading.file.is_truncated()? {
            return Ok(false);
        }
        let copy = Reading::resume(&siblings(&self.path)?, reading.file.id(), reading.offset())?;
        if copy.is_some() {
            self.current = copy;
            self.miss(1, "was truncated; its copy is read, and lacks what was written while it was made");
        } else {
            reading.begin_again()?;
            self.miss(self.left.max(1), "was truncated; reading begins at 0 again, and what was not read is lost");
        }
        Ok(true)
    }

    /// Whether something comes after the current file.
    fn look(&mut self) -> io::Result<bool> {
        self.looked = Instant::now();
        let live = Key::of(&look_at(&self.path)?);
        let Some(reading) = &mut self.current else { return Ok(false) };
        self.queued = 0;
        if live != reading.file.key() {
            let next = reading.successors(&self.path)?.0;
            self.queued = next.iter().map(|sibling| sibling.size).sum();
            reading.is_superseded = !next.is_empty();
        }
        let is_superseded = reading.is_superseded;
        if self.status.stand(Standing::Reading) {
            info!("feed {}: reads {}", self.feed, Text::from(self.path.as_path()));
        }
        Ok(is_superseded)
    }

    /// Goes on with the next file; false if there is none after all.
    fn turn_over(&mut self) -> io::Result<bool> {
        let Some(reading) = &mut self.current else { return Ok(false) };
        let (files, is_certain) = reading.successors(&self.path)?;
        let Some((next, later)) = files.split_first() else {
            reading.is_superseded = false;
            return Ok(false);
        };
        self.current = Some(Reading::start(next)?);
        self.queued = later.iter().map(|sibling| sibling.size).sum();
        if !is_certain && next.rotated.is_some() {
            let name = name(next);
            self.miss(1, &format!("rotated files are deleted faster than they are read; goes on with {name}"));
        }
        Ok(true)
    }

    /// So much was missed, as far as that can be told: what nobody can count counts as one.
    fn miss(&self, n: u64, what: &str) {
        self.status.missed.fetch_add(n, Ordering::Relaxed);
        warn!("feed {}: {}: {what}", self.feed, Text::from(self.path.as_path()));
    }

    fn wait(&self, e: &io::Error) {
        let reason = Text::new(&format!("{}: {e}", self.path.display()));
        if self.status.stand(Standing::Waiting(reason.clone())) {
            warn!("feed {}: {reason}; tried again every {:?}", self.feed, self.poll);
        }
    }

    fn measure(&mut self, piece: Option<&Piece>) {
        let taken = piece.map_or(0, |piece| piece.bytes.len() as u64);
        self.status.bytes.fetch_add(taken, Ordering::Relaxed);
        // a size that cannot be known for now is what it was
        if let Some(left) = self.current.as_ref().and_then(|reading| reading.left().ok()) {
            self.left = left;
        }
        self.status.lag.store(self.left + self.queued, Ordering::Relaxed);
    }
}

fn name(sibling: &Sibling) -> Text {
    Text::from(sibling.path.as_path())
}
