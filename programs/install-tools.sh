#!/bin/sh
# Installs what the tests of this package need and cannot bring along: curl, openssl and wrk.
# The tests run it when one of them is missing.
set -eu

missing=
for tool in curl openssl wrk; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "missing:$missing; install them with the package manager of this system" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    # Without asking: nobody may be there to answer.
    as_root="sudo -n"
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# The programs' names are the packages'.
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing
