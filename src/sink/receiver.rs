//! A server for tests: it keeps what it is sent and answers from a script.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What a receiver does next.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// It answers with this status line and headers, without a body.
    Status(&'static str),
    /// It answers with this status line, these headers, and a body.
    Says(&'static str, String),
    /// It never answers.
    Hangs,
    /// It closes the connection.
    Leaves,
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    pub(super) start: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("one JSON value")
    }
}

/// A server on a port of its own. When its script is over, it answers 200.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<Mutex<usize>>,
    script: Arc<Mutex<VecDeque<Reply>>>,
}

impl Receiver {
    pub(super) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::start_with(script, None).await
    }

    pub(super) async fn start_with(
        script: impl IntoIterator<Item = Reply>,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let receiver = Self {
            address: listener.local_addr().expect("an address"),
            received: Arc::default(),
            connections: Arc::default(),
            script: Arc::new(Mutex::new(script.into_iter().collect())),
        };
        let server = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *server.connections.lock().expect("no panic") += 1;
                let (server, tls) = (server.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => server.serve(stream).await,
                            Err(_) => None,
                        },
                        None => server.serve(stream).await,
                    }
                });
            }
        });
        receiver
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook?key=1", self.address)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().expect("no panic")
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let request = read(&mut stream).await?;
            self.received.lock().expect("no panic").push(request);
            let reply = self.script.lock().expect("no panic").pop_front().unwrap_or(Reply::Status("200 OK"));
            let answer = match reply {
                Reply::Status(head) => format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n"),
                Reply::Says(head, body) => format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
                Reply::Hangs => std::future::pending().await,
                Reply::Leaves => return None,
            };
            stream.write_all(answer.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
        }
    }
}

async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Received> {
    let mut request = Received { start: line(stream).await?, ..Received::default() };
    loop {
        let header = line(stream).await?;
        let Some((name, value)) = header.split_once(": ") else { break };
        request.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    request.body = vec![0; request.header("content-length")?.parse().ok()?];
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}

async fn line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|&bytes| bytes > 0)?;
    Some(line.trim_end().to_owned())
}
