#!/bin/sh
# Run a step on the `localhai serve` at VALOHAI_HOST, with the platform's own command line: what a CI job calls.
set -eu
cd "$(dirname "$0")/.."
until python -c "import os, urllib.request as r; r.urlopen(os.environ['VALOHAI_HOST'] + '/health')" 2>/dev/null; do
    sleep 1
done
vh exec run --adhoc preprocess --articles=datum://spring
vh exec logs --stream latest
vh exec outputs latest --download outputs
vh --output-format json exec info latest | python -c "import json, sys; sys.exit(json.load(sys.stdin)['status'] != 'complete')"
