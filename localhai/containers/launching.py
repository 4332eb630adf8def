"""Process 1 of a container: a shell that starts a script, and passes on to every process that it shall end. Pure.

A script is no process 1 itself: that ignores SIGTERM where it has no handler, and a shell then begins the next line as
soon as what ran in front of it has ended. As a child it dies of the signal, or runs its own trap. The signal goes to
all processes in one call, in which the kernel takes parents before their children: a shell has it before it learns of
its child's end. Whoever is left when the script has ended keeps the grace time, since the end of process 1 ends all.

bash starts the script with job control, in a group of its own and with SIGINT as it was, and waits beside it: SIGTERM
to process 1 is enough, whoever sends it. It is passed on once, since a program that saves in its handler would begin
anew at the second; only while the script is not yet the child's program, the next SIGTERM counts too. A plain `sh` has
no job control without a terminal, so it keeps the script in front and hears nothing meanwhile: the others are told from
outside, with `TELL_OTHERS`.
"""

from __future__ import annotations

import math

_CHOOSE = 'if command -v bash >/dev/null 2>&1; then exec bash -p -c "$1" localhai; else exec sh -c "$2" localhai; fi'

# what shells say of their jobs is not the script's output: it has the true stderr, they have none
_BASH = """SHLVL=$((SHLVL - 1))
exec 3>&2 2>/dev/null
echo localhai >/proc/1/comm
trap 'stopped=1$stopped; read -r name <"/proc/$!/comm"
      [ -n "$told" ] || { kill -TERM -1; [ "$name" = localhai ] || told=1; }' TERM
set -m
if [ -z "$stopped" ]; then
  %(run)s 2>&3 3>&- &
  child=$!
  set +m
  while heard=$stopped; wait "$child"; code=$?; [ "$heard" != "$stopped" ]; do :; done
fi
"""
_SH = """[ -z "$SHLVL" ] || SHLVL=$((SHLVL - 1))
exec 3>&2 2>/dev/null
trap stopped=1 TERM
(exec %(run)s 2>&3 3>&-)
code=$?
"""
_END = """turns=%(turns)s
while [ -n "$stopped" ] && [ "$turns" -gt 0 ] && kill -0 -1; do
  sleep 0.1 || sleep 1 || break
  turns=$((turns - 1))
done
exit ${code:-143}
"""

# unless process 1 does it; in the first moments there may be nobody to tell yet
_TELL = (
    'read -r name </proc/1/comm; [ "$name" = localhai ] && exit; turns=10;'
    " until kill -TERM -1 2>/dev/null || [ $turns = 0 ]; do sleep 0.1; turns=$((turns - 1)); done"
)
TELL_OTHERS = ("/bin/sh", "-c", _TELL)


def launch(path: str, grace: float, *, has_interpreter: bool = False) -> tuple[str, ...]:
    """The command of a container that runs the script at `path` in bash, where the image has it, else in sh.

    With `has_interpreter` its first line names what runs it. `grace` is for how many seconds what outlives a script
    that was told to end is waited for.
    """
    end = _END % {"turns": math.ceil(grace * 10)}
    bash, sh = (f"{path}", f"{path}") if has_interpreter else (f"bash {path}", f"sh {path}")
    return ("/bin/sh", "-c", _CHOOSE, "localhai", _BASH % {"run": bash} + end, _SH % {"run": sh} + end)
