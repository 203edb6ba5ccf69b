#!/bin/sh
# Runs "$@" (ffmpeg or ffprobe) so that it cannot disturb or outlive the worker that started it: lowest CPU priority, idle
# I/O, killed by the kernel when the worker dies, none of the worker's environment. One process id all the way: every step
# execs the next, so a signal to this child reaches ffmpeg itself.
set -eu
if command -v nice >/dev/null 2>&1; then set -- nice -n 19 "$@"; fi
if command -v ionice >/dev/null 2>&1; then set -- ionice -t -c 3 "$@"; fi
if command -v setpriv >/dev/null 2>&1 && setpriv --help 2>/dev/null | grep -q pdeathsig; then
  set -- setpriv --pdeathsig KILL "$@"
fi
exec env -i PATH="$PATH" LC_ALL=C HOME=/nonexistent "$@"
