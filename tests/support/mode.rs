//! In which of its ways a scenario is run.

/// One way of running a scenario. The ladder must be the same in all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    /// Control loops.
    pub(crate) loops: u8,
    /// *Amnesia*: after each so many inputs the loop's whole state is written down, dropped and taken up. 0: never.
    pub(crate) forget_each: u64,
}

impl Mode {
    /// One loop with a good memory.
    pub(crate) const PLAIN: Mode = Mode { loops: 1, forget_each: 0 };
    /// Three loops.
    pub(crate) const THREE_LOOPS: Mode = Mode { loops: 3, forget_each: 0 };

    /// One loop that forgets after each `inputs` inputs.
    pub(crate) fn amnesia(inputs: u64) -> Mode {
        Mode { loops: 1, forget_each: inputs }
    }

    pub(crate) fn forgets_at(self, input: u64) -> bool {
        self.forget_each != 0 && input.is_multiple_of(self.forget_each)
    }
}
