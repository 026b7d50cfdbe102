//! The recording of a stream: what goes past is handed to a tap as it is.

use base::RecordingId;

use super::Stream;
use super::context::Context;
use super::sender::Outgoing;
use crate::recording::{Coding, RecorderTap, TapEnd, TapPacket, Track};
use crate::rtp::{Header, Packet};
use crate::{Codec, WorkerIo};

/// A recording that runs, or has ended by itself and was not taken away yet.
#[derive(Debug)]
pub(crate) struct Recording {
    id: RecordingId,
    tap: Box<dyn RecorderTap>,
    /// The next packet that arrives is of another source than the one before.
    source_changed: bool,
}

impl Recording {
    pub(super) fn touch(&self) -> u64 {
        self.tap.touch()
    }
}

impl Stream {
    pub(crate) fn start_recording<Io: WorkerIo>(
        &mut self,
        cx: &mut Context<'_, Io>,
        id: RecordingId,
        mut tap: Box<dyn RecorderTap>,
    ) {
        if self.recording.as_ref().is_some_and(|running| !running.tap.is_over()) {
            cx.counters.recordings_refused += 1;
            tap.end(cx.now_ns, TapEnd::Busy);
            return cx.retire_tap(tap);
        }
        tap.begin(cx.now_ns);
        let ended = self.recording.replace(Recording { id, tap, source_changed: false });
        if let Some(ended) = ended {
            cx.retire_tap(ended.tap);
        }
    }

    pub(crate) fn stop_recording<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, id: RecordingId) {
        if self.recording.as_ref().is_some_and(|running| running.id == id) {
            self.end_recording(cx, TapEnd::Stopped);
        }
    }

    pub(super) fn end_recording<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, end: TapEnd) {
        if let Some(mut ended) = self.recording.take() {
            ended.tap.end(cx.now_ns, end);
            cx.retire_tap(ended.tap);
        }
    }

    /// What the party says comes from another source, or with other timestamps, from the next packet on.
    pub(super) fn recording_source_changed(&mut self) {
        if let Some(recording) = &mut self.recording {
            recording.source_changed = true;
        }
    }

    /// A packet of audio that was accepted.
    #[inline]
    pub(super) fn record_received<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, packet: &Packet<'_>) {
        let Some(recording) = &mut self.recording else { return };
        let Some(codec) = self.settings.codec_of(packet.header.payload_type) else { return };
        let taken = recording.tap.packet(&TapPacket {
            track: Track::In,
            now_ns: cx.now_ns,
            timestamp: packet.header.timestamp,
            source_changed: std::mem::take(&mut recording.source_changed),
            coding: Coding::G711(codec),
            payload: packet.payload,
        });
        if !taken {
            self.drop_recording(cx);
        }
    }

    /// A packet of audio that was just sent: its payload stands in the context's datagram.
    #[inline]
    pub(super) fn record_sent<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, codec: Codec, sent: Outgoing) {
        let Some(recording) = &mut self.recording else { return };
        let taken = recording.tap.packet(&TapPacket {
            track: Track::Out,
            now_ns: cx.now_ns,
            timestamp: sent.timestamp,
            source_changed: false,
            coding: Coding::G711(codec),
            payload: &cx.datagram[Header::LENGTH..Header::LENGTH + sent.payload_octets],
        });
        if !taken {
            self.drop_recording(cx);
        }
    }

    /// It has ended by itself.
    #[cold]
    fn drop_recording<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) {
        if let Some(ended) = self.recording.take() {
            cx.retire_tap(ended.tap);
        }
    }
}
