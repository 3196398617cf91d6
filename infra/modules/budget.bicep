metadata description = 'A warning before a month costs more than planned. It warns and stops nothing.'

param name string
@description('In the currency of the subscription.')
param amount int
@description('First day of the month in which the budget was created. It cannot be changed later.')
param startDate string
@description('Who gets the warning besides the owners of the subscription; may be empty.')
param email string

var recipients = { contactEmails: empty(email) ? [] : [email], contactRoles: ['Owner'] }

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: name
  properties: {
    amount: amount
    category: 'Cost'
    timeGrain: 'Monthly'
    timePeriod: { startDate: startDate }
    notifications: {
      'Actual-80': { enabled: true, operator: 'GreaterThan', threshold: 80, thresholdType: 'Actual', ...recipients }
      'Forecasted-100': {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        ...recipients
      }
    }
  }
}
