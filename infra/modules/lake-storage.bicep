metadata description = 'The lake: a storage account of its own, with a hierarchical namespace. Deleting the app cannot delete the data.'

@minLength(3)
@maxLength(24)
param name string
param location string
param tags object
param containerName string
@description('Folder in the container, which holds the Delta tables.')
param folder string
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_RAGRS', 'Standard_GZRS', 'Standard_RAGZRS'])
param redundancy string
@description('Days for which deleted data can be restored.')
@minValue(1)
@maxValue(365)
param softDeleteDays int
@description('Age in days at which the bytes of events move to the cool tier; 0 for never.')
@minValue(0)
param coolAfterDays int
@description('Whether a lock forbids deleting the account. The deployer needs the right to write locks.')
param isLocked bool
@description('Whether only private endpoints can reach it.')
param isPrivate bool

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isHnsEnabled: true
    minimumTlsVersion: 'TLS1_2'
    networkAcls: { bypass: isPrivate ? 'None' : 'AzureServices', defaultAction: isPrivate ? 'Deny' : 'Allow' }
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: containerName
  properties: { publicAccess: 'None' }
}

// Moves data files and never deletes one: only a table's log knows which files the table consists of. The prefixes end in
// the partition column, so that no `_delta_log` can match. Every rebuild reads gold and silver, so these stay hot.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = if (coolAfterDays > 0) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'cool-received-bytes'
          type: 'Lifecycle'
          definition: {
            actions: { baseBlob: { tierToCool: { daysAfterModificationGreaterThan: coolAfterDays } } }
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: [
                '${containerName}/${folder}/bronze/events/ingest_date='
                '${containerName}/${folder}/silver/quarantine/ingest_date='
              ]
            }
          }
        }
      ]
    }
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  name: 'lake-is-data'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the tables. Remove this lock by hand, after a copy, before the account is deleted.'
  }
}
