metadata description = 'An identity that a GitHub workflow assumes without a secret, to deploy code and nothing else.'

param name string
param location string
param tags object
@description('`owner/name`')
param repository string
@description('Environment of the workflow. Its protection rules decide who may deploy.')
param environment string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

resource fromGitHub 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = {
  parent: identity
  name: 'github'
  properties: {
    audiences: ['api://AzureADTokenExchange']
    issuer: 'https://token.actions.githubusercontent.com'
    subject: 'repo:${repository}:environment:${environment}'
  }
}

output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
