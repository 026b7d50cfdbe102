//! The recording of a room: the sum of all who talk, once in each tick, before it is encoded for anybody.

use base::RecordingId;

use super::ROOM_FRAME;
use crate::recording::{Coding, RecorderTap, TapEnd, TapPacket, Track};

/// A sample takes so long, ns.
const SAMPLE_NS: u64 = 125_000;

/// A recording that runs, or has ended by itself and was not taken away yet.
#[derive(Debug)]
pub(crate) struct RoomRecording {
    pub(crate) id: RecordingId,
    tap: Box<dyn RecorderTap>,
    began_ns: u64,
}

impl RoomRecording {
    /// Begins with the tick that is due at `due_ns`.
    pub(crate) fn begin(id: RecordingId, mut tap: Box<dyn RecorderTap>, due_ns: u64) -> RoomRecording {
        tap.begin(due_ns);
        RoomRecording { id, tap, began_ns: due_ns }
    }

    /// Whether it has ended by itself.
    pub(crate) fn is_over(&self) -> bool {
        self.tap.is_over()
    }

    /// The mix of the tick that is due at `tick_ns`; what ticks that were left out would have brought is a gap. False: nobody
    /// takes it.
    pub(crate) fn take(&mut self, tick_ns: u64, mix: &[i16; ROOM_FRAME]) -> bool {
        let mut payload = [0; ROOM_FRAME * 2];
        for (place, sample) in payload.as_chunks_mut().0.iter_mut().zip(mix) {
            *place = sample.to_le_bytes();
        }
        self.tap.packet(&TapPacket {
            track: Track::In,
            now_ns: tick_ns,
            // Like one of RTP: it turns over, and only differences count.
            timestamp: (tick_ns.saturating_sub(self.began_ns) / SAMPLE_NS) as u32,
            source_changed: false,
            coding: Coding::Linear,
            payload: &payload,
        })
    }

    /// Ends it; what is left must be freed elsewhere.
    pub(crate) fn end(mut self, now_ns: u64, end: TapEnd) -> Box<dyn RecorderTap> {
        self.tap.end(now_ns, end);
        self.tap
    }

    /// What is left of one that has ended by itself.
    pub(crate) fn into_tap(self) -> Box<dyn RecorderTap> {
        self.tap
    }
}
