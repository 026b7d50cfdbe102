//! The bare reflector, the floor of what echoing a call can cost: one socket per call, receive, send back, nothing else.

use std::io::{self, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::args::ReflectArgs;
use crate::error::{Doing, Error, usage};
use crate::plan::may_use;
use crate::sys::{self, Epoll, StopSignals};

/// As in the caller: room for a burst, nothing special.
const BUFFER: usize = 256 << 10;
/// Longest sleep, so that a stop request is noticed.
const LONGEST_WAIT_NS: u64 = 50_000_000;
/// A stream of RTP has this many packets per second.
const PACKETS_PER_SECOND: f64 = 50.0;

/// A running reflector.
pub(crate) struct Reflector {
    stop: Arc<AtomicBool>,
    packets: Arc<AtomicU64>,
    threads: Vec<thread::JoinHandle<io::Result<u64>>>,
}

/// What it did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reflected {
    pub packets: u64,
    /// Processor time of its threads.
    pub cpu_ns: u64,
}

impl Reflected {
    /// Processor milliseconds per stream and second, by the packets it sent back.
    pub(crate) fn cpu_ms_per_call_second(&self) -> f64 {
        if self.packets == 0 { 0.0 } else { self.cpu_ns as f64 / 1e6 / (self.packets as f64 / PACKETS_PER_SECOND) }
    }
}

impl Reflector {
    /// Binds all sockets and starts.
    pub(crate) fn start(args: &ReflectArgs) -> Result<Reflector, Error> {
        may_use(args.bind, args.i_own_this_network)?;
        let last = u64::from(args.from_port) + u64::from(args.port_step) * u64::from(args.sockets - 1);
        if args.from_port == 0 || args.port_step == 0 || last > 65_535 {
            return usage(format!("{} sockets from port {} on do not fit below 65536", args.sockets, args.from_port));
        }
        sys::raise_open_files(u64::from(args.sockets) + 64).doing(|| "room for the sockets".to_owned())?;
        let mut shares: Vec<Vec<UdpSocket>> = (0..args.threads).map(|_| Vec::new()).collect();
        for index in 0..args.sockets {
            let port = args.from_port + args.port_step * index as u16;
            let address = SocketAddr::new(args.bind, port);
            let socket = plain_socket(address).doing(|| format!("binding {address}"))?;
            shares[(index % args.threads) as usize].push(socket);
        }
        let (stop, packets) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = shares
            .into_iter()
            .map(|sockets| {
                let (stop, packets) = (stop.clone(), packets.clone());
                thread::Builder::new().name("reflect".to_owned()).spawn(move || reflect(&sockets, &stop, &packets))
            })
            .collect::<io::Result<_>>()
            .doing(|| "the reflector's threads".to_owned())?;
        Ok(Reflector { stop, packets, threads })
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Result<Reflected, Error> {
        self.stop.store(true, Ordering::Relaxed);
        let mut reflected = Reflected::default();
        for thread in self.threads {
            let cpu_ns = thread.join().expect("a thread of the reflector does not panic");
            reflected.cpu_ns += cpu_ns.doing(|| "waiting for packets".to_owned())?;
        }
        reflected.packets = self.packets.load(Ordering::Relaxed);
        Ok(reflected)
    }
}

/// No receive stamps here: they are the caller's need, not part of the floor.
fn plain_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(BUFFER)?;
    Ok(socket)
}

fn reflect(sockets: &[UdpSocket], stop: &AtomicBool, packets: &AtomicU64) -> io::Result<u64> {
    let mut epoll = Epoll::new()?;
    for (index, socket) in sockets.iter().enumerate() {
        epoll.add(socket, index as u64)?;
    }
    let cpu_ns = sys::thread_cpu_ns();
    let mut buffer = [0; 2048];
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let count = epoll.wait(LONGEST_WAIT_NS)?;
        for event in 0..count {
            let socket = &sockets[epoll.token(event) as usize];
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                sent += u64::from(socket.send_to(&buffer[..length], from).is_ok());
            }
        }
    }
    packets.fetch_add(sent, Ordering::Relaxed);
    Ok(sys::thread_cpu_ns() - cpu_ns)
}

/// Reflects until the time is over or a stop signal comes, then tells what it cost.
pub(crate) fn run(args: &ReflectArgs, signals: Option<&StopSignals>) -> Result<(), Error> {
    let reflector = Reflector::start(args)?;
    tell(format_args!(
        "reflecting on {}:{} and {} more, pid {}",
        args.bind,
        args.from_port,
        args.sockets - 1,
        std::process::id()
    ));
    let end_ns = args.duration.map(|seconds| sys::monotonic_ns() + seconds * 1_000_000_000);
    while end_ns.is_none_or(|end_ns| sys::monotonic_ns() < end_ns) {
        if sys::wait_for_stop(signals, Duration::from_millis(100)) {
            break;
        }
    }
    let reflected = reflector.stop()?;
    tell(format_args!(
        "{} packets sent back, {:.1} ms of processor time: {:.3} ms per call and second",
        reflected.packets,
        reflected.cpu_ns as f64 / 1e6,
        reflected.cpu_ms_per_call_second()
    ));
    Ok(())
}

fn tell(text: std::fmt::Arguments<'_>) {
    // Who closed standard output does not want to know.
    let _ = writeln!(io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    #[test]
    fn every_marked_frame_comes_back_from_the_reflector_and_its_cost_is_told() {
        let line = "load reflect --from-port 28000 --sockets 4 --port-step 2 --bind 127.0.0.88 --threads 2";
        let Some(Command::Reflect(args)) = Args::try_parse_from(line.split(' ')).unwrap().command else { panic!() };
        let reflector = Reflector::start(&args).unwrap();
        let line = "load rtp --target 127.0.0.88:28000 --port-step 2 --from-ip 127.0.0.89 --calls 4 --duration 1 --strict --no-progress";
        let report = crate::execute(&Args::try_parse_from(line.split(' ')).unwrap()).unwrap();
        assert!(report.unmet().is_empty(), "{report}");
        let reflected = reflector.stop().unwrap();
        assert_eq!(report.figure("media.returned"), Some(reflected.packets as f64));
        assert!(reflected.packets > 100 && reflected.cpu_ns > 0 && reflected.cpu_ms_per_call_second() > 0.0);
    }

    #[test]
    fn ports_that_do_not_fit_and_other_networks_are_refused() {
        for line in ["load reflect --from-port 65000 --sockets 600", "load reflect --bind 0.0.0.0"] {
            let Some(Command::Reflect(args)) = Args::try_parse_from(line.split(' ')).unwrap().command else { panic!() };
            assert!(matches!(Reflector::start(&args), Err(Error::Usage(_))), "{line}");
        }
    }
}
