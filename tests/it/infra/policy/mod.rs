//! Rules for every deployment, whatever its parameters. The mutation test knows each check by its name.

mod access;
mod event_hubs;
mod network;
mod site;
mod storage;
mod versions;
mod watch;

use super::Check;

pub const CHECKS: &[(&str, Check)] = &[
    ("storage-takes-identities-only", storage::takes_identities_only),
    ("storage-is-encrypted-on-its-way", storage::is_encrypted_on_its_way),
    ("host-and-lake-are-two-accounts", storage::host_and_lake_are_two_accounts),
    ("life-cycle-moves-only-data-files", storage::life_cycle_moves_only_data_files),
    ("lake-is-locked-and-recoverable", storage::lake_is_locked_and_recoverable),
    ("hubs-take-identities-only", event_hubs::take_identities_only),
    ("hubs-keep-events-and-grow", event_hubs::keep_events_and_grow),
    ("hub-is-the-one-that-is-read", event_hubs::is_the_one_that_is_read),
    ("site-is-a-custom-handler-on-flex", site::is_a_custom_handler_on_flex),
    ("site-takes-https-only", site::takes_https_only),
    ("site-takes-no-passwords", site::takes_no_passwords),
    ("site-fetches-its-package-by-identity", site::fetches_its_package_by_identity),
    ("connections-are-by-identity", site::connections_are_by_identity),
    ("settings-hold-no-secret", site::settings_hold_no_secret),
    ("settings-suit-flex", site::settings_suit_flex),
    ("site-is-found-by-azd", site::is_found_by_azd),
    ("roles-are-exactly-these", access::roles_are_exactly_these),
    ("roles-name-their-principals-type", access::roles_name_their_principals_type),
    ("roles-have-stable-names", access::roles_have_stable_names),
    ("roles-are-in-one-file", access::roles_are_in_one_file),
    ("roles-come-before-the-site", access::roles_come_before_the_site),
    ("deployer-is-one-github-environment", access::deployer_is_one_github_environment),
    ("private-means-private", network::private_means_private),
    ("private-names-resolve", network::private_names_resolve),
    ("api-versions-are-pinned", versions::are_pinned),
    ("modules-are-local", versions::modules_are_local),
    ("telemetry-takes-identities-only", watch::telemetry_takes_identities_only),
    ("everything-reports", watch::everything_reports),
    ("alerts-are-complete", watch::alerts_are_complete),
    ("budget-starts-with-a-month", watch::budget_starts_with_a_month),
];
