//! What a stream knows of the source it hears: sequence, jitter, totals.

use crate::StreamStats;
use crate::rtcp::ReportBlock;
use crate::rtp::{Arrival, InterarrivalJitter, SequenceTracker};

/// RTP clock ticks are 125 µs at 8 kHz.
const NS_PER_SAMPLE: u64 = 125_000;

/// The receiving half of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receiver {
    tracker: Option<SequenceTracker>,
    jitter: InterarrivalJitter,
    packets: u64,
    octets: u64,
    discarded: u64,
    /// Of sources that were heard before.
    lost_before: i64,
    packets_at_report: u64,
}

impl Receiver {
    /// Reads what a packet changes (see [`super::Stream::touch`]).
    pub(crate) fn touch(&self) -> u64 {
        u64::from(self.highest()) ^ self.packets ^ self.packets_at_report
    }

    /// A new source is heard; its first packet has this number.
    pub(crate) fn begin(&mut self, first: u16) -> Arrival {
        if let Some(old) = self.tracker.take() {
            self.lost_before += old.lost();
        }
        let tracker = SequenceTracker::new(first);
        let arrival = tracker.first();
        self.tracker = Some(tracker);
        self.jitter.forget_transit();
        arrival
    }

    /// A packet of the source that is heard.
    #[inline]
    pub(crate) fn arrived(&mut self, sequence: u16) -> Arrival {
        match &mut self.tracker {
            Some(tracker) => tracker.arrived(sequence),
            None => self.begin(sequence),
        }
    }

    /// The newest sequence number; meaningless before `begin`.
    pub(crate) fn highest(&self) -> u16 {
        self.tracker.as_ref().map_or(0, SequenceTracker::highest)
    }

    pub(crate) fn accept(&mut self, payload_octets: usize) {
        self.packets += 1;
        self.octets += payload_octets as u64;
    }

    pub(crate) fn discard(&mut self) {
        self.discarded += 1;
    }

    /// Audio only: the timestamps of telephone events stand still.
    #[inline]
    pub(crate) fn time(&mut self, now_ns: u64, timestamp: u32) {
        self.jitter.arrived((now_ns / NS_PER_SAMPLE) as u32, timestamp);
    }

    /// Timestamps of the source begin anew.
    pub(crate) fn forget_transit(&mut self) {
        self.jitter.forget_transit();
    }

    /// RFC 3550 §6.4: a report block for the source if it was heard since the last report.
    pub(crate) fn report(&mut self, ssrc: u32) -> Option<ReportBlock> {
        let tracker = self.tracker.as_mut()?;
        if self.packets == self.packets_at_report {
            return None;
        }
        self.packets_at_report = self.packets;
        Some(ReportBlock {
            ssrc,
            fraction_lost: tracker.fraction_lost(),
            // 24 bits, signed.
            cumulative_lost: tracker.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            extended_highest: tracker.extended_highest(),
            jitter: self.jitter.samples(),
            last_sr: 0,
            delay_since_last_sr: 0,
        })
    }

    pub(crate) fn fill(&self, stats: &mut StreamStats) {
        stats.received_packets = self.packets;
        stats.received_octets = self.octets;
        stats.lost_packets = self.lost_before + self.tracker.as_ref().map_or(0, SequenceTracker::lost);
        stats.discarded_packets = self.discarded;
        stats.jitter_samples = self.jitter.samples();
    }
}
