//! The description of one endpoint.

use serde_json::{Map, Value, json};

use super::schema;

/// What an endpoint takes and gives. Built in the line that also names the handler.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    tag: &'static str,
    summary: &'static str,
    public: bool,
    query: Vec<(&'static str, Value, &'static str)>,
    body: Option<&'static str>,
    /// The body may be left out.
    body_is_optional: bool,
    success: Success,
    refusals: Vec<u16>,
}

#[derive(Clone, Debug)]
enum Success {
    One(&'static str),
    Page(&'static str),
    Inline(Value),
    Empty,
    Bytes(&'static [&'static str]),
    Upgrade,
}

impl Operation {
    pub(crate) fn new(tag: &'static str, summary: &'static str) -> Operation {
        let success = Success::Empty;
        Operation {
            tag,
            summary,
            public: false,
            query: Vec::new(),
            body: None,
            body_is_optional: false,
            success,
            refusals: Vec::new(),
        }
    }

    /// 200 with this schema.
    pub(crate) fn gives(mut self, schema: &'static str) -> Operation {
        self.success = Success::One(schema);
        self
    }

    /// 200 with an object of this schema, which has no name of its own.
    pub(crate) fn gives_inline(mut self, schema: Value) -> Operation {
        self.success = Success::Inline(schema);
        self
    }

    /// 200 with a page of this schema.
    pub(crate) fn gives_page(mut self, schema: &'static str) -> Operation {
        self.success = Success::Page(schema);
        let size =
            json!({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 100}, {"type": "string"}], "default": 100});
        let about = "1 to 100; anything else becomes 100";
        self.query("page_size", size, about).query("page_token", schema::text(), "next_page_token of the page before")
    }

    /// 200, or 206 for a range, with bytes of one of these types.
    pub(crate) fn gives_bytes(mut self, types: &'static [&'static str]) -> Operation {
        self.success = Success::Bytes(types);
        self
    }

    /// 101, a WebSocket.
    pub(crate) fn upgrades(mut self) -> Operation {
        self.success = Success::Upgrade;
        self
    }

    /// Takes a JSON body of this schema.
    pub(crate) fn takes(mut self, schema: &'static str) -> Operation {
        self.body = Some(schema);
        self
    }

    /// Takes a JSON body of this schema, or none.
    pub(crate) fn may_take(mut self, schema: &'static str) -> Operation {
        self.body_is_optional = true;
        self.takes(schema)
    }

    /// Takes a query parameter.
    pub(crate) fn query(mut self, name: &'static str, schema: Value, about: &'static str) -> Operation {
        self.query.push((name, schema, about));
        self
    }

    /// May be refused with these statuses too.
    pub(crate) fn refuses(mut self, statuses: &[u16]) -> Operation {
        self.refusals.extend_from_slice(statuses);
        self
    }

    /// Needs no credentials.
    pub(crate) fn public(mut self) -> Operation {
        self.public = true;
        self
    }

    /// The object that stands in the document.
    pub(crate) fn describe(self, method: &str, path: &str) -> Value {
        let mut described = json!({
            "tags": [self.tag],
            "summary": self.summary,
            "operationId": operation_id(method, path),
        });
        let mut parameters: Vec<Value> = Vec::new();
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            parameters.push(json!({"name": part, "in": "path", "required": true, "schema": schema::id()}));
        }
        for (name, schema, about) in self.query {
            parameters.push(json!({"name": name, "in": "query", "description": about, "schema": schema}));
        }
        if !parameters.is_empty() {
            described["parameters"] = parameters.into();
        }
        let mut refusals = self.refusals;
        refusals.extend([400, 429, 500]);
        if let Some(body) = self.body {
            refusals.extend([408, 413, 415]);
            let content = json!({"application/json": {"schema": schema::reference(body)}});
            described["requestBody"] = json!({"required": !self.body_is_optional, "content": content});
        }
        if self.public {
            described["security"] = json!([]);
        } else {
            refusals.extend([401, 403]);
        }
        if path.contains('{') {
            refusals.push(404);
        }
        if matches!(self.success, Success::Bytes(_)) {
            refusals.push(416);
        }
        let mut responses = success(self.success);
        refusals.sort_unstable();
        refusals.dedup();
        for status in refusals {
            let error = json!({"application/json": {"schema": schema::reference("Error")}});
            responses.insert(status.to_string(), json!({"description": meaning(status), "content": error}));
        }
        described["responses"] = responses.into();
        described
    }
}

fn success(success: Success) -> Map<String, Value> {
    let json_of = |schema: Value| json!({"description": "done", "content": {"application/json": {"schema": schema}}});
    let mut responses = Map::new();
    match success {
        Success::One(name) => {
            responses.insert("200".into(), json_of(schema::reference(name)));
        }
        Success::Page(name) => {
            let page = json!({
                "type": "object",
                "required": ["result", "next_page_token"],
                "properties": {
                    "result": {"type": "array", "items": schema::reference(name)},
                    "next_page_token": {"type": "string", "description": "empty on the last page"},
                },
            });
            responses.insert("200".into(), json_of(page));
        }
        Success::Inline(schema) => {
            responses.insert("200".into(), json_of(schema));
        }
        Success::Empty => {
            responses.insert("204".into(), json!({"description": "done"}));
        }
        Success::Bytes(types) => {
            let content: Map<String, Value> =
                types.iter().map(|kind| ((*kind).to_owned(), json!({"schema": {"type": "string"}}))).collect();
            for (status, what) in [("200", "all of it"), ("206", "the range that was asked for")] {
                responses.insert(status.into(), json!({"description": what, "content": content}));
            }
        }
        Success::Upgrade => {
            responses.insert("101".into(), json!({"description": "from here on WebSocket"}));
        }
    }
    responses
}

/// `get /v1.0/flows/{id}` → `get_flows_id`
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.filter(|word| !matches!(*word, "v1" | "0"));
    let mut id = method.to_owned();
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    if path.starts_with("/v1.0/auth") { id + "_v1" } else { id }
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "the request is wrong",
        401 => "the credentials are missing or not valid",
        403 => "the caller may not",
        404 => "there is no such thing, or it belongs to somebody else",
        408 => "the body did not come in time",
        409 => "not in this state, or there is one already",
        413 => "the body is too long",
        415 => "the body is no JSON",
        416 => "there is no such range",
        426 => "this is for WebSockets",
        429 => "too many requests, and Retry-After says when to come again; or too many of its kind",
        503 => "not now",
        _ => "the server failed",
    }
}
