//! The loop of all registering phones: one thread, one epoll, one heap of repetitions.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;

use super::accounts::Account;
use super::figures::Figures;
use super::user::{Common, Outcome, T1_NS, User, Wish};
use crate::args::RegisterArgs;
use crate::fault::Sabotaged;
use crate::meter::{Meter, ServerUse};
use crate::sip::incoming::Incoming;
use crate::sys::{self, Epoll, StopSignals};

const SECOND_NS: u64 = 1_000_000_000;
/// Longest sleep, so that a stop request is noticed.
const LONGEST_WAIT_NS: u64 = 50_000_000;
/// Room for received datagrams of one socket.
const BUFFER: usize = 1 << 20;
/// Requests that could not be sent in time are caught up with, but never more than this much of them.
const CATCH_UP_NS: u64 = SECOND_NS;
/// A registrar that grants longer than this keeps bindings of phones that are long gone (spec: 7200 s at most).
const LONGEST_S: u32 = 7200;

/// All phones.
pub(super) struct Client<'a> {
    args: &'a RegisterArgs,
    common: Common,
    registrar: SocketAddr,
    sockets: Vec<UdpSocket>,
    epoll: Epoll,
    users: Vec<User>,
    /// When a request is sent again: user and the request's number.
    repeats: BinaryHeap<Reverse<(u64, u32, u32)>>,
    waiting: u64,
    figures: Figures,
    sabotaged: Sabotaged,
    received: u64,
    meter: Meter,
    stopped: bool,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        args: &'a RegisterArgs,
        common: Common,
        registrar: SocketAddr,
        from_ip: IpAddr,
        accounts: Vec<Account>,
        sabotaged: Sabotaged,
        meter: Meter,
    ) -> io::Result<Client<'a>> {
        let epoll = Epoll::new()?;
        let sockets = accounts.len().div_ceil(args.users_per_socket as usize);
        let bind = |_| sys::bind_udp((from_ip, 0).into(), BUFFER);
        let sockets: Vec<UdpSocket> = (0..sockets).map(bind).collect::<io::Result<_>>()?;
        for (index, socket) in sockets.iter().enumerate() {
            epoll.add(socket, index as u64)?;
        }
        let mut users = Vec::with_capacity(accounts.len());
        for (number, mut account) in (0..).zip(accounts) {
            let socket = number / args.users_per_socket;
            // Spread evenly: the share of wrong ones among the first N is right for every N.
            let before = f64::from(number) * args.wrong_password / 100.0;
            let is_wrong = (before + args.wrong_password / 100.0).floor() > before.floor();
            if (is_wrong && !sabotaged.is("right-password")) || sabotaged.is("wrong-password") {
                account.password.push('?');
            }
            let contact = sockets[socket as usize].local_addr()?;
            users.push(User::new(number, account, is_wrong, socket, contact));
        }
        let figures = Figures { users: users.len() as u64, ..Figures::default() };
        Ok(Client {
            args,
            common,
            registrar,
            sockets,
            epoll,
            users,
            repeats: BinaryHeap::new(),
            waiting: 0,
            figures,
            sabotaged,
            received: 0,
            meter,
            stopped: false,
        })
    }

    /// Registers all, refreshes for a while, removes if that is asked for.
    pub(super) fn run(mut self, signals: Option<&StopSignals>) -> io::Result<(Figures, Option<ServerUse>)> {
        let all: Vec<u32> = (0..self.users.len() as u32).collect();
        let began_ns = sys::monotonic_ns();
        self.each(all.into_iter(), Wish::First, self.args.rate, u64::MAX, signals)?;
        let took_s = (sys::monotonic_ns() - began_ns) as f64 / 1e9;
        self.figures.first_per_second = self.figures.accepted as f64 / took_s;
        self.figures.kib_per_registration = self.meter.growth_kib() / (self.figures.accepted.max(1)) as f64;
        let registered = |client: &Client<'_>| -> Vec<u32> {
            client.users.iter().filter(|user| user.registered && !user.is_wrong).map(|user| user.number).collect()
        };
        let round = registered(&self);
        if self.args.duration > 0 && !round.is_empty() && !self.stopped {
            let began_ns = sys::monotonic_ns();
            let end_ns = began_ns + self.args.duration * SECOND_NS;
            self.each(round.into_iter().cycle(), Wish::Refresh, self.args.refresh_rate, end_ns, signals)?;
            let took_s = (sys::monotonic_ns() - began_ns) as f64 / 1e9;
            self.figures.refresh_per_second = self.figures.refreshed as f64 / took_s;
        }
        if self.args.unregister {
            let round = registered(&self);
            self.each(round.into_iter(), Wish::Remove, self.args.rate, u64::MAX, None)?;
        }
        self.figures.kernel_dropped = self.sockets.iter().map(sys::kernel_drops).sum();
        Ok((self.figures, self.meter.end()))
    }

    /// Sends `wish` for each of `users` at `rate` until `end_ns`, and waits for all responses.
    fn each(
        &mut self,
        mut users: impl Iterator<Item = u32>,
        wish: Wish,
        rate: f64,
        end_ns: u64,
        signals: Option<&StopSignals>,
    ) -> io::Result<()> {
        let every_ns = (1e9 / rate) as u64;
        let mut next_ns = sys::monotonic_ns();
        let mut more = true;
        while more || self.waiting > 0 {
            let now_ns = sys::monotonic_ns();
            self.stopped |= sys::wait_for_stop(signals, Duration::ZERO);
            more &= !self.stopped && now_ns < end_ns;
            while more && now_ns >= next_ns {
                self.figures.late_s = self.figures.late_s.max((now_ns - next_ns) as f64 / 1e9);
                next_ns = next_ns.max(now_ns.saturating_sub(CATCH_UP_NS)) + every_ns;
                match users.next() {
                    // Who still waits for the last response has its turn in the next round.
                    Some(user) if self.users[user as usize].waiting_for().is_none() => self.begin(user, wish, now_ns),
                    Some(_) => {}
                    None => more = false,
                }
            }
            self.repeat(now_ns);
            self.meter.look(now_ns);
            let until_ns = self.repeats.peek().map_or(u64::MAX, |Reverse((at_ns, ..))| *at_ns);
            let until_ns = if more { until_ns.min(next_ns) } else { until_ns };
            let count = self.epoll.wait(until_ns.saturating_sub(sys::monotonic_ns()).min(LONGEST_WAIT_NS))?;
            for event in 0..count {
                self.read(self.epoll.token(event) as usize);
            }
        }
        Ok(())
    }

    fn begin(&mut self, user: u32, wish: Wish, now_ns: u64) {
        let request = self.users[user as usize].begin(&self.common, wish, now_ns, sys::realtime_ns());
        self.waiting += 1;
        self.figures.sent += 1;
        let lost = wish == Wish::First && self.sabotaged.is("lose-request");
        if !lost {
            self.send(user, &request);
        }
        self.repeat_at(user, now_ns + T1_NS);
    }

    fn send(&mut self, user: u32, request: &Bytes) {
        let socket = &self.sockets[self.users[user as usize].socket as usize];
        self.figures.send_errors += u64::from(socket.send_to(request, self.registrar).is_err());
    }

    fn repeat_at(&mut self, user: u32, at_ns: u64) {
        if let Some(cseq) = self.users[user as usize].waiting_for() {
            self.repeats.push(Reverse((at_ns, user, cseq)));
        }
    }

    fn repeat(&mut self, now_ns: u64) {
        while let Some(Reverse((at_ns, user, cseq))) =
            self.repeats.peek().copied().filter(|Reverse(due)| due.0 <= now_ns)
        {
            self.repeats.pop();
            let of = &mut self.users[user as usize];
            if of.waiting_for() != Some(cseq) {
                continue;
            }
            match of.repeat(now_ns) {
                Some((request, pause_ns)) => {
                    self.figures.repeated += 1;
                    self.send(user, &request);
                    self.repeat_at(user, at_ns + pause_ns);
                }
                None => {
                    self.waiting -= 1;
                    self.figures.timed_out += 1;
                    let extension = self.users[user as usize].account.extension.clone();
                    self.figures.notes.add("no response", || extension);
                }
            }
        }
    }

    fn read(&mut self, socket: usize) {
        let mut buffer = [0; 8192];
        while let Ok(arrival) = sys::receive(&self.sockets[socket], &mut buffer) {
            self.received += 1;
            let cut = self.sabotaged.is("cut-response") && self.received.is_multiple_of(10);
            let length = if cut { 20.min(arrival.length) } else { arrival.length };
            let late_ns = if self.sabotaged.is("late-response") { SECOND_NS } else { 0 };
            let Some(message) = Incoming::parse(Bytes::copy_from_slice(&buffer[..length]), arrival.from) else {
                self.figures.malformed += 1;
                continue;
            };
            if self.sabotaged.is("lose-response") {
                continue;
            }
            match self.user_of(&message.call_id) {
                Some(user) => self.receive(user, &message, arrival.kernel_ns + late_ns),
                None => self.figures.strays += 1,
            }
        }
    }

    /// The number is written in the Call-ID: RUN-NUMBER@IP.
    fn user_of(&self, call_id: &str) -> Option<u32> {
        let (run, number) = call_id.split('@').next()?.split_once('-')?;
        let number: u32 = number.parse().ok()?;
        (u64::from_str_radix(run, 16) == Ok(self.common.run) && (number as usize) < self.users.len()).then_some(number)
    }

    fn receive(&mut self, number: u32, message: &Incoming, kernel_ns: u64) {
        let user = &mut self.users[number as usize];
        let outcome = user.receive(&self.common, message, kernel_ns);
        let (is_wrong, extension) = (user.is_wrong, user.account.extension.clone());
        let figures = &mut self.figures;
        match outcome {
            Outcome::Wait => return,
            Outcome::Challenged { request, stale } => {
                figures.challenged += 1;
                figures.stale += u64::from(stale);
                figures.sent += 1;
                self.send(number, &request);
                return self.repeat_at(number, sys::monotonic_ns() + T1_NS);
            }
            Outcome::Refused { .. } if is_wrong => figures.wrong_refused += 1,
            Outcome::Unanswerable { why } => {
                figures.unanswerable += 1;
                figures.notes.add("challenge that cannot be answered", || format!("{extension}: {why}"));
            }
            Outcome::Refused { wish, why, .. } => {
                figures.refused += 1;
                figures.notes.add("refused", || format!("{extension}, {wish:?}: {why}"));
            }
            Outcome::Done { .. } if is_wrong => {
                figures.wrong_accepted += 1;
                figures.notes.add("wrong password accepted", || extension);
            }
            Outcome::Done { wish, listed, took_ns } => self.done(&extension, wish, listed, took_ns),
        }
        self.waiting -= 1;
    }

    fn done(&mut self, extension: &str, wish: Wish, listed: Option<u32>, took_ns: u64) {
        let listed = listed.filter(|_| !self.sabotaged.is("forget-contact"));
        let figures = &mut self.figures;
        let (count, times) = match wish {
            Wish::First => (&mut figures.accepted, &mut figures.first),
            Wish::Refresh => (&mut figures.refreshed, &mut figures.refresh),
            Wish::Remove => (&mut figures.removed, &mut figures.remove),
        };
        *count += 1;
        times.add(took_ns);
        match listed {
            Some(left_s) if wish == Wish::Remove => {
                figures.still_listed += 1;
                figures.notes.add("still listed", || format!("{extension}: {left_s} s"));
            }
            Some(left_s) if left_s == 0 || left_s > LONGEST_S.min(self.args.expires.max(60)) => {
                figures.wrong_expires += 1;
                figures.notes.add("wrong expiry", || format!("{extension}: {left_s} s"));
            }
            None if wish != Wish::Remove => {
                figures.unlisted += 1;
                figures.notes.add("contact not listed", || extension.to_owned());
            }
            _ => {}
        }
    }
}
