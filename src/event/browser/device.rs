//! Which kind of device a user agent names.
//!
//! Words in the user agent decide, because what browsers say about themselves follows conventions. Knows no device
//! models.

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
