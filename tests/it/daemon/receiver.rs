//! Somebody who is told of incidents by requests, and who has good and bad days.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// It is taken.
    Good,
    /// It is taken after a while.
    Slow(Duration),
    /// It is never answered.
    Hanging,
    /// Anything: taken, refused or never answered.
    Moody,
}

/// A receiver of incidents, on a thread of its own.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    mood: Mood,
    random: fastrand::Rng,
    taken: Vec<String>,
    hanging: Vec<TcpStream>,
    failed: usize,
}

impl Receiver {
    pub(super) fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let random = fastrand::Rng::with_seed(7);
        let shared = Shared { mood, random, taken: Vec::new(), hanging: Vec::new(), failed: 0 };
        let (address, shared) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(shared)));
        let receiver = Self { address, shared: shared.clone() };
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = shared.clone();
                // a client that goes away in the middle is what this is about
                thread::spawn(move || _ = serve(connection, &shared));
            }
        });
        receiver
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    /// From now on; requests that hang are let go.
    pub(super) fn be(&self, mood: Mood) {
        let mut shared = self.shared();
        shared.mood = mood;
        shared.hanging.clear();
    }

    /// What was taken, a line for each incident.
    pub(super) fn taken(&self) -> String {
        self.shared().taken.concat()
    }

    /// Requests that were refused or not answered.
    pub(super) fn failed(&self) -> usize {
        self.shared().failed
    }

    /// The configuration of a sink that tells it.
    pub(super) fn sink(&self) -> String {
        format!(
            "  soc:\n    kind: webhook\n    url: http://{}/\n    format: ocsf\n    min-severity: informational\n    \
             held-back: true\n    timeout: 1 s\n",
            self.address
        )
    }
}

fn serve(connection: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut input = BufReader::new(connection.try_clone()?);
    let mut output = connection;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        let Some(status) = answer(String::from_utf8(body).unwrap(), &output, shared) else { return Ok(()) };
        output.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
    }
}

/// The answer; none if there is to be none.
fn answer(body: String, connection: &TcpStream, shared: &Mutex<Shared>) -> Option<&'static str> {
    let mood = shared.lock().unwrap().mood;
    if let Mood::Slow(pause) = mood {
        thread::sleep(pause);
    }
    let mut shared = shared.lock().unwrap();
    let luck = if mood == Mood::Moody { shared.random.u8(..16) } else { 0 };
    if mood == Mood::Hanging || luck == 15 {
        shared.failed += 1;
        shared.hanging.push(connection.try_clone().unwrap());
        return None;
    }
    if luck >= 10 {
        shared.failed += 1;
        return Some("500 Internal Server Error");
    }
    shared.taken.push(body.trim_end().to_owned() + "\n");
    Some("200 OK")
}
