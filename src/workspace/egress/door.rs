//! The listener of a layer: made by the launcher in the layer's network, accepted from by the host.

use super::PORT;
use rustix::fd::{AsFd, OwnedFd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use tokio::io::Interest;

/// What is sent beside the listener: a message needs a byte.
const WORD: &[u8] = b"l";
const SPACE: usize = rustix::cmsg_space!(ScmRights(1));

/// The host's end, on which the listener arrives.
#[derive(Debug)]
pub struct Door(UnixStream);

/// The two ends of the way that a listener takes: the host's, and the launcher's standard input.
///
/// # Errors
/// When there are no descriptors left.
pub fn pair() -> io::Result<(Door, OwnedFd)> {
    let (own, other) = UnixStream::pair()?;
    own.set_nonblocking(true)?;
    Ok((Door(own), other.into()))
}

/// Makes the listener in the network of this process, and hands it to the host.
///
/// # Errors
/// When the port is taken or the host has gone.
pub fn hand_over(to: impl AsFd) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT))?;
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let sent = [listener.as_fd()];
    if !rights.push(SendAncillaryMessage::ScmRights(&sent)) {
        return Err(io::Error::other("there is no room for the listener"));
    }
    rustix::net::sendmsg(to, &[IoSlice::new(WORD)], &mut rights, SendFlags::NOSIGNAL)?;
    Ok(())
}

impl Door {
    /// Waits for the listener; `None` when the launcher ended without one.
    ///
    /// # Errors
    /// When it cannot be received.
    pub async fn listener(self) -> io::Result<Option<tokio::net::TcpListener>> {
        let from = tokio::net::UnixStream::from_std(self.0)?;
        let received = from.async_io(Interest::READABLE, || receive(&from)).await?;
        let Some(listener) = received.map(TcpListener::from) else { return Ok(None) };
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener).map(Some)
    }
}

fn receive(from: impl AsFd) -> io::Result<Option<OwnedFd>> {
    let mut word = [0u8; WORD.len()];
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    rustix::net::recvmsg(from, &mut [IoSliceMut::new(&mut word)], &mut rights, RecvFlags::CMSG_CLOEXEC)?;
    let mut listener = None;
    for message in rights.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            listener = descriptors.last().or(listener);
        }
    }
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_goes_through_or_nothing_does() {
        let (door, other) = pair().unwrap();
        // The port may be in use by another test; the way is the same.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let mut space = [MaybeUninit::uninit(); SPACE];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        let sent = [listener.as_fd()];
        assert!(rights.push(SendAncillaryMessage::ScmRights(&sent)));
        rustix::net::sendmsg(&other, &[IoSlice::new(WORD)], &mut rights, SendFlags::empty()).unwrap();
        assert_eq!(door.listener().await.unwrap().unwrap().local_addr().unwrap(), at);
        let (door, other) = pair().unwrap();
        drop(other);
        assert!(door.listener().await.unwrap().is_none());
    }
}
