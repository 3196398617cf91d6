//! App settings, and the `%NAME%` references to them in `function.json` and `host.json`.

use std::collections::BTreeMap;

/// The settings of the app over those of the environment it runs in.
#[derive(Debug, Clone, Default)]
pub struct AppSettings {
    own: BTreeMap<String, String>,
}

/// A `%NAME%` for which there is no setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("app setting `{0}` is referred to as `%{0}%` but not set")]
pub struct MissingSetting(pub String);

impl AppSettings {
    /// `own` wins over the environment of this process.
    pub fn new(own: BTreeMap<String, String>) -> Self {
        Self { own }
    }

    /// The settings that are not in the environment already.
    pub fn own(&self) -> &BTreeMap<String, String> {
        &self.own
    }

    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<String> {
        self.own.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    /// Whether `AzureWebJobs.<function>.Disabled` is set, the only way to disable a custom handler's function:
    /// the host ignores `disabled` in its `function.json`.
    pub fn disables(&self, function: &str) -> bool {
        [format!("AzureWebJobs.{function}.Disabled"), format!("AzureWebJobs_{function}_Disabled")]
            .iter()
            .filter_map(|name| self.get(name))
            .any(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }

    /// `text` with every `%NAME%` replaced.
    ///
    /// # Errors
    /// The first name that is not set.
    pub fn expand(&self, text: &str) -> Result<String, MissingSetting> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, (name, after))) =
            rest.split_once('%').and_then(|(before, tail)| Some((before, tail.split_once('%')?)))
        {
            expanded.push_str(before);
            expanded.push_str(&self.get(name).ok_or_else(|| MissingSetting(name.to_owned()))?);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> AppSettings {
        AppSettings::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn references_are_replaced_and_a_missing_one_is_named() {
        let settings = settings(&[("HUB", "clicks"), ("GROUP", "g1")]);
        assert_eq!(settings.expand("%HUB%-%GROUP%"), Ok("clicks-g1".to_owned()));
        assert_eq!(settings.expand("100%"), Ok("100%".to_owned()));
        assert_eq!(settings.expand("%NO_SUCH_SETTING%"), Err(MissingSetting("NO_SUCH_SETTING".to_owned())));
    }

    #[test]
    fn a_function_is_disabled_by_its_setting() {
        assert!(settings(&[("AzureWebJobs.tick.Disabled", "True")]).disables("tick"));
        assert!(!settings(&[("AzureWebJobs.tick.Disabled", "false")]).disables("tick"));
        assert!(!settings(&[("AzureWebJobs.tick.Disabled", "true")]).disables("tock"));
    }
}
