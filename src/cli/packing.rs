//! The remote end of an ssh link packs what goes to the client, if the client asked for it in its attach. The host knows
//! nothing of it, so it works with every host, and a host spends neither time nor memory on it.

use crate::cli::limits::PACKED_PIECE_BYTES_MAX;
use crate::wire::limits::WIRE_LINE_BYTES_MAX;
use crate::wire::{Attach, AttachedAs, Id, Message, PACK_ZSTD, Packer, Request};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Stdout};

/// The number of this request, if it is an attach of a client that can read what is packed.
pub fn asked(line: &[u8]) -> Option<Id> {
    let Ok(Message::Request { id, method, params }) = Message::parse(std::str::from_utf8(line).ok()?) else {
        return None;
    };
    match Request::parse(&method, params.as_deref()) {
        Ok(Request::Attach(Attach { pack, .. })) if pack.iter().any(|way| way == PACK_ZSTD) => Some(id),
        Ok(_) | Err(_) => None,
    }
}

/// Copies what the host says to the client; packed from the answer to the attach with the number `packs` on.
pub async fn down(read: impl AsyncRead + Unpin, mut out: Stdout, packs: Option<&Id>) -> std::io::Result<()> {
    let mut read = BufReader::with_capacity(PACKED_PIECE_BYTES_MAX, read);
    let mut packer = None;
    loop {
        let mut line = Vec::new();
        (&mut read).take(WIRE_LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line).await?;
        let answer = std::str::from_utf8(&line).ok().and_then(|text| Message::parse(text).ok());
        if let Some(Message::Answer { id, result: Ok(result) }) = &answer
            && packs == Some(id)
            && let Ok(attached) = serde_json::from_str::<AttachedAs>(result.get())
        {
            let attached = AttachedAs { pack: Some(PACK_ZSTD.to_owned()), ..attached };
            line = (Message::answer(id.clone(), &attached)?.to_line()? + "\n").into_bytes();
            packer = Some(Packer::new()?);
        }
        out.write_all(&line).await?;
        out.flush().await?;
        // Before its first answer a host says nothing that is long.
        if line.is_empty() || !matches!(answer, Some(Message::Notification { .. })) {
            break;
        }
    }
    loop {
        let bytes = read.fill_buf().await?;
        if bytes.is_empty() {
            return out.flush().await;
        }
        let count = bytes.len();
        match &mut packer {
            Some(packer) => out.write_all(&packer.pack(bytes)?).await?,
            None => out.write_all(bytes).await?,
        }
        read.consume(count);
        out.flush().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_attach_that_asks_for_it_is_packed() {
        let attach =
            |pack: &str| format!(r#"{{"jsonrpc":"2.0","id":7,"method":"session/attach","params":{{"from":1{pack}}}}}"#);
        assert_eq!(asked(attach(r#","pack":["later","zstd"]"#).as_bytes()), Some(Id::Number(7)));
        assert_eq!(asked(attach(r#","pack":["later"]"#).as_bytes()), None);
        assert_eq!(asked(attach("").as_bytes()), None);
        assert_eq!(asked(b"nonsense"), None);
    }
}
