//! Resources that users make: flows, numbers, phones, conferences, keys, people, customers.

mod changes;
mod table;

use model::{Accesskey, Agent, Conference, Customer, Extension, Flow, Number, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub(crate) use changes::Changes;
pub use table::Batch;
pub(crate) use table::{Put, all, count, find_unique, get, is_known, list, put, put_all, row};

/// A kind of resource that the store keeps.
pub trait Stored: Serialize + DeserializeOwned + Send + 'static {
    /// The collection's name, as in the API's paths.
    const KIND: &'static str;
    /// Its id.
    fn id(&self) -> Uuid;
    /// Owner. A customer owns itself.
    fn customer_id(&self) -> Uuid;
    /// When it was made.
    fn tm_create(&self) -> Option<Timestamp>;
    /// When it was deleted.
    fn tm_delete(&self) -> Option<Timestamp>;
    /// What only one of its kind that is not deleted may have; none: nothing.
    fn unique_key(&self) -> Option<String> {
        None
    }
}

macro_rules! stored {
    ($name:ident, $kind:literal, $customer:ident $(, $this:ident => $key:expr)?) => {
        impl Stored for $name {
            const KIND: &'static str = $kind;
            fn id(&self) -> Uuid {
                self.id
            }
            fn customer_id(&self) -> Uuid {
                self.$customer
            }
            fn tm_create(&self) -> Option<Timestamp> {
                self.tm_create
            }
            fn tm_delete(&self) -> Option<Timestamp> {
                self.tm_delete
            }
            $(fn unique_key(&self) -> Option<String> {
                let $this = self;
                Some($key)
            })?
        }
    };
}

stored!(Flow, "flows", customer_id);
stored!(Number, "numbers", customer_id, number => number.number.clone());
stored!(Extension, "extensions", customer_id, phone => extension_key(phone.customer_id, &phone.extension));
stored!(Conference, "conferences", customer_id);
stored!(Accesskey, "accesskeys", customer_id, key => key.token_hash.clone());
stored!(Agent, "agents", customer_id, agent => agent.username.clone());
stored!(Customer, "customers", id);

/// The unique key of an extension: the same number may exist at each customer.
pub fn extension_key(customer_id: Uuid, extension: &str) -> String {
    format!("{customer_id}/{extension}")
}
