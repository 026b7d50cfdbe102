//! The store's numbers for `/metrics`.

use api::{MetricsSource, MetricsText};
use base::metric::MetricKind;
use store::Store;

/// Reads them without disturbing anyone.
pub(super) struct StoreNumbers(pub(super) Store);

impl MetricsSource for StoreNumbers {
    fn collect(&self, out: &mut MetricsText) {
        self.0.metrics().visit(&mut |metric| {
            let name = format!("store_{}_{}", metric.group, metric.name);
            match metric.kind {
                MetricKind::Gauge => out.gauge(name, metric.help).value(metric.value),
                MetricKind::Counter => out.counter(format!("{name}_total"), metric.help).value(metric.value),
            }
        });
    }
}
