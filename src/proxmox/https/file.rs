//! A file on its way to the server: read piece by piece, never whole into memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::http::request::Builder;
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use super::super::call::Upload;
use super::super::{Call, TransportError, multipart};
use super::wire::Body;

/// Bytes read at once.
const PIECE_BYTES: usize = 256 << 10;

/// A network that is slower than this is as good as down: a mebibyte a second.
const SLOWEST_BYTES_PER_S: u64 = 1 << 20;

/// What the server may take besides: it answers once the file is in its place on the entry node.
const PATIENCE: Duration = Duration::from_secs(120);

/// Returns how long a file may be on its way.
pub(super) fn patience(file: &Upload) -> Duration {
    PATIENCE + Duration::from_secs(file.bytes / SLOWEST_BYTES_PER_S)
}

/// Gives a request its file. A file that is not what the plan was made from is not sent.
pub(super) async fn request(request: Builder, call: &Call, file: &Upload) -> Result<Request<Body>, TransportError> {
    let refusal = |detail: String| TransportError::BeforeSend {
        endpoint: format!("{} {}", call.method.as_str(), call.path),
        detail,
        hint: Some("plan again to see what the file is now".to_owned()),
    };
    let shown = file.path.display();
    let unreadable = |error: io::Error| refusal(format!("`{shown}` cannot be read: {error}"));
    let open = File::open(&file.path).await.map_err(unreadable)?;
    let bytes = open.metadata().await.map_err(unreadable)?.len();
    if bytes != file.bytes {
        let planned = file.bytes;
        return Err(refusal(format!("`{shown}` had {planned} bytes when the plan was made, and has {bytes} now")));
    }
    let frame = multipart::Frame::of(call, file);
    let length = frame.head.len() as u64 + bytes + frame.tail.len() as u64;
    let parts = Parts {
        head: Some(frame.head.into()),
        file: open,
        file_left: bytes,
        tail: Some(frame.tail.into()),
        left: length,
    };
    request
        .header(CONTENT_TYPE, frame.content_type)
        .header(CONTENT_LENGTH, length)
        .body(parts.boxed_unsync())
        .map_err(|error| refusal(error.to_string()))
}

/// The body: what is before the file, the file, what is after it. Its length is known, so it goes out without chunks.
struct Parts {
    head: Option<Bytes>,
    file: File,
    file_left: u64,
    tail: Option<Bytes>,
    left: u64,
}

impl Parts {
    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(head)));
        }
        if self.file_left == 0 {
            return Poll::Ready(self.tail.take().map(Ok));
        }
        let length = usize::try_from(self.file_left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        let mut piece = vec![0; length];
        let mut buffer = ReadBuf::new(&mut piece);
        if let Err(error) = ready!(Pin::new(&mut self.file).poll_read(context, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"))));
        }
        piece.truncate(read);
        self.file_left -= read as u64;
        Poll::Ready(Some(Ok(piece.into())))
    }
}

impl hyper::body::Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = ready!(self.next(context));
        if let Some(Ok(piece)) = &next {
            self.left -= piece.len() as u64;
        }
        Poll::Ready(next.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
