//! Ids of resources whose file gives none: the same entry has the same id after every reload and on every machine.

use uuid::Uuid;

/// The namespace of all ids made here, itself a version 4 UUID drawn once.
const NAMESPACE: Uuid = Uuid::from_u128(0x947c_d651_0ed8_4fff_9d8d_a851_01c3_ee0c);

/// The id of the `name` in `collection`: a version 5 UUID (RFC 9562 §5.5) of `flows/<name>` or `numbers/<number>`.
pub fn derived_id(collection: &str, name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{collection}/{name}").as_bytes())
}

/// The customer that provisioned resources belong to.
pub fn default_customer() -> Uuid {
    derived_id("customers", "default")
}

/// The seed from which the actions of a flow get the ids that they lack.
pub(super) fn seed_of(flow: Uuid) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(flow.as_bytes());
    seed[16..].copy_from_slice(NAMESPACE.as_bytes());
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_collection_and_name_and_on_nothing_else() {
        assert_eq!(derived_id("flows", "menu"), derived_id("flows", "menu"));
        assert_ne!(derived_id("flows", "menu"), derived_id("numbers", "menu"));
        assert_eq!(derived_id("flows", "menu").get_version_num(), 5);
        // Computed by another program; a change would give every deployed resource a new id.
        assert_eq!(default_customer().to_string(), "eb01de4e-10f9-53da-bf08-ebfd77e5ba12");
    }
}
