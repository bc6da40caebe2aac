import os

import pytest


@pytest.fixture(scope="session")
def tensorflow():
    """TensorFlow with Keras 2 as its Keras; set before the first import."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("tensorflow")


@pytest.fixture(scope="session")
def keras2(tensorflow):
    return pytest.importorskip("tf_keras")


@pytest.fixture(scope="session")
def keras3(tensorflow):
    return pytest.importorskip("keras")


@pytest.fixture
def fresh_names():
    from lstm_ir.layers import reset_auto_names

    reset_auto_names()
    yield
    reset_auto_names()
