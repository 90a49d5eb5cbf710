//! Several feeds as one stream in the order of time.

use super::lane::{DecodedBlock, Lane};
use super::{Judge, PipelineError};
use crate::event::{Event, Timestamp};

/// Takes the earliest of the feeds' next events, ties in the order of the feeds; each feed's own order is kept, for
/// its small inversions are as they were written.
pub(super) struct Merge {
    heads: Vec<Head>,
}

/// A feed and how far it was taken.
struct Head {
    lane: Lane,
    block: Option<DecodedBlock>,
    taken: usize,
}

impl Head {
    fn events(&self) -> &[Event<'_>] {
        self.block.as_ref().map_or(&[], |block| &block.borrow_dependent().events[self.taken..])
    }

    fn time(&self) -> Option<Timestamp> {
        self.events().first().map(|event| event.at)
    }

    /// Goes on to the next block with events in it, if this one is used up.
    fn refill(&mut self, judge: &mut Judge<'_, '_>) -> Result<(), PipelineError> {
        while self.events().is_empty() {
            if let Some(used) = self.block.take() {
                self.lane.recycle(used);
            }
            let Some(block) = self.lane.next(judge.run.cancel)? else { return Ok(()) };
            judge.open(self.lane.feed, &block)?;
            (self.block, self.taken) = (Some(block), 0);
        }
        Ok(())
    }
}

impl Merge {
    pub(super) fn new(lanes: Vec<Lane>) -> Self {
        Self { heads: lanes.into_iter().map(|lane| Head { lane, block: None, taken: 0 }).collect() }
    }

    /// Hands everything to `judge`, until the end or until the run is cancelled.
    pub(super) fn run(mut self, judge: &mut Judge<'_, '_>) -> Result<(), PipelineError> {
        for head in &mut self.heads {
            head.refill(judge)?;
        }
        while let Some((first, until)) = self.earliest() {
            if judge.is_cancelled() {
                break;
            }
            let head = &mut self.heads[first];
            let feed = head.lane.feed;
            let due = |event: &&Event<'_>| until.is_none_or(|until| (event.at, first) < until);
            head.taken += head.events().iter().take_while(due).map(|event| judge.event(feed, event)).count();
            head.refill(judge)?;
        }
        Ok(())
    }

    /// The feed whose turn it is, and the time and feed whose turn is next.
    fn earliest(&self) -> Option<(usize, Option<(Timestamp, usize)>)> {
        let (mut first, mut second) = (None, None);
        for (index, head) in self.heads.iter().enumerate() {
            let Some(time) = head.time() else { continue };
            let turn = Some((time, index));
            if first.is_none() || turn < first {
                (first, second) = (turn, first);
            } else if second.is_none() || turn < second {
                second = turn;
            }
        }
        first.map(|(_, index)| (index, second))
    }
}
