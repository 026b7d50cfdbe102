//! The task of one connection over TCP or TLS: reads messages, writes what is sent, and ends for one of few reasons.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use sip_core::{Hop, MessageStream, ParseError, StreamPart};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use crate::metrics::add;
use crate::{Connection, Inlet};

/// How long who connects may take to its first message. Whoever has nothing to say takes a place for no longer.
const FIRST_MESSAGE: Duration = Duration::from_secs(30);
/// How long a message may take from its first octet to its last.
const WHOLE_MESSAGE: Duration = Duration::from_secs(20);
/// How long the other side may take to read one message.
const WRITE: Duration = Duration::from_secs(10);
/// How long the end may take: what is left is written, then what still comes of a broken stream is read away, so that our answer
/// is not thrown away with it (RFC 1122 §4.2.2.13).
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Octets read at a time.
const CHUNK: usize = 4_096;

/// What connections over TCP and TLS may take of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// A connection that has carried a message is closed when nothing, not even a keep-alive, comes for so long.
    pub idle: Duration,
}

/// Why a connection is no longer read.
enum End {
    /// By the other side, or the network in between.
    Closed,
    /// Nothing came for too long, or a message did not come to its end.
    TimedOut,
    /// What came was no SIP, or its end was not to be found.
    Broken(ParseError),
    /// The loop that it is for is stuck.
    NoRoom,
    /// The other side does not read, or all connections are being closed.
    GivenUp,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Closed => f.write_str("the other side has closed it"),
            End::TimedOut => f.write_str("nothing came in time"),
            End::Broken(error) => error.fmt(f),
            End::NoRoom => f.write_str("the control loop takes nothing"),
            End::GivenUp => f.write_str("it is given up"),
        }
    }
}

/// Serves `stream` until it is over. What could not be written is handed on as lost.
pub(crate) async fn run<S>(stream: S, mut connection: Connection, inlet: Inlet, limits: StreamLimits)
where
    S: AsyncRead + AsyncWrite + Send,
{
    let hop = connection.hop();
    let closer = connection.closer();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (mut is_broken, mut has_registered) = (false, false);
    let unwritten = {
        let write = write_out(&mut writer, &mut connection);
        let read = read_in(&mut reader, hop, &inlet, limits, &mut has_registered);
        tokio::pin!(write, read);
        tokio::select! {
            written = &mut write => written.err(),
            end = &mut read => {
                tracing::debug!(%hop, %end, "a connection ends");
                last_words(&end, hop, &inlet);
                is_broken = matches!(end, End::Broken(_));
                closer.close();
                // If time runs out, what is being written is broken off and cannot be told from what has arrived.
                timeout(WRITE + LAST_WORDS, write).await.ok().and_then(Result::err)
            }
        }
    };
    for message in unwritten.iter().chain(&connection.rest()) {
        inlet.lost(&hop, message);
    }
    if has_registered {
        inlet.closed(hop);
    }
    let _ = timeout(LAST_WORDS, writer.shutdown()).await;
    if is_broken {
        let _ = timeout(LAST_WORDS, read_away(&mut reader)).await;
    }
}

/// Counts the end, and answers what ended it.
fn last_words(end: &End, hop: Hop, inlet: &Inlet) {
    let metrics = inlet.connections().metrics();
    match end {
        End::TimedOut => add(&metrics.timed_out, 1),
        End::Broken(error) => {
            add(&metrics.broken, 1);
            if let Some(answer) = error.reply(hop.remote) {
                inlet.connections().send(&hop, &answer);
            }
        }
        End::Closed | End::NoRoom | End::GivenUp => {}
    }
}

async fn read_in<R: AsyncRead + Unpin>(
    reader: &mut R,
    hop: Hop,
    inlet: &Inlet,
    limits: StreamLimits,
    has_registered: &mut bool,
) -> End {
    let metrics = inlet.connections().metrics();
    let (mut stream, mut chunk) = (MessageStream::default(), vec![0; CHUNK]);
    let mut limit = Instant::now() + FIRST_MESSAGE;
    let (mut has_spoken, mut was_amid) = (false, false);
    loop {
        let length = match timeout_at(limit, reader.read(&mut chunk)).await {
            Err(_) => return End::TimedOut,
            Ok(Err(_) | Ok(0)) => return End::Closed,
            Ok(Ok(length)) => length,
        };
        add(&metrics.received_bytes, length as u64);
        if !inlet.connections().is_open(&hop) {
            // What it asks could not be answered.
            return End::GivenUp;
        }
        stream.feed(&chunk[..length]);
        let mut has_cut = false;
        loop {
            match stream.next_part() {
                Ok(Some(StreamPart::Message(message))) => {
                    (has_spoken, has_cut) = (true, true);
                    add(&metrics.received_messages, 1);
                    *has_registered |= message.starts_with(b"REGISTER ");
                    if inlet.message(message, hop).await.is_err() {
                        return End::NoRoom;
                    }
                }
                Ok(Some(StreamPart::Ping)) => inlet.pong(&hop),
                Ok(None) => break,
                Err(error) => return End::Broken(error),
            }
        }
        let is_amid = stream.is_amid_message();
        if is_amid && (has_cut || !was_amid) {
            let whole = Instant::now() + WHOLE_MESSAGE;
            limit = if has_spoken { whole } else { limit.min(whole) };
        } else if !is_amid && has_spoken {
            limit = Instant::now() + limits.idle;
        }
        was_amid = is_amid;
    }
}

/// Writes until the connection is ended.
///
/// # Errors
/// The message that could not be written.
async fn write_out<W: AsyncWrite + Unpin>(writer: &mut W, connection: &mut Connection) -> Result<(), Bytes> {
    while let Some(message) = connection.next().await {
        let written = async {
            writer.write_all(&message).await?;
            writer.flush().await
        };
        if !matches!(timeout(WRITE, written).await, Ok(Ok(()))) {
            return Err(message);
        }
    }
    Ok(())
}

async fn read_away<R: AsyncRead + Unpin>(reader: &mut R) {
    let mut chunk = [0; CHUNK];
    while matches!(reader.read(&mut chunk).await, Ok(1..)) {}
}
