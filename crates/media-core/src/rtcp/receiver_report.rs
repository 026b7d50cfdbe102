//! Receiver report (RFC 3550 §6.4.2).

use super::report_block::ReportBlocks;
use super::u32_at;

/// A parsed receiver report.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who sends.
    pub ssrc: u32,
    /// About the sources it hears.
    pub blocks: ReportBlocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    /// `body`: behind the common header; `count`: blocks that the header claims.
    pub(super) fn parse(body: &'a [u8], count: u8) -> Option<ReceiverReport<'a>> {
        Some(ReceiverReport { ssrc: u32_at(body, 0)?, blocks: ReportBlocks::new(body.get(4..)?, count) })
    }
}
