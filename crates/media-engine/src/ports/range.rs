//! Which port is tried next: even ones in turn, so that a port is used again as late as possible.

/// The even ports of a range, each with its odd neighbour above, and which of them we hold.
pub(crate) struct PortRange {
    first: u16,
    held: Vec<bool>,
    next: usize,
}

impl PortRange {
    /// The pairs that lie wholly within `first..=last`.
    pub(crate) fn new(first: u16, last: u16) -> PortRange {
        let first = first + (first & 1);
        let pairs = (u32::from(last) + 1).saturating_sub(u32::from(first)) / 2;
        PortRange { first, held: vec![false; pairs as usize], next: 0 }
    }

    /// How many pairs there are.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// Takes the next port that we do not hold.
    pub(crate) fn take(&mut self) -> Option<u16> {
        for _ in 0..self.held.len() {
            let at = self.next;
            self.next = (at + 1) % self.held.len();
            if !self.held[at] {
                self.held[at] = true;
                return Some(self.first + 2 * at as u16);
            }
        }
        None
    }

    /// Gives a port back.
    pub(crate) fn put_back(&mut self, port: u16) {
        let at = usize::from(port.saturating_sub(self.first) / 2);
        if let Some(held) = self.held.get_mut(at) {
            *held = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pairs_with_an_even_first_port_count() {
        for (first, last, ports) in [
            (10_000, 10_003, vec![10_000, 10_002]),
            (10_001, 10_004, vec![10_002]),
            (10_000, 10_000, vec![]),
            (65_534, 65_535, vec![65_534]),
            (20, 10, vec![]),
        ] {
            let mut range = PortRange::new(first, last);
            assert_eq!(range.len(), ports.len());
            let taken: Vec<u16> = std::iter::from_fn(|| range.take()).collect();
            assert_eq!(taken, ports, "{first}-{last}");
        }
    }

    #[test]
    fn a_port_that_comes_back_is_the_last_one_to_be_used_again() {
        let mut range = PortRange::new(100, 107);
        assert_eq!(range.take(), Some(100));
        range.put_back(100);
        assert_eq!(
            [range.take(), range.take(), range.take(), range.take()],
            [Some(102), Some(104), Some(106), Some(100)]
        );
        assert_eq!(range.take(), None);
    }
}
