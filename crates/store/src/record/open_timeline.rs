//! The part of a timeline that the database does not have.

use std::sync::Arc;

/// A timeline that has grown by so much is written although its call still lives.
const LARGE_OCTETS: usize = 64 << 10;
/// Octets before each entry of a timeline: u64 number, u32 length.
pub(super) const ITEM_HEADER: usize = 12;
/// A timeline that needs room gets at least so much, octets.
const ROOM_OCTETS: usize = 1 << 10;
/// So many empty buffers are kept, each of at most so many octets.
const SPARE_MAX: usize = 1_024;
const SPARE_OCTETS: usize = 8 << 10;

/// Items of a timeline that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    /// Number, length, compact form of each entry.
    pub(super) octets: Vec<u8>,
}

/// A timeline as far as it is in memory.
#[derive(Default)]
pub(super) struct Timeline {
    /// What is being written right now; after a failure it stays here until the next attempt.
    writing: Option<Arc<Piece>>,
    /// What came behind it; may be empty.
    open: Piece,
    /// The first entry that the database lacks, as the records have noted it.
    pub(super) unsaved: Option<u64>,
}

impl Timeline {
    /// Appends an entry; says by how many octets the timeline has grown.
    pub(super) fn push(&mut self, seq: u64, payload: &[u8], spare: &mut Spare) -> u64 {
        let Piece { first_seq, last_seq, octets } = &mut self.open;
        if octets.is_empty() {
            *first_seq = seq;
            *octets = spare.0.pop().unwrap_or_default();
        }
        *last_seq = seq;
        let length = ITEM_HEADER + payload.len();
        octets.reserve(if octets.is_empty() { length.max(ROOM_OCTETS) } else { length });
        octets.extend_from_slice(&seq.to_le_bytes());
        octets.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        octets.extend_from_slice(payload);
        length as u64
    }

    /// Whether it is to be written although its call still lives.
    pub(super) fn is_large(&self) -> bool {
        self.open.octets.len() >= LARGE_OCTETS
    }

    /// Copies of its pieces, in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Vec<u8>> {
        let writing = self.writing.as_ref().map(|piece| piece.octets.clone());
        writing.into_iter().chain((!self.open.octets.is_empty()).then(|| self.open.octets.clone()))
    }

    /// Hands out all of it to be written; nothing is copied unless an attempt before has failed. None: there is nothing.
    pub(super) fn write(&mut self) -> Option<Arc<Piece>> {
        let mut all = std::mem::take(&mut self.open);
        if let Some(failed) = self.writing.take() {
            let mut first = Arc::unwrap_or_clone(failed);
            if !all.octets.is_empty() {
                first.last_seq = all.last_seq;
                first.octets.append(&mut all.octets);
            }
            all = first;
        }
        if all.octets.is_empty() {
            return None;
        }
        let all = Arc::new(all);
        self.writing = Some(all.clone());
        Some(all)
    }

    /// What was handed out is in the database. Returns the number of the first entry that came behind it; none: there is none.
    pub(super) fn written(&mut self) -> Option<u64> {
        self.writing = None;
        (!self.open.octets.is_empty()).then_some(self.open.first_seq)
    }
}

/// Empty buffers for timelines to come: growing each one anew costs more than filling it.
#[derive(Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Spare {
    /// Keeps a buffer if there is room and it is not large.
    pub(super) fn keep(&mut self, mut octets: Vec<u8>) {
        if self.0.len() < SPARE_MAX && octets.capacity() <= SPARE_OCTETS {
            octets.clear();
            self.0.push(octets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::timeline::items;

    fn seqs(octets: &[u8]) -> Vec<u64> {
        items(octets).map(|(seq, _)| seq).collect()
    }

    #[test]
    fn what_is_being_written_can_be_read_and_after_a_failure_is_written_together_with_what_came() {
        let (mut timeline, mut spare) = (Timeline::default(), Spare::default());
        assert!(timeline.write().is_none());
        timeline.push(3, b"three", &mut spare);
        timeline.push(4, b"four", &mut spare);
        let first = timeline.write().unwrap();
        assert_eq!((first.first_seq, first.last_seq, seqs(&first.octets)), (3, 4, vec![3, 4]));
        timeline.push(7, b"seven", &mut spare);
        assert_eq!(timeline.pieces().map(|octets| seqs(&octets)).collect::<Vec<_>>(), [vec![3, 4], vec![7]]);
        drop(first); // it could not be written
        let both = timeline.write().unwrap();
        assert_eq!((both.first_seq, both.last_seq, seqs(&both.octets)), (3, 7, vec![3, 4, 7]));
        timeline.push(9, b"nine", &mut spare);
        assert_eq!(timeline.written(), Some(9));
        assert_eq!(timeline.pieces().map(|octets| seqs(&octets)).collect::<Vec<_>>(), [vec![9]]);
        assert_eq!(seqs(&timeline.write().unwrap().octets), [9]);
        assert_eq!(timeline.written(), None);
    }

    #[test]
    fn a_buffer_is_used_again_and_has_nothing_of_before_in_it() {
        let (mut timeline, mut spare) = (Timeline::default(), Spare::default());
        spare.keep(Vec::with_capacity(SPARE_OCTETS * 2));
        assert!(spare.0.is_empty(), "one large timeline must not cost memory for ever");
        timeline.push(1, &[7; 3_000], &mut spare);
        let piece = timeline.write().unwrap();
        assert_eq!(timeline.written(), None);
        spare.keep(Arc::into_inner(piece).unwrap().octets);
        let mut other = Timeline::default();
        assert_eq!(other.push(2, b"x", &mut spare), ITEM_HEADER as u64 + 1);
        assert!(spare.0.is_empty());
        assert_eq!(other.pieces().next().unwrap().len(), ITEM_HEADER + 1);
    }
}
