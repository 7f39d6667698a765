"""Everything compiled: the kernels, the network and the perceptron that call them."""
