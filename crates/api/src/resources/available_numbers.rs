//! `GET /available_numbers`: what could be made a number. Nothing is bought here, so that these are virtual numbers which nobody has
//! (spec/resources.md §9).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use model::VIRTUAL_PREFIX;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::Manager;
use crate::clock::random;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::paging;
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::{Kind, Repository, RepositoryError};
use crate::service::Api;
use crate::shown::Shown;

const TYPES: [&str; 2] = ["normal", "virtual"];
/// Digits behind the prefix.
const DIGITS: usize = 8;
/// How often a number is drawn for each that is asked for, before it is said that there are no more.
const DRAWS: usize = 20;

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let fields = [
        ("number", schema::text()),
        ("type", schema::word(&["virtual"])),
        ("country", schema::text()),
        ("region", schema::text()),
        ("postal_code", schema::text()),
        ("features", schema::many(schema::word(&["voice"]))),
    ];
    endpoints.schema("AvailableNumber", schema::answer(&fields));
    let operation = Operation::new("numbers", "Virtual numbers that are free, other ones each time")
        .query("type", schema::word(&TYPES), "there are only virtual ones: nothing of another type is available")
        .query("country_code", schema::text(), "virtual numbers have no country: with one, nothing is available")
        .gives_page("AvailableNumber");
    endpoints.get("/v1.0/available_numbers", operation, list);
}

async fn list(State(api): State<Arc<Api>>, Manager(_): Manager, query: Query) -> Result<Shown, Problem> {
    let is_virtual = query.word("type", &TYPES)?.is_none_or(|word| word == "virtual");
    let has_country = query.get("country_code").is_some_and(|code| !code.is_empty());
    let count = if is_virtual && !has_country { paging::page_size(&query) } else { 0 };
    let found = api.ask(move |repository| free(repository, count)).await?;
    let found: Vec<String> = found.into_iter().collect();
    Ok(Shown::page(&found, "", |number, text| crate::shape::write_json(&shown(number), text)))
}

fn shown(number: &str) -> Value {
    json!({"number": number, "type": "virtual", "country": "", "region": "", "postal_code": "", "features": ["voice"]})
}

/// So many numbers that nobody has; fewer when nearly all are taken.
fn free(repository: &dyn Repository, count: usize) -> Result<BTreeSet<String>, RepositoryError> {
    let (mut random, mut found) = (random(), BTreeSet::new());
    for _ in 0..count * DRAWS {
        if found.len() == count {
            break;
        }
        let digits: String = (0..DIGITS).map(|_| char::from(b'0' + (random.next_u32() % 10) as u8)).collect();
        let number = format!("{VIRTUAL_PREFIX}{digits}");
        if repository.find(Kind::Number, Uuid::nil(), &number)?.is_none() {
            found.insert(number);
        }
    }
    Ok(found)
}
