import os

import hypothesis
import pytest

# The same examples on every machine: a failure in CI must be one that can be had here. `HYPOTHESIS_PROFILE=explore`
# draws new ones.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=200)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks the tests that run on a Vulkan device: `make test` gives them a process of their own."""
    for item in items:
        if "vulkan" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.vulkan)


@pytest.fixture(scope="session")
def vulkan():
    """The name of a Vulkan device; a test that needs one is skipped where there is none."""
    from lstm_ir.runtime import available_devices

    names = [info.device for info in available_devices() if info.driver == "vulkan"]
    if not names:
        pytest.skip("no Vulkan device here; Debian's mesa-vulkan-drivers is a software one (tests/install_vulkan.sh)")
    return names[0]
