"""Real models outside what is supported are refused by name, and configs that leave something open too."""

from pathlib import Path

import pytest

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers import read_model

REFUSED = Path(__file__).parent / "data" / "refused"

UNSUPPORTED = {
    "k2_custom_activation.h5": "(LSTM): activation 'wobble'",
    "k3_custom_activation.keras": "(LSTM): activation 'wobble'",
    "k2_custom_class.keras": "'mine' is of the custom class",
    "k3_lambda.h5": "'twice' (Lambda)",
    "k2_training.h5": "'noise' (Dropout) is called with training=",
    "k3_training.keras": "'noise' (Dropout) is called with training=",
}
NOT_MODELS = {"k2_weights_only.h5": "weights alone", "k2_weights_only.weights.h5": "weights alone"}


def test_every_refused_sample_is_here():
    assert sorted(p.name for p in REFUSED.iterdir()) == sorted(UNSUPPORTED | NOT_MODELS)


def refusal(path, kind):
    with pytest.raises(kind) as caught:
        read_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported(name):
    message = refusal(REFUSED / name, UnsupportedError)
    assert UNSUPPORTED[name] in message


@pytest.mark.parametrize("name", NOT_MODELS)
def test_not_a_model(name):
    assert NOT_MODELS[name] in refusal(REFUSED / name, ModelFileError)


def edit_layer(name, **changes):
    """A change of one layer's config; None removes the key."""

    def config(model):
        (layer,) = [entry for entry in model["config"]["layers"] if entry["config"]["name"] == name]
        for key, value in changes.items():
            if value is None:
                del layer["config"][key]
            else:
                layer["config"][key] = value

    return config


@pytest.mark.parametrize(
    ("sample", "layer", "key"),
    [
        ("k2_masked_classifier.h5", "encoder", "units"),
        ("k2_masked_classifier.h5", "encoder", "activation"),
        ("k2_masked_classifier.h5", "encoder", "recurrent_activation"),
        ("k2_masked_classifier.h5", "encoder", "use_bias"),
        ("k2_masked_classifier.h5", "encoder", "return_sequences"),
        ("k2_masked_classifier.h5", "encoder", "return_state"),
        ("k2_masked_classifier.h5", "encoder", "go_backwards"),
        ("k2_masked_classifier.h5", "encoder", "stateful"),
        ("k2_masked_classifier.h5", "encoder", "unroll"),
        ("k2_masked_classifier.h5", "encoder", "time_major"),
        ("k2_masked_classifier.h5", "encoder", "dtype"),
        ("k2_masked_classifier.h5", "padding", "mask_value"),
        ("k2_masked_classifier.h5", "both_ways", "merge_mode"),
        ("k2_masked_classifier.h5", "both_ways", "layer"),
        ("k2_masked_classifier.h5", "head", "activation"),
        ("k2_masked_classifier.h5", "probabilities", "activation"),
        ("k2_masked_classifier.h5", "signal", "batch_input_shape"),
        ("k3_masked_classifier.h5", "encoder", "zero_output_for_mask"),
        ("k3_masked_classifier.h5", "encoder", "recurrent_activation"),
        ("k3_masked_classifier.h5", "both_ways", "backward_layer"),
        ("k3_masked_classifier.h5", "signal", "batch_shape"),
    ],
)
def test_a_missing_key_is_not_guessed(changed_h5, sample, layer, key):
    message = refusal(changed_h5(sample, config=edit_layer(layer, **{key: None})), ModelFileError)
    assert f"lacks {key}" in message
    assert repr(layer) in message


def test_a_missing_key_of_an_inner_layer(changed_h5):
    def config(model):
        del model["config"]["layers"][2]["config"]["layer"]["config"]["recurrent_activation"]

    message = refusal(changed_h5("k2_masked_classifier.h5", config=config), ModelFileError)
    assert "'both_ways' (Bidirectional): layer 'rnn' (LSTM): its config lacks recurrent_activation" in message


@pytest.mark.parametrize(
    ("layer", "changes", "kind", "text"),
    [
        ("encoder", {"peepholes": True}, UnsupportedError, "option peepholes=True"),
        ("encoder", {"activation": "nope"}, UnsupportedError, "activation 'nope'"),
        ("encoder", {"recurrent_activation": 3}, UnsupportedError, "recurrent_activation 3"),
        ("encoder", {"units": -4}, ModelFileError, "units"),
        ("encoder", {"units": "many"}, ModelFileError, "units"),
        ("encoder", {"units": 10**12}, ModelFileError, "bytes of weights"),
        ("encoder", {"dtype": "bfloat16"}, UnsupportedError, "bfloat16"),
        ("head", {"lora_rank": 4}, UnsupportedError, "lora_rank=4"),
        ("both_ways", {"merge_mode": "max"}, ModelFileError, "merge_mode"),
        ("both_ways", {"layer": {"class_name": "LSTM"}}, ModelFileError, "class_name or config"),
        ("signal", {"sparse": True}, UnsupportedError, "sparse"),
        ("signal", {"dtype": "complex64"}, UnsupportedError, "complex64"),
        ("signal", {"batch_input_shape": ["a", None, 3]}, ModelFileError, "shape"),
        ("signal", {"batch_input_shape": [None, None, 5]}, ModelFileError, "shape"),
        ("signal", {"batch_input_shape": [None, 3]}, ModelFileError, "ndim=3"),
    ],
)
def test_a_wrong_value(changed_h5, layer, changes, kind, text):
    message = refusal(changed_h5("k2_masked_classifier.h5", config=edit_layer(layer, **changes)), kind)
    assert text in message


def test_what_training_alone_needs_does_not_matter(changed_h5):
    """A custom initializer or regularizer is no reason to refuse inference; an unset unknown option neither."""
    custom = {"class_name": "Mine>Special", "config": {}}
    config = edit_layer("encoder", kernel_initializer=custom, bias_regularizer=custom, recurrent_constraint=custom)
    model = read_model(changed_h5("k2_masked_classifier.h5", config=config))
    assert model.layers[3].units == 5

    def unset(described):
        described["config"]["layers"][4]["config"]["a_later_option"] = None

    assert read_model(changed_h5("k2_masked_classifier.h5", config=unset)).layers[3].units == 5


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        (None, ModelFileError),
        ("", ModelFileError),
        ("latest", ModelFileError),
        (7, ModelFileError),
        ("1.2.2", UnsupportedError),
        ("2.2.4", UnsupportedError),  # standalone Keras: other defaults, other masking
        ("4.0.0", UnsupportedError),
    ],
)
def test_the_writer_must_be_known(changed_keras, version, kind):
    path = changed_keras("k2_v1_classifier.keras", metadata=lambda m: m | {"keras_version": version})
    refusal(path, kind)


@pytest.mark.parametrize("version", ["2.2.4-tf", "2.4.0", "2.15.0"])
def test_versions_of_tf_keras(changed_keras, version):
    path = changed_keras("k2_v1_classifier.keras", metadata=lambda m: m | {"keras_version": version})
    assert read_model(path).flavour == "keras2"


def test_h5_without_a_version(changed_h5):
    def edit(file):
        del file.attrs["keras_version"]

    assert "keras_version" in refusal(changed_h5("k2_masked_classifier.h5", edit), ModelFileError)


@pytest.mark.parametrize(
    "config",
    [
        lambda m: [],
        lambda m: {"class_name": "Sequential"},
        lambda m: m | {"config": {"name": "m"}},
        lambda m: m | {"config": {"name": "m", "layers": []}},
        lambda m: m | {"config": {"name": "m", "layers": [3]}},
        lambda m: m | {"config": {"name": "m", "layers": [{"class_name": "LSTM", "config": 5}]}},
        lambda m: m | {"config": {"name": "m", "layers": [{"class_name": "LSTM", "config": {}}]}},
        lambda m: m | {"config": {"name": "m", "layers": m["config"]["layers"][:1]}},
        lambda m: m | {"config": {"name": "m", "layers": m["config"]["layers"][1:]}, "build_config": {}},
        lambda m: m | {"class_name": "Functional"},
    ],
)
def test_a_malformed_model_config(changed_keras, config):
    def edit(model):
        return {"nothing": 0} if config(model) == [] else config(model)

    refusal(changed_keras("k2_v1_classifier.keras", config=edit), ModelFileError)


def test_another_kind_of_model(changed_keras):
    path = changed_keras("k2_v1_classifier.keras", config=lambda m: m | {"class_name": "MyModel"})
    assert "MyModel" in refusal(path, UnsupportedError)


def functional(model):
    """The layers of a functional config by name."""
    return {entry["name"]: entry for entry in model["config"]["layers"]}


def test_a_mask_that_is_not_the_masking_layers(changed_keras):
    """Keras 3 writes the mask out; one computed with another value is not Masking's."""

    def config(model):
        (compare,) = [e for e in model["config"]["layers"] if e["class_name"] == "NotEqual"]
        compare["inbound_nodes"][0]["args"][1] = 5.0

    path = changed_keras("k3_functional_states.keras", config=config)
    assert "mask that is not the one of its input" in refusal(path, UnsupportedError)


def test_a_graph_that_contradicts_itself(changed_keras):
    def dangling(model):
        functional(model)["first"]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["nobody", 0, 0]

    def loop(model):
        functional(model)["first"]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["last", 0, 0]

    def no_call(model):
        del functional(model)["first"]["inbound_nodes"]

    def no_output(model):
        del model["config"]["output_layers"]

    for config, kind in (
        (dangling, ModelFileError),
        (loop, ModelFileError),
        (no_call, ModelFileError),
        (no_output, ModelFileError),
    ):
        refusal(changed_keras("k3_functional_states.keras", config=config), kind)


@pytest.mark.parametrize(
    "change",
    [
        lambda layers: layers["first"]["inbound_nodes"][0].pop("args"),
        lambda layers: layers["first"].update(inbound_nodes=[{"args": ["x"], "kwargs": {}}]),
        lambda layers: layers["first"].update(inbound_nodes=[[[["signal", 0]]]]),
        lambda layers: layers["first"].update(inbound_nodes=[[]]),
        lambda layers: layers["first"].update(name="last", config=layers["last"]["config"]),
        lambda layers: layers["first"]["inbound_nodes"][0]["args"][0]["config"].update(keras_history="signal"),
        lambda layers: layers["first"]["inbound_nodes"][0]["kwargs"].update(training=True),
    ],
)
def test_a_damaged_graph_is_refused(changed_keras, change):
    def config(model):
        change(functional(model))

    with pytest.raises((ModelFileError, UnsupportedError)):
        read_model(changed_keras("k3_functional_states.keras", config=config))
