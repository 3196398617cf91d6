//! The names that readers of the tables see: one for each browser, whatever the device.
//!
//! uap-core tells `Chrome Mobile` from `Chrome`; here the device type says that, and a dashboard wants one Chrome.

/// Families of uap-core that are another one's on a phone, in a tablet or inside an app.
const VARIANTS: &[(&str, &str)] = &[
    ("Chrome Mobile", "Chrome"),
    ("Chrome Mobile WebView", "Chrome"),
    ("Chrome Mobile iOS", "Chrome"),
    ("HeadlessChrome", "Headless Chrome"),
    ("Edge Mobile", "Edge"),
    ("Firefox Mobile", "Firefox"),
    ("Firefox iOS", "Firefox"),
    ("IE Mobile", "IE"),
    ("IE Large Screen", "IE"),
    ("Mobile Safari", "Safari"),
    ("MobileSafari", "Safari"),
    ("Mobile Safari UI/WKWebView", "Safari"),
    ("Opera Mini", "Opera"),
    ("Opera Mobile", "Opera"),
    ("Opera Tablet", "Opera"),
    ("UC Browser Mobile", "UC Browser"),
    ("Yandex Browser Mobile", "Yandex Browser"),
];

const SYSTEMS: &[(&str, &str)] = &[("Mac OS X", "macOS"), ("Mac OS", "macOS"), ("ATV OS X", "tvOS")];

pub(super) fn short_name(family: &str) -> String {
    replaced(family, VARIANTS)
}

pub(super) fn os_name(family: &str) -> String {
    replaced(family, SYSTEMS)
}

fn replaced(name: &str, table: &[(&str, &str)]) -> String {
    table.iter().find(|(from, _)| *from == name).map_or(name, |(_, to)| to).to_owned()
}

/// Whether the short name of a browser is that of a bot, a crawler or a library: `Googlebot`, `LumiBot 2.0`, `curl`.
pub fn is_bot_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_bot_word = |word: &str| ["bot", "spider", "crawler"].iter().any(|ending| word.ends_with(ending));
    name.split(|char: char| !char.is_alphanumeric()).any(is_bot_word)
        || ["curl", "wget", "python-requests", "go-http-client", "libwww-perl", "headless chrome"]
            .contains(&name.as_str())
}
