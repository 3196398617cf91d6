using './main.bicep'

// For `azd` and for `az deployment sub create` alike. Nobody has to edit this file: each value is an environment variable
// (`azd env set NAME VALUE`, or `export NAME=VALUE`), and all but the first two have a default.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

param deployRoleAssignments = bool(readEnvironmentVariable('DEPLOY_ROLE_ASSIGNMENTS', 'true'))
// Not AZURE_PRINCIPAL_ID and AZURE_PRINCIPAL_TYPE: azd sets these to the identity that deploys. In a pipeline that is not
// a developer, and Azure refuses a role assignment with the wrong principal type.
param developerPrincipalId = readEnvironmentVariable('DEVELOPER_PRINCIPAL_ID', '')
param developerPrincipalType = readEnvironmentVariable('DEVELOPER_PRINCIPAL_TYPE', 'User')
var producers = readEnvironmentVariable('PRODUCER_PRINCIPAL_IDS', '')
param producerPrincipalIds = empty(producers) ? [] : split(producers, ',')

param vnetEnabled = bool(readEnvironmentVariable('VNET_ENABLED', 'false'))
param secondLocation = readEnvironmentVariable('SECOND_LOCATION', '')
param activeNamespace = readEnvironmentVariable('ACTIVE_NAMESPACE', 'first')

var warmIngest = int(readEnvironmentVariable('ALWAYS_READY_INGEST', '0'))
param alwaysReady = warmIngest > 0 ? [{ name: 'function:ingest', instanceCount: warmIngest }] : []
param zoneRedundant = bool(readEnvironmentVariable('ZONE_REDUNDANT', 'false'))
param partitionCount = int(readEnvironmentVariable('PARTITION_COUNT', '8'))
param maximumThroughputUnits = int(readEnvironmentVariable('MAXIMUM_THROUGHPUT_UNITS', '4'))
param functionSettings = json(readEnvironmentVariable('FUNCTION_SETTINGS', '{}'))

param lakeRedundancy = readEnvironmentVariable('LAKE_REDUNDANCY', 'Standard_LRS')
param lakeLocked = bool(readEnvironmentVariable('LAKE_LOCKED', 'true'))

param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param budgetAmount = int(readEnvironmentVariable('BUDGET_AMOUNT', '0'))
param budgetStartDate = readEnvironmentVariable('BUDGET_START_DATE', '')

param githubRepository = readEnvironmentVariable('GITHUB_REPOSITORY_TO_TRUST', '')
