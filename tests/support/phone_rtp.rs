//! The RTP half of a scripted phone: it speaks a sine, presses keys, and keeps every packet that it hears.

use std::f64::consts::TAU;
use std::net::SocketAddr;

use base::MS;

/// One received RTP packet.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When it arrived.
    pub at_ns: u64,
    /// Payload type.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// The RTP half.
#[derive(Clone, Debug)]
pub(crate) struct PhoneRtp {
    pub(crate) address: SocketAddr,
    pub(crate) remote: Option<SocketAddr>,
    /// The sine that the phone speaks; none: it sends nothing.
    pub(crate) tone_hz: Option<f64>,
    pub(crate) heard: Vec<Heard>,
    pub(crate) heard_rtcp: u32,
    pub(crate) next_frame_ns: Option<u64>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    samples: u64,
}

const FRAME: usize = 160;

impl PhoneRtp {
    pub(crate) fn new(address: SocketAddr, ssrc: u32) -> PhoneRtp {
        PhoneRtp {
            address,
            remote: None,
            tone_hz: None,
            heard: Vec::new(),
            heard_rtcp: 0,
            next_frame_ns: None,
            ssrc,
            sequence: 1000,
            timestamp: 50_000,
            samples: 0,
        }
    }

    /// The next 20 ms of what the phone says.
    pub(crate) fn frame(&mut self, now_ns: u64) -> Option<Vec<u8>> {
        let hz = self.tone_hz?;
        let mut packet = self.header(0, false);
        for i in 0..FRAME {
            let phase = TAU * hz * (self.samples + i as u64) as f64 / 8000.0;
            packet.push(media_core::codec::g711::encode_ulaw((phase.sin() * 8000.0) as i16));
        }
        self.samples += FRAME as u64;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        self.next_frame_ns = Some(now_ns + 20 * MS);
        Some(packet)
    }

    /// The packets of one key press (RFC 4733 §2.5): when each goes out, ns from now. `ends` of the three end packets are
    /// sent, so 0 shows what happens when all of them are lost.
    pub(crate) fn key_press(&mut self, key: char, payload_type: u8, held_ms: u64, ends: usize) -> Vec<(u64, Vec<u8>)> {
        let event = "0123456789*#ABCD".find(key).expect("a DTMF key") as u8;
        let mut packets = Vec::new();
        let steps = (held_ms / 20).max(1);
        let timestamp = self.timestamp;
        for step in 1..=steps {
            packets.push((step * 20 * MS, self.event_packet(event, payload_type, step == 1, false, step * 160)));
        }
        for _ in 0..ends {
            packets.push((steps * 20 * MS + MS, self.event_packet(event, payload_type, false, true, steps * 160)));
        }
        self.timestamp = timestamp.wrapping_add(steps as u32 * 160 + 160);
        packets
    }

    fn event_packet(&mut self, event: u8, payload_type: u8, marker: bool, end: bool, duration: u64) -> Vec<u8> {
        let mut packet = self.header(payload_type, marker);
        packet.extend([event, if end { 0x8a } else { 0x0a }, (duration >> 8) as u8, duration as u8]);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }

    fn header(&self, payload_type: u8, marker: bool) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet
    }

    /// Whether a datagram to `address` reaches this phone's RTP or RTCP port.
    pub(crate) fn is_at(&self, address: SocketAddr) -> bool {
        address.ip() == self.address.ip() && (address.port() & !1) == self.address.port()
    }

    pub(crate) fn receive(&mut self, at_ns: u64, packet: &[u8]) {
        assert!(packet.len() >= 12 && packet[0] == 0x80, "the server sends plain RTP headers: {packet:02x?}");
        self.heard.push(Heard {
            at_ns,
            payload_type: packet[1] & 0x7f,
            marker: packet[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
            ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]),
            payload: packet[12..].to_vec(),
        });
    }

    /// Share of the power at `hz` in what was heard since `since_ns`, 0 to 1; 0 when nothing was heard.
    pub(crate) fn share_of(&self, hz: f64, since_ns: u64) -> f64 {
        share(hz, self.heard.iter().filter(|packet| packet.at_ns >= since_ns))
    }

    /// The same for all packets that are not silent.
    pub(crate) fn share_of_sound(&self, hz: f64) -> f64 {
        let silent = |packet: &&Heard| packet.payload.iter().all(|octet| matches!(octet, 0xff | 0xd5));
        share(hz, self.heard.iter().filter(|packet| !silent(packet)))
    }
}

/// Correlation with a sine and a cosine of `hz`, as a share of the whole power.
fn share<'a>(hz: f64, packets: impl Iterator<Item = &'a Heard>) -> f64 {
    let samples: Vec<f64> = packets
        .filter(|packet| matches!(packet.payload_type, 0 | 8))
        .flat_map(|packet| {
            packet.payload.iter().map(|&octet| match packet.payload_type {
                0 => f64::from(media_core::codec::g711::decode_ulaw(octet)),
                _ => f64::from(media_core::codec::g711::decode_alaw(octet)),
            })
        })
        .collect();
    let total: f64 = samples.iter().map(|sample| sample * sample).sum();
    // A mean below 64 of 32767 is silence.
    if samples.is_empty() || total / (samples.len() as f64) < 64.0 * 64.0 {
        return 0.0;
    }
    let (mut re, mut im) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let phase = TAU * hz * i as f64 / 8000.0;
        re += sample * phase.cos();
        im += sample * phase.sin();
    }
    2.0 * (re * re + im * im) / (samples.len() as f64 * total)
}
