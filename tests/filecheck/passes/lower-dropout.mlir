// Masks are drawn in the module, element by element, from the seed, the stream and the element's place.
// RUN: %lstm-opt %s -p lstm-normalize --split-input-file | %filecheck %s --check-prefix=NORMAL
// RUN: %lstm-opt %s -p lstm-normalize,lstm-fuse-gates,lstm-hoist-projection,lstm-lower-dropout --split-input-file | %filecheck %s

// Four masks on x and four on h: each gate applies its own.
// NORMAL-LABEL: func.func @per_gate
// NORMAL: [[X:%\S+]] = lstm.dropout_mask "per_gate" %s like %x {rate = 3.000000e-01 : f64, stream = 6 : i64, gates = 4 : i64, batch_axis = 0 : i64} : tensor<2xi32>, tensor<?x?x3xf32> -> tensor<4x?x3xf32>
// NORMAL: [[H:%\S+]] = lstm.dropout_mask "per_gate" %s like %h0 {rate = 4.000000e-01 : f64, stream = 7 : i64, gates = 4 : i64, batch_axis = 0 : i64} : tensor<2xi32>, tensor<?x4xf32> -> tensor<4x?x4xf32>
// NORMAL: lstm.scan "lstm" input(%x : tensor<?x?x3xf32>) {{.*}} input_dropout([[X]] : tensor<4x?x3xf32>) recurrent_dropout([[H]] : tensor<4x?x4xf32>)
// CHECK-LABEL: func.func @per_gate
// CHECK-NOT: lstm.dropout_mask
// CHECK: [[M:%\S+]] = linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel"]} outs({{.*}} : tensor<4x?x3xf32>) {
// CHECK: linalg.index 0 : index
// CHECK: tensor.extract %s[{{.*}}] : tensor<2xi32>
// CHECK: arith.constant 466688986 : i32
// CHECK: arith.cmpf oge, {{.*}} : f32
// CHECK: lstm.project %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) dropout([[M]] : tensor<4x?x3xf32>) {batch_axis = 0 : i64} -> tensor<?x?x16xf32>
// CHECK: lstm.scan "lstm" input({{.*}} : tensor<?x?x16xf32>) recurrent_kernels(%R : tensor<4x16xf32>) recurrent_dropout(
func.func @per_gate(%x: tensor<?x?x3xf32>, %s: tensor<2xi32>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>) -> tensor<?x4xf32> {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) seed(%s : tensor<2xi32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>, dropout = 0.3 : f64, recurrent_dropout = 0.4 : f64, dropout_kind = "per_gate", stream = 3 : i64} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  func.return %y : tensor<?x4xf32>
}

// -----
// One mask on x that the gates share is applied before the scan; the batch is axis 1 when time-major.
// NORMAL-LABEL: func.func @shared
// NORMAL: [[X:%\S+]] = lstm.dropout_mask "shared" %s like %x {rate = 3.000000e-01 : f64, stream = 0 : i64, gates = 4 : i64, batch_axis = 1 : i64} : tensor<2xi32>, tensor<?x?x3xf32> -> tensor<?x3xf32>
// NORMAL: [[D:%\S+]] = lstm.drop %x by [[X]] {batch_axis = 1 : i64} : tensor<?x?x3xf32>, tensor<?x3xf32> -> tensor<?x?x3xf32>
// NORMAL: lstm.scan "lstm" input([[D]] : tensor<?x?x3xf32>)
// NORMAL-NOT: dropout(
// CHECK-LABEL: func.func @shared
// CHECK: linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>]
func.func @shared(%x: tensor<?x?x3xf32>, %s: tensor<2xi32>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>) -> tensor<?x4xf32> {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) seed(%s : tensor<2xi32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>, time_major, dropout = 0.3 : f64, recurrent_dropout = 0.0 : f64, dropout_kind = "shared", stream = 0 : i64} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  func.return %y : tensor<?x4xf32>
}
