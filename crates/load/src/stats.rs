//! Every figure of a run. Each thread counts for itself; the sums are made at the end. The names here are the names in the
//! JSON report and in `--require`.

use serde::Serialize;

use crate::failure::FailureLog;
use crate::histogram::Histogram;

/// What one thread, or all together, counted.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Stats {
    pub calls: CallStats,
    pub sip: SipStats,
    pub media: MediaStats,
    pub room: RoomStats,
    pub own: OwnStats,
    pub failures: FailureLog,
}

/// Calls by outcome.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct CallStats {
    /// INVITE sent (or stream begun, without SIP).
    pub started: u64,
    /// 200 received.
    pub answered: u64,
    /// Ended as planned.
    pub completed: u64,
    /// With at least one failure.
    pub failed: u64,
    /// Ended with the run before their time: not asked what they heard.
    pub cut_short: u64,
}

/// The signalling.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SipStats {
    /// First INVITE sent until the kernel had the 200.
    pub setup: Histogram,
    /// First INVITE sent until the kernel had the first response of any kind.
    pub first_response: Histogram,
    /// First BYE sent until the kernel had its 200.
    pub bye: Histogram,
    /// INVITEs sent again (Timer A).
    pub invite_repeated: u64,
    /// BYEs sent again (Timer E).
    pub bye_repeated: u64,
    /// CANCELs sent, repetitions not counted.
    pub cancelled: u64,
    /// 200s that came again after our ACK.
    pub answer_repeated: u64,
    /// BYEs of the far end, each once.
    pub server_byes: u64,
    /// BYEs of the far end that came again.
    pub server_bye_repeated: u64,
    /// Requests of the far end other than BYE and ACK.
    pub other_requests: u64,
    /// Messages of no call of this run.
    pub strays: u64,
    /// Datagrams that are no SIP message.
    pub malformed: u64,
    /// Datagrams that the kernel dropped on our signalling sockets.
    pub kernel_dropped: u64,
}

/// The sound.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct MediaStats {
    /// RTP packets sent.
    pub sent: u64,
    /// RTP packets received during calls.
    pub received: u64,
    /// Different marked frames that came back (echo).
    pub returned: u64,
    /// Frames sent that never came back (echo), or missing sequence numbers (else).
    pub lost: u64,
    /// Of `lost`: dropped by the kernel on our own sockets.
    pub kernel_dropped: u64,
    /// Of `lost`: the rest, which the far end lost.
    pub lost_by_server: u64,
    /// Of `lost`: sent before the first frame came back.
    pub lost_at_start: u64,
    /// Marked frames that came back again.
    pub duplicates: u64,
    /// Marked frames that came back after one that was sent later.
    pub reordered: u64,
    /// Payloads that are neither silence nor a sound mark.
    pub altered: u64,
    /// Sound marks of another call or run.
    pub foreign: u64,
    /// Packets from an address that is not the negotiated one.
    pub foreign_source: u64,
    /// Datagrams that are not RTP.
    pub malformed: u64,
    /// Packets of a payload type that was not negotiated.
    pub wrong_payload_type: u64,
    /// Frames of nothing but silence.
    pub silence: u64,
    /// The SSRC became another one.
    pub ssrc_changes: u64,
    /// Sequence numbers that never came.
    pub sequence_gaps: u64,
    /// Steps of the sequence number too large to be loss.
    pub sequence_jumps: u64,
    /// Sequence numbers that came late.
    pub sequence_late: u64,
    /// Sequence numbers that came again.
    pub sequence_duplicates: u64,
    /// Timestamps that do not follow from the one before.
    pub timestamp_errors: u64,
    /// Markers after the first packet.
    pub talkspurts: u64,
    /// Packets that came within 20 ± 5 ms of the one before.
    pub on_time: u64,
    /// Share of `on_time` among those that could be judged.
    pub on_time_percent: f64,
    /// Time between one packet and the next.
    pub interarrival: Histogram,
    /// Frame sent until the kernel had it back (echo).
    pub echo_delay: Histogram,
    /// 200 received until the kernel had the first RTP packet.
    pub first_packet: Histogram,
    /// 200 received until the kernel had the first packet that is not silent (talk).
    pub first_sound: Histogram,
    /// Last digit ended until the first frame with the tone.
    pub tone_delay: Histogram,
    /// Frames that had the wanted tone.
    pub tone_frames: u64,
    /// RTCP packets received.
    pub rtcp: u64,
    /// Telephone events and other negotiated payloads that are not audio.
    pub events: u64,
    /// Packets that came after the call's end.
    pub after_end: u64,
}

/// What was heard of conferences while all calls were up.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RoomStats {
    /// Windows of 200 ms that were judged.
    pub windows: u64,
    /// Tones in them of others who talk, each at its level.
    pub heard: u64,
    /// Tones of others who talk that were not in them.
    pub missing: u64,
    /// Tones of others who talk that were much too low or too loud.
    pub off_level: u64,
    /// The call's own tone.
    pub own: u64,
    /// Tones of nobody who talks in this room.
    pub uninvited: u64,
    /// Frames of silence while others talk.
    pub holes: u64,
}

/// How well the caller itself kept up.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct OwnStats {
    /// RTP packets sent more than 5 ms later than planned.
    pub generator_late: u64,
    /// Their share of all planned.
    pub generator_late_percent: f64,
    /// How much later than planned each packet was sent.
    pub lateness: Histogram,
    /// Frames left out because the caller was behind by more than 200 ms.
    pub frames_skipped: u64,
    /// Sends that the kernel refused.
    pub send_errors: u64,
    /// Time for which more calls were wanted than `--calls` allows, in seconds summed over threads.
    pub held_back_s: f64,
    /// The largest share of one processor that one thread used.
    pub busiest_thread_percent: f64,
}

macro_rules! add_fields {
    ($mine:expr, $theirs:expr, $($field:ident),+) => { $( $mine.$field += $theirs.$field; )+ };
}
macro_rules! merge_fields {
    ($mine:expr, $theirs:expr, $($field:ident),+) => { $( $mine.$field.merge(&$theirs.$field); )+ };
}

impl Stats {
    /// Adds what another thread counted.
    pub(crate) fn merge(&mut self, other: &Stats) {
        let (mine, theirs) = (&mut self.calls, &other.calls);
        add_fields!(mine, theirs, started, answered, completed, failed, cut_short);
        let (mine, theirs) = (&mut self.sip, &other.sip);
        merge_fields!(mine, theirs, setup, first_response, bye);
        add_fields!(
            mine,
            theirs,
            invite_repeated,
            bye_repeated,
            cancelled,
            answer_repeated,
            server_byes,
            server_bye_repeated,
            other_requests,
            strays,
            malformed,
            kernel_dropped
        );
        let (mine, theirs) = (&mut self.media, &other.media);
        merge_fields!(mine, theirs, interarrival, echo_delay, first_packet, first_sound, tone_delay);
        add_fields!(
            mine,
            theirs,
            sent,
            received,
            returned,
            lost,
            kernel_dropped,
            lost_by_server,
            lost_at_start,
            duplicates,
            reordered,
            altered,
            foreign,
            foreign_source,
            malformed,
            wrong_payload_type,
            silence,
            ssrc_changes,
            sequence_gaps,
            sequence_jumps,
            sequence_late,
            sequence_duplicates,
            timestamp_errors,
            talkspurts,
            on_time,
            tone_frames,
            rtcp,
            events,
            after_end
        );
        let (mine, theirs) = (&mut self.room, &other.room);
        add_fields!(mine, theirs, windows, heard, missing, off_level, own, uninvited, holes);
        let (mine, theirs) = (&mut self.own, &other.own);
        merge_fields!(mine, theirs, lateness);
        add_fields!(mine, theirs, generator_late, frames_skipped, send_errors, held_back_s);
        mine.busiest_thread_percent = mine.busiest_thread_percent.max(theirs.busiest_thread_percent);
        self.failures.merge(&other.failures);
        self.shares();
    }

    fn shares(&mut self) {
        self.media.on_time_percent = percent(self.media.on_time, self.media.interarrival.count());
        self.own.generator_late_percent = percent(self.own.generator_late, self.own.lateness.count());
    }
}

/// 100 of nothing when nothing could be judged would praise silence: it is 0.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_loses_no_counter() {
        // `all_ones` names every field, so that one that was added but forgotten in `merge` is found.
        let mut sum = Stats::default();
        let ones = all_ones();
        sum.merge(&ones);
        sum.merge(&ones);
        let value = serde_json::to_value(&sum).unwrap();
        for section in ["calls", "sip", "media", "room", "own"] {
            for (name, figure) in value[section].as_object().unwrap() {
                let merged = match figure {
                    serde_json::Value::Number(number) => number.as_f64().unwrap(),
                    other => other["count"].as_f64().unwrap(),
                };
                let expected = match name.as_str() {
                    "on_time_percent" | "generator_late_percent" => 100.0,
                    "busiest_thread_percent" => 1.0,
                    _ => 2.0,
                };
                assert_eq!(merged, expected, "{section}.{name}");
            }
        }
    }

    fn all_ones() -> Stats {
        let mut h = Histogram::default();
        h.add(1);
        Stats {
            calls: CallStats { started: 1, answered: 1, completed: 1, failed: 1, cut_short: 1 },
            sip: SipStats {
                setup: h.clone(),
                first_response: h.clone(),
                bye: h.clone(),
                invite_repeated: 1,
                bye_repeated: 1,
                cancelled: 1,
                answer_repeated: 1,
                server_byes: 1,
                server_bye_repeated: 1,
                other_requests: 1,
                strays: 1,
                malformed: 1,
                kernel_dropped: 1,
            },
            media: MediaStats {
                sent: 1,
                received: 1,
                returned: 1,
                lost: 1,
                kernel_dropped: 1,
                lost_by_server: 1,
                lost_at_start: 1,
                duplicates: 1,
                reordered: 1,
                altered: 1,
                foreign: 1,
                foreign_source: 1,
                malformed: 1,
                wrong_payload_type: 1,
                silence: 1,
                ssrc_changes: 1,
                sequence_gaps: 1,
                sequence_jumps: 1,
                sequence_late: 1,
                sequence_duplicates: 1,
                timestamp_errors: 1,
                talkspurts: 1,
                on_time: 1,
                on_time_percent: 0.0,
                interarrival: h.clone(),
                echo_delay: h.clone(),
                first_packet: h.clone(),
                first_sound: h.clone(),
                tone_delay: h.clone(),
                tone_frames: 1,
                rtcp: 1,
                events: 1,
                after_end: 1,
            },
            room: RoomStats { windows: 1, heard: 1, missing: 1, off_level: 1, own: 1, uninvited: 1, holes: 1 },
            own: OwnStats {
                generator_late: 1,
                generator_late_percent: 0.0,
                lateness: h,
                frames_skipped: 1,
                send_errors: 1,
                held_back_s: 1.0,
                busiest_thread_percent: 1.0,
            },
            failures: FailureLog::default(),
        }
    }
}
