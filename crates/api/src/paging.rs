//! Pages of lists (spec/resources.md §1): newest first, the token names the last item that was shown.

use model::Timestamp;
use uuid::Uuid;

use crate::problem::Problem;
use crate::query::Query;
use crate::repository::{After, PAGE_SIZE_MAX};
use crate::shape::Shape;

/// How many items the query asks for: 1–100; anything else becomes 100.
pub(crate) fn page_size(query: &Query) -> usize {
    let asked = query.get("page_size").and_then(|text| text.parse().ok());
    asked.filter(|size| (1..=PAGE_SIZE_MAX).contains(size)).unwrap_or(PAGE_SIZE_MAX)
}

/// Where the page begins that the query asks for.
pub(crate) fn after(query: &Query) -> Result<Option<After>, Problem> {
    query.get("page_token").map(parse).transpose()
}

/// A token is the last item's `tm_create`, `_` and its id without hyphens; a bare timestamp does too.
fn parse(token: &str) -> Result<After, Problem> {
    let wrong = || Problem::parameter("page_token", "page_token must be the next_page_token of a page before");
    let (at, id) = match token.rsplit_once('_') {
        Some((at, id)) => (at, Some(Uuid::try_parse(id).map_err(|_| wrong())?)),
        None => (token, None),
    };
    Ok(After { tm_create: Timestamp::parse(at).map_err(|_| wrong())?, id })
}

/// The token of the page behind this item.
pub(crate) fn token(shape: Shape, tm_create: Timestamp, id: Uuid) -> String {
    format!("{}_{}", shape.timestamp(tm_create), id.simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap()).unwrap()
    }

    #[test]
    fn any_other_page_size_becomes_a_hundred() {
        for (text, expected) in [("1", 1), ("100", 100), ("0", 100), ("101", 100), ("-1", 100), ("x", 100), ("", 100)] {
            assert_eq!(page_size(&query(&format!("page_size={text}"))), expected, "{text}");
        }
    }

    #[test]
    fn a_token_is_read_back_and_a_bare_timestamp_is_one_too() {
        let (at, id) = (Timestamp::from_us(1_680_792_792_569_073), Uuid::from_u128(7));
        for shape in [Shape { legacy: false }, Shape { legacy: true }] {
            let written = token(shape, at, id).replace(' ', "+");
            let read = after(&query(&format!("page_token={written}"))).unwrap().unwrap();
            assert_eq!(read, After { tm_create: at, id: Some(id) });
        }
        for bare in ["2023-04-06T14:53:12Z", "2023-04-06%2014:53:12"] {
            assert_eq!(after(&query(&format!("page_token={bare}"))).unwrap().unwrap().id, None);
        }
        for wrong in ["x", "2023-04-06T14:53:12Z_x", "_"] {
            assert!(after(&query(&format!("page_token={wrong}"))).is_err(), "{wrong}");
        }
    }
}
