//! Memory: what a principal takes when there are many, and whether a long log takes more than a short one.
//!
//! Each measurement is a process of its own: what it takes is what the system says it holds.

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use sawatch::decode::decode_block;
use sawatch::engine::{Engine, Feed, Settings};

mod common {
    pub(crate) mod generator;
}

use common::generator::Generator;

const SAWATCH: &str = env!("CARGO_BIN_EXE_sawatch");

/// Accounts of the log that grows, and its shortest length in events. The longest takes six hours, in which each pod
/// has seven tokens.
const ACCOUNTS: usize = 2_000;
const EVENTS: u64 = 250_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, accounts] = &arguments[..]
        && mode == "--principals"
    {
        return Ok(principals(accounts.parse()?)?);
    }
    println!("### Memory of a principal with its habits and tokens\n");
    println!("| service accounts | principals | credentials | events | bytes a principal |\n|---|---|---|---|---|");
    for accounts in [1_000, 10_000, 100_000] {
        let status = Command::new(std::env::current_exe()?).args(["--principals", &accounts.to_string()]).status()?;
        if !status.success() {
            return Err(format!("measuring {accounts} accounts failed with {status}").into());
        }
    }
    println!("\n### Peak memory while the log of {ACCOUNTS} service accounts grows\n");
    println!("| events | peak resident MiB |\n|---|---|");
    for times in [1, 4, 16] {
        let peak = peak(times * EVENTS)?;
        println!("| {} | {:.1} |", times * EVENTS, peak as f64 / 1024.0);
    }
    Ok(())
}

/// Lets an engine learn everything that each of so many accounts does, and prints what it then holds.
fn principals(accounts: usize) -> io::Result<()> {
    let mut generator = Generator::new(1, accounts);
    let mut engine = Engine::new("bench", &Settings::default());
    let (before, mut events) = (resident("self", "VmRSS")?, 0);
    for account in 0..accounts {
        let log = generator.round(account);
        for event in decode_block(log.as_bytes()).events {
            engine.learn(Feed(0), &event);
            events += 1;
        }
    }
    let grown = (resident("self", "VmRSS")? - before) * 1024;
    let census = engine.census();
    let each = grown / census.principals as u64;
    println!("| {accounts} | {} | {} | {events} | {each} |", census.principals, census.credentials);
    Ok(())
}

/// The most memory that the binary holds, in KiB, while a generated log is piped into it.
fn peak(events: u64) -> io::Result<u64> {
    let mut command = Command::new(SAWATCH);
    command.args(["replay", "--threads", "1", "--output", "/dev/null", "-"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut input = BufWriter::new(child.stdin.take().expect("standard input is piped"));
    let writer = thread::spawn(move || {
        Generator::new(1, ACCOUNTS).write(events, &mut input)?;
        input.flush()
    });
    let peak = watch(&mut child)?;
    writer.join().expect("the generator does not panic")?;
    Ok(peak)
}

/// Looks at the child's peak until it ends.
fn watch(child: &mut Child) -> io::Result<u64> {
    let (id, mut peak) = (child.id().to_string(), 0);
    loop {
        // the last look may come too late: the process has ended and holds nothing
        peak = resident(&id, "VmHWM").unwrap_or(peak);
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(peak) } else { Err(io::Error::other(format!("{SAWATCH}: {status}"))) };
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A figure of `/proc/<process>/status`, in KiB.
fn resident(process: &str, figure: &str) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    number.ok_or_else(|| io::Error::other(format!("no {figure} in /proc/{process}/status")))
}
