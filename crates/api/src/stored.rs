//! What all stored resources have in common.

use std::sync::Arc;

use model::{
    Accesskey, Action, Activeflow, Call, Confbridge, Conference, Conferencecall, Customer, Extension, Flow, Number,
    Recording, Resource, Timestamp,
};
use uuid::Uuid;

use crate::repository::Kind;

/// A resource that a repository keeps.
pub(crate) trait Stored: Clone + Send + Sync + Sized + 'static {
    const KIND: Kind;

    fn from_resource(resource: Resource) -> Option<Self>;
    fn into_resource(self) -> Resource;
    fn owner(&self) -> Uuid;
    fn is_deleted(&self) -> bool;
    fn delete(&mut self, at: Timestamp);
}

macro_rules! stored {
    ($($kind:ident: $owner:ident),*) => {
        $(impl Stored for $kind {
            const KIND: Kind = Kind::$kind;

            fn from_resource(resource: Resource) -> Option<$kind> {
                if let Resource::$kind(inner) = resource { Some(Arc::unwrap_or_clone(inner)) } else { None }
            }

            fn into_resource(self) -> Resource {
                Resource::$kind(Arc::new(self))
            }

            fn owner(&self) -> Uuid {
                self.$owner
            }

            fn is_deleted(&self) -> bool {
                self.tm_delete.is_some()
            }

            fn delete(&mut self, at: Timestamp) {
                (self.tm_update, self.tm_delete) = (Some(at), Some(at));
            }
        })*
    };
}

stored!(
    Accesskey: customer_id,
    Activeflow: customer_id,
    Confbridge: customer_id,
    Conference: customer_id,
    Conferencecall: customer_id,
    Customer: id,
    Extension: customer_id,
    Flow: customer_id,
    Number: customer_id,
    Recording: customer_id
);

/// A call with the action that it is at.
#[derive(Clone, Debug)]
pub(crate) struct CallRecord {
    pub(crate) call: Call,
    pub(crate) action: Option<Action>,
}

impl Stored for CallRecord {
    const KIND: Kind = Kind::Call;

    fn from_resource(resource: Resource) -> Option<CallRecord> {
        let Resource::Call(call, action) = resource else { return None };
        Some(CallRecord { call: Arc::unwrap_or_clone(call), action: action.map(Arc::unwrap_or_clone) })
    }

    fn into_resource(self) -> Resource {
        Resource::Call(Arc::new(self.call), self.action.map(Arc::new))
    }

    fn owner(&self) -> Uuid {
        self.call.customer_id
    }

    fn is_deleted(&self) -> bool {
        self.call.tm_delete.is_some()
    }

    fn delete(&mut self, at: Timestamp) {
        (self.call.tm_update, self.call.tm_delete) = (Some(at), Some(at));
    }
}
