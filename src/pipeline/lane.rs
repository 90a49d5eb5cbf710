//! One feed's way from its files to decoded blocks, on threads of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::PipelineError;
use crate::decode::{Decoded, decode_block};
use crate::engine::Feed;
use crate::source::Log;
use crate::source::archive::{Archive, Block};

/// Blocks that may wait in a queue: one being made while one is used, and one for jitter.
const QUEUE: usize = 2;

/// How soon a wait notices that the run was cancelled.
const PATIENCE: Duration = Duration::from_millis(100);

self_cell::self_cell!(
    /// A block with the events that borrow from it.
    pub(super) struct DecodedBlock {
        owner: Block,
        #[covariant]
        dependent: Decoded,
    }
);

fn decode(block: Block) -> DecodedBlock {
    DecodedBlock::new(block, |block| decode_block(block.bytes()))
}

/// A feed being read.
pub(super) struct Lane {
    pub(super) feed: Feed,
    blocks: Blocks,
    spare: SyncSender<Vec<u8>>,
    threads: Vec<JoinHandle<()>>,
}

enum Blocks {
    /// Decoded here, when asked for.
    Raw(Receiver<Block>),
    /// Decoded by threads: block `i` by decoder `i % n`.
    Decoded { decoders: Vec<Receiver<DecodedBlock>>, turn: usize },
    /// There are no more.
    Ended,
}

impl Lane {
    /// Begins to read `log`.
    pub(super) fn open(log: Log, feed: Feed, decoders: usize, progress: &Arc<AtomicU64>) -> io::Result<Self> {
        let archive = Archive::new(log.inputs, Arc::clone(progress));
        let (spare, spares) = sync_channel(QUEUE * 2 * decoders);
        let (raw_in, raw_out): (Vec<_>, Vec<_>) = (0..decoders).map(|_| sync_channel(QUEUE)).unzip();
        let reader = move || read(archive, &raw_in, &spares);
        let mut threads = vec![thread::Builder::new().name("reader".to_owned()).spawn(reader)?];
        let blocks = match <[Receiver<Block>; 1]>::try_from(raw_out) {
            Ok([raw]) => Blocks::Raw(raw),
            Err(raw_out) => {
                let mut decoders = Vec::new();
                for raw in raw_out {
                    let (to_judge, decoded) = sync_channel(QUEUE);
                    let decoder = move || raw.into_iter().try_for_each(|block| to_judge.send(decode(block)).ok());
                    threads.push(thread::Builder::new().name("decoder".to_owned()).spawn(move || _ = decoder())?);
                    decoders.push(decoded);
                }
                Blocks::Decoded { decoders, turn: 0 }
            }
        };
        Ok(Self { feed, blocks, spare, threads })
    }

    /// The next block; `None` at the end, or when `cancel` is set.
    pub(super) fn next(&mut self, cancel: &AtomicBool) -> Result<Option<DecodedBlock>, PipelineError> {
        let block = match &mut self.blocks {
            Blocks::Raw(raw) => receive(raw, cancel).map(|block| block.map(decode)),
            Blocks::Decoded { decoders, turn } => {
                let decoder = *turn;
                *turn = (decoder + 1) % decoders.len();
                receive(&decoders[decoder], cancel)
            }
            Blocks::Ended => Ok(None),
        };
        block.or_else(|Disconnected| self.join().map(|()| None))
    }

    /// Gives a block's room back to the reader.
    pub(super) fn recycle(&self, block: DecodedBlock) {
        if let Some(buffer) = block.into_owner().into_buffer() {
            // a full queue means that the reader has enough
            _ = self.spare.try_send(buffer);
        }
    }

    /// Waits for the threads, which end once their queues have, and tells an end from a death.
    fn join(&mut self) -> Result<(), PipelineError> {
        self.blocks = Blocks::Ended;
        let died = self.threads.drain(..).filter_map(|thread| thread.join().err()).count();
        if died == 0 { Ok(()) } else { Err(PipelineError::Died) }
    }
}

/// The sending side is gone.
struct Disconnected;

fn receive<T>(queue: &Receiver<T>, cancel: &AtomicBool) -> Result<Option<T>, Disconnected> {
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match queue.recv_timeout(PATIENCE) {
            Ok(block) => return Ok(Some(block)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Disconnected),
        }
    }
}

/// Reads to the end, or until nobody takes the blocks.
fn read(mut archive: Archive, decoders: &[SyncSender<Block>], spares: &Receiver<Vec<u8>>) {
    for decoder in decoders.iter().cycle() {
        let Some(block) = archive.next_block(spares.try_recv().unwrap_or_default()) else { return };
        if decoder.send(block).is_err() {
            return;
        }
    }
}
