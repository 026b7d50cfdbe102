//! What is kept: the event log, resources and call records.
