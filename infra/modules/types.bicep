metadata description = 'Types that more than one file uses.'

@export()
@description('A user, group or program that can be given a role. Azure refuses the role if the type is wrong.')
type principal = {
  @minLength(36)
  @maxLength(36)
  id: string
  type: 'User' | 'Group' | 'ServicePrincipal'
}

@export()
@description('Settings of the functions that may differ from their defaults. The README explains each name.')
type settings = {
  SESSION_TIMEOUT: string?
  ALLOWED_LATENESS: string?
  FUTURE_TOLERANCE: string?
  MAX_EVENT_AGE: string?
  MAX_EVENT_BYTES: string?
  MAX_SESSION_EVENTS: string?
  SESSIONIZE_MAX_EVENTS: string?
  SITE_DOMAIN: string?
  ANONYMOUS_EVENTS: string?
  PRODUCT_VIEWS_WITHOUT_PRODUCT: string?
  EVENT_FIELDS: string?
  EVENT_TYPES: string?
  SOURCE_EPOCHS: string?
  SESSIONIZE_SCHEDULE: string?
  REBUILD_SCHEDULE: string?
}

@export()
@description('Instances that are kept warm for one function.')
type alwaysReadyInstances = {
  @description('`function:` and the name of the function\'s folder, or the group `http`.')
  name: string
  @minValue(1)
  instanceCount: int
}
