#!/bin/sh
# Builds the app root that is deployed: dist/app, which azd zips, and dist/app.zip for those without azd. The executable
# asks for no newer glibc than Flex Consumption is known to have.
set -eu
cd "$(dirname "$0")/../.."
cargo run --release --bin clickstream -- package --out dist/app --zip dist/app.zip --glibc 2.28
