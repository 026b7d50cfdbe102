//! Report blocks (RFC 3550 §6.4.1): what a receiver tells about one source.

use super::u32_at;

/// One report block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source that is reported on.
    pub ssrc: u32,
    /// Share of packets lost since the last report, 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, 24 bits signed.
    pub cumulative_lost: i32,
    /// Turns of the sequence number in the upper half, the highest one in the lower.
    pub extended_highest: u32,
    /// RTP timestamp units.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time in the last sender report; 0 if none came.
    pub last_sr: u32,
    /// Since that report arrived, 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    /// Octets of a block.
    pub const LENGTH: usize = 24;

    fn parse(bytes: &[u8]) -> Option<ReportBlock> {
        let loss = u32_at(bytes, 4)?;
        Some(ReportBlock {
            ssrc: u32_at(bytes, 0)?,
            fraction_lost: (loss >> 24) as u8,
            // Sign extension of 24 bits.
            cumulative_lost: (loss << 8) as i32 >> 8,
            extended_highest: u32_at(bytes, 8)?,
            jitter: u32_at(bytes, 12)?,
            last_sr: u32_at(bytes, 16)?,
            delay_since_last_sr: u32_at(bytes, 20)?,
        })
    }

    pub(super) fn to_bytes(self) -> [u8; ReportBlock::LENGTH] {
        let loss = u32::from(self.fraction_lost) << 24 | self.cumulative_lost as u32 & 0x00ff_ffff;
        let words = [self.ssrc, loss, self.extended_highest, self.jitter, self.last_sr, self.delay_since_last_sr];
        let mut bytes = [0; ReportBlock::LENGTH];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        bytes
    }
}

/// The blocks of one report: as many as it claims, or as fit.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a> {
    rest: &'a [u8],
    left: u8,
}

impl<'a> ReportBlocks<'a> {
    pub(super) fn new(rest: &'a [u8], count: u8) -> ReportBlocks<'a> {
        ReportBlocks { rest, left: count }
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        self.left = self.left.checked_sub(1)?;
        let (block, rest) = self.rest.split_at_checked(ReportBlock::LENGTH)?;
        self.rest = rest;
        ReportBlock::parse(block)
    }
}
