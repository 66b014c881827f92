#!/bin/bash
# missing.sh: the Debian packages of packages.txt that are not installed here, one a line.
set -euo pipefail
for package in $(grep -v '^#' "$(dirname "$0")/packages.txt"); do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
done
