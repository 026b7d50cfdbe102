//! Pages lose nothing and show nothing twice, however many items were made in the same moment.

use model::{CallStatus, Timestamp};
use proptest::prelude::*;

use crate::site::site;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn all_pages_together_are_the_list(times in prop::collection::vec(0_u64..4, 0..40), size in 1_usize..7, legacy in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = crate::site::site_with(crate::site::Options { legacy, ..Default::default() }).await;
            let mut expected: Vec<(u64, String)> = times.iter().enumerate()
                .map(|(n, at)| (*at, site.new_call(n as u128 + 1, CallStatus::Hangup, *at).to_string()))
                .collect();
            expected.sort();
            expected.reverse();
            let (mut seen, mut token) = (Vec::new(), String::new());
            for _ in 0..100 {
                let path = format!("/v1.0/calls?page_size={size}&page_token={}", token.replace(' ', "%20"));
                let page = site.get(&path).await.json();
                let items = page["result"].as_array().unwrap().clone();
                assert!(items.len() <= size);
                seen.extend(items.iter().map(|call| call["id"].as_str().unwrap().to_owned()));
                token = page["next_page_token"].as_str().unwrap().to_owned();
                assert_eq!(token.is_empty(), items.len() < size);
                if token.is_empty() {
                    break;
                }
            }
            let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
            assert_eq!(seen, expected);
        });
    }
}

#[tokio::test]
async fn a_bare_timestamp_begins_behind_all_of_its_moment() {
    let site = site().await;
    for (id, at) in [(1, 1_000_000), (2, 2_000_000), (3, 2_000_000), (4, 3_000_000)] {
        site.new_call(id, CallStatus::Hangup, at);
    }
    for token in
        [Timestamp::from_us(2_000_000).to_string(), "1970-01-01T00:00:02Z".into(), "1970-01-01%2000:00:02".into()]
    {
        let page = site.get(&format!("/v1.0/calls?page_token={token}")).await.json();
        assert_eq!(page["result"].as_array().unwrap().len(), 1, "{token}");
    }
}
