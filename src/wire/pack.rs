//! Packed bytes on a slow link: one zstd stream in the direction of the client, flushed after everything that is written.
//!
//! The window is small, so that neither end keeps more than [`WIRE_PACK_WINDOW_LOG_MAX`] asks for, whatever the other sends.

use crate::wire::limits::{WIRE_PACK_PIECE_BYTES, WIRE_PACK_WINDOW_LOG_MAX};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};
use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

/// The name of this way of packing on the wire.
pub const PACK_ZSTD: &str = "zstd";

/// Packs what one end writes.
pub struct Packer(Encoder<'static>);

impl Packer {
    pub fn new() -> io::Result<Self> {
        let mut encoder = Encoder::new(zstd::DEFAULT_COMPRESSION_LEVEL)?;
        encoder.set_parameter(CParameter::WindowLog(WIRE_PACK_WINDOW_LOG_MAX))?;
        Ok(Self(encoder))
    }

    /// These bytes, packed so that the other end can read all of them at once.
    pub fn pack(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let (mut packed, mut piece) = (Vec::new(), vec![0; WIRE_PACK_PIECE_BYTES]);
        let mut input = InBuffer::around(bytes);
        while input.pos() < bytes.len() {
            let mut out = OutBuffer::around(piece.as_mut_slice());
            self.0.run(&mut input, &mut out)?;
            packed.extend_from_slice(out.as_slice());
        }
        loop {
            let mut out = OutBuffer::around(piece.as_mut_slice());
            let left = self.0.flush(&mut out)?;
            packed.extend_from_slice(out.as_slice());
            if left == 0 {
                return Ok(packed);
            }
        }
    }
}

/// Unpacks what the other end wrote.
pub(super) struct Unpacking<R> {
    from: R,
    decoder: Decoder<'static>,
    piece: Vec<u8>,
    /// The part of the piece that was not read yet.
    ready: std::ops::Range<usize>,
    /// The decoder filled the whole piece and may have more.
    has_more: bool,
}

impl<R> Unpacking<R> {
    pub(super) fn new(from: R) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WIRE_PACK_WINDOW_LOG_MAX))?;
        Ok(Self { from, decoder, piece: vec![0; WIRE_PACK_PIECE_BYTES], ready: 0..0, has_more: false })
    }
}

impl<R: AsyncBufRead + Unpin> AsyncRead for Unpacking<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.ready.is_empty() {
                let count = this.ready.len().min(into.remaining());
                let end = this.ready.start + count;
                into.put_slice(this.piece.get(this.ready.start..end).unwrap_or_default());
                this.ready.start = end;
                return Poll::Ready(Ok(()));
            }
            let input = if this.has_more { &[] } else { ready!(Pin::new(&mut this.from).poll_fill_buf(cx))? };
            if input.is_empty() && !this.has_more {
                return Poll::Ready(Ok(()));
            }
            let status = this.decoder.run_on_buffers(input, &mut this.piece)?;
            this.ready = 0..status.bytes_written;
            this.has_more = status.bytes_written == this.piece.len();
            Pin::new(&mut this.from).consume(status.bytes_read);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};

    #[tokio::test]
    async fn every_piece_can_be_read_when_it_was_written() {
        let (mut ours, theirs) = tokio::io::duplex(64);
        let mut reader = Unpacking::new(BufReader::new(theirs)).unwrap();
        let mut packer = Packer::new().unwrap();
        let long: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let pieces: Vec<Vec<u8>> = vec![b"one\n".to_vec(), b"two\n".repeat(3), long, b"end\n".to_vec()];
        for piece in pieces {
            let packed = packer.pack(&piece).unwrap();
            let writing = async { ours.write_all(&packed).await.unwrap() };
            let mut read = vec![0; piece.len()];
            let reading = async { reader.read_exact(&mut read).await.unwrap() };
            tokio::join!(writing, reading);
            assert_eq!(read, piece);
        }
        drop(ours);
        assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_is_not_packed_is_an_error() {
        let mut reader = Unpacking::new(std::io::Cursor::new(b"{\"jsonrpc\":\"2.0\"}\n".to_vec())).unwrap();
        assert!(reader.read(&mut [0; 8]).await.is_err());
    }
}
