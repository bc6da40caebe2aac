// What the verifiers of dropout refuse.
// RUN: %lstm-opt %s --split-input-file --verify-diagnostics | %filecheck %s

// CHECK: lstm.dropout_mask: kind 'each' is not one of shared, per_gate, per_step
func.func @kind(%s: tensor<2xi32>, %x: tensor<?x4xf32>) {
  %m = lstm.dropout_mask "each" %s like %x {rate = 0.5 : f64, stream = 0 : i64, gates = 1 : i64, batch_axis = 0 : i64} : tensor<2xi32>, tensor<?x4xf32> -> tensor<?x4xf32>
  func.return
}
// -----
// CHECK: lstm.dropout_mask: rate 1.0 is not in [0, 1)
func.func @rate(%s: tensor<2xi32>, %x: tensor<?x4xf32>) {
  %m = lstm.dropout_mask "shared" %s like %x {rate = 1.0 : f64, stream = 0 : i64, gates = 1 : i64, batch_axis = 0 : i64} : tensor<2xi32>, tensor<?x4xf32> -> tensor<?x4xf32>
  func.return
}
// -----
// CHECK: lstm.dropout_mask: result has shape ?x4, expected 4x?x4
func.func @shape(%s: tensor<2xi32>, %x: tensor<?x4xf32>) {
  %m = lstm.dropout_mask "per_gate" %s like %x {rate = 0.5 : f64, stream = 0 : i64, gates = 4 : i64, batch_axis = 0 : i64} : tensor<2xi32>, tensor<?x4xf32> -> tensor<?x4xf32>
  func.return
}
// -----
// CHECK: lstm.drop: mask has shape ?x5, expected ?x4
func.func @mask(%x: tensor<?x?x4xf32>, %m: tensor<?x5xf32>) {
  %y = lstm.drop %x by %m {batch_axis = 0 : i64} : tensor<?x?x4xf32>, tensor<?x5xf32> -> tensor<?x?x4xf32>
  func.return
}
// -----
// CHECK: lstm.layer 'a': a seed needs stream and dropout_kind, one of shared, per_gate, per_step
func.func @seed(%x: tensor<?x?x3xf32>, %s: tensor<2xi32>, %h0: tensor<?x4xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %h0 : tensor<?x4xf32>, tensor<?x4xf32>) seed(%s : tensor<2xi32>) {layer = "a", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  func.return
}
