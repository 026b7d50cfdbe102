//! Numbers that are counted and exported: each with its name, its kind and its meaning, declared in one place.

use std::sync::atomic::{AtomicU64, Ordering};

/// Whether a number may fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It says how much there is now.
    Gauge,
    /// It says how often something has happened since the start.
    Counter,
}

/// One number, as an exporter wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What it belongs to, such as `log` or `worker`.
    pub group: &'static str,
    /// Name within the group.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Gauge or counter.
    pub kind: MetricKind,
    /// Which worker or loop; none where there is only one.
    pub number: Option<u8>,
    /// The value.
    pub value: u64,
}

/// Declares a group of numbers once: a struct of atomics that threads share, private to the crate; a public struct of plain
/// numbers, which is what `read` makes of it; and `visit`, which calls a closure with each [`Metric`] of that.
///
/// ```
/// base::metric_group! { LiveDoors,
///     /// Doors.
///     DoorMetrics,
///     Gauge open: "Doors that are open.",
///     Counter slams: "Doors that were slammed.",
/// }
/// let live = LiveDoors::default();
/// base::metric::add(&live.slams, 2);
/// let mut told = Vec::new();
/// live.read().visit("doors", None, &mut |metric| told.push((metric.name, metric.value)));
/// assert_eq!(told, [("open", 0), ("slams", 2)]);
/// ```
#[macro_export]
macro_rules! metric_group {
    ($live:ident, $(#[doc = $doc:literal])+ $snapshot:ident, $($kind:ident $name:ident: $help:literal,)+) => {
        #[derive(Debug, Default)]
        pub(crate) struct $live { $(pub(crate) $name: ::std::sync::atomic::AtomicU64,)+ }

        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $snapshot { $(#[doc = $help] pub $name: u64,)+ }

        #[allow(dead_code)] // not every group needs all
        impl $live {
            pub(crate) fn read(&self) -> $snapshot {
                $snapshot { $($name: $crate::metric::get(&self.$name),)+ }
            }

            /// Publishes numbers that one thread counts for itself.
            pub(crate) fn publish(&self, numbers: &$snapshot) {
                $($crate::metric::set(&self.$name, numbers.$name);)+
            }
        }

        impl $snapshot {
            fn visit(&self, group: &'static str, number: Option<u8>, visit: &mut dyn FnMut($crate::metric::Metric)) {
                $(visit($crate::metric::Metric {
                    group,
                    name: stringify!($name),
                    help: $help,
                    kind: $crate::metric::MetricKind::$kind,
                    number,
                    value: self.$name,
                });)+
            }
        }
    };
}

/// Raises a counter, or a gauge.
pub fn add(number: &AtomicU64, count: u64) {
    number.fetch_add(count, Ordering::Relaxed);
}

/// Lowers a gauge.
pub fn sub(gauge: &AtomicU64, count: u64) {
    gauge.fetch_sub(count, Ordering::Relaxed);
}

/// Sets a gauge, or a counter that one thread keeps for itself.
pub fn set(number: &AtomicU64, value: u64) {
    number.store(value, Ordering::Relaxed);
}

/// The value now.
pub fn get(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}
