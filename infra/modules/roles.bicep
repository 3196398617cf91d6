metadata description = 'Every role that a running system needs, each at the narrowest scope that works. Assigned before the site exists, because the site fetches its package when it starts.'

import { principal } from './types.bicep'

param hostStorageName string
param lakeStorageName string
param lakeContainerName string
param eventHubsNamespaceNames string[]
param hubName string
param insightsName string
@description('Object id of the app\'s identity.')
param appPrincipalId string
@description('May send to the hub and read the lake. Nobody if left out.')
param developer principal?
@description('Object ids of the service principals that may send to the hub.')
param producerPrincipalIds string[]

// Built-in roles, the same in every tenant.
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var eventHubsDataReceiver = 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
var eventHubsDataSender = '2b629674-e913-4c01-ae53-ef4638d8f975'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

var producers principal[] = [for id in producerPrincipalIds: { id: id, type: 'ServicePrincipal' }]
var senders = concat(producers, developer == null ? [] : [developer!])
var sendersPerHub = flatten(map(
  range(0, length(eventHubsNamespaceNames)),
  region => map(senders, sender => { region: region, sender: sender })
))

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostStorageName
}

resource lakeStorage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: lakeStorageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource lake 'containers' existing = {
      name: lakeContainerName
    }
  }
}

resource hubs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = [
  for name in eventHubsNamespaceNames: {
    name: '${name}/${hubName}'
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// Owner, not contributor: the host leases blobs and sets tags in containers that it creates itself.
resource appOnHostStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostStorage.id, appPrincipalId, blobDataOwner)
  scope: hostStorage
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
  }
}

resource appOnLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(lakeStorage::blobs::lake.id, appPrincipalId, blobDataContributor)
  scope: lakeStorage::blobs::lake
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
  }
}

// On the hub: Azure does not let a reader listen with a role on the consumer group alone.
resource appOnHubs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, region) in eventHubsNamespaceNames: {
    name: guid(hubs[region].id, appPrincipalId, eventHubsDataReceiver)
    scope: hubs[region]
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', eventHubsDataReceiver)
    }
  }
]

resource appOnInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, appPrincipalId, monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
  }
}

resource sendersOnHubs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for pair in sendersPerHub: {
    name: guid(hubs[pair.region].id, pair.sender.id, eventHubsDataSender)
    scope: hubs[pair.region]
    properties: {
      principalId: pair.sender.id
      principalType: pair.sender.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', eventHubsDataSender)
    }
  }
]

resource developerOnLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (developer != null) {
  name: guid(lakeStorage::blobs::lake.id, developer.?id ?? '', blobDataReader)
  scope: lakeStorage::blobs::lake
  properties: {
    principalId: developer.?id ?? ''
    principalType: developer.?type ?? 'User'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
  }
}
