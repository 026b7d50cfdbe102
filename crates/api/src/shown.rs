//! JSON that goes out: written once, from the resource itself, on the thread that had to wait for it anyway.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::Resource;
use serde_json::Value;

use crate::shape::{Shape, write_json};

/// The text of a body.
#[derive(Debug)]
pub(crate) struct Shown(Vec<u8>);

impl Shown {
    /// One resource as the outside sees it.
    pub(crate) fn resource(resource: &Resource, shape: Shape) -> Shown {
        let mut text = Vec::new();
        shape.write_resource(resource, &mut text);
        Shown(text)
    }

    /// `{"result": [...], "next_page_token": "..."}`, with each item written by `write`.
    pub(crate) fn page<T>(items: &[T], token: &str, mut write: impl FnMut(&T, &mut Vec<u8>)) -> Shown {
        let mut text = br#"{"result":["#.to_vec();
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            write(item, &mut text);
        }
        text.extend_from_slice(br#"],"next_page_token":"#);
        write_json(&Value::from(token), &mut text);
        text.push(b'}');
        Shown(text)
    }
}

impl From<Value> for Shown {
    fn from(value: Value) -> Shown {
        let mut text = Vec::new();
        write_json(&value, &mut text);
        Shown(text)
    }
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::Flow;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_is_the_json_of_its_items_in_their_order() {
        let text = |names: &[&str], token| {
            let shown = Shown::page(names, token, |name, text| write_json(&json!({ "name": name }), text));
            String::from_utf8(shown.0).unwrap()
        };
        assert_eq!(text(&[], ""), r#"{"result":[],"next_page_token":""}"#);
        assert_eq!(text(&["a"], "x\"y"), r#"{"result":[{"name":"a"}],"next_page_token":"x\"y"}"#);
        assert_eq!(text(&["a", "b"], ""), r#"{"result":[{"name":"a"},{"name":"b"}],"next_page_token":""}"#);
    }

    #[test]
    fn a_resource_is_written_as_its_public_value_in_both_shapes() {
        let resource = Resource::Flow(Arc::new(Flow { name: "ü \"x\"".into(), ..Flow::default() }));
        for legacy in [false, true] {
            let shape = Shape { legacy };
            let written: Value = serde_json::from_slice(&Shown::resource(&resource, shape).0).unwrap();
            assert_eq!(written, shape.resource(&resource));
        }
    }
}
