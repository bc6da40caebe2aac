// Layers that are alike but for their weights share a kernel, and so do the directions of a layer.
// RUN: %lstm-opt %s -p "lstm-lower-scan-persistent{vector=sse}" --split-input-file | %filecheck %s

// Forwards and backwards: the dispatches say which way the input runs, and which way the output does.
// CHECK:       func.func @scan0(%{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, %{{[0-9]+}}: !stream.binding, [[INPUT:%[0-9]+]]: index, [[OUTPUT:%[0-9]+]]: index,
// CHECK:         arith.cmpi ne, [[INPUT]],
// CHECK:         arith.cmpi ne, [[OUTPUT]],
// CHECK:         arith.select
// CHECK:         func.return
// CHECK-NOT:   stream.executable"
// CHECK-LABEL: func.func @directions
// CHECK-SAME:    %K: tensor<3x5xf32>, %R: tensor<5x5xf32>, %K2: tensor<3x5xf32>, %R2: tensor<5x5xf32>
// CHECK:         [[P:%[0-9]+]] = lstm.panels %K {
// CHECK:         [[FORTH_IN:%[0-9]+]] = arith.constant 0 : index
// CHECK-NEXT:    [[FORTH_OUT:%[0-9]+]] = arith.constant 0 : index
// CHECK:         "flow.dispatch"({{.*}}, [[P]], {{.*}}, [[FORTH_IN]], [[FORTH_OUT]], {{.*}}entry_points = [@scan0::@scan0]
// CHECK:         [[P2:%[0-9]+]] = lstm.panels %K2 {
// CHECK:         [[BACK_IN:%[0-9]+]] = arith.constant 1 : index
// CHECK-NEXT:    [[BACK_OUT:%[0-9]+]] = arith.constant 1 : index
// CHECK:         "flow.dispatch"({{.*}}, [[P2]], {{.*}}, [[BACK_IN]], [[BACK_OUT]], {{.*}}entry_points = [@scan0::@scan0]
func.func @directions(%x: tensor<2x6x3xf32>, %K: tensor<3x5xf32>, %R: tensor<5x5xf32>, %K2: tensor<3x5xf32>, %R2: tensor<5x5xf32>, %h0: tensor<2x5xf32>) -> (tensor<2x6x5xf32>, tensor<2x6x5xf32>) {
  %y, %h = lstm.scan "forward" input(%x : tensor<2x6x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<2x6x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  %y2, %h2 = lstm.scan "backward" input(%x : tensor<2x6x3xf32>) kernels(%K2 : tensor<3x5xf32>) recurrent_kernels(%R2 : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, output_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, masked_output = "hold", form = "persistent"} -> tensor<2x6x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return %y, %y2 : tensor<2x6x5xf32>, tensor<2x6x5xf32>
}

// -----
// What is not alike has a kernel of its own: another cell, another layout.
// CHECK-LABEL: func.func @different
// CHECK:         entry_points = [@scan0::@scan0]
// CHECK:         entry_points = [@scan1::@scan1]
// CHECK:         entry_points = [@scan2::@scan2]
// CHECK:         entry_points = [@scan0::@scan0]
func.func @different(%x: tensor<6x6x3xf32>, %K: tensor<3x5xf32>, %R: tensor<5x5xf32>, %h0: tensor<6x5xf32>) -> (tensor<6x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>) {
  %y, %h = lstm.scan "a" input(%x : tensor<6x6x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<6x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<6x5xf32>, tensor<6x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  %y2, %h2 = lstm.scan "b" input(%x : tensor<6x6x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<6x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<6x5xf32>, tensor<6x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    %a = lstm.activate <relu> %z : vector<5xf32>
    lstm.yield %a : vector<5xf32>
  }
  %y3, %h3 = lstm.scan "c" input(%x : tensor<6x6x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<6x5xf32>) {input_map = affine_map<(k, b)[T] -> (k, b)>, masked_output = "hold", form = "persistent"} -> tensor<6x5xf32>, tensor<6x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  %y4, %h4 = lstm.scan "d" input(%x : tensor<6x6x3xf32>) kernels(%K : tensor<3x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<6x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "persistent"} -> tensor<6x5xf32>, tensor<6x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return %y, %y2, %y3, %y4 : tensor<6x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>, tensor<6x5xf32>
}
