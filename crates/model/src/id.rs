//! Resource ids: version 4 UUIDs; the nil UUID means "not set" (spec/resources.md §1).

use base::Random;
use uuid::{Builder, Uuid};

/// A new random id (RFC 9562 §5.4).
pub fn random_id(random: &mut Random) -> Uuid {
    Builder::from_random_bytes(random.bytes16()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_uuids_of_version_4_and_follow_from_the_seed() {
        let (mut a, mut b) = (Random::from_seed([1; 32]), Random::from_seed([1; 32]));
        let first = random_id(&mut a);
        assert_eq!(first.get_version_num(), 4);
        assert_eq!(first, random_id(&mut b));
        assert_ne!(first, random_id(&mut a));
    }
}
