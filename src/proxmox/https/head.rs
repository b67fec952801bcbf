//! Below the HTTP stack: takes a `Connection: close` out of the head of an answer that says `keep-alive` too, and keeps its reason phrase.
//!
//! Proxmox VE sends both with every answer that passes through its daemon, and keeps the connection; hyper goes by the `close`. Whoever
//! means it sends it alone: with an error, with the hundredth answer, and when a worker retires.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A longer head is passed on as it is; the HTTP stack has a limit of its own.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What an editor is told, and what it found.
#[derive(Clone, Default)]
pub(super) struct HeadSwitch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_expected: AtomicBool,
    reason: Mutex<Vec<u8>>,
}

impl HeadSwitch {
    /// Says that an answer begins with the next byte that comes.
    pub(super) fn expect(&self) {
        self.reason().clear();
        self.0.is_expected.store(true, Ordering::SeqCst);
    }

    /// Returns the reason phrase of the last head. It may hold bytes beyond ASCII, and then the HTTP stack hands over an empty one.
    pub(super) fn take_reason(&self) -> Vec<u8> {
        std::mem::take(&mut *self.reason())
    }

    fn is_expected(&self) -> bool {
        self.0.is_expected.load(Ordering::SeqCst)
    }

    fn found(&self, head: &[u8]) {
        *self.reason() = reason_of(head).to_vec();
        self.0.is_expected.store(false, Ordering::SeqCst);
    }

    fn reason(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.reason.lock().expect("nothing panics while holding it")
    }
}

/// Returns what follows version and status.
fn reason_of(head: &[u8]) -> &[u8] {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default()
}

/// A stream whose heads are edited. Everything else passes as it is.
pub(super) struct HeadEditor<T> {
    stream: T,
    switch: HeadSwitch,
    /// The beginning of a head whose end has not come.
    held: Vec<u8>,
    /// What is ready to be read, and how much of it was.
    ready: Vec<u8>,
    read: usize,
}

impl<T> HeadEditor<T> {
    pub(super) fn new(stream: T) -> (Self, HeadSwitch) {
        let switch = HeadSwitch::default();
        (Self { stream, switch: switch.clone(), held: Vec::new(), ready: Vec::new(), read: 0 }, switch)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for HeadEditor<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.read < this.ready.len() {
                let left = &this.ready[this.read..];
                let taken = left.len().min(buffer.remaining());
                buffer.put_slice(&left[..taken]);
                this.read += taken;
                return Poll::Ready(Ok(()));
            }
            if !this.switch.is_expected() {
                return Pin::new(&mut this.stream).poll_read(cx, buffer);
            }
            let mut piece = [0; 8192];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece))?;
            this.held.extend_from_slice(piece.filled());
            let has_ended = piece.filled().is_empty() || this.held.len() > HEAD_BYTES_MAX;
            if let Some(end) = end_of_head(&this.held) {
                this.ready = kept_alive(&this.held[..end]);
                this.ready.extend_from_slice(&this.held[end..]);
            } else if has_ended {
                this.ready = std::mem::take(&mut this.held);
            } else {
                continue;
            }
            this.switch.found(&this.ready);
            this.held.clear();
            this.read = 0;
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for HeadEditor<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Returns where the body begins.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Returns a head without its `Connection: close`, if it has a `Connection: keep-alive` too.
fn kept_alive(head: &[u8]) -> Vec<u8> {
    let says = |line: &[u8], word: &str| {
        let mut parts = line.splitn(2, |byte| *byte == b':').map(<[u8]>::trim_ascii);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"connection"))
            && parts.next().is_some_and(|value| value.eq_ignore_ascii_case(word.as_bytes()))
    };
    let lines = || head.split_inclusive(|byte| *byte == b'\n');
    match lines().any(|line| says(line, "keep-alive")) {
        true => lines().filter(|line| !says(line, "close")).flatten().copied().collect(),
        false => head.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[test]
    fn a_close_counts_only_alone() {
        let kept = |head: &str| String::from_utf8(kept_alive(head.as_bytes())).expect("text stays text");
        let both = "HTTP/1.1 200 OK\r\nConnection: close\r\nDate: x\r\nconnection:Keep-Alive\r\n\r\n";
        assert_eq!(kept(both), "HTTP/1.1 200 OK\r\nDate: x\r\nconnection:Keep-Alive\r\n\r\n");
        for alone in [
            "HTTP/1.1 500 x\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\n\r\n",
            "HTTP/1.1 200 Connection: close\r\nX-Connection: close\r\nConnection: Keep-Alive\r\n\r\n",
            "HTTP/1.1 500 x\r\nX: Connection: keep-alive\r\nConnection: close\r\n\r\n",
        ] {
            assert_eq!(kept(alone), alone);
        }
    }

    #[test]
    fn a_reason_is_what_follows_the_status() {
        let check = |head: &[u8], reason: &[u8]| assert_eq!(reason_of(head), reason);
        check(b"HTTP/1.1 500 no such file '\xe4'\r\nDate: x\r\n\r\n", b"no such file '\xe4'");
        check(b"HTTP/1.1 200 \r\n\r\n", b"");
        check(b"HTTP/1.1 200\r\n\r\n", b"");
        check(b"", b"");
    }

    #[tokio::test]
    async fn a_head_is_edited_however_it_comes_and_a_body_never() {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: Keep-Alive\r\n\r\n";
        let body = "Connection: close\r\nConnection: Keep-Alive\r\n\r\n";
        let edited = format!("HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\n\r\n{body}");
        for piece in [1, 7, 50, 1000] {
            let (mut server, client) = duplex(64);
            let (mut client, switch) = HeadEditor::new(client);
            switch.expect();
            let whole = format!("{head}{body}");
            let (_, read) = tokio::join!(
                async {
                    for part in whole.as_bytes().chunks(piece) {
                        server.write_all(part).await.expect("the client reads");
                    }
                    drop(server);
                },
                async {
                    let mut read = String::new();
                    client.read_to_string(&mut read).await.expect("it is text");
                    read
                }
            );
            assert_eq!(read, edited, "in pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn what_ends_too_early_or_is_too_long_passes() {
        for whole in ["HTTP/1.1 200 OK\r\nConn".to_owned(), "x".repeat(HEAD_BYTES_MAX * 2), String::new()] {
            let (mut server, client) = duplex(1 << 20);
            let (mut client, switch) = HeadEditor::new(client);
            switch.expect();
            server.write_all(whole.as_bytes()).await.expect("there is room");
            drop(server);
            let mut read = String::new();
            client.read_to_string(&mut read).await.expect("it is text");
            assert!(read == whole);
        }
    }
}
