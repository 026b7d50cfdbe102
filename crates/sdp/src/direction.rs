//! Who sends: the attributes of RFC 8866 §6.7.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Direction of a stream, seen by the one who wrote the description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Both ways; what is meant when nothing is said.
    #[default]
    SendRecv,
    /// The writer sends only: it put the other on hold.
    SendOnly,
    /// The writer listens only.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// From what the writer does.
    pub fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the writer listens.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The widest direction for one who wants `self` while the other side does `remote` (RFC 3264 §6.1).
    pub fn facing(self, remote: Direction) -> Direction {
        Direction::new(self.sends() && remote.receives(), self.receives() && remote.sends())
    }

    /// The attribute's name.
    pub fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Direction::{self, *};

    #[test]
    fn an_answer_never_sends_to_one_who_does_not_listen() {
        #[track_caller]
        fn check(ours: Direction, offered: Direction, answer: Direction) {
            assert_eq!(ours.facing(offered), answer);
        }
        check(SendRecv, SendRecv, SendRecv);
        check(SendRecv, SendOnly, RecvOnly);
        check(SendRecv, RecvOnly, SendOnly);
        check(SendRecv, Inactive, Inactive);
        check(SendOnly, SendRecv, SendOnly);
        check(SendOnly, SendOnly, Inactive);
        check(Inactive, SendRecv, Inactive);
    }
}
