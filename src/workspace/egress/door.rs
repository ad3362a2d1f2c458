//! The listeners of a layer: made by the launcher in the layer's network, accepted from by the host.

use super::PORT;
use crate::workspace::limits::EGRESS_PORTS_MAX;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    Shutdown,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use tokio::io::Interest;

/// What is sent beside the listeners: a message needs a byte.
const WORD: &[u8] = b"l";
/// Of the proxy, and of ports of this machine.
const LISTENERS_MAX: usize = 1 + EGRESS_PORTS_MAX;
const SPACE: usize = rustix::cmsg_space!(ScmRights(LISTENERS_MAX));

/// The host's end, on which the listeners arrive.
#[derive(Debug)]
pub struct Door(UnixStream);

/// The two ends of the way that the listeners take: the host's, and the launcher's standard input.
///
/// # Errors
/// When there are no descriptors left.
pub fn pair() -> io::Result<(Door, OwnedFd)> {
    let (own, other) = UnixStream::pair()?;
    own.set_nonblocking(true)?;
    Ok((Door(own), other.into()))
}

/// Makes the listeners in the network of this process, that of the proxy and one for each of these ports, and hands them
/// to the host.
///
/// # Errors
/// When a port is taken or the host has gone.
pub fn hand_over(to: impl AsFd, ports: &[u16]) -> io::Result<()> {
    let all = std::iter::once(&PORT).chain(ports);
    let listeners = all.map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port))).collect::<io::Result<Vec<_>>>()?;
    let sent: Vec<BorrowedFd<'_>> = listeners.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !rights.push(SendAncillaryMessage::ScmRights(&sent)) {
        return Err(io::Error::other("there is no room for the listeners"));
    }
    rustix::net::sendmsg(&to, &[IoSlice::new(WORD)], &mut rights, SendFlags::NOSIGNAL)?;
    // The command may read what the host writes, and has nothing to say here.
    rustix::net::shutdown(&to, Shutdown::Write)?;
    Ok(())
}

impl Door {
    /// The same end once more, as the way to the standard input of a command that keeps it.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn input(&self) -> io::Result<tokio::process::ChildStdin> {
        tokio::process::ChildStdin::from_std(OwnedFd::from(self.0.try_clone()?).into())
    }

    /// Waits for the listeners, that of the proxy first; none when the launcher ended without them.
    ///
    /// # Errors
    /// When they cannot be received.
    pub async fn listeners(self) -> io::Result<Vec<tokio::net::TcpListener>> {
        let from = tokio::net::UnixStream::from_std(self.0)?;
        let received = from.async_io(Interest::READABLE, || receive(&from)).await?;
        let listener = |descriptor: OwnedFd| {
            let listener = TcpListener::from(descriptor);
            listener.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(listener)
        };
        received.into_iter().map(listener).collect()
    }
}

fn receive(from: impl AsFd) -> io::Result<Vec<OwnedFd>> {
    let mut word = [0u8; WORD.len()];
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    rustix::net::recvmsg(from, &mut [IoSliceMut::new(&mut word)], &mut rights, RecvFlags::CMSG_CLOEXEC)?;
    let mut listeners = Vec::new();
    for message in rights.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            listeners.extend(descriptors);
        }
    }
    Ok(listeners)
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
        let sent = [listener.as_fd(), listener.as_fd()];
        assert!(rights.push(SendAncillaryMessage::ScmRights(&sent)));
        rustix::net::sendmsg(&other, &[IoSlice::new(WORD)], &mut rights, SendFlags::empty()).unwrap();
        let received = door.listeners().await.unwrap();
        assert_eq!(received.iter().map(|one| one.local_addr().unwrap()).collect::<Vec<_>>(), [at, at]);
        let (door, other) = pair().unwrap();
        drop(other);
        assert!(door.listeners().await.unwrap().is_empty());
    }
}
