metadata description = 'One Event Hubs namespace with the hub that the functions read. A second region gets one of its own.'

@minLength(6)
@maxLength(50)
param name string
param location string
param tags object
param hubName string
param consumerGroupName string
@description('Cannot be changed later in this tier, so choose for the load to come: one partition accepts about 1 MB/s.')
@minValue(1)
@maxValue(32)
param partitionCount int
@description('How long the functions may be down before events are lost.')
@minValue(1)
@maxValue(168)
param retentionHours int
@description('Throughput units that are always paid for.')
@minValue(1)
@maxValue(40)
param throughputUnits int
@description('Throughput units up to which the namespace grows by itself. It does not shrink by itself.')
@minValue(1)
@maxValue(40)
param maximumThroughputUnits int
@description('Whether only private endpoints can reach it.')
param isPrivate bool

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard', capacity: throughputUnits }
  properties: {
    disableLocalAuth: true
    isAutoInflateEnabled: maximumThroughputUnits > throughputUnits
    maximumThroughputUnits: maximumThroughputUnits > throughputUnits ? maximumThroughputUnits : 0
    minimumTlsVersion: '1.2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: hubName
  properties: {
    partitionCount: partitionCount
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionHours }
  }
}

// For the functions alone: a second reader of the same group would take partitions away from them.
resource consumerGroup 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: hub
  name: consumerGroupName
}
