metadata description = 'The lake: an account of its own with a hierarchical namespace, so that nothing of the app can be deleted together with the data.'

@minLength(3)
@maxLength(24)
param name string
param location string
param tags object
param containerName string
@description('Folder of the container that holds the Delta tables.')
param folder string
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_RAGRS', 'Standard_GZRS', 'Standard_RAGZRS'])
param redundancy string
@description('Days for which deleted data can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int
@description('Age in days at which received bytes move to the cool tier; 0 for never.')
@minValue(0)
param coolAfterDays int
@description('Forbids deleting the account. Setting it needs the right to write locks.')
param isLocked bool
@description('Closed to all but private endpoints.')
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

// Moves data files, never deletes: which files a table consists of only its log knows. The prefixes end in the
// partition column, so that no `_delta_log` can match; gold and silver are read again by every rebuild and stay hot.
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
