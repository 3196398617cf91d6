//! What the visitor uses, from what the event says and what its user agent says.

use super::field::Field;
use super::members::Members;
use crate::event::browser;

/// Browser, system and kind of device. What the event names itself wins over what a user agent implies.
pub(super) struct Device {
    pub browser: Option<String>,
    pub os: Option<String>,
    pub device_type: Option<String>,
    pub is_bot: bool,
}

impl Device {
    pub(super) fn read(members: &Members<'_>) -> Device {
        let sent_browser = members.text(Field::Browser);
        let (browser_agent, browser_name) = match sent_browser.as_deref() {
            Some(text) if browser::is_user_agent(text) => (Some(browser::classify(text)), None),
            name => (None, name),
        };
        let sent_agent = members.text(Field::UserAgent).map(|user_agent| browser::classify(&user_agent));
        let agent = sent_agent.as_ref().or(browser_agent.as_ref());
        let browser = match (browser_name, browser_agent.as_ref().or(agent)) {
            (Some(name), _) => Some(name.to_owned()),
            (None, agent) => agent.map(|agent| agent.browser.clone()),
        };
        Device {
            is_bot: agent.is_some_and(|agent| agent.is_bot) || browser_name.is_some_and(browser::is_bot_name),
            browser,
            os: members.owned_text(Field::Os).or_else(|| agent.and_then(|agent| agent.os.clone())),
            device_type: members
                .owned_text(Field::DeviceType)
                .or_else(|| agent.and_then(|agent| agent.device_type).map(str::to_owned)),
        }
    }
}
