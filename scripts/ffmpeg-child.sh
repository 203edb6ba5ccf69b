#!/bin/sh
# ffmpeg-child.sh [--nice N] PROGRAM ARGUMENT…
# Runs ffmpeg or ffprobe so that it cannot disturb or outlive the worker that started it: CPU priority N (0: leave that and the
# disk's as they are), idle I/O, killed by the kernel when the worker dies, none of the worker's environment. One process id
# all the way: every step execs the next, so a signal to this child reaches ffmpeg itself.
set -eu
nice=10
in_session=
if [ "$1" = --nice ]; then
  nice=$2
  shift 2
  # Where the kernel shares the processor between sessions first, niceness means nothing outside of one's own: this child
  # gets a session of its own, and that the same niceness. (A denial is made good by the governor.)
  if [ "$nice" != 0 ] && [ "$(cat /proc/sys/kernel/sched_autogroup_enabled 2>/dev/null)" = 1 ]; then in_session=1; fi
fi
if [ "$nice" != 0 ]; then
  if command -v nice >/dev/null 2>&1; then set -- nice -n "$nice" "$@"; fi
  if command -v ionice >/dev/null 2>&1; then set -- ionice -t -c 3 "$@"; fi
fi
if command -v setpriv >/dev/null 2>&1 && setpriv --help 2>/dev/null | grep -q pdeathsig; then
  set -- setpriv --pdeathsig KILL "$@"
fi
if [ -n "$in_session" ] && command -v setsid >/dev/null 2>&1; then
  set -- setsid sh -c 'echo "$0" 2>/dev/null >/proc/self/autogroup || :; exec "$@"' "$nice" "$@"
fi
exec env -i PATH="$PATH" LC_ALL=C HOME=/nonexistent "$@"
