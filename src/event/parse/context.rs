//! Page, campaign, referrer and device. None of them is required, but the page view of a product detail page must name
//! its product, unless the shop's settings say otherwise.

use super::field::Field;
use super::reading::Reading;
use super::settings::ProductViewsWithoutProduct;
use crate::event::browser;
use crate::event::click::Campaign;
use crate::event::reject::{Reject, RejectReason};
use crate::event::url::{Location, path_segments, query_values};
use std::borrow::Cow;

/// The page, where the event names one; see [`Location::of_page`]. Also the address as it was sent, for its query.
pub(super) fn page<'a>(
    reading: &mut Reading<'a>,
    site_domain: Option<&str>,
) -> (Option<Location>, Option<Cow<'a, str>>) {
    let sent = reading.whole_text(Field::PageUrl);
    let kept = sent.clone().map(|url| reading.within(Field::PageUrl, url, reading.limits.max_text_bytes));
    (kept.map(|url| Location::of_page(&url, site_domain)), sent)
}

/// Which campaign brought the visitor: by fields of the event or, where it has none, by the query of the page's address.
pub(super) fn campaign(reading: &mut Reading<'_>, page: Option<&str>) -> Campaign {
    const FIELDS: [Field; 5] =
        [Field::UtmSource, Field::UtmMedium, Field::UtmCampaign, Field::UtmTerm, Field::UtmContent];
    let page = page.filter(|page| page.contains("utm"));
    let mut in_query = page.map(|page| query_values(page, FIELDS.map(Field::name))).unwrap_or_default();
    let mut of = |position: usize| {
        let field: Field = FIELDS[position];
        reading.owned_text(field).or_else(|| {
            let text = in_query[position].take()?;
            Some(reading.within(field, Cow::Owned(text), reading.limits.max_text_bytes).into_owned())
        })
    };
    Campaign { source: of(0), medium: of(1), name: of(2), term: of(3), content: of(4) }
}

/// Where the visitor came from, where the event says so; see [`Location::of_referrer`].
pub(super) fn referrer(reading: &mut Reading<'_>) -> Option<Location> {
    reading.text(Field::ReferralSource).map(|source| Location::of_referrer(&source))
}

/// Rejects the view of a product detail page, `.../product/<x>` or `.../products/<x>`; the listing itself is no such
/// page. For page views that name no product.
pub(super) fn check_detail_page(page: Option<&Location>, views: ProductViewsWithoutProduct) -> Result<(), Reject> {
    let is_detail = page.is_some_and(|page| {
        let mut segments = path_segments(&page.text).skip_while(|segment| !matches!(*segment, "product" | "products"));
        segments.nth(1).is_some()
    });
    if !is_detail || views == ProductViewsWithoutProduct::Keep {
        return Ok(());
    }
    let detail = "`product_id` and `product_name` are missing from the page view of a product detail page; if the shop \
                  sends no product data, set `PRODUCT_VIEWS_WITHOUT_PRODUCT` to `keep`";
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
    pub(super) fn read(reading: &mut Reading<'_>) -> Device {
        let named = reading.text(Field::Browser).map(|browser| browser::classify_browser(&browser));
        let agent = reading.text(Field::UserAgent).map(|user_agent| browser::classify(&user_agent)).or(named.clone());
        let browser = named.as_ref().and_then(|named| named.browser.clone());
        Device {
            is_bot: [&named, &agent].into_iter().flatten().any(|agent| agent.is_bot),
            browser: browser.or_else(|| agent.as_ref().and_then(|agent| agent.browser.clone())),
            os: reading.owned_text(Field::Os).or_else(|| agent.as_ref().and_then(|agent| agent.os.clone())),
            device_type: reading
                .owned_text(Field::DeviceType)
                .or_else(|| agent.as_ref().and_then(|agent| agent.device_type).map(str::to_owned)),
        }
    }
}
