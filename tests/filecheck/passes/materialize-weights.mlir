// Weights become the module's constants.
// RUN: %lstm-opt %s -p lstm-materialize-weights --split-input-file | %filecheck %s

// One global a weight, shared by all entry points; its symbol is the name without what MLIR does not allow in one.
func.func @call() -> (tensor<3x8xf32>, tensor<2xf32>) {
  %K = lstm.weight "lstm/kernel" : tensor<3x8xf32>
  %b = lstm.weight "dense 1/bias" : tensor<2xf32>
  func.return %K, %b : tensor<3x8xf32>, tensor<2xf32>
}
func.func @call_masked() -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  %K = lstm.weight "lstm/kernel" : tensor<3x8xf32>
  %again = lstm.weight "lstm/kernel" : tensor<3x8xf32>
  func.return %K, %again : tensor<3x8xf32>, tensor<3x8xf32>
}
// CHECK:       "util.global"() <{sym_name = "weight.dense.1.bias", sym_visibility = "private", type = tensor<2xf32>}> {lstm.weight = {{\[\[}}"dense 1/bias", 0 : i64, 1 : i64]]} : () -> ()
// CHECK-NEXT:  "util.global"() <{sym_name = "weight.lstm.kernel", sym_visibility = "private", type = tensor<3x8xf32>}> {lstm.weight = {{\[\[}}"lstm/kernel", 0 : i64, 1 : i64]]} : () -> ()
// CHECK-NEXT:  func.func @call() -> (tensor<3x8xf32>, tensor<2xf32>) {
// CHECK-NEXT:    %0 = "util.global.load"() <{global = @weight.lstm.kernel, is_immutable}> : () -> tensor<3x8xf32>
// CHECK-NEXT:    %1 = "util.global.load"() <{global = @weight.dense.1.bias, is_immutable}> : () -> tensor<2xf32>
// CHECK-NEXT:    func.return %0, %1 : tensor<3x8xf32>, tensor<2xf32>
// CHECK-NEXT:  }
// CHECK-NEXT:  func.func @call_masked() -> (tensor<3x8xf32>, tensor<3x8xf32>) {
// CHECK-NEXT:    %0 = "util.global.load"() <{global = @weight.lstm.kernel, is_immutable}> : () -> tensor<3x8xf32>
// CHECK-NEXT:    %1 = "util.global.load"() <{global = @weight.lstm.kernel, is_immutable}> : () -> tensor<3x8xf32>
// CHECK-NEXT:    func.return %0, %1 : tensor<3x8xf32>, tensor<3x8xf32>
// CHECK-NEXT:  }

// -----
// Gates cut out of weights, and packed ones, are constants of their own; the weight they come from is not needed.
func.func @call() -> (tensor<3x8xf32>, tensor<3x4xf32>) {
  %K = lstm.weight "lstm/kernel" : tensor<3x16xf32>
  %k3 = lstm.gate %K {index = 3 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
  %k0 = lstm.gate %K {index = 0 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
  %p = lstm.pack %k3, %k0 : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x8xf32>
  func.return %p, %k0 : tensor<3x8xf32>, tensor<3x4xf32>
}
// CHECK:       "util.global"() <{sym_name = "weight.lstm.kernel.3of4.lstm.kernel.0of4", sym_visibility = "private", type = tensor<3x8xf32>}> {lstm.weight = {{\[\[}}"lstm/kernel", 3 : i64, 4 : i64], ["lstm/kernel", 0 : i64, 4 : i64]]} : () -> ()
// CHECK-NEXT:  "util.global"() <{sym_name = "weight.lstm.kernel.0of4", sym_visibility = "private", type = tensor<3x4xf32>}> {lstm.weight = {{\[\[}}"lstm/kernel", 0 : i64, 4 : i64]]} : () -> ()
// CHECK-NEXT:  func.func @call() -> (tensor<3x8xf32>, tensor<3x4xf32>) {
// CHECK-NEXT:    %0 = "util.global.load"() <{global = @weight.lstm.kernel.0of4, is_immutable}> : () -> tensor<3x4xf32>
// CHECK-NEXT:    %1 = "util.global.load"() <{global = @weight.lstm.kernel.3of4.lstm.kernel.0of4, is_immutable}> : () -> tensor<3x8xf32>
// CHECK-NEXT:    func.return %1, %0 : tensor<3x8xf32>, tensor<3x4xf32>
// CHECK-NEXT:  }

// -----
// Names of Keras that differ only in what MLIR does not allow get numbers.
func.func @call() -> (tensor<2xf32>, tensor<2xf32>) {
  %a = lstm.weight "my lstm/bias" : tensor<2xf32>
  %b = lstm.weight "my.lstm/bias" : tensor<2xf32>
  func.return %a, %b : tensor<2xf32>, tensor<2xf32>
}
// CHECK:       "util.global"() <{sym_name = "weight.my.lstm.bias_1", sym_visibility = "private", type = tensor<2xf32>}> {lstm.weight = {{\[\[}}"my.lstm/bias", 0 : i64, 1 : i64]]} : () -> ()
// CHECK-NEXT:  "util.global"() <{sym_name = "weight.my.lstm.bias", sym_visibility = "private", type = tensor<2xf32>}> {lstm.weight = {{\[\[}}"my lstm/bias", 0 : i64, 1 : i64]]} : () -> ()
// CHECK:         %0 = "util.global.load"() <{global = @weight.my.lstm.bias, is_immutable}> : () -> tensor<2xf32>
// CHECK-NEXT:    %1 = "util.global.load"() <{global = @weight.my.lstm.bias_1, is_immutable}> : () -> tensor<2xf32>
// CHECK-NEXT:    func.return %0, %1

// -----
// Declined: what is not made of weights alone. A weight that nobody reads goes.
func.func @call(%K: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %unused = lstm.weight "unused" : tensor<3x4xf32>
  %k = lstm.gate %K {index = 0 : i64, of = 2 : i64} : tensor<3x8xf32> -> tensor<3x4xf32>
  %w = lstm.weight "w" : tensor<3x4xf32>
  %p = lstm.pack %k, %w : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x8xf32>
  func.return %p : tensor<3x8xf32>
}
// CHECK-LABEL: func.func @call(%K: tensor<3x8xf32>) -> tensor<3x8xf32> {
// CHECK-NEXT:    %k = lstm.gate %K {index = 0 : i64, of = 2 : i64} : tensor<3x8xf32> -> tensor<3x4xf32>
// CHECK-NEXT:    %w = lstm.weight "w" : tensor<3x4xf32>
// CHECK-NEXT:    %p = lstm.pack %k, %w : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x8xf32>
// CHECK-NEXT:    func.return %p : tensor<3x8xf32>
// CHECK-NEXT:  }

// -----
// Panels are constants by themselves: gates, units, terms, lanes and width behind the weight's columns. Panels of packed
// gates are packed once; a weight that is read in both ways is there in both.
func.func @call(%x: tensor<3x16xf32>) -> (tensor<1x2x4x2x8xf32>, tensor<1x2x1x2x8xf32>, tensor<1x1x4x2x8xf32>, tensor<16xf32>) {
  %K = lstm.weight "lstm/kernel" : tensor<3x16xf32>
  %b = lstm.weight "lstm/bias" : tensor<16xf32>
  %k3 = lstm.gate %K {index = 3 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
  %k0 = lstm.gate %K {index = 0 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
  %p = lstm.pack %k3, %k0 : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x8xf32>
  %kp = lstm.panels %K {gates = 4 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xf32>
  %bp = lstm.panels %b {gates = 4 : i64} : tensor<16xf32> -> tensor<1x2x1x2x8xf32>
  %pp = lstm.panels %p {gates = 2 : i64} : tensor<3x8xf32> -> tensor<1x1x4x2x8xf32>
  func.return %kp, %bp, %pp, %b : tensor<1x2x4x2x8xf32>, tensor<1x2x1x2x8xf32>, tensor<1x1x4x2x8xf32>, tensor<16xf32>
}
func.func @call_masked() -> tensor<1x2x4x2x8xf32> {
  %K = lstm.weight "lstm/kernel" : tensor<3x16xf32>
  %kp = lstm.panels %K {gates = 4 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xf32>
  func.return %kp : tensor<1x2x4x2x8xf32>
}
// CHECK:       "util.global"() <{sym_name = "weight.lstm.kernel.3of4.lstm.kernel.0of4.panels", sym_visibility = "private", type = tensor<1x1x4x2x8xf32>}> {lstm.weight = {{\[\[}}"lstm/kernel", 3 : i64, 4 : i64], ["lstm/kernel", 0 : i64, 4 : i64], [2 : i64, 4 : i64, 3 : i64, 8 : i64, 2 : i64]]} : () -> ()
// CHECK-NEXT:  "util.global"() <{sym_name = "weight.lstm.bias.panels", sym_visibility = "private", type = tensor<1x2x1x2x8xf32>}> {lstm.weight = {{\[\[}}"lstm/bias", 0 : i64, 1 : i64], [4 : i64, 4 : i64, 0 : i64, 8 : i64, 2 : i64]]} : () -> ()
// CHECK-NEXT:  "util.global"() <{sym_name = "weight.lstm.kernel.panels", sym_visibility = "private", type = tensor<1x2x4x2x8xf32>}> {lstm.weight = {{\[\[}}"lstm/kernel", 0 : i64, 1 : i64], [4 : i64, 4 : i64, 3 : i64, 8 : i64, 2 : i64]]} : () -> ()
// CHECK-NEXT:  "util.global"() <{sym_name = "weight.lstm.bias", sym_visibility = "private", type = tensor<16xf32>}> {lstm.weight = {{\[\[}}"lstm/bias", 0 : i64, 1 : i64]]} : () -> ()
// CHECK-NEXT:  func.func @call(
// CHECK-NEXT:    [[BIAS:%[0-9]+]] = "util.global.load"() <{global = @weight.lstm.bias, is_immutable}>
// CHECK-NEXT:    [[KP:%[0-9]+]] = "util.global.load"() <{global = @weight.lstm.kernel.panels, is_immutable}>
// CHECK-NEXT:    [[BP:%[0-9]+]] = "util.global.load"() <{global = @weight.lstm.bias.panels, is_immutable}>
// CHECK-NEXT:    [[PP:%[0-9]+]] = "util.global.load"() <{global = @weight.lstm.kernel.3of4.lstm.kernel.0of4.panels, is_immutable}>
// CHECK-NEXT:    func.return [[KP]], [[BP]], [[PP]], [[BIAS]]
// CHECK:       func.func @call_masked(
// CHECK-NEXT:    [[KP:%[0-9]+]] = "util.global.load"() <{global = @weight.lstm.kernel.panels, is_immutable}>
// CHECK-NEXT:    func.return [[KP]]

// -----
// Declined: panels of what is not made of weights alone. The variable of the workers is no weight, and stays as it is.
// CHECK:       "util.global"() <{sym_name = "workers", sym_visibility = "private", type = index, initial_value = 2 : index, is_mutable}> : () -> ()
// CHECK-NEXT:  func.func @call(
// CHECK-NEXT:    lstm.panels %x
"util.global"() <{sym_name = "workers", sym_visibility = "private", type = index, initial_value = 2 : index, is_mutable}> : () -> ()
func.func @call(%x: tensor<3x16xf32>) -> tensor<1x2x4x2x8xf32> {
  %p = lstm.panels %x {gates = 4 : i64} : tensor<3x16xf32> -> tensor<1x2x4x2x8xf32>
  func.return %p : tensor<1x2x4x2x8xf32>
}
