//! How much of a session description is read. Beyond these the whole description is refused.

/// Most octets of all lines together, line ends not counted.
pub const MAX_BYTES: usize = 65_535;
/// Most lines, empty ones not counted.
pub const MAX_LINES: usize = 1000;
/// Most media descriptions (m= lines).
pub const MAX_MEDIA: usize = 64;
/// Most formats of one m= line; there are 128 RTP payload types.
pub const MAX_FORMATS: usize = 128;
