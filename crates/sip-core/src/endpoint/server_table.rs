//! The server transactions of an endpoint, found by id and by what requests are matched with: RFC 3261 §17.2.3.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::server::ServerTransaction;
use crate::transaction::ServerTransactionId;
use crate::transaction::key::{self, RequestKey};
use crate::{Hop, Method};

/// All server transactions.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ServerTable {
    transactions: BTreeMap<ServerTransactionId, ServerTransaction>,
    by_key: BTreeMap<Bytes, ServerTransactionId>,
    by_merge_key: BTreeMap<Bytes, ServerTransactionId>,
}

impl ServerTable {
    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    /// The transaction that `request` repeats.
    pub(super) fn find_repeated(&self, request: &RequestKey) -> Option<ServerTransactionId> {
        self.by_key.get(request.full()).copied()
    }

    /// The INVITE that an ACK with To tag `to_tag` acknowledges. Before RFC 3261 branches were not unique: there the tag of our
    /// response decides, too.
    pub(super) fn find_acknowledged(&self, ack: &RequestKey, to_tag: Option<&str>) -> Option<ServerTransactionId> {
        let prefix = ack.prefix_with(&Method::Invite);
        let answered_with = |id| self.transactions.get(&id).is_some_and(|invite| invite.to_tag.as_deref() == to_tag);
        self.entries(&prefix).map(|(_, id)| id).find(|id| ack.is_unique() || answered_with(*id))
    }

    /// The request that a CANCEL is for: any method but CANCEL and ACK, RFC 3261 §9.2.
    pub(super) fn find_cancelled(&self, cancel: &RequestKey) -> Option<ServerTransactionId> {
        let prefix = cancel.prefix();
        self.entries(prefix).find(|(key, _)| !key::is_of_method(key, prefix, &Method::Cancel)).map(|(_, id)| id)
    }

    /// Whether another copy of the request with this merge key is being served, RFC 3261 §8.2.2.2.
    pub(super) fn has_merged(&self, merge_key: &[u8]) -> bool {
        self.by_merge_key.contains_key(merge_key)
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

    fn entries<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (&'a Bytes, ServerTransactionId)> + 'a {
        self.by_key
            .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, id)| (key, *id))
    }

    pub(super) fn get_mut(&mut self, id: ServerTransactionId) -> Option<&mut ServerTransaction> {
        self.transactions.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: ServerTransactionId, transaction: ServerTransaction) {
        self.by_key.insert(transaction.key.clone(), id);
        if let Some(merge_key) = &transaction.merge_key {
            self.by_merge_key.insert(merge_key.clone(), id);
        }
        self.transactions.insert(id, transaction);
    }

    pub(super) fn remove(&mut self, id: ServerTransactionId) {
        if let Some(transaction) = self.transactions.remove(&id) {
            self.by_key.remove(&transaction.key);
            if let Some(merge_key) = &transaction.merge_key {
                self.by_merge_key.remove(merge_key);
            }
        }
    }
}
