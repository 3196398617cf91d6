//! A bad network between the handlers and Azurite. Connections are cut, reset and stalled within requests and answers, and after
//! the store executed a request but before it answered. Handlers are killed as well.
//!
//! `CHAOS_KILLS`, `CHAOS_INSTANCES` and `CHAOS_SEED` change the run as in `chaos`.

use crate::chaos::{Plan, Site, survive};
use crate::support::azurite::{ACCOUNT, Azurite};
use crate::support::proxy::{Fault, Proxy};

/// Stalled requests. Each costs its client the whole timeout.
const STALLS: u64 = 3;

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn nothing_is_lost_or_doubled_on_a_bad_network() {
    let azurite = Azurite::start();
    azurite.create_container("chaos");
    let plan = Plan::new(6, 4);
    let proxy = Proxy::start(azurite.address(), plan.seed, STALLS).await;
    // Only the handlers use the proxy. The test itself must see the lake as it is.
    let site = Site::new("az://chaos/lake".into(), azurite.settings());
    let endpoint = format!("AZURE_STORAGE_ENDPOINT=http://{}/{ACCOUNT}", proxy.address);
    let story = survive("bad network", plan, site.with(&["--setting", &endpoint])).await;

    let made = proxy.made();
    println!("bad network: {} requests, of which {made:?}", proxy.requests());
    for fault in [Fault::RequestCut, Fault::AnswerLost, Fault::AnswerCut] {
        assert!(made.contains_key(&fault), "{fault:?} did not happen: {made:?}");
    }
    let stalls = [Fault::RequestStalls, Fault::AnswerStalls].iter().filter_map(|stall| made.get(stall)).sum::<u64>();
    assert_eq!(stalls, STALLS, "{made:?}");
    // The client's own timeout ends a stall. Neither the deadline of the function nor that of the host is needed.
    assert!(!story.contains("answered 504") && !story.contains("function timeout"), "{story}");
}
