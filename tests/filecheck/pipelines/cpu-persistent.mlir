// The persistent pipeline: a kernel for each direction, no loop on the host; and what has no kernel is refused before
// anything is lowered.
// RUN: %lstm-opt %s -p cpu-persistent --split-input-file --verify-diagnostics | %filecheck %s

// Panels are constants that no op makes when the module runs.
// CHECK-LABEL: builtin.module @lstm_ir
// CHECK-DAG: sym_name = "weight.bi.forward.kernel.panels"{{.*}} {lstm.weight = {{\[\[}}"bi/forward/kernel", 0 : i64, 1 : i64], [4 : i64, 4 : i64, 3 : i64,
// CHECK-DAG: sym_name = "weight.bi.forward.recurrent_kernel.panels"{{.*}} {lstm.weight = {{\[\[}}"bi/forward/recurrent_kernel", 0 : i64, 1 : i64], [4 : i64, 4 : i64, 4 : i64,
// CHECK-DAG: sym_name = "weight.bi.forward.bias.panels"{{.*}} {lstm.weight = {{\[\[}}"bi/forward/bias", 0 : i64, 1 : i64], [4 : i64, 4 : i64, 0 : i64,
// CHECK-DAG: sym_name = "weight.bi.backward.kernel.panels"
// CHECK-DAG: sym_name = "weight.bi.backward.recurrent_kernel.panels"
// CHECK: "stream.executable"()
// CHECK: "stream.executable"()
// CHECK-NOT: "stream.executable"()
// CHECK-NOT: atomic
// CHECK: sym_name = "workers"
// CHECK-NOT: sym_name = "workers"
// CHECK: func.func @call
// CHECK-NOT: lstm.
// CHECK-NOT: scf.for
// CHECK: "flow.dispatch"
// CHECK-NOT: scf.for
// CHECK: "flow.dispatch"
// CHECK-NOT: lstm.
// CHECK-NOT: scf.for
// CHECK: func.return
// CHECK: func.func @set_workers
builtin.module @lstm_ir {
  func.func @call(%x: tensor<?x?x3xf32>, %fh: tensor<?x4xf32>, %fc: tensor<?x4xf32>, %bh: tensor<?x4xf32>, %bc: tensor<?x4xf32>) -> (tensor<?x8xf32>, tensor<?x4xf32>) {
    %FK = lstm.weight "bi/forward/kernel" : tensor<3x16xf32>
    %FR = lstm.weight "bi/forward/recurrent_kernel" : tensor<4x16xf32>
    %Fb = lstm.weight "bi/forward/bias" : tensor<16xf32>
    %f, %fh1, %fc1 = lstm.layer %x : tensor<?x?x3xf32> kernel(%FK : tensor<3x16xf32>) recurrent_kernel(%FR : tensor<4x16xf32>) bias(%Fb : tensor<16xf32>) initial_state(%fh, %fc : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "bi/forward", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
    %BK = lstm.weight "bi/backward/kernel" : tensor<3x16xf32>
    %BR = lstm.weight "bi/backward/recurrent_kernel" : tensor<4x16xf32>
    %b, %bh1, %bc1 = lstm.layer %x : tensor<?x?x3xf32> kernel(%BK : tensor<3x16xf32>) recurrent_kernel(%BR : tensor<4x16xf32>) initial_state(%bh, %bc : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "bi/backward", activation = #lstm.activation<mish>, recurrent_activation = #lstm.activation<hard_sigmoid>, go_backwards} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
    %y = lstm.merge "concat" %f, %b : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x8xf32>
    func.return %y, %bc1 : tensor<?x8xf32>, tensor<?x4xf32>
  }
}

// -----
// CHECK: {{^}}lstm-choose-form: scan 'bi/forward': form 'persistent': softmax needs a whole row of units at once; possible here: auto, loop{{$}}
builtin.module @lstm_ir {
  func.func @call(%x: tensor<?x?x3xf64>, %fh: tensor<?x4xf64>, %fc: tensor<?x4xf64>, %bh: tensor<?x4xf64>, %bc: tensor<?x4xf64>) -> (tensor<?x8xf64>, tensor<?x4xf64>) {
    %FK = lstm.weight "bi/forward/kernel" : tensor<3x16xf64>
    %FR = lstm.weight "bi/forward/recurrent_kernel" : tensor<4x16xf64>
    %Fb = lstm.weight "bi/forward/bias" : tensor<16xf64>
    %f, %fh1, %fc1 = lstm.layer %x : tensor<?x?x3xf64> kernel(%FK : tensor<3x16xf64>) recurrent_kernel(%FR : tensor<4x16xf64>) bias(%Fb : tensor<16xf64>) initial_state(%fh, %fc : tensor<?x4xf64>, tensor<?x4xf64>) {layer = "bi/forward", activation = #lstm.activation<softmax>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<?x4xf64>, tensor<?x4xf64>, tensor<?x4xf64>
    %BK = lstm.weight "bi/backward/kernel" : tensor<3x16xf64>
    %BR = lstm.weight "bi/backward/recurrent_kernel" : tensor<4x16xf64>
    %b, %bh1, %bc1 = lstm.layer %x : tensor<?x?x3xf64> kernel(%BK : tensor<3x16xf64>) recurrent_kernel(%BR : tensor<4x16xf64>) initial_state(%bh, %bc : tensor<?x4xf64>, tensor<?x4xf64>) {layer = "bi/backward", activation = #lstm.activation<mish>, recurrent_activation = #lstm.activation<hard_sigmoid>, go_backwards} -> tensor<?x4xf64>, tensor<?x4xf64>, tensor<?x4xf64>
    %y = lstm.merge "concat" %f, %b : tensor<?x4xf64>, tensor<?x4xf64> -> tensor<?x8xf64>
    func.return %y, %bc1 : tensor<?x8xf64>, tensor<?x4xf64>
  }
}
