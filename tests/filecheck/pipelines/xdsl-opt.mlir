// Plain xdsl-opt knows the dialect and the passes, through the entry point of an installed package.
// REQUIRES: installed
// RUN: %xdsl-opt %s -p "lstm-normalize,lstm-fuse-gates,lstm-hoist-projection,lstm-choose-form{form=loop}" | %filecheck %s
// RUN: %xdsl-opt %s -p "lstm-normalize,lstm-fuse-gates,lstm-choose-form{vector=avx2 workers=2},lstm-lower-scan-persistent{vector=avx2 workers=2}" -o %t.mlir
// RUN: %xdsl-opt %t.mlir | %filecheck %s --check-prefix=KERNEL

// KERNEL: "stream.executable"() <{sym_name = "scan0"
// KERNEL: func.func @scan0({{.*}}!stream.binding
// KERNEL: "util.global"() <{sym_name = "workers"
// KERNEL: func.func @call
// KERNEL: lstm.panels %K {gates = 4 : i64}
// KERNEL: "flow.dispatch"

// CHECK-LABEL: func.func @call
// CHECK: lstm.project
// CHECK: lstm.scan "lstm" {{.*}} form = "loop", reason = "asked for; host loop over step dispatches, {{.*}}"
func.func @call(%x: tensor<?x4x3xf32>, %h: tensor<?x4xf32>, %c: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %K = lstm.weight "lstm/kernel" : tensor<3x16xf32>
  %R = lstm.weight "lstm/recurrent_kernel" : tensor<4x16xf32>
  %y, %h1, %c1 = lstm.layer %x : tensor<?x4x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h, %c : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  func.return %y : tensor<?x4xf32>
}
