//! Sabotage: the caller distorts what it sends or has received, so that it can be seen that the figure for it notices.

use std::fmt::Write as _;

use crate::args::{End, Mode};
use crate::require::Requirement;
use crate::rtp::mark::Mark;
use crate::rtp::packet::{FRAME, HEADER, Header};
use crate::sys::Arrival;

/// What is distorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    SwallowFrame,
    RepeatFrame,
    SwapFrames,
    AlterPayload,
    WrongCall,
    DelayFrame,
    UnsteadyFrames,
    ChangeSsrc,
    SkipSequence,
    RepeatSequence,
    JumpSequence,
    SwapSequence,
    JumpTimestamp,
    WrongPayloadType,
    ForeignSource,
    NotRtp,
    NoMedia,
    FullBuffer,
    LateSender,
    StallSender,
    Silence,
    MuteTalker,
    OwnVoice,
    Stranger,
    Louder,
    Hole,
    LateSound,
    LoseDigits,
    NoSuchNumber,
    LoseInvite,
    Drop200,
    LateAnswer,
    LoseAck,
    LoseBye,
    IgnoreBye,
    MissBye,
    NotSip,
    HogServer,
    GrowServer,
    LeakDescriptor,
}

/// A kind with everything a user has to know of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Description {
    pub kind: Kind,
    pub name: &'static str,
    pub about: &'static str,
    /// The figure that must notice, and the limit it must break unless the command line sets another.
    pub figure: &'static str,
    pub at_most: bool,
    pub limit: f64,
    /// What the run must be for it to make a difference.
    pub mode: Mode,
    pub end: End,
    /// Milliseconds, for the kinds that delay.
    pub default_ms: u64,
}

const fn echo(kind: Kind, name: &'static str, about: &'static str, figure: &'static str) -> Description {
    let (mode, end) = (Mode::Echo, End::Caller);
    Description { kind, name, about, figure, at_most: true, limit: 0.0, mode, end, default_ms: 0 }
}

const fn setup(kind: Kind, name: &'static str, about: &'static str, figure: &'static str) -> Description {
    Description { mode: Mode::Setup, ..echo(kind, name, about, figure) }
}

const fn room(kind: Kind, name: &'static str, about: &'static str, figure: &'static str) -> Description {
    Description { mode: Mode::Room, ..echo(kind, name, about, figure) }
}

/// All kinds.
pub(crate) const KINDS: &[Description] = &[
    echo(Kind::SwallowFrame, "swallow-frame", "one frame in ten is not looked at", "media.lost_by_server"),
    echo(Kind::RepeatFrame, "repeat-frame", "one frame in ten is looked at twice", "media.duplicates"),
    echo(Kind::SwapFrames, "swap-frames", "two frames in ten change places", "media.reordered"),
    echo(Kind::AlterPayload, "alter-payload", "one bit of one frame in ten is turned over", "media.altered"),
    echo(Kind::WrongCall, "wrong-call", "one frame in ten says that it is of another call", "media.foreign"),
    Description {
        limit: 3.0,
        default_ms: 10,
        ..echo(Kind::DelayFrame, "delay-frame", "every second frame comes =MS later", "media.echo_delay.p99_ms")
    },
    Description {
        at_most: false,
        limit: 99.0,
        default_ms: 10,
        ..echo(Kind::UnsteadyFrames, "unsteady-frames", "every second frame comes =MS later", "media.on_time_percent")
    },
    echo(Kind::ChangeSsrc, "change-ssrc", "the SSRC changes in mid-stream", "media.ssrc_changes"),
    echo(Kind::SkipSequence, "skip-sequence", "one sequence number is left out", "media.sequence_gaps"),
    echo(Kind::RepeatSequence, "repeat-sequence", "a packet comes again", "media.sequence_duplicates"),
    echo(Kind::JumpSequence, "jump-sequence", "the sequence number jumps by 10000", "media.sequence_jumps"),
    echo(Kind::SwapSequence, "swap-sequence", "two packets in ten change places", "media.sequence_late"),
    echo(Kind::JumpTimestamp, "jump-timestamp", "the timestamp jumps without a marker", "media.timestamp_errors"),
    echo(Kind::WrongPayloadType, "wrong-payload-type", "one packet in ten has type 77", "media.wrong_payload_type"),
    echo(Kind::ForeignSource, "foreign-source", "one packet in ten is from another port", "media.foreign_source"),
    echo(Kind::NotRtp, "not-rtp", "one packet in ten is of version 0", "media.malformed"),
    echo(Kind::NoMedia, "no-media", "nothing of what comes is looked at", "calls.failed"),
    echo(Kind::FullBuffer, "full-buffer", "tiny socket buffers that are read too seldom", "media.kernel_dropped"),
    Description {
        limit: 1.0,
        default_ms: 30,
        ..echo(Kind::LateSender, "late-sender", "each round of sending is =MS late", "own.generator_late_percent")
    },
    Description {
        default_ms: 400,
        ..echo(Kind::StallSender, "stall-sender", "now and then sending stops for =MS", "own.frames_skipped")
    },
    Description {
        mode: Mode::Menu,
        ..echo(Kind::Silence, "silence", "all that comes is silence instead", "calls.failed")
    },
    Description {
        mode: Mode::Menu,
        ..echo(Kind::LoseDigits, "lose-digits", "the digits are not sent", "calls.failed")
    },
    room(Kind::MuteTalker, "mute-talker", "the first of each room does not talk", "room.missing"),
    room(Kind::OwnVoice, "own-voice", "each hears itself", "room.own"),
    room(Kind::Stranger, "stranger", "each hears somebody else", "room.uninvited"),
    room(Kind::Louder, "louder", "all that comes is twice as loud", "room.off_level"),
    room(Kind::Hole, "hole", "one frame in ten is silent", "room.holes"),
    Description {
        mode: Mode::Talk,
        limit: 300.0,
        default_ms: 400,
        ..echo(Kind::LateSound, "late-sound", "each packet comes =MS later", "media.first_sound.p99_ms")
    },
    setup(Kind::NoSuchNumber, "no-such-number", "a user is called that does not exist", "calls.failed"),
    setup(Kind::LoseInvite, "lose-invite", "the first INVITE of each call is not sent", "sip.invite_repeated"),
    Description {
        limit: 50.0,
        ..setup(Kind::Drop200, "drop-200", "the first 200 of each call is not looked at", "sip.setup.p99_ms")
    },
    Description {
        limit: 50.0,
        default_ms: 100,
        ..setup(Kind::LateAnswer, "late-answer", "each 200 comes =MS later", "sip.setup.p99_ms")
    },
    setup(Kind::LoseAck, "lose-ack", "the first ACK of each call is not sent", "sip.answer_repeated"),
    setup(Kind::LoseBye, "lose-bye", "the first BYE of each call is not sent", "sip.bye_repeated"),
    Description {
        end: End::Server,
        ..setup(Kind::IgnoreBye, "ignore-bye", "the first BYE of each call gets no answer", "sip.server_bye_repeated")
    },
    Description {
        end: End::Server,
        ..setup(Kind::MissBye, "miss-bye", "the server's BYEs are not looked at", "calls.failed")
    },
    setup(Kind::NotSip, "not-sip", "one response of each call is cut short", "sip.malformed"),
    Description {
        limit: 5.0,
        ..echo(Kind::HogServer, "hog-server", "the server's time is said to be more", "server.cpu_ms_per_call_second")
    },
    Description {
        limit: 64.0,
        ..echo(Kind::GrowServer, "grow-server", "the server's memory is said to be more", "server.kib_per_call")
    },
    echo(Kind::LeakDescriptor, "leak-descriptor", "a descriptor is said to be left", "server.descriptors_left"),
];

/// The chosen kind and its amount.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sabotage {
    pub description: &'static Description,
    pub amount_ns: u64,
}

impl Sabotage {
    /// Reads `KIND` or `KIND=MS`.
    pub(crate) fn parse(text: &str) -> Result<Sabotage, String> {
        let (name, amount) = text.split_once('=').map_or((text, None), |(name, amount)| (name, Some(amount)));
        let description = KINDS.iter().find(|one| one.name == name);
        let description = description.ok_or_else(|| format!("no sabotage `{name}`: see --sabotage list"))?;
        let amount_ms = match amount {
            None => description.default_ms,
            Some(_) if description.default_ms == 0 => return Err(format!("`{name}` takes no amount")),
            Some(amount) => amount
                .parse()
                .ok()
                .filter(|ms| (1..=10_000).contains(ms))
                .ok_or_else(|| format!("`{amount}` is not a number of milliseconds from 1 to 10000"))?,
        };
        Ok(Sabotage { description, amount_ns: amount_ms * 1_000_000 })
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.description.kind == kind
    }

    /// What must fail: the command line's limit for that figure if it has one, else the description's.
    pub(crate) fn detector(&self, requirements: &[Requirement]) -> Requirement {
        let Description { figure, at_most, limit, .. } = *self.description;
        let own = requirements.iter().find(|one| one.figure == figure && one.at_most == at_most);
        let stated = if at_most { Requirement::at_most(figure, limit) } else { Requirement::at_least(figure, limit) };
        own.cloned().unwrap_or(stated)
    }
}

/// What `--sabotage list` prints.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for one in KINDS {
        let sign = if one.at_most { "<=" } else { ">=" };
        let mode = match (one.mode, one.end) {
            (Mode::Setup, End::Server) => "--mode setup --end server",
            (Mode::Setup, End::Caller) => "--mode setup",
            (Mode::Menu, _) => "--mode menu --tone HZ",
            (Mode::Room, _) => "--mode room",
            (Mode::Talk, _) => "--mode talk",
            (Mode::Echo | Mode::Prompt, _) => "--mode echo",
        };
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "{:<19} {:<46} {:<26} breaks {}{sign}{}", one.name, one.about, mode, one.figure, one.limit);
    }
    text
}

/// What was already distorted in one call.
#[derive(Debug, Default)]
pub(crate) struct Tamper {
    packets: u32,
    held: Option<(Vec<u8>, Arrival)>,
    /// The one message of this call that was to be lost has been.
    pub lost_one: bool,
}

impl Tamper {
    /// What the checks get to see in place of one received RTP packet.
    pub(crate) fn receive(
        &mut self,
        sabotage: &Sabotage,
        packet: &[u8],
        mut arrival: Arrival,
    ) -> Vec<(Vec<u8>, Arrival)> {
        let mut packet = packet.to_vec();
        let count = self.packets;
        self.packets += 1;
        let one_in_ten = count % 10 == 5;
        let from_the_fifth = count >= 5;
        match sabotage.description.kind {
            Kind::SwallowFrame if one_in_ten => return Vec::new(),
            Kind::NoMedia => return Vec::new(),
            Kind::RepeatFrame | Kind::RepeatSequence if one_in_ten => {
                return vec![(packet.clone(), arrival), (packet, arrival)];
            }
            Kind::SwapFrames | Kind::SwapSequence if one_in_ten => {
                self.held = Some((packet, arrival));
                return Vec::new();
            }
            Kind::AlterPayload if one_in_ten => flip(&mut packet, HEADER + 100),
            Kind::WrongCall if one_in_ten => rewrite_mark(&mut packet),
            Kind::DelayFrame | Kind::UnsteadyFrames if count % 2 == 1 => arrival.kernel_ns += sabotage.amount_ns,
            Kind::ChangeSsrc if from_the_fifth => flip(&mut packet, 11),
            Kind::SkipSequence if from_the_fifth => rewrite(&mut packet, |header| add_to_sequence(header, 1)),
            Kind::JumpSequence if from_the_fifth => rewrite(&mut packet, |header| add_to_sequence(header, 10_000)),
            Kind::JumpTimestamp if from_the_fifth => {
                rewrite(&mut packet, |header| header.timestamp = header.timestamp.wrapping_add(1000));
            }
            Kind::WrongPayloadType if one_in_ten => rewrite(&mut packet, |header| header.payload_type = 77),
            Kind::ForeignSource if one_in_ten => arrival.from.set_port(arrival.from.port() ^ 1),
            Kind::NotRtp if one_in_ten => packet[0] = 0,
            Kind::Hole if one_in_ten => packet[HEADER..].fill(0xff),
            Kind::LateSound => arrival.kernel_ns += sabotage.amount_ns,
            Kind::Silence => packet[HEADER..].fill(0xff),
            _ => {}
        }
        let mut seen = vec![(packet, arrival)];
        seen.extend(self.held.take());
        seen
    }
}

fn add_to_sequence(header: &mut Header, step: u16) {
    header.sequence = header.sequence.wrapping_add(step);
}

fn flip(packet: &mut [u8], at: usize) {
    if let Some(octet) = packet.get_mut(at) {
        *octet ^= 1;
    }
}

fn rewrite(packet: &mut [u8], change: impl FnOnce(&mut Header)) {
    if let Some((mut header, _)) = Header::read(packet) {
        change(&mut header);
        header.write(packet);
    }
}

fn rewrite_mark(packet: &mut [u8]) {
    let payload = packet.get_mut(HEADER..).and_then(|rest| <&mut [u8; FRAME]>::try_from(rest).ok());
    if let Some(payload) = payload
        && let Some(mark) = Mark::read(payload)
    {
        Mark { call: mark.call.wrapping_add(1), ..mark }.write(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_is_read_by_it() {
        for one in KINDS {
            assert!(Sabotage::parse(one.name).unwrap().is(one.kind));
            assert_eq!(KINDS.iter().filter(|other| other.name == one.name || other.kind == one.kind).count(), 1);
            assert!(list().contains(one.figure));
        }
        assert_eq!(Sabotage::parse("delay-frame=25").unwrap().amount_ns, 25_000_000);
        for wrong in ["", "nothing", "delay-frame=0", "delay-frame=x", "swallow-frame=3"] {
            assert!(Sabotage::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_limit_of_the_command_line_is_the_one_that_must_break() {
        let sabotage = Sabotage::parse("delay-frame").unwrap();
        let own = [Requirement::at_most("media.echo_delay.p99_ms", 200.0)];
        assert_eq!(sabotage.detector(&own), own[0]);
        assert_eq!(sabotage.detector(&[]).limit, 3.0);
    }
}
