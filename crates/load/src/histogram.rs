//! Durations counted in buckets of less than one percent, so that a run of any length has exact counts, a true maximum and
//! percentiles good to a hundredth, in a fixed amount of memory.

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Buckets per power of two.
const STEPS: u64 = 128;
const STEP_BITS: u32 = 7;
/// Largest power of two told apart, about 18 minutes in nanoseconds; what is longer counts in the last bucket.
const TOP_BIT: u32 = 40;
const BUCKETS: usize = ((TOP_BIT - STEP_BITS + 1) as usize + 1) * STEPS as usize;

/// A histogram of nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { buckets: vec![0; BUCKETS], count: 0, max_ns: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, ns: u64) {
        self.buckets[bucket_of(ns)] += 1;
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    pub(crate) fn merge(&mut self, other: &Histogram) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn max_ms(&self) -> f64 {
        self.max_ns as f64 / 1e6
    }

    /// The smallest duration, in milliseconds, that `percent` of the durations do not exceed; 0 when there is none.
    /// The upper edge of its bucket is told, so a limit is never passed by rounding.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        let rank = (self.count as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, in_bucket) in self.buckets.iter().enumerate() {
            seen += in_bucket;
            if seen >= rank {
                return upper_edge(index).min(self.max_ns) as f64 / 1e6;
            }
        }
        0.0
    }
}

fn bucket_of(ns: u64) -> usize {
    if ns < STEPS {
        return ns as usize;
    }
    let bit = 63 - ns.leading_zeros();
    if bit > TOP_BIT {
        return BUCKETS - 1;
    }
    let shift = bit - STEP_BITS;
    ((u64::from(shift) + 1) * STEPS + ((ns >> shift) - STEPS)) as usize
}

fn upper_edge(index: usize) -> u64 {
    let (octave, step) = (index as u64 / STEPS, index as u64 % STEPS);
    if octave == 0 { step } else { ((STEPS + step + 1) << (octave - 1)) - 1 }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut summary = serializer.serialize_struct("Histogram", 5)?;
        summary.serialize_field("count", &self.count)?;
        summary.serialize_field("p50_ms", &self.percentile_ms(50.0))?;
        summary.serialize_field("p90_ms", &self.percentile_ms(90.0))?;
        summary.serialize_field("p99_ms", &self.percentile_ms(99.0))?;
        summary.serialize_field("max_ms", &self.max_ms())?;
        summary.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_one_percent_above_the_sorted_list() {
        let mut histogram = Histogram::default();
        let mut sorted = Vec::new();
        let mut value = 1u64;
        for i in 0..10_000u64 {
            value = (value * 1_103 + i * 7) % 500_000_000;
            histogram.add(value);
            sorted.push(value);
        }
        sorted.sort_unstable();
        for percent in [1.0, 50.0, 90.0, 99.0, 99.9] {
            let exact = sorted[((10_000.0 * percent / 100.0_f64).ceil() as usize) - 1] as f64 / 1e6;
            let told = histogram.percentile_ms(percent);
            assert!(told >= exact && told <= exact * 1.01, "{percent}: {told} for {exact}");
        }
        assert_eq!(histogram.percentile_ms(100.0), histogram.max_ms());
    }

    #[test]
    fn every_bucket_holds_its_own_upper_edge() {
        for index in 0..BUCKETS - 1 {
            assert_eq!(bucket_of(upper_edge(index)), index);
            assert_eq!(bucket_of(upper_edge(index) + 1), index + 1);
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn merged_halves_equal_the_whole() {
        let (mut even, mut odd, mut whole) = (Histogram::default(), Histogram::default(), Histogram::default());
        for i in 0..1000u64 {
            whole.add(i * i);
            if i % 2 == 0 { even.add(i * i) } else { odd.add(i * i) }
        }
        even.merge(&odd);
        assert_eq!(even.count(), whole.count());
        assert_eq!(even.percentile_ms(37.0), whole.percentile_ms(37.0));
        assert_eq!(even.max_ms(), whole.max_ms());
    }

    #[test]
    fn an_empty_histogram_tells_zero() {
        assert_eq!(Histogram::default().percentile_ms(99.0), 0.0);
    }
}
