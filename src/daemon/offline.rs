//! What people ask for while no daemon runs.

use std::path::Path;
use std::sync::mpsc::channel;

use tokio_util::sync::CancellationToken;

use super::control::{Answer, ControlError, Wish, fulfil};
use super::judge::Judge;
use super::recover::recover;
use crate::engine::Settings;
use crate::source::live::Inbox;

/// Does what is asked for with the store of `folder`, as a daemon would. Sinks are told nothing.
///
/// # Errors
///
/// If it cannot be done, or a daemon has the store.
pub fn fulfil_offline(folder: &Path, settings: &Settings, wish: Wish) -> Result<Answer, ControlError> {
    let (_, nobody) = channel();
    let mut judge = Judge::new(recover(folder, settings)?, Inbox::new(0), nobody)?;
    // whoever asked is told at once of a disk that fails
    let abandon = CancellationToken::new();
    abandon.cancel();
    let answer = fulfil(&mut judge, wish, &abandon)?;
    // what was judged again for this need not be the next time; what was said is in the journal
    if judge.journal > 0 {
        judge.snapshot()?;
    }
    Ok(answer)
}
