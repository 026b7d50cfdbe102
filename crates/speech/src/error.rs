//! Why there is no speech, in words for the person who wrote the flow or runs the server.

use std::fmt;

/// Why a text was not spoken, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeechError {
    /// There is no program or service that could speak: the words say how to get one.
    Unavailable(String),
    /// There is nothing to say in it.
    Empty,
    /// The text has more octets than may be spoken at once.
    TextTooLong {
        /// As it came.
        octets: usize,
        /// What is allowed.
        octets_max: usize,
    },
    /// What came out of it was longer than is allowed; what came before has been delivered.
    AudioTooLong {
        /// What is allowed, s.
        longest_s: u32,
    },
    /// Too many texts wait already.
    Busy,
    /// It was not done in time.
    TooSlow(String),
    /// The program failed, ended early, or gave something that is no sound.
    Failed(String),
    /// The listener wanted no more, or everything ends.
    Cancelled,
}

impl fmt::Display for SpeechError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpeechError::Unavailable(why) => f.write_str(why),
            SpeechError::Empty => f.write_str("there is nothing to say in the text"),
            SpeechError::TextTooLong { octets, octets_max } => {
                write!(f, "the text has {octets} octets, and at most {octets_max} can be spoken at once")
            }
            SpeechError::AudioTooLong { longest_s } => {
                write!(f, "the speech is longer than {longest_s} s")
            }
            SpeechError::Busy => f.write_str("too many texts wait for being spoken"),
            SpeechError::TooSlow(what) => write!(f, "the speech was not ready in time: {what}"),
            SpeechError::Failed(why) => write!(f, "the text could not be spoken: {why}"),
            SpeechError::Cancelled => f.write_str("the speech was cancelled"),
        }
    }
}

impl std::error::Error for SpeechError {}
