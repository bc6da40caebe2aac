// How each scan's time loop will run, and why.
// RUN: %lstm-opt %s -p lstm-choose-form --split-input-file | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-choose-form{form=loop}" --split-input-file | %filecheck %s --check-prefix=LOOP
// RUN: %lstm-opt %s -p "lstm-choose-form{form=unrolled}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=UNROLLED
// RUN: %lstm-opt %s -p "lstm-choose-form{form=persistent}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=PERSISTENT
// RUN: %lstm-opt %s -p "lstm-choose-form{form=fast}" --split-input-file --verify-diagnostics | %filecheck %s --check-prefix=UNKNOWN

// A dynamic number of steps can only be looped over.
// CHECK-LABEL: func.func @dynamic
// CHECK: form = "loop", reason = "about 8.0 us/step (host loop over step dispatches, as code that IREE generates: {{[^)]*}}); unrolled: the number of steps is dynamic; fix it with time=; persistent: the kernels project the input themselves; its projection is hoisted already; cooperative: the kernels project the input themselves; its projection is hoisted already"
// LOOP-LABEL: func.func @dynamic
// LOOP: form = "loop", reason = "asked for; host loop over step dispatches, as code that IREE generates: {{.*}}"
// UNROLLED: lstm-choose-form: scan 'dyn': form 'unrolled': the number of steps is dynamic; fix it with time=; possible here: auto, loop
// PERSISTENT: lstm-choose-form: scan 'dyn': form 'persistent': the kernels project the input themselves; its projection is hoisted already; possible here: auto, loop{{$}}
// UNKNOWN: lstm-choose-form: scan 'dyn': form 'fast': not a form ({{.*}}loop{{.*}}); possible here: auto, loop{{$}}
func.func @dynamic(%p: tensor<?x?x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.scan "dyn" input(%p : tensor<?x?x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// A short static number of steps is cheaper unrolled.
// CHECK-LABEL: func.func @short
// CHECK: form = "unrolled", reason = "about 5.0 us/step (step dispatches in one command buffer, as code that IREE generates: {{[^)]*}}); loop about 8.0; persistent: the kernels project the input themselves; its projection is hoisted already; cooperative: the kernels project the input themselves; its projection is hoisted already"
// LOOP-LABEL: func.func @short
// LOOP: form = "loop", reason = "asked for; host loop over step dispatches, as code that IREE generates: {{.*}}"
// UNROLLED-LABEL: func.func @short
// UNROLLED: form = "unrolled", reason = "asked for; step dispatches in one command buffer, as code that IREE generates: {{.*}}"
// PERSISTENT: lstm-choose-form: scan 'short': form 'persistent': the kernels project the input themselves; its projection is hoisted already; possible here: auto, unrolled, loop{{$}}
// UNKNOWN: lstm-choose-form: scan 'short': form 'fast': not a form
func.func @short(%p: tensor<?x8x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x8xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.scan "short" input(%p : tensor<?x8x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// The longest that is unrolled unasked, and one more.
// CHECK-LABEL: func.func @longest
// CHECK: form = "unrolled"
func.func @longest(%p: tensor<?x64x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x64xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x64x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// CHECK-LABEL: func.func @long
// CHECK: form = "loop", reason = "about 8.0 us/step (host loop over step dispatches, as code that IREE generates: {{[^)]*}}); unrolled: 65 steps are more than 64; persistent: the kernels project the input themselves; its projection is hoisted already; cooperative: the kernels project the input themselves; its projection is hoisted already"
// UNROLLED-LABEL: func.func @long(
// UNROLLED: form = "unrolled", reason = "asked for; 65 steps are more than 64"
func.func @long(%p: tensor<?x65x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x65xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x65x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// A layer that says unroll=True is unrolled whatever its length.
// CHECK-LABEL: func.func @wish
// CHECK: unroll, form = "unrolled", reason = "the layer says unroll=True"
// LOOP-LABEL: func.func @wish
// LOOP: unroll, form = "loop", reason = "asked for; host loop over step dispatches, as code that IREE generates: {{.*}}"
func.func @wish(%p: tensor<?x65x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x65xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x65x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", unroll} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}

// -----
// The steps of a time-major scan are its first axis.
// CHECK-LABEL: func.func @time_major
// CHECK: form = "loop", reason = "{{.*}} unrolled: 100 steps are more than 64
func.func @time_major(%p: tensor<100x2x4xf32>, %R: tensor<4x4xf32>, %h0: tensor<2x4xf32>, %c0: tensor<2x4xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<100x2x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<2x4xf32>, tensor<2x4xf32>) {input_map = affine_map<(k, b)[T] -> (k, b)>, masked_output = "hold"} -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}
// -----
// A form that is there already stays, with its reason.
// CHECK-LABEL: func.func @chosen
// CHECK: form = "loop", reason = "mine"
// LOOP-LABEL: func.func @chosen
// LOOP: form = "loop", reason = "mine"
// UNROLLED-LABEL: func.func @chosen
// UNROLLED: form = "loop", reason = "mine"
func.func @chosen(%p: tensor<?x8x4xf32>, %R: tensor<4x4xf32>, %m: tensor<?x8xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.scan "s" input(%p : tensor<?x8x4xf32>) recurrent_kernels(%R : tensor<4x4xf32>) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold", form = "loop", reason = "mine"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
  ^cell(%g0: vector<4xf32>, %s0: vector<4xf32>, %s1: vector<4xf32>):
    lstm.yield %g0, %s1 : vector<4xf32>, vector<4xf32>
  }
  func.return
}
