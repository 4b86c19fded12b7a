#!/bin/sh
# Starts Cutpoint with the Node beside this file where the archive has one, else with the one on the PATH.
here=$(dirname "$(readlink -f "$0")")
node=$here/node
if [ ! -x "$node" ] && ! node=$(command -v node); then
  echo 'error CUT_USAGE: Cutpoint needs Node 20 or newer, and there is no node on the PATH.' >&2
  exit 2
fi
exec "$node" "$here/../lib/start.cjs" "$@"
