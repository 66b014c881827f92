#!/bin/bash
# missing.sh: the Debian packages of packages.txt that are not installed here, one a line.
set -euo pipefail
grep -v '^#' "$(dirname "$0")/packages.txt" | while read -r package; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
done
