metadata description = 'Doors from the virtual network to storage and Event Hubs, and the names by which programs find them. The functions use `blob` of the lake alone; `dfs` is for Spark and other readers.'

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

var doors = concat(
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
  for door in doors: {
    name: 'pe-${door.name}-${door.group}'
    location: location
    tags: tags
    properties: {
      subnet: { id: network::subnet.id }
      privateLinkServiceConnections: [
        {
          name: door.group
          properties: { privateLinkServiceId: resourceId(door.type, door.name), groupIds: [door.group] }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [
  for (door, index) in doors: {
    parent: endpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: door.group
          properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', door.zone) }
        }
      ]
    }
  }
]
