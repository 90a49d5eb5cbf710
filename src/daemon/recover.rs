//! How a daemon comes to know again what it knew.

use std::path::Path;

use tracing::{error, info};

use super::engines::Engines;
use crate::decode::decode_block;
use crate::engine::Settings;
use crate::source::live::pack::unpack;
use crate::store::{Entry, Found, Judged, Store, StoreError, Word};

/// What was found on disk.
pub(super) struct Recovered {
    /// The store, open.
    pub(super) store: Store,
    /// What was known, up to the last transaction.
    pub(super) engines: Engines,
    /// Packed bytes of the journal that was judged again.
    pub(super) journal: u64,
}

/// Opens the store and judges again what its journal holds. A store that cannot be used is put aside, and everything
/// begins: sources read again what they still have.
///
/// # Errors
///
/// If another process has the store, a later version wrote it, or the disk fails.
pub(super) fn recover(folder: &Path, settings: &Settings) -> Result<Recovered, StoreError> {
    let (store, found) = Store::open(folder)?;
    match found {
        Found::Nothing => info!("nothing is known yet: {} is new", folder.display()),
        Found::Whole => {}
        Found::Damaged { aside, why } => tell_of_damage(&aside, &why),
    }
    match judge_again(&store, settings) {
        Ok((engines, journal)) => Ok(Recovered { store, engines, journal }),
        Err(StoreError::Damaged(why)) => {
            drop(store);
            tell_of_damage(&Store::put_aside(folder)?, &why);
            let (store, _) = Store::open(folder)?;
            Ok(Recovered { store, engines: Engines::resume(settings.clone(), Vec::new()), journal: 0 })
        }
        Err(other) => Err(other),
    }
}

fn tell_of_damage(aside: &Path, why: &str) {
    error!("the store is damaged and was put aside as {}: {why}; everything is learnt again", aside.display());
}

fn judge_again(store: &Store, settings: &Settings) -> Result<(Engines, u64), StoreError> {
    let mut engines = Engines::resume(settings.clone(), store.kept(settings)?);
    let mut bytes = 0;
    let entries = store.journal(|entry| {
        bytes += entry.size() as u64;
        // what there was to tell was kept in the same transaction
        match entry {
            Entry::Batch(batch) => judge_batch(&mut engines, &batch),
            Entry::Word(Word { cluster, said }) => {
                engines.hear(&cluster, &said);
                Ok(())
            }
        }
    })?;
    info!("{entries} batches were judged again since the last snapshot");
    Ok((engines, bytes))
}

fn judge_batch(engines: &mut Engines, batch: &Judged) -> Result<(), StoreError> {
    let bytes = unpack(&batch.packed, batch.bytes).map_err(|e| StoreError::Damaged(e.to_string()))?;
    engines.judge(&batch.cluster, &batch.feed, &decode_block(&bytes).events);
    Ok(())
}
