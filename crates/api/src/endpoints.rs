//! The one table of what is served: each line adds a handler to the router and its description to the OpenAPI document, so
//! that neither can have what the other lacks.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use serde_json::{Map, Value};

use crate::openapi::{self, Operation};
use crate::service::Api;

/// Handlers and their descriptions.
pub(crate) struct Endpoints {
    router: Router<Arc<Api>>,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Endpoints {
    pub(crate) fn new() -> Endpoints {
        Endpoints { router: Router::new(), paths: Map::new(), schemas: Map::new() }
    }

    pub(crate) fn get<H: Handler<T, Arc<Api>>, T: 'static>(&mut self, path: &str, operation: Operation, handler: H) {
        self.add(MethodFilter::GET, "get", path, operation, handler);
    }

    pub(crate) fn post<H: Handler<T, Arc<Api>>, T: 'static>(&mut self, path: &str, operation: Operation, handler: H) {
        self.add(MethodFilter::POST, "post", path, operation, handler);
    }

    pub(crate) fn put<H: Handler<T, Arc<Api>>, T: 'static>(&mut self, path: &str, operation: Operation, handler: H) {
        self.add(MethodFilter::PUT, "put", path, operation, handler);
    }

    pub(crate) fn delete<H: Handler<T, Arc<Api>>, T: 'static>(&mut self, path: &str, operation: Operation, handler: H) {
        self.add(MethodFilter::DELETE, "delete", path, operation, handler);
    }

    /// Adds a schema to the document's components.
    pub(crate) fn schema(&mut self, name: &str, schema: Value) {
        let before = self.schemas.insert(name.into(), schema);
        assert!(before.is_none(), "the schema {name} is there twice");
    }

    /// The router, and the document that describes it.
    pub(crate) fn finish(self) -> (Router<Arc<Api>>, Value) {
        (self.router, openapi::document(self.paths, self.schemas))
    }

    fn add<H, T>(&mut self, filter: MethodFilter, method: &str, path: &str, operation: Operation, handler: H)
    where
        H: Handler<T, Arc<Api>>,
        T: 'static,
    {
        let entry = self.paths.entry(path).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(methods) = entry {
            methods.insert(method.into(), operation.describe(method, path));
        }
        for spelling in spellings(path) {
            self.router = std::mem::take(&mut self.router).route(&spelling, on(filter, handler.clone()));
        }
    }
}

/// A path with `-` or `_` in a sub-resource's name is found under both spellings (spec/resources.md §1).
fn spellings(path: &str) -> Vec<String> {
    let swap = |from: char, to: &str| -> String {
        let parts =
            path.split('/').map(|part| if part.starts_with('{') { part.into() } else { part.replace(from, to) });
        parts.collect::<Vec<_>>().join("/")
    };
    let mut spellings = vec![path.to_owned(), swap('_', "-"), swap('-', "_")];
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_resources_have_two_spellings_and_parameters_one() {
        assert_eq!(spellings("/v1.0/flows/{id}"), ["/v1.0/flows/{id}"]);
        assert_eq!(spellings("/x/{a_id}/flow_ids"), ["/x/{a_id}/flow-ids", "/x/{a_id}/flow_ids"]);
        assert_eq!(spellings("/x/a-b-c"), ["/x/a-b-c", "/x/a_b_c"]);
    }
}
