//! The server transactions of an endpoint, found by id and by what requests are matched with: RFC 3261 §17.2.3.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::server::ServerTransaction;
use crate::Hop;
use crate::transaction::ServerTransactionId;
use crate::transaction::key::{Fingerprint, Place, RequestKey};

/// A request, its CANCEL and an ACK share a part of their keys. Who gives it to more requests than this finds not all of them
/// again.
const SHARING_MAX: usize = 64;

/// All server transactions. What they are found by is fixed in length: there are tens of thousands under load.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ServerTable {
    transactions: BTreeMap<ServerTransactionId, ServerTransaction>,
    by_key: BTreeMap<Place, ServerTransactionId>,
    by_merge_key: BTreeMap<Fingerprint, ServerTransactionId>,
}

impl ServerTable {
    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    /// The transaction that `request` repeats.
    pub(super) fn find_repeated(&self, request: &RequestKey) -> Option<ServerTransactionId> {
        self.by_key.get(&request.place()).copied()
    }

    /// The INVITE with the key `invite`, which an ACK with To tag `to_tag` acknowledges. Before RFC 3261 branches were not
    /// unique: there the tag of our response decides, too.
    pub(super) fn find_acknowledged(&self, invite: &RequestKey, to_tag: Option<&str>) -> Option<ServerTransactionId> {
        if invite.is_unique() {
            return self.find_repeated(invite);
        }
        let is_meant = |found: &ServerTransaction| found.key.is_of_invite() && found.to_tag.as_deref() == to_tag;
        self.sharing(invite).find(|(_, found)| is_meant(found)).map(|(id, _)| id)
    }

    /// The request that a CANCEL is for: any method but CANCEL and ACK, RFC 3261 §9.2.
    pub(super) fn find_cancelled(&self, cancel: &RequestKey) -> Option<ServerTransactionId> {
        self.sharing(cancel).find(|(_, transaction)| !transaction.key.is_of_cancel()).map(|(id, _)| id)
    }

    /// Whether another copy of the request with this merge key is being served, RFC 3261 §8.2.2.2.
    pub(super) fn has_merged(&self, merge_key: Fingerprint) -> bool {
        self.by_merge_key.contains_key(&merge_key)
    }

    /// Those whose responses go over `hop`.
    pub(super) fn over(&self, hop: &Hop) -> Vec<ServerTransactionId> {
        let answers_over = |transaction: &ServerTransaction| transaction.reply_hop == *hop;
        self.transactions.iter().filter(|(_, transaction)| answers_over(transaction)).map(|(id, _)| *id).collect()
    }

    /// Whether `id` is an INVITE without a final response that the core has not been told to cancel; it counts as told from now on.
    pub(super) fn cancel_pending_invite(&mut self, id: ServerTransactionId) -> bool {
        match self.transactions.get_mut(&id) {
            Some(invite) if invite.is_pending_invite() => !std::mem::replace(&mut invite.cancelled, true),
            _ => false,
        }
    }

    /// The To tag that the core has used in responses of `id`.
    pub(super) fn to_tag(&self, id: ServerTransactionId) -> Option<String> {
        self.transactions.get(&id)?.to_tag.clone()
    }

    /// The transactions whose keys have the shared part of `key`; of very many that one client makes only some are looked at.
    fn sharing(&self, key: &RequestKey) -> impl Iterator<Item = (ServerTransactionId, &ServerTransaction)> {
        let at = |whole| Place { shared: key.place().shared, whole };
        let found = self.by_key.range(at([0; 2])..=at([u64::MAX; 2])).take(SHARING_MAX);
        found.filter_map(|(_, id)| Some((*id, self.transactions.get(id)?)))
    }

    pub(super) fn get_mut(&mut self, id: ServerTransactionId) -> Option<&mut ServerTransaction> {
        self.transactions.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: ServerTransactionId, transaction: ServerTransaction) {
        self.by_key.insert(transaction.key.place(), id);
        if let Some(merge_key) = transaction.merge_key {
            self.by_merge_key.insert(merge_key, id);
        }
        self.transactions.insert(id, transaction);
    }

    pub(super) fn remove(&mut self, id: ServerTransactionId) {
        if let Some(transaction) = self.transactions.remove(&id) {
            self.by_key.remove(&transaction.key.place());
            if let Some(merge_key) = transaction.merge_key {
                self.by_merge_key.remove(&merge_key);
            }
        }
    }
}
