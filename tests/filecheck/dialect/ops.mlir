// Every op is read and printed as it was written, twice; and from the generic form too.
// RUN: %lstm-opt %s | %lstm-opt - | %filecheck %s
// RUN: %lstm-opt --print-op-generic %s | %lstm-opt - | %filecheck %s

// CHECK-LABEL: func.func @layers
func.func @layers(%x: tensor<?x?x3xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  // CHECK-NEXT: %k = lstm.weight "lstm/kernel" : tensor<3x16xf32>
  %k = lstm.weight "lstm/kernel" : tensor<3x16xf32>
  // CHECK-NEXT: %r = lstm.weight "lstm/recurrent_kernel" : tensor<4x16xf32>
  %r = lstm.weight "lstm/recurrent_kernel" : tensor<4x16xf32>
  // CHECK-NEXT: %b = lstm.weight "lstm/bias" : tensor<16xf32>
  %b = lstm.weight "lstm/bias" : tensor<16xf32>

  // Every operand and attribute.
  // CHECK-NEXT: %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%k : tensor<3x16xf32>) recurrent_kernel(%r : tensor<4x16xf32>) bias(%b : tensor<16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "full", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<leaky_relu, 0.3>, go_backwards, time_major, return_sequences, zero_output_for_mask, unroll} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%k : tensor<3x16xf32>) recurrent_kernel(%r : tensor<4x16xf32>) bias(%b : tensor<16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "full", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<leaky_relu, 0.3>, go_backwards, time_major, return_sequences, zero_output_for_mask, unroll} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>

  // No more than it must have.
  // CHECK-NEXT: %last, %hl, %cl = lstm.layer %x : tensor<?x?x3xf32> kernel(%k : tensor<3x16xf32>) recurrent_kernel(%r : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "bare", activation = #lstm.activation<elu, -1.5>, recurrent_activation = #lstm.activation<hard_sigmoid_keras3>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %last, %hl, %cl = lstm.layer %x : tensor<?x?x3xf32> kernel(%k : tensor<3x16xf32>) recurrent_kernel(%r : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "bare", activation = #lstm.activation<elu, -1.5>, recurrent_activation = #lstm.activation<hard_sigmoid_keras3>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>

  // CHECK-NEXT: %z = lstm.reverse %y {axis = 1 : i64} : tensor<?x?x4xf32>
  %z = lstm.reverse %y {axis = 1 : i64} : tensor<?x?x4xf32>
  // CHECK-NEXT: %cat = lstm.merge "concat" %y, %z : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x8xf32>
  %cat = lstm.merge "concat" %y, %z : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x8xf32>
  // CHECK-NEXT: %sum = lstm.merge "sum" %y, %z : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  %sum = lstm.merge "sum" %y, %z : tensor<?x?x4xf32>, tensor<?x?x4xf32> -> tensor<?x?x4xf32>
  // CHECK-NEXT: %soft = lstm.activate <softmax> %sum : tensor<?x?x4xf32>
  %soft = lstm.activate <softmax> %sum : tensor<?x?x4xf32>
  // CHECK-NEXT: %masked, %mm = lstm.masking %soft {mask_value = -1.000000e+00 : f64} : tensor<?x?x4xf32> -> tensor<?x?x4xf32>, tensor<?x?xi8>
  %masked, %mm = lstm.masking %soft {mask_value = -1.0 : f64} : tensor<?x?x4xf32> -> tensor<?x?x4xf32>, tensor<?x?xi8>
  // CHECK-NEXT: %drop = lstm.dropout %masked {rate = 5.000000e-01 : f64} : tensor<?x?x4xf32>
  %drop = lstm.dropout %masked {rate = 0.5 : f64} : tensor<?x?x4xf32>
  // CHECK-NEXT: %dk = lstm.weight "dense/kernel" : tensor<4x2xf32>
  %dk = lstm.weight "dense/kernel" : tensor<4x2xf32>
  // CHECK-NEXT: %db = lstm.weight "dense/bias" : tensor<2xf32>
  %db = lstm.weight "dense/bias" : tensor<2xf32>
  // CHECK-NEXT: %d1 = lstm.dense %drop : tensor<?x?x4xf32> kernel(%dk : tensor<4x2xf32>) bias(%db : tensor<2xf32>) -> tensor<?x?x2xf32>
  %d1 = lstm.dense %drop : tensor<?x?x4xf32> kernel(%dk : tensor<4x2xf32>) bias(%db : tensor<2xf32>) -> tensor<?x?x2xf32>
  // CHECK-NEXT: %d2 = lstm.dense %last : tensor<?x4xf32> kernel(%dk : tensor<4x2xf32>) -> tensor<?x2xf32>
  %d2 = lstm.dense %last : tensor<?x4xf32> kernel(%dk : tensor<4x2xf32>) -> tensor<?x2xf32>
  func.return
}

// CHECK-LABEL: func.func @recurrence
func.func @recurrence(%x: tensor<?x?x3xf16>, %m: tensor<?x?xi8>, %w: tensor<8x8xf16>, %s0: tensor<?x8xf16>, %h0: tensor<?x4xf16>, %c0: tensor<?x4xf16>) {
  %k = lstm.weight "lstm/kernel" : tensor<3x8xf16>
  %r = lstm.weight "lstm/recurrent_kernel" : tensor<4x8xf16>
  // CHECK: %k0 = lstm.gate %k {index = 0 : i64, of = 2 : i64} : tensor<3x8xf16> -> tensor<3x4xf16>
  %k0 = lstm.gate %k {index = 0 : i64, of = 2 : i64} : tensor<3x8xf16> -> tensor<3x4xf16>
  // CHECK-NEXT: %k1 = lstm.gate %k {index = 1 : i64, of = 2 : i64} : tensor<3x8xf16> -> tensor<3x4xf16>
  %k1 = lstm.gate %k {index = 1 : i64, of = 2 : i64} : tensor<3x8xf16> -> tensor<3x4xf16>
  // CHECK-NEXT: %kk = lstm.pack %k1, %k0 : tensor<3x4xf16>, tensor<3x4xf16> -> tensor<3x8xf16>
  %kk = lstm.pack %k1, %k0 : tensor<3x4xf16>, tensor<3x4xf16> -> tensor<3x8xf16>
  %b = lstm.weight "lstm/bias" : tensor<8xf16>

  // Products of the half types are summed in f32.
  // CHECK: %p = lstm.project %x : tensor<?x?x3xf16> kernel(%kk : tensor<3x8xf16>) bias(%b : tensor<8xf16>) -> tensor<?x?x8xf32>
  %p = lstm.project %x : tensor<?x?x3xf16> kernel(%kk : tensor<3x8xf16>) bias(%b : tensor<8xf16>) -> tensor<?x?x8xf32>
  // CHECK-NEXT: %q = lstm.project %x : tensor<?x?x3xf16> kernel(%kk : tensor<3x8xf16>) -> tensor<?x?x8xf32>
  %q = lstm.project %x : tensor<?x?x3xf16> kernel(%kk : tensor<3x8xf16>) -> tensor<?x?x8xf32>

  // A cell of two gates, one kernel a gate, a mask, a reversed output, every attribute.
  // CHECK-NEXT: %y, %h, %c = lstm.scan "gates" input(%x : tensor<?x?x3xf16>) kernels(%k0, %k1 : tensor<3x4xf16>, tensor<3x4xf16>) recurrent_kernels(%r : tensor<4x8xf16>) mask(%m : tensor<?x?xi8>) init(%h0, %c0 : tensor<?x4xf16>, tensor<?x4xf16>) {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, mask_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, zero_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, output_map = affine_map<(d0, d1)[s0] -> (d1, ((s0 + (d0 * -1)) + -1))>, masked_output = "zero", unroll, form = "loop", reason = "asked for"} -> tensor<?x?x4xf16>, tensor<?x4xf16>, tensor<?x4xf16> cell {
  // CHECK-NEXT: ^{{.*}}(%i: vector<4xf32>, %f: vector<4xf32>, %hp: vector<4xf32>, %cp: vector<4xf32>):
  // CHECK-NEXT:   %s = lstm.activate <sigmoid> %i : vector<4xf32>
  // CHECK-NEXT:   %t = arith.mulf %s, %cp : vector<4xf32>
  // CHECK-NEXT:   lstm.yield %t, %cp : vector<4xf32>, vector<4xf32>
  // CHECK-NEXT: }
  %y, %h, %c = lstm.scan "gates" input(%x : tensor<?x?x3xf16>) kernels(%k0, %k1 : tensor<3x4xf16>, tensor<3x4xf16>) recurrent_kernels(%r : tensor<4x8xf16>) mask(%m : tensor<?x?xi8>) init(%h0, %c0 : tensor<?x4xf16>, tensor<?x4xf16>) {input_map = affine_map<(k, b)[T] -> (b, k)>, mask_map = affine_map<(k, b)[T] -> (k, b)>, zero_map = affine_map<(k, b)[T] -> (T - k - 1, b)>, output_map = affine_map<(k, b)[T] -> (b, T - k - 1)>, masked_output = "zero", unroll, form = "loop", reason = "asked for"} -> tensor<?x?x4xf16>, tensor<?x4xf16>, tensor<?x4xf16> cell {
  ^cell(%i: vector<4xf32>, %f: vector<4xf32>, %hp: vector<4xf32>, %cp: vector<4xf32>):
    %s = lstm.activate <sigmoid> %i : vector<4xf32>
    %t = arith.mulf %s, %cp : vector<4xf32>
    lstm.yield %t, %cp : vector<4xf32>, vector<4xf32>
  }

  // Hoisted, one gate and one state, the last output only.
  // CHECK-NEXT: %y1, %h1 = lstm.scan "plain" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%w : tensor<8x8xf16>) init(%s0 : tensor<?x8xf16>) {input_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, masked_output = "hold"} -> tensor<?x8xf16>, tensor<?x8xf16> cell {
  %y1, %h1 = lstm.scan "plain" input(%p : tensor<?x?x8xf32>) recurrent_kernels(%w : tensor<8x8xf16>) init(%s0 : tensor<?x8xf16>) {input_map = affine_map<(k, b)[T] -> (T - k - 1, b)>, masked_output = "hold"} -> tensor<?x8xf16>, tensor<?x8xf16> cell {
  // CHECK-NEXT: ^{{.*}}(%z: vector<8xf32>, %hq: vector<8xf32>):
  ^cell(%z: vector<8xf32>, %hq: vector<8xf32>):
    // CHECK-NEXT: lstm.yield %z : vector<8xf32>
    lstm.yield %z : vector<8xf32>
  }
  func.return
}

// CHECK-LABEL: func.func @iree
func.func @iree(%x: tensor<?x4xf32>, %n: index) {
  // CHECK-NEXT: %r = "flow.tensor.reshape"(%x, %n, %n) <{operandSegmentSizes = array<i32: 1, 1, 1>}> : (tensor<?x4xf32>, index, index) -> tensor<?x4xf32>
  %r = "flow.tensor.reshape"(%x, %n, %n) <{operandSegmentSizes = array<i32: 1, 1, 1>}> : (tensor<?x4xf32>, index, index) -> tensor<?x4xf32>
  // CHECK-NEXT: %w = "util.global.load"() <{global = @w, is_immutable}> : () -> tensor<4xf32>
  %w = "util.global.load"() <{global = @w, is_immutable}> : () -> tensor<4xf32>
  // CHECK-NEXT: %k = "util.optimization_barrier"(%n) : (index) -> index
  %k = "util.optimization_barrier"(%n) : (index) -> index
  func.return
}

// CHECK-LABEL: func.func @cell_product
func.func @cell_product(%v: vector<4xf32>, %R: tensor<4x4xf16>) {
  // CHECK-NEXT: %p = lstm.cell_product %v by %R : vector<4xf32>, tensor<4x4xf16> -> vector<4xf32>
  %p = lstm.cell_product %v by %R : vector<4xf32>, tensor<4x4xf16> -> vector<4xf32>
  func.return
}

// CHECK-LABEL: func.func @panels
func.func @panels(%K: tensor<3x16xf32>, %b: tensor<16xf32>) {
  // CHECK-NEXT: %k = lstm.panels %K {gates = 4 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xf32>
  %k = lstm.panels %K {gates = 4 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xf32>
  // CHECK-NEXT: %p = lstm.panels %b {gates = 4 : i64} : tensor<16xf32> -> tensor<1x1x1x4x4xf32>
  %p = lstm.panels %b {gates = 4 : i64} : tensor<16xf32> -> tensor<1x1x1x4x4xf32>
  // CHECK-NEXT: %r = lstm.panels %K {gates = 4 : i64, paired = 8 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xbf16>
  %r = lstm.panels %K {gates = 4 : i64, paired = 8 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xbf16>
  func.return
}

// A hand-authored dispatch, its kernel, and a variable of the module.
// CHECK: "stream.executable"() <{sym_name = "twice", sym_visibility = "private"}> ({
// CHECK-NEXT: "stream.executable.export"() <{sym_name = "twice", sym_visibility = "public", function_ref = @twice}> ({
// CHECK-NEXT: ^{{.*}}([[N:%[0-9a-z]+]]: index):
// CHECK-NEXT: "stream.return"([[N]], [[N]], [[N]]) : (index, index, index) -> ()
// CHECK-NEXT: }) : () -> ()
// CHECK-NEXT: builtin.module {
// CHECK-NEXT: func.func @twice(%s: !stream.binding, %d: !stream.binding, %size: index) {
// CHECK-NEXT: %g = "stream.dispatch.workgroup.id"() <{dimension = 0 : index}> : () -> index
// CHECK-NEXT: %from = "stream.binding.subspan"(%s, %g, %size) : (!stream.binding, index, index) -> memref<?xf32>
// CHECK-NEXT: %to = "stream.binding.subspan"(%d, %g) : (!stream.binding, index) -> memref<4xi32>
// CHECK-NEXT: func.return
// CHECK: "stream.executable.end"() : () -> ()
"stream.executable"() <{sym_name = "twice", sym_visibility = "private"}> ({
  "stream.executable.export"() <{sym_name = "twice", sym_visibility = "public", function_ref = @twice}> ({
  ^bb0(%n: index):
    "stream.return"(%n, %n, %n) : (index, index, index) -> ()
  }) : () -> ()
  builtin.module {
    func.func @twice(%s: !stream.binding, %d: !stream.binding, %size: index) {
      %g = "stream.dispatch.workgroup.id"() <{dimension = 0 : index}> : () -> index
      %from = "stream.binding.subspan"(%s, %g, %size) : (!stream.binding, index, index) -> memref<?xf32>
      %to = "stream.binding.subspan"(%d, %g) : (!stream.binding, index) -> memref<4xi32>
      func.return
    }
  }
  "stream.executable.end"() : () -> ()
}) : () -> ()

// CHECK: "util.global"() <{sym_name = "workers", sym_visibility = "private", type = index, initial_value = 3 : index, is_mutable}> : () -> ()
"util.global"() <{sym_name = "workers", sym_visibility = "private", type = index, initial_value = 3 : index, is_mutable}> : () -> ()

// CHECK-LABEL: func.func @dispatch
func.func @dispatch(%x: tensor<?xf32>, %counters: tensor<4xi32>, %n: index) {
  // CHECK-NEXT: %w = "util.global.load"() <{global = @workers}> : () -> index
  %w = "util.global.load"() <{global = @workers}> : () -> index
  // CHECK-NEXT: "util.global.store"(%n) <{global = @workers}> : (index) -> ()
  "util.global.store"(%n) <{global = @workers}> : (index) -> ()
  // A fresh result, and an operand that is changed in place.
  // CHECK-NEXT: %y, %z = "flow.dispatch"(%w, %x, %counters, %n, %n, %n) <{entry_points = [@twice::@twice], tied_operands = [-1 : index, 1 : index], operandSegmentSizes = array<i32: 1, 3, 1, 1>}> : (index, tensor<?xf32>, tensor<4xi32>, index, index, index) -> (tensor<?xf32>, tensor<4xi32>)
  %y, %z = "flow.dispatch"(%w, %x, %counters, %n, %n, %n) <{entry_points = [@twice::@twice], tied_operands = [-1 : index, 1 : index], operandSegmentSizes = array<i32: 1, 3, 1, 1>}> : (index, tensor<?xf32>, tensor<4xi32>, index, index, index) -> (tensor<?xf32>, tensor<4xi32>)
  func.return
}

// CHECK: "util.global"() <{sym_name = "w", sym_visibility = "private", type = tensor<4xf32>}> : () -> ()
"util.global"() <{sym_name = "w", sym_visibility = "private", type = tensor<4xf32>}> : () -> ()

// CHECK-LABEL: func.func @memory
func.func @memory(%from: !hal.buffer, %to: !hal.buffer, %n: index, %done: !hal.fence) {
  // CHECK-NEXT: %t = "hal.tensor.import"(%from, %n) <{target_encoding = tensor<?x4xf32>, operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (!hal.buffer, index) -> tensor<?x4xf32>
  %t = "hal.tensor.import"(%from, %n) <{target_encoding = tensor<?x4xf32>, operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (!hal.buffer, index) -> tensor<?x4xf32>
  // CHECK-NEXT: %a = "hal.tensor.alias"(%t, %n, %to) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (tensor<?x4xf32>, index, !hal.buffer) -> tensor<?x4xf32>
  %a = "hal.tensor.alias"(%t, %n, %to) <{operandSegmentSizes = array<i32: 1, 1, 1, 0>}> : (tensor<?x4xf32>, index, !hal.buffer) -> tensor<?x4xf32>
  // CHECK-NEXT: %j = "hal.tensor.barrier"(%a, %done) : (tensor<?x4xf32>, !hal.fence) -> tensor<?x4xf32>
  %j = "hal.tensor.barrier"(%a, %done) : (tensor<?x4xf32>, !hal.fence) -> tensor<?x4xf32>
  func.return
}
