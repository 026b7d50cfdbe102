//! Flows that follow what a crash has ended: on-end flows of recordings, on-complete flows of activeflows. They run at the next start.
//!
//! What is owed is in the store before what it follows is closed in the log, so that a kill in between loses nothing, and stays there
//! until the record of its activeflow is: each one begins once. A process that is killed between the beginning of a run and its record
//! (`store.sync_ms`) begins it a second time, under the same id; one that is killed later has begun it, and it ends as whatever else ran.

use std::sync::Arc;
use std::time::Duration;

use call::{OwedRun, Reply};
use flow::COMPLETE_COUNT_END;
use model::{Activeflow, ReferenceType, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Batch, Store, StoreError, Stored, Unfinished};
use uuid::Uuid;

use super::wishes::Wishes;

/// So many begin, and then their records are waited for: flows of before must not crowd out calls of now.
const GROUP: usize = 16;
/// The pause between two groups.
const PAUSE: Duration = Duration::from_millis(50);
/// How soon one is tried again that found no place.
const AGAIN: Duration = Duration::from_secs(1);
/// How often records are waited for, and how long each time.
const RECORD_ROUNDS: usize = 500;
const RECORD_ROUND: Duration = Duration::from_millis(20);

/// One that has not begun yet; deleted: it has, or cannot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OwedFlow {
    run: OwedRun,
    tm_create: Option<Timestamp>,
    tm_delete: Option<Timestamp>,
}

impl Stored for OwedFlow {
    const KIND: &'static str = "owed_flows";
    fn id(&self) -> Uuid {
        self.run.id
    }
    fn customer_id(&self) -> Uuid {
        self.run.customer_id
    }
    fn tm_create(&self) -> Option<Timestamp> {
        self.tm_create
    }
    fn tm_delete(&self) -> Option<Timestamp> {
        self.tm_delete
    }
}

/// Writes down which flows follow what is about to be closed.
///
/// # Errors
/// The store cannot be read or written.
pub(super) fn keep(store: &Store, unfinished: &Unfinished, now: Timestamp) -> Result<(), StoreError> {
    let parent = |id| if Uuid::is_nil(&id) { Ok(None) } else { store.record::<Activeflow>(id) };
    let mut batch = Batch::default();
    for run in owed(unfinished, parent)? {
        batch.add(&OwedFlow { run, tm_create: Some(now), tm_delete: None })?;
    }
    store.put_all(batch)
}

/// Which flows those are. `parent` finds an activeflow of before.
fn owed(
    unfinished: &Unfinished,
    parent: impl Fn(Uuid) -> Result<Option<Activeflow>, StoreError>,
) -> Result<Vec<OwedRun>, StoreError> {
    let mut runs: Vec<OwedRun> = unfinished.recordings.iter().filter_map(OwedRun::on_end).collect();
    for activeflow in &unfinished.activeflows {
        let of_call = activeflow.reference_type == ReferenceType::Call;
        let call = unfinished.calls.iter().find(|record| of_call && record.call.id == activeflow.reference_id);
        let recording = unfinished.recordings.iter().find(|recording| recording.activeflow_id == activeflow.id);
        let position = if activeflow.on_complete_flow_id.is_nil() { 0 } else { position(activeflow, &parent)? };
        runs.extend(OwedRun::on_complete(activeflow, call.map(|record| &record.call), recording, position));
    }
    Ok(runs)
}

/// How many on-complete flows led to this one.
fn position(
    activeflow: &Activeflow,
    parent: impl Fn(Uuid) -> Result<Option<Activeflow>, StoreError>,
) -> Result<u32, StoreError> {
    let (mut position, mut of) = (0, activeflow.clone());
    while position < COMPLETE_COUNT_END
        && let Some(before) = parent(of.reference_activeflow_id)?
        && before.on_complete_flow_id == of.flow_id
        && (before.reference_type, before.reference_id) == (of.reference_type, of.reference_id)
    {
        position += 1;
        of = before;
    }
    Ok(position)
}

/// Begins all that is owed, a few at a time.
pub(super) async fn begin(store: Store, wishes: Arc<Wishes>) {
    match waiting(&store).await {
        Ok(all) if all.is_empty() => {}
        Ok(all) => {
            tracing::info!(flows = all.len(), "flows that follow what the last end of the server cut off begin now");
            for group in all.chunks(GROUP) {
                if let Err(error) = begin_group(&store, &wishes, group).await {
                    // What is left is still owed: the next start begins it.
                    return tracing::error!(%error, "flows that follow what was cut off cannot begin");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Err(error) => tracing::error!(%error, "flows that follow what was cut off cannot be read"),
    }
}

async fn waiting(store: &Store) -> Result<Vec<OwedFlow>, StoreError> {
    blocking(store, |store| store.all::<OwedFlow>()).await
}

async fn begin_group(store: &Store, wishes: &Wishes, group: &[OwedFlow]) -> Result<(), StoreError> {
    let (mut done, mut begun) = (group.to_vec(), Vec::new());
    for owed in group {
        if has_record(store, owed.run.id).await? {
            continue;
        }
        loop {
            match wishes.begin(owed.run.clone()).await {
                Ok(Reply::Begun) => break begun.push(owed.run.id),
                Ok(Reply::Skipped) => break,
                Ok(_) | Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
    for id in begun {
        for _ in 0..RECORD_ROUNDS {
            if has_record(store, id).await? {
                break;
            }
            tokio::time::sleep(RECORD_ROUND).await;
        }
    }
    done.iter_mut().for_each(|owed| {
        owed.tm_delete = owed.tm_create;
        owed.run.variables.clear();
    });
    blocking(store, move |store| {
        let mut batch = Batch::default();
        done.iter().try_for_each(|owed| batch.add(owed))?;
        store.put_all(batch)
    })
    .await
}

async fn has_record(store: &Store, id: Uuid) -> Result<bool, StoreError> {
    Ok(blocking(store, move |store| store.record::<Activeflow>(id)).await?.is_some())
}

/// The store may wait for the disk.
async fn blocking<T: Send + 'static>(
    store: &Store,
    ask: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = store.clone();
    match tokio::task::spawn_blocking(move || ask(&store)).await {
        Ok(answer) => answer,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use model::Recording;

    use super::*;

    #[test]
    fn what_follows_is_known_again_and_a_chain_has_its_position() {
        let id = Uuid::from_u128;
        let chain: Vec<Activeflow> = (0..9)
            .map(|n| Activeflow {
                id: id(100 + n),
                flow_id: id(7),
                on_complete_flow_id: id(7),
                reference_activeflow_id: if n == 0 { Uuid::nil() } else { id(99 + n) },
                ..Activeflow::default()
            })
            .collect();
        let parent = |wanted| Ok(chain.iter().find(|activeflow| activeflow.id == wanted).cloned());
        let counts = [0, 1, 3, 8].map(|at: usize| {
            let unfinished = Unfinished { activeflows: vec![chain[at].clone()], ..Unfinished::default() };
            let runs = owed(&unfinished, parent).unwrap();
            assert_eq!((runs.len(), runs[0].reference_activeflow_id, runs[0].flow_id), (1, chain[at].id, id(7)));
            runs[0].complete_count
        });
        assert_eq!(counts, [1, 2, 4, COMPLETE_COUNT_END + 1], "the last one is too long");

        let recording = Recording { id: id(5), on_end_flow_id: id(8), activeflow_id: id(6), ..Recording::default() };
        let silent = Recording { id: id(4), ..Recording::default() };
        let unfinished = Unfinished { recordings: vec![recording, silent], ..Unfinished::default() };
        let runs = owed(&unfinished, parent).unwrap();
        assert_eq!(
            (runs.len(), &runs, runs[0].variables["voipbin.recording.id"].as_str()),
            (1, &owed(&unfinished, parent).unwrap(), id(5).to_string().as_str())
        );
    }
}
