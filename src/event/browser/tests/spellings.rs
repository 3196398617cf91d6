//! Names of browsers as senders spell them, and the one name that is stored.

use super::super::*;

/// The name that is stored for a text in the member `browser`.
fn stored(sent: &str) -> String {
    classify_browser(sent).browser.clone().unwrap_or_else(|| "-".to_owned())
}

#[test]
fn each_browser_has_one_name_in_any_spelling() {
    let spellings: [(&str, &[&str]); 11] = [
        ("Chrome", &["Chrome", "chrome", "CHROME", "Google Chrome", "Chrome Mobile", "Chrome/124", "Chrome 124.0.0.0"]),
        ("Chrome", &["google-chrome", "Chrome Mobile iOS", "CriOS", "Chrome for Android", "Chrome (Android)"]),
        ("Safari", &["Safari", "Mobile Safari", "mobile_safari", "Safari (in-app)", "iOS Safari", "Apple Safari"]),
        ("Safari", &["Mobile Safari UI/WKWebView"]),
        ("Edge", &["Edge", "Microsoft Edge", "Edge (Chromium)", "Edge Chromium", "MSEdge", "Edg", "EdgA", "Edge/18.1"]),
        ("Firefox", &["firefox mobile", "Mozilla Firefox", "Firefox 125.0", "Firefox for iOS", "FxiOS", "Firefox ESR"]),
        ("IE", &["IE", "Internet Explorer", "Microsoft Internet Explorer 11", "MSIE 7.0", "IE11", "IE Mobile"]),
        ("Opera", &["opera", "opera mini", "Opera Mobile", "OPR", "Opera GX"]),
        ("Samsung Internet", &["Samsung Internet", "SamsungBrowser", "Samsung Browser", "samsung internet 23.0"]),
        ("Yandex Browser", &["Yandex", "YaBrowser", "Yandex Browser", "yandex.browser"]),
        ("UC Browser", &["UC Browser", "UCBrowser", "uc browser 13"]),
    ];
    for (name, sent) in spellings {
        for sent in sent {
            assert_eq!(stored(sent), name, "{sent}");
            assert!(!classify_browser(sent).is_bot, "{sent}");
        }
    }
}

/// Field case 09. The session is named after the browser.
#[test]
fn the_names_of_the_field() {
    let sent = include_str!("../../../../tests/it/field/browser-names.ndjson");
    let shown: Vec<String> = sent
        .lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            stored(event["browser"].as_str().unwrap())
        })
        .collect();
    let chrome = "Chrome";
    assert_eq!(shown, [chrome, chrome, chrome, chrome, chrome, "Safari", "Edge", "Safari", chrome]);
}

#[test]
fn an_unknown_name_stays_as_it_is_sent() {
    for name in ["Unheard", "unheard browser", "Foo (beta)", "Foo 1.2", "Android App", "(not set)", "Ünbekannt", ""] {
        assert_eq!(stored(name), name);
    }
    assert_eq!(stored("Foo/1.2"), "Foo");
    assert_eq!(stored("Foo/1.2 (beta; x)"), "Foo");
}

#[test]
fn names_of_programs() {
    for name in ["Googlebot", "LumiBot 2.0", "archive.org_bot", "Baiduspider", "curl", "curl/8.4.0", "HeadlessChrome"] {
        assert!(classify_browser(name).is_bot, "{name}");
    }
    for name in ["Python Requests", "axios", "okhttp", "PhantomJS", "Headless Chrome"] {
        assert!(classify_browser(name).is_bot, "{name}");
    }
    assert_eq!(stored("HeadlessChrome"), "Headless Chrome");
    for name in ["Chrome", "Silk", "Sogou Explorer", "DuckDuckGo", "Yandex", "Facebook", "Snapchat", "Whale"] {
        assert!(!classify_browser(name).is_bot, "{name}");
    }
}

#[test]
fn a_user_agent_is_told_from_a_name() {
    for name in ["Chrome", "Safari (in-app)", "Edge (Chromium)", "Foo (a"] {
        assert!(!is_user_agent(name), "{name}");
    }
    assert!(is_user_agent("curl/8.4.0") && is_user_agent("Mozilla (X11; Linux)"));
}
