using '../main.bicep'

param environmentName = 'example'
param location = 'westeurope'
param secondLocation = 'northeurope'
param activeNamespace = 'second'
