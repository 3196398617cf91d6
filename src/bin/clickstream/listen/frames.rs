//! Frames of AMQP as they are on the wire: cut out of a stream, and the little that has to be known of one from outside.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest that either side may send, as it is told.
pub const LONGEST_FRAME: usize = 64 << 10;
const HEADER_BYTES: usize = 8;
/// What a stream begins with, and again after signing in; as long as the header of a frame.
const PROTOCOL: &[u8] = b"AMQP";
/// The other type of frame is for signing in.
const AMQP_FRAME: u8 = 0;

/// A frame, or the name of the protocol.
#[derive(Debug)]
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// The next one of `stream`; `None` at its end.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; HEADER_BYTES];
        if let Err(error) = stream.read_exact(&mut bytes).await {
            return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
        }
        if !bytes.starts_with(PROTOCOL) {
            let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
            if !(HEADER_BYTES..=LONGEST_FRAME).contains(&length) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
            }
            bytes.resize(length, 0);
            stream.read_exact(&mut bytes[HEADER_BYTES..]).await?;
        }
        Ok(Some(Frame(bytes)))
    }

    pub fn channel(&self) -> u16 {
        u16::from_be_bytes([self.0[6], self.0[7]])
    }

    pub fn is_protocol(&self) -> bool {
        self.0.starts_with(PROTOCOL)
    }

    /// Whether it belongs to the connection and not to the sign-in.
    pub fn is_amqp(&self) -> bool {
        !self.is_protocol() && self.0[5] == AMQP_FRAME
    }

    /// Where the body begins; it is empty in a sign of life.
    pub fn body_start(&self) -> usize {
        if self.is_protocol() { self.0.len() } else { (usize::from(self.0[4]) * 4).min(self.0.len()) }
    }

    pub fn body(&self) -> &[u8] {
        &self.0[self.body_start()..]
    }
}
