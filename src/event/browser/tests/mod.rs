//! User agents as they are sent today, and what they stand for.

mod lists;
mod spellings;
mod rules_as_written;

use super::*;

/// `browser | os | device_type` of a user agent.
fn shown(user_agent: &str) -> String {
    let agent = classify(user_agent);
    assert_eq!(agent.is_bot, agent.device_type == Some("bot"));
    let browser = agent.browser.as_deref().unwrap_or("-");
    format!("{browser} | {} | {}", agent.os.as_deref().unwrap_or("-"), agent.device_type.unwrap_or("-"))
}

const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";

#[test]
fn s13_edge_and_opera_and_samsung_are_not_chrome() {
    let chrome = "Chrome/120.0.0.0 Safari/537.36";
    let galaxy = "Mozilla/5.0 (Linux; Android 13; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko)";
    let cases = [
        (format!("{WINDOWS} {chrome}"), "Chrome | Windows | desktop"),
        (format!("{WINDOWS} {chrome} Edg/120.0.2210.91"), "Edge | Windows | desktop"),
        (format!("{WINDOWS} Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763"), "Edge | Windows | desktop"),
        (format!("{WINDOWS} {chrome} OPR/106.0.0.0"), "Opera | Windows | desktop"),
        (format!("{WINDOWS} {chrome} Vivaldi/6.5.3206.39"), "Vivaldi | Windows | desktop"),
        (
            format!("{galaxy} SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36"),
            "Samsung Internet | Android | mobile",
        ),
        (format!("{galaxy} Chrome/120.0.0.0 Mobile Safari/537.36"), "Chrome | Android | mobile"),
        (format!("{galaxy} Chrome/120.0.0.0 Mobile Safari/537.36 EdgA/120.0.2210.84"), "Edge | Android | mobile"),
    ];
    for (user_agent, expected) in cases {
        assert_eq!(shown(&user_agent), expected, "{user_agent}");
    }
}

#[test]
fn one_name_for_a_browser_on_every_device() {
    let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    let cases = [
        (format!("{iphone} Version/17.2 Mobile/15E148 Safari/604.1"), "Safari | iOS | mobile"),
        (format!("{iphone} CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1"), "Chrome | iOS | mobile"),
        (format!("{iphone} FxiOS/121.0 Mobile/15E148 Safari/605.1.15"), "Firefox | iOS | mobile"),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 \
             Mobile/15E148 Safari/604.1"
                .into(),
            "Safari | iOS | tablet",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 \
             Safari/605.1.15"
                .into(),
            "Safari | macOS | desktop",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0".into(), "Firefox | Linux | desktop"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0".into(), "Firefox | Android | mobile"),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko".into(), "IE | Windows | desktop"),
        (
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)".into(),
            "IE | Windows | desktop",
        ),
    ];
    for (user_agent, expected) in cases {
        assert_eq!(shown(&user_agent), expected, "{user_agent}");
    }
}

#[test]
fn s13_bots_are_no_browsers() {
    for user_agent in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/120.0.6099.129 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; \
         Bytespider; spider-feedback@bytedance.com)",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "curl/8.4.0",
        "Wget/1.21.4",
        "python-requests/2.31.0",
        "Python-urllib/3.11",
        "Go-http-client/2.0",
        "libwww-perl/6.67",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
        "okhttp/4.12.0",
        "GuzzleHttp/7",
        "Dart/3.1 (dart:io)",
        "AlwaysOn",
        "kube-probe/1.27",
        "Edge Health Probe",
        "Azure Traffic Manager Endpoint Monitor",
        "WhatsApp/2.23.20.0 A",
    ] {
        assert!(classify(user_agent).is_bot, "{user_agent}");
    }
}

#[test]
fn devices_with_names_like_robots_are_no_bots() {
    for user_agent in [
        "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile \
         Safari/537.36",
        "Mozilla/5.0 (Linux; Android 5.1.1; KFSUWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6 like \
         Chrome/108.0.5359.160 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 4.1.1; HTC Butterfly Build/JRO03C) AppleWebKit/535.19 (KHTML, like Gecko) \
         Chrome/18.0.1025.166 Mobile Safari/535.19",
        "ShopTools/5.1 (iPhone; iOS 17.4)",
    ] {
        assert!(!classify(user_agent).is_bot, "{user_agent}");
    }
}

#[test]
fn an_agent_that_no_rule_matches_is_named_by_its_first_product() {
    assert_eq!(shown("/"), "- | - | -");
    assert_eq!(shown("Rätsel/1"), "Rätsel | - | -");
    assert_eq!(shown("Shop 3.1 (Linux; Tizen 2.3)"), "Shop | Tizen | desktop");
    assert_eq!(shown(&format!("{WINDOWS} Unheard/1")), "- | Windows | desktop");
    let chat =
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot";
    assert_eq!(shown(chat), "ChatGPT-User | - | bot");
}

/// Field case 08. Sessions whose name starts with `human` are people's.
#[test]
fn programs_are_told_from_people() {
    let sent = include_str!("../../../../tests/it/field/programs-not-people.ndjson");
    for line in sent.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let agent = classify(event["user_agent"].as_str().unwrap());
        assert_eq!(agent.is_bot, !event["session_id"].as_str().unwrap().starts_with("human"), "{line}");
        assert!(agent.browser.as_ref().is_none_or(|name| !name.contains('/')), "{agent:?}");
    }
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let long = format!("{WINDOWS} {} Googlebot/2.1", "é".repeat(100_000));
    assert_eq!(shown(&long), "- | Windows | desktop");
}

fn agent(name: &str) -> Agent {
    Agent { browser: Some(name.to_owned()), os: None, device_type: None, is_bot: false }
}

#[test]
fn the_memo_classifies_each_text_once() {
    let memo = Memo::default();
    memo.get_or_insert_with("a/1", || agent("A"));
    assert_eq!(memo.get_or_insert_with("a/1", || unreachable!("it is known")), agent("A").into());
    assert_eq!(memo.get_or_insert_with("b/1", || agent("B")), agent("B").into());
}

#[test]
fn the_memo_stays_within_its_bounds() {
    let memo = Memo::default();
    let long = "x".repeat(MAX_KEY_BYTES + 1);
    memo.get_or_insert_with(&long, || agent("long"));
    assert_eq!(memo.known.lock().unwrap().len(), 0);
    for number in 0..=MAX_ENTRIES {
        memo.get_or_insert_with(&number.to_string(), || agent("short"));
    }
    assert_eq!(memo.known.lock().unwrap().len(), 1);
}
