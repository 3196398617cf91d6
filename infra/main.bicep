metadata description = 'clickstream on Azure. This file only composes modules. It makes every name and hands it down, so that an expanded deployment shows each setting and each scope as it will be.'
targetScope = 'subscription'

import { alwaysReadyInstances, principal, settings } from './modules/types.bicep'

@description('Distinguishes deployments; part of every name.')
@minLength(1)
@maxLength(40)
param environmentName string

@metadata({ azd: { type: 'location' } })
param location string

@description('Created if it does not exist. Give each environment its own.')
param resourceGroupName string = 'rg-${environmentName}'

@description('False for deployers who may not assign roles. Somebody else must then assign what `modules/roles.bicep` lists.')
param deployRoleAssignments bool = true

@description('May send to the hub and read the lake. Nobody by default.')
param developerPrincipalId string = ''
@description('Type of the developer. A pipeline is a service principal.')
param developerPrincipalType principal.type = 'User'
@description('Object ids of the service principals whose programs send to the hub.')
param producerPrincipalIds string[] = []

@description('Storage and Event Hubs can be reached through private endpoints only.')
param vnetEnabled bool = false
param vnetAddressPrefix string = '10.20.0.0/24'

@description('A second region with a namespace to switch to; empty for none.')
param secondLocation string = ''
@description('The namespace that the functions read. Producers must be switched as well.')
@allowed(['first', 'second'])
param activeNamespace string = 'first'

param eventHubName string = 'clickstream'
param consumerGroupName string = 'clickstream'
@description('Cannot be changed later.')
param partitionCount int = 8
param retentionHours int = 168
param throughputUnits int = 1
param maximumThroughputUnits int = 4

@description('With less than 2048 MB, large batches do not fit into memory beside the host.')
param instanceMemoryMB int = 2048
param maximumInstanceCount int = 40
@description('For the app and its own storage; for the lake, see `lakeRedundancy`. Not every region has zones.')
param zoneRedundant bool = false
@description('Instances that are kept warm. Without one, the first event after a pause waits for up to two minutes.')
param alwaysReady alwaysReadyInstances[] = []
@description('Settings of the functions that replace the defaults below.')
param functionSettings settings = {}

param lakeRedundancy string = 'Standard_LRS'
param lakeSoftDeleteDays int = 7
param lakeCoolAfterDays int = 30
@description('The deployer needs the right to write locks (Owner, User Access Administrator).')
param lakeLocked bool = true

param alertEmail string = ''
param failedInvocationsAlert int = 5
param retriedPeriodsAlert int = 3
param lagMinutesAlert int = 10
param noGoldRunMinutesAlert int = 30
param goldBehindVersionsAlert int = 1000
param quarantinedPercentAlert int = 20
param logDailyCapGb int = 2
param logRetentionDays int = 30

@description('Budget for a month, in the currency of the subscription; 0 for no budget.')
@minValue(0)
param budgetAmount int = 0
@description('Start of the budget, from the deployment that created it; empty for the first one.')
param budgetStartDate string = ''
@description('Never set it: only a parameter\'s default may ask for the date.')
param firstOfThisMonth string = utcNow('yyyy-MM-01')

@description('Domains of the cloud; the defaults are those of the public one.')
#disable-next-line no-hardcoded-env-urls // the default of a parameter, so that an expanded deployment shows real addresses
param storageDomain string = 'core.windows.net'
param eventHubsDomain string = 'servicebus.windows.net'

@description('`owner/name` of the GitHub repository that deploys code; empty for none.')
param githubRepository string = ''
param githubEnvironment string = 'production'

var tags = { 'azd-env-name': environmentName }
var token = toLower(uniqueString(subscription().id, environmentName, location))
var secondToken = toLower(uniqueString(subscription().id, environmentName, secondLocation))
var names = {
  identity: 'id-${token}'
  deployIdentity: 'id-deploy-${token}'
  hostStorage: take('sthost${token}', 24)
  lakeStorage: take('stlake${token}', 24)
  workspace: 'log-${token}'
  insights: 'appi-${token}'
  plan: 'plan-${token}'
  site: 'func-${token}'
  alerts: 'alert-${token}'
  budget: 'budget-${token}'
  network: 'vnet-${token}'
}
var hasSecondRegion = !empty(secondLocation)
var regions = concat(
  [{ location: location, namespace: take('evhns-${token}', 50) }],
  hasSecondRegion ? [{ location: secondLocation, namespace: take('evhns-second-${secondToken}', 50) }] : []
)
var namespaceNames = map(regions, region => region.namespace)
var activeNamespaceName = activeNamespace == 'second' ? last(namespaceNames) : first(namespaceNames)

var packageContainer = 'app-package'
var lakeContainer = 'lake'
var lakeFolder = 'clickstream'
var hostBlobUrl = 'https://${names.hostStorage}.blob.${storageDomain}'
var lakeUrl = 'abfss://${lakeContainer}@${names.lakeStorage}.dfs.${storageDomain}/${lakeFolder}'
var subnets = { app: 'app', endpoints: 'endpoints' }
var blobZone = 'privatelink.blob.${storageDomain}'
var dfsZone = 'privatelink.dfs.${storageDomain}'
var eventHubsZone = 'privatelink.${eventHubsDomain}'

var defaultSettings settings = {
  SESSION_TIMEOUT: '30m'
  ALLOWED_LATENESS: '7h'
  FUTURE_TOLERANCE: '5m'
  MAX_EVENT_AGE: '30d'
  MAX_EVENT_BYTES: '1048576'
  MAX_SESSION_EVENTS: '10000'
  SESSIONIZE_MAX_EVENTS: '50000'
  SITE_DOMAIN: ''
  ANONYMOUS_EVENTS: 'accept'
  PRODUCT_VIEWS_WITHOUT_PRODUCT: 'reject'
  EVENT_FIELDS: ''
  EVENT_TYPES: ''
  SOURCE_EPOCHS: ''
  SESSIONIZE_SCHEDULE: '0 * * * * *'
  REBUILD_SCHEDULE: '0 30 2 * * *'
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: tags
}

module identity './modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: { name: names.identity, location: location, tags: tags }
}

module hostStorage './modules/host-storage.bicep' = {
  scope: group
  name: 'host-storage'
  params: {
    name: names.hostStorage
    location: location
    tags: tags
    packageContainerName: packageContainer
    isZoneRedundant: zoneRedundant
    isPrivate: vnetEnabled
  }
}

module lakeStorage './modules/lake-storage.bicep' = {
  scope: group
  name: 'lake-storage'
  params: {
    name: names.lakeStorage
    location: location
    tags: tags
    containerName: lakeContainer
    folder: lakeFolder
    redundancy: lakeRedundancy
    softDeleteDays: lakeSoftDeleteDays
    coolAfterDays: lakeCoolAfterDays
    isLocked: lakeLocked
    isPrivate: vnetEnabled
  }
}

module eventHubs './modules/event-hubs.bicep' = [
  for (region, index) in regions: {
    scope: group
    name: 'event-hubs-${index}'
    params: {
      name: region.namespace
      location: region.location
      tags: tags
      hubName: eventHubName
      consumerGroupName: consumerGroupName
      partitionCount: partitionCount
      retentionHours: retentionHours
      throughputUnits: throughputUnits
      maximumThroughputUnits: maximumThroughputUnits
      isPrivate: vnetEnabled
    }
  }
]

module monitoring './modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    workspaceName: names.workspace
    insightsName: names.insights
    location: location
    tags: tags
    dailyCapGb: logDailyCapGb
    retentionDays: logRetentionDays
  }
}

module network './modules/network.bicep' = if (vnetEnabled) {
  scope: group
  name: 'network'
  params: {
    name: names.network
    location: location
    tags: tags
    addressPrefix: vnetAddressPrefix
    appSubnetName: subnets.app
    endpointSubnetName: subnets.endpoints
    zoneNames: [blobZone, dfsZone, eventHubsZone]
  }
}

module privateEndpoints './modules/private-endpoints.bicep' = if (vnetEnabled) {
  scope: group
  name: 'private-endpoints'
  params: {
    location: location
    tags: tags
    networkName: names.network
    subnetName: subnets.endpoints
    hostStorageName: names.hostStorage
    lakeStorageName: names.lakeStorage
    eventHubsNamespaceNames: namespaceNames
    blobZoneName: blobZone
    dfsZoneName: dfsZone
    eventHubsZoneName: eventHubsZone
  }
  dependsOn: [network, hostStorage, lakeStorage, eventHubs]
}

module roles './modules/roles.bicep' = if (deployRoleAssignments) {
  scope: group
  name: 'roles'
  params: {
    hostStorageName: names.hostStorage
    lakeStorageName: names.lakeStorage
    lakeContainerName: lakeContainer
    eventHubsNamespaceNames: namespaceNames
    hubName: eventHubName
    insightsName: names.insights
    // Part of the assignments' names. With the identity's name instead, an identity that was deleted and recreated could
    // not be given its roles again. The price is that what-if cannot predict the assignments.
    #disable-next-line what-if-short-circuiting
    appPrincipalId: identity.outputs.principalId
    developer: empty(developerPrincipalId) ? null : { id: developerPrincipalId, type: developerPrincipalType }
    producerPrincipalIds: producerPrincipalIds
  }
  dependsOn: [hostStorage, lakeStorage, eventHubs, monitoring]
}

module functionApp './modules/function-app.bicep' = {
  scope: group
  name: 'function-app'
  params: {
    planName: names.plan
    siteName: names.site
    location: location
    tags: tags
    azdServiceName: 'app'
    identityId: resourceId(
      subscription().subscriptionId,
      resourceGroupName,
      'Microsoft.ManagedIdentity/userAssignedIdentities',
      names.identity
    )
    packageContainerUrl: '${hostBlobUrl}/${packageContainer}'
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    isZoneRedundant: zoneRedundant
    alwaysReady: alwaysReady
    subnetId: vnetEnabled
      ? resourceId(
          subscription().subscriptionId,
          resourceGroupName,
          'Microsoft.Network/virtualNetworks/subnets',
          names.network,
          subnets.app
        )
      : ''
    appSettings: {
      AzureWebJobsStorage__blobServiceUri: hostBlobUrl
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.outputs.clientId
      EventHubConnection__fullyQualifiedNamespace: '${activeNamespaceName}.${eventHubsDomain}'
      EventHubConnection__credential: 'managedidentity'
      EventHubConnection__clientId: identity.outputs.clientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.outputs.clientId};Authorization=AAD'
      AZURE_CLIENT_ID: identity.outputs.clientId
      EVENTHUB_NAME: eventHubName
      EVENTHUB_CONSUMER_GROUP: consumerGroupName
      LAKE_URL: lakeUrl
      ...defaultSettings
      ...functionSettings
    }
  }
  // The site fetches its package as soon as it exists. By then it needs the roles and the network path to do so.
  dependsOn: [hostStorage, lakeStorage, eventHubs, roles, network, privateEndpoints]
}

module deployIdentity './modules/deploy-identity.bicep' = if (!empty(githubRepository)) {
  scope: group
  name: 'deploy-identity'
  params: {
    name: names.deployIdentity
    location: location
    tags: tags
    repository: githubRepository
    environment: githubEnvironment
  }
}

module deployerRole './modules/deployer-role.bicep' = if (!empty(githubRepository) && deployRoleAssignments) {
  scope: group
  name: 'deployer-role'
  params: {
    siteName: names.site
    #disable-next-line what-if-short-circuiting // for the reason given at the app's roles
    principalId: deployIdentity!.outputs.principalId
  }
  dependsOn: [functionApp]
}

module diagnostics './modules/diagnostics.bicep' = {
  scope: group
  name: 'diagnostics'
  params: {
    workspaceName: names.workspace
    hostStorageName: names.hostStorage
    lakeStorageName: names.lakeStorage
    eventHubsNamespaceNames: namespaceNames
    siteName: names.site
    virtualNetworkName: vnetEnabled ? names.network : ''
  }
  dependsOn: [monitoring, hostStorage, lakeStorage, eventHubs, network, functionApp]
}

module alerts './modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    namePrefix: names.alerts
    location: location
    tags: tags
    workspaceName: names.workspace
    activeNamespaceName: activeNamespaceName
    eventHubsNamespaceNames: namespaceNames
    email: alertEmail
    failedInvocations: failedInvocationsAlert
    retriedPeriods: retriedPeriodsAlert
    lagMinutes: lagMinutesAlert
    noGoldRunMinutes: noGoldRunMinutesAlert
    goldBehindVersions: goldBehindVersionsAlert
    quarantinedPercent: quarantinedPercentAlert
  }
  dependsOn: [monitoring, eventHubs]
}

var budgetStart = empty(budgetStartDate) ? firstOfThisMonth : budgetStartDate

module budget './modules/budget.bicep' = if (budgetAmount > 0) {
  scope: group
  name: 'budget'
  params: { name: names.budget, amount: budgetAmount, startDate: budgetStart, email: alertEmail }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_NAME string = names.site
output LAKE_URL string = lakeUrl
output EVENT_HUBS_NAMESPACE string = '${activeNamespaceName}.${eventHubsDomain}'
output EVENTHUB_NAME string = eventHubName
@description('`azd` keeps outputs in its environment, where the next deployment reads this one.')
output BUDGET_START_DATE string = budgetAmount > 0 ? budgetStart : ''
@description('For the GitHub workflow; empty when no repository is trusted.')
output DEPLOY_CLIENT_ID string = deployIdentity.?outputs.clientId ?? ''
