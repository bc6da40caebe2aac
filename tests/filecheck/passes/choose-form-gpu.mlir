// On a GPU a scan is one launch where it can be.
// RUN: %lstm-opt %s -p "lstm-choose-form{threads=1024 memory=166912}" | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-choose-form{threads=256 memory=128}" | %filecheck %s --check-prefix=SMALL
// RUN: %lstm-opt %s -p "lstm-choose-form{threads=256 memory=16384 form=cooperative}" --verify-diagnostics | %filecheck %s --check-prefix=FORCED

// FORCED: {{^}}lstm-choose-form: scan 'a': form 'cooperative': there is none on GPUs; possible here: auto, persistent, unrolled, loop

// CHECK: lstm.scan "a"
// CHECK-SAME: form = "persistent", reason = "one launch, 64 threads for a row of the batch, recurrent weights in registers
// CHECK: lstm.scan "b"
// CHECK-SAME: form = "loop", reason = "host loop over step dispatches; {{.*}}persistent: softmax needs a whole row of units at once"
// SMALL: lstm.scan "a"
// SMALL-SAME: form = "loop", reason = "{{.*}}persistent: the states of 40 units do not fit into 128 bytes of workgroup memory"
func.func @f(%p: tensor<2x6x40xf32>, %R: tensor<40x40xf32>, %h0: tensor<2x40xf32>) -> (tensor<2x40xf32>, tensor<2x40xf32>) {
  %y, %h = lstm.scan "a" input(%p : tensor<2x6x40xf32>) recurrent_kernels(%R : tensor<40x40xf32>) init(%h0 : tensor<2x40xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x40xf32>, tensor<2x40xf32> cell {
  ^cell(%z: vector<40xf32>, %hp: vector<40xf32>):
    lstm.yield %z : vector<40xf32>
  }
  %y1, %h1 = lstm.scan "b" input(%p : tensor<2x6x40xf32>) recurrent_kernels(%R : tensor<40x40xf32>) init(%h0 : tensor<2x40xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x40xf32>, tensor<2x40xf32> cell {
  ^cell(%z: vector<40xf32>, %hp: vector<40xf32>):
    %s = lstm.activate <softmax> %z : vector<40xf32>
    lstm.yield %s : vector<40xf32>
  }
  func.return %y, %y1 : tensor<2x40xf32>, tensor<2x40xf32>
}
