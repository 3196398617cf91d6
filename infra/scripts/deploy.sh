#!/usr/bin/env bash
# Deploys resources and code with the Azure CLI alone, without azd. Settings are the variables of infra/main.bicepparam.
#
#   AZURE_ENV_NAME=dev AZURE_LOCATION=westeurope infra/scripts/deploy.sh [--what-if | --validate | --code-only]
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${AZURE_ENV_NAME:?a name for this deployment, for example dev}"
: "${AZURE_LOCATION:?a region, see: az functionapp list-flexconsumption-locations --output table}"
export AZURE_ENV_NAME AZURE_LOCATION
readonly deployment="clickstream-$AZURE_ENV_NAME"
readonly template=(--location "$AZURE_LOCATION" --template-file infra/main.bicep --parameters infra/main.bicepparam)

# The roles of a new identity may need minutes to arrive everywhere.
readonly attempts="${DEPLOY_ATTEMPTS:-10}"
readonly pause_seconds="${DEPLOY_PAUSE_SECONDS:-30}"

fail() { echo "deploy: $*" >&2; exit 1; }

preflight() {
  command -v az >/dev/null || fail "cannot find the Azure CLI: https://aka.ms/azure-cli"
  az account show --output none || fail "cannot use Azure without a login; run \`az login\`"
  local provider state
  for provider in Microsoft.App Microsoft.Authorization Microsoft.Consumption Microsoft.EventHub Microsoft.Insights \
    Microsoft.ManagedIdentity Microsoft.Network Microsoft.OperationalInsights Microsoft.Storage Microsoft.Web; do
    state=$(az provider show --namespace "$provider" --query registrationState --output tsv)
    [ "$state" = Registered ] && continue
    echo "registering $provider, which is $state"
    az provider register --namespace "$provider" --wait
  done
  local regions wanted="${AZURE_LOCATION// /}"
  regions=$(az functionapp list-flexconsumption-locations --query "[].name" --output tsv)
  grep -qix "$wanted" <<<"${regions// /}" ||
    fail "cannot deploy to \`$AZURE_LOCATION\`, where Flex Consumption is not offered; see \`az functionapp list-flexconsumption-locations\`"
}

# An output of the last deployment; nothing if there was none. Resource Manager changes the case of names that it returns:
# AZURE_LOCATION becomes azurE_LOCATION.
output() {
  local word="${1%%_*}" returned query
  returned="${word,,}"
  returned="${returned%?}${word: -1}${1#"$word"}"
  query="not_null(properties.outputs.$1.value, properties.outputs.$returned.value)"
  az deployment sub show --name "$deployment" --query "$query" --output tsv 2>/dev/null || true
}

# A budget's first day cannot be changed, so every deployment repeats the first one's.
keep_budget_start() {
  BUDGET_START_DATE="${BUDGET_START_DATE:-$(output BUDGET_START_DATE)}"
  export BUDGET_START_DATE
}

provision() {
  az deployment sub create --name "$deployment" "${template[@]}" --output none
}

push() {
  local group site attempt answer
  group=$(output AZURE_RESOURCE_GROUP)
  site=$(output AZURE_FUNCTION_NAME)
  [ -n "$site" ] || fail "cannot find the deployment \`$deployment\`; run without --code-only first"
  for ((attempt = 1; attempt <= attempts; attempt++)); do
    if answer=$(az functionapp deployment source config-zip --resource-group "$group" --name "$site" \
      --src dist/app.zip 2>&1); then
      echo "deployed dist/app.zip to $site"
      return
    fi
    # Tries again only after errors that end by themselves: roles and names that have not arrived yet, a site that starts.
    grep -qE '\b(403|404|503)\b|Forbidden|Not Found|Service Unavailable' <<<"$answer" || fail "$answer"
    echo "attempt $attempt of $attempts failed; the next follows in $pause_seconds s: ${answer##*$'\n'}" >&2
    ((attempt == attempts)) || sleep "$pause_seconds"
  done
  fail "cannot deploy to $site in $attempts attempts: $answer"
}

case "${1:-}" in
  --what-if) preflight; keep_budget_start; az deployment sub what-if "${template[@]}" ;;
  --validate) preflight; keep_budget_start; az deployment sub validate "${template[@]}" ;;
  --code-only) infra/scripts/package.sh; push ;;
  "") preflight; keep_budget_start; infra/scripts/package.sh; provision; push ;;
  *) fail "cannot read the argument \`$1\`; use --what-if, --validate or --code-only" ;;
esac
