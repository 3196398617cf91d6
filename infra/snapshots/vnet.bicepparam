using '../main.bicep'

// Everything that one region can have.
param environmentName = 'example'
param location = 'westeurope'
param vnetEnabled = true
param zoneRedundant = true
param lakeRedundancy = 'Standard_ZRS'
param alwaysReady = [{ name: 'function:ingest', instanceCount: 1 }]
param developerPrincipalId = '00000000-0000-0000-0000-00000000de57'
param producerPrincipalIds = ['00000000-0000-0000-0000-0000000000c1']
param functionSettings = { SITE_DOMAIN: 'shop.example', SESSION_TIMEOUT: '20m' }
param alertEmail = 'operator@shop.example'
param budgetAmount = 100
param budgetStartDate = '2026-11-01'
param githubRepository = 'shop/clickstream'
