// One packed matrix instead of one a gate.
// RUN: %lstm-opt %s -p lstm-fuse-gates --split-input-file | %filecheck %s

// Gates that were cut from one matrix in order give it back, and the cuts go; everything else stays.
// CHECK-LABEL: func.func @whole
// CHECK-NEXT: %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) biases(%b : tensor<8xf32>) mask(%m : tensor<?x?xi8>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(d0, d1)[s0] -> (d1, ((s0 + (d0 * -1)) + -1))>, mask_map = affine_map<(d0, d1)[s0] -> (d1, ((s0 + (d0 * -1)) + -1))>, output_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, masked_output = "zero", unroll} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
// CHECK-NEXT: (%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
// CHECK-NEXT: lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.return
func.func @whole(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x8xf32>, %R: tensor<4x8xf32>, %b: tensor<8xf32>) {
  %K0 = lstm.gate %K {index = 0 : i64, of = 2 : i64} : tensor<3x8xf32> -> tensor<3x4xf32>
  %K1 = lstm.gate %K {index = 1 : i64, of = 2 : i64} : tensor<3x8xf32> -> tensor<3x4xf32>
  %R0 = lstm.gate %R {index = 0 : i64, of = 2 : i64} : tensor<4x8xf32> -> tensor<4x4xf32>
  %R1 = lstm.gate %R {index = 1 : i64, of = 2 : i64} : tensor<4x8xf32> -> tensor<4x4xf32>
  %b0 = lstm.gate %b {index = 0 : i64, of = 2 : i64} : tensor<8xf32> -> tensor<4xf32>
  %b1 = lstm.gate %b {index = 1 : i64, of = 2 : i64} : tensor<8xf32> -> tensor<4xf32>
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K0, %K1 : tensor<3x4xf32>, tensor<3x4xf32>) recurrent_kernels(%R0, %R1 : tensor<4x4xf32>, tensor<4x4xf32>) biases(%b0, %b1 : tensor<4xf32>, tensor<4xf32>) mask(%m : tensor<?x?xi8>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, mask_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, output_map = affine_map<(k, b)[T] -> (k, b)>, masked_output = "zero", unroll} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// Gates in another order are packed side by side, in the order of the scan; gates of different matrices too.
// CHECK-LABEL: func.func @packed
// CHECK: [[K:%\S+]] = lstm.pack %K0, %K1 : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x8xf32>
// CHECK-NEXT: [[R:%\S+]] = lstm.pack %R0, %Q : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x8xf32>
// CHECK-NEXT: lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels([[K]] : tensor<3x8xf32>) recurrent_kernels([[R]] : tensor<4x8xf32>) init(
func.func @packed(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x8xf32>, %R: tensor<4x8xf32>, %Q: tensor<4x4xf32>) {
  %K0 = lstm.gate %K {index = 1 : i64, of = 2 : i64} : tensor<3x8xf32> -> tensor<3x4xf32>
  %K1 = lstm.gate %K {index = 0 : i64, of = 2 : i64} : tensor<3x8xf32> -> tensor<3x4xf32>
  %R0 = lstm.gate %R {index = 0 : i64, of = 2 : i64} : tensor<4x8xf32> -> tensor<4x4xf32>
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K0, %K1 : tensor<3x4xf32>, tensor<3x4xf32>) recurrent_kernels(%R0, %Q : tensor<4x4xf32>, tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// Two of four gates are not the whole matrix, though they are its first two, in order.
// CHECK-LABEL: func.func @part
// CHECK: lstm.pack %K0, %K1 : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x8xf32>
// CHECK: lstm.pack %R0, %R1 : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x8xf32>
func.func @part(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>) {
  %K0 = lstm.gate %K {index = 0 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
  %K1 = lstm.gate %K {index = 1 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
  %R0 = lstm.gate %R {index = 0 : i64, of = 4 : i64} : tensor<4x16xf32> -> tensor<4x4xf32>
  %R1 = lstm.gate %R {index = 1 : i64, of = 4 : i64} : tensor<4x16xf32> -> tensor<4x4xf32>
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K0, %K1 : tensor<3x4xf32>, tensor<3x4xf32>) recurrent_kernels(%R0, %R1 : tensor<4x4xf32>, tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// A cut that somebody else reads stays.
// CHECK-LABEL: func.func @shared
// CHECK-NEXT: %R1 = lstm.gate %R {index = 1 : i64, of = 2 : i64}
// CHECK-NEXT: lstm.scan "s" {{.*}} recurrent_kernels(%R : tensor<4x8xf32>)
func.func @shared(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x8xf32>, %R: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %R0 = lstm.gate %R {index = 0 : i64, of = 2 : i64} : tensor<4x8xf32> -> tensor<4x4xf32>
  %R1 = lstm.gate %R {index = 1 : i64, of = 2 : i64} : tensor<4x8xf32> -> tensor<4x4xf32>
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x8xf32>) recurrent_kernels(%R0, %R1 : tensor<4x4xf32>, tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return %R1 : tensor<4x4xf32>
}

// -----
// Already hoisted: only the recurrent kernels are left to pack.
// CHECK-LABEL: func.func @hoisted
// CHECK-NEXT: lstm.scan "s" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(
func.func @hoisted(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %p: tensor<?x?x8xf32>, %R: tensor<4x8xf32>) {
  %R0 = lstm.gate %R {index = 0 : i64, of = 2 : i64} : tensor<4x8xf32> -> tensor<4x4xf32>
  %R1 = lstm.gate %R {index = 1 : i64, of = 2 : i64} : tensor<4x8xf32> -> tensor<4x4xf32>
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%R0, %R1 : tensor<4x4xf32>, tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// Declined: packed already.
// CHECK-LABEL: func.func @fused
// CHECK-NEXT: lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(
func.func @fused(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>, %K: tensor<3x8xf32>, %R: tensor<4x8xf32>) {
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x8xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %g1: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %g1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}
