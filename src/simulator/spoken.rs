//! Below the HTTP stack: says `Connection: close` where the server does not mean it.
//!
//! A real server sends `Connection: close` and `Connection: Keep-Alive` together, and keeps the connection. hyper closes one after a head
//! that says so, so the head is written with a header of another name, which becomes the real one on its way out.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The header that becomes `Connection`: as long, and another first letter, so that it is changed in place.
pub(super) const STAND_IN: &str = "xonnection";
const WRITTEN: &[u8] = b"\r\nXonnection: ";

/// A stream whose heads say what they should.
pub(super) struct Spoken<T>(pub(super) T);

impl<T: AsyncRead + Unpin> AsyncRead for Spoken<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Spoken<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let is_head = bytes.starts_with(b"HTTP/1.1 ");
        let found = bytes.windows(WRITTEN.len()).position(|window| window == WRITTEN).filter(|_| is_head);
        let Some(at) = found else { return Pin::new(&mut self.0).poll_write(cx, bytes) };
        let mut spoken = bytes.to_vec();
        spoken[at + 2] = b'C';
        Pin::new(&mut self.0).poll_write(cx, &spoken)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
