//! The three ways into a control loop, each with its bound: what belongs to calls that are up, new work, and the operator's
//! and API's wishes. A call that is up is never held up by one that wants to be.

use std::time::Duration;

use call::Input;
use crossbeam_channel::{Receiver, Select, Sender, bounded};
use sip_transport::Lane;

/// The sending ends of one loop's lanes. Cheap to clone.
#[derive(Clone)]
pub(super) struct LaneSender {
    dialog: Sender<Input>,
    new_work: Sender<Input>,
    api: Sender<Input>,
}

/// The receiving ends.
pub(super) struct LaneReceiver {
    dialog: Receiver<Input>,
    new_work: Receiver<Input>,
    api: Receiver<Input>,
}

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

/// How full the lanes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LaneDepths {
    /// See [`LaneSizes::dialog`].
    pub(super) dialog: usize,
    /// See [`LaneSizes::new_work`].
    pub(super) new_work: usize,
    /// See [`LaneSizes::api`].
    pub(super) api: usize,
}

/// Makes the lanes of one loop.
pub(super) fn lanes(sizes: LaneSizes) -> (LaneSender, LaneReceiver) {
    let (dialog, dialog_out) = bounded(sizes.dialog);
    let (new_work, new_work_out) = bounded(sizes.new_work);
    let (api, api_out) = bounded(sizes.api);
    let receiver = LaneReceiver { dialog: dialog_out, new_work: new_work_out, api: api_out };
    (LaneSender { dialog, new_work, api }, receiver)
}

impl LaneSender {
    /// Puts a SIP message into its lane without waiting; gives it back when that is full.
    #[expect(clippy::result_large_err, reason = "what is given back is what was put in")]
    pub(super) fn try_sip(&self, lane: Lane, input: Input) -> Result<(), Input> {
        let sender = match lane {
            Lane::Dialog => &self.dialog,
            Lane::NewWork => &self.new_work,
        };
        sender.try_send(input).map_err(crossbeam_channel::TrySendError::into_inner)
    }

    /// Hands over a fact of the media engine. A fact is never dropped: where the lane is full, its helper thread waits.
    pub(super) fn fact(&self, input: Input) {
        // Fails only when the loop has ended, and then nobody is left to tell.
        let _ = self.dialog.send(input);
    }

    /// Hands over a wish of the operator.
    pub(super) fn wish(&self, input: Input) {
        let _ = self.api.send(input);
    }

    /// How full the lanes are.
    pub(super) fn depths(&self) -> LaneDepths {
        LaneDepths { dialog: self.dialog.len(), new_work: self.new_work.len(), api: self.api.len() }
    }
}

impl LaneReceiver {
    /// The next input: of calls that are up first, then wishes, then new work.
    pub(super) fn try_next(&self) -> Option<Input> {
        let first = self.dialog.try_recv().or_else(|_| self.api.try_recv());
        first.or_else(|_| self.new_work.try_recv()).ok()
    }

    /// Waits until there is something, or for `at_most`.
    pub(super) fn wait(&self, at_most: Duration) {
        let mut select = Select::new();
        select.recv(&self.dialog);
        select.recv(&self.api);
        select.recv(&self.new_work);
        let _ = select.ready_timeout(at_most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: LaneSizes = LaneSizes { dialog: 2, new_work: 1, api: 1 };

    #[test]
    fn what_is_up_comes_before_what_wants_to_be() {
        let (sender, receiver) = lanes(SIZES);
        sender.try_sip(Lane::NewWork, Input::Timeout).unwrap();
        sender.wish(Input::HangUpAll);
        sender.fact(Input::Ports { ipv6: false, leases: Vec::new() });
        let kinds: Vec<_> = std::iter::from_fn(|| receiver.try_next()).collect();
        assert!(matches!(kinds[..], [Input::Ports { .. }, Input::HangUpAll, Input::Timeout]), "{kinds:?}");
    }

    #[test]
    fn a_full_lane_gives_new_work_back() {
        let (sender, _receiver) = lanes(SIZES);
        assert!(sender.try_sip(Lane::NewWork, Input::Timeout).is_ok());
        assert!(sender.try_sip(Lane::NewWork, Input::Timeout).is_err());
        assert!(sender.try_sip(Lane::Dialog, Input::Timeout).is_ok(), "the other lane has room");
        assert_eq!(sender.depths(), LaneDepths { dialog: 1, new_work: 1, api: 0 });
    }
}
