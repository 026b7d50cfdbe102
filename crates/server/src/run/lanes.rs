//! The ways into a control loop: what belongs to calls that are up, new work, and the operator's and API's wishes, each with its
//! bound, and letters, which other loops and the store write. A call that is up is never held up by one that wants to be.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use call::{Input, Snapshot};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use sip_transport::Lane;

use super::doze::Doze;

/// A lane has all its places from the start, so that they hold pointers: an input is a quarter of a kilobyte.
type Place = Box<Input>;

/// The sending ends of one loop's lanes. Cheap to clone.
#[derive(Clone)]
pub(super) struct LaneSender {
    dialog: Sender<Place>,
    new_work: Sender<Place>,
    api: Sender<Place>,
    /// From other loops and the store. It has no bound of its own, because who writes must not wait (two loops would wait for
    /// each other) and what is written must not be lost (a call would stand at a door for ever). What it holds is bounded by
    /// what is up: a call has a letter to its conference and one from it under way, a REGISTER that is being stored holds a
    /// server transaction (`control.max_transactions`), of a conference its end is told, and of one and of a bridge what a request
    /// of the API has just stored, of which there are no more at a time than connections (`http.max_connections`).
    letters: Sender<Place>,
    full: Arc<FullLanes>,
    snapshots: Arc<Snapshots>,
    doze: Doze,
}

/// Snapshots that were put into the lane of wishes and taken out of it.
#[derive(Debug, Default)]
struct Snapshots {
    sent: AtomicU64,
    taken: AtomicU64,
}

/// How often a lane was found full.
#[derive(Debug, Default)]
struct FullLanes {
    dialog: AtomicU64,
    new_work: AtomicU64,
    api: AtomicU64,
}

/// The receiving ends.
pub(super) struct LaneReceiver {
    dialog: Receiver<Place>,
    new_work: Receiver<Place>,
    api: Receiver<Place>,
    letters: Receiver<Place>,
    snapshots: Arc<Snapshots>,
    doze: Doze,
    /// Inputs that were taken out of the lane for new work.
    begun: u64,
    /// CANCELs that wait for what they may belong to, each until so many inputs have been taken out of the lane for new work: what
    /// came before it is in there. At most [`EARLY_MAX`].
    early: VecDeque<(u64, Input)>,
}

/// Most CANCELs that wait at a time; more are answered at once.
const EARLY_MAX: usize = 1_024;

/// How many inputs each lane holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneSizes {
    /// In-dialog requests, responses, facts of the media workers.
    pub(super) dialog: usize,
    /// Requests that begin something.
    pub(super) new_work: usize,
    /// Operator and API.
    pub(super) api: usize,
}

/// How one lane fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaneNumbers {
    /// Which one.
    pub(super) lane: &'static str,
    /// Inputs in it.
    pub(super) depth: usize,
    /// Its bound, if it has one of its own.
    pub(super) bound: Option<LaneBound>,
}

/// The bound of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaneBound {
    /// Most inputs that it holds.
    pub(super) size: usize,
    /// Inputs that found it full: SIP messages were turned away, facts and wishes had to wait.
    pub(super) full: u64,
}

/// Makes the lanes of one loop.
pub(super) fn lanes(sizes: LaneSizes) -> (LaneSender, LaneReceiver) {
    let (dialog, dialog_out) = bounded(sizes.dialog);
    let (new_work, new_work_out) = bounded(sizes.new_work);
    let (api, api_out) = bounded(sizes.api);
    let (letters, letters_out) = unbounded();
    let (doze, snapshots) = (Doze::default(), Arc::<Snapshots>::default());
    let receiver = LaneReceiver {
        dialog: dialog_out,
        new_work: new_work_out,
        api: api_out,
        letters: letters_out,
        snapshots: snapshots.clone(),
        doze: doze.clone(),
        begun: 0,
        early: VecDeque::new(),
    };
    (LaneSender { dialog, new_work, api, letters, full: Arc::default(), snapshots, doze }, receiver)
}

impl LaneSender {
    /// Puts a SIP message into its lane without waiting; gives it back when that is full.
    #[expect(clippy::result_large_err, reason = "what is given back is what was put in")]
    pub(super) fn try_sip(&self, lane: Lane, input: Input) -> Result<(), Input> {
        let (sender, full) = match lane {
            Lane::Dialog => (&self.dialog, &self.full.dialog),
            Lane::NewWork => (&self.new_work, &self.full.new_work),
        };
        sender.try_send(Box::new(input)).map_err(|refused| {
            full.fetch_add(u64::from(refused.is_full()), Ordering::Relaxed);
            *refused.into_inner()
        })?;
        self.doze.wake();
        Ok(())
    }

    /// Hands over a fact of the media engine. A fact is never dropped: where the lane is full, its helper thread waits.
    pub(super) fn fact(&self, input: Input) {
        self.send(&self.dialog, &self.full.dialog, input);
    }

    /// Puts a wish of the API into its lane; false: the lane is full.
    pub(super) fn try_wish(&self, input: Input) -> bool {
        let taken = self.api.try_send(Box::new(input)).is_ok();
        self.full.api.fetch_add(u64::from(!taken), Ordering::Relaxed);
        if taken {
            self.doze.wake();
        }
        taken
    }

    /// Hands over what another loop or the store has to say, without waiting: a loop that waited for another one could wait
    /// for ever.
    pub(super) fn letter(&self, input: Input) {
        let _ = self.letters.send(Box::new(input));
        self.doze.wake();
    }

    /// Hands over a wish of the operator.
    pub(super) fn wish(&self, input: Input) {
        self.send(&self.api, &self.full.api, input);
    }

    /// Hands over a snapshot as [`LaneSender::wish`] does.
    pub(super) fn snapshot(&self, snapshot: Snapshot) {
        self.snapshots.sent.fetch_add(1, Ordering::Relaxed);
        self.wish(Input::Snapshot(Box::new(snapshot)));
    }

    /// Whether the loop has taken every snapshot that it was sent: what it is told from now on comes behind them, by whichever
    /// lane.
    pub(super) fn has_taken_snapshots(&self) -> bool {
        self.snapshots.taken.load(Ordering::Acquire) == self.snapshots.sent.load(Ordering::Relaxed)
    }

    /// How the lanes fare.
    pub(super) fn numbers(&self) -> [LaneNumbers; 4] {
        let of = |lane, sender: &Sender<Place>, full: &AtomicU64| {
            let bound = sender.capacity().map(|size| LaneBound { size, full: full.load(Ordering::Relaxed) });
            LaneNumbers { lane, depth: sender.len(), bound }
        };
        [
            of("dialog", &self.dialog, &self.full.dialog),
            of("new_work", &self.new_work, &self.full.new_work),
            of("api", &self.api, &self.full.api),
            LaneNumbers { lane: "letters", depth: self.letters.len(), bound: None },
        ]
    }

    /// Waits for room where there is none, and counts that.
    fn send(&self, lane: &Sender<Place>, full: &AtomicU64, input: Input) {
        if let Err(TrySendError::Full(input)) = lane.try_send(Box::new(input)) {
            full.fetch_add(1, Ordering::Relaxed);
            // Fails only when the loop has ended, and then nobody is left to tell.
            let _ = lane.send(input);
        }
        self.doze.wake();
    }
}

impl LaneReceiver {
    /// The next input: of calls that are up first, then wishes, then new work. A CANCEL of nothing that is known (`is_early`) may have
    /// overtaken its INVITE between the lanes, so it waits, once, until the new work that was there before it has been taken.
    pub(super) fn try_next(&mut self, is_early: impl Fn(&Input) -> bool) -> Option<Input> {
        while let Ok(input) = self.letters.try_recv().or_else(|_| self.dialog.try_recv()) {
            if self.new_work.is_empty() || self.early.len() >= EARLY_MAX || !is_early(&input) {
                return Some(*input);
            }
            self.early.push_back((self.begun + self.new_work.len() as u64, *input));
        }
        self.try_wish().or_else(|| self.try_new_work())
    }

    /// The next of new work, or a CANCEL that has waited for what has been taken by now.
    fn try_new_work(&mut self) -> Option<Input> {
        let is_due = self.early.front().is_some_and(|(behind, _)| *behind <= self.begun);
        if is_due {
            return self.early.pop_front().map(|(_, cancel)| cancel);
        }
        let input = self.new_work.try_recv().ok()?;
        self.begun += 1;
        Some(*input)
    }

    /// The next wish, whatever else waits: a flood of requests within dialogs must not keep the operator from draining.
    pub(super) fn try_wish(&self) -> Option<Input> {
        let wish = self.api.try_recv().ok().map(|input| *input);
        if matches!(wish, Some(Input::Snapshot(_))) {
            self.snapshots.taken.fetch_add(1, Ordering::Release);
        }
        wish
    }

    /// Waits until there is something, or for `at_most`.
    pub(super) fn wait(&self, at_most: Duration) {
        // A CANCEL waits only as long as there is new work before it, or is due.
        let is_empty = || {
            let lanes = [&self.letters, &self.dialog, &self.api, &self.new_work];
            self.early.is_empty() && lanes.into_iter().all(Receiver::is_empty)
        };
        self.doze.sleep(at_most, || !is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: LaneSizes = LaneSizes { dialog: 2, new_work: 1, api: 1 };

    fn never(_: &Input) -> bool {
        false
    }

    #[test]
    fn what_is_up_comes_before_what_wants_to_be() {
        let (sender, mut receiver) = lanes(SIZES);
        sender.try_sip(Lane::NewWork, Input::Timeout).unwrap();
        sender.wish(Input::HangUpAll);
        sender.fact(Input::Ports { ipv6: false, leases: Vec::new() });
        let kinds: Vec<_> = std::iter::from_fn(|| receiver.try_next(never)).collect();
        assert!(matches!(kinds[..], [Input::Ports { .. }, Input::HangUpAll, Input::Timeout]), "{kinds:?}");
    }

    #[test]
    fn a_wish_can_be_taken_before_everything_else() {
        let (sender, mut receiver) = lanes(SIZES);
        sender.fact(Input::Timeout);
        assert!(receiver.try_wish().is_none());
        sender.wish(Input::HangUpAll);
        assert!(matches!(receiver.try_wish(), Some(Input::HangUpAll)));
        assert!(matches!(receiver.try_next(never), Some(Input::Timeout)));
    }

    #[test]
    fn a_full_lane_gives_new_work_back() {
        let (sender, _receiver) = lanes(SIZES);
        assert!(sender.try_sip(Lane::NewWork, Input::Timeout).is_ok());
        assert!(sender.try_sip(Lane::NewWork, Input::Timeout).is_err());
        assert!(sender.try_sip(Lane::Dialog, Input::Timeout).is_ok(), "the other lane has room");
        let [dialog, new_work, api, letters] = sender.numbers();
        assert_eq!(new_work, LaneNumbers { lane: "new_work", depth: 1, bound: Some(LaneBound { size: 1, full: 1 }) });
        assert_eq!((dialog.depth, dialog.bound.unwrap().full, api.depth, letters.depth), (1, 0, 0, 0));
    }

    #[test]
    fn letters_come_first_and_their_number_is_told() {
        let (sender, mut receiver) = lanes(SIZES);
        sender.fact(Input::Timeout);
        (0..5).for_each(|token| sender.letter(Input::Saved { token, saved: true }));
        assert_eq!(sender.numbers()[3], LaneNumbers { lane: "letters", depth: 5, bound: None });
        for expected in 0..5 {
            assert!(matches!(receiver.try_next(never), Some(Input::Saved { token, .. }) if token == expected));
        }
        assert!(matches!(receiver.try_next(never), Some(Input::Timeout)));
        assert_eq!(sender.numbers()[3].depth, 0);
    }

    #[test]
    fn a_fact_that_finds_its_lane_full_waits_and_is_counted() {
        let (sender, mut receiver) = lanes(SIZES);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..3).for_each(|_| sender.fact(Input::Timeout)));
            while sender.numbers()[0].bound.unwrap().full == 0 {
                std::thread::yield_now();
            }
            while receiver.try_next(never).is_none() {}
        });
        let bound = Some(LaneBound { size: 2, full: 1 });
        assert_eq!(sender.numbers()[0], LaneNumbers { lane: "dialog", depth: 2, bound });
    }

    fn request(method: &str, call: &str) -> Input {
        let text = format!(
            "{method} sip:ivr@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bK{call}\r\n\
             From: <sip:a@127.0.0.2>;tag=far\r\nTo: <sip:ivr@127.0.0.1>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:a@127.0.0.2:5070>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let hop = sip_core::Hop {
            transport: sip_core::Transport::Udp,
            listener: 0,
            local: "127.0.0.1:5060".parse().unwrap(),
            remote: "127.0.0.2:5070".parse().unwrap(),
        };
        Input::Sip { message: sip_core::Message::parse_datagram(text.into()).unwrap(), hop }
    }

    /// The final responses that a loop gives to what is in the lanes: Call-ID, method and status.
    fn answers(receiver: &mut LaneReceiver) -> Vec<String> {
        let config = sip_core::EndpointConfig { max_transactions: 9, ..Default::default() };
        let mut control = call::Control::new(base::LoopId(0), [1; 32], config);
        let mut effects = Vec::new();
        let mut snapshot = call::Snapshot::default();
        snapshot.settings.open_networks.push("127.0.0.0/8".parse().unwrap());
        control.handle(crate::run::clock::now(), Input::Snapshot(Box::new(snapshot)), &mut effects);
        while let Some(input) = receiver.try_next(|input| control.is_early_cancel(input)) {
            control.handle(crate::run::clock::now(), input, &mut effects);
        }
        let answer = |effect| match effect {
            call::Effect::Transmit { message, .. } => {
                let message = sip_core::Message::parse_datagram(message).unwrap();
                let status = message.status().filter(|status| *status >= 200)?;
                Some(format!("{} {} {status}", message.call_id(), message.method().as_str()))
            }
            _ => None,
        };
        effects.into_iter().filter_map(answer).collect()
    }

    #[test]
    fn a_cancel_right_behind_its_invite_finds_it() {
        let (sender, mut receiver) = lanes(LaneSizes { dialog: 9, new_work: 9, api: 1 });
        for (lane, method, call) in [
            (Lane::NewWork, "INVITE", "a"),
            (Lane::NewWork, "INVITE", "b"),
            (Lane::Dialog, "CANCEL", "a"),
            (Lane::Dialog, "CANCEL", "nobody"),
            (Lane::NewWork, "INVITE", "c"),
            (Lane::Dialog, "CANCEL", "b"),
            (Lane::Dialog, "BYE", "late"),
        ] {
            sender.try_sip(lane, request(method, call)).unwrap();
        }
        // What is in a dialog comes first all the same. To a loop that knows no number each INVITE is a 404.
        assert_eq!(
            answers(&mut receiver),
            [
                "late BYE 481",
                "a INVITE 404",
                "b INVITE 404",
                "c INVITE 404",
                "a CANCEL 200",
                "nobody CANCEL 481",
                "b CANCEL 200"
            ]
        );
    }

    #[test]
    fn a_cancel_of_nothing_is_refused_at_once_when_no_new_work_waits() {
        let (sender, mut receiver) = lanes(SIZES);
        sender.try_sip(Lane::Dialog, request("CANCEL", "a")).unwrap();
        assert_eq!(answers(&mut receiver), ["a CANCEL 481"]);
    }
}
