// How scans run where kernels can be built, and why not as kernels.
// RUN: %lstm-opt %s -p "lstm-choose-form{vector=avx2 workers=2}" --split-input-file | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-choose-form{vector=avx512 workers=1}" --split-input-file | %filecheck %s --check-prefix=ONE
// RUN: %lstm-opt %s -p "lstm-choose-form{workers=2}" --split-input-file | %filecheck %s --check-prefix=NONE
// RUN: %lstm-opt %s -p "lstm-choose-form{form=loop vector=avx2 workers=2}" --split-input-file | %filecheck %s --check-prefix=LOOP
// RUN: %lstm-opt %s -p "lstm-choose-form{form=cooperative vector=avx2 workers=1}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=ASKED

// A small layer: one core does it in less time than cores need to meet.
// CHECK-LABEL: func.func @small
// CHECK: form = "persistent", reason = "about {{[0-9]+[.][0-9]+}} us/step (one dispatch, rows split over cores); {{.*}}loop about {{[0-9]+[.][0-9]+}}; {{.*}}unrolled: the number of steps is dynamic; fix it with time="
// ONE-LABEL: func.func @small
// ONE: form = "persistent", reason = "{{.*}}; cooperative: there is one core"
// NONE-LABEL: func.func @small
// NONE: form = "loop", reason = "{{.*}}; persistent: there are no kernels for this target; cooperative: there are no kernels for this target"
// What the model would not choose can be had if it works.
// ASKED-LABEL: func.func @small
// ASKED: form = "cooperative", reason = "asked for; there is one core"
// A step of form loop is a kernel too, where there is one.
// LOOP-LABEL: func.func @small
// LOOP: form = "loop", step_kernel, reason = "asked for; host loop over step dispatches"
func.func @small(%x: tensor<?x?x3xf32>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %K = lstm.weight "K" : tensor<3x16xf32>
  %R = lstm.weight "R" : tensor<4x16xf32>
  %y, %h, %c = lstm.scan "s" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x16xf32>) recurrent_kernels(%R : tensor<4x16xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%i: vector<4xf32>, %f: vector<4xf32>, %g: vector<4xf32>, %o: vector<4xf32>, %hp: vector<4xf32>, %cp: vector<4xf32>):
    lstm.yield %g, %cp : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// A large layer and one row: the cores share what a step reads of weights.
// CHECK-LABEL: func.func @large
// CHECK: form = "cooperative", reason = "about {{[0-9]+[.][0-9]+}} us/step (one dispatch, units of a step split over cores); {{.*}}persistent about {{[0-9]+[.][0-9]+}}; {{.*}}unrolled: the number of steps is dynamic; fix it with time="
// ONE-LABEL: func.func @large
// ONE: form = "persistent"
// NONE-LABEL: func.func @large
// NONE: form = "loop"
func.func @large(%x: tensor<1x?x3xf32>, %h0: tensor<1x512xf32>, %c0: tensor<1x512xf32>) {
  %K = lstm.weight "K" : tensor<3x2048xf32>
  %R = lstm.weight "R" : tensor<512x2048xf32>
  %y, %h, %c = lstm.scan "s" input(%x : tensor<1x?x3xf32>) kernels(%K : tensor<3x2048xf32>) recurrent_kernels(%R : tensor<512x2048xf32>) init(%h0, %c0 : tensor<1x512xf32>, tensor<1x512xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<1x512xf32>, tensor<1x512xf32>, tensor<1x512xf32> cell {
  ^cell(%i: vector<512xf32>, %f: vector<512xf32>, %g: vector<512xf32>, %o: vector<512xf32>, %hp: vector<512xf32>, %cp: vector<512xf32>):
    lstm.yield %g, %cp : vector<512xf32>, vector<512xf32>
  }
  func.return
}

// -----
// Many rows: each core takes its own, and none waits for another one.
// CHECK-LABEL: func.func @rows
// CHECK: form = "persistent"
func.func @rows(%x: tensor<256x?x3xf32>, %h0: tensor<256x64xf32>, %c0: tensor<256x64xf32>) {
  %K = lstm.weight "K" : tensor<3x256xf32>
  %R = lstm.weight "R" : tensor<64x256xf32>
  %y, %h, %c = lstm.scan "s" input(%x : tensor<256x?x3xf32>) kernels(%K : tensor<3x256xf32>) recurrent_kernels(%R : tensor<64x256xf32>) init(%h0, %c0 : tensor<256x64xf32>, tensor<256x64xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<256x64xf32>, tensor<256x64xf32>, tensor<256x64xf32> cell {
  ^cell(%i: vector<64xf32>, %f: vector<64xf32>, %g: vector<64xf32>, %o: vector<64xf32>, %hp: vector<64xf32>, %cp: vector<64xf32>):
    lstm.yield %g, %cp : vector<64xf32>, vector<64xf32>
  }
  func.return
}

// -----
// Both directions of a layer run at once: each has half of the cores.
// CHECK-LABEL: func.func @both
// CHECK: lstm.scan "there" {{.*}} form = "persistent", reason = "{{.*}}; cooperative: there is one core"
// CHECK: lstm.scan "back" {{.*}} form = "persistent"
func.func @both(%x: tensor<1x?x3xf32>, %h0: tensor<1x512xf32>, %c0: tensor<1x512xf32>) {
  %K = lstm.weight "K" : tensor<3x2048xf32>
  %R = lstm.weight "R" : tensor<512x2048xf32>
  %y, %h, %c = lstm.scan "there" input(%x : tensor<1x?x3xf32>) kernels(%K : tensor<3x2048xf32>) recurrent_kernels(%R : tensor<512x2048xf32>) init(%h0, %c0 : tensor<1x512xf32>, tensor<1x512xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<1x512xf32>, tensor<1x512xf32>, tensor<1x512xf32> cell {
  ^cell(%i: vector<512xf32>, %f: vector<512xf32>, %g: vector<512xf32>, %o: vector<512xf32>, %hp: vector<512xf32>, %cp: vector<512xf32>):
    lstm.yield %g, %cp : vector<512xf32>, vector<512xf32>
  }
  %y2, %h2, %c2 = lstm.scan "back" input(%x : tensor<1x?x3xf32>) kernels(%K : tensor<3x2048xf32>) recurrent_kernels(%R : tensor<512x2048xf32>) init(%h0, %c0 : tensor<1x512xf32>, tensor<1x512xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<1x512xf32>, tensor<1x512xf32>, tensor<1x512xf32> cell {
  ^cell(%i: vector<512xf32>, %f: vector<512xf32>, %g: vector<512xf32>, %o: vector<512xf32>, %hp: vector<512xf32>, %cp: vector<512xf32>):
    lstm.yield %g, %cp : vector<512xf32>, vector<512xf32>
  }
  func.return
}

// -----
// CHECK-LABEL: func.func @double
// CHECK: form = "persistent", reason = "about
// ASKED-LABEL: func.func @double
// ASKED: form = "cooperative"
// LOOP-LABEL: func.func @double
// LOOP: form = "loop"{{.*}}step_kernel
func.func @double(%x: tensor<?x?x3xf64>, %h0: tensor<?x4xf64>, %c0: tensor<?x4xf64>) {
  %K = lstm.weight "K" : tensor<3x16xf64>
  %R = lstm.weight "R" : tensor<4x16xf64>
  %y, %h, %c = lstm.scan "double" input(%x : tensor<?x?x3xf64>) kernels(%K : tensor<3x16xf64>) recurrent_kernels(%R : tensor<4x16xf64>) init(%h0, %c0 : tensor<?x4xf64>, tensor<?x4xf64>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf64>, tensor<?x4xf64>, tensor<?x4xf64> cell {
  ^cell(%i: vector<4xf64>, %f: vector<4xf64>, %g: vector<4xf64>, %o: vector<4xf64>, %hp: vector<4xf64>, %cp: vector<4xf64>):
    lstm.yield %g, %cp : vector<4xf64>, vector<4xf64>
  }
  func.return
}

// -----
// CHECK-LABEL: func.func @row_wise
// CHECK: form = "loop", reason = "{{.*}}; persistent: softmax needs a whole row of units at once; cooperative: softmax needs a whole row of units at once"
// ASKED: {{^}}lstm-choose-form: scan 'row_wise': form 'cooperative': softmax needs a whole row of units at once; possible here: auto, loop{{$}}
func.func @row_wise(%x: tensor<?x?x3xf32>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %K = lstm.weight "K" : tensor<3x16xf32>
  %R = lstm.weight "R" : tensor<4x16xf32>
  %y, %h, %c = lstm.scan "row_wise" input(%x : tensor<?x?x3xf32>) kernels(%K : tensor<3x16xf32>) recurrent_kernels(%R : tensor<4x16xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%i: vector<4xf32>, %f: vector<4xf32>, %g: vector<4xf32>, %o: vector<4xf32>, %hp: vector<4xf32>, %cp: vector<4xf32>):
    %a = lstm.activate <softmax> %g : vector<4xf32>
    lstm.yield %a, %cp : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// CHECK-LABEL: func.func @hoisted
// CHECK: form = "loop", reason = "{{.*}}; persistent: the kernels project the input themselves; its projection is hoisted already; cooperative: the kernels project the input themselves; its projection is hoisted already"
// ASKED: {{^}}lstm-choose-form: scan 'hoisted': form 'cooperative': the kernels project the input themselves; its projection is hoisted already; possible here: auto, loop{{$}}
func.func @hoisted(%x: tensor<?x?x16xf32>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %R = lstm.weight "R" : tensor<4x16xf32>
  %y, %h, %c = lstm.scan "hoisted" input(%x : tensor<?x?x16xf32>) recurrent_kernels(%R : tensor<4x16xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%i: vector<4xf32>, %f: vector<4xf32>, %g: vector<4xf32>, %o: vector<4xf32>, %hp: vector<4xf32>, %cp: vector<4xf32>):
    lstm.yield %g, %cp : vector<4xf32>, vector<4xf32>
  }
  func.return
}
