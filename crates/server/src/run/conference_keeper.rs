//! Conferences change by themselves: people come and go, time runs out. The database and the loops' snapshots are kept in step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use call::Input;
use crossbeam_channel::{Sender, unbounded};
use model::{Conference, ConferenceStatus, ConferenceType, LogBody, LogEntry, Resource, Timestamp};
use serde_json::Map;
use store::{Store, StoreError};
use uuid::Uuid;

use super::lanes::LaneSender;

/// Held by whoever reads a conference and writes it back: the owner's wish to delete it must not be overwritten by its last
/// guest's leaving, nor the other way round.
pub(super) type Turn = Arc<Mutex<()>>;

/// Starts the thread; it ends when the last sender is gone and everything is written. Of several states of a conference that wait only the newest is
/// written, so that its queue holds no more than there are changes within one write.
pub(super) fn start(
    store: Store,
    senders: Vec<LaneSender>,
    turn: Turn,
) -> std::io::Result<(Sender<Conference>, JoinHandle<()>)> {
    let (sender, receiver) = unbounded::<Conference>();
    let thread = Builder::new().name("conferences".into()).spawn(move || {
        while let Ok(first) = receiver.recv() {
            let mut newest = BTreeMap::from([(first.id, first)]);
            newest.extend(receiver.try_iter().map(|conference| (conference.id, conference)));
            for conference in newest.into_values() {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                keep(&store, &senders, conference);
            }
        }
    })?;
    Ok((sender, thread))
}

/// Keeps what the loops say of one.
fn keep(store: &Store, senders: &[LaneSender], mut conference: Conference) {
    // One that has left its file may have people in it who stay as long as they like: it is ended by nobody.
    let ends = conference.status != ConferenceStatus::Progressing;
    match store.get::<Conference>(conference.id) {
        // It was made anew meanwhile, and this is about the one before.
        Ok(Some(known)) if !known.is_same_life(&conference) => return,
        // Its owner may have deleted or renamed it meanwhile: that stands.
        Ok(Some(known)) => conference.keep_rules(&known),
        Ok(None) => {}
        Err(error) => tracing::error!(conference_id = %conference.id, %error, "a conference cannot be read"),
    }
    if let Err(error) = store.put(&conference) {
        tracing::error!(conference_id = %conference.id, %error, "a conference could not be written down");
    }
    if ends {
        for sender in senders {
            sender.letter(Input::Changed(Box::new(Resource::Conference(Arc::new(conference.clone())))));
        }
    }
}

/// Keeps what its owner says of one: who is in it, and that it has ended, is for the loops to say.
pub(super) fn put_rules(store: &Store, turn: &Turn, conference: &Conference) -> Result<(), StoreError> {
    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    store.put(&rules(store, conference)?)
}

/// What is to be written where its owner says this of one, by who has the turn.
pub(super) fn rules(store: &Store, conference: &Conference) -> Result<Conference, StoreError> {
    let mut conference = conference.clone();
    if let Some(known) = store.get::<Conference>(conference.id)? {
        conference.keep_run(&known);
    }
    Ok(conference)
}

/// How many entries of the log a start looks back: some seconds of a busy server. The database is never further behind than the
/// thread above needs for one write.
const LOOK_BACK: u64 = 20_000;
/// Read at once.
const PIECE: usize = 1_000;

/// At a start: conferences whose end the database did not hear of any more, and those whose people are all gone with the process
/// before. Returns what is to be told of them.
pub(super) fn catch_up(store: &Store, now: Timestamp) -> Result<Vec<LogEntry>, StoreError> {
    let known: BTreeMap<Uuid, Conference> =
        store.all::<Conference>()?.into_iter().map(|conference| (conference.id, conference)).collect();
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let mut told = known.clone();
    hear_of_ends(store, &mut told)?;
    let mut entries = Vec::new();
    for conference in told.into_values() {
        let mut closed = conference.clone();
        close(&mut closed, now);
        if known.get(&closed.id) != Some(&closed) {
            store.put(&closed)?;
        }
        if closed != conference {
            let (customer_id, nil) = (closed.customer_id, Uuid::nil());
            let resource = Resource::Conference(Arc::new(closed));
            let body = LogBody::Event { name: "conference_updated".into(), resource, extra: Map::new() };
            entries.push(LogEntry { at_us: now.as_us(), customer_id, call_id: nil, activeflow_id: nil, body });
        }
    }
    Ok(entries)
}

/// What the log says of their ends.
fn hear_of_ends(store: &Store, conferences: &mut BTreeMap<Uuid, Conference>) -> Result<(), StoreError> {
    let mut next = store.accepted_seq().saturating_sub(LOOK_BACK) + 1;
    loop {
        let piece = match store.read_from(next, PIECE) {
            Err(StoreError::Gone { first_seq }) => store.read_from(first_seq, PIECE)?,
            read => read?,
        };
        let Some(last) = piece.last() else { return Ok(()) };
        next = last.seq + 1;
        for accepted in piece {
            let LogBody::Event { resource: Resource::Conference(told), .. } = accepted.entry.body else { continue };
            let conference = conferences.get_mut(&told.id).filter(|conference| conference.is_same_life(&told));
            if let Some(conference) = conference.filter(|conference| conference.status < told.status) {
                (conference.status, conference.tm_end) = (told.status, told.tm_end);
            }
        }
    }
}

/// Everybody has left: that ends what was ending, and a conference of two that both were in (spec/resources.md §7).
fn close(conference: &mut Conference, now: Timestamp) {
    let inside = std::mem::take(&mut conference.conferencecall_ids).len();
    let left_one = conference.kind == ConferenceType::Connect && inside > 1;
    let is_ending = match conference.status {
        ConferenceStatus::Terminating => true,
        ConferenceStatus::Starting | ConferenceStatus::Progressing => left_one,
        ConferenceStatus::Terminated => false,
    };
    if is_ending {
        (conference.status, conference.tm_end) = (ConferenceStatus::Terminated, Some(now));
    }
    // Its recording was closed by then.
    let recorded = !std::mem::take(&mut conference.recording_id).is_nil();
    if inside > 0 || is_ending || recorded {
        conference.tm_update = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use store::StoreConfig;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_us(9_000_000)
    }

    fn opened(name: &str) -> Store {
        let folder = std::env::temp_dir().join(format!("flowswitch-keeper-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Store::open(StoreConfig::new(folder)).unwrap().store
    }

    fn conference(id: u128, change: impl FnOnce(&mut Conference)) -> Conference {
        let tm_create = Some(Timestamp::from_us(1));
        let mut conference = Conference { id: Uuid::from_u128(id), tm_create, ..Conference::default() };
        change(&mut conference);
        conference
    }

    fn told(conference: Conference) -> LogEntry {
        let (customer_id, nil) = (conference.customer_id, Uuid::nil());
        let resource = Resource::Conference(Arc::new(conference));
        let body = LogBody::Event { name: "conference_updated".into(), resource, extra: Map::new() };
        LogEntry { at_us: 5, customer_id, call_id: nil, activeflow_id: nil, body }
    }

    fn status(store: &Store, id: u128) -> (ConferenceStatus, Option<Timestamp>) {
        let found = store.get::<Conference>(Uuid::from_u128(id)).unwrap().unwrap();
        assert!(found.conferencecall_ids.is_empty());
        (found.status, found.tm_end)
    }

    #[test]
    fn a_server_that_was_killed_leaves_no_conference_that_ends_for_ever() {
        let store = opened("start");
        let ids = |count: u128| (1..=count).map(Uuid::from_u128).collect::<Vec<_>>();
        let inside = |count| move |conference: &mut Conference| conference.conferencecall_ids = ids(count);
        let of_two = |count| {
            move |conference: &mut Conference| {
                (conference.kind, conference.conferencecall_ids) = (ConferenceType::Connect, ids(count));
            }
        };
        let ending = |conference: &mut Conference| conference.status = ConferenceStatus::Terminating;
        for conference in [
            conference(1, ending),
            conference(2, inside(2)),
            conference(3, of_two(2)),
            conference(4, of_two(1)),
            conference(5, |_| {}),
        ] {
            store.put(&conference).unwrap();
        }
        let entries = catch_up(&store, now()).unwrap();
        let (open, over) = ((ConferenceStatus::Progressing, None), (ConferenceStatus::Terminated, Some(now())));
        assert_eq!([1, 2, 3, 4, 5].map(|id| status(&store, id)), [over, open, over, open, open]);
        assert_eq!(entries.len(), 4, "of the fifth there is nothing to tell");
        assert_eq!(catch_up(&store, now()).unwrap(), [], "the next start finds nothing");
    }

    #[test]
    fn an_end_that_was_told_is_heard_of_at_the_next_start() {
        let store = opened("told");
        let ended = Some(Timestamp::from_us(7));
        let end = |conference: &mut Conference| {
            (conference.status, conference.tm_end) = (ConferenceStatus::Terminated, ended);
        };
        for id in [1, 2] {
            store.put(&conference(id, |conference| conference.name = "kept".into())).unwrap();
        }
        let of_before = |conference: &mut Conference| {
            end(conference);
            conference.tm_create = Some(Timestamp::from_us(0));
        };
        // What its owner wrote last did not know of the end yet.
        let entries = [conference(1, end), conference(1, |_| {}), conference(2, of_before), conference(3, end)];
        store.append_synced(entries.map(told).into()).unwrap();
        assert_eq!(catch_up(&store, now()).unwrap(), [], "it was told before");
        assert_eq!(status(&store, 1), (ConferenceStatus::Terminated, ended));
        assert_eq!(status(&store, 2), (ConferenceStatus::Progressing, None));
        assert_eq!(store.get::<Conference>(Uuid::from_u128(1)).unwrap().unwrap().name, "kept");
        assert_eq!(store.get::<Conference>(Uuid::from_u128(3)).unwrap(), None);
    }

    /// A change of the name and the leaving of the last guest cross each other.
    #[test]
    fn neither_the_owner_nor_the_loops_undo_what_the_other_has_written() {
        let (store, turn) = (opened("turns"), Turn::default());
        let open = conference(1, |_| {});
        store.put(&open).unwrap();
        let over = conference(1, |conference| {
            (conference.status, conference.tm_end) = (ConferenceStatus::Terminated, Some(now()));
        });
        keep(&store, &[], over.clone());
        put_rules(&store, &turn, &Conference { name: "new".into(), ..open.clone() }).unwrap();
        let both = Conference { name: "new".into(), ..over.clone() };
        assert_eq!(store.get::<Conference>(open.id).unwrap(), Some(both.clone()));
        keep(&store, &[], conference(1, |conference| conference.status = ConferenceStatus::Terminating));
        assert_eq!(store.get::<Conference>(open.id).unwrap(), Some(both));

        let anew = conference(1, |conference| conference.tm_create = Some(now()));
        put_rules(&store, &turn, &anew).unwrap();
        keep(&store, &[], over);
        assert_eq!(store.get::<Conference>(open.id).unwrap(), Some(anew), "that was about the one before");
    }
}
