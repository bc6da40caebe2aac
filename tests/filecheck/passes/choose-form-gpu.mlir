// On a GPU a scan is one launch where it can be.
// RUN: %lstm-opt %s -p "lstm-choose-form{threads=1024 memory=166912}" | %filecheck %s
// RUN: %lstm-opt %s -p "lstm-choose-form{threads=1024 memory=166912 multiprocessors=108 pointers=true}" | %filecheck %s --check-prefix=CUDA
// RUN: %lstm-opt %s -p "lstm-choose-form{threads=256 memory=16384}" | %filecheck %s --check-prefix=VULKAN
// RUN: %lstm-opt %s -p "lstm-choose-form{threads=256 memory=128}" | %filecheck %s --check-prefix=SMALL
// RUN: %lstm-opt %s -p "lstm-choose-form{threads=256 memory=16384 form=cooperative}" --verify-diagnostics | %filecheck %s --check-prefix=FORCED

// FORCED: {{^}}lstm-choose-form: scan 'a': form 'cooperative': workgroups would wait for each other, and nobody says how many run at once on this target; possible here: auto, persistent, unrolled, loop

// CHECK: lstm.scan "a"
// CHECK-SAME: form = "persistent", reason = "one launch, 64 threads for a row of the batch, recurrent weights in registers
// CHECK: lstm.scan "b"
// CHECK-SAME: form = "loop", reason = "host loop over step dispatches; {{.*}}persistent: softmax needs a whole row of units at once
// One multiprocessor holds the weights of some, and more than one share those of others.
// CUDA: lstm.scan "a"
// CUDA-SAME: form = "persistent", reason = "{{.*}}; cooperative: a multiprocessor holds all weights"
// CUDA: lstm.scan "b"
// CUDA-SAME: form = "loop"
// CUDA: lstm.scan "wide"
// CUDA-SAME: form = "cooperative", reason = "one launch, 50 workgroups of 224 threads with 4 units each, recurrent weights in registers; persistent: its workgroups would read all recurrent weights each step"
// CUDA: lstm.scan "rows"
// CUDA-SAME: form = "persistent", reason = "{{.*}}; cooperative: so many rows keep all multiprocessors busy"
// VULKAN: lstm.scan "wide"
// VULKAN-SAME: form = "persistent", reason = "{{.*}}; cooperative: workgroups would wait for each other, and nobody says how many run at once on this target"
// SMALL: lstm.scan "a"
// SMALL-SAME: form = "loop", reason = "{{.*}}persistent: the states of 40 units do not fit into 128 bytes of workgroup memory;
func.func @f(%p: tensor<2x6x40xf32>, %h0: tensor<2x40xf32>) -> (tensor<2x40xf32>, tensor<2x40xf32>) {
  %R = lstm.weight "R" : tensor<40x40xf32>
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
func.func @wide(%p: tensor<2x6x800xf32>, %h0: tensor<2x200xf32>, %q: tensor<4000x6x800xf32>, %g0: tensor<4000x200xf32>) -> (tensor<2x200xf32>, tensor<4000x200xf32>) {
  %R = lstm.weight "R" : tensor<200x800xf32>
  %y, %h = lstm.scan "wide" input(%p : tensor<2x6x800xf32>) recurrent_kernels(%R : tensor<200x800xf32>) init(%h0 : tensor<2x200xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<2x200xf32>, tensor<2x200xf32> cell {
  ^cell(%i: vector<200xf32>, %f: vector<200xf32>, %g: vector<200xf32>, %o: vector<200xf32>, %hp: vector<200xf32>):
    lstm.yield %i : vector<200xf32>
  }
  %y1, %h1 = lstm.scan "rows" input(%q : tensor<4000x6x800xf32>) recurrent_kernels(%R : tensor<200x800xf32>) init(%g0 : tensor<4000x200xf32>) {input_map = affine_map<(k, b)[T] -> (b, k)>, masked_output = "hold"} -> tensor<4000x200xf32>, tensor<4000x200xf32> cell {
  ^cell(%i: vector<200xf32>, %f: vector<200xf32>, %g: vector<200xf32>, %o: vector<200xf32>, %hp: vector<200xf32>):
    lstm.yield %i : vector<200xf32>
  }
  func.return %y, %y1 : tensor<2x200xf32>, tensor<4000x200xf32>
}
