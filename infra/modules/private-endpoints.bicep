metadata description = 'Private endpoints for storage and Event Hubs in the virtual network, and their DNS records. The functions reach the lake through `blob` only; `dfs` is for Spark and other readers.'

param location string
param tags object
param networkName string
param subnetName string
param hostStorageName string
param lakeStorageName string
param eventHubsNamespaceNames string[]
param blobZoneName string
param dfsZoneName string
param eventHubsZoneName string

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' existing = {
  name: networkName

  resource subnet 'subnets' existing = {
    name: subnetName
  }
}

var endpointSpecs = concat(
  [
    { name: hostStorageName, type: 'Microsoft.Storage/storageAccounts', group: 'blob', zone: blobZoneName }
    { name: lakeStorageName, type: 'Microsoft.Storage/storageAccounts', group: 'blob', zone: blobZoneName }
    { name: lakeStorageName, type: 'Microsoft.Storage/storageAccounts', group: 'dfs', zone: dfsZoneName }
  ],
  map(
    eventHubsNamespaceNames,
    name => { name: name, type: 'Microsoft.EventHub/namespaces', group: 'namespace', zone: eventHubsZoneName }
  )
)

resource endpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [
  for spec in endpointSpecs: {
    name: 'pe-${spec.name}-${spec.group}'
    location: location
    tags: tags
    properties: {
      subnet: { id: network::subnet.id }
      privateLinkServiceConnections: [
        {
          name: spec.group
          properties: { privateLinkServiceId: resourceId(spec.type, spec.name), groupIds: [spec.group] }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [
  for (spec, index) in endpointSpecs: {
    parent: endpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: spec.group
          properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', spec.zone) }
        }
      ]
    }
  }
]
