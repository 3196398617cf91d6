//! A bad network between the handlers and Azurite: connections are cut, reset and stalled in the middle of requests and
//! answers, and after the store has done what it was asked but before it could say so. Handlers are killed as well.
//!
//! `CHAOS_KILLS`, `CHAOS_INSTANCES` and `CHAOS_SEED` make it longer, as in `chaos`.

use crate::chaos::{Plan, Site, survive};
use crate::support::azurite::{ACCOUNT, Azurite};
use crate::support::proxy::{Fault, Proxy};

/// Stalled requests; each costs its client the whole timeout.
const STALLS: u64 = 3;

#[tokio::test(flavor = "multi_thread", crate = "crate::support::limit")]
async fn nothing_is_lost_or_doubled_on_a_bad_network() {
    let azurite = Azurite::start();
    azurite.create_container("chaos");
    let plan = Plan::new(6, 4);
    let proxy = Proxy::start(azurite.address(), plan.seed, STALLS).await;
    // Only the handlers go through the proxy: who watches them must see the lake as it is.
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
    // A stall ends with the client's own timeout: neither the function's deadline nor the host's is needed.
    assert!(!story.contains("answered 504") && !story.contains("function timeout"), "{story}");
}
