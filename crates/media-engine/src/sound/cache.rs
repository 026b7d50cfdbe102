//! Sounds that are kept ready, bounded by the octets that they take; the one not used for longest goes first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use base::SoundId;
use media_core::Sound;

/// What one entry takes besides its audio.
const ENTRY_OCTETS: u64 = 256;

/// Until when a sound may be played without asking where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    /// It is made here.
    Always,
    /// As long as the file has these.
    File {
        /// Time of its last change.
        modified: Option<SystemTime>,
        /// Octets.
        length: u64,
    },
    /// Until a point in time; then the server is asked whether it still is the same (RFC 9111 §4).
    Http {
        /// `CLOCK_MONOTONIC` ns.
        fresh_until_ns: u64,
        /// For If-None-Match.
        etag: Option<String>,
        /// For If-Modified-Since.
        last_modified: Option<String>,
        /// Stays valid after an answer "not modified" that has none.
        cache_control: Option<String>,
    },
}

/// A sound and its name.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) id: SoundId,
    pub(crate) sound: Arc<Sound>,
}

struct Entry {
    sound: Arc<Sound>,
    octets: u64,
    url: Option<String>,
    validity: Validity,
    /// Of a joined sound: what it is made of. Its audio is theirs and counts there.
    parts: Vec<u64>,
    /// Place in the order of use.
    used: u64,
    /// Not dropped before: a command to play it may be on its way.
    held_until_ns: u64,
}

/// The cache. Times are `CLOCK_MONOTONIC` ns.
pub(crate) struct Cache {
    octets_max: u64,
    hold_ns: u64,
    entries: BTreeMap<u64, Entry>,
    by_url: BTreeMap<String, u64>,
    by_parts: BTreeMap<Vec<u64>, u64>,
    by_use: BTreeSet<(u64, u64)>,
    octets: u64,
    last_id: u64,
    last_use: u64,
    pub(crate) evicted: u64,
}

impl Cache {
    pub(crate) fn new(octets_max: u64, hold_ns: u64) -> Cache {
        Cache {
            octets_max,
            hold_ns,
            entries: BTreeMap::new(),
            by_url: BTreeMap::new(),
            by_parts: BTreeMap::new(),
            by_use: BTreeSet::new(),
            octets: 0,
            last_id: 0,
            last_use: 0,
            evicted: 0,
        }
    }

    /// The sound of this name, if it is still there.
    pub(crate) fn find(&mut self, id: SoundId, now_ns: u64) -> Option<Arc<Sound>> {
        self.touch(id.0, now_ns);
        self.entries.get(&id.0).map(|entry| entry.sound.clone())
    }

    /// The sound of this URL and until when it is valid.
    pub(crate) fn lookup(&mut self, url: &str, now_ns: u64) -> Option<(Ready, Validity)> {
        let id = *self.by_url.get(url)?;
        self.touch(id, now_ns);
        let entry = self.entries.get(&id)?;
        Some((Ready { id: SoundId(id), sound: entry.sound.clone() }, entry.validity.clone()))
    }

    /// A server said that what we have is still right.
    pub(crate) fn revalidate(&mut self, id: SoundId, validity: Validity) {
        if let Some(entry) = self.entries.get_mut(&id.0) {
            entry.validity = validity;
        }
    }

    /// Takes up the sound of a URL, in place of what was there.
    ///
    /// # Errors
    /// There is no room: it is too large, or all that is there was asked for a moment ago.
    pub(crate) fn insert(&mut self, url: &str, sound: Sound, validity: Validity, now_ns: u64) -> Result<Ready, String> {
        let octets = sound.memory_octets() + ENTRY_OCTETS;
        self.make_room(octets, now_ns)?;
        // The one before stays playable under its own name until it is dropped for age.
        if let Some(before) = self.by_url.remove(url).and_then(|id| self.entries.get_mut(&id)) {
            before.url = None;
        }
        let ready = self.add(Arc::new(sound), octets, Some(url.to_owned()), validity, Vec::new(), now_ns);
        self.by_url.insert(url.to_owned(), ready.id.0);
        Ok(ready)
    }

    /// A sound that was taken up while it grew is whole now: it counts with all its octets.
    pub(crate) fn grown(&mut self, id: SoundId, now_ns: u64) {
        let Some(entry) = self.entries.get_mut(&id.0) else { return };
        let octets = entry.sound.memory_octets() + ENTRY_OCTETS;
        self.octets += octets - entry.octets;
        entry.octets = octets;
        self.touch(id.0, now_ns);
        // What is too much goes now, or when it is not held any more.
        let _ = self.make_room(0, now_ns);
    }

    /// Takes the URL from a sound that broke off: who asks again gets a new one. Those who play it may go on.
    pub(crate) fn forget(&mut self, id: SoundId) {
        if let Some(url) = self.entries.get_mut(&id.0).and_then(|entry| entry.url.take()) {
            self.by_url.remove(&url);
        }
    }

    /// The sound that plays these one after the other; a single one is itself.
    ///
    /// # Errors
    /// As [`Cache::insert`].
    pub(crate) fn join(&mut self, parts: &[Ready], now_ns: u64) -> Result<Ready, String> {
        for part in parts {
            self.keep(part, now_ns)?;
        }
        if let [only] = parts {
            return Ok(only.clone());
        }
        let key: Vec<u64> = parts.iter().map(|part| part.id.0).collect();
        if let Some(id) = self.by_parts.get(&key).copied()
            && let Some(sound) = self.find(SoundId(id), now_ns)
        {
            return Ok(Ready { id: SoundId(id), sound });
        }
        let octets = ENTRY_OCTETS + 32 * key.len() as u64;
        self.make_room(octets, now_ns)?;
        let sound = Arc::new(Sound::join(parts.iter().map(|part| &*part.sound)));
        let ready = self.add(sound, octets, None, Validity::Always, key.clone(), now_ns);
        self.by_parts.insert(key, ready.id.0);
        Ok(ready)
    }

    /// Makes sure that a part is there: while a request waited for its others, it may have been dropped.
    fn keep(&mut self, part: &Ready, now_ns: u64) -> Result<(), String> {
        if self.entries.contains_key(&part.id.0) {
            self.touch(part.id.0, now_ns);
            return Ok(());
        }
        let octets = part.sound.memory_octets() + ENTRY_OCTETS;
        self.make_room(octets, now_ns)?;
        self.put(part.id.0, part.sound.clone(), octets, None, Validity::Always, Vec::new(), now_ns);
        Ok(())
    }

    fn add(
        &mut self,
        sound: Arc<Sound>,
        octets: u64,
        url: Option<String>,
        validity: Validity,
        parts: Vec<u64>,
        now_ns: u64,
    ) -> Ready {
        self.last_id += 1;
        let id = self.last_id;
        self.put(id, sound.clone(), octets, url, validity, parts, now_ns);
        Ready { id: SoundId(id), sound }
    }

    #[allow(clippy::too_many_arguments)] // the fields of one entry
    fn put(
        &mut self,
        id: u64,
        sound: Arc<Sound>,
        octets: u64,
        url: Option<String>,
        validity: Validity,
        parts: Vec<u64>,
        now_ns: u64,
    ) {
        self.octets += octets;
        self.entries.insert(id, Entry { sound, octets, url, validity, parts, used: 0, held_until_ns: 0 });
        self.by_use.insert((0, id));
        self.touch(id, now_ns);
    }

    /// Makes an entry the one used last; the parts of a joined one after it, so that it is dropped before them.
    fn touch(&mut self, id: u64, now_ns: u64) {
        let Some(entry) = self.entries.get(&id) else { return };
        for id in std::iter::once(id).chain(entry.parts.clone()) {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            self.by_use.remove(&(entry.used, id));
            self.last_use += 1;
            entry.used = self.last_use;
            entry.held_until_ns = now_ns + self.hold_ns;
            self.by_use.insert((entry.used, id));
        }
    }

    /// Drops what was not used for longest until `octets` more fit. What is held is not dropped; the cache may go up to twice
    /// its size for that.
    fn make_room(&mut self, octets: u64, now_ns: u64) -> Result<(), String> {
        if octets > self.octets_max {
            return Err(format!("it takes {octets} octets, more than the sound cache may have"));
        }
        while self.octets + octets > self.octets_max {
            let oldest = self.by_use.first().map(|(_, id)| *id);
            let held = |entry: &Entry| entry.held_until_ns > now_ns || entry.sound.is_growing();
            match oldest {
                Some(id) if !self.entries.get(&id).is_some_and(held) => self.remove(id),
                _ if self.octets + octets <= 2 * self.octets_max => return Ok(()),
                _ => return Err("the sound cache is full of sounds that are in use".into()),
            }
        }
        Ok(())
    }

    fn remove(&mut self, id: u64) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.by_use.remove(&(entry.used, id));
        self.octets -= entry.octets;
        self.evicted += 1;
        if let Some(url) = entry.url {
            self.by_url.remove(&url);
        }
        if !entry.parts.is_empty() {
            self.by_parts.remove(&entry.parts);
        }
    }

    /// Sounds of their own, sounds made of several, octets.
    pub(crate) fn size(&self) -> (usize, usize, u64) {
        (self.entries.len() - self.by_parts.len(), self.by_parts.len(), self.octets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOLD_NS: u64 = 10;

    fn sound(samples: usize) -> Sound {
        Sound::from_samples(&vec![0; samples])
    }

    /// A cache with room for `count` sounds of 1000 octets of audio.
    fn room_for(count: u64) -> Cache {
        Cache::new(count * (1_000 + ENTRY_OCTETS), HOLD_NS)
    }

    fn insert(cache: &mut Cache, url: &str, now_ns: u64) -> Ready {
        cache.insert(url, sound(500), Validity::Always, now_ns).unwrap()
    }

    #[test]
    fn the_sound_not_used_for_longest_goes_first() {
        let mut cache = room_for(2);
        let a = insert(&mut cache, "a", 0);
        let b = insert(&mut cache, "b", 0);
        assert!(cache.find(a.id, 0).is_some());
        insert(&mut cache, "c", 100);
        assert!(cache.find(b.id, 100).is_none());
        assert!(cache.find(a.id, 100).is_some());
        assert_eq!((cache.size().0, cache.evicted), (2, 1));
    }

    #[test]
    fn a_sound_just_asked_for_stays_even_when_the_cache_is_full() {
        let mut cache = room_for(2);
        let sounds: Vec<Ready> = ["a", "b", "c", "d"].iter().map(|url| insert(&mut cache, url, 0)).collect();
        assert!(sounds.iter().all(|ready| cache.find(ready.id, 0).is_some()));
        assert!(cache.insert("e", sound(500), Validity::Always, 0).unwrap_err().contains("in use"));
        insert(&mut cache, "e", HOLD_NS);
        assert_eq!(cache.size().0, 2, "back to its size when nothing is held");
    }

    #[test]
    fn a_sound_larger_than_the_cache_is_refused() {
        assert!(room_for(1).insert("a", sound(501), Validity::Always, 0).is_err());
    }

    #[test]
    fn a_newer_version_takes_the_url_and_the_older_stays_playable() {
        let mut cache = room_for(4);
        let old = insert(&mut cache, "a", 0);
        let new = insert(&mut cache, "a", 0);
        assert_eq!(cache.lookup("a", 0).unwrap().0.id, new.id);
        assert!(cache.find(old.id, 0).is_some());
    }

    #[test]
    fn joined_sounds_are_made_once_and_share_their_audio() {
        let mut cache = room_for(4);
        let (a, b) = (insert(&mut cache, "a", 0), insert(&mut cache, "b", 0));
        let before = cache.octets;
        let ab = cache.join(&[a.clone(), b.clone()], 0).unwrap();
        assert_eq!(ab.sound.samples(), 1_000);
        assert_eq!(cache.join(&[a.clone(), b.clone()], 0).unwrap().id, ab.id);
        assert_ne!(cache.join(&[b, a.clone()], 0).unwrap().id, ab.id);
        assert_eq!(cache.join(std::slice::from_ref(&a), 0).unwrap().id, a.id);
        assert!(cache.octets - before < 1_000, "no audio is copied");
    }

    #[test]
    fn a_growing_sound_stays_and_counts_when_it_is_whole() {
        let mut cache = room_for(2);
        let (sound, mut feeder) = Sound::growing();
        let growing = cache.insert("speech", sound, Validity::Always, 0).unwrap();
        assert_eq!(cache.octets, ENTRY_OCTETS);
        feeder.push(&[0; 500]);
        insert(&mut cache, "a", 100);
        insert(&mut cache, "b", 200);
        assert!(cache.find(growing.id, 300).is_some(), "it is not dropped while it grows");
        feeder.finish();
        cache.grown(growing.id, 400);
        assert_eq!(cache.octets, 2 * (1_000 + ENTRY_OCTETS), "it counts, and the oldest made room");
        assert!(cache.lookup("a", 400).is_none());
        assert!(cache.lookup("speech", 400).is_some());
    }

    #[test]
    fn a_sound_that_broke_off_is_not_found_by_its_url_any_more() {
        let mut cache = room_for(2);
        let (sound, feeder) = Sound::growing();
        let broken = cache.insert("speech", sound, Validity::Always, 0).unwrap();
        feeder.fail();
        cache.forget(broken.id);
        assert!(cache.lookup("speech", 0).is_none());
        assert!(cache.find(broken.id, 0).is_some(), "who was told its name may still play it");
    }

    #[test]
    fn a_joined_sound_goes_before_its_parts() {
        let mut cache = Cache::new(2 * (1_000 + ENTRY_OCTETS) + 400, HOLD_NS);
        let (a, b) = (insert(&mut cache, "a", 0), insert(&mut cache, "b", 0));
        let ab = cache.join(&[a.clone(), b], 0).unwrap();
        cache.insert("c", sound(50), Validity::Always, 100).unwrap();
        assert!(cache.find(ab.id, 100).is_none());
        assert!(cache.find(a.id, 100).is_some());
    }

    #[test]
    fn a_part_that_was_dropped_while_others_were_fetched_comes_back() {
        let mut cache = room_for(1);
        let a = insert(&mut cache, "a", 0);
        insert(&mut cache, "b", 100);
        assert!(cache.find(a.id, 100).is_none());
        assert_eq!(cache.join(std::slice::from_ref(&a), 200).unwrap().id, a.id);
        assert!(cache.find(a.id, 200).is_some());
    }

    proptest! {
        #[test]
        fn the_books_are_always_right(steps in proptest::collection::vec((0u8..4, 0u8..6, 0u8..6, 1usize..600), 1..200)) {
            let mut cache = room_for(3);
            let mut now_ns = 0;
            let mut known: Vec<Ready> = Vec::new();
            for (what, one, other, samples) in steps {
                now_ns += 3;
                match what {
                    0 | 1 => known.extend(cache.insert(&format!("{one}"), sound(samples), Validity::Always, now_ns)),
                    2 if !known.is_empty() => {
                        let pick = |at: u8| known[usize::from(at) % known.len()].clone();
                        let _ = cache.join(&[pick(one), pick(other)], now_ns);
                    }
                    _ => { cache.lookup(&format!("{one}"), now_ns); }
                }
                prop_assert_eq!(cache.octets, cache.entries.values().map(|entry| entry.octets).sum::<u64>());
                prop_assert!(cache.octets <= 2 * cache.octets_max);
                prop_assert_eq!(cache.by_use.len(), cache.entries.len());
                prop_assert!(cache.by_url.iter().all(|(url, id)| cache.entries[id].url.as_ref() == Some(url)));
                prop_assert!(cache.by_parts.iter().all(|(parts, id)| &cache.entries[id].parts == parts));
            }
        }
    }
}
