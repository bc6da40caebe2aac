"""lstm-ir targets."""

from lstm_ir.runtime import host_arch, host_features


def test_targets(command):
    outcome = command("targets")
    assert (outcome.code, outcome.err) == (0, "")
    for text in ("host", "generic", "cuda", "vulkan", "sm_80", "ampere", "local-sync", "local-task"):
        assert text in outcome.out


def test_json(command):
    result = command("targets", "--json").json
    cpus = {cpu["name"]: cpu for cpu in result["targets"]["cpu"]["target_cpus"]}
    assert cpus["host"]["runs_here"] is True
    assert cpus["generic"]["runs_here"] is True
    if host_arch() == "x86_64":
        assert cpus["x86-64-v4"]["runs_here"] is ("avx512vl" in host_features())
        assert "avx2" in cpus["x86-64-v3"]["features"]
    assert result["targets"]["cuda"]["default"] == "sm_80"
    assert "generic" in result["targets"]["vulkan"]["target_gpus"]
    assert "local-sync" in {device["device"] for device in result["devices"]}
