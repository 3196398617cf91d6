metadata description = 'The role of the identity that deploys code. It is a role on the site, so it is the only one that is assigned after the site exists.'

param siteName string
@description('Object id of the identity.')
param principalId string

var websiteContributor = 'de139f84-1756-47ae-9be6-808fbbe84772'

resource site 'Microsoft.Web/sites@2024-11-01' existing = {
  name: siteName
}

resource deployerOnSite 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(site.id, principalId, websiteContributor)
  scope: site
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', websiteContributor)
  }
}
