//! Writes a generated audit log to standard output.
//!
//! `cargo bench --bench generate -- --accounts 2000 --events 1000000 --seed 1 >audit.jsonl`

use std::error::Error;
use std::io::{BufWriter, Write, stdout};

mod common {
    pub(crate) mod generator;
}

use common::generator::Generator;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut accounts, mut events, mut seed) = (2_000, 0, 1);
    // cargo itself adds --bench
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(name) = arguments.next() {
        let value: u64 = arguments.next().ok_or_else(|| format!("{name} wants a number"))?.parse()?;
        match &*name {
            "--accounts" => accounts = value,
            "--events" => events = value,
            "--seed" => seed = value,
            _ => return Err(format!("unknown option {name}; there are --accounts, --events and --seed").into()),
        }
    }
    let mut out = BufWriter::new(stdout().lock());
    Generator::new(seed, usize::try_from(accounts)?).write(events, &mut out)?;
    Ok(out.flush()?)
}
