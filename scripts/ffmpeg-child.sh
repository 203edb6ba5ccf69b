#!/bin/sh
# ffmpeg-child.sh [--nice N] [--session N] [--memory KIB] PROGRAM ARGUMENT…
# Runs ffmpeg or ffprobe so that it cannot disturb or outlive the worker that started it: CPU priority N (0: leave that and the
# disk's as they are), idle I/O, killed by the kernel when the worker dies, none of the worker's environment. One process id
# all the way: every step execs the next, so a signal to this child reaches ffmpeg itself.
#
# --session: where the kernel shares the processor between sessions first (autogroups), niceness means nothing outside of one's
# own, and the worker's would compete with every other as an equal; this child then gets a session of its own, as nice as N.
#
# Whatever an upload makes a decoder do: no core dump, no file above 64 GiB, and no more address space than --memory says.
set -eu
nice=10
session=
ulimit -c 0
ulimit -f 134217728
if [ "$1" = --nice ]; then nice=$2; shift 2; fi
if [ "$1" = --session ]; then session=$2; shift 2; fi
if [ "$1" = --memory ]; then ulimit -v "$2"; shift 2; fi
if [ "$nice" != 0 ]; then
  if command -v nice >/dev/null 2>&1; then set -- nice -n "$nice" "$@"; fi
  if command -v ionice >/dev/null 2>&1; then set -- ionice -t -c 3 "$@"; fi
fi
if command -v setpriv >/dev/null 2>&1 && setpriv --help 2>/dev/null | grep -q pdeathsig; then
  set -- setpriv --pdeathsig KILL "$@"
fi
if [ -n "$session" ] && [ "$(cat /proc/sys/kernel/sched_autogroup_enabled 2>/dev/null)" = 1 ] && command -v setsid >/dev/null 2>&1; then
  # Who is not root may do this ten times a second on the whole machine; the governor makes good what was denied here.
  set -- setsid sh -c 'echo "$0" 2>/dev/null >/proc/self/autogroup || :; exec "$@"' "$session" "$@"
fi
exec env -i PATH="$PATH" LC_ALL=C HOME=/nonexistent "$@"
