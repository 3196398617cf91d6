using '../main.bicep'

param environmentName = 'example'
param location = 'westeurope'
