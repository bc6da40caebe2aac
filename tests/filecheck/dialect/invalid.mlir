// What each verifier refuses, and what it says: who, what was given, what was expected.
// RUN: %lstm-opt --split-input-file --verify-diagnostics --parsing-diagnostics %s | %filecheck %s

// Activations.

// CHECK: {{^}}activation 'tahn' is not known; accepted: elu, exponential, gelu, gelu_tanh, hard_sigmoid, hard_sigmoid_keras3, leaky_relu, linear, log_softmax, mish, relu, relu6, selu, sigmoid, softmax, softplus, softsign, swish, tanh
func.func @f(%x: tensor<4xf32>) {
  %y = lstm.activate <tahn> %x : tensor<4xf32>
  func.return
}

// -----
// CHECK: {{^}}activation 'tanh' takes no parameter, got 0.5
func.func @f(%x: tensor<4xf32>) {
  %y = lstm.activate <tanh, 0.5> %x : tensor<4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.activate 'softmax' needs a row, got f32
func.func @f(%x: f32) {
  %y = lstm.activate <softmax> %x : f32
  func.return
}

// -----
// CHECK: {{^}}Unexpected attribute i32
func.func @f(%x: i32) {
  %y = lstm.activate <tanh> %x : i32
  func.return
}

// -----
// lstm.layer: each operand and result against x [B, T, I], K [I, 4U], R [U, 4U], b [4U], mask [B, T], h0, c0 [B, U].

// CHECK: {{^}}lstm.layer 'enc': initial state h0 has shape 4, expected ?x?
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': input has shape 3x5x3, expected 2x?x?
func.func @f(%x: tensor<3x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<3x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': input has shape 5x3x3, expected ?x2x?
func.func @f(%x: tensor<5x3x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<5x3x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>, time_major} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': initial state c0 has shape 2x5, expected 2x4
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x5xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x5xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': kernel has shape 3x12, expected 3x16
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x12xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x12xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': recurrent_kernel has shape 3x16, expected 4x16
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<3x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<3x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': bias has shape 1x16, expected 16
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<1x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) bias(%b : tensor<1x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': mask has shape 5x2, expected 2x5
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %m: tensor<5x2xi8>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) mask(%m : tensor<5x2xi8>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': mask has shape 2x5, expected 5x2
func.func @f(%x: tensor<5x2x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %m: tensor<2x5xi8>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<5x2x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) mask(%m : tensor<2x5xi8>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>, time_major} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': output has shape 2x4, expected 2x5x4
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>, return_sequences} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': output has shape 2x5x4, expected 2x4
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x5x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': h has shape 3x4, expected 2x4
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<3x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': c has shape 2x4x1, expected 2x4
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4x1xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': operands and results must share one element type, got f32, f64
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf64>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf64>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': operands and results must share one element type, got f32, f64
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf64>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) bias(%b : tensor<16xf64>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': operands and results must share one element type, got f32, f64
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf64>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.layer 'enc': mask has element type f32, expected i8
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %m: tensor<2x5xf32>, %h: tensor<2x4xf32>, %c: tensor<2x4xf32>) {
  %y, %h1, %c1 = lstm.layer %x : tensor<2x5x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) mask(%m : tensor<2x5xf32>) initial_state(%h, %c : tensor<2x4xf32>, tensor<2x4xf32>) {layer = "enc", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  func.return
}

// -----
// The layers that stand beside an LSTM.

// CHECK: {{^}}lstm.merge: mode 'max' is not one of concat, sum, mul, ave
func.func @f(%x: tensor<2x4xf32>) {
  %y = lstm.merge "max" %x, %x : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.merge: expected 2 inputs, got 3
func.func @f(%x: tensor<2x4xf32>) {
  %y = lstm.merge "sum" %x, %x, %x : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.merge 'sum': inputs 2x4 and 2x5 do not fit
func.func @f(%x: tensor<2x4xf32>, %z: tensor<2x5xf32>) {
  %y = lstm.merge "sum" %x, %z : tensor<2x4xf32>, tensor<2x5xf32> -> tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.merge 'concat': inputs ?x4 and 2x4 do not fit
func.func @f(%x: tensor<?x4xf32>, %z: tensor<2x4xf32>) {
  %y = lstm.merge "concat" %x, %z : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<2x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.merge 'concat': result has shape 2x4, expected 2x9
func.func @f(%x: tensor<2x4xf32>, %z: tensor<2x5xf32>) {
  %y = lstm.merge "concat" %x, %z : tensor<2x4xf32>, tensor<2x5xf32> -> tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.masking: input has shape 2x4, expected ?x?x?
func.func @f(%x: tensor<2x4xf32>) {
  %y, %m = lstm.masking %x {mask_value = 0.0 : f64} : tensor<2x4xf32> -> tensor<2x4xf32>, tensor<2xi8>
  func.return
}

// -----
// CHECK: {{^}}lstm.masking: output has shape 2x5x4, expected 2x5x3
func.func @f(%x: tensor<2x5x3xf32>) {
  %y, %m = lstm.masking %x {mask_value = 0.0 : f64} : tensor<2x5x3xf32> -> tensor<2x5x4xf32>, tensor<2x5xi8>
  func.return
}

// -----
// CHECK: {{^}}lstm.masking: mask has shape 5x2, expected 2x5
func.func @f(%x: tensor<2x5x3xf32>) {
  %y, %m = lstm.masking %x {mask_value = 0.0 : f64} : tensor<2x5x3xf32> -> tensor<2x5x3xf32>, tensor<5x2xi8>
  func.return
}

// -----
// CHECK: {{^}}lstm.masking: mask has element type i1, expected i8
func.func @f(%x: tensor<2x5x3xf32>) {
  %y, %m = lstm.masking %x {mask_value = 0.0 : f64} : tensor<2x5x3xf32> -> tensor<2x5x3xf32>, tensor<2x5xi1>
  func.return
}

// -----
// CHECK: {{^}}lstm.dense: kernel has shape 4x2, expected 3x?
func.func @f(%x: tensor<2x3xf32>, %K: tensor<4x2xf32>) {
  %y = lstm.dense %x : tensor<2x3xf32> kernel(%K : tensor<4x2xf32>) -> tensor<2x2xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.dense: bias has shape 3, expected 2
func.func @f(%x: tensor<2x3xf32>, %K: tensor<3x2xf32>, %b: tensor<3xf32>) {
  %y = lstm.dense %x : tensor<2x3xf32> kernel(%K : tensor<3x2xf32>) bias(%b : tensor<3xf32>) -> tensor<2x2xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.dense: result has shape 2x3, expected 2x2
func.func @f(%x: tensor<2x3xf32>, %K: tensor<3x2xf32>) {
  %y = lstm.dense %x : tensor<2x3xf32> kernel(%K : tensor<3x2xf32>) -> tensor<2x3xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.reverse: axis 2 is not one of the leading axes of 2x5x4
func.func @f(%x: tensor<2x5x4xf32>) {
  %y = lstm.reverse %x {axis = 2 : i64} : tensor<2x5x4xf32>
  func.return
}

// -----
// The recurrence level.

// CHECK: {{^}}lstm.gate: no gate 4 of 4 in 16 columns
func.func @f(%x: tensor<3x16xf32>) {
  %y = lstm.gate %x {index = 4 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.gate: no gate 0 of 5 in 16 columns
func.func @f(%x: tensor<3x16xf32>) {
  %y = lstm.gate %x {index = 0 : i64, of = 5 : i64} : tensor<3x16xf32> -> tensor<3x3xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.gate: result has shape 3x8, expected 3x4
func.func @f(%x: tensor<3x16xf32>) {
  %y = lstm.gate %x {index = 0 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.pack: expected at least one gate
func.func @f() {
  %y = lstm.pack : -> tensor<3x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.pack: gate has shape 2x4, expected 3x?
func.func @f(%x: tensor<3x4xf32>, %z: tensor<2x4xf32>) {
  %y = lstm.pack %x, %z : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.pack: result has shape 3x4, expected 3x8
func.func @f(%x: tensor<3x4xf32>) {
  %y = lstm.pack %x, %x : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.project: input has shape 2x3, expected ?x?x?
func.func @f(%x: tensor<2x3xf32>, %K: tensor<3x8xf32>) {
  %y = lstm.project %x : tensor<2x3xf32> kernel(%K : tensor<3x8xf32>) -> tensor<2x5x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.project: kernel has shape 4x8, expected 3x?
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<4x8xf32>) {
  %y = lstm.project %x : tensor<2x5x3xf32> kernel(%K : tensor<4x8xf32>) -> tensor<2x5x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.project: bias has shape 4, expected 8
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x8xf32>, %b: tensor<4xf32>) {
  %y = lstm.project %x : tensor<2x5x3xf32> kernel(%K : tensor<3x8xf32>) bias(%b : tensor<4xf32>) -> tensor<2x5x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.project: result has shape 2x5x4, expected 2x5x8
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x8xf32>) {
  %y = lstm.project %x : tensor<2x5x3xf32> kernel(%K : tensor<3x8xf32>) -> tensor<2x5x4xf32>
  func.return
}

// -----
// lstm.scan. A cell of one gate and one state is enough for most.

// CHECK: {{^}}lstm.scan 's': the cell takes no gates
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%hp: vector<4xf32>):
    lstm.yield %hp : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': expected at least one state
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>) {
  %y = "lstm.scan"(%p, %R) <{layer = "s", input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", operandSegmentSizes = array<i32: 1, 0, 1, 0, 0, 0, 0, 0>}> ({
  ^c(%z: vector<4xf32>):
    "lstm.yield"() : () -> ()
  }) : (tensor<2x5x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': state has shape 2x5, expected 2x4
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>, %c: tensor<2x5xf32>) {
  %y, %h1, %c1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h, %c : tensor<2x4xf32>, tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x5xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>, %cp: vector<4xf32>):
    lstm.yield %z, %cp : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': projected input has shape 2x5x8, expected ?x?x4
func.func @f(%p: tensor<2x5x8xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x8xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': biases belong to the projection once it is hoisted
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %b: tensor<4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) biases(%b : tensor<4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': expected 1 packed recurrent_kernel or 1, got 2
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R, %R : tensor<4x4xf32>, tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': recurrent_kernel has shape 4x8, expected 4x4
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x8xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': kernel has shape 2x4, expected 3x4
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<2x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%x : tensor<2x5x3xf32>) kernels(%K : tensor<2x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': expected 1 packed kernel or 2, got 3
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x4xf32>, %R: tensor<4x8xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%x : tensor<2x5x3xf32>) kernels(%K, %K, %K : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x8xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %g: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': 2 biases for 1 kernels
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x4xf32>, %R: tensor<4x4xf32>, %b: tensor<4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%x : tensor<2x5x3xf32>) kernels(%K : tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) biases(%b, %b : tensor<4xf32>, tensor<4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': bias has shape 8, expected 4
func.func @f(%x: tensor<2x5x3xf32>, %K: tensor<3x4xf32>, %R: tensor<4x4xf32>, %b: tensor<8xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%x : tensor<2x5x3xf32>) kernels(%K : tensor<3x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) biases(%b : tensor<8xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': input_map affine_map<(d0, d1)[s0] -> (d1, (d0 * 2))> is not (step, batch)[T] to a layout and direction
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k * 2)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': mask and mask_map come together
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, mask_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': zero_map needs a mask and masked_output zero
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %m: tensor<2x5xi8>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) mask(%m : tensor<2x5xi8>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, mask_map = affine_map<(k, b)[T] -> (b, k)>, zero_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': masked_output 'keep' is not hold or zero
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "keep"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': form 'fast' is not one of persistent, cooperative, unrolled, loop
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "fast"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': mask has shape 2x5x1, expected 2x5
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %m: tensor<2x5x1xi8>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) mask(%m : tensor<2x5x1xi8>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, mask_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': output has shape 2x5x4, expected 2x4
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x5x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': mask has element type i1, expected i8
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %m: tensor<2x5xi1>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) mask(%m : tensor<2x5xi1>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, mask_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': output has element type f64, expected f32
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf64>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// The batch of the input, of the mask and of the output is the states', where their index maps say it is.
// CHECK: {{^}}lstm.scan 's': input has shape 5x2x4, expected 2x?x?
func.func @f(%p: tensor<5x2x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<5x2x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': mask has shape 2x5, expected 5x2
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %m: tensor<2x5xi8>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) mask(%m : tensor<2x5xi8>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, mask_map = affine_map<(k, b)[T] -> (k, b)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': output has shape 5x2x4, expected 2x5x4
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, output_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<5x2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': a state is tensor<2x5xf32> after the last step, tensor<2x4xf32> before the first
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x5xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z : vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': the cell yields 2 states, expected 1
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf32>, %h: tensor<2x4xf32>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h : tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^c(%z: vector<4xf32>, %hp: vector<4xf32>):
    lstm.yield %z, %z : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// CHECK: {{^}}lstm.scan 's': a gate or state of the cell is vector<4xf16>, expected vector<4xf32>
func.func @f(%p: tensor<2x5x4xf32>, %R: tensor<4x4xf16>, %h: tensor<2x4xf16>) {
  %y, %h1 = lstm.scan "s" input(%p : tensor<2x5x4xf32>) recurrent_kernels(%R : tensor<4x4xf16>) init(%h : tensor<2x4xf16>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x4xf16>, tensor<2x4xf16> cell {
  ^c(%z: vector<4xf16>, %hp: vector<4xf16>):
    lstm.yield %z : vector<4xf16>
  }
  func.return
}

// -----
// CHECK: {{^}}'lstm.yield' expects parent op 'lstm.scan'
func.func @f(%v: vector<4xf32>) {
  lstm.yield %v : vector<4xf32>
}

// -----
// lstm.panels: all gates of the weight have a place in the result.

// CHECK: {{^}}lstm.panels: tensor<3x16xf32> does not hold 3 gates side by side
func.func @f(%K: tensor<3x16xf32>) {
  %p = lstm.panels %K {gates = 3 : i64} : tensor<3x16xf32> -> tensor<1x3x4x1x8xf32>
  func.return
}

// -----
// Groups times width is the number of gates.
// CHECK: {{^}}lstm.panels: tensor<3x16xf32> with 4 gates does not fit tensor<1x2x4x1x8xf32>
func.func @f(%K: tensor<3x16xf32>) {
  %p = lstm.panels %K {gates = 4 : i64} : tensor<3x16xf32> -> tensor<1x2x4x1x8xf32>
  func.return
}

// -----
// Not fewer terms than the weight has rows,
// CHECK: {{^}}lstm.panels: tensor<3x16xf32> with 4 gates does not fit tensor<1x2x2x2x8xf32>
func.func @f(%K: tensor<3x16xf32>) {
  %p = lstm.panels %K {gates = 4 : i64} : tensor<3x16xf32> -> tensor<1x2x2x2x8xf32>
  func.return
}

// -----
// nor fewer units in the tiles than a gate has columns.
// CHECK: {{^}}lstm.panels: tensor<3x36xf32> with 4 gates does not fit tensor<1x2x4x2x8xf32>
func.func @f(%K: tensor<3x36xf32>) {
  %p = lstm.panels %K {gates = 4 : i64} : tensor<3x36xf32> -> tensor<1x2x4x2x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.panels: tensor<3x16xf32> with 4 gates does not fit tensor<8x16xf32>
func.func @f(%K: tensor<3x16xf32>) {
  %p = lstm.panels %K {gates = 4 : i64} : tensor<3x16xf32> -> tensor<8x16xf32>
  func.return
}

// -----
// What is not bf16 keeps the type of the weight, and only bf16 is paired, two vectors at a time.
// CHECK: {{^}}lstm.panels: result has element type f16, expected f32
func.func @f(%K: tensor<3x16xf32>) {
  %p = lstm.panels %K {gates = 4 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xf16>
  func.return
}

// -----
// CHECK: {{^}}lstm.panels: paired result has element type f32, expected bf16
func.func @f(%K: tensor<3x16xf32>) {
  %p = lstm.panels %K {gates = 4 : i64, paired = 8 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xf32>
  func.return
}

// -----
// CHECK: {{^}}lstm.panels: 8 lanes do not pair in tensor<1x4x4x1x8xbf16>
func.func @f(%K: tensor<3x16xf32>) {
  %p = lstm.panels %K {gates = 4 : i64, paired = 8 : i64} : tensor<3x16xf32> -> tensor<1x4x4x1x8xbf16>
  func.return
}

// -----
// Hand-authored dispatches.

// CHECK: {{^}}stream.executable @k: expected a module
"stream.executable"() <{sym_name = "k", sym_visibility = "private"}> ({
  "stream.executable.end"() : () -> ()
}) : () -> ()

// -----
// CHECK: {{^}}flow.dispatch: 0 argument sizes given, the types need 1
func.func @f(%x: tensor<?x4xf32>, %n: index) {
  %y = "flow.dispatch"(%n, %x) <{entry_points = [@k::@k], tied_operands = [-1 : index], operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (index, tensor<?x4xf32>) -> tensor<2x4xf32>
  func.return
}

// -----
// CHECK: {{^}}flow.dispatch: 0 result sizes given, the types need 2
func.func @f(%x: tensor<?x4xf32>, %n: index) {
  %y = "flow.dispatch"(%n, %x, %n) <{entry_points = [@k::@k], tied_operands = [-1 : index], operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (index, tensor<?x4xf32>, index) -> tensor<?x?xf32>
  func.return
}

// -----
// CHECK: {{^}}operand 'binding' at position 0 does not verify:
// CHECK-NEXT: f32 should be of base attribute stream.binding
func.func @f(%b: f32, %n: index) {
  %y = "stream.binding.subspan"(%b, %n) : (f32, index) -> memref<4xf32>
  func.return
}

// -----
// CHECK: lstm.scan 'a': only a cooperative scan has a large_batch_form, persistent; got ('loop', 'persistent')
func.func @f(%p: tensor<2x6x5xf32>, %R: tensor<5x5xf32>, %h0: tensor<2x5xf32>) {
  %y, %h = lstm.scan "a" input(%p : tensor<2x6x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop", large_batch_form = "persistent"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return
}

// -----
// CHECK: lstm.scan 'a': only kernels read weights of another type
func.func @f(%p: tensor<2x6x5xf32>, %R: tensor<5x5xf32>, %h0: tensor<2x5xf32>) {
  %y, %h = lstm.scan "a" input(%p : tensor<2x6x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop", weights = "bf16"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return
}

// -----
// CHECK: lstm.scan 'a': weights 'f8' of f32 is not bf16 of f32
func.func @f(%p: tensor<2x6x5xf32>, %R: tensor<5x5xf32>, %h0: tensor<2x5xf32>) {
  %y, %h = lstm.scan "a" input(%p : tensor<2x6x5xf32>) recurrent_kernels(%R : tensor<5x5xf32>) init(%h0 : tensor<2x5xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop", weights = "f8"} -> tensor<2x5xf32>, tensor<2x5xf32> cell {
  ^cell(%z: vector<5xf32>, %hp: vector<5xf32>):
    lstm.yield %z : vector<5xf32>
  }
  func.return
}

// -----
// CHECK: lstm.cell_product: weights has shape 4x5, expected 4x4
func.func @f(%v: vector<4xf32>, %R: tensor<4x5xf32>) {
  %p = lstm.cell_product %v by %R : vector<4xf32>, tensor<4x5xf32> -> vector<4xf32>
  func.return
}

// -----
// CHECK: lstm.cell_product: result is vector<5xf32>, expected vector<4xf32>
func.func @f(%v: vector<4xf32>, %R: tensor<4x4xf32>) {
  %p = lstm.cell_product %v by %R : vector<4xf32>, tensor<4x4xf32> -> vector<5xf32>
  func.return
}
