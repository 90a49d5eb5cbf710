//! From file to alerts: the binary, against a bare typed parse by the fastest libraries and DuckDB's first-seen query,
//! in turn and each on one processor; then one and two decoding threads on all processors, on plain and on zstd input.
//!
//! `SAWATCH_BENCH_LOG`, `SAWATCH_BENCH_LEARN` and `SAWATCH_BENCH_EVENTS` choose the log, `SAWATCH_BENCH_ROUNDS` (default
//! 5) how often each contender runs. Shown are the best round, for others use the machine, and the median of the CPU.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::process::Command;

mod common {
    pub(crate) mod bare;
    pub(crate) mod child;
    pub(crate) mod generator;
    pub(crate) mod inputs;
}

use common::bare::Bare;
use common::child::{self, Cost};
use common::inputs::{self, Logs};

const SAWATCH: &str = env!("CARGO_BIN_EXE_sawatch");
const DUCKDB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/duckdb_first_seen.py");
const PARSERS: [&str; 3] = ["serde_json", "sonic-rs", "simd-json"];

/// A program in the comparison, and what its rounds took.
struct Contender {
    name: String,
    command: Command,
    /// It reports what it took itself: its start is not what is measured.
    reports: bool,
    rounds: Vec<Cost>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, parser, files @ ..] = &arguments[..]
        && mode == "--bare"
    {
        return bare(parser, files);
    }
    let logs = inputs::logs()?;
    let events = logs.files().try_fold(0, |events, file| io::Result::Ok(events + lines(file.to_str())?))?;

    println!("### End to end on one processor: {}\n", logs.title);
    compare(events, one_processor(&logs)?)?;
    for logs in [logs.zstd()?, logs].iter().rev() {
        println!("\n### Threads on all processors: {}\n", logs.title);
        compare(events, [1, 2].map(|threads| sawatch(logs, threads, Command::new(SAWATCH))).into())?;
    }
    Ok(())
}

fn one_processor(logs: &Logs) -> Result<Vec<Contender>, Box<dyn Error>> {
    let itself = std::env::current_exe()?;
    let itself = itself.to_str().ok_or("the benchmark's path is text")?;
    let mut contenders = vec![sawatch(logs, 1, child::pinned(SAWATCH)), sawatch(logs, 2, child::pinned(SAWATCH))];
    for parser in PARSERS {
        let mut command = child::pinned(itself);
        command.args(["--bare", parser]).args(logs.files());
        contenders.push(Contender::new(format!("bare parse, {parser}"), command, false));
    }
    let duckdb = Command::new("python3").args(["-c", "import duckdb"]).output();
    if duckdb.is_ok_and(|output| output.status.success()) {
        let mut command = child::pinned("python3");
        command.arg(DUCKDB).args(logs.files());
        contenders.push(Contender::new("DuckDB, first-seen query".to_owned(), command, true));
    } else {
        println!("DuckDB is left out: `pip install duckdb` for python3 brings it in.\n");
    }
    Ok(contenders)
}

fn sawatch(logs: &Logs, threads: usize, mut command: Command) -> Contender {
    command.args(["replay", "--output", "/dev/null", "--threads", &threads.to_string()]);
    if let Some(learn) = &logs.learn {
        command.arg("--learn").arg(learn);
    }
    command.arg(&logs.judge);
    Contender::new(format!("sawatch --threads {threads}"), command, false)
}

/// Runs all in turn, round after round, and prints a table.
fn compare(events: u64, mut contenders: Vec<Contender>) -> Result<(), Box<dyn Error>> {
    for _ in 0..inputs::number("SAWATCH_BENCH_ROUNDS", 5) {
        for contender in &mut contenders {
            contender.run()?;
        }
    }
    println!("| contender | events | CPU s | CPU s, median | wall s | events a CPU second | CPU, sawatch = 1 |");
    println!("|---|---|---|---|---|---|---|");
    let own = best(&contenders[0].rounds, |cost| cost.cpu);
    for Contender { name, rounds, .. } in &contenders {
        let (cpu, wall) = (best(rounds, |cost| cost.cpu), best(rounds, |cost| cost.wall));
        let (median, rate, ratio) = (median(rounds), events as f64 / cpu, cpu / own);
        println!("| {name} | {events} | {cpu:.3} | {median:.3} | {wall:.3} | {rate:.0} | {ratio:.2} |");
    }
    Ok(())
}

impl Contender {
    fn new(name: String, command: Command, reports: bool) -> Self {
        Self { name, command, reports, rounds: Vec::new() }
    }

    fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let (cost, said) = child::run(&mut self.command)?;
        self.rounds.push(if self.reports { reported(&said)? } else { cost });
        Ok(())
    }
}

fn reported(said: &str) -> Result<Cost, Box<dyn Error>> {
    let figures: serde_json::Value = serde_json::from_str(said)?;
    let figure = |name: &str| figures[name].as_f64().ok_or(format!("the script reports {name}"));
    Ok(Cost { cpu: figure("cpu")?, wall: figure("wall")? })
}

fn best(rounds: &[Cost], figure: impl Fn(&Cost) -> f64) -> f64 {
    rounds.iter().map(figure).fold(f64::INFINITY, f64::min)
}

fn median(rounds: &[Cost]) -> f64 {
    let mut sorted: Vec<f64> = rounds.iter().map(|cost| cost.cpu).collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn lines(file: Option<&str>) -> io::Result<u64> {
    let mut lines = 0;
    each_line(file.ok_or_else(|| io::Error::other("the log's path is text"))?, |_| lines += 1)?;
    Ok(lines)
}

/// Reads every line of `files` with one of [`PARSERS`], and keeps nothing.
fn bare(parser: &str, files: &[String]) -> Result<(), Box<dyn Error>> {
    let mut buffers = simd_json::Buffers::default();
    let mut parse = |line: &mut [u8]| match parser {
        "serde_json" => serde_json::from_slice::<Bare<'_>>(line).is_ok(),
        "sonic-rs" => sonic_rs::from_slice::<Bare<'_>>(line).is_ok(),
        _ => simd_json::serde::from_slice_with_buffers::<Bare<'_>>(line, &mut buffers).is_ok(),
    };
    let mut failed = 0;
    for file in files {
        each_line(file, |line| failed += u64::from(!parse(line)))?;
    }
    if failed > 0 { Err(format!("{parser} cannot read {failed} lines").into()) } else { Ok(()) }
}

/// Hands over each line of a file where it was read, without copying it.
fn each_line(file: &str, mut take: impl FnMut(&mut [u8])) -> io::Result<()> {
    let (mut file, mut buffer, mut filled) = (File::open(file)?, vec![0; 256 << 10], 0);
    loop {
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
        let read = file.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &buffer[start..filled]) {
            take(&mut buffer[start..start + length]);
            start += length + 1;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
    }
}
