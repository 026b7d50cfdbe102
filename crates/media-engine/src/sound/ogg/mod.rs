//! OGG with Opus (RFC 7845) or Vorbis in it to 8 kHz mono samples, in a stream. Streams that follow one another are one sound; of
//! streams side by side the first one that is understood is played.

mod opus;
mod page;
#[cfg(test)]
mod tests;
mod vorbis;
mod vorbis_setup;

use std::io::Read;

use self::opus::Opus;
use self::page::{Page, Pages};
use self::vorbis::Vorbis;
use super::fold::{Folder, Sink};

/// A packet longer than this is none of sound; its rest is not kept. Comments may hold whole pictures.
const PACKET_OCTETS_MAX: usize = 1 << 20;
/// More streams behind one another are taken for damage: each begins with tables to be made.
const STREAMS_MAX: u32 = 64;

/// Decodes a whole file. Packets and pages that are damaged are left out.
///
/// # Errors
/// In words: not OGG, neither Opus nor Vorbis in it, a form of them that is not understood; what `sink` says.
pub(crate) fn decode(file: impl Read, sink: Sink<'_>) -> Result<(), String> {
    let mut pages = Pages::new(file);
    let mut out = Out::Closed(Some(sink));
    let mut stream: Option<Stream> = None;
    let (mut streams, mut other) = (0, None);
    while let Some(page) = pages.next().map_err(|error| format!("it cannot be read: {error}"))? {
        if page.is_first() && stream.as_ref().is_none_or(Stream::is_over_at_new_one) {
            match Codec::of(&page)? {
                Ok(codec) => {
                    streams += 1;
                    if streams > STREAMS_MAX {
                        return Err(format!("there are more than {STREAMS_MAX} streams in it, one behind the other"));
                    }
                    stream = Some(Stream::new(page.stream(), page.number(), codec));
                }
                Err(found) => other = other.or(Some(found)),
            }
        } else if let Some(stream) = stream.as_mut().filter(|stream| stream.is_of(&page)) {
            stream.page(&page, &mut out)?;
        }
    }
    match (stream, other) {
        (Some(_), _) => out.finish(),
        (None, Some(found)) => Err(format!("there is {found} in the OGG file: Opus and Vorbis are understood")),
        (None, None) => Err("not an OGG file: no page of it is whole".into()),
    }
}

/// Where the samples go: through a folder that is made when the first of them is there.
enum Out<'a> {
    Closed(Option<Sink<'a>>),
    Open(Box<Folder<'a>>),
}

impl Out<'_> {
    fn push(&mut self, samples: &[f32], rate_hz: u32, channels: u16) -> Result<(), String> {
        if let Out::Closed(sink) = self {
            // It is gone only if no folder could be made before, which has ended the whole.
            let sink = sink.take().ok_or("its sound has a form that is not possible")?;
            *self = Out::Open(Box::new(Folder::new(rate_hz, channels, sink)?));
        }
        let Out::Open(folder) = self else { return Ok(()) };
        folder.change(rate_hz, channels)?;
        folder.push_all(samples)
    }

    fn finish(self) -> Result<(), String> {
        match self {
            Out::Open(folder) => folder.finish(),
            Out::Closed(_) => Ok(()),
        }
    }
}

/// What makes samples of packets.
enum Codec {
    Opus(Box<Opus>),
    Vorbis(Vorbis),
}

impl Codec {
    /// By the first packet of a stream; the inner error is the name of another one.
    fn of(page: &Page<'_>) -> Result<Result<Codec, &'static str>, String> {
        let packet = page.pieces().next().map_or(&[][..], |(packet, _)| packet);
        Ok(Ok(match packet {
            [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => Codec::Opus(Box::new(Opus::new(packet)?)),
            [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => Codec::Vorbis(Vorbis::new(packet)?),
            [0x7f, b'F', b'L', b'A', b'C', ..] => return Ok(Err("FLAC")),
            [b'S', b'p', b'e', b'e', b'x', b' ', ..] => return Ok(Err("Speex")),
            [0x80, b't', b'h', b'e', b'o', b'r', b'a', ..] => return Ok(Err("a film (Theora)")),
            _ => return Ok(Err("something unknown")),
        }))
    }

    /// Samples of one packet of sound, channel by channel. A packet that is damaged or has no sound gives none.
    fn decode(&mut self, packet: &[u8], samples: &mut Vec<f32>) -> Result<(), String> {
        samples.clear();
        match self {
            Codec::Opus(opus) => {
                opus.decode(packet, samples);
                Ok(())
            }
            Codec::Vorbis(vorbis) => vorbis.decode(packet, samples),
        }
    }

    fn form(&self) -> (u32, u16) {
        match self {
            Codec::Opus(opus) => (opus::RATE_HZ, opus.channels()),
            Codec::Vorbis(vorbis) => vorbis.form(),
        }
    }

    /// Frames at the beginning that are not to be heard.
    fn skip(&self) -> u64 {
        match self {
            Codec::Opus(opus) => opus.skip(),
            Codec::Vorbis(_) => 0,
        }
    }
}

/// One stream: its packets put together, and its sound cut where it begins and ends.
struct Stream {
    id: u32,
    codec: Codec,
    /// Number of the page before.
    number: u32,
    /// The beginning of a packet that goes on.
    begun: Vec<u8>,
    samples: Vec<f32>,
    /// Frames decoded so far.
    frames: u64,
    /// The position at which the first of them stands, once a page told it: sound cut out of a broadcast does not begin at 0.
    begins_at: Option<u64>,
    /// A page came behind the first one.
    is_begun: bool,
    is_over: bool,
}

impl Stream {
    fn new(id: u32, number: u32, codec: Codec) -> Stream {
        Stream {
            id,
            codec,
            number,
            begun: Vec::new(),
            samples: Vec::new(),
            frames: 0,
            begins_at: None,
            is_begun: false,
            is_over: false,
        }
    }

    /// Streams side by side all begin before anything else comes; one that begins later follows this one.
    fn is_over_at_new_one(&self) -> bool {
        self.is_begun || self.is_over
    }

    fn is_of(&self, page: &Page<'_>) -> bool {
        page.stream() == self.id && !page.is_first() && !self.is_over
    }

    fn page(&mut self, page: &Page<'_>, out: &mut Out<'_>) -> Result<(), String> {
        if page.number() != self.number.wrapping_add(1) || !page.is_continued() {
            // What a packet went on with is lost.
            self.begun.clear();
        }
        let mut is_rest = page.is_continued() && self.begun.is_empty();
        (self.number, self.is_begun) = (page.number(), true);
        // RFC 7845 §4.4: only on the last page the position may be within a packet.
        let end = page.position().filter(|_| page.is_last());
        let end = end.map(|position| position.saturating_sub(self.begins_at.unwrap_or(0)));
        let mut has_packet = false;
        for (piece, is_end) in page.pieces() {
            if std::mem::take(&mut is_rest) {
                continue;
            }
            let room = PACKET_OCTETS_MAX - self.begun.len();
            self.begun.extend_from_slice(&piece[..piece.len().min(room)]);
            if is_end {
                let packet = std::mem::take(&mut self.begun);
                self.packet(&packet, end, out)?;
                has_packet = true;
                // Its room is used again.
                self.begun = packet;
                self.begun.clear();
            }
        }
        if let (Some(position), None, true, false) = (page.position(), self.begins_at, has_packet, self.frames == 0) {
            self.begins_at = Some(position.saturating_sub(self.frames));
        }
        self.is_over = page.is_last();
        Ok(())
    }

    fn packet(&mut self, packet: &[u8], end: Option<u64>, out: &mut Out<'_>) -> Result<(), String> {
        self.codec.decode(packet, &mut self.samples)?;
        let (rate_hz, channels) = self.codec.form();
        let frames = (self.samples.len() / usize::from(channels)) as u64;
        let first = self.codec.skip().saturating_sub(self.frames).min(frames);
        let last = end.map_or(frames, |end| end.saturating_sub(self.frames).min(frames));
        self.frames += frames;
        if first >= last {
            return Ok(());
        }
        let place = |frame: u64| frame as usize * usize::from(channels);
        out.push(&self.samples[place(first)..place(last)], rate_hz, channels)
    }
}
