//! Names that are nearly those of settings, or were settings once. Whoever uses one would otherwise never learn that it has no
//! effect.

use crate::event::spelling::distance;
use std::fmt;

/// A name that is nearly that of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearName {
    found: String,
    setting: &'static str,
}

impl fmt::Display for NearName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NearName { found, setting } = self;
        match FORMER.iter().any(|(former, _)| former == found) {
            true => write!(f, "`{found}` is not a setting any more and has no effect; `{setting}` replaces it"),
            false => write!(f, "`{found}` is not a setting; did you mean `{setting}`?"),
        }
    }
}

/// Settings of earlier versions, and what replaces them.
const FORMER: [(&str, &str); 1] = [("MAX_SESSION_EVENT_KEYS", "MAX_SESSION_EVENTS")];

/// Names of Azure and of the Functions host start with these. Each has a meaning, even where it resembles one of ours.
const OF_THE_PLATFORM: [&str; 6] =
    ["AZURE", "FUNCTIONS_", "WEBSITE_", "WEBSITES_", "APPSETTING_", "APPLICATIONINSIGHTS_"];

/// Those of `names` that are not among `settings`, but nearly: in other letters, with other underscores, or with one or two letters
/// wrong. In short names only one, because many short names are alike.
pub fn near_names(names: &[String], settings: &[&'static str]) -> Vec<NearName> {
    let letters = |name: &str| -> String {
        name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect()
    };
    let near = |found: &String| {
        let name = letters(found);
        let is_platform = |start: &&str| found.to_ascii_uppercase().starts_with(start);
        if settings.contains(&found.as_str()) || OF_THE_PLATFORM.iter().any(is_platform) {
            return None;
        }
        if let Some(&(_, setting)) = FORMER.iter().find(|(former, _)| former == found) {
            return Some(NearName { found: found.clone(), setting });
        }
        let candidates = settings.iter().map(|&setting| (distance(&name, &letters(setting)), setting));
        let (distance, setting) = candidates.min_by_key(|(distance, _)| *distance)?;
        let max_distance = if setting.len() < 10 { 1 } else { 2 };
        (distance <= max_distance).then(|| NearName { found: found.clone(), setting })
    };
    let mut near: Vec<NearName> = names.iter().filter_map(near).collect();
    near.sort_by(|one, other| one.found.cmp(&other.found));
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_a_setting_is_found_with_the_right_one() {
        let settings = ["LAKE_URL", "SESSION_TIMEOUT", "SITE_DOMAIN", "CLIENT_ID"];
        let meant = |name: &str| near_names(&[name.to_owned()], &settings).first().map(|near| near.setting);
        for name in ["SESION_TIMEOUT", "SESSION_TIMOEUT", "SESSIONTIMEOUT", "session_timeout", "SESSION__TIMEOUTS"] {
            assert_eq!(meant(name), Some("SESSION_TIMEOUT"), "{name}");
        }
        assert_eq!(meant("LAKE_URI"), Some("LAKE_URL"));
        for other in ["SESSION_TIMEOUT", "BASE_URL", "TIMEOUT", "MAIL_DOMAIN", "PATH", "", "AZURE_CLIENT_ID", "_"] {
            assert_eq!(meant(other), None, "{other}");
        }
        assert_eq!(meant("MAX_SESSION_EVENT_KEYS"), Some("MAX_SESSION_EVENTS"));
        let near = near_names(&["SESION_TIMEOUT".to_owned()], &settings);
        assert_eq!(near[0].to_string(), "`SESION_TIMEOUT` is not a setting; did you mean `SESSION_TIMEOUT`?");
    }
}
