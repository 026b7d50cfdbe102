//! The sound of one call: what goes out frame by frame, and the checks on what comes in.

use std::net::SocketAddr;

use crate::args::Mode;
use crate::plan::Plan;
use crate::ports::PortPair;
use crate::room::{RoomCheck, Rooms};
use crate::rtp::digits::{Digits, Frame};
use crate::rtp::echo_check::{EchoCheck, Verdict};
use crate::rtp::g711;
use crate::rtp::mark::Mark;
use crate::rtp::packet::{FRAME, HEADER, Header};
use crate::rtp::stream_check::StreamCheck;
use crate::rtp::tone::{Tone, is_sound};
use crate::sabotage::{Kind as Sabotaged, Tamper};
use crate::sip::sdp::EVENT_PAYLOAD_TYPE;
use crate::stats::{MediaStats, Stats};
use crate::sys::{self, Arrival};

/// Frames with the tone that make it heard: 200 ms.
pub(crate) const TONE_FRAMES: u64 = 10;

/// One call's RTP.
#[derive(Debug)]
pub(crate) struct Media {
    /// Gone once the call is over and its late packets are no longer awaited.
    pub pair: Option<PortPair>,
    /// Where our RTP goes; not known before the answer.
    pub remote: Option<SocketAddr>,
    pub event_payload_type: Option<u8>,
    pub digits: Digits,
    /// CLOCK_REALTIME at which the kernel had the answer, for the times to the first packet and the first sound.
    pub answered_ns: u64,
    pub tamper: Tamper,
    /// What this call received and heard.
    pub received: u64,
    pub sound_frames: u64,
    pub tone_frames: u64,
    call: u32,
    run: u64,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    /// Marked frames sent.
    frames: u32,
    /// The next packet begins a talkspurt: it is the first, or frames were left out before it (RFC 3551 §4.1).
    marker_due: bool,
    echo: EchoCheck,
    pub room: RoomCheck,
    /// All calls are up: what is heard of the room is judged.
    pub room_is_full: bool,
    stream: StreamCheck,
    /// An event came; the next audio is as good as a new talkspurt.
    after_event: bool,
    /// CLOCK_REALTIME of the last digit's end.
    digits_ended_ns: Option<u64>,
}

impl Media {
    pub(crate) fn new(plan: &Plan, call: u32, pair: PortPair) -> Media {
        // Spreads the call's number over sequence, timestamp and SSRC, which must differ from call to call (RFC 3550 §5.1).
        let seed = (plan.run ^ u64::from(call)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Media {
            pair: Some(pair),
            remote: None,
            event_payload_type: None,
            digits: Digits::default(),
            answered_ns: 0,
            tamper: Tamper::default(),
            received: 0,
            sound_frames: 0,
            tone_frames: 0,
            call,
            run: plan.run,
            sequence: seed as u16,
            timestamp: (seed >> 8) as u32,
            ssrc: (seed >> 32) as u32,
            frames: 0,
            marker_due: true,
            echo: EchoCheck::new(plan.run, call),
            room: RoomCheck::default(),
            room_is_full: false,
            stream: StreamCheck::default(),
            after_event: false,
            digits_ended_ns: None,
        }
    }

    /// Sends the packet of this frame period.
    pub(crate) fn send_frame(&mut self, plan: &Plan, media: &mut MediaStats) -> SentFrame {
        let (Some(pair), Some(remote)) = (&self.pair, self.remote) else { return SentFrame::Refused };
        let mut packet = [0; HEADER + FRAME];
        let mut header = Header {
            marker: self.marker_due,
            payload_type: plan.codec.payload_type(),
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let mut length = HEADER + FRAME;
        let mut outcome = SentFrame::Sent;
        let sent_ns = sys::realtime_ns();
        match (self.digits.next_frame(), self.event_payload_type) {
            (Frame::Event { payload, marker, began_ago, last_of_all }, Some(event_type)) => {
                header.payload_type = event_type;
                header.marker = marker;
                header.timestamp = header.timestamp.wrapping_sub(began_ago);
                length = HEADER + payload.len();
                packet[HEADER..length].copy_from_slice(&payload);
                if last_of_all {
                    self.digits_ended_ns = Some(sent_ns);
                    outcome = SentFrame::DigitsEnded;
                }
            }
            _ if plan.mode == Mode::Echo => {
                let payload =
                    (&mut packet[HEADER..]).try_into().expect("the packet has a whole frame after its header");
                Mark { run: self.run, call: self.call, frame: self.frames, sent_ns }.write(payload);
            }
            _ => match self.tone_to_send(plan) {
                Some((rooms, tone)) => packet[HEADER..].copy_from_slice(rooms.frame(tone, self.frames)),
                None => packet[HEADER..].fill(plan.codec.silence()),
            },
        }
        header.write(&mut packet);
        // The timestamp is that of the frame period, sent or not; everything else counts packets.
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        if pair.rtp.send_to(&packet[..length], remote).is_err() {
            return SentFrame::Refused;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.marker_due = false;
        self.frames += 1;
        media.sent += 1;
        outcome
    }

    fn tone_to_send<'a>(&self, plan: &'a Plan) -> Option<(&'a Rooms, usize)> {
        let rooms = plan.rooms.as_ref()?;
        let muted = plan.is_sabotaged(Sabotaged::MuteTalker) && rooms.is_first(self.call);
        rooms.tone_of(self.call).filter(|_| !muted).map(|tone| (rooms, tone))
    }

    /// Time passes without a packet.
    pub(crate) fn skip_frames(&mut self, count: u64) {
        self.marker_due = true;
        self.timestamp = self.timestamp.wrapping_add((count as u32).wrapping_mul(FRAME as u32));
    }

    /// Checks one received datagram.
    pub(crate) fn take(
        &mut self,
        plan: &Plan,
        tone: Option<&Tone>,
        packet: &[u8],
        arrival: Arrival,
        stats: &mut Stats,
    ) {
        let media = &mut stats.media;
        media.received += 1;
        let Some((mut header, payload)) = Header::read(packet) else {
            media.malformed += 1;
            return;
        };
        if self.remote.is_some_and(|remote| remote != arrival.from) {
            media.foreign_source += 1;
            return;
        }
        if self.received == 0 && self.answered_ns > 0 {
            media.first_packet.add(arrival.kernel_ns.saturating_sub(self.answered_ns));
        }
        self.received += 1;
        if header.payload_type == EVENT_PAYLOAD_TYPE {
            media.events += 1;
            header.marker = true;
            self.after_event = true;
            self.stream.take(&header, arrival.kernel_ns, media);
            return;
        }
        if header.payload_type != plan.codec.payload_type() {
            media.wrong_payload_type += 1;
            return;
        }
        let payload = &packet[payload];
        if payload.len() != FRAME {
            media.malformed += 1;
        }
        header.marker |= std::mem::take(&mut self.after_event);
        self.stream.take(&header, arrival.kernel_ns, media);
        match (plan.mode, &plan.rooms) {
            (Mode::Echo, _) => self.judge(payload, arrival, media),
            (Mode::Room, Some(rooms)) if self.room_is_full => {
                self.room.take(rooms, self.call, plan.codec, header.sequence, payload, &mut stats.room);
            }
            (Mode::Room, Some(rooms)) => self.room.interrupt(rooms, self.call),
            _ => self.listen(plan, tone, payload, arrival, media),
        }
    }

    /// Puts another sound into a received frame, where the sabotage is of that kind.
    pub(crate) fn sabotage_room(&self, plan: &Plan, packet: &mut [u8]) {
        let (Some(rooms), Some(payload)) = (&plan.rooms, packet.get_mut(HEADER..)) else { return };
        let codec = plan.codec;
        let tone = match plan.sabotage.map(|sabotage| sabotage.description.kind) {
            Some(Sabotaged::OwnVoice) => rooms.tone_of(self.call),
            Some(Sabotaged::Stranger) => rooms.tone_of_nobody(self.call),
            Some(Sabotaged::Louder) => {
                for octet in payload {
                    *octet = codec.encode(codec.decode(*octet).saturating_mul(2));
                }
                return;
            }
            _ => return,
        };
        let Some(tone) = tone else { return };
        let frame = u32::from(u16::from_be_bytes([packet[2], packet[3]]));
        for (octet, other) in packet[HEADER..].iter_mut().zip(rooms.frame(tone, frame)) {
            *octet = codec.encode(codec.decode(*octet).saturating_add(codec.decode(*other)));
        }
    }

    fn judge(&mut self, payload: &[u8], arrival: Arrival, media: &mut MediaStats) {
        match self.echo.judge(payload) {
            Verdict::Returned { sent_ns, reordered } => {
                media.returned += 1;
                media.reordered += u64::from(reordered);
                media.echo_delay.add(arrival.kernel_ns.saturating_sub(sent_ns));
            }
            Verdict::Duplicate => media.duplicates += 1,
            Verdict::Foreign { .. } => media.foreign += 1,
            Verdict::Silence => media.silence += 1,
            Verdict::Altered => media.altered += 1,
        }
    }

    fn listen(&mut self, plan: &Plan, tone: Option<&Tone>, payload: &[u8], arrival: Arrival, media: &mut MediaStats) {
        let silent = if plan.mode == Mode::Talk { !is_sound(payload, plan.codec) } else { g711::is_silence(payload) };
        if silent {
            media.silence += 1;
            return;
        }
        if self.sound_frames == 0 && plan.mode == Mode::Talk {
            media.first_sound.add(arrival.kernel_ns.saturating_sub(self.answered_ns));
        }
        self.sound_frames += 1;
        // In a menu the tone must follow the digits; what sounds before is the menu itself.
        let since_digits_ns = match (plan.mode, self.digits_ended_ns) {
            (Mode::Menu, Some(ended_ns)) => Some(arrival.kernel_ns.saturating_sub(ended_ns)),
            (Mode::Menu, None) => return,
            _ => None,
        };
        if tone.is_some_and(|tone| tone.is_in(payload, plan.codec)) {
            if self.tone_frames == 0
                && let Some(since_ns) = since_digits_ns
            {
                media.tone_delay.add(since_ns);
            }
            self.tone_frames += 1;
            media.tone_frames += 1;
        }
    }

    /// The call is over: what did not come back by now is lost.
    pub(crate) fn settle(&self, plan: &Plan, media: &mut MediaStats) {
        let drops = self.pair.as_ref().map_or(0, |pair| sys::kernel_drops(&pair.rtp));
        media.kernel_dropped += drops;
        if plan.mode == Mode::Echo {
            let sent = u64::from(self.frames);
            let lost = sent.saturating_sub(self.echo.returned());
            media.lost += lost;
            media.lost_by_server += lost.saturating_sub(drops);
            media.lost_at_start += self.echo.before_the_first(sent);
        }
    }
}

/// What became of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SentFrame {
    Sent,
    /// Sent, and with it the last digit ended.
    DigitsEnded,
    /// The kernel did not take it, or there was nowhere to send it.
    Refused,
}
