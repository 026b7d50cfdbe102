//! Entries of `accesskeys`, `agents` and `customers`: who may use the API, and where events go.

use std::fmt;

use model::Customer;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::Assembly;
use super::file::{File, found};
use super::ids::{default_customer, derived_id};

/// A key for programs. Its token stands in the file; the server keeps a hash.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ProvisionedKey {
    /// Nil in the file: follows from the name.
    pub id: Uuid,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// `vb_` and 32 letters and digits.
    pub token: String,
    /// Seconds from its first start to its end; 0: never.
    pub expire: u64,
}

/// A person who logs in.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ProvisionedAgent {
    /// Nil in the file: follows from the user name.
    pub id: Uuid,
    /// What the person types.
    pub username: String,
    /// Stands in the file; the server keeps a hash.
    pub password: String,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// Bit mask (spec/resources.md §2); 0: none.
    pub permission: u32,
}

impl fmt::Debug for ProvisionedKey {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProvisionedKey({} {:?})", self.id, self.name)
    }
}

impl fmt::Debug for ProvisionedAgent {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProvisionedAgent({} {:?})", self.id, self.username)
    }
}

/// What the file may say of the one customer that there is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct CustomerEntry {
    id: Uuid,
    name: String,
    detail: String,
    email: String,
    phone_number: String,
    address: String,
    webhook_uri: String,
    webhook_method: String,
    webhook_secret: String,
}

/// spec/resources.md §2: everything.
const PERMISSION_ALL: u32 = 65_535;
const CUSTOMER_KEYS: [&str; 9] =
    ["id", "name", "detail", "email", "phone_number", "address", "webhook_uri", "webhook_method", "webhook_secret"];
const METHODS: [&str; 5] = ["", "POST", "GET", "PUT", "DELETE"];

impl<'a> Assembly<'a> {
    pub(super) fn accesskey(&mut self, file: &'a File, path: &str, entry: &Value) {
        let mut key: ProvisionedKey = match file.typed(path, entry) {
            Ok(key) => key,
            Err(fault) => return self.faults.push(fault),
        };
        if !is_token(&key.token) {
            let what = "the token is missing or has another form, allowed: vb_ and 32 letters and digits";
            return self.faults.push(file.fault(&format!("{path}.token"), what));
        }
        if key.expire > api::EXPIRE_MAX {
            let what = format!("found {}, allowed: seconds up to {}; 0: never", key.expire, api::EXPIRE_MAX);
            return self.faults.push(file.fault(&format!("{path}.expire"), &what));
        }
        if key.id.is_nil() && key.name.is_empty() {
            let what = "found neither, allowed: an `id`, or a `name` from which the id follows";
            return self.faults.push(file.fault(path, what));
        }
        if key.id.is_nil() {
            key.id = derived_id("accesskeys", &key.name);
        }
        if self.claim(file, path, format!("token {}", key.token), "the token of an access key")
            && self.claim(file, path, format!("accesskey {}", key.id), &format!("the access key {}", key.id))
        {
            self.warn_of_unknown(file, path, entry, &["id", "name", "detail", "token", "expire"]);
            self.result.accesskeys.push(key);
        }
    }

    pub(super) fn agent(&mut self, file: &'a File, path: &str, entry: &Value) {
        let mut agent: ProvisionedAgent = match file.typed(path, entry) {
            Ok(agent) => agent,
            Err(fault) => return self.faults.push(fault),
        };
        for (key, value) in [("username", &agent.username), ("password", &agent.password)] {
            if value.is_empty() {
                let what = "found nothing, allowed: text of at least one letter";
                return self.faults.push(file.fault(&format!("{path}.{key}"), what));
            }
        }
        if agent.id.is_nil() {
            agent.id = derived_id("agents", &agent.username);
        }
        if agent.permission > PERMISSION_ALL {
            let what =
                format!("found {}, allowed: a sum of the permissions, at most {PERMISSION_ALL}", agent.permission);
            return self.faults.push(file.fault(&format!("{path}.permission"), &what));
        }
        if entry.get("permission").is_none() {
            let what = "has no permission, so that who logs in may do nothing; 32 is that of an admin";
            self.result.warnings.push(file.fault(path, what));
        }
        let name = format!("the agent {}", agent.username);
        if self.claim(file, path, format!("agent {}", agent.username), &name)
            && self.claim(file, path, format!("agent's id {}", agent.id), &format!("the id {}", agent.id))
        {
            let keys = ["id", "username", "password", "name", "detail", "permission"];
            self.warn_of_unknown(file, path, entry, &keys);
            self.result.agents.push(agent);
        }
    }

    pub(super) fn customer(&mut self, file: &'a File, path: &str, entry: &Value) {
        let read: CustomerEntry = match file.typed(path, entry) {
            Ok(read) => read,
            Err(fault) => return self.faults.push(fault),
        };
        if !read.id.is_nil() && read.id != default_customer() {
            let what = format!("found {}, allowed: none, or {}: there is one customer", read.id, default_customer());
            return self.faults.push(file.fault(&format!("{path}.id"), what));
        }
        if !METHODS.contains(&read.webhook_method.as_str()) {
            let was = entry.get("webhook_method").map_or("nothing".to_owned(), found);
            let what = format!("found {was}, allowed: \"\", POST, GET, PUT, DELETE");
            return self.faults.push(file.fault(&format!("{path}.webhook_method"), what));
        }
        if let Err(what) = api::check_webhook_uri(&read.webhook_uri) {
            let was = entry.get("webhook_uri").map_or("nothing".to_owned(), found);
            return self.faults.push(file.fault(&format!("{path}.webhook_uri"), format!("found {was}: {what}")));
        }
        if self.claim(file, path, "customer".into(), "the customer") {
            self.warn_of_unknown(file, path, entry, &CUSTOMER_KEYS);
            self.result.customer = Some(Customer {
                id: default_customer(),
                name: read.name,
                detail: read.detail,
                email: read.email,
                phone_number: read.phone_number,
                address: read.address,
                webhook_uri: read.webhook_uri,
                webhook_method: read.webhook_method,
                webhook_secret: read.webhook_secret,
                tm_create: Some(self.now),
                ..Customer::default()
            });
        }
    }
}

/// spec/resources.md §2.
fn is_token(text: &str) -> bool {
    text.strip_prefix("vb_").is_some_and(|rest| rest.len() == 32 && rest.chars().all(|c| c.is_ascii_alphanumeric()))
}
