"""lstm-ir export."""

from pathlib import Path

import lstm_ir

SAMPLES = Path(__file__).parents[1] / "importers" / "data"


def test_safetensors_holds_every_weight(command, tmp_path):
    from safetensors.numpy import load_file

    source, path = SAMPLES / "k2_bidirectional.h5", tmp_path / "model.safetensors"
    assert command("export", source, "--to", "safetensors", "-o", path).code == 0
    model, found = lstm_ir.read_model(source), load_file(path)
    assert len(found) == len(model.weights)
    for layer_path, layer in model.layers_by_path.items():
        for spec, value in zip(layer.weight_specs(), layer.get_weights(), strict=True):
            assert (found[f"{layer_path}/{spec.name}"] == value).all()


def test_mlir_is_taken_by_iree(command, tmp_path):
    from iree.compiler import ir

    path = tmp_path / "model.mlirbc"
    assert command("export", SAMPLES / "k2_stacked.keras", "--to", "mlir", "-o", path).code == 0
    with ir.Context():
        assert "@call" in str(ir.Module.parse(path.read_bytes()).operation.get_asm(large_elements_limit=4))


def test_onnx_is_read_again(command, tmp_path):
    source, path = SAMPLES / "k2_stacked.keras", tmp_path / "model.onnx"
    outcome = command("export", source, "--to", "onnx", "-o", path, "--json")
    assert outcome.code == 0
    assert outcome.json == {"format": "onnx", "written": [str(path)], "bytes": path.stat().st_size}
    shapes = [[given.shape for given in lstm_ir.read_model(file).inputs] for file in (source, path)]
    assert shapes[0] == shapes[1]
    refused = command("export", path, "--to", "onnx", "--masks", "-o", tmp_path / "other.onnx")
    assert refused.code == 2
    assert "--masks: the model takes no mask" in refused.error
    assert "--masks: only for onnx" in command("export", source, "--to", "mlir", "--masks", "-o", path).error
