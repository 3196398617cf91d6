//! The rules of uap-core, compiled: which family a user agent belongs to.
//!
//! Promises the families by uap-core's own names. Does not know which of them are one browser to us.

use serde::Deserialize;
use std::borrow::Cow;
use ua_parser::{Regexes, device, os, user_agent};

const RULES: &str = include_str!("regexes.json");

/// About 12 MB.
pub(super) struct Tables {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
    named_spiders: device::Extractor<'static>,
    general_spider: device::Extractor<'static>,
}

impl Tables {
    pub(super) fn compile() -> Tables {
        // The rules are part of the program, the same in each process: a test compiles them.
        Self::try_compile().expect("the rules in `regexes.json` compile")
    }

    fn try_compile() -> Result<Tables, Box<dyn std::error::Error>> {
        let mut rules = Regexes::deserialize(&mut serde_json::Deserializer::from_str(RULES))?;
        let general = rules.device_parsers.split_off(rules.device_parsers.len().saturating_sub(1));
        Ok(Tables {
            browsers: user_agent::Builder::new().push_all(rules.user_agent_parsers)?.build()?,
            systems: os::Builder::new().push_all(rules.os_parsers)?.build()?,
            named_spiders: device::Builder::new().push_all(rules.device_parsers)?.build()?,
            general_spider: device::Builder::new().push_all(general)?.build()?,
        })
    }

    pub(super) fn browser_family<'a>(&'a self, user_agent: &'a str) -> Option<Cow<'a, str>> {
        self.browsers.extract(user_agent).map(|found| found.family).filter(|family| !family.is_empty())
    }

    pub(super) fn os_family<'a>(&'a self, user_agent: &'a str) -> Option<Cow<'a, str>> {
        self.systems.extract(user_agent).map(|found| found.os).filter(|os| !os.is_empty())
    }

    /// Whether one of the rules matches that uap-core tries before those for devices.
    pub(super) fn is_named_spider(&self, user_agent: &str) -> bool {
        self.named_spiders.extract(user_agent).is_some()
    }

    /// Whether uap-core's catch-all matches (`bot`, `crawl`, `yahoo`, ...), which it tries after all devices.
    pub(super) fn is_spider_by_its_words(&self, user_agent: &str) -> bool {
        self.general_spider.extract(user_agent).is_some()
    }
}
