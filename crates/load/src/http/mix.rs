//! What is asked of the API, from a JSON file, and what must come back.

use std::borrow::Cow;
use std::fs;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::error::{Doing, Error, usage};

/// The built-in mix: what a voice user asks for most. Written as a file would be.
const USUAL: &str = include_str!("usual_mix.json");

/// All requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mix {
    /// Each by itself, in turn.
    #[serde(default)]
    pub reads: Vec<Request>,
    /// Each a sequence on one connection; `{id}` is that of the last created resource.
    #[serde(default)]
    pub writes: Vec<Vec<Request>>,
}

/// One request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[serde(default = "get")]
    pub method: String,
    /// With its query; `{id}` is filled in, see [`Mix::writes`] and `ids_of`.
    pub path: String,
    /// `{n}` in it becomes a new number each time.
    #[serde(default)]
    pub body: Option<Value>,
    /// How often it has its turn among the reads.
    #[serde(default = "one")]
    pub weight: u32,
    /// A list from which the ids for `{id}` are taken (reads).
    #[serde(default)]
    pub ids_of: Option<String>,
    /// 0: any status from 200 to 299.
    #[serde(default)]
    pub status: u16,
    #[serde(default)]
    pub expect: Expect,
}

/// What the body of the response must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    /// Any JSON, or nothing at all.
    #[default]
    Any,
    /// `{"result": [resource, ...], "next_page_token": text}`
    List,
    /// An object with an `id`; that of `{id}` if the path has one.
    Resource,
}

fn get() -> String {
    "GET".to_owned()
}

fn one() -> u32 {
    1
}

impl Mix {
    /// Reads `file`, or takes the usual one.
    pub(crate) fn read(file: Option<&str>) -> Result<Mix, Error> {
        let text = match file {
            Some(path) => fs::read_to_string(path).doing(|| format!("reading {path}"))?,
            None => USUAL.to_owned(),
        };
        let mix: Mix = serde_json::from_str(&text).map_err(|error| Error::Usage(format!("the mix: {error}")))?;
        let all = || mix.reads.iter().chain(mix.writes.iter().flatten());
        if let Some(wrong) = all().find(|one| !one.path.starts_with('/') || one.path.contains(char::is_whitespace)) {
            return usage(format!("the mix: `{}` is no path", wrong.path));
        }
        if let Some(wrong) = mix.reads.iter().find(|one| one.path.contains("{id}") && one.ids_of.is_none()) {
            return usage(format!("the mix: `{}` needs ids_of", wrong.path));
        }
        if mix.writes.iter().any(Vec::is_empty) || mix.reads.iter().any(|one| one.weight == 0 || one.weight > 1000) {
            return usage("the mix has an empty sequence, or a weight that is not from 1 to 1000");
        }
        Ok(mix)
    }

    /// The mix as a file, for `--mix list`.
    pub(crate) fn usual() -> &'static str {
        USUAL
    }
}

impl Request {
    /// What is wrong with a response to this request; `id` is what was filled in for `{id}`.
    pub(crate) fn fault(&self, body: &[u8], id: &str) -> Result<(), String> {
        if self.expect == Expect::Any && body.is_empty() {
            return Ok(());
        }
        match self.expect {
            Expect::Any => read::<IgnoredAny>(body).map(drop),
            Expect::Resource => {
                let resource = read::<Resource<'_>>(body)?;
                let own = resource.id()?;
                let right = !self.path.contains("{id}") || own == id;
                if right { Ok(()) } else { Err(format!("the resource {own} instead of {id}")) }
            }
            Expect::List => {
                let page = read::<Page<'_>>(body)?;
                let items = page.result.ok_or("no array `result`")?;
                page.next_page_token.ok_or("no text `next_page_token`")?;
                items.iter().try_for_each(|item| item.id().map(drop))
            }
        }
    }
}

/// A resource, of which only the id is looked at: the tester shares the processors with the server. The rest must be JSON.
#[derive(Deserialize)]
pub(crate) struct Resource<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    result: Option<Vec<Resource<'a>>>,
    #[serde(borrow)]
    next_page_token: Option<Cow<'a, str>>,
}

/// Reads what must be an object.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    if body.first() != Some(&b'{') {
        return Err("no JSON object".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| format!("not the JSON that it should be: {error}"))
}

impl Resource<'_> {
    /// The id, which must look like a UUID.
    pub(crate) fn id(&self) -> Result<&str, String> {
        uuid_text(self.id.as_deref())
    }
}

/// The id of a resource, which must look like a UUID.
pub(crate) fn id_of(value: &Value) -> Result<&str, String> {
    uuid_text(value.get("id").and_then(Value::as_str))
}

fn uuid_text(id: Option<&str>) -> Result<&str, String> {
    let id = id.ok_or("a resource without `id`")?;
    let is_uuid = id.len() == 36
        && id.bytes().enumerate().all(|(at, octet)| match at {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        });
    if is_uuid { Ok(id) } else { Err(format!("the id `{id}` is no UUID")) }
}

/// `{n}` in every text of a body.
pub(crate) fn numbered(value: &Value, number: u64) -> Value {
    match value {
        Value::String(text) => text.replace("{n}", &number.to_string()).into(),
        Value::Array(items) => items.iter().map(|item| numbered(item, number)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, item)| (name.clone(), numbered(item, number)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "7b3e9c52-41d6-4f0a-8c15-2d9a6e4f8b01";

    fn request(expect: Expect, path: &str) -> Request {
        let value = json!({ "path": path });
        Request { expect, ..serde_json::from_value(value).unwrap() }
    }

    #[test]
    fn the_usual_mix_reads_and_writes() {
        let mix = Mix::read(None).unwrap();
        assert!(mix.reads.len() >= 5 && !mix.writes.is_empty());
        assert!(Mix::read(Some("/nonexistent")).is_err());
    }

    #[test]
    fn lists_and_resources_are_looked_at() {
        let list = request(Expect::List, "/x");
        assert_eq!(
            list.fault(json!({ "result": [{ "id": ID }], "next_page_token": "" }).to_string().as_bytes(), ""),
            Ok(())
        );
        for wrong in [json!({}), json!({ "result": [] }), json!({ "result": [{}], "next_page_token": "" })] {
            assert!(list.fault(wrong.to_string().as_bytes(), "").is_err(), "{wrong}");
        }
        let resource = request(Expect::Resource, "/x/{id}");
        let body = json!({ "id": ID }).to_string();
        assert_eq!(resource.fault(body.as_bytes(), ID), Ok(()));
        assert!(resource.fault(body.as_bytes(), "other").unwrap_err().contains("instead"));
        assert!(resource.fault(b"{\"id\":\"12\"}", "12").is_err());
        assert!(request(Expect::Any, "/x").fault(b"", "").is_ok());
        assert!(request(Expect::Any, "/x").fault(b"<html>", "").is_err());
    }

    #[test]
    fn numbers_are_put_into_every_text() {
        assert_eq!(numbered(&json!({ "a": ["x{n}"], "b": 1 }), 7), json!({ "a": ["x7"], "b": 1 }));
    }
}
