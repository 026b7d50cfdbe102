//! Where an activeflow is: frames of actions, the current place, and the pair it will jump to (spec/flow.md §5.1–5.3).
//!
//! ```text
//!   frame 2   f1 ▸f2◂          return: frame 1, action 0
//!   frame 1   fetch x          return: frame 0, action 1
//!   frame 0   answer fetch play                              the main frame
//! ```
//! A jump into an enclosing frame drops the frames above it; nothing can jump into a frame that is not on the stack.

mod frame;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Action;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use frame::Frame;

/// One action of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) frame: usize,
    pub(crate) index: usize,
}

/// Stack, place and forward pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Never empty: the main frame is the first.
    frames: Vec<Frame>,
    /// None before the first step.
    place: Option<Position>,
    forward: Option<Position>,
    /// Jumps left, by [`Cursor::name_of`] the `goto`. They live as long as the activeflow and never start again: an array that is
    /// left and comes onto the stack again at the same place goes on counting.
    goto_left: BTreeMap<String, i64>,
}

/// Why a frame was not pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushError {
    /// There is no current action to return to.
    NotStarted,
    /// [`Cursor::MAX_FRAMES`] are there already.
    TooManyFrames,
    /// All frames together would hold more than [`Cursor::MAX_STACKED_ACTIONS`].
    TooManyActions,
    /// All frames together would take more than [`Cursor::MAX_STACKED_BYTES`].
    TooLong,
}

impl std::fmt::Display for PushError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PushError::NotStarted => f.write_str("no action has run yet"),
            PushError::TooManyFrames => write!(f, "more than {} nested arrays of actions", Cursor::MAX_FRAMES),
            PushError::TooManyActions => {
                write!(f, "more than {} actions in nested arrays", Cursor::MAX_STACKED_ACTIONS)
            }
            PushError::TooLong => write!(f, "nested arrays take more than {} bytes", Cursor::MAX_STACKED_BYTES),
        }
    }
}

impl Cursor {
    /// spec/flow.md §5.6. As no more can be pushed, no walk is longer.
    pub(crate) const MAX_FRAMES: usize = 100;
    /// Bounds the memory of nested arrays.
    pub(crate) const MAX_STACKED_ACTIONS: usize = 20_000;
    /// Bounds what fetched actions with very long options can make a call keep.
    pub(crate) const MAX_STACKED_BYTES: usize = 32 * 1024 * 1024;
    /// Gotos that have jumped at least once: bounds the memory of their counts.
    pub(crate) const MAX_GOTOS: usize = 20_000;

    pub(crate) fn new(actions: impl Into<Arc<[Action]>>) -> Cursor {
        Cursor { frames: vec![Frame::main(actions.into())], place: None, forward: None, goto_left: BTreeMap::new() }
    }

    /// The actions copied from the flow.
    pub(crate) fn main_actions(&self) -> &Arc<[Action]> {
        &self.frames[0].actions
    }

    /// The action there, as it was sent.
    pub(crate) fn action(&self, at: Position) -> &Action {
        &self.frames[at.frame].actions[at.index]
    }

    pub(crate) fn forward_action(&self) -> Option<&Action> {
        self.forward.map(|at| self.action(at))
    }

    /// spec/flow.md §5.3. None means: finish.
    pub(crate) fn next(&self) -> Option<Position> {
        if self.forward.is_some() {
            return self.forward;
        }
        match self.place {
            None => (!self.frames[0].actions.is_empty()).then_some(Position { frame: 0, index: 0 }),
            Some(place) => self.following(place),
        }
    }

    /// What comes after an action by rules 2 to 4 of spec/flow.md §5.3.
    fn following(&self, mut at: Position) -> Option<Position> {
        loop {
            let frame = &self.frames[at.frame];
            let next_id = &frame.actions[at.index].next_id;
            if !next_id.is_empty() {
                return self.find_from(at.frame, next_id);
            }
            if at.index + 1 < frame.actions.len() {
                return Some(Position { frame: at.frame, index: at.index + 1 });
            }
            at = frame.return_to?;
        }
    }

    /// The action with this id in the current frame or the nearest enclosing one (spec/flow.md §5.2).
    pub(crate) fn find(&self, id: &str) -> Option<Position> {
        self.find_from(self.place.map_or(0, |place| place.frame), id)
    }

    fn find_from(&self, mut frame: usize, id: &str) -> Option<Position> {
        loop {
            if let Some(index) = self.frames[frame].index_of(id) {
                return Some(Position { frame, index });
            }
            frame = self.frames[frame].return_to?.frame;
        }
    }

    /// The action of the current frame with this index.
    pub(crate) fn at_index(&self, index: i64) -> Option<Position> {
        let frame = self.place.map_or(0, |place| place.frame);
        let index = usize::try_from(index).ok()?;
        (index < self.frames[frame].actions.len()).then_some(Position { frame, index })
    }

    /// Makes an action current. Frames above it are abandoned.
    pub(crate) fn move_to(&mut self, to: Position) {
        self.frames.truncate(to.frame + 1);
        self.place = Some(to);
        self.forward = None;
    }

    /// Makes this the next action.
    pub(crate) fn set_forward(&mut self, to: Position) {
        self.forward = Some(to);
    }

    /// The action of a named frame with this id.
    pub(crate) fn find_in_frame(&self, stack_id: Uuid, id: &str) -> Option<Position> {
        let frame = self.frames.iter().position(|frame| frame.id == stack_id)?;
        self.frames[frame].index_of(id).map(|index| Position { frame, index })
    }

    /// Forks: puts an array on top, returning to the current action, and makes its first action the next one. An empty
    /// array changes nothing.
    pub(crate) fn push_frame(&mut self, id: Uuid, actions: impl Into<Arc<[Action]>>) -> Result<(), PushError> {
        let actions = actions.into();
        let Some(place) = self.place else { return Err(PushError::NotStarted) };
        if actions.is_empty() {
            return Ok(());
        }
        self.frames.truncate(place.frame + 1);
        if self.frames.len() >= Self::MAX_FRAMES {
            return Err(PushError::TooManyFrames);
        }
        let stacked: usize = self.frames.iter().map(|frame| frame.actions.len()).sum();
        if stacked + actions.len() > Self::MAX_STACKED_ACTIONS {
            return Err(PushError::TooManyActions);
        }
        let frame = Frame::returning(id, actions, place);
        let bytes: usize = self.frames.iter().map(|frame| frame.bytes).sum();
        if bytes + frame.bytes > Self::MAX_STACKED_BYTES {
            return Err(PushError::TooLong);
        }
        self.forward = Some(Position { frame: self.frames.len(), index: 0 });
        self.frames.push(frame);
        Ok(())
    }

    /// Removes the frame of a service that has ended, if it is the current one: what follows the forking action comes
    /// next. False, and nothing changed, otherwise.
    pub(crate) fn end_service(&mut self, id: Uuid) -> bool {
        let Some(place) = self.place else { return false };
        let frame = &self.frames[place.frame];
        let Some(return_to) = frame.return_to.filter(|_| frame.id == id) else { return false };
        self.frames.truncate(place.frame);
        self.place = Some(return_to);
        self.forward = self.following(return_to);
        true
    }

    /// Whether the frame with this id is on the stack.
    pub(crate) fn has_frame(&self, id: Uuid) -> bool {
        self.frames.iter().any(|frame| frame.id == id)
    }

    /// Jumps that a `goto` has left, if it has jumped before.
    pub(crate) fn goto_left(&self, at: Position) -> Option<i64> {
        self.goto_left.get(&self.name_of(at)).copied()
    }

    /// Whether there is no room for another `goto` that counts.
    pub(crate) fn counts_are_full(&self) -> bool {
        self.goto_left.len() >= Self::MAX_GOTOS
    }

    pub(crate) fn set_goto_left(&mut self, at: Position, left: i64) {
        self.goto_left.insert(self.name_of(at), left);
    }

    /// What an action is called for as long as the activeflow runs: its index and those of the actions that forked, from within,
    /// and its id, as what is fetched may be different each time. Actions that are fetched without ids get new ones.
    fn name_of(&self, at: Position) -> String {
        let mut name = at.index.to_string();
        let mut frame = &self.frames[at.frame];
        while let Some(fork) = frame.return_to {
            name += &format!("<{}", fork.index);
            frame = &self.frames[fork.frame];
        }
        name + ":" + &self.action(at).id
    }
}

#[cfg(test)]
mod tests;
