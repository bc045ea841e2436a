"""Task sequences of ConfigMgr and MDT: their variables, their actions, their files, and running them.

An action alone::

    from pathlib import Path
    from osdimage.imaging.tasksequence.steps.apply_data import apply_data_image
    from osdimage.imaging.tasksequence.environment import Environment
    from osdimage.imaging.tasksequence.machine import Machine
    from osdimage.imaging.tasksequence.result import SILENT

    env = Environment(computer={"OSDDataImageIndex": "1"})
    machine = Machine.start({0: Path("disk.img")}, packages={"ABC00002": Path("data.wim")})
    with env.step_defaults({"OSDWipeDestinationPartition": "true"}, {"ImagePackageID": "ABC00002"}):
        result = apply_data_image(env, machine, SILENT)

A whole sequence::

    from osdimage.imaging import action_table, load_sequence, plan_sequence, run_sequence
    from osdimage.imaging.tasksequence.steps.actions import ACTIONS

    sequence, actions = load_sequence(Path("ts.xml")), action_table(ACTIONS)
    lost = plan_sequence(sequence, env, machine, actions).destroys
    report = run_sequence(sequence, env, machine, actions)
"""
