//! The `retry` block of `function.json` or `host.json`, and the delays between attempts that follow from it.
//!
//! Promises the delays of the real host. Does not know what is retried, nor does it wait.

use std::time::Duration;

use serde::Deserialize;

use super::syntax::parse_time_span;

/// How often a failed invocation is retried, and after which delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// Retries after the first attempt. `None`, which the files write as -1, is no limit.
    pub(crate) max_retries: Option<u32>,
    /// The delays.
    pub(crate) strategy: RetryStrategy,
}

/// How the delay between two attempts develops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryStrategy {
    FixedDelay(Duration),
    ExponentialBackoff { minimum: Duration, maximum: Duration },
}

/// The block as it is in the file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetryBlock {
    strategy: Option<String>,
    max_retry_count: Option<i64>,
    delay_interval: Option<String>,
    minimum_interval: Option<String>,
    maximum_interval: Option<String>,
}

impl RetryBlock {
    /// The policy that the block describes.
    ///
    /// # Errors
    /// Which key is missing or wrong. The host puts a function with such a block in error.
    pub(super) fn policy(&self) -> Result<RetryPolicy, String> {
        let max_retries = match self.max_retry_count.ok_or("`maxRetryCount` is missing")? {
            -1 => None,
            count => Some(
                u32::try_from(count)
                    .map_err(|_| format!("`maxRetryCount` is {count}, neither -1 nor a number of retries"))?,
            ),
        };
        let strategy = self.strategy.as_deref().ok_or("`strategy` is missing")?;
        let strategy = if strategy.eq_ignore_ascii_case("fixedDelay") {
            RetryStrategy::FixedDelay(interval("delayInterval", self.delay_interval.as_deref())?)
        } else if strategy.eq_ignore_ascii_case("exponentialBackoff") {
            let minimum = interval("minimumInterval", self.minimum_interval.as_deref())?;
            let maximum = interval("maximumInterval", self.maximum_interval.as_deref())?;
            if maximum < minimum {
                return Err("`maximumInterval` is shorter than `minimumInterval`".to_owned());
            }
            RetryStrategy::ExponentialBackoff { minimum, maximum }
        } else {
            return Err(format!("`strategy` is `{strategy}`, neither `fixedDelay` nor `exponentialBackoff`"));
        };
        Ok(RetryPolicy { max_retries, strategy })
    }
}

fn interval(key: &str, value: Option<&str>) -> Result<Duration, String> {
    let value = value.ok_or_else(|| format!("`{key}` is missing"))?;
    parse_time_span(value).ok_or_else(|| format!("`{key}` is `{value}`, not of the form hh:mm:ss"))
}

impl RetryPolicy {
    /// The delay before the next attempt, after the first attempt and `retries_done` retries have failed. `None` when
    /// the policy is exhausted.
    ///
    /// `random` is in `0.0..1.0`. The backoff is minimum x (1 + 2^n x 0.8..1.2), as in the SDK's
    /// `RandomizedExponentialBackoffStrategy`.
    pub(crate) fn delay(&self, retries_done: u32, random: f64) -> Option<Duration> {
        if self.max_retries.is_some_and(|max| retries_done >= max) {
            return None;
        }
        Some(match self.strategy {
            RetryStrategy::FixedDelay(delay) => delay,
            RetryStrategy::ExponentialBackoff { minimum, maximum } if retries_done == 0 => minimum.min(maximum),
            RetryStrategy::ExponentialBackoff { minimum, maximum } => {
                let doublings = f64::from(retries_done.min(60) - 1);
                let seconds = minimum.as_secs_f64() * (1.0 + (0.8 + 0.4 * random) * doublings.exp2());
                Duration::try_from_secs_f64(seconds).map_or(maximum, |backoff| backoff.min(maximum))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(json: &str) -> Result<RetryPolicy, String> {
        serde_json::from_str::<RetryBlock>(json).unwrap().policy()
    }

    fn delays(policy: RetryPolicy, random: f64) -> Vec<Option<u64>> {
        let milliseconds = |delay: Duration| u64::try_from(delay.as_millis()).unwrap();
        (0..6).map(|retry| policy.delay(retry, random).map(milliseconds)).collect()
    }

    #[test]
    fn backoff_doubles_its_increment_up_to_the_maximum() {
        let json = r#"{"strategy":"exponentialBackoff","maxRetryCount":-1,
                       "minimumInterval":"00:00:01","maximumInterval":"00:00:10"}"#;
        let policy = policy(json).unwrap();
        assert_eq!(delays(policy, 0.5), [1_000, 2_000, 3_000, 5_000, 9_000, 10_000].map(Some));
        assert_eq!(delays(policy, 0.0), [1_000, 1_800, 2_600, 4_200, 7_400, 10_000].map(Some));
        assert_eq!(policy.delay(u32::MAX, 0.9), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_finite_count_is_exhausted() {
        let json = r#"{"strategy":"FixedDelay","maxRetryCount":2,"delayInterval":"00:00:03"}"#;
        assert_eq!(delays(policy(json).unwrap(), 0.5)[..3], [Some(3_000), Some(3_000), None]);
    }

    #[test]
    fn incomplete_blocks_are_refused_by_name() {
        for (json, reason) in [
            (r#"{"strategy":"fixedDelay","delayInterval":"00:00:03"}"#, "`maxRetryCount` is missing"),
            (r#"{"strategy":"fixedDelay","maxRetryCount":3}"#, "`delayInterval` is missing"),
            (
                r#"{"strategy":"fixedDelay","maxRetryCount":3,"delayInterval":"3"}"#,
                "`delayInterval` is `3`, not of the form hh:mm:ss",
            ),
            (
                r#"{"strategy":"never","maxRetryCount":3}"#,
                "`strategy` is `never`, neither `fixedDelay` nor `exponentialBackoff`",
            ),
        ] {
            assert_eq!(policy(json), Err(reason.to_owned()));
        }
    }
}
