metadata description = 'What each resource reports to the workspace. It leaves out reads of the lake, which cost more than they tell, and logs of the host, which go to Application Insights already.'

param workspaceName string
param hostStorageName string
param lakeStorageName string
param eventHubsNamespaceNames string[]
param siteName string
@description('Empty without a virtual network.')
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

// Who queried the logs, and for what.
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

// Metrics are needed too: an alert compares the messages that the hub received with the events that the functions read.
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
