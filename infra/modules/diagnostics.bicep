metadata description = 'What each resource reports to the workspace. Reads of the lake and logs of the host are left out: the first cost more than they tell, the second go to Application Insights already.'

param workspaceName string
param hostStorageName string
param lakeStorageName string
param eventHubsNamespaceNames string[]
param siteName string
@description('Empty when there is none.')
param virtualNetworkName string

var settingName = 'to-workspace'

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: workspaceName
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = {
  name: '${hostStorageName}/default'
}

resource lakeBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = {
  name: '${lakeStorageName}/default'
}

resource namespaces 'Microsoft.EventHub/namespaces@2024-01-01' existing = [
  for name in eventHubsNamespaceNames: {
    name: name
  }
]

resource site 'Microsoft.Web/sites@2024-11-01' existing = {
  name: siteName
}

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2024-07-01' existing = if (!empty(virtualNetworkName)) {
  name: virtualNetworkName
}

// Who asked what of the logs.
resource ofWorkspace 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: settingName
  scope: workspace
  properties: { workspaceId: workspace.id, logs: [{ categoryGroup: 'audit', enabled: true }] }
}

resource ofHostStorage 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: settingName
  scope: hostBlobs
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'StorageDelete', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource ofLake 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: settingName
  scope: lakeBlobs
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'StorageWrite', enabled: true }, { category: 'StorageDelete', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

// With the metrics: an alert compares the messages that came in with the events that the functions took.
resource ofNamespaces 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [
  for (name, region) in eventHubsNamespaceNames: {
    name: settingName
    scope: namespaces[region]
    properties: {
      workspaceId: workspace.id
      logs: [{ categoryGroup: 'allLogs', enabled: true }]
      metrics: [{ category: 'AllMetrics', enabled: true }]
    }
  }
]

resource ofSite 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: settingName
  scope: site
  properties: { workspaceId: workspace.id, metrics: [{ category: 'AllMetrics', enabled: true }] }
}

resource ofNetwork 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(virtualNetworkName)) {
  name: settingName
  scope: virtualNetwork
  properties: { workspaceId: workspace.id, metrics: [{ category: 'AllMetrics', enabled: true }] }
}
