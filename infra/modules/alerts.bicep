metadata description = 'Alerts, each with what it asks for. Log queries read the report of each invocation (category `Function.<name>.User`, JSON) and the lines that the handler prints (`Host.Function.Console`, JSON).'

param namePrefix string
param location string
param tags object
param workspaceName string
@description('The namespace that the functions read.')
param activeNamespaceName string
param eventHubsNamespaceNames string[]
@description('Who gets the alerts. Empty: the portal shows them, and nobody gets a message.')
param email string
@description('Invocations that fail within 15 minutes without a reason in the log.')
@minValue(1)
param failedInvocations int
@description('Periods of five minutes, of the last 15, in which storage fails.')
@minValue(1)
@maxValue(3)
param retriedPeriods int
@minValue(1)
param lagMinutes int
@allowed([10, 15, 30, 45, 60, 120])
param noGoldRunMinutes int
@description('Commits to silver that gold has not read, during a whole half hour.')
@minValue(1)
param goldBehindVersions int
@description('Share of events that are rejected, in per cent.')
@minValue(1)
@maxValue(100)
param quarantinedPercent int

var ingestReports = 'AppTraces | where Properties.Category == "Function.ingest.User" | extend report = parse_json(Message)'
var sessionizeReports = 'AppTraces | where Properties.Category == "Function.sessionize.User" | extend report = parse_json(Message)'
var rebuildReports = 'AppTraces | where Properties.Category == "Function.rebuild.User" | extend report = parse_json(Message)'
var failures = 'AppTraces | where Properties.Category == "Host.Function.Console" | extend line = parse_json(Message) | where line.level == "ERROR" and isnotempty(line.fields.reason) | extend failureKind = tostring(line.fields.kind)'

// A failure has a kind. After `retry` the host tries again, and nobody is needed unless it lasts. After `operator` and `bug`
// no attempt succeeds until a person acts. That also holds for a handler that cannot start, whose line has no kind.
//
// Each query gives one number, `measure`, and the rule compares it with its threshold. Each gives a row even when nothing
// happened, because a rule without rows does not fire.
var rules = [
  {
    name: 'person-must-act'
    description: 'A function fails, and no retry will help. Read `fields.reason` and `fields.kind` of the handler\'s lines. Kind `operator`, or no kind: change what the reason names, a setting, a role or a table. Kind `bug`: deploy the older commit and report the line. Until then events wait in the hub, which deletes them after its retention time.'
    severity: 1
    windowSize: 'PT15M'
    query: '${failures} | where failureKind != "retry" | summarize measure = count()'
    operator: 'GreaterThanOrEqual'
    threshold: 1
  }
  {
    name: 'storage-fails'
    description: 'Storage has been slow or failing for more than five minutes. The host retries and nothing is lost, so wait if Azure reports an outage. Otherwise read `fields.reason` of the handler\'s lines, and check the network and the throttling of the lake\'s account.'
    severity: 2
    windowSize: 'PT15M'
    query: '${failures} | where failureKind == "retry" | summarize by period = bin(TimeGenerated, 5m) | summarize measure = count()'
    operator: 'GreaterThanOrEqual'
    threshold: retriedPeriods
  }
  {
    name: 'failed-invocations'
    description: 'Invocations fail, and the handler gives no reason: its process is killed, or the host cannot reach it. Look for exit codes and memory in the host\'s log. Events are redelivered until it works again.'
    severity: 1
    windowSize: 'PT15M'
    query: 'union (AppRequests | where Success == false | extend unexplained = 1), (${failures} | extend unexplained = -1) | summarize measure = coalesce(sum(unexplained), 0)'
    operator: 'GreaterThanOrEqual'
    threshold: failedInvocations
  }
  {
    name: 'growing-lag'
    description: 'Events reach the functions late, and later each time: producers send more than the functions read. One instance reads a partition, so give instances more memory and CPU (`instanceMemoryMB`) or make batches larger. More partitions need a new hub.'
    severity: 2
    windowSize: 'PT15M'
    query: '${ingestReports} | extend lag_ms = tolong(report.lag_ms), source = tostring(report.source) | where isnotnull(lag_ms) | summarize (first_at, first_ms) = arg_min(TimeGenerated, lag_ms), (last_at, last_ms) = arg_max(TimeGenerated, lag_ms) by source | summarize measure = countif(last_ms > ${lagMinutes * 60000} and last_ms > first_ms)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'nothing-ingested'
    description: 'Messages arrive at the event hub, and no invocation reads them. Check the trigger: its identity, its connection, its consumer group.'
    severity: 1
    windowSize: 'PT30M'
    query: 'union (AzureMetrics | where ResourceProvider == "MICROSOFT.EVENTHUB" and Resource =~ "${activeNamespaceName}" and MetricName == "IncomingMessages" | summarize messages = sum(Total)), (${ingestReports} | summarize events = sum(tolong(report.received))) | summarize messages = sum(messages), events = sum(events) | project measure = iff(coalesce(messages, 0.0) > 0 and coalesce(events, 0) == 0, 1, 0)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'no-gold-run'
    description: 'No run of sessionize has succeeded for ${noGoldRunMinutes} minutes, so gold does not change. Check whether the timer runs, and why runs fail.'
    severity: 2
    windowSize: noGoldRunMinutes < 60 ? 'PT${noGoldRunMinutes}M' : 'PT${noGoldRunMinutes / 60}H'
    query: '${sessionizeReports} | where report.function == "sessionize" | summarize measure = count()'
    operator: 'LessThan'
    threshold: 1
  }
  {
    name: 'gold-falls-behind'
    description: 'Gold runs, but does not catch up with silver. Raise `SESSIONIZE_MAX_EVENTS`, or shorten `SESSIONIZE_SCHEDULE`.'
    severity: 3
    windowSize: 'PT30M'
    query: '${sessionizeReports} | summarize least = min(tolong(report.behind)) | project measure = coalesce(least, 0)'
    operator: 'GreaterThan'
    threshold: goldBehindVersions
  }
  {
    name: 'gold-was-wrong'
    description: 'A rebuild found sessions that differ from what silver gives, and replaced them. This should never happen: run `clickstream audit`, and report what the rebuild replaced.'
    severity: 2
    windowSize: 'PT1H'
    query: '${rebuildReports} | summarize measure = countif(array_length(bag_keys(report.replaced)) > 0)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'events-rejected'
    description: 'More than ${quarantinedPercent} % of the events go to silver/quarantine, so a producer has probably changed. Read `reason` and `detail` in that table, and fix the producer.'
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
      // The first record creates its table, so a first deployment has no tables to check a query against.
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
      description: 'Event Hubs refuses requests because the namespace has too few throughput units. Raise `maximumThroughputUnits`: the namespace may have grown to it.'
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
