//! A checked command line: what is to be done, in the units it is done in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::args::{CallArgs, CommonArgs, End, Mode, RtpArgs};
use crate::error::{Error, usage};
use crate::require::Requirement;
use crate::room::Rooms;
use crate::rtp::digits::event_of;
use crate::rtp::g711::Codec;
use crate::rtp::tone::Tone;
use crate::rtp::tones::FREQUENCIES_HZ;
use crate::sabotage::{Kind, Sabotage};
use crate::sip::target::{self, Target, is_local};
use crate::sys;

const MS: u64 = 1_000_000;

/// Where the calls go.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// By SIP: one of these in turn, or one for each room.
    Sip(Vec<Target>),
    /// RTP only: call I to the port of `first` + I · `port_step`.
    Rtp { first: SocketAddr, port_step: u16 },
}

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Unlike that of any other run.
    pub run: u64,
    pub destination: Destination,
    pub mode: Mode,
    pub end: End,
    pub calls: u32,
    pub rate: f64,
    pub duration_ns: u64,
    pub hold_ns: Option<u64>,
    pub answer_timeout_ns: u64,
    pub drain_ns: u64,
    pub end_within_ns: u64,
    pub from_ip: IpAddr,
    /// First and last RTP port.
    pub ports: (u16, u16),
    pub codec: Codec,
    pub threads: u32,
    pub digits: String,
    pub digits_after_ns: u64,
    pub tone_hz: Option<f64>,
    pub tone_within_ns: u64,
    /// Frames of sound that each prompt call must hear.
    pub expected_frames: u64,
    pub quiet: bool,
    /// Who sits in which conference (room).
    pub rooms: Option<Rooms>,
    pub any_network: bool,
    pub requirements: Vec<Requirement>,
    pub sabotage: Option<Sabotage>,
}

impl Plan {
    /// Calls by SIP.
    pub(crate) fn of_calls(args: &CallArgs) -> Result<Plan, Error> {
        let rooms = (args.mode == Mode::Room).then(|| {
            let (calls, size) = (args.common.calls, args.room_size);
            let talkers = args.talkers.unwrap_or(FREQUENCIES_HZ.len() as u32).min(size);
            Rooms::new(calls, size, talkers, args.common.codec)
        });
        let different = rooms.as_ref().map_or(args.common.calls, Rooms::count);
        let mut targets = target::expand(&args.targets, different).map_err(Error::Usage)?;
        let Some(first) = targets.first() else {
            return usage("whom to call? For example: flowswitch load sip:echo@127.0.0.1:5060");
        };
        let base = Plan::common(&args.common, first.address)?;
        for target in &mut targets {
            may_use(target.address.ip(), args.common.i_own_this_network)?;
            if target.address.is_ipv4() != base.from_ip.is_ipv4() {
                return usage("the targets are not all of one family, IPv4 or IPv6");
            }
            if base.is_sabotaged(Kind::NoSuchNumber) {
                target.uri = format!("sip:no-such-number-{:x}@{}", base.run, target.address);
            }
        }
        if let Some(wrong) = args.digits.chars().find(|digit| event_of(*digit).is_none()) {
            return usage(format!("`{wrong}` in --digits is none of 0-9 * # A-D"));
        }
        if args.tone.is_some_and(|tone| !(50.0..=3950.0).contains(&tone)) {
            return usage("--tone must be from 50 to 3950 Hz");
        }
        if args.end == End::Server && args.hold.is_none() {
            return usage("--end server needs --hold MS: the time within which the server must say BYE");
        }
        if args.mode == Mode::Menu && args.digits.is_empty() {
            return usage("--mode menu needs --digits");
        }
        // Calls that the far end is to end have their whole --hold, also those made last.
        let server_hold_ns = if args.end == End::Server { args.hold.map_or(0, ms) } else { 0 };
        let hold = args.hold.or((args.mode == Mode::Setup).then_some(1000));
        Ok(Plan {
            destination: Destination::Sip(targets),
            rooms,
            mode: args.mode,
            end: args.end,
            hold_ns: hold.map(ms),
            answer_timeout_ns: ms(args.answer_timeout_ms.max(1)),
            digits: args.digits.clone(),
            digits_after_ns: ms(args.digits_after_ms),
            tone_hz: args.tone,
            tone_within_ns: ms(args.tone_within_ms),
            expected_frames: args.expect_prompt.unwrap_or(0) / 20,
            quiet: args.quiet,
            end_within_ns: base.end_within_ns + server_hold_ns,
            ..base
        })
    }

    /// RTP streams without SIP.
    pub(crate) fn of_rtp(args: &RtpArgs) -> Result<Plan, Error> {
        let base = Plan::common(&args.common, args.target)?;
        let last = u64::from(args.target.port()) + u64::from(args.port_step) * u64::from(base.calls - 1);
        if args.target.port() == 0 || last > 65_535 {
            return usage(format!("{} calls from port {} on do not fit below 65536", base.calls, args.target.port()));
        }
        let destination = Destination::Rtp { first: args.target, port_step: args.port_step };
        Ok(Plan { destination, ..base })
    }

    fn common(args: &CommonArgs, target: SocketAddr) -> Result<Plan, Error> {
        may_use(target.ip(), args.i_own_this_network)?;
        let from_ip = match args.from_ip {
            Some(ip) if ip.is_ipv4() != target.is_ipv4() => {
                return usage(format!("--from-ip {ip} is not of the same family as the target {}", target.ip()));
            }
            Some(ip) if ip.is_unspecified() => return usage("--from-ip must be a real address: it goes into SDP"),
            Some(ip) => ip,
            None if target.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) => IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
            None if target.ip().is_loopback() => target.ip(),
            None => return usage("--from-ip is needed for a target that is not on loopback"),
        };
        if !(args.rate.is_finite() && args.rate > 0.0 && args.rate <= 10_000.0) {
            return usage("--rate must be above 0 and at most 10000");
        }
        let requirements = Requirement::of(&args.limits).map_err(Error::Usage)?;
        let wants_server = |requirement: &Requirement| requirement.figure.starts_with("server.");
        let sabotage = args.sabotage.as_deref().map(Sabotage::parse).transpose().map_err(Error::Usage)?;
        let sabotaged_server = sabotage.is_some_and(|sabotage| wants_server(&sabotage.detector(&requirements)));
        if args.server_pid.is_none() && (sabotaged_server || requirements.iter().any(wants_server)) {
            return usage("requirements and sabotage of server figures need --server-pid");
        }
        Ok(Plan {
            run: sys::realtime_ns() ^ (u64::from(std::process::id()) << 40),
            destination: Destination::Rtp { first: target, port_step: 0 },
            mode: Mode::Echo,
            end: End::Caller,
            calls: args.calls,
            rate: args.rate,
            duration_ns: args.duration * 1000 * MS,
            hold_ns: None,
            answer_timeout_ns: 32_000 * MS,
            drain_ns: ms(args.drain_ms),
            end_within_ns: args.end_within * 1000 * MS,
            from_ip,
            ports: port_range(&args.rtp_ports)?,
            codec: args.codec,
            threads: args.threads.min(args.calls),
            digits: String::new(),
            digits_after_ns: 0,
            tone_hz: None,
            tone_within_ns: 0,
            expected_frames: 0,
            quiet: false,
            rooms: None,
            any_network: args.i_own_this_network,
            requirements,
            sabotage,
        })
    }

    /// Whether calls are made by SIP.
    pub(crate) fn has_sip(&self) -> bool {
        matches!(self.destination, Destination::Sip(_))
    }

    /// Whether a call sends RTP.
    pub(crate) fn sends_rtp(&self, call: u32) -> bool {
        match self.mode {
            Mode::Echo | Mode::Menu => true,
            Mode::Prompt | Mode::Talk => !self.quiet,
            Mode::Room => !self.quiet || self.rooms.as_ref().is_some_and(|rooms| rooms.tone_of(call).is_some()),
            Mode::Setup => false,
        }
    }

    /// Which of the destination's targets a call calls.
    pub(crate) fn target_of(&self, call: u32) -> usize {
        let Destination::Sip(targets) = &self.destination else { return 0 };
        let turn = self.rooms.as_ref().map_or(call % self.calls, |rooms| rooms.room_of(call));
        turn as usize % targets.len()
    }

    pub(crate) fn tone(&self) -> Option<Tone> {
        self.tone_hz.map(Tone::new)
    }

    pub(crate) fn is_sabotaged(&self, kind: Kind) -> bool {
        self.sabotage.is_some_and(|sabotage| sabotage.is(kind))
    }
}

/// Refuses addresses that are not loopback unless the user vouched for the network.
pub(crate) fn may_use(ip: IpAddr, owned: bool) -> Result<(), Error> {
    if owned || is_local(ip) {
        return Ok(());
    }
    usage(format!("{ip} is not on loopback: load may go to a network of your own only, say --i-own-this-network"))
}

fn ms(value: u64) -> u64 {
    value.min(4_000_000).saturating_mul(MS)
}

fn port_range(text: &str) -> Result<(u16, u16), Error> {
    let range = text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match range {
        Some((first, last)) if first >= 1024 && last > first => Ok((first, last)),
        _ => usage(format!("`{text}` is not a range of ports FIRST-LAST from 1024 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;

    fn plan(line: &str) -> Result<Plan, Error> {
        let args = Args::try_parse_from(std::iter::once("load").chain(line.split(' '))).unwrap();
        Plan::of_calls(&args.call)
    }

    #[test]
    fn a_plain_call_comes_from_the_second_loopback_address() {
        let plan = plan("sip:echo@127.0.0.1 --calls 7").unwrap();
        assert_eq!(plan.from_ip, "127.0.0.2".parse::<IpAddr>().unwrap());
        assert_eq!((plan.calls, plan.hold_ns, plan.threads), (7, None, 1));
    }

    #[test]
    fn other_networks_need_the_users_word() {
        let refused = plan("sip:echo@192.0.2.1").unwrap_err().to_string();
        assert!(refused.contains("--i-own-this-network"), "{refused}");
        assert!(plan("sip:echo@192.0.2.1 --i-own-this-network --from-ip 192.0.2.9").is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (line, part) in [
            ("sip:echo@127.0.0.1 --end server", "--hold"),
            ("sip:echo@127.0.0.1 --digits 12x", "`x`"),
            ("sip:echo@127.0.0.1 --rate 0", "--rate"),
            ("sip:echo@127.0.0.1 --rtp-ports 5", "range"),
            ("sip:echo@127.0.0.1 --tone 9000", "--tone"),
            ("sip:echo@127.0.0.1 --from-ip ::1", "family"),
            ("sip:echo@127.0.0.1 --max-kib-per-call 1", "--server-pid"),
            ("sip:echo@127.0.0.1 --sabotage hog-server", "--server-pid"),
            ("sip:echo@127.0.0.1 --sabotage what", "what"),
            ("echo", "sip:"),
            ("sip:a@127.0.0.1 sip:a@192.0.2.1", "--i-own-this-network"),
            ("sip:a@127.0.0.1 sip:a@[::1]", "family"),
            ("sip:a{n@127.0.0.1", "{n"),
        ] {
            let error = plan(line).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn rooms_and_calls_have_targets_of_their_own_where_the_pattern_says_so() {
        let plan_of_rooms = plan("sip:conf{n:3}@127.0.0.1 --mode room --calls 25 --room-size 10").unwrap();
        let uri = |plan: &Plan, call| match &plan.destination {
            Destination::Sip(targets) => targets[plan.target_of(call)].uri.clone(),
            Destination::Rtp { .. } => unreachable!(),
        };
        assert_eq!(uri(&plan_of_rooms, 9), "sip:conf001@127.0.0.1");
        assert_eq!(uri(&plan_of_rooms, 24), "sip:conf003@127.0.0.1");
        let plan_of_calls = plan("sip:a{n}@127.0.0.1 --calls 3").unwrap();
        assert_eq!(uri(&plan_of_calls, 5), "sip:a3@127.0.0.1");
        let two = plan("sip:a@127.0.0.1 sip:b@127.0.0.1 --calls 3").unwrap();
        assert_eq!([0, 1, 2, 3].map(|call| uri(&two, call).chars().nth(4).unwrap()), ['a', 'b', 'a', 'a']);
    }

    #[test]
    fn the_bounds_of_calls_and_duration_are_kept() {
        for line in ["--calls 10001", "--calls 0", "--duration 3601", "--duration 0"] {
            let words = ["load", "sip:echo@127.0.0.1"].into_iter().chain(line.split(' '));
            assert!(Args::try_parse_from(words).is_err(), "{line}");
        }
    }
}
