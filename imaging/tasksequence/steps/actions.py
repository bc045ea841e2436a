"""The imaging actions of a task sequence, each with what is known of it."""

from __future__ import annotations

from osdimage.imaging.tasksequence.capturing import capture_network, capture_windows
from osdimage.imaging.tasksequence.facts import check_readiness, dynamic_variables
from osdimage.imaging.tasksequence.mdt.actions import OF_MDT
from osdimage.imaging.tasksequence.result import ActionInfo
from osdimage.imaging.tasksequence.setup import deploy_tools, prepare_client, prepare_os, setup_windows
from osdimage.imaging.tasksequence.staging.actions import STAGED
from osdimage.imaging.tasksequence.steps import (
    apply_data,
    apply_driver_package,
    apply_network,
    apply_os,
    apply_windows,
    auto_apply_drivers,
    capture_os,
    convert_disk,
    inject_drivers,
    install_os,
    join_domain,
    next_phase,
    partition_disk,
    restart,
    set_variable,
)

ACTIONS: tuple[ActionInfo, ...] = (
    *(
        module.INFO
        for module in (
            partition_disk,
            convert_disk,
            apply_os,
            apply_data,
            capture_os,
            capture_windows,
            capture_network,
            apply_windows,
            apply_network,
            join_domain,
            set_variable,
            restart,
            next_phase,
            install_os,
            auto_apply_drivers,
            apply_driver_package,
            inject_drivers,
            setup_windows,
            deploy_tools,
            prepare_client,
            prepare_os,
            check_readiness,
            dynamic_variables,
        )
    ),
    *STAGED,
    *OF_MDT,
)
