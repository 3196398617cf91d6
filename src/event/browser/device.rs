//! Bot or device, and which kind of device.
//!
//! Words in the user agent decide: what a browser is made to say about itself is a convention, not a database.

use super::tables::Tables;

/// Programs that fetch pages and that uap-core does not call spiders; in lower case.
const TOOLS: &[&str] = &[
    "curl/",
    "wget/",
    "python-requests",
    "python-urllib",
    "python-httpx",
    "aiohttp/",
    "go-http-client",
    "libwww",
    "headlesschrome",
    "phantomjs",
    "scrapy",
    "spider",
    "crawler",
];

/// Devices whose names hold words of the general spider rule (`Silk`, `CUBOT`, `Yahoo` on a phone).
/// Robots that pose as one of them are caught by the rules before it.
const HANDHELD: &[&str] = &[
    "Android",
    "iPhone",
    "iPad",
    "iPod",
    "Silk",
    "Kindle",
    "Build/",
    "BlackBerry",
    "Symbian",
    "J2ME",
    "MIDP",
    "BREW",
    "Windows Phone",
    "Windows CE",
    "SmartTV",
    "SMART-TV",
    "webOS",
];

/// In this order: an Android that does not call itself `Mobile` is a tablet.
const TV: &[&str] = &["SmartTV", "SMART-TV", "Smart-TV", "Android TV", "AppleTV", "GoogleTV", "BRAVIA", "HbbTV"];
const TABLET: &[&str] = &["iPad", "Kindle", "Silk/", "PlayBook"];
const MOBILE: &[&str] = &[
    "Mobile",
    "iPhone",
    "iPod",
    "Windows Phone",
    "BlackBerry",
    "Symbian",
    "SymbOS",
    "Opera Mini",
    "MIDP",
    "J2ME",
    "Windows CE",
];
const DESKTOP: &[&str] = &["Windows", "Macintosh", "X11", "Linux", "CrOS"];

pub(super) fn is_bot(user_agent: &str, tables: &Tables) -> bool {
    tables.is_named_spider(user_agent)
        || (tables.is_spider_by_its_words(user_agent) && !holds_any(user_agent, HANDHELD))
        || holds_any(&user_agent.to_ascii_lowercase(), TOOLS)
}

pub(super) fn device_type(user_agent: &str) -> Option<&'static str> {
    let calls_itself_tablet = user_agent.contains("Tablet") && !user_agent.contains("Tablet PC");
    let is_android = user_agent.contains("Android");
    if holds_any(user_agent, TV) {
        Some("tv")
    } else if calls_itself_tablet || holds_any(user_agent, TABLET) {
        Some("tablet")
    } else if holds_any(user_agent, MOBILE) {
        Some("mobile")
    } else if is_android {
        Some("tablet")
    } else if holds_any(user_agent, DESKTOP) {
        Some("desktop")
    } else {
        None
    }
}

fn holds_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}
