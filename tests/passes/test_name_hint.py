"""Names of models as names of SSA values."""

from lstm_ir.passes.layer_scope import name_hint


def test_names_in_any_script_become_names_that_mlir_takes():
    assert name_hint("inp ü/h") == "inp___h"
    assert name_hint("日本") == "__"
    assert name_hint("1x") == "_1x"
