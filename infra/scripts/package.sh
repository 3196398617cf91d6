#!/bin/sh
# Builds the app root to deploy: dist/app, which azd zips, and dist/app.zip for a deployment without azd. The executable needs
# no newer glibc than Flex Consumption is known to have.
set -eu
cd "$(dirname "$0")/../.."
cargo run --release --bin clickstream -- package --out dist/app --zip dist/app.zip --glibc 2.28
