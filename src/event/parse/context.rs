//! The circumstances of an event, all optional: the page, where the visitor came from, and the device.

use super::members::{Field, Members};
use crate::event::browser;
use crate::event::reject::{Reject, RejectReason};
use crate::event::url::{Location, path_segments};

/// The page, where the event names one; see [`Location::of_page`].
pub(super) fn page(members: &Members<'_>, site_domain: Option<&str>) -> Option<Location> {
    members.text(Field::PageUrl).map(|url| Location::of_page(&url, site_domain))
}

/// Where the visitor came from, where the event says so; see [`Location::of_referrer`].
pub(super) fn referrer(members: &Members<'_>) -> Option<Location> {
    members.text(Field::ReferralSource).map(|source| Location::of_referrer(&source))
}

/// Rejects the view of a product detail page, `.../product/<x>` or `.../products/<x>`; the listing itself is no such
/// page. For page views that name no product.
pub(super) fn reject_detail_page(page: Option<&Location>) -> Result<(), Reject> {
    let is_detail = page.is_some_and(|page| {
        let mut segments = path_segments(&page.text).skip_while(|segment| !matches!(*segment, "product" | "products"));
        segments.nth(1).is_some()
    });
    if !is_detail {
        return Ok(());
    }
    let detail = "`product_id` and `product_name` are missing from the page view of a product detail page";
    Err(Reject::new(RejectReason::ProductDetailWithoutProduct, detail))
}

/// Browser, system and kind of device. Each member of the event wins over what a user agent implies.
pub(super) struct Device {
    pub browser: Option<String>,
    pub os: Option<String>,
    pub device_type: Option<String>,
    pub is_bot: bool,
}

impl Device {
    /// The user agent is `user_agent`, or `browser` where a producer sends a user agent under that name.
    pub(super) fn read(members: &Members<'_>) -> Device {
        let named = members.text(Field::Browser).map(|browser| browser::classify_browser(&browser));
        let agent = members.text(Field::UserAgent).map(|user_agent| browser::classify(&user_agent)).or(named.clone());
        let browser = named.as_ref().and_then(|named| named.browser.clone());
        Device {
            is_bot: [&named, &agent].into_iter().flatten().any(|agent| agent.is_bot),
            browser: browser.or_else(|| agent.as_ref().and_then(|agent| agent.browser.clone())),
            os: members.owned_text(Field::Os).or_else(|| agent.as_ref().and_then(|agent| agent.os.clone())),
            device_type: members
                .owned_text(Field::DeviceType)
                .or_else(|| agent.as_ref().and_then(|agent| agent.device_type).map(str::to_owned)),
        }
    }
}
