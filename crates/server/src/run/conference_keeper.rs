//! Conferences change by themselves: people come and go, time runs out. The database and the loops' snapshots are kept in step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use call::Input;
use crossbeam_channel::{Sender, unbounded};
use model::{Conference, ConferenceStatus, Resource};
use store::Store;

use super::lanes::LaneSender;

/// Held by whoever reads a conference and writes it back: the owner's wish to delete it must not be overwritten by its last
/// guest's leaving.
pub(super) type Turn = Arc<Mutex<()>>;

/// Starts the thread; it ends when the last sender is gone. Of several states of a conference that wait only the newest is
/// written, so that its queue holds no more than there are changes within one write.
pub(super) fn start(store: Store, senders: Vec<LaneSender>, turn: Turn) -> std::io::Result<Sender<Conference>> {
    let (sender, receiver) = unbounded::<Conference>();
    Builder::new().name("conferences".into()).spawn(move || {
        while let Ok(first) = receiver.recv() {
            let mut newest = BTreeMap::from([(first.id, first)]);
            newest.extend(receiver.try_iter().map(|conference| (conference.id, conference)));
            for conference in newest.into_values() {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                keep(&store, &senders, conference);
            }
        }
    })?;
    Ok(sender)
}

fn keep(store: &Store, senders: &[LaneSender], mut conference: Conference) {
    match store.get::<Conference>(conference.id) {
        // Its owner may have deleted or renamed it meanwhile: that stands.
        Ok(Some(known)) => {
            conference.tm_delete = known.tm_delete.or(conference.tm_delete);
            (conference.name, conference.detail, conference.data) = (known.name, known.detail, known.data);
            (conference.timeout, conference.pre_flow_id) = (known.timeout, known.pre_flow_id);
            (conference.post_flow_id, conference.direct_hash) = (known.post_flow_id, known.direct_hash);
        }
        Ok(None) => {}
        Err(error) => tracing::error!(conference_id = %conference.id, %error, "a conference cannot be read"),
    }
    if let Err(error) = store.put(&conference) {
        tracing::error!(conference_id = %conference.id, %error, "a conference could not be written down");
    }
    if conference.status != ConferenceStatus::Progressing {
        for sender in senders {
            sender.letter(Input::Changed(Box::new(Resource::Conference(Arc::new(conference.clone())))));
        }
    }
}
