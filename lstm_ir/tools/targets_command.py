"""``lstm-ir targets``: what this machine can compile for, and run on."""

from typing import Any

from lstm_ir.tools.options import AsJson

_X86_LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")


def targets(as_json: AsJson = False) -> int:
    """Show what this machine can compile for, and the devices it can run on."""
    from lstm_ir.passes.targets import GPU_FAMILIES
    from lstm_ir.runtime import available_devices, host_arch
    from lstm_ir.tools.console import listing, print_json, print_result

    names = ["host", "generic", *(_X86_LEVELS if host_arch() == "x86_64" else ())]
    cpus = [_cpu(name) for name in names]
    devices: list[dict[str, Any]] = [
        {"device": info.device, "driver": info.driver, "description": info.description, "backends": list(info.backends)}
        for info in available_devices()
    ]
    drivers = {device["driver"] for device in devices}
    gpus = {
        name: {"supported": True, "target_gpus": list(family.gpus), "default": family.default}
        for name, family in GPU_FAMILIES.items()
    }
    if as_json:
        print_json({"targets": {"cpu": {"supported": True, "target_cpus": cpus}, **gpus}, "devices": devices})
        return 0
    table = listing("--target", "--target-cpu", "what it is", "runs here")
    for cpu in cpus:
        runs = "yes" if cpu["runs_here"] else f"no, lacks {', '.join(cpu['missing_features'])}"
        table.add_row("cpu", cpu["name"], f"{cpu['arch']} {cpu['cpu']}, {len(cpu['features'])} features", runs)
    table.add_row("cpu", "...", "any other name that LLVM has, such as znver4", "if the CPU has its features")
    gpu_table = listing("--target", "--target-gpu", "unless named", "runs here")
    for name, family in GPU_FAMILIES.items():
        runs = "there is a device" if family.driver in drivers else "no, there is no device"
        gpu_table.add_row(name, ", ".join(family.gpus), family.default, runs)
    running = listing("--device", "what it is", "runs modules for")
    for device in devices:
        running.add_row(device["device"], device["description"], ", ".join(device["backends"]))
    print_result("Compiles for", table, "", gpu_table, "", "Runs on", running)
    return 0


def _cpu(name: str) -> dict[str, Any]:
    from lstm_ir.passes.iree_session import resolve_cpu
    from lstm_ir.runtime import host_features
    from lstm_ir.runtime.cpu_features import missing_features

    cpu = resolve_cpu(name)
    missing = missing_features(cpu.features, host_features())
    return {
        "name": name,
        "cpu": cpu.cpu,
        "arch": cpu.arch,
        "features": sorted(cpu.features),
        "runs_here": not missing,
        "missing_features": missing,
    }
