//! The one name of a browser, whoever names it: a rule, a sender, or a product of a user agent that no rule matches.
//!
//! Promises one name for a browser on every device: uap-core separates `Chrome Mobile` from `Chrome`, but here the
//! device type says that, and a dashboard wants one Chrome. No name has a `/` in it.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The names that the rules for browsers give, and the products that they give them to: `SamsungBrowser` is `Samsung
/// Internet`.
const NAMES: &str = include_str!("rules/names.tsv");

/// Families of uap-core that are another browser's on a phone, on a tablet or inside an app.
const SAME_BROWSER: &[(&str, &str)] = &[
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
    ("DuckDuckGo Mobile", "DuckDuckGo"),
    ("QQ Browser Mini", "QQ Browser"),
    ("QQ Browser Mobile", "QQ Browser"),
    ("UC Browser Mobile", "UC Browser"),
    ("Yandex Browser Mobile", "Yandex Browser"),
];

/// What people and other parsers call a browser, in the letters of a [`key`].
const OTHER_NAMES: &[(&str, &str)] = &[
    ("internetexplorer", "IE"),
    ("msie", "IE"),
    ("iemobile", "IE"),
    ("opr", "Opera"),
    ("operagx", "Opera"),
    ("yandex", "Yandex Browser"),
    ("samsung", "Samsung Internet"),
    ("androidwebview", "Chrome"),
    ("chromeheadless", "Headless Chrome"),
];

/// What senders add to a browser's name: who makes it, and where it runs.
const ADDED_BEFORE: &[&str] =
    &["google", "microsoft", "ms", "mozilla", "apple", "mobile", "android", "ios", "windows", "chromium"];
const ADDED_AFTER: &[&str] = &[
    "mobile", "desktop", "browser", "webview", "inapp", "for", "ios", "iphone", "ipad", "android", "tablet", "windows",
    "macos", "mac", "linux", "chromium", "legacy", "stable", "beta", "dev", "nightly", "canary", "esr",
];

static BY_KEY: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let families = NAMES.lines().map(|line| line.split_once('\t').unwrap_or((line, line)));
    let families = families.flat_map(|(name, family)| [(key(name), family), (key(before_slash(name)), family)]);
    let same = SAME_BROWSER.iter().map(|(_, name)| (key(name), *name));
    let other = OTHER_NAMES.iter().map(|(key, name)| ((*key).to_owned(), *name));
    let all = families.chain(same).chain(other).filter(|(key, _)| !key.is_empty());
    all.map(|(key, family)| (key, same_on_every_device(family))).collect()
});

/// The name of a family of the rules.
pub(super) fn same_on_every_device(family: &str) -> &str {
    SAME_BROWSER.iter().find(|(of, _)| *of == family).map_or(family, |(_, name)| name)
}

/// The name of the browser that is meant by `name`, in whatever spelling: `CHROME`, `Google Chrome`, `Chrome Mobile`,
/// `Chrome 124.0`, `Chrome (in-app)`.
pub(super) fn known(name: &str) -> Option<&'static str> {
    let name = name.split(['(', '/']).next().unwrap_or_default();
    by_key(&key(name)).or_else(|| without_additions(&key(without_version(name))))
}

/// The name of the first product of a user agent that no rule matches: `Shop` of `Shop/3.1 (iPhone)`. Every browser
/// says `Mozilla`, which names none.
pub(super) fn of_product(user_agent: &str) -> Option<String> {
    let product = user_agent.split(['/', '(', ';', ',']).next().unwrap_or_default().trim();
    let product = without_version(product);
    let is_name = product.contains(char::is_alphanumeric) && !product.eq_ignore_ascii_case("mozilla");
    is_name.then(|| known(product).unwrap_or(product).to_owned())
}

fn by_key(key: &str) -> Option<&'static str> {
    BY_KEY.get(key).copied()
}

fn without_additions(key: &str) -> Option<&'static str> {
    let mut key = key;
    while !key.is_empty() {
        if let Some(name) = by_key(key) {
            return Some(name);
        }
        let without_digits = key.trim_end_matches(|char: char| char.is_ascii_digit());
        let shorter = (without_digits != key).then_some(without_digits);
        let shorter = shorter.or_else(|| ADDED_AFTER.iter().find_map(|added| key.strip_suffix(added)));
        key = shorter.or_else(|| ADDED_BEFORE.iter().find_map(|added| key.strip_prefix(added)))?;
    }
    None
}

/// Letters and digits in lower case: what is left of a name when it is spelled in another way.
fn key(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn before_slash(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

/// `Chrome` of `Chrome 124.0.0.0` and of `Chrome v124`.
fn without_version(name: &str) -> &str {
    let mut name = name.trim();
    while let Some((before, _)) = name.rsplit_once(' ').filter(|(_, last)| is_version(last)) {
        name = before.trim_end();
    }
    name
}

fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix(['v', 'V']).unwrap_or(word);
    digits.starts_with(|char: char| char.is_ascii_digit())
        && digits.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-' | '+'))
}
