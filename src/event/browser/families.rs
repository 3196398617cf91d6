//! The rules of uap-core, compiled: which browser and which system a user agent names, and whether it is a spider.
//!
//! Promises one name for a browser on every device: uap-core separates `Chrome Mobile` from `Chrome`, but here the
//! device type says that, and a dashboard wants one Chrome. Knows no versions and no kinds of device.

use serde::Deserialize;
use ua_parser::{Regexes, device, os, user_agent};

const RULES: &str = include_str!("regexes.json");

/// The compiled rules, about 12 MB.
pub(super) struct Rules {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
    named_spiders: device::Extractor<'static>,
    general_spider: device::Extractor<'static>,
}

impl Rules {
    pub(super) fn compile() -> Rules {
        // The file is part of the program, so a test that compiles it shows that every process can.
        Self::try_compile().expect("the rules in `regexes.json` compile")
    }

    fn try_compile() -> Result<Rules, Box<dyn std::error::Error>> {
        let mut rules = Regexes::deserialize(&mut serde_json::Deserializer::from_str(RULES))?;
        let general = rules.device_parsers.split_off(rules.device_parsers.len().saturating_sub(1));
        Ok(Rules {
            browsers: user_agent::Builder::new().push_all(rules.user_agent_parsers)?.build()?,
            systems: os::Builder::new().push_all(rules.os_parsers)?.build()?,
            named_spiders: device::Builder::new().push_all(rules.device_parsers)?.build()?,
            general_spider: device::Builder::new().push_all(general)?.build()?,
        })
    }

    /// The browser's short name.
    pub(super) fn browser(&self, user_agent: &str) -> Option<String> {
        let family = self.browsers.extract(user_agent)?.family;
        (!family.is_empty()).then(|| renamed(&family, BROWSERS))
    }

    /// The operating system's name.
    pub(super) fn os(&self, user_agent: &str) -> Option<String> {
        let family = self.systems.extract(user_agent)?.os;
        (!family.is_empty()).then(|| renamed(&family, SYSTEMS))
    }

    /// Whether one of the spider rules matches that uap-core tries before its rules for devices.
    pub(super) fn is_named_spider(&self, user_agent: &str) -> bool {
        self.named_spiders.extract(user_agent).is_some()
    }

    /// Whether uap-core's general rule matches (`bot`, `crawl`, `yahoo`, ...), which it tries after all devices.
    pub(super) fn is_spider_by_its_words(&self, user_agent: &str) -> bool {
        self.general_spider.extract(user_agent).is_some()
    }
}

/// Families of uap-core that are another browser's on a phone, on a tablet or inside an app.
const BROWSERS: &[(&str, &str)] = &[
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

fn renamed(family: &str, table: &[(&str, &str)]) -> String {
    table.iter().find(|(from, _)| *from == family).map_or(family, |(_, to)| to).to_owned()
}
