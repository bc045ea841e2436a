"""Plan a task sequence and run it on a disk: python sequence.py existing-image.xml answers.yaml disk.img install.wim"""

import sys
from pathlib import Path

from osdimage.imaging import Environment, Machine, load_sequence, plan_sequence, run_sequence
from osdimage.imaging.tasksequence import LeaveOut, Supplies, load_answers, with_children


def run(sequence_path: str, answers_path: str, disk: str, wim: str) -> int:
    """Return how many steps wait for the first start of the new Windows."""
    answers = load_answers(answers_path)
    children = {name: load_sequence(path) for name, path in answers.sequences.items()}
    sequence = with_children(load_sequence(sequence_path), children)
    leave_out = LeaveOut.of(answers.leave_out, sequence)
    env = Environment(sequence=sequence.variables, computer={"OSDComputerName": "PC-0042"})
    with Machine.start({0: Path(disk)}, packages={"ABC00001": Path(wim)}, hold=True) as machine:
        # What a site or a running Windows would know.
        machine.supplies = answers.over(Supplies(), sequence)
        plan = plan_sequence(sequence, env, machine, leave_out=leave_out)
        for step in plan.obstacles():
            print(step.reason)
        plan.require()
        return run_sequence(sequence, env, machine, leave_out=leave_out).waiting


if __name__ == "__main__":
    print(run(*sys.argv[1:5]), "steps wait for the first start")
