"""Task sequences of ConfigMgr and MDT: their variables, their actions, their files, and running them.

An action alone::

    from pathlib import Path
    from osdimage.imaging import Environment, Machine
    from osdimage.imaging.tasksequence import Events, apply_data_image

    env = Environment(computer={"OSDDataImageIndex": "1"})
    machine = Machine.start({0: Path("disk.img")}, packages={"ABC00002": Path("data.wim")})
    with env.step_defaults({"OSDWipeDestinationPartition": "true"}, {"ImagePackageID": "ABC00002"}):
        result = apply_data_image(env, machine, Events())

A whole sequence::

    from osdimage.imaging import load_sequence, plan_sequence, run_sequence

    sequence = load_sequence(Path("ts.xml"))
    lost = plan_sequence(sequence, env, machine).destroys
    report = run_sequence(sequence, env, machine)

Begin with the nouns: ``sequence.py``, ``environment.py``, ``machine.py``, and ``result.py`` for what an action is.  The
verbs are ``plan.py`` and ``runner.py``; ``judging`` has what becomes of a step, ``steps`` the actions.
"""

from osdimage.imaging._faces import lazily

__getattr__, __dir__, __all__ = lazily(
    __name__,
    {
        "capturing.capture_network": ("capture_network_settings",),
        "capturing.capture_windows": ("capture_windows_settings",),
        "codes": ("HResult",),
        "collected": ("collect_first_start",),
        "computer.kept": ("load_machine", "save_machine"),
        "computer.machine": ("LoadedHive", "Machine", "Place", "TargetSystem", "Volume"),
        "computer.supplies": ("Application", "FirstBoot", "Supplies"),
        "computer.system": ("ImagePlace",),
        "computer.windows": ("WindowsFacts",),
        "elsewhere": ("ELSEWHERE",),
        "environment": ("Environment",),
        "facts.check_readiness": ("check_readiness",),
        "facts.computer": ("ComputerFacts", "Fact", "Instance", "KnownClass"),
        "facts.dynamic_variables": ("set_dynamic_variables",),
        "facts.given": ("given_facts",),
        "facts.known": ("ask_of", "facts_of"),
        "forms.answers": ("Answers", "load_answers"),
        "forms.children": ("with_children",),
        "forms.xml": ("load_sequence", "read_sequence", "write_sequence"),
        "judging.judgement": ("Decision", "Judgement"),
        "judging.kinds": ("action_table",),
        "judging.known": ("known_actions",),
        "judging.leave_out": ("LeaveOut",),
        "layers": ("CollectionVariables", "Origin", "Properties"),
        "log": ("SequenceLog",),
        "mdt.backup": ("back_up_computer",),
        "mdt.configure": ("configure_for_start", "configure_windows"),
        "mdt.gather": ("gather_facts",),
        "mdt.nic_config": ("configure_adapters",),
        "mdt.validate": ("validate_computer",),
        "phases": ("Phase", "RestartTarget"),
        "plan": ("plan_sequence",),
        "planned": ("PlannedStep", "RunPlan"),
        "report": ("RunEnd", "RunEvent", "RunReport", "StepReport", "StepState"),
        "result": (
            "ActionInfo",
            "ActionResult",
            "Already",
            "Events",
            "Forecast",
            "LogType",
            "Needs",
            "Refusal",
            "RunIn",
            "StepClass",
            "VariableInfo",
        ),
        "runner": ("run_sequence",),
        "runstate": ("RunState",),
        "sequence": ("Group", "Sequence", "Step", "StepVariable"),
        "setup.setup_windows": ("setup_windows_and_configmgr",),
        "setup.source": ("InstallSource", "open_install_source"),
        "staging.first_start": ("PackageForecast", "StartForecast", "put_first_start"),
        "staging.staged": ("Position", "StagedCommand", "StagedCondition", "StagedFile", "StagedPackage", "StagedStep"),
        "steps.actions": ("ACTIONS",),
        "steps.apply_data": ("apply_data_image",),
        "steps.apply_driver_package": ("apply_driver_package",),
        "steps.apply_network": ("apply_network_settings",),
        "steps.apply_os": ("apply_operating_system",),
        "steps.apply_windows": ("apply_windows_settings",),
        "steps.auto_apply_drivers": ("auto_apply_drivers",),
        "steps.capture_os": ("capture_operating_system_image",),
        "steps.convert_disk": ("convert_disk",),
        "steps.inject_drivers": ("inject_drivers",),
        "steps.install_os": ("install_operating_system",),
        "steps.join_domain": ("join_domain_or_workgroup",),
        "steps.next_phase": ("next_phase",),
        "steps.partition_disk": ("partition_disk",),
        "steps.restart": ("restart_computer",),
        "steps.set_variable": ("set_variable",),
        "winpe.run_command_line": ("run_command_line",),
    },
)
