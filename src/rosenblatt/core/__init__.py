"""The compiled extensions: the kernels, and the network and the perceptron that call them."""
