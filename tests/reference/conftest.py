import os

import pytest


@pytest.fixture(scope="session")
def tensorflow():
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="session")
def keras2(tensorflow):
    return pytest.importorskip("tf_keras")


@pytest.fixture(scope="session")
def keras3(tensorflow):
    return pytest.importorskip("keras")
