//! Programs that are run and measured, one at a time.

use std::io;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use nix::sys::resource::{Usage, UsageWho, getrusage};

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Processor seconds, the kernel's for it included.
    pub(crate) cpu: f64,
    /// Seconds on the clock.
    pub(crate) wall: f64,
}

/// Runs `command` to its end and returns what it took and what it wrote to standard output.
pub(crate) fn run(command: &mut Command) -> io::Result<(Cost, String)> {
    let (began, before) = (Instant::now(), cpu()?);
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output()?;
    let cost = Cost { cpu: cpu()? - before, wall: began.elapsed().as_secs_f64() };
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr);
        return Err(io::Error::other(format!("{command:?} failed with {status}: {said}")));
    }
    Ok((cost, String::from_utf8_lossy(&stdout).into_owned()))
}

/// `program` on the first processor only, if the system can tell it so.
pub(crate) fn pinned(program: &str) -> Command {
    let taskset = Command::new("taskset").args(["-c", "0", "true"]).status();
    if !taskset.is_ok_and(|status| status.success()) {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program]);
    command
}

/// Processor seconds of all children that have ended.
fn cpu() -> io::Result<f64> {
    let usage: Usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}
