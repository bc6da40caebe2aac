"""The number of workers that IREE would start, read from a machine that is made of files."""

import pytest

from lstm_ir.runtime import cpu_topology


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Gives the process CPUs with these core ids; None: the file is missing."""

    def make(core_ids, available=None):
        for cpu, core in enumerate(core_ids):
            if core is not None:
                folder = tmp_path / f"cpu{cpu}/topology"
                folder.mkdir(parents=True)
                (folder / "core_id").write_text(f"{core}\n")
        monkeypatch.delenv("IREE_PY_RUNTIME_FLAGS", raising=False)
        monkeypatch.setattr(cpu_topology, "_CPUS", tmp_path)
        cpus = range(len(core_ids)) if available is None else available
        monkeypatch.setattr(cpu_topology.os, "sched_getaffinity", lambda _: set(cpus), raising=False)

    return make


@pytest.mark.parametrize(
    ("core_ids", "available", "workers"),
    [
        ([0], None, 1),
        ([0, 1, 2, 3], None, 4),
        ([0, 1, 0, 1], None, 2),
        ([0, 1, 0, 1], [1, 3], 1),
        ([0, 1, 2, 3], [2], 1),
        (list(range(100)), None, 64),
        ([None, None, None], None, 3),
        ([0, None, 1], None, 2),
    ],
    ids=["one", "four", "siblings", "siblings only", "pinned", "many", "no files", "a file missing"],
)
def test_one_worker_a_physical_core_that_may_be_used(machine, core_ids, available, workers):
    machine(core_ids, available)
    assert cpu_topology.default_workers() == workers


@pytest.mark.parametrize(
    ("flags", "workers"),
    [
        ("", 4),
        ("--task_topology_group_count=7", 7),
        ("--task_topology_group_count=0", 4),
        ("--other --task_topology_max_group_count=3 --more=x", 3),
        ("--task_topology_max_group_count=9", 4),
        ("--task_topology_group_count=many", 4),
    ],
)
def test_flags_of_irees_own_count(machine, monkeypatch, flags, workers):
    machine([0, 1, 2, 3])
    monkeypatch.setenv("IREE_PY_RUNTIME_FLAGS", flags)
    assert cpu_topology.default_workers() == workers


def test_other_systems_count_their_processors(monkeypatch):
    monkeypatch.delenv("IREE_PY_RUNTIME_FLAGS", raising=False)
    monkeypatch.delattr(cpu_topology.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(cpu_topology.os, "cpu_count", lambda: 6)
    assert cpu_topology.default_workers() == 6
    monkeypatch.setattr(cpu_topology.os, "cpu_count", lambda: None)
    assert cpu_topology.default_workers() == 1
