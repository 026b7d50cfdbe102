//! One array of actions on the stack.

use std::sync::Arc;

use model::Action;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Position;
use crate::json_size::json_size;

/// The reserved id of the main frame (spec/flow.md §1).
const MAIN: Uuid = Uuid::from_u128(1);

/// An array, and where to go after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// The frame of a service has the service's id.
    pub(crate) id: Uuid,
    pub(crate) actions: Arc<[Action]>,
    /// The forking action in the frame below; none for the main frame.
    pub(crate) return_to: Option<Position>,
    /// What the actions take, roughly; 0 for the main frame, which is bounded as a document.
    pub(crate) bytes: usize,
}

impl Frame {
    pub(super) fn main(actions: Arc<[Action]>) -> Frame {
        Frame { id: MAIN, actions, return_to: None, bytes: 0 }
    }

    pub(super) fn returning(id: Uuid, actions: Arc<[Action]>, return_to: Position) -> Frame {
        let bytes = actions.iter().map(|action| action.option.as_ref().map_or(0, json_size)).sum();
        Frame { id, actions, return_to: Some(return_to), bytes }
    }

    /// On duplicates the first one wins (spec/flow.md §1).
    pub(super) fn index_of(&self, id: &str) -> Option<usize> {
        self.actions.iter().position(|action| action.id == id)
    }
}
