//! Pages of lists (spec/resources.md §1): newest first, and a token that says where the next page begins.

use model::Timestamp;
use uuid::Uuid;

use crate::StoreError;

/// The page size when none, or a bad one, is asked for; also the largest.
pub const PAGE_SIZE_MAX: usize = 100;

/// Which page of a list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many items; anything but 1–100 becomes 100.
    pub size: usize,
    /// The token that came with the page before; empty = the first page. A bare timestamp is accepted: the page then holds what
    /// is strictly older.
    pub token: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// Token of the next page; empty when fewer items came than were asked for.
    pub next_page_token: String,
}

/// A place in a list: items are ordered by the time of creation and, among equal times, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) at_us: u64,
    pub(crate) id: Uuid,
}

impl Position {
    /// Before the first item.
    const START: Position = Position { at_us: i64::MAX as u64, id: Uuid::max() };

    /// `<timestamp>_<id>`
    fn token(self) -> String {
        format!("{}_{}", Timestamp::from_us(self.at_us), self.id.simple())
    }
}

impl Page {
    pub(crate) fn limit(&self) -> usize {
        if (1..=PAGE_SIZE_MAX).contains(&self.size) { self.size } else { PAGE_SIZE_MAX }
    }

    /// The page holds what lies behind this place.
    pub(crate) fn start(&self) -> Result<Position, StoreError> {
        if self.token.is_empty() {
            return Ok(Position::START);
        }
        let bad = || StoreError::BadPageToken(self.token.chars().take(80).collect());
        let (time, id) = match self.token.rsplit_once('_') {
            Some((time, id)) => (time, Uuid::try_parse(id).map_err(|_| bad())?),
            None => (self.token.as_str(), Uuid::nil()),
        };
        let time = Timestamp::parse(time).map_err(|_| bad())?;
        Ok(Position { at_us: time.as_us(), id })
    }

    /// Makes the page of sorted items, of which there may be more than fit.
    pub(crate) fn cut<T>(&self, mut items: Vec<(Position, T)>) -> Listed<T> {
        let limit = self.limit();
        items.truncate(limit);
        let next_page_token = match items.last() {
            Some((last, _)) if items.len() == limit => last.token(),
            _ => String::new(),
        };
        Listed { items: items.into_iter().map(|(_, item)| item).collect(), next_page_token }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_a_bare_timestamp_of_any_form_is_one_too() {
        let place = Position { at_us: 1_680_792_792_569_073, id: Uuid::from_u128(7) };
        let start = |token: &str| Page { size: 1, token: token.into() }.start();
        assert_eq!(start(&place.token()), Ok(place));
        for bare in ["2023-04-06T14:53:12.569073Z", "2023-04-06 14:53:12.569073"] {
            assert_eq!(start(bare), Ok(Position { id: Uuid::nil(), ..place }));
        }
        for bad in ["x", "2023-04-06T14:53:12.569073Z_x", "_", "2023"] {
            assert!(matches!(start(bad), Err(StoreError::BadPageToken(_))), "{bad}");
        }
    }

    #[test]
    fn a_size_out_of_range_becomes_100() {
        for (asked, size) in [(0, 100), (1, 1), (100, 100), (101, 100), (usize::MAX, 100)] {
            assert_eq!(Page { size: asked, token: String::new() }.limit(), size);
        }
    }
}
