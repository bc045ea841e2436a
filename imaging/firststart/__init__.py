r"""The first start of a Windows that was deployed: commands that only a running Windows can carry out.

Model: a folder on its volume, ``\ProgramData\osdimage\FirstStart``, with ``run.cmd`` and a folder for each step, by its
number from 1.  Windows starts ``run.cmd`` (``starting.py`` tells by what); it carries out the steps one after another,
restarts where one asks for it, goes on after that, and keeps how each ended.  ``steps.py`` is what a step is,
``folder.py`` makes the files, ``plan.py`` what is written into a Windows, ``results.py`` reads what became of it.

Of each step, written before the first start: ``step.cmd``, its commands; ``when.cmd``, where it has a condition: it
runs with exit code 0, is skipped with 1, and has failed with any other; ``step.txt``, one line
``ON|CODES|RETRIES|WOW|RESTARTS|SECONDS|OUTPUT``: the number of the step to go on with when it fails, 0 for none; the
exit codes that are success; how often it is begun again when the computer stopped in it; whether it runs in the 32-bit
shell; whether the computer restarts after it; after how many seconds it is ended, 0 for never; the variable that its
output becomes, or ``-``.  Beside them the files that its commands need.  Written by ``run.cmd``: ``begin`` and ``end``,
whose times are those of the step, ``end`` with its state and exit code; ``output.txt``.

A step with secrets has its commands in ``secret.cmd``, to which ``step.cmd`` passes on.  When it has ended, and once
more at the end of all, everything of it is deleted but ``step.cmd``, ``step.txt``, ``begin`` and ``end``; at the end
the variables, too, that it may have set to one: those that ``secrets.txt`` names.

A step runs in this folder, which it finds as ``%OSDImageFirstStart%`` too, and has its own as ``%~dp0``.  The packages
that steps need are below ``packages``.  A line ``NAME=VALUE`` that it adds to ``vars.txt`` is for the steps after it.

Beside them: ``vars.txt``, lines ``NAME=VALUE`` that steps find in their environment, of one name the last;
``plan.json``, for those who read the results; ``timed.ps1`` and ``output.ps1`` for what a batch file cannot do, where a
step asks for it; and of ``run.cmd``: ``results.txt``, lines ``STEP STATE CODE``; ``log.txt``; ``starts.txt``, how often
it was started, and at which step how often; ``running.txt``, the step at work and the number of its tries;
``next.txt``, the step that follows with the last exit code; and at the end ``done``, or ``failed``.  A step that makes
``reboot-requested`` here asks for a restart.

No script is changed by what a plan holds: ``run.cmd`` is the same on every disk.  Pure, but for the end of
``plan.py``, which writes it.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "finding": ("find_results", "open_first_start"),
        "folder": ("FOLDER", "first_start_files"),
        "packages": ("Package", "PackageFile", "count_package", "count_packages"),
        "plan": ("FirstStartPlan", "carry_out", "plan_first_start"),
        "removing": ("remove_first_start",),
        "results": ("FirstStartResults", "NoFirstStart", "StepEnd", "StepResult", "read_output", "read_results"),
        "starting": ("StartedWindows", "StartsBy", "read_windows"),
        "steps": ("FirstFile", "FirstStep"),
    },
)
