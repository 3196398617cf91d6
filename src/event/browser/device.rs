//! Whether a user agent is a bot's, and which kind of device it names.
//!
//! Words in the user agent decide, because what browsers say about themselves follows conventions. Knows no device
//! models.

use super::families::Rules;

/// Programs that fetch pages but are no spiders to uap-core; in lower case.
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

/// Words of devices. A user agent that has one may also match the general spider rule without being a bot (`Silk`,
/// `CUBOT`, `Yahoo` on a phone). Robots that pose as one of these devices match the rules for named spiders.
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

pub(super) fn is_bot(user_agent: &str, rules: &Rules) -> bool {
    rules.is_named_spider(user_agent)
        || (rules.is_spider_by_its_words(user_agent) && !holds_any(user_agent, HANDHELD))
        || holds_any(&user_agent.to_ascii_lowercase(), TOOLS)
}

/// An Android that does not say `Mobile` is a tablet.
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

/// Whether the short name of a browser is that of a bot, a crawler or an HTTP library: `Googlebot`, `LumiBot 2.0`,
/// `curl`.
pub(in crate::event) fn is_bot_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_bot_word = |word: &str| ["bot", "spider", "crawler"].iter().any(|ending| word.ends_with(ending));
    name.split(|char: char| !char.is_alphanumeric()).any(is_bot_word)
        || ["curl", "wget", "python-requests", "go-http-client", "libwww-perl", "headless chrome"]
            .contains(&name.as_str())
}
