metadata description = 'What somebody must look at. Log queries read what the functions report after an invocation (category `Function.<name>.User`, the report as JSON) and what the handler prints (`Host.Function.Console`, one JSON line a record).'

param namePrefix string
param location string
param tags object
param workspaceName string
@description('The namespace that the functions read.')
param activeNamespaceName string
param eventHubsNamespaceNames string[]
@description('Empty: alerts are shown in the portal and sent to nobody.')
param email string
@minValue(1)
param failedInvocations int
@minValue(1)
param lagMinutes int
@allowed([10, 15, 30, 45, 60, 120])
param noGoldRunMinutes int
@description('Commits to silver that gold has not taken, for half an hour on end.')
@minValue(1)
param goldBehindVersions int
@description('Share of events that are rejected.')
@minValue(1)
@maxValue(100)
param quarantinedPercent int

var ingestReports = 'AppTraces | where Properties.Category == "Function.ingest.User" | extend report = parse_json(Message)'
var sessionizeReports = 'AppTraces | where Properties.Category == "Function.sessionize.User" | extend report = parse_json(Message)'
var rebuildReports = 'AppTraces | where Properties.Category == "Function.rebuild.User" | extend report = parse_json(Message)'
var consoleLines = 'AppTraces | where Properties.Category == "Host.Function.Console" | extend line = parse_json(Message)'

// Each gives one number, `measure`; the rule compares it with its threshold. None gives no row at all when nothing
// happened, because a rule without rows does not fire.
var rules = [
  {
    name: 'failed-invocations'
    description: 'Functions fail. The reason is in `fields.reason` of the handler\'s lines; events are redelivered until it is mended.'
    severity: 1
    windowSize: 'PT15M'
    query: 'union (AppRequests | where Success == false), (${consoleLines} | where line.level == "ERROR" | where isnotempty(line.fields.reason)) | summarize measure = count()'
    operator: 'GreaterThanOrEqual'
    threshold: failedInvocations
  }
  {
    name: 'growing-lag'
    description: 'A partition\'s newest event is older than it should be when it arrives, and getting older: the functions take less than comes in.'
    severity: 2
    windowSize: 'PT15M'
    query: '${ingestReports} | extend lag_ms = tolong(report.lag_ms), source = tostring(report.source) | where isnotnull(lag_ms) | summarize (first_at, first_ms) = arg_min(TimeGenerated, lag_ms), (last_at, last_ms) = arg_max(TimeGenerated, lag_ms) by source | summarize measure = countif(last_ms > ${lagMinutes * 60000} and last_ms > first_ms)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'nothing-ingested'
    description: 'Messages arrive at the event hub and no invocation takes them: look at the trigger, its identity and its connection.'
    severity: 1
    windowSize: 'PT30M'
    query: 'union (AzureMetrics | where ResourceProvider == "MICROSOFT.EVENTHUB" and Resource =~ "${activeNamespaceName}" and MetricName == "IncomingMessages" | summarize messages = sum(Total)), (${ingestReports} | summarize events = sum(tolong(report.received))) | summarize messages = sum(messages), events = sum(events) | project measure = iff(coalesce(messages, 0.0) > 0 and coalesce(events, 0) == 0, 1, 0)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'no-gold-run'
    description: 'No activation of sessionize has succeeded for ${noGoldRunMinutes} minutes: gold stands still.'
    severity: 2
    windowSize: noGoldRunMinutes < 60 ? 'PT${noGoldRunMinutes}M' : 'PT${noGoldRunMinutes / 60}H'
    query: '${sessionizeReports} | where report.function == "sessionize" | summarize measure = count()'
    operator: 'LessThan'
    threshold: 1
  }
  {
    name: 'gold-falls-behind'
    description: 'Gold runs, and does not catch up with silver.'
    severity: 3
    windowSize: 'PT30M'
    query: '${sessionizeReports} | summarize least = min(tolong(report.behind)) | project measure = coalesce(least, 0)'
    operator: 'GreaterThan'
    threshold: goldBehindVersions
  }
  {
    name: 'gold-was-wrong'
    description: 'A rebuild found sessions that were not what silver says, and replaced them. That should never happen.'
    severity: 2
    windowSize: 'PT1H'
    query: '${rebuildReports} | summarize measure = countif(array_length(bag_keys(report.replaced)) > 0)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'events-rejected'
    description: 'More than ${quarantinedPercent} % of the events go to silver/quarantine: a producer has changed. The reasons are in the table.'
    severity: 3
    windowSize: 'PT30M'
    query: '${ingestReports} | summarize received = sum(tolong(report.received)), quarantined = sum(tolong(report.quarantined)) | project measure = iff(coalesce(received, 0) == 0, 0.0, 100.0 * quarantined / received)'
    operator: 'GreaterThan'
    threshold: quarantinedPercent
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' existing = {
  name: workspaceName
}

resource namespaces 'Microsoft.EventHub/namespaces@2024-01-01' existing = [
  for name in eventHubsNamespaceNames: {
    name: name
  }
]

resource recipients 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: '${namePrefix}-recipients'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'clickstream'
    emailReceivers: [{ name: 'operator', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource onLogs 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${namePrefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: rule.description
      severity: rule.severity
      enabled: true
      autoMitigate: true
      evaluationFrequency: 'PT5M'
      windowSize: rule.windowSize
      scopes: [workspace.id]
      // Tables are made by their first record: at the first deployment there are none to check a query against.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: 'measure'
            timeAggregation: 'Maximum'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: { minFailingPeriodsToAlert: 1, numberOfEvaluationPeriods: 1 }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [recipients.id] }
    }
  }
]

resource onThrottling 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for (name, region) in eventHubsNamespaceNames: {
    name: '${namePrefix}-throttled-${name}'
    location: 'global'
    tags: tags
    properties: {
      description: 'Event Hubs refuses requests: the namespace has too few throughput units, or has reached the most it may grow to.'
      severity: 2
      enabled: true
      autoMitigate: true
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      scopes: [namespaces[region].id]
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: 'throttled'
            metricNamespace: 'Microsoft.EventHub/namespaces'
            metricName: 'ThrottledRequests'
            operator: 'GreaterThan'
            threshold: 0
            timeAggregation: 'Total'
          }
        ]
      }
      actions: empty(email) ? [] : [{ actionGroupId: recipients.id }]
    }
  }
]
