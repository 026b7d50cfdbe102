//! The way of a recording's packets from the worker to the writer: one ring of octets, a record for each packet.
//!
//! ```text
//!   ┌───────┬───────┬────────────┬───────────────────┬────────────────┬─────────────────────┐
//!   │ flags │   0   │ length, 16 │ RTP timestamp, 32 │ arrived at, 32 │ payload, `length`   │   native order
//!   └───────┴───────┴────────────┴───────────────────┴────────────────┴─────────────────────┘
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use media_core::Codec;
use media_core::recording::{Coding, RecorderTap, TapEnd, TapPacket, Track};
use rtrb::{Consumer, Producer, RingBuffer};

/// Octets of the ring: 1.3 s of both directions in packets of 20 ms, or of a room's mix, which is linear.
const CAPACITY: usize = 24 << 10;
/// What arrives leaves this much free, so that a flood of it does not displace what is sent. A mix comes with the clock, and alone.
const RESERVE: usize = CAPACITY / 4;
const HEADER: usize = 12;
/// A sample takes so long, ns.
pub(super) const SAMPLE_NS: u64 = 125_000;

const FLAG_OUT: u8 = 1;
const FLAG_PCMA: u8 = 2;
const FLAG_SOURCE_CHANGED: u8 = 4;
const FLAG_LINEAR: u8 = 8;

/// What both ends look at.
#[derive(Debug, Default)]
struct Shared {
    /// 0: it has not begun. Written before anything is put into the ring.
    began_ns: AtomicU64,
    /// 0: it goes on; else how the worker ended it. Written when all is in the ring.
    end: AtomicU8,
    /// As a position in samples; valid with `end`.
    ended_at: AtomicU64,
    /// Samples that found no room.
    dropped: AtomicU64,
}

/// The worker's end.
#[derive(Debug)]
pub(super) struct RingTap {
    ring: Producer<u8>,
    shared: Arc<Shared>,
    began_ns: u64,
    /// Of what was dropped or written last.
    latest_at: u64,
}

/// The writer's end. When it is dropped, the tap is over.
#[derive(Debug)]
pub(super) struct TapReader {
    ring: Consumer<u8>,
    shared: Arc<Shared>,
}

/// One packet as it is read.
pub(super) struct Record<'a> {
    pub(super) track: Track,
    /// Position in samples since the beginning.
    pub(super) at: u64,
    pub(super) timestamp: u32,
    pub(super) source_changed: bool,
    pub(super) coding: Coding,
    pub(super) payload: &'a [u8],
}

/// A new pair. `takes`: whether there is a ring at all; a recording that is refused needs none.
pub(super) fn pair(takes: bool) -> (RingTap, TapReader) {
    let (near, far) = RingBuffer::new(if takes { CAPACITY } else { 1 });
    let shared = Arc::new(Shared::default());
    let tap = RingTap { ring: near, shared: shared.clone(), began_ns: 0, latest_at: 0 };
    (tap, TapReader { ring: far, shared })
}

fn position(began_ns: u64, now_ns: u64) -> u64 {
    now_ns.saturating_sub(began_ns) / SAMPLE_NS
}

impl RingTap {
    fn put(&mut self, packet: &TapPacket<'_>, at: u64) -> Option<()> {
        let length = u16::try_from(packet.payload.len()).ok()?;
        let octets = HEADER + packet.payload.len();
        let may_flood = packet.track == Track::In && packet.coding != Coding::Linear;
        let wanted = octets + if may_flood { RESERVE } else { 0 };
        // What is known of the other end's progress mostly suffices; asking costs a cache miss.
        if self.ring.cached_slots() < wanted && self.ring.slots() < wanted {
            return None;
        }
        let mut chunk = self.ring.write_chunk(octets).ok()?;
        let flags = [
            (packet.track == Track::Out, FLAG_OUT),
            (packet.coding == Coding::G711(Codec::Pcma), FLAG_PCMA),
            (packet.coding == Coding::Linear, FLAG_LINEAR),
            (packet.source_changed, FLAG_SOURCE_CHANGED),
        ];
        let mut header = [0; HEADER];
        header[0] = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum();
        header[2..4].copy_from_slice(&length.to_ne_bytes());
        header[4..8].copy_from_slice(&packet.timestamp.to_ne_bytes());
        // 149 h; a recording is shorter.
        header[8..12].copy_from_slice(&(at as u32).to_ne_bytes());
        let (first, second) = chunk.as_mut_slices();
        copy_across(first, second, 0, &header);
        copy_across(first, second, HEADER, packet.payload);
        chunk.commit_all();
        Some(())
    }
}

/// Copies `from` to `offset` within two slices that are one.
fn copy_across(first: &mut [u8], second: &mut [u8], offset: usize, from: &[u8]) {
    let in_first = first.len().saturating_sub(offset).min(from.len());
    let (head, tail) = from.split_at(in_first);
    if !head.is_empty() {
        first[offset..offset + in_first].copy_from_slice(head);
    }
    if !tail.is_empty() {
        let begin = (offset + in_first) - first.len();
        second[begin..begin + tail.len()].copy_from_slice(tail);
    }
}

impl RecorderTap for RingTap {
    fn begin(&mut self, now_ns: u64) {
        self.began_ns = now_ns.max(1);
        self.shared.began_ns.store(self.began_ns, Ordering::Release);
    }

    fn packet(&mut self, packet: &TapPacket<'_>) -> bool {
        let at = position(self.began_ns, packet.now_ns);
        self.latest_at = at;
        if self.put(packet, at).is_some() {
            return true;
        }
        // Only the worker writes it: no locked instruction is needed.
        let samples = packet.payload.len() / packet.coding.octets();
        let dropped = self.shared.dropped.load(Ordering::Relaxed) + samples as u64;
        self.shared.dropped.store(dropped, Ordering::Relaxed);
        // A ring that nobody empties fills up within a second or two; only then is it asked why.
        !self.is_over()
    }

    fn touch(&self) -> u64 {
        self.latest_at ^ self.ring.cached_slots() as u64
    }

    fn end(&mut self, now_ns: u64, end: TapEnd) {
        let at = if self.began_ns == 0 { 0 } else { position(self.began_ns, now_ns) };
        self.finish(at, end);
    }

    fn is_over(&self) -> bool {
        self.ring.is_abandoned()
    }
}

impl RingTap {
    fn finish(&mut self, at: u64, end: TapEnd) {
        self.shared.ended_at.store(at, Ordering::Relaxed);
        let end = match end {
            TapEnd::Stopped => 1,
            TapEnd::StreamClosed => 2,
            TapEnd::Busy => 3,
            TapEnd::NoPlace => 4,
        };
        self.shared.end.store(end, Ordering::Release);
    }
}

impl Drop for RingTap {
    fn drop(&mut self) {
        if self.shared.end.load(Ordering::Relaxed) == 0 {
            self.finish(self.latest_at, TapEnd::StreamClosed);
        }
    }
}

impl TapReader {
    /// When the recording began, if it has.
    pub(super) fn began_ns(&self) -> Option<u64> {
        Some(self.shared.began_ns.load(Ordering::Acquire)).filter(|began_ns| *began_ns > 0)
    }

    /// How the worker ended it, and at which position. Everything that came before is in the ring then.
    pub(super) fn end(&self) -> Option<(TapEnd, u64)> {
        let end = match self.shared.end.load(Ordering::Acquire) {
            0 => return None,
            1 => TapEnd::Stopped,
            2 => TapEnd::StreamClosed,
            3 => TapEnd::Busy,
            _ => TapEnd::NoPlace,
        };
        Some((end, self.shared.ended_at.load(Ordering::Relaxed)))
    }

    /// Samples that found no room so far.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Moves what is in the ring to `scratch`, whole records only.
    pub(super) fn take(&mut self, scratch: &mut Vec<u8>) {
        scratch.clear();
        let available = self.ring.slots();
        if let Ok(chunk) = self.ring.read_chunk(available) {
            let (first, second) = chunk.as_slices();
            scratch.extend_from_slice(first);
            scratch.extend_from_slice(second);
            chunk.commit_all();
        }
    }
}

/// The position of `now_ns` in a recording that began at `began_ns`.
pub(super) fn position_of(began_ns: u64, now_ns: u64) -> u64 {
    position(began_ns, now_ns)
}

/// The records in what [`TapReader::take`] has read.
pub(super) fn records(mut octets: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let (header, rest) = octets.split_first_chunk::<HEADER>()?;
        let word = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let length = usize::from(u16::from_ne_bytes([header[2], header[3]]));
        let (payload, rest) = rest.split_at_checked(length)?;
        octets = rest;
        let has = |flag: u8| header[0] & flag != 0;
        Some(Record {
            track: if has(FLAG_OUT) { Track::Out } else { Track::In },
            at: u64::from(word(8)),
            timestamp: word(4),
            source_changed: has(FLAG_SOURCE_CHANGED),
            coding: match () {
                () if has(FLAG_LINEAR) => Coding::Linear,
                () if has(FLAG_PCMA) => Coding::G711(Codec::Pcma),
                () => Coding::G711(Codec::Pcmu),
            },
            payload,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PCMA: Coding = Coding::G711(Codec::Pcma);

    fn packet(track: Track, now_ns: u64, payload: &[u8]) -> TapPacket<'_> {
        TapPacket { track, now_ns, timestamp: payload.len() as u32, source_changed: false, coding: PCMA, payload }
    }

    #[test]
    fn packets_come_out_as_they_went_in_wherever_the_ring_ends() {
        let (mut tap, mut reader) = pair(true);
        tap.begin(1_000);
        let (mut scratch, mut expected) = (Vec::new(), 0);
        for round in 0..600_u64 {
            let payload = vec![round as u8; (round % 481) as usize];
            tap.packet(&packet(Track::Out, 1_000 + round * SAMPLE_NS, &payload));
            if round % 7 == 6 {
                reader.take(&mut scratch);
                for record in records(&scratch) {
                    assert_eq!((record.at, record.timestamp as u64), (expected, expected % 481));
                    assert_eq!(record.payload, vec![expected as u8; (expected % 481) as usize]);
                    assert_eq!((record.track, record.coding, record.source_changed), (Track::Out, PCMA, false));
                    expected += 1;
                }
            }
        }
        assert_eq!((expected, reader.dropped()), (595, 0));
    }

    #[test]
    fn more_than_a_second_fits_and_what_does_not_is_counted() {
        let (mut tap, mut reader) = pair(true);
        tap.begin(1);
        for _ in 0..51 {
            tap.packet(&packet(Track::In, 1, &[1; 160]));
            tap.packet(&packet(Track::Out, 1, &[2; 160]));
        }
        assert_eq!(reader.dropped(), 0);
        for _ in 0..100 {
            tap.packet(&packet(Track::In, 1, &[1; 160]));
        }
        assert!(reader.dropped() > 9_000);
        let before = reader.dropped();
        for _ in 0..20 {
            tap.packet(&packet(Track::Out, 1, &[2; 160]));
        }
        assert_eq!(reader.dropped(), before, "what is sent has room whatever arrives");
        let mut scratch = Vec::new();
        reader.take(&mut scratch);
        assert_eq!(records(&scratch).filter(|record| record.track == Track::Out).count(), 71);
    }

    #[test]
    fn the_end_is_seen_once_all_is_in_the_ring_and_a_dropped_tap_ends_too() {
        let (mut tap, reader) = pair(true);
        assert_eq!((reader.began_ns(), reader.end()), (None, None));
        tap.begin(5);
        tap.end(5 + 80 * SAMPLE_NS, TapEnd::Stopped);
        drop(tap);
        assert_eq!((reader.began_ns(), reader.end()), (Some(5), Some((TapEnd::Stopped, 80))));
        let (mut tap, reader) = pair(true);
        tap.begin(5);
        tap.packet(&packet(Track::In, 5 + 7 * SAMPLE_NS, &[1; 160]));
        drop(tap);
        assert_eq!(reader.end(), Some((TapEnd::StreamClosed, 7)));
        let (tap, reader) = pair(false);
        assert!(!tap.is_over());
        drop(reader);
        assert!(tap.is_over());
    }
}
