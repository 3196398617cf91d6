#!/usr/bin/env bash
# Expands each parameter set of infra/snapshots/ offline, as Azure would. Run it after a change to infra/ and read the
# difference, which is what the change does to a deployment.
set -euo pipefail
cd "$(dirname "$0")/../snapshots"
for parameters in *.bicepparam; do
  "${BICEP:-bicep}" snapshot "$parameters" --location westeurope \
    --subscription-id 00000000-0000-0000-0000-000000000001 --tenant-id 00000000-0000-0000-0000-000000000002
  # The compiler writes outputs in any order.
  python3 - "${parameters%.bicepparam}.snapshot.json" <<'PYTHON'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    snapshot = json.load(file)
snapshot["outputs"] = dict(sorted(snapshot["outputs"].items()))
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(snapshot, file, indent=2, ensure_ascii=False)
    file.write("\n")
PYTHON
done
