metadata description = 'The workspace that receives logs, requests and metrics. Only identities can write to it.'

@minLength(4)
@maxLength(63)
param workspaceName string
param insightsName string
param location string
param tags object
@description('Gigabytes a day. The workspace refuses more, and alerts on logs fall silent then; -1 for no limit.')
@minValue(-1)
param dailyCapGb int
@minValue(30)
@maxValue(730)
param retentionDays int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    features: { disableLocalAuth: true, enableLogAccessUsingOnlyResourcePermissions: true }
    retentionInDays: retentionDays
    sku: { name: 'PerGB2018' }
    workspaceCapping: { dailyQuotaGb: dailyCapGb }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    WorkspaceResourceId: workspace.id
  }
}

// Names the endpoint; because local authentication is off, it does not grant access.
output connectionString string = insights.properties.ConnectionString
