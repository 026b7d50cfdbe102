//! Echo: which sequence number and timestamp a returned packet has.
//!
//! The peer's numbers are carried over by an offset, so that the listener sees what the network did: a lost packet is a gap,
//! a late one has its own place. Packets that are not returned (telephone events in [`crate::EchoMode::Audio`], unknown
//! payload types) are taken out of the count, or the listener would take them for lost.
//!
//! ```text
//!   peer   10  11  [12 event] [13 event]  14  15      late 11: still its own place; late 9: before the start, dropped
//!   ours   50  51                         52  53
//! ```

/// The carry-over of one run of echo. It ends with every other packet that we send, and with every other source.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EchoMap {
    run: Option<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    /// Added to the extended sequence number of a packet behind the removed ones.
    offset: u16,
    /// Packets older than this are not returned any more.
    oldest: u64,
    /// The last packets in a row that were taken out: from here ...
    removed_from: u64,
    /// ... to before this. Before them the old offset is valid; among them nothing is returned.
    removed_to: u64,
    offset_before: u16,
    timestamp_offset: u32,
    /// Newest that was returned.
    newest: u64,
}

impl EchoMap {
    pub(crate) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// Reads what a packet changes (see [`super::Stream::touch`]).
    pub(crate) fn touch(&self) -> u64 {
        self.run.map_or(0, |run| run.newest)
    }

    /// The next packet starts a new run.
    pub(crate) fn stop(&mut self) {
        self.run = None;
    }

    /// Starts a run: this packet of the peer becomes ours with `sequence` and `timestamp`.
    pub(crate) fn start(&mut self, extended: u64, peer_timestamp: u32, sequence: u16, timestamp: u32) {
        let offset = sequence.wrapping_sub(extended as u16);
        self.run = Some(Run {
            offset,
            oldest: extended,
            removed_from: extended,
            removed_to: extended,
            offset_before: offset,
            timestamp_offset: timestamp.wrapping_sub(peer_timestamp),
            newest: extended,
        });
    }

    /// Our sequence number and timestamp for a packet of the peer; none if its place is gone.
    #[inline]
    pub(crate) fn carry_over(&mut self, extended: u64, peer_timestamp: u32) -> Option<(u16, u32)> {
        let run = self.run.as_mut()?;
        let offset = if extended >= run.removed_to {
            run.offset
        } else if extended < run.removed_from {
            run.offset_before
        } else {
            return None;
        };
        if extended < run.oldest {
            return None;
        }
        run.newest = run.newest.max(extended);
        Some(((extended as u16).wrapping_add(offset), peer_timestamp.wrapping_add(run.timestamp_offset)))
    }

    /// A packet of the peer is not returned.
    pub(crate) fn remove(&mut self, extended: u64) {
        let Some(run) = &mut self.run else { return };
        if extended < run.removed_to || extended < run.newest {
            // It came late: its number has been taken for lost, and stays that.
            return;
        }
        if run.newest >= run.removed_to {
            // Something was returned since the last removal: a new row begins. What is older than the row before it has no
            // place any more.
            run.oldest = run.oldest.max(run.removed_to);
            run.removed_from = extended;
            run.offset_before = run.offset;
        }
        run.removed_to = extended + 1;
        run.offset = run.offset.wrapping_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that maps 10 to 50.
    fn running() -> EchoMap {
        let mut map = EchoMap::default();
        map.start(10, 1000, 50, 9000);
        map
    }

    fn sequence(map: &mut EchoMap, extended: u64) -> Option<u16> {
        map.carry_over(extended, 0).map(|(sequence, _)| sequence)
    }

    #[test]
    fn gaps_and_late_packets_keep_their_places() {
        let mut map = running();
        assert_eq!(map.carry_over(10, 1000), Some((50, 9000)));
        assert_eq!(map.carry_over(13, 1480), Some((53, 9480)));
        assert_eq!(map.carry_over(11, 1160), Some((51, 9160)));
        assert_eq!(sequence(&mut map, 9), None, "older than the start");
    }

    #[test]
    fn removed_packets_leave_no_gap() {
        let mut map = running();
        assert_eq!(sequence(&mut map, 10), Some(50));
        map.remove(12);
        map.remove(13);
        assert_eq!(sequence(&mut map, 11), Some(51), "late, from before the removed ones");
        assert_eq!(sequence(&mut map, 14), Some(52));
        assert_eq!(sequence(&mut map, 15), Some(53));
        map.remove(16);
        assert_eq!(sequence(&mut map, 17), Some(54));
        assert_eq!(sequence(&mut map, 11), None, "two rows back");
        assert_eq!(sequence(&mut map, 15), Some(53));
    }

    #[test]
    fn a_removed_packet_that_comes_late_changes_nothing() {
        let mut map = running();
        assert_eq!(sequence(&mut map, 10), Some(50));
        assert_eq!(sequence(&mut map, 12), Some(52));
        map.remove(11);
        assert_eq!(sequence(&mut map, 13), Some(53));
    }

    /// Whatever is returned, removed, lost and reordered: no two packets get one number, and newer ones get higher numbers.
    #[test]
    fn numbers_are_unique_and_in_order() {
        let mut state = 1_u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..200 {
            let mut map = EchoMap::default();
            map.start(100_000, 0, 7, 0);
            let mut returned = std::collections::BTreeMap::from([(100_000_u64, 7_u16)]);
            let mut seen = std::collections::BTreeSet::from([100_000]);
            for n in 1..300 {
                let extended = 100_000 + n + random(6) - random(6).min(n);
                if !seen.insert(extended) {
                    continue;
                }
                if random(4) == 0 {
                    map.remove(extended);
                } else if let Some(sequence) = sequence(&mut map, extended) {
                    returned.insert(extended, sequence);
                }
            }
            let ours: Vec<u16> = returned.values().copied().collect();
            assert!(ours.windows(2).all(|pair| pair[0] < pair[1]), "{returned:?}");
        }
    }
}
