#!/bin/bash
# base_image.sh NAME: make a Debian image with Python in the local storage of buildah, where no registry is in reach.
# What this machine needs to reach package indexes (sources, certificates, pip's settings) goes into this base alone.
set -euo pipefail
name=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sources=$(find /etc/apt -name sources.list -size +0 -o -name '*.list' -size +0 -o -name '*.sources' | sort | head -n 1)
{
  echo '[global]'
  echo 'cert = /etc/ssl/certs/ca-certificates.crt'
  # Folders of this machine are not there in the image.
  python3 -m pip config list | sed -n "s/^\(global\|:env:\)\.\(index-url\|extra-index-url\|trusted-host\)='\(.*\)'$/\2 = \3/p" | \
    grep -v 'file:' || true
} > "$work/pip.conf"

# shellcheck disable=SC2016 # mmdebstrap says what $1 is
mmdebstrap --quiet --mode=root --variant=apt --dpkgopt=force-unsafe-io \
  --include=passwd,python3,python3-venv,ca-certificates \
  --customize-hook='cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"' \
  --customize-hook="copy-in $work/pip.conf /etc" \
  bookworm "$work/base.tar" "$sources"

container=$(buildah from --storage-driver overlay scratch)
buildah add --storage-driver overlay --quiet "$container" "$work/base.tar" /
buildah commit --storage-driver overlay --quiet --rm "$container" "$name"
