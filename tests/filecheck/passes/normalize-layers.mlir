// Direction, layout and mask become index maps and operands; the cell becomes a region.
// RUN: %lstm-opt %s -p lstm-normalize --allow-unregistered-dialect | %filecheck %s

// The last output of a plain layer: one gate of each weight, in Keras's order i, f, c, o; no output map.
// CHECK-LABEL: func.func @forward
// CHECK-NEXT: [[KI:%\S+]] = lstm.gate %K {index = 0 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
// CHECK-NEXT: [[KF:%\S+]] = lstm.gate %K {index = 1 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
// CHECK-NEXT: [[KC:%\S+]] = lstm.gate %K {index = 2 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
// CHECK-NEXT: [[KO:%\S+]] = lstm.gate %K {index = 3 : i64, of = 4 : i64} : tensor<3x16xf32> -> tensor<3x4xf32>
// CHECK-NEXT: [[RI:%\S+]] = lstm.gate %R {index = 0 : i64, of = 4 : i64} : tensor<4x16xf32> -> tensor<4x4xf32>
// CHECK-NEXT: [[RF:%\S+]] = lstm.gate %R {index = 1 : i64, of = 4 : i64} : tensor<4x16xf32> -> tensor<4x4xf32>
// CHECK-NEXT: [[RC:%\S+]] = lstm.gate %R {index = 2 : i64, of = 4 : i64} : tensor<4x16xf32> -> tensor<4x4xf32>
// CHECK-NEXT: [[RO:%\S+]] = lstm.gate %R {index = 3 : i64, of = 4 : i64} : tensor<4x16xf32> -> tensor<4x4xf32>
// CHECK-NEXT: [[BI:%\S+]] = lstm.gate %b {index = 0 : i64, of = 4 : i64} : tensor<16xf32> -> tensor<4xf32>
// CHECK-NEXT: [[BF:%\S+]] = lstm.gate %b {index = 1 : i64, of = 4 : i64} : tensor<16xf32> -> tensor<4xf32>
// CHECK-NEXT: [[BC:%\S+]] = lstm.gate %b {index = 2 : i64, of = 4 : i64} : tensor<16xf32> -> tensor<4xf32>
// CHECK-NEXT: [[BO:%\S+]] = lstm.gate %b {index = 3 : i64, of = 4 : i64} : tensor<16xf32> -> tensor<4xf32>
// CHECK-NEXT: lstm.scan "lstm" input(%x : tensor<?x?x3xf32>) kernels([[KI]], [[KF]], [[KC]], [[KO]] : {{.*}}) recurrent_kernels([[RI]], [[RF]], [[RC]], [[RO]] : {{.*}}) biases([[BI]], [[BF]], [[BC]], [[BO]] : {{.*}}) init(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold"} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32> cell {
// CHECK-NEXT: (%zi: vector<4xf32>, %zf: vector<4xf32>, %zc: vector<4xf32>, %zo: vector<4xf32>, [[H:%\S+]]: vector<4xf32>, [[C:%\S+]]: vector<4xf32>):
// CHECK-NEXT: [[I:%\S+]] = lstm.activate <hard_sigmoid> %zi : vector<4xf32>
// CHECK-NEXT: [[F:%\S+]] = lstm.activate <hard_sigmoid> %zf : vector<4xf32>
// CHECK-NEXT: [[O:%\S+]] = lstm.activate <hard_sigmoid> %zo : vector<4xf32>
// CHECK-NEXT: [[G:%\S+]] = lstm.activate <tanh> %zc : vector<4xf32>
// CHECK-NEXT: [[FC:%\S+]] = arith.mulf [[F]], [[C]] : vector<4xf32>
// CHECK-NEXT: [[IG:%\S+]] = arith.mulf [[I]], [[G]] : vector<4xf32>
// CHECK-NEXT: [[C1:%\S+]] = arith.addf [[FC]], [[IG]] : vector<4xf32>
// CHECK-NEXT: [[AC:%\S+]] = lstm.activate <tanh> [[C1]] : vector<4xf32>
// CHECK-NEXT: [[H1:%\S+]] = arith.mulf [[O]], [[AC]] : vector<4xf32>
// CHECK-NEXT: lstm.yield [[H1]], [[C1]] : vector<4xf32>, vector<4xf32>
func.func @forward(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) bias(%b : tensor<16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// Without a bias there are no biases.
// CHECK-LABEL: func.func @no_bias(
// CHECK: lstm.scan "lstm" input(%x{{.*}}recurrent_kernels({{[^)]*}}) init({{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold"} ->
func.func @no_bias(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// A sequence lies in visited order.
// CHECK-LABEL: func.func @sequence(
// CHECK: lstm.scan "lstm" input(%x{{.*}}{{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, output_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold"} ->
func.func @sequence(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// go_backwards reads input and mask from the end, and still writes in visited order.
// CHECK-LABEL: func.func @backward(
// CHECK: lstm.scan "lstm" input(%x{{.*}}mask(%m : tensor<?x?xi8>){{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, ((s0 + (d0 * -1)) + -1))>, mask_map = affine_map<(d0, d1)[s0] -> (d1, ((s0 + (d0 * -1)) + -1))>, output_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold"} ->
func.func @backward(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, go_backwards, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// time_major swaps the indices of input, mask and output alike.
// CHECK-LABEL: func.func @time_major(
// CHECK: lstm.scan "lstm" input(%x{{.*}}mask(%m : tensor<?x?xi8>){{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, mask_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, output_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, masked_output = "hold"} ->
func.func @time_major(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, time_major, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// Both at once.
// CHECK-LABEL: func.func @time_major_backward(
// CHECK: lstm.scan "lstm" input(%x{{.*}}mask(%m : tensor<?x?xi8>){{.*}} {input_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, mask_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, output_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, masked_output = "hold"} ->
func.func @time_major_backward(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, time_major, go_backwards, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// Masked steps give zeros where the layer says so.
// CHECK-LABEL: func.func @zero_output(
// CHECK: lstm.scan "lstm" input(%x{{.*}}mask(%m : tensor<?x?xi8>){{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, mask_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, output_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "zero"} ->
func.func @zero_output(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, return_sequences, zero_output_for_mask} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// Unrolled backwards, Keras zeroes by the mask in the order of the input; in the order of the outputs otherwise.
// CHECK-LABEL: func.func @misplaced_zeros(
// CHECK: lstm.scan "lstm" input(%x{{.*}}mask(%m : tensor<?x?xi8>){{.*}} {input_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, mask_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, zero_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, output_map = affine_map<(d0, d1)[s0] -> (d0, d1)>, masked_output = "zero", unroll} ->
func.func @misplaced_zeros(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) mask(%m : tensor<?x?xi8>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, time_major, go_backwards, return_sequences, zero_output_for_mask, unroll} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// The wish to unroll stays a wish.
// CHECK-LABEL: func.func @unroll(
// CHECK: lstm.scan "lstm" input(%x{{.*}}{{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold", unroll} ->
func.func @unroll(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, unroll} -> tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  "test.use"(%y, %h, %c) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) -> ()
  func.return
}

// The reversal of a sequence that nobody else reads is the output map reversed.
// CHECK-LABEL: func.func @reversed(
// CHECK: lstm.scan "lstm" input(%x{{.*}}{{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, ((s0 + (d0 * -1)) + -1))>, output_map = affine_map<(d0, d1)[s0] -> (d1, ((s0 + (d0 * -1)) + -1))>, masked_output = "hold"} ->
// CHECK-NOT: lstm.reverse
// CHECK: "test.use"(%y)
func.func @reversed(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, go_backwards, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %z = lstm.reverse %y {axis = 1 : i64} : tensor<?x?x4xf32>
  "test.use"(%z) : (tensor<?x?x4xf32>) -> ()
  func.return
}

// The same along the other axis.
// CHECK-LABEL: func.func @reversed_time_major(
// CHECK: lstm.scan "lstm" input(%x{{.*}}{{.*}} {input_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, output_map = affine_map<(d0, d1)[s0] -> (((s0 + (d0 * -1)) + -1), d1)>, masked_output = "hold"} ->
// CHECK-NOT: lstm.reverse
// CHECK: "test.use"(%y)
func.func @reversed_time_major(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, time_major, go_backwards, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %z = lstm.reverse %y {axis = 0 : i64} : tensor<?x?x4xf32>
  "test.use"(%z) : (tensor<?x?x4xf32>) -> ()
  func.return
}

// Reversed twice is not reversed.
// CHECK-LABEL: func.func @reversed_twice(
// CHECK: lstm.scan "lstm" input(%x{{.*}}{{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, output_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold"} ->
// CHECK-NOT: lstm.reverse
// CHECK: "test.use"(%y)
func.func @reversed_twice(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %z = lstm.reverse %y {axis = 1 : i64} : tensor<?x?x4xf32>
  %w = lstm.reverse %z {axis = 1 : i64} : tensor<?x?x4xf32>
  "test.use"(%w) : (tensor<?x?x4xf32>) -> ()
  func.return
}

// Declined: somebody else reads the sequence as it is.
// CHECK-LABEL: func.func @declined_other_reader(
// CHECK: lstm.scan "lstm" input(%x{{.*}}{{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, output_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold"} ->
// CHECK: %z = lstm.reverse %y {axis = 1 : i64} : tensor<?x?x4xf32>
// CHECK-NEXT: "test.use"(%y, %z)
func.func @declined_other_reader(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %z = lstm.reverse %y {axis = 1 : i64} : tensor<?x?x4xf32>
  "test.use"(%y, %z) : (tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> ()
  func.return
}

// Declined: a reversal of the batch is not one of time.
// CHECK-LABEL: func.func @declined_batch_axis(
// CHECK: lstm.scan "lstm" input(%x{{.*}}{{.*}} {input_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, output_map = affine_map<(d0, d1)[s0] -> (d1, d0)>, masked_output = "hold"} ->
// CHECK: %z = lstm.reverse %y {axis = 0 : i64} : tensor<?x?x4xf32>
func.func @declined_batch_axis(%x: tensor<?x?x3xf32>, %K: tensor<3x16xf32>, %R: tensor<4x16xf32>, %b: tensor<16xf32>, %m: tensor<?x?xi8>, %h0: tensor<?x4xf32>, %c0: tensor<?x4xf32>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf32> kernel(%K : tensor<3x16xf32>) recurrent_kernel(%R : tensor<4x16xf32>) initial_state(%h0, %c0 : tensor<?x4xf32>, tensor<?x4xf32>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<hard_sigmoid>, return_sequences} -> tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
  %z = lstm.reverse %y {axis = 0 : i64} : tensor<?x?x4xf32>
  "test.use"(%z) : (tensor<?x?x4xf32>) -> ()
  func.return
}

// Declined: the reversal of something that is no scan.
// CHECK-LABEL: func.func @declined_no_scan
// CHECK: lstm.reverse %x
func.func @declined_no_scan(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %z = lstm.reverse %x {axis = 1 : i64} : tensor<?x?x4xf32>
  func.return %z : tensor<?x?x4xf32>
}

// The gates of a half type are summed in f32, and the cell computes in it.
// CHECK-LABEL: func.func @half
// CHECK: -> tensor<?x4xf16>, tensor<?x4xf16>, tensor<?x4xf16> cell {
// CHECK-NEXT: (%zi: vector<4xf32>, %zf: vector<4xf32>, %zc: vector<4xf32>, %zo: vector<4xf32>, {{%.*}}: vector<4xf32>, {{%.*}}: vector<4xf32>):
func.func @half(%x: tensor<?x?x3xf16>, %K: tensor<3x16xf16>, %R: tensor<4x16xf16>, %h0: tensor<?x4xf16>, %c0: tensor<?x4xf16>) {
  %y, %h, %c = lstm.layer %x : tensor<?x?x3xf16> kernel(%K : tensor<3x16xf16>) recurrent_kernel(%R : tensor<4x16xf16>) initial_state(%h0, %c0 : tensor<?x4xf16>, tensor<?x4xf16>) {layer = "lstm", activation = #lstm.activation<tanh>, recurrent_activation = #lstm.activation<sigmoid>} -> tensor<?x4xf16>, tensor<?x4xf16>, tensor<?x4xf16>
  "test.use"(%y) : (tensor<?x4xf16>) -> ()
  func.return
}
